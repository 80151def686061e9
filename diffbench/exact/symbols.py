"""Symbols and expressions: the algebra of SymPy.

Symbols carry no assumptions, so that they are the ones that `sympy.symbols` gives; SymPy's automatic simplifications
are those that hold almost everywhere. What depends on a symbol's value (a branch, a position, a rounding) is refused.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from sympy.codegen.cfunctions import expm1, log1p
from sympy.codegen.numpy_nodes import logaddexp, logaddexp2
from sympy.logic.boolalg import Boolean, BooleanAtom

from diffbench.errors import ClosedFormRequired, user_location
from diffbench.exact import linear_algebra, special
from diffbench.exact.trace import MOVING, Algebra, each, not_real, reduced
from diffbench.primitives.kinds import Constant, shape_of
from diffbench.primitives.primitive import Primitive, Traced

Expr = Any  # sympy.Expr, which has no types of its own

CONDITIONS = ("where", "And", "Or", "Not", "Xor")  # what takes conditions as they are; all else takes them as 0 and 1
SAME = (
    "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "floor", "ceiling", "sign", "sinc", "pi", "E", "Abs", "Max", "Min", "Eq", "Ne",
)  # fmt: skip
SMALL = 2**53  # up to here a float that is an integer becomes one


class cbrt(sympy.Function):
    """The real cube root; SymPy's own power of 1/3 is complex for negative numbers."""

    def fdiff(self, argindex=1):
        return 1 / (3 * self**2)

    def _eval_evalf(self, prec):
        x = self.args[0]._eval_evalf(prec)
        return sympy.sign(x) * sympy.root(abs(x), 3)._eval_evalf(prec)


class trunc(sympy.Function):
    """The integer part, towards zero."""

    def fdiff(self, argindex=1):
        return sympy.Integer(0)

    def _eval_evalf(self, prec):
        return sympy.Integer(int(self.args[0]._eval_evalf(prec)))


class Symbols(Algebra):
    """SymPy expressions.

    name : what a result is carried on as; a graph of named subexpressions gives names here.
    """

    def __init__(self, name: Callable[[Expr], Expr] | None = None):
        super().__init__()
        self.name, self.count = name, itertools.count()
        self.names = {
            **{name: getattr(sympy, name) for name in SAME},
            "expm1": expm1, "log1p": log1p, "logaddexp": logaddexp, "logaddexp2": logaddexp2,
            "cbrt": cbrt, "trunc": trunc,
            "where": self.where, "Not": lambda a: sympy.Not(self.condition(a)),
            **{n: self._logical(getattr(sympy, n)) for n in ("And", "Or", "Xor")},
            **special.of_symbols(),
        }  # fmt: skip
        self.texts = {np.logaddexp: "logaddexp(a, b)", np.logaddexp2: "logaddexp2(a, b)"}
        self.functions |= {
            np.sum: lambda a, axis, keepdims: reduced(self.sum, a, axis, keepdims),
            np.mean: lambda a, axis, keepdims: reduced(lambda row: self.sum(row) / len(row), a, axis, keepdims),
            np.prod: lambda a, axis, keepdims: reduced(
                lambda row: sympy.Mul(*map(self.indicator, row)), a, axis, keepdims
            ),
            np.matmul: self.matmul,
        }
        self.functions |= linear_algebra.of_symbols()

    def number(self, x: Any) -> Expr:
        """A number as SymPy has it; a float that is an integer becomes one."""
        if isinstance(x, sympy.Basic):
            if x.free_symbols:
                raise self._not_plain()
            return x
        if isinstance(x, np.longdouble) and x != float(x):
            return sympy.Float(sympy.Rational(*x.as_integer_ratio()), 20) if np.isfinite(x) else sympy.nan
        x = x.item() if isinstance(x, np.generic) and not isinstance(x, np.longdouble) else x
        if isinstance(x, complex):
            raise not_real(x)
        x = int(x) if isinstance(x, int) else float(x)
        return sympy.Integer(int(x)) if abs(x) < SMALL and x == int(x) else sympy.Float(x)

    def plain(self, values: np.ndarray) -> Any:
        return values[()]

    def _not_plain(self) -> ClosedFormRequired:
        return ClosedFormRequired(
            "the plain value of a symbol is used in the program",
            where=user_location(),
            why="db.primal and db.stop_gradient ask for a number, and the symbolic backend runs f on symbols",
            hint="use the backend 'forward' or 'reverse'",
        )

    def is_condition(self, entry: Any) -> bool:
        return isinstance(entry, Boolean) and not isinstance(entry, sympy.Expr)

    def condition(self, entry: Expr) -> Boolean:
        """An entry of a mask: a condition as it is, a number by whether it differs from zero."""
        return sympy.sympify(entry) if isinstance(entry, bool) or self.is_condition(entry) else sympy.Ne(entry, 0)

    def indicator(self, entry: Any) -> Any:
        """A condition as a number: 1 where it holds, 0 elsewhere."""
        if isinstance(entry, bool):
            return sympy.Integer(int(entry))
        return sympy.Piecewise((1, entry), (0, True)) if self.is_condition(entry) else entry

    def where(self, a: Expr, b: Expr, c: Expr) -> Expr:
        """b where the condition a holds, c elsewhere."""
        return sympy.Piecewise((self.indicator(b), self.condition(a)), (self.indicator(c), True))

    def truth(self, values: np.ndarray) -> bool:
        if values.size != 1 or isinstance(values.item(), bool) or values.item().is_Number:
            return bool(values)
        raise ClosedFormRequired(
            f"the program branches on a symbol: {sympy.sstr(values.item())}",
            where=user_location(),
            why="a symbolic derivative needs one expression for all values of the argument",
            hint="use the backend 'forward' or 'reverse', which follow branches; or write np.where(condition, a, b)",
        )

    def undecided(self, primitive: Primitive, why: str) -> Exception:
        return ClosedFormRequired(
            f"{primitive.name} of symbols has no closed form",
            where=user_location(),
            why=why,
            hint="use the backend 'forward' or 'reverse', which work on numbers",
        )

    def stand_in(self, x: Traced) -> np.ndarray:
        """Symbols for what an outer derivative traces: constants here, whose values are put in at evaluation."""
        values = np.empty(shape_of(x), object)
        for index in np.ndindex(values.shape):
            values[index] = sympy.Symbol(f"c{next(self.count)}")
        return values

    def named(self, values: np.ndarray) -> np.ndarray:
        name = self.name
        return values if name is None else each(lambda x: x if isinstance(x, bool) else name(x), values)

    def meaning(self, text: str, variables: tuple[str, ...]) -> Callable:
        function = super().meaning(text, variables)
        conditions_too = text.startswith(CONDITIONS)

        def on_entries(*entries: Any) -> Any:
            y = function(*(entries if conditions_too else map(self.indicator, entries)))
            return bool(y) if isinstance(y, BooleanAtom) else y

        return on_entries

    def on_objects(self, primitive: Primitive, values: Any, params: dict) -> Any:
        if isinstance(primitive, Constant) and any(
            getattr(x, "free_symbols", ()) for value in values for x in value.flat
        ):
            raise self.undecided(primitive, "its result depends on the values that the symbols stand for")
        if getattr(primitive, "function", None) not in MOVING:
            values = [each(self.indicator, value) for value in values]
        return super().on_objects(primitive, values, params)

    def _logical(self, function: Callable) -> Callable:
        return lambda *entries: function(*map(self.condition, entries))

    # -- sums of many terms at once: term by term SymPy would sort each partial sum again ------------------------------

    def sum(self, entries: list) -> Expr:
        """The sum of a list of entries."""
        return sympy.Add(*map(self.indicator, entries))

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """np.matmul, with one sum for each entry."""
        rows = a[None, :, None] if a.ndim == 1 else a[..., :, :, None]
        columns = b[:, None] if b.ndim == 1 else b[..., None, :, :]
        products = each(self.indicator, rows) * each(self.indicator, columns)
        product = reduced(self.sum, products, (products.ndim - 2,), keepdims=False)
        if b.ndim == 1:
            product = product[..., 0]
        return product if a.ndim > 1 else product[..., 0] if b.ndim == 1 else product[..., 0, :]

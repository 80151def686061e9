"""Arrays of exact numbers: a program of plain NumPy run on symbols (SymPy) or on numbers of many digits (mpmath).

One trace serves both. It holds every array as an object array and asks an *algebra* what its entries mean: elementwise
functions by the `exact` text of their row, applied entry by entry; everything else by NumPy itself, which sums, indexes
and multiplies arrays of any objects. The derivative rules run on exact values as they run on floats, so that forward
and reverse mode traced over them give derivatives of as many digits.

A float stands for its exact binary value. An exact array calls itself float64 (masks of symbols: bool), so that
`np.zeros_like(x)` and `x.dtype` mean what they mean for floats; but no operation ever goes through float64.
"""

import ast
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

import numpy as np

from diffbench.assignment import Held
from diffbench.dispatch import TracedArray
from diffbench.errors import TraceLost, UnsupportedPrimitive, user_location
from diffbench.primitives import joining, structural
from diffbench.primitives.elementwise import EXPONENT, TRUTH
from diffbench.primitives.kinds import Constant, ExactConstant
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.primitives.reductions import normalised_axes
from diffbench.primitives.structural import ASSEMBLE

OBJECT = np.dtype(object)
OF_THE_SHAPE = {
    np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.empty_like,
    np.result_type, np.iscomplexobj, np.isrealobj,
}  # fmt: skip
"""Constant functions that do not look at the entries: they give what they give for an array of floats."""

MOVING = {row.function for row in (*structural.ROWS, *joining.ROWS)}
"""Functions that move entries without looking at them, masks included."""

CLOSE = "Or(Eq(a, b), And(isfinite(b), Abs(a - b) <= atol + rtol * Abs(b)))"
TEXTS = {
    np.ldexp: "x * 2 ** exponent",
    EXPONENT.function: "exponent(x)",
    np.fix: "trunc(x)",
    np.rint: "rint(x)",
    np.round: "rint(x * 10 ** decimals) / 10 ** decimals",
    np.around: "rint(x * 10 ** decimals) / 10 ** decimals",
    np.heaviside: "where(Ne(a, a), a, where(a < 0, 0, where(Eq(a, 0), b, 1)))",
    np.imag: "0",
    np.angle: "where(x < 0, where(deg, 180, pi), 0)",
    np.isnan: "isnan(x)",
    np.isinf: "isinf(x)",
    np.isposinf: "And(isinf(x), x > 0)",
    np.isneginf: "And(isinf(x), x < 0)",
    np.isfinite: "isfinite(x)",
    np.isreal: "Eq(0, 0)",
    np.iscomplex: "Ne(0, 0)",
    np.signbit: "x < 0",
    np.isclose: CLOSE,
    np.allclose: CLOSE,
}
"""The meaning, in the operands and params, of functions whose row gives no text."""


class Exact(TracedArray):
    """An array of exact entries; `values` is an object array, also where it has no axes."""

    __slots__ = ("_trace", "values")
    _trace: Any  # an ExactTrace, or what stands in its place after an assignment

    def __init__(self, values: np.ndarray, trace: "ExactTrace"):
        self.values, self._trace = values, trace

    @property
    def primal(self) -> Any:
        return self._trace.value if self._trace.__class__ is Held else self._trace.algebra.plain(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def stand_for(self, value: Any) -> None:
        """The value is where `primal` looks for it."""

    @property
    def dtype(self) -> np.dtype:
        if self._trace.__class__ is Held:
            return self.primal.dtype
        symbolic_mask = self.values.size and all(map(self._trace.algebra.is_condition, self.values.flat))
        return np.dtype(bool if symbolic_mask else float)

    def __repr__(self) -> str:
        return f"Exact({self.values[()]!r})"


class ExactTrace(Trace):
    """A run of a function on exact values.

    parameters : what outer traces hold, by the symbols that stand for it in this one (see SymPy's algebra).
    """

    __slots__ = ("algebra", "parameters")

    def __init__(self, algebra: "Algebra"):
        super().__init__()
        self.algebra = algebra
        self.parameters: dict[int, tuple[Traced, np.ndarray]] = {}

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        result = self.algebra.apply(primitive, [self.entries(x) for x in operands], params)
        return self.wrap(result) if isinstance(result, np.ndarray) and result.dtype == object else result

    def wrap(self, values: np.ndarray) -> Exact:
        """An object array as a value of this trace."""
        return Exact(self.algebra.named(values), self)

    def lift(self, x: Any) -> Any:
        """A number or an array of numbers as an exact value of this trace; traced values as they are."""
        return x if isinstance(x, Traced) else Exact(self.entries(x), self)

    def entries(self, x: Any) -> np.ndarray:
        """The exact entries of a value of this trace, of a number, or of an array."""
        if isinstance(x, Exact) and x._trace is self:
            return x.values
        if isinstance(x, Traced):
            if id(x) not in self.parameters:
                self.parameters[id(x)] = x, self.algebra.stand_in(x)
            return self.parameters[id(x)][1]
        if isinstance(x, ExactConstant):
            return as_objects(self.algebra.constant(x.text))
        if isinstance(x, np.ndarray):
            return each(self.algebra.number, x.astype(object))
        return as_objects(self.algebra.number(x))


class Algebra:
    """What the entries of exact arrays are, and what functions mean for them. Subclasses say it for one library."""

    names: dict[str, Any]  # the names that `exact` texts use
    operators: ClassVar[dict[type, str]] = {}  # arithmetic that goes through a function in `names`

    def __init__(self) -> None:
        self.compiled: dict[tuple[str, ...], Callable] = {}
        self.texts: dict[Callable, str] = {}  # functions for which the library has a better text than their row
        self.functions: dict[Callable, Callable] = {  # what NumPy does not do on objects as it does on floats
            np.max: self._reduction("Max"),
            np.min: self._reduction("Min"),
            np.any: self._reduction("Or"),
            np.all: self._reduction("And"),
        }

    def number(self, x: Any) -> Any:
        """A plain number as an entry."""
        raise NotImplementedError

    def plain(self, values: np.ndarray) -> Any:
        """What `db.primal` gives for exact values."""
        raise NotImplementedError

    def is_condition(self, entry: Any) -> bool:
        """Whether an entry is a condition on symbols, neither true nor false nor a number."""
        return False

    def truth(self, values: np.ndarray) -> bool:
        """What `if` makes of a value."""
        return bool(values)

    def named(self, values: np.ndarray) -> np.ndarray:
        """The entries of a result as the trace carries them on."""
        return values

    def stand_in(self, x: Traced) -> np.ndarray:
        """Entries for a value that an outer trace holds."""
        raise TraceLost(
            "a value traced by an outer derivative meets exact arithmetic",
            where=user_location(),
            why="numbers of many digits know nothing of the outer derivative, which would come out as zero",
            hint="call db.reference outside of the functions that you differentiate",
        )

    def undecided(self, primitive: Primitive, why: str) -> Exception:
        """The error for a function that these entries do not have."""
        return UnsupportedPrimitive(
            f"{primitive.name} has no meaning in exact arithmetic", where=user_location(), why=why
        )

    def constant(self, text: str) -> Any:
        """The number that a text stands for."""
        return self.meaning(text, ())()

    def apply(self, primitive: Any, values: Sequence[np.ndarray], params: dict) -> Any:
        """The meaning of a primitive; masks come out as plain bools wherever their entries are decided."""
        function: Any = getattr(primitive, "function", None)
        if function in OF_THE_SHAPE:
            return primitive.evaluate(*[np.zeros(value.shape) for value in values], **params)
        if function in self.functions:
            return settled(self.functions[function](*values, **params))
        if primitive is TRUTH:
            return self.truth(values[0])
        text = self.texts.get(function) or getattr(primitive, "exact", None) or TEXTS.get(function)
        if text:
            y = self.entry_by_entry(primitive, text, values, params)
            return bool(np.all(y)) if function is np.allclose else y
        return self.on_objects(primitive, values, params)

    def entry_by_entry(self, primitive: Primitive, text: str, values: Sequence[np.ndarray], params: dict) -> Any:
        """Apply a text to the entries of operands and params that broadcast."""
        variables = ("x",) if len(values) == 1 else tuple("abcdefgh")[: len(values)]
        variables += tuple(params)
        unknown = names_in(text) - set(self.names) - set(variables)
        if unknown:
            raise self.undecided(primitive, f"there is no {unknown.pop()} of such values")
        operands = [*values, *params.values()]
        return settled(each(self.meaning(text, variables), *operands))

    def on_objects(self, primitive: Primitive, values: Sequence[np.ndarray], params: dict) -> Any:
        """Let NumPy's own function work on the object arrays; no result may come back as floats."""
        if any(
            isinstance(part, Traced)
            for param in params.values()
            for part in (param if type(param) is tuple else (param,))
        ):
            raise self.undecided(
                primitive, "the index, or another argument that must be plain, depends on exact values"
            )
        if primitive is ASSEMBLE:
            params = params | {"dtype": object}
        try:
            y = primitive.evaluate(*[value[()] for value in values], **params)
        except TypeError as error:
            raise self.undecided(primitive, "NumPy's function does not take such values") from error
        if isinstance(primitive, Constant):
            return settled(y)
        if getattr(y, "dtype", OBJECT) != OBJECT:
            raise self.undecided(primitive, "NumPy's function works in double precision only")
        y = as_objects(y)
        if any(entry.__class__ is int for entry in y.flat):  # the 0 and 1 of empty sums and products
            return each(lambda entry: self.number(entry) if entry.__class__ is int else entry, y)
        return y

    def meaning(self, text: str, variables: tuple[str, ...]) -> Callable:
        """A text as a function of its variables."""
        if (text, *variables) not in self.compiled:
            tree = ast.fix_missing_locations(ExactText(self.operators).visit(ast.parse(text, mode="eval")))
            source = f"lambda {', '.join(variables)}: {ast.unparse(tree)}"
            self.compiled[text, *variables] = eval(source, {"__builtins__": {}, **self.names, "number": self.number})
        return self.compiled[text, *variables]

    def _reduction(self, name: str) -> Callable:
        def reduction(a: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
            return reduced(lambda entries: self.names[name](*entries), a, normalised_axes(axis, a.ndim), keepdims)

        return reduction


class ExactText(ast.NodeTransformer):
    """Makes numbers of a text exact, and sends operators through the functions that an algebra has for them."""

    def __init__(self, operators: dict[type, str]):
        self.operators = operators

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("number", ast.Load()), [node], [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        name = self.operators.get(type(node.op))
        return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], []) if name else node


def not_real(x: Any) -> UnsupportedPrimitive:
    """The error for a complex number among exact ones."""
    return UnsupportedPrimitive(
        f"{x!r} is no real number",
        where=user_location(),
        why="exact arithmetic is real, as derivatives here are",
        hint="compute with the real and the imaginary part",
    )


@cache
def names_in(text: str) -> set[str]:
    """The names that a text mentions, those aside that a lambda in it binds."""
    nodes = list(ast.walk(ast.parse(text, mode="eval")))
    return {node.id for node in nodes if isinstance(node, ast.Name)} - {n.arg for n in nodes if isinstance(n, ast.arg)}


def settled(y: Any) -> Any:
    """A result as an object array; plain bools and integers (masks, positions) as plain arrays of them."""
    if isinstance(y, tuple | list) or getattr(y, "dtype", OBJECT) != OBJECT:
        return y
    y = as_objects(y)
    for kind in (bool, int):
        if y.size and all(entry.__class__ is kind for entry in y.flat):
            return y.astype(kind)[()]
    return y


def as_objects(x: Any) -> np.ndarray:
    """An object array of a result that NumPy may have given back as a bare object."""
    if isinstance(x, np.ndarray):
        return x
    values = np.empty((), object)
    values[()] = x
    return values


def each(function: Callable, *values: Any) -> np.ndarray:
    """A function applied to the entries of object arrays that broadcast; exact numbers raise no floating-point flag."""
    with np.errstate(all="ignore"):
        return as_objects(np.frompyfunc(function, len(values), 1)(*values))


def reduced(function: Callable[[list], Any], values: np.ndarray, axis: Sequence[int], keepdims: bool) -> np.ndarray:
    """A function of a list of entries, applied along some axes."""
    kept = [a for a in range(values.ndim) if a not in axis]
    rows = np.transpose(values, (*kept, *axis)).reshape(*[values.shape[a] for a in kept], -1)
    y = np.empty(rows.shape[:-1], object)
    for index in np.ndindex(y.shape):
        y[index] = function(list(rows[index]))
    return np.expand_dims(y, tuple(axis)) if keepdims else y

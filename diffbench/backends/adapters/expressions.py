"""Libraries of symbolic expressions: f runs once on symbols; the library differentiates and compiles what comes out.

Arrays of symbols are object arrays (see exact/trace.py); the adapter says, as an *algebra*, what the names in the table
of primitives mean to its library. One expression must hold for all values: a branch on a value is refused.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from diffbench.backends.adapters.foreign import NESTING, native_function, nested, said_by
from diffbench.backends.base import Differentiator, FlatFunction, FromExpressions, end_trace, settle_aux, slices_of
from diffbench.errors import (
    ClosedFormRequired,
    DiffbenchError,
    UnsupportedPrimitive,
    UnsupportedVerb,
    innermost_line,
    user_location,
)
from diffbench.exact.trace import Algebra, Exact, ExactTrace
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.kinds import Constant
from diffbench.primitives.primitive import Traced

NEEDS_A_VALUE = ("is a symbol, and no number", "Symbol cannot be evaluated")
"""What CasADi's entries and SymEngine say when a program asks a symbol for its value."""


class Expressions(Algebra):
    """The expressions of a library. Subclasses give `names`, `number`, `value_of`, and what must go another way."""

    library: str

    def value_of(self, entry: Any) -> Any:
        """The number, or the truth, that an entry is, whatever the symbols stand for; None where it depends on them."""
        raise NotImplementedError

    def plain(self, values: np.ndarray) -> Any:
        return values[()]

    def decided(self, entry: Any) -> Any:
        """An expression that is a number. Raises ClosedFormRequired for one that depends on symbols."""
        if self.value_of(entry) is None:
            raise ClosedFormRequired(
                "the plain value of a symbol is used in the program",
                where=user_location(),
                why=f"db.primal asks for a number, and {self.library} runs f on symbols",
                hint="use the backend 'forward' or 'reverse'",
            )
        return entry

    def truth(self, values: np.ndarray) -> bool:
        if values.size != 1 or (value := self.value_of(values.item())) is not None:
            return bool(values if values.size != 1 else value)
        why = f"an expression of {self.library} must hold for all values of the argument"
        try:
            bool(values.item())
        except Exception as error:
            why = said_by(self.library, error)
        raise ClosedFormRequired(
            f"the program branches on a symbol: {values.item()}",
            where=user_location(),
            why=why,
            hint="use the backend 'forward' or 'reverse', which follow branches; or np.where(condition, a, b)",
        )

    def apply(self, primitive, values, params):
        try:
            return super().apply(primitive, values, params)
        except DiffbenchError:
            raise
        except (RuntimeError, NotImplementedError, AttributeError) as error:
            raise self.undecided(primitive, said_by(self.library, error)) from error

    def on_objects(self, primitive, values, params):
        if isinstance(primitive, Constant) and any(self.value_of(x) is None for value in values for x in value.flat):
            raise self.undecided(primitive, "its result depends on the values that the symbols stand for")
        return super().on_objects(primitive, values, params)

    def undecided(self, primitive, why):
        return UnsupportedPrimitive(
            f"{self.library} cannot pass {primitive.name}",
            where=user_location(),
            why=why,
            hint="use the backend 'forward' or 'reverse'",
        )

    def stand_in(self, x):
        raise nested(self.library)


class ExpressionAdapter(FromExpressions):
    """A library of expressions. Subclasses give `algebra`, `symbols`, `compiled`, `matrix` and `entries`.

    native : f is already written for the library: it takes and returns the library's own vectors, or one expression.
    """

    options = ("native",)
    method = "symbolic"
    limits = MappingProxyType(
        {
            "branches": "an expression must hold for all values",
            "precisions": "float64 is all it has",
            "nesting": NESTING,
        }
    )
    algebra: type[Expressions]

    def __init__(self, native: bool = False):
        super().__init__()
        self.native = native

    def symbols(self, count: int) -> list:
        """So many symbols of the library."""
        raise NotImplementedError

    def compiled(self, symbols: list, results: list, order: int) -> Callable[[np.ndarray], tuple]:
        """A function from numbers for the symbols to the values of results and their Jacobian.

        order 2 : of the one result, its gradient and its Hessian.
        """
        raise NotImplementedError

    def matrix(self, values: np.ndarray) -> Any:
        """An array of entries as functions written for the library take it."""
        raise NotImplementedError

    def entries(self, result: Any) -> np.ndarray | None:
        """What functions written for the library return as an array of entries; None for what is none of its own."""
        raise NotImplementedError

    def written_for(self, f):
        def lift(leaf: Any, trace: ExactTrace) -> Any:
            values = self.entries(leaf)
            return leaf if values is None else Exact(values, trace)

        return native_function(f, lambda leaf: self.matrix(leaf.values), lift, Exact) if self.native else f

    def compile(self, function, point, order):
        return Compiled(self, function, point, order)


class Compiled(Differentiator):
    """The derivatives of one function at points of the same shapes. With order 2: the gradient and the Hessian."""

    name, method = "expressions", "symbolic"

    def __init__(self, adapter: ExpressionAdapter, function: FlatFunction, point: Sequence, order: int):
        super().__init__()
        self.name, self.function = adapter.name, function  # type: ignore[misc]
        self._checked(point)
        trace = ExactTrace(adapter.algebra())
        places = slices_of(point)
        symbols = adapter.symbols(places[-1].stop if places else 0)
        leaves = [
            Exact(np.array([None, *symbols[place]], object)[1:].reshape(shape_of(x)), trace)
            for place, x in zip(places, point)
        ]
        try:
            results = function(leaves)
        except RuntimeError as error:
            if isinstance(error, DiffbenchError) or not any(words in str(error) for words in NEEDS_A_VALUE):
                raise
            raise ClosedFormRequired(
                "the program needs the plain value of a symbol",
                where=innermost_line(error),
                why=said_by(self.name, error),
                hint="use the backend 'forward' or 'reverse', which work on numbers",
            ) from error
        end_trace(trace, results)
        values = [trace.entries(result) for result in results]
        self.shapes = [value.shape for value in values] if order == 1 else [shape_of(x) for x in point]
        self.dtypes = [np.dtype(float)] * len(values)
        if any(dtype_of(x) != np.float64 for x in point) and not adapter.native:
            self.dtypes = [dtype_of(y) for y in function(point)]  # what f makes of them, it alone knows
        if order == 2:
            self.dtypes = [dtype_of(x) for x in point]
        entries = [entry for value in values for entry in value.flat]
        if symbols and entries:
            try:
                self.evaluate = adapter.compiled(symbols, entries, order)
            except RuntimeError as error:
                raise UnsupportedPrimitive(
                    f"{self.name} cannot differentiate the expression that f computes",
                    why=said_by(self.name, error),
                    hint="use the backend 'forward' or 'reverse'",
                ) from error
        else:
            numbers = np.array([] if order == 2 else [float(entry) for entry in entries])
            nothing = np.zeros((len(numbers), len(symbols)))
            self.evaluate = lambda _: (numbers, nothing)

    def _checked(self, point: Sequence) -> None:
        for x in point:
            if isinstance(x, Traced):
                raise nested(self.name)
            if dtype_of(x) == np.longdouble:
                raise UnsupportedVerb(
                    f"{self.name} computes in float64, and found {dtype_of(x)}",
                    why="the digits beyond would be lost",
                    hint="use the backend 'forward' or 'reverse', or convert the argument to float64",
                )

    def jacobian(self, function, point):
        self._checked(point)
        settle_aux(self.function, point)
        numbers = np.concatenate([np.ravel(x) for x in point]).astype(float) if point else np.zeros(0)
        values, matrix = self.evaluate(numbers)
        rows, columns = slices_of([np.broadcast_to(0.0, shape) for shape in self.shapes]), slices_of(point)
        found = [
            np.reshape(values[row], shape).astype(dtype)[()]
            for row, shape, dtype in zip(rows, self.shapes, self.dtypes)
        ]
        return found, [
            [np.reshape(matrix[row, column], shape + shape_of(x)) for column, x in zip(columns, point)]
            for row, shape in zip(rows, self.shapes)
        ]

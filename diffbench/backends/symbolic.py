"""Symbolic differentiation: run f on SymPy symbols, differentiate the expressions, compile them to NumPy code."""

import itertools
import math
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy

from diffbench.backends.base import Differentiator, FlatFunction, FromExpressions, end_trace, settle_aux, size_of
from diffbench.backends.symbolic_code import Code
from diffbench.backends.symbolic_graph import Graph, Row
from diffbench.errors import ClosedFormRequired
from diffbench.exact import ExactTrace
from diffbench.exact.symbols import Symbols
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.kinds import as_operand, shape_of
from diffbench.primitives.primitive import Traced
from diffbench.primitives.structural import ASSEMBLE

NEEDS_A_VALUE = ("truth value of Relational", "convert expression to float")
"""What SymPy says when a program asks a symbol for its value."""

Place = tuple[tuple[int, ...], np.ndarray, slice]  # of an array: shape, positions of entries, where they are computed


class Symbolic(FromExpressions):
    """Symbolic differentiation by SymPy.

    f runs once on symbols, one for each component, and so must be one expression for all values: a branch on a value
    raises ClosedFormRequired. Each entry of a Jacobian or Hessian is differentiated, with common subexpressions shared.
    Cost: preparing goes with the length of the program times the components it depends on; evaluating is scalar code.
    """

    name, method, cost = "symbolic", "symbolic", "n derivatives of expressions, prepared once"
    requires = "sympy"
    accuracy = (1e-12, 1e-12)
    limits = MappingProxyType({"branches": "one expression must hold for all values"})

    def compile(self, function, point, order):
        return Compiled(function, point, order)

    def expression(self, f: Callable, n: Any = None, *, derivative: bool = False) -> Any:
        """The SymPy expression that f computes, or its derivatives in all components.

        n : None or () for a function of one number, the symbol x; the number of components of a vector, the symbols x0,
            x1, ...; or the shape of an array, numbered likewise in C order.
        derivative : give df/dx, in the shape of the result followed by that of the argument, as SymPy's diff has it.

        Returns one expression for a scalar, else an object array of them.
        Raises ClosedFormRequired where f branches on a value.

        >>> symbolic = Symbolic()
        >>> symbolic.expression(lambda x: 4 * x * (1 - x))
        4*x*(1 - x)
        >>> symbolic.expression(lambda x: np.sum(np.sin(x) * x), 2)
        x0*sin(x0) + x1*sin(x1)
        >>> symbolic.expression(lambda x: np.sum(np.sin(x) * x), 2, derivative=True)
        array([x0*cos(x0) + sin(x0), x1*cos(x1) + sin(x1)], dtype=object)
        """
        symbols = symbols_of_shape("x", () if n is None else n)
        trace = ExactTrace(Symbols())
        (result,) = on_symbols(lambda leaves: [f(*leaves)], trace, [symbols])
        values = trace.entries(as_operand(result))
        if not derivative:
            return values[()]
        blocks = np.empty((*values.shape, *symbols.shape), object)
        for i in np.ndindex(values.shape):
            for j in np.ndindex(symbols.shape):
                blocks[i + j] = plain_derivative(values[i], symbols[j])
        return blocks[()]


def symbols_of_shape(name: str, shape: Any) -> np.ndarray:
    """An object array of symbols: x for a scalar, x0, x1, ... for an array."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    symbols = np.empty(shape, object)
    for number, index in enumerate(np.ndindex(shape)):
        symbols[index] = sympy.Symbol(f"{name}{number}" if shape else name)
    return symbols


def plain_derivative(expression: Any, symbol: Any) -> Any:
    """SymPy's derivative for a real symbol (that of |x| is sign x), with its distributions as case distinctions."""
    real = sympy.Dummy(symbol.name, real=True)
    derivative = expression.xreplace({symbol: real}).diff(real)
    return derivative.replace(sympy.Heaviside, lambda *x: sympy.Heaviside(*x).rewrite(sympy.Piecewise)).xreplace(
        {real: symbol}
    )


class Compiled(Differentiator):
    """The derivatives of one function as compiled code, for any point of the same shapes and dtypes.

    order 1 : the values and the Jacobian. order 2, of a scalar function : the gradient and the Hessian in their place.
    """

    name, method = "symbolic", "symbolic"

    def __init__(self, function: FlatFunction, point: Sequence, order: int = 1):
        super().__init__()
        self.function = function
        graph = Graph()
        trace = ExactTrace(Symbols(graph.name))
        leaves = [symbols_of_shape(f"x{i}_", shape_of(leaf)) for i, leaf in enumerate(point)]
        results = on_symbols(function, trace, leaves)
        inputs = [symbol for leaf in leaves for symbol in leaf.flat]
        values = [trace.entries(result) for result in results]
        self.dtypes = dtypes_of_results(function, point, results)
        if order == 2:
            (row,) = graph.derivatives([values[0].item()], inputs)
            zero = sympy.Integer(0)
            values = [np.array([row.get(x, zero) for x in leaf.flat], object).reshape(leaf.shape) for leaf in leaves]
            self.dtypes = [dtype_of(x) for x in point]
        rows = iter(graph.derivatives([entry for value in values for entry in value.flat], inputs))
        self.outputs: list = []
        self.values = [self._place(value.shape, list(enumerate(value.flat))) for value in values]
        self.blocks = [self._blocks(value.shape, list(itertools.islice(rows, value.size)), leaves) for value in values]
        self.outer = [value for value, _ in trace.parameters.values()]
        inputs += [symbol for _, symbols in trace.parameters.values() for symbol in symbols.flat]
        self.code = Code(graph, inputs, self.outputs)

    def _blocks(self, shape: tuple[int, ...], rows: list[Row], leaves: list[np.ndarray]) -> list[Place]:
        """The places of the derivatives of one result, for each argument; those that are zero everywhere have none."""
        blocks = []
        for leaf in leaves:
            column = {symbol: j for j, symbol in enumerate(leaf.flat)}
            found = [(i * leaf.size + column[x], row[x]) for i, row in enumerate(rows) for x in row if x in column]
            blocks.append(self._place((*shape, *leaf.shape), found))
        return blocks

    def _place(self, shape: tuple[int, ...], entries: list[tuple[int, Any]]) -> Place:
        """Have entries of an array computed: its shape, their positions in it, and their places among the outputs."""
        start = len(self.outputs)
        self.outputs += [expression for _, expression in entries]
        return shape, np.array([position for position, _ in entries], dtype=int), slice(start, len(self.outputs))

    def jacobian(self, function, point):
        settle_aux(self.function, point)
        found = self.code([scalar for leaf in (*point, *self.outer) for scalar in scalars_of(leaf)])
        values = [array_of(found, *place, dtype) for place, dtype in zip(self.values, self.dtypes)]
        blocks = [[array_of(found, *place, dtype) for place in row] for row, dtype in zip(self.blocks, self.dtypes)]
        return values, blocks


def on_symbols(function: FlatFunction, trace: ExactTrace, leaves: Sequence[np.ndarray]) -> list:
    """The results of a function on arrays of symbols."""
    try:
        results = function([trace.wrap(leaf) for leaf in leaves])
    except TypeError as error:
        if not any(words in str(error) for words in NEEDS_A_VALUE):
            raise
        raise ClosedFormRequired(
            f"the program needs the plain value of a symbol (SymPy: {error})",
            why="a symbolic derivative needs one expression for all values of the argument",
            hint="use the backend 'forward' or 'reverse', which work on numbers",
        ) from error
    end_trace(trace, results)
    return results


def dtypes_of_results(function: FlatFunction, point: Sequence, results: Sequence) -> list[np.dtype]:
    """The dtypes of the results; where the point is not all float64, f says them when it runs on the point itself."""
    if any(dtype_of(leaf) != np.float64 for leaf in point):
        results = function(point)
    return [dtype_of(result) for result in results]


def scalars_of(leaf: Any) -> list:
    """The entries of a leaf as NumPy scalars (Python's floats would raise where NumPy gives inf) or traced ones."""
    if isinstance(leaf, Traced):
        flat: Any = np.reshape(leaf, (-1,))  # type: ignore[call-overload]
        return [flat[k] for k in range(size_of(leaf))] if shape_of(leaf) else [leaf]
    return list(np.asarray(leaf).ravel())


def array_of(found: list, shape: tuple[int, ...], positions: np.ndarray, places: slice, dtype: np.dtype) -> Any:
    """An array with some of the outputs at these positions in C order, and zeros elsewhere."""
    entries, size = found[places], math.prod(shape)
    if any(isinstance(entry, Traced) for entry in entries):
        stacked = np.stack(entries)
        if len(entries) < size:
            stacked = ASSEMBLE(stacked, indices=((positions,),), shape=(size,), dtype=dtype)
        return np.reshape(stacked, shape)
    array = np.zeros(size, dtype)
    array[positions] = entries
    return array.reshape(shape)[()]

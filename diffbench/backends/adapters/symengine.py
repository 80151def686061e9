"""SymEngine: SymPy's expressions in C++, compiled by LLVM with common subexpressions taken out."""

from typing import Any

import numpy as np

from diffbench.backends.adapters.expressions import ExpressionAdapter, Expressions
from diffbench.backends.adapters.lazy import Lazy
from diffbench.exact.linear_algebra import each_matrix, each_system, euclidean_norm
from diffbench.exact.trace import not_real
from diffbench.primitives import determinants, linear_algebra, norms

symengine, wrapper = Lazy("symengine"), Lazy("symengine.lib.symengine_wrapper")

SAME = (
    "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "floor", "ceiling", "sign", "Abs", "Max", "Min", "Eq", "Ne", "Xor", "pi", "E", "erf", "erfc", "gamma", "loggamma",
)  # fmt: skip


def condition(entry: Any) -> Any:
    """A condition as it is, a number by whether it differs from zero."""
    if isinstance(entry, bool | np.bool):
        return symengine.true if entry else symengine.false
    return entry if isinstance(entry, wrapper.Boolean) else symengine.Ne(entry, 0)


def where(a: Any, b: Any, c: Any) -> Any:
    """b where the condition a holds, c elsewhere."""
    return symengine.Piecewise((b, condition(a)), (c, True))


class Graph(Expressions):
    """Expressions of SymEngine."""

    library = "symengine"

    def __init__(self):
        super().__init__()
        self.names = {
            **{name: getattr(symengine, name) for name in SAME},
            "where": where, "Not": lambda a: symengine.Not(condition(a)),
            "And": lambda *entries: symengine.And(*map(condition, entries)),
            "Or": lambda *entries: symengine.Or(*map(condition, entries)),
        }  # fmt: skip
        self.functions |= {
            linear_algebra.SOLVE.function: each_system(lambda a, b: array(matrix(a).LUsolve(matrix(b)))),
            linear_algebra.INV.function: each_matrix(lambda a: array(matrix(a).inv())),
            determinants.DET.function: each_matrix(lambda a: matrix(a).det()),
            norms.NORM.function: euclidean_norm(sum, symengine.sqrt),
        }

    def number(self, x):
        if isinstance(x, symengine.Basic):
            return self.decided(x)
        x = x.item() if isinstance(x, np.generic) else x
        if isinstance(x, complex):
            raise not_real(x)
        return symengine.sympify(int(x) if float(x).is_integer() and abs(x) < 2**53 else float(x))

    def is_condition(self, entry):
        return isinstance(entry, wrapper.Boolean)

    def value_of(self, entry):
        if isinstance(entry, bool):
            return entry
        return float(entry) if entry.is_Number else None

    def meaning(self, text, variables):
        function = super().meaning(text, variables)

        def on_entries(*entries: Any) -> Any:
            y = function(*entries)
            return bool(y) if isinstance(y, wrapper.BooleanAtom) else y

        return on_entries


def matrix(values: np.ndarray) -> Any:
    return symengine.DenseMatrix(*values.shape, list(values.flat))


def array(expressions: Any) -> np.ndarray:
    return np.array(expressions.tolist(), object).reshape(expressions.shape)


class SymEngine(ExpressionAdapter):
    """SymEngine. Its own derivatives of abs, max, sign and floor stay symbols, which it cannot compile: refused.

    A function written for it (native=True) takes an object array of symbols, or one symbol, and returns expressions.
    """

    name, cost = "symengine", "n derivatives of expressions, prepared once"
    requires = "symengine"
    algebra = Graph

    def symbols(self, count):
        return [symengine.Symbol(f"u{k}") for k in range(count)]  # x0, x1, ... are what cse=True puts in without asking

    def compiled(self, symbols, results, order):
        x, y = symengine.DenseMatrix(len(symbols), 1, symbols), symengine.DenseMatrix(len(results), 1, results)
        matrix = y.jacobian(x)
        if order == 2:
            y = matrix.transpose()
            matrix = y.jacobian(x)
        m, n = matrix.shape
        run = symengine.Lambdify(symbols, [*y, *matrix], cse=True)

        def evaluate(numbers: np.ndarray) -> tuple:
            found = run(numbers)
            return found[:m], found[m:].reshape(m, n)

        return evaluate

    def matrix(self, values):
        return values[()]

    def entries(self, result):
        if isinstance(result, symengine.DenseMatrix):
            result = array(result)
            result = result[:, 0] if result.shape[1] == 1 else result
        if isinstance(result, np.ndarray):
            return result if result.dtype == object else None
        return np.array(result, object) if isinstance(result, symengine.Basic) else None

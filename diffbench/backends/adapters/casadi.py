"""CasADi: graphs of scalar operations (SX), differentiated by source transformation.  Andersson et al. 2019."""

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from diffbench.backends.adapters.expressions import ExpressionAdapter, Expressions
from diffbench.backends.adapters.lazy import Lazy
from diffbench.exact.linear_algebra import each_matrix, each_system, euclidean_norm
from diffbench.exact.trace import not_real
from diffbench.primitives import determinants, linear_algebra, norms

casadi = Lazy("casadi")

SAME = (
    "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "expm1", "log1p", "atan2", "floor", "sign", "erf", "erfinv",
)  # fmt: skip


class Entry:
    """A scalar expression that NumPy takes for an object, and not for an array of one."""

    __slots__ = ("sx",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, sx: Any):
        self.sx = sx

    def __repr__(self) -> str:
        return str(self.sx)

    def __bool__(self) -> bool:
        return bool(self.sx)

    def __float__(self) -> float:
        if not self.sx.is_constant():  # CasADi would say NaN
            raise RuntimeError(f"{self.sx} is a symbol, and no number")
        return float(self.sx)


class Condition(Entry):
    """An expression of value 0 or 1."""

    __slots__ = ()


def on_entries(function: Callable, kind: type[Entry] = Entry, reflected: bool = False) -> Callable:
    """A function of expressions as one of entries, and of numbers."""

    def evaluate(*entries: Any) -> Entry:
        expressions = [x.sx if isinstance(x, Entry) else x for x in entries]
        return kind(function(*(expressions[::-1] if reflected else expressions)))

    return evaluate


for _name in ("add", "sub", "mul", "truediv", "pow", "neg"):
    setattr(Entry, f"__{_name}__", on_entries(getattr(operator, _name)))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Entry, f"__{_name}__", on_entries(getattr(operator, _name), Condition))
for _name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Entry, f"__r{_name}__", on_entries(getattr(operator, _name), reflected=True))


class Graph(Expressions):
    """Scalar expressions of CasADi; a condition is one too, of value 0 or 1."""

    library = "casadi"

    def __init__(self):
        super().__init__()
        functions = {
            **{name: getattr(casadi, name) for name in SAME},
            "Abs": casadi.fabs, "ceiling": casadi.ceil, "where": casadi.if_else,
            "trunc": lambda x: casadi.if_else(x < 0, casadi.ceil(x), casadi.floor(x)),
            "Max": lambda *entries: reduce(casadi.fmax, entries), "Min": lambda *entries: reduce(casadi.fmin, entries),
        }  # fmt: skip
        conditions = {
            "And": lambda *entries: reduce(casadi.logic_and, entries),
            "Or": lambda *entries: reduce(casadi.logic_or, entries),
            "Not": casadi.logic_not, "Eq": operator.eq, "Ne": operator.ne, "Xor": operator.ne,
        }  # fmt: skip
        self.names = {name: on_entries(function) for name, function in functions.items()}
        self.names |= {name: on_entries(function, Condition) for name, function in conditions.items()}
        self.names |= {"pi": Entry(casadi.SX(math.pi)), "E": Entry(casadi.SX(math.e))}
        self.functions |= {
            linear_algebra.SOLVE.function: each_system(lambda a, b: array(casadi.solve(matrix(a), matrix(b)))),
            linear_algebra.INV.function: each_matrix(lambda a: array(casadi.inv(matrix(a)))),
            determinants.DET.function: each_matrix(lambda a: Entry(casadi.det(matrix(a)))),
            norms.NORM.function: euclidean_norm(sum, self.names["sqrt"]),
        }

    def number(self, x):
        if isinstance(x, complex | np.complexfloating):
            raise not_real(x)
        return self.decided(x) if isinstance(x, Entry) else Entry(casadi.SX(float(x)))

    def is_condition(self, entry):
        return entry.__class__ is Condition

    def value_of(self, entry):
        if not isinstance(entry, Entry):
            return entry
        return float(entry) if entry.sx.is_constant() else None


def matrix(values: np.ndarray) -> Any:
    """An array of scalar expressions, of at most two axes, as a matrix of CasADi; a vector is a column."""
    if values.ndim == 0:
        return values.item().sx
    rows = [casadi.horzcat(*[entry.sx for entry in np.ravel(row)]) for row in values]
    return casadi.vertcat(*rows) if rows else casadi.SX(0, 1)


def array(expression: Any) -> np.ndarray:
    """A matrix of CasADi as an array of scalar expressions."""
    entries = np.empty(expression.shape, object)
    for i, j in np.ndindex(entries.shape):
        entries[i, j] = Entry(expression[i, j])
    return entries


class CasADi(ExpressionAdapter):
    """CasADi. Each entry of an array is a scalar expression; derivatives are dense.

    A function written for it (native=True) takes and returns casadi.SX: numbers, columns, matrices.
    """

    name, cost = "casadi", "one graph of scalar operations, prepared once"
    requires = "casadi"
    algebra = Graph

    def symbols(self, count):
        return [Entry(casadi.SX.sym(f"x{k}")) for k in range(count)]

    def compiled(self, symbols, results, order):
        x, y = (casadi.vertcat(*[entry.sx for entry in entries]) for entries in (symbols, results))
        if order == 1:
            found = y, casadi.jacobian(y, x)
        else:
            hessian, gradient = casadi.hessian(y, x)
            found = gradient, hessian
        program = casadi.Function("derivatives", [x], [casadi.densify(part) for part in found])
        buffer, run = program.buffer()
        n, m = len(symbols), found[0].numel()

        def evaluate(numbers: Any) -> tuple:
            values: Any = np.zeros(m)
            transposed: Any = np.zeros((n, m))  # CasADi's matrices run down their columns
            buffer.set_arg(0, memoryview(numbers))
            buffer.set_res(0, memoryview(values))
            buffer.set_res(1, memoryview(transposed))
            run()
            return values, transposed.T

        return evaluate

    def matrix(self, values):
        return matrix(values)

    def entries(self, result):
        if not isinstance(result, casadi.SX):
            return None
        values = array(result)
        return values.reshape(()) if values.size == 1 else values[:, 0] if values.shape[1] == 1 else values

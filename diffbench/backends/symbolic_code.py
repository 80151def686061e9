"""NumPy code for a graph of named subexpressions, one line a name, made by SymPy's lambdify.

The code is plain NumPy on scalars, so that outer derivatives trace through it.
"""

import sys
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import sympy
from sympy.printing.numpy import NumPyPrinter

from diffbench.backends.symbolic_graph import Graph, is_reciprocal
from diffbench.exact import Exact, special
from diffbench.primitives.partial import ExactConstant
from diffbench.primitives.primitive import Traced

Expr = Any  # sympy.Expr, which has no types of its own


class Code:
    """A compiled function from the values of inputs to those of outputs; it evaluates each name once."""

    def __init__(self, graph: Graph, inputs: Sequence[Expr], outputs: Sequence[Expr]):
        printer = Printer()
        definitions = [(symbol, graph.definitions[symbol]) for symbol in graph.needed(outputs)]
        self.function = sympy.lambdify(
            [tuple(inputs), Printer.CONSTANTS],
            list(outputs),
            modules=[special.in_code() if "scipy.special" in sys.modules else {}, "numpy"],
            printer=printer,
            cse=lambda expressions: (definitions, expressions),  # the graph has found the common subexpressions already
            docstring_limit=0,
        )
        self.floats = printer.constants
        self.texts = [ExactConstant(value, text) for text, value in printer.constants.items()]

    def __call__(self, values: Sequence) -> list:
        exact = any(map(is_exact, values))
        return self.function(values, self.texts if exact else list(self.floats.values()))


def is_exact(x: Any) -> bool:
    """Whether a value carries more digits than floats do, at the bottom of all its traces."""
    while isinstance(x, Traced):
        if isinstance(x, Exact):
            return True
        x = x.primal
    return False


def _folded(function: str) -> Any:
    """Print a function of many arguments as nested calls of two, which traced values take."""

    def method(self: "Printer", expr: Expr) -> str:
        return reduce(lambda a, b: f"{function}({a}, {b})", map(self._print, expr.args))

    return method


class Printer(NumPyPrinter):
    """SymPy's printer for NumPy, with functions of two arguments, and an entry of a list for each irrational number."""

    CONSTANTS = sympy.Symbol("constants")

    def __init__(self) -> None:
        super().__init__({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
        self.constants: dict[str, float] = {}

    def _print(self, expr: Any, **kwargs: Any) -> str:
        if isinstance(expr, sympy.Expr) and not expr.free_symbols:
            return self._number(expr)
        return super()._print(expr, **kwargs)

    def _number(self, expr: Expr) -> str:
        """A number as a literal where that is exact, else as an entry of the list of constants."""
        if expr.is_Integer and abs(expr) < 2**53:
            return f"({expr})" if expr < 0 else str(expr)
        value = float("nan") if expr is sympy.zoo else float(expr)
        if expr.is_Float or not np.isfinite(value) or (expr.is_Rational and sympy.Rational(value) == expr):
            return f"({value!r})" if np.isfinite(value) else str(value)
        text = str(expr.xreplace({number: sympy.Rational(number) for number in expr.atoms(sympy.Float)}))
        self.constants.setdefault(text, value)
        return f"{self.CONSTANTS}[{list(self.constants).index(text)}]"

    def _print_Add(self, expr: Expr, order: Any = None) -> str:
        return " + ".join(map(self._print, expr.args))

    def _print_Mul(self, expr: Expr) -> str:
        sign, factors = ("-", expr.args[1:]) if expr.args[0] == -1 else ("", expr.args)
        above = [self._operand(factor) for factor in factors if not is_reciprocal(factor)]
        below = [self._operand(factor.base) for factor in factors if is_reciprocal(factor)]
        return sign + "/".join(["*".join(above) or "1", *below])

    def _operand(self, expr: Expr) -> str:
        text = self._print(expr)
        return f"({text})" if expr.is_Add or expr.is_Mul or expr.is_Pow else text

    def _print_Piecewise(self, expr: Expr) -> str:
        text = "nan"
        for value, condition in reversed(expr.args):
            value = self._print(value)
            text = value if condition == sympy.true else f"where({self._print(condition)}, {value}, {text})"
        return text

    def _print_Pow(self, expr: Expr, **kwargs: Any) -> str:
        if expr.exp.is_Integer and expr.exp < 0:
            power = "" if expr.exp == -1 else f"**{-expr.exp}"
            return f"(1/{self._operand(expr.base)}{power})"
        return super()._print_Pow(expr, **kwargs)

    def _print_Not(self, expr: Expr) -> str:
        return f"logical_not({self._print(expr.args[0])})"

    def _print_cbrt(self, expr: Expr) -> str:
        return f"cbrt({self._print(expr.args[0])})"

    def _print_trunc(self, expr: Expr) -> str:
        return f"trunc({self._print(expr.args[0])})"

    def _print_by_name(self, expr: Expr) -> str:
        return f"{expr.func.__name__}({', '.join(map(self._print, expr.args))})"

    _print_Max, _print_Min = _folded("maximum"), _folded("minimum")
    _print_And, _print_Or, _print_Xor = _folded("logical_and"), _folded("logical_or"), _folded("logical_xor")


for _name in (*special.IN_CODE, *special.PARTS, "polygamma"):  # lest SymPy's printer puts in those of math
    setattr(Printer, f"_print_{_name}", Printer._print_by_name)

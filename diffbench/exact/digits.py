"""Numbers of many digits: the algebra of mpmath.

Functions are the real ones of NumPy: where those give nan or inf (the logarithm of a negative number, division by
zero), so do these, although mpmath would go on with complex numbers or raise.
"""

import ast
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np

from diffbench.exact import linear_algebra, special
from diffbench.exact.trace import Algebra, not_real

REAL = (
    "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
)  # fmt: skip
SAME = ("atan2", "floor", "sign", "sinc", "pi", "isnan", "isinf", "isfinite")

Number = Any  # an mpf of the algebra's own context


class Digits(Algebra):
    """Arithmetic of a given number of decimal digits, in an mpmath context of its own, so that threads do not meet."""

    operators: ClassVar = {ast.Div: "divide", ast.Pow: "power"}

    def __init__(self, digits: int):
        import mpmath

        super().__init__()
        self.context = context = mpmath.MPContext()
        context.dps = digits
        self.names = {
            **{name: self._real(getattr(context, name)) for name in REAL},
            **{name: getattr(context, name) for name in SAME},
            "ceiling": context.ceil, "rint": context.nint, "trunc": self.trunc, "Abs": abs, "cbrt": self.cbrt,
            "exponent": lambda x: context.frexp(x)[1], "divide": self.divide, "power": self.power,
            "Max": self.largest, "Min": self.smallest, "where": lambda a, b, c: b if a else c,
            "Eq": lambda a, b: a == b, "Ne": lambda a, b: a != b,
            "Not": lambda a: not a, "Xor": lambda a, b: bool(a) != bool(b),
            "And": lambda *conditions: all(conditions), "Or": lambda *conditions: any(conditions),
            **special.of_digits(context),
        }  # fmt: skip
        self.functions[np.digitize] = digitize
        self.functions |= linear_algebra.of_digits(context)

    def number(self, x: Any) -> Number:
        """The exact value of a float, int, longdouble, or mpf of any context."""
        if isinstance(x, np.longdouble) and np.isfinite(x):
            numerator, denominator = x.as_integer_ratio()
            return self.context.mpf(numerator) / denominator
        number = self.context.convert(x.item() if isinstance(x, np.generic) else x)
        if not isinstance(number, self.context.mpf | self.context.constant):
            raise not_real(x)
        return number

    def plain(self, values: np.ndarray) -> Any:
        return values[()]

    # -- real functions where mpmath's are complex, partial or absent --------------------------------------------------

    def _real(self, function: Callable) -> Callable:
        """A function of mpmath, nan where its value is complex."""
        mpf, nan = self.context.mpf, self.context.nan

        def real(x: Number) -> Number:
            y = function(x)
            return y if isinstance(y, mpf) else nan

        return real

    def divide(self, a: Number, b: Number) -> Number:
        """a / b; zero divides into inf and nan as in NumPy, except that there is but one zero."""
        return a / b if b else self.context.inf * a

    def power(self, a: Number, b: Number) -> Number:
        """a ** b as the real power function: nan for a negative base with a broken exponent."""
        if not a and b < 0:
            return self.context.inf
        y = a**b
        return y if isinstance(y, self.context.mpf) else self.context.nan

    def cbrt(self, x: Number) -> Number:
        """The real cube root."""
        return -self.context.cbrt(-x) if x < 0 else self.context.cbrt(x)

    def trunc(self, x: Number) -> Number:
        """The integer part, towards zero."""
        return self.context.ceil(x) if x < 0 else self.context.floor(x)

    def largest(self, *numbers: Number) -> Number:
        """The maximum; nan where there is one."""
        return max(numbers) if all(x == x for x in numbers) else self.context.nan

    def smallest(self, *numbers: Number) -> Number:
        """The minimum; nan where there is one."""
        return min(numbers) if all(x == x for x in numbers) else self.context.nan


class Known(threading.local):
    """The algebras that a thread has made, by digits: a context and its functions take longer than a small run."""

    def __init__(self) -> None:
        self.algebras: dict[int, Digits] = {}


KNOWN = Known()


def arithmetic(digits: int) -> Digits:
    """The arithmetic of so many decimal digits; the same one again in the same thread."""
    algebra = KNOWN.algebras.get(digits)
    if algebra is None:
        algebra = KNOWN.algebras[digits] = Digits(digits)
    algebra.context.dps = digits  # an interrupted function of mpmath may have left another precision
    return algebra


def digitize(x: np.ndarray, bins: np.ndarray, right: bool) -> Any:
    """np.digitize, which converts its arguments to floats, in terms of searchsorted, which compares them."""
    side: Literal["left", "right"] = "left" if right else "right"
    if bins.size and bins[0] > bins[-1]:
        return bins.size - bins[::-1].searchsorted(x, side)
    return bins.searchsorted(x, side)

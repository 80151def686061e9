"""What a law of one variable is, from which all of its functions follow.

A law is given in standard form, with the functions that have an accurate formula of their own; `Continuous` and
`Counts` put in location and scale, support and valid parameters. Outside of the support a density is 0 and its
logarithm -inf, and all slopes are 0; parameters that are not valid give NaN, as in SciPy.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand


class Law:
    """A law with shape parameters of these names; `functions` are those known in standard form, by their names."""

    location_and_scale: tuple[tuple[str, float], ...]

    def __init__(self, *shapes: str, **functions: Callable):
        self.shapes, self.functions = shapes, functions

    def bound(self, x: Any, args: Sequence, kwargs: dict) -> list:
        """x, the shapes, the location and the scale of a call, in SciPy's order and by SciPy's names."""
        names = (*self.shapes, *(name for name, _ in self.location_and_scale))
        values = dict(zip(names, args))
        unknown = [name for name in kwargs if name not in names or name in values]
        if len(args) > len(names) or unknown:
            raise TypeError(f"expected at most {', '.join(names)}; found {[*args, *kwargs]}")
        values |= kwargs
        missing = [name for name in self.shapes if name not in values]
        if missing:
            raise TypeError(f"missing required arguments: {', '.join(missing)}")
        values = dict(self.location_and_scale) | values
        return in_one_precision([as_operand(x), *[as_operand(values[name]) for name in names]])

    def of(self, name: str, z: Any, shapes: Sequence) -> Any:
        """A function of the standard law: its own formula, or made of the others."""
        if name in self.functions:
            return self.functions[name](z, *shapes)
        if name.startswith("log"):
            return _log(self.of(name.removeprefix("log"), z, shapes))
        if f"log{name}" in self.functions:
            return np.exp(self.functions[f"log{name}"](z, *shapes))
        return 1 - self.of({"sf": "cdf", "cdf": "sf"}[name], z, shapes)


def in_one_precision(values: Sequence) -> list:
    """The numbers of Python among values in the precision of the others, so that float32 stays float32."""
    floats = [x.dtype for x in values if hasattr(x, "dtype") and x.dtype.kind == "f"]
    dtype = np.result_type(*floats) if floats else np.dtype(float)
    return [dtype.type(x) if isinstance(x, int | float) else x for x in values]


def _log(p: Any) -> Any:
    """log p; -inf with slope 0 where p is 0."""
    zero = p == 0
    return np.where(zero, -np.inf, np.log(np.where(zero, 1.0, p)))


def _nan_unless(conditions: Sequence, y: Any) -> Any:
    for condition in conditions:
        if not (isinstance(condition, bool | np.bool | np.ndarray) and np.all(condition)):
            y = np.where(condition, y, np.nan)
    return y


AT_AN_END = {"pdf": (0.0, 0.0), "logpdf": (-math.inf, -math.inf), "cdf": (0.0, 1.0), "sf": (1.0, 0.0),
             "logcdf": (-math.inf, 0.0), "logsf": (0.0, -math.inf)}  # fmt: skip
"""What the functions of a law are below and above its support."""


class Continuous(Law):
    """A law with a density, on an interval.

    support : the ends of the interval in standard form. `inside` is a point in it, at which the formulas are finite.
    ends : whether the formulas hold at the ends too.

    Every function takes (x, *shapes, loc=0, scale=1), arrays that broadcast, and is differentiable in all of them.
    """

    location_and_scale = (("loc", 0.0), ("scale", 1.0))

    def __init__(
        self,
        *shapes: str,
        support: tuple[float, float] = (-math.inf, math.inf),
        inside: float = 0.0,
        ends: bool = True,
        **functions: Callable,
    ):
        super().__init__(*shapes, **functions)
        self.support, self.inside, self.ends = support, inside, ends

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The density at x."""
        return self._function("pdf", x, args, kwargs)

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the density at x."""
        return self._function("logpdf", x, args, kwargs)

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The probability of at most x."""
        return self._function("cdf", x, args, kwargs)

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the probability of at most x."""
        return self._function("logcdf", x, args, kwargs)

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The probability of more than x."""
        return self._function("sf", x, args, kwargs)

    def logsf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the probability of more than x."""
        return self._function("logsf", x, args, kwargs)

    def _function(self, name: str, x: Any, args: Sequence, kwargs: dict) -> Any:
        x, *shapes, loc, scale = self.bound(x, args, kwargs)
        z = (x - loc) / scale
        low, high = self.support
        below, above = (z < low, z > high) if self.ends else (z <= low, z >= high)
        bounded = [(side, limit) for side, limit, end in zip((below, above), AT_AN_END[name], self.support)
                   if math.isfinite(end)]  # fmt: skip
        for side, _ in bounded:
            z = np.where(side, self.inside, z)
        y = self.of(name, z, shapes)
        if name == "pdf":
            y = y / scale
        elif name == "logpdf":
            y = y - np.log(scale)
        for side, limit in bounded:
            y = np.where(side, limit, y)
        return _nan_unless([scale > 0, *[shape > 0 for shape in shapes]], y)


class Counts(Law):
    """A law of the whole numbers from `first` on, to the first shape where `last` says so.

    Every function takes (k, *shapes, loc=0), arrays that broadcast, and is differentiable in the shapes that are no
    whole numbers themselves. k carries no derivative: the distribution function is constant between whole numbers.
    """

    location_and_scale = (("loc", 0.0),)

    def __init__(
        self, *shapes: str, first: int = 0, last: Callable | None = None, valid: Callable, **functions: Callable
    ):
        super().__init__(*shapes, **functions)
        self.first, self.last, self.valid = first, last, valid

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The probability of k."""
        return np.exp(self.logpmf(k, *args, **kwargs))

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the probability of k."""
        k, shapes, below, above = self._count(k, args, kwargs)
        whole = np.floor(k)
        outside = below | above | (k != whole)
        y = self.of("logpmf", np.where(outside, self.first, whole), shapes)
        return _nan_unless([self.valid(*shapes)], np.where(outside, -np.inf, y))

    def cdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The probability of at most k."""
        return self._distribution("cdf", k, args, kwargs)

    def logcdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the probability of at most k."""
        return self._distribution("logcdf", k, args, kwargs)

    def sf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The probability of more than k."""
        return self._distribution("sf", k, args, kwargs)

    def logsf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """The logarithm of the probability of more than k."""
        return self._distribution("logsf", k, args, kwargs)

    def _count(self, k: Any, args: Sequence, kwargs: dict) -> tuple:
        k, *shapes, loc = self.bound(k, args, kwargs)
        k = k - loc
        return k, shapes, k < self.first, (k > self.last(*shapes) if self.last else np.zeros_like(k, dtype=bool))

    def _distribution(self, name: str, k: Any, args: Sequence, kwargs: dict) -> Any:
        k, shapes, below, above = self._count(k, args, kwargs)
        if self.last:
            above = k >= self.last(*shapes)
        y = self.of(name, np.where(below | above, self.first, np.floor(k)), shapes)
        low, high = AT_AN_END[name]
        return _nan_unless([self.valid(*shapes)], np.where(below, low, np.where(above, high, y)))

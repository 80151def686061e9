"""Slopes of elementwise functions that are rows themselves: their own slopes are written out.

Differentiated as it stands, 1 - y² or 1 / (1 + x²) would cancel, overflow or underflow on the way to a derivative that
does not.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import LARGE
from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.partial import RULE_NAMES, rule_name


def slope_row(evaluate: Callable, name: str, *partials: str | None, **options: Any) -> None:
    """Make a row of a slope, which partials know by its name.

    Of a slope in terms of x and y the first partial is the whole derivative in x, and the second None.
    """
    RULE_NAMES[name] = Elementwise(evaluate, *partials, name=name, **options)


# -- near one ----------------------------------------------------------------------------------------------------------


def _one_minus_square(x: Any) -> Any:
    """1 - x² to all digits near 1; large arrays by functions that borrow their memory."""
    if x.__class__ is not np.ndarray:
        return (1 - x) * (1 + x)
    return RULE_NAMES["multiply"](RULE_NAMES["subtract"](1, x), RULE_NAMES["add"](1, x))


slope_row(_one_minus_square, "one_minus_square", "-2 * x", exact="1 - x * x")

TAIL = 0.19
"""The slope of tanh from which down 1 - y² has lost some bits."""


@rule_name
def tanh_slope(x: Any, y: Any) -> Any:
    """1 - y², where y = tanh(x); in the tail, where y rounds to one, 1 / cosh(x)²."""
    if isinstance(y, float) and -0.9 < y < 0.9:  # a number that no trace watches, the most frequent one
        return 1 - y * y
    return RULE_NAMES["slope_of_tanh"](x, y)


def _tanh_slope(x: Any, y: Any) -> Any:
    if y.__class__ is not np.ndarray:
        slope = 1 - y * y
        return slope if abs(slope) > TAIL else _inverse_square_of_cosh(x)
    slope = RULE_NAMES["subtract"](1, RULE_NAMES["multiply"](y, y))
    tail = np.flatnonzero(RULE_NAMES["absolute"](slope) < TAIL)
    if tail.size:
        slope.put(tail, _inverse_square_of_cosh(x.take(tail)))
    return slope


def _inverse_square_of_cosh(x: Any) -> Any:
    """4e / (1 + e)² with e = exp(-2|x|), where cosh itself would overflow; of complex x on the right half plane."""
    e = np.exp(-2 * x * np.copysign(1.0, x.real))
    return 4 * e / np.square(1 + e)


slope_row(_tanh_slope, "slope_of_tanh", "-2 * y * b", None, exact="1 / cosh(a) ** 2")


# -- far out -----------------------------------------------------------------------------------------------------------

USUAL = 1e8
"""Numbers up to here have a square, and of float64 one that is not lost beside 1."""


@rule_name
def arctan_slope(x: Any) -> Any:
    """1 / (1 + x²)."""
    return 1 / (1 + x * x) if isinstance(x, float) and -USUAL < x < USUAL else RULE_NAMES["slope_of_arctan"](x)


@rule_name
def arcsinh_slope(x: Any) -> Any:
    """1 / √(1 + x²)."""
    if isinstance(x, float) and -USUAL < x < USUAL:
        return 1 / np.sqrt(1 + x * x)
    return RULE_NAMES["slope_of_arcsinh"](x)


@rule_name
def finite_or_zero(x: Any) -> Any:
    """x, and 0 in the place of an infinite one, beside a slope that is 0 there."""
    return np.where(np.isinf(x), 0.0, x)


def _far_out(near: Callable, far: Callable) -> Callable:
    """A function of 1 + x², and where that would overflow the one that it comes to far from 0."""

    def slope(x: Any) -> Any:
        if _have_squares(x):
            return near(RULE_NAMES["add"](1, RULE_NAMES["multiply"](x, x)))
        x = np.asarray(x)
        beyond = np.abs(x) > 2 / np.sqrt(np.finfo(x.dtype).eps)
        return np.where(beyond, far(np.where(beyond, x, 1)), near(1 + np.square(np.where(beyond, 1, x))))[()]

    return slope


def _have_squares(x: Any) -> bool:
    """Whether the squares of these numbers are finite: a pass that is cheap beside the function itself."""
    if x.__class__ is not np.ndarray:
        return abs(x) < np.sqrt(np.finfo(np.result_type(x)).max)
    if x.size < LARGE:
        return bool(np.vdot(x, x).real < np.inf)
    return bool(np.max(RULE_NAMES["absolute"](x)) < np.sqrt(np.finfo(x.dtype).max))


slope_row(
    _far_out(lambda s: RULE_NAMES["divide"](1, s), lambda x: np.square(1 / x)),
    "slope_of_arctan", "-2 * finite_or_zero(x) * y * y", exact="1 / (1 + x * x)",
)  # fmt: skip
slope_row(
    _far_out(lambda s: RULE_NAMES["divide"](1, RULE_NAMES["sqrt"](s)), lambda x: np.copysign(1.0, x.real) / x),
    "slope_of_arcsinh", "-finite_or_zero(x) * y * y * y", exact="1 / sqrt(1 + x * x)",
)  # fmt: skip

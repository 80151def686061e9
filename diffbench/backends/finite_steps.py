"""Steps of finite differences before anything is known of f: the scale of x, and what floating point can represent."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.backends.finite_neighbourhood import as_scalar
from diffbench.traced_values import primal


def scale_of(x: np.ndarray) -> Any:
    """The distance over which f is expected to change: a guess, and of a zero nothing can be guessed."""
    return np.where(x == 0, x.dtype.type(1), np.maximum(np.abs(x), 0.25))


def representable(x: np.ndarray, step: Any, reach: int) -> Any:
    """Steps in whole units in the last place of the furthest point, at least one: x + k·step is then exact.

    >>> x, h = 1.5, representable(np.array(1.5), 1e-5, reach=1)
    >>> bool((x + h) - x == h)
    True
    """
    with np.errstate(invalid="ignore", over="ignore"):  # x may be NaN or infinite, and then so is the derivative
        unit = np.spacing(np.abs(x) + reach * step)
        return unit * np.maximum(np.rint(step / unit), 1)


def distance_along(tangents: Sequence, steps: Sequence) -> Any:
    """How far to go along a direction so that no entry moves further than its step; 1 where nothing moves."""
    distances = []
    for tangent, step in zip(tangents, steps, strict=True):
        speed = np.abs(np.asarray(primal(tangent)))
        moving = speed != 0
        distances += [np.min(step[moving] / speed[moving])] if np.any(moving) else []
    t = as_scalar(np.min(distances)) if distances else 1.0
    return 1.0 if t == 0 else t


COARSE = 0.01
"""How much of the fastest entry's way the rounding of another entry may be, before they move one after the other."""


def moving_together(point: Sequence, tangents: Sequence, steps: Sequence) -> list[Sequence]:
    """A direction as the sum of directions along each of which all entries can go the distance of `distance_along`.

    In most cases that is the direction itself. But a step that fits a small entry, or one of float64, is less than the
    spacing of the numbers near a large one, or one of float32, which would not move at all.
    """
    t = float(distance_along(tangents, steps))
    speeds = [np.abs(np.asarray(primal(tangent))) for tangent in tangents]
    fastest = max((float(np.max(speed)) for speed in speeds if speed.size), default=0.0)
    with np.errstate(invalid="ignore"):
        units = [np.spacing(np.abs(np.asarray(primal(x)))) for x in point]
        coarse = [(speed != 0) & (unit > COARSE * t * fastest) for speed, unit in zip(speeds, units)]
    if not any(map(np.any, coarse)) or all(np.all(slow | (speed == 0)) for slow, speed in zip(coarse, speeds)):
        return [tangents]
    fine = [np.where(slow, v.dtype.type(0), v) for slow, v in zip(coarse, map(as_array, tangents))]
    rest = [np.where(slow, v, v.dtype.type(0)) for slow, v in zip(coarse, map(as_array, tangents))]
    return [*moving_together(point, fine, steps), *moving_together(point, rest, steps)]


def as_array(x: Any) -> Any:
    """A tangent with a dtype: traced as it is, a number of Python as one of NumPy."""
    return x if hasattr(x, "dtype") else np.float64(x)

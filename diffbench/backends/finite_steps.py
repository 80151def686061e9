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

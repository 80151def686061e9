"""Extrema over axes, running extrema, and where they stand.

Extrema that tie share the slope evenly, but for running ones: there the latest has it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import shape_of
from diffbench.primitives.kinds import Composite, Constant, General, only_default
from diffbench.primitives.reductions import Reduction, behind_batch_axis, bind_sum, expand_reduced

# -- over axes ---------------------------------------------------------------------------------------------------------


class Extremum(Reduction, General):
    def __init__(self, function: Callable, neutral: float, join: Callable, **options: Any):
        super().__init__(function, **options)
        self.neutral, self.join = neutral, join


def _bind_extremum(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    if where is not True and initial is None:
        raise ValueError("reduction operation needs initial= where entries are left out by where=")
    return bind_sum(a, axis, None, out, keepdims, initial, where)


def _extremes(y: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> tuple[Any, Any]:
    """Where the extremum is taken, NaN included, and how many times, with unit axes where it was reduced."""
    mask = np.equal(a, expand_reduced(y, axis, keepdims, shape_of(a)))
    if np.any(np.isnan(y)):
        mask = np.logical_or(mask, np.isnan(a))
    return mask, np.sum(mask, axis=axis, keepdims=True, dtype=y.dtype)


def _extremum_jvp(y, operands, tangents, axis, keepdims):
    mask, count = _extremes(y, operands[0], axis, keepdims)
    slope = np.sum(np.where(mask, tangents[0], 0.0) / count, axis=axis, keepdims=True)
    return slope if keepdims else np.reshape(slope, shape_of(y))


def _extremum_vjp(cotangent, y, operands, wanted, axis, keepdims):
    (a,) = operands
    mask, count = _extremes(y, a, axis, keepdims)
    return [np.where(mask, expand_reduced(cotangent, axis, keepdims, shape_of(a)) / count, 0.0)]


def _extremum(function: Callable, neutral: float, join: Callable) -> Extremum:
    name = function.__name__
    return Extremum(
        function,
        neutral,
        join,
        bind=_bind_extremum,
        evaluate=lambda a, axis, keepdims: function(a, axis=axis, keepdims=keepdims),
        jvp_rule=_extremum_jvp,
        vjp_rule=_extremum_vjp,
        batch_rule=behind_batch_axis(function),
        examples=[
            example.format(name)
            for example in (
                "{}(A)",
                "{}(A, axis=0)",
                "{}(T, axis=(0, -1))",
                "{}(A, 1, keepdims=True)",
                "{}(s)",
                "{}(A, 0, initial=s)",
                "{}(A, 0, initial=0.0, where=M)",
            )
        ],
    )


MAX = _extremum(np.max, -np.inf, np.maximum)
MIN = _extremum(np.min, np.inf, np.minimum)


def _expand_amax(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    return MAX.call((a, axis, out, keepdims, initial, where), {})


def _expand_amin(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    return MIN.call((a, axis, out, keepdims, initial, where), {})


def _expand_ptp(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis, out, keepdims) - np.min(a, axis, out, keepdims)


def bind_position(a, axis=None, out=None, *, keepdims=False):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": keepdims}


# fmt: off
ROWS = [
    MAX, MIN,
    Composite(np.amax, _expand_amax, examples=["amax(A, 0)"]),
    Composite(np.amin, _expand_amin, examples=["amin(A, 0)"]),
    Composite(np.ptp, _expand_ptp, examples=["ptp(A)", "ptp(A, axis=-1, keepdims=True)"]),
    Constant(np.argmax, bind=bind_position, examples=["v * argmax(v)"]),
    Constant(np.argmin, bind=bind_position, examples=["v * argmin(v)"]),
]
# fmt: on

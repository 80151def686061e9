"""Sums, means, products, extrema and running versions of them.

Conventions where the derivative does not exist: extrema that tie share the slope evenly; a standard deviation of zero
has slope 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import rank_of, shape_of, spread
from diffbench.primitives.kinds import Composite, Constant, General, Linear, only_default


def normalised_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes of a reduction as ascending non-negative integers.

    >>> normalised_axes(-1, 3), normalised_axes(None, 2)
    ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, int):
        return (axis + rank if axis < 0 else axis,)
    return tuple(sorted(int(a) + rank if a < 0 else int(a) for a in np.atleast_1d(axis)))


def expand_reduced(g: Any, axis: tuple[int, ...], keepdims: bool, shape: tuple[int, ...]) -> Any:
    """A reduced array with unit axes where it was reduced, ready to broadcast against the operand."""
    if keepdims or len(axis) == len(shape):  # a number broadcasts as it is
        return g
    return np.reshape(g, tuple(1 if a in axis else n for a, n in enumerate(shape)))


def _bind_sum(a, axis=None, dtype=None, out=None, keepdims=False):
    only_default(out=out)
    a = a if dtype is None else np.astype(a, dtype)
    return (a,), {"axis": normalised_axes(axis, rank_of(a)), "keepdims": bool(keepdims)}


def _bind_extremum(a, axis=None, out=None, keepdims=False):
    return _bind_sum(a, axis, None, out, keepdims)


def _behind_batch_axis(function: Callable) -> Callable:
    """The batch rule of a reduction: the same, along axes that have all moved by one."""

    def batch_rule(operands, batched, axis, keepdims):
        return function(operands[0], axis=tuple([a + 1 for a in axis]), keepdims=keepdims)

    return batch_rule


# -- sum and mean ------------------------------------------------------------------------------------------------------


def _sum_transpose(g, position, shapes, axis, keepdims):
    (shape,) = shapes
    if len(axis) == len(shape) and not keepdims:
        return spread(g, shape)
    return np.broadcast_to(expand_reduced(g, axis, keepdims, shape), shape)


def _mean_transpose(g, position, shapes, axis, keepdims):
    count = math.prod([shapes[0][a] for a in axis])
    return _sum_transpose(g / max(count, 1), position, shapes, axis, keepdims)


SUM = Linear(
    np.sum,
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.add.reduce(a, axis=axis, keepdims=keepdims),
    transpose=_sum_transpose,
    batch_rule=_behind_batch_axis(np.sum),
    examples=[
        "sum(A)",
        "sum(A, axis=0)",
        "sum(T, axis=(0, -1))",
        "sum(A, axis=1, keepdims=True)",
        "sum(s)",
        "sum(A[:0])",
        "sum(A[:0], axis=0)",
    ],
)
MEAN = Linear(
    np.mean,
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.mean(a, axis=axis, keepdims=keepdims),
    transpose=_mean_transpose,
    batch_rule=_behind_batch_axis(np.mean),
    examples=["mean(A)", "mean(A, axis=0)", "mean(T, axis=(0, -1))", "mean(A, -1, keepdims=True)", "mean(s)"],
)


# -- extrema -----------------------------------------------------------------------------------------------------------


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


def _extremum(function: Callable) -> General:
    name = function.__name__
    return General(
        function,
        bind=_bind_extremum,
        evaluate=lambda a, axis, keepdims: function(a, axis=axis, keepdims=keepdims),
        jvp_rule=_extremum_jvp,
        vjp_rule=_extremum_vjp,
        batch_rule=_behind_batch_axis(function),
        examples=[
            example.format(name)
            for example in ("{}(A)", "{}(A, axis=0)", "{}(T, axis=(0, -1))", "{}(A, 1, keepdims=True)", "{}(s)")
        ],
    )


MAX, MIN = _extremum(np.max), _extremum(np.min)


def _expand_amax(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis, out, keepdims)


def _expand_amin(a, axis=None, out=None, keepdims=False):
    return np.min(a, axis, out, keepdims)


def _expand_ptp(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis, out, keepdims) - np.min(a, axis, out, keepdims)


# -- running sums and products -----------------------------------------------------------------------------------------


def _bind_running(a, axis=None, dtype=None, out=None):
    only_default(out=out)
    a = a if dtype is None else np.astype(a, dtype)
    if axis is None:
        return (a if rank_of(a) == 1 else np.ravel(a),), {"axis": 0}
    return (a,), {"axis": normalised_axes(axis, rank_of(a))[0]}


def _sum_from_behind(x: Any, axis: int) -> Any:
    """The running sum that starts at the last entry."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _cumprod_jvp(y, operands, tangents, axis):
    (a,), (t,) = operands, tangents
    if np.all(a != 0):
        return y * np.cumsum(t / a, axis)
    a, y, t = (np.moveaxis(x, axis, 0) for x in (a, y, t))
    slopes = [t[0]]  # the product rule, entry after entry: it needs no division by a zero
    for k in range(1, len(a)):
        slopes.append(slopes[-1] * a[k] + y[k - 1] * t[k])
    return np.moveaxis(np.stack(slopes), 0, axis)


def _cumprod_vjp(cotangent, y, operands, wanted, axis):
    (a,) = operands
    if np.all(a != 0):
        return [_sum_from_behind(cotangent * y, axis) / a]
    a, y, g = (np.moveaxis(x, axis, 0) for x in (a, y, cotangent))
    carried, slopes = g[-1], []  # `carried` is the cotangent of the running product up to and with entry k
    for k in range(len(a) - 1, 0, -1):
        slopes.append(carried * y[k - 1])
        carried = g[k - 1] + carried * a[k]
    return [np.moveaxis(np.stack([carried, *slopes[::-1]]), 0, axis)]


CUMSUM = Linear(
    np.cumsum,
    bind=_bind_running,
    evaluate=lambda a, axis: np.cumsum(a, axis=axis),
    transpose=lambda g, position, shapes, axis: _sum_from_behind(g, axis),
    batch_rule=lambda operands, batched, axis: np.cumsum(operands[0], axis=axis + 1),
    examples=["cumsum(A)", "cumsum(A, axis=0)", "cumsum(T, -1)", "cumsum(s)", "cumsum(v[:0])"],
)
CUMPROD = General(
    np.cumprod,
    bind=_bind_running,
    evaluate=lambda a, axis: np.cumprod(a, axis=axis),
    jvp_rule=_cumprod_jvp,
    vjp_rule=_cumprod_vjp,
    batch_rule=lambda operands, batched, axis: np.cumprod(operands[0], axis=axis + 1),
    examples=[
        "cumprod(A)",
        "cumprod(A, axis=0)",
        "cumprod(T, -1)",
        "cumprod(s)",
        "cumprod(v * array([1.0, 0.0, 1.0]))",
        "cumprod(A * (array([[0, 1, 2, 0]]) > 0), axis=1)",
    ],
)


def _cumulative(function: Callable, start: float) -> Callable:
    def expand(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if axis is None and rank_of(x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        y = function(x, axis=axis, dtype=dtype, out=out)
        if not include_initial:
            return y
        (axis,) = normalised_axes(0 if axis is None else axis, rank_of(y))
        return np.concatenate([np.full_like(y[(slice(None),) * axis + (slice(1),)], start), y], axis)

    return expand


# -- products ----------------------------------------------------------------------------------------------------------


def _products_of_the_others(y: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """For each entry the product of all others that are reduced with it."""
    if np.all(a != 0):
        return expand_reduced(y, axis, keepdims, shape_of(a)) / a
    order = [k for k in range(rank_of(a)) if k not in axis] + list(axis)
    moved = np.transpose(a, order)
    lines = np.reshape(moved, (*shape_of(moved)[: rank_of(a) - len(axis)], -1))
    before = _products_of_those_before(lines)
    behind = np.flip(_products_of_those_before(np.flip(lines, -1)), -1)
    return np.transpose(np.reshape(before * behind, shape_of(moved)), np.argsort(order))


def _products_of_those_before(lines: Any) -> Any:
    return np.concatenate([np.ones_like(lines[..., :1]), np.cumprod(lines[..., :-1], -1)], -1)


def _prod_jvp(y, operands, tangents, axis, keepdims):
    return np.sum(tangents[0] * _products_of_the_others(y, operands[0], axis, keepdims), axis=axis, keepdims=keepdims)


def _prod_vjp(cotangent, y, operands, wanted, axis, keepdims):
    (a,) = operands
    expanded = expand_reduced(cotangent, axis, keepdims, shape_of(a))
    return [expanded * _products_of_the_others(y, a, axis, keepdims)]


PROD = General(
    np.prod,
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.prod(a, axis=axis, keepdims=keepdims),
    jvp_rule=_prod_jvp,
    vjp_rule=_prod_vjp,
    batch_rule=_behind_batch_axis(np.prod),
    examples=[
        "prod(A)",
        "prod(A, axis=0)",
        "prod(T, axis=(0, -1))",
        "prod(A, axis=1, keepdims=True)",
        "prod(s)",
        "prod(v * array([1.0, 0.0, 1.0]))",
        "prod(A * (array([[0, 1, 2, 0]]) > 0), axis=1)",
        "prod(T * (arange(4) != 1), axis=(0, 2))",
        "prod(v[:0])",
    ],
)


# -- spread ------------------------------------------------------------------------------------------------------------


def _expand_var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, mean=None, correction=None):
    only_default(out=out)
    a = a if dtype is None else np.astype(a, dtype)
    axis = normalised_axes(axis, rank_of(a))
    deviation = a - (np.mean(a, axis=axis, keepdims=True) if mean is None else mean)
    count = math.prod([shape_of(a)[k] for k in axis])
    freedom = max(count - (ddof if correction is None else correction), 0)
    return np.sum(np.square(deviation), axis=axis, keepdims=keepdims) / freedom


def _expand_std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, mean=None, correction=None):
    variance = np.var(a, axis, dtype, out, ddof, keepdims, mean=mean, correction=correction)
    constant = variance == 0
    return np.where(constant, 0.0, np.sqrt(np.where(constant, 1.0, variance)))


# -- positions, truth, counts: derivative zero -------------------------------------------------------------------------


def _bind_position(a, axis=None, out=None, *, keepdims=False):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": keepdims}


def _bind_argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    only_default(order=order)
    return (a,), {"axis": axis, "kind": kind, "stable": stable}


def _bind_truth(a, axis=None, out=None, keepdims=False):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": keepdims}


def _bind_count(a, axis=None, *, keepdims=False):
    return (a,), {"axis": axis, "keepdims": keepdims}


def _bind_searchsorted(a, v, side="left", sorter=None):
    return (a, v), {"side": side, "sorter": sorter}


# fmt: off
ROWS = [
    SUM, MEAN, MAX, MIN, PROD, CUMSUM, CUMPROD,
    Composite(np.amax, _expand_amax, examples=["amax(A, 0)"]),
    Composite(np.amin, _expand_amin, examples=["amin(A, 0)"]),
    Composite(np.ptp, _expand_ptp, examples=["ptp(A)", "ptp(A, axis=-1, keepdims=True)"]),
    Composite(np.var, _expand_var, examples=["var(A)", "var(A, axis=0, ddof=1)", "var(T, (0, -1), keepdims=True)",
                                             "var(v, correction=1)", "var(A, mean=s)"]),
    Composite(np.std, _expand_std, examples=["std(A)", "std(A, axis=0, ddof=1)", "std(T, (0, -1), keepdims=True)"]),
    Constant(np.argmax, bind=_bind_position, examples=["v * argmax(v)"]),
    Constant(np.argmin, bind=_bind_position, examples=["v * argmin(v)"]),
    Constant(np.argsort, bind=_bind_argsort, examples=["A * argsort(A, axis=0)"]),
    Constant(np.any, bind=_bind_truth, examples=["v * any(v > 0)"]),
    Constant(np.all, bind=_bind_truth, examples=["A * all(A > 0, axis=0)"]),
    Constant(np.nonzero, examples=["A[nonzero(A)]"]),
    Constant(np.flatnonzero, examples=["v[flatnonzero(v)]"]),
    Constant(np.argwhere, examples=["v[argwhere(v)]"]),
    Constant(np.count_nonzero, bind=_bind_count, examples=["v * count_nonzero(v)"]),
    Constant(np.searchsorted, bind=_bind_searchsorted, examples=["v * searchsorted(w, v)"]),
    Constant(np.digitize, bind=lambda x, bins, right=False: ((x, bins), {"right": right}),
             examples=["v * digitize(v, [0.0, 1.0])"]),
]
# fmt: on
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    ROWS += [
        Composite(np.cumulative_sum, _cumulative(np.cumsum, 0.0),
                  examples=["cumulative_sum(v)", "cumulative_sum(A, axis=-1, include_initial=True)"]),
        Composite(np.cumulative_prod, _cumulative(np.cumprod, 1.0),
                  examples=["cumulative_prod(v)", "cumulative_prod(A, axis=0, include_initial=True)"]),
    ]  # fmt: skip

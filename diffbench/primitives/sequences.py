"""Differences, integrals, interpolation, convolution and grids along an axis, and functions applied along axes."""

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffbench.primitives.arrays import as_array, as_operand, constants, dtype_of, numbers_of, rank_of, shape_of
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.joining import along
from diffbench.primitives.kinds import Bilinear, Composite, Constant, NotCovered, Refused, Row
from diffbench.primitives.primitive import Traced
from diffbench.primitives.structural import strided

# -- differences -------------------------------------------------------------------------------------------------------


def _expand_diff(a, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if n == 0:
        return a
    axis = normalize_axis_index(axis, rank_of(a))
    ends = [None if end is np._NoValue else _as_slab(end, shape_of(a), axis) for end in (prepend, append)]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    a = np.concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        a = a[along(axis, slice(1, None))] - a[along(axis, slice(-1))]
    return a


def _as_slab(end: Any, shape: tuple[int, ...], axis: int) -> Any:
    """What is put before or behind an array: a number stands for a whole layer."""
    if rank_of(as_operand(end)):
        return as_operand(end)
    return np.broadcast_to(end, (*shape[:axis], 1, *shape[axis + 1 :]))


def _expand_ediff1d(ary, to_end=None, to_begin=None):
    flat = np.ravel(ary)
    parts = [to_begin, flat[1:] - flat[:-1], to_end]
    return np.concatenate(
        [np.astype(np.ravel(as_operand(part)), ary.dtype, copy=False) for part in parts if part is not None]
    )


def _expand_gradient(f, *varargs, axis=None, edge_order=1):
    rank = rank_of(f)
    axes = list(range(rank)) if axis is None else list(normalize_axis_tuple(axis, rank))
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1 and not rank_of(as_operand(spacings[0])):
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    slopes = [_slope_along(f, as_operand(h), k, edge_order) for h, k in zip(spacings, axes)]
    if dtype_of(f).kind in "fc":  # whatever the dtype of the spacings
        slopes = [np.astype(slope, dtype_of(f), copy=False) for slope in slopes]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope_along(f: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    """Central differences inside and one-sided ones at the ends, from steps that may differ."""
    n = shape_of(f)[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, "
            "at least (edge_order + 1) elements are required."
        )
    y = np.moveaxis(f, axis, 0)
    if rank_of(spacing):
        if shape_of(spacing) != (n,):
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        steps = spacing[1:] - spacing[:-1]
    else:
        step: Any = spacing if isinstance(spacing, Traced) else constants(spacing, f)
        steps = np.broadcast_to(step, (n - 1,))
    h = np.reshape(steps, (-1, *(1,) * (rank_of(y) - 1)))
    rise = (y[1:] - y[:-1]) / h
    before, behind = h[:-1], h[1:]
    inside = (behind * rise[:-1] + before * rise[1:]) / (before + behind)
    first, last = rise[:1], rise[-1:]
    if edge_order == 2:
        first = rise[:1] - h[:1] * (rise[1:2] - rise[:1]) / (h[:1] + h[1:2])
        last = rise[-1:] + h[-1:] * (rise[-1:] - rise[-2:-1]) / (h[-1:] + h[-2:-1])
    return np.moveaxis(np.concatenate([first, inside, last]), 0, axis)


def _expand_trapezoid(y, x=None, dx=1.0, axis=-1):
    y = as_operand(y)
    last = normalize_axis_index(axis, rank_of(y))
    if x is None:
        width: Any = dx
    else:
        x = as_operand(x)
        if rank_of(x) == 1:
            width = np.reshape(x[1:] - x[:-1], [-1 if k == last else 1 for k in range(rank_of(y))])
        else:
            width = np.diff(x, axis=axis)
    return np.sum(width * (y[along(last, slice(1, None))] + y[along(last, slice(-1))]) / 2.0, axis=axis)


UNWRAP_SHIFT = Constant(
    lambda p, discont, axis, period: np.unwrap(p, discont, axis, period=period) - p, name="numpy.unwrap"
)
"""How far np.unwrap moves each entry: whole periods, constant in between."""


def _expand_unwrap(p, discont=None, axis=-1, *, period=2 * math.pi):
    return p + UNWRAP_SHIFT(p, discont=discont, axis=axis, period=period)


# -- interpolation -----------------------------------------------------------------------------------------------------

INTERVAL = Constant(
    lambda x, xp: np.clip(np.searchsorted(xp, x, "right") - 1, 0, max(len(xp) - 2, 0)), name="numpy.interp"
)


def _expand_interp(x, xp, fp, left=None, right=None, period=None):
    x, xp = (np.astype(as_array(z), float, copy=False) for z in (x, xp))
    fp = as_array(fp)
    fp = np.astype(fp, complex if is_complex(fp) else float, copy=False)
    if rank_of(xp) != 1 or shape_of(fp) != shape_of(xp):
        raise ValueError("fp and xp are not of the same length.")
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = abs(period)
        x, xp = np.remainder(x, period), np.remainder(xp, period)
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    if shape_of(xp)[0] == 1:
        y = np.broadcast_to(fp[0], shape_of(x))
    else:
        k = INTERVAL(x, xp)
        y = fp[k] + (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k])
    y = np.where(x < xp[0], fp[0] if left is None else left, y)
    return np.where(x > xp[-1], fp[-1] if right is None else right, y)


# -- convolution -------------------------------------------------------------------------------------------------------


def _convolved_transpose(g: Any, other: Any, shape: tuple[int, ...]) -> Any:
    (n,), (m,) = shape, shape_of(other)
    return CONVOLVE(g, other[::-1])[m - 1 : m - 1 + n]


CONVOLVE: Bilinear = Bilinear(
    lambda a, v: np.convolve(a, v), name="full numpy.convolve", transposes=(_convolved_transpose,) * 2
)


def _expand_convolve(a, v, mode="full"):
    a, v = np.atleast_1d(as_operand(a)), np.atleast_1d(as_operand(v))
    if not np.size(a) or not np.size(v):
        raise ValueError(f"{'a' if not np.size(a) else 'v'} cannot be empty")
    full = CONVOLVE(a, v)
    (n,), (m,) = shape_of(a), shape_of(v)
    long, short = max(n, m), min(n, m)
    if mode == "full":
        return full
    if mode == "same":
        start = (short - 1) // 2
        return full[start : start + long]
    if mode == "valid":
        return full[short - 1 : long]
    raise ValueError(f"mode must be one of 'full', 'same', 'valid', found {mode!r}")


def _expand_correlate(a, v, mode="valid"):
    a, v = as_operand(a), as_operand(v)
    if rank_of(a) != 1 or rank_of(v) != 1:
        raise ValueError("np.correlate takes vectors")
    v = np.conjugate(v) if is_complex(v) else v
    if mode == "same":  # NumPy takes the middle from the other side where the second is the longer
        full, (n,), (m,) = CONVOLVE(a, v[::-1]), shape_of(a), shape_of(v)
        start = (m - 1) // 2 if n >= m else n // 2
        return full[start : start + max(n, m)]
    return _expand_convolve(a, v[::-1], mode)


# -- grids with traced ends --------------------------------------------------------------------------------------------


def _ends(start: Any, stop: Any) -> list:
    """Both ends of a grid, of one shape; a plain number in the dtype of the other end."""
    start, stop = as_operand(start), as_operand(stop)
    like = start if isinstance(start, Traced) else stop
    ends = [constants(end, like) if type(end) in (bool, int, float) else end for end in (start, stop)]
    return list(np.broadcast_arrays(*ends))


def _expand_linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    start, stop = _ends(start, stop)
    start, stop = (np.astype(end, np.result_type(start.dtype, stop.dtype), copy=False) for end in (start, stop))
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else (stop - start) * np.nan
    places = np.reshape(constants(np.arange(num), start), (-1, *(1,) * rank_of(start)))
    grid = start + places * (step if parts > 0 else 0.0)
    if endpoint and num > 1:
        grid = np.concatenate([grid[:-1], np.reshape(stop, (1, *shape_of(stop)))])
    grid = np.moveaxis(grid, 0, axis)
    if dtype is not None:
        grid = np.astype(np.floor(grid) if np.issubdtype(dtype, np.integer) else grid, dtype, copy=False)
    return (grid, step) if retstep else grid


def _expand_logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    grid = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return grid if dtype is None else np.astype(grid, dtype, copy=False)


def _expand_geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    start, stop = (as_array(end) for end in (start, stop))
    computed = np.result_type(start.dtype, stop.dtype, np.dtype(dtype))  # of None that is float64
    start, stop = np.broadcast_arrays(*[np.astype(end, computed, copy=False) for end in (start, stop)])
    ratio = stop / start
    places = constants(np.linspace(0.0, 1.0, num, endpoint), start)
    grid = start * ratio ** np.reshape(places, (-1, *(1,) * rank_of(start)))
    if endpoint and num > 1:
        grid = np.concatenate([grid[:-1], np.reshape(stop, (1, *shape_of(stop)))])
    grid = np.moveaxis(grid, 0, axis)
    return grid if dtype is None else np.astype(grid, dtype, copy=False)


# -- functions applied along axes --------------------------------------------------------------------------------------


def _expand_apply_along_axis(func1d, axis, arr, *args, **kwargs):
    axis = normalize_axis_index(axis, rank_of(arr))
    lines = np.moveaxis(arr, axis, -1)
    outer = shape_of(lines)[:-1]
    results = [as_operand(func1d(lines[index], *args, **kwargs)) for index in np.ndindex(*outer)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    stacked = np.reshape(np.stack(results), outer + shape_of(results[0]))
    inner = rank_of(results[0])
    return np.moveaxis(stacked, range(len(outer), len(outer) + inner), range(axis, axis + inner))


def _expand_apply_over_axes(func, a, axes):
    for axis in map(operator.index, np.atleast_1d(axes)):
        result = func(a, axis)
        a = result if rank_of(result) == rank_of(a) else np.expand_dims(result, axis)
    return a


def _expand_i0(x):
    """The mean of exp(x cos θ) over the circle: the trapezoidal rule, which for a periodic function is exact."""
    x = as_operand(x)
    largest = numbers_of(np.max(np.abs(x)) if np.size(x) else 0.0)
    if not isinstance(largest, float | np.floating):
        raise NotCovered("exact numbers: as many points as double precision needs would not do")
    cosines = constants(np.cos(np.pi * (np.arange(n := 32 + int(largest)) + 0.5) / n), x)
    return np.mean(np.exp(np.expand_dims(x, -1) * cosines), axis=-1)


def _expand_sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    rank = rank_of(x)
    lengths = [int(n) for n in np.atleast_1d(window_shape)]
    axes = list(range(rank)) if axis is None else list(normalize_axis_tuple(axis, rank, allow_duplicate=True))
    if len(lengths) != len(axes):
        raise ValueError(f"Must provide matching length window_shape and axis; got {len(lengths)} and {len(axes)}")
    for k, length in zip(axes, lengths):
        count = shape_of(x)[k] - length + 1
        if length < 0 or count <= 0:
            raise ValueError("window shape cannot be negative, nor larger than input array shape")
        windows = (slice(None),) * k + (np.arange(count)[:, None] + np.arange(length),)
        x = np.moveaxis(strided(x, windows, writable=False), k + 1, -1)
    return x


# fmt: off
ROWS: list[Row] = [
    CONVOLVE,
    Composite(np.diff, _expand_diff, examples=["diff(v)", "diff(A, 2)", "diff(A, axis=0)", "diff(v, 0)",
                                               "diff(v, prepend=s, append=[1.0, 2.0])", "diff(A, append=B[:3, :1])"]),
    Composite(np.ediff1d, _expand_ediff1d, examples=["ediff1d(A)", "ediff1d(v, [1.0, 2.0], s)"]),
    Composite(np.gradient, _expand_gradient,
              examples=["gradient(v)", "gradient(v, 0.5, edge_order=2)", "gradient(A, axis=1)", "gradient(A)[0]",
                        "gradient(A, 2.0, 3.0)[1]", "gradient(A[0], cumsum(exp(A[1])))",
                        "gradient(A[0], cumsum(exp(A[1])), edge_order=2)", "gradient(v, s)"]),
    Composite(np.trapezoid, _expand_trapezoid,
              examples=["trapezoid(v)", "trapezoid(A, dx=0.5, axis=0)", "trapezoid(A, A[0])", "trapezoid(A, exp(A))"]),
    Composite(np.unwrap, _expand_unwrap, examples=["unwrap(4 * v)", "unwrap(A, period=1.0)", "unwrap(3 * A, axis=0)"]),
    Composite(np.interp, _expand_interp,
              examples=["interp(v, [-2.5, 0.1, 2.6], w)", "interp(s, cumsum(exp(v)), w)",
                        "interp(3 * v, [-1, 1], stack([s, 2]))", "interp(3 * v, [-1.0, 1.0], w[:2], left=s, right=2.0)",
                        "interp(v, [0.1, 0.7, 1.2], w, period=1.5)"]),
    Composite(np.convolve, _expand_convolve,
              examples=["convolve(v, w)", "convolve(A[0], v, 'same')", "convolve(v, A[0], 'valid')",
                        "convolve(A[0], B[:, 0], 'same')", "convolve(v[:2], A[0], 'same')"]),
    Composite(np.correlate, _expand_correlate,
              examples=["correlate(v, w)", "correlate(A[0], v)", "correlate(A[0], v[:2], 'full')",
                        "correlate(v, A[0], 'full')", "correlate(v, A[0])", "correlate(A[0], v, 'same')"]),
    Composite(np.linspace, _expand_linspace,
              examples=["linspace(s, 3.0, 5)", "linspace(v, w, 4)", "linspace(v, 2.0, 4, endpoint=False, axis=-1)",
                        "linspace(s, 3.0, 5, retstep=True)[1]"]),
    Composite(np.logspace, _expand_logspace, examples=["logspace(s, 1.0, 4)", "logspace(v, w, 3, base=2.0)"]),
    Composite(np.geomspace, _expand_geomspace, examples=["geomspace(s, 3.0, 5)", "geomspace(exp(v), exp(w), 3)"]),
    Composite(np.apply_along_axis, _expand_apply_along_axis,
              examples=["apply_along_axis(prod, 0, A)", "apply_along_axis(cumsum, 1, A)",
                        "apply_along_axis(lambda x: outer(x, x), 1, T)"]),
    Composite(np.apply_over_axes, _expand_apply_over_axes, examples=["apply_over_axes(sum, T, (0, 2))"]),
    Composite(np.i0, _expand_i0, examples=["i0(A)", "i0(3 * s)"]),
    Composite(np.lib.stride_tricks.sliding_window_view, _expand_sliding_window_view,
              examples=["lib.stride_tricks.sliding_window_view(v, 2)",
                        "lib.stride_tricks.sliding_window_view(A, (2, 3))",
                        "lib.stride_tricks.sliding_window_view(A, 2, axis=1)"]),
    Refused(np.lib.stride_tricks.as_strided, "it reads memory at places that no trace knows",
            hint="use np.lib.stride_tricks.sliding_window_view, or indexing"),
]
# fmt: on

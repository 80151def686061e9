"""Running sums and products."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from diffbench.primitives.arrays import rank_of, shape_of
from diffbench.primitives.factors import balance, half_range, may_divide, times_power
from diffbench.primitives.joining import is_axis_of_number
from diffbench.primitives.kinds import Composite, General, Linear, PrimitiveRow, Row, only_default
from diffbench.primitives.reductions import in_integers, is_of_integers, normalised_axes


class Running(PrimitiveRow):
    """What cumsum and cumprod have in common: they compute in integers where dtype= says so."""

    def call(self, args, kwargs):
        (a,), params = self.bound(args, kwargs)
        return in_integers(self.function.__name__, a, **params) if "dtype" in params else self(a, **params)


class RunningSum(Running, Linear):
    pass


class RunningProduct(Running, General):
    pass


def _bind_running(a, axis=None, dtype=None, out=None):
    only_default(out=out)
    if is_of_integers(dtype):
        return (a,), {"axis": axis, "dtype": dtype}
    a = a if dtype is None else np.astype(a, dtype, copy=False)
    if axis is None or is_axis_of_number(axis, a):
        return (a if rank_of(a) == 1 else np.ravel(a),), {"axis": 0}
    return (a,), {"axis": normalize_axis_index(axis, rank_of(a))}


def _sum_from_behind(x: Any, axis: int) -> Any:
    """The running sum that starts at the last entry."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _cumprod_jvp(y, operands, tangents, axis):
    (a,), (t,) = operands, tangents
    if may_divide(y, a):
        return y * np.cumsum(t / a, axis)
    if balanced := balance(a, axis):
        return _cumprod_jvp_of_any_size(a, t, axis, *balanced)
    a, y, t = (np.moveaxis(x, axis, 0) for x in (a, y, t))
    slopes = [t[0]]  # the product rule, entry after entry: it needs no division by a zero
    for k in range(1, len(a)):
        slopes.append(slopes[-1] * a[k] + y[k - 1] * t[k])
    return np.moveaxis(np.stack(slopes), 0, axis)


def _cumprod_jvp_of_any_size(a: Any, t: Any, axis: int, powers: np.ndarray, sums: np.ndarray) -> Any:
    """The tangent of running products that leave the floats, from factors of which they do not.

    It is the sum of the parts of small and of large factors, as a tangent over the smallest would be infinite.
    """
    a, width = times_power(a, -powers), half_range(a)
    y = np.cumprod(a, axis)
    total: Any = 0
    for here, centre in ((powers < 0, width), (powers >= 0, -width)):
        part = times_power(np.where(here, t, 0.0), -powers - centre)
        total = total + times_power(_cumprod_jvp(y, (a,), (part,), axis), sums + centre)
    return total


def _cumprod_vjp(cotangent, y, operands, wanted, axis):
    (a,) = operands
    if may_divide(y, a):
        return [_sum_from_behind(cotangent * y, axis) / a]
    if balanced := balance(a, axis):
        return [_cumprod_vjp_of_any_size(cotangent, a, axis, *balanced)]
    a, y, g = (np.moveaxis(x, axis, 0) for x in (a, y, cotangent))
    carried, slopes = g[-1], []  # `carried` is the cotangent of the running product up to and with entry k
    for k in range(len(a) - 1, 0, -1):
        slopes.append(carried * y[k - 1])
        carried = g[k - 1] + carried * a[k]
    return [np.moveaxis(np.stack([carried, *slopes[::-1]]), 0, axis)]


def _cumprod_vjp_of_any_size(g: Any, a: Any, axis: int, powers: np.ndarray, sums: np.ndarray) -> Any:
    """The same for the cotangent: the sum over products of one size each, as the smallest may be all that count."""
    a, width = times_power(a, -powers), half_range(a)
    y = np.cumprod(a, axis)
    groups = np.rint(sums / width).astype(int)
    total: Any = 0
    for group in np.unique(groups[np.abs(groups) <= 5]):  # the derivatives of others are 0 or infinite
        here, centre = groups == group, group * width
        part = times_power(np.where(here, g, 0.0), np.where(here, sums - centre, 0))
        total = total + times_power(_cumprod_vjp(part, y, (a,), [0], axis)[0], centre - powers)
    return total


CUMSUM = RunningSum(
    np.cumsum,
    bind=_bind_running,
    evaluate=lambda a, axis: np.cumsum(a, axis=axis),
    transpose=lambda g, position, shapes, axis: _sum_from_behind(g, axis),
    batch_rule=lambda operands, batched, axis: np.cumsum(operands[0], axis=axis + 1),
    examples=["cumsum(A)", "cumsum(A, axis=0)", "cumsum(T, -1)", "cumsum(s)", "cumsum(v[:0])"],
)
CUMPROD = RunningProduct(
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
        if isinstance(axis, tuple):
            (axis,) = axis
        x = np.atleast_1d(x)
        y = function(x, axis=axis, dtype=dtype, out=out)
        if not include_initial:
            return y
        (axis,) = normalised_axes(0 if axis is None else axis, rank_of(y))
        shape = shape_of(y)
        return np.concatenate([np.full((*shape[:axis], 1, *shape[axis + 1 :]), start, y.dtype), y], axis)

    return expand


ROWS: list[Row] = [
    CUMSUM, CUMPROD,
    Composite(np.cumulative_sum, _cumulative(np.cumsum, 0.0),
              examples=["cumulative_sum(v)", "cumulative_sum(A, axis=-1, include_initial=True)"]),
    Composite(np.cumulative_prod, _cumulative(np.cumprod, 1.0),
              examples=["cumulative_prod(v)", "cumulative_prod(A, axis=0, include_initial=True)"]),
]  # fmt: skip

"""Functions that put entries in order, or into one: sort, partition, quantiles, unique. All reduce to indexing.

Where entries tie, each keeps the slope of the place that NumPy's own sorting gives it. A quantile is a mean of two
neighbours in that order; its weights are read off NumPy, so that every method of np.quantile has its slopes.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffbench.primitives.arrays import dtype_of, rank_of, shape_of
from diffbench.primitives.kinds import Composite, Constant, NotCovered, Refused, Row, only_default
from diffbench.primitives.primitive import Traced
from diffbench.primitives.selecting import as_line

# -- orders ------------------------------------------------------------------------------------------------------------


def _expand_sort(a, axis=-1, kind=None, order=None, *, stable=None):
    only_default(order=order)
    a, axis, _ = as_line(a, axis)
    return np.take_along_axis(a, np.argsort(a, axis, kind, stable=stable), axis)


def _expand_partition(a, kth, axis=-1, kind="introselect", order=None):
    only_default(order=order)
    a, axis, _ = as_line(a, axis)
    return np.take_along_axis(a, np.argpartition(a, kth, axis, kind), axis)


def _bind_argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    only_default(order=order)
    return (a,), {"axis": axis, "kind": kind, "stable": stable}


def _bind_argpartition(a, kth, axis=-1, kind="introselect", order=None):
    only_default(order=order)
    return (a,), {"kth": kth, "axis": axis, "kind": kind}


def _bind_lexsort(keys, axis=-1):
    return tuple(keys), {"axis": axis}


def _bind_searchsorted(a, v, side="left", sorter=None):
    return (a, v), {"side": side, "sorter": sorter}


# -- median and quantiles ----------------------------------------------------------------------------------------------


def _lines(a: Any, axis: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """The entries along some axes as one last axis, those axes, and the shape of what is left with unit axes."""
    rank = rank_of(a)
    axes = tuple(range(rank)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, rank)))
    kept = [k for k in range(rank) if k not in axes]
    shape = shape_of(a)
    lines = np.reshape(
        np.transpose(a, (*kept, *axes)), (*[shape[k] for k in kept], math.prod([shape[k] for k in axes]))
    )
    return lines, axes, tuple(1 if k in axes else n for k, n in enumerate(shape))


def _neighbours(count: int, q: np.ndarray, method: Any) -> tuple[np.ndarray, np.ndarray]:
    """The place of the lower neighbour among `count` sorted entries, and the weight of the upper one: NumPy's."""
    places = np.quantile(np.arange(float(count)), q, method=method)
    below = np.clip(np.floor(places), 0, max(count - 2, 0)).astype(int)
    return below, places - below


def _between(low: Any, high: Any, weight: Any) -> Any:
    """The point between two values, from the nearer end, as NumPy computes it."""
    near = np.where(weight < 0.5, low, high)
    return near + (high - low) * np.where(weight < 0.5, weight, weight - 1)


def _quantile(a: Any, q: Any, axis: Any, method: Any, keepdims: bool, skip_nan: bool) -> Any:
    if isinstance(q, Traced):
        raise NotCovered("q: a quantile has a derivative in the data, here not in q")
    lines, _, units = _lines(a, axis)
    dtype = lines.dtype
    if q.dtype != dtype:
        dtype = np.quantile(np.zeros(1, dtype), q, method=method).dtype
    q = np.asarray(q, float)
    missing = np.isnan(lines)
    order = np.argsort(np.where(missing, np.inf, lines), -1)
    ordered = np.take_along_axis(lines, order, -1)
    counts = np.sum(~missing, axis=-1) if skip_nan else np.full(shape_of(lines)[:-1], shape_of(lines)[-1])
    below = np.zeros((*np.shape(q), *counts.shape), int)
    weight = np.full(below.shape, np.nan, dtype)
    for count in np.unique(counts[counts > 0]):
        places, weights = _neighbours(int(count), q, method)
        here = counts == count
        below[..., here], weight[..., here] = places[..., None], weights[..., None]
    if not skip_nan:
        weight = np.where(np.any(missing, axis=-1), np.asarray(np.nan, dtype), weight)
    stacked = np.broadcast_to(ordered, (*np.shape(q), *shape_of(ordered)))
    low = np.take_along_axis(stacked, below[..., None], -1)[..., 0]
    upper = np.minimum(below + 1, shape_of(lines)[-1] - 1)[..., None]
    high = np.take_along_axis(stacked, upper, -1)[..., 0]
    high = np.where(weight == 0, low, high)  # beyond the last entry, or among those that are NaN
    result = np.where(np.isnan(weight), np.asarray(np.nan, dtype), _between(low, high, weight))
    return np.reshape(result, np.shape(q) + units) if keepdims else result


def _expander(scale: float, skip_nan: bool) -> Callable:
    def expand(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
        only_default(out=out, weights=weights)
        if not isinstance(q, Traced):
            # numbers of Python have the dtype of the data, arrays their own
            q = np.asarray(q, dtype_of(a) if type(q) in (int, float) else None)
            q = q / dtype_of(a).type(scale) if scale != 1 else q
        return _quantile(a, q, axis, method, bool(keepdims), skip_nan)

    return expand


def _median(skip_nan: bool) -> Callable:
    def expand(a, axis=None, out=None, overwrite_input=False, keepdims=False):
        only_default(out=out)
        if not np.size(a):  # NumPy's answer is NaN, where it has no quantiles
            return np.median(np.zeros(shape_of(a), dtype_of(a)), axis, keepdims=bool(keepdims))
        return _quantile(a, np.asarray(0.5, dtype_of(a)), axis, "linear", bool(keepdims), skip_nan)

    return expand


# -- unique ------------------------------------------------------------------------------------------------------------


def _part_of_unique(asked: str) -> Constant:
    """One of the parts that np.unique gives beside the values."""

    flag: dict[str, Any] = {asked: True}

    def evaluate(a: Any, axis: int | None = None, equal_nan: bool = True) -> Any:
        if axis is not None and a.dtype.hasobject:
            raise NotCovered("axis= for symbols or numbers of many digits")
        return np.unique(a, axis=axis, equal_nan=equal_nan, **flag)[1]

    return Constant(evaluate, name="numpy.unique")


FIRST_OF_EACH, ITS_GROUP, GROUP_SIZE = map(_part_of_unique, ("return_index", "return_inverse", "return_counts"))


def _expand_unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    how = {"axis": axis, "equal_nan": equal_nan}
    first = FIRST_OF_EACH(ar, **how)
    parts = [np.take(ar, first, axis)]
    parts += [first] * return_index
    parts += [ITS_GROUP(ar, **how)] * return_inverse
    parts += [GROUP_SIZE(ar, **how)] * return_counts
    return parts[0] if len(parts) == 1 else tuple(parts)


UniqueAll: Any = type(np.unique_all(np.zeros(1)))
UniqueCounts: Any = type(np.unique_counts(np.zeros(1)))
UniqueInverse: Any = type(np.unique_inverse(np.zeros(1)))


def _expand_unique_all(x):
    values, first, group, counts = _expand_unique(x, True, True, True, equal_nan=False)
    return UniqueAll(values, first, np.reshape(group, shape_of(x)), counts)


# fmt: off
ROWS: list[Row] = [
    Composite(np.sort, _expand_sort, examples=["sort(v)", "sort(A, axis=0)", "sort(A, axis=None)", "sort(T, 1)"]),
    Composite(np.partition, _expand_partition, examples=["partition(v, 1)", "partition(A, 2, axis=1)",
                                                         "partition(A, (0, 3), axis=None)"]),
    Constant(np.argsort, bind=_bind_argsort, examples=["A * argsort(A, axis=0)"]),
    Constant(np.argpartition, bind=_bind_argpartition, examples=["A * argpartition(A, 1, axis=0)"]),
    Constant(np.lexsort, bind=_bind_lexsort, evaluate=lambda *keys, axis: np.lexsort(keys, axis),
             examples=["v * lexsort((v, w))"]),
    Constant(np.searchsorted, bind=_bind_searchsorted, examples=["v * searchsorted(w, v)"]),
    Constant(np.digitize, bind=lambda x, bins, right=False: ((x, bins), {"right": right}),
             examples=["v * digitize(v, [0.0, 1.0])"]),
    Composite(np.median, _median(False), examples=["median(v)", "median(A)", "median(A, axis=0)",
                                                   "median(T, (0, 2), keepdims=True)"]),
    Composite(np.quantile, _expander(1, False),
              examples=["quantile(v, 0.3)", "quantile(A, [0.0, 0.25, 1.0], axis=1)", "quantile(T, 0.9, (0, 1))",
                        "quantile(A, 0.4, keepdims=True, method='median_unbiased')",
                        "quantile(A, [0.1, 0.6], 0, method='nearest')", "quantile(A, 0.7, method='midpoint')"]),
    Composite(np.percentile, _expander(100, False), examples=["percentile(A, 30)", "percentile(A, [10, 95], axis=0)"]),
    Composite(np.nanmedian, _median(True), examples=["nanmedian(where(M, A, nan))", "nanmedian(where(M, A, nan), 1)"]),
    Composite(np.nanquantile, _expander(1, True), examples=["nanquantile(where(M, A, nan), [0.2, 0.7], axis=1)",
                                                            "nanquantile(A, 0.3, 0, keepdims=True)"]),
    Composite(np.nanpercentile, _expander(100, True), examples=["nanpercentile(where(M, A, nan), 40)"]),
    Composite(np.unique, _expand_unique,
              examples=["unique(A)", "unique(A[:, [0, 1, 0]], return_counts=True)[0]", "unique(v, True, True)[0]"]),
    Refused(np.sort_complex, "its result is complex", hint="use np.sort"),
    Composite(np.unique_all, _expand_unique_all, examples=["unique_all(A).values"]),
    Composite(np.unique_counts, lambda x: UniqueCounts(*_expand_unique(x, return_counts=True, equal_nan=False)),
              examples=["unique_counts(A).values"]),
    Composite(np.unique_inverse, lambda x: UniqueInverse(*_expand_unique(x, return_inverse=True, equal_nan=False)),
              examples=["unique_inverse(v).values"]),
    Composite(np.unique_values, lambda x: _expand_unique(x, equal_nan=False), examples=["unique_values(A)"]),
]
# fmt: on

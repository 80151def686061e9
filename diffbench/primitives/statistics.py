"""Averages, covariances, counts in bins, and the reductions that pass over NaN."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffbench.primitives.arrays import as_array, as_operand, constants, dtype_of, rank_of, shape_of
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.extrema import bind_position
from diffbench.primitives.joining import is_axis_of_number
from diffbench.primitives.kinds import Composite, Constant, NotCovered, Refused, Row
from diffbench.primitives.primitive import Traced
from diffbench.primitives.reductions import is_of_integers
from diffbench.primitives.structural import ASSEMBLE

# -- passing over NaN: each entry that is NaN is masked, and carries nothing -------------------------------------------


def _axes(axis: Any, a: Any) -> Any:
    """The axes to reduce along: of a number NumPy takes here the axis 0 too, which its mean and spread refuse."""
    return None if is_axis_of_number(axis, a) else axis


def _there(a: Any, where: Any) -> Any:
    """Where entries count."""
    return ~np.isnan(a) if where is True else ~np.isnan(a) & where


def _filled(function: Callable, neutral: float) -> Callable:
    def expand(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
        return function(np.where(np.isnan(a), neutral, a), axis, dtype, out, keepdims, initial, where)

    return expand


def _expand_nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    _check_inexact(dtype)
    return np.mean(a, _axes(axis, a), dtype, out, keepdims, where=_there(a, where))


def _check_inexact(dtype: Any) -> None:
    if is_of_integers(dtype):
        raise TypeError("If a is inexact, then dtype must be inexact")


def _spread(function: Callable) -> Callable:
    def expand(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
        _check_inexact(dtype)
        axis, there = _axes(axis, a), _there(a, where)
        y = function(a, axis, dtype, out, ddof, keepdims, where=there, mean=mean, correction=correction)
        freedom = np.sum(there, axis=axis, keepdims=bool(keepdims)) - (ddof if correction is None else correction)
        return np.where(freedom <= 0, np.nan, y) if np.any(freedom <= 0) else y

    return expand


def _extremum(function: Callable, neutral: float) -> Callable:
    def expand(a, axis=None, out=None, keepdims=False, initial=None, where=True):
        missing = np.isnan(a)
        y = function(np.where(missing, neutral, a), axis, out, keepdims, initial, where)
        return np.where(np.all(missing, axis=axis, keepdims=bool(keepdims)), np.nan, y)

    return expand


def _running(function: Callable, neutral: float) -> Callable:
    def expand(a, axis=None, dtype=None, out=None):
        return function(np.where(np.isnan(a), neutral, a), axis, dtype, out)

    return expand


# -- averages and covariances ------------------------------------------------------------------------------------------


def _expand_average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    a = as_operand(a)
    axis = None if axis is None else normalize_axis_tuple(axis, rank_of(a))
    if weights is None:
        mean = np.mean(a, axis, keepdims=keepdims)
        total = np.size(a) / np.size(mean)
        return (mean, np.full_like(mean, total)) if returned else mean
    weights = as_array(weights)
    weights = np.astype(weights, np.result_type(dtype_of(a), weights.dtype), copy=False)
    if shape_of(weights) != shape_of(a):
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if shape_of(weights) != tuple(shape_of(a)[k] for k in axis):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        order = np.argsort(axis)
        weights = np.transpose(weights, order)
        weights = np.reshape(weights, [n if k in axis else 1 for k, n in enumerate(shape_of(a))])
    total = np.sum(np.broadcast_to(weights, shape_of(a)), axis, keepdims=keepdims)
    if np.any(total == 0.0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    mean = np.sum(a * weights, axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, shape_of(mean)).copy()) if returned else mean


def _expand_cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    x = np.atleast_2d(as_operand(m))
    if rank_of(x) > 2:
        raise ValueError("m has more than 2 dimensions")
    if not rowvar and rank_of(as_operand(m)) != 1:
        x = np.transpose(x)
    if y is not None:
        other = np.atleast_2d(as_operand(y))
        x = np.concatenate([x, np.transpose(other) if not rowvar and shape_of(other)[0] != 1 else other])
    x = np.astype(x, np.result_type(x.dtype, float) if dtype is None else dtype, copy=False)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights: Any = None
    for given in (fweights, aweights):
        if given is not None:
            given = np.astype(as_array(given), float, copy=False)
            weights = given if weights is None else weights * given
    count = shape_of(x)[1]
    if weights is None:
        total, centred = count, x - np.mean(x, axis=1, keepdims=True)
        weighted, freedom = centred, total - ddof
    else:
        total = np.sum(weights)
        centred = x - np.sum(x * weights, axis=1, keepdims=True) / total
        weighted = centred * weights
        freedom = total - ddof if aweights is None else total - ddof * np.sum(weights * aweights) / total
    other = np.conjugate(centred) if is_complex(centred) else centred
    freedom = np.maximum(freedom, 0)
    product = np.matmul(weighted, np.transpose(other)) / (freedom if weights is not None else constants(freedom, x))
    return np.squeeze(product)


def _expand_corrcoef(x, y=None, rowvar=True, *, dtype=None):
    covariance = np.cov(x, y, rowvar, dtype=dtype)
    if rank_of(covariance) == 0:
        return covariance / covariance
    deviation = np.sqrt(np.diagonal(covariance))
    return np.clip(covariance / deviation[:, None] / deviation, -1, 1)


# -- counts ------------------------------------------------------------------------------------------------------------


def _expand_bincount(x, /, weights=None, minlength=0):
    if isinstance(x, Traced):
        raise NotCovered("x must be integers, and so cannot be differentiated")
    x = np.asarray(x)
    if x.ndim != 1 or shape_of(as_operand(weights)) != x.shape:
        raise ValueError("x and weights must be one-dimensional, of one length")
    length = max(int(minlength), int(x.max()) + 1 if x.size else 0)
    return ASSEMBLE(np.astype(as_operand(weights), float, copy=False), indices=(x,), shape=(length,), dtype=float)


BIN_OF_EACH = Constant(
    lambda a, edges: np.where(
        (a >= edges[0]) & (a <= edges[-1]),
        np.minimum(np.searchsorted(edges, a, "right"), len(edges) - 1) - 1,
        len(edges) - 1,
    ),
    name="numpy.histogram",
)
"""The bin that each number falls into; one beyond the last where it falls into none."""


def _expand_bin_edges(a, bins=10, range=None, weights=None):
    if isinstance(bins, str):
        raise NotCovered(f"bins={bins!r}")
    if np.ndim(bins) == 1:
        return as_operand(bins)
    bins = operator.index(bins)
    if range is None:
        range = (np.min(a), np.max(a)) if np.size(a) else (0.0, 1.0)
    low, high = range
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)


def _expand_histogram(a, bins=10, range=None, density=None, weights=None):
    a = np.ravel(as_operand(a))
    edges = _expand_bin_edges(a, bins, range)
    count = shape_of(edges)[0] - 1
    places = BIN_OF_EACH(a, edges)
    given = np.ones(shape_of(a)) if weights is None else np.ravel(as_operand(weights))
    inside = places < count
    counts = ASSEMBLE(given[inside], indices=(places[inside],), shape=(count,), dtype=given.dtype)
    if not density:
        return (np.astype(counts, int, copy=False) if weights is None else counts), edges
    return counts / np.astype(np.diff(edges), float, copy=False) / np.sum(counts), edges


# fmt: off
ROWS: list[Row] = [
    Composite(np.nansum, _filled(np.sum, 0.0), examples=["nansum(where(M, A, nan))", "nansum(where(M, A, nan), 0)"]),
    Composite(np.nanprod, _filled(np.prod, 1.0), examples=["nanprod(where(M, A, nan), axis=1, keepdims=True)"]),
    Composite(np.nanmean, _expand_nanmean, examples=["nanmean(where(M, A, nan))", "nanmean(where(M, A, nan), axis=0)"]),
    Composite(np.nanvar, _spread(np.var), examples=["nanvar(where(M, A, nan))", "nanvar(A, axis=1, ddof=1)"]),
    Composite(np.nanstd, _spread(np.std), examples=["nanstd(where(M, A, nan))", "nanstd(A, 1, keepdims=True)"]),
    Composite(np.nanmax, _extremum(np.max, -np.inf), examples=["nanmax(where(M, A, nan), axis=1)", "nanmax(A)"]),
    Composite(np.nanmin, _extremum(np.min, np.inf), examples=["nanmin(where(M, A, nan), axis=1)", "nanmin(A)"]),
    Composite(np.nancumsum, _running(np.cumsum, 0.0), examples=["nancumsum(where(M, A, nan), axis=1)"]),
    Composite(np.nancumprod, _running(np.cumprod, 1.0), examples=["nancumprod(where(M, A, nan))"]),
    Constant(np.nanargmax, bind=bind_position, examples=["v * nanargmax(v)"]),
    Constant(np.nanargmin, bind=bind_position, examples=["v * nanargmin(v)"]),
    Composite(np.average, _expand_average,
              examples=["average(A)", "average(A, 0)", "average(A, 1, weights=exp(A[0]))", "average(v, weights=w**2)",
                        "average(T, (0, 2), weights=exp(T[:, 0]))", "average(A, 1, exp(A), True)[0]",
                        "average(A, 0, keepdims=True)", "average(A, 1, exp(A[0]), True)[1]"]),
    Composite(np.cov, _expand_cov,
              examples=["cov(A)", "cov(A, rowvar=False)", "cov(v, w)", "cov(A, bias=True)", "cov(A, A * A)", "cov(v)",
                        "cov(A, ddof=2)", "cov(S, fweights=[1, 2, 3])", "cov(S, aweights=w**2)",
                        "cov(S, aweights=[1.0, 2.0, 0.5], fweights=[1, 2, 3])"]),
    Composite(np.corrcoef, _expand_corrcoef, examples=["tril(corrcoef(A), -1)", "corrcoef(v, w)[0, 1]"]),
    Composite(np.bincount, _expand_bincount,
              examples=["bincount([0, 2, 0], v)", "bincount([1, 0, 1], v, minlength=4)"]),
    Composite(np.histogram_bin_edges, _expand_bin_edges, examples=["histogram_bin_edges(A, 3)"]),
    Composite(np.histogram, _expand_histogram,
              examples=["histogram(A, 3)[1]", "histogram(v, [-3.0, 0.0, 3.0], weights=w)[0]",
                        "A * histogram(A, 4)[0]", "histogram(A, 3, density=True)[0]"]),
    Refused(np.histogram2d, "its counts are piecewise constant", hint="np.histogram has rules, for weights and edges"),
    Refused(np.histogramdd, "its counts are piecewise constant", hint="np.histogram has rules, for weights and edges"),
]
# fmt: on

"""Methods of ufuncs: reduce, accumulate and reduceat, in terms of the functions that mean the same."""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import rank_of, shape_of
from diffbench.primitives.extrema import MAX, MIN, Extremum
from diffbench.primitives.kinds import Composite, Constant, only_default
from diffbench.primitives.reductions import PROD, SUM, normalised_axes
from diffbench.primitives.running import CUMPROD, CUMSUM


def _latest(function: np.ufunc) -> Constant:
    """Where the running extremum stands: the place of the latest entry that is as large (or small) as any before."""

    def evaluate(a: Any, axis: int) -> Any:
        places = np.reshape(np.arange(a.shape[axis]), [-1 if k == axis else 1 for k in range(a.ndim)])
        return np.maximum.accumulate(np.where(a == function.accumulate(a, axis), places, 0), axis)

    return Constant(evaluate, name=f"numpy.{function.__name__}.accumulate")


def _accumulate(ufunc: np.ufunc, running: Callable, example: str) -> Composite:
    """The method `accumulate` of a ufunc: along the first axis unless another is given, and never along all."""

    def expand(array, axis=0, dtype=None, out=None):
        only_default(out=out)
        if not rank_of(array):
            raise TypeError("cannot accumulate on a scalar")
        (axis,) = normalised_axes(axis, rank_of(array))
        return running(array, axis, dtype)

    name = f"{ufunc.__name__}.accumulate"
    return Composite(ufunc.accumulate, expand, name=f"numpy.{name}", examples=[f"{name}(v)", f"{name}(A, {example})"])


def _running_extremum(ufunc: np.ufunc) -> Composite:
    latest = _latest(ufunc)

    def running(a: Any, axis: int, dtype: Any) -> Any:
        a = a if dtype is None else np.astype(a, dtype, copy=False)
        return np.take_along_axis(a, latest(a, axis=axis), axis)

    return _accumulate(ufunc, running, "1")


def _reduce_extremum(extremum: Extremum, ufunc: np.ufunc) -> Composite:
    """The method `reduce` of np.maximum or np.minimum, along the first axis unless another is given."""

    def expand(array, axis=0, dtype=None, out=None, *, keepdims=False, initial=None, where=True):
        array = array if dtype is None else np.astype(array, dtype, copy=False)
        return extremum.call((array, axis, out, keepdims, initial, where), {})

    name = f"{ufunc.__name__}.reduce"
    return Composite(ufunc.reduce, expand, name=f"numpy.{name}", examples=[f"{name}(v)", f"{name}(A, axis=1)"])


def _expand_add_reduceat(array, indices, axis=0, dtype=None, out=None):
    only_default(out=out)
    (axis,) = normalised_axes(axis, rank_of(array))
    n = shape_of(array)[axis]
    if any(not 0 <= index < n for index in indices):
        raise IndexError(f"an index of {list(indices)} is out of bounds for the length {n}")
    stops = [*list(indices)[1:], n]
    moved = np.moveaxis(array, axis, 0)
    if not len(indices):
        return np.moveaxis(moved[:0], 0, axis)
    parts = [np.sum(moved[a:b] if a < b else moved[a : a + 1], axis=0, dtype=dtype) for a, b in zip(indices, stops)]
    return np.moveaxis(np.stack(parts), 0, axis)


def _expand_logaddexp_reduce(array, axis=0, dtype=None, out=None, *, keepdims=False, initial=None, where=True):
    array = array if dtype is None else np.astype(array, dtype, copy=False)
    largest = np.max(array, axis, keepdims=True, initial=-np.inf, where=where)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(array - safe), axis, None, out, keepdims=True, where=where)) + safe
    total = total if keepdims or not rank_of(array) else np.squeeze(total, normalised_axes(axis, rank_of(array)))
    return total if initial is None else np.logaddexp(total, initial)


def _expand_hypot_reduce(array, axis=0, dtype=None, out=None, *, keepdims=False):
    array = array if dtype is None else np.astype(array, dtype, copy=False)
    return np.sqrt(np.sum(np.square(array), axis, None, out, keepdims))


UFUNC_METHODS: dict[tuple[np.ufunc, str], Any] = {
    (np.add, "reduce"): SUM,
    (np.multiply, "reduce"): PROD,
    (np.maximum, "reduce"): _reduce_extremum(MAX, np.maximum),
    (np.minimum, "reduce"): _reduce_extremum(MIN, np.minimum),
    (np.add, "accumulate"): _accumulate(np.add, lambda *args: CUMSUM.call(args, {}), "axis=1"),
    (np.multiply, "accumulate"): _accumulate(np.multiply, lambda *args: CUMPROD.call(args, {}), "axis=1"),
    (np.maximum, "accumulate"): _running_extremum(np.maximum),
    (np.minimum, "accumulate"): _running_extremum(np.minimum),
    (np.add, "reduceat"): Composite(np.add.reduceat, _expand_add_reduceat, name="numpy.add.reduceat",
                                    examples=["add.reduceat(v, [0, 2])", "add.reduceat(A, [0, 2, 1], axis=1)"]),
    (np.logaddexp, "reduce"): Composite(np.logaddexp.reduce, _expand_logaddexp_reduce, name="numpy.logaddexp.reduce",
                                        examples=["logaddexp.reduce(v)", "logaddexp.reduce(A, axis=1)"]),
    (np.hypot, "reduce"): Composite(np.hypot.reduce, _expand_hypot_reduce, name="numpy.hypot.reduce",
                                    examples=["hypot.reduce(v)", "hypot.reduce(A, axis=1)"]),
}  # fmt: skip
"""What a method of a ufunc means."""

ROWS = [row for row in UFUNC_METHODS.values() if isinstance(row, Composite)]

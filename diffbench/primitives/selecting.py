"""Entries picked by position and put in another order: take, flip, roll, diagonals. All reduce to indexing."""

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffbench.primitives.arrays import as_operand, rank_of, shape_of
from diffbench.primitives.joining import along, is_axis_of_number
from diffbench.primitives.kinds import Composite, only_default
from diffbench.primitives.primitive import Traced
from diffbench.primitives.structural import ASSEMBLE, strided


def as_line(a: Any, axis: int | None) -> tuple[Any, int, int]:
    """The array, the axis counted from the front, the length along it; for an axis of None, of the array laid flat."""
    if axis is None:
        a, axis = np.ravel(a), 0
    axis = normalize_axis_index(axis, rank_of(a))
    return a, axis, shape_of(a)[axis]


# -- by position -------------------------------------------------------------------------------------------------------


def _expand_take(a, indices, axis=None, out=None, mode="raise"):
    only_default(out=out)
    a, axis, n = as_line(a, None if is_axis_of_number(axis, a) else axis)
    if mode == "wrap":
        indices = np.mod(indices, n)
    elif mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    indices = np.asarray(indices)
    return a[along(axis, indices.astype(int) if indices.dtype == bool else indices)]


def _expand_take_along_axis(arr, indices, axis=-1):
    arr, axis, _ = as_line(arr, axis)
    if np.ndim(indices) != rank_of(arr):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    reach = np.ogrid[tuple(slice(n) for n in shape_of(arr))]
    return arr[(*reach[:axis], indices, *reach[axis + 1 :])]


def _expand_compress(condition, a, axis=None, out=None):
    only_default(out=out)
    if np.ndim(condition) != 1:
        raise ValueError("condition must be a 1-d array")
    return np.take(a, np.flatnonzero(condition), axis)


def _expand_extract(condition, arr):
    return np.take(np.ravel(arr), np.flatnonzero(condition))


def _expand_delete(arr, obj, axis=None):
    arr, axis, n = as_line(arr, axis)
    return np.take(arr, np.delete(np.arange(n), obj), axis)


def _expand_choose(a, choices, out=None, mode="raise"):
    only_default(out=out)
    a = np.asarray(a).astype(int)
    arrays = np.broadcast_arrays(*[as_operand(choice) for choice in choices], np.zeros(a.shape))[:-1]
    if mode == "wrap":
        a = np.mod(a, len(arrays))
    elif mode == "clip":
        a = np.clip(a, 0, len(arrays) - 1)
    elif np.any(a < 0):
        raise ValueError("invalid entry in choice array")
    whole = shape_of(arrays[0])
    return np.stack(arrays)[(np.broadcast_to(a, whole), *np.ogrid[tuple(slice(n) for n in whole)])]


def _expand_select(condlist, choicelist, default=0):
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    result = as_operand(default)
    for condition, choice in zip(condlist[::-1], choicelist[::-1]):
        result = np.where(condition, choice, result)
    return result


def _expand_piecewise(x, condlist, funclist, *args, **kw):
    flat = np.ravel(x)
    if np.isscalar(condlist) or (not isinstance(condlist[0], list | np.ndarray | Traced) and rank_of(x) != 0):
        condlist = [condlist]
    conditions = [np.ravel(np.broadcast_to(condition, shape_of(x))) for condition in condlist]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), "
            f"either {len(conditions)} or {len(conditions) + 1} functions are expected"
        )
    y = np.zeros_like(flat)
    for condition, function in zip(conditions, funclist):
        if np.any(condition):
            y[condition] = function(flat[condition], *args, **kw) if callable(function) else function
    return np.reshape(y, shape_of(x))


def _expand_insert(arr, obj, values, axis=None):
    values = as_operand(values)
    arr, axis, n = as_line(as_operand(arr), axis)
    rank = rank_of(arr)
    values = np.reshape(values, (*(1,) * (rank - rank_of(values)), *shape_of(values)))
    if np.ndim(obj) == 0 and not isinstance(obj, slice):
        values = np.moveaxis(values, 0, axis)
        count = shape_of(values)[axis]
    else:
        count = len(np.insert(np.arange(n), obj, 0)) - n
    order = np.insert(np.arange(n), obj, n + np.arange(count))
    layers = np.broadcast_to(values, (*shape_of(arr)[:axis], count, *shape_of(arr)[axis + 1 :]))
    return np.take(np.concatenate([arr, np.astype(layers, arr.dtype, copy=False)], axis), order, axis)


def _expand_resize(a, new_shape):
    new_shape = (new_shape,) if isinstance(new_shape, int | np.integer) else tuple(new_shape)
    count, a = math.prod(new_shape), np.ravel(a)
    if not shape_of(a)[0]:
        return np.zeros(new_shape, a.dtype)
    return np.reshape(a[np.arange(count) % shape_of(a)[0]], new_shape)


def _expand_trim_zeros(filt, trim="fb", axis=None):
    for k in range(rank_of(filt)) if axis is None else normalize_axis_tuple(axis, rank_of(filt)):
        others = tuple(other for other in range(rank_of(filt)) if other != k)
        nonzero = filt != 0
        there = np.flatnonzero(np.any(nonzero, axis=others) if others else nonzero)
        first, last = (there[0], there[-1] + 1) if there.size else (0, 0)
        window = slice(first if "f" in trim.lower() else None, last if "b" in trim.lower() else None)
        filt = filt[along(k, window)]
    return filt


# -- in another order --------------------------------------------------------------------------------------------------


def _expand_flip(m, axis=None):
    rank = rank_of(m)
    axes = range(rank) if axis is None else normalize_axis_tuple(axis, rank)
    return m[tuple([slice(None, None, -1 if a in axes else None) for a in range(rank)])]


def _expand_roll(a, shift, axis=None):
    if axis is None:
        return np.reshape(np.roll(np.ravel(a), shift, 0), shape_of(a))
    axes = normalize_axis_tuple(axis, rank_of(a), allow_duplicate=True)
    for places, k in zip(*map(np.ravel, np.broadcast_arrays(shift, axes))):
        a, k, n = as_line(a, k)
        cut = n - int(places) % n if n else 0
        a = np.concatenate([a[along(k, slice(cut, None))], a[along(k, slice(cut))]], k)
    return a


def _expand_rot90(m, k=1, axes=(0, 1)):
    first, second = normalize_axis_tuple(axes, rank_of(m))
    if k % 2 == 0:
        return np.flip(m, (first, second)) if k % 4 else m[:]
    if k % 4 == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second)


# -- diagonals and triangles -------------------------------------------------------------------------------------------


def _diagonal_entries(rows: int, columns: int, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each entry of a diagonal."""
    down, right = max(-offset, 0), max(offset, 0)
    steps = np.arange(max(min(rows - down, columns - right), 0))
    return steps + down, steps + right


def _expand_diagonal(a, offset=0, axis1=0, axis2=1):
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = shape_of(a)[-2:]
    return strided(a, (..., *_diagonal_entries(rows, columns, offset)), writable=False)


def _expand_diag(v, k=0):
    if rank_of(v) == 2:
        return np.diagonal(v, k)
    if rank_of(v) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = shape_of(v)[0] + abs(k)
    return ASSEMBLE(v, indices=(_diagonal_entries(n, n, k),), shape=(n, n), dtype=v.dtype)


def _expand_diagflat(v, k=0):
    return np.diag(np.ravel(v), k)


def _expand_trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


def _triangle(m: Any, k: int) -> np.ndarray:
    """Where the entries on and below a diagonal stand; a vector is taken for the rows of a square matrix."""
    rows, columns = (shape_of(m) * 2)[-2:]
    return np.tri(rows, columns, k, bool)


def _expand_tril(m, k=0):
    return np.where(_triangle(m, k), m, 0.0)


def _expand_triu(m, k=0):
    return np.where(_triangle(m, k - 1), 0.0, m)


# fmt: off
ROWS = [
    # -- by position ---------------------------------------------------------------------------------------------------
    Composite(np.take, _expand_take, examples=["take(A, I)", "take(A, I, axis=1)", "take(v, 1)",
                                               "take(A, [[0, 2]], -1)", "take(v, [4, -5], mode='wrap')",
                                               "take(v, [9], mode='clip')"]),
    Composite(np.take_along_axis, _expand_take_along_axis,
              examples=["take_along_axis(A, array([[1, 1], [0, 3], [2, 2]]), axis=1)",
                        "take_along_axis(v, I, axis=None)", "take_along_axis(A, array([[0, 2, 1, 1]]), 0)",
                        "take_along_axis(A, array([[2, 0]]), axis=1)", "take_along_axis(A[:1], array([[2], [0]]), 1)"]),
    Composite(np.compress, _expand_compress, examples=["compress([True, False, True], A, axis=0)",
                                                       "compress([0, 1], v)"]),
    Composite(np.extract, _expand_extract, examples=["extract(M, A)", "extract(A > 0, A)"]),
    Composite(np.delete, _expand_delete, examples=["delete(v, 1)", "delete(A, [0, 2], axis=1)", "delete(A, slice(1))"]),
    Composite(np.choose, _expand_choose, examples=["choose([0, 1, 1], [v, w])", "choose(M * 1, [A, s])",
                                                   "choose([4, -1, 0], [v, w], mode='wrap')",
                                                   "choose([4, -1, 0], [v, w], mode='clip')"]),
    Composite(np.select, _expand_select, examples=["select([A > 1, A > 0], [A**2, sin(A)], s)",
                                                   "select([v > 0], [w])"]),
    Composite(np.piecewise, _expand_piecewise,
              examples=["piecewise(A, [A < 0, A >= 0], [lambda x: -x, lambda x: x**2])",
                        "piecewise(v, [v > 0], [exp, 1.5])", "piecewise(v, [v > 0], [lambda x, c: c * x], 3.0)"]),
    Composite(np.insert, _expand_insert,
              examples=["insert(v, 1, s)", "insert(v, [0, 2], w[:2])", "insert(A, 2, A[0], axis=0)",
                        "insert(A, 1, v, axis=1)", "insert(A, [1, 3], v[:, None], axis=1)",
                        "insert(v, slice(0, 2), w[:2])"]),
    Composite(np.resize, _expand_resize, examples=["resize(v, (2, 4))", "resize(A, 5)"]),
    Composite(np.trim_zeros, _expand_trim_zeros, examples=["trim_zeros(concatenate([[0.0], v, [0.0, 0.0]]))",
                                                           "trim_zeros(concatenate([[0.0], v, [0.0]]), 'f')"]),
    # -- in another order ----------------------------------------------------------------------------------------------
    Composite(np.flip, _expand_flip, examples=["flip(A)", "flip(T, -1)", "flip(T, (0, 2))"]),
    Composite(np.fliplr, lambda m: m[:, ::-1], examples=["fliplr(A)"]),
    Composite(np.flipud, lambda m: m[::-1], examples=["flipud(A)"]),
    Composite(np.roll, _expand_roll, examples=["roll(v, 1)", "roll(A, -2)", "roll(A, 5, axis=1)",
                                               "roll(A, (1, 2), axis=(0, 1))", "roll(v[:0], 1)"]),
    Composite(np.rot90, _expand_rot90, examples=["rot90(A)", "rot90(A, 2)", "rot90(A, -1)", "rot90(T, 1, (1, 2))",
                                                 "rot90(A, 4)"]),
    # -- diagonals and triangles ---------------------------------------------------------------------------------------
    Composite(np.diagonal, _expand_diagonal, examples=["diagonal(A)", "diagonal(A, -1)", "diagonal(T, 1, 1, 2)"]),
    Composite(np.diag, _expand_diag, examples=["diag(v)", "diag(v, -2)", "diag(A)", "diag(A, 1)"]),
    Composite(np.diagflat, _expand_diagflat, examples=["diagflat(A[:2, :2], 1)"]),
    Composite(np.trace, _expand_trace, examples=["trace(A)", "trace(S, 1)", "trace(T, 0, 1, 2)"]),
    Composite(np.tril, _expand_tril, examples=["tril(A)", "tril(T, -1)"]),
    Composite(np.triu, _expand_triu, examples=["triu(A)", "triu(S, 1)"]),
]
# fmt: on

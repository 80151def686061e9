"""Functions that write into their first argument: item assignments under other names."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from diffbench.errors import TraceLost, user_location
from diffbench.primitives.arrays import as_operand, shape_of
from diffbench.primitives.kinds import Composite
from diffbench.primitives.primitive import Traced


class InPlace(Composite):
    """A function that writes into its first argument, which must be a traced array."""

    def call(self, args, kwargs):
        written = args[0] if args else kwargs.get(first_parameter(self.function))
        if not isinstance(written, Traced):
            raise TraceLost(
                f"{self.name} would write a traced value into a plain array",
                where=user_location(),
                why="the result would be plain numbers, which no trace watches",
                hint="make the array with np.zeros_like(x), of a traced x",
            )
        return super().call(args, kwargs)


def first_parameter(function: Callable) -> str:
    """The name of the argument that a function writes into."""
    return {np.copyto: "dst", np.place: "arr", np.put_along_axis: "arr"}.get(function, "a")


def _expand_copyto(dst, src, casting="same_kind", where=True):
    if where is True:
        dst[...] = src
    else:
        mask = np.broadcast_to(where, shape_of(dst))
        dst[mask] = np.broadcast_to(as_operand(src), shape_of(dst))[mask]


def _expand_put(a, ind, v, mode="raise"):
    positions = np.reshape(np.arange(np.size(a)), -1).take(np.ravel(ind), mode=mode)
    a[np.unravel_index(positions, shape_of(a))] = _repeated(v, np.arange(positions.size))


def _expand_place(arr, mask, vals):
    mask = np.reshape(np.asarray(mask, bool), shape_of(arr))
    if np.any(mask) and np.size(vals) == 0:
        raise ValueError("Cannot insert from an empty array!")
    arr[mask] = _repeated(vals, np.arange(np.count_nonzero(mask)))


def _expand_putmask(a, /, mask, values):
    mask = np.reshape(np.asarray(mask, bool), shape_of(a))
    a[mask] = _repeated(values, np.flatnonzero(mask))


def _repeated(values: Any, positions: np.ndarray) -> Any:
    """The entries at these positions of values that are repeated without end."""
    values = np.ravel(as_operand(values))
    return values[positions % max(shape_of(values)[0], 1)]


def _expand_fill_diagonal(a, val, wrap=False):
    written = np.zeros(shape_of(a), bool)
    np.fill_diagonal(written, True, wrap)
    a[written] = _repeated(val, np.arange(np.count_nonzero(written)))


def _expand_put_along_axis(arr, indices, values, axis):
    if axis is None:
        np.put_along_axis(np.reshape(arr, -1), indices, values, 0)
        return
    rank = len(shape_of(arr))
    axis = normalize_axis_index(axis, rank)
    if np.ndim(indices) != rank:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    index = [np.reshape(np.arange(n), [-1 if k == a else 1 for k in range(rank)]) for a, n in enumerate(shape_of(arr))]
    index[axis] = np.asarray(indices)
    arr[tuple(index)] = values


# fmt: off
ROWS = [
    InPlace(np.copyto, _expand_copyto), InPlace(np.put, _expand_put), InPlace(np.place, _expand_place),
    InPlace(np.putmask, _expand_putmask), InPlace(np.fill_diagonal, _expand_fill_diagonal),
    InPlace(np.put_along_axis, _expand_put_along_axis),
]
# fmt: on

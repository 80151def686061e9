"""Memory for large temporaries, lent again and again.

A fresh large array costs more than the arithmetic on it: the system hands out zeroed pages, one fault at a time. A
trace makes the same large arrays at every call, so the pool keeps the memory of those that have died, and lends it to
the next array of that size. A loan ends by itself when the array and all views of it are gone.
"""

import math
import weakref
from pickle import PickleBuffer
from typing import Any

import numpy as np

SMALLEST = 1 << 17  # bytes: below, the allocator of NumPy is as fast
LIMIT = 1 << 29  # bytes kept for later; what comes back beyond this is freed


class Pool:
    """Pieces of memory by their size in bytes."""

    def __init__(self) -> None:
        self.free: dict[int, list[np.ndarray]] = {}
        self._lent: dict[int, tuple[weakref.ref, np.ndarray]] = {}

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, size: int) -> np.ndarray:
        """An array with arbitrary contents in lent memory of `size` bytes."""
        pieces = self.free.get(size)
        try:
            piece = pieces.pop() if pieces else np.empty(size, np.uint8)
        except IndexError:  # another thread was faster
            piece = np.empty(size, np.uint8)
        # the one light object of the standard library that lends memory and can be watched
        loan: Any = PickleBuffer(piece)  # type: ignore[arg-type]
        reference = weakref.ref(loan, self._take_back)
        self._lent[id(reference)] = reference, piece
        return np.ndarray(shape, dtype, loan)

    def _take_back(self, reference: weakref.ref) -> None:
        _, piece = self._lent.pop(id(reference))
        if sum(len(pieces) * size for size, pieces in self.free.items()) + piece.nbytes <= LIMIT:
            self.free.setdefault(piece.nbytes, []).append(piece)

    def clear(self) -> None:
        """Give the memory that is not lent back to the system."""
        self.free.clear()


POOL = Pool()


def zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """np.zeros, in lent memory where that pays."""
    size = math.prod(shape)
    if size < SMALLEST // 32:  # no number has more bytes
        return np.zeros(shape, dtype)
    dtype = np.dtype(dtype)
    size *= dtype.itemsize
    if size < SMALLEST or dtype.hasobject:
        return np.zeros(shape, dtype)
    array = POOL.empty(shape, dtype, size)
    array.fill(0)
    return array


def copy_of(array: np.ndarray, dtype: Any) -> np.ndarray:
    """A copy of an array in a dtype, in C order; in lent memory where that pays."""
    if array.nbytes < SMALLEST and array.dtype is dtype:
        return array.copy()
    dtype = np.dtype(dtype)
    size = array.size * dtype.itemsize
    if size < SMALLEST or dtype.hasobject:
        return array.astype(dtype, order="C")
    copy = POOL.empty(array.shape, dtype, size)
    np.copyto(copy, array, casting="unsafe")
    return copy


def is_whole(array: np.ndarray) -> bool:
    """Whether an array is no view of another: it has its own memory, or all of a loan."""
    base: Any = array.base
    return base is None or base.__class__ is PickleBuffer

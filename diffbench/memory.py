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


def is_whole(array: np.ndarray) -> bool:
    """Whether an array is no view of another: it has its own memory, or all of a loan."""
    base: Any = array.base
    return base is None or base.__class__ is PickleBuffer


def pooled(ufunc: np.ufunc) -> Any:
    """A ufunc that writes large results into lent memory; otherwise the same, on traced values too."""

    def unary(x: Any) -> Any:
        if x.__class__ is np.ndarray and x.nbytes >= SMALLEST:
            return _into_lent_memory(ufunc, x)
        return ufunc(x)

    def binary(a: Any, b: Any) -> Any:
        if (a.__class__ is np.ndarray and a.nbytes >= SMALLEST) or (b.__class__ is np.ndarray and b.nbytes >= SMALLEST):
            return _into_lent_memory(ufunc, a, b)
        return ufunc(a, b)

    return {1: unary, 2: binary}.get(ufunc.nin, ufunc)


def _into_lent_memory(ufunc: np.ufunc, *operands: Any) -> Any:
    """Apply a ufunc to floats and float arrays of one dtype; to others as NumPy does it."""
    dtype, shape = None, ()
    for x in operands:
        if x.__class__ is float or x.__class__ is int:
            continue
        if not isinstance(x, np.ndarray | np.generic) or x.dtype.kind != "f":
            return ufunc(*operands)
        if dtype is not None and x.dtype != dtype:  # in this order: to NumPy, None is float64
            return ufunc(*operands)
        dtype = x.dtype
        if x.shape and x.shape != shape:
            shape = np.broadcast_shapes(shape, x.shape) if shape else x.shape
    assert dtype is not None  # at least one operand is a large array
    size = dtype.itemsize * math.prod(shape)
    return ufunc(*operands, out=POOL.empty(shape, dtype, size))

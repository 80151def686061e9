"""Memory for large temporaries, lent again and again.

A fresh large array costs more than the arithmetic on it: the system hands out zeroed pages, one fault at a time. A
trace makes the same large arrays at every call, so the pool keeps the memory of those that have died, and lends it to
the next array of that size. A loan ends by itself when the array and all views of it are gone.
"""

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
        loan: Any = PickleBuffer(piece)  # type: ignore[arg-type]  # the one light object of the standard library that lends memory and can be watched
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


def pooled(ufunc: np.ufunc) -> Any:
    """A ufunc that writes large results into lent memory; otherwise the same, on traced values too."""

    def apply(*operands: Any) -> Any:
        for x in operands:
            if x.__class__ is np.ndarray and x.nbytes >= SMALLEST:
                break
        else:
            return ufunc(*operands)
        dtype, shape = x.dtype, x.shape
        for other in operands:
            if other.__class__ is np.ndarray or isinstance(other, np.generic):
                if other.dtype != dtype:
                    return ufunc(*operands)
                if other.shape and other.shape != shape:
                    shape = np.broadcast_shapes(shape, other.shape)
            elif other.__class__ is not float and other.__class__ is not int:
                return ufunc(*operands)
        if dtype.kind != "f":
            return ufunc(*operands)
        size = dtype.itemsize
        for n in shape:
            size *= n
        return ufunc(*operands, out=POOL.empty(shape, dtype, size))

    apply.__name__ = ufunc.__name__
    return apply

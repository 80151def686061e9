"""A cotangent that grows in place, where the cotangents of many pieces of one array arrive."""

from typing import Any

import numpy as np

from diffbench.large_arrays import into
from diffbench.memory import SMALLEST
from diffbench.primitives.structural import ASSEMBLE, add_at
from diffbench.tape import PLAIN


class Accumulator:
    """A cotangent that grows in place: `total`, an array that nobody else holds, takes whole arrays and indexed pieces.

    Pieces that are traced by an outer derivative cannot be written into an array; they wait, and are assembled at the
    end by one linear primitive. Either way n indexed pieces cost O(n), not O(n²) as with zeros for each.
    """

    __slots__ = ("is_zero", "total", "waiting")

    def __init__(self, total: np.ndarray, is_zero: bool = False):
        self.total, self.is_zero = total, is_zero
        self.waiting: list | None = None

    def add(self, cotangent: Any, index: Any = ...) -> None:
        """Add a cotangent to the entries at an index."""
        kind = cotangent.__class__
        if kind not in PLAIN:
            if self.waiting is None:
                self.waiting = []
            self.waiting.append((cotangent, index))
            return
        self.is_zero = False
        total = self.total
        if kind is np.ndarray and cotangent.dtype.kind == "c" and total.dtype.kind != "c":
            total = self.total = total.astype(cotangent.dtype)
        if index.__class__ is int:
            total[index] += cotangent
        elif index.__class__ is slice or index is ...:
            piece = total[index]
            if piece.nbytes < SMALLEST:
                piece += cotangent
            else:
                into(piece, np.add, piece, cotangent)
        else:
            add_at(total, index, cotangent)

    def __add__(self, cotangent: Any) -> "Accumulator":
        """Add a whole cotangent, in place."""
        self.add(cotangent)
        return self

    def result(self) -> Any:
        """The sum of all that was added."""
        if self.waiting is None:
            return self.total
        pieces, indices = zip(*self.waiting)
        assembled = ASSEMBLE(*pieces, indices=indices, shape=self.total.shape, dtype=self.total.dtype)
        return assembled if self.is_zero else self.total + assembled

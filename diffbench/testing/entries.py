"""The entries of a derivative at all points where it was checked: as found, as they should be, what may lie between."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Block:
    """One leaf of the derivative: its name, its shape, and how many of its last axes belong to the argument."""

    name: str
    shape: tuple[int, ...]
    argument_axes: int

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(np.prod(self.shape))

    def label(self, place: int) -> str:
        """How a message names the entry at a place in C order: 3, (1, 2), ['W'](1, 2)."""
        index = tuple(int(k) for k in np.unravel_index(place, self.shape))
        inside = "" if not index else str(index[0]) if len(index) == 1 else str(index)
        if not self.name:
            return inside or "the derivative"
        return f"{self.name}[{inside}]" if inside else self.name


@dataclass(frozen=True)
class Entries:
    """Arrays of shape (points, entries), the entries of all blocks in a row.

    found, truth : the derivative by hand, and the right one; second : by the other method that is asked.
    allowed : how far found may be from truth.
    """

    blocks: Sequence[Block]
    found: np.ndarray
    truth: np.ndarray
    second: np.ndarray
    allowed: np.ndarray

    @cached_property
    def error(self) -> np.ndarray:
        """|found - truth|; inf where found is not finite."""
        with np.errstate(invalid="ignore"):
            error = np.abs(self.found - self.truth)
        return np.where(np.isfinite(self.found), error, np.inf)

    @cached_property
    def wrong(self) -> np.ndarray:
        """Which entries are wrong: NaN is."""
        return ~(self.error <= self.allowed)

    @cached_property
    def bad(self) -> np.ndarray:
        """The entries that are wrong at some point."""
        return np.flatnonzero(np.any(self.wrong, axis=0))

    @cached_property
    def excess(self) -> np.ndarray:
        """error / allowed: right up to 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.error == 0, 0.0, self.error / self.allowed)

    def label(self, entry: int) -> str:
        """The name of an entry in a message."""
        for block in self.blocks:
            if entry < block.size:
                return block.label(entry)
            entry -= block.size
        raise IndexError(entry)

    def labels(self, entries: Sequence[int] | np.ndarray) -> str:
        """entry 3; entries 3 and 5; entries 0, 1, 2 and 4 more."""
        names = [self.label(int(k)) for k in entries]
        if len(names) > 6:
            names = [*names[:5], f"{len(names) - 5} more"]
        last = " and ".join(names[-2:])
        word = "" if names == ["the derivative"] else "entries " if len(names) > 1 else "entry "
        return word + ", ".join([*names[:-2], last])

    def near(self, found: np.ndarray, other: np.ndarray, entries: np.ndarray | slice = slice(None)) -> bool:
        """Whether found values are those of a hypothesis, for some entries; a little laxer than for being right."""
        slack = 4 * self.allowed[:, entries] + 1e-6 * np.abs(other)
        with np.errstate(invalid="ignore"):
            return bool(np.all(np.abs(found - other) <= slack))


def allowance(
    truth: np.ndarray, block: Block, rtol: float, atol: float | None, eps: float, conditioning: np.ndarray
) -> np.ndarray:
    """How far each entry of a block may be from the truth, at one point.

    rtol of the entry itself; and what rounding does to a right program: 1024 eps of the largest entry beside it (of the
    same row of a Jacobian), or atol instead; and 64 eps of what the entry changes by when x changes by its own size.
    """
    axes = tuple(range(len(block.shape) - block.argument_axes, len(block.shape)))
    size = np.abs(truth)
    largest = np.max(size, axis=axes, keepdims=True, initial=0.0) if axes else size
    floor = 1024 * eps * largest if atol is None else atol
    return rtol * size + floor + 64 * eps * conditioning

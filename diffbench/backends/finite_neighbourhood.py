"""f at a point and near it, as finite differences look at it.

f gets fresh copies of its arguments at every evaluation and its results are copied, so that neither an f that writes
into its argument nor one that returns the same buffer again and again does any harm.
"""

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from diffbench.backends.base import FlatFunction
from diffbench.captured import Repeatable
from diffbench.errors import ResultError
from diffbench.primitives.arrays import dtype_of, shape_of


class Entry(NamedTuple):
    """One entry of one argument, and its step.

    `length` is what the stencil of the first derivative makes of the entry itself: the step that was really made, after
    the rounding of the points. Dividing by it makes the difference quotient of f(x) = x exactly 1.
    """

    argument: int
    place: int  # in C order
    step: Any
    length: Any


class Neighbourhood:
    """f around a point. Results must keep their shapes; ResultError where they do not."""

    def __init__(self, function: FlatFunction, point: Sequence):
        self.function, self.point = function, point
        self._elsewhere = copy.copy(function)  # so that the auxiliary result of `function` stays that of the point
        self._shapes: list | None = None
        self._repeatable = Repeatable(function)

    @cached_property
    def values(self) -> list:
        """f at the point, evaluated when first asked for."""
        return self._evaluate(self.function, self.point)

    def check(self) -> None:
        """Raise NotRepeatable if f has become another function since it was evaluated at the point."""
        self._repeatable.check(self.values, lambda: self._evaluate(self._elsewhere, self.point))

    def at(self, *moves: tuple[Entry, int]) -> list:
        """f with some entries moved by a multiple of their step; at the point itself where all multiples are 0."""
        moves = tuple([(entry, k) for entry, k in moves if k])
        if not moves:
            return self.values
        point = list(self.point)
        for entry, k in moves:
            point[entry.argument] = _move_entry(point[entry.argument], entry.place, k * entry.step)
        return self._evaluate(self._elsewhere, point)

    def beside(self, entry: Entry, k: int) -> list:
        """f with one entry moved by k steps."""
        return self.at((entry, k))

    def entry_moved(self, entry: Entry, distance: Any) -> list:
        """f with one entry moved by a distance."""
        point = list(self.point)
        point[entry.argument] = _move_entry(point[entry.argument], entry.place, distance)
        return self._evaluate(self._elsewhere, point)

    def along(self, tangents: Sequence, distance: Any) -> list:
        """f at point + distance · tangents; at the point itself where the distance is 0."""
        return self.moved(tangents, distance).values if distance else self.values

    def moved(self, tangents: Sequence, distance: Any) -> "Neighbourhood":
        """The neighbourhood of point + distance · tangents."""
        return Neighbourhood(
            self._elsewhere,
            [_like(x, x + distance * tangent) for x, tangent in zip(self.point, tangents, strict=True)],
        )

    def eps(self, x: Any) -> float:
        """The machine epsilon of the coarser one of an argument and the results."""
        return max(float(np.finfo(dtype_of(y)).eps) for y in (x, *self.values))

    def _evaluate(self, function: FlatFunction, point: Sequence) -> list:
        results = [_copied(y) for y in function([_copied(x) for x in point])]
        shapes = [shape_of(y) for y in results]
        if self._shapes not in (None, shapes):
            raise ResultError(
                f"f returned results of shapes {shapes} beside a point where it returned {self._shapes}",
                why="a difference needs the same entries on both sides",
                hint="let the shape of the result not depend on the values of the argument",
            )
        self._shapes = shapes
        return results


def as_scalar(x: Any) -> Any:
    """A number that takes over the dtype of the array it meets, but keeps all digits of a longdouble."""
    return x if x.dtype == np.longdouble else float(x)


def _copied(x: Any) -> Any:
    return x.copy() if x.__class__ is np.ndarray else x


def _like(x: Any, y: Any) -> Any:
    """y as a 0-d array where x is one: NumPy makes numbers of those."""
    return np.asarray(y) if x.__class__ is np.ndarray and isinstance(y, np.generic) else y


def _move_entry(x: Any, place: int, distance: Any) -> Any:
    """x with one entry moved by a distance."""
    if x.__class__ is np.ndarray:
        moved = x.copy()
        moved.flat[place] += distance
        return moved
    if shape_of(x) == ():
        return x + distance
    shift = np.zeros(shape_of(x), dtype_of(x))
    shift.flat[place] = distance
    return x + shift

"""The gradient of a number by forward mode: its tangents along all unit tangents of the arguments.

One by one; or all of an array at once, where its unit tangents never meet in one entry. That a single tangent of ones
then carries them all is the compression of Curtis, Powell & Reid (1974), On the estimation of sparse Jacobian matrices.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.backends.base import one_like, stack, units_of, zeros_like
from diffbench.backends.forward_sweep import push_through
from diffbench.primitives.arrays import shape_of, spread
from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.products import MATMUL
from diffbench.primitives.reductions import SUM
from diffbench.short_way import is_number
from diffbench.tape import ONE, Tape


def along_units(push: Callable[[Sequence], Any], point: Sequence, still: Sequence) -> list:
    """The tangents of a number along the unit tangents of each argument in turn, in the shapes of the arguments.

    still : the tangents of arguments that do not move.
    """
    found = []
    for j, x in enumerate(point):
        tangents = list(still)
        slopes = []
        units = units_of(x)
        for unit in units:
            tangents[j] = unit
            slopes.append(push(tangents))
        if units.__class__ is list:  # of a number
            found.append(slopes[0])
        else:
            shape = shape_of(x)
            found.append(stack(slopes) if len(shape) == 1 else np.reshape(stack(slopes), shape))
    return found


def on_list(tape: Tape, place: int | None, value: Any, point: Sequence) -> list:
    """The same for the number at a place of a Wengert list: one by one, or all of an argument at once if it can be."""
    numbers = [is_number(x) for x in point]
    if not all(numbers):
        diagonals = diagonals_of(tape.entries[len(point) :])
        if diagonals is None:
            still = [None if number else zeros_like(x) for number, x in zip(numbers, point)]

            def push(tangents: Sequence) -> Any:
                slope = None if place is None else push_through(tape, tangents)[place]
                return zeros_like(value) if slope is None else slope

            return along_units(push, point, still)
        tape.entries[len(point) :] = diagonals
    found: list = []
    for j, x in enumerate(point):
        tangents: list = [None] * len(point)
        tangents[j] = one_like(x)
        slope = None if place is None else push_through(tape, tangents)[place]
        if slope is None:
            slope = zeros_like(x)
        found.append(slope if numbers[j] or shape_of(slope) else spread(slope, shape_of(x)))
    return found


def acts_entry_by_entry(shape: tuple[int, ...], links: Sequence) -> bool:
    """Whether an elementwise operation, by what it keeps, gives an array from arrays of the same shape."""
    return bool(shape) and all(link is not None and link[2] is None for link in links)


def diagonals_of(entries: Sequence) -> list | None:
    """The entries with the diagonals of what they are, for a list on which no operation mixes the entries of arrays.

    Elementwise operations keep the unit tangents of an array apart: entry k of the tangent along unit k is all there
    is, and a single tangent of ones carries them all. A sum over all entries, or a product of vectors, then has in that
    place its tangent along unit k: to sum is to do nothing. None if there is anything else on the list.
    """
    found: list = []
    for entry in entries:
        if len(entry) == 5 or (len(entry) == 3 and entry[0].__class__ is int):
            return None
        if len(entry) == 3:
            parents, kept, primitive = entry
            if primitive is SUM:
                _, (shape,), params = kept
                if params["keepdims"] or params["axis"] != tuple(range(len(shape))):
                    return None
                entry = parents[0], ONE
            elif primitive is MATMUL:
                links, _ = kept
                entry = ()
                for parent, (_, other, shape) in zip(parents, links):
                    if len(shape) != 1 or len(shape_of(other)) != 1:
                        return None
                    entry += (parent, other)
            elif primitive.__class__ is not Elementwise or not acts_entry_by_entry(*kept):
                return None
        found.append(entry)
    return found

"""The forward sweep of a Wengert list: tangents pass through what a run of f has left, and f is not run again.  Wengert
1964; Griewank & Walther 2008, §3.1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.primitives.structural import INDEX
from diffbench.short_way import SCALARS
from diffbench.tape import MINUS_ONE, ONE, PLAIN, Tape


def push_through(tape: Tape, tangents: Sequence) -> list:
    """The tangents at all places of a list, from those of its inputs.

    None stands for the tangent 0 of a number: what does not move costs nothing.
    """
    moved = list(tangents)
    for entry in tape.entries[len(moved) :]:
        size = len(entry)
        if size == 3:
            first, kept, last = entry
            if first.__class__ is int:
                moved.append(None if moved[first] is None else item(moved[first], kept))
            else:
                moved.append(last.push([0.0 if moved[i] is None else moved[i] for i in first], kept))
            continue
        if size == 2:
            first, p = entry
            tangent = moved[first]
            moved.append(None if tangent is None else tangent if p is ONE else times_partial(tangent, p))
            continue
        if size == 4:
            first, p, second, q = entry
        else:
            first, p, second, q, _ = entry
        tangent, other = moved[first], moved[second]
        if second == first and tangent is not None:
            total = times_partial(tangent, p + q)
        else:
            total = None if tangent is None else tangent if p is ONE else times_partial(tangent, p)
            if other is not None:
                term = other if q is ONE else times_partial(other, q)
                total = term if total is None else total + term
        moved.append(total)
    return moved


def item(tangent: Any, index: Any) -> Any:
    """An indexed piece of a tangent; a number is one of Python, which leaves products with traced values to these."""
    piece = tangent[index] if tangent.__class__ is np.ndarray else INDEX(tangent, index=index)
    if is_zero(piece):
        return None
    return float(piece) if piece.__class__ is np.float64 else piece


def times_partial(tangent: Any, partial: Any) -> Any:
    """A tangent times a local partial, not ONE; where only one of them is traced, it is the one to multiply."""
    if partial.__class__ in PLAIN:
        return -tangent if partial is MINUS_ONE else tangent * partial
    return partial if tangent.__class__ is float and tangent == 1 else partial * tangent


def is_zero(tangent: Any) -> bool:
    """Whether a tangent is the number 0."""
    return tangent.__class__ in SCALARS and tangent == 0

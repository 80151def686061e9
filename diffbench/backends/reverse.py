"""Reverse mode: run f once onto a tape, then pass cotangents backward through it.  Linnainmaa 1970; Griewank & Walther
2008, §3.2."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from diffbench.backends.base import (
    UNIT,
    Differentiator,
    end_trace,
    jacobian_by_rows,
    one_like,
    push_blocks,
    zeros_like,
)
from diffbench.backends.reverse_accumulator import Accumulator
from diffbench.batch import BatchTrace
from diffbench.large_arrays import pooled
from diffbench.memory import zeros
from diffbench.primitives.arrays import shape_of, sum_of_products
from diffbench.primitives.structural import ASSIGN, INDEX, PIECE, as_assigned
from diffbench.short_way import SCALARS
from diffbench.tape import MINUS_ONE, ONE, PLAIN, Tape, places_of
from diffbench.watching import carefully, spoilt

BASIC: set[Any] = {int, slice}
add = pooled(np.add)


def backward(tape: Tape, seeds: Sequence[tuple[int, Any]], consume: bool = False) -> list:
    """Pass cotangents backward through a tape: the cotangents of its inputs, None where nothing arrived.

    seeds : place and cotangent of each result.
    consume : free each entry as soon as it is used; the tape can then not be used again.

    Two parents are written out one after the other: a call for each would take as long as the arithmetic of numbers.
    """
    if tape.gaps and not consume:
        return _backward_over_gaps(tape, seeds)
    entries = tape.entries if consume else tape.entries.copy()
    cotangents: list = [None] * len(entries)
    for place, seed in seeds:
        _accumulate(cotangents, place, seed)
    one, minus_one, unit, ndarray = ONE, MINUS_ONE, UNIT, np.ndarray
    for _ in range(len(entries) - len(tape.inputs)):
        entry = entries.pop()
        cotangent = cotangents.pop()
        if cotangent is None:
            if entry.__class__ is not tuple:
                entry.record_again(tape)
            continue
        size = len(entry)
        if size != 3:
            kind = cotangent.__class__
            if kind is float or kind in SCALARS:
                if not cotangent:
                    continue  # zero carries nothing, not even through an infinite slope
                if cotangent is not unit:
                    if size == 2:
                        first, p = entry
                        so_far = cotangents[first]
                        cotangents[first] = cotangent * p if so_far is None else so_far + cotangent * p
                        continue
                    first, p, second, q = entry
                    contribution = cotangent if p is one else cotangent * p
                    so_far = cotangents[first]
                    cotangents[first] = contribution if so_far is None else so_far + contribution
                    if q is not p:
                        contribution = cotangent if q is one else cotangent * q
                    so_far = cotangents[second]
                    cotangents[second] = contribution if so_far is None else so_far + contribution
                    continue
            elif kind is Accumulator:
                cotangent = cotangent.result()
            if size == 2:
                first, p = entry
            elif size == 4:
                first, p, second, q = entry
                if second == first and kind is not ndarray and q is not p:
                    p, size = p + q, 2  # of a traced cotangent: one product is one entry of the outer list less
            else:
                first, p, second, q, _ = entry
            if p is one:
                contribution = cotangent
            elif p is minus_one:
                contribution = -cotangent
            elif cotangent is unit and p.__class__ not in PLAIN:
                contribution = p  # traced: a product would be one more entry of the outer list
            else:
                contribution = cotangent * p
            so_far = cotangents[first]
            if so_far is None:
                cotangents[first] = contribution
            elif so_far.__class__ is not ndarray:
                cotangents[first] = so_far + contribution
            else:
                _accumulate(cotangents, first, contribution)
            if size == 2:
                continue
            if size == 5:
                contribution = sum_of_products(cotangent, q)
            elif q is p:
                pass  # as in x * x, and in sums
            elif q is one:
                contribution = cotangent
            elif q is minus_one:
                contribution = -cotangent
            elif cotangent is unit and q.__class__ not in PLAIN:
                contribution = q
            else:
                contribution = cotangent * q
            so_far = cotangents[second]
            if so_far is None:
                cotangents[second] = contribution
            elif so_far.__class__ is not ndarray:
                cotangents[second] = so_far + contribution
            else:
                _accumulate(cotangents, second, contribution)
            continue
        first = entry[0]
        if first.__class__ is int:
            if cotangent.__class__ is Accumulator:
                cotangent = cotangent.result()
            _accumulate_at(cotangents, first, cotangent, entry[1], entry[2])
            continue
        parents, kept, primitive = entry
        owned = cotangent.__class__ is Accumulator
        if owned:
            cotangent = cotangent.result()
        if primitive is INDEX or primitive is PIECE:
            _, (shape,), params = kept
            _accumulate_at(cotangents, parents[0], cotangent, params["index"], shape)
            continue
        if primitive is ASSIGN and cotangent.__class__ is np.ndarray:
            _pass_on_assignment(cotangents, parents, cotangent, kept, owned)
            continue
        for parent, contribution in zip(parents, primitive.pull(cotangent, kept)):
            if contribution is not None:
                _accumulate(cotangents, parent, contribution)
    for place, cotangent in enumerate(cotangents):
        if cotangent.__class__ is Accumulator:
            cotangents[place] = cotangent.result()
    return cotangents


def _backward_over_gaps(tape: Tape, seeds: Sequence) -> list:
    """The backward pass on a copy of the list, so that what is recorded again does not stay."""
    with tape.gaps:
        entries, tape.entries = tape.entries, tape.entries.copy()
        try:
            return backward(tape, seeds, consume=True)
        finally:
            tape.entries = entries


def _accumulate(cotangents: list, place: int, contribution: Any) -> None:
    """Add a contribution; the first is kept as it is and never written to, for others may hold it too."""
    so_far = cotangents[place]
    if so_far is None:
        cotangents[place] = contribution
    elif so_far.__class__ is np.ndarray and contribution.__class__ is np.ndarray and so_far.shape:
        cotangents[place] = Accumulator(add(so_far, contribution))
    else:
        cotangents[place] = so_far + contribution


def _accumulate_at(cotangents: list, place: int, contribution: Any, index: Any, shape: tuple[int, ...]) -> None:
    """Add a contribution to the entries at an index of the cotangent of an array."""
    so_far = cotangents[place]
    if so_far.__class__ is not Accumulator:
        accumulator = cotangents[place] = Accumulator(zeros(shape, getattr(contribution, "dtype", float)), is_zero=True)
        if so_far is not None:
            accumulator.add(so_far)
        elif index.__class__ in BASIC and contribution.__class__ in PLAIN:
            accumulator.total[index], accumulator.is_zero = contribution, False
            return
        so_far = accumulator
    so_far.add(contribution, index)


def _pass_on_assignment(cotangents: list, parents: Sequence, cotangent: np.ndarray, kept: tuple, owned: bool) -> None:
    """Split the cotangent of an array after an assignment; an array of our own goes on as it is, for O(1) an entry."""
    wanted, shapes, params = kept
    index = params["index"]
    if not owned:
        cotangent = cotangent.copy()
    piece = np.array(cotangent[index])
    cotangent[index] = 0
    contributions = {0: cotangent, 1: as_assigned(piece, index, shapes)}
    for parent, position in zip(parents, wanted):
        if position == 0 and cotangents[parent] is None:
            cotangents[parent] = Accumulator(cotangent)
        else:
            _accumulate(cotangents, parent, contributions[position])


class Reverse(Differentiator):
    """Reverse mode.

    Cost: a gradient about 3 to 4 evaluations of f in arithmetic, whatever n; memory in proportion to the length of the
    program. A Jacobian pulls the unit cotangents of all results at once.
    """

    name, method, cost = "reverse", "automatic", "one trace, one backward pass"

    def pullback(self, function, point):
        tape, values, places = _trace(function, point)

        def pull(cotangents: Sequence, batch: bool = False) -> list:
            if batch:
                trace = BatchTrace(len(cotangents[0]))
                wrapped = [trace.wrap(cotangent) for cotangent in cotangents]
                found = [trace.unwrap(c) for c in _pull(tape, point, places, wrapped, consume=False)]
            else:
                found = _pull(tape, point, places, cotangents, consume=False)
            if spoilt(found):
                found = carefully(lambda: self.pullback(function, point)[1](cotangents, batch))
            return found

        return values, pull

    def linearize(self, function, point):
        """push(v) = J v as the cotangent of u in uᵀJ, which is linear in u: reverse mode over the backward pass.

        Of a single number, the gradient tells all.
        """
        values, pull = self.pullback(function, point)
        if len(values) == 1 and shape_of(values[0]) == ():
            return values, partial(push_blocks, values, [pull([one_like(values[0])])])
        _, pull_back = self.pullback(pull, [np.ones_like(value) for value in values])

        def push(tangents: Sequence, batch: bool = False) -> list:
            pushed = pull_back(tangents, batch)
            if spoilt(pushed):  # by what the first list holds, which the second cannot run again
                pushed = carefully(lambda: self.linearize(function, point)[1](tangents, batch))
            return pushed

        return values, push

    def jacobian(self, function, point):
        values, pull = self.pullback(function, point)
        return values, jacobian_by_rows(values, pull, point)

    def gradient(self, function, point):
        tape, values, places = _trace(function, point)
        found = _pull(tape, point, places, [one_like(values[0])], consume=True)
        return carefully(lambda: self.gradient(function, point)) if spoilt(found) else (values, found)


def _trace(function: Any, point: Sequence) -> tuple[Tape, list, list]:
    tape = Tape(point, forgets=True)
    results = function(tape.inputs)
    end_trace(tape, results)
    tape.inputs = [None] * len(point)  # they refer to the tape, which would only die in a collection of cycles
    return tape, *places_of(tape, results)


def _pull(tape: Tape, point: Sequence, places: Sequence, cotangents: Sequence, consume: bool) -> list:
    seeds = []
    for place, cotangent in zip(places, cotangents):
        if place is not None:
            seeds.append((place, cotangent))
    found = backward(tape, seeds, consume)
    for place, cotangent in enumerate(found):
        if cotangent is None:
            found[place] = zeros_like(point[place])
    return found

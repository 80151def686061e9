"""The two sweeps over a Wengert list, step by step: tangents forward, adjoints backward, and every term of each.

Griewank & Walther 2008, §3.1 and §3.2. The arithmetic is that of the engines (backends/forward.py and reverse.py),
product by product and in their order, so that what a table shows is what they compute, to the last bit.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from diffbench.backends.base import one_like, zeros_like
from diffbench.errors import DirectionError
from diffbench.flat import direction_leaves
from diffbench.lecture.model import WengertList
from diffbench.lecture.recording import Entry
from diffbench.primitives.arrays import sum_of, sum_of_products
from diffbench.primitives.partial import free_of_nan
from diffbench.primitives.structural import INDEX, PIECE, add_at, assemble
from diffbench.verbs import own
from diffbench.watching import careful


class Term(NamedTuple):
    """What one parent adds to a tangent: local derivative times the parent's tangent."""

    parent: int
    partial: str
    parent_tangent: Any
    value: Any


class Pushed(NamedTuple):
    """The tangent of a step, and the terms that it is the sum of; an input has none."""

    step: int
    tangent: Any
    terms: list[Term]


class Message(NamedTuple):
    """What a step adds to the adjoint of one parent: its own adjoint times the local derivative.

    edge : which of the partials of the step.
    """

    parent: int
    partial: str
    value: Any
    edge: int


class Pulled(NamedTuple):
    """A step whose adjoint is complete, and the messages that it sends; an input sends none."""

    step: int
    adjoint: Any
    messages: list[Message]


def forward_steps(walk: WengertList, seed: Any = None) -> list[Pushed]:
    """The tangent of every step, in the order of execution.

    seed : the tangent of the arguments, shaped like them; a tuple where the list has several. Not needed where the only
        input is a number: it is 1 then.

    >>> import numpy as np, diffbench as db
    >>> w = db.trace(lambda x1, x2: np.sin(x1 * x2), 2.0, 3.0)
    >>> [float(step.tangent) for step in forward_steps(w, (1, 0))]
    [1.0, 0.0, 3.0, 2.880510859951098]
    """
    moving = tangents_of_inputs(walk, seed)
    found = []
    for step in walk.steps:
        if step.is_input:
            found.append(Pushed(step.index, moving[step.index], []))
        elif not step.partials:
            found.append(Pushed(step.index, zeros_like(step.value), []))
        else:
            tangents = [found[parent].tangent for parent in step.parents]
            tangent, values = _push(step.entry, tangents)
            terms = [Term(p.parent, p.text, t, value) for p, t, value in zip(step.partials, tangents, values)]
            found.append(Pushed(step.index, tangent, terms))
    for place in walk.results:  # in the end, as a tangent that goes on is not rounded
        found[place] = found[place]._replace(tangent=own(found[place].tangent, walk.steps[place].value))
    return found


def reverse_steps(walk: WengertList, seed: Any = None) -> list[Pulled]:
    """The events of the backward pass, in its order: each step after all its children, with its complete adjoint.

    seed : the adjoint of the result, shaped like it. Not needed where the result is a single number: it is 1 then.

    Steps that no result depends on do not occur; inputs do, at the end.

    >>> import numpy as np, diffbench as db
    >>> w = db.trace(lambda x1, x2: np.sin(x1 * x2), 2.0, 3.0)
    >>> [(w.steps[event.step].name, float(event.adjoint)) for event in reverse_steps(w)]
    [('y', 1.0), ('v1', 0.960170286650366), ('x2', 1.920340573300732), ('x1', 2.880510859951098)]
    """
    adjoints: list = [None] * len(walk.steps)
    for place, cotangent in zip(walk.results, cotangents_of_results(walk, seed)):
        adjoints[place] = cotangent if adjoints[place] is None else adjoints[place] + cotangent
    found = []
    for step in reversed(walk.steps):
        adjoint = adjoints[step.index]
        if step.is_input:
            adjoint = zeros_like(step.value) if adjoint is None else own(adjoint, step.value)
        if adjoint is None:
            continue
        contributions = _pull(step.entry, adjoint) if step.partials else []
        messages = [
            Message(p.parent, p.text, c, k)
            for k, (p, c) in enumerate(zip(step.partials, contributions))
            if c is not None
        ]
        for message in messages:
            adjoints[message.parent] = added(adjoints[message.parent], message.value, step.entry, adjoint)
        found.append(Pulled(step.index, adjoint, messages))
    return found


def added(so_far: Any, contribution: Any, entry: Entry, adjoint: Any) -> Any:
    """An adjoint after a message: the sum, for entries of an array entry by entry, as the engine adds them."""
    if so_far is None:
        return contribution
    if entry.primitive in (INDEX, PIECE):
        total = np.array(so_far)
        add_at(total, entry.params["index"], adjoint)
        return total
    return so_far + contribution


def tangents_of_inputs(walk: WengertList, seed: Any) -> list:
    """A seed as one tangent for each input. Raises DirectionError where it does not look like the arguments."""
    structures = walk.function.structures
    values = [walk.steps[place].value for place in walk.inputs]
    if seed is None:
        if len(values) > 1 or np.ndim(values[0]):
            raise DirectionError(
                f"trace: the forward sweep of {walk.name} needs a seed",
                hint="give a tangent that looks like the arguments, such as forward((1, 0)) for two numbers",
            )
        return [one_like(values[0])]
    if len(structures) > 1 and (not isinstance(seed, tuple | list) or len(seed) != len(structures)):
        raise DirectionError(
            f"trace: the seed of {walk.name} must be a tuple of {len(structures)} tangents, found {seed!r}",
            hint="one for each argument that is an input, in their order",
        )
    given = (seed,) if len(structures) == 1 else tuple(seed)
    return direction_leaves(walk.function, structures, given, values, batch=False)


def cotangents_of_results(walk: WengertList, seed: Any) -> list:
    """A seed as one cotangent for each result. Raises DirectionError where it does not look like the result."""
    values = [walk.steps[place].value for place in walk.results]
    if seed is None:
        if len(values) != 1 or np.ndim(values[0]):
            raise DirectionError(
                f"trace: the reverse sweep of {walk.name} needs a seed",
                hint="give a cotangent that looks like the result, such as reverse((1, 0)) for two numbers",
            )
        return [one_like(values[0])]
    return direction_leaves(walk.function, [walk.function.result_structure], [seed], values, batch=False)


def _push(entry: Entry, tangents: Sequence) -> tuple[Any, list]:
    """The tangent of an entry, and the term of each parent in it."""
    if entry.slopes is not None:
        terms = [tangent * slope for tangent, slope in zip(tangents, entry.slopes)]
        if all(map(free_of_nan, terms)):
            return sum_of(terms), terms
    rule, kept = linearisation(entry)
    total = rule.push(tangents, kept)
    if not free_of_nan(total) and careful(entry.primitive) is not entry.primitive:
        rule = careful(entry.primitive)
        total = rule.push(tangents, rule.keep(entry.value, entry.primals, entry.wanted, entry.params))
    if len(tangents) == 1:
        return total, [total]
    parts = [rule.keep(entry.value, entry.primals, [position], entry.params) for position in entry.wanted]
    return total, [rule.push([tangent], part) for tangent, part in zip(tangents, parts)]


def _pull(entry: Entry, adjoint: Any) -> Sequence:
    """The contribution of an entry to each of its parents."""
    if entry.slopes is not None:
        spread = [np.ndim(adjoint) and not np.ndim(entry.primals[position]) for position in entry.wanted]
        found = [
            sum_of_products(adjoint, slope) if of_number else adjoint * slope
            for slope, of_number in zip(entry.slopes, spread)
        ]
        if all(map(free_of_nan, found)):
            return found
    if entry.primitive in (INDEX, PIECE):
        (array,), index = entry.primals, entry.params["index"]
        return [assemble(adjoint, indices=[index], shape=np.shape(array), dtype=np.asarray(adjoint).dtype)]
    rule, kept = linearisation(entry)
    found = rule.pull(adjoint, kept)
    if not all(c is None or free_of_nan(c) for c in found) and careful(entry.primitive) is not entry.primitive:
        rule = careful(entry.primitive)
        found = rule.pull(adjoint, rule.keep(entry.value, entry.primals, entry.wanted, entry.params))
    return found


def linearisation(entry: Entry) -> tuple[Any, Any]:
    """The primitive whose rules push and pull, and what it has kept."""
    if entry.kept is None:
        return entry.primitive, entry.primitive.keep(entry.value, entry.primals, entry.wanted, entry.params)
    return entry.kept

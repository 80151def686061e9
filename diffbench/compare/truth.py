"""The truth that a comparison judges by: 50 digits where they can be had, otherwise the best there is, and labelled."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from diffbench.compare.judging import EPS64, Truth
from diffbench.compare.measuring import Found, Limits, apart
from diffbench.consensus import Consensus, by_differences, sharpened
from diffbench.question import Question
from diffbench.reference import ExactResult, exactly, rounding
from diffbench.structure import Structure


def measure_truth(question: Question, digits: int, limits: Limits) -> Found:
    """The truth by high precision, apart from us: `truth`, or the error that it met."""
    import mpmath  # noqa: F401  once here, and not in each process

    def work(tell: Callable[..., None]) -> None:
        result = exactly(question, digits)
        truth = known_to_all_digits(result, digits)
        tell(truth=truth)
        tell(truth=replace(truth, rounding=rounding(result)))

    return apart(work, limits)


def truth_of(question: Question, digits: int) -> Truth:
    """The truth by high precision, here and now."""
    result = exactly(question, digits)
    return replace(known_to_all_digits(result, digits), rounding=rounding(result))


def known_to_all_digits(result: ExactResult, digits: int) -> Truth:
    """A truth of many digits; of the rounding errors of floats, no more than the last bit is known yet."""
    label = f"{digits} digits"
    if result.elsewhere:
        label += f" along the branches that floats take (high precision leaves them at {result.elsewhere[0]})"
    return Truth(
        leaves=result.leaves,
        rounding=[np.abs(leaf.astype(float)) * EPS64 for leaf in result.leaves],
        uncertainty=[np.zeros(leaf.shape) for leaf in result.leaves],
        label=label,
        names=leaf_names(result.structure),
        structure=portable(result.structure),
    )


def measure_consensus(question: Question, why: str, limits: Limits) -> Found:
    """What differences and a complex step agree on, apart from us: `truth`, where there is none of 50 digits."""

    def work(tell: Callable[..., None]) -> None:
        rough = by_differences(question)
        tell(truth=approximate(rough, why))
        tell(truth=approximate(sharpened(rough, question), why))

    return apart(work, limits)


def approximate(found: Consensus, why: str) -> Truth:
    """A truth that is not known to all digits, and why it is not."""
    return Truth(
        leaves=[exact(leaf) for leaf in found.leaves],
        rounding=[np.abs(leaf) * EPS64 for leaf in found.leaves],
        uncertainty=found.uncertainty,
        label=f"{found.label} ({why})",
        names=leaf_names(found.structure),
        structure=portable(found.structure),
    )


def exact(leaf: np.ndarray) -> np.ndarray:
    """Floats as the mpmath numbers that they are."""
    from mpmath import mpf

    entries = np.empty(leaf.shape, object)
    for index in np.ndindex(leaf.shape):
        entries[index] = mpf(float(leaf[index]))
    return entries


def portable(structure: Structure) -> Structure | None:
    """A structure that can leave its process; one with classes that are local to a function cannot."""
    import pickle

    try:
        pickle.dumps(structure)
    except Exception:
        return None
    return structure


def leaf_names(structure: Structure) -> list[str]:
    """How one indexes a nested container to get at its leaves, in their order.

    >>> from diffbench.structure import flatten
    >>> leaf_names(flatten({"w": [1.0, 2.0], "b": 3.0})[1])
    ["['w'][0]", "['w'][1]", "['b']"]
    """
    if structure.kind is None:
        return [""]
    by_item = issubclass(structure.kind, dict | list | tuple)
    return [
        (f"[{key!r}]" if by_item else f".{key}") + rest
        for key, child in zip(structure.keys, structure.children)
        for rest in leaf_names(child)
    ]


def median_of(answers: list[Found]) -> Truth | None:
    """Where nothing better can be had: the median of what the methods found. It says who is alone, not who is right."""
    found = [answer.facts["leaves"] for answer in answers if "leaves" in answer.facts]
    shapes: list[Any] = [[leaf.shape for leaf in leaves] for leaves in found]
    usual = [leaves for leaves, shape in zip(found, shapes) if shapes.count(shape) * 2 > len(found)]
    if len(usual) < 2:
        return None
    leaves = [np.asarray(np.median(np.stack([one.astype(float) for one in same]), axis=0)) for same in zip(*usual)]
    small = [np.abs(leaf) * EPS64 for leaf in leaves]
    label = f"none: the median of {len(usual)} methods, which agreement alone does not make right"
    return Truth(
        [exact(leaf) for leaf in leaves],
        small,
        small,
        label,
        [f"<{k}>" for k in range(len(leaves))] if len(leaves) > 1 else [""],
    )

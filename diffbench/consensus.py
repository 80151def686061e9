"""The best that can be known of a derivative in floats, for programs that numbers of many digits cannot run.

Central differences of orders 2, 4, 6 and 8, each with the step that suits its order: Richardson extrapolations of one
another. Where two neighbours of them agree best, entry by entry, there is the value, and how far they are apart is its
uncertainty. A complex step, which subtracts nothing, sharpens it where f is analytic and both agree. No derivative rule
of ours takes part.

Source: Richardson 1911, Phil. Trans. A 210; Squire, Trapp 1998, SIAM Review 40(1), 110-112.
"""

from dataclasses import dataclass

import numpy as np

from diffbench.question import Question
from diffbench.registry import get_backend
from diffbench.structure import Structure, flatten

ORDERS = (2, 4, 6, 8)
CAUTION = 10.0  # times the distance of two estimates: what the better one may be off
EPS = float(np.finfo(float).eps)
OF_COMPLEX_STEP = 1e-13  # its relative error, on a path that is analytic


@dataclass(frozen=True)
class Consensus:
    """Estimates of a derivative.

    leaves, uncertainty : floats for each leaf of the result; structure : the containers that hold them.
    label : where they come from, in words.
    """

    leaves: list[np.ndarray]
    uncertainty: list[np.ndarray]
    structure: Structure
    label: str


def consensus(question: Question) -> Consensus:
    """What differences, and a complex step where it applies, agree on.

    Cost: 20 n evaluations of f for a gradient of n entries, and n of a complex step.
    Raises what the verb raises.

    >>> found = consensus(Question(np.exp, (1.0,), {}, "derivative"))
    >>> bool(abs(found.leaves[0] - np.e) <= found.uncertainty[0]), found.label
    (True, 'about 1... digits, by complex step and central differences')
    """
    return sharpened(by_differences(question), question)


def by_differences(question: Question) -> Consensus:
    """What central differences of several orders agree on."""
    estimates = []
    for order in ORDERS:
        leaves, structure = flatten(question.answer(get_backend("finite-central", order=order)))
        estimates.append([np.asarray(leaf, float) for leaf in leaves])
    chosen = [_closest(np.stack(same)) for same in zip(*estimates)]
    values, uncertainty = [value for value, _ in chosen], [doubt for _, doubt in chosen]
    return Consensus(values, uncertainty, structure, _label(values, uncertainty, "central differences"))


def sharpened(rough: Consensus, question: Question) -> Consensus:
    """The result of a complex step, if it has one that agrees with the rough one; else the rough one."""
    try:
        values = [np.asarray(leaf, float) for leaf in flatten(question.answer("complex-step"))[0]]
    except Exception:  # f may not expect complex numbers, and raise what it likes
        return rough
    if not all(np.all(np.abs(a - b) <= c) for a, b, c in zip(values, rough.leaves, rough.uncertainty)):
        return rough
    sizes = [np.max(np.abs(value), initial=0.0) for value in values]
    doubt = [np.minimum(c, OF_COMPLEX_STEP * size) for c, size in zip(rough.uncertainty, sizes)]
    return Consensus(values, doubt, rough.structure, _label(values, doubt, "complex step and central differences"))


def _closest(estimates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of estimates along a first axis, the one that is nearest to its predecessor, and its uncertainty, by entry."""
    apart = np.abs(np.diff(estimates, axis=0))
    best = np.argmin(np.where(np.isfinite(apart), apart, np.inf), axis=0)[None]
    value = np.take_along_axis(estimates[1:], best, axis=0)[0]
    doubt = CAUTION * np.take_along_axis(apart, best, axis=0)[0] + CAUTION * EPS * np.abs(value)
    return value, doubt


def _label(values: list[np.ndarray], uncertainty: list[np.ndarray], means: str) -> str:
    """Decimal digits that all entries have, of the largest one, and by what means."""
    size = max((float(np.max(np.abs(value), initial=0.0)) for value in values), default=0.0) or 1.0
    doubt = max((float(np.max(c, initial=0.0)) for c in uncertainty), default=0.0)
    digits = int(min(16.0, max(0.0, -np.log10(doubt / size)))) if 0 < doubt < np.inf else 0
    return f"about {digits} digits, by {means}"

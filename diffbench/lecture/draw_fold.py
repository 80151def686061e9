"""Long programs as few nodes: which steps of a trace one node of the picture stands for.

A node stands for a run of steps, in the order of execution; so the folded graph has no cycles either. First the passes
of a loop between its first and its last are folded, then the steps of one statement, then runs of equal length.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from diffbench.lecture.model import Step

LONGEST_BODY = 200  # steps in the body of a loop


@dataclass(frozen=True)
class Fold:
    """The steps first, ..., last of a trace, and in words what they are (nothing for a step of its own)."""

    first: int
    last: int
    words: str
    alike: Hashable  # the same for runs that do the same


def folded(steps: Sequence[Step], most: int) -> list[Fold]:
    """The steps of a trace as at most `most` runs; each step on its own where there are no more than that."""
    folds = [Fold(step.index, step.index, "", _what(step)) for step in steps]
    while len(folds) > most:
        shorter = _without_passes(folds, steps)
        if shorter is None:
            break
        folds = shorter
    if len(folds) > most:
        statements = [list(own) for _, own in groupby(folds, lambda fold: _lines(steps[fold.first : fold.last + 1]))]
        folds = [own[0] if len(own) == 1 else _joined(own, steps) for own in statements]
    if len(folds) > most:
        cuts = [round(k * len(folds) / most) for k in range(most + 1)]
        folds = [_joined(folds[a:b], steps) for a, b in pairwise(cuts)]
    return folds


def _what(step: Step) -> Hashable:
    """What a step does, and where: the same in every pass of a loop."""
    return ("input", step.index) if step.is_input else (step.where and step.where.line, step.primitive)


def _lines(steps: Sequence[Step]) -> str:
    """The lines of the source that steps come from, such as "lines 4–6"; nothing where that is not known."""
    lines = sorted({step.where.line for step in steps if step.where})
    if not lines:
        return ""
    return f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]}–{lines[-1]}"


def _joined(folds: Sequence[Fold], steps: Sequence[Step], passes: int = 0) -> Fold:
    """Several runs as one."""
    first, last = folds[0].first, folds[-1].last
    lines = _lines(steps[first : last + 1])
    words = f"{passes} passes" if passes else f"{last - first + 1} steps"
    body = tuple(fold.alike for fold in folds[: len(folds) // passes if passes else None])
    return Fold(first, last, f"{words}, {lines}" if lines else words, body)


def _without_passes(folds: list[Fold], steps: Sequence[Step]) -> list[Fold] | None:
    """The longest loop with one node for the passes between its first and its last; None where there is no loop."""
    alike = [fold.alike for fold in folds]
    loops = [loop for period in range(1, min(LONGEST_BODY, len(folds) // 4) + 1) for loop in _loops(alike, period)]
    if not loops:
        return None
    start, passes, period = max(loops, key=lambda loop: ((loop[1] - 2) * loop[2], -loop[2]))
    a, b = start + period, start + (passes - 1) * period
    return [*folds[:a], _joined(folds[a:b], steps, passes - 2), *folds[b:]]


def _loops(alike: Sequence[Hashable], period: int) -> Iterator[tuple[int, int, int]]:
    """Where a body of `period` runs comes four times or more: its start, its number of passes, the period."""
    start = 0
    for same, own in groupby(a == b for a, b in zip(alike, alike[period:])):
        length = sum(1 for _ in own)
        if same and (passes := (length + period) // period) >= 4:
            yield start, passes, period
        start += length

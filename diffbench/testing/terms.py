"""A term that is missing, counted twice or of the wrong sign, named by the line of f that it goes through.

The chain rule adds up what flows to x through every operation of f. So derivatives are computed again and again, each
time with one operand of one operation cut: where the derivative by hand lacks just what that takes away, the cut is the
term that was forgotten.
"""

import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.errors import user_location
from diffbench.primitives.primitive import Primitive
from diffbench.testing.entries import Entries
from diffbench.watching import watching

MOST = 150  # operations; in longer programs nothing is searched
FACTORS = {-1.0: "is missing", 1.0: "is counted twice", -2.0: "has the wrong sign"}


class Cut(Primitive):
    """A primitive through which one operand carries nothing; all of them where `operand` is None."""

    def __init__(self, primitive: Primitive, operand: int | None):
        self.primitive, self.operand, self.name = primitive, operand, primitive.name
        self.keep, self.remembers = primitive.keep, primitive.remembers  # type: ignore[method-assign]

    def push(self, tangents, kept):
        return self.primitive.push([self.severed(k, t) for k, t in enumerate(tangents)], kept)

    def pull(self, cotangent, kept):
        return [self.severed(k, c) for k, c in enumerate(self.primitive.pull(cotangent, kept))]

    def severed(self, position: int, x: Any) -> Any:
        """Nothing at the operand that is cut, x elsewhere."""
        return x if x is None or self.operand not in (None, position) else 0.0 * x


class Operations:
    """Looks at the operations of a derivative in their order, and cuts one of them, if told to."""

    def __init__(self, cut: int | None = None, operand: int | None = None):
        self.cut, self.operand = cut, operand
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, primitive: Any, y: Any, operands: Sequence) -> Any:
        self.seen.append((primitive.name, user_location()))
        return Cut(primitive, self.operand) if len(self.seen) - 1 == self.cut else primitive


def explain_by_terms(entries: Entries, derivative: Callable[[int], np.ndarray]) -> str | None:
    """The sentence about a term whose derivative accounts for all that is wrong; None where there is none.

    derivative(point) : all entries at a point, by a mode that goes through the operations of f.
    Cost: up to three derivatives for each operation of f.
    """
    with watching(look := Operations()):
        derivative(0)
    if len(look.seen) > MOST:
        return None
    found = None
    for operation in range(len(look.seen)):
        parts = {}
        for operand in (None, 0, 1):
            with watching(Operations(operation, operand)):
                parts[operand] = entries.second[0] - derivative(0)
        for operand, part in parts.items():
            factor = _factor(entries, 0, part)
            if factor is not None and all(
                _same(entries, point, factor, operation, operand, derivative) for point in range(1, len(entries.found))
            ):
                # The last one is nearest to the result, and so the whole term.
                found = (factor, *look.seen[operation], operand if np.any(parts[None] != part) else None)
    return None if found is None else _sentence(*found)


def _factor(e: Entries, point: int, part: np.ndarray) -> float | None:
    """The factor by which a part accounts for all that is wrong at a point."""
    difference = e.found[point] - e.truth[point]
    if not np.any(part) or not np.all(np.isfinite(part)):
        return None
    k = int(np.argmax(np.abs(part)))
    factor = float(difference[k] / part[k])
    factor = next((c for c in FACTORS if abs(factor - c) < 1e-6), factor)
    slack = 4 * e.allowed[point] + 1e-6 * np.abs(factor * part)
    accounts = np.all(np.abs(difference - factor * part) <= slack) and abs(factor) > 1e-6
    return factor if accounts else None


def _same(
    e: Entries, point: int, factor: float, operation: int, operand: int | None, derivative: Callable[[int], np.ndarray]
) -> bool:
    with watching(Operations(operation, operand)):
        part = e.second[point] - derivative(point)
    here = _factor(e, point, part)
    return here is not None and abs(here - factor) <= 1e-5 * abs(factor)


def _sentence(factor: float, name: str, where: str | None, operand: int | None) -> str:
    what = f"what goes through {name}" + ("" if operand is None else f" by its operand {operand}")
    at = ""
    if where is not None:
        path, _, line = where.partition(" in ")[0].rpartition(":")
        source = linecache.getline(path, int(line)).strip()
        at = f" at {where}" + (f": {source}" if source else "")
    return f"a term {FACTORS.get(factor, f'counts {1 + factor:.6g} times')}: {what}{at}"

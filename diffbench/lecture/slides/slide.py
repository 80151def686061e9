"""What a slide is here: numbers to check, a table, perhaps figures, and what the slide of the lecture has wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffbench.tables import markdown


@dataclass(frozen=True)
class Check:
    """A quantity as the lecture (or its source) has it, and as it is computed here; numbers or arrays.

    tolerance : how far apart they may be, entry by entry; half a unit of the last digit that is printed.
    """

    quantity: str
    expected: Any
    found: Any
    tolerance: float

    @property
    def error(self) -> float:
        """The largest difference of an entry; infinite where shapes differ or something is not finite."""
        expected, found = np.asarray(self.expected, float), np.asarray(self.found, float)
        if expected.shape != found.shape or not np.all(np.isfinite(found)):
            return float("inf")
        return float(np.max(np.abs(expected - found), initial=0.0))

    @property
    def holds(self) -> bool:
        """Whether all entries are within the tolerance."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Slide:
    """Its checks, a table of text with LaTeX, figures by name, and a note where the slide of the lecture has a slip."""

    title: str
    checks: Sequence[Check]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def _repr_markdown_(self) -> str:
        return f"**{self.title}**\n\n{markdown(self.head, self.rows)}\n{self.note}"

"""Which backend to take: the fastest right one for so many calls, its preparation included, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from diffbench.compare.comparison import Comparison
from diffbench.compare.text import duration, notes
from diffbench.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 1.1  # ratio of times that this measurement does not tell apart


@dataclass(frozen=True)
class Advice:
    """A recommendation, and what it stands on.

    backend : the name of the fastest right one for `calls` calls; None if there is none.
    reasons : sentences, the most important first.
    by_calls : a DataFrame of who is fastest from how many calls on: from_calls, backend, prepare_seconds, seconds. Its
        second row is the break-even number, where one that was prepared overtakes.
    pareto : the rows of the comparison that no other right one beats in both time and error.
    comparison : all that was measured.
    """

    backend: str | None
    calls: int
    reasons: tuple[str, ...]
    by_calls: "pd.DataFrame"
    pareto: "pd.DataFrame"
    comparison: Comparison

    def __str__(self) -> str:
        return "\n".join([f"{self.backend or 'no backend'} for {self.calls} calls", *(f"  {r}" for r in self.reasons)])

    __repr__ = __str__


def advise(comparison: Comparison, calls: int, least_digits: float) -> Advice:
    """The recommendation that a comparison supports."""
    if isinstance(calls, bool) or not isinstance(calls, int) or calls < 1:
        raise ArgumentError(f"recommend: calls={calls!r}, expected a positive integer")
    frame = comparison.frame
    right = frame[(frame.status == "ok") & (frame.seconds > 0)]
    enough = min(least_digits, right.digits.max() - 1) if len(right) else least_digits
    able = right[right.digits >= enough]
    envelope = fastest_by_calls([steadied(row, comparison.f_seconds) for _, row in able.iterrows()])
    chosen = next((row for start, row in reversed(envelope) if start <= calls), None)
    return Advice(
        None if chosen is None else chosen["backend"],
        calls,
        tuple(_reasons(comparison, able, envelope, chosen, calls, enough)),
        _table(envelope),
        comparison.pareto,
        comparison,
    )


def fastest_by_calls(rows: Sequence[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Who is fastest from how many calls on: the lower envelope of the lines preparation + calls · seconds.

    >>> slow = {"backend": "reverse", "prepare_seconds": 0.0, "seconds": 2.0}
    >>> fast = {"backend": "symbolic", "prepare_seconds": 9.0, "seconds": 1.0}
    >>> [(start, row["backend"]) for start, row in fastest_by_calls([fast, slow])]
    [(1, 'reverse'), (10, 'symbolic')]
    """
    if not rows:
        return []
    start, row = 1, min(rows, key=lambda row: total(row, 1))
    found = [(start, row)]
    while True:
        overtaking = [
            (int((other["prepare_seconds"] - row["prepare_seconds"]) // (row["seconds"] - other["seconds"])) + 1, other)
            for other in rows
            if other["seconds"] < row["seconds"]
        ]
        if not overtaking:
            return found
        start, row = min(overtaking, key=lambda one: (one[0], one[1]["seconds"]))
        found.append((start, row))


def steadied(row: Any, f_seconds: float | None) -> dict[str, Any]:
    """A row with its time as so many times that of f, which took turns with it: what slows down both cancels."""
    known = f_seconds is not None and row["cost_ratio"] == row["cost_ratio"]
    return {**row, "seconds": row["cost_ratio"] * f_seconds} if known else dict(row)


def total(row: Any, calls: int) -> float:
    """Seconds of preparation and of so many calls."""
    return row["prepare_seconds"] + calls * row["seconds"]


def _reasons(
    comparison: Comparison, able: "pd.DataFrame", envelope: list, chosen: Any, calls: int, enough: float
) -> list[str]:
    """Why it is this one, who would be next, and why others are not."""
    reasons = []
    if chosen is not None:
        reasons.append(
            f"{chosen['backend']}: {chosen['digits']:.1f} digits right, {duration(chosen['seconds'])} a call, "
            f"{duration(chosen['prepare_seconds'])} to prepare: {duration(total(chosen, calls))} in all"
        )
        others = sorted(
            (steadied(row, comparison.f_seconds) for _, row in able.iterrows() if row.backend != chosen["backend"]),
            key=lambda row: total(row, calls),
        )
        for row in others[:1]:
            times = total(row, calls) / total(chosen, calls)
            said = "as fast, as far as this measurement tells" if times < ALIKE else f"{times:.2g} times that"
            reasons.append(f"next: {row['backend']}, {duration(total(row, calls))}, {said}")
        for (_, before), (start, row) in pairwise(envelope):
            reasons.append(f"from {start} calls on {row['backend']} is faster than {before['backend']}")
    if comparison.known is None or comparison.truth_label.startswith("none"):
        reasons.append(f"there is no truth to judge by ({comparison.truth_label})")
    frame = comparison.frame
    reasons += [
        f"not {row.backend}: {row.digits:.1f} digits right, fewer than {enough:.1f}"
        for row in frame[(frame.status == "ok") & ~frame.backend.isin(able.backend)].itertuples()
    ]
    refused = frame[frame.status != "ok"]
    reasons += [f"not {names}: {message}" for names, message in notes(refused)]
    return reasons


def _table(envelope: list[tuple[int, dict[str, Any]]]) -> "pd.DataFrame":
    import pandas as pd

    rows = [(start, row["backend"], row["prepare_seconds"], row["seconds"]) for start, row in envelope]
    return pd.DataFrame(rows, columns=["from_calls", "backend", "prepare_seconds", "seconds"])

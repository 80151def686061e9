"""What a comparison came to: its table, in every form that it is wanted in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbench.structure import Structure, unflatten

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

    from diffbench.compare.judging import Truth

COLUMNS = (
    "backend", "status", "digits", "max_rel_error", "max_abs_error", "worst_entry", "value",
    "prepare_seconds", "seconds", "seconds_low", "seconds_high", "f_seconds",
    "cost_ratio", "cost_ratio_low", "cost_ratio_high", "evaluations", "peak_bytes", "message",
)  # fmt: skip
STATUSES = ("ok", "wrong", "unsupported", "timeout", "out-of-memory", "failed")


@dataclass(frozen=True)
class Comparison:
    """One row for each backend, the fastest right one first.

    frame : a tidy DataFrame, whose columns are
        backend, status : one of ok, wrong, unsupported, timeout, out-of-memory, failed; `message` has the reason.
        digits : significant decimal digits that are right, in the worst entry.
        max_rel_error, max_abs_error, worst_entry : against the truth, entry by entry; relative to the largest entry
            where the truth is 0.
        value : the derivative that was found, in the containers of the verb.
        prepare_seconds : once; seconds : a call, the median, with the quartiles seconds_low and seconds_high.
        f_seconds : a call of f, measured in turns with it; cost_ratio : their ratio, with its 95 % interval.
        evaluations : of f, in one call of the derivative after preparation.
        peak_bytes : most memory that one call held at a time, of what Python and NumPy allocate.
    entries : a DataFrame with a row for each entry and backend: backend, entry, value, truth, abs_error, rel_error,
        digits.
    truth : what the rows were held against, as mpmath numbers in the containers of the verb (None if there is none);
        `truth_label` says where it comes from.
    """

    frame: "pd.DataFrame"
    entries: "pd.DataFrame"
    known: "Truth | None"
    quantity: str
    name: str
    f_seconds: float | None

    @property
    def truth(self) -> Any:
        """The derivative that all are held against: mpmath numbers in the containers of the verb."""
        if self.known is None:
            return None
        return put_together(self.known.leaves, self.known.structure)

    @property
    def truth_label(self) -> str:
        """Where the truth comes from, such as "50 digits"."""
        return "none" if self.known is None else self.known.label

    @property
    def title(self) -> str:
        """What was compared, in one line."""
        from diffbench.compare.text import duration

        f = "" if self.f_seconds is None else f"; f takes {duration(self.f_seconds)}"
        return f"{self.quantity} of {self.name}{f}; truth: {self.truth_label}"

    @property
    def wrong(self) -> list[str]:
        """The backends that gave a wrong derivative."""
        return list(self.frame.backend[self.frame.status == "wrong"])

    @property
    def pareto(self) -> "pd.DataFrame":
        """The rows that no other right one beats in both time and error."""
        return pareto(self.frame)

    def plot(self) -> Any:
        """Error against time, a point for each right backend, those that nobody beats in both joined by a line.

        Returns a matplotlib Figure.
        """
        from diffbench.compare.picture import draw

        return draw(self)

    def to_markdown(self) -> str:
        """The table in GitHub's Markdown."""
        from diffbench.compare import text
        from diffbench.tables import markdown, markdown_text

        return markdown(text.head(), [list(map(markdown_text, row)) for row in text.rows(self.frame)])

    def to_latex(self) -> str:
        """The table in LaTeX, for the package booktabs."""
        from diffbench.compare import text
        from diffbench.tables import latex, latex_text

        return latex(text.head(), [list(map(latex_text, row)) for row in text.rows(self.frame)], booktabs=True)

    def to_csv(self, path: str | Path | None = None) -> str | None:
        """The frame as CSV: written to a file, or returned where none is given."""
        return self.frame.to_csv(path, index=False)

    def to_json(self) -> str:
        """Everything that was measured, as JSON: what was compared, and the rows."""
        from diffbench.compare import text

        return text.as_json(self)

    def __rich__(self) -> "Group":
        from diffbench.compare import text

        return text.group(self)

    def __str__(self) -> str:
        from diffbench.compare import text

        return text.plain(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from diffbench.compare import text

        return text.html(self)


def put_together(leaves: Sequence[Any], structure: Structure | None) -> Any:
    """Leaves in the containers of the verb; in a list where those are not known."""
    numbers = [leaf[()] for leaf in leaves]
    if structure is not None:
        return unflatten(structure, numbers)
    return numbers[0] if len(numbers) == 1 else numbers


def pareto(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The right rows that none beats in time without being further from the truth, fastest first."""
    right = frame[frame.status == "ok"].sort_values(["seconds", "max_rel_error"])
    best = right.max_rel_error.cummin().shift(fill_value=float("inf"))
    return right[right.max_rel_error < best]


def order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as they are shown: right ones first, faster ones before slower ones, by their time over that of f.

    That was measured in turns, and is steadier than seconds; where it is not known, the evaluation took long.
    """
    last = float("inf")
    return sorted(
        rows,
        key=lambda row: (STATUSES.index(row["status"]), row.get("cost_ratio", last), row.get("seconds", last)),
    )

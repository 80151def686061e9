"""What a diagnosis says: the methods, right or wrong, and what was found, each with numbers, a sentence and advice."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "random": "f does not return the same twice",
    "nan": "a value or a derivative is not finite",
    "jump": "f jumps at x",
    "kink": "the slope of f jumps at x",
    "kink-nearby": "the slope of f jumps within the step of differences",
    "special-branch": "f takes a branch at x that it takes nowhere around",
    "untaken-branch": "a branch that was not taken is not finite",
    "ill-conditioned": "the derivative amplifies rounding of x",
    "cancellation": "f loses digits that its argument has",
    "noise": "f is noisy",
    "step": "the default step of differences does not fit f",
    "not-analytic": "complex step cannot be applied",
    "untraceable": "f leaves what can be traced",
}
"""Every kind of finding, in order of importance."""
HEAD = ("method", "verdict", "error", "Taylor rate", "why")


@dataclass(frozen=True)
class Finding:
    """One thing that was found. `spoils` names the methods whose derivative it makes wrong, or impossible."""

    kind: str
    sentence: str
    advice: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    spoils: tuple[str, ...] = ()

    def __str__(self) -> str:
        numbers = ", ".join(f"{name} {_shown(value)}" for name, value in self.evidence.items())
        return f"{self.kind}: {self.sentence}\n    numbers: {numbers}\n    try:     {self.advice}"


@dataclass(frozen=True)
class Method:
    """What one method gave. error : of the worst entry, relative to it (or to a thousandth of the largest one).

    rate : the power of h with which f(x + hv) - f(x) - h g.v vanishes: 2 or more for the right derivative, 1 for a
    wrong one; NaN where the remainder is rounding only. verdict : right, wrong, refused, or undefined where f has no
    derivative.
    """

    backend: str
    verdict: str
    error: float
    rate: float
    why: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter with the derivatives of a function at a point; prints itself.

    findings : in order of importance. methods : each with its verdict. truth : where the right derivative comes from.
    """

    title: str
    truth: str
    methods: tuple[Method, ...]
    findings: tuple[Finding, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of all findings."""
        return tuple(finding.kind for finding in self.findings)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a finding: kind, sentence, advice, spoils, and each number of its evidence."""
        import pandas as pd

        columns = ["kind", "sentence", "advice", "spoils"]
        rows = [
            {"kind": f.kind, "sentence": f.sentence, "advice": f.advice, "spoils": ", ".join(f.spoils), **f.evidence}
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=None if rows else columns)

    @property
    def methods_frame(self) -> "pd.DataFrame":
        """One row a method: verdict, error, rate and why."""
        import pandas as pd

        return pd.DataFrame([vars(method) for method in self.methods]).set_index("backend")

    def __str__(self) -> str:
        rows = [HEAD, *map(_cells, self.methods)] if self.methods else []
        widths = [max(len(row[k]) for row in rows) for k in range(len(HEAD))] if rows else []
        table = ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
        parts = [[self._headline()], table, [f"  {finding}" for finding in self.findings]]
        return "\n\n".join("\n".join(lines) for lines in parts if lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in HEAD)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(method)) + "</tr>"
            for method in self.methods
        )
        found = "".join(
            f"<li><b>{html.escape(f.kind)}</b>: {html.escape(f.sentence)}<br><i>{html.escape(f.advice)}</i></li>"
            for f in self.findings
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<p>{html.escape(self._headline())}</p>{table}<ul>{found}</ul>"

    def _headline(self) -> str:
        count = len(self.findings)
        said = "nothing is the matter" if not count else f"{count} finding{'s' * (count > 1)}"
        return f"{self.title}: {said} (truth: {self.truth})"


def _cells(method: Method) -> tuple[str, ...]:
    error = "" if method.verdict == "refused" else f"{method.error:.1e}"
    rate = "" if method.rate != method.rate else f"{method.rate:.1f}"
    return method.backend, method.verdict, error, rate, method.why


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)

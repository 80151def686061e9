"""What a check has found, in words: a table of the worst entries, and what they look like."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffbench.errors import DiffbenchError
from diffbench.structure import flatten
from diffbench.testing.checking import Check
from diffbench.testing.entries import Entries
from diffbench.testing.patterns import explain
from diffbench.testing.results import Misfit
from diffbench.testing.terms import explain_by_terms

SHOWN = 8  # entries in the table


class UncheckedPoint(UserWarning):
    """The very point that was given could not be checked; others around it were."""


@dataclass(frozen=True)
class Report:
    """What a check that passed has looked at.

    checked : names of the points; left_out : names and reasons of those where f has no derivative, or none to speak of.
    truth : where the right derivative comes from. worst : the largest difference, over what is allowed there.
    """

    title: str
    checked: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    truth: str
    entries: int
    worst: float

    def __str__(self) -> str:
        lines = [
            f"{self.title} is right in {_count(self.entries, 'entry', 'entries')} at {', '.join(self.checked)}",
            f"  truth: {self.truth}; the largest difference is {self.worst:.1e} of what is allowed",
        ]
        return "\n".join([*lines, *(f"  left out: {label}: {reason}" for label, reason in self.left_out)])


def run(check: Check) -> Report:
    """Take samples, compare, and either report or raise AssertionError."""
    __tracebackhide__ = True
    check.take_samples()
    if not check.samples:
        reasons = [f"  {label}: {reason}" for label, reason in check.left_out]
        raise AssertionError("\n".join([f"{check.title}: nothing could be checked", *reasons]))
    try:
        entries = check.compare()
    except Misfit as misfit:
        raise AssertionError(f"{check.title}: {misfit}") from None
    if np.any(entries.wrong):
        raise AssertionError(failure(check, entries))
    if check.left_out and check.left_out[0][0] == "x":
        warnings.warn(UncheckedPoint(f"{check.title}: not at x itself, where {check.left_out[0][1]}"), stacklevel=3)
    worst = float(np.max(entries.excess, initial=0.0))
    truth = check.samples[-1].truth.source
    return Report(check.title, _points(check), tuple(check.left_out), truth, entries.found.shape[1], worst)


def failure(check: Check, entries: Entries) -> str:
    """The message about a derivative that is wrong."""
    wrong, of = entries.bad.size, entries.found.shape[1]
    source = check.samples[0].truth
    lines = [f"{check.title} is wrong in {wrong} of {_count(of, 'entry', 'entries')}"]
    sentences = explain(entries, _sizes(check))
    if not sentences and source.traced and check.verb != "hessian":
        try:
            term = explain_by_terms(entries, check.traced_derivative)
        except DiffbenchError:  # a cut can take more from f than its derivative; then it explains nothing
            term = None
        sentences = [term] if term else []
    lines += [f"  {sentence}" for sentence in sentences]
    lines += _table(check, entries)
    beyond = np.max(entries.excess, initial=0.0, where=entries.wrong & np.isfinite(entries.excess))
    lines.append(
        f"  allowed: {check._rtol(check.eps):.2g} of each entry, and rounding; exceeded "
        + (f"up to {beyond:.2g} times" if beyond else "by what is not finite")
    )
    lines.append(
        f"  truth: {check.samples[-1].truth.source}" + ("" if source.traced else "; no other method can be asked")
    )
    lines.append(
        f"  checked: {', '.join(_points(check))}; random ones within {check.radius:.0%} of x, seed {check.seed}"
    )
    return "\n".join([*lines, *(f"  left out: {label}: {reason}" for label, reason in check.left_out)])


def _table(check: Check, e: Entries) -> list[str]:
    """The worst entries, each at the point where it is worst."""
    excess = np.where(e.wrong, np.where(np.isfinite(e.excess), e.excess, np.inf), -1.0)
    where = np.argmax(excess, axis=0)
    worst = sorted(e.bad, key=lambda k: -excess[where[k], k])[:SHOWN]
    mode = check.second_mode.name
    rows = [["entry", "by hand", f"{check.digits} digits", mode, "difference", "at"]]
    if not check.samples[0].truth.traced:
        rows[0][2:4] = ["consensus", ""]
    for k in sorted(worst):
        p = where[k]
        numbers = [e.found[p, k], e.truth[p, k], e.second[p, k]]
        if not check.samples[0].truth.traced:
            numbers.pop()
        cells = [f"{x:.10g}" for x in numbers] + [""] * (3 - len(numbers))
        difference = f"{e.found[p, k] - e.truth[p, k]:.2g}"
        rows.append([e.label(int(k)), *cells, difference, check.samples[p].label])
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    lines = ["  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths) if w).rstrip() for row in rows]
    more = [f"  ... and {e.bad.size - len(worst)} more"] if e.bad.size > len(worst) else []
    return ["", *lines, *more, ""]


def _sizes(check: Check) -> dict[int, str]:
    """The lengths that a factor may be: those of the axes of the arguments, and of the arguments as a whole."""
    sizes: dict[int, str] = {}
    for k, argument in enumerate(check.args):
        for leaf in flatten(argument)[0]:
            shape: Sequence[int] = np.shape(leaf)
            for axis, length in enumerate(shape):
                whole = "the length of" if len(shape) == 1 else f"the length of axis {axis} of"
                sizes.setdefault(length, f"{whole} argument {k}")
            if len(shape) > 1:
                sizes.setdefault(int(np.prod(shape)), f"the size of argument {k}")
    return sizes


def _points(check: Check) -> tuple[str, ...]:
    """The names of the points that were checked."""
    return tuple(dict.fromkeys(sample.label.partition(", direction")[0] for sample in check.samples))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"

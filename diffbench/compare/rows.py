"""From what the processes sent to the rows of the table."""

import sys
from typing import Any

import numpy as np
import pandas as pd

from diffbench.backends.base import Differentiator
from diffbench.backends.finite import scale_of
from diffbench.compare.comparison import COLUMNS, Comparison, order, put_together
from diffbench.compare.judging import Truth, Verdict, judge
from diffbench.compare.measuring import Found
from diffbench.errors import DiffbenchError
from diffbench.flat import name_of
from diffbench.question import DIRECTED, Question
from diffbench.registry import backend_class
from diffbench.structure import flatten


def noise_of(question: Question, values: list[np.ndarray]) -> float:
    """The largest value of f over the smallest scale of an argument, to the power of the order of the derivative."""
    leaves = [np.asarray(leaf, float) for k in question.argnums for leaf in flatten(question.arguments[k])[0]]
    scales = [np.min(scale_of(leaf), initial=np.inf) for leaf in leaves if leaf.size]
    largest = max((float(np.max(np.abs(v), initial=0.0)) for v in values), default=0.0)
    directions = flatten(question.args[-1])[0] if question.quantity in DIRECTED else []
    length = max((float(np.sum(np.abs(leaf))) for leaf in directions), default=1.0)
    return largest * length / min([1.0, *scales]) ** question.order


def ended(found: Found) -> tuple[str, str]:
    """Status and reason of a process that gave no derivative."""
    error, where = found.error, found.facts.get("where")
    place = f" (at {where})" if where else ""
    if isinstance(error, MemoryError) and found.ending.status == "out-of-memory":
        error = None  # which array was one too many is chance: the ending names the limit
    if isinstance(error, MemoryError):
        return "out-of-memory", f"MemoryError: {error}".removesuffix(": ")
    if isinstance(error, DiffbenchError):
        return "unsupported", ": ".join([type(error).__name__, *filter(None, (error.what, error.why))])
    if isinstance(error, NotImplementedError):
        return "unsupported", f"NotImplementedError: {error}{place}"
    if error is not None:
        return "failed", f"{type(error).__name__}: {error}{place}"
    if found.ending.status == "timeout":
        threaded = [name for name in ("jax", "torch") if name in sys.modules]
        were = "were" if len(threaded) > 1 else "was"
        hint = f"; {' and '.join(threaded)} {were} in use before, and may not work in forked processes"
        hint = hint if threaded else ""
        return "timeout", found.ending.message + hint
    words = f": {found.ending.last_words}" if found.ending.last_words else ""
    return found.ending.status, found.ending.message + words


def row_of(
    name: str,
    backend: str | Differentiator,
    answer: Found | str,
    truth: Truth | None,
    question: Question,
    noise: float,
) -> tuple[dict[str, Any], Verdict | None]:
    """The row of one backend, and what was found about its entries."""
    if isinstance(answer, str):
        return {"backend": name, "status": "unsupported", "message": answer}, None
    facts = answer.facts
    if "leaves" not in facts:
        status, message = ended(answer)
        return {"backend": name, "status": status, "message": message, **_some(facts, "prepare_seconds")}, None
    row = {"backend": name, "status": "ok", "message": "", **_measured(facts)}
    row["value"] = put_together(facts["leaves"], truth.structure if truth else None)
    if answer.ending.status != "done" or answer.error is not None:
        row["message"] = f"not all was measured: {ended(answer)[1]}"
    if truth is None:
        return {**row, "status": "failed", "message": "there is no truth to hold it against"}, None
    kind = backend_class(backend) if isinstance(backend, str) else backend  # to make one might import its library
    verdict = judge(facts["leaves"], truth, kind, question.order, noise)
    if verdict.reason:
        row |= {"status": "ok" if verdict.right else "wrong", "message": verdict.reason}
    if verdict.digits.size:
        worst = int(np.argmin(verdict.digits))
        row |= {
            "digits": float(verdict.digits[worst]),
            "max_abs_error": float(np.max(verdict.absolute)),
            "max_rel_error": float(np.max(verdict.relative)),
            "worst_entry": truth.entries()[worst],
        }
    return row, verdict


def _some(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: facts[name] for name in names if name in facts}


def _measured(facts: dict[str, Any]) -> dict[str, Any]:
    """Times, counts and memory."""
    timing = facts["derivative"]
    low, high = timing.quartiles
    found = {
        "seconds": timing.median,
        "seconds_low": low,
        "seconds_high": high,
        **_some(facts, "prepare_seconds", "evaluations", "peak_bytes"),
    }
    if "f" in facts:
        ratio = timing.ratio_to(facts["f"])
        found |= {
            "f_seconds": facts["f"].median,
            "cost_ratio": ratio.median,
            "cost_ratio_low": ratio.low,
            "cost_ratio_high": ratio.high,
        }
    return found


def entries_of(name: str, verdict: Verdict | None, truth: Truth | None) -> list[dict[str, Any]]:
    """A row for each entry that one backend found."""
    if verdict is None or truth is None or not verdict.digits.size:
        return []
    exact = [x for leaf in truth.leaves for x in leaf.flat]
    columns = (truth.entries(), verdict.found, exact, verdict.absolute, verdict.relative, verdict.digits)
    keys = ("entry", "value", "truth", "abs_error", "rel_error", "digits")
    return [{"backend": name, **dict(zip(keys, row))} for row in zip(*columns)]


def comparison_of(
    question: Question, rows: list[dict], entries: list[dict], truth: Truth | None, f_seconds: float | None
) -> Comparison:
    frame = pd.DataFrame(order(rows), columns=list(COLUMNS))
    frame = frame.astype({"evaluations": "Int64", "peak_bytes": "Int64"})
    for column in ("digits", "max_rel_error", "max_abs_error", "prepare_seconds", "seconds", "cost_ratio", "f_seconds"):
        frame[column] = frame[column].astype(float)
    columns = ["backend", "entry", "value", "truth", "abs_error", "rel_error", "digits"]
    return Comparison(
        frame, pd.DataFrame(entries, columns=columns), truth, question.quantity, name_of(question.f), f_seconds
    )

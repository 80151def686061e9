"""The methods that a diagnosis asks, and the verdict on each."""

import numpy as np

from diffbench.diagnosis.findings import Finding, Method
from diffbench.diagnosis.view import WIDE, View
from diffbench.errors import DiffbenchError, NotAnalytic, TraceLost, UnsupportedPrimitive

EXPECTED = {"finite-forward": 0.256, "finite-central": 0.383}
"""The power of eps up to which a method is right: 1e-4 and 1e-6 in float64; 1e-8 for methods without truncation."""

UNTRACED = (NotAnalytic, TraceLost, UnsupportedPrimitive)

Answer = np.ndarray | DiffbenchError


def asked(view: View, name: str) -> Answer:
    """The gradient by a method, or the error by which it refuses."""
    try:
        return view.gradient(view.x, name)
    except DiffbenchError as error:
        return error


def sizes(view: View, truth: np.ndarray) -> np.ndarray:
    """What errors are relative to: each slope; a thousandth of the largest one; a hundredth of how much they change.

    The last one counts where the gradient vanishes: relative to zero, every rounding would be infinitely wrong.
    """
    (d,) = view.directions(1)
    try:
        changes = [np.abs(view.gradient(view.x + t * d, "auto") - truth) for t in (WIDE, -WIDE)]
    except DiffbenchError:
        changes = [np.full(truth.shape, view.size / float(np.max(view.scale)))]
    change = max([float(c) for c in np.ravel(changes) if np.isfinite(c)], default=0.0)
    largest = float(np.max(np.abs(truth), initial=0.0, where=np.isfinite(truth)))
    return np.maximum(np.abs(truth), max(1e-3 * largest, 1e-2 * change, float(np.finfo(float).tiny)))


def tolerance(view: View, name: str) -> float:
    """The relative error up to which a method is right."""
    return view.eps ** EXPECTED.get(name, 0.511)


def error_of(found: np.ndarray, truth: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The relative error of each entry; inf for NaN."""
    with np.errstate(invalid="ignore"):
        errors = np.where(found == truth, 0.0, np.abs(found - truth) / sizes)
    return np.where(np.isfinite(errors), errors, np.inf)


def judged(
    view: View, name: str, answer: Answer, right: np.ndarray, relative_to: np.ndarray, findings: list[Finding]
) -> Method:
    """The verdict on a method."""
    spoilt = [finding.kind for finding in findings if name in finding.spoils]
    if isinstance(answer, DiffbenchError):
        found = isinstance(answer, UNTRACED) and ", ".join(spoilt)  # others have reasons that no finding tells
        return Method(name, "refused", float("nan"), float("nan"), found or answer.what)
    error = float(np.max(error_of(answer, right, relative_to)))
    verdict = "right" if error <= tolerance(view, name) else "wrong"
    if {"jump", "kink"} & set(spoilt) or not np.isfinite(view.value(view.x)):
        verdict = "undefined"
    return Method(name, verdict, error, taylor_rate(view, answer), ", ".join(spoilt) if verdict != "right" else "")


def taylor_rate(view: View, gradient: np.ndarray) -> float:
    """The power of h with which f(x + hv) - f(x) - h g.v vanishes, over steps where more than rounding is left.

    NaN where too few steps are: a linear function, or one that only rounds. Cost: 25 evaluations of f.
    """
    (d,) = view.directions(1)
    here = view.value(view.x)
    steps = 2.0 ** -np.arange(3, 28)
    slope = float(np.dot(gradient, d))
    remainders = np.array([abs(view.value(view.x + h * d) - here - h * slope) for h in steps])
    floor = 1e2 * view.eps * max(abs(here) + abs(slope), float(np.finfo(float).tiny))
    seen = np.isfinite(remainders) & (remainders > floor)
    if np.count_nonzero(seen) < 4:
        return float("nan")
    slopes = np.diff(np.log(remainders[seen])) / np.diff(np.log(steps[seen]))
    return float(np.median(slopes[-7:]))

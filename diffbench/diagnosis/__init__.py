"""db.diagnose: when methods disagree, who is wrong, and why.

The truth is computed to 50 digits, each method is held against it, and by a Taylor remainder against f itself; then the
neighbourhood of the point is searched for what spoils derivatives.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.debugging import debug
from diffbench.diagnosis.accuracy import best_step, cancellation, conditioning, noise, randomness
from diffbench.diagnosis.findings import KINDS, Diagnosis, Finding, Method
from diffbench.diagnosis.shape import EVERY, EXACT, kink_nearby, unsmooth
from diffbench.diagnosis.view import View
from diffbench.errors import DiffbenchError, NonfiniteError, NotAnalytic
from diffbench.registry import get_backend
from diffbench.testing.truth import truth_of

__all__ = ["KINDS", "Diagnosis", "Finding", "Method", "diagnose"]

TOLERANCE = {"finite-forward": 1e-4, "finite-central": 1e-6}  # of other methods: 1e-8


def diagnose(f: Callable, *args: Any, argnum: int | tuple[int, ...] = 0, seed: int = 0, **kwargs: Any) -> Diagnosis:
    """Say which methods differentiate f rightly at a point, which do not, and why.

    f : plain NumPy code, called as f(*args, **kwargs); any real results. Several are weighted at random into one.
    argnum : what is differentiated, as in the verbs. seed : of the directions in which the neighbourhood is searched.

    Returns a Diagnosis: print it, or take `.findings` (each with kind, sentence, advice and numbers), `.methods`,
    `.frame`. A smooth function whose derivative every method gets right has no findings.
    Cost: some two hundred evaluations of f, some fifty gradients, and a few runs with 50 digits.

    >>> print(diagnose(lambda x: abs(x - 0.5), 0.5).findings[0].sentence)
    <lambda> has a kink where x is 0.5: slope -1 to the left, 1 to the right
    >>> diagnose(np.exp, 1.0).kinds
    ()
    """
    view = View(f, args, kwargs, argnum, seed)
    findings: list[Finding] = []
    if found := randomness(view):
        return Diagnosis(f"diagnose {view.name}", "none", (), (found,))
    if found := not_finite(view):
        findings.append(found)
    try:
        with np.errstate(all="ignore"):
            truth = truth_of(view, "gradient", (view.x,), {}, 0, 50)
    except DiffbenchError as error:
        findings.append(untraceable(error))
        return Diagnosis(f"diagnose {view.name}", "none: " + error.what, (), tuple(findings))
    right, source = np.ravel(truth.leaves[0]), truth.source
    if not truth.traced:
        findings.append(untraceable_truth(truth.source))
    slopes = view.gradient if truth.traced else _by_differences(view)
    if not findings or findings[0].kind != "nan":
        findings += unsmooth(view, slopes)
        for finding in findings:
            if finding.kind == "special-branch":  # then automatic modes are exact about the wrong branch, 50 digits too
                right, source = _around(view, slopes), "the derivative beside x, which f has there"
        if not any(finding.kind == "jump" for finding in findings):
            findings += [finding for finding in (noise(view),) if finding]
    gradients = {name: _asked(view, name) for name in EVERY}
    findings += [finding for finding in map(refusal, EVERY, gradients.values()) if finding]
    findings += list(_about_accuracy(view, truth.traced, slopes, right, gradients, findings))
    methods = [_judged(view, name, gradients[name], right, findings) for name in EVERY]
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    return Diagnosis(f"diagnose {view.name}", source, tuple(methods), tuple(findings))


def _by_differences(view: View) -> Callable[[np.ndarray], np.ndarray]:
    """Slopes where f cannot be traced: differences narrow enough to tell one side of x from the other."""
    backend = get_backend("finite-central", step=float(np.min(view.scale)) * 2.0**-46)
    return lambda z: view.gradient(z, backend)


def _asked(view: View, name: str) -> np.ndarray | DiffbenchError:
    try:
        return view.gradient(view.x, name)
    except DiffbenchError as error:
        return error


def _around(view: View, slopes: Callable) -> np.ndarray:
    """The slopes that f has beside x, where it is smooth."""
    (d,) = view.directions(1)
    t = 2.0**12 * view.eps
    return (slopes(view.x + t * d) + slopes(view.x - t * d)) / 2


# -- findings about what methods meet ----------------------------------------------------------------------------------


def not_finite(view: View) -> Finding | None:
    """What is infinite or NaN, and the line it comes from; in a branch that was not taken too."""
    value = view.value(view.x)
    with np.errstate(all="ignore"):
        try:
            slopes = view.gradient(view.x)
            finite = np.isfinite(value) and bool(np.all(np.isfinite(slopes)))
        except DiffbenchError:
            finite, slopes = bool(np.isfinite(value)), np.zeros(0)
        try:
            with debug():
                view.gradient(view.x)
        except NonfiniteError as error:
            origin = error
        except DiffbenchError:
            return None
        else:
            return None
    where, why = origin.where or "a line outside of f", origin.why or ""
    evidence = {"value": value, "origin": origin.what, "at": where}
    if finite:
        sentence = f"{origin.what}, at {where}, in a branch that {view.name} did not take"
        advice = "db leaves it out; other libraries return NaN here: use np.where(ok, x, 1.0) before the function too"
        return Finding("untaken-branch", sentence, advice, evidence)
    sentence = f"{origin.what}, at {where}: {why}"
    return Finding("nan", sentence, origin.hint or "keep the argument inside of the domain", evidence, EVERY)


def refusal(name: str, answer: np.ndarray | DiffbenchError) -> Finding | None:
    """A complex step on what is not analytic."""
    if not isinstance(answer, NotAnalytic):
        return None
    where = answer.where or "an unknown line"
    return Finding(
        "not-analytic",
        f"complex step does not apply: {answer.what}, at {where}",
        "get_backend('complex-step', branches='real') decides by the real parts; or automatic differentiation",
        {"operation": answer.what, "at": where},
        (name,),
    )


def untraceable(error: DiffbenchError) -> Finding:
    """f leaves NumPy, and differences do not work either."""
    evidence = {"reason": error.what, "at": error.where or ""}
    return Finding("untraceable", error.what, error.hint or "write f with NumPy only", evidence, EVERY)


def untraceable_truth(source: str) -> Finding:
    """f leaves what can be traced, so that a consensus has to stand for the truth."""
    _, _, reason = source.partition("many digits: ")
    advice = "write that part with NumPy, or give it a derivative by db.primitive"
    return Finding("untraceable", f"f cannot be traced: {reason}", advice, {"reason": reason}, EXACT)


def _about_accuracy(
    view: View, traced: bool, slopes: Callable, right: np.ndarray, gradients: dict, findings: list[Finding]
) -> Any:
    """Steps, conditioning and cancellation, where nothing worse explains what is wrong."""
    kinds = {finding.kind for finding in findings}
    if kinds & {"nan", "jump", "kink"} or not np.all(np.isfinite(right)):
        return
    reverse = gradients["reverse"]
    error = 0.0
    if traced and "special-branch" not in kinds:
        error = _error(reverse, right)
        if finding := conditioning(view, slopes, right, reverse):
            yield finding
        if finding := cancellation(view, error):
            yield finding
    central = gradients["finite-central"]
    if isinstance(central, DiffbenchError):
        return
    errors = np.abs(central - right) / _sizes(right)
    entry = int(np.argmax(np.where(np.isfinite(errors), errors, np.inf)))
    x = abs(float(view.x[entry]))
    used = view.eps ** (1 / 3) * (max(x, 0.25) if x else 1.0)
    if errors[entry] > TOLERANCE["finite-central"]:
        nearby = kink_nearby(view, slopes, entry, used) if traced else None
        if finding := nearby or best_step(view, entry, float(right[entry]), used):
            yield finding


# -- verdicts ----------------------------------------------------------------------------------------------------------


def _sizes(truth: np.ndarray) -> np.ndarray:
    size = np.abs(truth)
    return np.maximum(size, max(1e-3 * float(np.max(size, initial=0.0)), float(np.finfo(float).tiny)))


def _error(found: np.ndarray, truth: np.ndarray) -> float:
    """The error of the worst entry, relative to it or to a thousandth of the largest; inf for NaN."""
    errors = np.abs(found - truth) / _sizes(truth)
    return float(np.max(np.where(np.isfinite(errors), errors, np.inf), initial=0.0))


def _judged(
    view: View, name: str, answer: np.ndarray | DiffbenchError, right: np.ndarray, findings: list[Finding]
) -> Method:
    spoilt = [finding.kind for finding in findings if name in finding.spoils]
    if isinstance(answer, DiffbenchError):
        return Method(name, "refused", float("nan"), float("nan"), ", ".join(spoilt) or answer.what)
    error = _error(answer, right)
    verdict = "right" if error <= TOLERANCE.get(name, 1e-8) else "wrong"
    if {"jump", "kink"} & set(spoilt):
        verdict = "undefined"
    return Method(name, verdict, error, taylor_rate(view, answer), ", ".join(spoilt) if verdict != "right" else "")


def taylor_rate(view: View, gradient: np.ndarray) -> float:
    """The power of h with which f(x + hv) - f(x) - h g.v vanishes, over steps where more than rounding is left.

    NaN where too few steps are: a linear function, or one that only rounds. Cost: 12 evaluations of f.
    """
    (d,) = view.directions(1)
    here = view.value(view.x)
    steps = 2.0 ** -np.arange(3, 15)
    slope = float(np.dot(gradient, d))
    remainders = np.array([abs(view.value(view.x + h * d) - here - h * slope) for h in steps])
    floor = 1e3 * view.eps * max(abs(here), float(np.finfo(float).tiny))
    seen = np.isfinite(remainders) & (remainders > floor)
    if np.count_nonzero(seen) < 4:
        return float("nan")
    return float(np.polyfit(np.log(steps[seen][-5:]), np.log(remainders[seen][-5:]), 1)[0])

"""db.diagnose: when methods disagree, who is wrong, and why.

The truth is computed to 50 digits, each method is held against it, and by a Taylor remainder against f itself; then the
neighbourhood of the point is searched for what spoils derivatives.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diffbench.debugging import debug
from diffbench.diagnosis.accuracy import best_step, cancellation, conditioning, noise, randomness
from diffbench.diagnosis.findings import KINDS, Diagnosis, Finding, Method
from diffbench.diagnosis.methods import Answer, asked, error_of, judged, sizes, tolerance
from diffbench.diagnosis.shape import EVERY, EXACT, kink_nearby, unsmooth
from diffbench.diagnosis.view import View
from diffbench.errors import DiffbenchError, NonfiniteError, NotAnalytic
from diffbench.registry import get_backend
from diffbench.testing.truth import truth_of

__all__ = ["KINDS", "Diagnosis", "Finding", "Method", "diagnose"]


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
        if not any(finding.kind in ("jump", "kink") for finding in findings):
            findings += [finding for finding in (noise(view),) if finding]
    gradients = {name: asked(view, name) for name in EVERY}
    findings += [finding for finding in map(refusal, EVERY, gradients.values()) if finding]
    relative_to = sizes(view, right)
    findings += list(_about_accuracy(view, truth.traced, slopes, right, relative_to, gradients, findings))
    methods = [judged(view, name, gradients[name], right, relative_to, findings) for name in EVERY]
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    return Diagnosis(f"diagnose {view.name}", source, tuple(methods), tuple(findings))


def _by_differences(view: View) -> Callable[[np.ndarray], np.ndarray]:
    """Slopes where f cannot be traced, by differences narrower than the distance at which a diagnosis looks.

    That distance is widened, so that rounding does not drown them.
    """
    view.far, view.near = view.eps**0.25, view.eps**0.36
    backend = get_backend("finite-central", step=float(np.min(view.scale)) * view.near / 8)
    return lambda z: view.gradient(z, backend)


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


def refusal(name: str, answer: Answer) -> Finding | None:
    """A complex step on what is not analytic."""
    if not isinstance(answer, NotAnalytic):
        return None
    where = answer.where or "an unknown line"
    return Finding(
        "not-analytic",
        f"{answer.what}, at {where}",
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
    view: View,
    traced: bool,
    slopes: Callable,
    right: np.ndarray,
    relative_to: np.ndarray,
    gradients: dict,
    findings: list[Finding],
) -> Iterator[Finding]:
    """Steps, conditioning and cancellation, where nothing worse explains what is wrong."""
    kinds = {finding.kind for finding in findings}
    if kinds & {"nan", "jump", "kink"} or not np.all(np.isfinite(right)):
        return
    explained = bool(kinds & {"noise", "special-branch"})
    reverse = gradients["reverse"]
    if traced and "special-branch" not in kinds:
        error = float(np.max(error_of(reverse, right, relative_to)))
        for finding in (conditioning(view, slopes, right, reverse), cancellation(view, error)):
            if finding:
                explained = True
                yield finding
    central = gradients["finite-central"]
    if isinstance(central, DiffbenchError):
        return
    errors = error_of(central, right, relative_to)
    entry = int(np.argmax(errors))
    x = abs(float(view.x[entry]))
    used = view.eps ** (1 / 3) * (max(x, 0.25) if x else 1.0)
    if errors[entry] > tolerance(view, "finite-central"):
        nearby = kink_nearby(view, slopes, entry, used) if traced and not explained else None
        if finding := nearby or best_step(view, entry, float(right[entry]), used):
            yield finding

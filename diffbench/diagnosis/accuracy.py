"""Where digits go: noise in f, steps that do not fit, ill-conditioned derivatives, cancellation in f."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from diffbench.diagnosis.findings import Finding
from diffbench.diagnosis.noise import SAMPLES, estimate_noise
from diffbench.diagnosis.shape import DIFFERENCES, EVERY
from diffbench.diagnosis.view import View
from diffbench.error_curve import typical_errors
from diffbench.errors import DiffbenchError, user_location
from diffbench.reference import reference
from diffbench.watching import watching

LOUD = 1e3  # eps: noise of a program that only rounds stays below
SPACINGS = (2.0**10, 2.0**18, 2.0**26, 2.0**30)  # eps, of the size of x: a cast to float32 is a stair of 2^29 eps
WIDER = tuple(2.0**k for k in range(32, 48, 2))  # while most values are equal: the steps of a stair are wider
LOST = 1e4  # eps: errors from there on are worth a word
POOR = 1e3  # times the error of the best step


def randomness(view: View) -> Finding | None:
    """f is evaluated three times at the same point."""
    values = [view.value(view.x) for _ in range(3)]
    spread = max(values) - min(values)
    if not spread > 0:
        return None
    evidence = {"spread": spread, "value": values[0]}
    sentence = f"{view.name} does not return the same twice: values differ by {spread:.2g} at one point"
    return Finding("random", sentence, "draw random numbers outside of f, or with a fixed seed", evidence, EVERY)


def noise(view: View) -> Finding | None:
    """Noise by ECnoise along a random direction, at several distances between the values; the loudest counts.

    Values at wider distances are taken while most are equal. Rounding of x and of f, by what f changes by over a
    larger distance, is no noise.
    """
    (d,) = view.directions(1)
    wide = 2.0**-13
    slope = abs(view.value(view.x + wide * d) - view.value(view.x - wide * d)) / (2 * wide)
    level = 0.0
    for spacing in (*SPACINGS, *WIDER):
        places = spacing * view.eps * (np.arange(SAMPLES) - SAMPLES // 2)
        values = [view.value(view.x + t * d) for t in places]
        level = max(level, estimate_noise(values) or 0.0)
        if spacing >= SPACINGS[-1] and np.mean(np.diff(values) == 0) < 0.5:
            break
    if not LOUD * view.eps * (view.size + slope) < level < view.size / 10:  # what is as large as f is no noise, but f
        return None
    relative = level / view.size
    step = relative ** (1 / 3)
    evidence = {"noise": level, "relative": relative, "step": step}
    sentence = (
        f"{view.name} is noisy: neighbouring values scatter by {level:.1e}, {relative:.0e} of its size, "
        f"where rounding alone leaves {view.eps:.0e}"
    )
    advice = (
        f"differences need a step of about {step:.0e} of the size of x; tighten the tolerance of a solver or an "
        "integrator in f, or differentiate it by db.implicit_root"
    )
    return Finding("noise", sentence, advice, evidence, DIFFERENCES)


def best_step(view: View, entry: int, truth: float, used: float) -> Finding | None:
    """Central differences in one entry at all steps: where the error is least, and how far off the default is."""
    axis, size = view.axis(entry), float(view.scale[entry])
    steps = size * 10.0 ** -np.arange(0, 14, 0.25)
    steps = np.sort(np.concatenate([steps, steps[0] * 10.0 ** np.arange(0.25, 4, 0.25)]))[::-1]
    errors = np.array([_quotient_error(view, axis, h, truth) for h in steps])
    usable = np.isfinite(errors)
    if np.count_nonzero(usable) < 4:
        return None
    steps, errors = steps[usable], errors[usable]
    typical = typical_errors(steps, errors)
    best = int(np.argmin(typical))
    error = _quotient_error(view, axis, used, truth)
    if not error > POOR * typical[best] or not error > view.notable / 10 * max(abs(truth), float(np.finfo(float).tiny)):
        return None
    large = used > steps[best]
    sentence = (
        f"the default step {used:.1e} in {view.entry_name(entry)} is too {'large' if large else 'small'}: the error is "
        f"{error:.1e}, and {typical[best]:.1e} at the best step, {steps[best]:.0e}"
    )
    why = "f changes on a smaller scale than x" if large else "f changes on a larger scale than x, or loses digits"
    evidence = {"step": used, "error": error, "best step": float(steps[best]), "best error": float(typical[best])}
    advice = f"{why}: get_backend('finite-central', step={steps[best]:.0e}), or a method without a step"
    return Finding("step", sentence, advice, evidence, DIFFERENCES)


def _quotient_error(view: View, axis: np.ndarray, h: float, truth: float) -> float:
    right, left = view.x + h * axis, view.x - h * axis
    width = float(np.max(right - left))
    if width == 0:
        return float("inf")
    return abs((view.value(right) - view.value(left)) / width - truth)


def conditioning(view: View, slopes: Callable, truth: np.ndarray, found: np.ndarray) -> Finding | None:
    """Rounding in x, amplified by the second derivatives: condition number max |H (s x)| / max |g|."""
    size = float(np.max(np.abs(truth), initial=0.0))
    error = float(np.max(np.abs(found - truth), initial=0.0))
    if not size or not error > LOST * view.eps * size:
        return None
    number = 0.0
    for d in view.directions(2):
        t = 2.0**16 * view.eps
        change = np.abs(slopes(view.x + t * d) - slopes(view.x - t * d)) / (2 * t)
        number = max(number, float(np.max(change)) / size)
    if not number * view.eps * size > error / 100:
        return None
    lost = np.log10(number)
    evidence = {"condition number": number, "error": error / size}
    sentence = (
        f"the derivative of {view.name} is ill-conditioned: it changes by {number:.1e} times the relative change of x, "
        f"so that {lost:.0f} of {-np.log10(view.eps):.0f} digits are lost to the rounding of x alone"
    )
    advice = "no method in floats does better; compute with more digits (db.reference), or reformulate the problem"
    return Finding("ill-conditioned", sentence, advice, evidence, EVERY)


def cancellation(view: View, slope_error: float) -> Finding | None:
    """The value in floats against the value to 50 digits, beyond what the rounding of x explains."""
    here = view.value(view.x)
    try:
        exact = reference(view, view.x, quantity="value")
    except DiffbenchError:
        return None
    if not mpmath.isfinite(exact) or abs(exact) < np.finfo(float).tiny or not np.isfinite(here):
        return None
    with mpmath.workdps(50):
        error = float(abs((mpmath.mpf(here) - exact) / exact))
    if not error > LOST * view.eps:
        return None
    try:
        change = abs(reference(view, view.x, view.scale, quantity="jvp"))
    except DiffbenchError:
        return None
    number = float(change / abs(exact))
    if number * view.eps > error / 100:
        return None
    where, name, before, after = worst_operation(view)
    evidence = {"relative error": error, "condition number": number, "operation": name, "at": where}
    seen = after > error / 100
    goes = f"in {name} at {where}, from {before:.0e} to {after:.0e}" if seen else "in what is no NumPy, or in float32"
    sentence = (
        f"{view.name} loses digits: its value has a relative error of {error:.1e}, although its condition number is "
        f"only {max(number, 0.1):.1g}; they go {goes}"
    )
    advice = "write it without the subtraction: expm1, log1p, hypot, 2 sin(x/2)**2 for 1 - cos(x), ..."
    return Finding("cancellation", sentence, advice, evidence, DIFFERENCES + (EVERY if slope_error > 1e-8 else ()))


def worst_operation(view: View) -> tuple[str, str, float, float]:
    """The operation that multiplies the relative error most: its line, its name, the error before and after."""
    runs: list[list] = []

    def look(primitive: Any, y: Any, operands: Any) -> Any:
        runs[-1].append((primitive.name, user_location() or "", y, list(operands)))
        return primitive

    with watching(look), np.errstate(all="ignore"):
        runs.append([])
        view.gradient(view.x)
        runs.append([])
        reference(view, view.x, digits=30)
    found = ("an unknown line", "an operation", 0.0, 0.0)
    most = 0.0
    for (name, where, y, operands), (other, _, exact_y, exact_operands) in zip(runs[0], runs[1]):
        if name != other:
            break
        after = _error(y, exact_y)
        before = max([_error(a, b) for a, b in zip(operands, exact_operands)], default=0.0)
        if after / max(before, view.eps) > most:
            most, found = after / max(before, view.eps), (where, name, before, after)
    return found


def _error(value: Any, exact: Any) -> float:
    """The largest relative error of the entries of a watched value."""
    numbers, entries = np.ravel(getattr(value, "primal", value)), getattr(exact, "values", None)
    if entries is None or np.size(entries) != np.size(numbers):
        return 0.0
    pairs = zip(np.asarray(numbers, float), np.ravel(entries))
    errors = [abs(float((mpmath.mpf(a) - b) / b)) for a, b in pairs if b and mpmath.isfinite(b) and np.isfinite(a)]
    return max(errors, default=0.0)

"""What the neighbourhood of a point looks like: jumps, kinks, branches that hold at one point only."""

from collections.abc import Callable, Iterator

import numpy as np

from diffbench.diagnosis.findings import Finding
from diffbench.diagnosis.view import View

FAR, NEAR = 2.0**16, 2.0**8  # eps, of the size of each entry
SMOOTH = 8.0  # across a smooth point, what differs over FAR differs 256 times less over NEAR
NOTICED = 1e-6  # of the largest slope, or value
EVERY = ("reverse", "forward", "finite-forward", "finite-central", "complex-step")
EXACT = ("reverse", "forward", "complex-step")
DIFFERENCES = ("finite-forward", "finite-central")


def unsmooth(view: View, slopes: Callable[[np.ndarray], np.ndarray]) -> Iterator[Finding]:
    """Findings about the point itself. slopes(z) : all slopes at a vector, by a mode that follows the branches of f.

    Cost: some twenty values and twenty gradients, and as many for each entry once something is found.
    """
    for d in view.directions(3):
        if finding := jump(view, d):
            yield finding
            return
    for d in view.directions(3):
        if finding := kink(view, slopes, d) or special_branch(view, slopes, d):
            yield finding
            return


def _sides(evaluate: Callable, view: View, d: np.ndarray) -> tuple:
    """Values left and right of x, over the larger distance and over the smaller one."""
    return tuple(
        [np.asarray(evaluate(view.x + (sign * t * view.eps) * d)) for t in (FAR, NEAR) for sign in (-1.0, 1.0)]
    )


def jump(view: View, d: np.ndarray) -> Finding | None:
    """f to the left and to the right do not approach each other; or f(x) itself lies apart from both."""
    here = view.value(view.x)
    far_left, far_right, left, right = _sides(view.value, view, d)
    noticed = NOTICED * max(abs(here), abs(float(left)), abs(float(right)), float(np.finfo(float).tiny))
    across, before = abs(right - left), abs(far_right - far_left)
    apart = min(abs(here - left), abs(here - right))
    if not (across > before / SMOOTH and across > noticed) and not (apart > noticed and apart > SMOOTH * across):
        return None
    where = _entries(view, lambda axis: jump(view, axis) is not None)
    evidence = {"left": float(left), "at x": here, "right": float(right)}
    sentence = f"{view.name} jumps where {where}: {left:.6g} to the left, {here:.6g} there, {right:.6g} to the right"
    return Finding(
        "jump", sentence, "there is no derivative; move x, or replace the jump by a smooth step", evidence, EVERY
    )


def kink(view: View, slopes: Callable, d: np.ndarray) -> Finding | None:
    """The slopes to the left and to the right do not approach each other."""
    far_left, far_right, left, right = _sides(slopes, view, d)
    if not np.all(np.isfinite([left, right])):
        return None
    size = float(np.max(np.abs([left, right]), initial=0.0))
    across, before = np.abs(right - left), np.abs(far_right - far_left)
    broken = (across > before / SMOOTH) & (across > NOTICED * size)
    if not np.any(broken):
        return None
    where = _entries(view, lambda axis: _kinked(view, slopes, axis))
    entry = int(np.argmax(np.where(broken, across, 0.0)))
    evidence = {"left": float(left[entry]), "right": float(right[entry])}
    beside = f"{left[entry]:.6g} to the left, {right[entry]:.6g} to the right"
    grows = np.max(across) > SMOOTH * np.max(before)
    what = f"the slope of {view.name} grows without bound" if grows else f"{view.name} has a kink"
    sentence = f"{what} where {where}: slope {beside}"
    advice = "any number between is a subgradient, and each method picks its own; move x, or smooth f"
    return Finding("kink", sentence, advice, evidence, EVERY)


def _kinked(view: View, slopes: Callable, axis: np.ndarray) -> bool:
    far_left, far_right, left, right = _sides(slopes, view, axis)
    across, before = np.abs(right - left), np.abs(far_right - far_left)
    return bool(np.any((across > before / SMOOTH) & (across > NOTICED * np.max(np.abs([left, right])))))


def special_branch(view: View, slopes: Callable, d: np.ndarray) -> Finding | None:
    """f and its slopes are smooth around x, but the slopes at x itself are others: `if x == 0: return 1`."""
    here = slopes(view.x)
    _, _, left, right = _sides(slopes, view, d)
    across = np.abs(right - left)
    size = float(np.max(np.abs([left, right]), initial=0.0))
    apart = np.minimum(np.abs(here - left), np.abs(here - right))
    if not np.any((apart > SMOOTH * across) & (apart > NOTICED * size)):
        return None
    entry = int(np.argmax(apart))
    around = float(left[entry] + right[entry]) / 2
    sentence = (
        f"at x, {view.name} takes a branch that it takes nowhere around: the slope in {view.entry_name(entry)} is "
        f"{around:.6g}, that of the branch {here[entry]:.6g}"
    )
    advice = "write the special case such that its derivative is right too, or move x by a little"
    return Finding("special-branch", sentence, advice, {"around": around, "branch": float(here[entry])}, EXACT)


def kink_nearby(view: View, slopes: Callable, entry: int, step: float) -> Finding | None:
    """A kink or a jump between x - step and x + step, found by bisection of where the slope changes most."""
    axis = view.axis(entry)

    def slope(t: float) -> float:
        return float(slopes(view.x + t * axis)[entry])

    grid = np.linspace(-step, step, 17)
    found = np.array([slope(t) for t in grid])
    if not np.all(np.isfinite(found)):
        return None
    k = int(np.argmax(np.abs(np.diff(found))))
    low, high, at_low, at_high = grid[k], grid[k + 1], found[k], found[k + 1]
    first = abs(at_high - at_low)
    for _ in range(30):
        middle = (low + high) / 2
        value = slope(middle)
        if abs(value - at_low) > abs(at_high - value):
            high, at_high = middle, value
        else:
            low, at_low = middle, value
    if not abs(at_high - at_low) > max(first / 2, NOTICED * np.max(np.abs(found))):
        return None
    at = (low + high) / 2
    sentence = (
        f"{view.name} has a kink {abs(at):.2g} {'above' if at > 0 else 'below'} {view.entry_name(entry)}, within the "
        f"step {step:.2g} of differences: slope {at_low:.6g} before it, {at_high:.6g} behind it"
    )
    evidence = {"distance": abs(at), "step": step, "before": at_low, "behind": at_high}
    return Finding("kink-nearby", sentence, f"a step below {abs(at):.1g}, or no differences", evidence, DIFFERENCES)


def _entries(view: View, found: Callable[[np.ndarray], bool]) -> str:
    """The entries along whose axes something is found too, in words."""
    if view.x.size == 1:
        return f"x is {view.x[0]:.6g}"
    names = [
        f"{view.entry_name(k)} is {view.x[k]:.6g}"
        for k in range(min(view.x.size, 64))
        if found(view.axis(k) * view.scale)
    ]
    if not names:
        return "several entries meet"
    return " and ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

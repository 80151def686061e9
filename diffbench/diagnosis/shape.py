"""What the neighbourhood of a point looks like: jumps, kinks, branches that hold at one point only."""

from collections.abc import Callable, Iterator

import numpy as np

from diffbench.diagnosis.findings import Finding
from diffbench.diagnosis.view import View
from diffbench.testing.points import SMOOTH

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
    return tuple([np.asarray(evaluate(view.x + (sign * t) * d)) for t in (view.far, view.near) for sign in (-1.0, 1.0)])


def _broken(evaluate: Callable, view: View, d: np.ndarray, sides: tuple, size: float) -> np.ndarray:
    """Where values left and right of x stay apart as they come closer, although they are steady on each side.

    What is as unsteady on one side as across x is noise, or a wave that is shorter than the distance.
    """
    far_left, far_right, left, right = sides
    across, before = np.abs(right - left), np.abs(far_right - far_left)
    broken = (across > before / SMOOTH) & (across > view.notable * size)
    if np.any(broken):
        for sign, here in ((-1.0, left), (1.0, right)):
            for k in (2.0, 3.0, 4.0):
                there = np.asarray(evaluate(view.x + (sign * k * view.near) * d))
                broken &= np.abs(there - here) <= across / 3
    return broken


def jump(view: View, d: np.ndarray) -> Finding | None:
    """f to the left and to the right do not approach each other; or f(x) itself lies apart from both."""
    if not _jumps(view, d):
        return None
    here, entries = view.value(view.x), _entries(view, lambda axis: _jumps(view, axis))
    *_, left, right = _sides(view.value, view, _axis(view, entries[0]) if entries else d)
    evidence = {"left": float(left), "at x": here, "right": float(right)}
    sentence = (
        f"{view.name} jumps where {_place(view, entries)}: {left:.6g} to the left, {here:.6g} there, "
        f"{right:.6g} to the right"
    )
    advice = "there is no derivative; move x, or replace the jump by a smooth step"
    return Finding("jump", sentence, advice, evidence, EVERY)


def _jumps(view: View, d: np.ndarray) -> bool:
    here = view.value(view.x)
    sides = _sides(view.value, view, d)
    far_left, far_right, left, right = sides
    if not np.all(np.isfinite([here, left, right])):
        return False
    apart, before = min(abs(here - left), abs(here - right)), min(abs(here - far_left), abs(here - far_right))
    return bool(_broken(view.value, view, d, sides, view.size)) or (
        apart > view.notable * view.size and apart > SMOOTH * abs(right - left) and apart > before / SMOOTH
    )


def kink(view: View, slopes: Callable, d: np.ndarray) -> Finding | None:
    """The slopes to the left and to the right do not approach each other."""
    broken = _kinks(view, slopes, d)
    if not np.any(broken):
        return None
    entries = _entries(view, lambda axis: bool(np.any(_kinks(view, slopes, axis))))
    d = _axis(view, entries[0]) if entries else d
    far_left, far_right, left, right = _sides(slopes, view, d)
    entry = entries[0] if entries else int(np.argmax(np.where(broken, np.abs(right - left), 0.0)))
    evidence = {"left": float(left[entry]), "right": float(right[entry])}
    grows = np.max(np.abs(right - left)) > SMOOTH * np.max(np.abs(far_right - far_left))
    what = f"the slope of {view.name} grows without bound" if grows else f"{view.name} has a kink"
    sentence = (
        f"{what} where {_place(view, entries)}: slope {left[entry]:.6g} to the left, {right[entry]:.6g} to the right"
    )
    advice = "any number between is a subgradient, and each method picks its own; move x, or smooth f"
    return Finding("kink", sentence, advice, evidence, EVERY)


def _kinks(view: View, slopes: Callable, d: np.ndarray) -> np.ndarray:
    """Which slopes jump across x."""
    sides = _sides(slopes, view, d)
    *_, left, right = sides
    if not np.all(np.isfinite([left, right])):
        return np.zeros(left.shape, bool)
    return _broken(slopes, view, d, sides, float(np.max(np.abs([left, right]), initial=0.0)))


def special_branch(view: View, slopes: Callable, d: np.ndarray) -> Finding | None:
    """f and its slopes are smooth around x, but the slopes at x itself are others: `if x == 0: return 1`."""
    here = slopes(view.x)
    _, _, left, right = _sides(slopes, view, d)
    across = np.abs(right - left)
    size = float(np.max(np.abs([left, right]), initial=0.0))
    apart = np.minimum(np.abs(here - left), np.abs(here - right))
    if not np.any((apart > SMOOTH * across) & (apart > view.notable * size)):
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
    across, away = abs(at_high - at_low), (grid[1] - grid[0]) / 64
    steady = abs(slope(low - away) - at_low) <= across / 3 and abs(slope(high + away) - at_high) <= across / 3
    if not steady or not across > max(first / 2, view.notable * np.max(np.abs(found))):
        return None
    at = (low + high) / 2
    sentence = (
        f"{view.name} has a kink {abs(at):.2g} {'above' if at > 0 else 'below'} {view.entry_name(entry)}, within the "
        f"step {step:.2g} of differences: slope {at_low:.6g} before it, {at_high:.6g} behind it"
    )
    evidence = {"distance": abs(at), "step": step, "before": at_low, "behind": at_high}
    return Finding("kink-nearby", sentence, f"a step below {abs(at):.1g}, or no differences", evidence, DIFFERENCES)


def _axis(view: View, entry: int) -> np.ndarray:
    """The direction of one entry, as long as that is large."""
    return view.axis(entry) * view.scale


def _entries(view: View, found: Callable[[np.ndarray], bool]) -> list[int]:
    """The entries, of the first 64, along whose axes something is found too."""
    return [k for k in range(min(view.x.size, 64)) if found(_axis(view, k))]


def _place(view: View, entries: list[int]) -> str:
    """Where something was found, in words."""
    names = [f"{view.entry_name(k)} is {view.x[k]:.6g}" for k in entries]
    if not names:
        return "several entries meet"
    return " and ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

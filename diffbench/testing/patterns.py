"""What is wrong with a derivative, by name: NaN, zero, sign, factor, transposed, swapped, reversed, shifted, offset.

A pattern must fit at all points where the derivative was checked: what fits at one by chance rarely does at five.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import numpy as np

from diffbench.testing.entries import Block, Entries

CONSTANTS = {
    "π": math.pi, "2π": 2 * math.pi, "π/2": math.pi / 2, "√2": math.sqrt(2), "√π": math.sqrt(math.pi),
    "√(2π)": math.sqrt(2 * math.pi), "ln 2": math.log(2), "ln 10": math.log(10), "180/π": 180 / math.pi,
}  # fmt: skip


def explain(entries: Entries, sizes: Mapping[int, str]) -> list[str]:
    """Sentences about what the wrong entries look like; none where nothing that we know fits.

    sizes : lengths of axes and the like -> what they are the length of; factors are compared with them.
    """
    if not entries.bad.size:
        return []
    unfinite = np.flatnonzero(~np.all(np.isfinite(entries.found), axis=0))
    sentences = []
    if unfinite.size:
        missing = int(np.sum(np.any(~np.isfinite(entries.found), axis=1)))
        kinds = "NaN" if np.all(np.isnan(entries.found[~np.isfinite(entries.found)])) else "not finite"
        points = len(entries.found)
        where = "" if missing == points or points == 1 else f" at {missing} of {points} points"
        verb = "is" if unfinite.size == 1 else "are"
        sentences.append(f"{entries.labels(unfinite)} {verb} {kinds}{where}, where the derivative is finite")
        finite = np.setdiff1d(np.arange(entries.found.shape[1]), unfinite)
        if not np.any(np.isin(entries.bad, finite)):
            return sentences
        right = np.where(np.isfinite(entries.found), entries.found, entries.truth)
        entries = replace(entries, found=right)
    for pattern in (_factor, _transposed, _rearranged, _factors, _offset):
        if sentence := pattern(entries, sizes):
            return [*sentences, sentence]
    return sentences


# -- factors -----------------------------------------------------------------------------------------------------------


def _factor(e: Entries, sizes: Mapping[int, str]) -> str | None:
    """All wrong entries are the same multiple of what they should be."""
    found, truth = e.found[:, e.bad], e.truth[:, e.bad]
    factor = _ratio(e, found, truth, e.bad)
    if factor is None or not (factor in (0.0, -1.0) or found.size > 1 or named(factor, sizes)):
        return None
    if factor == -1 and found.size == 1 and len(e.blocks) == e.blocks[0].size == 1:
        return "the derivative has the wrong sign"
    everything = e.bad.size == e.found.shape[1] > 1
    return _with_factor("the whole derivative" if everything else e.labels(e.bad), e.bad.size, factor, sizes)


def _factors(e: Entries, sizes: Mapping[int, str]) -> str | None:
    """Each wrong entry has its own factor, the same at all points."""
    groups: dict[float, list[int]] = {}
    for entry in e.bad:
        column = np.array([entry])
        factor = _ratio(e, e.found[:, column], e.truth[:, column], column)
        varied = len(e.truth) > 1 and np.ptp(e.truth[:, entry]) > 1e-3 * np.max(np.abs(e.truth[:, entry]))
        if factor is None or not (varied or factor in (0.0, -1.0) or named(factor, sizes)):
            return None
        groups.setdefault(float(f"{factor:.6g}"), []).append(int(entry))
    if len(groups) > 4:
        return None
    return "; ".join(_with_factor(e.labels(group), len(group), factor, sizes) for factor, group in groups.items())


def _ratio(e: Entries, found: np.ndarray, truth: np.ndarray, columns: np.ndarray) -> float | None:
    """The one c with found = c truth, if there is one; rounded where it is 0 or -1."""
    largest = float(np.max(np.abs(truth)))
    if not largest:
        return None
    k = np.unravel_index(int(np.argmax(np.abs(truth))), truth.shape)
    factor = float(found[k] / truth[k])
    rounded = [c for c in (0.0, -1.0) if abs(factor - c) < 1e-6]
    return next((c for c in (*rounded, factor) if e.near(found, c * truth, columns)), None)


def _with_factor(what: str, count: int, factor: float, sizes: Mapping[int, str]) -> str:
    verb = "is" if count == 1 or what.startswith("the") else "are"
    if factor == 0:
        return f"{what} {verb} zero, and should not be"
    if factor == -1:
        return f"{what} {'has' if verb == 'is' else 'have'} the wrong sign"
    name = named(factor, sizes)
    return f"{what} {verb} {name or _plain(factor)} times what {'it' if verb == 'is' else 'they'} should be"


def _plain(factor: float) -> str:
    return f"(1 {'+' if factor > 1 else '-'} {abs(factor - 1):.3g})" if abs(factor - 1) < 1e-2 else f"{factor:.6g}"


def named(factor: float, sizes: Mapping[int, str]) -> str | None:
    """A factor as one would write it: 2, -1/2, π, 1/64 (64 is the length of argument 1); None if it has no name.

    >>> named(0.5, {}), named(-math.pi, {}), named(1 / 64, {64: "the length of x"}), named(0.7391, {})
    ('1/2', '-π', '1/64 (64 is the length of x)', None)
    """
    sign, size = "-" if factor < 0 else "", abs(factor)

    def equal(value: float) -> bool:
        return abs(size - value) <= 1e-7 * value

    for n, meaning in sizes.items():
        if n > 2 and (equal(n) or equal(1 / n)):
            return f"{sign}{n if equal(n) else f'1/{n}'} ({n} is {meaning})"
    simple = Fraction(size).limit_denominator(12)
    if 0 < simple <= 12 and equal(float(simple)) and size != 1:
        return f"{sign}{simple}"
    for name, value in CONSTANTS.items():
        if equal(value):
            return sign + name
        if equal(1 / value):
            return f"{sign}1/({name})" if "/" in name or " " in name else f"{sign}1/{name}"
    return None


# -- places ------------------------------------------------------------------------------------------------------------


def _transposed(e: Entries, sizes: Mapping[int, str]) -> str | None:
    """Axes of equal length have been exchanged, in every block with a wrong entry."""
    start, names = 0, []
    for block in e.blocks:
        here = slice(start, start + block.size)
        start += block.size
        if not np.any(e.wrong[:, here]):
            continue
        axes = next((axes for axes in permutations(range(len(block.shape))) if _exchanged(e, here, block, axes)), None)
        if axes is None:
            return None
        how = "transposed" if len(axes) == 2 else f"transposed: its axes stand in the order {axes}"
        names.append(f"{block.name or 'the derivative'} looks {how}")
    return "; ".join(names)


def _exchanged(e: Entries, here: slice, block: Block, axes: tuple[int, ...]) -> bool:
    if axes == tuple(sorted(axes)) or tuple(block.shape[k] for k in axes) != block.shape:
        return False
    rows = e.truth[:, here].reshape(-1, *block.shape)
    other = np.transpose(rows, (0, *(k + 1 for k in axes))).reshape(len(rows), -1)
    return e.near(e.found[:, here], other, here)


def _rearranged(e: Entries, sizes: Mapping[int, str]) -> str | None:
    """Wrong entries hold what belongs to others."""
    n = e.found.shape[1]
    if n < 2:
        return None
    if n > 2 and e.near(e.found, e.truth[:, ::-1]):
        return "the entries look reversed: the first holds what belongs to the last, and so on"
    source = _sources(e)
    bad = [int(k) for k in e.bad]
    if all(k in source for k in bad) and sorted(source[k] for k in bad) == bad:
        if len(bad) == 2:
            return f"{e.labels(bad)} look swapped"
        if shift := _shift(e, around=True):
            return shift
        moves = ", ".join(f"{e.label(k)} holds that of {e.label(source[k])}" for k in bad[:4])
        return f"{e.labels(bad)} look permuted: {moves}{', ...' if len(bad) > 4 else ''}"
    if shift := _shift(e, around=False):
        return shift
    if all(k in source for k in bad):
        moves = ", ".join(f"{e.label(k)} holds what belongs to {e.label(source[k])}" for k in bad[:4])
        return f"an index looks wrong: {moves}{', ...' if len(bad) > 4 else ''}"
    return None


def _sources(e: Entries) -> dict[int, int]:
    """For a wrong entry, the entry whose right value it holds: preferably one that is wrong as well."""
    if e.bad.size * e.found.shape[1] > 10**6:
        return {}
    source = {}
    candidates = [*e.bad, *np.setdiff1d(np.arange(e.found.shape[1]), e.bad)]
    taken: set[int] = set()
    for entry in e.bad:
        column = np.array([entry])
        fits = [
            int(k)
            for k in candidates
            if k != entry and np.any(e.truth[:, k]) and e.near(e.found[:, column], e.truth[:, [k]], column)
        ]
        if fits:
            source[int(entry)] = next((k for k in fits if k not in taken), fits[0])
            taken.add(source[int(entry)])
    return source


def _shift(e: Entries, around: bool) -> str | None:
    """Entries have moved by a few places along the last axis of each block, off by one."""
    n = e.found.shape[1]
    for k in (1, -1, 2, -2):
        if n < abs(k) + 2:
            continue
        inside = np.arange(n) if around else np.arange(max(k, 0), n + min(k, 0))
        if np.isin(e.bad, inside).sum() < 2:
            continue
        if e.near(e.found[:, inside], np.roll(e.truth, k, axis=1)[:, inside], inside):
            first = int(inside[-1] if k > 0 else inside[0])
            holds = f"entry {e.label(first)} holds what belongs to {e.label((first - k) % n)}"
            return f"the entries look shifted by {abs(k)}: {holds}" + (", around the end" if around else "")
    return None


# -- terms -------------------------------------------------------------------------------------------------------------


def _offset(e: Entries, sizes: Mapping[int, str]) -> str | None:
    """Wrong entries differ from the right ones by one number, the same at all points."""
    difference = e.found[:, e.bad] - e.truth[:, e.bad]
    offset = float(difference.flat[0])
    if difference.size < 3 or not e.near(difference, np.full_like(difference, offset), e.bad):
        return None
    which = "missing" if offset < 0 else "too much"
    return f"a constant term is {which}: {e.labels(e.bad)} by {offset:.6g}, at every point"

"""Whether a derivative is right: entry by entry against the truth, by what its method promises.

A backend is `wrong` where an entry is further from the truth than the method says of itself (`accuracy`, see
backends/base.py), and than arithmetic of that precision allows: `rounding` is what the truth's own program loses when
it is run with the digits of a float. A norm over all entries would hide a wrong sign in a small one. NaN is wrong
wherever it stands.

Differences promise what they reach on a function whose scale suits their step. On others they are less accurate by
their nature: that is told, but they are wrong only below a third of the digits promised. And a small slope of a large
function cannot be seen in its values: f's own size over the scale of x counts with the entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.backends.base import Differentiator
from diffbench.exact import arithmetic
from diffbench.reference import digits_right, relative_error

AUTOMATIC = (1e-14, 1e-13)  # what automatic differentiation promises: rounding, and not much of it
SLACK = 10.0  # times the rounding that was observed: it is one sample of many possible ones
A_THIRD = 1 / 3  # of the digits that differences promise
DIFFERENCES = 1e3  # times less accurate than automatic differentiation, and no complex step
EPS64 = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Truth:
    """What derivatives are held against.

    leaves : an object array of mpf for each leaf of the result.
    rounding : for each, floats: how far arithmetic of the precision of the arguments may take an entry away from it.
    uncertainty : for each, floats: how far the truth itself may be off; zero for one of 50 digits.
    label : where it comes from, in words.
    names : of each leaf, as one would index the result: "" for the only one.
    """

    leaves: list[np.ndarray]
    rounding: list[np.ndarray]
    uncertainty: list[np.ndarray]
    label: str
    names: list[str]
    structure: Any = None

    def entries(self) -> list[str]:
        """The names of all entries in order, such as "[0, 2]" or "['w'][1]"."""
        return [
            name + (str(list(index)) if index else "")
            for name, leaf in zip(self.names, self.leaves)
            for index in np.ndindex(leaf.shape)
        ]


@dataclass(frozen=True)
class Verdict:
    """A derivative against the truth, entry by entry, in the order of `Truth.entries`.

    right : no entry is wrong; reason : which one is, or that differences gave less than they promise.
    """

    right: bool
    reason: str
    found: np.ndarray
    absolute: np.ndarray
    relative: np.ndarray
    digits: np.ndarray


def judge(
    found: Sequence[np.ndarray], truth: Truth, backend: Differentiator | type[Differentiator], order: int, noise: float
) -> Verdict:
    """Hold the leaves of a derivative of first or second order against the truth.

    noise : the largest value of f over the scale of x, to the power of the order: what differences of values cannot see
        through, times their relative accuracy.
    """
    shapes, expected = [np.shape(leaf) for leaf in found], [leaf.shape for leaf in truth.leaves]
    if shapes != expected:
        nothing = np.full(0, np.nan)
        reason = f"shapes {_listed(shapes)}, expected {_listed(expected)}"
        return Verdict(False, reason, nothing, nothing, nothing, nothing)
    parts = [_judge_leaf(a, b, backend, order, noise, truth, k) for k, (a, b) in enumerate(zip(found, truth.leaves))]
    values, absolute, relative, digits, promised, allowed = (
        np.concatenate([part[i] for part in parts]) if parts else np.zeros(0) for i in range(6)
    )
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero(~((absolute <= allowed) & np.isfinite(absolute)))
        short = np.flatnonzero(~(absolute <= promised))
        excess = np.nan_to_num(absolute / (allowed + 1e-300), nan=np.inf)
    reason = ""
    if short.size:
        usual = -np.log10(backend.accuracy[order - 1])
        reason = f"usually {usual:.0f} digits: its step does not suit f here"
    if wrong.size:
        worst = wrong[np.argmax(excess[wrong])]
        right = np.concatenate([leaf.ravel() for leaf in truth.leaves])[worst]
        of_all = f"; {wrong.size} of {values.size} entries are wrong" if values.size > 1 else ""
        entry = truth.entries()[worst]
        reason = f"{entry + ' is ' if entry else ''}{values[worst]:.6g}, not {float(right):.6g}{of_all}"
    return Verdict(not wrong.size, reason, values, absolute, relative, digits)


def _judge_leaf(
    found: np.ndarray,
    exact: np.ndarray,
    backend: Differentiator | type[Differentiator],
    order: int,
    noise: float,
    truth: Truth,
    k: int,
) -> tuple[np.ndarray, ...]:
    """Values, absolute and relative errors, right digits, promised and allowed errors of the entries of one leaf."""
    eps = float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else EPS64
    accuracy = in_precision(backend.accuracy[order - 1], eps)
    best = in_precision(AUTOMATIC[order - 1], eps)
    size = np.abs(exact.astype(float)).ravel()
    excused = max(1.0, accuracy / best) * SLACK * truth.rounding[k].ravel() * (eps / EPS64)
    excused = excused + truth.uncertainty[k].ravel()
    promised = accuracy * size + excused
    allowed = promised
    if backend.method == "numerical":
        promised = promised + accuracy * noise
        allowed = accuracy ** (A_THIRD if accuracy > DIFFERENCES * best else 1) * size + accuracy * noise + excused
    absolute = absolute_error(found, exact).ravel()
    scale = np.max(size, initial=0.0, where=np.isfinite(size)) or 1.0
    relative = np.where(size > 0, np.ravel(relative_error(found, exact)), absolute / scale)
    most = -np.log10(eps)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_zero = np.clip(np.nan_to_num(-np.log10(relative), nan=0.0, posinf=most), 0.0, most)
    digits = np.where(size > 0, np.ravel(digits_right(found, exact)), of_zero)
    doubt = truth.uncertainty[k].ravel() / np.where(size > 0, size, scale)
    known = -np.log10(doubt, out=np.full(doubt.shape, -np.inf), where=doubt > 0)  # more digits the truth cannot tell
    digits = np.where(doubt > 0, np.minimum(digits, np.maximum(known, 0.0)), digits)
    return np.ravel(found), absolute, relative, digits, promised, allowed


def in_precision(accuracy: float, eps: float) -> float:
    """A relative error promised for float64, in another precision: errors go with a power of eps, whatever the method.

    >>> in_precision(1e-14, EPS64), bool(1e-7 < in_precision(1e-14, 1.2e-7) < 1e-6)
    (1e-14, True)
    """
    return float(accuracy ** (np.log(eps) / np.log(EPS64)))


def absolute_error(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """|found - exact| as floats: 0 between equal infinities, inf where one is NaN."""
    algebra = arithmetic(50)

    def error(a: Any, b: Any) -> float:
        a, b = algebra.number(a), algebra.number(b)
        if a == b:
            return 0.0
        difference = abs(a - b)
        return float(difference) if difference == difference else float("inf")

    pairs = zip(np.asarray(found).astype(object).ravel(), exact.ravel())
    return np.reshape(np.array([error(a, b) for a, b in pairs], float), exact.shape)


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"

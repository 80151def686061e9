"""Question: how far from the truth is a difference quotient, as its step h shrinks?

Theory: order p errs by C h^p from cutting off the Taylor series, and by R / h from round-off: the error falls with
slope p, turns at h* = (R / (p C))^(1/(p+1)), where it is about eps^(p/(p+1)), and rises again. A complex step subtracts
nothing, so that it has no second branch and may go to 1e-300. Automatic differentiation has no step at all.

Trap: l_4 is a polynomial of degree 8, and central differences of order 8 are exact on it: only round-off is left.

Your own function: DIFFBENCH_FUNCTION=module:f DIFFBENCH_AT=0.3 diffbench run step_size

Source: Baydin et al. 2018, JMLR 18(153), figure 3; Squire, Trapp 1998, SIAM Review 40(1), 110-112.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.problems import problem
from diffbench.runner import Claim, Limits

LIMITS = {"quick": Limits(seconds=20), "lecture": Limits(seconds=60), "full": Limits(seconds=600)}
TIMED = False
SLUG = {"logistic map l₄": "logistic", "Squire-Trapp": "squire_trapp"}
FUNCTIONS = {
    "logistic map l₄": (lambda x: problem("logistic_loop").function(x, 4), 0.2),
    "Squire-Trapp": (problem("squire_trapp_ratio").function, 1.5),
}
ORDER = {"finite-forward": 1, **{f"finite-central-{p}": p for p in (2, 4, 6, 8)}, "complex-step": 2}
DTYPES = {"float32": np.float32, "float64": np.float64, "longdouble": np.longdouble}

# ------------------------------------------------------------------------------------------------------- sweep

PER_DECADE = {"quick": 2, "lecture": 4, "full": 16}


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one method on one function in one precision, at all steps."""
    points = {name: at for name, (_, at) in FUNCTIONS.items()}
    if own := os.environ.get("DIFFBENCH_FUNCTION"):
        points[own] = float(os.environ.get("DIFFBENCH_AT", "0.5"))
    return [
        {"function": name, "at": at, "dtype": dtype, "method": method, "per_decade": PER_DECADE[profile]}
        for name, at in points.items()
        for dtype in DTYPES
        for method in (*ORDER, "forward", "reverse")
    ]


# ----------------------------------------------------------------------------------------------------- measure


def function_called(name: str) -> Callable[[Any], Any]:
    """One of ours, or the user's own, written module:function."""
    if name in FUNCTIONS:
        return FUNCTIONS[name][0]
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def steps(method: str, x: Any, per_decade: int) -> list[float | None]:
    """1, ..., 1e-16, evenly on a logarithmic scale, while x + h is not x; the complex step goes further."""
    if method not in ORDER:
        return [None]
    ladder = [10.0 ** (-k / per_decade) for k in range(16 * per_decade + 1)]
    if method == "complex-step":
        return [h for h in (*ladder, 1e-20, 1e-100, 1e-200, 1e-300) if h > 1e6 * np.finfo(type(x)).tiny]
    return [h for h in ladder if h > np.spacing(x)]


def backend(method: str, h: float | None) -> Any:
    """The backend of that name, with that step."""
    if h is None:
        return method
    if method.startswith("finite-central"):
        return db.get_backend("finite-central", order=ORDER[method], step=h)
    return db.get_backend(method, step=h)


def exact(number: Any) -> Any:
    """A float of any precision as mpf: a long double in two parts, as mpmath would round it to double."""
    high = float(number)
    return mpmath.mpf(high) + mpmath.mpf(float(number - type(number)(high)))


def measure(function: str, at: float, dtype: str, method: str, per_decade: int) -> list[dict[str, Any]]:
    """A row for each step: the relative error of the derivative against 50 digits."""
    f, x = function_called(function), DTYPES[dtype](at)
    truth = db.reference(f, float(x), quantity="derivative")
    rows = []
    for h in steps(method, x, per_decade):
        found = db.derivative(f, backend=backend(method, h))(x)
        with mpmath.workdps(50):
            rows.append({"h": h, "found": str(found), "relative_error": float(abs(exact(found) / truth - 1))})
    return rows


# ------------------------------------------------------------------------------------------------------ expect


class Fit(NamedTuple):
    """What a series of errors says about E(h) = C h^p + R / h."""

    best_h: float
    best_error: float
    roundoff: float  # R, an upper envelope
    slope: float | None = None  # where truncation rules; None where too few points tell
    truncation: float | None = None  # C
    theory: tuple[float, float] | None = None  # h* and E(h*) = (1 + 1/p) R / h*


def fit(h: Any, error: Any, p: int, eps: float) -> Fit:
    """Round-off from steps well below its turning point, truncation from where it stands well above round-off."""
    small = h < eps ** (1 / (p + 1)) / 10
    roundoff = float(np.max(error[small] * h[small]))
    typical = running_median(error)
    best = int(np.argmin(typical))
    next_term = h if p == 1 else h**2  # what the series goes on with, against the term that rules
    clear = (next_term <= 1e-3) & (error > 30 * roundoff / h)
    if clear.sum() < 4:
        return Fit(h[best], typical[best], roundoff)
    slope = float(np.polyfit(np.log(h[clear]), np.log(error[clear]), 1)[0])
    truncation = float(np.median(error[clear] / h[clear] ** p))
    turn = (roundoff / (p * truncation)) ** (1 / (p + 1))
    return Fit(h[best], typical[best], roundoff, slope, truncation, (turn, (1 + 1 / p) * roundoff / turn))


def running_median(error: Any) -> Any:
    """Each error's median with its neighbours, so that a lucky cancellation at one step is not taken for the best."""
    return np.median(np.lib.stride_tricks.sliding_window_view(np.pad(error, 1, mode="edge"), 3), axis=1)


def fits(frame: Any) -> dict[tuple[str, str, str], Fit]:
    """The fit of every series of difference quotients, by function, dtype and method."""
    quotients = frame[(frame.status == "ok") & frame.method.str.startswith("finite")]
    return {
        (name, dtype, method): fit(rows.h.to_numpy(), rows.relative_error.to_numpy(), ORDER[method], eps_of(dtype))
        for (name, dtype, method), rows in quotients.groupby(["function", "dtype", "method"], sort=False)
    }


def eps_of(dtype: str) -> float:
    """Machine epsilon of a precision, by its name."""
    return float(np.finfo(DTYPES[dtype]).eps)


def expect(frame: Any) -> list[Claim]:
    """Slopes and turning points of the quotients; the complex step and AD flat at round-off. On our own functions."""
    claims = []
    for (name, dtype, method), found in fits(frame).items():
        p, where = ORDER[method], f"{name}, {dtype}, {method}"
        if name not in FUNCTIONS or found.slope is None or found.theory is None:
            continue
        h, error = found.theory
        claims += [
            Claim(f"{where}: slope {p}", abs(found.slope - p) < 0.15, f"{found.slope:.2f}", f"{p} ± 0.15"),
            Claim(
                f"{where}: best step near h*",
                h / 30 < found.best_h < 30 * h,
                f"{found.best_h:.1e}",
                f"{h:.1e}, factor 30",
            ),
            Claim(
                f"{where}: best error near theory",
                error / 30 < found.best_error < 10 * error,
                f"{found.best_error:.1e}",
                f"{error:.1e}, factor 10",
            ),
        ]
    return claims + [
        Claim(f"{name}, {dtype}, {method}: round-off only", worst < 64 * eps, f"{worst / eps:.1f} eps", "64 eps")
        for (name, dtype, method), worst in flat(frame).items()
        if name in FUNCTIONS and (eps := eps_of(dtype))
    ]


def flat(frame: Any) -> dict[tuple[str, str, str], float]:
    """The worst relative error of each method that has no step, or, of the complex step, below eps^(1/2) / 10."""
    rows = frame[(frame.status == "ok") & ~frame.method.str.startswith("finite")]
    tiny = rows.h.isna() | (rows.h < rows.dtype.map(eps_of) ** 0.5 / 10)
    return rows[tiny].groupby(["function", "dtype", "method"], sort=False).relative_error.max().to_dict()


# ------------------------------------------------------------------------------------------------------ figure

NAMES = {"finite-forward": "forward, h", "complex-step": "complex step"} | {
    f"finite-central-{p}": f"central, h{sign}" for p, sign in zip((2, 4, 6, 8), "²⁴⁶⁸", strict=True)
}


def draw(frame: Any, name: str, dtype: str, found: dict[tuple[str, str, str], Fit]) -> Any:
    """Errors against h; grey, the theory with its fitted constants; a ring and a name where each quotient is best."""
    eps = eps_of(dtype)
    figure, ax = plotting.figure(f"{name}, {dtype}: error of the derivative", "step h", "relative error")
    plotting.log_axes(ax)
    shown = frame[(frame.function == name) & (frame.dtype == dtype)]
    ax.set_xlim(shown.h[shown.method == "finite-forward"].min() / 3, 2)
    ax.set_ylim(eps / 30, 30)
    for method, rows in shown.groupby("method", sort=False):
        rows = rows.sort_values("h")
        error = np.maximum(rows.relative_error, eps / 4)  # zero has no place on a logarithmic axis
        if method not in ORDER:
            plotting.level(
                ax, float(error.iloc[0]), method, f"{method} AD", linewidth=7 if method == "forward" else 2.5
            )
        elif method == "complex-step":
            plotting.line(ax, rows.h, error, method, NAMES[method], marker="", linewidth=7, zorder=1.5)
        else:
            plotting.line(ax, rows.h, error, method, "_", markersize=5)
            one = found[name, dtype, method]
            plotting.ring(ax, one.best_h, max(one.best_error, eps / 4), method, NAMES[method])
            if one.theory:
                h = np.array([one.theory[0], 1.0])
                plotting.guide(ax, h, one.truncation * h ** ORDER[method], "")
    roundoff = found[name, dtype, "finite-forward"].roundoff
    plotting.slope_guide(ax, -1, (roundoff / 0.5, 0.5), roundoff / eps, "theory: ε/h", at=0, xytext=(12, 0))
    plotting.label_lines(ax)
    return figure


def figures(frame: Any) -> dict[str, Any]:
    """One figure for each function and precision."""
    found = fits(frame)
    with plotting.style():
        return {
            f"{SLUG.get(name, 'own')}_{dtype}": draw(frame, name, dtype, found)
            for name, dtype in frame[["function", "dtype"]].drop_duplicates().itertuples(index=False)
        }

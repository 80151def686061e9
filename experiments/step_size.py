"""Question: how far from the truth is a difference quotient, as its step h shrinks?

Theory: order p errs by C h^p from cutting off the Taylor series, and by R / h from round-off: the error falls with
slope p, turns at h* = (R / (p C))^(1/(p+1)), where it is about eps^(p/(p+1)), and rises again. A complex step subtracts
nothing, so that it has no second branch and may go to 1e-300. Automatic differentiation has no step at all.

Trap: l_4 is a polynomial of degree 8, and central differences of order 8 are exact on it: only round-off is left.

Your own function: DIFFBENCH_FUNCTION=module:f DIFFBENCH_AT=0.3 diffbench run step_size

Source: Baydin et al. 2018, JMLR 18(153), figure 3; Squire, Trapp 1998, SIAM Review 40(1), 110-112.
"""

import os
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.error_curve import ErrorCurve, fit_errors
from diffbench.problems import problem
from diffbench.runner import Claim, Limits
from diffbench.tables import both
from diffbench.user_function import fingerprint, load_function

LIMITS = {"quick": Limits(seconds=20), "lecture": Limits(seconds=60), "full": Limits(seconds=600)}
TIMED = False
SLUG = {"Logistic map l₄": "logistic", "Squire-Trapp": "squire_trapp"}
FUNCTIONS = {
    "Logistic map l₄": (lambda x: problem("logistic_loop").function(x, 4), 0.2),
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
        {"function": name, "at": at, "dtype": dtype, "method": method, "per_decade": PER_DECADE[profile], "code": code}
        for name, at in points.items()
        for code in [fingerprint(function_called(name))]
        for dtype in DTYPES
        for method in (*ORDER, "forward", "reverse")
    ]


# ----------------------------------------------------------------------------------------------------- measure


def function_called(name: str) -> Callable[[Any], Any]:
    """One of ours, or the user's own."""
    return FUNCTIONS[name][0] if name in FUNCTIONS else load_function(name)


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


def measure(function: str, at: float, dtype: str, method: str, per_decade: int, code: str = "") -> list[dict[str, Any]]:
    """A row for each step: the relative error of the derivative against 50 digits. `code` only tells cells apart."""
    f, x = function_called(function), DTYPES[dtype](at)
    truth = db.reference(f, float(x), quantity="derivative")
    rows = []
    for h in steps(method, x, per_decade):
        found = db.derivative(f, backend=backend(method, h))(x)
        with mpmath.workdps(50):
            rows.append(
                {"h": h, "found": str(found), "relative_error": float(abs(exact(found) - truth) / (abs(truth) or 1))}
            )
    return rows


# ------------------------------------------------------------------------------------------------------ expect


def curves(frame: Any) -> dict[tuple[str, str, str], ErrorCurve]:
    """Truncation, round-off and best step of every series of difference quotients."""
    quotients = frame[np.isfinite(frame.relative_error) & frame.method.str.startswith("finite")]
    return {
        key: fit_errors(rows.h.to_numpy(), rows.relative_error.to_numpy(), ORDER[key[2]])
        for key, rows in quotients.groupby(["function", "dtype", "method"], sort=False)
    }


def eps_of(dtype: str) -> float:
    """Machine epsilon of a precision, by its name."""
    return float(np.finfo(DTYPES[dtype]).eps)


def expect(frame: Any) -> list[Claim]:
    """Slopes and turning points of the quotients; the complex step and AD flat at round-off. On our own functions."""
    claims = []
    for (name, dtype), found in by_precision(curves(frame)).items():
        told = [curve for curve in found if curve.turn and curve.slope]
        if not told:  # float32: round-off leaves no room for a slope
            continue
        slopes, orders = ", ".join(f"{c.slope:.2f}" for c in told), ", ".join(str(c.order) for c in told)
        holds = all(abs(c.slope - c.order) < 0.15 for c in told)
        claims.append(Claim(f"{name}, {dtype}: slopes are the orders", holds, slopes, f"{orders} ± 0.15"))
        for what, best in (("step", [c.best_step for c in told]), ("error", [c.best_error for c in told])):
            theory = [c.turn[what == "error"] for c in told]
            holds = all(1 / 100 < b / t < 100 for b, t in zip(best, theory))
            text = [", ".join(f"{number:.0e}" for number in numbers) for numbers in (best, theory)]
            claims.append(Claim(f"{name}, {dtype}: best {what}s", holds, text[0], f"{text[1]}, factor 100"))
    quiet = frame[(frame.status == "ok") & frame.function.isin(FUNCTIONS) & ~frame.method.str.startswith("finite")]
    tiny = quiet.h.isna() | (quiet.h < quiet.dtype.map(eps_of) ** 0.5 / 10)
    for (name, method), rows in quiet[tiny].groupby(["function", "method"], sort=False):
        worst = float((rows.relative_error / rows.dtype.map(eps_of)).max())
        claims.append(Claim(f"{name}, {method}: round-off only", worst < 64, f"{worst:.1f} eps", "< 64 eps"))
    return claims


def by_precision(found: dict[tuple[str, str, str], ErrorCurve]) -> dict[tuple[str, str], list[ErrorCurve]]:
    """The curves of our own functions, together for each function and precision."""
    groups: dict[tuple[str, str], list[ErrorCurve]] = {}
    for (name, dtype, _), curve in found.items():
        if name in FUNCTIONS:
            groups.setdefault((name, dtype), []).append(curve)
    return groups


# ------------------------------------------------------------------------------------------------------ figure

NAMES = {"finite-forward": "forward, h", "complex-step": "complex step"} | {
    f"finite-central-{p}": f"central, h{sign}" for p, sign in zip((2, 4, 6, 8), "²⁴⁶⁸", strict=True)
}


def draw(frame: Any, name: str, dtype: str, found: dict[tuple[str, str, str], ErrorCurve]) -> Any:
    """Errors against h. Grey: theory with its fitted constants. A ring where each quotient is best."""
    eps, xlabel = eps_of(dtype), "step h     (best step: × by theory, ○ as found)"
    shown = frame[(frame.function == name) & (frame.dtype == dtype) & (frame.status == "ok")].sort_values("h")
    figure, ax = plotting.figure(f"{name}, {dtype}: error of the derivative", xlabel, "relative error")
    plotting.log_axes(ax)
    ax.set_xlim(shown.h[shown.method == "finite-forward"].min() / 3, 2)
    ax.set_ylim(eps / 30, 30)
    for method, rows in shown.groupby("method", sort=False):
        error = np.maximum(rows.relative_error, eps / 4)  # zero has no place on a logarithmic axis
        curve = found.get((name, dtype, str(method)))
        if curve is not None:
            plotting.line(ax, rows.h, error, method, "_", markersize=5)
            plotting.ring(ax, curve.best_step, max(curve.best_error, eps / 4), method, NAMES[method])
            draw_theory(ax, curve)
        elif method == "complex-step":
            label = f"complex step,\nto {rows.h.min():.0e}"
            plotting.line(ax, rows.h, error, method, label, marker="", linewidth=7, zorder=1.5)
        else:
            plotting.level(ax, error.iloc[0], method, f"{method} AD", linewidth=7 if method == "forward" else 2.5)
    plotting.label_lines(ax)
    return figure


def draw_theory(ax: Any, curve: ErrorCurve) -> None:
    """C h^p from h* upwards; for the quotient of order 1, R / h too: the others differ little in it."""
    if curve.turn is not None and curve.truncation is not None:
        h = np.array([curve.turn[0], 1.0])
        plotting.guide(ax, h, curve.truncation * h**curve.order, "", zorder=3)
        ax.plot(*curve.turn, marker="x", markersize=12, markeredgewidth=2.5, color=plotting.INK, zorder=4)
    if curve.order == 1:
        start = curve.roundoff / 0.5
        plotting.slope_guide(ax, -1, (start, 0.5), 1.0, "theory: ε/h", at=0, xytext=(12, 0))


def figures(frame: Any) -> dict[str, Any]:
    """One figure for each function and precision."""
    found = curves(frame)
    with plotting.style():
        return {
            f"{SLUG.get(name, 'own')}_{dtype}": draw(frame, name, dtype, found)
            for name, dtype in frame[["function", "dtype"]].drop_duplicates().itertuples(index=False)
        }


def tables(frame: Any) -> dict[str, str]:
    """Best steps and errors, by theory and as found."""
    rows = [
        [name, dtype, NAMES[method], *(f"{number:.0e}" for number in (*curve.turn, curve.best_step, curve.best_error))]
        for (name, dtype, method), curve in curves(frame).items()
        if curve.turn is not None
    ]
    return both("best_steps", ["function", "precision", "quotient", "$h^*$", "$E(h^*)$", "best $h$", "its error"], rows)

"""Question: which rule for the step of a finite difference comes nearest to the truth, and what does it spend?

Twelve functions, each of them f(s x) at x / s for s = 1, 1e-6 and 1e6: the derivative is s f'(x), and the best step is
that of s = 1, over s. A rule that looks at x alone cannot know s where the size of x does not show it.

Theory: with u = eps / 2, no central difference of order 2 can be expected to do better than E* = 1.5 u |f| / h* at
h* = (3 u |f| / |f'''|)^(1/3), and no forward one than 4 u |f| / h* at h* = 2 (u |f| / |f''|)^(1/2). Extrapolation
raises the order, and so goes below E*. Curtis and Reid aim at a step of forward differences: far smaller than h*.

Source: see diffbench/backends/finite_step_selection.py; numdifftools and scipy are shown where they are installed.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import mpmath
import numpy as np
from matplotlib.ticker import FixedLocator, StrMethodFormatter

import diffbench as db
from diffbench import plotting
from diffbench.backends.finite_stencil import central, one_sided
from diffbench.backends.finite_step_selection import SELECTORS, best_step
from diffbench.problems import problem
from diffbench.runner import Claim, Limits
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=20), "lecture": Limits(seconds=20), "full": Limits(seconds=20)}
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "exp x": (np.exp, 1.0),
    "log x": (np.log, 2.0),
    "sqrt x": (np.sqrt, 1.0),
    "sin x": (np.sin, 1.0),
    "arctan x": (np.arctan, 0.5),
    "1 / x": (lambda x: 1 / x, 0.5),
    "exp(-x^2)": (lambda x: np.exp(-(x**2)), 0.7),
    "x^x": (lambda x: np.power(x, x), 2.0),
    "(exp x - 1)^2": (lambda x: (np.exp(x) - 1) ** 2, 1.0),
    "1000 + sin x": (lambda x: 1000 + np.sin(x), 1.0),
    "logistic map": (lambda x: problem("logistic_loop").function(x, 4), 0.2),
    "Squire-Trapp": (problem("squire_trapp_ratio").function, 1.5),
}
LIBRARIES_TRIED = ("scipy.differentiate", "scipy.optimize", "numdifftools")
for library in LIBRARIES_TRIED:
    with suppress(ImportError):
        importlib.import_module(library)  # once, and not in the process of each cell

SCALES = {"quick": (1.0, 1e6), "lecture": (1e-6, 1.0, 1e6), "full": (1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9)}

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one scale: all functions on it, by all rules."""
    return [{"scale": scale} for scale in SCALES[profile]]


# ----------------------------------------------------------------------------------------------------- measure


class Counted:
    """A function of numbers or arrays that counts the points at which it was evaluated."""

    def __init__(self, f: Callable[[Any], Any]):
        self.f, self.count = f, 0

    def __call__(self, x: Any) -> Any:
        self.count += np.size(x)
        return self.f(x)


def scipy_differentiate(f: Counted, x: float) -> float:
    """SciPy's adaptive derivative of order 8, with its defaults."""
    return float(importlib.import_module("scipy.differentiate").derivative(f, x).df)


def scipy_approx_derivative(f: Counted, x: float) -> float:
    """The three points of SciPy's optimisers, with a step from x alone."""
    return float(importlib.import_module("scipy.optimize._numdiff").approx_derivative(f, x, method="3-point").item())


def numdifftools_derivative(f: Counted, x: float) -> float:
    """numdifftools' Richardson extrapolation, with its defaults."""
    return float(importlib.import_module("numdifftools").Derivative(f)(x))


LIBRARIES = {
    "scipy.differentiate": scipy_differentiate,
    "scipy 3-point": scipy_approx_derivative,
    "numdifftools": numdifftools_derivative,
}


def rules() -> Iterator[tuple[str, Callable[[Counted, float], float]]]:
    """Our selectors, and those of the libraries, by the name that the figure shows."""
    for backend, side in (("finite-central", "central"), ("finite-forward", "forward")):
        for name, selector in SELECTORS.items():
            if backend in (selector.backends or (backend,)):
                yield f"{side}, {name}", lambda f, x, b=backend, n=name: db.derivative(f, backend=b, step=n)(x)
    yield from LIBRARIES.items()


def promised(f: Callable[[Any], Any], x: float) -> dict[str, float]:
    """The relative errors that theory promises at the best steps, from derivatives by nested forward mode."""
    second = db.derivative(db.derivative(f, backend="forward"), backend="forward")
    size, slope = abs(float(f(x))), abs(float(db.derivative(f)(x)))
    found = {}
    for side, stencil, high in (
        ("central", central(2), db.derivative(second, backend="forward")),
        ("forward", one_sided(1), second),
    ):
        step = best_step(stencil, size, abs(float(high(x))), 2.0**-52)
        error = (1 + 1 / stencil.order) * float(stencil.amplification) * 2.0**-53 * size / step
        found |= {f"{side}_best_error": error / slope}
    return found


def measure(scale: float) -> list[dict[str, Any]]:
    """A row for each function and rule: the relative error against 50 digits, and how often f was evaluated."""
    return [row for function in FUNCTIONS for row in measure_function(function, scale)]


def measure_function(function: str, scale: float) -> list[dict[str, Any]]:
    """The rows of one function on one scale."""
    plain, at = FUNCTIONS[function]
    x = at / scale
    f = lambda x: plain(scale * x)  # noqa: E731
    truth, best = db.reference(f, x, quantity="derivative"), promised(f, x)
    rows = []
    for rule, differentiate in rules():
        counted = Counted(f)
        row: dict[str, Any] = {"function": function, "rule": rule, **best}
        try:
            with np.errstate(all="ignore"):
                found = differentiate(counted, x)
            error = float(abs(mpmath.mpf(found) - truth) / abs(truth)) if np.isfinite(found) else np.inf
            row |= {"relative_error": min(error, 1e3), "evaluations": counted.count}
        except db.StepNotFound as refusal:
            row |= {"status": "not-found", "message": str(refusal.why), "evaluations": counted.count}
        except ImportError as missing:
            row |= {"status": "unsupported", "message": f"{missing.name} is not installed"}
        rows.append(row)
    return rows


# ------------------------------------------------------------------------------------------------------ expect

CLEAR = 1e-4  # four digits: what misses them has missed the scale


def halves(frame: Any) -> dict[str, Any]:
    """The rows of well-scaled and of badly scaled functions."""
    tried = frame[frame.status.isin(["ok", "not-found"])]
    return {"well_scaled": tried[tried.scale == 1.0], "badly_scaled": tried[tried.scale != 1.0]}


def expect(frame: Any) -> list[Claim]:
    """On its own scale every rule is near its optimum; on others, only those that look at f again and again."""
    claims = []
    well, badly = halves(frame).values()
    for rule, rows in well.groupby("rule", sort=False):
        if "," not in rule or rule.endswith("ridders"):
            continue
        side, name = rule.split(", ")
        factor = 1000 if name == "curtis-reid" else 100
        ratio = float((rows.relative_error / rows[f"{side}_best_error"]).median())
        text = f"well scaled, {rule}: median error near the best one of {side} differences"
        claims.append(Claim(text, ratio < factor, f"{ratio:.2g} times", f"< {factor} times"))
    for half, rows in (("well", well), ("badly", badly)):
        one = rows[rows.rule == "central, ridders"]
        below = float((one.relative_error < one.central_best_error).mean())
        text = f"{half} scaled, extrapolation (ridders) goes below the best error of central differences"
        claims.append(Claim(text, below >= 0.9, f"on {below:.0%}", "on 90 % or more"))
    for rule in ("central, curtis-reid", "central, dumontet-vignes", "central, ridders"):
        mine = badly[badly.rule == rule]
        wrong = mine[mine.relative_error > CLEAR]
        share = 1 - len(wrong) / len(mine)
        found = f"{share:.0%}" + (f", not on {', '.join(sorted({*wrong.function}))}" if len(wrong) else "")
        text = f"badly scaled, {rule}: four digits, or an error that says so"
        claims.append(Claim(text, share >= 0.9, found, "on 90 % or more"))
    blind = badly[(badly.rule == "central, fixed") & (badly.scale > 1)]
    share = float((blind.relative_error > CLEAR).mean())
    text = "scale > 1, central, fixed: a step from x alone loses all but four digits"
    claims.append(Claim(text, share >= 0.5, f"on {share:.0%}", "on 50 % or more"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure

COLOURS = {
    "fixed": "#777777", "plug-in": "#009988", "curtis-reid": "#CC3311", "dumontet-vignes": "#0077BB",
    "stepleman-winarsky": "#AA8800", "mathur": "#332288", "ridders": "#AA3377",
    "gill-murray-saunders-wright": "#EE7733",
    "scipy.differentiate": "#AA4499", "scipy 3-point": "#33BBEE", "numdifftools": "#DDAA33",
}  # fmt: skip
FLOOR = 1e-16
WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
XLABEL = "evaluations of f     (large marks: medians)"


def draw(rows: Any, title: str) -> Any:
    """Errors against evaluations: small marks a function each, the large one their medians."""
    figure, ax = plotting.figure(title, XLABEL, "relative error of f'")
    plotting.log_axes(ax)
    ax.set_ylim(FLOOR / 3, 30)
    ax.set_xlim(1.6, 200)
    ax.xaxis.set_major_locator(FixedLocator([2, 5, 10, 20, 50, 100]))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for rule, of_rule in rows.groupby("rule", sort=False):
        side, _, name = rule.rpartition(", ")
        found = of_rule[of_rule.status == "ok"]
        colour = COLOURS.get(name, plotting.look(rule.split(".")[0].split(" ")[0]).colour)
        style: dict[str, Any] = {
            "color": colour,
            "linestyle": "",
            "marker": {"forward": "v", "central": "o"}.get(side, "s"),
        }
        error = np.clip(found.relative_error, FLOOR, 10)
        plotting.line(ax, found.evaluations, error, rule, "_", markersize=5, alpha=0.35, **style)
        wrong, refused = int((found.relative_error > CLEAR).sum()), len(of_rule) - len(found)
        label = (
            rule.replace("-murray-saunders-wright", " et al.")
            + (f", {wrong} wrong" if wrong else "")
            + (f", {refused} refused" if refused else "")
        )
        x, y = found.evaluations.median(), error.median()
        plotting.line(ax, [x], [y], rule, label, markersize=15, markeredgecolor="white", **style)
    for side in ("forward", "central"):
        best = float(rows[f"{side}_best_error"].median())
        plotting.guide(
            ax, ax.get_xlim(), (best, best), f"best {side} difference, by theory", xytext=(-6, 4), ha="right"
        )
    plotting.label_lines(ax)
    return figure


TITLES = {
    "well_scaled": "Functions on the scale of x (wrong: fewer than 4 digits)",
    "badly_scaled": "Functions on another scale than x (wrong: fewer than 4 digits)",
}


def figures(frame: Any) -> dict[str, Any]:
    """Well-scaled and badly scaled functions."""
    with plotting.style():
        return {name: draw(rows, TITLES[name]) for name, rows in halves(frame).items() if len(rows)}


def tables(frame: Any) -> dict[str, str]:
    """Median errors and evaluations, how often fewer than four digits were right, and how often no step was found."""
    files = {}
    for name, half in halves(frame).items():
        lines = []
        for rule, rows in half.groupby("rule", sort=False):
            found = rows[rows.status == "ok"]
            wrong, refused = int((found.relative_error > CLEAR).sum()), len(rows) - len(found)
            error, spent = found.relative_error.median(), found.evaluations.median()
            lines.append([rule, f"{error:.0e}", f"{spent:.0f}", f"{wrong} of {len(rows)}", str(refused)])
        files |= both(name, ["rule", "median error", "evaluations", "wrong", "refused"], lines)
    return files

"""Question: what does a gradient cost as the number n of variables grows, by every method?

Theory: reverse mode costs a bounded number of evaluations of f, whatever n (at most 5 or 6, in operations).
Differences cost n + 1 or 2n evaluations, the complex step n, forward mode n tangents: their ratio to f grows like n.
Symbolic differentiation pays before it begins: the expression has to be made, differentiated and compiled.
Our complex step runs f on traced values, so as to refuse what is not analytic: a constant factor, and no small one.

Every gradient is checked against the one derived by hand, in long double, before its time is believed.

Source: Griewank, Walther 2008, Evaluating Derivatives, section 4.6; Baydin et al. 2018, JMLR 18(153), section 6.
"""

import time
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import PowerLaw, fit_exponent, time_calls
from diffbench.problems import problem as find
from diffbench.registry import is_own
from diffbench.runner import Claim, Limits
from diffbench.tables import both

SERIES = ("problem", "backend")
SIZE = "n"
LIMITS = {"quick": Limits(seconds=1), "lecture": Limits(seconds=4), "full": Limits(seconds=120, megabytes=8192)}
PROBLEMS = ("helmholtz", "rosenbrock", "logistic_regression")

# ------------------------------------------------------------------------------------------------------- sweep

LARGEST = {"quick": 16, "lecture": 4096, "full": 2**20}
LARGEST_DENSE = 4096  # Helmholtz holds a matrix of n^2 numbers


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every problem, every installed backend, n = 1, 2, 4, ... (quick: 1 and 16, and our own backends)."""
    factor = 16 if profile == "quick" else 2
    known = db.backends()
    return [
        {"problem": name, "backend": backend, "n": factor**k}
        for name in PROBLEMS
        for k in range(21)
        for backend in known.index[known.installed]
        if profile != "quick" or is_own(backend)
        if factor**k <= min(LARGEST[profile], LARGEST_DENSE if name == "helmholtz" else 2**20)
    ]


# ----------------------------------------------------------------------------------------------------- measure

TOLERANCE = {"finite-forward": 1e-4, "finite-backward": 1e-4, "finite-central": 1e-7, "scipy": 1e-6}  # others: 1e-10


def wide(argument: Any) -> Any:
    """The same numbers in long double."""
    return np.asarray(argument, np.longdouble)


def measure(problem: str, backend: str, n: int) -> dict[str, Any]:
    """Seconds of f and of its gradient in turns, their ratio, seconds of preparation, and the error that was found."""
    p = find(problem)
    point = p.point(n)
    options = {"gradient": p.derivative} if backend == "manual" else {}
    differentiate = db.gradient(p.function, backend=backend, **options)
    differentiate.prepare(*p.point(1))  # imports what the backend needs
    start = time.perf_counter()
    gradient = differentiate.prepare(*point)
    prepared = time.perf_counter() - start
    truth = p.derivative(*map(wide, point))
    error = float(np.max(np.abs(gradient(*point) - truth), initial=0.0) / max(np.max(np.abs(truth)), 1.0))
    row = {"error": error, "prepare_seconds": prepared}
    if not error <= TOLERANCE.get(backend, 1e-10):
        return {**row, "status": "wrong", "message": f"error {error:.1e}"}
    turns = time_calls(
        {"f": lambda: p.function(*point), "gradient": lambda: gradient(*point)},
        sample_seconds=0.003,
        rounds=7,
        budget_seconds=0.5,
    )
    ratio = turns["gradient"].ratio_to(turns["f"])
    return {
        **row,
        "f_seconds": turns["f"].median,
        "gradient_seconds": turns["gradient"].median,
        "ratio": ratio.median,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "f_samples": turns["f"].samples,
        "gradient_samples": turns["gradient"].samples,
    }


# ------------------------------------------------------------------------------------------------------ expect

LARGE = 64  # from here on the constant cost of Python hides the growth of most no longer


def growth(frame: Any, column: str) -> dict[tuple[str, str], PowerLaw]:
    """The exponent of a column in n >= 64 for each problem and backend that got far enough to tell: four sizes."""
    rows = frame[(frame.status == "ok") & (frame.n >= LARGE)]
    series = rows.groupby(["problem", "backend"], sort=False)
    return {key: fit_exponent(one.n, one[column]) for key, one in series if len(one) >= 4}


def expect(frame: Any) -> list[Claim]:
    """All gradients right; reverse mode bounded; differences as dear as their evaluations of f, and so far behind."""
    wrong = ", ".join(sorted({*frame[frame.status == "wrong"].backend}))
    claims = [Claim("every gradient agrees with the one derived by hand", not wrong, wrong or "all do", "all")]
    for (problem, backend), law in growth(frame, "ratio").items():
        if backend in ("reverse", "manual"):
            text = f"{problem}, {backend}: ratio to f does not grow with n"
            claims.append(Claim(text, law.exponent < 0.3, str(law), "exponent < 0.3"))
    large = frame[(frame.status == "ok") & (frame.n >= 4 * LARGE)]
    for (problem, backend), rows in large.groupby(["problem", "backend"], sort=False):
        if backend.startswith("finite"):
            evaluations = [db.get_backend(backend).evaluations("gradient", n) for n in rows.n]
            times = rows.ratio / evaluations
            found = f"{times.min():.1f} to {times.max():.1f} times"
            text = f"{problem}, {backend}: costs its evaluations of f, {evaluations[-1]} at n = {rows.n.iloc[-1]}"
            claims.append(Claim(text, bool(times.between(0.5, 8).all()), found, "0.5 to 8 times"))
    for problem, rows in large.groupby("problem", sort=False):
        seconds = rows.pivot(index="n", columns="backend", values="gradient_seconds")
        if {"finite-forward", "reverse"} <= {*seconds.columns}:
            faster = (seconds["finite-forward"] / seconds["reverse"]).dropna()
            text = f"{problem}: reverse mode beats differences, n = {faster.index.max()}"
            claims.append(Claim(text, faster.iloc[-1] > 2, f"{faster.iloc[-1]:.0f} times", "> 2 times"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def draw(frame: Any, problem: str, column: str, title: str, ylabel: str, limit: Any = None) -> tuple[Any, Any]:
    """A column against n, a line a backend; a series that hit its limit ends in an arrow head."""
    figure, ax = plotting.figure(f"{find(problem).title}: {title}", "n", ylabel)
    plotting.log_axes(ax, base=2)
    for backend, rows in frame[frame.problem == problem].groupby("backend", sort=False):
        plotting.series(ax, rows, "n", column, str(backend), limit=limit)
    return figure, ax


def figures(frame: Any) -> dict[str, Any]:
    """Seconds, ratio to f, and seconds of preparation, for each problem."""
    drawn, limit = {}, float(frame.limit_s.max())
    with plotting.style():
        for problem in PROBLEMS:
            f = frame[(frame.problem == problem) & (frame.status == "ok")].groupby("n").f_seconds.median()
            seconds, ax = draw(frame, problem, "gradient_seconds", "time of a gradient", "time", limit)
            plotting.line(ax, f.index, f, "function", "f itself")
            plotting.seconds(ax.yaxis)
            plotting.label_lines(ax)
            ratio, ax = draw(
                frame, problem, "ratio", "gradient over f", "time of gradient / time of f", lambda n, f=f: limit / f[n]
            )
            plotting.slope_guide(ax, 1, (1, 1), LARGEST_DENSE, "n", xytext=(0, -10), va="top")
            plotting.label_lines(ax)
            prepare, ax = draw(
                preparing(frame, limit), problem, "prepare_seconds", "preparing the gradient, once", "time", limit
            )
            plotting.seconds(ax.yaxis)
            plotting.label_lines(ax)
            drawn |= {f"{problem}_seconds": seconds, f"{problem}_ratio": ratio, f"{problem}_prepare": prepare}
    return drawn


def preparing(frame: Any, limit: float) -> Any:
    """Without the cells that hit their limit elsewhere: preparation took nothing like it at smaller n."""
    slow = frame.backend[frame.prepare_seconds > limit / 20]
    return frame[(frame.status == "ok") | frame.backend.isin(slow)]


def tables(frame: Any) -> dict[str, str]:
    """Exponents of the time of a gradient in n, from n = 64 on, with 95 % intervals."""
    laws = growth(frame, "gradient_seconds")
    backends = list(dict.fromkeys(backend for _, backend in laws))
    rows = [[backend, *(str(laws.get((problem, backend), "-")) for problem in PROBLEMS)] for backend in backends]
    if not rows:
        return {}
    return both("exponents", ["backend", *(find(problem).title for problem in PROBLEMS)], rows)

"""Question: what does a gradient inside of a program cost, when the program is differentiated itself?

Theory: an outer derivative passes over the operations of the inner gradient as over any others: its cost is a bounded
multiple of the inner gradient's, whatever the modes, which does not grow with their number.

The program steers a charged particle: each step takes the gradient of a potential of two variables, in plain Python
with numbers. The derivative of the landing place by the steering is taken by every pair of modes, and by autograd
(reverse in reverse) with the same program, in turns. The whole searches, for the particle and for a saddle point, must
come to the published numbers.

Source: Pearlmutter, Siskind 2008, "Using programming language theory to make automatic differentiation sound and
efficient", section 5.
"""

import importlib
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import fit_exponent, time_calls
from diffbench.problems.nested import SADDLE, STEERING, landing, particle, saddle
from diffbench.runner import Claim, Limits
from diffbench.tables import both

MODES = ("forward", "reverse")
LIMITS = {"quick": Limits(seconds=60), "lecture": Limits(seconds=300), "full": Limits(seconds=900)}
PAIRS = [f"{inner} in {outer}" for inner, outer in product(MODES, MODES)]
LIBRARY = "autograd"  # reverse in reverse
ALONE = "no outer derivative"
AT = 0.1

# ------------------------------------------------------------------------------------------------------- sweep

STEPS = {
    "quick": (0.2,),
    "lecture": (0.2, 0.1, 0.05, 0.0125),
    "full": (0.2, 0.05, 0.0125, 0.0015),
}  # 174 to 24,000 gradients


def sweep(profile: str) -> list[dict[str, Any]]:
    """The program at steps of time that shrink, so that it takes more of them; and the two searches."""
    steps = STEPS[profile]
    searches = [] if profile == "quick" else [{"program": name} for name in ("saddle", "particle")]
    return [{"program": "landing", "step": step} for step in steps] + searches


# ----------------------------------------------------------------------------------------------------- measure


def by(mode: str) -> Callable:
    """What makes a gradient by a mode."""
    return partial(db.gradient, backend=mode)


def counted(gradient: Callable, calls: list) -> Callable:
    """The same, with an entry in a list for each gradient that is taken."""

    def made(f: Callable) -> Callable:
        slopes = gradient(f)
        return lambda x: (calls.append(None), slopes(x))[1]

    return made


def measure(program: str, step: float | None = None) -> list[dict[str, Any]]:
    """A row a pair of modes."""
    return measure_landing(step) if step else measure_search({"saddle": saddle, "particle": particle}[program])


def measure_landing(step: float) -> list[dict[str, Any]]:
    """The derivative of the landing place by each pair, and its inner gradients alone."""
    calls: list = []
    landing(AT, counted(by("reverse"), calls), step)
    count = len(calls)
    runs: dict[str, Callable[[], Any]] = {ALONE: lambda: landing(AT, by("reverse"), step)}
    for inner, outer in product(MODES, MODES):
        f = partial(landing_of, inner=inner, step=step)
        runs[f"{inner} in {outer}"] = partial(db.derivative(f, backend=outer), AT)
    if db.backends().loc["autograd", "installed"]:
        grad, sqrt = importlib.import_module("autograd").grad, importlib.import_module("autograd.numpy").sqrt
        runs[LIBRARY] = lambda: grad(lambda w: landing(w, grad, step, sqrt))(AT)
    complex_step = db.get_backend("complex-step", branches="real")
    truth = db.derivative(partial(landing_of, inner="reverse", step=step), backend=complex_step)(AT)
    found = {name: float(run()) for name, run in runs.items() if name != ALONE}
    turns = time_calls(runs, sample_seconds=0, rounds=7, least_rounds=1, budget_seconds=30)
    rows = []
    for name, timing in turns.items():
        error = abs(found[name] - truth) / abs(truth) if name in found else 0.0
        row = {"pair": name, "count": count, "error": error, "each_seconds": timing.median / count}
        if LIBRARY in turns:
            row["speed"] = turns[LIBRARY].ratio_to(timing).median
        rows.append(row if error < 1e-11 else row | {"status": "wrong", "message": f"error {error:.1e}"})
    return rows


def landing_of(w: Any, inner: str, step: float) -> Any:
    """The landing place, its inner gradients by a mode."""
    return landing(w, by(inner), step)


def measure_search(search: Callable) -> list[dict[str, Any]]:
    """A whole search by each pair: how far it ends from the published numbers."""
    published = np.array(SADDLE if search is saddle else [STEERING])
    rows = []
    for inner, outer in product(MODES, MODES):
        calls: list = []
        found = np.atleast_1d(search(by(outer), counted(by(inner), calls)))
        error = float(np.max(np.abs(found - published) / published))
        rows.append({"pair": f"{inner} in {outer}", "count": len(calls), "error": error})
    return rows


# ------------------------------------------------------------------------------------------------------ expect


def timed(frame: Any) -> Any:
    """The rows with a time."""
    return frame[(frame.status == "ok") & (frame.program == "landing")]


def expect(frame: Any) -> list[Claim]:
    """All right; the published numbers to the last digits; no growth; ahead of the same program in autograd."""
    wrong = frame[frame.status == "wrong"]
    worst = float(frame[frame.program == "landing"].error.max())
    claims = [
        Claim("every pair of modes gives the derivative of the landing place", wrong.empty, f"{worst:.0e}", "1e-11")
    ]
    for program, rows in frame[frame.program != "landing"].groupby("program", sort=False):
        text = f"{program}: every pair comes to the published number"
        claims.append(Claim(text, rows.error.max() < 1e-14, f"{rows.error.max():.0e}", "1e-14 relative"))
    alone = timed(frame).query("pair == @ALONE").set_index("count").each_seconds
    for pair, rows in timed(frame).groupby("pair", sort=False):
        if len(rows) >= 4 and pair != ALONE:
            law = fit_exponent(rows["count"], rows.each_seconds.to_numpy() / alone[rows["count"]].to_numpy())
            text = f"{pair}: the time, as a multiple of that without an outer derivative, does not grow"
            claims.append(Claim(text, law.exponent < 0.1, str(law), "exponent < 0.1"))
            if pair in PAIRS and "speed" in rows and np.isfinite(rows.speed).all():
                least = float(rows.speed.min())
                claims.append(Claim(f"{pair}: times as fast as autograd", least > 4, f"{least:.1f}", "> 4"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure

LOOKS = {
    "forward in forward": "forward",
    "reverse in forward": "symbolic-graph",
    "forward in reverse": "finite-forward",
    "reverse in reverse": "reverse",
    ALONE: "manual",
    LIBRARY: "autograd",
}


def figures(frame: Any) -> dict[str, Any]:
    """The time of one inner gradient against how many there are; theory: flat."""
    with plotting.style():
        figure, ax = plotting.figure(
            "A gradient inside of a differentiated program",
            "inner gradients under one outer derivative",
            "time of each, its step included",
        )
        plotting.log_axes(ax, base=2)
        plotting.seconds(ax.yaxis)
        for pair, rows in timed(frame).groupby("pair", sort=False):
            plotting.line(ax, rows["count"], rows.each_seconds, LOOKS[str(pair)], str(pair))
        plotting.label_lines(ax)
    return {"nested_gradients": figure}


def tables(frame: Any) -> dict[str, str]:
    """Microseconds of each inner gradient where there are most of them, and times as fast as autograd."""
    rows = timed(frame)
    rows = rows[rows["count"] == rows["count"].max()]
    speed = rows.speed if "speed" in rows else [float("nan")] * len(rows)
    cells = [
        [row.pair, f"{row.each_seconds * 1e6:.0f}", "-" if faster != faster else f"{faster:.1f}"]
        for row, faster in zip(rows.itertuples(), speed)
    ]
    return both("each", ["inner in outer", "µs each", "times as fast as autograd"], cells)

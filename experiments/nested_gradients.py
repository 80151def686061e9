"""Question: what does a gradient inside of a program cost, when the program is differentiated itself?

Theory: an outer derivative passes over the operations of the inner gradient as over any others: its cost is a bounded
multiple of the inner gradient's, whatever the modes, which does not grow with their number.

The program steers a charged particle: each step takes the gradient of a potential of two variables, in plain Python
with numbers. The derivative of the landing place by the steering is taken by every pair of modes, and by autograd
(reverse in reverse) with the same program, in turns. The whole searches, for the particle and for a saddle point, must
come to the published numbers. A table says where the time of an inner gradient goes under an outer reverse mode.

Source: Pearlmutter, Siskind 2008, "Using programming language theory to make automatic differentiation sound and
efficient", section 5.
"""

import importlib
from collections.abc import Callable
from functools import partial
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.backends.base import one_like
from diffbench.backends.forward_units import on_list
from diffbench.backends.reverse import backward
from diffbench.measure import fit_exponent, time_calls
from diffbench.problems.nested import SADDLE, STEERING, landing, particle, potential, saddle
from diffbench.runner import Claim, Limits
from diffbench.tables import both
from diffbench.tape import Tape

MODES = ("forward", "reverse")
LIMITS = {"quick": Limits(seconds=60), "lecture": Limits(seconds=300), "full": Limits(seconds=900)}
PAIRS = [f"{inner} in {outer}" for inner, outer in product(MODES, MODES)]
LIBRARY = "autograd"  # reverse in reverse
ALONE = "no outer derivative"
AT = 0.1
WHOLE = "all of it"
SEARCHES = {"saddle": saddle, "particle": particle}

# ------------------------------------------------------------------------------------------------------- sweep

STEPS = {
    "quick": (0.2,),
    "lecture": (0.2, 0.1, 0.05, 0.0125),
    "full": (0.2, 0.05, 0.0125, 0.0015),
}  # 174 to 24,000 gradients


def sweep(profile: str) -> list[dict[str, Any]]:
    """The program at steps of time that shrink, so that it takes more of them; and the two searches."""
    steps = STEPS[profile]
    searches = [] if profile == "quick" else [{"program": name} for name in SEARCHES]
    return [{"program": "landing", "step": step} for step in steps] + searches + [{"program": "parts"}]


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
    """A row a pair of modes, and of the parts a row each."""
    if program == "parts":
        return measure_parts("forward") + measure_parts("reverse")
    return measure_landing(step) if step else measure_search(SEARCHES[program])


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
    """A whole search by each pair: how far it ends from the published numbers, and its time for each inner gradient.

    Not all of those stand under the outer derivative: the search also asks for values alone.
    """
    published = np.array(SADDLE if search is saddle else [STEERING])
    rows = []
    for inner, outer in product(MODES, MODES):
        calls: list = []
        start = perf_counter()
        found = np.atleast_1d(search(by(outer), counted(by(inner), calls)))
        each = (perf_counter() - start) / len(calls)
        error = float(np.max(np.abs(found - published) / published))
        rows.append({"pair": f"{inner} in {outer}", "count": len(calls), "error": error, "each_seconds": each})
    return rows


def measure_parts(inner: str) -> list[dict[str, Any]]:
    """What an inner gradient and its step cost, part by part, where the outer derivative is by reverse mode."""
    pair = f"{inner} in reverse"
    runs: dict[str, Callable[[], Any]] = {}
    outer, x, v, charges = on_outer_list()
    runs["f, recorded on both lists"] = again(outer, partial(inner_list, x, charges))
    runs["the call around it"] = again(outer, partial(by(inner)(lambda y: y[0]), x))
    outer, x, v, charges = on_outer_list()
    runs["its sweep, recorded on the outer list"] = again(outer, partial(swept, inner, x, *inner_list(x, charges)))
    slopes = swept(inner, x, *inner_list(x, charges))
    runs["the step of the program"] = again(outer, partial(stepped, x, v, slopes))
    seeds = [(value.index, 1.0) for moved in stepped(x, v, slopes) for value in moved]
    whole = Tape([None] * len(outer.inputs))
    whole.entries = outer.entries.copy()
    runs["the sweep of the outer list"] = partial(backward, whole, seeds)
    calls: list = []
    landing(AT, counted(by(inner), calls))
    runs[WHOLE] = partial(db.derivative(partial(landing_of, inner=inner, step=AT), backend="reverse"), AT)
    turns = time_calls(runs, rounds=7, budget_seconds=10)
    each = {part: timing.median for part, timing in turns.items()}
    each[WHOLE] /= len(calls)
    each["caches, memory, collector: the rest"] = 2 * each[WHOLE] - sum(each.values())
    return [{"pair": pair, "part": part, "each_seconds": seconds} for part, seconds in each.items()]


def on_outer_list() -> tuple[Tape, list, list, list]:
    """A list of an outer derivative, and what it watches: the particle's place, its speed, the charges."""
    outer = Tape([AT, 0.3, 7.0, 0.7, -0.2])
    w, *values = outer.inputs
    return outer, values[:2], values[2:], [[10.0, 10.0 - w], [10.0, 0.0]]


def again(outer: Tape, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, each time on the outer list as it is now."""
    start = len(outer.entries)

    def call_again() -> Any:
        del outer.entries[start:]
        return call()

    return call_again


def inner_list(x: list, charges: list) -> tuple[Tape, Any]:
    """The potential on a list of its own, over values that an outer list watches."""
    tape = Tape(x)
    return tape, potential(tape.inputs, charges)


def swept(inner: str, x: list, tape: Tape, y: Any) -> list:
    """The gradient from the inner list."""
    if inner == "forward":
        return on_list(tape, y.index, y.primal, x)
    return backward(tape, [(y.index, one_like(y.primal))])


def stepped(x: list, v: list, slopes: list) -> tuple[list, list]:
    """A step of Euler's method."""
    return [a + AT * b for a, b in zip(x, v)], [a - AT * b for a, b in zip(v, slopes)]


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
    for program, rows in frame[frame.program.isin(SEARCHES)].groupby("program", sort=False):
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
    """Microseconds of each inner gradient where there are most of them, and of what it consists."""
    rows = timed(frame)
    rows = rows[rows["count"] == rows["count"].max()]
    speed = rows.speed if "speed" in rows else [float("nan")] * len(rows)
    searches = {
        program: dict(zip(found.pair, found.each_seconds))
        for program, found in frame[frame.program.isin(SEARCHES)].groupby("program", sort=False)
    }
    cells = [
        [row.pair, microseconds(row.each_seconds), "-" if faster != faster else f"{faster:.1f}"]
        + [microseconds(found.get(row.pair)) for found in searches.values()]
        for row, faster in zip(rows.itertuples(), speed)
    ]
    head = [
        "inner in outer",
        "µs each",
        "times as fast as autograd",
        *(f"search of the {name}, µs" for name in searches),
    ]
    parts = frame[frame.program == "parts"].pivot(index="part", columns="pair", values="each_seconds")
    parts = parts.sort_values(parts.columns[-1], ascending=False)
    return both("each", head, cells) | both(
        "parts",
        ["part", *(f"{pair}, µs" for pair in parts.columns)],
        [[str(part), *map(microseconds, row)] for part, *row in parts.itertuples()],
    )


def microseconds(seconds: float | None) -> str:
    """A time as a cell of a table."""
    return "-" if seconds is None else f"{seconds * 1e6:.0f}"

"""Question: for f: Rⁿ -> Rᵐ, where does forward mode stop winning, and reverse mode start?

A layer of a network, f(x) = V tanh(W x), has n inputs, m outputs and 32 hidden units; its Jacobian is V diag(1 - y²) W.

Theory: forward mode needs a pass for each of the n inputs, reverse mode one for each of the m outputs, differences
n + 1 evaluations of f. With c the time of one pass, the two modes meet at m = n · c(forward) / c(reverse): on a line of
slope 1 in the plane of n and m. Passes go in batches, so that c is measured in batches too; and each mode runs f once,
which hides the line where both n and m are small.

Source: Griewank, Walther 2008, section 3.2 and 3.3; the batches are "vector mode" there.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

import diffbench as db
from diffbench import plotting
from diffbench.measure import time_calls
from diffbench.runner import Claim, Limits
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=10), "lecture": Limits(seconds=20), "full": Limits(seconds=60)}
METHODS = ("forward", "reverse", "finite-forward")
HIDDEN = 32
BATCH = 64  # directions, in the measurement of what a pass costs

# ------------------------------------------------------------------------------------------------------- sweep

SIDES = {"quick": (1, 64), "lecture": (1, 4, 16, 64, 256, 1024), "full": (1, 4, 16, 64, 256, 1024, 4096)}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every shape of a grid."""
    return [{"n": n, "m": m} for n in SIDES[profile] for m in SIDES[profile]]


# ----------------------------------------------------------------------------------------------------- measure


def layer(n: int, m: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """f, a point, and the Jacobian there by hand."""
    rng = np.random.default_rng(0)
    w, v, x = rng.normal(size=(HIDDEN, n)) / math.sqrt(n), rng.normal(size=(m, HIDDEN)), rng.normal(size=n)
    slope = 1 - np.tanh(w @ x) ** 2
    return (lambda x: v @ np.tanh(w @ x)), x, (v * slope) @ w


def measure(n: int, m: int) -> list[dict[str, Any]]:
    """A row for each method: seconds of the Jacobian, and of one pass among many; everything in turns."""
    f, x, truth = layer(n, m)
    jacobians = {method: db.jacobian(f, backend=method) for method in METHODS}
    errors = {
        name: float(np.max(np.abs(jacobian(x) - truth)) / np.max(np.abs(truth))) for name, jacobian in jacobians.items()
    }
    _, push = db.linearize(f)(x)
    _, pull = db.pullback(f)(x)
    rng = np.random.default_rng(1)
    tangents, cotangents = rng.normal(size=(BATCH, n)), rng.normal(size=(BATCH, m))
    calls = {name: (lambda jacobian=jacobian: jacobian(x)) for name, jacobian in jacobians.items()}
    passes = {"push": lambda: push(tangents, batch=True), "pull": lambda: pull(cotangents, batch=True)}
    turns = time_calls(
        {"f": lambda: f(x), **calls, **passes},
        sample_seconds=0.001,
        rounds=25,
        least_rounds=1,
        budget_seconds=0.5,
    )
    seconds = {name: timing.minimum for name, timing in turns.items()}  # other programs only add time
    of_a_pass = {"forward": seconds["push"] / BATCH, "reverse": seconds["pull"] / BATCH, "finite-forward": seconds["f"]}
    rows = []
    for method in METHODS:
        row = {"method": method, "error": errors[method], "seconds": seconds[method], "f_seconds": seconds["f"]}
        row |= {"ratio": seconds[method] / seconds["f"], "pass_seconds": of_a_pass[method]}
        if not errors[method] <= (1e-5 if method.startswith("finite") else 1e-12):
            row |= {"status": "wrong", "message": f"error {errors[method]:.1e}"}
        rows.append(row)
    return rows


# ------------------------------------------------------------------------------------------------------ expect

CLEAR = 16  # the longer side over the shorter one, from where on the modes differ by more than their overheads
LARGE = 256


def faster(frame: Any) -> Any:
    """Seconds of forward over seconds of reverse mode, and of one pass likewise, for each shape."""
    ok = frame[frame.status == "ok"]
    columns = {}
    for column in ("seconds", "pass_seconds"):
        table = ok.pivot(index=["n", "m"], columns="method", values=column)
        columns[column] = table["forward"] / table["reverse"]
    return pd.DataFrame(columns).reset_index()


def meeting_by_theory(frame: Any) -> dict[int, float]:
    """For each n, the m at which both modes would meet if nothing but passes took time."""
    return {int(n): float(n * rows.pass_seconds.median()) for n, rows in faster(frame).groupby("n")}


def crossings(frame: Any) -> dict[int, tuple[float, float]]:
    """For each large n, the m at which both modes take the same time: as found between two sizes, and by theory."""
    found = {}
    shapes = faster(frame)
    for n, rows in shapes[shapes.n >= LARGE].groupby("n"):
        m, ratio = rows.m.to_numpy(float), np.log(rows.seconds.to_numpy(float))
        turns = np.flatnonzero((ratio[:-1] > 0) & (ratio[1:] <= 0))
        if len(turns):
            i = turns[-1]
            share = ratio[i] / (ratio[i] - ratio[i + 1])
            here = math.exp(math.log(m[i]) + share * math.log(m[i + 1] / m[i]))
            found[int(n)] = here, meeting_by_theory(frame)[int(n)]
    return found


def expect(frame: Any) -> list[Claim]:
    """All right; on tall and wide Jacobians the mode of the shorter side wins; between, at the ratio of passes."""
    wrong = frame[frame.status == "wrong"]
    claims = [Claim("every Jacobian is the one by hand", wrong.empty, ", ".join({*wrong.method}) or "all are", "all")]
    shapes = faster(frame)
    for name, rows in (
        ("reverse mode wins where n > 16 m", shapes[(shapes.n >= CLEAR * shapes.m) & (shapes.n >= LARGE)]),
        ("forward mode wins where m > 16 n", shapes[(shapes.m >= CLEAR * shapes.n) & (shapes.m >= LARGE)]),
    ):
        if len(rows):
            gain = rows.seconds if name.startswith("reverse") else 1 / rows.seconds
            claims.append(
                Claim(f"{name}, from {LARGE} on", bool((gain > 1).all()), f"{gain.min():.1f} times", "> 1 times")
            )
    for n, (found, theory) in crossings(frame).items():
        holds = 1 / 4 < found / theory < 4
        claims.append(Claim(f"n = {n}: the modes meet at m", holds, f"{found:.0f}", f"{theory:.0f}, factor 4"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def cut(frame: Any, n: int) -> Any:
    """Time against m for one n."""
    figure, ax = plotting.figure(
        f"Jacobians of n = {n} inputs and m outputs", "m, number of outputs", "time / time of f"
    )
    plotting.log_axes(ax, base=2)
    for method, rows in frame[frame.n == n].groupby("method", sort=False):
        plotting.series(ax, rows, "m", "ratio", str(method))
    low, high = ax.get_ylim()
    meeting = meeting_by_theory(frame)[n]
    plotting.guide(ax, (meeting, meeting), (high, low), "the modes meet,\nby theory", xytext=(6, 6), va="bottom")
    plotting.label_lines(ax)
    return figure


def plane(frame: Any) -> Any:
    """Who wins in the plane of n and m; dashed: the line on which theory has the modes meet."""
    shapes = faster(frame)
    figure, ax = plotting.figure("Who is faster, and how many times", "n, number of inputs", "m, number of outputs")
    sides = sorted({*shapes.n})
    place = {size: i for i, size in enumerate(sides)}
    for row in shapes.itertuples():
        gain = max(row.seconds, 1 / row.seconds)
        colour = plotting.look("reverse" if row.seconds > 1 else "forward").colour
        strength = min(1.0, 0.15 + 0.35 * math.log10(gain)) if gain > 1.25 else 0.0
        corner = (place[row.n] - 0.48, place[row.m] - 0.48)
        ax.add_patch(Rectangle(corner, 0.96, 0.96, facecolor=colour, alpha=strength, edgecolor="none"))
        ink = "white" if strength > 0.55 else plotting.INK
        ax.text(
            place[row.n],
            place[row.m],
            f"{gain:.1f}" if gain < 10 else f"{gain:.0f}",
            color=ink,
            ha="center",
            va="center",
        )
    met = meeting_by_theory(frame)
    height = np.interp(np.log(list(met.values())), np.log(sides), range(len(sides)))
    ax.plot([place[n] for n in met], height, color=plotting.INK, linestyle=(0, (6, 3)), linewidth=2.5, zorder=1.5)
    ax.set_xticks(range(len(sides)), sides)
    ax.set_yticks(range(len(sides)), sides)
    ax.set_xlim(-0.6, len(sides) - 0.4)
    ax.set_ylim(-0.6, len(sides) - 0.4)
    ax.grid(visible=False)
    for name, height in (("forward", 0.85), ("reverse", 0.15)):
        ax.text(1.03, height, f"{name} mode\nwins", transform=ax.transAxes, color=plotting.look(name).colour)
    return figure


def figures(frame: Any) -> dict[str, Any]:
    """The plane of shapes, and a cut through it."""
    with plotting.style():
        return {"plane": plane(frame), "cut": cut(frame, min(LARGE, int(frame.n.max())))}


def tables(frame: Any) -> dict[str, str]:
    """Where the modes meet, as found and by theory."""
    rows = [[str(n), f"{found:.0f}", f"{theory:.0f}"] for n, (found, theory) in crossings(frame).items()]
    return both("crossings", ["n", "m as found", "m by theory"], rows) if rows else {}

"""Question: what does it cost to run plain NumPy through an adapter, instead of writing the function for the library?

Theory: the wrapper takes a constant time c for each primitive that it hands on. A library that runs them one by one
(autograd, torch, mygrad) pays it in every call: where a primitive takes the time t, derivative included, the wrapped
function takes 1 + c/t times as long; much in loops over numbers, nothing on large arrays. A library that compiles (jax,
casadi, symengine) pays while it traces, and then runs the same program: 1.

The functions are those of the experiment `peers`. Both forms go through the same verb, `db.gradient(f, backend=library,
native=...)`, prepared; the library alone, called as its users do, stands beside. All take turns in one process with one
thread, and no time is believed before both gradients agree with the truth and with each other.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from _peer_cases import made, rosenbrock_loop
from _peer_tools import BUILDERS, Cannot, TorchNumpy, build

import diffbench as db
from diffbench import plotting
from diffbench.compare.text import duration
from diffbench.measure import time_calls
from diffbench.runner import Claim, Limits
from diffbench.runner.experiment import load
from diffbench.tables import both
from diffbench.user_function import fingerprint

peers = load("peers", Path(__file__).parent).module

LIMITS = {"quick": Limits(seconds=60), "lecture": Limits(seconds=180), "full": Limits(seconds=900, megabytes=8192)}
TRACERS, COMPILERS = ("autograd", "torch", "mygrad"), ("jax", "casadi", "symengine")
LOOPS = ("logistic loop", "Rosenbrock loop")
SMALL = ("Rosenbrock, small", "Helmholtz")
LARGE = ("elementwise, large", "network")
NATURAL = {  # what the users of a library would write in it; all cases for those that are not here
    "mygrad": (*LOOPS, "Rosenbrock, small", "elementwise, large"),  # it has no dot
    "casadi": (*LOOPS, "Rosenbrock, small"),
    "symengine": ("Rosenbrock loop", "Rosenbrock, small"),  # it orders products anew, which 100 chaotic steps magnify
}

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """A cell a library, whether it is installed or not: to import it takes longer than to measure."""
    chosen = ("logistic loop", "Rosenbrock, small") if profile == "quick" else (*LOOPS, *SMALL, *LARGE)
    settings = {
        "large": peers.LARGE[profile],
        "rounds": {"quick": 3, "lecture": 15, "full": 51}[profile],
        "code": "".join(map(fingerprint, (made, build, peers.error_of))),
    }
    return [
        {"library": library, "cases": [name for name in chosen if name in NATURAL.get(library, chosen)], **settings}
        for library in (*TRACERS, *COMPILERS)
    ]


# ----------------------------------------------------------------------------------------------------- measure


def bound(function: Callable, names: Any, constants: Any) -> Callable[[Any], Any]:
    """A function(x, names, *constants) of peers as one of x; what it closes over is alike in both forms."""
    return lambda x: function(x, names, *constants)


def native(library: str, c: Any) -> Callable[[Any], Any]:
    """The function of a case, written for a library."""
    if library == "torch":
        import torch

        torch.set_num_threads(1)
        constants = [torch.tensor(k) if isinstance(k, np.ndarray) else k for k in c.constants]
        return bound(c.function, TorchNumpy(), constants)
    if library == "casadi":
        import casadi

        function = loop_over_entries if c.function is rosenbrock_loop else c.function
        return bound(function, SimpleNamespace(sum=casadi.sum1), c.constants)
    module = {"autograd": "autograd.numpy", "jax": "jax.numpy", "mygrad": "mygrad", "symengine": "numpy"}[library]
    return bound(c.function, importlib.import_module(module), c.constants)


def loop_over_entries(x: Any, names: Any) -> Any:
    """Rosenbrock's loop for a column of CasADi, which has no len()."""
    import casadi

    return rosenbrock_loop(casadi.vertsplit(x), names)


def primitives(case: str) -> int:
    """How many primitives a function of peers hands on; they are as many on small arrays as on large ones."""
    c = made(case, peers.LARGE["quick"])
    return sum(not step.is_input for step in db.trace(bound(c.function, np, c.constants), c.point).steps)


def measure(library: str, cases: list[str], large: int, rounds: int, code: str) -> list[dict[str, Any]]:
    """A row a case; MissingPackage where the library is not installed."""
    db.get_backend(library)
    return [{"case": case, **row_of(library, case, large, rounds)} for case in cases]


def row_of(library: str, case: str, large: int, rounds: int) -> dict[str, Any]:
    """Seconds of both forms and of the library alone, wrapped over native turn by turn, and the cost per primitive."""
    c = made(case, large if case in LARGE else peers.LARGE["quick"])
    forms = {
        "native": partial(db.gradient(native(library, c), backend=library, native=True).prepare, c.point),
        "wrapped": partial(db.gradient(bound(c.function, np, c.constants), backend=library).prepare, c.point),
    }
    calls: dict[str, Callable[[], Any]] = {name: partial(prepare(), c.point) for name, prepare in forms.items()}
    found = {name: call() for name, call in calls.items()}
    error = max(peers.error_of(gradient, c) for gradient in found.values())
    apart = float(np.max(np.abs(found["wrapped"] - found["native"])) / np.max(np.abs(found["native"])))
    row = {"title": c.title, "error": error, "difference": apart}
    if not max(error, apart) <= peers.TOLERANCE:
        return row | {"status": "wrong", "message": f"error {error:.1e}, difference {apart:.1e}"}
    if library in BUILDERS:
        with suppress(Cannot):  # then the row has no time of the library alone
            calls["alone"] = build(library, c)
    turns = time_calls(calls, sample_seconds=0.001 if large < 10**5 else 0.02, rounds=rounds, budget_seconds=20)
    over, count = turns["wrapped"].ratio_to(turns["native"]), primitives(case)
    row |= {f"{name}_seconds": timing.median for name, timing in turns.items()}
    row |= {"overhead": over.median, "low": over.low, "high": over.high, "primitives": count}
    each = turns["native"].median / count
    row |= {"native_per_primitive": each, "wrapper_per_primitive": each * (over.median - 1)}
    if library in COMPILERS:
        once = time_calls(forms, sample_seconds=0, rounds=min(rounds, 3), budget_seconds=20, least_rounds=1)
        row |= {f"{name}_prepare_seconds": timing.median for name, timing in once.items()}
    return row


# ------------------------------------------------------------------------------------------------------ expect


def measured(frame: Any) -> Any:
    """The rows that have an overhead."""
    return frame[frame.status == "ok"] if "overhead" in frame else frame.iloc[:0]


def missing(frame: Any) -> list[str]:
    """The libraries that are not installed."""
    return [row.library for row in frame.itertuples() if str(row.message).startswith("MissingPackage")]


def text_of(row: Any) -> str:
    """A ratio with its interval."""
    return f"{row.overhead:.3g} ({row.low:.3g} to {row.high:.3g})"


def expect(frame: Any) -> list[Claim]:
    """The same gradients; tracers pay in loops and not on large arrays; compilers pay nothing after compiling."""
    ok, wrong = measured(frame), frame[frame.status == "wrong"]
    text = "a function has the same gradient, wrapped or native"
    if ok.empty and wrong.empty:
        return [Claim(text, None, f"not installed: {', '.join(missing(frame))}", "1e-12 relative")]
    apart = float(frame.difference.max())
    claims = [Claim(text, wrong.empty and apart <= 1e-12, f"{apart:.0e}", "1e-12 relative")]
    for library, rows in ok[ok.large > 10**5].groupby("library", sort=False):
        loops, large = rows[rows.case.isin(LOOPS)], rows[rows.case.isin(LARGE)]
        if library in COMPILERS:
            middle = float(rows.overhead.median())
            text = f"{library}: what is compiled costs the same, wrapped or native"
            claims.append(Claim(text, 0.8 < middle < 1.25, f"{middle:.2f} (median of the cases)", "0.8 to 1.25 times"))
            continue
        least, most = loops.loc[loops.overhead.idxmin()], large.loc[large.overhead.idxmax()]
        text = f"{library}: in loops over numbers the wrapper costs"
        claims.append(Claim(text, least.low > 1, f"at least {text_of(least)}", "interval above 1"))
        text = f"{library}: on large arrays it costs next to nothing"
        claims.append(Claim(text, most.overhead < 1.2, f"at most {text_of(most)}", "less than 1.2 times"))
        each = rows[~rows.case.isin(LARGE)].wrapper_per_primitive * 1e6
        text = f"{library}: where Python decides, it costs each primitive a similar time"
        found = f"{each.min():.1f} to {each.max():.1f} µs"
        claims.append(Claim(text, each.min() > 0 and each.max() < 5 * each.min(), found, "within 5 times"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def figures(frame: Any) -> dict[str, Any]:
    """Wrapped over native against primitives a second; for tracers 1 + c times that, with the c that was found."""
    ok = measured(frame)
    with plotting.style():
        figure, ax = plotting.figure(
            "Plain NumPy through an adapter: time over native code",
            "primitives a second, natively written, derivative included",
            "time wrapped / time native",
        )
        plotting.log_axes(ax, y=False)
        rates = 1 / ok.native_per_primitive if len(ok) else np.array([1e2, 1e6])
        ax.set_xlim(rates.min() / 2, rates.max() * 2)
        ax.set_ylim(
            min(0.8, 0.95 * ok.low.min()) if len(ok) else 0.8, max(2.0, 1.05 * ok.high.max()) if len(ok) else 2.0
        )
        plotting.guide(ax, ax.get_xlim(), (1, 1), "no overhead", ha="right", xytext=(-6, 6))
        for place, side, what in ((0.02, "left", "← large arrays"), (0.98, "right", "loops over numbers →")):
            ax.text(place, 0.03, what, ha=side, transform=ax.transAxes, color="#666666")
        for library, rows in ok.groupby("library", sort=False):
            look = plotting.look(str(library))
            rows = rows.sort_values("native_per_primitive", ascending=False)
            rate = 1 / rows.native_per_primitive
            ax.vlines(rate, rows.low, rows.high, color=look.colour, linewidth=6, alpha=0.4)
            ax.plot(rate, rows.overhead, marker=look.marker, color=look.colour, markersize=13, ls="none", label="_")
            x = np.geomspace(rate.min(), rate.max(), 100)
            c = 0.0 if library in COMPILERS else cost(rows)
            label = f"{library}: compiled" if library in COMPILERS else f"{library}: c = {c * 1e6:.1f} µs"
            plotting.line(ax, x, 1 + c * x, str(library), label, marker="", linewidth=2)
        notes = ["wrapped / native = 1 + c · (primitives a second)"] if len(ok) else []
        notes += [f"not installed: {', '.join(absent)}\n(make install-peers)"] if (absent := missing(frame)) else []
        ax.text(0.03, 0.95, "\n".join(notes), transform=ax.transAxes, va="top", color="#666666")
        plotting.label_lines(ax)
    return {"wrapper_overhead": figure}


def cost(rows: Any) -> float:
    """Seconds that the wrapper of a library adds to a primitive: the median of the cases that are not large."""
    return float(rows[~rows.case.isin(LARGE)].wrapper_per_primitive.median())


def tables(frame: Any) -> dict[str, str]:
    """Wrapped over native with 95 % intervals, the cost per primitive and call, and what compilers pay beforehand."""
    ok = measured(frame)
    head = ["library", "function", "primitives", "alone", "native", "wrapped", "wrapped / native", "µs a primitive"]
    rows = []
    for _, row in ok.iterrows():
        times = [time_of(row.get(f"{form}_seconds")) for form in ("alone", "native", "wrapped")]
        paid = "-" if row.case in LARGE or row.library in COMPILERS else f"{1e6 * row.wrapper_per_primitive:.1f}"
        before = [time_of(row.get(f"{form}_prepare_seconds")) for form in ("native", "wrapped")]
        rows.append([row.library, row.title, f"{row.primitives:.0f}", *times, text_of(row), paid, *before])
    rows += [[library, "not installed", *["-"] * 8] for library in missing(frame)]
    return both("overhead", [*head, "prepared native", "prepared wrapped"], rows)


def time_of(seconds: Any) -> str:
    """A time for a table, if there is one."""
    return "-" if seconds is None or np.isnan(seconds) else duration(seconds)

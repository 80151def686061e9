"""Question: how fast are our modes beside the libraries, each given the function as its own users write it?

Theory: a define-by-run system pays for each operation twice, in Python and in arithmetic. In loops over numbers Python
is all of the cost, and what a trace does for an operation decides; on large arrays it is nothing, and the limit is f in
NumPy and behind it the gradient derived by hand: a trace evaluates f, and then passes back. Compilers (jax, casadi) pay
before they begin, and win afterwards.

The tools of a case take turns, each in a fresh process with as many threads as it chooses, and ratios are taken turn by
turn: in one process, each would find the memory that the others left with the allocator. A turn ends when the threads
of the tool sleep, for BLAS has them spin for a while after its work. No time is believed before the derivative agrees
with one that no differentiator touched: that derived by hand, or the complex step along random directions. On a machine
with other work, what is shared among threads waits for the slowest of them.

The functions stand in _peer_cases.py, and what the users of each library would write in _peer_tools.py.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time
from functools import partial
from typing import Any

import numpy as np
from _peer_cases import CASES, LOOPS, Case, made
from _peer_tools import Cannot, build

from diffbench import plotting
from diffbench.measure import calibrate, paired_ratio, sample
from diffbench.runner import Claim, Limits
from diffbench.runner.pool import THREAD_VARIABLES
from diffbench.tables import both
from diffbench.user_function import fingerprint

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=90), "full": Limits(seconds=600, megabytes=8192)}
BASE = "autograd"
PEERS = ("autograd", "torch", "jax", "casadi", "mygrad")

# --------------------------------------------------------------------------------------------------------- sweep

LARGE = {"quick": 10**4, "lecture": 10**6, "full": 10**6}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every case, with all tools in one cell, as they take turns."""
    rounds = {"quick": 3, "lecture": 7, "full": 25}[profile]
    installed = [peer for peer in PEERS if importlib.util.find_spec(peer)]
    names = ("logistic loop", "Rosenbrock, HVP") if profile == "quick" else CASES
    settings = {"large": LARGE[profile], "rounds": rounds, "peers": installed}
    return [{"case": name, **settings, "code": fingerprint(made) + fingerprint(build)} for name in names]


# ------------------------------------------------------------------------------------------------------- measure

STEP = 1e-30  # of the complex step
TOLERANCE = 1e-9


def error_of(found: Any, c: Case) -> float:
    """The largest error of a derivative, relative to its largest entry (or, along a direction, to the sum of sizes)."""
    found = np.ravel(np.asarray(found.detach() if hasattr(found, "detach") else found, dtype=float))
    if c.by_hand is None:
        return max(_error_along(found, c.direction(seed), c) for seed in (1, 2, 3))
    by_hand = partial(c.by_hand, c.point, *c.constants)
    if c.verb in ("gradient", "jvp"):
        truth = by_hand() if c.verb == "gradient" else np.vdot(by_hand(), c.direction())
        scale = truth if c.verb == "gradient" else np.vdot(np.abs(by_hand()), np.abs(c.direction()))
    else:
        moved = [c.direction()] if c.verb == "hvp" else np.eye(len(c.point))
        truth = scale = np.ravel([c.by_hand(c.point + 1j * STEP * v).imag / STEP for v in moved])
    return float(np.max(np.abs(found - truth)) / np.max(np.abs(scale)))


def _error_along(gradient: np.ndarray, v: np.ndarray, c: Case) -> float:
    slope = c.function(c.point + 1j * STEP * v, np, *c.constants).imag / STEP
    return float(abs(gradient @ v - slope) / (np.abs(gradient) @ np.abs(v)))


def serve(tool: str, case: str, large: str) -> None:
    """The process of one tool: says what it can do, takes a sample for each line that it is sent; at last is checked.

    The truth comes last, as the memory of its arrays would serve the calls.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries may print
    c, start = made(case, int(large)), time.perf_counter()
    row: dict[str, Any] = {}
    try:
        call = build(tool, c)
        found = call()
        row["prepare_seconds"] = time.perf_counter() - start
    except Cannot as reason:
        row |= {"status": "unsupported", "message": str(reason)}
    except Exception as error:
        row |= {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    if "status" not in row:
        # Long samples for large arrays: who calls again and again finds the memory of the last call still in the cache.
        repeats = calibrate(call, 0.1 if int(large) > 10**5 else 0.001)
        rest()
    print(json.dumps(row), file=answers, flush=True)
    for line in sys.stdin:
        answer = error_of(found, c) if line == "check\n" else sample(call, repeats)
        rest()
        print(answer, file=answers, flush=True)


def rest(longest: float = 1.0) -> None:
    """Wait until the threads of this process sleep.

    Those of OpenBLAS and OpenMP go on spinning for up to 0.2 s after their work, on the processors that the tool whose
    turn is next would use.
    """
    end = time.perf_counter() + longest
    while time.perf_counter() < end:
        busy = time.process_time()
        time.sleep(0.005)
        if time.process_time() - busy < 0.001:
            return


class Tool:
    """A tool in a fresh process, as its users have it: its own memory, and as many threads as it chooses."""

    def __init__(self, name: str, case: str, large: int):
        environment = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, case, str(large)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        self.seconds: list[float] = []
        self.row: dict[str, Any] = json.loads(self.answer() or '{"status": "failed", "message": "its process died"}')

    def answer(self) -> str:
        """The next line that its process says; empty if it has died."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def ask(self, what: str) -> float:
        """The number that its process answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return float(self.answer())

    def end(self) -> None:
        """End its process."""
        self.process.communicate()


def measure(case: str, large: int, rounds: int, peers: list[str], code: str) -> list[dict[str, Any]]:
    """A row a tool: seconds, ratios to f and to autograd turn by turn, and seconds before the first result."""
    tools: dict[str, Tool] = {}
    try:
        for name in ("function", "manual", "diffbench", *peers):
            tools[name] = Tool(name, case, large)
        able = {name: tool for name, tool in tools.items() if "status" not in tool.row}
        for turn in range(rounds):
            for tool in list(able.values())[:: -1 if turn % 2 else 1]:
                tool.seconds.append(tool.ask("sample"))
        for tool in [tool for name, tool in able.items() if name not in ("function", "manual")]:
            tool.row["error"] = error = tool.ask("check")
            if not error <= TOLERANCE:
                tool.row |= {"status": "wrong", "message": f"error {error:.1e}"}
    finally:
        for tool in tools.values():
            tool.end()
    for tool in [tool for tool in able.values() if "status" not in tool.row]:
        over_f = paired_ratio(tool.seconds, tools["function"].seconds)
        tool.row |= {"seconds": float(np.median(tool.seconds)), "over_f": over_f.median}
        tool.row |= {"over_f_low": over_f.low, "over_f_high": over_f.high}
        if BASE in able:
            ratio = paired_ratio(able[BASE].seconds, tool.seconds)
            tool.row |= {"speed": ratio.median, "speed_low": ratio.low, "speed_high": ratio.high}
    title = made(case, large).title
    return [{"tool": name, "title": title, **tool.row} for name, tool in tools.items()]


# -------------------------------------------------------------------------------------------------------- expect

AIMS = {
    "logistic loop": 18, "Rosenbrock loop": 14, "Rosenbrock, small": 4, "Helmholtz": 4, "Rosenbrock, large": 4,
    "elementwise, large": 1.4, "network": 1.8, "mixture": 3, "logistic loop, JVP": 25, "Rosenbrock, HVP": 4,
    "Rosenbrock, Hessian": 6,
}  # fmt: skip
"""How many times as fast as autograd we mean to be."""


def expect(frame: Any) -> list[Claim]:
    """All right; loops far ahead of autograd; large arrays as fast as f and the gradient by hand."""
    if "tool" not in frame:  # no cell came to its end
        return [Claim("every tool gives the right derivative", False, "nothing was measured", "all")]
    wrong = ", ".join(sorted({*frame[frame.status == "wrong"].tool}))
    claims = [Claim("every tool gives the right derivative", not wrong, wrong or "all do", "all")]
    ok = frame[(frame.status == "ok") & (frame.large > 10**5)]
    ours = ok[ok.tool == "diffbench"].set_index("case")
    if "speed" in ours:
        for name in [name for name in LOOPS if name in ours.index]:
            row = ours.loc[name]
            text = f"{row.title}: a trace of our own is far ahead of {BASE}'s"
            claims.append(Claim(text, row.speed > 10, spread_of(row), "more than 10 times as fast"))
    f, by_hand = (ok[ok.tool == tool].set_index("case") for tool in ("function", "manual"))
    for name in [name for name in ("Rosenbrock, large", "elementwise, large", "network") if name in ours.index]:
        ratio = ours.loc[name].seconds / (f.loc[name].seconds + by_hand.loc[name].seconds)
        text = f"{ours.loc[name].title}: f and the gradient derived by hand are hardly faster"
        claims.append(Claim(text, ratio < 1.5, f"{ratio:.2f} times their time", "less than 1.5 times"))
    return claims


def spread_of(row: Any) -> str:
    """A ratio with its interval."""
    return f"{row.speed:.3g} ({row.speed_low:.3g} to {row.speed_high:.3g})"


# -------------------------------------------------------------------------------------------------------- figure


def figures(frame: Any) -> dict[str, Any]:
    """The time of every tool over that of f, with its 95 % interval, a line a case."""
    ok = frame[(frame.status == "ok") & (frame.tool != "function")]
    cases = [name for name in CASES if name in {*ok.case}][::-1]
    titles = ok.drop_duplicates("case").set_index("case").title
    with plotting.style():
        figure, ax = plotting.figure("A derivative by each tool, over the function itself", "time / time of f", "")
        plotting.log_axes(ax, y=False)
        for height, name in enumerate(cases):
            rows = ok[ok.case == name].sort_values("over_f")
            ax.plot([rows.over_f.min(), rows.over_f.max()], [height, height], color="#dddddd", zorder=1)
            for _, row in rows.iterrows():
                look = plotting.look("reverse" if row.tool == "diffbench" else row.tool)
                size = 17 if row.tool == "diffbench" else 11
                ax.plot([row.over_f_low, row.over_f_high], [height, height], color=look.colour, linewidth=5, alpha=0.5)
                ax.plot(row.over_f, height, marker=look.marker, color=look.colour, markersize=size, linestyle="none")
        ax.set_yticks(range(len(cases)), [titles[name] for name in cases])
        ax.grid(axis="y", visible=False)
        for tool in dict.fromkeys(ok.tool):
            look = plotting.look("reverse" if tool == "diffbench" else tool)
            label = {"manual": "by hand"}.get(tool, tool)
            ax.plot([], [], marker=look.marker, color=look.colour, markersize=12, linestyle="none", label=label)
        figure.legend(loc="outside lower center", ncols=7, frameon=False, handletextpad=0, columnspacing=1.2)
    return {"peers": figure}


def tables(frame: Any) -> dict[str, str]:
    """Times as fast as autograd, with 95 % intervals, beside what we aim at."""
    ok = frame[(frame.status == "ok") & (frame.tool != "function")]
    if "speed" not in ok:
        return {}
    tools = [tool for tool in dict.fromkeys(ok.tool) if tool != BASE]
    rows = []
    for name in [name for name in CASES if name in {*ok.case}]:
        one = ok[ok.case == name].set_index("tool")
        cells = [spread_of(one.loc[tool]) if tool in one.index else "-" for tool in tools]
        rows.append([one.title.iloc[0], str(AIMS.get(name, "-")), *cells])
    return both("speed", ["times as fast as autograd", "aim", *tools], rows)


if __name__ == "__main__":
    serve(*sys.argv[1:])

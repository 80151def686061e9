"""Question: what does reverse mode remember as programs get longer, and what does checkpointing buy?

The program is a loop of n steps on a state of a thousand numbers or more.

Theory: reverse mode keeps what each step needs, so that its memory grows like n. Blocks of sqrt(n) steps, each one
checkpointed, keep the states between blocks and record one block at a time: memory like sqrt(n), each step run twice.
The binomial schedule with s snapshots is the best there is: l steps need t more than l, with t = r l - C(s + r, r - 1)
for the least r with C(s + r, s) >= l. With s = log4(n), memory and the number of times a step is run grow like log(n).
Forward mode remembers nothing, and does not care how long the program is; but it takes one pass for each direction.

Source: Griewank, Walther 2000, ACM TOMS 26(1), 19-45 (revolve); Chen et al. 2016, arXiv:1604.06174, for sqrt(n).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import PowerLaw, fit_exponent, peak_bytes, time_calls
from diffbench.revolve import extra_steps
from diffbench.runner import Claim, Limits
from diffbench.tables import both

SERIES = ("method",)
SIZE = "n"
LIMITS = {"quick": Limits(seconds=5), "lecture": Limits(seconds=20), "full": Limits(seconds=120, megabytes=8192)}

# ------------------------------------------------------------------------------------------------------- sweep

STATE = {"quick": 1000, "lecture": 4_000, "full": 100_000}
LONGEST = {"quick": 64, "lecture": 512, "full": 4096}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every method, n = 4, 8, 16, ..."""
    return [
        {"method": method, "n": 2**k, "state": STATE[profile]}
        for method in METHODS
        for k in range(2, LONGEST[profile].bit_length())
    ]


# ----------------------------------------------------------------------------------------------------- measure


class Step:
    """One step of the program, which counts how often it is run."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, y: Any) -> Any:
        self.count += 1
        return y + 0.01 * np.sin(3 * y)


def by_hand(x: np.ndarray, n: int) -> np.ndarray:
    """The gradient of the sum of squares of the last state: the product of the slopes of the steps."""
    y, slope = x, np.ones_like(x)
    for _ in range(n):
        slope = slope * (1 + 0.03 * np.cos(3 * y))
        y = y + 0.01 * np.sin(3 * y)
    return 2 * y * slope


def plain(step: Step, y: Any, n: int) -> Any:
    """The loop as anyone would write it."""
    for _ in range(n):
        y = step(y)
    return y


def in_blocks(step: Step, y: Any, n: int) -> Any:
    """Blocks of about sqrt(n) steps, each of them checkpointed."""
    size = math.isqrt(n)
    for start in range(0, n, size):
        y = db.checkpoint(plain)(step, y, min(size, n - start))
    return y


def snapshots(n: int) -> int:
    """As many as the binomial schedule wants: log4(n)."""
    return max(1, round(math.log(n, 4)))


def binomial(step: Step, y: Any, n: int) -> Any:
    """The loop by the binomial schedule."""
    return db.checkpointed_loop(step, y, n, snapshots=snapshots(n))


METHODS: dict[str, Callable] = {"plain": plain, "blocks": in_blocks, "binomial": binomial}


def measure(method: str, n: int, state: int) -> dict[str, Any]:
    """Peak memory of a gradient, in states; how often a step is run; the time in terms of that of f."""
    x = np.linspace(0.1, 1.0, state)
    step, loop = Step(), METHODS[method]

    def f(x: Any) -> Any:
        return np.sum(loop(step, x, n) ** 2)

    gradient, truth = db.gradient(f, backend="reverse"), by_hand(x, n)
    error = float(np.max(np.abs(gradient(x) - truth) / np.abs(truth)))
    steps = step.count
    row = {"error": error, "steps": steps, "steps_of_theory": steps_of_theory(method, n)}
    if not error <= 1e-12:
        return {**row, "status": "wrong", "message": f"error {error:.1e}"}
    peak = peak_bytes(lambda: gradient(x))
    turns = time_calls(
        {"f": lambda: plain(step, x, n), "gradient": lambda: gradient(x)},
        sample_seconds=0.001,
        rounds=5,
        least_rounds=1,
        budget_seconds=0.3,
    )
    seconds = turns["gradient"].minimum
    return {
        **row,
        "peak_bytes": peak,
        "states": peak / x.nbytes,
        "seconds": seconds,
        "ratio": seconds / turns["f"].minimum,
    }


def steps_of_theory(method: str, n: int) -> int:
    """How often a step is run for one gradient."""
    return {"plain": n, "blocks": 2 * n, "binomial": n + extra_steps(n, snapshots(n))}[method]


# ------------------------------------------------------------------------------------------------------ expect

EXPONENT = {"plain": (1.0, 0.15), "blocks": (0.5, 0.2), "binomial": (0.15, 0.25)}  # of memory in n, and how near


def growth(frame: Any) -> dict[str, PowerLaw]:
    """The exponent of peak memory in n, from n = 16 on."""
    rows = frame[(frame.status == "ok") & (frame.n >= 16)]
    return {
        str(key): fit_exponent(one.n, one.states) for key, one in rows.groupby("method", sort=False) if len(one) > 2
    }


def expect(frame: Any) -> list[Claim]:
    """The same gradient by all; memory like n, sqrt(n), log(n); as many steps as theory says, to the last one."""
    wrong = frame[frame.status == "wrong"]
    claims = [Claim("every gradient is the product of slopes", wrong.empty, ", ".join({*wrong.method}) or "all", "all")]
    ok = frame[frame.status == "ok"]
    for method, law in growth(frame).items():
        theory, near = EXPONENT[method]
        holds = abs(law.exponent - theory) <= near
        claims.append(Claim(f"{method}: exponent of memory in n", holds, str(law), f"{theory} ± {near}"))
    for method, rows in ok.groupby("method", sort=False):
        last = rows.sort_values("n").iloc[-1]
        same = bool((rows.steps == rows.steps_of_theory).all())
        text = f"{method}: steps run for a gradient, n = {last.n}"
        claims.append(Claim(text, same, f"{last.steps:.0f}", f"{last.steps_of_theory:.0f}"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure

LOOKS = {
    "plain": ("reverse", "a tape of all steps"),
    "blocks": ("symbolic-graph", "blocks of √n steps"),
    "binomial": ("symbolic", "log₄ n snapshots"),
}


def draw(frame: Any, column: str, title: str, ylabel: str) -> tuple[Any, Any]:
    """A column against n, a line a method."""
    figure, ax = plotting.figure(title, "n, steps of the program", ylabel)
    plotting.log_axes(ax, base=2)
    for method, rows in frame.groupby("method", sort=False):
        name, label = LOOKS[method]
        plotting.series(ax, rows, "n", column, name, label)
    return figure, ax


def figures(frame: Any) -> dict[str, Any]:
    """Memory in states, and its price: runs of a step, and time."""
    with plotting.style():
        memory, ax = draw(frame, "states", "What reverse mode remembers", "peak memory / size of a state")
        largest = frame.n.max()
        for exponent, height, label in ((1, 12, "n"), (0.5, 16, "√n")):
            plotting.slope_guide(ax, exponent, (16, height), largest, label)
        plotting.label_lines(ax)
        rows = frame.assign(runs=frame.steps / frame.n) if "steps" in frame else frame
        price, ax = draw(rows, "runs", "The price: how often each step is run", "runs of a step for one gradient")
        ax.set_yscale("linear")
        ax.set_ylim(0, None)
        plotting.label_lines(ax)
        seconds, ax = draw(frame, "ratio", "The price: time of a gradient", "time of gradient / time of f")
        plotting.label_lines(ax)
        return {"memory": memory, "steps": price, "time": seconds}


def tables(frame: Any) -> dict[str, str]:
    """Memory, steps and time at the largest n of each method."""
    rows = []
    for method, of_method in frame[frame.status == "ok"].groupby("method", sort=False):
        last = of_method.sort_values("n").iloc[-1]
        numbers = [f"{last.states:.1f}", f"{last.steps / last.n:.2f}", f"{last.ratio:.1f}"]
        rows.append([str(method), str(last.n), *numbers])
    return both("longest", ["method", "n", "memory / state", "runs of a step", "time / time of f"], rows)

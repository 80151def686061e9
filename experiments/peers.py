"""Question: how fast are our modes beside the libraries, each given the function as its own users write it?

Theory: a define-by-run system pays for each operation twice, in Python and in arithmetic. In loops over numbers Python
is all of the cost, and what a trace does for an operation decides; on large arrays it is nothing, and the limit is f in
NumPy and behind it the gradient derived by hand: a trace evaluates f, and then passes back. Compilers (jax, casadi) pay
before they begin, and win afterwards.

The tools of a case take turns, each in a fresh process with as many threads as it chooses, and ratios are taken turn by
turn: in one process, each would find the memory that the others left with the allocator. No time is believed before the
derivative agrees with one that no differentiator touched: that derived by hand, or the complex step along random
directions. On a machine with other work, what is shared among threads waits for the slowest of them.
"""

import importlib.util
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import calibrate, paired_ratio, sample
from diffbench.runner import Claim, Limits
from diffbench.runner.pool import THREAD_VARIABLES
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=90), "full": Limits(seconds=600, megabytes=8192)}
BASE = "autograd"
PEERS = ("autograd", "torch", "jax", "casadi", "mygrad")

# ------------------------------------------------------------------------------- the functions, in NumPy or alike


def logistic(x: Any, np: Any, steps: int) -> Any:
    for _ in range(steps):
        x = 3.7 * x * (1 - x)
    return x


def rosenbrock(x: Any, np: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_loop(x: Any, np: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def helmholtz(x: Any, np: Any, A: Any, b: Any) -> Any:
    bx = np.dot(b, x)
    root = math.sqrt(2.0)
    mixed = np.dot(x, np.dot(A, x)) / (2 * root * bx) * np.log((1 + (1 + root) * bx) / (1 + (1 - root) * bx))
    return np.sum(x * np.log(x / (1 - bx))) - mixed


def elementwise(x: Any, np: Any) -> Any:
    return np.sum(np.exp(-x * x) * np.sin(3.0 * x) / (1.0 + x * x))


def network(theta: Any, np: Any, X: Any, Y: Any) -> Any:
    """Cross-entropy of a 64-100-10 network with tanh."""
    W1, b1 = np.reshape(theta[:6400], (64, 100)), theta[6400:6500]
    W2, b2 = np.reshape(theta[6500:7500], (100, 10)), theta[7500:]
    z = np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2
    m = np.max(z, axis=1, keepdims=True)
    normaliser = np.log(np.sum(np.exp(z - m), axis=1, keepdims=True)) + m
    return -np.mean(np.sum(Y * (z - normaliser), axis=1))


def mixture(theta: Any, np: Any, X: Any, K: int) -> Any:
    """Log-likelihood of a diagonal mixture of Gaussians, all points and components at once."""
    d = X.shape[1]
    weights, centres = theta[:K], np.reshape(theta[K : K + K * d], (K, d))
    scales = np.reshape(theta[K + K * d :], (K, d))
    scaled = (X[:, None, :] - centres[None, :, :]) * np.exp(scales)[None, :, :]
    e = weights + np.sum(scales, axis=1) - 0.5 * np.sum(scaled * scaled, axis=2)
    m = np.max(e, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(e - m), axis=1)) + m[:, 0])


def logistic_by_hand(x: Any, steps: int) -> Any:
    slope = 1.0
    for _ in range(steps):
        slope = slope * 3.7 * (1 - 2 * x)
        x = 3.7 * x * (1 - x)
    return slope


def rosenbrock_by_hand(x: Any) -> Any:
    r = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * r - 2 * (1 - x[:-1])
    gradient[1:] += 200 * r
    return gradient


def elementwise_by_hand(x: Any) -> Any:
    e, s, c, q = np.exp(-x * x), np.sin(3 * x), np.cos(3 * x), 1 + x * x
    return e * (3 * c - 2 * x * s - 2 * x * s / q) / q


def network_by_hand(theta: Any, X: Any, Y: Any) -> Any:
    W1, b1 = theta[:6400].reshape(64, 100), theta[6400:6500]
    W2, b2 = theta[6500:7500].reshape(100, 10), theta[7500:]
    h = np.tanh(X @ W1 + b1)
    z = h @ W2 + b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    z_bar = (e / e.sum(axis=1, keepdims=True) - Y) / len(X)
    a_bar = (z_bar @ W2.T) * (1 - h * h)
    return np.concatenate([(X.T @ a_bar).ravel(), a_bar.sum(axis=0), (h.T @ z_bar).ravel(), z_bar.sum(axis=0)])


# ----------------------------------------------------------------------------------------------------- the cases


@dataclass(frozen=True)
class Case:
    """What is differentiated where: function(x, np, *constants), and the gradient by hand where there is one."""

    title: str
    verb: str
    function: Callable
    point: Any
    constants: tuple = ()
    by_hand: Callable | None = None

    def direction(self, seed: int = 1) -> Any:
        """A random direction, of the shape of the point."""
        return np.random.default_rng(seed).standard_normal(np.shape(self.point))[()]


CASES = (
    "logistic loop",
    "Rosenbrock loop",
    "Rosenbrock, small",
    "Helmholtz",
    "Rosenbrock, large",
    "elementwise, large",
    "network",
    "mixture",
    "logistic loop, JVP",
    "elementwise, JVP",
    "Rosenbrock, HVP",
    "Rosenbrock, Hessian",
)
LOOPS = ("logistic loop", "Rosenbrock loop", "logistic loop, JVP")


def made(name: str, large: int) -> Case:
    """A case; `large` entries where memory is to decide.

    It draws no more than it needs: the allocator would keep the memory, and spare each call its page faults.
    """
    random = np.random.default_rng(0)
    steps = 1000 if large > 10**5 else 100
    if name in ("logistic loop", "logistic loop, JVP"):
        verb = "jvp" if "JVP" in name else "gradient"
        return Case(f"3.7x(1-x), {steps} steps: {verb}", verb, logistic, 0.3, (steps,), logistic_by_hand)
    if name == "Rosenbrock loop":
        return Case(
            f"Rosenbrock, loop, n = {steps}", "gradient", rosenbrock_loop, random.random(steps), (), rosenbrock_by_hand
        )
    if name.startswith("Rosenbrock"):
        verb, count = {
            "small": ("gradient", 100), "large": ("gradient", large), "HVP": ("hvp", large // 10),
            "Hessian": ("hessian", 100),
        }[name.split(", ")[1]]  # fmt: skip
        point = random.random(count)
        return Case(f"Rosenbrock, n = {len(point)}: {verb}", verb, rosenbrock, point, (), rosenbrock_by_hand)
    if name == "Helmholtz":
        A = random.random((100, 100))
        few = random.random(100)
        return Case("Helmholtz, n = 100", "gradient", helmholtz, few, (A + A.T, random.random(100) * 1e-3))
    if name.startswith("elementwise"):
        verb = "jvp" if "JVP" in name else "gradient"
        return Case(
            f"exp·sin/(1+x²), n = {large}: {verb}", verb, elementwise, random.random(large), (), elementwise_by_hand
        )
    if name == "network":
        X, Y = random.standard_normal((1797, 64)), np.eye(10)[random.integers(0, 10, 1797)]
        theta = 0.1 * random.standard_normal(7510)
        return Case("network 64-100-10, 1797 rows", "gradient", network, theta, (X, Y), network_by_hand)
    X = random.standard_normal((1000, 10))
    theta = np.concatenate([random.standard_normal(25 + 250), 0.1 * random.standard_normal(250)])
    return Case("mixture, d = 10, K = 25, N = 1000", "gradient", mixture, theta, (X, 25))


# ----------------------------------------------------------------------------------------------------- the tools


class Cannot(Exception):
    """This tool does not do this case, and why."""


def build(tool: str, c: Case) -> Callable[[], Any]:
    """The derivative of a case by a tool, as its users would call it, ready to be called again and again."""
    if tool == "function":
        return lambda: c.function(c.point, np, *c.constants)
    if tool == "manual":
        if c.by_hand is None or c.verb != "gradient":
            raise Cannot("there is no derivative by hand")
        return lambda: c.by_hand(c.point, *c.constants)  # type: ignore[misc]
    return BUILDERS[tool](c)


def by_diffbench(c: Case) -> Callable[[], Any]:
    derivative = getattr(db, c.verb)(lambda x: c.function(x, np, *c.constants))
    return (lambda: derivative(c.point, v)) if (v := directed(c)) is not None else (lambda: derivative(c.point))


def directed(c: Case) -> Any:
    """The direction of a verb that takes one."""
    return c.direction() if c.verb in ("jvp", "hvp") else None


def by_autograd(c: Case) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    v = directed(c)

    def f(x: Any) -> Any:
        return c.function(x, anp, *c.constants)

    if c.verb == "jvp":
        return lambda: autograd.make_jvp(f)(c.point)(v)[1]
    derivative = {"gradient": autograd.grad, "hvp": autograd.hessian_vector_product, "hessian": autograd.hessian}[
        c.verb
    ](f)
    return (lambda: derivative(c.point)) if v is None else (lambda: derivative(c.point, v))


def by_jax(c: Case) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    if c.function in (logistic, rosenbrock_loop):
        raise Cannot("a loop is unrolled, and its compilation takes minutes")
    jax.config.update("jax_enable_x64", True)
    x, v = jnp.asarray(c.point), jnp.asarray(c.direction())

    def f(t: Any) -> Any:
        return c.function(t, jnp, *c.constants)

    derivative = jax.jit({
        "gradient": jax.grad(f), "hessian": jax.hessian(f), "jvp": lambda t: jax.jvp(f, (t,), (v,))[1],
        "hvp": lambda t: jax.jvp(jax.grad(f), (t,), (v,))[1],
    }[c.verb])  # fmt: skip
    return lambda: jax.block_until_ready(derivative(x))


class TorchNumpy:
    """The few names that the cases use, as PyTorch spells them."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.exp, self.log, self.sin, self.tanh = torch.exp, torch.log, torch.sin, torch.tanh
        self.reshape, self.mean, self.dot = torch.reshape, torch.mean, torch.matmul

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.torch.sum(x) if axis is None else self.torch.sum(x, dim=axis, keepdim=keepdims)

    def max(self, x: Any, axis: int, keepdims: bool = False) -> Any:
        return self.torch.amax(x, dim=axis, keepdim=keepdims)


def by_torch(c: Case) -> Callable[[], Any]:
    import torch

    constants = [torch.tensor(k) if isinstance(k, np.ndarray) else k for k in c.constants]
    x = torch.tensor(c.point, dtype=torch.float64, requires_grad=True)
    v, names = torch.tensor(c.direction(), dtype=torch.float64), TorchNumpy()

    def f(t: Any) -> Any:
        return c.function(t, names, *constants)

    def hvp() -> Any:
        (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
        return torch.autograd.grad(gradient, x, v)[0]

    return {
        "gradient": lambda: torch.autograd.grad(f(x), x)[0], "hvp": hvp,
        "jvp": lambda: torch.func.jvp(f, (x.detach(),), (v,))[1],
        "hessian": lambda: torch.func.hessian(f)(x.detach()),
    }[c.verb]  # fmt: skip


def by_casadi(c: Case) -> Callable[[], Any]:
    import casadi

    if c.function not in (logistic, rosenbrock_loop) or c.verb != "gradient":
        raise Cannot("programs of numbers only: its functions are not those of NumPy")
    t = casadi.SX.sym("x", np.size(c.point))
    y = c.function([t[i] for i in range(np.size(c.point))] if np.ndim(c.point) else t, np, *c.constants)
    derivative = casadi.Function("gradient", [t], [casadi.gradient(y, t)])
    return lambda: derivative(c.point)


def by_mygrad(c: Case) -> Callable[[], Any]:
    import mygrad

    if c.verb != "gradient":
        raise Cannot("reverse mode of first order only")
    if c.function in (helmholtz, network):
        raise Cannot("it has no dot")

    def gradient() -> Any:
        x = mygrad.tensor(c.point)
        c.function(x, mygrad, *c.constants).backward()
        return x.grad

    return gradient


BUILDERS: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "diffbench": by_diffbench,
    "autograd": by_autograd,
    "torch": by_torch,
    "jax": by_jax,
    "casadi": by_casadi,
    "mygrad": by_mygrad,
}

# --------------------------------------------------------------------------------------------------------- sweep

LARGE = {"quick": 10**4, "lecture": 10**6, "full": 10**6}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every case, with all tools in one cell, as they take turns."""
    rounds = {"quick": 3, "lecture": 7, "full": 25}[profile]
    installed = [peer for peer in PEERS if importlib.util.find_spec(peer)]
    names = ("logistic loop", "Rosenbrock, HVP") if profile == "quick" else CASES
    return [{"case": name, "large": LARGE[profile], "rounds": rounds, "peers": installed} for name in names]


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
    print(json.dumps(row), file=answers, flush=True)
    if "status" in row:
        return
    # Long samples for large arrays: who calls again and again finds the memory of the last call still in the cache.
    repeats = calibrate(call, 0.1 if int(large) > 10**5 else 0.001)
    for line in sys.stdin:
        answer = error_of(found, c) if line == "check\n" else sample(call, repeats)
        print(answer, file=answers, flush=True)


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


def measure(case: str, large: int, rounds: int, peers: list[str]) -> list[dict[str, Any]]:
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

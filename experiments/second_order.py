"""Question: what do a Hessian, and its product with a vector, cost by each nesting of the modes, and by differences?

Theory: a product H v is a derivative of a gradient along v: forward over reverse, reverse over forward and reverse over
reverse all cost a bounded number of evaluations of f, whatever n. A Hessian is n such products. Differences of f need
some 2 n^2 evaluations for a Hessian and 4 n for a product, and lose half of the digits twice; differences of a gradient
by reverse mode need 2 n gradients and lose a third of the digits, once.

The function is Rosenbrock's chain, whose Hessian has three diagonals, known in closed form: each result is held
against it before its time is believed.

Source: Griewank, Walther 2008, section 3.3; Pearlmutter 1994, Neural Computation 6(1), 147-160.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.measure import PowerLaw, fit_exponent, time_calls
from diffbench.problems import problem
from diffbench.runner import Claim, Limits
from diffbench.tables import both

SERIES = ("quantity", "method")
SIZE = "n"
LIMITS = {"quick": Limits(seconds=2), "lecture": Limits(seconds=4), "full": Limits(seconds=60)}
F = problem("rosenbrock").function

# ------------------------------------------------------------------------------------------------------- sweep

SIZES = {"quick": (4, 32), "lecture": (4, 16, 64, 256, 1024), "full": (4, 16, 64, 256, 1024, 4096)}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Both quantities by every method, n ascending."""
    return [
        {"quantity": quantity, "method": method, "n": n}
        for quantity, methods in METHODS.items()
        for method in methods
        for n in SIZES[profile]
    ]


# ----------------------------------------------------------------------------------------------------- measure


def gradient(backend: str) -> Callable:
    """The gradient of f by a mode."""
    return db.gradient(F, backend=backend)


def slope(x: np.ndarray, v: np.ndarray) -> Any:
    """The derivative of f along v, by forward mode."""
    return db.jvp(F, backend="forward")(x, v)


METHODS: dict[str, dict[str, Callable]] = {
    "hessian": {
        "forward over reverse": db.jacobian(gradient("reverse"), backend="forward"),
        "reverse over forward": db.jacobian(gradient("forward"), backend="reverse"),
        "reverse over reverse": db.jacobian(gradient("reverse"), backend="reverse"),
        "differences over reverse": db.jacobian(gradient("reverse"), backend="finite-central"),
        "differences": db.hessian(F, backend="finite-central"),
    },
    "hvp": {
        "forward over reverse": db.jvp(gradient("reverse"), backend="forward"),
        "reverse over forward": db.gradient(slope, backend="reverse"),
        "reverse over reverse": db.vjp(gradient("reverse"), backend="reverse"),
        "differences over reverse": db.jvp(gradient("reverse"), backend="finite-central"),
        "differences": db.hvp(F, backend="finite-central"),
    },
}
TOLERANCE = {"differences over reverse": 1e-7, "differences": 1e-4}  # others: 1e-12


def hessian_by_hand(x: np.ndarray) -> np.ndarray:
    """Of the sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    diagonal = np.zeros(len(x))
    diagonal[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    diagonal[1:] += 200
    return np.diag(diagonal) + np.diag(-400 * x[:-1], 1) + np.diag(-400 * x[:-1], -1)


def measure(quantity: str, method: str, n: int) -> dict[str, Any]:
    """Seconds of the derivative and of f in turns, their ratio, and the error that was found."""
    rng = np.random.default_rng(0)
    x, v = rng.uniform(0.5, 1.5, n), rng.normal(size=n)
    arguments = (x,) if quantity == "hessian" else (x, v)
    differentiate, truth = METHODS[quantity][method], hessian_by_hand(x)
    truth = truth if quantity == "hessian" else truth @ v
    error = float(np.max(np.abs(differentiate(*arguments) - truth)) / np.max(np.abs(truth)))
    if not error <= TOLERANCE.get(method, 1e-12):
        return {"error": error, "status": "wrong", "message": f"error {error:.1e}"}
    turns = time_calls(
        {"f": lambda: F(x), "derivative": lambda: differentiate(*arguments)},
        sample_seconds=0.003,
        rounds=5,
        least_rounds=1,
        budget_seconds=0.3,
    )
    ratio = turns["derivative"].ratio_to(turns["f"])
    return {
        "error": error,
        "f_seconds": turns["f"].median,
        "seconds": turns["derivative"].median,
        "ratio": ratio.median,
    }


# ------------------------------------------------------------------------------------------------------ expect


def growth(frame: Any) -> dict[tuple[str, str], PowerLaw]:
    """The exponent of the ratio to f in n, for each series that has four sizes."""
    groups = frame[frame.status == "ok"].groupby(["quantity", "method"], sort=False)
    return {key: fit_exponent(rows.n, rows.ratio) for key, rows in groups if len(rows) >= 4}


def expect(frame: Any) -> list[Claim]:
    """All right; products by AD bounded; each derivative as exact as theory says; differences of f far behind."""
    wrong = frame[frame.status == "wrong"]
    names = ", ".join(sorted({*wrong.method}))
    claims = [Claim("every result agrees with the one by hand", wrong.empty, names or "all do", "all")]
    ok = frame[frame.status == "ok"]
    for (quantity, method), rows in ok.groupby(["quantity", "method"], sort=False):
        low, high = {"differences over reverse": (1e-13, 1e-8), "differences": (1e-11, 1e-5)}.get(method, (0, 1e-13))
        worst = float(rows.error.max())
        claims.append(
            Claim(f"{quantity}, {method}: error", low <= worst < high, f"{worst:.0e}", f"{low:g} to {high:g}")
        )
    for (quantity, method), law in growth(frame).items():
        if quantity == "hvp" and not method.startswith("differences"):
            claims.append(
                Claim(f"hvp, {method}: ratio to f does not grow", law.exponent < 0.5, str(law), "exponent < 0.5")
            )
    for quantity, rows in ok[ok.n >= 256].groupby("quantity", sort=False):
        table = rows.pivot(index="n", columns="method", values="ratio")
        if {"differences", "forward over reverse"} <= {*table.columns}:
            faster = (table["differences"] / table["forward over reverse"]).dropna()
            if len(faster):
                text = f"{quantity}: forward over reverse beats differences of f, n = {faster.index.max()}"
                claims.append(Claim(text, faster.iloc[-1] > 2, f"{faster.iloc[-1]:.0f} times", "> 2 times"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure

LOOKS = {
    "forward over reverse": "forward",
    "reverse over forward": "symbolic-graph",
    "reverse over reverse": "reverse",
    "differences over reverse": "finite-forward",
    "differences": "finite-central",
}
TITLE = {"hessian": "Hessian of Rosenbrock's chain", "hvp": "Hessian times vector, Rosenbrock's chain"}


def figures(frame: Any) -> dict[str, Any]:
    """Ratio to f against n for both quantities, with their slopes by theory."""
    drawn, limit = {}, float(frame.limit_s.max())
    with plotting.style():
        for quantity, rows in frame.groupby("quantity", sort=False):
            figure, ax = plotting.figure(TITLE[quantity], "n", "time / time of f")
            plotting.log_axes(ax, base=2)
            f = rows[rows.status == "ok"].groupby("n").f_seconds.median()
            for method, series in rows.groupby("method", sort=False):
                plotting.series(ax, series, "n", "ratio", LOOKS[method], method, limit=lambda n, f=f: limit / f[n])
            exponents = {"hessian": ((1, "n"), (2, "n²")), "hvp": ((0, "1"), (1, "n"))}[quantity]
            for exponent, label in exponents:
                plotting.slope_guide(ax, exponent, (4, 10), 1024 if exponent < 2 else 256, label)
            plotting.label_lines(ax)
            drawn[quantity] = figure
    return drawn


def tables(frame: Any) -> dict[str, str]:
    """Exponents of the ratio to f in n, with 95 % intervals, and the largest error."""
    errors = frame[frame.status == "ok"].groupby(["quantity", "method"]).error.max()
    rows = [
        [quantity, method, str(law), f"{errors[quantity, method]:.0e}"]
        for (quantity, method), law in growth(frame).items()
    ]
    return both("exponents", ["quantity", "method", "exponent", "largest error"], rows) if rows else {}

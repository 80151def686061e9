"""Pictures that a lecturer drags: a secant that becomes a tangent, an iterate that folds once more.

from ipywidgets import interact
interact(lambda k: secant(np.sin, 1.0, 10.0**-k), k=(0, 16))
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import diffbench as db
from diffbench import plotting
from diffbench.problems import problem


def secant(f: Callable, x: float, h: float) -> Figure:
    """f around x, its tangent, and the line through f(x) and f(x + h); how far apart their slopes are.

    >>> secant(np.exp, 0.0, 0.5).axes[0].get_title("left")
    'h = 0.5: slope of the secant 1.29744, of the tangent 1, apart by 3e-01'
    """
    slope, quotient = db.derivative(f)(x), (f(x + h) - f(x)) / h
    at = np.linspace(x - 1, x + 1, 201)
    title = f"h = {h:.3g}: slope of the secant {quotient:.6g}, of the tangent {slope:.6g}, apart by "
    with plotting.style():
        figure, ax = plotting.figure(f"{title}{abs(quotient - slope):.0e}", "x", "")
        plotting.line(ax, at, [f(one) for one in at], "function", "f", linestyle="-")
        plotting.line(ax, at, f(x) + slope * (at - x), "forward", "tangent", marker="")
        plotting.line(ax, at, f(x) + quotient * (at - x), "finite-forward", "secant", marker="")
        ax.plot([x, x + h], [f(x), f(x + h)], "o", color=plotting.look("finite-forward").colour, label="_")
        ax.set_xlim(x - 1, x + 1)
        plotting.label_lines(ax)
    return figure


def iterate(n: int) -> Figure:
    """l_n of the logistic map over [0, 1], and its derivative by forward mode: each step folds it once more."""
    x = np.linspace(0, 1, 1001)
    value, slope = problem("logistic_loop").function(x, n), logistic_slope(x, n)
    with plotting.style():
        figure, (above, below) = plotting.panels(f"l{n} and its derivative: {2 ** (n - 1) - 1} times zero", 2, 1)
        for ax, y, name, label in ((above, value, "function", "l"), (below, slope, "forward", "l′")):
            ax.plot(x, y, color=plotting.look(name).colour, linewidth=3)
            ax.axhline(0, color=plotting.GUIDE, linewidth=1)
            ax.set_ylabel(label, rotation=0, labelpad=20)
            ax.set_xticks([0, 1])
    return figure


def logistic_slope(x: Any, n: int) -> Any:
    """l_n' entry by entry."""
    return db.elementwise_derivative(lambda v: problem("logistic_loop").function(v, n))(x)

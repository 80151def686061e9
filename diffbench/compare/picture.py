"""Error against time, a point for each backend: what one pays for digits."""

from typing import TYPE_CHECKING, Any

import numpy as np

from diffbench import plotting

if TYPE_CHECKING:
    from diffbench.compare.comparison import Comparison

LEAST = 1e-17  # where an error of zero is drawn
CLOSE = 1.2  # ratio of times of neighbours whose labels must not lie on each other


def draw(comparison: "Comparison") -> Any:
    """A point for each backend that gave a derivative, open if wrong; those that none beats are ringed and joined."""
    frame, best = comparison.frame, comparison.pareto
    shown = frame[np.isfinite(frame.max_rel_error) & (frame.seconds > 0)]
    with plotting.style():
        title = f"{comparison.quantity} of {comparison.name}: what digits cost"
        figure, ax = plotting.figure(title, "time of one evaluation", "largest relative error")
        plotting.log_axes(ax)
        plotting.seconds(ax.xaxis)
        front = best.max_rel_error.clip(lower=LEAST)
        grey: dict[str, Any] = {"color": plotting.GUIDE, "linewidth": 2.5, "zorder": 1, "label": "_"}
        ax.step(best.seconds, front, where="post", **grey)
        ax.plot(best.seconds, front, linestyle="", marker="o", markersize=30, fillstyle="none", **grey)
        last = (0.0, 0.0)
        for _, row in shown.sort_values("seconds").iterrows():
            error = max(row.max_rel_error, LEAST)
            wrong = row.status == "wrong"
            style: dict[str, Any] = {"linestyle": "", "markersize": 16, "markeredgewidth": 2.5}
            plotting.line(ax, [row.seconds], [error], row.backend, "_", fillstyle="none" if wrong else "full", **style)
            above = not (row.seconds < CLOSE * last[0] and 0.01 < error / last[1] < 100)  # else it would cross
            last = (row.seconds, error) if above else (0.0, 0.0)
            ax.annotate(
                row.backend + " (wrong)" * wrong, (row.seconds, error), (9, 9 if above else -9),
                textcoords="offset points", color=plotting.look(row.backend).colour, rotation=30 if above else -30,
                rotation_mode="anchor", va="baseline" if above else "top",
            )  # fmt: skip
        if len(shown):
            ax.set_xlim(shown.seconds.min() / 1.5, shown.seconds.max() * 2.5)
            ax.set_ylim(max(shown.max_rel_error.min(), LEAST) / 300, max(shown.max_rel_error.max(), LEAST) * 1000)
            if shown.seconds.max() < 100 * shown.seconds.min():
                plotting.finer(ax.xaxis)
    return figure

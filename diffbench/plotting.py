"""How every figure looks: large type, colours for all eyes, labels at the lines, one look for each backend.

    with plotting.style():
        figure, ax = plotting.figure("title", "step h", "error")
        plotting.line(ax, h, error, "finite-central")
        plotting.slope_guide(ax, 2, start=(1e-4, 1e-8), end=1e-1, label="h²")
        plotting.label_lines(ax)
    plotting.save(figure, "results/step_size/error")

Colours: Paul Tol, "Colour schemes", technical note SRON/EPS/TN/09-002 (2021).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETUP
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, LogFormatter, LogLocator, NullLocator, StrMethodFormatter

GUIDE = "#888888"
INK = "#222222"
SIZE = (13.33, 7.5)  # a 16:9 slide, in inches
NO_DATE: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
TYPE = 20  # points; a twenty-seventh of the height of the slide

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": TYPE,
    "axes.titlesize": TYPE + 3,
    "axes.titlelocation": "left",
    "axes.titlepad": 16,
    "axes.labelsize": TYPE + 1,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 1.0,
    "xtick.labelsize": TYPE - 1,
    "ytick.labelsize": TYPE - 1,
    "lines.linewidth": 3.0,
    "lines.markersize": 9.0,
    "text.usetex": False,
    "figure.dpi": 72,
    "savefig.dpi": 144,
    "figure.constrained_layout.w_pad": 0.15,  # inches: a text may be a little wider when drawn than when laid out
    "svg.fonttype": "none",  # text stays text: it can be searched, and edited
    "svg.hashsalt": "diffbench",  # the same figure is the same file
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Look:
    """Colour, marker and line of one backend, in every figure."""

    colour: str
    marker: str = "o"
    dashes: str | tuple[int, tuple[int, ...]] = "-"


LOOKS = {
    "function":         Look(INK,       "",  (0, (1, 1))),
    "manual":           Look("#777777", "s"),
    "forward":          Look("#0077BB", "o"),
    "reverse":          Look("#CC3311", "D"),
    "symbolic":         Look("#009988", "^"),
    "symbolic-product": Look("#66AA55", "v"),
    "symbolic-expanded":   Look("#AA8800", "s"),
    "symbolic-simplified": Look("#117733", "p"),
    "symbolic-graph":   Look("#332288", "o"),
    "symbolic-shared":  Look("#6655AA", "D"),
    "complex-step":     Look("#33BBEE", "P"),
    "finite-forward":   Look("#EE7733", "v"),
    "finite-backward":  Look("#BB5500", "<", (0, (4, 1))),
    "finite-central":   Look("#AA3377", "X"),
    "finite-central-2": Look("#CC6699", "X"),
    "finite-central-4": Look("#AA3377", "p"),
    "finite-central-6": Look("#882255", "h"),
    "finite-central-8": Look("#551133", "8"),
    "autograd":         Look("#999933", "o", (0, (4, 1))),
    "jax":              Look("#332288", "s", (0, (4, 1))),
    "torch":            Look("#EE6677", "D", (0, (4, 1))),
    "casadi":           Look("#117733", "^", (0, (4, 1))),
    "symengine":        Look("#44AA99", "v", (0, (4, 1))),
    "numdifftools":     Look("#DDAA33", "X", (0, (4, 1))),
    "scipy":            Look("#AA4499", "P", (0, (4, 1))),
    "mygrad":           Look("#6699CC", "p", (0, (4, 1))),
}  # fmt: skip

_OTHERS = ("#4477AA", "#228833", "#CCBB44", "#66CCEE", "#AA3377")


def look(name: str) -> Look:
    """The look of a backend; one that we do not know gets a steady look from its name.

    >>> look("reverse").colour
    '#CC3311'
    """
    if name in LOOKS:
        return LOOKS[name]
    number = sum(name.encode())
    return Look(_OTHERS[number % len(_OTHERS)], "o^sDv"[number % 5], (0, (2, 1)))


@contextmanager
def style() -> Iterator[None]:
    """Everything drawn or saved inside has our style, whatever the user's settings are; they come back."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def figure(title: str, xlabel: str, ylabel: str, *, size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; say the units in the labels."""
    fig = Figure(figsize=size, layout="constrained")
    ax = fig.add_subplot()
    ax.set_title(title)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    # Ticks are made late, perhaps outside of the style: their look must not depend on when.
    ax.tick_params(labelsize=TYPE - 1, labelcolor=INK, length=6, width=1.2, color="#666666")
    return fig, ax


def panels(title: str, rows: int, columns: int, *, size: tuple[float, float] = SIZE) -> tuple[Figure, list[Axes]]:
    """A figure of small pictures side by side, row by row, without ticks; `title` stands above all of them."""
    fig = Figure(figsize=size, layout="constrained")
    fig.suptitle(title, x=0.01, ha="left", fontsize=TYPE + 3)
    axes = [fig.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
    return fig, axes


def log_axes(ax: Axes, *, x: bool = True, y: bool = True, base: int = 10) -> None:
    """Logarithmic axes with a tick a decade, or fewer where that would be crowded; `base` is that of x."""
    if x:
        ax.set_xscale("log", base=base)
        ax.xaxis.set_major_locator(LogLocator(base=base, numticks=9))
        if base != 10:
            ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
    if y:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(numticks=8))
        ax.yaxis.set_minor_locator(NullLocator())


def finer(axis: Axis) -> None:
    """Ticks at 1, 2, 5, 10, 20, ... on a logarithmic axis of few decades."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))


def seconds(axis: Axis) -> None:
    """Ticks of an axis in seconds as ns, µs, ms, s."""
    axis.set_major_formatter(EngFormatter(unit="s"))


def line(ax: Axes, x: Any, y: Any, name: str, label: str | None = None, **overrides: Any) -> Line2D:
    """One series in the look of backend `name`; `label_lines` writes the label, or the name, at its end."""
    chosen = look(name)
    settings = {"color": chosen.colour, "marker": chosen.marker, "linestyle": chosen.dashes, **overrides}
    return ax.plot(np.asarray(x, float), np.asarray(y, float), label=name if label is None else label, **settings)[0]


def level(ax: Axes, y: float, name: str, label: str | None = None, **overrides: Any) -> Line2D:
    """A flat line over the whole width, for what does not depend on x."""
    left, right = ax.get_xlim()
    drawn = line(ax, [left, right], [y, y], name, label, marker="", **overrides)
    ax.set_xlim(left, right)
    return drawn


def series(ax: Axes, rows: Any, x: str, y: str, name: str, label: str | None = None, limit: Any = None) -> None:
    """A series of a runner's frame: a line through what was measured, and whether it hit its limit.

    The label then says how far it came; and where `limit` (a number, or a function of x) is given, an open arrow
    head stands at the limit, dotted from the last point: more than this, we do not know how much more.
    """
    ok = rows[(rows.status == "ok") & (rows[y] > 0)].sort_values(x)
    cut = rows[rows.status.isin(["timeout", "out-of-memory"])]
    if not len(ok):
        return
    reached = f", {x} ≤ {ok[x].iloc[-1]}" if len(cut) else ""
    drawn = line(ax, ok[x], ok[y], name, (name if label is None else label) + reached)
    if len(cut) and limit is not None:
        beyond = cut[x].min()
        bound = limit(beyond) if callable(limit) else limit
        tail: dict[str, Any] = {"color": drawn.get_color(), "label": "_"}
        ax.plot([ok[x].iloc[-1], beyond], [ok[y].iloc[-1], bound], linestyle=":", linewidth=2.5, **tail)
        ax.plot([beyond], [bound], marker=CARETUP, markersize=16, fillstyle="none", markeredgewidth=2.5, **tail)


def guide(
    ax: Axes, x: Sequence[float], y: Sequence[float], label: str, at: int = -1, zorder: float = 1, **text: Any
) -> None:
    """A grey line of theory with its label, such as "h²", at one of its ends; the axes keep their limits."""
    limits = ax.get_xlim(), ax.get_ylim()
    ax.plot(x, y, color=GUIDE, linewidth=1.8, linestyle=(0, (6, 3)), zorder=zorder, label="_")
    if label:
        place: dict[str, Any] = {"xytext": (6, 6), "ha": "left", "va": "bottom", **text}
        note = ax.annotate(label, (x[at], y[at]), textcoords="offset points", color="#666666", **place)
        note.set_in_layout(False)
        note.set_path_effects([withStroke(linewidth=4, foreground="white")])  # it may stand among marks
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])


def slope_guide(ax: Axes, slope: float, start: tuple[float, float], end: float, label: str, **text: Any) -> None:
    """The grey line y ~ x^slope from `start` to x = `end`, on logarithmic axes."""
    x = np.array([start[0], end])
    guide(ax, x, start[1] * (x / start[0]) ** slope, label, **text)  # type: ignore[arg-type]


def ring(ax: Axes, x: float, y: float, name: str, label: str) -> None:
    """A ring around one point of a series, for example its best; `label_lines` labels it instead of the line."""
    line(ax, [x], [y], name, label, marker="o", markersize=18, fillstyle="none", markeredgewidth=2.5)


def label_lines(ax: Axes) -> None:
    """Write each line's label beside its right end, moved apart where labels would collide; call it last."""
    _enough_ticks(ax)
    ends = [(one, end) for one in ax.get_lines() if not str(one.get_label()).startswith("_") and (end := _end(one))]
    fig = ax.get_figure(root=True)
    assert fig is not None
    fig.draw_without_rendering()  # the layout decides how high the axes are
    to_axes = ax.transData + ax.transAxes.inverted()
    gap = 1.2 * TYPE * fig.dpi / 72 / ax.get_window_extent().height
    heights = spread([to_axes.transform(end)[1] for _, end in ends], gap)
    for (one, end), height in zip(ends, heights, strict=True):
        leader = {"arrowstyle": "-", "color": one.get_color(), "linewidth": 1.2, "linestyle": ":", "relpos": (0, 0.5)}
        ax.annotate(
            str(one.get_label()), end, (1.03, height), textcoords="axes fraction", color=one.get_color(),
            va="center", annotation_clip=False, arrowprops=leader,
        )  # fmt: skip


def _enough_ticks(ax: Axes) -> None:
    """On a logarithmic y axis of few decades, ticks at 1, 2, 5, 10, 20, ... instead of a tick a decade."""
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log" and high < 1000 * low:
        finer(ax.yaxis)
        if isinstance(ax.yaxis.get_major_formatter(), LogFormatter):
            ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _end(one: Line2D) -> tuple[float, float] | None:
    """The last point of a line that can be seen."""
    assert one.axes is not None
    x, y = (np.asarray(values, float) for values in one.get_data())
    (left, right), (low, high) = one.axes.get_xlim(), one.axes.get_ylim()
    seen = np.flatnonzero((left <= x) & (x <= right) & (low <= y) & (y <= high))
    return (float(x[seen[-1]]), float(y[seen[-1]])) if len(seen) else None


def spread(wanted: Sequence[float], gap: float, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Heights in the same order, at least `gap` apart, in [low, high], as near as can be to the wanted ones.

    >>> spread([0.5, 0.5, 0.9], gap=0.1).round(2)
    array([0.45, 0.55, 0.9 ])
    """
    order = np.argsort(wanted, kind="stable")
    rises = gap * np.arange(len(order))
    ground = nondecreasing(np.asarray(wanted, float)[order] - rises)
    heights = np.empty(len(order))
    heights[order] = np.clip(ground, low, max(low, high - gap * (len(order) - 1))) + rises
    return heights


def nondecreasing(
    wanted: Sequence[float] | np.ndarray, weights: Sequence[float] | np.ndarray | None = None
) -> np.ndarray:
    """The nondecreasing numbers nearest to the wanted ones, in least squares: isotonic regression.

    Neighbours in the wrong order pool to their mean (Ayer, Brunk, Ewing, Reid and Silverman, 1955).

    >>> nondecreasing([1.0, 4.0, 2.0, 5.0])
    array([1., 3., 3., 5.])
    """
    pools: list[list[float]] = []  # each one is [weighted sum, weight, count]
    for value, weight in zip(wanted, np.ones(len(wanted)) if weights is None else weights):
        pools.append([value * weight, weight, 1])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] > pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last)]
    return np.array([total / weight for total, weight, count in pools for _ in range(int(count))])


def save(fig: Figure, stem: str | Path) -> list[Path]:
    """Write `stem`.svg, .pdf and .png and return their paths; the same figure gives the same bytes."""
    paths = [Path(f"{stem}.{suffix}") for suffix in NO_DATE]
    with style():
        fig.draw_without_rendering()
        fig.set_layout_engine("none")  # one layout for all three
        for path, metadata in zip(paths, NO_DATE.values(), strict=True):
            fig.savefig(path, metadata=metadata)
    return paths

"""Pictures of a trace: its computational graph at each step of a sweep, for slides, for beamer, as an animation.

    w = db.trace(f, 2.0, 3.0)
    w.draw("reverse", step=2, seed=(1, 0)).savefig("graph.svg")
    w.frames("reverse", seed=(1, 0), folder="frames")         # frame_00.pdf, frame_01.pdf, ...
    w.animate("reverse.gif", "reverse", seed=(1, 0))

In front is what is computed now; coloured what is done; grey what is still to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.animation import FFMpegWriter, FuncAnimation
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Curve

from diffbench import plotting
from diffbench.errors import ArgumentError, MissingPackage
from diffbench.lecture.draw_scene import BOX, HEAD, MOST_BOXES, SMALL, VALUE, Arrow, Box, Scene, scene
from diffbench.lecture.draw_stages import NAMES, Stage, stages
from diffbench.lecture.draw_text import above, number, pretty, text_width
from diffbench.lecture.mathematics import barred, dotted
from diffbench.lecture.model import WengertList

COLOURS = {mode: plotting.look(mode).colour for mode in ("forward", "reverse")} | {"value": "#117733"}
PENDING = "#9a9a9a"
MARGIN, TITLE, LINE = 0.45, 0.75, 0.46  # inches: around the figure, for the title, for a line below the graph
LARGEST = 24.0  # points, of the type in the boxes
SMALLEST = 9.0  # where type would be smaller, the figure grows instead


@dataclass(frozen=True)
class Sweep:
    """A trace in one mode as a series of pictures, which all have the same places."""

    walk: WengertList
    mode: str
    seed: Any
    most: int

    @cached_property
    def scene(self) -> Scene:
        """The places, the same in every picture."""
        return scene(self.walk.steps, self.most)

    @cached_property
    def shots(self) -> list[list[Stage]]:
        """The stages that each picture adds; those inside of one folded box are one."""
        found = stages(self.walk, self.mode, self.seed)
        boxes = [None if stage.present is None else self.scene.box_of(stage.present) for stage in found]
        together = groupby(zip(boxes, found), key=lambda pair: pair[0])
        return [[stage for _, stage in own] for _, own in together]

    @property
    def inches(self) -> tuple[float, float]:
        """The size of the pictures: a slide, or larger where the type would be too small."""
        below = 2 * MARGIN + TITLE + LINE * (self.most_lines + 1)
        width, height = (
            max(size, SMALLEST / 72 * ems) for size, ems in zip(self.room, (self.scene.width, self.scene.height))
        )
        return width + 2 * MARGIN, height + below

    @cached_property
    def most_lines(self) -> int:
        """The formulas below the graph, at most."""
        return min(3, max(len(shot[-1].lines) for shot in self.shots))

    @property
    def room(self) -> tuple[float, float]:
        """The inches of a slide that the graph may take."""
        width, height = plotting.SIZE
        return width - 2 * MARGIN, height - 2 * MARGIN - TITLE - LINE * (self.most_lines + 1)

    def onto(self, fig: Figure, shot: int) -> None:
        """Draw one picture."""
        width, height = self.inches
        fig.set_size_inches(width, height)
        bottom = MARGIN + LINE * (self.most_lines + 1)
        size = (width - 2 * MARGIN, height - bottom - MARGIN - TITLE)
        em = min(72 * size[0] / self.scene.width, 72 * size[1] / self.scene.height, LARGEST)
        ax = fig.add_axes((MARGIN / width, bottom / height, size[0] / width, size[1] / height))
        ax.set_axis_off()
        wide, high = 72 * size[0] / em, 72 * size[1] / em
        ax.set_xlim((self.scene.width - wide) / 2, (self.scene.width + wide) / 2)
        ax.set_ylim((self.scene.height + high) / 2, (self.scene.height - high) / 2)
        Painter(self, shot, ax, em).paint()
        self._write(fig, shot)

    def _write(self, fig: Figure, shot: int) -> None:
        """The title, what happens, and the formulas."""
        width, height = self.inches
        stage, colour = self.shots[shot][-1], COLOURS[self.mode]
        place = f"step {shot} of {len(self.shots) - 1}"
        left, right = MARGIN / width, 1 - MARGIN / width
        top = 1 - MARGIN / height
        fig.text(
            left,
            top,
            f"{self.walk.name}: {NAMES[self.mode].lower()}",
            size=plotting.TYPE + 3,
            va="top",
            color=plotting.INK,
        )
        note = f"{self.scene.note}    {place}" if self.scene.note else place
        fig.text(right, top, note, size=plotting.TYPE - 2, va="top", ha="right", color="#555555")
        lines = [stage.words, *stage.lines]
        if len(lines) > self.most_lines + 1:
            lines = [*lines[: self.most_lines], f"… and {len(lines) - self.most_lines} more"]
        for k, line in enumerate(lines):
            y = (MARGIN + LINE * (self.most_lines - k + 0.3)) / height
            size = min(plotting.TYPE, 72 * (width - 2 * MARGIN) / max(text_width(line), 1))
            fig.text(left, y, line, size=size, va="center", color=plotting.INK if k == 0 else colour)


class Painter:
    """Puts the boxes and arrows of a scene into axes, as far as a sweep has come."""

    def __init__(self, sweep: Sweep, shot: int, ax: Axes, em: float):
        self.sweep, self.ax, self.em, self.colour = sweep, ax, em, COLOURS[sweep.mode]
        done = [stage for one in sweep.shots[: shot + 1] for stage in one]
        now = sweep.shots[shot]
        self.values = {step for stage in done for step in stage.values}
        self.moved = {step: value for stage in done for step, value in stage.moved.items()}
        self.carried = {term for stage in done for term in stage.carried}
        self.carrying = {term for stage in now for term in stage.carried}
        self.present = {stage.present for stage in now}
        self.finished = {step for stage in done for step in stage.finished}

    def paint(self) -> None:
        """Arrows first, since boxes and labels lie on them."""
        arrows = self.sweep.scene.arrows
        for arrow in arrows:
            self.arrow(arrow)
        for arrow in arrows:
            self.label(arrow)
        for box in self.sweep.scene.boxes:
            self.box(box)

    def text(self, x: float, y: float, text: str, colour: str, small: bool = True, **more: Any) -> None:
        """Text in the middle of a place."""
        size = self.em * (SMALL if small else 1)
        self.ax.text(x, y, text, size=size, ha="center", va="center_baseline", color=colour, **more)

    def arrow(self, arrow: Arrow) -> None:
        """The curve and its head, at the end to which a number has gone along it."""
        now, done = self.carrying.intersection(arrow.terms), self.carried.intersection(arrow.terms)
        colour, width = self.colour if done else PENDING, 0.17 if now else 0.09
        points, (tip, (x, y)) = arrow.pointing(to_parent=bool(done) and self.sweep.mode == "reverse")
        codes = [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)]
        self.ax.add_patch(PathPatch(Curve(points, codes), fill=False, edgecolor=colour, linewidth=width * self.em))
        half = HEAD * (0.62 if now else 0.45)
        self.ax.add_patch(Polygon([tip, (x, y - half), (x, y + half)], facecolor=colour, edgecolor="none"))

    def label(self, arrow: Arrow) -> None:
        """The local partial; its number comes with the value of the step."""
        if arrow.label:
            done = self.carried.intersection(arrow.terms)
            known = self.sweep.mode == "reverse" or done
            text = arrow.label if known else arrow.label.partition("=")[0].rstrip()
            white = {"facecolor": "white", "edgecolor": "none", "pad": 0.12 * self.em}
            self.text(*arrow.at, text, self.colour if done else "#555555", linespacing=1.05, bbox=white)

    def box(self, box: Box) -> None:
        """The box, the primal above it, the tangent or adjoint below."""
        steps, last = self.sweep.walk.steps, box.fold.last
        members = range(box.fold.first, last + 1)
        now, done = self.present.intersection(members), self.finished.intersection(members)
        face = self.colour if now else tint(self.colour, 0.82) if done else "white"
        ink = "white" if now else plotting.INK if done else "#555555"
        self.ax.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2, box.y - BOX / 2), box.width, BOX, boxstyle="round,pad=0,rounding_size=0.45",
                facecolor=face, edgecolor=self.colour if now or done else PENDING, linewidth=0.09 * self.em,
                linestyle=(0, (3, 2)) if box.again else "-", clip_on=False,
            )
        )  # fmt: skip
        self.text(box.x, box.y, box.text, ink, small=False)
        if box.again:
            return
        if last in self.values:
            self.text(box.x, box.y - BOX / 2 - VALUE / 2, above(steps, box.fold), plotting.INK)
        if last in self.moved:
            name = pretty((dotted if self.sweep.mode == "forward" else barred)(steps[last].name))
            text = f"{name} = {number(self.moved[last])}"
            self.text(box.x, box.y + BOX / 2 + VALUE / 2, text, self.colour, weight="bold" if now else "normal")


def tint(colour: str, white: float) -> str:
    """A colour mixed with white."""
    red, green, blue = ((1 - white) * part + white for part in to_rgb(colour))
    return to_hex((red, green, blue))


# -------------------------------------------------------------------------------------------- what a trace offers


def draw(
    walk: WengertList, mode: str = "reverse", step: int | None = None, seed: Any = None, most: int = MOST_BOXES
) -> Figure:
    """The computational graph of a trace as a matplotlib figure; see `WengertList.draw`."""
    sweep = Sweep(walk, mode, seed, most)
    last = len(sweep.shots) - 1
    shot = last if step is None else step + last + 1 if step < 0 else step
    if not 0 <= shot <= last:
        raise ArgumentError(
            f"trace: there is no step {step} of {NAMES[mode].lower()} for {walk.name}",
            hint=f"0 is the start, {last} the end",
        )
    return _pictures(sweep, [shot])[0]


def frames(
    walk: WengertList,
    mode: str = "reverse",
    seed: Any = None,
    folder: str | Path | None = None,
    suffix: str = "pdf",
    most: int = MOST_BOXES,
) -> list[Figure] | list[Path]:
    """All steps of a sweep, as figures or as files; see `WengertList.frames`."""
    sweep = Sweep(walk, mode, seed, most)
    figures = _pictures(sweep, range(len(sweep.shots)))
    if folder is None:
        return figures
    if suffix not in plotting.NO_DATE:
        raise ArgumentError(
            f"trace: frames cannot be written as {suffix!r}", hint=f"use one of {', '.join(plotting.NO_DATE)}"
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    digits = max(2, len(str(len(figures) - 1)))
    paths = [Path(folder, f"frame_{k:0{digits}}.{suffix}") for k in range(len(figures))]
    with plotting.style(), matplotlib.rc_context({"pdf.fonttype": 3}):  # ten times as fast as to subset TrueType
        for figure, path in zip(figures, paths):
            figure.savefig(path, metadata=plotting.NO_DATE[suffix])
    return paths


def animate(
    walk: WengertList,
    path: str | Path,
    mode: str = "reverse",
    seed: Any = None,
    seconds: float = 2.0,
    most: int = MOST_BOXES,
) -> Path:
    """A sweep as a film; see `WengertList.animate`."""
    path = Path(path)
    if path.suffix not in (".gif", ".mp4", ".html"):
        raise ArgumentError(
            f"trace: cannot animate into {path.name!r}", hint="name a file that ends in .gif, .mp4 or .html"
        )
    if path.suffix == ".mp4" and not FFMpegWriter.isAvailable():
        raise MissingPackage(
            "trace: an MP4 needs the program ffmpeg, which is not on this machine",
            hint="install it (Debian: apt-get install ffmpeg), or name a file that ends in .gif or .html",
        )
    sweep, figure = Sweep(walk, mode, seed, most), Figure(dpi=96)

    def show(shot: int) -> None:
        figure.clear()
        sweep.onto(figure, shot)

    with plotting.style():
        show(0)
        film = FuncAnimation(figure, show, frames=len(sweep.shots), init_func=lambda: None, interval=1000 * seconds)
        if path.suffix == ".html":
            path.write_text(film.to_jshtml(), encoding="utf-8")
        else:
            film.save(path, writer="pillow" if path.suffix == ".gif" else "ffmpeg", dpi=96)
    return path


def _pictures(sweep: Sweep, shots: Sequence[int]) -> list[Figure]:
    """Some pictures of a sweep."""
    figures = []
    with plotting.style():
        for shot in shots:
            figures.append(Figure())
            sweep.onto(figures[-1], shot)
    return figures

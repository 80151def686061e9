"""The computational graph as boxes, arrows and labels with places: what the figures and the page both draw.

Lengths are in ems, the size of the type in the boxes; x runs to the right, y downwards. A box has the primal above it
and the tangent or adjoint below; an arrow runs from an operand to what is computed from it, with the local partial. A
deep graph is broken into bands, as text is into lines; what a band takes from those above it is drawn there again.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from diffbench.lecture.draw_fold import Fold, folded
from diffbench.lecture.draw_layout import Layout, layered
from diffbench.lecture.draw_text import above, in_box, on_arrow, text_width
from diffbench.lecture.model import Step

MOST_BOXES = 60
BOX = 1.9  # height of a box
VALUE = 1.35  # height of the line above it, and of the line below
ROW = BOX + 2 * VALUE + 0.5
PASSING = 1.1  # between arrows that pass a column
NUMBER = 6.2  # room for "v̄₁₂ = −1.2346e−05" above and below a box
SMALL = 0.85  # the type of numbers and labels
LABEL = 1.15  # height of a line of a label
HEAD = 0.62  # length of the head of an arrow
ROOMY = 0.8  # of full size: small enough to be read, large enough to look no further
MOST_BANDS = 6
SLIDE = 44.0, 17.0  # ems of the area to be filled, where type is as large as on all slides

Point = tuple[float, float]
Terms = tuple[tuple[int, int], ...]  # (child step, which of its partials)
Link = tuple[int, int, Terms]  # from box to box


@dataclass(frozen=True)
class Box:
    """A step of the program, or a run of steps folded into one; `again` where an earlier band has it already."""

    fold: Fold
    text: str
    x: float
    y: float
    width: float
    again: bool = False


@dataclass(frozen=True)
class Arrow:
    """From the box of an operand to that of what is computed from it; `points` are those of cubic Bézier curves."""

    parent: int
    child: int
    terms: Terms
    points: list[Point]
    label: str
    at: Point

    def pointing(self, to_parent: bool) -> tuple[list[Point], tuple[Point, Point]]:
        """The curve, and its head at the child or at the parent: the tip and the middle of the base."""
        points = list(self.points)
        if to_parent:
            x, y = points[0]
            points[0], points[-1] = (x + HEAD, y), (points[-1][0] + HEAD, points[-1][1])
            return points, ((x, y), (x + HEAD, y))
        x, y = points[-1]
        return points, ((x + HEAD, y), (x, y))


@dataclass(frozen=True)
class Scene:
    """A graph with places. The first boxes stand for all steps, in order; `note` says what is folded."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: float
    height: float
    note: str = ""

    def box_of(self, step: int) -> int:
        """The number of the box that stands for a step."""
        return bisect_right(self.boxes, step, hi=self.first_time, key=lambda box: box.fold.first) - 1

    @cached_property
    def first_time(self) -> int:
        """How many boxes are drawn for the first time."""
        return sum(not box.again for box in self.boxes)

    def room(self, area: tuple[float, float]) -> float:
        """How large an em may be where the area is so wide and high."""
        return min(area[0] / self.width, area[1] / self.height)


def scene(steps: Sequence[Step], most: int = MOST_BOXES, area: tuple[float, float] = SLIDE) -> Scene:
    """Boxes and arrows for the steps of a trace, at most `most` boxes, in bands that let them be large in `area`."""
    folds = folded(steps, most)
    links = _links(steps, folds)
    depth = [0] * len(folds)
    for parent, child, _ in links:
        depth[child] = max(depth[child], depth[parent] + 1)
    first_use = {parent: depth[child] for parent, child, _ in sorted(links, key=lambda link: -depth[link[1]])}
    starts = {child for _, child, _ in links}.symmetric_difference(range(len(folds)))
    for i in starts & first_use.keys():  # an input stands in the band that needs it first
        depth[i] = first_use[i] - 1
    best = None
    bands: dict[int, list[Band]] = {}  # by their number
    for narrow in (False, True):
        for count in range(1, min(max(1, max(depth) // 2), MOST_BANDS) + 1):
            if best and best.room(area) >= ROOMY:
                break
            if count not in bands:
                cuts = [round(k * (max(depth) + 1) / count) for k in range(count + 1)]
                bands[count] = [_band(links, depth, range(a, b)) for a, b in pairwise(cuts)]
            found = _stacked([_placed(band, steps, folds, narrow) for band in bands[count]])
            best = max(best or found, found, key=lambda scene: scene.room(area))
    assert best is not None
    note = f"{len(steps)} steps as {len(folds)} boxes" if len(folds) < len(steps) else ""
    return replace(best, arrows=_labelled(best.arrows, best.boxes), note=note)


def _links(steps: Sequence[Step], folds: Sequence[Fold]) -> list[Link]:
    """What depends on what: a link for each operand of a step; one in all between two boxes if either is folded."""
    owner = [i for i, fold in enumerate(folds) for _ in range(fold.first, fold.last + 1)]
    links: list[Link] = []
    together: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for step in steps:
        for position, partial in enumerate(step.partials):
            ends = owner[partial.parent], owner[step.index]
            if ends[0] != ends[1] and any(folds[end].words for end in ends):
                together[ends].append((step.index, position))
            elif ends[0] != ends[1]:
                links.append((*ends, ((step.index, position),)))
    links += [(*ends, tuple(terms)) for ends, terms in together.items()]
    return sorted(links, key=lambda link: (link[1], link[2]))


# ------------------------------------------------------------------------------------------------------------- bands


@dataclass(frozen=True)
class Band:
    """The folds of some depths and, before them, those that they depend on; links between them by their place here."""

    members: list[int]
    before: int
    links: list[Link]
    layout: Layout


def _band(links: Sequence[Link], depth: Sequence[int], columns: range) -> Band:
    """The folds of the given depths."""
    links = [link for link in links if depth[link[1]] in columns]
    own = [i for i, column in enumerate(depth) if column in columns]
    before = sorted({parent for parent, _, _ in links} - set(own))
    members = before + own  # parents come before their children
    place = {i: k for k, i in enumerate(members)}
    links = [(place[parent], place[child], terms) for parent, child, terms in links]
    layout = layered([[u for u, v, _ in links if v == k] for k in range(len(members))], ROW, PASSING)
    return Band(members, len(before), links, layout)


def _placed(band: Band, steps: Sequence[Step], folds: Sequence[Fold], narrow: bool) -> Scene:
    """A band from (0, 0) to the right and downwards."""
    layout, own = band.layout, [folds[i] for i in band.members]
    again = [k < band.before for k in range(len(own))]
    texts = [in_box(steps, fold, short) for fold, short in zip(own, again)]
    labels = [on_arrow(steps, own[child], terms, narrow) for _, child, terms in band.links]
    said = [(*link[:2], label) for link, label in zip(band.links, labels)]
    labels = ["" if one in said[:k] else label for k, (one, label) in enumerate(zip(said, labels))]  # v * v: one label
    values = [0.0 if known else max(NUMBER, SMALL * text_width(above(steps, fold))) for fold, known in zip(own, again)]
    lefts, widths = _columns(layout, texts, values, [(link[1], label) for link, label in zip(band.links, labels)])
    heights = [*layout.heights, *(y for ys in layout.waypoints.values() for y in ys)]
    top = min(heights) - ROW / 2
    boxes = []
    for fold, text, column, height, known in zip(own, texts, layout.columns, layout.heights, again):
        boxes.append(Box(fold, text, lefts[column] + widths[column] / 2, height - top, _box_width(text), known))
    routes = _routes(band.links, boxes, layout, lefts, widths, top, LABEL * (1.5 if narrow else 1))
    arrows = [Arrow(*link, route, label, route[0]) for link, route, label in zip(band.links, routes, labels)]
    return Scene(boxes, arrows, lefts[-1] + widths[-1], max(heights) - min(heights) + ROW)


def _stacked(bands: Sequence[Scene]) -> Scene:
    """Bands one below the other; the boxes that are drawn for the first time come first, in the order of the steps."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    top, width = 0.0, max(band.width for band in bands)
    for band in bands:
        here = len(boxes)
        boxes += [replace(box, y=box.y + top) for box in band.boxes]
        arrows += [
            replace(
                arrow, parent=arrow.parent + here, child=arrow.child + here, at=(arrow.at[0], arrow.at[1] + top),
                points=[(x, y + top) for x, y in arrow.points],
            )
            for arrow in band.arrows
        ]  # fmt: skip
        top += band.height + ROW / 4
    order = sorted(range(len(boxes)), key=lambda i: (boxes[i].again, boxes[i].fold.first))
    rank = {i: k for k, i in enumerate(order)}
    arrows = [replace(arrow, parent=rank[arrow.parent], child=rank[arrow.child]) for arrow in arrows]
    return Scene([boxes[i] for i in order], arrows, width, top - ROW / 4)


# ------------------------------------------------------------------------------------------------------------ places


def _box_width(text: str) -> float:
    return max(text_width(text) + 1.1, 2.4)


def _columns(
    layout: Layout, texts: Sequence[str], values: Sequence[float], labels: Sequence[tuple[int, str]]
) -> tuple[list[float], list[float]]:
    """The left ends and the widths of the columns, with room between them for the labels of the arrows."""
    count = max(layout.columns) + 1
    widths, before = [0.0] * count, [0.0] * count
    for column, text, value in zip(layout.columns, texts, values):
        widths[column] = max(widths[column], _box_width(text), value)
    for child, label in labels:
        column = layout.columns[child]
        before[column] = max(before[column], SMALL * text_width(label) + 2.4, 3.6)
    lefts = [sum(before[: k + 1]) + sum(widths[:k]) for k in range(count)]
    return lefts, widths


def _routes(
    links: Sequence[Link],
    boxes: Sequence[Box],
    layout: Layout,
    lefts: Sequence[float],
    widths: Sequence[float],
    top: float,
    apart: float,
) -> list[list[Point]]:
    """The curve of each arrow; those that share a box leave or reach it side by side, without crossing there."""
    ways: list[list[tuple[float, float, float]]] = []  # of each arrow: its places as left, right, height
    pairs = [link[:2] for link in links]
    for number, (parent, child) in enumerate(pairs):
        first, last, passed = boxes[parent], boxes[child], layout.columns[parent] + 1
        way = [(first.x, first.x + first.width / 2, first.y)]
        way += [
            (lefts[k], lefts[k] + widths[k], y - top) for k, y in enumerate(layout.waypoints[parent, child], passed)
        ]
        way.append((last.x - last.width / 2 - HEAD, last.x, last.y))
        if (twins := pairs.count((parent, child))) > 1:  # they bow apart
            middle, bow = (way[-2][1] + way[-1][0]) / 2, pairs[:number].count((parent, child)) - (twins - 1) / 2
            way.insert(-1, (middle, middle, (way[-2][2] + way[-1][2]) / 2 + apart * bow))
        ways.append(way)
    leaving = _ports([(link[0], way[1][2]) for link, way in zip(links, ways)])
    reaching = _ports([(link[1], way[-2][2]) for link, way in zip(links, ways)])
    routes = []
    for way, start, end in zip(ways, leaving, reaching):
        way[0] = (*way[0][:2], way[0][2] + start)
        way[-1] = (*way[-1][:2], way[-1][2] + end)
        points = [(way[0][1], way[0][2])]
        for (_, x0, y0), (x1, _, y1) in pairwise(way):
            if points[-1][0] < x0:
                points += [points[-1], (x0, y0), (x0, y0)]  # straight through a column
            bend = (x1 - x0) / 2
            points += [(x0 + bend, y0), (x1 - bend, y1), (x1, y1)]
        routes.append(points)
    return routes


def _ports(ends: Sequence[tuple[int, float]]) -> list[float]:
    """How far off the middle of a box each arrow starts or ends, given the box and the height it comes from."""
    offsets = [0.0] * len(ends)
    for box in {box for box, _ in ends}:
        own = sorted((i for i, end in enumerate(ends) if end[0] == box), key=lambda i: ends[i][1])
        apart = min(0.62, (BOX - 0.7) / max(1, len(own) - 1))
        for place, i in enumerate(own):
            offsets[i] = (place - (len(own) - 1) / 2) * apart
    return offsets


# ------------------------------------------------------------------------------------------------- labels of arrows


def _labelled(arrows: Sequence[Arrow], boxes: Sequence[Box]) -> list[Arrow]:
    """The arrows with their labels on the last curve, near its middle, clear of boxes, other arrows and labels."""
    places = np.array((0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.15, 0.0))
    taken = [(box.x, box.y, *((box.width, BOX) if box.again else (NUMBER, BOX + 2 * VALUE))) for box in boxes]
    taken += [(box.x, box.y, box.width, BOX) for box in boxes]
    taken += [(arrow.points[-1][0] + HEAD / 2, arrow.points[-1][1], HEAD, HEAD) for arrow in arrows]
    traces = np.array([_on_last_curve(arrow, np.linspace(0, 1, 21)) for arrow in arrows])
    placed = []
    for i, arrow in enumerate(arrows):
        size = np.array([SMALL * text_width(arrow.label) + 0.4, LABEL * (1 + arrow.label.count("\n"))])
        twins = [
            other for other in arrows if arrow.label and (other.parent, other.child) == (arrow.parent, arrow.child)
        ]
        between = [other for other in twins if other is arrow or not other.label] or [arrow]
        choices = np.mean([_on_last_curve(other, places) for other in between], axis=0)
        around = np.array(taken)
        overlap = (size + around[:, 2:]) / 2 - np.abs(choices[:, None] - around[:, :2])
        covered = np.prod(np.maximum(overlap, 0), axis=-1).sum(axis=-1)
        others = np.delete(traces, i, axis=0).reshape(-1, 2)
        crossed = np.all(np.abs(choices[:, None] - others) < size / 2, axis=-1).sum(axis=-1)
        x, y = choices[np.argmin(10 * covered + crossed + np.abs(places - 0.5))].tolist()
        if arrow.label:
            taken.append((x, y, *size))
        placed.append(replace(arrow, at=(x, y)))
    return placed


def _on_last_curve(arrow: Arrow, t: np.ndarray) -> np.ndarray:
    """The points at t in [0, 1] of the last curve of an arrow."""
    a, b, c, d = np.array(arrow.points[-4:])
    t = t[:, None]
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d

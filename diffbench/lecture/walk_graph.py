"""The scene of a trace as SVG for the page: places come from here, colours and numbers from the page."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from diffbench.lecture.draw_scene import BOX, HEAD, LABEL, SMALL, VALUE, Arrow, Box, Point, Scene
from diffbench.lecture.draw_text import text_width

AROUND = 0.5  # ems of free space around the graph


def svg(scene: Scene, title: str) -> str:
    """An `svg` element, one unit an em. Text is escaped.

    Boxes know the steps they stand for (data-first, data-last), arrows their (child, which of its partials) as
    data-terms="3:0 3:1".
    """
    size = (scene.width + 2 * AROUND, scene.height + 2 * AROUND)
    view = f"{-AROUND} {-AROUND} {size[0]:.2f} {size[1]:.2f}"
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": view, "role": "img", "font-size": "1"})
    root.set("aria-labelledby", "graph-title")
    SubElement(root, "title", id="graph-title").text = title
    for arrow in scene.arrows:
        _arrow(root, arrow)
    for box in scene.boxes:
        _box(root, box)
    return tostring(root, encoding="unicode")


def _text(parent: Element, kind: str, x: float, y: float, text: str = "") -> None:
    SubElement(parent, "text", {"class": kind, "x": f"{x:.2f}", "y": f"{y:.2f}"}).text = text


def _arrow(root: Element, arrow: Arrow) -> None:
    """The curve with its head at the child, and at the parent, of which the page shows one; and the local partial,
    in symbols as long as its number is not known.
    """
    terms = " ".join(f"{child}:{k}" for child, k in arrow.terms)
    group = SubElement(root, "g", {"class": "arrow", "data-terms": terms})
    for kind, backwards in (("to-child", False), ("to-parent", True)):
        points, (tip, (x, y)) = arrow.pointing(backwards)
        start, *others = map(_pair, points)
        SubElement(group, "path", {"class": kind, "d": f"M{start} C{' '.join(others)}"})
        corners = (tip, (x, y - HEAD * 0.45), (x, y + HEAD * 0.45))
        SubElement(group, "polygon", {"class": kind, "points": " ".join(map(_pair, corners))})
    symbols, equals, _ = arrow.label.partition("=")
    if equals:
        _label(group, "label early", arrow.at, [symbols.strip()])
    if arrow.label:
        _label(group, "label full" if equals else "label", arrow.at, arrow.label.split("\n"))


def _label(group: Element, kind: str, at: Point, lines: Sequence[str]) -> None:
    """Lines of text on a ground that hides the curve."""
    (x, y), height = at, LABEL * len(lines)
    width = SMALL * max(map(text_width, lines)) + 0.3
    label = SubElement(group, "g", {"class": kind})
    place = {"x": f"{x - width / 2:.2f}", "y": f"{y - height / 2:.2f}"}
    SubElement(label, "rect", {**place, "width": f"{width:.2f}", "height": f"{height:.2f}"})
    for k, line in enumerate(lines):
        _text(label, "small", x, y + LABEL * (k - (len(lines) - 1) / 2), line)


def _pair(point: Point) -> str:
    return f"{point[0]:.2f},{point[1]:.2f}"


def _box(root: Element, box: Box) -> None:
    """The box, its text, and empty texts for the numbers above and below."""
    kind = "box again" if box.again else "box"
    group = SubElement(root, "g", {"class": kind, "data-first": str(box.fold.first), "data-last": str(box.fold.last)})
    corner = {"x": f"{box.x - box.width / 2:.2f}", "y": f"{box.y - BOX / 2:.2f}", "rx": "0.45"}
    SubElement(group, "rect", {**corner, "width": f"{box.width:.2f}", "height": f"{BOX}"})
    _text(group, "name", box.x, box.y, box.text)
    if not box.again:
        _text(group, "small above", box.x, box.y - BOX / 2 - VALUE / 2)
        _text(group, "small below", box.x, box.y + BOX / 2 + VALUE / 2)

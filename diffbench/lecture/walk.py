"""The walk-through page: one HTML file that steps through a trace, forward and backward, and needs nothing else.

What is computed when, and in which words, draw_stages.py says; where it stands in the graph, draw_scene.py. Here it
becomes data for the page (page/walk.html, .css, .js). Text of the user's comes into the page as data, as escaped text
of the graph, or escaped in the title; and the page forbids every script but its own, by the hash of that.
"""

import ast
import base64
import hashlib
import html
import inspect
import json
import linecache
import textwrap
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from diffbench.errors import ArgumentError
from diffbench.lecture.draw_scene import scene
from diffbench.lecture.draw_stages import Stage, stages, value_stages
from diffbench.lecture.draw_text import number, pretty
from diffbench.lecture.mathematics import barred, dotted
from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.walk_graph import svg
from diffbench.structure import Structure

MOST_STEPS = 3000
MOST_BOXES = 60
MOST_SEEDS = 12
MOST_ENTRIES = 1000  # of an array whose full precision the page holds
AREA = 62.0, 24.0  # ems of the page that the graph may take


def page(walk: WengertList, tangents: Iterable | None = None, cotangents: Iterable | None = None) -> str:
    """The page as text; see `WengertList.to_html`."""
    if len(walk.steps) > MOST_STEPS:
        raise ArgumentError(
            f"trace: {walk.name} takes {len(walk.steps)} steps, a page shows at most {MOST_STEPS}",
            hint="trace it at a smaller example, or with fewer passes of its loops",
        )
    sweeps = [_sweep("value", "", value_stages(walk))]
    for mode, seeds in (("forward", _tangents(walk, tangents)), ("reverse", _cotangents(walk, cotangents))):
        sweeps += [_sweep(mode, label, _with_values(walk, mode, seed)) for label, seed in seeds]
    programs, places = _programs(walk)
    data = {
        "steps": [_step(walk, step, place) for step, place in zip(walk.steps, places)],
        "programs": programs,
        "sweeps": sweeps,
    }
    graph = scene(walk.steps, MOST_BOXES, AREA)
    assets = files("diffbench.lecture") / "page"
    style, script = ((assets / f"walk.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    note = f"The graph shows {graph.note}: loops and repeated blocks are folded." if graph.note else ""
    return Template((assets / "walk.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(walk.name),
        point=html.escape(_point(walk)),
        graph=svg(graph, f"Computational graph of {walk.name}; the list of all steps says the same in words"),
        data=_embedded(data),
        note=note,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _point(walk: WengertList) -> str:
    shown = [f"{pretty(walk.steps[i].name)} = {number(walk.steps[i].value)}" for i in walk.inputs[:MOST_SEEDS]]
    return "at " + ", ".join(shown) + (", …" if len(walk.inputs) > len(shown) else "")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(data: Any) -> str:
    """JSON that nothing in it can lead out of its script element: no <, no >, no & as such.

    >>> _embedded("</script><!--")
    '"\\\\u003c/script\\\\u003e\\\\u003c!--"'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


# -------------------------------------------------------------------------------------------------------------- seeds


def _tangents(walk: WengertList, given: Iterable | None) -> list[tuple[str, Any]]:
    """Seeds of forward mode with their names: those given, or the unit directions, or all ones where they are many."""
    if given is not None:
        return [(f"direction {k}", seed) for k, seed in enumerate(given, 1)]
    structures, places = walk.function.structures, walk.inputs

    def looks_like_arguments(leaves: Sequence) -> Any:
        rest = iter(leaves)
        parts = tuple(structure.rebuild(rest) for structure in structures)
        return parts if len(parts) > 1 else parts[0]

    return [(f"in {name}", looks_like_arguments(leaves)) for name, leaves in _units(walk, places)]


def _cotangents(walk: WengertList, given: Iterable | None) -> list[tuple[str, Any]]:
    """Seeds of reverse mode with their names, likewise."""
    if given is not None:
        return [(f"weights {k}", seed) for k, seed in enumerate(given, 1)]
    structure: Structure = walk.function.result_structure
    return [(f"of {name}", structure.rebuild(iter(leaves))) for name, leaves in _units(walk, walk.results)]


def _units(walk: WengertList, places: Sequence[int]) -> list[tuple[str, list]]:
    """One unit vector for each number at some places, as leaves; or all ones at once where they are many."""
    values = [np.asarray(walk.steps[place].value, dtype=float) for place in places]
    if sum(value.size for value in values) > MOST_SEEDS:
        return [("all together", [np.ones_like(value)[()] for value in values])]
    found = []
    for k, place in enumerate(places):
        for index in np.ndindex(values[k].shape):
            leaves = [np.zeros_like(value) for value in values]
            leaves[k][index] = 1.0
            entry = f"[{', '.join(map(str, index))}]" if index else ""
            found.append((pretty(walk.steps[place].name) + entry, [leaf[()] for leaf in leaves]))
    return found


# --------------------------------------------------------------------------------------------------------------- data


def _with_values(walk: WengertList, mode: str, seed: Any) -> list[Stage]:
    """The stages of a sweep; before those of reverse mode, the values come one by one."""
    found = stages(walk, mode, seed)
    if mode == "forward":
        return found
    before = [Stage(one.present, one.words, one.lines, one.values) for one in value_stages(walk)]
    return before + found


def _sweep(mode: str, label: str, found: Sequence[Stage]) -> dict:
    return {
        "mode": mode,
        "label": label,
        "stages": [
            {
                "present": stage.present,
                "words": stage.words,
                "lines": stage.lines,
                "values": list(stage.values),
                "moved": [[step, _number(value)] for step, value in stage.moved.items()],
                "carried": [f"{child}:{k}" for child, k in stage.carried],
                "finished": list(stage.finished),
            }
            for stage in found
        ],
    }


def _step(walk: WengertList, step: Step, place: str | None) -> dict:
    return {
        "name": pretty(step.name),
        "forward": pretty(dotted(step.name)),
        "reverse": pretty(barred(step.name)),
        "formula": pretty(step.formula),
        "value": _number(step.value),
        "partials": [
            {
                "parent": pretty(walk.steps[partial.parent].name),
                "text": pretty(partial.text),
                "value": None if partial.value is None else _number(partial.value),
            }
            for partial in step.partials
        ],
        "where": place,
    }


def _number(value: Any) -> dict[str, str]:
    """A number rounded, and with all its digits."""
    entries = np.asarray(value)
    if entries.size > MOST_ENTRIES:
        return {"text": number(value), "full": f"{number(value)}, {entries.size} numbers"}
    return {"text": number(value), "full": str(entries.tolist())}


# ------------------------------------------------------------------------------------------------------------- source


def _programs(walk: WengertList) -> tuple[list[dict], list[str | None]]:
    """The functions that the steps come from, f first, and the place of each step in them as "program:line"."""
    found = [of_f] if (of_f := _program_of(walk.f)) else []
    places: list[str | None] = []
    for step in walk.steps:
        place = None
        if where := step.where:
            known = [k for k, program in enumerate(found) if _holds(program, where.file, where.line)]
            if not known and (around := _program_around(where.file, where.line)):
                known = [len(found)]
                found.append(around)
            place = f"{known[0]}:{where.line}" if known else None
        places.append(place)
    return [program for _, program in found], places


Program = tuple[str, dict[str, Any]]  # the file; its name, the number of the first line, the lines


def _holds(program: Program, file: str, line: int) -> bool:
    return file == program[0] and 0 <= line - program[1]["first"] < len(program[1]["lines"])


def _program(file: str, name: str, lines: Sequence[str], first: int) -> Program:
    text = textwrap.dedent("".join(lines)).rstrip()
    return file, {"name": f"{name} ({Path(file).name})", "first": first, "lines": text.split("\n")}


def _program_of(f: Callable) -> Program | None:
    """The text of a function, where there is one."""
    try:
        lines, first = inspect.getsourcelines(f)
        return _program(f.__code__.co_filename, f.__name__, lines, first)
    except (OSError, TypeError, AttributeError):
        return None


def _program_around(file: str, line: int) -> Program | None:
    """The function that a line of a file is in, the innermost; or the line alone, outside of functions."""
    lines = linecache.getlines(file)
    if not lines:
        return None
    try:
        nodes = list(ast.walk(ast.parse("".join(lines))))
    except SyntaxError:
        nodes = []
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and _spans(node, line)]
    if not functions:
        return _program(file, f"line {line}", lines[line - 1 : line], line)
    inner = max(functions, key=lambda node: node.lineno)
    return _program(file, inner.name, lines[inner.lineno - 1 : inner.end_lineno], inner.lineno)


def _spans(node: ast.FunctionDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)

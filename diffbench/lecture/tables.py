"""The tables of a trace: primals, tangents beside them, adjoints in the order of the backward pass.

Each is a DataFrame of plain numbers and texts, which also writes itself as Markdown, LaTeX and HTML.
"""

import html
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from diffbench.errors import UnsupportedVerb
from diffbench.lecture.code import adjoint_code
from diffbench.lecture.formulas import index_text
from diffbench.lecture.mathematics import barred, dotted, escaped, latex, number
from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.sweeps import added, forward_steps, reverse_steps
from diffbench.primitives.structural import INDEX, PIECE

MOST = 60
"""Rows that a written table shows; of longer ones it shows the beginning and the end, and says what lies between."""
HEAD = 4  # entries of an array that a cell shows
NUMBERS = {"value", "tangent", "adjoint", "message", "so far", "∂ value", "operations", "ratio", "bound"}
FORMULAS = {"step", "node", "args", "parents", "formula", "∂", "tangent formula", "parent", "message formula"}


class StepTable(pd.DataFrame):
    """A table of steps. The frame is whole, with every number as it is; written, it is short enough to be read."""

    caption: str
    lines: dict  # row -> line of the user's code
    _metadata: ClassVar[list[str]] = ["caption", "lines"]

    @property
    def _constructor(self) -> type:
        return StepTable

    def to_markdown(self, digits: int = 6, most: int = MOST) -> str:  # type: ignore[override]
        """A table in GitHub's Markdown.

        digits : significant digits of a number.       most : rows; more are folded.
        """
        head, rows, _ = self._cells(digits, most)
        lines = [head, ["---"] * len(head), *rows]
        return "".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |\n" for line in lines)

    def to_text(self, digits: int = 6, most: int = MOST) -> str:
        """Columns of plain text, for a terminal."""
        head, rows, notes = self._cells(digits, most)
        plain = [row for k, row in enumerate(rows) if k not in notes]
        widths = [max(map(width, column)) for column in zip(head, *plain)]
        lines = []
        for k, row in enumerate([head, *rows]):
            if k - 1 in notes:
                lines.append(row[0])
                continue
            cells = [
                " " * (size - width(text)) + text if name in NUMBERS else text + " " * (size - width(text))
                for name, text, size in zip(head, row, widths)
            ]
            lines.append("  ".join(cells).rstrip())
        return f"{self.caption}\n\n" + "\n".join(lines) + "\n"

    def to_latex(self, digits: int = 6, most: int = MOST) -> str:  # type: ignore[override]
        r"""A `tabular` with the rules of booktabs, to be \input; the document needs the packages booktabs and amsmath.

        digits : significant digits of a number.       most : rows; more are folded.
        """
        head, rows, notes = self._cells(digits, most)
        lines = [
            rf"\begin{{tabular}}{{@{{}}{''.join('r' if name in NUMBERS else 'l' for name in head)}@{{}}}}",
            r"\toprule",
            " & ".join("$\\partial$" + name[1:] if name.startswith("∂") else escaped(name) for name in head) + r" \\",
            r"\midrule",
        ]
        for k, row in enumerate(rows):
            if k in notes:
                lines.append(rf"\multicolumn{{{len(head)}}}{{@{{}}l@{{}}}}{{{escaped(row[0])}}} \\")
            else:
                lines.append(" & ".join(_latex_cell(name, text) for name, text in zip(head, row)) + r" \\")
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"

    def to_html(self, digits: int = 6, most: int = MOST) -> str:  # type: ignore[override]
        """A `table` element; text of the user's is escaped."""
        head, rows, notes = self._cells(digits, most)
        titles = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
        lines = [f"<table class='diffbench'><caption>{html.escape(self.caption)}</caption>", f"<tr>{titles}</tr>"]
        for k, row in enumerate(rows):
            if k in notes:
                lines.append(f'<tr><td colspan="{len(head)}"><i>{html.escape(row[0])}</i></td></tr>')
            else:
                cells = [
                    f'<td style="text-align:right">{html.escape(text)}</td>'
                    if name in NUMBERS
                    else f'<td style="text-align:left">{html.escape(text)}</td>'
                    for name, text in zip(head, row)
                ]
                lines.append(f"<tr>{''.join(cells)}</tr>")
        return "\n".join([*lines, "</table>"]) + "\n"

    def _repr_html_(self) -> str:
        return self.to_html()

    def _cells(self, digits: int, most: int) -> tuple[list[str], list[list[str]], set[int]]:
        """The head, the rows as text, and which of the rows are notes on what is folded."""
        columns = [
            name
            for name in self.columns
            if not all(value is None or (value.__class__ is str and not value) for value in self[name])
        ]
        rows = [[cell_text(value, digits) for value in row] for row in self[columns].itertuples(index=False)]
        if len(rows) <= most:
            return columns, rows, set()
        first, last = most // 2, len(rows) - (most - most // 2)
        note = [self._note(first, last), *[""] * (len(columns) - 1)]
        return columns, [*rows[:first], note, *rows[last:]], {first}

    def _note(self, first: int, last: int) -> str:
        """What the rows between two places are."""
        lines = [line for line in map(self.lines.get, range(first, last)) if line is not None]
        said = f"… {last - first} rows not shown"
        if not lines:
            return said
        low, high, passes = min(lines), max(lines), Counter(lines).most_common(1)[0][1]
        return f"{said}, from line{f's {low}–{high}' if high > low else f' {low}'}" + ", of a loop" * (passes > 2)


def width(text: str) -> int:
    """The columns that a text takes on a screen: a dot or bar above a letter takes none."""
    return sum(not unicodedata.combining(letter) for letter in text)


def primal_table(walk: WengertList) -> StepTable:
    """One row a step: its name, formula, value, and the line of the user's code that it comes from."""
    rows = [
        {"step": step.name, "formula": right_side(step), "value": step.value, "line": step.where and step.where.line}
        for step in walk.steps
    ]
    return step_table(rows, f"{walk.name}: the Wengert list", [step.where and step.where.line for step in walk.steps])


def forward_table(walk: WengertList, seed: Any = None) -> StepTable:
    """Primals, and beside them tangents: in symbols, with the numbers of the local derivatives, and as numbers."""
    rows = []
    for pushed in forward_steps(walk, seed):
        step = walk.steps[pushed.step]
        terms = [times(p.text, dotted(walk.steps[p.parent].name)) for p in step.partials]
        formula = (
            f"{dotted(step.name)} = {' + '.join(terms) if terms else '0'}" if not step.is_input else dotted(step.name)
        )
        rows.append(
            {
                "step": step.name,
                "formula": right_side(step),
                "value": step.value,
                "∂": tuple(f"∂/∂{walk.steps[p.parent].name} = {p.text}" for p in step.partials),
                "∂ value": tuple(p.value for p in step.partials),
                "tangent formula": formula.replace("+ -", "- "),
                "tangent": pushed.tangent,
            }
        )
    return step_table(rows, f"{walk.name}: forward mode", [step.where and step.where.line for step in walk.steps])


def reverse_table(walk: WengertList, seed: Any = None) -> StepTable:
    """One row a message, in the order of the backward pass: which step sends it, to which parent, and what comes of it.

    The adjoint of a step is complete before it sends; `so far` is that of the parent after the message. Inputs, which
    send nothing, stand at the end.
    """
    rows: list[dict] = []
    lines: list = []
    so_far: list = [None] * len(walk.steps)
    columns = ["step", "adjoint", "message formula", "∂ value", "message", "so far"]
    for pulled in reverse_steps(walk, seed):
        step = walk.steps[pulled.step]
        common = dict.fromkeys(columns) | {"step": barred(step.name), "adjoint": pulled.adjoint}
        found = []
        for message in pulled.messages:
            local = step.partials[message.edge]
            so_far[message.parent] = added(so_far[message.parent], message.value, step.entry, pulled.adjoint)
            found.append(
                common
                | {
                    "message formula": message_formula(walk, step, message.edge),
                    "∂ value": local.value,
                    "message": message.value,
                    "so far": so_far[message.parent],
                }
            )
        rows += found or [common]
        lines += [step.where and step.where.line] * len(found or [common])
    return step_table(rows, f"{walk.name}: reverse mode", lines)


def message_formula(walk: WengertList, step: Step, edge: int) -> str:
    """What a step adds to the adjoint of a parent, in symbols: x̄1 += x2 * v̄1."""
    local, adjoint = step.partials[edge], barred(step.name)
    parent, primitive = barred(walk.steps[local.parent].name), step.entry.primitive
    if local.value is not None:
        return f"{parent} += {times(local.text, adjoint)}"
    if primitive in (INDEX, PIECE):
        return f"{parent}[{index_text(step.entry.params['index'])}] += {adjoint}"
    try:
        text = adjoint_code(step.entry, edge, step.name, [x.text for x in step.operands], adjoint)
    except UnsupportedVerb:
        text = None
    if text is None or text.startswith("vjp("):
        return f"{parent} += ({local.text})ᵀ {adjoint}"
    return f"{parent} += {text.replace('np.', '')}"


def right_side(step: Step) -> str:
    """What stands behind the equals sign of a step; nothing for an input."""
    return "" if step.is_input else step.formula.split(" = ", 1)[-1]


def times(partial: str, factor: str) -> str:
    """The product of a local derivative and a tangent or adjoint, in symbols.

    >>> times("1", "v̇1"), times("-1", "v̇1"), times("a + b", "v̇1"), times("W @ ·", "v̇1")
    ('v̇1', '-v̇1', '(a + b) * v̇1', 'W @ v̇1')
    """
    if "·" in partial:
        return partial.replace("·", factor)
    if partial in ("1", "-1"):
        return partial[:-1] + factor
    return (
        f"({partial}) * {factor}"
        if any(sign in partial for sign in (" + ", " - ", " / ", "-"))
        else f"{partial} * {factor}"
    )


def step_table(rows: list[dict], caption: str, lines: Sequence = ()) -> StepTable:
    """A table of rows that have the same keys; `lines` are those of the user's code that they come from."""
    table = StepTable({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
    table.caption, table.lines = caption, dict(enumerate(lines))
    return table


def cell_text(value: Any, digits: int) -> str:
    """A cell as text: numbers to some digits, arrays by their first entries and their shape."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}={part}' for key, part in value.items())}}}"
    if isinstance(value, tuple | list):
        return "; ".join(cell_text(part, digits) for part in value)
    if isinstance(value, bool | int | np.integer):
        return str(value)
    if np.ndim(value) == 0:
        return f"{value:.{digits}g}"
    entries = np.ravel(value)
    shown = ", ".join(f"{entry:.{min(digits, 4)}g}" for entry in entries[:HEAD])
    return f"[{shown}{', …' if entries.size > HEAD else ''}] {value.shape}"


def _latex_cell(column: str, text: str) -> str:
    if not text:
        return ""
    if column in FORMULAS:
        return "; ".join(f"${_latex_formula(part)}$" for part in text.split("; "))
    if column in NUMBERS and "[" not in text:
        return "; ".join(f"${number(part)}$" if part else "--" for part in text.split("; "))
    return escaped(text)


def _latex_formula(text: str) -> str:
    if text.startswith("∂/∂"):
        parent, _, partial = text.removeprefix("∂/∂").partition(" = ")
        return rf"\partial / \partial {latex(parent)} = {latex(partial)}"
    return latex(text)

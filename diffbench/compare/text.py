"""The table of a comparison in words: for terminals, Jupyter, Markdown, LaTeX and JSON."""

import dataclasses
import html as web
import io
import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group

    from diffbench.compare.comparison import Comparison

STYLES = {"ok": "green", "wrong": "bold red", "unsupported": "dim"}  # others: yellow
COLOURS = {"ok": "#117733", "wrong": "#cc3311", "unsupported": "#777777"}  # others: #bb5500
WIDTH = 140  # of a table that no terminal shows
INTERVAL = ("seconds_low", "seconds_high")


def _scaled(number: float, units: list[tuple[float, str]]) -> str:
    for size, unit in units:
        if number >= 0.9995 * size:
            return f"{number / size:.3g} {unit}"
    return f"{number / units[-1][0]:.3g} {units[-1][1]}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them.

    >>> duration(0.0000123), duration(0.5), duration(12.0)
    ('12.3 µs', '500 ms', '12 s')
    """
    return _scaled(seconds, [(1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")])


def memory(count: float) -> str:
    """Bytes in the unit that suits them.

    >>> memory(512), memory(2500000)
    ('512 B', '2.5 MB')
    """
    return _scaled(count, [(1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B")])


def _spread(row: Any) -> str:
    """A time, and half the distance of its quartiles in per cent."""
    half = 50 * (row["seconds_high"] - row["seconds_low"]) / row["seconds"]
    return f"{duration(row['seconds'])} ±{half:.0f}%" if half else duration(row["seconds"])


CELLS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "backend": ("backend", lambda row: row["backend"]),
    "status": ("status", lambda row: row["status"]),
    "digits": ("digits right", lambda row: f"{row['digits']:.1f}"),
    "max_rel_error": ("relative error", lambda row: f"{row['max_rel_error']:.0e}"),
    "seconds": ("time", _spread),
    "cost_ratio": ("time / f", lambda row: f"{row['cost_ratio']:.3g}"),
    "evaluations": ("calls of f", lambda row: str(row["evaluations"])),
    "prepare_seconds": ("preparation", lambda row: duration(row["prepare_seconds"])),
    "peak_bytes": ("peak memory", lambda row: memory(row["peak_bytes"])),
    "message": ("why", lambda row: row["message"]),
}
"""What is shown: column of the frame -> heading, and the words for a row in which it is known."""

NUMBERS = tuple(CELLS)[2:-1]


def head() -> list[str]:
    """The headings."""
    return [heading for heading, _ in CELLS.values()]


def rows(frame: "pd.DataFrame") -> list[list[str]]:
    """The cells in words; empty where nothing is known."""
    return _cells(frame, list(CELLS))


def _cells(frame: "pd.DataFrame", columns: list[str]) -> list[list[str]]:
    return [[_cell(row, column) for column in columns] for _, row in frame.iterrows()]


def _cell(row: Any, column: str) -> str:
    import pandas as pd

    return "" if pd.isna(row[column]) else CELLS[column][1](row)


def shown_columns(comparison: "Comparison") -> list[str]:
    """The columns on a screen: those that say something, without the reasons, which stand below the table."""
    frame = comparison.frame
    return [column for column in CELLS if column in ("backend", "status") or _known(frame, column)]


def _known(frame: "pd.DataFrame", column: str) -> bool:
    return column != "message" and bool(frame[column].notna().any())


def notes(frame: "pd.DataFrame") -> list[tuple[str, str]]:
    """The backends whose rows have a reason, and the reasons; backends of one reason together."""
    found: dict[str, list[str]] = {}
    for name, message in zip(frame.backend, frame.message):
        if message:
            found.setdefault(message, []).append(name)
    return [(", ".join(names), message) for message, names in found.items()]


def group(comparison: "Comparison") -> "Group":
    """Title, table and reasons, for rich; text in them is taken as it stands."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    reasons = [Text.assemble((f"{names}: ", "bold"), message) for names, message in notes(comparison.frame)]
    columns = shown_columns(comparison)
    made = Table()
    for column in columns:
        made.add_column(
            Text(CELLS[column][0]),
            justify="right" if column in NUMBERS else "left",
            overflow="fold",
            no_wrap=column in ("backend", "status", "seconds"),
        )
    for status, row in zip(comparison.frame.status, _cells(comparison.frame, columns)):
        made.add_row(*[Text(cell, STYLES.get(status, "yellow") if k == 1 else "") for k, cell in enumerate(row)])
    return Group(Text(comparison.title, style="bold"), made, *reasons)


def plain(comparison: "Comparison") -> str:
    """The table as text without control codes."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    console.print(group(comparison))
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())  # type: ignore[attr-defined]


def html(comparison: "Comparison") -> str:
    """The table for Jupyter."""
    columns = shown_columns(comparison)
    lines = [
        "<table>",
        f'<caption style="caption-side: top; text-align: left">{web.escape(comparison.title)}</caption>',
        "<thead><tr>" + "".join(f"<th>{web.escape(CELLS[column][0])}</th>" for column in columns) + "</tr></thead>",
        "<tbody>",
    ]
    for status, row in zip(comparison.frame.status, _cells(comparison.frame, columns)):
        cells = []
        for column, cell in zip(columns, row):
            style = f"text-align: {'right' if column in NUMBERS else 'left'}"
            if column == "status":
                style += f"; font-weight: bold; color: {COLOURS.get(status, '#bb5500')}"
            cells.append(f'<td style="{style}">{web.escape(cell)}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    reasons = [
        f"<li><b>{web.escape(names)}</b>: {web.escape(message)}</li>" for names, message in notes(comparison.frame)
    ]
    return "\n".join([*lines, "</tbody>", "</table>", *(["<ul>", *reasons, "</ul>"] if reasons else [])])


def as_json(comparison: "Comparison") -> str:
    """What was compared, and the rows; what is not finite or not known is null."""
    import mpmath
    import numpy as np

    def native(cell: Any) -> Any:
        if dataclasses.is_dataclass(cell):
            cell = {field.name: getattr(cell, field.name) for field in dataclasses.fields(cell)}
        if isinstance(cell, dict):
            return {str(key): native(part) for key, part in cell.items()}
        if isinstance(cell, list | tuple):
            return [native(part) for part in cell]
        if isinstance(cell, np.ndarray | np.generic):
            return native(cell.tolist()) if cell.dtype != np.longdouble else native(cell.astype(float).tolist())
        if isinstance(cell, float):
            return cell if math.isfinite(cell) else None
        return None if cell is None or str(cell) == "<NA>" else cell

    frame = comparison.frame
    truth = comparison.known
    found = {
        "function": comparison.name,
        "quantity": comparison.quantity,
        "truth": comparison.truth_label,
        "truth_entries": None if truth is None else [mpmath.nstr(x, 50) for leaf in truth.leaves for x in leaf.flat],
        "f_seconds": comparison.f_seconds,
        "rows": [{column: native(row[column]) for column in frame.columns} for _, row in frame.iterrows()],
    }
    return json.dumps(found, indent=2, allow_nan=False)

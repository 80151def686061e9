"""Question: do the numbers of the lecture come out of the code?

Each item of the lecture is computed anew and held against what the slide, or the source that the slide quotes, prints:
by hand, symbolically, by differences, in forward and in reverse mode. Where the slide has a slip, the table is right
and the note says what the slide has. results/lecture/ has a table of every item as LaTeX and Markdown.

Source: the lecture; Baydin et al. 2018, JMLR 18(153); HIPS/autograd, examples/logistic_regression.py.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

import diffbench.lecture
from diffbench.lecture.items import ITEMS
from diffbench.runner import Claim, Limits
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=30), "full": Limits(seconds=60)}
TIMED = False

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one item; `code` tells when what it is computed by has changed."""
    folder = Path(diffbench.lecture.__file__).parent
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))).hexdigest()[:12]
    return [{"item": name, "code": code} for name in ITEMS]


# ----------------------------------------------------------------------------------------------------- measure


def measure(item: str, code: str = "") -> list[dict[str, Any]]:
    """A row for each number: as the lecture has it, as found, and how far they are apart."""
    return [
        {
            "quantity": check.quantity,
            "expected": written(check.expected),
            "found": written(check.found),
            "difference": check.error if np.isfinite(check.error) else None,
            "tolerance": check.tolerance,
            "holds": check.holds,
        }
        for check in ITEMS[item]().checks
    ]


def written(numbers: Any) -> str:
    """Numbers with all their digits."""
    return str(np.asarray(numbers, float).tolist())


# ------------------------------------------------------------------------------------------------------ expect


def expect(frame: Any) -> list[Claim]:
    """Every number of every item."""
    claims = []
    for item, rows in frame[frame.status == "ok"].groupby("item", sort=False):
        wrong = rows.quantity[~rows.holds.astype(bool)].tolist()
        claims.append(Claim(f"{item}: {len(rows)} numbers", not wrong, "; ".join(wrong) or "all", "all"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def figures(frame: Any) -> dict[str, Any]:
    """Those that items draw."""
    return {name: figure for item in ITEMS.values() for name, figure in item().figures.items()}


def tables(frame: Any) -> dict[str, str]:
    """One for each item, and what the slides have wrong."""
    files, notes = {}, []
    for name, make in ITEMS.items():
        item = make()
        files |= both(name, item.head, item.rows)
        if item.note:
            notes.append([item.title, item.note])
    return files | both("notes", ["item", "note"], notes)

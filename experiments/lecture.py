"""Question: do the numbers of the lecture come out of the code?

Each slide of the lecture that prints numbers is computed anew and held against what it, or the source that it quotes,
prints: by hand, symbolically, by differences, in forward and in reverse mode. Where a slide has a slip, the table is
right and the note says what the slide has. results/lecture/ has a table of every slide as LaTeX and Markdown; below
it are the programs that the lecture goes through step by step, by lecture_tables, and their graphs, by lecture_graphs.

Source: the lecture; Baydin et al. 2018, JMLR 18(153); HIPS/autograd, examples/logistic_regression.py.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

import diffbench.lecture
from diffbench.lecture.slides import SLIDES
from diffbench.runner import Claim, Limits
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=30), "full": Limits(seconds=60)}
TIMED = False

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one slide; `code` tells when what it is computed by has changed."""
    folder = Path(diffbench.lecture.__file__).parent
    code = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))).hexdigest()[:12]
    return [{"slide": name, "code": code} for name in SLIDES]


# ----------------------------------------------------------------------------------------------------- measure


def measure(slide: str, code: str = "") -> list[dict[str, Any]]:
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
        for check in SLIDES[slide]().checks
    ]


def written(numbers: Any) -> str:
    """Numbers with all their digits."""
    return str(np.asarray(numbers, float).tolist())


# ------------------------------------------------------------------------------------------------------ expect


def expect(frame: Any) -> list[Claim]:
    """Every number of every slide."""
    claims = []
    for slide, rows in frame[frame.status == "ok"].groupby("slide", sort=False):
        wrong = rows.quantity[~rows.holds.astype(bool)].tolist()
        claims.append(Claim(f"{slide}: {len(rows)} numbers", not wrong, "; ".join(wrong) or "all", "all"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def figures(frame: Any) -> dict[str, Any]:
    """Those of the slides."""
    return {name: figure for slide in SLIDES.values() for name, figure in slide().figures.items()}


def tables(frame: Any) -> dict[str, str]:
    """One for each slide, and what the slides have wrong."""
    files, notes = {}, []
    for name, make in SLIDES.items():
        slide = make()
        files |= both(name, slide.head, slide.rows)
        if slide.note:
            notes.append([slide.title, slide.note])
    return files | both("notes", ["slide", "note"], notes)

"""Question: which programs does a differentiator take, which does it refuse in words, and where is it silently wrong?

Some sixty small programs, each with one feature that programs have (diffbench/checks/features.py), differentiated by
every backend that is installed, and held against the gradient worked out by hand. The verdicts, from best to worst:

    right     the gradient, in shape, dtype and numbers
    refused   an error of ours that says where, or what to do
    obscure   any other error, a crash, or no answer in time
    wrong     another gradient, without a word

Theory says nothing about foreign libraries. It says of our own: never wrong, never obscure.

The page docs/conformance.md is what this experiment leaves: diffbench run conformance, and copy it from results/.
"""

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

import diffbench as db
from diffbench import plotting
from diffbench.checks.features import FEATURES
from diffbench.checks.verdicts import VERDICTS, judge
from diffbench.registry import backend_class, is_own
from diffbench.runner import Claim, Limits
from diffbench.tables import markdown

LIMITS = {"quick": Limits(seconds=20), "lecture": Limits(seconds=20), "full": Limits(seconds=60)}
TIMED = False
KINDS = tuple(dict.fromkeys(feature.kind for feature in FEATURES.values()))
QUICK = ("control flow",)

# ------------------------------------------------------------------------------------------------------- sweep


def is_adapter(backend: str) -> bool:
    """Whether a backend lives with the adapters."""
    return ".adapters." in backend_class(backend).__module__


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every feature by every installed backend; quick: one kind of features, and our own backends."""
    known = db.backends()
    return [
        {"feature": feature.name, "backend": backend}
        for feature in FEATURES.values()
        for backend in known.index[known.installed]
        if profile != "quick" or (feature.kind in QUICK and is_own(backend))
    ]


# ----------------------------------------------------------------------------------------------------- measure


def measure(feature: str, backend: str) -> dict[str, Any]:
    """The verdict, what was found, and the version of the library."""
    verdict = judge(FEATURES[feature], backend)
    return {"verdict": verdict.verdict, "found": verdict.found, "version": version_of(backend)}


def version_of(backend: str) -> str:
    """The version of the package that a backend stands for."""
    package = backend_class(backend).requires
    try:
        return version(package) if package else db.__version__
    except PackageNotFoundError:
        return "unknown"


# ------------------------------------------------------------------------------------------------------ expect


def judged(frame: Any) -> Any:
    """The rows with a verdict each: a crash, a time-out or a cell out of memory is an obscure end."""
    frame = frame.assign(kind=[FEATURES[name].kind for name in frame.feature])
    for column in ("verdict", "found", "version"):
        if column not in frame:
            frame[column] = None
    ended = frame.verdict.isna()
    return frame.assign(
        verdict=frame.verdict.where(~ended, "obscure"),
        found=frame.found.where(~ended, frame.status + ": " + frame.message),
    )


def expect(frame: Any) -> list[Claim]:
    """Our own backends: never wrong, never obscure."""
    claims = []
    for backend, rows in judged(frame).groupby("backend", sort=False):
        if is_own(str(backend)):
            bad = rows[rows.verdict.isin(["obscure", "wrong"])]
            found = ", ".join(f"{row.feature}: {row.verdict}" for row in bad.itertuples()) or "none"
            text = f"{backend}: no program of {len(rows)} is answered wrongly or obscurely"
            claims.append(Claim(text, bad.empty, found, "none"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure

LOOK = {  # colours, and signs for those who see no colours
    "right": ("#009988", "✓"),
    "refused": ("#BBCCEE", "–"),
    "obscure": ("#EE7733", "?"),
    "wrong": ("#CC3311", "✗"),
}
MEANING = "✓ right   – refused in words   ? obscure   ✗ silently wrong"


def matrix(rows: Any, kind: str) -> Any:
    """The verdicts of one kind of features: a row a program, a column a backend."""
    table = rows[rows.kind == kind].pivot(index="feature", columns="backend", values="verdict")
    programs = [name for name in FEATURES if name in table.index]
    backends = [name for name in dict.fromkeys(rows.backend) if name in table.columns]
    figure, ax = plotting.figure(f"Programs and methods: {kind}", MEANING, "")
    ax.set_xlim(0, len(backends))
    ax.set_ylim(len(programs), 0)
    for i, program in enumerate(programs):
        for j, backend in enumerate(backends):
            verdict = table.loc[program, backend]
            if verdict in LOOK:
                colour, sign = LOOK[verdict]
                ax.add_patch(Rectangle((j + 0.04, i + 0.06), 0.92, 0.88, color=colour))
                ink = plotting.INK if verdict == "refused" else "white"
                ax.text(j + 0.5, i + 0.5, sign, ha="center", va="center_baseline", color=ink, fontweight="bold")
    ax.set_xticks(np.arange(len(backends)) + 0.5, backends, rotation=35, ha="left", rotation_mode="anchor")
    ax.set_yticks(np.arange(len(programs)) + 0.5, programs)
    ax.xaxis.tick_top()
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return figure


def summary(rows: Any) -> Any:
    """How many programs end how: a bar a backend."""
    backends = list(dict.fromkeys(rows.backend))
    programs = rows.feature.nunique()
    figure, ax = plotting.figure(f"{programs} programs, each with its gradient by hand", "programs", "")
    counts = rows.pivot_table(index="backend", columns="verdict", values="feature", aggfunc="count", fill_value=0)
    for i, backend in enumerate(backends):
        left = 0
        for verdict in VERDICTS:
            count = int(counts.loc[backend].get(verdict, 0))
            if count:
                colour, sign = LOOK[verdict]
                ax.barh(i, count, left=left, color=colour, height=0.8)
                text = f"{count} {verdict}" if count > programs / 8 else f"{count}{sign}" if count > 2 else sign
                ink = plotting.INK if verdict == "refused" else "white"
                ax.text(left + count / 2, i, text, ha="center", va="center", color=ink)
                left += count
    ax.set_ylim(len(backends) - 0.5, -0.5)
    ax.set_xlim(0, programs)
    ax.set_yticks(range(len(backends)), backends)
    ax.grid(visible=False)
    return figure


def figures(frame: Any) -> dict[str, Any]:
    """A table for each kind of features, and all in all."""
    rows = judged(frame)
    with plotting.style():
        tables = {
            kind.lower().replace(",", "").replace(" ", "_"): matrix(rows, kind)
            for kind in KINDS
            if kind in set(rows.kind)
        }
        return {"summary": summary(rows), **tables}


# -------------------------------------------------------------------------------------------------------- page


def tables(frame: Any) -> dict[str, str]:
    """The page docs/conformance.md."""
    return {"conformance.md": "\n".join(page(judged(frame)))}


def page(rows: Any) -> Iterator[str]:
    """The lines of the page."""
    backends = list(dict.fromkeys(rows.backend))
    versions = dict(zip(rows.backend, rows.version.fillna("")))
    yield "# What each method does with your program\n"
    libraries = {"Python": platform.python_version(), "NumPy": np.__version__}
    libraries |= {backend: versions[backend] for backend in backends if is_adapter(backend)}
    yield "Made by `diffbench run conformance`, which leaves it in results/conformance/, with"
    yield ", ".join(f"{library} {number}" for library, number in libraries.items()) + ".\n"
    yield "Each program has one feature, and its gradient is worked out by hand (diffbench/checks/features.py).\n"
    yield "- *right*: the gradient, in shape, dtype and numbers"
    yield "- –: refused, with an error that says where it happened or what to do"
    yield "- **obscure**: any other error, a crash, or no answer in time"
    yield "- **WRONG**: another gradient, without a word\n"
    shown = {"right": "right", "refused": "–", "obscure": "**obscure**", "wrong": "**WRONG**"}
    for kind in KINDS:
        of_kind = rows[rows.kind == kind]
        if len(of_kind):
            yield f"## {kind[0].upper()}{kind[1:]}\n"
            verdicts = of_kind.set_index(["feature", "backend"]).verdict
            yield markdown(
                ["program", *backends],
                [
                    [f"`{name}`", *(shown[verdicts.get((name, backend), "obscure")] for backend in backends)]
                    for name in dict.fromkeys(of_kind.feature)
                ],
            )
    bad = rows[rows.verdict.isin(["obscure", "wrong"])]
    if len(bad):
        yield "## What was found where it went wrong\n"
        yield from (f"- {row.backend}, *{row.feature}*: `{tidy(row.found)}`" for row in bad.itertuples())
        yield ""


def tidy(text: Any) -> str:
    """Text of one line, short, without what would end a code span."""
    return " ".join(str(text).replace("`", "'").split())[:120]

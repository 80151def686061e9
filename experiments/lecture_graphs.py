"""Question: which number appears where, and when, as forward and reverse mode go through the lecture's graphs?

The program with two results step by step, for slides and for beamer, the others at the end of their sweeps:

    \\foreach \\n [count=\\k] in {0,...,5}
        {\\only<\\k>{\\includegraphics[width=\\textwidth]{two_results_reverse_1_0\\n}}}

For your own function, `db.trace(f, *x).frames("reverse", folder="frames")` or `diffbench walk my_model:f --at "2, 3"`.

Theory: a tangent goes along every edge once, forward; an adjoint goes along every edge once, backward, and a step sends
only after all that depend on it have sent.

Source: Griewank, Walther 2008, §3.1 and §3.2; Baydin et al. 2018, JMLR 18(153), tables 2 and 3.
"""

from collections import Counter
from typing import Any

from diffbench.lecture.draw_stages import stages
from diffbench.lecture.items import ITEMS, item
from diffbench.runner import Claim, Limits

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=60), "full": Limits(seconds=60)}
TIMED = False
FOLDER = "lecture/graphs"
DIGITS = 5e-10  # the lecture prints ten digits
STEP_BY_STEP = ("two_results",)

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one sweep: a program, a mode, and which of the lecture's seeds."""
    cells = [
        {"program": found.name, "mode": mode, "seed": k}
        for found in ITEMS
        for mode, seeds in (("forward", found.tangents), ("reverse", found.adjoints))
        for k in range(1, len(seeds) + 1)
    ]
    return [cell for cell in cells if profile != "quick" or cell["program"] == "log_of_product"]


# ----------------------------------------------------------------------------------------------------- measure


def measure(program: str, mode: str, seed: int) -> dict[str, Any]:
    """How far the last numbers shown are from the lecture's; how often edges carry one; what a step sends too early."""
    walk = item(program).trace()
    direction, expected = seeds_of(program, mode)[seed - 1]
    shown: dict[int, Any] = {}
    used: Counter = Counter()
    gone: set[int] = set()
    early = 0
    for stage in stages(walk, mode, direction):
        shown |= stage.moved
        used.update(stage.carried)
        early += sum(step in gone for step in stage.moved if stage.present is not None and mode == "reverse")
        gone |= {stage.present} - {None}
    edges = sum(len(step.partials) for step in walk.steps)
    worst = max(abs(float(shown[walk[name].index]) - number) for name, number in expected.items())
    return {
        "error": worst,
        "edges": edges,
        "used": len(used),
        "twice": sum(n > 1 for n in used.values()),
        "early": early,
    }


def seeds_of(program: str, mode: str) -> tuple:
    """The lecture's seeds of a mode, each with its numbers by the name of the step."""
    return item(program).tangents if mode == "forward" else item(program).adjoints


# ------------------------------------------------------------------------------------------------------ expect


def expect(frame: Any) -> list[Claim]:
    """The lecture's numbers, and the order of the messages."""
    worst, early = float(frame["error"].max()), int(frame["early"].sum())
    once = bool(((frame["used"] == frame["edges"]) & (frame["twice"] == 0)).all())
    return [
        Claim(f"the last numbers of {len(frame)} sweeps", worst < DIGITS, f"{worst:.1e} off", "ten digits"),
        Claim("each edge carries one number", once, "once" if once else "not once", "once"),
        Claim("adjoints that are sent before they are complete", early == 0, str(early), "0"),
    ]


# ----------------------------------------------------------------------------------------------------- figures


def figures(frame: Any) -> dict[str, Any]:
    """The graph at the end of each sweep, or at all its steps."""
    found = {}
    for row in frame.itertuples():
        walk, (direction, _) = item(row.program).trace(), seeds_of(row.program, row.mode)[row.seed - 1]
        stem = f"{row.program}_{row.mode}_{row.seed}"
        if row.program in STEP_BY_STEP:
            found |= {f"{stem}_{k:02}": figure for k, figure in enumerate(walk.frames(row.mode, direction))}
        else:
            found[stem] = walk.draw(row.mode, seed=direction)
    return found

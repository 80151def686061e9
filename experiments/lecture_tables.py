"""Question: what does each step of the lecture's programs compute, forward and backward, and what does it cost?

The tables of the lecture, as Markdown and as LaTeX for slides: primals, tangents, adjoints, derivative programs, nodes
and rules of Autograd, for the functions in diffbench/lecture/items.py. Change a function there, or give your own:

    diffbench trace my_model:f --at "2, 3" --mode reverse -o reverse.tex

Theory: with + - * alone, a tangent costs at most 4 times the operations of f, and a gradient 5 times, whatever n.

Source: Griewank, Walther 2008, chapters 3 and 4; Baur, Strassen 1983, TCS 22, 317-330; Autograd: Maclaurin et al. 2015.
"""

from typing import Any

import diffbench as db
from diffbench import plotting
from diffbench.lecture.autograd_view import defvjp, toposort
from diffbench.lecture.counts import BOUNDS
from diffbench.lecture.items import ITEMS, RULES, item, nested_gradient
from diffbench.lecture.tables import step_table
from diffbench.problems import problem, problems
from diffbench.runner import Claim, Limits

LIMITS = {"quick": Limits(seconds=30), "lecture": Limits(seconds=60), "full": Limits(seconds=60)}
TIMED = False
FOLDER = "lecture/programs"
DIGITS = 5e-10  # the lecture prints ten digits

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one program: those of the lecture for their numbers, those of the problems for their operations."""
    return [
        *({"program": found.name, "of": "lecture"} for found in ITEMS),
        *({"program": found.name, "of": "problems"} for found in problems()),
    ]


# ----------------------------------------------------------------------------------------------------- measure


def measure(program: str, of: str) -> list[dict[str, Any]]:
    """Each number of an item beside that of the lecture; the operations of each derivative program."""
    if of == "lecture":
        return list(item(program).numbers())
    found = problem(program)
    counts = db.trace(found.function, *found.point(), argnum=found.argnum).operation_counts()
    return [
        {"item": program, "kind": f"operations, {row.program}", "found": row.operations, "ratio": row.ratio}
        for row in counts.itertuples()
    ]


# ------------------------------------------------------------------------------------------------------ expect


def expect(frame: Any) -> list[Claim]:
    """Every number of the lecture, and the cheap-gradient bounds."""
    claims = []
    for found in ITEMS:
        rows = frame[(frame["item"] == found.name) & frame["expected"].notna()]
        worst = float((rows["found"] - rows["expected"]).abs().max())
        claims.append(Claim(f"{found.title}: {len(rows)} numbers", worst < DIGITS, f"{worst:.1e} off", "ten digits"))
    for mode in ("forward", "reverse"):
        rows = frame[frame["kind"] == f"operations, {mode}"]
        worst, bound = float(rows["ratio"].max()), BOUNDS[mode]
        claims.append(
            Claim(f"operations, {mode} over f, all problems", worst <= bound, f"{worst:.2f}", f"<= {bound:g}")
        )
    walk = item("logistic").trace()
    order = [step.index for step in toposort(walk, walk.results[0])]
    same = order == [pulled.step for pulled in walk.reverse_steps()]
    claims.append(Claim("counting children gives the order of the list, backward", same, str(order), "same"))
    slope, _ = nested_gradient(5.0)
    claims.append(Claim("nested gradients keep perturbations apart", slope == 1.0, f"{slope:g}", "1, not 2"))
    return claims


# ----------------------------------------------------------------------------------------------------- figures


def figures(frame: Any) -> dict[str, Any]:
    """Operations of derivative programs over those of f, one line a problem, and the bounds."""
    with plotting.style():
        found = [p.name for p in problems()]
        title = "What a derivative costs: operations, not time"
        figure, ax = plotting.figure(title, "operations of the derivative program / operations of f", "")
        for mode, shift in (("forward", -0.15), ("reverse", 0.15)):
            rows = frame[frame["kind"] == f"operations, {mode}"].set_index("item")
            look = plotting.look(mode)
            heights = [k + shift for k in range(len(found))]
            ax.plot(rows.loc[found, "ratio"], heights, look.marker, color=look.colour)
            ax.axvline(BOUNDS[mode], color=look.colour, linewidth=2, linestyle="--")
            text = f"{mode}: at most {BOUNDS[mode]:g}\nwith + − × alone"
            side = {"forward": "right", "reverse": "left"}[mode]
            x = BOUNDS[mode] + {"forward": -0.05, "reverse": 0.05}[mode]
            ax.text(x, 10.9, text, color=look.colour, ha=side, va="center")
        ax.set_yticks(range(len(found)), [name.replace("_", " ") for name in found], fontsize=plotting.TYPE - 4)
        ax.set_xlim(1, 6.6)
        ax.set_ylim(len(found) - 0.4, -0.7)
    return {"cheap_gradient": figure}


def tables(frame: Any) -> dict[str, str]:
    """The tables and programs of the lecture."""
    texts: dict[str, str] = {}
    for found in ITEMS:
        walk = found.trace()
        written = {"values": walk.table()}
        written |= {f"forward_{k + 1}": walk.forward(seed) for k, (seed, _) in enumerate(found.tangents)}
        written |= {f"reverse_{k + 1}": walk.reverse(seed) for k, (seed, _) in enumerate(found.adjoints)}
        written["operations"] = walk.operation_counts()
        if found.name == "logistic":
            written["nodes"] = walk.autograd_view()
        for name, table in written.items():
            texts |= both(f"{found.name}_{name}", table, found.note)
        for mode in ("forward", "reverse"):
            texts[f"{found.name}_{mode}.py"] = walk.source(mode)
    slope, around = nested_gradient(5.0)
    levels = sorted({level for level, _ in around})
    rows = [{"around x y": kind, "level": levels.index(level)} for level, kind in around]
    texts |= both("rules", defvjp(*RULES), item("logistic").note)
    texts |= both("tracing_layers", step_table(rows, "boxes"), f"f'(5) = {slope:g}")
    return texts


def both(stem: str, table: Any, note: str = "") -> dict[str, str]:
    """A table as Markdown and as LaTeX, the note below the first and as a comment in the second."""
    below = f"\n{note}\n" if note else ""
    return {
        f"{stem}.md": table.to_markdown(digits=10) + below,
        f"{stem}.tex": (f"% {note}\n" if note else "") + table.to_latex(digits=10),
    }

"""Question: how many digits does each method give on each problem, and which one does it refuse?

Theory: automatic, symbolic and hand-written derivatives lose to rounding only, and so does the complex step, which
subtracts nothing: some 15 digits of 16, fewer where the problem itself is ill-conditioned. Differences balance
truncation against round-off, at eps^(1/2) for one-sided and eps^(2/3) for central ones: 8 and 11 digits at best, of the
largest entry; small entries keep fewer. Symbols and complex numbers cannot follow a branch, and must refuse it.

Digits are those of the worst entry, against 50 digits; a verdict that is entry by entry too (diffbench.compare).

Source: Nocedal, Wright 2006, Numerical Optimization, section 8.1; Squire, Trapp 1998, SIAM Review 40(1), 110-112.
"""

from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.compare.judging import Truth, judge
from diffbench.compare.rows import noise_of
from diffbench.compare.truth import truth_of
from diffbench.problems import Problem, problems
from diffbench.problems import problem as find
from diffbench.question import Question
from diffbench.registry import is_own
from diffbench.runner import Claim, Limits
from diffbench.structure import flatten
from diffbench.tables import both

LIMITS = {"quick": Limits(seconds=10), "lecture": Limits(seconds=30), "full": Limits(seconds=120)}
TIMED = False
BY_ROUNDING = ("forward", "reverse", "manual", "complex-step", "symbolic")  # their error is rounding and nothing else

# ------------------------------------------------------------------------------------------------------- sweep


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every problem at the point of the literature; full: also at a larger size. Quick: our own backends only."""
    known = db.backends()
    backends = [name for name in known.index[known.installed] if profile != "quick" or is_own(name)]
    return [
        {"problem": p.name, "n": n, "backends": backends}
        for p in problems()
        for n in sorted({p.size, 4 * p.size if profile == "full" and "scalar" not in p.tags else p.size})
    ]


# ----------------------------------------------------------------------------------------------------- measure


def measure(problem: str, n: int, backends: list[str]) -> list[dict[str, Any]]:
    """A row for each backend: digits and relative error of the worst entry, all against one truth."""
    p = find(problem)
    question = Question(p.function, p.point(n), {}, p.verb, p.argnum)
    truth = truth_of(question, 50)
    values = [np.asarray(value) for value in flatten(question.value())[0]]
    facts = {"truth": truth.label, "rounding_digits": conditioned(truth)}
    rows = []
    for backend in backends:
        try:
            row = judged(p, question, backend, truth, noise_of(question, values))
        except Exception as error:
            refused = isinstance(error, db.DiffbenchError | NotImplementedError)
            message = f"{type(error).__name__}: {getattr(error, 'what', error)}"
            row = {"status": "unsupported" if refused else "failed", "message": message}
        rows.append({"backend": backend, **facts, **row})
    return rows


def judged(p: Problem, question: Question, backend: str, truth: Truth, noise: float) -> dict[str, Any]:
    """One derivative, held against the truth."""
    options = {"jacobian" if p.verb in ("derivative", "jacobian") else p.verb: p.derivative}
    differentiator = db.get_backend(backend, **(options if backend == "manual" else {}))
    leaves = flatten(question.answer(differentiator))[0]
    verdict = judge([np.asarray(leaf) for leaf in leaves], truth, differentiator, 1, noise)
    row = {"status": "ok" if verdict.right else "wrong", "message": verdict.reason}
    if not verdict.digits.size:
        return row
    worst = int(np.argmin(verdict.digits))
    largest = float(np.max(verdict.relative))
    return {**row, "digits": verdict.digits[worst], "relative_error": largest, "entry": truth.entries()[worst]}


def conditioned(truth: Truth) -> float:
    """Digits that arithmetic of 53 bits leaves to the worst entry, whatever the method."""
    sizes = [np.abs(leaf.astype(float)) for leaf in truth.leaves]
    lost = [rounding[size > 0] / size[size > 0] for rounding, size in zip(truth.rounding, sizes)]
    return float(min(15.65, -np.log10(max(np.max(one, initial=1e-16) for one in lost))))


# ------------------------------------------------------------------------------------------------------ expect


def expect(frame: Any) -> list[Claim]:
    """Nobody is wrong; rounding costs little; differences give what their order says; only branches are refused."""
    wrong = frame[frame.status.isin(["wrong", "failed"])]
    named = ", ".join(f"{row.backend} on {row.problem}" for row in wrong.itertuples())
    claims = [Claim("no derivative is wrong", not named, named or "none", "none")]
    right = frame[frame.status == "ok"]
    exact = right[right.backend.isin(BY_ROUNDING)]
    lost = (exact.rounding_digits - exact.digits).max()
    claims.append(
        Claim("without differences, only what rounding loses is lost", lost < 1.5, f"{lost:.1f} digits", "< 1.5 digits")
    )
    for names, least, most in ((("finite-forward", "finite-backward"), 5, 9), (("finite-central",), 7, 12)):
        digits = right[right.backend.isin(names)].groupby(["problem", "n"]).digits.max()
        found = f"median {digits.median():.1f}"
        claims.append(
            Claim(
                f"{' and '.join(names)}: digits by order", least <= digits.median() <= most, found, f"{least} to {most}"
            )
        )
    refused = frame[frame.status == "unsupported"]
    branching = {p.name for p in problems("branch")}
    surprising = refused[~refused.problem.isin(branching) | ~refused.backend.isin(["symbolic", "complex-step"])]
    ours = surprising[[is_own(name) for name in surprising.backend]]
    named = ", ".join(f"{row.backend} on {row.problem}" for row in ours.itertuples())
    claims.append(
        Claim("of ours, only symbols and complex step refuse, and only branches", not named, named or "so it is")
    )
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def grid(frame: Any) -> tuple[list[str], list[str], Any]:
    """Backends, problems, and the rows by (problem, backend), at the size of the literature."""
    first = frame.sort_values("n").drop_duplicates(["problem", "backend"])
    backends, names = list(dict.fromkeys(frame.backend)), list(dict.fromkeys(frame.problem))
    return backends, names, first.set_index(["problem", "backend"])


def word(row: Any) -> str:
    """What stands in a cell."""
    return f"{row.digits:.1f}" if row.status == "ok" else {"unsupported": "refused"}.get(row.status, row.status)


def figures(frame: Any) -> dict[str, Any]:
    """Digits right as a heat map: problems down, backends across; refusals grey, wrong ones in red."""
    backends, names, rows = grid(frame)
    digits = np.full((len(names), len(backends)), np.nan)
    with plotting.style():
        figure, ax = plotting.figure("Digits that are right, in the worst entry (–: refused)", "", "")
        for i, name in enumerate(names):
            for j, backend in enumerate(backends):
                if (name, backend) not in rows.index:
                    continue
                row = rows.loc[name, backend]
                if row.status == "ok":
                    digits[i, j] = row.digits
                colour = "white" if digits[i, j] < 9 else plotting.INK
                style = {"color": colour if row.status == "ok" else "#777777", "fontsize": 15}
                if row.status not in ("ok", "unsupported"):
                    style |= {"color": "#CC3311", "fontweight": "bold"}
                text = "–" if row.status == "unsupported" else word(row)
                ax.text(j, i, text, ha="center", va="center", **style)
        ax.set_facecolor("#eeeeee")
        ax.imshow(digits, cmap="cividis", vmin=0, vmax=16, aspect="auto")
        ax.set_xticks(range(len(backends)), backends, rotation=25, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(names)), names)
        ax.tick_params(labelsize=15, length=0)
        ax.grid(visible=False)
    return {"digits": figure}


def tables(frame: Any) -> dict[str, str]:
    """The same as a table."""
    backends, names, rows = grid(frame)
    cells = [
        [name.replace("_", " "), *(word(rows.loc[name, b]) if (name, b) in rows.index else "" for b in backends)]
        for name in names
    ]
    return both("digits", ["problem", *backends], cells)

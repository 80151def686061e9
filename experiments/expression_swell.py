"""Question: how large does a symbolic derivative grow, and what does automatic differentiation make of the same f?

The logistic map l_1 = x, l_{n+1} = 4 l_n (1 - l_n), differentiated with respect to x, and a chain of k soft ReLUs,
y_k = log(1 + exp(b_k + w_k y_{k-1})), with respect to w_1: in every form that the derivative can take.

Theory: written out as a tree, l_n' grows like n 2^n, and whatever is multiplied out like 2^n. As a graph with shared
parts it grows like n^2, and the program that AD runs grows like n. So swell belongs to the representation, not to
symbolic differentiation as such. The chain uses each layer once, not twice: there even the tree grows only like k^2.

Source: Baydin et al. 2018, JMLR 18(153), section 2.2 and table 1; Laue 2019, arXiv:1904.02990, on trees and graphs.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from sympy.core.cache import clear_cache

import diffbench as db
from diffbench import plotting
from diffbench.expressions import (
    distinct_nodes,
    logistic_polynomial,
    logistic_product,
    logistic_table,
    shared_operations,
    tree_operations,
)
from diffbench.problems import problem as find
from diffbench.runner import Claim, Limits
from diffbench.tables import both

MAP, CHAIN = "logistic map", "soft ReLU chain"
SERIES = ("problem", "form")
SIZE = "n"
LIMITS = {"quick": Limits(seconds=1), "lecture": Limits(seconds=6), "full": Limits(seconds=120)}
X = sympy.Symbol("x")

# ------------------------------------------------------------------------------------------------------- sweep

SIZES = {"quick": {MAP: 5, CHAIN: 4}, "lecture": {MAP: 14, CHAIN: 10}, "full": {MAP: 24, CHAIN: 40}}


def sweep(profile: str) -> list[dict[str, Any]]:
    """Every form, from n = 1 on; in the chain there is nothing to multiply out."""
    return [
        {"problem": name, "form": form, "n": n}
        for name, largest in SIZES[profile].items()
        for n in range(1, largest + 1)
        for form in FORMS
        if name == MAP or form not in ("product rule", "expanded")
    ]


# ----------------------------------------------------------------------------------------------------- measure


def symbolic(name: str, n: int) -> tuple[Any, Any]:
    """f as a nested SymPy expression, and the symbol to differentiate by."""
    if name == MAP:
        return find("logistic_loop").function(X, n), X  # the plain Python loop, run on a symbol
    w, b = sympy.symbols(f"w1:{n + 1}"), sympy.symbols(f"b1:{n + 1}")
    y = X
    for k in range(n):
        y = sympy.log(1 + sympy.exp(b[k] + w[k] * y))
    return y, w[0]


def derivative(name: str, n: int) -> Any:
    """What SymPy's diff returns, nothing simplified."""
    return sympy.diff(*symbolic(name, n))


def product_rule(n: int) -> Any:
    """The sum that the product rule makes of the factored form."""
    return sympy.Add(*(term.expression() for term in logistic_product(n).derivative(X)))


def program(name: str, n: int, backend: str) -> Callable[[], int]:
    """Run the derivative program of an AD backend, and give what counts the elementary operations that this took.

    It counts them on the Wengert list of the program itself: that is not part of the cost.
    """
    if name == MAP:
        f, point = lambda x: find("logistic_loop").function(x, n), 0.2
    else:
        w, b, x = find("soft_relu").point(n)
        f, point = lambda w1: find("soft_relu").function([w1, *w[1:]], b, x), w[0]
    verb = db.gradient if backend == "reverse" else db.derivative  # each mode by the verb it is made for: one sweep
    derivative_of_f = verb(f, backend=backend)
    derivative_of_f(point)
    return lambda: len(db.trace(derivative_of_f, point))


FORMS = {  # form: its size, and its look in figures
    "f itself": (lambda name, n: tree_operations(symbolic(name, n)[0]), "function"),
    "tree": (lambda name, n: tree_operations(derivative(name, n)), "symbolic"),
    "distinct nodes": (lambda name, n: distinct_nodes(derivative(name, n)), "symbolic-graph"),
    "after CSE": (lambda name, n: shared_operations(derivative(name, n)), "symbolic-shared"),
    "product rule": (lambda name, n: tree_operations(product_rule(n)), "symbolic-product"),
    "expanded": (lambda name, n: tree_operations(logistic_polynomial(n).diff(X).as_expr()), "symbolic-expanded"),
    "simplified": (lambda name, n: tree_operations(sympy.simplify(derivative(name, n))), "symbolic-simplified"),
    "forward AD": (lambda name, n: program(name, n, "forward"), "forward"),
    "reverse AD": (lambda name, n: program(name, n, "reverse"), "reverse"),
}


def measure(problem: str, form: str, n: int) -> dict[str, Any]:
    """Size of one form, and the least of the seconds that making it took, or running it; up to five turns.

    Counting is part of making where the form only comes about by it (CSE), and next to nothing elsewhere.
    """
    seconds: list[float] = []
    while not seconds or (sum(seconds) < 0.05 and len(seconds) < 5):
        clear_cache()  # SymPy remembers derivatives
        start = time.perf_counter()
        size = FORMS[form][0](problem, n)
        seconds.append(time.perf_counter() - start)
    return {"size": int(size() if callable(size) else size), "seconds": min(seconds)}


# ------------------------------------------------------------------------------------------------------ expect

PUBLISHED = {"tree": [0, 2, 21, 82, 264, 768, 2096], "after CSE": [0, 2, 12, 27, 45, 67, 93]}  # of l_n', n = 1 ...
FORMULAS = (  # problem, form, size in n, from which n on
    (MAP, "f itself", "5 2^(n-2) - 2", lambda n: 5 * 2 ** (n - 2) - 2, 2),
    (MAP, "expanded", "3 2^(n-1) - 4", lambda n: 3 * 2 ** (n - 1) - 4, 2),
    (MAP, "distinct nodes", "(n^2 + 11n - 8) / 2", lambda n: (n * n + 11 * n - 8) // 2, 3),
    (MAP, "after CSE", "2n^2 - 5", lambda n: 2 * n * n - 5, 4),
    (CHAIN, "tree", "5n^2 + 5n - 1", lambda n: 5 * n * n + 5 * n - 1, 1),
    (CHAIN, "after CSE", "8n - 2", lambda n: 8 * n - 2, 1),
)


def expect(frame: Any) -> list[Claim]:
    """Exact counts (of SymPy 1.14), then the class of growth."""
    ok = frame[frame.status == "ok"].set_index("n")
    sizes = {key: rows["size"].astype(int) for key, rows in ok.groupby(["problem", "form"])}
    decided = sympy.__version__.startswith("1.14")
    claims = []
    for form, published in PUBLISHED.items():
        found = sizes[MAP, form].loc[: len(published)].tolist()
        holds = found == published[: len(found)] if decided else None
        claims.append(Claim(f"{MAP}, {form}: published sizes", holds, str(found), str(published)))
    for problem, form, text, formula, start in FORMULAS:
        wrong = [n for n, size in sizes[problem, form].loc[start:].items() if size != formula(n)]
        holds = not wrong if decided else None
        claims.append(Claim(f"{problem}, {form}: {text}", holds, f"not at n = {wrong}" if wrong else "all", "all"))
    for problem, form in ((problem, form) for problem in (MAP, CHAIN) for form in ("forward AD", "reverse AD")):
        added = sorted({*np.diff(sizes[problem, form].loc[2:]).tolist()})
        claims.append(Claim(f"{problem}, {form}: linear in n", added == [8], f"{added} for each n", "[8]"))
    growth = sizes[MAP, "tree"].iloc[-1] / sizes[MAP, "tree"].iloc[-2]
    claims.append(Claim(f"{MAP}, tree: more than doubles with n", growth > 2, f"{growth:.2f} times", "> 2"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def draw(frame: Any, problem: str, column: str, *labels: str, limit: float | None = None) -> tuple[Any, Any]:
    """One line a form, on a logarithmic scale."""
    figure, ax = plotting.figure(*labels)
    plotting.log_axes(ax, x=False)
    for form, rows in frame[frame.problem == problem].groupby("form", sort=False):
        plotting.series(ax, rows, "n", column, FORMS[form][1], form, limit)
    ax.set_xticks(sorted(set(frame[frame.problem == problem].n)))
    return figure, ax


def figures(frame: Any) -> dict[str, Any]:
    """Size and seconds of l_n', and size for the chain."""
    n = np.arange(1.0, frame[frame.problem == MAP].n.max() + 1)
    with plotting.style():
        title = "A tree swells, a graph does not: lₙ′ of the logistic map"
        swell, ax = draw(frame, MAP, "size", title, "n", "operations")
        plotting.guide(ax, n, 10 * n * 2**n, "n 2ⁿ", at=len(n) // 2, xytext=(-12, 8), ha="right")
        plotting.guide(ax, n, n**2 / 10, "n²", at=-2, xytext=(0, -10), va="top")
        plotting.label_lines(ax)
        seconds, ax = draw(frame, MAP, "seconds", "What making lₙ′ costs", "n", "time", limit=frame.limit_s.max())
        plotting.seconds(ax.yaxis)
        plotting.label_lines(ax)
        title = "No reuse, no swell: a chain of soft ReLUs"
        chain, ax = draw(frame, CHAIN, "size", title, "layers n", "operations")
        plotting.label_lines(ax)
    return {"logistic_map": swell, "logistic_map_seconds": seconds, "soft_relu": chain}


# ---------------------------------------------------------------------------- table: n = 1 ... 4, as in the lecture


def tables(frame: Any) -> dict[str, str]:
    """Table 1 of Baydin et al. 2018: the swell, seen."""
    return both("logistic_map", *logistic_table())

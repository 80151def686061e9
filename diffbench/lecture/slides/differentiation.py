"""Derivatives as code: the logistic map in three forms, the soft ReLU, difference quotients, and what a sweep costs."""

from typing import Any

import numpy as np
import sympy

import diffbench as db
from diffbench import plotting
from diffbench.expressions import logistic_product, logistic_table
from diffbench.lecture.slides.slide import Check, Slide
from diffbench.problems import problem

logistic = problem("logistic_loop").function


def logistic_map() -> Slide:
    """Table 1: l_n for n = 1 to 4, its derivative by the product rule, and the same simplified."""
    x, at = sympy.Symbol("x"), sympy.Rational(1, 5)
    checks = []
    for n, slope in enumerate((1, 2.4, -2.688, 9.0660864), start=1):
        terms = logistic_product(n).derivative(x)
        by_rule = sum(term.expression() for term in terms).subs(x, at)
        checks += [
            Check(f"l_{n}'(0.2), product rule", slope, by_rule, 0),
            Check(f"l_{n}'(0.2), forward mode", slope, db.derivative(lambda v, n=n: logistic(v, n))(0.2), 1e-14),
        ]
    return Slide("Logistic map", checks, *logistic_table())


def l4(x: Any) -> Any:
    """The closed form of l_4 as a program."""
    return 64 * x * (1 - x) * (1 - 2 * x) ** 2 * (1 - 8 * x + 8 * x**2) ** 2


def closed_form() -> Slide:
    """The closed form of l_4 and the loop: the same values and derivatives; and what the slide's line gives."""

    def printed(x: float) -> float:
        return 64 * (1 - x) * (1 - 2 * x) ** 2 * (1 - 8 * x + 8 * x**2) ** 2

    checks = [
        Check("closed form at 0.2", 0.28901376, l4(0.2), 1e-15),
        Check("loop at 0.2", 0.28901376, logistic(0.2, 4), 1e-15),
        Check("the slide's line at 0.2", 1.4450688, printed(0.2), 1e-14),
        Check("derivative of the closed form", 9.0660864, db.derivative(l4)(0.2), 1e-13),
        Check("derivative of the loop", 9.0660864, db.derivative(lambda x: logistic(x, 4))(0.2), 1e-13),
    ]
    rows = [
        ["closed form: $64 x (1 - x) (1 - 2x)^2 (1 - 8x + 8x^2)^2$", f"{l4(0.2):.8f}"],
        [r"loop: $v = x$, three times $v \leftarrow 4 v (1 - v)$", f"{logistic(0.2, 4):.8f}"],
        ["the line of the slide: $64 (1 - x) (1 - 2x)^2 (1 - 8x + 8x^2)^2$", f"{printed(0.2):.7f}"],
    ]
    note = "The line of the slide lacks the factor $x$; and its caret is Python's exclusive or: powers are written **."
    return Slide("$l_4$ at 0.2: closed form and loop", checks, ["program", "value"], rows, note=note)


def soft_relu() -> Slide:
    """d/dw of log(1 + exp(b + w x)), of one layer and of two: by formula and by reverse mode."""
    p = problem("soft_relu")
    one, two = (p.point(layers) for layers in (1, 2))
    gradient = db.gradient(p.function)
    w, x, b = 1.0, 2.0, 0.5
    slope = np.exp(b + w * x) / (1 + np.exp(b + w * x))
    (w1, w2), (b1, b2), _ = two
    inner = np.log(1 + np.exp(b1 + w1 * x))
    above = np.exp(b1 + b2 + w1 * x + w2 * inner) * w2 * x
    formula = above / ((1 + np.exp(b1 + w1 * x)) * (1 + np.exp(b2 + w2 * inner)))
    checks = [
        Check("d/dw = x e^z / (1 + e^z)", 1.84828363995751, x * slope, 5e-15),
        Check("d/dw, reverse mode", 1.84828363995751, gradient(*one)[0], 5e-15),
        Check("the slide's w e^z / (1 + e^z), which is d/dx", 0.92414181997876, w * slope, 5e-15),
        Check("d/dx, reverse mode", 0.92414181997876, db.gradient(p.function, argnum=2)(*one), 5e-15),
        Check("two layers: value", 1.70568534935065, p.function(*two), 5e-15),
        Check("two layers: d/dw_1 by the formula", 1.05878282175733, formula, 5e-15),
        Check("two layers: d/dw_1, reverse mode", 1.05878282175733, gradient(*two)[0], 5e-15),
    ]
    z = r"e^{b + w x}"
    deep = r"e^{b_2 + w_2 \log(1 + e^{b_1 + w_1 x})}"
    rows = [
        [r"$\partial y / \partial w$", rf"$x \frac{{{z}}}{{1 + {z}}}$", f"{x * slope:.14f}"],
        [r"$\partial y / \partial x$", rf"$w \frac{{{z}}}{{1 + {z}}}$", f"{w * slope:.14f}"],
        [
            r"$\partial y_2 / \partial w_1$",
            rf"$\frac{{e^{{b_1 + w_1 x}} {deep} w_2 x}}{{(1 + e^{{b_1 + w_1 x}})(1 + {deep})}}$",
            f"{formula:.14f}",
        ],
    ]
    note = "The slide prints $w$ in the place of $x$ in the derivative by $w$: that is the derivative by $x$."
    return Slide("Soft ReLU", checks, ["derivative", "formula", "value"], rows, note=note)


QUOTIENTS = {  # of l_4 at 0.2: errors at steps 1e-2, 1e-3, 1e-4, 1e-6; where round-off rules, none is printed
    ("finite-forward", 1): (2.72e-1, 3.30e-2, 3.36e-3, 3.37e-5),
    ("finite-central", 2): (6.57e-2, 6.58e-4, 6.58e-6, None),
    ("finite-central", 4): (4.02e-4, 4.01e-8, None, None),
    ("finite-central", 6): (1.42e-6, None, None, None),
}


def finite_differences() -> Slide:
    """Errors of difference quotients of l_4 at 0.2, against h; and at how many points each runs f for a gradient."""
    checks, rows, n = [], [], 10
    steps = (1e-2, 1e-3, 1e-4, 1e-6)
    for (backend, order), printed in QUOTIENTS.items():
        name = f"{backend.removeprefix('finite-')}, $h^{order}$"
        found = [quotient_error(backend, order, h) for h in steps]
        for h, expected, one in zip(steps, printed, found):
            if expected is not None:
                checks.append(Check(f"{name}, h = {h:g}", expected, one, 0.005 * expected))
        moved = moved_points(quotient(backend, order), n)
        checks.append(Check(f"{name}: points other than x, n = {n}", order * n, moved, 0))
        rows.append([name, *(f"{one:.2e}" for one in found), str(moved)])
    head = ["quotient", *(f"$h = 10^{{{k}}}$" for k in (-2, -3, -4, -6)), f"points beside $x$, $n = {n}$"]
    return Slide("Difference quotients of $l_4$ at 0.2", checks, head, rows, {"finite_differences": draw_errors()})


def quotient(backend: str, order: int, **options: float) -> db.Differentiator:
    """The backend of that order."""
    return db.get_backend(backend, **({"order": order} if backend == "finite-central" else {}), **options)


def quotient_error(backend: str, order: int, h: float) -> float:
    """The error at 0.2, where the derivative is 9.0660864 exactly."""
    return abs(db.derivative(l4, backend=quotient(backend, order, step=h))(0.2) - 9.0660864)


def moved_points(backend: db.Differentiator, n: int) -> int:
    """At how many points beside x itself f runs for one gradient of n variables."""
    runs: list[np.ndarray] = []

    def f(x: np.ndarray) -> np.ndarray:
        runs.append(x)
        return np.sum(x**2)

    at = np.arange(1.0, n + 1)
    db.gradient(f, backend=backend)(at)
    return sum(not np.array_equal(x, at) for x in runs)


def draw_errors() -> Any:
    """Error against h, for the forward and three central quotients."""
    steps = 10.0 ** np.arange(-15, -0.4, 0.25)
    with plotting.style():
        figure, ax = plotting.figure("Difference quotients of l₄ at x = 0.2", "step h", "error of the derivative")
        plotting.log_axes(ax)
        for backend, order in QUOTIENTS:
            errors = [max(quotient_error(backend, order, h), 1e-15) for h in steps]
            look, label = (
                (backend, "forward, h") if order == 1 else (f"{backend}-{order}", f"central, h{'  ² ⁴ ⁶'[order]}")
            )
            plotting.line(ax, steps, errors, look, label, markersize=5)
        plotting.label_lines(ax)
    return figure


def sweeps() -> Slide:
    """Operations of f, of one forward and of one reverse sweep, counted; n or m of them give the Jacobian."""
    checks, rows = [], []
    for n, m in ((1, 100), (10, 10), (100, 1)):
        x, v, u = np.linspace(0.1, 0.9, n), np.ones(n), np.ones(m)

        def f(x: Any, m: int = m) -> Any:
            y: Any = 0.5
            for entry in [*x] * (100 // len(x)):
                y = np.sin(y * entry) + y
            return np.stack([y * (k + 1) for k in range(m)])

        runs = {
            "f": len(db.trace(f, x)),
            "forward": len(db.trace(lambda x, f=f, v=v: db.jvp(f, backend="forward")(x, v), x)),
            "reverse": len(db.trace(lambda x, f=f, u=u: db.vjp(f, backend="reverse")(x, u), x)),
        }
        both = [runs["forward"] / runs["f"], runs["reverse"] / runs["f"]]
        checks.append(
            Check(f"n = {n}, m = {m}: a sweep costs 1 to 6 times f", [True, True], [1 <= r <= 6 for r in both], 0)
        )
        fewer = "forward" if n * runs["forward"] < m * runs["reverse"] else "reverse"
        rows.append(
            [str(n), str(m), *(str(runs[k]) for k in runs), str(n * runs["forward"]), str(m * runs["reverse"]), fewer]
        )
    head = [
        "$n$",
        "$m$",
        "operations of f",
        "a forward sweep",
        "a reverse sweep",
        "$n$ forward",
        "$m$ reverse",
        "fewer",
    ]
    return Slide("A Jacobian: O(n) forward or O(m) reverse sweeps", checks, head, rows)

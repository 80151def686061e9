"""The exercise at the end of each notebook, which checks an answer by itself, and a solution of each.

    exercise = EXERCISES["forward_mode"]
    exercise                     # shows the task
    exercise.check(answer)       # "Right.", or what is not right yet; never an exception

The check differentiates, counts or measures; it compares with no stored answer, so that other right answers are right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy

import diffbench as db
from diffbench.expressions import tree_operations
from diffbench.lecture.engine import Box, Graph, Node, backward_pass
from diffbench.lecture.examples import energy, gradient_with_a_mistake, relu_loss, sines
from diffbench.lecture.items import two_results
from diffbench.problems import problem

CLOSE = 1e-9


@dataclass(frozen=True)
class Verdict:
    """What a check found: `right` is None while there is no answer."""

    right: bool | None
    text: str

    def __repr__(self) -> str:
        return {True: "Right. ", False: "Not yet: ", None: ""}[self.right] + self.text


@dataclass(frozen=True)
class Exercise:
    """A task in Markdown; a judge that says what is wrong with an answer, or nothing; and one solution."""

    task: str
    judge: Callable[[Any], str | None]
    solution: Any
    praise: str

    def check(self, answer: Any) -> Verdict:
        """The verdict on an answer; what the answer raises is told."""
        if answer is ...:
            return Verdict(None, "Your turn: put your answer in the place of the three dots.")
        try:
            wrong = self.judge(answer)
        except Exception as error:
            wrong = f"it raises {type(error).__name__}: {error}"
        return Verdict(True, self.praise) if wrong is None else Verdict(False, wrong)

    def _repr_markdown_(self) -> str:
        return f"**Exercise.** {self.task}"


def differs(found: Any, expected: Any, where: str) -> str | None:
    """What is wrong with numbers, or nothing; shapes must agree too."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        return f"{where}, its shape is {found.shape} instead of {expected.shape}"
    off = np.abs(found - expected) > CLOSE * np.maximum(1, np.abs(expected))
    if not np.any(off) and np.all(np.isfinite(found)):
        return None
    place = tuple(int(k) for k in np.argwhere(off | ~np.isfinite(found))[0])
    entry = f", entry {place if len(place) > 1 else place[0]}" if place else ""
    return f"{where}{entry}, it gives {found[place]:.10g} instead of {expected[place]:.10g}"


# ------------------------------------------------------------------------------------ one judge for each exercise


def judge_slope(answer: Callable) -> str | None:
    """The derivative of `sines` by x, written by hand as a program."""
    for x, n in ((0.5, 3), (-2.0, 1), (1.0, 0), (3.0, 30)):
        truth = db.reference(lambda v, n=n: sines(v, n), x, quantity="derivative")
        if wrong := differs(answer(x, n), float(truth), f"at x = {x}, n = {n}"):
            return wrong
    return None


def slope_of_sines(x: float, n: int) -> float:
    """The chain rule along the loop."""
    slope = 1.0
    for _ in range(n):
        slope, x = np.cos(x) * slope, np.sin(x)
    return slope


def judge_map(answer: Callable) -> str | None:
    """A step whose iterates have a derivative that stays small as a tree."""
    l = x = sympy.Symbol("x")
    sizes = []
    for _ in range(8):
        l = answer(l)
        if not getattr(l, "has", lambda _: False)(x):
            return "the result does not depend on l any more"
        sizes.append(tree_operations(sympy.diff(l, x)))
    if sizes[-1] == 0:
        return "an affine step has nothing to swell: take one that is not"
    if sizes[-1] > 6 * sizes[3]:
        return f"the tree still explodes: {', '.join(map(str, sizes))} operations after 1, 2, ... 8 steps"
    return None


def central_error(h: float) -> float:
    """Error of the central quotient of exp at 1 with step h."""
    with mpmath.workdps(50):
        return float(abs((np.exp(1 + h) - np.exp(1 - h)) / (2 * h) - mpmath.e))


def judge_step(answer: float) -> str | None:
    """A step whose error is within a factor 10 of the typical best."""
    if not 0 < float(answer) < 1:
        return "a step lies between 0 and 1"
    around = [central_error(float(answer) * factor) for factor in np.linspace(0.9, 1.1, 21)]
    best = 3.7e-11  # eps^(2/3)
    typical = float(np.median(around))
    if typical > 10 * best:
        side = "smaller" if central_error(2 * float(answer)) > 2 * typical else "larger"
        return f"errors around it are about {typical:.0e}, where {best:.0e} is possible: try a {side} one"
    return None


def judge_push(answer: Callable) -> str | None:
    """Forward mode of the two-input example by hand."""
    for x, v in (((2.0, 3.0), (1.0, 0.0)), ((2.0, 3.0), (0.0, 1.0)), ((0.5, 1.5), (-1.0, 2.0))):
        expected = db.jvp(two_results, argnum=(0, 1))(*x, v)
        if wrong := differs(answer(*x, *v), expected, f"at x = {x} with the seed {v}"):
            return wrong
    return None


def push_by_hand(x1: float, x2: float, x1_dot: float, x2_dot: float) -> tuple[float, float]:
    """A tangent beside every value."""
    v1, v1_dot = x1 * x2, x1_dot * x2 + x1 * x2_dot
    return np.cos(v1) * v1_dot, v1_dot + x2_dot / x2


def judge_pull(answer: Callable) -> str | None:
    """Reverse mode of the two-input example by hand."""
    for x, u in (((2.0, 3.0), (1.0, 0.0)), ((2.0, 3.0), (0.0, 1.0)), ((0.5, 1.5), (-1.0, 2.0))):
        expected = db.vjp(two_results, argnum=(0, 1))(*x, u)
        if wrong := differs(answer(*x, *u), expected, f"at x = {x} with the seed {u}"):
            return wrong
    return None


def pull_by_hand(x1: float, x2: float, y1_bar: float, y2_bar: float) -> tuple[float, float]:
    """An adjoint for every value, from the end; v1 gathers two messages."""
    v1_bar = y1_bar * np.cos(x1 * x2) + y2_bar
    return v1_bar * x2, v1_bar * x1 + y2_bar / x2


def judge_hvp(answer: Callable) -> str | None:
    """H v by nesting two verbs, without the Hessian."""
    f = problem("rosenbrock").function
    x, v = np.linspace(0.5, 1.5, 200), np.cos(np.arange(200.0))
    runs: list[int] = []
    found = answer(lambda z: runs.append(1) or f(z), x, v)  # type: ignore[func-returns-value]
    if wrong := differs(found, db.hvp(f)(x, v), "for Rosenbrock's function"):
        return wrong
    if len(runs) > 4:
        return f"it runs f {len(runs)} times: for H v two or three should do"
    return None


def hvp_by_nesting(f: Callable, x: Any, v: Any) -> Any:
    """The derivative of the gradient along v: forward over reverse."""
    return db.jvp(db.gradient(f))(x, v)


def judge_vjp(answer: Callable) -> str | None:
    """A rule for the engine: tanh."""
    for x, outgrad in ((0.5, 1.0), (-2.0, 3.0)):
        expected = db.vjp(np.tanh)(x, outgrad)
        if wrong := differs(answer(outgrad, np.tanh(x)), expected, f"for x = {x}, outgrad = {outgrad}"):
            return wrong
    graph = Graph()
    y = np.tanh(Box(0.5, graph, Node()))
    return differs(answer(1.0, np.tanh(0.5)), backward_pass(1.0, y.node), "beside the engine's own rule")


def judge_backward(answer: Callable) -> str | None:
    """The backward pass of a relu layer, in NumPy's layout."""
    rng = np.random.default_rng(1)
    for shape in ((2, 3), (4, 1)):
        point = rng.standard_normal(shape), rng.standard_normal(shape[1]), rng.standard_normal(shape[0])
        expected = db.gradient(relu_loss, argnum=(0, 1, 2))(*point)
        for name, found, truth in zip(("W", "y", "b"), answer(*point), expected, strict=True):
            if wrong := differs(found, truth, f"the gradient by {name}"):
                return wrong
    return None


def relu_backward(W: Any, y: Any, b: Any) -> tuple[Any, Any, Any]:
    """relu(z) is its own slope's product with z: the cotangent of z is relu(z)."""
    z_bar = np.maximum(W @ y + b, 0.0)
    return np.outer(z_bar, y), W.T @ z_bar, z_bar


def judge_mistakes(answer: Any) -> str | None:
    """Which entries of that gradient are wrong."""
    x = np.array([0.5, -1.0, 2.0, 0.25, 1.5])
    off = np.abs(gradient_with_a_mistake(x) - db.gradient(energy)(x)) > CLOSE
    wrong = {int(k) for k in np.flatnonzero(off)}
    named = {int(k) % len(x) for k in answer}
    if innocent := named - wrong:
        return f"entry {min(innocent)} is right"
    if missed := len(wrong - named):
        return f"{missed} more"
    return None


EXERCISES = {
    "derivatives_as_code": Exercise(
        "Write `answer(x, n)`: the derivative of `sines(x, n)`, sin applied `n` times, by hand, as a loop.",
        judge_slope,
        slope_of_sines,
        "The chain rule along the loop: you have written forward mode.",
    ),
    "expression_swell": Exercise(
        "Replace `4*l*(1 - l)` by a step `answer(l)` on a SymPy expression, not affine, whose derivative does not "
        "explode as a tree when the step is iterated.",
        judge_map,
        lambda l: sympy.sin(l),
        "Each step uses the one before once: no reuse, no swell.",
    ),
    "step_size": Exercise(
        "Choose the step `answer` of the central quotient $(e^{1+h} - e^{1-h}) / 2h$, in double precision.",
        judge_step,
        6e-6,
        "About the cube root of machine epsilon: a thousandfold the best step of the forward quotient.",
    ),
    "forward_mode": Exercise(
        "Write `answer(x1, x2, x1_dot, x2_dot)`: the tangents `(y1_dot, y2_dot)` of $\\sin(x_1 x_2)$ and "
        "$x_1 x_2 + \\log x_2$, line by line beside the values.",
        judge_push,
        push_by_hand,
        "Every line has its tangent, and nothing had to be kept.",
    ),
    "reverse_mode": Exercise(
        "Write `answer(x1, x2, y1_bar, y2_bar)`: the adjoints `(x1_bar, x2_bar)` of the same function, from the last "
        "line to the first.",
        judge_pull,
        pull_by_hand,
        "v1 was used twice, and so its adjoint gathered two messages.",
    ),
    "cost_and_nesting": Exercise(
        "Write `answer(f, x, v)`: the Hessian of `f` at `x` times `v`, by nesting two verbs and without a Hessian.",
        judge_hvp,
        hvp_by_nesting,
        "Two verbs, nested, and no matrix.",
    ),
    "an_engine": Exercise(
        "Write the rule of tanh as Autograd's `defvjp` has it: `answer(outgrad, y)`, where `y` is tanh(x).",
        judge_vjp,
        lambda outgrad, y: outgrad * (1 - y * y),
        "One line for each function, and the engine does the rest.",
    ),
    "digits": Exercise(
        "Write `answer(W, y, b)`: the gradients of `relu_loss(W, y, b)`, half the sum of squares of max(W y + b, 0), "
        "by `W`, `y` and `b`, each in the shape of what it belongs to.",
        judge_backward,
        relu_backward,
        "y z̄ᵀ transposed, Wᵀ z̄, z̄.",
    ),
    "your_function": Exercise(
        "`gradient_with_a_mistake` is what a colleague wrote for `energy`. Which entries are wrong at "
        "`[0.5, -1.0, 2.0, 0.25, 1.5]`? Give their indices as a list.",
        judge_mistakes,
        [0, 4],
        "The product rule, forgotten at both ends.",
    ),
}

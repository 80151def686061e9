"""The programs of the lecture that are shown step by step, with their points and every number to ten digits and more.

Where a slide of the lecture errs, `note` says so, and the right number stands here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.lecture.autograd_view import boxes
from diffbench.lecture.model import WengertList
from diffbench.lecture.trace import trace
from diffbench.operators import gradient


@dataclass(frozen=True)
class Item:
    """One program of the lecture; values by the name of the step, tangents and adjoints by seed and name."""

    name: str
    title: str
    function: Any
    point: tuple
    values: dict[str, float]
    tangents: tuple[tuple[Any, dict[str, float]], ...] = ()
    adjoints: tuple[tuple[Any, dict[str, float]], ...] = ()
    note: str = ""

    def trace(self) -> WengertList:
        """The Wengert list at the point of the lecture."""
        return trace(self.function, *self.point)

    def numbers(self) -> Iterator[dict[str, Any]]:
        """Every number of the lecture beside the one found."""
        walk = self.trace()
        for name, expected in self.values.items():
            yield self.row("value", "", name, walk[name].value, expected)
        for seed, tangents in self.tangents:
            found = {walk.steps[pushed.step].name: pushed.tangent for pushed in walk.forward_steps(seed)}
            for name, expected in tangents.items():
                yield self.row("tangent", str(seed), name, found[name], expected)
        for seed, adjoints in self.adjoints:
            found = {walk.steps[pulled.step].name: pulled.adjoint for pulled in walk.reverse_steps(seed)}
            for name, expected in adjoints.items():
                yield self.row("adjoint", str(seed), name, found[name], expected)

    def row(self, kind: str, seed: str, step: str, found: Any, expected: float) -> dict[str, Any]:
        """One number as a row."""
        return {
            "item": self.name,
            "kind": kind,
            "seed": seed,
            "step": step,
            "found": float(found),
            "expected": expected,
        }


def squared_error(w, x, b, t):
    """Half the squared error of a logistic neuron, one primitive a line."""
    t1 = w * x
    z = t1 + b
    t3 = -z
    t4 = np.exp(t3)
    t5 = 1 + t4
    y = 1 / t5
    t6 = y - t
    t7 = t6**2
    L = t7 / 2
    return L  # noqa: RET504  (the variable names the step)


def log_of_product(a, b):
    """log(ab)."""
    c = a * b
    d = np.log(c)
    return d  # noqa: RET504


def two_results(x1, x2):
    """(sin(x1 x2), x1 x2 + log(x2)): two inputs, two results, and a value used twice."""
    v1 = x1 * x2
    v2 = np.log(x2)
    y1 = np.sin(v1)
    y2 = v1 + v2
    return y1, y2


def logistic(z):
    """The logistic function as Autograd traces it: reciprocal(add(1, exp(negative(z))))."""
    return np.reciprocal(1 + np.exp(-z))


ITEMS = (
    Item(
        "squared_error",
        "The primitive sequence, backward",
        squared_error,
        (2.0, 3.0, -4.0, 1.0),
        values={
            "t1": 6.0, "z": 2.0, "t3": -2.0, "t4": 0.1353352832, "t5": 1.1353352832, "y": 0.8807970780,
            "t6": -0.1192029220, "t7": 0.0142093366, "L": 0.00710466831,
        },
        adjoints=(
            (1.0, {
                "t7": 0.5, "t6": -0.1192029220, "y": -0.1192029220, "t5": 0.0924780432, "t4": 0.0924780432,
                "t3": 0.0125155422, "z": -0.0125155422, "b": -0.0125155422, "w": -0.0375466265, "x": -0.0250310843,
                "t": 0.1192029220,
            }),
        ),
    ),
    Item(
        "log_of_product",
        "f = log(ab) at (2, 3)",
        log_of_product,
        (2.0, 3.0),
        values={"c": 6.0, "d": 1.791759469228055},
        adjoints=((1.0, {"c": 1 / 6, "a": 0.5, "b": 1 / 3}),),
        note="The slide cuts log 6 off to 1.791; rounded, it is 1.792.",
    ),
    Item(
        "two_results",
        "f(x1, x2) = (sin(x1 x2), x1 x2 + log(x2)) at (2, 3)",
        two_results,
        (2.0, 3.0),
        values={"v1": 6.0, "v2": 1.0986122886681098, "y1": -0.27941549819892586, "y2": 7.09861228866811},
        tangents=(
            ((1, 0), {"x1": 1, "x2": 0, "v1": 3, "v2": 0, "y1": 2.880510859951098, "y2": 3}),
            ((0, 1), {"x1": 0, "x2": 1, "v1": 2, "v2": 1 / 3, "y1": 1.920340573300732, "y2": 7 / 3}),
        ),
        adjoints=(
            ((1, 0), {
                "y1": 1, "y2": 0, "v1": 0.960170286650366, "v2": 0, "x1": 2.880510859951098, "x2": 1.920340573300732,
            }),
            ((0, 1), {"y1": 0, "y2": 1, "v1": 1, "v2": 1, "x1": 3, "x2": 7 / 3}),
        ),
    ),
    Item(
        "logistic",
        "The logistic function as a graph of Autograd, at 1.5",
        logistic,
        (1.5,),
        values={"v1": -1.5, "v2": 0.22313016014842982, "v3": 1.22313016014843, "y": 0.8175744761936437},
        tangents=((1.0, {"y": 0.14914645207033286}),),
        adjoints=((1.0, {"z": 0.14914645207033286}),),
        note="The rules on the slide leave unbroadcast out, which Autograd's own rules of add and multiply have.",
    ),
)  # fmt: skip
"""What the lecture shows step by step."""

RULES = (np.negative, np.exp, np.log, np.add, np.multiply, np.subtract)
"""The functions whose rules the lecture lists."""


def item(name: str) -> Item:
    """The item of that name."""
    return next(found for found in ITEMS if found.name == name)


def nested_gradient(x: float) -> tuple[float, list]:
    """The derivative of f(x) = (d/dy of x y at y = x), which is 1, and the boxes around x y inside of both traces.

    Confusing the two perturbations gives 2. Autograd's docstring of TraceStack has this example.

    >>> slope, around = nested_gradient(5.0)
    >>> slope, len(around)
    (1.0, 3)
    """
    seen: list = []

    def f(x: Any) -> Any:
        def product(y: Any) -> Any:
            seen.append(boxes(x * y))
            return x * y

        return gradient(product, backend="reverse")(x)

    return float(gradient(f, backend="reverse")(x)), seen[0]

"""docs/support.md: every function of the table, run on every method that traces, with the verdict.

    python -m tests.primitives.support > docs/support.md

A verdict is found by running the first example of the row in a random direction: against central differences of order
four with the best of many steps, forward over reverse against differences of the gradient. `right` means that they
agree, `-` that the method refuses in words. Anything else would be a defect, and is written as WRONG.
"""

import warnings
from functools import partial

import numpy as np

import diffbench as db
from diffbench.array_methods import REFUSED
from diffbench.checks.primitives import differences
from diffbench.primitives import TABLE, rows_of_scipy
from diffbench.primitives.in_place import InPlace
from diffbench.primitives.kinds import Constant, Elementwise, Refused, Row
from tests.primitives.attributes import CALLS, X
from tests.primitives.examples import Example, from_text, of_elementwise
from tests.primitives.test_calls import gradient, inner, pushed

METHODS = ("forward", "reverse", "second order", "complex step", "symbolic", "50 digits")


def example_of(row: Row) -> Example | None:
    """The example that stands for a row."""
    if isinstance(row, Elementwise):
        return of_elementwise(row, ((3,),) * len(row.partials))
    return from_text(row, row.examples[0]) if row.examples else None


def slope(example: Example, method: str, direction: tuple):
    """The derivative along a direction, by a method."""
    f, point, argnum = example.f, example.point, example.argnums
    if method == "forward":
        return pushed(example, direction)
    if method == "50 digits":
        return np.array(db.reference(f, *point, direction, quantity="jvp", argnum=argnum), dtype=float)
    if method == "reverse":
        return db.jvp(f, argnum=argnum, backend="reverse")(*point, direction)
    options = {"branches": "real"} if method == "complex step" else {}
    backend = db.get_backend(method.replace(" ", "-"), **options)
    return db.jvp(f, argnum=argnum, backend=backend)(*point, direction)


class Judge:
    """An example in a random direction, with the first and second derivatives by differences that it must have."""

    def __init__(self, example: Example):
        self.example, self.direction = example, example.direction(seed=1)
        self.slopes = gradient(example, example.weights(seed=2))
        self.first = differences(lambda point: [example.f(*point)], example.point, self.direction)

    def verdict(self, method: str) -> str:
        """right, - or WRONG."""
        example = self.example
        try:
            if method == "second order":
                found = db.jvp(self.slopes, argnum=example.argnums)(*example.point, self.direction)
                expected = differences(lambda point: self.slopes(*point), example.point, self.direction)
                return "right" if agree(found, *expected) and np.isfinite(inner(found, found)) else "WRONG"
            return "right" if agree([slope(example, method, self.direction)], *self.first) else "WRONG"
        except db.DiffbenchError:
            return "-"
        except Exception as error:
            return f"WRONG: {type(error).__name__}"


def agree(found, expected, errors) -> bool:
    """Whether derivatives are those by differences, within the errors of these."""
    return all(
        np.shape(a) == np.shape(b) and np.all(np.abs(a - b) <= 10 * error + 1e-6 * (np.abs(b) + 0.1))
        for a, b, error in zip(found, expected, errors, strict=True)
    )


def group_of(row: Row) -> str:
    """The heading under which a row stands."""
    name = row.name.removeprefix("numpy.")
    if isinstance(row, Refused):
        return "Refused, with the reason"
    if isinstance(row, Constant):
        return "Piecewise constant: derivative zero"
    if isinstance(row, InPlace):
        return "Written in place: see tests/test_assignment.py"
    for prefix, heading in (("linalg.", "numpy.linalg"), ("fft.", "numpy.fft"), ("emath.", "numpy.emath")):
        if name.startswith(prefix) or prefix in name:
            return heading
    return "Elementwise" if isinstance(row, Elementwise) else "Arrays"


def public(row: Row) -> bool:
    """Whether users can call the function of a row."""
    return (getattr(row.function, "__module__", "") or "numpy").startswith("numpy") or isinstance(
        row.function, np.ufunc
    )


def line(name: str, example: Example, methods: tuple = METHODS) -> str:
    """The row of a function."""
    judge = Judge(example)
    return f"| `{name}` | {' | '.join(judge.verdict(method) for method in methods)} |"


HEAD = [f"| function | {' | '.join(METHODS)} |", f"|---|{'---|' * len(METHODS)}"]


def of_numpy(heading: str) -> list[str]:
    """What stands under a heading for functions of NumPy."""
    members = [row for row in ROWS if group_of(row) == heading]
    if heading.startswith("Refused"):
        return [f"- `{row.name}`: {row.why}" for row in members if isinstance(row, Refused)]
    if heading.startswith(("Piecewise", "Written")):
        return [", ".join(f"`{row.name}`" for row in members)]
    examples = [(row.name, example_of(row)) for row in members]
    return HEAD + [line(name, example) for name, example in examples if example is not None and example.point]


def of_arrays() -> list[str]:
    """Methods and attributes of an array."""
    lines, constant = list(HEAD), []
    for name, call in CALLS.items():
        if isinstance(value := call(X), np.ndarray | float) and np.asarray(value).dtype.kind == "f":
            lines.append(line(f"x.{name}", Example(name, ROWS[0], call, (X,))))
        else:
            constant.append(f"`x.{name}`")
    lines += ["", f"Plain values, as of an ndarray: {', '.join(constant)}.", ""]
    lost = "`x.item`, `x.tolist`: they would lose the trace"
    return (
        lines
        + [f"- {', '.join(f'`x.{name}`' for name in names)}: {why}" for why, names in REFUSED.items()]
        + [f"- {lost}"]
    )


def of_scipy(methods: tuple = METHODS) -> list[str]:
    """The ufuncs of scipy.special, at a point at which their tests know the truth."""
    from tests.primitives.test_scipy_special import TRUTH, differentiable, function_of

    lines = list(HEAD)
    for name, (_, points) in sorted(TRUTH.items()):
        points = [point if isinstance(point, tuple) else (point,) for point in points]
        ordinary = [point for point in points if all(0.05 < abs(x) < 10 and x != -round(abs(x)) for x in point)]
        point = (ordinary or points)[0]
        moving = differentiable(name, point)
        if moving and not name.startswith("_"):
            lines.append(line(f"scipy.special.{name}", _with_fixed(function_of(name), point, moving), methods))
    refused = [row for row in rows_of_scipy().values() if isinstance(row, Refused)]
    return [*lines, "", "Refused, with the reason:", "", *[f"- `{row.name}`: {row.why}" for row in refused]]


def _with_fixed(function, point: tuple, moving: list[int]) -> Example:
    """A function of those of its arguments that have a derivative."""

    def f(*args):
        mixed = list(point)
        for position, arg in zip(moving, args):
            mixed[position] = arg
        return function(*mixed)

    return Example(function.__name__, ROWS[0], f, tuple(point[position] for position in moving))


ROWS = sorted(filter(public, TABLE.values()), key=lambda row: (group_of(row), row.name.lower()))
SECTIONS = {heading: partial(of_numpy, heading) for heading in dict.fromkeys(map(group_of, ROWS))}
SECTIONS |= {"Methods and attributes of arrays": of_arrays, "scipy.special": of_scipy}


def section(heading: str) -> str:
    """One section of the page."""
    return "\n".join([f"## {heading}", "", *SECTIONS[heading](), ""])


def page() -> str:
    """The page as Markdown."""
    lines = [
        "# What is supported, as tested",
        "",
        "Made by `python -m tests.primitives.support > docs/support.md`, which runs an example of every row of the",
        "table (diffbench/primitives/) by every method that traces f. *right*: it agrees with central differences;",
        "*-*: the method refuses in words. Second order is forward over reverse. Complex step runs with",
        "`branches='real'`. Finite differences take every function.",
        "",
    ]
    return "\n".join([*lines, *map(section, SECTIONS)])


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(page())

"""docs/support.md: every function of the table, run on every method that traces, with the verdict.

    python -m tests.primitives.support > docs/support.md

A verdict is found by running the first example of the row in a random direction: against central differences of order
four, forward over reverse against differences of the gradient. `right` means that they agree, `-` that the method
refuses in words. Anything else would be a defect, and is written as WRONG.
"""

import itertools
import warnings

import numpy as np

import diffbench as db
from diffbench.primitives import TABLE
from diffbench.primitives.in_place import InPlace
from diffbench.primitives.kinds import Constant, Elementwise, Refused, Row
from tests.primitives.examples import Example, from_text, of_elementwise
from tests.primitives.test_calls import by_differences, gradient, inner, pushed

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


def verdict(example: Example, method: str) -> str:
    """right, - or WRONG."""
    direction = example.direction(seed=1)
    try:
        if method == "second order":
            weights = example.weights(seed=2)
            found = db.jvp(gradient(example, weights), argnum=example.argnums)(*example.point, direction)
            slopes = gradient(example, weights)
            expected = tuple(
                by_differences(lambda *point, i=i: slopes(*point)[i], example.point, direction)
                for i in range(len(found))
            )
            close = all(np.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(found, expected))
            return "right" if close and np.isfinite(inner(found, found)) else "WRONG"
        found = slope(example, method, direction)
        expected = by_differences(example.f, example.point, direction)
        return "right" if np.allclose(found, expected, rtol=1e-6, atol=1e-7) else "WRONG"
    except db.DiffbenchError:
        return "-"
    except Exception as error:
        return f"WRONG: {type(error).__name__}"


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
    rows = sorted((row for row in TABLE.values() if public(row)), key=lambda row: (group_of(row), row.name.lower()))
    for heading, members in itertools.groupby(rows, key=group_of):
        lines += [f"## {heading}", ""]
        if heading.startswith("Refused"):
            lines += [f"- `{row.name}`: {row.why}" for row in members if isinstance(row, Refused)]
        elif heading.startswith(("Piecewise", "Written")):
            lines.append(", ".join(f"`{row.name}`" for row in members))
        else:
            lines += [f"| function | {' | '.join(METHODS)} |", f"|---|{'---|' * len(METHODS)}"]
            for row in members:
                example = example_of(row)
                if example is not None and example.point:
                    lines.append(f"| `{row.name}` | {' | '.join(verdict(example, method) for method in METHODS)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(page())

"""What the tests of the table run on: one call for each example of each row, with a point away from kinks and ties."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffbench.primitives import TABLE
from diffbench.primitives.kinds import Elementwise, Row
from tests.cases import each

NUMPY = {name: getattr(np, name) for name in dir(np)}


def spaced(*shape: int, seed: int) -> np.ndarray:
    """Numbers between -2 and 2, in random order, no two closer than a third of their mean distance, none near zero."""
    rng, size = np.random.default_rng(seed), int(np.prod(shape))
    steps = 4 / (size + 1)
    numbers = -2 + steps * (np.arange(size) + 0.55 + rng.uniform(0, 0.6, size))
    numbers = np.where(abs(numbers) < 0.05, 0.05 + 0.1 * steps, numbers)
    return rng.permutation(numbers).reshape(shape)


VARIABLES = {
    "s": 0.7,
    "v": spaced(3, seed=1),
    "w": spaced(3, seed=2),
    "A": spaced(3, 4, seed=3),
    "B": spaced(4, 2, seed=4),
    "S": spaced(3, 3, seed=5),
    "T": spaced(2, 3, 4, seed=6),
}
CONSTANTS = {
    "I": np.array([2, 0, 2, 1]) % 3,
    "M": np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]]),
}


@dataclass(frozen=True)
class Example:
    """A call f(*point) that goes through a row of the table."""

    name: str
    row: Row
    f: Callable
    point: tuple

    @property
    def argnums(self) -> tuple[int, ...]:
        return tuple(range(len(self.point)))

    def direction(self, seed: int, dtype: type = float) -> tuple:
        """A random direction in the space of the point."""
        rng = np.random.default_rng(seed)
        return tuple(rng.uniform(-1, 1, np.shape(x)).astype(dtype)[()] for x in self.point)

    def weights(self, seed: int, dtype: type = float) -> np.ndarray:
        """A random array in the space of the result."""
        return np.random.default_rng(seed).uniform(-1, 1, np.shape(self.f(*self.point))).astype(dtype)[()]


def from_text(row: Row, text: str) -> Example:
    """The example that a row gives as a text, as a function of the floating variables in it."""
    tree = ast.parse(text, mode="eval")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    variables = [name for name in VARIABLES if name in used]
    code = compile(tree, text, "eval")

    def f(*args):
        return eval(code, {**NUMPY, **CONSTANTS, **dict(zip(variables, args))})

    return Example(text, row, f, tuple(VARIABLES[name] for name in variables))


def sample(row: Elementwise, shapes: tuple, seed: int = 0) -> tuple:
    """Operands of an elementwise function, inside its domain; the mask of `where` as a mask."""
    rng = np.random.default_rng(seed)
    operands = []
    for partial, (low, high), shape in zip(row.partials, row.domain, shapes):
        x = rng.uniform(low, high, shape) if shape is not float else float(rng.uniform(low, high))
        operands.append(x > 0 if row.function is np.where and partial is None else x)
    return tuple(operands)


def of_elementwise(row: Elementwise, shapes: tuple, label: str = "") -> Example:
    """An elementwise function at random operands of these shapes; operands without derivative stay fixed."""
    operands = sample(row, shapes)
    moving = [i for i, partial in enumerate(row.partials) if partial]

    def f(*args):
        mixed = list(operands)
        for i, arg in zip(moving, args):
            mixed[i] = arg
        return row.function(*mixed)

    return Example(f"{row.name}{label}", row, f, tuple(operands[i] for i in moving))


def broadcast_examples(row: Elementwise) -> list[Example]:
    """An elementwise function at arrays of one shape, and with each operand in turn broadcast against the others."""
    whole = ((3, 4),) * len(row.partials)
    examples = [of_elementwise(row, whole)]
    for position in range(len(whole)):
        for shape in ((4,), (3, 1), (), float):
            shapes = (*whole[:position], shape, *whole[position + 1 :])
            label = "number" if shape is float else shape
            examples.append(of_elementwise(row, shapes, f"-{row.variables[position]} {label}"))
    return examples


ROWS = list(TABLE.values())
ELEMENTWISE = [row for row in ROWS if isinstance(row, Elementwise)]
CALLS = [from_text(row, text) for row in ROWS for text in row.examples]
EXAMPLES = [example for row in ELEMENTWISE for example in broadcast_examples(row)] + CALLS


OF_REALS = [e for e in EXAMPLES if not re.search(r"\bfft\.(?!i?fftshift)|\dj\b", e.name)]
"""Those that have no complex number on the way, which exact arithmetic does not know."""


def named(example: Example) -> str:
    return example.name.removeprefix("numpy.")


def row_of(example: Example) -> str:
    return example.row.name.removeprefix("numpy.")


def each_of(examples: list[Example]) -> Callable:
    """Parametrise a test over examples, those of a row in one item."""
    return each("example", examples, by=row_of, label=named)

"""How many operations a function and its derivative programs do, held against the cheap-gradient bounds.

The programs of source.py are traced themselves, and their operations counted: of what runs, not of what theory says.
One operation is one addition, multiplication, division, comparison of numbers, or one call of an elementary function;
moving numbers costs nothing. Baur, Strassen 1983 (gradient within 5); Griewank, Walther 2008, §4.
"""

import math
from typing import Any

import numpy as np

from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.source import function_name, source
from diffbench.lecture.tables import StepTable, step_table
from diffbench.lecture.trace import trace
from diffbench.primitives.arrays import shape_of
from diffbench.primitives.elementwise import WHERE
from diffbench.primitives.extrema import MAX, MIN
from diffbench.primitives.joining import CONCATENATE, STACK
from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.products import MATMUL
from diffbench.primitives.reductions import MEAN, PROD, SUM
from diffbench.primitives.running import CUMPROD, CUMSUM
from diffbench.primitives.structural import ASSEMBLE, ASSIGN, ASTYPE, BROADCAST_TO, INDEX, PIECE, RESHAPE, TRANSPOSE
from diffbench.structure import unflatten

BOUNDS = {"value": 1.0, "forward": 4.0, "reverse": 5.0}
"""Of a program of + - * alone, each one operation: a product and its tangent are 1 + 3, and its two adjoints 1 + 4."""
MOVING = (
    ASSEMBLE, ASSIGN, ASTYPE, BROADCAST_TO, INDEX, PIECE, RESHAPE, TRANSPOSE, CONCATENATE, STACK, WHERE,
)  # fmt: skip
ONCE_AN_ENTRY = (SUM, MEAN, PROD, MAX, MIN, CUMSUM, CUMPROD)


def operation_counts(walk: WengertList) -> StepTable:
    """Operations of the programs for the value, a tangent and a gradient; their ratio to f; the bound for + - *.

    The column `not counted` names the primitives whose operations nobody can see from outside (solve, sort, ...).
    Raises UnsupportedVerb where a program has no text.

    >>> import numpy as np, diffbench as db
    >>> w = db.trace(lambda x, y, z: x * y * z, 2.0, 3.0, 4.0)
    >>> w.operation_counts()[["program", "operations", "ratio", "bound"]]
       program operations ratio bound
    0    value          2   1.0   1.0
    1  forward          8   4.0   4.0
    2  reverse          6   3.0   5.0
    """
    inputs = [walk.steps[place].value for place in walk.inputs]
    point = walk.function.put_together(inputs)
    rows: list[dict[str, Any]] = []
    for mode in BOUNDS:
        namespace: dict[str, Any] = dict(walk.constants)
        exec(source(walk, mode), namespace)
        program = namespace[f"{function_name(walk)}_{mode}"]
        seeds: list = []
        if mode == "forward":
            seeds = walk.function.put_together([np.ones_like(x)[()] for x in inputs])
        elif mode == "reverse":
            ones = [np.ones(shape_of(walk.steps[place].value))[()] for place in walk.results]
            seeds = [unflatten(walk.function.result_structure, ones)]
        steps = trace(program, *point, *seeds).steps
        counts = [operations(step) for step in steps if not step.is_input]
        rows.append(
            {
                "program": mode,
                "operations": sum(count or 0 for count in counts),
                "bound": BOUNDS[mode],
                "not counted": ", ".join(
                    sorted({s.primitive for s in steps if not s.is_input and operations(s) is None})
                ),
            }
        )
    least = rows[0]["operations"]
    ratios = [row["operations"] / least if least else math.nan for row in rows]
    columns = ("program", "operations", "ratio", "bound", "not counted")
    table = [{name: (row | {"ratio": ratio})[name] for name in columns} for row, ratio in zip(rows, ratios)]
    return step_table(table, f"{walk.name}: operations")


def operations(step: Step) -> int | None:
    """The operations of one step; None where they cannot be told."""
    primitive, shape = step.entry.primitive, step.shape
    if primitive in MOVING or primitive is None or getattr(primitive, "function", None) is np.positive:
        return 0
    if isinstance(primitive, Elementwise):
        return math.prod(shape)
    if primitive in ONCE_AN_ENTRY:
        return math.prod(shape_of(step.operands[0].value))
    if primitive is MATMUL:
        return math.prod(shape) * (2 * shape_of(step.operands[0].value)[-1] - 1)
    return None

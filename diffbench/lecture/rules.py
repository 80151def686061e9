"""The table of primitives as functions, for the lines of a derivative program that have no plainer text."""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from diffbench.primitives import TABLE, rows_of_scipy
from diffbench.primitives.kinds import PrimitiveRow
from diffbench.primitives.partial import RULE_NAMES
from diffbench.primitives.structural import ASSIGN


def row(name: str) -> Any:
    """The primitive of that name, such as "numpy.linalg.solve", in the table or behind a function of the table."""
    for found in (*TABLE.values(), *rows_of_scipy().values(), *_behind_the_table()):
        if found.name == name and isinstance(found, PrimitiveRow):
            return found
    raise KeyError(name)


@cache
def _behind_the_table() -> list[PrimitiveRow]:
    """Primitives that functions of the table are made of, and which have names of their own."""
    modules = [vars(module) for name, module in list(sys.modules.items()) if name.startswith("diffbench.primitives.")]
    return [value for module in modules for value in module.values() if isinstance(value, PrimitiveRow)]


def evaluate(name: str, *operands: Any, **params: Any) -> Any:
    """The value of a primitive.

    >>> import numpy as np
    >>> evaluate("numpy.sum", np.array([1.0, 2.0]), axis=(0,), keepdims=False)
    np.float64(3.0)
    """
    return row(name)(*operands, **params)


def jvp(name: str, y: Any, operands: Sequence, tangents: dict[int, Any], **params: Any) -> Any:
    """The tangent of y = primitive(*operands, **params), from the tangents of operands by their positions."""
    primitive, wanted = row(name), list(tangents)
    return primitive.push(list(tangents.values()), primitive.keep(y, operands, wanted, params))


def vjp(name: str, y: Any, operands: Sequence, position: int, cotangent: Any, **params: Any) -> Any:
    """The cotangent of one operand of y = primitive(*operands, **params), from that of y."""
    primitive = row(name)
    return primitive.pull(cotangent, primitive.keep(y, operands, [position], params))[0]


def assigned(x: Any, index: Any, value: Any) -> Any:
    """The array x after x[index] = value, as a new array."""
    return ASSIGN(x, value, index=index, own=False)


def rule(name: str) -> Callable:
    """A helper that the texts of local derivatives use, such as `share` for the maximum of two numbers."""
    return RULE_NAMES[name]

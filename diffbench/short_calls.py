"""The short way for the most frequent functions of arrays: an entry of the Wengert list without binding and dispatch.

Each looks at its operands and returns the value and the entry (see tape.py), or None for all else, which takes the long
way through the primitive, with the same result.
"""

from functools import cache
from typing import Any

import numpy as np

from diffbench.primitives.products import MATMUL
from diffbench.primitives.reductions import SUM
from diffbench.short_way import SHORT, bottom


def record_sum(tape: Any, a: Any, *others: Any) -> tuple[Any, tuple] | None:
    """np.sum of an array over all axes; outer traces may watch it too."""
    if others or a.__class__ not in SHORT or a._trace is not tape:
        return None
    array: Any = bottom(a)
    if array.__class__ is not np.ndarray or array.dtype.kind != "f":
        return None
    x = a.primal
    y = np.add.reduce(array, axis=None) if x is array else x.__array_function__(np.sum, (), (x,), {})
    return y, ([a.index], ([0], [array.shape], over_all_axes(array.ndim)), SUM)


@cache
def over_all_axes(rank: int) -> dict:
    """The params of a sum of all entries; for all to read."""
    return {"axis": tuple(range(rank)), "keepdims": False}


def record_dot(tape: Any, a: Any, b: Any, *others: Any) -> tuple[Any, tuple] | None:
    """np.dot of vectors and matrices, of which one may be plain."""
    x = a.primal if a.__class__ in SHORT and a._trace is tape else a
    y = b.primal if b.__class__ in SHORT and b._trace is tape else b
    if others or x.__class__ is not np.ndarray or y.__class__ is not np.ndarray:
        return None
    if x.dtype.kind != "f" or y.dtype.kind != "f" or not 0 < x.ndim <= 2 or not 0 < y.ndim <= 2:
        return None
    product = np.dot(x, y)
    if a is x:
        return product, ([b.index], ([(1, tape.copy_of(x), y.shape)], {}), MATMUL)
    if b is y:
        return product, ([a.index], ([(0, tape.copy_of(y), x.shape)], {}), MATMUL)
    return product, ([a.index, b.index], ([(0, y, x.shape), (1, x, y.shape)], {}), MATMUL)


SHORT_CALLS: dict[Any, Any] = {np.sum: record_sum, np.dot: record_dot}

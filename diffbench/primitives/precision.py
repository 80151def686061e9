"""Results with more digits than what moves them, as the float32 of a float16 and a constant: tangents need them too.

Cotangents have them by themselves, as they come from the result.
"""

from collections.abc import Sequence
from typing import Any

from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.primitive import Primitive


class Widening(Primitive):
    """A primitive to which tangents come in the dtype of its result."""

    def __init__(self, primitive: Any, dtype: Any):
        self.primitive, self.name, self.dtype = primitive, primitive.name, dtype
        self.keep, self.pull = primitive.keep, primitive.pull  # type: ignore[method-assign]
        self.remembers = primitive.remembers

    def push(self, tangents, kept):
        wide = [t if t.__class__ is float else t.astype(self.dtype, copy=False) for t in tangents]
        return self.primitive.push(wide, kept)


def widening(primitive: Any, y: Any, operands: Sequence, wanted: Sequence[int]) -> Any:
    """The primitive, or its widening form where the plain result y has more digits than each operand that moves."""
    dtype = getattr(y, "dtype", None)
    if dtype is None or dtype.kind != "f":
        return primitive
    for position in wanted:
        own = dtype_of(operands[position])
        if own is dtype or own.itemsize >= dtype.itemsize:
            return primitive
    return Widening(primitive, dtype)


def keeps_its_dtype(x: Any, constant: Any) -> bool:
    """Whether a sum of a traced value with a plain constant, no number of Python, has the dtype of the value."""
    return dtype_of(x).itemsize >= constant.dtype.itemsize

"""Many directions at once: a value with a hidden first axis, one entry for each direction.

Functions see the value without that axis. Tangents of forward mode and cotangents of reverse mode that are batched make
one pass serve many directions, so that the cost in Python does not grow with their number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.assignment import Held
from diffbench.dispatch import TracedArray
from diffbench.errors import TraceLost, user_location
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.primitives.structural import INDEX


class Batched(TracedArray):
    """`values` holds the batch along its first axis; of an array that a rule assigns to, the value it stands for."""

    __slots__ = ("_trace", "values")
    _trace: Trace

    def __init__(self, values: Any, trace: "BatchTrace"):
        self.values, self._trace = values, trace

    @property
    def shape(self) -> tuple[int, ...]:
        shape = shape_of(self.values)
        return shape if self._trace.__class__ is Held else shape[1:]

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    @property
    def primal(self) -> Any:
        return self.values

    @primal.setter
    def primal(self, value: Any) -> None:
        self.values = value

    def __bool__(self) -> bool:
        values: Any = self.values
        while isinstance(values, Traced):
            values = values.primal
        truths = set(map(bool, values))
        if len(truths) == 1:
            return truths.pop()
        raise TraceLost(
            "a rule decides by the value of a tangent or cotangent, which differs among the directions of a batch",
            where=user_location(),
            why="the directions of a Jacobian pass through a rule all at once",
            hint="write the rule with np.where instead of `if`",
        )


class BatchTrace(Trace):
    """Applies every primitive to the whole batch by its batch rule, or else entry by entry."""

    __slots__ = ("count",)

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def wrap(self, values: Any) -> Batched:
        """A batched value of this trace."""
        return Batched(values, self)

    def unwrap(self, value: Any) -> Any:
        """The values of a result along the batch axis, also where it does not depend on the batch."""
        if isinstance(value, Batched) and value._trace is self:
            return value.values
        return np.broadcast_to(value, (self.count, *shape_of(value)))

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        batched = [isinstance(x, Batched) and x._trace is self for x in operands]
        values = [x.values if flag else x for x, flag in zip(operands, batched)]
        result = primitive.batch(values, batched, params)
        if result is NotImplemented:
            result = self._one_by_one(primitive, values, batched, params)
        return Batched(result, self)

    def _one_by_one(self, primitive: Primitive, values: Sequence, batched: Sequence[bool], params: dict) -> Any:
        if not self.count:  # zeros tell the shape and the dtype of what there is none of
            values = [np.zeros((1, *shape_of(x)[1:]), dtype_of(x)) if flag else x for x, flag in zip(values, batched)]
        images = [
            primitive(*[INDEX(x, index=i) if flag else x for x, flag in zip(values, batched)], **params)
            for i in range(max(self.count, 1))
        ]
        return np.stack(images)[: self.count]

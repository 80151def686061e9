"""Sums, means, products, extrema and running versions of them."""

from typing import Any

import numpy as np

from diffbench.primitives.kinds import Linear, rank_of, spread


def normalised_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes of a reduction as ascending non-negative integers.

    >>> normalised_axes(-1, 3), normalised_axes(None, 2)
    ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, int):
        return (axis + rank if axis < 0 else axis,)
    return tuple(sorted(int(a) + rank if a < 0 else int(a) for a in np.atleast_1d(axis)))


def expand_reduced(g: Any, axis: tuple[int, ...], keepdims: bool, shape: tuple[int, ...]) -> Any:
    """A reduced array with unit axes where it was reduced, ready to broadcast against the operand."""
    if keepdims:
        return g
    return np.reshape(g, tuple(1 if a in axis else n for a, n in enumerate(shape)))


def _bind_sum(a, axis=None, dtype=None, out=None, keepdims=False):
    return (a,), {"axis": normalised_axes(axis, rank_of(a)), "keepdims": bool(keepdims)}


def _sum_transpose(g, position, shapes, axis, keepdims):
    (shape,) = shapes
    if len(axis) == len(shape) and not keepdims:
        return spread(g, shape)
    return np.broadcast_to(expand_reduced(g, axis, keepdims, shape), shape)


SUM = Linear(
    np.sum,
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.add.reduce(a, axis=axis, keepdims=keepdims),
    transpose=_sum_transpose,
    batch_rule=lambda operands, batched, axis, keepdims: np.sum(
        operands[0], axis=tuple(a + 1 for a in axis), keepdims=keepdims
    ),
    examples=["sum(A)", "sum(A, axis=0)", "sum(T, axis=(0, -1))", "sum(A, axis=1, keepdims=True)", "sum(s)"],
)

ROWS = [SUM]

"""Functions that move entries without changing them: shapes, indexing, joining. All are linear."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.primitives.kinds import Constant, Linear, rank_of, shape_of, unbroadcast

# -- indexing ----------------------------------------------------------------------------------------------------------


def assemble(*pieces: Any, indices: Sequence, shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros of a shape, with each piece added at its index; repeated entries of an index add up."""
    total = np.zeros(shape, np.result_type(dtype, *[np.asarray(piece).dtype for piece in pieces]))
    for piece, index in zip(pieces, indices):
        add_at(total, index, piece)
    return total


def add_at(total: np.ndarray, index: Any, piece: Any) -> None:
    """total[index] += piece, where repeated entries of an index array add up."""
    if selects_each_entry_once(index):
        total[index] += piece
    else:
        np.add.at(total, index, piece)


def selects_each_entry_once(index: Any) -> bool:
    """Whether an index cannot name an entry twice: integers, slices, None, Ellipsis and masks."""
    parts = index if type(index) is tuple else (index,)
    return all(
        isinstance(part, int | np.integer | slice | type(None) | type(Ellipsis))
        or (isinstance(part, np.ndarray | np.bool) and part.dtype == bool)
        for part in parts
    )


def _freeze_index(index: Any) -> Any:
    """A copy of an index that later changes of the user's arrays and lists do not reach."""
    if type(index) is tuple:
        return tuple([_freeze_index(part) for part in index])
    if isinstance(index, list):
        return np.array(index, dtype=int if not index else None)
    return index.copy() if isinstance(index, np.ndarray) else index


def _bind_index(x, index):
    return (x,), {"index": _freeze_index(index)}


def _index_transpose(cotangent, position, shapes, index):
    return ASSEMBLE(cotangent, indices=(index,), shape=shapes[0], dtype=cotangent.dtype)


def _behind_batch_axis(index: Any) -> tuple | None:
    """The index that does the same behind a new first axis; None where NumPy would move the axes of the result.

    NumPy puts the axes of several index arrays that do not stand side by side first.
    """
    parts = index if type(index) is tuple else (index,)
    arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray | bool | np.bool)]
    if arrays:
        arrays = [i for i, part in enumerate(parts) if isinstance(part, np.ndarray | int | np.integer)]
        if any(isinstance(part, bool | np.bool) for part in parts) or arrays[-1] - arrays[0] >= len(arrays):
            return None
    return (slice(None), *parts)


def _index_batch(operands, batched, index):
    behind = _behind_batch_axis(index)
    return NotImplemented if behind is None else INDEX(operands[0], index=behind)


def _assemble_transpose(cotangent, position, shapes, indices, shape, dtype):
    return unbroadcast(INDEX(cotangent, index=indices[position]), shapes[position])


def _assemble_batch(operands, batched, indices, shape, dtype):
    behind = [_behind_batch_axis(index) for index in indices]
    if any(index is None for index in behind):
        return NotImplemented
    count = next(shape_of(x)[0] for x, flag in zip(operands, batched) if flag)
    pieces = [x if flag else np.broadcast_to(x, (count, *shape_of(x))) for x, flag in zip(operands, batched)]
    return ASSEMBLE(*pieces, indices=behind, shape=(count, *shape), dtype=dtype)


INDEX = Linear(
    operator.getitem,
    name="indexing",
    bind=_bind_index,
    evaluate=lambda x, index: x[index],
    transpose=_index_transpose,
    batch_rule=_index_batch,
)
ASSEMBLE = Linear(assemble, name="assemble", bind=None, transpose=_assemble_transpose, batch_rule=_assemble_batch)


# -- shapes ------------------------------------------------------------------------------------------------------------


def _bind_reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    shape = newshape if shape is None else shape
    if order != "C":
        raise TypeError("only order='C'")
    given = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if -1 in given:
        known = -int(np.prod(given, dtype=int))
        size = int(np.prod(shape_of(a), dtype=int))
        given = tuple(size // known if n == -1 and known else n for n in given)
    return (a,), {"shape": given}


RESHAPE = Linear(
    np.reshape,
    bind=_bind_reshape,
    evaluate=lambda a, shape: np.reshape(a, shape),
    transpose=lambda g, position, shapes, shape: np.reshape(g, shapes[0]),
    batch_rule=lambda operands, batched, shape: np.reshape(operands[0], (shape_of(operands[0])[0], *shape)),
    examples=["reshape(A, (2, 6))", "reshape(A, -1)", "reshape(A, (3, -1, 2))", "reshape(s, (1, 1))"],
)


def _bind_transpose(a, axes=None):
    rank = rank_of(a)
    order = tuple(range(rank))[::-1] if axes is None else tuple(int(axis) % rank for axis in axes)
    return (a,), {"axes": order}


TRANSPOSE = Linear(
    np.transpose,
    bind=_bind_transpose,
    evaluate=lambda a, axes: np.transpose(a, axes),
    transpose=lambda g, position, shapes, axes: np.transpose(g, np.argsort(axes)),
    batch_rule=lambda operands, batched, axes: np.transpose(operands[0], (0, *[axis + 1 for axis in axes])),
    examples=["transpose(A)", "transpose(T, (1, 2, 0))", "transpose(T, (-1, 0, 1))"],
)


def _broadcast_batch(operands, batched, shape):
    (x,) = operands
    missing = len(shape) - (rank_of(x) - 1)
    count, *rest = shape_of(x)
    return np.broadcast_to(np.reshape(x, (count, *(1,) * missing, *rest)), (count, *shape))


BROADCAST_TO = Linear(
    np.broadcast_to,
    bind=lambda array, shape, subok=False: ((array,), {"shape": (shape,) if isinstance(shape, int) else tuple(shape)}),
    evaluate=lambda array, shape: np.broadcast_to(array, shape),
    transpose=lambda g, position, shapes, shape: unbroadcast(g, shapes[0]),
    batch_rule=_broadcast_batch,
    examples=["broadcast_to(v, (2, 3))", "broadcast_to(s, (2,))", "broadcast_to(v[:, None], (3, 4))"],
)

ASTYPE = Linear(
    np.astype,
    bind=lambda x, dtype, copy=True, device=None: ((x,), {"dtype": np.dtype(dtype)}),
    evaluate=lambda x, dtype: np.asarray(x).astype(dtype)[()],
    transpose=lambda g, position, shapes, dtype: g,
    batch_rule=lambda operands, batched, dtype: np.astype(operands[0], dtype),
    examples=["astype(A, float)"],
)

ROWS = [INDEX, ASSEMBLE, RESHAPE, TRANSPOSE, BROADCAST_TO, ASTYPE,
    Constant(np.shape), Constant(np.ndim), Constant(np.size),
    Constant(np.zeros_like, bind=lambda a, **kw: ((a,), kw)),
    Constant(np.ones_like, bind=lambda a, **kw: ((a,), kw)),
    Constant(np.full_like, bind=lambda a, fill_value, **kw: ((a, fill_value), kw)),
]

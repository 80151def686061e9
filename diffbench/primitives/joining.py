"""Joining arrays and taking them apart: concatenate, stack, split, tile, pad and their relatives. All are linear."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from diffbench.primitives.arrays import as_array, as_operand, constants, dtype_of, rank_of, shape_of
from diffbench.primitives.kinds import Composite, Linear, NotCovered, only_default
from diffbench.primitives.structural import ASSEMBLE, INDEX


def along(axis: int, index: Any) -> tuple:
    """The index that picks from one axis, counted from the front, and leaves all others as they are."""
    return (slice(None),) * axis + (index,)


def is_axis_of_number(axis: Any, x: Any) -> bool:
    """Whether this is the one axis that some functions of NumPy let a number have."""
    return axis in (0, -1) and not rank_of(x)


# -- concatenate and stack ---------------------------------------------------------------------------------------------


class Concatenate(Linear):
    """Its transpose serves all wanted operands in one pass, since there may be many."""

    def pull(self, cotangent, kept):
        wanted, shapes, params = kept
        return self.transpose(cotangent, wanted, shapes, **params)


def _slices(cotangent, wanted, shapes, axis):
    stops = list(accumulate(shape[axis] for shape in shapes))
    return [INDEX(cotangent, index=along(axis, slice(stops[i] - shapes[i][axis], stops[i]))) for i in wanted]


def _arrays_to_join(arrays: Any, out: Any, dtype: Any, casting: Any) -> list:
    only_default(out=out)
    arrays = [as_operand(x) for x in arrays]
    if dtype is None:
        return arrays
    for x in arrays:
        np.empty(0, dtype_of(x)).astype(dtype, casting=casting)  # raises where NumPy would not convert
    return [np.astype(as_array(x), dtype, copy=False) for x in arrays]


def _bind_concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = _arrays_to_join(arrays, out, dtype, casting)
    if axis is None:
        return [np.ravel(x) for x in arrays], {"axis": 0}
    return arrays, {"axis": normalize_axis_index(axis, rank_of(arrays[0]))}


def _bind_stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    arrays = _arrays_to_join(arrays, out, dtype, casting)
    return arrays, {"axis": normalize_axis_index(axis, rank_of(arrays[0]) + 1)}


def _evaluate_stack(*arrays: Any, axis: int) -> Any:
    if axis == 0 and not any(rank_of(x) for x in arrays):
        return np.array(arrays)  # np.stack would make a small array of each number first
    return np.stack(arrays, axis)


def _behind_batch_axis(row_of: Callable[[], Linear]) -> Callable:
    """The batch rule of joining: all operands get the batch axis, and the axis of the join moves behind it."""

    def batch_rule(operands, batched, axis):
        count = next(shape_of(x)[0] for x, flag in zip(operands, batched) if flag)
        whole = [x if flag else np.broadcast_to(x, (count, *shape_of(x))) for x, flag in zip(operands, batched)]
        return row_of()(*whole, axis=axis + 1)

    return batch_rule


CONCATENATE: Linear = Concatenate(
    np.concatenate,
    bind=_bind_concatenate,
    evaluate=lambda *arrays, axis: np.concatenate(arrays, axis),
    transpose=_slices,
    batch_rule=_behind_batch_axis(lambda: CONCATENATE),
    examples=[
        "concatenate([v, w])",
        "concatenate([A, S, A[:, :1]], axis=1)",
        "concatenate((A, S), axis=-1)",
        "concatenate([A, v, s], axis=None)",
        "concatenate([v[:0], v, ones(2)])",
    ],
)
STACK: Linear = Linear(
    np.stack,
    bind=_bind_stack,
    evaluate=_evaluate_stack,
    transpose=lambda g, position, shapes, axis: INDEX(g, index=along(axis, position)),
    batch_rule=_behind_batch_axis(lambda: STACK),
    examples=["stack([v, w])", "stack([v, w, v], axis=-1)", "stack([A, A], 1)", "stack([s, v[0], 2.0])"],
)


def _expand_vstack(tup, *, dtype=None, casting="same_kind"):
    return np.concatenate([np.atleast_2d(as_operand(x)) for x in tup], 0, dtype=dtype, casting=casting)


def _expand_hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [np.atleast_1d(as_operand(x)) for x in tup]
    return np.concatenate(arrays, 0 if rank_of(arrays[0]) == 1 else 1, dtype=dtype, casting=casting)


def _expand_dstack(tup):
    return np.concatenate([np.atleast_3d(as_operand(x)) for x in tup], 2)


def _expand_column_stack(tup):
    arrays = [as_operand(x) for x in tup]
    return np.concatenate([x if rank_of(x) >= 2 else np.reshape(x, (-1, 1)) for x in arrays], 1)


def _expand_append(arr, values, axis=None):
    return np.concatenate([arr, values], axis)


def _expand_block(arrays):
    depth = _depth(arrays)
    rank = max(depth, *[rank_of(x) for x in _leaves(arrays)], 0)

    def join(part: Any, level: int) -> Any:
        if isinstance(part, list):
            return np.concatenate([join(piece, level - 1) for piece in part], -level)
        return np.reshape(part, (*(1,) * (rank - rank_of(part)), *shape_of(part)))

    return join(arrays, depth) if depth else np.copy(arrays)


def _depth(blocks: Any) -> int:
    return 1 + max(map(_depth, blocks), default=0) if isinstance(blocks, list) else 0


def _leaves(blocks: Any) -> list:
    return [leaf for part in blocks for leaf in _leaves(part)] if isinstance(blocks, list) else [blocks]


# -- split -------------------------------------------------------------------------------------------------------------


def _pieces(ary: Any, function: Callable, indices_or_sections: Any, axis: int) -> list:
    """The pieces into which np.split or np.array_split cuts an array; NumPy shows where, by cutting 0, 1, 2, ..."""
    axis = normalize_axis_index(axis, rank_of(ary))
    numbers = function(np.arange(shape_of(ary)[axis]), indices_or_sections)
    return [ary[along(axis, slice(k[0], k[-1] + 1) if len(k) else slice(0, 0))] for k in numbers]


def _expand_split(ary, indices_or_sections, axis=0):
    return _pieces(ary, np.split, indices_or_sections, axis)


def _expand_array_split(ary, indices_or_sections, axis=0):
    return _pieces(ary, np.array_split, indices_or_sections, axis)


def _check_rank(ary: Any, least: int, name: str) -> None:
    if rank_of(ary) < least:
        raise ValueError(f"{name} only works on arrays of {least} or more dimensions")


def _expand_hsplit(ary, indices_or_sections):
    _check_rank(ary, 1, "hsplit")
    return _pieces(ary, np.split, indices_or_sections, 0 if rank_of(ary) == 1 else 1)


def _expand_vsplit(ary, indices_or_sections):
    _check_rank(ary, 2, "vsplit")
    return _pieces(ary, np.split, indices_or_sections, 0)


def _expand_dsplit(ary, indices_or_sections):
    _check_rank(ary, 3, "dsplit")
    return _pieces(ary, np.split, indices_or_sections, 2)


def _expand_unstack(x, /, *, axis=0):
    return tuple(np.moveaxis(x, axis, 0))


# -- repetition and padding --------------------------------------------------------------------------------------------


def _expand_tile(A, reps):
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    rank = max(len(reps), rank_of(A))
    reps, shape = (1,) * (rank - len(reps)) + reps, (1,) * (rank - rank_of(A)) + shape_of(A)
    side_by_side = np.broadcast_to(np.reshape(A, _interleave((1,) * rank, shape)), _interleave(reps, shape))
    return np.reshape(side_by_side, [r * n for r, n in zip(reps, shape)])


def _interleave(first: Sequence, second: Sequence) -> list:
    return [n for pair in zip(first, second) for n in pair]


def _expand_repeat(a, repeats, axis=None):
    if axis is None or is_axis_of_number(axis, a):
        a, axis = np.ravel(a), 0
    shape, axis = shape_of(a), normalize_axis_index(axis, rank_of(a))
    if np.ndim(repeats):
        return np.take(a, np.repeat(np.arange(shape[axis]), repeats), axis)
    before, n, after = shape[:axis], shape[axis], shape[axis + 1 :]
    side_by_side = np.broadcast_to(np.reshape(a, (*before, n, 1, *after)), (*before, n, repeats, *after))
    return np.reshape(side_by_side, (*before, n * repeats, *after))


def _expand_pad(
    array, pad_width, mode="constant", *, constant_values=0, reflect_type="even", stat_length=None, end_values=0
):
    if not rank_of(array):
        return np.positive(array)  # a number has no axis to pad
    if mode == "constant":
        return _pad_with_constant(array, pad_width, constant_values)
    if mode in PADDING_BY_STATISTIC or mode == "linear_ramp":
        lengths = np.broadcast_to(np.asarray(stat_length, object), (rank_of(array), 2))
        ends = np.broadcast_to(constants(end_values, array), (rank_of(array), 2))
        for axis, widths in enumerate(_widths(pad_width, rank_of(array))):
            array = _pad_with_layers(array, axis, widths, mode, lengths[axis], ends[axis])
        return array
    if mode not in ("edge", "reflect", "symmetric", "wrap") or reflect_type != "even":
        raise NotCovered(f"mode={mode!r}, reflect_type={reflect_type!r}")
    for axis, (n, width) in enumerate(zip(shape_of(array), _widths(pad_width, rank_of(array)))):
        if any(width):
            array = np.take(array, np.pad(np.arange(n), width, mode), axis)
    return array


def _pad_with_constant(array: Any, pad_width: Any, constant_values: Any) -> Any:
    shape, widths = shape_of(array), _widths(pad_width, rank_of(array))
    inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, shape))
    whole = tuple(before + n + after for (before, after), n in zip(widths, shape))
    padded = ASSEMBLE(array, indices=(inside,), shape=whole, dtype=array.dtype)
    if np.any(constant_values):
        padded = padded + np.pad(np.zeros(shape, array.dtype), widths, constant_values=constant_values)
    return padded


PADDING_BY_STATISTIC: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def _pad_with_layers(array: Any, axis: int, widths: Any, mode: str, lengths: Any, ends: Any) -> Any:
    """Pad one axis with a statistic of the entries at each end, or with ramps from given values."""
    n = shape_of(array)[axis]
    layers = []
    for side, (width, length, end) in enumerate(zip(widths, lengths, ends)):
        if mode == "linear_ramp":
            edge = array[along(axis, slice(n - 1, n) if side else slice(0, 1))]
            steps = np.reshape(
                constants(np.arange(width) / max(width, 1), array),
                [-1 if k == axis else 1 for k in range(rank_of(array))],
            )
            ramp = end + (edge - end) * steps
            layers.append(np.flip(ramp, axis) if side else ramp)
        else:
            length = n if length is None else min(int(length), n)
            part = array[along(axis, slice(n - length, n) if side else slice(length))]
            value = PADDING_BY_STATISTIC[mode](part, axis=axis, keepdims=True)
            shape = shape_of(array)
            layers.append(np.broadcast_to(value, (*shape[:axis], width, *shape[axis + 1 :])))
    return np.concatenate([layers[0], array, layers[1]], axis)


def _widths(pad_width: Any, rank: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        given = {normalize_axis_index(axis, rank): np.broadcast_to(width, 2) for axis, width in pad_width.items()}
        pad_width = [given.get(axis, (0, 0)) for axis in range(rank)]
    return [(int(before), int(after)) for before, after in np.broadcast_to(pad_width, (rank, 2))]


# fmt: off
ROWS = [
    CONCATENATE, STACK,
    Composite(np.vstack, _expand_vstack, examples=["vstack([v, w, A.T[:, :3]])", "vstack((A, A))"]),
    Composite(np.hstack, _expand_hstack, examples=["hstack([v, s, w])", "hstack([A, S])"]),
    Composite(np.dstack, _expand_dstack, examples=["dstack([A, A])", "dstack([v, w])", "dstack([T, T])"]),
    Composite(np.column_stack, _expand_column_stack, examples=["column_stack([v, A, w])"]),
    Composite(np.append, _expand_append, examples=["append(v, w)", "append(A, v)", "append(A, S, axis=1)"]),
    Composite(np.block, _expand_block, examples=["block([[S, A], [A.T, ones((4, 4))]])", "block([s, v])", "block(v)",
                                                 "block([[[s, v]]])"]),
    Composite(np.split, _expand_split, examples=["add(*split(A, 2, axis=1))", "split(A, [1, 2])[1]",
                                                 "split(A, [3, 1], -1)[0]"]),
    Composite(np.array_split, _expand_array_split, examples=["array_split(A, 3, axis=1)[0]", "array_split(v, 2)[1]"]),
    Composite(np.hsplit, _expand_hsplit, examples=["multiply(*hsplit(A, 2))", "hsplit(v, 3)[2]"]),
    Composite(np.vsplit, _expand_vsplit, examples=["vsplit(A, 3)[1]"]),
    Composite(np.dsplit, _expand_dsplit, examples=["multiply(*dsplit(T, 2))"]),
    Composite(np.tile, _expand_tile, examples=["tile(v, 2)", "tile(A, (2, 1, 3))", "tile(s, (2, 2))", "tile(A, 2)"]),
    Composite(np.repeat, _expand_repeat, examples=["repeat(v, 2)", "repeat(A, 3, axis=1)", "repeat(A, 2)",
                                                   "repeat(A, [1, 0, 2], axis=0)", "repeat(s, 3)"]),
    Composite(np.pad, _expand_pad,
              examples=["pad(v, 2)", "pad(A, ((1, 0), (2, 3)))", "pad(v, (1, 2), 'edge')", "pad(A, 2, mode='reflect')",
                        "pad(A, 1, mode='symmetric')", "pad(v, 2, mode='wrap')", "pad(v, 1, constant_values=7.0)",
                        "pad(A, 2, 'mean')", "pad(A, 1, 'maximum', stat_length=2)", "pad(v, (1, 2), 'median')",
                        "pad(A, 1, 'minimum')", "pad(v, 2, 'linear_ramp')",
                        "pad(A, 2, 'linear_ramp', end_values=3.0)"]),
    Composite(np.unstack, _expand_unstack, examples=["add(*unstack(A[:2]))", "unstack(A, axis=1)[2]"]),
]
# fmt: on

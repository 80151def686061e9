"""Functions that move entries without changing them: indexing and its transpose, shapes, dtypes. All are linear.

What is made of them stands in joining.py and selecting.py.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.memory import zeros
from diffbench.primitives.arrays import as_operand, dtype_of, rank_of, shape_of, spread, unbroadcast
from diffbench.primitives.kinds import Composite, Constant, Linear, NotCovered
from diffbench.primitives.primitive import Traced


class ViewRow(Linear):
    """A function whose result can be a view: what is assigned to one of the two, the other has as well."""

    writable = True

    def call(self, args, kwargs):
        (operand,), params = self.bound(args, kwargs)
        y = self(operand, **params)
        return operand.viewed(y, self, params, writable=self.writable) if isinstance(operand, Traced) else y


class ReadOnlyViewRow(ViewRow):
    """A function whose result is a view that nobody may assign to."""

    writable = False


def strided(a: Any, index: tuple, writable: bool = True) -> Any:
    """a[index], where NumPy gives a view although there are arrays in the index: a diagonal."""
    y = INDEX(a, index=index)
    return a.viewed(y, INDEX, {"index": index}, always=True, writable=writable) if isinstance(a, Traced) else y


# -- indexing ----------------------------------------------------------------------------------------------------------


def assemble(*pieces: Any, indices: Sequence, shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros of a shape, with each piece added at its index; repeated entries of an index add up."""
    others = [piece for piece in pieces if piece.__class__ is not float and getattr(piece, "dtype", None) is not dtype]
    if others:
        dtype = np.result_type(dtype, *[np.asarray(piece).dtype for piece in others])
    total = zeros(shape, dtype)
    for place, (piece, index) in enumerate(zip(pieces, indices)):
        if index.__class__ is int:
            total[index] += piece
        elif place == 0 and selects_each_entry_once(index):
            total[index] = piece
        else:
            add_at(total, index, piece)
    return total


def _holds_objects(piece: Any) -> bool:
    """Whether a piece is made of symbols or exact numbers; None and text are for NumPy to convert."""
    if isinstance(piece, float | int | complex | str | None):
        return False
    return getattr(piece, "dtype", np.dtype(object)).hasobject


def add_at(total: np.ndarray, index: Any, piece: Any) -> None:
    """total[index] += piece, where repeated entries of an index array add up."""
    if selects_each_entry_once(index):
        total[index] += piece
    else:
        np.add.at(total, index, piece)


def selects_each_entry_once(index: Any) -> bool:
    """Whether an index cannot name an entry twice: integers, slices, None, Ellipsis and masks."""
    if index.__class__ is int or index.__class__ is slice:
        return True
    parts = index if type(index) is tuple else (index,)
    return all(
        isinstance(part, int | np.integer | slice | type(None) | type(Ellipsis))
        or (isinstance(part, np.ndarray | np.bool) and part.dtype == bool)
        for part in parts
    )


def frozen_index(index: Any) -> Any:
    """A copy of an index that later changes of the user's arrays and lists do not reach."""
    if type(index) is tuple:
        return tuple([frozen_index(part) for part in index])
    if isinstance(index, list):
        return np.array(index, dtype=int if not index else None)
    return index.copy() if isinstance(index, np.ndarray) else index


def _bind_index(x, index):
    return (x,), {"index": frozen_index(index)}


def _piece_of(x: Any, index: Any) -> Any:
    return (np.asarray(x) if x.__class__ is float else x)[index]


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


def _index_batch(operands, batched, index, primitive=None):
    behind = _behind_batch_axis(index)
    return NotImplemented if behind is None else (primitive or INDEX)(operands[0], index=behind)


def _assemble_transpose(cotangent, position, shapes, indices, shape, dtype):
    if cotangent.__class__ is np.ndarray and cotangent.ndim == 1 and indices[position].__class__ is int:
        return cotangent[indices[position]]
    return unbroadcast(INDEX(cotangent, index=indices[position]), shapes[position])


def _assemble_batch(operands, batched, indices, shape, dtype):
    behind = [_behind_batch_axis(index) for index in indices]
    if any(index is None for index in behind):
        return NotImplemented
    count = next(shape_of(x)[0] for x, flag in zip(operands, batched) if flag)
    pieces = [x if flag else np.broadcast_to(x, (count, *shape_of(x))) for x, flag in zip(operands, batched)]
    return ASSEMBLE(*pieces, indices=behind, shape=(count, *shape), dtype=dtype)


INDEX: Linear = ViewRow(
    operator.getitem,
    name="indexing",
    bind=_bind_index,
    evaluate=_piece_of,
    transpose=_index_transpose,
    batch_rule=_index_batch,
    examples=[
        "T[1]",
        "T[1, 2, 3]",
        "A[:, -1]",
        "A[::-1, 1:3]",
        "T[..., 0]",
        "v[:, None] * A",
        "A[I]",
        "v[I]",
        "A[I, I]",
        "A[[0, 0, 2]]",
        "A[M]",
        "A[:, M[0]]",
        "T[[0, 1, 1], :, [2, 0, 2]]",
        "T[:, I, 1:]",
        "A[()]",
        "A[2:2]",
    ],
)
ASSEMBLE = Linear(assemble, name="assemble", bind=None, transpose=_assemble_transpose, batch_rule=_assemble_batch)
PIECE: Linear = Linear(
    operator.getitem,
    name="a copy of a piece",
    evaluate=lambda x, index: np.array(x[index])[()],
    transpose=_index_transpose,
    batch_rule=lambda operands, batched, index: _index_batch(operands, batched, index, PIECE),
)
"""Indexing that never gives a view: the array that it reads from may be written to."""


# -- item assignment, as a function of the array before it and of what is assigned -------------------------------------


def _assign(x: Any, value: Any, index: Any, own: bool) -> Any:
    """x with the entries at an index replaced, written into the memory of x itself where that is the caller's own."""
    dtype = np.result_type(x, value) if np.iscomplexobj(value) else x.dtype
    if not own or x.dtype != dtype:
        x = np.array(x, object if _holds_objects(value) else dtype)
    x[index] = value
    return x


def _assign_transpose(cotangent, position, shapes, index, own):
    if position == 0:
        return ASSIGN(cotangent, 0.0, index=index, own=False)
    return as_assigned(INDEX(cotangent, index=index), index, shapes)


def as_assigned(piece: Any, index: Any, shapes: Sequence[tuple[int, ...]]) -> Any:
    """The cotangent of an assigned value from the cotangent of the entries at the index.

    Where an index names an entry several times, the last value is the one that stays.
    """
    whole, shape = shapes
    if not selects_each_entry_once(index):
        positions = np.reshape(np.arange(math.prod(whole)), whole)[index]
        last = np.full(math.prod(whole), -1)
        last[np.ravel(positions)] = np.arange(positions.size)
        piece = np.where(last[positions] == np.reshape(np.arange(positions.size), positions.shape), piece, 0.0)
    surplus = len(shape) - rank_of(piece)  # NumPy takes values with more axes, if those have length one
    if surplus > 0:
        return np.reshape(unbroadcast(piece, shape[surplus:]), shape)
    return unbroadcast(piece, shape)


def _assign_batch(operands, batched, index, own):
    (x, value), (x_moves, value_moves) = operands, batched
    count = shape_of(x if x_moves else value)[0]
    if not x_moves:  # each direction needs an array of its own, whoever holds this one
        x, own = np.broadcast_to(x, (count, *shape_of(x))), False
    shape, behind = shape_of(x), _behind_batch_axis(index)
    if behind is None:
        size = math.prod(shape[1:])
        x, behind = RESHAPE(x, shape=(count, size)), (slice(None), np.reshape(np.arange(size), shape[1:])[index])
    if value_moves:
        rank = np.broadcast_to(0.0, shape_of(x))[behind].ndim
        _, *rest = shape_of(value)
        value = np.reshape(value, (count, *(1,) * (rank - 1 - len(rest)), *rest[max(len(rest) - rank + 1, 0) :]))
    y = ASSIGN(x, value, index=behind, own=own)
    return y if shape_of(y) == shape else RESHAPE(y, shape=shape)


ASSIGN: Linear = Linear(_assign, name="item assignment", transpose=_assign_transpose, batch_rule=_assign_batch)


# -- shapes ------------------------------------------------------------------------------------------------------------


def _bind_reshape(a, /, shape, order="C", *, copy=None):
    if copy:
        a = a.copy()
    if order == "F":  # the last axis runs fastest where the first did
        reversed_shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)[::-1]
        a = np.transpose(np.reshape(np.transpose(a), reversed_shape))
        return (a,), {"shape": shape_of(a)}
    if order != "C":
        raise NotCovered(f"order={order!r}: it depends on how NumPy keeps the array in memory")
    given = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if -1 in given:
        known = -int(np.prod(given, dtype=int))
        size = int(np.prod(shape_of(a), dtype=int))
        given = tuple(size // known if n == -1 and known else n for n in given)
    return (a,), {"shape": given}


RESHAPE: Linear = ViewRow(
    np.reshape,
    bind=_bind_reshape,
    evaluate=lambda a, shape: np.reshape(a, shape),
    transpose=lambda g, position, shapes, shape: RESHAPE(g, shape=shapes[0]),
    batch_rule=lambda operands, batched, shape: RESHAPE(operands[0], shape=(shape_of(operands[0])[0], *shape)),
    examples=[
        "reshape(A, (2, 6))",
        "reshape(A, -1)",
        "reshape(A, (3, -1, 2))",
        "reshape(s, (1, 1))",
        "reshape(A[:0], (0, 5))",
        "reshape(A, (2, 6), order='F')",
        "reshape(A, -1, 'F')",
    ],
)


def _bind_transpose(a, axes=None):
    rank = rank_of(a)
    if axes is None:
        return (a,), {"axes": tuple(range(rank - 1, -1, -1))}
    axes = (axes,) if isinstance(axes, int | np.integer) else axes
    return (a,), {"axes": tuple([axis + rank if axis < 0 else axis for axis in map(operator.index, axes)])}


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes another."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


TRANSPOSE: Linear = ViewRow(
    np.transpose,
    bind=_bind_transpose,
    evaluate=lambda a, axes: np.transpose(a, axes),
    transpose=lambda g, position, shapes, axes: TRANSPOSE(g, axes=_inverse(axes)),
    batch_rule=lambda operands, batched, axes: TRANSPOSE(operands[0], axes=(0, *[axis + 1 for axis in axes])),
    examples=["transpose(A)", "transpose(T, (1, 2, 0))", "transpose(T, (-1, 0, 1))"],
)


def _broadcast_batch(operands, batched, shape):
    (x,) = operands
    missing = len(shape) - (rank_of(x) - 1)
    count, *rest = shape_of(x)
    return np.broadcast_to(np.reshape(x, (count, *(1,) * missing, *rest)), (count, *shape))


BROADCAST_TO = ReadOnlyViewRow(
    np.broadcast_to,
    bind=lambda array, shape, subok=False: ((array,), {"shape": (shape,) if isinstance(shape, int) else tuple(shape)}),
    evaluate=spread,
    transpose=lambda g, position, shapes, shape: unbroadcast(g, shapes[0]),
    batch_rule=_broadcast_batch,
    examples=["broadcast_to(v, (2, 3))", "broadcast_to(s, (2,))", "broadcast_to(v[:, None], (3, 4))"],
)

# -- shapes that NumPy itself works out -------------------------------------------------------------------------------


def _reshaped(a: Any, function: Callable, *args: Any) -> Any:
    """a in the shape that a function of NumPy, which only changes shapes, gives a stand-in without memory."""
    return np.reshape(a, function(np.broadcast_to(0.0, shape_of(a)), *args).shape)


def _permuted(a: Any, function: Callable, *args: Any) -> Any:
    """a with its axes in the order in which a function of NumPy puts them; the lengths of a stand-in number them."""
    return np.transpose(a, function(np.empty(range(rank_of(a))), *args).shape)


def _expand_ravel(a, order="C"):
    if order not in ("C", "F"):
        raise NotCovered(f"order={order!r}")
    return np.reshape(np.transpose(a) if order == "F" else a, -1)


def _at_least(function: Callable) -> Callable:
    def expand(*arys):
        arrays = tuple([_reshaped(a, function) for a in arys])
        return arrays[0] if len(arrays) == 1 else arrays

    return expand


def _expand_broadcast_arrays(*args, subok=False):
    shape = np.broadcast_shapes(*[shape_of(a) for a in args])
    return tuple([a if shape_of(a) == shape else np.broadcast_to(a, shape) for a in map(as_operand, args)])


def _expand_meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    axes = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        axes[:2] = 1, 0
    rays = [np.reshape(x, [-1 if k == axis else 1 for k in range(len(xi))]) for x, axis in zip(xi, axes)]
    grids = rays if sparse else _expand_broadcast_arrays(*rays)
    return tuple(map(np.copy, grids)) if copy else tuple(grids)


# -- dtypes, and arrays like others ------------------------------------------------------------------------------------


def _cast(x: Any, dtype: np.dtype, origin: np.dtype) -> Any:
    x = np.asarray(x)
    return x if x.dtype.hasobject else x.astype(dtype)[()]  # symbols and exact numbers have no dtype to change


def _cast_back(g: Any, origin: np.dtype) -> Any:
    return g if dtype_of(g) == origin else ASTYPE(g, dtype=origin, origin=dtype_of(g))


ASTYPE: Linear = Linear(
    _cast,
    name="numpy.astype",
    transpose=lambda g, position, shapes, dtype, origin: _cast_back(g if origin.kind == "c" else np.real(g), origin),
    batch_rule=lambda operands, batched, dtype, origin: ASTYPE(operands[0], dtype=dtype, origin=origin),
)
TO_INTEGER = Constant(lambda x, dtype: np.asarray(x).astype(dtype)[()], name="numpy.astype", exact="trunc(x)")
TO_BOOL = Constant(lambda x: np.asarray(x).astype(bool)[()], name="numpy.astype", exact="Ne(x, 0)")


def _expand_astype(x, dtype, /, *, copy=True, device=None):
    x, dtype = as_operand(x), np.dtype(dtype)
    if dtype == x.dtype:
        return x.copy() if copy and shape_of(x) else x
    if dtype.kind == "f" and x.dtype.kind == "c":
        raise NotCovered(f"dtype={dtype} of complex numbers: write x.real")
    if dtype.kind in "fc":
        return ASTYPE(x, dtype=dtype, origin=x.dtype)
    if dtype.kind in "iu":
        return TO_INTEGER(x, dtype=dtype)
    if dtype.kind == "b":
        return TO_BOOL(x)
    raise NotCovered(f"dtype={dtype}")


def _bind_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return (a,), {"dtype": dtype, "shape": shape}


def _bind_empty_like(prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None):
    return (prototype,), {"dtype": dtype, "shape": shape}


def _expand_full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    dtype, shape = dtype or a.dtype, shape_of(a) if shape is None else shape
    if isinstance(fill_value, Traced):
        return np.positive(np.broadcast_to(_expand_astype(fill_value, dtype), shape))
    return np.full(shape, fill_value, dtype)


def _expand_copy(a, order="K", subok=False):
    return a.copy()


# fmt: off
ROWS = [
    INDEX, ASSEMBLE, RESHAPE, TRANSPOSE, BROADCAST_TO, ASTYPE, TO_INTEGER, TO_BOOL,
    # -- shapes --------------------------------------------------------------------------------------------------------
    Composite(np.ravel, _expand_ravel, examples=["ravel(T)", "ravel(A, 'F')", "ravel(s)"]),
    Composite(np.squeeze, lambda a, axis=None: _reshaped(a, np.squeeze, axis),
              examples=["squeeze(A[None])", "squeeze(v[:, None, None], -1)", "squeeze(v[None, :, None], (0, 2))"]),
    Composite(np.expand_dims, lambda a, axis: _reshaped(a, np.expand_dims, axis),
              examples=["expand_dims(v, 0)", "expand_dims(A, (0, -1))", "expand_dims(s, 0)"]),
    Composite(np.atleast_1d, _at_least(np.atleast_1d), examples=["atleast_1d(s)", "add(*atleast_1d(s, v))"]),
    Composite(np.atleast_2d, _at_least(np.atleast_2d), examples=["atleast_2d(v)", "add(*atleast_2d(s, A))"]),
    Composite(np.atleast_3d, _at_least(np.atleast_3d), examples=["atleast_3d(A)", "atleast_3d(v)", "atleast_3d(T)"]),
    Composite(np.swapaxes, lambda a, axis1, axis2: _permuted(a, np.swapaxes, axis1, axis2),
              examples=["swapaxes(T, 0, -1)", "swapaxes(A, 0, 1)"]),
    Composite(np.moveaxis, lambda a, source, destination: _permuted(a, np.moveaxis, source, destination),
              examples=["moveaxis(T, 0, -1)", "moveaxis(T, (0, 1), (2, 0))"]),
    Composite(np.rollaxis, lambda a, axis, start=0: _permuted(a, np.rollaxis, axis, start),
              examples=["rollaxis(T, 2)", "rollaxis(T, 0, 3)"]),
    Composite(np.matrix_transpose, lambda x, /: _permuted(x, np.matrix_transpose),
              examples=["matrix_transpose(T)", "matrix_transpose(A)"]),
    Composite(np.broadcast_arrays, _expand_broadcast_arrays, examples=["multiply(*broadcast_arrays(s, A))"]),
    Composite(np.meshgrid, _expand_meshgrid,
              examples=["multiply(*meshgrid(v, w))", "add(*meshgrid(v, A[0], indexing='ij'))",
                        "add(*meshgrid(v, w, sparse=True))"]),
    # -- dtypes, and arrays like others --------------------------------------------------------------------------------
    Composite(np.astype, _expand_astype, examples=["astype(A, float)", "astype(A, longdouble)", "v * astype(w, int)",
                                                   "v * v.astype(bool)"]),
    Composite(np.copy, _expand_copy, examples=["copy(A)"]),
    Composite(np.full_like, _expand_full_like, examples=["full_like(A, s)", "full_like(A, v[:, None])"]),
    Constant(np.zeros_like, bind=_bind_like, examples=["A * zeros_like(A)"]),
    Constant(np.ones_like,  bind=_bind_like, examples=["A * ones_like(A)"]),
    Constant(np.empty_like, bind=_bind_empty_like),
    Constant(np.shape), Constant(np.ndim), Constant(np.size, bind=lambda a, axis=None: ((a,), {"axis": axis})),
    Constant(np.result_type), Constant(np.iscomplexobj), Constant(np.isrealobj),
]
# fmt: on

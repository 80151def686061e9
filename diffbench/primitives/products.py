"""Products of arrays. matmul and einsum have rules of their own; the others are reshapes around them."""

import math
import operator
import string
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffbench.errors import UnsupportedPrimitive
from diffbench.primitives.arrays import as_array, as_operand, dtype_of, rank_of, shape_of, sum_of, unbroadcast
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.kinds import Bilinear, Composite, General, Linear, only_default
from diffbench.primitives.primitive import Traced
from diffbench.primitives.strangers import is_sparse
from diffbench.primitives.structural import ASSEMBLE, strided

# -- matmul: vectors, matrices, and stacks of matrices that broadcast --------------------------------------------------


def _matmul_transpose_first(g, b, shape):
    if rank_of(b) == 1:
        return g * b if len(shape) == 1 else g[..., None] * b
    if len(shape) == 1:
        return unbroadcast(np.matmul(b, g[..., None])[..., 0], shape)
    return unbroadcast(np.matmul(g, _swapped(b)), shape)


def _matmul_transpose_second(g, a, shape):
    if rank_of(a) == 1:
        return g * a if len(shape) == 1 else a[:, None] * g[..., None, :]
    if len(shape) == 1:
        return np.matmul(g, a) if rank_of(a) == 2 else np.matmul(np.ravel(g), _lines(a))
    if len(shape) == 2 and rank_of(a) > 2:  # one matrix for the whole stack: one product of two large matrices
        return np.matmul(np.transpose(_lines(a)), _lines(g))
    return unbroadcast(np.matmul(_swapped(a), g), shape)


def _swapped(matrices: Any) -> Any:
    return np.transpose(matrices) if rank_of(matrices) == 2 else np.swapaxes(matrices, -1, -2)


def _lines(stack: Any) -> Any:
    """The rows of all matrices of a stack, one below the other."""
    *outer, length = shape_of(stack)
    return np.reshape(stack, (math.prod(outer), length))


def _matmul_batch(operands, batched):
    (a, b), (a_moves, b_moves) = operands, batched
    a_rank, b_rank = rank_of(a) - a_moves, rank_of(b) - b_moves
    if b_moves and not a_moves and b_rank == 1 and a_rank <= 2:
        return np.matmul(b, np.transpose(a))  # all vectors at once as one matrix
    if a_rank == 1:
        a = a[..., None, :]
    if b_rank == 1:
        b = b[..., None]
    rank = max(a_rank, b_rank, 2)
    product = np.matmul(_with_rank(a, rank) if a_moves else a, _with_rank(b, rank) if b_moves else b)
    if b_rank == 1:
        product = product[..., 0]
    if a_rank == 1:
        product = product[..., 0] if b_rank == 1 else product[..., 0, :]
    return product


def _with_rank(batch: Any, rank: int) -> Any:
    """A batch of arrays with unit axes behind the batch axis, so that each array has this rank."""
    count, *shape = shape_of(batch)
    return batch if len(shape) == rank else np.reshape(batch, (count, *(1,) * (rank - len(shape)), *shape))


class Matmul(Bilinear):
    """np.matmul, which also multiplies by a sparse matrix of SciPy: linear in the other operand."""

    def call(self, args, kwargs):
        try:
            return super().call(args, kwargs)
        except UnsupportedPrimitive:
            if kwargs or not any(map(is_sparse, args)):
                raise
        a, b = args
        if is_sparse(a):
            return SPARSE_PRODUCT(as_operand(b), matrix=a)
        return np.transpose(SPARSE_PRODUCT(np.transpose(a), matrix=b.T))


def _evaluate_sparse_product(x: Any, matrix: Any) -> Any:
    if shape_of(x)[:1] != matrix.shape[1:] or rank_of(x) > 2:
        raise ValueError(f"matmul: a sparse matrix of shape {matrix.shape} times an array of shape {shape_of(x)}")
    if dtype_of(x).hasobject:  # symbols, numbers of many digits
        return matrix.toarray() @ x
    return matrix @ x


def _sparse_product_batch(operands, batched, matrix):
    (x,) = operands
    count, n, *columns = shape_of(x)
    side_by_side = np.reshape(np.moveaxis(x, 0, -1), (n, -1))
    product = np.reshape(SPARSE_PRODUCT(side_by_side, matrix=matrix), (matrix.shape[0], *columns, count))
    return np.moveaxis(product, -1, 0)


SPARSE_PRODUCT: Linear = Linear(
    _evaluate_sparse_product,
    name="product with a sparse matrix",
    transpose=lambda g, position, shapes, matrix: SPARSE_PRODUCT(g, matrix=matrix.T),
    batch_rule=_sparse_product_batch,
)

MATMUL = Matmul(
    np.matmul,
    transposes=(_matmul_transpose_first, _matmul_transpose_second),
    batch_rule=_matmul_batch,
    examples=[
        "matmul(v, w)",
        "matmul(S, v)",
        "matmul(v, A)",
        "matmul(A, B)",
        "matmul(T, B)",
        "matmul(v, T)",
        "matmul(T, A[0])",
        "matmul(T[:, None], swapaxes(T, 1, 2))",
        "matmul(A[:, :0], A[:0])",
    ],
)


def _expand_dot(a, b, out=None):
    if out is not None:
        only_default(out=out)
    a, b = as_operand(a), as_operand(b)
    a_rank, b_rank = len(shape_of(a)), len(shape_of(b))
    if 0 < a_rank <= 2 and 0 < b_rank <= 2:
        return MATMUL(a, b)
    if not a_rank or not b_rank:
        return np.multiply(as_array(a), as_array(b))
    return np.tensordot(a, b, (-1, -min(b_rank, 2)))


def _expand_inner(a, b, /):
    return np.tensordot(a, b, (-1, -1)) if rank_of(a) and rank_of(b) else np.multiply(as_array(a), as_array(b))


def _expand_vdot(a, b, /):
    return np.matmul(_conjugated(np.ravel(a)), np.ravel(b))


def _conjugated(a: Any) -> Any:
    """The conjugate of complex numbers; others as they are."""
    return np.conjugate(a) if is_complex(a) else a


def _expand_outer(a, b, out=None):
    only_default(out=out)
    return np.reshape(a, (-1, 1)) * np.ravel(b)


def _expand_tensordot(a, b, axes=2):
    a, b = as_operand(a), as_operand(b)
    a_rank, b_rank = rank_of(a), rank_of(b)
    if np.ndim(axes) == 0:
        axes = range(a_rank - axes, a_rank), range(axes)
    a_axes, b_axes = ([*normalize_axis_tuple(x, n)] for x, n in zip(axes, (a_rank, b_rank)))
    a_free, b_free = ([k for k in range(n) if k not in x] for x, n in ((a_axes, a_rank), (b_axes, b_rank)))
    a, b = np.transpose(a, a_free + a_axes), np.transpose(b, b_axes + b_free)
    inner = shape_of(a)[len(a_free) :]
    if inner != shape_of(b)[: len(b_axes)]:
        raise ValueError("shape-mismatch for sum")
    k = int(np.prod(inner, dtype=int))
    outer = shape_of(a)[: len(a_free)] + shape_of(b)[len(b_axes) :]
    rows, columns = (int(np.prod(part, dtype=int)) for part in (outer[: len(a_free)], outer[len(a_free) :]))
    return np.reshape(np.matmul(np.reshape(a, (rows, k)), np.reshape(b, (k, columns))), outer)


def _expand_kron(a, b):
    rank = max(rank_of(a), rank_of(b))
    a_shape, b_shape = ((1,) * (rank - rank_of(x)) + shape_of(x) for x in (a, b))
    blocks = np.reshape(a, [k for n in a_shape for k in (n, 1)]) * np.reshape(b, [k for n in b_shape for k in (1, n)])
    return np.reshape(blocks, [n * m for n, m in zip(a_shape, b_shape)])


def _expand_cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (np.moveaxis(as_operand(x), operator.index(k), 0) for x, k in ((a, axisa), (b, axisb)))
    if {len(a), len(b)} - {2, 3}:
        raise ValueError("incompatible dimensions for cross product (dimension must be 2 or 3)")
    if len(a) == 2 or len(b) == 2:
        np.cross(np.zeros(len(a)), np.zeros(len(b)))  # NumPy gives pairs up: it warns, and one day will refuse
        if len(a) == len(b):
            return a[0] * b[1] - a[1] * b[0]
        a, b = ([*x, np.zeros((), dtype_of(x))][:3] for x in (a, b))
    return np.stack([a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))], axisc)


def _expand_vecdot(x1, x2, /, *, axis=-1):
    a, b = (np.moveaxis(as_operand(x), operator.index(axis), -1) for x in (x1, x2))
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ValueError(f"vecdot: vectors of the lengths {shape_of(a)[-1]} and {shape_of(b)[-1]}")
    return np.sum(np.multiply(_conjugated(a), b), axis=-1)


def _expand_matvec(x1, x2, /):
    _check_ranks(x1, 2, x2, 1)
    return np.matmul(x1, np.expand_dims(x2, -1))[..., 0]


def _expand_vecmat(x1, x2, /):
    _check_ranks(x1, 1, x2, 2)
    return np.matmul(np.expand_dims(_conjugated(x1), -2), x2)[..., 0, :]


def _check_ranks(a: Any, a_least: int, b: Any, b_least: int) -> None:
    """Raise ValueError where an operand has too few axes to be a vector or a matrix: nothing stands for those."""
    if rank_of(a) < a_least or rank_of(b) < b_least:
        raise ValueError(f"{rank_of(a)} and {rank_of(b)} axes, where there must be {a_least} and {b_least}")


# -- einsum ------------------------------------------------------------------------------------------------------------


def _bind_einsum(*operands, out=None, optimize=False):
    only_default(out=out)
    if not isinstance(operands[0], str):
        operands = _as_text(operands)
    arrays = [as_operand(x) for x in operands[1:]]
    inputs, output = _explicit(operands[0].replace(" ", ""), tuple([rank_of(x) for x in arrays]))
    return arrays, {"inputs": inputs, "output": output, "optimize": optimize}


@cache
def _explicit(subscripts: str, ranks: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """The axes of each operand and of the result, one letter for each axis, from subscripts as NumPy allows them.

    >>> _explicit("i...,ij", (3, 2))
    (('iab', 'ij'), 'abj')
    """
    left, arrow, output = subscripts.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise ValueError(f"einsum: {len(inputs)} subscripts for {len(ranks)} operands")
    hidden = [rank - len(term.replace("...", "")) for term, rank in zip(inputs, ranks)]
    unused = [letter for letter in string.ascii_letters if letter not in subscripts]
    ellipsis = "".join(unused[: max([n for term, n in zip(inputs, hidden) if "..." in term], default=0)])
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        output = "..." + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    elif ellipsis and "..." not in output:
        raise ValueError("einsum: the subscripts of the result lack the ellipsis that those of an operand have")
    named = [
        term.replace("...", ellipsis[len(ellipsis) - n :]) for term, n in zip(inputs, hidden)
    ]  # aligned at the end
    return tuple(named), output.replace("...", ellipsis)


def _as_text(operands: Sequence) -> tuple:
    """The call einsum(subscripts, *operands) for a call einsum(operand, axes, operand, axes, ..., result axes)."""
    letters = string.ascii_uppercase + string.ascii_lowercase  # in the order of their codes, for an implicit result

    def text(axes: Sequence) -> str:
        return "".join("..." if axis is Ellipsis else letters[axis] for axis in axes)

    count = len(operands) // 2
    subscripts = ",".join(text(axes) for axes in operands[1 : 2 * count : 2])
    if len(operands) % 2:
        subscripts += "->" + text(operands[-1])
    return subscripts, *operands[: 2 * count : 2]


def _evaluate_einsum(*operands: Any, inputs: Sequence[str], output: str, optimize: Any) -> Any:
    return np.einsum(f"{','.join(inputs)}->{output}", *operands, optimize=optimize)


def _einsum_jvp(y, operands, tangents, **params):
    return sum_of(
        [
            EINSUM(*operands[:i], tangent, *operands[i + 1 :], **params)
            for i, tangent in enumerate(tangents)
            if tangent is not None
        ]
    )


def _einsum_vjp(cotangent, y, operands, wanted, inputs, output, optimize):
    optimize = optimize if isinstance(optimize, bool | str) else True  # a path found for other operands does not fit
    return [_einsum_transpose(cotangent, i, operands, inputs, output, optimize) for i in wanted]


def _einsum_transpose(g: Any, i: int, operands: Sequence, inputs: Sequence[str], output: str, optimize: Any) -> Any:
    """The cotangent of operand i: that of the result times all other operands, in the axes of operand i."""
    own, shape = inputs[i], shape_of(operands[i])
    sizes = dict(zip(own, shape))
    terms = [output, *inputs[:i], *inputs[i + 1 :]]
    known = "".join(letter for letter in sizes if any(letter in term for term in terms))
    others = [*operands[:i], *operands[i + 1 :]]
    found = np.einsum(f"{','.join(terms)}->{known}", g, *others, optimize=optimize)
    found = unbroadcast(found, tuple([sizes[letter] for letter in known]))
    full = tuple(sizes.values())
    if shape_of(found) != full:  # an axis that operand i alone has, or along which the others have length one
        lengths = iter(shape_of(found))
        unit = [next(lengths) if letter in known else 1 for letter in sizes]
        found = np.broadcast_to(np.reshape(found, unit), full)
    if len(own) == len(sizes):
        return found
    rays = {letter: np.reshape(np.arange(n), [-1 if k == letter else 1 for k in sizes]) for letter, n in sizes.items()}
    diagonal = tuple([rays[letter] for letter in own])
    return ASSEMBLE(found, indices=(diagonal,), shape=shape, dtype=found.dtype)


def _einsum_batch(operands, batched, inputs, output, optimize):
    letter = next(c for c in string.ascii_letters if all(c not in term for term in (output, *inputs)))
    inputs = tuple([letter + term if flag else term for term, flag in zip(inputs, batched)])
    return EINSUM(*operands, inputs=inputs, output=letter + output, optimize=optimize)


class Einsum(General):
    """np.einsum, which gives a view where it only moves the axes of a single operand or takes a diagonal."""

    def call(self, args, kwargs):
        if len(args) == 2 and isinstance(args[0], str) and isinstance(args[1], Traced) and not kwargs:
            a: Any = args[1]
            (term,), output = _explicit(args[0].replace(" ", ""), (rank_of(a),))
            axes = {letter: term.index(letter) for letter in output if letter in term}
            if len(axes) == len(output) == len(set(term)) and len(set(zip(term, shape_of(a)))) == len(axes):
                if len(axes) == len(term):
                    return np.transpose(a, tuple(axes.values()))
                rays = np.ix_(*[np.arange(shape_of(a)[axis]) for axis in axes.values()])
                along = dict(zip(output, rays))
                return strided(a, tuple([along[letter] for letter in term]))
        return super().call(args, kwargs)


EINSUM = Einsum(
    np.einsum,
    bind=_bind_einsum,
    evaluate=_evaluate_einsum,
    jvp_rule=_einsum_jvp,
    vjp_rule=_einsum_vjp,
    batch_rule=_einsum_batch,
    examples=[
        "einsum('ij,jk->ik', A, B)",
        "einsum('ij,jk', A, B)",
        "einsum('i,i->', v, w)",
        "einsum('ij->ji', A)",
        "einsum('ij->j', A)",
        "einsum('ij->', A)",
        "einsum('ii', S)",
        "einsum('ii->i', S)",
        "einsum('ii,ij->j', S, A)",
        "einsum('...j,jk->...k', T, B)",
        "einsum('...i,...i', T, A)",
        "einsum('i...->...', T)",
        "einsum('ij,jk,kl->il', S, A, B, optimize=True)",
        "einsum('i,ij,j', v, S, w)",
        "einsum('i,j->ij', v, A[0])",
        "einsum('ij,ij->ij', A[:1], A)",
        "einsum('i,i->', A[0, :1], A[1])",
        "einsum(A, [0, 1], B, [1, 2], [2, 0])",
        "einsum(v, [0], A, [0, 1])",
        "einsum(',i->i', s, v)",
    ],
)

# fmt: off
ROWS = [
    MATMUL, EINSUM,
    Composite(np.dot, _expand_dot, examples=["dot(v, w)", "dot(S, v)", "dot(v, A)", "dot(A, B)", "dot(s, A)",
                                             "dot(A, 2.0)", "dot(T, B)", "dot(T, A[0])", "dot(S, T)", "dot(v, T)",
                                             "A.dot(B)"]),
    Composite(np.inner, _expand_inner, examples=["inner(v, w)", "inner(A, T)", "inner(s, A)"]),
    Composite(np.vdot, _expand_vdot, examples=["vdot(v, w)", "vdot(A, A[::-1])"]),
    Composite(np.outer, _expand_outer, examples=["outer(v, w)", "outer(A, v)", "outer(s, v)"]),
    Composite(np.tensordot, _expand_tensordot,
              examples=["tensordot(T, A)", "tensordot(A, B, 1)", "tensordot(v, w, 0)", "tensordot(T, S, ([1], [0]))",
                        "tensordot(T, A, ((2, 1), (1, 0)))", "tensordot(A, T, (-1, -1))",
                        "tensordot(v[:0], w[:0], 1)"]),
    Composite(np.kron, _expand_kron, examples=["kron(v, w)", "kron(A, B)", "kron(v, A)", "kron(T, v)"]),
    Composite(np.cross, _expand_cross, examples=["cross(v, w)", "cross(S, v)", "cross(A, A[:, ::-1], axis=0)",
                                                 "cross(S, S.T, axisc=0)"]),
    Composite(np.vecdot, _expand_vecdot, examples=["vecdot(v, w)", "vecdot(T, A)", "vecdot(A, A * A, axis=0)"]),
]
# fmt: on
if hasattr(np, "matvec"):  # NumPy 2.2
    ROWS += [
        Composite(np.matvec, _expand_matvec, examples=["matvec(S, v)", "matvec(T, A[:2])"]),
        Composite(np.vecmat, _expand_vecmat, examples=["vecmat(v, A)", "vecmat(A[:2, :3], T)"]),
    ]  # fmt: skip

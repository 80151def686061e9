"""Norms of vectors and matrices, and condition numbers.

Conventions. Where a norm is zero, all its derivatives are 0; where an entry or a singular value in it is zero, so is
the slope of its absolute value. Largest (or smallest) entries that tie share the slope evenly. The square of a norm
inherits this: its Hessian at the origin comes out as 0, where that of x @ x is twice the identity.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from diffbench.primitives.arrays import as_operand, rank_of, shape_of
from diffbench.primitives.factorisations import OfReals, matrices
from diffbench.primitives.kinds import Composite, General
from diffbench.primitives.primitive import lifted
from diffbench.primitives.reductions import expand_reduced

# -- the Euclidean norm ------------------------------------------------------------------------------------------------


def euclidean_norm(x: Any, axis: tuple[int, ...], keepdims: Any) -> Any:
    """The root of the sum of squares along some axes."""
    if len(axis) == rank_of(x):
        return np.linalg.norm(x, keepdims=keepdims)
    return np.sqrt(np.add.reduce(np.square(x), axis=axis, keepdims=keepdims))


def _over_norm(x: Any, norm: Any) -> Any:
    """x / norm, zero where the norm is."""
    zero = norm == 0
    return np.where(zero, 0.0, x / np.where(zero, 1.0, norm)) if np.any(zero) else x / norm


def _norm_jvp(y, operands, tangents, axis, keepdims):
    return _over_norm(np.sum(operands[0] * tangents[0], axis=axis, keepdims=keepdims), y)


def _norm_vjp(cotangent, y, operands, wanted, axis, keepdims):
    (x,) = operands
    return [expand_reduced(_over_norm(cotangent, y), axis, keepdims, shape_of(x)) * x]


def _norm_batch(operands, batched, axis, keepdims):
    return NORM(*operands, axis=tuple([k + 1 for k in axis]), keepdims=keepdims)


NORM: General = OfReals(
    euclidean_norm,
    name="numpy.linalg.norm",
    jvp_rule=_norm_jvp,
    vjp_rule=_norm_vjp,
    batch_rule=_norm_batch,
)

# -- all others --------------------------------------------------------------------------------------------------------


def _vector_norm(x: Any, order: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """The norm of the entries along some axes, taken together as one vector."""
    if order is None or order == 2:
        return NORM(x, axis=axis, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    if order == 0:
        return np.sum(x != 0, axis=axis, dtype=x.dtype, keepdims=keepdims)
    size = np.abs(x)
    if order == 1:
        return np.sum(size, axis=axis, keepdims=keepdims)
    if order in (np.inf, -np.inf):
        return _extremum(size, order, axis=axis, keepdims=keepdims)
    total = np.sum(size**order, axis=axis, keepdims=keepdims)
    zero = total == 0
    norm_of_zero = 0.0 if order > 0 else np.inf
    return np.where(zero, norm_of_zero, np.where(zero, 1.0, total) ** (lifted(1.0) / order))


def _extremum(sizes: Any, order: float, **along: Any) -> Any:
    """The largest of sizes for a positive order, of none of them 0; the smallest for a negative one."""
    if order < 0:
        return np.min(sizes, **along)
    return np.max(sizes, **along) if np.size(sizes) else np.max(sizes, initial=0.0, **along)


def _matrix_norm(x: Any, order: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """The norm of the matrices whose rows and columns two axes number."""
    rows, columns = axes
    if order is None or order in ("fro", "f"):
        return NORM(x, axis=(min(axes), max(axes)), keepdims=keepdims)
    if order in (1, -1, np.inf, -np.inf):
        sums = np.sum(np.abs(x), axis=rows if abs(order) == 1 else columns, keepdims=True)
        return _extremum(sums, order, axis=(rows, columns), keepdims=keepdims)
    if order not in (2, -2, "nuc"):
        raise ValueError("Invalid norm order for matrices.")
    s = np.abs(np.linalg.svdvals(np.moveaxis(x, (rows, columns), (-2, -1))))
    norm = np.sum(s, axis=-1) if order == "nuc" else _extremum(s, order, axis=-1)
    return np.reshape(norm, [1 if k in axes else n for k, n in enumerate(shape_of(x))]) if keepdims else norm


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes of a norm: all, one, or those of a tuple; of lists NumPy's norms make nothing."""
    if axis is None:
        return tuple(range(rank))
    return normalize_axis_tuple(axis if isinstance(axis, tuple) else int(axis), rank)


def _expand_norm(x, ord=None, axis=None, keepdims=False):
    x = as_operand(x)
    rank = rank_of(x)
    axes = _axes(axis, rank)
    if len(axes) == 1 or (axis is None and ord is None):
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _expand_vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    x = as_operand(x)
    return _vector_norm(x, ord, _axes(axis, rank_of(x)), keepdims)


def _expand_matrix_norm(x, /, *, keepdims=False, ord="fro"):
    return np.linalg.norm(x, axis=(-2, -1), keepdims=keepdims, ord=ord)


def _expand_cond(x, p=None):
    x, m, n = matrices(x)
    if not (m and n):
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        with np.errstate(all="ignore"):  # a singular matrix has the condition number inf
            return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.matrix_norm(x, ord=p) * np.linalg.matrix_norm(np.linalg.inv(x), ord=p)


# fmt: off
ROWS = [
    Composite(np.linalg.norm, _expand_norm,
              examples=["linalg.norm(v)", "linalg.norm(T)", "linalg.norm(s)", "linalg.norm(A, keepdims=True)",
                        "linalg.norm(A, axis=0)", "linalg.norm(T, axis=(0, -1))",
                        "linalg.norm(T, axis=1, keepdims=True)", "linalg.norm(v, 0) * v", "linalg.norm(v, 1)",
                        "linalg.norm(A, -1, axis=1)", "linalg.norm(v, 2)", "linalg.norm(v, -2)", "linalg.norm(v, 3)",
                        "linalg.norm(A, 2.5, axis=0, keepdims=True)", "linalg.norm(v, inf)", "linalg.norm(A, -inf, 1)",
                        "linalg.norm(A, 'fro')", "linalg.norm(A, 'nuc')", "linalg.norm(A, 2)", "linalg.norm(A, -2)",
                        "linalg.norm(A, 1)", "linalg.norm(A, -1)", "linalg.norm(A, inf)", "linalg.norm(A, -inf)",
                        "linalg.norm(T, 'nuc', axis=(2, 0), keepdims=True)", "linalg.norm(T, 1, axis=(2, 0))"]),
    Composite(np.linalg.vector_norm, _expand_vector_norm,
              examples=["linalg.vector_norm(A)", "linalg.vector_norm(T, axis=(0, 2), ord=3)",
                        "linalg.vector_norm(A, ord=inf, keepdims=True)", "linalg.vector_norm(T, axis=1, ord=1)"]),
    Composite(np.linalg.matrix_norm, _expand_matrix_norm,
              examples=["linalg.matrix_norm(T)", "linalg.matrix_norm(T, ord='nuc', keepdims=True)",
                        "linalg.matrix_norm(A, ord=-inf)"]),
    Composite(np.linalg.cond, _expand_cond,
              examples=["linalg.cond(A)", "linalg.cond(T, -2)", "linalg.cond(S, 'fro')", "linalg.cond(S, 1)",
                        "linalg.cond(S, -1)", "linalg.cond(S, inf)", "linalg.cond(S, 'nuc')", "linalg.cond(S, 2)"]),
]
# fmt: on

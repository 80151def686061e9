"""Linear systems, inverses, powers, least squares, for real matrices and for stacks of them.

The rules are those of Giles (2008), Collected matrix derivative results for forward and reverse mode algorithmic
differentiation; for the pseudo-inverse, that of Golub & Pereyra (1973), The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate.
"""

import operator
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand, numbers_of, rank_of, shape_of, unbroadcast
from diffbench.primitives.factorisations import OfReals, matrices, mirrored, refused
from diffbench.primitives.kinds import Composite, Constant, General, only_default

LinAlgError = np.linalg.LinAlgError


def square(a: Any) -> tuple[Any, int]:
    """An operand with the length of its sides. Raises LinAlgError, as NumPy does, for other shapes."""
    a, m, n = matrices(a)
    if m != n:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return a, n


# -- systems: b is a vector where it has one axis, else a stack of matrices --------------------------------------------


def _on_columns(function: Callable, a: Any, x: Any, vectors: bool) -> Any:
    """np.matmul or np.linalg.solve, of matrices and a stack of vectors where x is one."""
    return function(a, x[..., None])[..., 0] if vectors and rank_of(x) > 1 else function(a, x)


def _solve_jvp(y, operands, tangents):
    a, b = operands
    a_dot, b_dot = tangents
    vectors = rank_of(b) == 1
    if a_dot is None:
        return _on_columns(np.linalg.solve, a, b_dot, vectors)
    moved = _on_columns(np.matmul, a_dot, y, vectors)
    return _on_columns(np.linalg.solve, a, -moved if b_dot is None else b_dot - moved, vectors)


def _solve_vjp(cotangent, y, operands, wanted):
    a, b = operands
    vectors = rank_of(b) == 1
    b_bar = _on_columns(np.linalg.solve, a.mT, cotangent, vectors)
    contributions = []
    for position in wanted:
        if position == 1:
            contributions.append(unbroadcast(b_bar, shape_of(b)))
        else:
            outer = b_bar[..., :, None] * y[..., None, :] if vectors else b_bar @ y.mT
            contributions.append(unbroadcast(-outer, shape_of(a)))
    return contributions


def _solve_batch(operands, batched):
    """All right-hand sides side by side, so that the matrix is factorised once; no rule solves with many matrices."""
    (a, b), (a_moves, _) = operands, batched
    if a_moves:
        return NotImplemented
    last = np.moveaxis(b, 0, -1)
    *outer, count = shape_of(last)
    if len(outer) == 1:
        return np.moveaxis(np.linalg.solve(a, last), -1, 0)
    columns = np.linalg.solve(a, np.reshape(last, (*outer[:-1], outer[-1] * count)))
    return np.moveaxis(np.reshape(columns, (*shape_of(columns)[:-1], outer[-1], count)), -1, 0)


SOLVE: General = General(
    np.linalg.solve,
    bind=lambda a, b: ((a, b), {}),
    jvp_rule=_solve_jvp,
    vjp_rule=_solve_vjp,
    batch_rule=_solve_batch,
    examples=[
        "linalg.solve(S, v)",
        "linalg.solve(S, A)",
        "linalg.solve(S, T)",
        "linalg.solve(T[..., :3] + 3 * eye(3), v)",
        "linalg.solve(T[..., :3] + 3 * eye(3), A)",
        "linalg.solve(T[:, None, :, :3] + 3 * eye(3), T)",
        "linalg.solve([[2.0, 1.0], [1.0, 3.0]], B.T)",
    ],
)


def _expand_tensorsolve(a, b, axes=None):
    a, b = as_operand(a), as_operand(b)
    rank = rank_of(a)
    if axes is not None:
        last = list(axes)
        a = np.transpose(a, [axis for axis in range(rank) if axis not in last] + last)
    shape = shape_of(a)[rank_of(b) :]
    n = int(np.prod(shape, dtype=int))
    if n * n != int(np.prod(shape_of(a), dtype=int)):
        raise LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


# -- inverses and powers -----------------------------------------------------------------------------------------------

INV: General = General(
    np.linalg.inv,
    bind=lambda a: ((a,), {}),
    jvp_rule=lambda y, operands, tangents: -y @ tangents[0] @ y,
    vjp_rule=lambda cotangent, y, operands, wanted: [-y.mT @ cotangent @ y.mT],
    batch_rule=lambda operands, batched: INV(*operands),
    examples=["linalg.inv(S)", "linalg.inv(T[..., :3] + 3 * eye(3))"],
)


def _expand_tensorinv(a, ind=2):
    a = as_operand(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    n = int(np.prod(shape[ind:], dtype=int))
    return np.reshape(np.linalg.inv(np.reshape(a, (n, -1))), shape[ind:] + shape[:ind])


def _expand_matrix_power(a, n):
    a, side = square(a)
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError("exponent must be an integer") from None
    if n == 0:
        return np.broadcast_to(np.eye(side, dtype=a.dtype), shape_of(a)).copy()
    if n < 0:
        a, n = np.linalg.inv(a), -n
    power = a
    for bit in bin(n)[3:]:
        power = power @ power
        if bit == "1":
            power = power @ a
    return power


# -- least squares: the rank must not change ---------------------------------------------------------------------------


def _off_range(x: Any, a: Any, pseudo: Any) -> Any:
    """The part of each column of x that is orthogonal to all columns of a."""
    return x - a @ (pseudo @ x)


def _pinv_jvp(y, operands, tangents, rcond):
    (a,), (t,) = operands, tangents
    beyond_rows = _off_range(t.mT @ (y.mT @ y), y, a)
    beyond_columns = _off_range(t @ (y @ y.mT), a, y).mT
    return beyond_rows + beyond_columns - y @ t @ y


def _pinv_vjp(cotangent, y, operands, wanted, rcond):
    (a,), g = operands, cotangent
    beyond_columns = _off_range(g.mT @ (y @ y.mT), a, y)
    beyond_rows = _off_range(g @ (y.mT @ y), y, a).mT
    return [beyond_columns + beyond_rows - y.mT @ g @ y.mT]


PINV: General = OfReals(
    np.linalg.pinv,
    evaluate=lambda a, rcond: np.linalg.pinv(a, rcond),
    jvp_rule=_pinv_jvp,
    vjp_rule=_pinv_vjp,
    batch_rule=lambda operands, batched, rcond: PINV(*operands, rcond=rcond),
)


def _refuse_to_cut(a: Any, rcond: Any) -> None:
    """Raise UnsupportedPrimitive where rcond cuts off singular values that are not rounding errors of zero."""
    s = np.linalg.svdvals(np.asarray(numbers_of(a), dtype=a.dtype))
    largest = s[..., :1]
    noise = largest * max(shape_of(a)[-2:]) * np.finfo(a.dtype).eps
    if np.any((s > noise) & (s <= np.asarray(rcond)[..., None] * largest)):
        raise refused(
            "a pseudo-inverse in which rcond cuts off singular values that are not zero",
            "the rule takes the matrix to have the rank that remains",
            "lower rcond; or write V @ diag(1 / s) @ U.T with the singular values that shall remain",
        )


def _expand_pinv(a, rcond=None, hermitian=False, *, rtol=np._NoValue):
    a, m, n = matrices(a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    cutoff = rcond if rtol is np._NoValue else rtol
    if cutoff is None:
        cutoff = 1e-15 if rtol is np._NoValue else max(m, n) * np.finfo(a.dtype).eps
    elif m and n:
        _refuse_to_cut(a, cutoff)
    return PINV(mirrored(a) if hermitian else a, rcond=cutoff)


def _expand_lstsq(a, b, rcond=None):
    a, b = as_operand(a), as_operand(b)
    if rank_of(a) != 2 or rank_of(b) not in (1, 2):
        raise LinAlgError("lstsq takes a two-dimensional array, and one of one or two dimensions")
    m, n = shape_of(a)
    if shape_of(b)[0] != m:
        raise LinAlgError("Incompatible dimensions")
    dtype = np.result_type(a.dtype, b.dtype, np.float32)
    a, b, eps = np.astype(a, dtype, copy=False), np.astype(b, dtype, copy=False), np.finfo(dtype).eps
    cutoff = max(m, n) * eps if rcond is None else rcond if rcond >= 0 else eps
    if rcond is not None:
        _refuse_to_cut(a, cutoff)
    s = np.linalg.svdvals(a)
    rank = np.count_nonzero(s > cutoff * s[:1])
    x = PINV(a, rcond=cutoff) @ b
    if rank == n < m:
        residuals = np.sum(np.square(b - a @ x), axis=0, keepdims=rank_of(b) == 1)
    else:
        residuals = np.zeros(0, s.dtype)
    return x, residuals, np.int32(rank), s


# -- products ----------------------------------------------------------------------------------------------------------


def _expand_multi_dot(arrays, *, out=None):
    only_default(out=out)
    arrays = [as_operand(x) for x in arrays]
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(arrays) == 2:
        return np.dot(*arrays)
    from_vector, to_vector = rank_of(arrays[0]) == 1, rank_of(arrays[-1]) == 1
    if from_vector:
        arrays[0] = arrays[0][None, :]
    if to_vector:
        arrays[-1] = arrays[-1][:, None]
    if any(rank_of(x) != 2 for x in arrays):
        raise LinAlgError("multi_dot takes two-dimensional arrays; the first and the last may have one dimension")
    product = _product_in_best_order(arrays)
    if from_vector and to_vector:
        return product[0, 0]
    return np.ravel(product) if from_vector or to_vector else product


def _product_in_best_order(factors: Sequence) -> Any:
    """The product with the fewest multiplications (Cormen et al., Introduction to Algorithms, matrix-chain problem)."""
    sides = [*[shape_of(x)[0] for x in factors], shape_of(factors[-1])[1]]

    @cache
    def best(first: int, last: int) -> tuple[int, int]:
        if first == last:
            return 0, first
        return min(
            (best(first, k)[0] + best(k + 1, last)[0] + sides[first] * sides[k + 1] * sides[last + 1], k)
            for k in range(first, last)
        )

    def product(first: int, last: int) -> Any:
        if first == last:
            return factors[first]
        _, k = best(first, last)
        return product(first, k) @ product(k + 1, last)

    return product(0, len(factors) - 1)


# -- numpy.linalg's own versions of functions of numpy -----------------------------------------------------------------


def _expand_cross(x1, x2, /, *, axis=-1):
    x1, x2 = as_operand(x1), as_operand(x2)
    axis = operator.index(axis)
    if shape_of(x1)[axis] != 3 or shape_of(x2)[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return np.cross(x1, x2, axis=axis)


def _expand_outer(x1, x2, /):
    if rank_of(x1) != 1 or rank_of(x2) != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {rank_of(x1)} and {rank_of(x2)}.")
    return np.outer(x1, x2)


def _expand_vecdot(x1, x2, /, *, axis=-1):
    return np.vecdot(x1, x2, axis=axis)  # type: ignore[call-overload]


def _bind_matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    return (A,), {"tol": tol, "hermitian": hermitian, "rtol": rtol}


# fmt: off
ROWS = [
    SOLVE, INV,
    Composite(np.linalg.tensorsolve, _expand_tensorsolve,
              examples=["linalg.tensorsolve(reshape(S @ S, (3, 1, 3)), v[:, None])",
                        "linalg.tensorsolve(reshape(kron(S, B[:2]), (2, 3, 6)), A[:2, 1:])",
                        "linalg.tensorsolve(reshape(kron(S, B[:2]), (6, 2, 3)), A[:2, 1:], axes=(0,))"]),
    Composite(np.linalg.tensorinv, _expand_tensorinv,
              examples=["linalg.tensorinv(reshape(S, (3, 3, 1)), ind=1)",
                        "linalg.tensorinv(reshape(kron(S, B[:2]), (6, 3, 2)), ind=1)",
                        "linalg.tensorinv(reshape(kron(S, B[:2]), (2, 3, 3, 2)))"]),
    Composite(np.linalg.matrix_power, _expand_matrix_power,
              examples=["linalg.matrix_power(S, 3)", "linalg.matrix_power(S, -2)", "S * linalg.matrix_power(S, 0)",
                        "linalg.matrix_power(T[..., :3], 6)", "linalg.matrix_power(S, 1)"]),
    Composite(np.linalg.pinv, _expand_pinv,
              examples=["linalg.pinv(S)", "linalg.pinv(A)", "linalg.pinv(B, 1e-10)", "linalg.pinv(T, rtol=None)",
                        "linalg.pinv(S, hermitian=True)", "linalg.pinv(outer(v, w), rcond=1e-5)"]),
    Composite(np.linalg.lstsq, _expand_lstsq,
              examples=["linalg.lstsq(B, A[0])[0]", "linalg.lstsq(A.T, B)[1]", "linalg.lstsq(A, v, rcond=-1)[0]",
                        "linalg.lstsq(S, A, rcond=1e-12)[0]", "linalg.lstsq(B, A[0])[1]", "linalg.lstsq(B, A[0])[3]"]),
    Constant(np.linalg.matrix_rank, bind=_bind_matrix_rank, examples=["A * linalg.matrix_rank(A)"]),
    Composite(np.linalg.multi_dot, _expand_multi_dot,
              examples=["linalg.multi_dot([A, B])", "linalg.multi_dot([v, A, B])", "linalg.multi_dot([S, A, B, B.T])",
                        "linalg.multi_dot([v, S, w])", "linalg.multi_dot([B.T, A.T, v])"]),
    Composite(np.linalg.matmul, lambda x1, x2, /: np.matmul(x1, x2), examples=["linalg.matmul(A, B)"]),
    Composite(np.linalg.matrix_transpose, lambda x, /: np.matrix_transpose(x),
              examples=["linalg.matrix_transpose(T)"]),
    Composite(np.linalg.tensordot, lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes),
              examples=["linalg.tensordot(T, A)", "linalg.tensordot(A, B, axes=1)"]),
    Composite(np.linalg.outer, _expand_outer, examples=["linalg.outer(v, w)"]),
    Composite(np.linalg.cross, _expand_cross, examples=["linalg.cross(v, w)", "linalg.cross(A, A[:, ::-1], axis=0)"]),
    Composite(np.linalg.vecdot, _expand_vecdot, examples=["linalg.vecdot(v, w)", "linalg.vecdot(A, S[:, :1], axis=0)"]),
    Composite(np.linalg.trace, lambda x, /, *, offset=0, dtype=None: np.trace(x, offset, -2, -1, dtype),
              examples=["linalg.trace(T)", "linalg.trace(A, offset=1)"]),
    Composite(np.linalg.diagonal, lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1),
              examples=["linalg.diagonal(T)", "linalg.diagonal(A, offset=-1)"]),
]
# fmt: on

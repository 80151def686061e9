"""Linear algebra on exact entries: the primitives of numpy.linalg, as mpmath and SymPy have them.

Where a matrix determines a factor but for a sign, or for the order of columns, it is the factor that LAPACK gives in
double precision.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from diffbench.exact.trace import as_objects, reduced
from diffbench.primitives import determinants, factorisations, linear_algebra, norms
from diffbench.primitives.kinds import General

LinAlgError = np.linalg.LinAlgError


def of_digits(context: Any) -> dict[Callable, Callable]:
    """The meaning of the primitives for the numbers of an mpmath context, by the function of each primitive."""
    on_one_matrix: dict[General, Callable] = {
        linear_algebra.INV: inverse,
        determinants.DET: determinant,
        linear_algebra.PINV: pseudo_inverse,
        factorisations.CHOLESKY: cholesky,
        factorisations.QR: qr,
        factorisations.EIGH: eigh,
        factorisations.EIG: eig,
        factorisations.SVD: svd,
    }
    return {
        **{row.function: each_matrix(partial(meaning, context)) for row, meaning in on_one_matrix.items()},
        linear_algebra.SOLVE.function: each_system(partial(solution, context)),
        determinants.SLOGDET.function: sign_and_logarithm(
            each_matrix(partial(determinant, context)),
            context.sign,
            lambda d: context.log(abs(d)) if d else -context.inf,
        ),
        norms.NORM.function: euclidean_norm(context.fsum, context.sqrt),
        np.linalg.matrix_rank: lambda A, **params: np.linalg.matrix_rank(A.astype(float), **params),
    }


def of_symbols() -> dict[Callable, Callable]:
    """The meaning of the primitives for SymPy's expressions, of those that are one expression for all values."""
    import sympy

    def determinant_of_symbols(a: np.ndarray) -> Any:
        return sympy.Matrix(a).det(method="berkowitz")

    def inverse_of_symbols(a: np.ndarray) -> np.ndarray:
        return np.array(sympy.Matrix(a).adjugate(), dtype=object) / determinant_of_symbols(a)

    def cholesky_of_symbols(a: np.ndarray) -> np.ndarray:
        symmetric = sympy.Matrix(factorisations.mirrored(a))
        return np.array(symmetric.cholesky(hermitian=False), dtype=object)

    return {
        linear_algebra.SOLVE.function: each_system(lambda a, b: inverse_of_symbols(a) @ b),
        linear_algebra.INV.function: each_matrix(inverse_of_symbols),
        determinants.DET.function: each_matrix(determinant_of_symbols),
        determinants.SLOGDET.function: sign_and_logarithm(
            each_matrix(determinant_of_symbols), sympy.sign, lambda d: sympy.log(sympy.Abs(d))
        ),
        factorisations.CHOLESKY.function: each_matrix(cholesky_of_symbols),
        norms.NORM.function: euclidean_norm(lambda squares: sympy.Add(*squares), sympy.sqrt),
    }


# -- stacks ------------------------------------------------------------------------------------------------------------


def each_matrix(function: Callable) -> Callable:
    """A function of one matrix as a function of a stack of them."""

    def on_stack(a: np.ndarray, **params: Any) -> np.ndarray:
        results = [as_objects(function(a[index], **params)) for index in np.ndindex(a.shape[:-2])]
        return np.stack(results).reshape(a.shape[:-2] + results[0].shape)

    return on_stack


def each_system(function: Callable) -> Callable:
    """The solution of one system as a function of stacks that broadcast, with NumPy's meaning of a vector."""

    def on_stack(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        columns = b[:, None] if b.ndim == 1 else b
        outer = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
        a, columns = (np.broadcast_to(x, outer + x.shape[-2:]) for x in (a, columns))
        y = np.empty(outer + columns.shape[-2:], object)
        for index in np.ndindex(outer):
            y[index] = function(a[index], columns[index])
        return y[..., 0] if b.ndim == 1 else y

    return on_stack


def sign_and_logarithm(determinant: Callable, sign: Callable, logarithm: Callable) -> Callable:
    """What the primitive of slogdet gives: both, stacked."""
    parts = np.frompyfunc(sign, 1, 1), np.frompyfunc(logarithm, 1, 1)
    return lambda a: np.stack([as_objects(part(determinant(a))) for part in parts])


def euclidean_norm(total: Callable, root: Callable) -> Callable:
    """The root of the sum of squares along some axes."""

    def on_axes(x: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
        return reduced(lambda entries: root(total([entry * entry for entry in entries])), x, axis, keepdims)

    return on_axes


# -- one matrix of numbers of many digits ------------------------------------------------------------------------------


def matrix(context: Any, a: np.ndarray) -> Any:
    """An object array as a matrix of mpmath."""
    return context.matrix(a.tolist())


def array(a: Any) -> np.ndarray:
    """A matrix of mpmath as an object array."""
    return np.array(a.tolist(), dtype=object).reshape(a.rows, a.cols)


def determinant(context: Any, a: np.ndarray) -> Any:
    """The determinant; zero for what is singular to the digits of the context."""
    return context.det(matrix(context, a))


def inverse(context: Any, a: np.ndarray) -> np.ndarray:
    """The inverse."""
    return solution(context, a, np.eye(len(a), dtype=int).astype(object))


def solution(context: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The solution of A X = B."""
    left = matrix(context, a)
    try:
        columns = [array(context.lu_solve(left, context.matrix(column.tolist()))) for column in b.T]
    except ZeroDivisionError:
        raise LinAlgError("Singular matrix") from None
    return np.hstack([np.empty((len(a), 0), object), *columns])


def cholesky(context: Any, a: np.ndarray) -> np.ndarray:
    """The lower triangular factor, from the lower triangle."""
    try:
        return array(context.cholesky(matrix(context, a)))
    except ValueError:
        raise LinAlgError("Matrix is not positive definite") from None


def signs_as_of(found: np.ndarray, floats: np.ndarray) -> np.ndarray:
    """For each column the sign, 1 or -1, that turns it to the side of the float one."""
    return np.where(np.sum(found.astype(float) * floats, axis=0) < 0, -1, 1).astype(object)


def qr(context: Any, a: np.ndarray) -> np.ndarray:
    """Q, and R below it."""
    q, r = map(array, context.qr(matrix(context, a), mode="skinny"))
    signs = signs_as_of(q, np.linalg.qr(a.astype(float)).Q)
    return np.vstack([q * signs, signs[:, None] * r])


def eigh(context: Any, a: np.ndarray, triangle: Any) -> np.ndarray:
    """The ascending eigenvalues, and the eigenvectors below them."""
    w, v = map(array, context.eigsy(matrix(context, factorisations.mirrored(a, triangle))))
    return np.vstack([w.T, v * signs_as_of(v, np.linalg.eigh(a.astype(float), triangle).eigenvectors)])


def eig(context: Any, a: np.ndarray) -> np.ndarray:
    """The eigenvalues, and below them the eigenvectors of unit length."""
    floats = factorisations.stacked_eig(a.astype(float))
    values, vectors = context.eig(matrix(context, a))
    columns = []
    for float_value, float_vector in zip(floats[0], floats[1:].T):
        nearest = min(range(len(values)), key=lambda k: abs(values[k] - float_value))
        vector = array(vectors[:, nearest])[:, 0]
        vector = vector / vector[np.argmax(np.abs(float_vector))]  # real, where mpmath's has a complex phase
        vector = np.array([context.re(entry) for entry in vector], dtype=object)
        vector = vector / context.norm(vector.tolist(), 2) * signs_as_of(vector, float_vector)
        columns.append([context.re(values[nearest]), *vector])
    return np.array(columns, dtype=object).T


def svd(context: Any, a: np.ndarray) -> np.ndarray:
    """U, below it the descending singular values, below them V."""
    u, s, vh = map(array, context.svd_r(matrix(context, a)))
    signs = signs_as_of(u, np.linalg.svd(a.astype(float), full_matrices=False).U)
    return np.vstack([u * signs, s.T, vh.T * signs])


def pseudo_inverse(context: Any, a: np.ndarray, rcond: Any) -> np.ndarray:
    """The pseudo-inverse, without the singular values up to rcond times the largest."""
    u, s, vh = map(array, context.svd_r(matrix(context, a)))
    reciprocals = [1 / x if x > context.convert(float(rcond)) * s[0, 0] else context.zero for x in s[:, 0]]
    return (vh.T * np.array(reciprocals, dtype=object)) @ u.T

"""Factorisations of real matrices and of stacks of them: Cholesky, QR, eigenvalues, singular values.

What has several factors is one primitive that gives them stacked in one array, so that each gradient factorises once.

Conventions. Of a symmetric matrix NumPy reads one triangle: the derivative is that of the function of this triangle.
Eigenvectors of equal eigenvalues are not determined: their derivative is NaN, unless nothing depends on them. So what
is symmetric in equal eigenvalues, such as their sum, has its derivative.
"""

from typing import Any

import numpy as np

from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives.arrays import as_operand, rank_of, shape_of
from diffbench.primitives.kinds import Composite, General, NotCovered, refuse_complex

EighResult = type(np.linalg.eigh(np.eye(1)))
EigResult = type(np.linalg.eig(np.eye(1)))
QRResult = type(np.linalg.qr(np.eye(1)))
SVDResult = type(np.linalg.svd(np.eye(1)))


class OfReals(General):
    """A function with rules that hold for real arrays only: of complex ones, NumPy's takes conjugates."""

    def keep(self, y, operands, wanted, params):
        refuse_complex(self.name, operands)
        return super().keep(y, operands, wanted, params)


def matrices(a: Any) -> tuple[Any, int, int]:
    """An operand with the numbers of its rows and columns. Raises LinAlgError, as NumPy does, for fewer axes."""
    a = as_operand(a)
    if rank_of(a) < 2:
        raise np.linalg.LinAlgError(f"{rank_of(a)}-dimensional array given. Array must be at least two-dimensional")
    return a, *shape_of(a)[-2:]


def refused(call: str, why: str, hint: str) -> UnsupportedPrimitive:
    """The error for a call whose result the matrix does not determine smoothly."""
    return UnsupportedPrimitive(f"{call} has no derivative rule", where=user_location(), why=why, hint=hint)


def _with_diagonal(values: Any, x: Any) -> Any:
    """x with other values on its diagonal."""
    return np.where(np.eye(shape_of(x)[-1], dtype=bool), values[..., None, :], x)


def _diagonal(x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1)


# -- symmetric matrices, of which one triangle is read -----------------------------------------------------------------


def mirrored(a: Any, triangle: str = "L") -> Any:
    """The symmetric matrix of which a holds the lower (L) or upper (U) triangle."""
    a = a if triangle == "L" else a.mT
    return np.tril(a) + np.tril(a, -1).mT


def _folded(cotangent: Any, triangle: str = "L") -> Any:
    """The transpose of `mirrored`: the cotangents of both triangles on the one that is read."""
    folded = np.tril(cotangent) + np.tril(cotangent.mT, -1)
    return folded if triangle == "L" else folded.mT


# -- Cholesky: A = L Lᵀ. Murray (2016), Differentiation of the Cholesky decomposition ----------------------------------


def _lower_half(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    return _with_diagonal(_diagonal(x) / 2, np.tril(x))


def _cholesky_jvp(y, operands, tangents):
    half = np.linalg.solve(y, mirrored(tangents[0]))
    return y @ _lower_half(np.linalg.solve(y, half.mT))


def _cholesky_vjp(cotangent, y, operands, wanted):
    half = np.linalg.solve(y.mT, _lower_half(y.mT @ cotangent))
    return [_folded(np.linalg.solve(y.mT, half.mT).mT)]


def cholesky_factor(a: Any) -> Any:
    """The lower triangular factor, from the lower triangle."""
    return np.linalg.cholesky(a)


CHOLESKY: General = OfReals(
    cholesky_factor,
    name="numpy.linalg.cholesky",
    jvp_rule=_cholesky_jvp,
    vjp_rule=_cholesky_vjp,
    batch_rule=lambda operands, batched: CHOLESKY(*operands),
)


def _expand_cholesky(a, /, *, upper=False):
    a, _, _ = matrices(a)
    return CHOLESKY(a.mT).mT if upper else CHOLESKY(a)


# -- QR: A = Q R, with at least as many rows as columns. Walter & Lehmann (2010), Algorithmic differentiation of linear
#    algebra functions with application in optimum experimental design -------------------------------------------------


def _divided_by(x: Any, triangular: Any) -> Any:
    """x times the inverse of a matrix."""
    return np.linalg.solve(triangular.mT, x.mT).mT


def _qr_jvp(y, operands, tangents):
    m = shape_of(operands[0])[-2]
    q, r = y[..., :m, :], y[..., m:, :]
    t = _divided_by(tangents[0], r)
    c = q.mT @ t
    rotation = np.tril(c, -1) - np.tril(c, -1).mT
    return np.concatenate([t + q @ (rotation - c), (c - rotation) @ r], -2)


def _qr_vjp(cotangent, y, operands, wanted):
    m = shape_of(operands[0])[-2]
    q, r = y[..., :m, :], y[..., m:, :]
    q_bar, r_bar = cotangent[..., :m, :], cotangent[..., m:, :]
    return [_divided_by(q_bar + q @ mirrored(r @ r_bar.mT - q_bar.mT @ q), r.mT)]


def stacked_qr(a: Any) -> Any:
    """Q, and R below it."""
    return np.concatenate(np.linalg.qr(a), -2)


QR: General = OfReals(
    stacked_qr,
    name="numpy.linalg.qr",
    jvp_rule=_qr_jvp,
    vjp_rule=_qr_vjp,
    batch_rule=lambda operands, batched: QR(*operands),
)


def _expand_qr(a, mode="reduced"):
    a, m, n = matrices(a)
    if mode not in ("reduced", "complete", "r"):
        if mode in ("raw", "full", "f", "economic", "e"):
            raise NotCovered(f"mode={mode!r}")
        raise ValueError(f"Unrecognized mode {mode!r}")
    if mode == "complete" and m > n:
        raise refused(
            "numpy.linalg.qr with mode='complete' of more rows than columns",
            "the last columns of Q are any that complete the basis",
            "use mode='reduced', which gives the columns that the matrix determines",
        )
    y = QR(a if m >= n else a[..., :m])
    q, r = y[..., :m, :], y[..., m:, :]
    if m < n:  # the first columns determine Q
        r = np.concatenate([r, q.mT @ a[..., m:]], -1)
    return r if mode == "r" else QRResult(q, r)


# -- eigenvalues: A = V diag(w) V⁻¹. Giles (2008), Collected matrix derivative results for forward and reverse mode
#    algorithmic differentiation --------------------------------------------------------------------------------------


def _quotient(x: Any, divisor: Any) -> Any:
    """x / divisor; where that is zero, NaN for undefined, but zero where x is: what nobody uses carries nothing."""
    zero = divisor == 0
    if not np.any(zero):
        return x / divisor
    return np.where(zero, np.where(x == 0, 0.0, np.nan), x / np.where(zero, 1.0, divisor))


def _over_gaps(x: Any, values: Any) -> Any:
    """x_ij / (values_j - values_i), zero on the diagonal."""
    gaps = values[..., None, :] - values[..., :, None]
    return _quotient(x, np.where(np.eye(shape_of(x)[-1], dtype=bool), np.inf, gaps))


def _values_and_vectors(y: Any) -> tuple[Any, Any]:
    return y[..., 0, :], y[..., 1:, :]


def _stack_values_and_vectors(values: Any, vectors: Any) -> Any:
    return np.concatenate([values[..., None, :], vectors], -2)


def _eigh_jvp(y, operands, tangents, triangle):
    w, v = _values_and_vectors(y)
    t = v.mT @ mirrored(tangents[0], triangle) @ v
    return _stack_values_and_vectors(_diagonal(t), v @ _over_gaps(t, w))


def _eigh_vjp(cotangent, y, operands, wanted, triangle):
    w, v = _values_and_vectors(y)
    w_bar, v_bar = _values_and_vectors(cotangent)
    return [_folded(v @ _with_diagonal(w_bar, _over_gaps(v.mT @ v_bar, w)) @ v.mT, triangle)]


def stacked_eigh(a: Any, triangle: Any) -> Any:
    """The eigenvalues, and the eigenvectors below them."""
    return _stack_values_and_vectors(*np.linalg.eigh(a, triangle))


EIGH: General = OfReals(
    stacked_eigh,
    name="numpy.linalg.eigh",
    jvp_rule=_eigh_jvp,
    vjp_rule=_eigh_vjp,
    batch_rule=lambda operands, batched, triangle: EIGH(*operands, triangle=triangle),
)


def _expand_eigh(a, UPLO="L"):
    a, _, _ = matrices(a)
    return EighResult(*_values_and_vectors(EIGH(a, triangle=UPLO.upper())))


def _expand_eigvalsh(a, UPLO="L"):
    return _expand_eigh(a, UPLO).eigenvalues


def _along(vectors: Any, x: Any) -> Any:
    """The part of each column of x along the vector of unit length in that column."""
    return vectors * np.sum(vectors * x, axis=-2, keepdims=True)


def _eig_jvp(y, operands, tangents):
    w, v = _values_and_vectors(y)
    t = np.linalg.solve(v, tangents[0] @ v)
    moved = v @ _over_gaps(t, w)
    return _stack_values_and_vectors(_diagonal(t), moved - _along(v, moved))


def _eig_vjp(cotangent, y, operands, wanted):
    w, v = _values_and_vectors(y)
    w_bar, v_bar = _values_and_vectors(cotangent)
    inner = _with_diagonal(w_bar, _over_gaps(v.mT @ (v_bar - _along(v, v_bar)), w))
    return [np.linalg.solve(v.mT, inner @ v.mT)]


def stacked_eig(a: Any) -> Any:
    """The eigenvalues, and the eigenvectors below them; all must be real."""
    values, vectors = np.linalg.eig(a)
    if np.iscomplexobj(values):
        raise refused(
            "numpy.linalg.eig with complex eigenvalues",
            "derivatives here are of real functions",
            "use eigh or eigvalsh for a symmetric matrix; singular values are always real",
        )
    return _stack_values_and_vectors(values, vectors)


EIG: General = OfReals(
    stacked_eig,
    name="numpy.linalg.eig",
    jvp_rule=_eig_jvp,
    vjp_rule=_eig_vjp,
    batch_rule=lambda operands, batched: EIG(*operands),
)


def _expand_eig(a):
    a, _, _ = matrices(a)
    return EigResult(*_values_and_vectors(EIG(a)))


def _expand_eigvals(a):
    return _expand_eig(a).eigenvalues


# -- singular values: A = U diag(s) Vᵀ. Townsend (2016), Differentiating the singular value decomposition; here with
#    1/(sⱼ² - sᵢ²) split into 1/(sⱼ - sᵢ) and 1/(sⱼ + sᵢ) ------------------------------------------------------------


def _vectors_and_values(y: Any, m: int) -> tuple[Any, Any, Any]:
    """U, s, V from the array in which they are stacked."""
    return y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]


def _halves(symmetric: Any, skew: Any, s: Any) -> tuple[Any, Any]:
    """Half the sum and half the difference of the rotations of U and V."""
    sums = np.where(np.eye(shape_of(skew)[-1], dtype=bool), np.inf, s[..., None, :] + s[..., :, None])
    return _over_gaps(symmetric, s) / 2, _quotient(skew, sums) / 2


def _svd_jvp(y, operands, tangents):
    (t,) = tangents
    m, n = shape_of(t)[-2:]
    u, s, v = _vectors_and_values(y, m)
    right, left = t @ v, t.mT @ u
    p = u.mT @ right
    together, apart = _halves(p + p.mT, p - p.mT, s)
    u_dot, v_dot = u @ (together + apart), v @ (together - apart)
    if m > n:
        u_dot = u_dot + _quotient(right - u @ p, s[..., None, :])
    if n > m:
        v_dot = v_dot + _quotient(left - v @ p.mT, s[..., None, :])
    return np.concatenate([u_dot, _diagonal(p)[..., None, :], v_dot], -2)


def _svd_vjp(cotangent, y, operands, wanted):
    m, n = shape_of(operands[0])[-2:]
    u, s, v = _vectors_and_values(y, m)
    u_bar, s_bar, v_bar = _vectors_and_values(cotangent, m)
    c, d = u.mT @ u_bar, v.mT @ v_bar
    together, apart = _halves(c + d, c - d, s)
    inner = _with_diagonal(s_bar, together + together.mT + apart - apart.mT)
    beside = 0.0
    if m > n:
        u_bar = _quotient(u_bar, s[..., None, :])
        inner, beside = inner - u.mT @ u_bar, u_bar @ v.mT
    if n > m:
        v_bar = _quotient(v_bar, s[..., None, :])
        inner, beside = inner - (v.mT @ v_bar).mT, u @ v_bar.mT
    return [u @ inner @ v.mT + beside]


def stacked_svd(a: Any) -> Any:
    """U, below it the singular values, below them V."""
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([u, s[..., None, :], vh.mT], -2)


SVD: General = OfReals(
    stacked_svd,
    name="numpy.linalg.svd",
    jvp_rule=_svd_jvp,
    vjp_rule=_svd_vjp,
    batch_rule=lambda operands, batched: SVD(*operands),
)


def _expand_svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    a, m, n = matrices(a)
    if hermitian:
        return _svd_of_symmetric(a, compute_uv)
    if compute_uv and full_matrices and m != n:
        raise refused(
            "numpy.linalg.svd with full_matrices=True of a matrix that is not square",
            "the last columns of U, or rows of Vh, are any that complete the basis",
            "use full_matrices=False, which gives those that the matrix determines",
        )
    u, s, v = _vectors_and_values(SVD(a), m)
    return SVDResult(u, s, v.mT) if compute_uv else s


def _svd_of_symmetric(a: Any, compute_uv: bool) -> Any:
    w, v = np.linalg.eigh(a)
    size = np.abs(w)
    order = np.argsort(size)[..., ::-1]
    s = np.take_along_axis(size, order, -1)
    if not compute_uv:
        return s
    u = np.take_along_axis(v, order[..., None, :], -1)
    signs = np.take_along_axis(np.where(np.signbit(w), -1.0, 1.0), order, -1)
    return SVDResult(u, s, (u * np.astype(signs, s.dtype, copy=False)[..., None, :]).mT)


def _expand_svdvals(x, /):
    return _expand_svd(x, full_matrices=False, compute_uv=False)


# fmt: off
ROWS = [
    Composite(np.linalg.cholesky, _expand_cholesky,
              examples=["linalg.cholesky(S @ S.T + 3 * eye(3))", "linalg.cholesky(S @ S.T + 3 * eye(3), upper=True)",
                        "linalg.cholesky(S + 5 * eye(3))", "linalg.cholesky(S + 5 * eye(3), upper=True)",
                        "linalg.cholesky(T @ T.mT + 3 * eye(3))"]),
    Composite(np.linalg.qr, _expand_qr,
              examples=["linalg.qr(S).Q", "linalg.qr(S, mode='complete')[1]", "linalg.qr(A.T)[0]", "linalg.qr(A.T).R",
                        "linalg.qr(A)[0]", "linalg.qr(A, 'r')", "linalg.qr(T)[1]", "linalg.qr(T.mT).Q"]),
    Composite(np.linalg.eigh, _expand_eigh,
              examples=["linalg.eigh(S)[0]", "linalg.eigh(S + 4 * diag(arange(3))).eigenvectors",
                        "linalg.eigh(S + 4 * diag(arange(3)), 'U')[1]",
                        "multiply(*linalg.eigh(S + 4 * diag(arange(3))))",
                        "linalg.eigh(T @ T.mT + 4 * diag(arange(3)))[1]", "linalg.eigh(T @ T.mT)[0]"]),
    Composite(np.linalg.eigvalsh, _expand_eigvalsh, examples=["linalg.eigvalsh(S)", "linalg.eigvalsh(S, UPLO='U')"]),
    Composite(np.linalg.eig, _expand_eig,
              examples=["linalg.eig(S @ S.T + S / 4).eigenvectors", "linalg.eig(T @ T.mT)[0]"]),
    Composite(np.linalg.eigvals, _expand_eigvals, examples=["linalg.eigvals(S @ S.T + S / 4)"]),
    Composite(np.linalg.svd, _expand_svd,
              examples=["linalg.svd(S).U", "linalg.svd(S)[2]", "linalg.svd(A, full_matrices=False)[0]",
                        "linalg.svd(A, False).Vh", "linalg.svd(A.T, full_matrices=False)[0]",
                        "linalg.svd(A, compute_uv=False)", "linalg.svd(T, False).S",
                        "linalg.svd(S - 4 * diag(arange(3)), hermitian=True).Vh",
                        "linalg.svd(S, compute_uv=False, hermitian=True)"]),
    Composite(np.linalg.svdvals, _expand_svdvals, examples=["linalg.svdvals(A)", "linalg.svdvals(T)"]),
]
# fmt: on

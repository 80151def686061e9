"""Determinants and their logarithms, for real matrices and for stacks of them.

The derivative of a determinant is the matrix of cofactors: det(a) a⁻ᵀ, where a is regular (Giles 2008).
"""

from typing import Any

import numpy as np

from diffbench.primitives.arrays import numbers_of, rank_of, shape_of
from diffbench.primitives.factorisations import OfReals
from diffbench.primitives.kinds import Composite, General
from diffbench.primitives.linear_algebra import square
from diffbench.primitives.partial import zero_stays_zero
from diffbench.primitives.primitive import Traced, lifted

SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


def _for_each_matrix(numbers: Any) -> Any:
    """A number for each matrix of a stack, ready to broadcast against the stack."""
    return numbers[..., None, None] if rank_of(numbers) else numbers


def _cofactors(y: Any, a: Any, noise: Any = 0.0) -> Any:
    """The matrix of cofactors, ∂det/∂a, such that it can be differentiated again where a is singular too.

    Derivatives of det(a) a⁻ᵀ lose all digits there: each order divides by the smallest singular value once more.
    noise : entries up to this size are rounding errors of zero.
    """
    largest = _largest(a)
    if shape_of(a)[-1] == 1 or np.any(largest <= noise):
        return _cofactors_by_powers(a)
    if not np.all(largest < np.inf):  # infinite or NaN, of which there are no singular vectors
        return np.full(shape_of(a), np.nan, a.dtype)
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return _cofactors_of_one_scale(a)
    if np.any(largest * _largest(inverse) * _small(a) > 1):
        return _cofactors_of_one_scale(a)
    return _for_each_matrix(y) * inverse.mT


def _cofactors_of_one_scale(a: Any) -> Any:
    """The same by blocks, of the matrix whose rows and columns are brought to one size by powers of two.

    Second derivatives in two entries of one row are zero, and the scales would raise their rounding errors: they go
    without.
    """
    if isinstance(a, Traced):
        return _cofactors_by_blocks(a)
    size = np.abs(a)
    rows = np.frexp(np.max(size, axis=-1, keepdims=True))[1]
    columns = np.frexp(np.max(np.ldexp(size, -rows), axis=-2, keepdims=True))[1]
    others = np.sum(rows, axis=-2, keepdims=True) + np.sum(columns, axis=-1, keepdims=True) - rows - columns
    return np.ldexp(_cofactors_by_blocks(np.ldexp(a, -rows - columns)), others)


def _largest(a: Any) -> Any:
    """The largest entry of each matrix."""
    return np.max(np.abs(numbers_of(a)), axis=(-2, -1), initial=0)


def _small(a: Any) -> Any:
    """The ratio of singular values that counts as small: each further derivative divides by it once more."""
    order, below = 0, a
    while isinstance(below, Traced):
        order, below = order + 1, getattr(below, "primal", None)
    return np.finfo(a.dtype).eps ** (1 / (3 * max(order, 1)))


def _cofactors_by_blocks(a: Any) -> Any:
    """The same by det a = det P det W: P is the regular part of a, W the small Schur complement of what remains.

    The singular vectors that take a apart are those of its plain numbers: constants, whatever is differentiated.
    """
    n = shape_of(a)[-1]
    u, s, vh = np.linalg.svd(np.asarray(numbers_of(a), dtype=a.dtype))
    v = vh.mT
    regular = min(int(np.min(np.sum(s > _small(a) * s[..., :1], axis=-1))), n - 1)
    u1, u2, v1, v2 = u[..., :regular], u[..., regular:], v[..., :regular], v[..., regular:]
    p = u1.mT @ a @ v1
    p_inverse = np.linalg.inv(p)
    left = u2 - u1 @ (u2.mT @ a @ v1 @ p_inverse).mT
    right = v2 - v1 @ (p_inverse @ (u1.mT @ a @ v2))
    w = u2.mT @ a @ right
    of_w = _cofactors(np.linalg.det(w), w, noise=10 * n * np.finfo(a.dtype).eps * s[..., 0])
    det_w = np.sum(w[..., 0, :] * of_w[..., 0, :], axis=-1)
    of_p = _for_each_matrix(det_w) * (u1 @ p_inverse.mT @ v1.mT)
    scale = np.linalg.det(p) / (np.linalg.det(lifted(u)) * np.linalg.det(lifted(v)))
    return _for_each_matrix(scale) * (of_p + left @ of_w @ right.mT)


def _cofactors_by_powers(a: Any) -> Any:
    """The same as a polynomial in a (Faddeev & Le Verrier), which needs no inverse; accurate near zero."""
    n = shape_of(a)[-1]
    if n == 2:  # without the cancellation of trace(a) - a
        return a[..., ::-1, ::-1] * np.array([[1, -1], [-1, 1]], a.dtype)
    identity = np.eye(n, dtype=a.dtype)
    adjugate = identity
    for k in range(1, n):
        product = a @ adjugate
        adjugate = _for_each_matrix(np.trace(product, axis1=-2, axis2=-1) / k) * identity - product
    return adjugate.mT


def _det_jvp(y, operands, tangents):
    return np.sum(_cofactors(y, operands[0]) * tangents[0], axis=(-2, -1))


DET: General = General(
    np.linalg.det,
    bind=lambda a: ((a,), {}),
    jvp_rule=_det_jvp,
    vjp_rule=lambda cotangent, y, operands, wanted: [_for_each_matrix(cotangent) * _cofactors(y, operands[0])],
    batch_rule=lambda operands, batched: DET(*operands),
    examples=[
        "linalg.det(S)",
        "linalg.det(T[..., :3])",
        "linalg.det(S[:1, :1])",
        "linalg.det(stack([S, outer(v, w)]))",
        "linalg.det(A.T @ A)",
        "linalg.det(B @ B.T)",
        "linalg.det(S * 0)",
    ],
)


def _inverse_if_regular(y: Any, a: Any) -> Any:
    """The inverse, of NaN where the matrix is singular."""
    singular = _for_each_matrix(numbers_of(y)[0] == 0)
    if not np.any(singular):
        return np.linalg.inv(a)
    return np.where(singular, np.nan, np.linalg.inv(np.where(singular, np.eye(shape_of(a)[-1], dtype=bool), a)))


def _slogdet_jvp(y, operands, tangents):
    t = tangents[0]
    slope = np.sum(zero_stays_zero(t, _inverse_if_regular(y, operands[0]).mT * t), axis=(-2, -1))
    return np.stack([np.zeros_like(slope), slope])


def _slogdet_vjp(cotangent, y, operands, wanted):
    g = _for_each_matrix(cotangent[1])
    return [zero_stays_zero(g, g * _inverse_if_regular(y, operands[0]).mT)]


def stacked_slogdet(a: Any) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    return np.stack(np.linalg.slogdet(a))


SLOGDET: General = OfReals(
    stacked_slogdet,
    name="numpy.linalg.slogdet",
    jvp_rule=_slogdet_jvp,
    vjp_rule=_slogdet_vjp,
    batch_rule=lambda operands, batched: np.moveaxis(SLOGDET(*operands), 0, 1),
)


def _expand_slogdet(a):
    a, _ = square(a)
    y = SLOGDET(a)
    return SlogdetResult(y[0], y[1])


ROWS = [
    DET,
    Composite(np.linalg.slogdet, _expand_slogdet,
              examples=["linalg.slogdet(S)[1]", "linalg.slogdet(T @ T.mT + eye(3)).logabsdet",
                        "multiply(*linalg.slogdet(S))"]),
]  # fmt: skip

"""Polynomials: coefficients from the highest power down."""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_array, as_operand, constants, dtype_of, rank_of, shape_of
from diffbench.primitives.kinds import Composite, NotCovered


def _expand_vander(x, N=None, increasing=False):
    x = as_operand(x)
    if rank_of(x) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    powers = np.arange(shape_of(x)[0] if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1])


def _expand_polyval(p, x):
    p, x = as_operand(p), as_array(x)
    y = np.zeros(shape_of(x), dtype_of(x))
    for k in range(len(p)):
        y = y * x + p[k]
    return y


def _polynomials(combine: Callable) -> Callable:
    def expand(a1, a2):
        a1, a2 = np.atleast_1d(as_operand(a1)), np.atleast_1d(as_operand(a2))
        n = max(shape_of(a1)[0], shape_of(a2)[0])
        leading = [np.zeros(n - shape_of(a)[0], a.dtype) for a in (a1, a2)]
        return combine(*[np.concatenate([zeros, a]) if len(zeros) else a for zeros, a in zip(leading, (a1, a2))])

    return expand


def _trimmed(p: Any) -> Any:
    """Coefficients without leading zeros."""
    p = np.atleast_1d(as_operand(p))
    nonzero = np.flatnonzero(p)
    return p[nonzero[0] :] if nonzero.size else p[-1:]


def _expand_polymul(a1, a2):
    return np.convolve(_trimmed(a1), _trimmed(a2))


def _expand_polyder(p, m=1):
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = as_operand(p)
    for _ in range(m):
        p = p[:-1] * np.arange(shape_of(p)[0] - 1, 0, -1)
    return p


def _expand_polyint(p, m=1, k=None):
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    p = as_operand(p)
    constants = np.atleast_1d(0.0 if k is None else as_operand(k))
    if shape_of(constants)[0] == 1:
        constants = np.broadcast_to(constants, (m,))
    elif shape_of(constants)[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for j in range(m):
        p = np.concatenate([p / np.arange(shape_of(p)[0], 0, -1), constants[j : j + 1]])
    return p


def _expand_poly(seq_of_zeros):
    zeros = np.atleast_1d(as_operand(seq_of_zeros))
    zeros = np.linalg.eigvals(zeros) if rank_of(zeros) == 2 else zeros
    p: Any = np.ones(1, zeros.dtype)
    for k in range(shape_of(zeros)[0]):
        p = np.convolve(p, np.stack([constants(1.0, zeros), -zeros[k]]))
    return p


def _expand_polydiv(u, v):
    rest, v = np.atleast_1d(as_operand(u)) + 0.0, np.atleast_1d(as_operand(v)) + 0.0
    if rank_of(rest) != 1 or rank_of(v) != 1:
        raise ValueError("the coefficients of a polynomial are a vector")
    m, n = shape_of(rest)[0] - 1, shape_of(v)[0] - 1
    dtype = np.result_type(rest.dtype, v.dtype)
    if m < n:
        return np.zeros(1, dtype), np.astype(rest, dtype, copy=False)
    quotient = []
    for k in range(m - n + 1):
        factor = rest[k] / v[0]
        quotient.append(factor)
        rest = rest - np.pad(factor * v, (k, m - n - k))
    return np.stack(quotient), _trimmed(rest[m - n + 1 :]) if n else rest[-1:]


def _expand_polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    if full or cov:
        raise NotCovered("full=True or cov=True")
    x, y = as_operand(x), as_operand(y)
    columns = np.vander(x, int(deg) + 1)
    if w is not None:
        w = as_operand(w)
        columns, y = columns * w[:, None], y * (w[:, None] if rank_of(y) == 2 else w)
    scale = np.sqrt(np.sum(columns * columns, axis=0))
    solution = np.linalg.lstsq(columns / scale, y, rcond)[0]
    return np.transpose(np.transpose(solution) / scale)


def _expand_roots(p):
    p = _trimmed(p)
    places = np.flatnonzero(p)
    if not places.size:
        return np.zeros(0)
    zeros, p = shape_of(p)[0] - 1 - places[-1], p[: places[-1] + 1]
    n = shape_of(p)[0]
    if n < 2:
        return np.zeros(zeros)
    below = np.eye(n - 1, k=-1)[1:]
    companion = np.concatenate([np.reshape(-p[1:] / p[0], (1, -1)), below])
    return np.concatenate([np.linalg.eigvals(companion), np.zeros(zeros)])


# fmt: off
ROWS = [
    Composite(np.vander, _expand_vander, examples=["vander(v)", "vander(v, 2)", "vander(v, 4, increasing=True)"]),
    Composite(np.polyval, _expand_polyval, examples=["polyval(v, A)", "polyval([1.0, 2.0], v)"]),
    Composite(np.polyadd, _polynomials(np.add), examples=["polyadd(v, A[0])"]),
    Composite(np.polysub, _polynomials(np.subtract), examples=["polysub(v, A[0])"]),
    Composite(np.polymul, _expand_polymul, examples=["polymul(v, w)", "polymul([0.0, 1.0, 2.0], v)"]),
    Composite(np.polyder, _expand_polyder, examples=["polyder(v)", "polyder(A[0], 2)"]),
    Composite(np.polyint, _expand_polyint, examples=["polyint(v)", "polyint(v, 2, [s, 1.0])", "polyint(v, k=s)"]),
    Composite(np.poly, _expand_poly, examples=["poly(v)"]),
    Composite(np.polydiv, _expand_polydiv, examples=["polydiv(A[0], v[:2])[0]", "polydiv(A[0], v)[1]"]),
    Composite(np.polyfit, _expand_polyfit, examples=["polyfit(v, w, 1)", "polyfit(A[0], A[1], 2, w=exp(A[2]))"]),
    Composite(np.roots, _expand_roots, examples=["roots(convolve([1.0, -4.0 - s], [1.0, 2.0]))"]),
]
# fmt: on

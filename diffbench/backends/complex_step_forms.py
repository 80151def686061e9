"""Analytic continuations where NumPy has none, or not to all digits.

`CONTINUATIONS` are right everywhere. `ON_EACH_SIDE` are functions with a kink, continued from whichever side the real
parts are on: what Martins, Sturdza & Alonso (2003, §4) call complexifying them. They serve branches="real" only.

Arguments are complex arrays, real ones, or arrays of complex numbers that an outer derivative traces.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import shape_of
from diffbench.primitives.complex_numbers import IMAGINARY, REAL
from diffbench.primitives.determinants import stacked_slogdet
from diffbench.primitives.factorisations import cholesky_factor
from diffbench.primitives.norms import euclidean_norm

# -- without a kink ----------------------------------------------------------------------------------------------------


def _identity(x: Any) -> Any:
    """The conjugate and the real part: on the real axis they are x itself."""
    return x


def _power(power: Callable) -> Callable:
    def form(a: Any, b: Any) -> Any:
        """Powers of negative bases without the complex logarithm, whose angle π swamps a small imaginary part."""
        if b.__class__ is int and 0 < b < 100:  # NumPy multiplies
            return power(a, b)
        negative = REAL(a) < 0
        if not np.any(negative):
            return power(a, b)
        y = power(np.where(negative, -a, a), b)
        return np.where(negative & (REAL(b) % 2 == 1), -y, y)

    return form


def _log1p(x: Any) -> Any:
    """NumPy takes log(1 + x), which loses the digits of a small x."""
    a, b = REAL(x), IMAGINARY(x)
    near = np.abs(a) < 0.5
    a = np.where(near, a, 0.0)
    return np.where(near, np.log1p(a * (2 + a) + b * b) / 2 + 1j * np.arctan2(b, 1 + a), np.log(1 + x))


def _sorted_by_real_part(a: Any, b: Any) -> tuple[Any, Any]:
    ordered = REAL(a) <= REAL(b)
    return np.where(ordered, a, b), np.where(ordered, b, a)


def _logaddexp(a: Any, b: Any) -> Any:
    low, high = _sorted_by_real_part(a, b)
    return high + _log1p(np.exp(low - high))


def _logaddexp2(a: Any, b: Any) -> Any:
    low, high = _sorted_by_real_part(a, b)
    return high + _log1p(np.exp2(low - high)) / float(np.log(2))


def _arctan2(a: Any, b: Any) -> Any:
    """The angle of the real parts, and the rotation from there."""
    y, x = REAL(a), REAL(b)
    with np.errstate(invalid="ignore"):  # at the origin there is no angle, and the slope is NaN
        return np.arctan2(y, x) + np.arctan((a * x - b * y) / (a * y + b * x))


def _cbrt(x: Any) -> Any:
    negative = REAL(x) < 0
    y = np.power(np.where(negative, -x, x), 1 / 3)
    return np.where(negative, -y, y)


def _ldexp(x: Any, exponent: Any) -> Any:
    return x * np.ldexp(np.ones_like(REAL(x)), exponent)


def _euclidean_norm(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Without the absolute values of NumPy's; zero at the origin, where there is no slope."""
    squares = np.sum(x * x, axis=axis, keepdims=keepdims)
    return np.where(REAL(squares) > 0, np.sqrt(squares), 0.0)


def _slogdet(a: Any) -> Any:
    """The determinant of a is that of its real part times one that is near 1, and so has a logarithm."""
    sign, logarithm = np.linalg.slogdet(REAL(a))
    return np.stack([sign, logarithm + np.log(np.linalg.det(np.linalg.solve(REAL(a), a)))])


def _cholesky(a: Any) -> Any:
    """The factor of a = L Lᵀ by blocks; NumPy's is that of a = L Lᴴ."""
    n = shape_of(a)[-1]
    if n == 1:
        return np.sqrt(a)
    k = n // 2
    above = _cholesky(a[..., :k, :k])
    beside = np.linalg.solve(above, a[..., k:, :k].mT).mT
    below = _cholesky(a[..., k:, k:] - beside @ beside.mT)
    zeros = np.zeros(shape_of(beside.mT))
    return np.concatenate([np.concatenate([above, zeros], -1), np.concatenate([beside, below], -1)], -2)


def _cholesky_if_definite(a: Any) -> Any:
    np.linalg.cholesky(REAL(a))  # raises LinAlgError, where a complex square root would go on
    return _cholesky(a)


CONTINUATIONS: dict[Callable, Callable] = {
    np.conjugate: _identity,
    np.real: _identity,
    np.power: _power(np.power),
    np.float_power: _power(np.float_power),
    np.log1p: _log1p,
    np.logaddexp: _logaddexp,
    np.logaddexp2: _logaddexp2,
    np.arctan2: _arctan2,
    np.cbrt: _cbrt,
    np.ldexp: _ldexp,
    cholesky_factor: _cholesky_if_definite,
    stacked_slogdet: _slogdet,
    euclidean_norm: _euclidean_norm,
}

# -- with a kink: the side of the real parts; the mean of both sides where they tie ------------------------------------


def _absolute(x: Any) -> Any:
    return np.sign(REAL(x)) * x


def _maximum(a: Any, b: Any) -> Any:
    x, y = REAL(a), REAL(b)
    return np.where(x > y, a, np.where(x < y, b, (a + b) / 2))


def _minimum(a: Any, b: Any) -> Any:
    return -_maximum(-a, -b)


def _but_not_nan(extremum: Callable) -> Callable:
    def form(a: Any, b: Any) -> Any:
        return np.where(np.isnan(REAL(a)), b, np.where(np.isnan(REAL(b)), a, extremum(a, b)))

    return form


def _extremum(function: Callable) -> Callable:
    def form(a: Any, axis: Any, keepdims: bool) -> Any:
        x = REAL(a)
        taken = x == function(x, axis=axis, keepdims=True)
        total = np.sum(np.where(taken, a, 0.0), axis=axis, keepdims=keepdims)
        return total / np.sum(taken, axis=axis, keepdims=keepdims, dtype=x.dtype)

    return form


ON_EACH_SIDE: dict[Callable, Callable] = {
    np.absolute: _absolute,
    np.fabs: _absolute,
    np.maximum: _maximum,
    np.minimum: _minimum,
    np.fmax: _but_not_nan(_maximum),
    np.fmin: _but_not_nan(_minimum),
    np.max: _extremum(np.max),
    np.min: _extremum(np.min),
    np.remainder: lambda a, b: a - b * np.floor_divide(REAL(a), REAL(b)),
    np.fmod: lambda a, b: a - b * np.trunc(REAL(a) / REAL(b)),
}

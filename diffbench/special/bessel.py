"""Spherical Bessel functions, which SciPy reaches through plain functions that make arrays of their arguments."""

import math
from functools import cache
from typing import Any

import numpy as np

from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives.arrays import as_operand
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.partial import ExactConstant
from diffbench.primitives.primitive import Traced
from diffbench.special.library import imported

PI = ExactConstant(math.pi, "pi")


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Any:
    """The spherical Bessel function of the first kind and order n, or its derivative; differentiable in z to any order.

    >>> round(float(spherical_jn(0, 2.0)), 12)  # sin(2) / 2
    0.454648713413
    """
    return _with_parity("spherical_jn", n, z, derivative, 0)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Any:
    """The spherical Bessel function of the second kind and order n, or its derivative; differentiable in z."""
    return _with_parity("spherical_yn", n, z, derivative, 1)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Any:
    """The modified one of the first kind, i⁽¹⁾ of DLMF 10.47, or its derivative; differentiable in z."""
    return _with_parity("spherical_in", n, z, derivative, 0)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Any:
    """The modified one of the second kind, or its derivative; differentiable in z."""
    n, z = _order("spherical_kn", n), as_operand(z)
    if is_complex(z):
        return _at("spherical_kn", n, z, derivative)
    low, size = z < 0, np.where(z < 0, -z, z)  # and not abs, which has slope 0 at 0
    y = _at("spherical_kn", n, size, derivative)
    if not np.any(low):
        return y
    mirrored = PI * _at("spherical_in", n, np.where(low, size, 1.0), derivative) + np.where(n % 2 == 1, -y, y)
    return np.where(low, mirrored if derivative else -mirrored, y)  # DLMF 10.47.12 and 10.47.16


def _with_parity(name: str, n: Any, z: Any, derivative: bool, odd: int) -> Any:
    """A function that is even where n + odd is even, and odd where that is odd (DLMF 10.47.14)."""
    n, z = _order(name, n), as_operand(z)
    if is_complex(z):
        return _at(name, n, z, derivative)
    y = _at(name, n, np.where(z < 0, -z, z), derivative)
    return np.where((z < 0) & ((n + odd + derivative) % 2 == 1), -y, y)


def _order(name: str, n: Any) -> np.ndarray:
    if isinstance(n, Traced):
        raise UnsupportedPrimitive(
            f"diffbench.special.{name} has no derivative rule in its order",
            where=user_location(),
            why="the order is a whole number",
            hint="give it as a plain number: db.primal(n)",
        )
    return np.asarray(n, dtype=np.dtype("long"))


def _at(name: str, n: np.ndarray, z: Any, derivative: bool) -> Any:
    """The function, or its derivative as its row in the table says it, which a derivative can pass again."""
    row = _row(name)
    return row.partials[1].value(None, n, z) if derivative else row.function(n, z)


@cache
def _row(name: str) -> Any:
    """The row of SciPy's ufunc behind its function of this name."""
    imported()
    from diffbench.primitives import scipy_special

    return next(row for row in scipy_special.ROWS if row.name == f"scipy.special.{name}")

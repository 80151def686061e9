"""Relatives of the gamma function that SciPy computes from plain arrays only."""

import math
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand
from diffbench.primitives.partial import ExactConstant
from diffbench.special.library import imported, sc


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of the digamma function at x, for n = 0, 1, 2, ...; differentiable in x to any order.

    >>> round(float(polygamma(1, 1.0)), 12)  # π²/6
    1.644934066848
    """
    imported()
    from diffbench.primitives.special_ladders import polygamma as primitive

    return primitive(as_operand(n), as_operand(x))


def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d, entry by entry; NaN unless a > (d - 1) / 2.

    >>> bool(multigammaln(4.5, 1) == sc.gammaln(4.5))
    True
    """
    a = as_operand(a)
    shifted = np.expand_dims(a, -1) - np.arange(d, dtype=getattr(a, "dtype", float)) / 2
    powers = ExactConstant(d * (d - 1) * math.log(math.pi) / 4, f"log(pi) * {d * (d - 1)} / 4")
    return np.where(a > 0.5 * (d - 1), np.sum(sc.gammaln(shifted), axis=-1) + powers, np.nan)

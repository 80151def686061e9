"""Products of many factors, and how they stay among the floats.

The derivative of a product by a factor is the product of all others: the product over that factor, unless running
products become 0 or infinite, or come near to it. Then powers of two bring them all near to 1, and are given back at
the end; so the derivative is right wherever it is a float itself.
"""

from typing import Any

import numpy as np

from diffbench.primitives.arrays import numbers_of
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.primitive import Traced


def may_divide(y: Any, a: Any) -> bool:
    """Whether a product without one factor is the product over that factor: nothing is zero, or came near to it."""
    numbers = numbers_of(y)
    if not _has_limits(numbers):
        a, y = _below_others(a), _below_others(y)  # no decision of f: one that notes those of f is not to see it
        return bool(np.all(a != 0) and np.all(y != 0) and np.all(np.isfinite(y)))
    size = np.abs(numbers)
    limit = size.dtype.type(2) ** half_range(numbers)
    return bool(np.min(size, initial=1.0) > 1 / limit and np.max(size, initial=1.0) < limit)


def balance(a: Any, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The powers of 2 in factors that would keep all running products near 1, and their sums; None if they stay there.

    A zero counts as 1, for the sake of the product of the others.
    """
    numbers = numbers_of(a)
    if not _has_limits(numbers):
        return None
    size = np.abs(numbers)
    logarithms = np.log2(np.where((size > 0) & (size < np.inf), size, 1.0))
    sums = np.rint(np.cumsum(logarithms, axis, dtype=float)).astype(int)
    if np.max(np.abs(sums), initial=0) < half_range(a):
        return None
    return np.diff(sums, axis=axis, prepend=0), sums


def times_power(x: Any, exponents: Any) -> Any:
    """x times a power of 2, which itself need not be a float."""
    if is_complex(x):
        return np.ldexp(np.real(x), exponents) + 1j * np.ldexp(np.imag(x), exponents)
    return np.ldexp(x, exponents)


def half_range(x: Any) -> int:
    """A little less than half the largest exponent of 2 in the dtype of an array: quotients of such numbers are floats.

    >>> half_range(np.ones(3))
    500
    """
    return int(np.finfo(x.dtype).maxexp * 0.489)


def _has_limits(numbers: Any) -> bool:
    """Whether these are floats; symbols and numbers of many digits become as large as one likes."""
    return getattr(numbers, "dtype", np.dtype(object)).kind in "fc"


def _below_others(x: Any) -> Any:
    """The value of the lowest trace, below all others: that of the symbols or of the numbers of many digits."""
    while isinstance(x, Traced) and isinstance(x.primal, Traced):
        x = x.primal
    return x

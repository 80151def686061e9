"""Sums of exponentials that neither overflow nor underflow (Blanchard, Higham and Higham 2021)."""

import math
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand, shape_of


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log Σ b exp(a) along axes.

    a : array. b : weights that broadcast with a; where one is zero, its entry adds nothing, whatever it is.
    axis : an axis, a tuple of them, or None for all.
    return_sign : give the logarithm of the absolute value and the sign; otherwise a negative sum is NaN.

    The slope in a is b exp(a) / Σ, softmax where there are no weights; a sum without terms, -inf, has slope 0.

    >>> float(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """
    a = as_operand(a)
    weights = np.ones_like(a) if b is None else as_operand(b)
    if b is not None:
        a = np.where(weights == 0, -np.inf, a)
    no_terms: dict[str, Any] = {} if math.prod(shape_of(a)) else {"initial": -np.inf}
    largest = np.max(a, axis=axis, keepdims=True, **no_terms)
    shift = _finite(largest)
    terms = weights * np.exp(a - shift)
    first = np.equal(a, largest)
    of_largest = np.sum(np.where(first, terms, 0.0), axis=axis, keepdims=True)
    of_others = np.sum(np.where(first, 0.0, terms), axis=axis, keepdims=True)
    total = of_largest + of_others
    y = np.where(total == 0, -np.inf, _log_of_sum(of_largest, of_others) + shift)
    sign = np.sign(total)
    if not keepdims:
        y, sign = (np.squeeze(part, axis=axis) for part in (y, sign))
    return (y, sign) if return_sign else np.where(sign < 0, np.nan, y)


def _finite(largest: Any) -> Any:
    """The number to shift by: the largest, where that is finite."""
    return np.where(np.abs(largest) == np.inf, 0.0, largest)


def _log_of_sum(first: Any, rest: Any) -> Any:
    """log |first + rest|, to all digits where rest is small beside first."""
    dominant = np.abs(rest) < 0.5 * np.abs(first)
    ratio = np.where(dominant, rest, 0.0) / np.where(first == 0, 1.0, first)
    leading = np.where(dominant, first, first + rest)
    return np.log(np.abs(np.where(leading == 0, 1.0, leading))) + np.log1p(ratio)


def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / Σ exp(x) along axes.

    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    x = as_operand(x)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of softmax, also where softmax underflows.

    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    x = as_operand(x)
    if not shape_of(x):
        return x - x
    largest = np.max(x, axis=axis, keepdims=True)
    x = x - _finite(largest)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))

"""What rules need to know of arrays, traced or not: shapes, sums over broadcast axes, numbers spread over a shape."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.primitives.primitive import Traced
from diffbench.primitives.strangers import refuse_stranger
from diffbench.structure import LEAF_KINDS

FLOAT = np.dtype(float)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an array, a traced value or a number."""
    if x.__class__ is float or x.__class__ is int:
        return ()
    try:
        return x.shape
    except AttributeError:
        return np.shape(x)


def rank_of(x: Any) -> int:
    """The number of axes of an array, a traced value or a number."""
    return len(shape_of(x))


def dtype_of(x: Any) -> np.dtype:
    """The dtype of an array, a traced value or a Python number."""
    if x.__class__ is float:
        return FLOAT
    try:
        return x.dtype
    except AttributeError:
        return np.asarray(x).dtype


def numbers_of(x: Any) -> Any:
    """The plain numbers below all traces: what a rule may decide by."""
    while isinstance(x, Traced):
        x = x.primal
    return x


def constants(values: Any, like: Any) -> np.ndarray:
    """Plain numbers in the dtype of an operand, so that it is kept."""
    return np.asarray(values, getattr(like, "dtype", float))


def as_array(x: Any) -> Any:
    """An operand that is an array where it was a number, so that its dtype counts, as in a function that converts."""
    x = as_operand(x)
    return x if isinstance(x, Traced) else np.asarray(x)


def as_operand(x: Any) -> Any:
    """An operand of a call; lists, and object arrays that NumPy made of traced scalars, become traced arrays."""
    kind = x.__class__
    if kind is np.ndarray:
        return stack_traced(x) if x.dtype.hasobject else x
    if kind in LEAF_KINDS or isinstance(x, np.generic):  # numbers and traced values
        return x
    if isinstance(x, list | tuple):
        return as_operand(np.asarray(x))
    refuse_stranger(x)
    return x


def stack_traced(array: np.ndarray) -> Any:
    """The array that an object array of traced scalars and numbers stands for."""
    if not any(isinstance(x, Traced) for x in array.flat):
        return array.astype(float)[()]
    return np.reshape(np.stack(array.ravel().tolist()), array.shape)


def is_one_number(cotangent: Any) -> bool:
    """Whether this is a large array that NumPy broadcast from one number."""
    return cotangent.__class__ is np.ndarray and cotangent.size >= LARGE and not any(cotangent.strides)


def spread(number: Any, shape: tuple[int, ...]) -> Any:
    """An array of a shape filled with one number: written out where small, a view of stride zero where large."""
    if (number.__class__ is float or isinstance(number, np.generic)) and math.prod(shape) < LARGE:
        filled = np.empty(shape, getattr(number, "dtype", float))
        filled.fill(number)
        return filled
    return np.broadcast_to(number, shape)


LARGE = 4096  # entries: from here on a pass over memory costs more than a few calls


def sum_of(terms: Sequence) -> Any:
    """The sum of at least one term, the first as it is."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def sum_of_products(a: Any, b: Any) -> Any:
    """The sum of a * b over all entries of the array a."""
    if a.__class__ is np.ndarray:
        if shape_of(b) == ():
            return np.add.reduce(a, axis=None) * b
        if b.__class__ is np.ndarray and b.shape == a.shape and a.dtype.kind == b.dtype.kind == "f":
            return np.vdot(a, b)
    return np.sum(a) * b if shape_of(b) == () else np.sum(a * b)


def unbroadcast(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Sum a cotangent over the axes along which an operand of this shape was broadcast.

    >>> unbroadcast(np.ones((2, 3)), (3,))
    array([2., 2., 2.])
    """
    found = shape_of(cotangent)
    if found == shape:
        return cotangent
    if not shape and cotangent.__class__ is np.ndarray:
        return np.add.reduce(cotangent, axis=None)
    extra = len(found) - len(shape)
    if extra > 0:
        cotangent = np.sum(cotangent, axis=tuple(range(extra)))
        found = found[extra:]
    stretched = tuple(axis for axis, (n, m) in enumerate(zip(shape, found)) if n == 1 and m != 1)
    if stretched:
        cotangent = np.sum(cotangent, axis=stretched, keepdims=True)
    return cotangent

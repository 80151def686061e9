"""Sums, means, products and spreads over axes, and what can be counted along them.

A standard deviation of zero, whose derivative does not exist, has slope 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffbench.primitives.arrays import as_operand, dtype_of, rank_of, shape_of, spread
from diffbench.primitives.complex_numbers import is_complex
from diffbench.primitives.factors import balance, may_divide, times_power
from diffbench.primitives.joining import is_axis_of_number
from diffbench.primitives.kinds import Composite, Constant, General, Linear, PrimitiveRow, only_default
from diffbench.primitives.primitive import Traced
from diffbench.primitives.structural import BROADCAST_TO


def normalised_axes(axis: Any, rank: int) -> tuple[int, ...]:
    """The axes of a reduction as ascending non-negative integers.

    >>> normalised_axes(-1, 3), normalised_axes(None, 2)
    ((2,), (0, 1))
    """
    if axis is None:
        return tuple(range(rank))
    if isinstance(axis, int):
        if not -rank <= axis < rank:
            raise np.exceptions.AxisError(axis, rank)
        return (axis + rank if axis < 0 else axis,)
    if isinstance(axis, tuple):
        return tuple(sorted(normalize_axis_tuple(axis, rank)))
    return (normalize_axis_index(axis, rank),)  # an integer of another kind; of lists NumPy's reductions make nothing


def expand_reduced(g: Any, axis: tuple[int, ...], keepdims: bool, shape: tuple[int, ...]) -> Any:
    """A reduced array with unit axes where it was reduced, ready to broadcast against the operand."""
    if keepdims or len(axis) == len(shape):  # a number broadcasts as it is
        return g
    return np.reshape(g, tuple(1 if a in axis else n for a, n in enumerate(shape)))


ALL_AXES = [tuple(range(rank)) for rank in range(4)]


class Reduction(PrimitiveRow):
    """What sum, prod, max and min have in common: entries that do not count, and a value to begin with.

    neutral : the value that changes nothing.
    join : how the value to begin with joins the result.
    """

    neutral: float
    join: Callable

    def call(self, args, kwargs):
        if not kwargs and len(args) == 1:  # the most frequent call of all
            a = as_operand(args[0])
            rank = rank_of(a)
            return self(a, axis=ALL_AXES[rank] if rank < 4 else tuple(range(rank)), keepdims=False)
        (a,), params = self.bound(args, kwargs)
        if "dtype" in params:
            return in_integers(self.function.__name__, a, **params)
        initial, where = params.pop("initial"), params.pop("where")
        if where is not True:
            a = np.where(where, a, self.neutral)
        if initial is None:
            return self(a, **params)
        if not np.size(a):
            units = [1 if k in params["axis"] else n for k, n in enumerate(shape_of(a))]
            y = np.full(units, self.neutral, a.dtype)
            y = y if params["keepdims"] else np.squeeze(y, params["axis"])
        else:
            y = self(a, **params)
        return np.astype(self.join(y, initial), dtype_of(a), copy=False)


class LinearReduction(Reduction, Linear):
    neutral, join = 0.0, staticmethod(np.add)


class Product(Reduction, General):
    neutral, join = 1.0, staticmethod(np.multiply)


IN_INTEGERS = {
    function.__name__: Constant(function)
    for function in (np.sum, np.prod, np.mean, np.var, np.std, np.cumsum, np.cumprod)
}
"""Functions that convert to an integer or a bool first, where dtype= says so: NumPy's own, piecewise constant."""


def is_of_integers(dtype: Any) -> bool:
    """Whether dtype= asks for integers or bools."""
    return dtype is not None and np.dtype(dtype).kind in "biu"


def in_integers(name: str, a: Any, **params: Any) -> Any:
    """What the function of a name gives that computes in integers."""
    return IN_INTEGERS[name](a, **{name: value for name, value in params.items() if value is not None})


def bind_sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    only_default(out=out)
    rank = rank_of(a)
    axis = () if not rank and is_axis_of_number(axis, a) else normalised_axes(axis, rank)
    initial = None if initial is np._NoValue else initial
    if initial is not None and rank_of(initial):
        raise ValueError("initial= must be a number")
    params = {"axis": axis, "keepdims": bool(keepdims), "initial": initial, "where": where}
    if is_of_integers(dtype):
        return (a,), params | {"dtype": dtype}
    return (a if dtype is None else np.astype(a, dtype, copy=False),), params


def behind_batch_axis(function: Callable) -> Callable:
    """The batch rule of a reduction: the same, along axes that have all moved by one."""

    def batch_rule(operands, batched, axis, keepdims):
        return function(operands[0], axis=tuple([a + 1 for a in axis]), keepdims=keepdims)

    return batch_rule


# -- sum and mean ------------------------------------------------------------------------------------------------------


def _sum_transpose(g, position, shapes, axis, keepdims):
    (shape,) = shapes
    if len(axis) == len(shape) and not keepdims:
        return BROADCAST_TO(g, shape=shape) if isinstance(g, Traced) else spread(g, shape)
    return np.broadcast_to(expand_reduced(g, axis, keepdims, shape), shape)


def _mean_transpose(g, position, shapes, axis, keepdims):
    count = math.prod([shapes[0][a] for a in axis])
    return _sum_transpose(g / max(count, 1), position, shapes, axis, keepdims)


class Mean(Linear):
    """The mean of all entries, or of those that count."""

    def call(self, args, kwargs):
        (a,), params = self.bound(args, kwargs)
        if "dtype" in params:
            return in_integers("mean", a, **params)
        where = params.pop("where")
        if where is True:
            return self(a, **params)
        there = np.broadcast_to(where, shape_of(a))
        count = np.sum(there, axis=params["axis"], keepdims=params["keepdims"], dtype=a.dtype)
        return np.sum(np.where(where, a, 0.0), axis=params["axis"], keepdims=params["keepdims"]) / count


def _bind_mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    (a,), params = bind_sum(a, axis, dtype, out, keepdims, None, where)
    del params["initial"]
    if not rank_of(a) and axis is not None:
        params["axis"] = normalised_axes(axis, 0)
    return (a,), params


SUM = LinearReduction(
    np.sum,
    bind=bind_sum,
    evaluate=lambda a, axis, keepdims: np.add.reduce(a, axis=axis, keepdims=keepdims),
    transpose=_sum_transpose,
    batch_rule=behind_batch_axis(np.sum),
    examples=[
        "sum(A)",
        "sum(A, axis=0)",
        "sum(T, axis=(0, -1))",
        "sum(A, axis=1, keepdims=True)",
        "sum(s)",
        "sum(A[:0])",
        "sum(A[:0], axis=0)",
        "sum(A, where=M)",
        "sum(A, axis=0, where=M, initial=s)",
    ],
)
MEAN = Mean(
    np.mean,
    bind=_bind_mean,
    evaluate=lambda a, axis, keepdims: np.mean(a, axis=axis, keepdims=keepdims),
    transpose=_mean_transpose,
    batch_rule=behind_batch_axis(np.mean),
    examples=[
        "mean(A)",
        "mean(A, axis=0)",
        "mean(T, axis=(0, -1))",
        "mean(A, -1, keepdims=True)",
        "mean(s)",
        "mean(A, 1, where=M)",
    ],
)


# -- products ----------------------------------------------------------------------------------------------------------


def _products_of_the_others(y: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """For each entry the product of all others that are reduced with it."""
    if may_divide(y, a):
        return expand_reduced(y, axis, keepdims, shape_of(a)) / a
    order = [k for k in range(rank_of(a)) if k not in axis] + list(axis)
    moved = np.transpose(a, order)
    lines = np.reshape(moved, (*shape_of(moved)[: rank_of(a) - len(axis)], -1))
    if balanced := balance(lines, -1):
        powers, sums = balanced
        others = times_power(_products_of_those_beside(times_power(lines, -powers)), sums[..., -1:] - powers)
    else:
        others = _products_of_those_beside(lines)
    return np.transpose(np.reshape(others, shape_of(moved)), np.argsort(order))


def _products_of_those_beside(lines: Any) -> Any:
    return _products_of_those_before(lines) * np.flip(_products_of_those_before(np.flip(lines, -1)), -1)


def _products_of_those_before(lines: Any) -> Any:
    return np.concatenate([np.ones_like(lines[..., :1]), np.cumprod(lines[..., :-1], -1)], -1)


def _prod_jvp(y, operands, tangents, axis, keepdims):
    return np.sum(tangents[0] * _products_of_the_others(y, operands[0], axis, keepdims), axis=axis, keepdims=keepdims)


def _prod_vjp(cotangent, y, operands, wanted, axis, keepdims):
    (a,) = operands
    expanded = expand_reduced(cotangent, axis, keepdims, shape_of(a))
    return [expanded * _products_of_the_others(y, a, axis, keepdims)]


PROD = Product(
    np.prod,
    bind=bind_sum,
    evaluate=lambda a, axis, keepdims: np.prod(a, axis=axis, keepdims=keepdims),
    jvp_rule=_prod_jvp,
    vjp_rule=_prod_vjp,
    batch_rule=behind_batch_axis(np.prod),
    examples=[
        "prod(A)",
        "prod(A, axis=0)",
        "prod(T, axis=(0, -1))",
        "prod(A, axis=1, keepdims=True)",
        "prod(s)",
        "prod(v * array([1.0, 0.0, 1.0]))",
        "prod(A * (array([[0, 1, 2, 0]]) > 0), axis=1)",
        "prod(T * (arange(4) != 1), axis=(0, 2))",
        "prod(v[:0])",
        "prod(A, axis=0, where=M, initial=2.0)",
    ],
)


# -- spread ------------------------------------------------------------------------------------------------------------


def _spread_in_integers(name, a, axis, dtype, ddof, keepdims, where, mean, correction):
    ddof = ddof if correction is None else correction
    return in_integers(name, a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean)


def _expand_var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    only_default(out=out)
    if is_of_integers(dtype):
        return _spread_in_integers("var", a, axis, dtype, ddof, keepdims, where, mean, correction)
    a = a if dtype is None else np.astype(a, dtype, copy=False)
    axis = normalised_axes(axis, rank_of(a))
    if where is not True:
        a = np.where(where, a, 0.0)
    deviation = a - (np.mean(a, axis=axis, keepdims=True, where=where) if mean is None else mean)
    ddof = ddof if correction is None else correction
    if where is True:
        freedom = max(math.prod([shape_of(a)[k] for k in axis]) - ddof, 0) or np.zeros((), a.dtype)[()]
    else:
        deviation = np.where(where, deviation, 0.0)
        there = np.broadcast_to(where, shape_of(a))
        freedom = np.maximum(np.sum(there, axis=axis, keepdims=keepdims, dtype=a.dtype) - ddof, 0)
    square = np.real(deviation * np.conjugate(deviation)) if is_complex(a) else np.square(deviation)
    return np.sum(square, axis=axis, keepdims=keepdims) / freedom


def _expand_std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=None, correction=None):
    if is_of_integers(dtype):
        return _spread_in_integers("std", a, axis, dtype, ddof, keepdims, where, mean, correction)
    variance = np.var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    constant = variance == 0
    return np.where(constant, 0.0, np.sqrt(np.where(constant, 1.0, variance)))


# -- truth, places, counts: derivative zero ----------------------------------------------------------------------------


def _bind_truth(a, axis=None, out=None, keepdims=False, *, where=True):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": bool(keepdims)} | ({} if where is True else {"where": where})


def _bind_count(a, axis=None, *, keepdims=False):
    return (a,), {"axis": axis, "keepdims": keepdims}


# fmt: off
ROWS = [
    SUM, MEAN, PROD,
    Composite(np.var, _expand_var, examples=["var(A)", "var(A, axis=0, ddof=1)", "var(T, (0, -1), keepdims=True)",
                                             "var(v, correction=1)", "var(A, mean=s)", "var(A, 1, where=M)"]),
    Composite(np.std, _expand_std, examples=["std(A)", "std(A, axis=0, ddof=1)", "std(T, (0, -1), keepdims=True)"]),
    Constant(np.any, bind=_bind_truth, examples=["v * any(v > 0)"]),
    Constant(np.all, bind=_bind_truth, examples=["A * all(A > 0, axis=0)"]),
    Constant(np.nonzero, examples=["A[nonzero(A)]"]),
    Constant(np.flatnonzero, examples=["v[flatnonzero(v)]"]),
    Constant(np.argwhere, examples=["v[argwhere(v)]"]),
    Constant(np.count_nonzero, bind=_bind_count, examples=["v * count_nonzero(v)"]),
]
# fmt: on

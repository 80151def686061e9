"""Sums, means, products, extrema and running versions of them.

Conventions where the derivative does not exist: extrema that tie share the slope evenly; a standard deviation of zero
has slope 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffbench.primitives.arrays import as_operand, dtype_of, rank_of, shape_of, spread
from diffbench.primitives.complex_numbers import is_complex
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
        return np.astype(self.join(y, initial), dtype_of(a))


class LinearReduction(Reduction, Linear):
    neutral, join = 0.0, staticmethod(np.add)


class Product(Reduction, General):
    neutral, join = 1.0, staticmethod(np.multiply)


class Extremum(Reduction, General):
    def __init__(self, function: Callable, neutral: float, join: Callable, **options: Any):
        super().__init__(function, **options)
        self.neutral, self.join = neutral, join


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


def _bind_sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True):
    only_default(out=out)
    rank = rank_of(a)
    axis = () if not rank and is_axis_of_number(axis, a) else normalised_axes(axis, rank)
    initial = None if initial is np._NoValue else initial
    if initial is not None and rank_of(initial):
        raise ValueError("initial= must be a number")
    params = {"axis": axis, "keepdims": bool(keepdims), "initial": initial, "where": where}
    if is_of_integers(dtype):
        return (a,), params | {"dtype": dtype}
    return (a if dtype is None else np.astype(a, dtype),), params


def _bind_extremum(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    if where is not True and initial is None:
        raise ValueError("reduction operation needs initial= where entries are left out by where=")
    return _bind_sum(a, axis, None, out, keepdims, initial, where)


def _behind_batch_axis(function: Callable) -> Callable:
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
    (a,), params = _bind_sum(a, axis, dtype, out, keepdims, None, where)
    del params["initial"]
    if not rank_of(a) and axis is not None:
        params["axis"] = normalised_axes(axis, 0)
    return (a,), params


SUM = LinearReduction(
    np.sum,
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.add.reduce(a, axis=axis, keepdims=keepdims),
    transpose=_sum_transpose,
    batch_rule=_behind_batch_axis(np.sum),
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
    batch_rule=_behind_batch_axis(np.mean),
    examples=[
        "mean(A)",
        "mean(A, axis=0)",
        "mean(T, axis=(0, -1))",
        "mean(A, -1, keepdims=True)",
        "mean(s)",
        "mean(A, 1, where=M)",
    ],
)


# -- extrema -----------------------------------------------------------------------------------------------------------


def _extremes(y: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> tuple[Any, Any]:
    """Where the extremum is taken, NaN included, and how many times, with unit axes where it was reduced."""
    mask = np.equal(a, expand_reduced(y, axis, keepdims, shape_of(a)))
    if np.any(np.isnan(y)):
        mask = np.logical_or(mask, np.isnan(a))
    return mask, np.sum(mask, axis=axis, keepdims=True, dtype=y.dtype)


def _extremum_jvp(y, operands, tangents, axis, keepdims):
    mask, count = _extremes(y, operands[0], axis, keepdims)
    slope = np.sum(np.where(mask, tangents[0], 0.0) / count, axis=axis, keepdims=True)
    return slope if keepdims else np.reshape(slope, shape_of(y))


def _extremum_vjp(cotangent, y, operands, wanted, axis, keepdims):
    (a,) = operands
    mask, count = _extremes(y, a, axis, keepdims)
    return [np.where(mask, expand_reduced(cotangent, axis, keepdims, shape_of(a)) / count, 0.0)]


def _extremum(function: Callable, neutral: float, join: Callable) -> Extremum:
    name = function.__name__
    return Extremum(
        function,
        neutral,
        join,
        bind=_bind_extremum,
        evaluate=lambda a, axis, keepdims: function(a, axis=axis, keepdims=keepdims),
        jvp_rule=_extremum_jvp,
        vjp_rule=_extremum_vjp,
        batch_rule=_behind_batch_axis(function),
        examples=[
            example.format(name)
            for example in (
                "{}(A)",
                "{}(A, axis=0)",
                "{}(T, axis=(0, -1))",
                "{}(A, 1, keepdims=True)",
                "{}(s)",
                "{}(A, 0, initial=s)",
                "{}(A, 0, initial=0.0, where=M)",
            )
        ],
    )


MAX = _extremum(np.max, -np.inf, np.maximum)
MIN = _extremum(np.min, np.inf, np.minimum)


def _expand_amax(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    return MAX.call((a, axis, out, keepdims, initial, where), {})


def _expand_amin(a, axis=None, out=None, keepdims=False, initial=None, where=True):
    return MIN.call((a, axis, out, keepdims, initial, where), {})


def _expand_ptp(a, axis=None, out=None, keepdims=False):
    return np.max(a, axis, out, keepdims) - np.min(a, axis, out, keepdims)


# -- running sums and products -----------------------------------------------------------------------------------------


class Running(PrimitiveRow):
    """What cumsum and cumprod have in common: they compute in integers where dtype= says so."""

    def call(self, args, kwargs):
        (a,), params = self.bound(args, kwargs)
        return in_integers(self.function.__name__, a, **params) if "dtype" in params else self(a, **params)


class RunningSum(Running, Linear):
    pass


class RunningProduct(Running, General):
    pass


def _bind_running(a, axis=None, dtype=None, out=None):
    only_default(out=out)
    if is_of_integers(dtype):
        return (a,), {"axis": axis, "dtype": dtype}
    a = a if dtype is None else np.astype(a, dtype)
    if axis is None or is_axis_of_number(axis, a):
        return (a if rank_of(a) == 1 else np.ravel(a),), {"axis": 0}
    return (a,), {"axis": normalize_axis_index(axis, rank_of(a))}


def _sum_from_behind(x: Any, axis: int) -> Any:
    """The running sum that starts at the last entry."""
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis)


def _may_divide(y: Any, a: Any) -> bool:
    """Whether a product without one factor is the product over that factor: nothing is zero, or came out as such."""
    return bool(np.all(a != 0) and np.all(y != 0) and np.all(np.isfinite(y)))


def _cumprod_jvp(y, operands, tangents, axis):
    (a,), (t,) = operands, tangents
    if _may_divide(y, a):
        return y * np.cumsum(t / a, axis)
    a, y, t = (np.moveaxis(x, axis, 0) for x in (a, y, t))
    slopes = [t[0]]  # the product rule, entry after entry: it needs no division by a zero
    for k in range(1, len(a)):
        slopes.append(slopes[-1] * a[k] + y[k - 1] * t[k])
    return np.moveaxis(np.stack(slopes), 0, axis)


def _cumprod_vjp(cotangent, y, operands, wanted, axis):
    (a,) = operands
    if _may_divide(y, a):
        return [_sum_from_behind(cotangent * y, axis) / a]
    a, y, g = (np.moveaxis(x, axis, 0) for x in (a, y, cotangent))
    carried, slopes = g[-1], []  # `carried` is the cotangent of the running product up to and with entry k
    for k in range(len(a) - 1, 0, -1):
        slopes.append(carried * y[k - 1])
        carried = g[k - 1] + carried * a[k]
    return [np.moveaxis(np.stack([carried, *slopes[::-1]]), 0, axis)]


CUMSUM = RunningSum(
    np.cumsum,
    bind=_bind_running,
    evaluate=lambda a, axis: np.cumsum(a, axis=axis),
    transpose=lambda g, position, shapes, axis: _sum_from_behind(g, axis),
    batch_rule=lambda operands, batched, axis: np.cumsum(operands[0], axis=axis + 1),
    examples=["cumsum(A)", "cumsum(A, axis=0)", "cumsum(T, -1)", "cumsum(s)", "cumsum(v[:0])"],
)
CUMPROD = RunningProduct(
    np.cumprod,
    bind=_bind_running,
    evaluate=lambda a, axis: np.cumprod(a, axis=axis),
    jvp_rule=_cumprod_jvp,
    vjp_rule=_cumprod_vjp,
    batch_rule=lambda operands, batched, axis: np.cumprod(operands[0], axis=axis + 1),
    examples=[
        "cumprod(A)",
        "cumprod(A, axis=0)",
        "cumprod(T, -1)",
        "cumprod(s)",
        "cumprod(v * array([1.0, 0.0, 1.0]))",
        "cumprod(A * (array([[0, 1, 2, 0]]) > 0), axis=1)",
    ],
)


def _cumulative(function: Callable, start: float) -> Callable:
    def expand(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        if axis is None and rank_of(x) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        if isinstance(axis, tuple):
            (axis,) = axis
        x = np.atleast_1d(x)
        y = function(x, axis=axis, dtype=dtype, out=out)
        if not include_initial:
            return y
        (axis,) = normalised_axes(0 if axis is None else axis, rank_of(y))
        shape = shape_of(y)
        return np.concatenate([np.full((*shape[:axis], 1, *shape[axis + 1 :]), start, y.dtype), y], axis)

    return expand


# -- products ----------------------------------------------------------------------------------------------------------


def _products_of_the_others(y: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """For each entry the product of all others that are reduced with it."""
    if _may_divide(y, a):
        return expand_reduced(y, axis, keepdims, shape_of(a)) / a
    order = [k for k in range(rank_of(a)) if k not in axis] + list(axis)
    moved = np.transpose(a, order)
    lines = np.reshape(moved, (*shape_of(moved)[: rank_of(a) - len(axis)], -1))
    before = _products_of_those_before(lines)
    behind = np.flip(_products_of_those_before(np.flip(lines, -1)), -1)
    return np.transpose(np.reshape(before * behind, shape_of(moved)), np.argsort(order))


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
    bind=_bind_sum,
    evaluate=lambda a, axis, keepdims: np.prod(a, axis=axis, keepdims=keepdims),
    jvp_rule=_prod_jvp,
    vjp_rule=_prod_vjp,
    batch_rule=_behind_batch_axis(np.prod),
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
    a = a if dtype is None else np.astype(a, dtype)
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


# -- running extrema, and other methods of ufuncs ----------------------------------------------------------------------


def _latest(function: np.ufunc) -> Constant:
    """Where the running extremum stands: the place of the latest entry that is as large (or small) as any before."""

    def evaluate(a: Any, axis: int) -> Any:
        places = np.reshape(np.arange(a.shape[axis]), [-1 if k == axis else 1 for k in range(a.ndim)])
        return np.maximum.accumulate(np.where(a == function.accumulate(a, axis), places, 0), axis)

    return Constant(evaluate, name=f"numpy.{function.__name__}.accumulate")


def _accumulate(ufunc: np.ufunc, running: Callable, example: str) -> Composite:
    """The method `accumulate` of a ufunc: along the first axis unless another is given, and never along all."""

    def expand(array, axis=0, dtype=None, out=None):
        only_default(out=out)
        if not rank_of(array):
            raise TypeError("cannot accumulate on a scalar")
        (axis,) = normalised_axes(axis, rank_of(array))
        return running(array, axis, dtype)

    name = f"{ufunc.__name__}.accumulate"
    return Composite(ufunc.accumulate, expand, name=f"numpy.{name}", examples=[f"{name}(v)", f"{name}(A, {example})"])


def _running_extremum(ufunc: np.ufunc) -> Composite:
    latest = _latest(ufunc)

    def running(a: Any, axis: int, dtype: Any) -> Any:
        a = a if dtype is None else np.astype(a, dtype)
        return np.take_along_axis(a, latest(a, axis=axis), axis)

    return _accumulate(ufunc, running, "1")


def _reduce_extremum(extremum: Extremum, ufunc: np.ufunc) -> Composite:
    """The method `reduce` of np.maximum or np.minimum, along the first axis unless another is given."""

    def expand(array, axis=0, dtype=None, out=None, *, keepdims=False, initial=None, where=True):
        array = array if dtype is None else np.astype(array, dtype)
        return extremum.call((array, axis, out, keepdims, initial, where), {})

    name = f"{ufunc.__name__}.reduce"
    return Composite(ufunc.reduce, expand, name=f"numpy.{name}", examples=[f"{name}(v)", f"{name}(A, axis=1)"])


def _expand_add_reduceat(array, indices, axis=0, dtype=None, out=None):
    only_default(out=out)
    (axis,) = normalised_axes(axis, rank_of(array))
    n = shape_of(array)[axis]
    if any(not 0 <= index < n for index in indices):
        raise IndexError(f"an index of {list(indices)} is out of bounds for the length {n}")
    stops = [*list(indices)[1:], n]
    moved = np.moveaxis(array, axis, 0)
    if not len(indices):
        return np.moveaxis(moved[:0], 0, axis)
    parts = [np.sum(moved[a:b] if a < b else moved[a : a + 1], axis=0, dtype=dtype) for a, b in zip(indices, stops)]
    return np.moveaxis(np.stack(parts), 0, axis)


def _expand_logaddexp_reduce(array, axis=0, dtype=None, out=None, *, keepdims=False, initial=None, where=True):
    array = array if dtype is None else np.astype(array, dtype)
    largest = np.max(array, axis, keepdims=True, initial=-np.inf, where=where)
    safe = np.where(np.isfinite(largest), largest, 0.0)
    total = np.log(np.sum(np.exp(array - safe), axis, None, out, keepdims=True, where=where)) + safe
    total = total if keepdims or not rank_of(array) else np.squeeze(total, normalised_axes(axis, rank_of(array)))
    return total if initial is None else np.logaddexp(total, initial)


def _expand_hypot_reduce(array, axis=0, dtype=None, out=None, *, keepdims=False):
    array = array if dtype is None else np.astype(array, dtype)
    return np.sqrt(np.sum(np.square(array), axis, None, out, keepdims))


UFUNC_METHODS: dict[tuple[np.ufunc, str], Any] = {
    (np.add, "reduce"): SUM,
    (np.multiply, "reduce"): PROD,
    (np.maximum, "reduce"): _reduce_extremum(MAX, np.maximum),
    (np.minimum, "reduce"): _reduce_extremum(MIN, np.minimum),
    (np.add, "accumulate"): _accumulate(np.add, lambda *args: CUMSUM.call(args, {}), "axis=1"),
    (np.multiply, "accumulate"): _accumulate(np.multiply, lambda *args: CUMPROD.call(args, {}), "axis=1"),
    (np.maximum, "accumulate"): _running_extremum(np.maximum),
    (np.minimum, "accumulate"): _running_extremum(np.minimum),
    (np.add, "reduceat"): Composite(np.add.reduceat, _expand_add_reduceat, name="numpy.add.reduceat",
                                    examples=["add.reduceat(v, [0, 2])", "add.reduceat(A, [0, 2, 1], axis=1)"]),
    (np.logaddexp, "reduce"): Composite(np.logaddexp.reduce, _expand_logaddexp_reduce, name="numpy.logaddexp.reduce",
                                        examples=["logaddexp.reduce(v)", "logaddexp.reduce(A, axis=1)"]),
    (np.hypot, "reduce"): Composite(np.hypot.reduce, _expand_hypot_reduce, name="numpy.hypot.reduce",
                                    examples=["hypot.reduce(v)", "hypot.reduce(A, axis=1)"]),
}  # fmt: skip
"""What a method of a ufunc means."""


# -- positions, truth, counts: derivative zero -------------------------------------------------------------------------


def _bind_position(a, axis=None, out=None, *, keepdims=False):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": keepdims}


def _bind_truth(a, axis=None, out=None, keepdims=False, *, where=True):
    only_default(out=out)
    return (a,), {"axis": axis, "keepdims": bool(keepdims)} | ({} if where is True else {"where": where})


def _bind_count(a, axis=None, *, keepdims=False):
    return (a,), {"axis": axis, "keepdims": keepdims}


def _bind_searchsorted(a, v, side="left", sorter=None):
    return (a, v), {"side": side, "sorter": sorter}


# fmt: off
ROWS = [
    *(row for row in UFUNC_METHODS.values() if isinstance(row, Composite)),
    SUM, MEAN, MAX, MIN, PROD, CUMSUM, CUMPROD,
    Composite(np.amax, _expand_amax, examples=["amax(A, 0)"]),
    Composite(np.amin, _expand_amin, examples=["amin(A, 0)"]),
    Composite(np.ptp, _expand_ptp, examples=["ptp(A)", "ptp(A, axis=-1, keepdims=True)"]),
    Composite(np.var, _expand_var, examples=["var(A)", "var(A, axis=0, ddof=1)", "var(T, (0, -1), keepdims=True)",
                                             "var(v, correction=1)", "var(A, mean=s)", "var(A, 1, where=M)"]),
    Composite(np.std, _expand_std, examples=["std(A)", "std(A, axis=0, ddof=1)", "std(T, (0, -1), keepdims=True)"]),
    Constant(np.argmax, bind=_bind_position, examples=["v * argmax(v)"]),
    Constant(np.argmin, bind=_bind_position, examples=["v * argmin(v)"]),
    Constant(np.any, bind=_bind_truth, examples=["v * any(v > 0)"]),
    Constant(np.all, bind=_bind_truth, examples=["A * all(A > 0, axis=0)"]),
    Constant(np.nonzero, examples=["A[nonzero(A)]"]),
    Constant(np.flatnonzero, examples=["v[flatnonzero(v)]"]),
    Constant(np.argwhere, examples=["v[argwhere(v)]"]),
    Constant(np.count_nonzero, bind=_bind_count, examples=["v * count_nonzero(v)"]),
    Constant(np.searchsorted, bind=_bind_searchsorted, examples=["v * searchsorted(w, v)"]),
    Constant(np.digitize, bind=lambda x, bins, right=False: ((x, bins), {"right": right}),
             examples=["v * digitize(v, [0.0, 1.0])"]),
]
# fmt: on
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    ROWS += [
        Composite(np.cumulative_sum, _cumulative(np.cumsum, 0.0),
                  examples=["cumulative_sum(v)", "cumulative_sum(A, axis=-1, include_initial=True)"]),
        Composite(np.cumulative_prod, _cumulative(np.cumprod, 1.0),
                  examples=["cumulative_prod(v)", "cumulative_prod(A, axis=0, include_initial=True)"]),
    ]  # fmt: skip

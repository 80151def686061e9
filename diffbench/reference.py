"""The truth: derivatives of a plain NumPy program to 50 digits, whatever it loops over or branches on.

The program runs on numbers of many digits (mpmath), and our own reverse or forward mode is traced over them: the rules
of the table are exact, so that nothing but the arithmetic rounds. Two runs, the second with more than twice the digits,
must agree to the digits asked for; else the precision is raised until they do. So a program may be as ill-conditioned
as it likes: it is followed with digits enough.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from diffbench import operators
from diffbench.errors import DiffbenchError, TraceLost, UnknownName, did_you_mean
from diffbench.exact import Digits, ExactTrace
from diffbench.flat import FlatFunction, float_leaf, name_of
from diffbench.primitives.primitive import LIFT, Traced
from diffbench.structure import Structure, flatten, map_leaves, unflatten

VERBS = ("derivative", "gradient", "jacobian", "hessian", "jvp", "vjp", "hvp")
DIRECTED = ("jvp", "vjp", "hvp")
GUARD = 10  # digits beyond those asked for
MOST = 64  # times the digits asked for: from here on precision is raised no further


def reference(
    f: Callable,
    *args: Any,
    quantity: str = "gradient",
    digits: int = 50,
    argnum: int | tuple[int, ...] = 0,
    **kwargs: Any,
) -> Any:
    """A derivative of f at a point to many digits, every one of them right.

    quantity : "derivative", "gradient", "jacobian", "hessian", "jvp", "vjp", "hvp", or "value" for f itself.
    args : those of the verb of that name, the direction last where it takes one. A float is taken as its exact binary
        value, an mpf with all its digits.
    digits : significant decimal digits of every entry.
    kwargs : passed through to f.

    Returns mpmath numbers in the containers and shapes of the verb: object arrays, one mpf for a scalar. What the
    program computes without the differentiated arguments is computed in floats, as ever, and exact from there on.
    Cost: two runs or more, at some microseconds an operation; memory as for reverse mode.
    Raises what the verb raises, and DiffbenchError where no precision settles the digits.

    >>> reference(lambda x: 4 * x * (1 - x), 0.25, quantity="derivative")
    mpf('2.0')
    >>> import mpmath
    >>> mpmath.nstr(reference(np.exp, 0.5, quantity="derivative"), 30)
    '1.64872127070012814684865078781'
    """
    if quantity not in (*VERBS, "value"):
        raise UnknownName(f"reference: no quantity {quantity!r}; {did_you_mean(quantity, (*VERBS, 'value'))}")
    precision = digits + GUARD
    coarse, _ = _run(f, args, kwargs, quantity, argnum, precision)
    while precision <= MOST * digits:
        precision = 2 * precision + GUARD
        fine, structure = _run(f, args, kwargs, quantity, argnum, precision)
        agreed = [_agreed(a, b, digits) for a, b in zip(coarse, fine)]
        if all(leaf is not None for leaf in agreed):
            return unflatten(structure, agreed)
        coarse = [_last_nonzero(a, b) for a, b in zip(coarse, fine)]
    raise DiffbenchError(
        f"reference: not even {precision} digits settle {digits} digits of the {quantity} of {name_of(f)}",
        why="f is chaotic beyond that, jumps at this very point, or does not return the same twice",
        hint="make f deterministic, move the point, or ask for fewer digits",
    )


def _run(
    f: Callable, args: tuple, kwargs: dict, quantity: str, argnum: int | tuple[int, ...], precision: int
) -> tuple[list, Structure]:
    """One run with so many digits: the leaves of the result as object arrays, and its structure."""
    trace = ExactTrace(Digits(precision))
    argnums = (argnum,) if isinstance(argnum, int) else tuple(argnum)
    count = len(args) - (quantity in DIRECTED)
    differentiated = {k % count for k in argnums if -count <= k < count} | set(range(count, len(args)))
    exact = [
        map_leaves(partial(_lift, trace, quantity, f, k), arg) if k in differentiated else _lift_mpf(trace, arg)
        for k, arg in enumerate(args)
    ]
    kwargs = {name: _lift_mpf(trace, arg) for name, arg in kwargs.items()}
    before = LIFT.set(trace.lift)  # the rules compute with constants too, as log(2) for 2**x
    try:
        if quantity == "value":
            function = FlatFunction(
                "value", f, tuple(exact), kwargs, tuple(differentiated), has_aux=False, scalar=False
            )
            leaves, structure = function(function.take_apart(copied=True)), function.result_structure
        else:
            leaves, structure = flatten(getattr(operators, quantity)(f, argnum=argnum)(*exact, **kwargs))
    finally:
        LIFT.reset(before)
    return [trace.entries(leaf) for leaf in leaves], structure


def _lift(trace: ExactTrace, quantity: str, f: Callable, argnum: int, leaf: Any) -> Any:
    """A leaf of a differentiated argument, or of a direction, as an exact value."""
    if isinstance(leaf, Traced):
        raise TraceLost(
            f"reference: argument {argnum} of {name_of(f)} is traced by an outer derivative",
            why="numbers of many digits know nothing of the outer derivative, which would come out as zero",
            hint="call db.reference outside of the functions that you differentiate",
        )
    return trace.lift(leaf if _is_mpf(leaf) else float_leaf(leaf, quantity, f, argnum))


def _lift_mpf(trace: ExactTrace, argument: Any) -> Any:
    """An argument that is not differentiated, as it is, except that its mpf keep their digits."""
    if not any(map(_is_mpf, flatten(argument)[0])):
        return argument
    return map_leaves(lambda leaf: trace.lift(leaf) if _is_mpf(leaf) else leaf, argument)


def _is_mpf(leaf: Any) -> bool:
    if isinstance(leaf, np.ndarray) and leaf.dtype == object:
        return all(hasattr(x, "_mpf_") or isinstance(x, float | int) for x in leaf.flat)
    return hasattr(leaf, "_mpf_")


# -- digits ------------------------------------------------------------------------------------------------------------


def _last_nonzero(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """What a finer run must be compared with: a zero may have come out by luck, so what was there before it counts."""
    return np.where(fine == 0, coarse, fine) if coarse.shape == fine.shape else fine


def _agreed(coarse: np.ndarray, fine: np.ndarray, digits: int) -> Any:
    """The digits that two runs share, as mpmath numbers; None if they share fewer than asked for in some entry."""
    import mpmath

    context = mpmath.MPContext()
    context.dps = digits
    agreed = np.empty(fine.shape, object)
    if coarse.shape != fine.shape:
        return None
    for index in np.ndindex(fine.shape):
        a, b = context.convert(coarse[index]), context.convert(fine[index])
        if abs(b) <= abs(a) * context.eps and context.isfinite(a):
            b = context.zero  # what shrinks as fast as the precision grows is zero
        elif not (abs(a - b) <= abs(b) * context.eps or a == b or (a != a and b != b)):
            return None
        agreed[index] = mpmath.mp.make_mpf((+b)._mpf_)
    return agreed[()]


def correctly_rounded(exact: Any) -> Any:
    """The float64 nearest to each mpf of an array (or of one mpf).

    >>> import mpmath
    >>> correctly_rounded(mpmath.mpf(1) / 3)
    np.float64(0.3333333333333333)
    """
    entries = np.asarray(exact, dtype=object)
    return np.reshape([_nearest_float(x) for x in entries.flat], entries.shape)[()]


def _nearest_float(x: Any) -> float:
    """Python divides integers with one rounding, into the subnormal range too."""
    if not hasattr(x, "man") or not x.man:
        return float(x)
    mantissa, exponent = (-x.man if x < 0 else x.man), x.exp
    try:
        return float(mantissa << exponent) if exponent >= 0 else mantissa / (1 << -exponent)
    except OverflowError:
        return float("inf") if mantissa > 0 else float("-inf")


def relative_error(value: Any, truth: Any) -> Any:
    """|value - truth| / |truth| for each entry, as floats: 0 where they are equal, else inf where truth is 0.

    A NaN is wrong wherever it stands: inf.

    value : floats of any precision, in the shape of truth: an array of mpf, or one mpf.

    >>> truth = reference(lambda x: x * x, 3.0)
    >>> float(relative_error(6.000000000000001, truth)) < 2e-16, relative_error(np.nan, truth)
    (True, np.float64(inf))
    """
    import mpmath

    algebra = Digits(50)

    def error(found: Any, right: Any) -> float:
        found, right = algebra.number(found), algebra.number(right)
        if found == right:
            return 0.0
        if not mpmath.isfinite(found) or not right or not mpmath.isfinite(right):
            return float("inf")
        return _nearest_float(abs((found - right) / right))

    if np.shape(value) != np.shape(truth):
        raise ValueError(f"relative_error: value has shape {np.shape(value)}, truth {np.shape(truth)}")
    pairs = zip(np.asarray(value).astype(object).flat, np.asarray(truth, dtype=object).flat)
    return np.reshape([error(found, right) for found, right in pairs], np.shape(truth))[()]


def digits_right(value: Any, truth: Any) -> Any:
    """Significant decimal digits of each entry that are right: between 0 (NaN too) and what its dtype can hold.

    >>> truth = reference(np.exp, 1.0, quantity="value")
    >>> round(float(digits_right(2.718, truth)), 1)
    4.0
    """
    value = np.asarray(value)
    most = -np.log10(np.finfo(value.dtype if value.dtype.kind == "f" else float).eps)
    with np.errstate(divide="ignore"):
        return np.clip(-np.log10(relative_error(value, truth)), 0.0, most)

"""The truth: derivatives of a plain NumPy program to 50 digits, whatever it loops over or branches on.

The program runs on numbers of many digits (mpmath), and our own reverse or forward mode is traced over them: the rules
of the table are exact, so that nothing but the arithmetic rounds. Two runs, the second with more than twice the digits,
must agree to the digits asked for; else the precision is raised until they do. So a program may be as ill-conditioned
as it likes: it is followed with digits enough.

The branches are those that f takes in floats, since it is their derivative that every method computes; where high
precision would have taken another one, a ReferenceWarning says so (see branches.py).
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diffbench.branches import Path, noting
from diffbench.errors import ArgumentError, DiffbenchError, TraceLost, UnknownName, UnsupportedPrimitive, did_you_mean
from diffbench.exact import ExactTrace, arithmetic
from diffbench.flat import FlatFunction, float_leaf, name_of
from diffbench.primitives.primitive import LIFT, Traced
from diffbench.question import VERBS, Question
from diffbench.structure import Structure, flatten, map_leaves, unflatten
from diffbench.watching import Watched

GUARD = 10  # digits beyond those asked for
MOST = 64  # times the digits asked for: from here on precision is raised no further


class ReferenceWarning(UserWarning):
    """What db.reference returns is the derivative of the program as floats run it; in exact numbers it would differ."""


@dataclass(frozen=True)
class ExactResult:
    """A derivative to many digits.

    leaves : an object array of mpf for each leaf; structure : the containers that hold them.
    question : what was differentiated; followed : what f decided in floats, if that was followed.
    elsewhere : in words, where high precision would have taken another branch than floats do.
    """

    leaves: list[np.ndarray]
    structure: Structure
    question: Question
    followed: Sequence[np.ndarray] | None
    elsewhere: list[str]


def reference(
    f: Callable,
    *args: Any,
    quantity: str = "gradient",
    digits: int = 50,
    argnum: int | tuple[int, ...] = 0,
    branches: str = "float",
    fallback: bool = False,
    **kwargs: Any,
) -> Any:
    """A derivative of f at a point to many digits, every one of them right.

    quantity : "derivative", "gradient", "jacobian", "hessian", "jvp", "vjp", "hvp", or "value" for f itself.
    args : those of the verb of that name, the direction last where it takes one. A float is taken as its exact binary
        value, an mpf with all its digits.
    digits : significant decimal digits of every entry.
    branches : "float" to go where f goes in the precision of its arguments, with a ReferenceWarning where high
        precision would go elsewhere; "exact" to go where that goes.
    fallback : True to return, where numbers of many digits cannot run f, what differences and a complex step agree on
        in floats (see consensus.py), with a ReferenceWarning that says how many digits that is.
    kwargs : passed through to f.

    Returns mpmath numbers in the containers and shapes of the verb: object arrays, one mpf for a scalar. What the
    program computes without the differentiated arguments is computed in floats, as ever, and exact from there on.
    `correctly_rounded` makes floats of them.
    Cost: a run in floats and two or more of many digits, at some microseconds an operation; memory of reverse mode.
    Raises what the verb raises, DiffbenchError where no precision settles the digits, and UnsupportedPrimitive for an
    operation that numbers of many digits do not have, unless there is a fallback.

    >>> reference(lambda x: 4 * x * (1 - x), 0.25, quantity="derivative")
    mpf('2.0')
    >>> import mpmath
    >>> mpmath.nstr(reference(np.exp, 0.5, quantity="derivative"), 30)
    '1.64872127070012814684865078781'
    """
    if branches not in ("float", "exact"):
        raise ArgumentError(f"reference: branches={branches!r}, expected 'float' or 'exact'")
    question = Question(f, args, kwargs, quantity, argnum)
    try:
        result = exactly(question, digits, branches == "float")
    except (UnsupportedPrimitive, TraceLost) as error:
        if not fallback or quantity == "value":
            raise
        return _in_floats(question, error)
    if result.elsewhere:
        warnings.warn(
            f"reference: {name_of(f)} is followed along the branches it takes in floats; high precision would have "
            f"gone elsewhere at {result.elsewhere[0]}",
            ReferenceWarning,
            stacklevel=2,
        )
    return unflatten(result.structure, [leaf[()] for leaf in result.leaves])


def _in_floats(question: Question, error: DiffbenchError) -> Any:
    """The consensus of floats as mpmath numbers, labelled as what it is."""
    import mpmath

    from diffbench.consensus import consensus

    found = consensus(question)
    warnings.warn(
        f"reference: numbers of many digits cannot run {name_of(question.f)} ({error.what}): {found.label}",
        ReferenceWarning,
        stacklevel=3,
    )
    return unflatten(found.structure, [np.frompyfunc(mpmath.mpf, 1, 1)(leaf) for leaf in found.leaves])


def exactly(question: Question, digits: int, as_floats_go: bool = True) -> ExactResult:
    """What `reference` returns, with what there is to know about it."""
    if question.quantity not in (*VERBS, "value"):
        raise UnknownName(
            f"reference: no quantity {question.quantity!r}; {did_you_mean(question.quantity, (*VERBS, 'value'))}"
        )
    followed = _decisions(question) if as_floats_go else None
    precision = digits + GUARD
    coarse, structure, elsewhere = _run(question, followed, precision)
    settled: list[np.ndarray] = [np.full(leaf.shape, None) for leaf in coarse]
    while precision <= MOST * digits:
        precision = 2 * precision + GUARD
        fine, structure, elsewhere = _run(question, followed, precision)
        if [leaf.shape for leaf in fine] != [leaf.shape for leaf in settled]:
            settled = [np.full(leaf.shape, None) for leaf in fine]
        else:
            for leaf, a, b in zip(settled, coarse, fine):
                _settle(leaf, a, b, digits)
        if all(entry is not None for leaf in settled for entry in leaf.flat):
            return ExactResult(settled, structure, question, followed, elsewhere)
        coarse = fine
    raise DiffbenchError(
        f"reference: not even {precision} digits settle {digits} digits of the {question.quantity} of "
        f"{name_of(question.f)}",
        why="f is chaotic beyond that, jumps at this very point, or does not return the same twice",
        hint="make f deterministic, move the point, or ask for fewer digits",
    )


def rounding(result: ExactResult) -> list[np.ndarray]:
    """How far from the truth the same program comes out in arithmetic of 53 bits: a float for each entry.

    The largest of three runs, with 53 bits and somewhat less, each in units of its own precision: one sample of the
    rounding errors that any program which computes these derivatives in float64 will make.
    """
    worst = [np.zeros(leaf.shape) for leaf in result.leaves]
    for digits in (15, 14, 13):  # of mpmath: 53, 50, 47 bits
        scale = 2.0 ** (arithmetic(digits).context.prec - 53)
        found, _, _ = _run(result.question, result.followed, digits)
        for so_far, a, b in zip(worst, found, result.leaves):
            for index in np.ndindex(b.shape):
                error = float(abs(a[index] - b[index])) * scale if a.shape == b.shape else np.inf
                so_far[index] = max(so_far[index], error if error == error else 0.0)
    return worst


def _decisions(question: Question) -> list[np.ndarray] | None:
    """What f decides when it runs in floats; None where such a run cannot be watched."""
    argnums, args = question.argnums, question.arguments
    if any(_is_mpf(leaf) for k in argnums for leaf in flatten(args[k])[0]):
        return None
    function = FlatFunction("value", question.f, args, dict(question.kwargs), argnums, has_aux=False, scalar=False)
    path = Path()
    try:
        with np.errstate(all="ignore"):
            function([Watched(leaf, path) for leaf in function.take_apart()])
    except DiffbenchError:
        return None
    return path.taken


def _run(
    question: Question, followed: Sequence[np.ndarray] | None, precision: int
) -> tuple[list, Structure, list[str]]:
    """One run with so many digits: the leaves of the result as object arrays, their structure, and `elsewhere`."""
    trace, argnums, f, paths = ExactTrace(arithmetic(precision)), question.argnums, question.f, list[Path]()
    if followed is not None:
        f = noting(f, argnums, followed, paths)
    exact = [
        map_leaves(partial(_lift, trace, question.quantity, question.f, k), arg)
        if k in argnums or k >= len(question.arguments)
        else _lift_mpf(trace, arg)
        for k, arg in enumerate(question.args)
    ]
    kwargs = {name: _lift_mpf(trace, arg) for name, arg in question.kwargs.items()}
    before = LIFT.set(trace.lift)  # the rules compute with constants too, as log(2) for 2**x
    try:
        if question.quantity == "value":
            function = FlatFunction("value", f, tuple(exact), kwargs, argnums, has_aux=False, scalar=False)
            leaves, structure = function(function.take_apart()), function.result_structure
        else:
            leaves, structure = flatten(question.verb(f=f)(*exact, **kwargs))
    finally:
        LIFT.reset(before)
    return [trace.entries(leaf) for leaf in leaves], structure, [place for path in paths for place in path.elsewhere]


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


def _settle(settled: np.ndarray, coarse: np.ndarray, fine: np.ndarray, digits: int) -> None:
    """Note the entries of which two runs share the digits asked for; those of an earlier pair of runs stay.

    An entry that is exactly zero may come out as rounding errors of any size, 0 in one run and 1e-131 in the next: it
    settles with the first pair in which it shrinks as fast as the precision grows, and others with another pair.
    """
    import mpmath

    context = arithmetic(digits).context
    for index in np.ndindex(settled.shape):
        if settled[index] is not None:
            continue
        a, b = context.convert(coarse[index]), context.convert(fine[index])
        if abs(b) <= abs(a) * context.eps and context.isfinite(a):
            b = context.zero
        elif not (abs(a - b) <= abs(b) * context.eps or a == b or (a != a and b != b)):
            continue
        settled[index] = mpmath.mp.make_mpf((+b)._mpf_)


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

    algebra = arithmetic(50)

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

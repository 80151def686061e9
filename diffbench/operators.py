"""The verbs. Each is `verb(f, *, argnum=0, backend="auto", has_aux=False, **options)` and returns a callable with the
signature of f; `jvp`, `vjp` and `hvp` take the direction as one more, last, positional argument.

argnum : int or tuple of ints; with a tuple, results and directions are tuples.
backend : a name (see `db.backends()`) or a Differentiator; options go to the backend of that name.
has_aux : f returns (result, aux); the verb returns aux, without derivative, beside its own result.

The callable has `prepare(*example_args)`, which does all one-off work (differentiating symbolically, compiling) and
returns a callable that only evaluates; called with what no longer fits, it prepares again.

Arguments and results may be nested tuples, lists, dicts, namedtuples and dataclasses of numbers and arrays. dtypes are
kept (integers count as float64), results are fresh arrays, and what a verb returns is plain NumPy code for the next.
"""

from collections.abc import Callable
from typing import Any

import numpy as np  # noqa: F401  (the examples use it)

from diffbench.backends.base import Differentiator
from diffbench.verbs import (
    Derivative,
    ElementwiseDerivative,
    Gradient,
    Hessian,
    Hvp,
    Jacobian,
    Jvp,
    Linearize,
    Pullback,
    ValueAndGradient,
    Verb,
    Vjp,
)


def gradient(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """The gradient of a function with one real result, in the shape of the argument.

    Cost: one trace and one backward pass by reverse mode, about 3 to 4 evaluations of f whatever n.
    Raises ResultError when f returns anything but one real number.

    >>> gradient(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    return Gradient(f, argnum, backend, has_aux, options)


def value_and_gradient(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """The pair (value, gradient) of a function with one real result, from one trace.

    >>> value_and_gradient(lambda x: x**2)(3.0)
    (9.0, 6.0)
    """
    return ValueAndGradient(f, argnum, backend, has_aux, options)


def derivative(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """The derivative of a function of one real number, in the shape of the result.

    Cost: one pass of forward mode, about 2 to 2.5 evaluations of f.
    Raises ArgumentError when the argument is not a scalar.

    >>> derivative(lambda x: 4 * x * (1 - x))(0.25)
    2.0
    """
    return Derivative(f, argnum, backend, has_aux, options)


def jacobian(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """All first derivatives: an array of shape result.shape + argument.shape.

    Containers: the structure of the result, each leaf holding the structure of the argument.
    Cost: n tangents by forward mode or m cotangents by reverse mode, carried together; "auto" takes the fewer.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return Jacobian(f, argnum, backend, has_aux, options)


def hessian(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """All second derivatives of a function with one real result: an array of shape argument.shape + argument.shape.

    Cost: n tangents through one gradient, carried together (forward over reverse).

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return Hessian(f, argnum, backend, has_aux, options)


def jvp(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    batch: bool = False, **options: Any,
) -> Verb:  # fmt: skip
    """The Jacobian-vector product J v, in the shape of the result: called as jvp(f)(x, v).

    batch : v holds several directions along a new first axis, and so does the answer.
    Cost: one pass of forward mode, about 2 to 2.5 evaluations of f.

    >>> jvp(np.sin)(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    array([1., 0.])
    """
    return Jvp(f, argnum, backend, has_aux, options, batch)


def vjp(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    batch: bool = False, **options: Any,
) -> Verb:  # fmt: skip
    """The vector-Jacobian product uT J, in the shape of the argument: called as vjp(f)(x, u).

    batch : u holds several directions along a new first axis, and so does the answer.
    Cost: one trace and one backward pass, about 3 to 4 evaluations of f.

    >>> vjp(lambda x: x**2)(np.array([1.0, 2.0]), np.array([1.0, 10.0]))
    array([ 2., 40.])
    """
    return Vjp(f, argnum, backend, has_aux, options, batch)


def hvp(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    batch: bool = False, **options: Any,
) -> Verb:  # fmt: skip
    """The Hessian-vector product H v, in the shape of the argument, without the Hessian: called as hvp(f)(x, v).

    batch : v holds several directions along a new first axis, and so does the answer.
    Cost: one tangent through one gradient (forward over reverse), about 7 to 10 evaluations of f.

    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return Hvp(f, argnum, backend, has_aux, options, batch)


def linearize(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """The pair (value, push) at a point; push(v, batch=False) is J v, again and again without running f again.

    >>> value, push = linearize(lambda x: x**2)(1.5)
    >>> push(2.0)
    6.0
    """
    return Linearize(f, argnum, backend, has_aux, options)


def pullback(
    f: Callable, *, argnum: int | tuple[int, ...] = 0, backend: str | Differentiator = "auto", has_aux: bool = False,
    **options: Any,
) -> Verb:  # fmt: skip
    """The pair (value, pull) at a point; pull(u, batch=False) is uT J, again and again without running f again.

    >>> value, pull = pullback(lambda x: x**2)(3.0)
    >>> pull(2.0)
    12.0
    """
    return Pullback(f, argnum, backend, has_aux, options)


def elementwise_derivative(
    f: Callable, *, argnum: int = 0, backend: str | Differentiator = "auto", has_aux: bool = False, **options: Any
) -> Verb:
    """The derivative of a function that acts entry by entry, in the shape of the argument.

    f is taken at its word: entry i of the result may depend on entry i of the argument only.
    Cost: one pass of forward mode with the tangent 1 in every entry.

    >>> elementwise_derivative(lambda x: x**3)(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    return ElementwiseDerivative(f, argnum, backend, has_aux, options)

"""Checks of derivatives written by hand, for test-suites: each raises AssertionError that says what is wrong, by name.

    from diffbench.testing import check_gradient

    def test_gradient_of_my_loss():
        check_gradient(loss, gradient_of_loss, weights, data)

Every entry is compared by itself (a norm hides a wrong sign in a small entry, a random direction hides a permutation),
at several points (at one point a wrong gradient may be right), with the right value to 50 digits, so that no step size
blurs it. An entry g of which t is the truth is right if

    |g - t| <= rtol |t| + 1024 eps max |t| + 64 eps kappa

where rtol is sqrt(eps), half of the digits; the maximum is over the entries of one array, or of one row of a Jacobian;
kappa is what the entry changes by when x changes by its own size. The last two are what rounding does to a program
that is right, and small: a wrong sign shows in entries down to some 1e-13 of the largest one. eps is that of the
coarsest floats in x and in the result. A NaN, a missing entry, a wrong shape never pass.

Points where f has a kink or jumps, or is not finite, are left out, and named in the report that a check returns; where
all are, it fails. Where f cannot be traced, the truth is what differences of two orders and the complex step agree on,
and the message says so.

The function under test may use NumPy or any other library whose arrays can be converted: JAX, PyTorch, autograd. It
gets copies of the arguments; if it changes them, the check fails.
"""

from collections.abc import Callable
from typing import Any

from diffbench.backends.base import Differentiator
from diffbench.testing.checking import Check
from diffbench.testing.report import Report, UncheckedPoint, run

__all__ = [
    "Report",
    "UncheckedPoint",
    "check_gradient",
    "check_hessian",
    "check_jacobian",
    "check_jvp",
    "check_vjp",
]


def check_gradient(
    f: Callable,
    grad_f: Callable,
    *args: Any,
    argnum: int | tuple[int, ...] = 0,
    points: int = 5,
    radius: float = 0.1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    digits: int = 50,
    backend: str | Differentiator = "reverse",
    inputs: Callable | None = None,
    **kwargs: Any,
) -> Report:
    """Check that grad_f gives the gradient of f, which returns one real number.

    f : plain NumPy code, called as f(*args, **kwargs).
    grad_f : called likewise; it returns what db.gradient(f, argnum=argnum) would: the shape of the argument, in its
        containers, a tuple where argnum is one.
    args : the point; a number, an array or nested containers of them for each differentiated argument.
    points : where to check: at args, and at points - 1 random ones around it, drawn with `seed`. Each entry moves by up
        to `radius` of itself; zeros by as much of the largest entry beside them (of 1 where all are zero).
    rtol, atol : what each entry may differ by; the defaults stand in the documentation of diffbench.testing.
    digits : of the truth.
    backend : the method that stands beside the truth in the table.
    inputs : converts the arrays of floats that grad_f gets, such as torch.tensor; by default they are NumPy's.

    Returns a Report of what was checked. Raises AssertionError with the worst entries and what they look like, and what
    f or grad_f themselves raise. Cost: at each point a few runs of f with many digits, some microseconds an operation
    (with more than 500 entries at one point only), and some ten gradients.

    >>> import numpy as np
    >>> f = lambda x: np.sum(x**3)
    >>> print(check_gradient(f, lambda x: 3 * x**2, np.array([1.0, 2.0])))
    check_gradient: <lambda> of <lambda> is right in 2 entries at x, random point 1, ..., random point 4
      truth: 50 digits; the largest difference is ... of what is allowed
    >>> check_gradient(f, lambda x: 3 * x[::-1] ** 2, np.array([1.0, 2.0]), points=1)
    Traceback (most recent call last):
    AssertionError: check_gradient: <lambda> of <lambda> is wrong in 2 of 2 entries
      entries 0 and 1 look swapped
    ...
    """
    __tracebackhide__ = True
    numbers = (argnum, points, radius, seed, rtol, atol, digits)
    return run(Check("gradient", f, grad_f, args, kwargs, *numbers, backend, inputs))


def check_jacobian(
    f: Callable,
    jac_f: Callable,
    *args: Any,
    argnum: int | tuple[int, ...] = 0,
    points: int = 5,
    radius: float = 0.1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    digits: int = 50,
    backend: str | Differentiator = "reverse",
    inputs: Callable | None = None,
    **kwargs: Any,
) -> Report:
    """Check that jac_f gives the Jacobian of f: shape f(x).shape + x.shape, as db.jacobian does.

    Containers: those of the result, each leaf holding those of the argument. All else as in check_gradient.

    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> check_jacobian(lambda x: A @ x, lambda x: A.T, np.array([1.0, -1.0]))
    Traceback (most recent call last):
    AssertionError: check_jacobian: <lambda> of <lambda> is wrong in 2 of 4 entries
      the derivative looks transposed
    ...
    """
    __tracebackhide__ = True
    numbers = (argnum, points, radius, seed, rtol, atol, digits)
    return run(Check("jacobian", f, jac_f, args, kwargs, *numbers, backend, inputs))


def check_hessian(
    f: Callable,
    hess_f: Callable,
    *args: Any,
    argnum: int | tuple[int, ...] = 0,
    points: int = 5,
    radius: float = 0.1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    digits: int = 50,
    backend: str | Differentiator = "reverse",
    inputs: Callable | None = None,
    **kwargs: Any,
) -> Report:
    """Check that hess_f gives the Hessian of f: shape x.shape + x.shape, as db.hessian does.

    Cost: at each point n runs of f with many digits. All else as in check_gradient.

    >>> import numpy as np
    >>> f = lambda x: x[0] ** 2 * x[1]
    >>> check_hessian(f, lambda x: np.array([[2 * x[1], 2 * x[0]], [0.0, 0.0]]), np.array([1.0, 2.0]))
    Traceback (most recent call last):
    AssertionError: check_hessian: <lambda> of <lambda> is wrong in 1 of 4 entries
      entry (1, 0) is zero, and should not be
    ...
    """
    __tracebackhide__ = True
    numbers = (argnum, points, radius, seed, rtol, atol, digits)
    return run(Check("hessian", f, hess_f, args, kwargs, *numbers, backend, inputs))


def check_jvp(
    f: Callable,
    jvp_f: Callable,
    *args: Any,
    argnum: int | tuple[int, ...] = 0,
    points: int = 5,
    radius: float = 0.1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    digits: int = 50,
    backend: str | Differentiator = "reverse",
    inputs: Callable | None = None,
    **kwargs: Any,
) -> Report:
    """Check that jvp_f(*args, v) gives J v, the Jacobian of f times a direction, in the shape of the result.

    Each point is checked in three random directions, and in each unit direction where x has up to six entries. All
    else as in check_gradient.

    >>> import numpy as np
    >>> report = check_jvp(np.sin, lambda x, v: np.cos(x) * v, np.array([0.0, 1.0]))
    """
    __tracebackhide__ = True
    numbers = (argnum, points, radius, seed, rtol, atol, digits)
    return run(Check("jvp", f, jvp_f, args, kwargs, *numbers, backend, inputs))


def check_vjp(
    f: Callable,
    vjp_f: Callable,
    *args: Any,
    argnum: int | tuple[int, ...] = 0,
    points: int = 5,
    radius: float = 0.1,
    seed: int = 0,
    rtol: float | None = None,
    atol: float | None = None,
    digits: int = 50,
    backend: str | Differentiator = "reverse",
    inputs: Callable | None = None,
    **kwargs: Any,
) -> Report:
    """Check that vjp_f(*args, u) gives uT J, a cotangent times the Jacobian of f, in the shape of the argument.

    Each point is checked with three random cotangents, and with each unit one where f(x) has up to six entries. All
    else as in check_gradient.

    >>> import numpy as np
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> report = check_vjp(lambda x: A @ x, lambda x, u: u @ A, np.array([1.0, -1.0]))
    """
    __tracebackhide__ = True
    numbers = (argnum, points, radius, seed, rtol, atol, digits)
    return run(Check("vjp", f, vjp_f, args, kwargs, *numbers, backend, inputs))

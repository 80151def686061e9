"""The checks of the conformance suite. Each has one sentence about what it expects; `limits` refers to it by name."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from diffbench import operators
from diffbench.checks.cases import (
    BILINEAR,
    BRANCH,
    CONSTANT,
    CONTAINERS,
    CUBIC,
    CURVE,
    FORM,
    IGNORED,
    LOOP,
    MATRIX,
    POLAR,
    SQUARES,
    SURFACE,
    Case,
)
from diffbench.checks.subject import Subject, expect
from diffbench.errors import ArgumentError, DirectionError, ResultError
from diffbench.structure import flatten

CHECKS: dict[str, Callable[[Subject], None]] = {}


def check(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
    """Add a check to the suite, under the name by which `limits` refers to it."""
    CHECKS[function.__name__] = function
    return function


# -- the verbs ---------------------------------------------------------------------------------------------------------


@check
def scalars(subject):
    """A float has a float for its derivative, and a scalar argument may have an array for its result."""
    for case in (CUBIC, CURVE):
        found = subject.verb("derivative", case)(*case.args)
        subject.agree(found, case.jacobian(*case.args), f"derivative of {case}")
    subject.agree(subject.verb("gradient", CUBIC)(1.5), CUBIC.jacobian(1.5), f"gradient of {CUBIC}")
    subject.agree(subject.verb("gradient", CUBIC)(np.array(1.5)), np.float64(4.75), "gradient at an array of shape ()")


@check
def gradients(subject):
    """The gradient has the shape of the argument, with the value of f beside it where that is asked for."""
    expected = FORM.jacobian(*FORM.args)
    subject.agree(subject.verb("gradient", FORM)(*FORM.args), expected, f"gradient of {FORM}")
    value, gradient = subject.verb("value_and_gradient", FORM)(*FORM.args)
    subject.agree(value, FORM.f(*FORM.args), f"value of {FORM}")
    subject.agree(gradient, expected, f"gradient of {FORM}")


@check
def jacobians(subject):
    """A Jacobian has the shape of the result followed by that of the argument, for arrays of any rank."""
    for case in (POLAR, SURFACE, CURVE, FORM, MATRIX):
        found = subject.verb("jacobian", case)(*case.args)
        subject.agree(found, case.jacobian(*case.args), f"jacobian of {case}")


@check
def hessians(subject):
    """A Hessian has the shape of the argument twice."""
    for case in (CUBIC, FORM):
        found = subject.verb("hessian", case)(*case.args)
        subject.agree(found, case.hessian(*case.args), f"hessian of {case}", order=2)


@check
def products(subject):
    """jvp is the Jacobian times a tangent, vjp a cotangent times the Jacobian, hvp the Hessian times a direction."""
    for case in (POLAR, SURFACE, FORM, MATRIX):
        J, v, u = case.jacobian(*case.args), case.tangent(), case.cotangent()
        subject.agree(subject.verb("jvp", case)(*case.args, v), np.tensordot(J, v, v.ndim), f"jvp of {case}")
        subject.agree(subject.verb("vjp", case)(*case.args, u), np.tensordot(u, J, np.ndim(u)), f"vjp of {case}")
    H, v = FORM.hessian(*FORM.args), FORM.tangent()
    subject.agree(subject.verb("hvp", FORM)(*FORM.args, v), H @ v, f"hvp of {FORM}", order=2)
    subject.agree(subject.verb("hvp", CUBIC)(1.5, 2.0), 18.0, f"hvp of {CUBIC}", order=2)


@check
def batches(subject):
    """batch=True takes directions stacked along a new first axis, also when there are none."""
    for case in (POLAR, SURFACE, MATRIX):
        J = case.jacobian(*case.args)
        for count in (0, 1, 3):
            vs = np.reshape([(k + 1) * case.tangent() for k in range(count)], (count, *np.shape(case.tangent())))
            us = np.reshape([(k + 1) * case.cotangent() for k in range(count)], (count, *np.shape(case.cotangent())))
            pushed, pulled = _stacked_products(J, vs, us)
            jvp, vjp = subject.verb("jvp", case, batch=True), subject.verb("vjp", case, batch=True)
            subject.agree(jvp(*case.args, vs), pushed, f"{count} tangents at {case}")
            subject.agree(vjp(*case.args, us), pulled, f"{count} cotangents at {case}")
    vs = np.stack([FORM.tangent(), -2 * FORM.tangent()])
    expected = vs @ FORM.hessian(*FORM.args)
    subject.agree(subject.verb("hvp", FORM, batch=True)(*FORM.args, vs), expected, "two directions of hvp", order=2)


def _stacked_products(J: np.ndarray, vs: np.ndarray, us: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    result, argument = us.shape[1:], vs.shape[1:]
    matrix = np.reshape(J, (int(np.prod(result)), int(np.prod(argument))))
    pushed = np.reshape(vs, (len(vs), matrix.shape[1])) @ matrix.T
    pulled = np.reshape(us, (len(us), matrix.shape[0])) @ matrix
    return np.reshape(pushed, (len(vs), *result)), np.reshape(pulled, (len(us), *argument))


@check
def linear_maps(subject):
    """linearize and pullback give linear maps that can be used again and again, also when x has changed since."""
    (x,) = SURFACE.args
    J, v, u = SURFACE.jacobian(x), SURFACE.tangent(), SURFACE.cotangent()
    value, push = subject.verb("linearize", SURFACE)(x)
    same_value, pull = subject.verb("pullback", SURFACE)(x)
    x[:] = 0.0
    subject.agree(value, SURFACE.f(*SURFACE.args), "value of linearize")
    subject.agree(same_value, SURFACE.f(*SURFACE.args), "value of pullback")
    for factor in (1.0, -2.0):
        subject.agree(push(factor * v), J @ (factor * v), "push")
        subject.agree(pull(factor * u), (factor * u) @ J, "pull")
    subject.agree(push(np.stack([v, v]), batch=True), np.stack([J @ v, J @ v]), "push of a batch")
    subject.agree(pull(np.stack([u, u]), batch=True), np.stack([u @ J, u @ J]), "pull of a batch")


# -- arguments ---------------------------------------------------------------------------------------------------------


@check
def argument_numbers(subject):
    """argnum chooses arguments, counts from the end when negative, and gives tuples in its own order."""
    for argnum in (0, 1, -1, (0, 1), (1, 0)):
        case = BILINEAR.with_argnum(argnum)
        expected, v = case.jacobian(*case.args), case.tangent()
        subject.agree(subject.verb("gradient", case)(*case.args), expected, f"gradient with argnum={argnum}")
        subject.agree(subject.verb("jacobian", case)(*case.args), expected, f"jacobian with argnum={argnum}")
        pairs = zip(expected, v) if isinstance(v, tuple) else [(expected, v)]
        pushed = sum(np.vdot(slope, direction) for slope, direction in pairs)
        subject.agree(subject.verb("jvp", case)(*case.args, v), pushed, f"jvp with argnum={argnum}")


@check
def keywords(subject):
    """Keyword arguments pass through to f."""
    found = subject.verb("gradient", BILINEAR)(*BILINEAR.args, scale=3.0)
    subject.agree(found, BILINEAR.jacobian(*BILINEAR.args, scale=3.0), "gradient with scale=3")


@check
def containers(subject):
    """Nested containers come back as they are, each leaf of the result holding the containers of the argument."""
    (tree,) = CONTAINERS.args
    subject.agree(subject.verb("jacobian", CONTAINERS)(tree), CONTAINERS.jacobian(tree), f"jacobian of {CONTAINERS}")
    values, push = subject.verb("linearize", CONTAINERS)(tree)
    subject.agree(values, CONTAINERS.f(tree), "values in containers")
    J = CONTAINERS.jacobian(tree)
    twice = {name: 2 * np.asarray(leaf)[()] for name, leaf in tree["layer"]._asdict().items()}
    pushed = push({"layer": type(tree["layer"])(**twice), "empty": ()})
    for found, slopes in zip(flatten(pushed)[0], (J["z"], J["norm"][0])):
        of_w, of_b = slopes["layer"]
        expected = np.dot(of_w, twice["w"]) + of_b * twice["b"]
        subject.agree(found, expected, "push in containers")


@check
def empty_arrays(subject):
    """Arrays without entries have derivatives of the right shape, also without entries."""
    nothing = np.zeros((0,))
    subject.agree(subject.verb("gradient", SQUARES)(nothing), nothing, "gradient of a sum over nothing")
    subject.agree(subject.verb("hessian", SQUARES)(nothing), np.zeros((0, 0)), "hessian of a sum over nothing", order=2)
    subject.agree(subject.verb("jacobian", IGNORED)(nothing), np.zeros((2, 0)), "jacobian with no columns")


@check
def constants(subject):
    """What f does not depend on has derivative zero, in the shape of the argument."""
    x = CONSTANT.args[0]
    subject.agree(subject.verb("gradient", CONSTANT)(x), np.zeros(3), "gradient of a constant")
    subject.agree(subject.verb("hessian", CONSTANT)(x), np.zeros((3, 3)), "hessian of a constant", order=2)
    subject.agree(subject.verb("jacobian", IGNORED)(x), np.zeros((2, 3)), "jacobian of a constant")


@check
def precisions(subject):
    """float16, float32 and longdouble are kept; the error is that of the method at this precision."""
    for dtype in (np.float16, np.float32, np.longdouble):
        x, v = SURFACE.args[0].astype(dtype), SURFACE.tangent().astype(dtype)
        J = SURFACE.jacobian(x).astype(dtype)
        subject.agree(subject.verb("jacobian", SURFACE)(x), J, f"jacobian in {np.dtype(dtype)}")
        subject.agree(subject.verb("jvp", SURFACE)(x, v), J @ v, f"jvp in {np.dtype(dtype)}")
        slope = dtype(CUBIC.jacobian(1.5))
        subject.agree(subject.verb("derivative", CUBIC)(dtype(1.5)), slope, f"derivative in {np.dtype(dtype)}")


@check
def integers(subject):
    """Integers and bools count as float64."""
    expected = SQUARES.jacobian(np.array([1.0, 0.0]))
    for x in (np.array([1, 0]), np.array([True, False])):
        subject.agree(subject.verb("gradient", SQUARES)(x), expected, f"gradient at {x.dtype}")
    subject.agree(subject.verb("derivative", CUBIC)(2), CUBIC.jacobian(2.0), "derivative at the integer 2")


@check
def not_a_number(subject):
    """NaN in the argument reaches the entries that depend on it."""
    found = subject.verb("gradient", SQUARES)(np.array([1.0, np.nan]))
    expect(np.isnan(found[1]), f"gradient of x·x at (1, nan): found {found}, expected nan in the second entry")


# -- memory ------------------------------------------------------------------------------------------------------------


@check
def results_are_fresh(subject):
    """Results are writable arrays that share no memory with arguments, directions, or results given before."""
    x, u, one = SQUARES.args[0], np.ones(2), np.ones(3)
    gradient, vjp = subject.verb("gradient", SQUARES), subject.verb("vjp", SURFACE)
    prepared = gradient.prepare(x)
    results = [gradient(x), gradient(x), vjp(one, u), vjp(one, u), prepared(x), prepared(x)]
    for k, result in enumerate(results):
        expect(result.flags.writeable, "a result is read-only")
        shared = [y for y in (x, u, one, *results[:k]) if np.shares_memory(result, y)]
        expect(not shared, "a result shares memory with an argument, a direction, or an earlier result")


# -- programs ----------------------------------------------------------------------------------------------------------


@check
def loops(subject):
    """Loops whose length depends on another argument."""
    for n in (1, 4):
        subject.agree(subject.verb("derivative", LOOP)(0.2, n), LOOP.jacobian(0.2, n), f"derivative of {LOOP}, n={n}")


@check
def branches(subject):
    """A branch on a value takes the side of the point, also when it was prepared on the other side."""
    prepared = subject.verb("derivative", BRANCH).prepare(2.0)
    for x in (2.0, -2.0):
        subject.agree(prepared(x), BRANCH.jacobian(x), f"prepared derivative of {BRANCH} at {x}")
        subject.agree(subject.verb("derivative", BRANCH)(x), BRANCH.jacobian(x), f"derivative of {BRANCH} at {x}")


@check
def preparation(subject):
    """A prepared verb evaluates anew at each point, and prepares again for other shapes, dtypes and arguments."""
    gradient = subject.verb("gradient", BILINEAR)
    prepared = gradient.prepare(*BILINEAR.args)
    a, b = BILINEAR.args
    calls: list[tuple[str, tuple, dict]] = [
        ("the same point", (a, b), {}),
        ("another point", (2 * a, b), {}),
        ("another argument beside it", (a, 3 * b), {}),
        ("another shape", (a[:2], b[:2]), {}),
        ("another dtype", (a.astype(np.float32), b.astype(np.float32)), {}),
        ("a keyword", (a, b), {"scale": 5.0}),
        ("the first point again", (a, b), {}),
    ]
    for what, args, kwargs in calls:
        subject.agree(prepared(*args, **kwargs), BILINEAR.jacobian(*args, **kwargs), f"prepared gradient at {what}")


@check
def auxiliary_results(subject):
    """With has_aux=True the second result of f comes out beside the answer, as f gives it at the point."""
    case, v = FORM.with_aux(), FORM.tangent()
    _, expected = case.f(*case.args)
    for name, *direction in (("gradient",), ("jacobian",), ("hessian",), ("jvp", v), ("vjp", 1.0), ("hvp", v)):
        _, aux = subject.verb(name, case, has_aux=True)(*case.args, *direction)
        fits = flatten(aux)[1] == flatten(expected)[1] and aux["name"] == expected["name"]
        expect(fits, f"aux of {name}: found {aux}, expected {expected}")
        subject.agree(aux["twice"], expected["twice"], f"aux of {name}")


@check
def nesting(subject):
    """What a verb returns can be differentiated again, in forward and reverse mode."""
    gradient, expected = subject.verb("gradient", FORM), FORM.hessian(*FORM.args)
    for outer in ("forward", "reverse"):
        found = operators.jacobian(gradient, backend=outer)(*FORM.args)
        subject.agree(found, expected, f"{outer} mode over the gradient", order=2)
        a, b = BILINEAR.args
        mixed = operators.jacobian(subject.verb("gradient", BILINEAR), argnum=1, backend=outer)(a, b)
        subject.agree(mixed, np.diag(2 * a), f"{outer} mode over the gradient, in an argument beside it", order=2)


# -- errors ------------------------------------------------------------------------------------------------------------


@check
def exceptions(subject):
    """An exception that f raises comes out as it is."""
    problem = LookupError("no such parameter")

    def f(*args):
        raise problem

    for verb in ("derivative", "jacobian", "pullback"):
        found: Exception | None = None
        try:
            subject.verb(verb, CUBIC.with_f(f))(1.5)
        except Exception as error:
            found = error
        expect(found is problem, f"{verb}: found {found!r}, expected {problem!r}, the very exception")


@check
def bad_input(subject):
    """What makes no sense is refused: results that are no scalar, arguments and directions that do not fit."""
    x, three = SURFACE.args[0], np.ones(3)
    calls: list[tuple[type[Exception], str, Case, Sequence]] = [
        (ResultError, "gradient", SURFACE, (x,)),
        (ArgumentError, "derivative", SURFACE, (x,)),
        (ArgumentError, "gradient", FORM, ("text",)),
        (ArgumentError, "gradient", FORM, (1j * x,)),
        (ArgumentError, "gradient", FORM, (np.array([None, 1.0, 2.0]),)),
        (DirectionError, "jvp", SURFACE, (x, np.ones(2))),
        (DirectionError, "vjp", SURFACE, (x, three)),
        (DirectionError, "jvp", SURFACE, (x, [three])),
        (DirectionError, "jvp", SURFACE, (x, "text")),
    ]
    for error, verb, case, args in calls:
        with _refused(error, f"{verb} of {case} at {args}"):
            subject.verb(verb, case)(*args)


@contextmanager
def _refused(error: type[Exception], what: str) -> Iterator[None]:
    try:
        yield
    except error:
        return
    raise AssertionError(f"{what}: found a result, expected {error.__name__}")

"""Forward gradients of few numbers under an outer trace: all unit tangents at once where no entries mix."""

import numpy as np
import pytest

import diffbench as db
from diffbench.backends.forward_units import diagonals_of
from diffbench.tape import Tape

C = np.array([0.5, -1.5, 2.0])
X = np.array([0.3, -0.7, 1.1])

APART = {
    "a power and a square of a sum": lambda x: np.sum(x * x * x) + np.sum(x) ** 2 * 0.1,
    "a product with itself": lambda x: x @ x + np.dot(x, x * x),
    "a product with constants": lambda x: np.dot(C, np.exp(x)) * ((x * x) @ C),
    "sums as methods": lambda x: (np.sin(x) * C).sum() / (1.0 + x.sum() ** 2),
    "one that does not depend": lambda x: np.sum(0.0 * x + C),
    "equal slopes": lambda x: 3.0 * np.sum(x),
    "a number that all share": lambda x: np.sqrt(np.sum(x * x)),
}
MIXED = {
    "entries": lambda x: x[0] ** 2 * x[1] + np.exp(x[2]) * x[0],
    "an array times its sum": lambda x: np.sum(np.sum(x * x) * x * C),
    "a piece": lambda x: np.sum(x[1:] ** 3),
    "a product with a matrix": lambda x: np.sum((np.outer(C, C) + np.eye(3)) @ x * x),
    "a running sum": lambda x: np.sum(np.cumsum(x) ** 2),
    "a sum along an axis": lambda x: np.sum(np.sum(np.outer(x, C) ** 2, axis=0)),
}
PROGRAMS = APART | MIXED
each_program = pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)
each_outer = pytest.mark.parametrize("outer", ["forward", "reverse"])


def entries_of(f):
    """The list that a forward gradient of f leaves under an outer trace."""
    outer = Tape([X])
    inner = Tape(outer.inputs)
    f(*inner.inputs)
    return inner.entries[1:]


@pytest.mark.parametrize("f", APART.values(), ids=APART)
def test_the_list_of_a_function_that_mixes_no_entries_has_diagonals(f):
    assert diagonals_of(entries_of(f)) is not None


@pytest.mark.parametrize("f", MIXED.values(), ids=MIXED)
def test_the_list_of_a_function_that_mixes_entries_has_none(f):
    assert diagonals_of(entries_of(f)) is None


@each_outer
@each_program
def test_a_gradient_within_is_the_gradient(f, outer):
    inner = db.gradient(f, backend="forward")
    found = db.jvp(lambda x: inner(x) * 1.0, backend=outer)(X, np.ones(3))
    expected = db.hvp(f, backend="symbolic")(X, np.ones(3))
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


@each_outer
@each_program
def test_its_derivative_is_symmetric_and_that_of_the_symbols(f, outer):
    found = db.jacobian(db.gradient(f, backend="forward"), backend=outer)(X)
    np.testing.assert_allclose(found, db.hessian(f, backend="symbolic")(X), rtol=1e-13, atol=1e-15)


@each_outer
def test_arrays_and_numbers_stand_beside_each_other(outer):
    def f(arguments):
        x, a = arguments["x"], arguments["a"]
        return np.sum(x * x * C[:2]) * a**2 + np.sum(np.sin(x)) / a

    def program(s):
        slopes = db.gradient(f, backend="forward")({"x": s * X[:2], "a": 1.5 * s})
        return np.sum(slopes["x"] * C[:2]) + slopes["a"]

    expected = db.derivative(lambda s: f({"x": s * X[:2], "a": 1.5 * s}), backend="complex-step")
    assert expected(0.8)  # f itself is differentiated rightly; its gradient by differences of it:
    found = db.derivative(program, backend=outer)(0.8)
    assert found == pytest.approx(db.derivative(program, backend="finite-central", order=6)(0.8), rel=1e-9)


@each_outer
def test_two_arrays_of_one_shape_do_not_mix(outer):
    def f(x, y):
        return np.sum(x * y * y) + np.dot(x, y) ** 2

    def program(s):
        in_x, in_y = db.gradient(f, argnum=(0, 1), backend="forward")(s * X[:2], s * s * C[:2])
        return np.sum(in_x * C[:2] + in_y * X[:2])

    found = db.derivative(program, backend=outer)(0.8)
    assert found == pytest.approx(db.derivative(program, backend="finite-central", order=6)(0.8), rel=1e-9)


@each_outer
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_the_dtype_is_kept(outer, dtype):
    found = db.jacobian(db.gradient(APART["a power and a square of a sum"], backend="forward"), backend=outer)(
        X.astype(dtype)
    )
    assert found.dtype == dtype


@each_outer
def test_a_matrix_keeps_its_shape(outer):
    x = np.array([[0.3, -0.7], [1.1, 0.2]])
    found = db.jacobian(db.gradient(lambda x: np.sum(x**3) + np.sum(x), backend="forward"), backend=outer)(x)
    np.testing.assert_allclose(np.reshape(found, (4, 4)), np.diag(6 * x.ravel()), rtol=1e-15)

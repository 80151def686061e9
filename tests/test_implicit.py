"""Derivatives of converged solvers by the implicit function theorem."""

import numpy as np
import pytest

import diffbench as db

MODES = ("forward", "reverse")


def newton(a):
    x = 1.0
    for _ in range(60):
        x = (x + a / x) / 2
    return float(x)


ROOT = db.implicit_root(lambda x, a: x * x - a, newton)


@pytest.mark.parametrize("modes", [(a, b, c) for a in MODES for b in MODES for c in MODES], ids="/".join)
def test_the_square_root_has_its_derivatives_to_third_order(modes):
    derivatives = [ROOT]
    for mode in modes:
        derivatives.append(db.derivative(derivatives[-1], backend=mode))
    found = [f(2.0) for f in derivatives]
    expected = [2**0.5, 0.5 * 2**-0.5, -0.25 * 2**-1.5, 0.375 * 2**-2.5]
    assert found == pytest.approx(expected, rel=1e-13)


def solve_system(p):
    A, b = p["A"], p["b"]
    return {"x": np.linalg.solve(A, b)}


SYSTEM = db.implicit_root(lambda x, p: p["A"] @ x["x"] - p["b"], solve_system)
POINT = {"A": np.array([[3.0, 1.0], [0.5, 2.0]]), "b": np.array([1.0, -2.0])}


@pytest.mark.parametrize("mode", MODES)
def test_containers_of_arrays_have_the_gradient_of_the_linear_system(mode):
    f = lambda solver: lambda p: np.sum(np.sin(solver(p)["x"]))  # noqa: E731
    found = db.gradient(f(SYSTEM), backend=mode)(POINT)
    expected = db.gradient(f(solve_system), backend=mode)(POINT)
    np.testing.assert_allclose(found["A"], expected["A"], rtol=1e-12)
    np.testing.assert_allclose(found["b"], expected["b"], rtol=1e-12)


def test_a_fixed_point_has_the_derivative_of_its_equation():
    def iterate(a):
        x = np.array([0.5, 0.5])
        for _ in range(300):
            x = np.cos(a * x)
        return x

    fixed = db.implicit_fixed_point(lambda x, a: np.cos(a * x), iterate)
    a = np.array([0.5, 0.9])
    x = iterate(a)
    slope = -np.sin(a * x)
    np.testing.assert_allclose(db.jacobian(fixed)(a), np.diag(slope * x / (1 - slope * a)), rtol=1e-10, atol=1e-12)


def test_a_solver_that_has_not_converged_is_an_error_that_says_how_far():
    early = db.implicit_root(lambda x, a: x * x - a, lambda a: 1.0 + 0 * a)
    with pytest.raises(db.ResultError, match="has not converged: the residual at its result is 1"):
        db.derivative(early)(2.0)

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


@pytest.mark.parametrize("mode", MODES)
def test_a_residual_may_fill_an_array_entry_by_entry(mode):
    def residual(x, a):
        rest = np.zeros_like(x * a)
        for i in range(len(a)):
            rest[i] = x[i] ** 2 - a[i]
        return rest

    a = np.linspace(0.5, 3.0, 5)
    found = db.jacobian(db.implicit_root(residual, lambda a: np.sqrt(a)), backend=mode)(a)
    np.testing.assert_allclose(found, np.diag(0.5 / np.sqrt(a)), rtol=1e-14, atol=1e-15)


def test_a_residual_that_writes_into_a_plain_array_says_so():
    def residual(x, a):
        rest = np.zeros_like(x)  # plain while the derivative in a is taken
        rest[0] = x[0] - a[0]
        return rest

    with pytest.raises(db.errors.TraceLost, match="assignment into a plain array"):
        db.jacobian(db.implicit_root(residual, lambda a: a.copy()), backend="reverse")(np.ones(1))


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
    assert early(2.0) == 1.0
    with pytest.raises(db.ResultError, match=r"has not converged: a step of Newton's method still moves .* by 0\.5"):
        db.derivative(early)(2.0)


def test_a_small_residual_with_a_far_root_has_not_converged():
    flat = db.implicit_root(lambda x, a: 1e-8 * (x - a), lambda a: 0.0)
    with pytest.raises(db.ResultError, match="has not converged"):
        db.derivative(flat)(2.0)


def test_a_double_root_has_no_derivative():
    double = db.implicit_root(lambda x, a: (x - a) ** 2, lambda a: a)
    with pytest.raises(db.ResultError, match="singular"):
        db.derivative(double)(2.0)


def test_a_residual_with_fewer_equations_than_unknowns_is_an_error():
    few = db.implicit_root(lambda x, a: np.sum(x) - a, lambda a: np.array([0.5, 0.5]) * a)
    with pytest.raises(db.ResultError, match="1 entries, but its root has 2"):
        db.jacobian(few)(2.0)


def test_a_residual_that_closes_over_a_traced_value_is_an_error():
    def program(a):
        return db.implicit_root(lambda x, b: x * x - a * b, lambda b: db.primal(a * b) ** 0.5)(1.0 + 0 * a)

    with pytest.raises(db.TraceLost, match="not among its arguments"):
        db.derivative(program)(2.0)


@pytest.mark.parametrize("mode", MODES)
def test_a_minimiser_has_the_derivatives_of_its_minimum(mode):
    """The minimum of ½xᵀAx - bᵀx is A⁻¹b."""

    def objective(x, A, b):
        return 0.5 * np.dot(x, A @ x) - np.dot(b, x)

    @db.implicit_root(db.gradient(objective))
    def minimum(A, b):
        x = np.zeros(2)
        for _ in range(200):
            x = x - 0.3 * db.gradient(objective)(x, A, b)
        return x

    A, b = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -2.0])
    found = db.jacobian(minimum, argnum=1, backend=mode)(A, b)
    np.testing.assert_allclose(found, np.linalg.inv(A), rtol=1e-9)


def test_keywords_reach_solver_and_residual():
    @db.implicit_root(lambda x, a, *, power: x**power - a)
    def root(a, *, power):
        return a ** (1 / power)

    assert db.derivative(root)(8.0, power=3) == pytest.approx(1 / 12, rel=1e-14)


@pytest.mark.parametrize("make", [db.implicit_root, db.implicit_fixed_point])
def test_keywords_that_only_the_solver_names_stay_with_the_solver(make):
    @make(lambda x, a: x * x - a if make is db.implicit_root else (x + a / x) / 2)
    def root(a, *, tolerance=1e-3):
        x = a
        while abs(x * x - a) > tolerance:
            x = (x + a / x) / 2
        return x

    for mode in MODES:
        found = db.derivative(root, backend=mode)
        assert found(4.0, tolerance=1e-12) == pytest.approx(1 / 4, rel=1e-12)
        assert found(4.0) == pytest.approx(1 / 4, rel=1e-3)

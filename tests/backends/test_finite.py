"""Finite differences against closed forms, published values and the theory of their error."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.backends.finite import FiniteBackward, FiniteCentral, FiniteForward
from diffbench.backends.finite_stencil import central, fornberg_weights, one_sided
from diffbench.backends.finite_steps import representable
from tests.common import Counted

NAMES = ("finite-forward", "finite-backward", "finite-central")
each_backend = pytest.mark.parametrize("name", NAMES)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def logistic(x):
    """l_4 of the logistic map."""
    for _ in range(3):
        x = 4 * x * (1 - x)
    return x


def martins(x):
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


# -- weights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (2, {1: "1/2"}),
        (4, {1: "2/3", 2: "-1/12"}),
        (6, {1: "3/4", 2: "-3/20", 3: "1/60"}),
        (8, {1: "4/5", 2: "-1/5", 3: "4/105", 4: "-1/280"}),
    ],
)
def test_central_weights_are_those_of_the_textbooks(order, expected):
    weights = central(order).weights
    assert {k: w for k, w in weights.items() if k > 0} == {k: Fraction(w) for k, w in expected.items()}
    assert all(weights[-k] == -weights[k] for k in weights)


@pytest.mark.parametrize(
    ("order", "expected"),
    [(1, ["-1", "1"]), (2, ["-3/2", "2", "-1/2"]), (4, ["-25/12", "4", "-3", "4/3", "-1/4"])],
)
def test_one_sided_weights_are_those_of_the_textbooks(order, expected):
    assert list(one_sided(order).weights.values()) == [Fraction(w) for w in expected]


def test_second_derivative_weights_are_those_of_the_textbooks():
    assert list(central(4, 2).weights.values()) == [Fraction(w) for w in ("-1/12", "4/3", "-5/2", "4/3", "-1/12")]


@pytest.mark.parametrize("derivative", [0, 1, 2, 3, 4])
def test_fornberg_weights_are_exact_for_polynomials_on_uneven_grids(derivative):
    offsets = [Fraction(-3, 2), Fraction(0), Fraction(1, 3), Fraction(2), Fraction(7, 2)]
    weights = fornberg_weights(offsets, derivative)
    for degree in range(len(offsets)):
        exact = np.prod(range(1, degree + 1), dtype=int) if degree == derivative else 0
        assert sum(w * x**degree for w, x in zip(weights, offsets, strict=True)) == exact


@pytest.mark.parametrize(
    ("stencil", "truncation", "amplification"),
    [
        (one_sided(1), "1/2", "2"),
        (central(2), "1/6", "1"),
        (central(4), "1/30", "3/2"),
        (central(6), "1/140", "11/6"),
        (central(8), "1/630", "25/12"),
    ],
)
def test_error_constants_are_those_of_the_theory(stencil, truncation, amplification):
    assert (stencil.truncation, stencil.amplification) == (Fraction(truncation), Fraction(amplification))


# -- accuracy ----------------------------------------------------------------------------------------------------------


def test_forward_difference_of_exp_at_zero_is_the_published_one():
    found = [db.derivative(np.exp, backend="finite-forward", step=h)(0.0) for h in (1e-4, 1e-8, 1e-12)]
    assert found == [1.000050001667141, 0.999999993922529, 1.000088900582341]


@pytest.mark.parametrize(
    ("h", "forward", "c2", "c4", "c6"),
    [(1e-2, 2.72e-1, 6.57e-2, 4.02e-4, 1.42e-6), (1e-3, 3.30e-2, 6.58e-4, 4.01e-8, 1.41e-12)],
)
def test_errors_on_the_logistic_map_are_those_of_the_table(h, forward, c2, c4, c6):
    backends = [db.get_backend("finite-forward", step=h)]
    backends += [db.get_backend("finite-central", step=h, order=p) for p in (2, 4, 6)]
    errors = [abs(db.derivative(logistic, backend=backend)(0.2) - 9.0660864) for backend in backends]
    assert errors == pytest.approx([forward, c2, c4, c6], rel=0.02)


def test_error_on_the_function_of_martins_is_the_published_one():
    found = db.derivative(martins, backend="finite-forward", step=1e-4)(1.5)
    assert found - 4.053427893898621 == pytest.approx(4.732e-4, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "order"),
    [*[(name, p) for name in NAMES[:2] for p in (1, 2, 3, 4)], *[(NAMES[2], p) for p in (2, 4, 6, 8)]],
)
def test_truncation_error_falls_with_the_order_of_the_step(name, order):
    steps = np.geomspace(0.02, 0.2, 8)
    backends = [db.get_backend(name, order=order, step=h) for h in steps]
    x = np.longdouble(0.5)
    errors = [abs(db.derivative(np.exp, backend=backend)(x) - np.exp(x)) for backend in backends]
    slope = np.polyfit(np.log(steps), np.log(np.array(errors, float)), 1)[0]
    assert slope == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize(("name", "order"), [(NAMES[0], 1), (NAMES[1], 1), *[(NAMES[2], p) for p in (2, 4, 6, 8)]])
def test_default_step_reaches_the_error_that_theory_promises(name, order, dtype):
    x = dtype(1.5)
    found = db.derivative(np.sin, backend=name, order=order)(x)
    promised = float(np.finfo(dtype).eps) ** (order / (order + 1))
    assert found.dtype == dtype
    assert abs(found - np.cos(x)) < 10 * promised


@pytest.mark.parametrize(
    ("f", "x", "truth"),
    [
        (np.exp, 40.0, lambda x: mpmath.exp(x)),
        (lambda x: x**2, 1e8, lambda x: 2 * x),
        (lambda x: np.log(x), 1e6, lambda x: 1 / x),
        (np.sin, 1e-9, mpmath.cos),
        (np.sin, 0.0, mpmath.cos),
    ],
    ids=["exp(40)", "square(1e8)", "log(1e6)", "sin(1e-9)", "sin(0)"],
)
def test_default_step_scales_with_large_arguments_and_not_with_small_ones(f, x, truth):
    exact = float(truth(mpmath.mpf(x)))
    assert db.derivative(f, backend="finite-central", order=4)(x) == pytest.approx(exact, rel=1e-5)


def test_gradient_of_rosenbrock():
    x = np.array([0.5, 1.0])
    assert db.gradient(rosenbrock, backend="finite-central", order=4)(x) == pytest.approx([-151, 150], rel=1e-11)


@pytest.mark.parametrize("x", [[0.5, 1.0], [1.0, 1.0]])
def test_hessian_of_rosenbrock(x):
    expected = {0.5: [[-98, -200], [-200, 200]], 1.0: [[802, -400], [-400, 200]]}[x[0]]
    found = db.hessian(rosenbrock, backend="finite-central")(np.array(x))
    assert found == pytest.approx(np.array(expected, float), abs=2e-4)


@pytest.mark.parametrize(("name", "tolerance"), [*[(name, 0.05) for name in NAMES[:2]], (NAMES[2], 1e-5)])
def test_hessian_of_powells_singular_function(name, tolerance):
    def powell(x):
        a, b, c, d = x
        return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4

    expected = np.array([[482, 20, 0, -480], [20, 212, -24, 0], [0, -24, 58, -10], [-480, 0, -10, 490]], float)
    x = np.array([3.0, -1.0, 0.0, 1.0])
    hessian = db.hessian(powell, backend=name)(x)
    assert np.array_equal(hessian, hessian.T)
    assert hessian == pytest.approx(expected, abs=tolerance * 100)
    v = np.array([1.0, -2.0, 0.5, 3.0])
    assert db.hvp(powell, backend=name)(x, v) == pytest.approx(expected @ v, abs=tolerance * 500)


def test_directional_difference_does_not_depend_on_the_length_of_the_direction():
    x, v = np.array([0.3, 40.0]), np.array([2.0, -1.0])
    push = db.linearize(lambda x: np.sin(x[0]) * x[1] ** 2, backend="finite-central")(x)[1]
    exact = 2 * np.cos(0.3) * 1600 - 2 * np.sin(0.3) * 40
    assert [push(scale * v) / scale for scale in (1e-12, 1.0, 1e12)] == pytest.approx([exact] * 3, rel=1e-8)


def test_vanishing_direction_gives_zero():
    assert db.jvp(np.sin, backend="finite-central")(np.ones(2), np.zeros(2)).tolist() == [0, 0]


# -- steps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("x", [0.0, 1.0, -1.0, 1 / 3, -1234.5])
def test_steps_are_exactly_representable_on_both_sides(x, dtype):
    x = np.array(x, dtype)
    h = representable(x, 0.01 * np.maximum(np.abs(x), 1), reach=3)
    for k in (-3, -2, -1, 1, 2, 3):
        assert (x + k * h) - x == k * h


@each_backend
def test_difference_quotient_of_the_identity_is_exactly_one(name):
    x = np.random.default_rng(1).uniform(-2, 2, 200)
    assert np.array_equal(db.jacobian(lambda x: x, backend=name)(x), np.eye(200))


def test_step_that_is_lost_beside_x_becomes_the_smallest_one_there_is():
    seen = []
    db.derivative(lambda x: seen.append(x) or x, backend="finite-forward", step=1e-30)(1.0)
    assert seen == [1.0, 1.0 + np.finfo(float).eps]


def test_fixed_step_is_taken_for_every_entry():
    seen = []
    db.gradient(lambda x: seen.append(x.copy()) or x.sum(), backend="finite-forward", step=0.25)(np.array([1.0, 1e3]))
    assert [x.tolist() for x in seen] == [[1, 1e3], [1.25, 1e3], [1, 1e3 + 0.25]]


def test_precision_of_the_coarser_of_argument_and_result_sets_the_step():
    def coarse(x):
        return np.float32(np.sin(x))

    assert abs(db.derivative(coarse, backend="finite-central")(0.5) - np.cos(0.5)) < 1e-3


# -- cost --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "backend",
    [FiniteForward(), FiniteForward(order=3), FiniteBackward(order=2), FiniteCentral(), FiniteCentral(order=6)],
    ids=lambda backend: f"{backend.name}-{backend.order}",
)
@pytest.mark.parametrize("verb", ["gradient", "value_and_gradient", "jacobian", "hessian", "jvp", "vjp", "hvp"])
def test_evaluations_of_f_are_as_many_as_stated(backend, verb):
    f, x = Counted(rosenbrock), np.array([0.5, 1.0, -0.3])
    direction = {"jvp": (np.ones(3),), "hvp": (np.ones(3),), "vjp": (1.0,)}.get(verb, ())
    getattr(db, verb)(f, backend=backend)(x, *direction)
    assert f.count == backend.evaluations(verb, n=3)


@pytest.mark.parametrize(
    ("name", "gradient"), [("finite-forward", 11), ("finite-backward", 11), ("finite-central", 21)]
)
def test_gradient_costs_one_or_two_evaluations_an_entry(name, gradient):
    assert db.get_backend(name).evaluations("gradient", n=10) == gradient


def test_pushing_costs_no_evaluation_at_the_point_again():
    f = Counted(np.sin)
    _, push = db.linearize(f, backend="finite-central")(0.5)
    assert f.count == 1
    push(1.0)
    assert f.count == 1 + FiniteCentral().evaluations("push")


def test_pulling_costs_no_evaluation():
    f = Counted(np.sin)
    _, pull = db.pullback(f, backend="finite-central")(np.ones(3))
    before = f.count
    pull(np.ones(3))
    assert f.count - before == FiniteCentral().evaluations("pull") == 0


def test_evaluations_of_an_unknown_verb_are_refused():
    with pytest.raises(db.UnsupportedVerb, match="no verb 'grad'"):
        FiniteCentral().evaluations("grad")


# -- shapes and containers ---------------------------------------------------------------------------------------------


@each_backend
def test_jacobian_has_the_shape_of_result_and_argument(name):
    x = np.arange(6.0).reshape(2, 3)
    found = db.jacobian(lambda x: x @ x.T, backend=name)(x)
    assert found.shape == (2, 2, 2, 3)
    expected = np.einsum("ik,jl->ijkl", np.eye(2), x) + np.einsum("jk,il->ijkl", np.eye(2), x)
    assert found == pytest.approx(expected, abs=1e-5)


@each_backend
def test_several_arguments_have_a_gradient_each(name):
    a, b = db.gradient(lambda a, b: np.sum(a * b**2), argnum=(0, 1), backend=name)(np.array([1.0, 2.0]), 3.0)
    assert a == pytest.approx([9, 9], rel=1e-6)
    assert b == pytest.approx(18, rel=1e-6)


@each_backend
def test_hessian_of_several_arguments_comes_in_blocks(name):
    (aa, ab), (ba, bb) = db.hessian(lambda a, b: np.sum(a**2) * b, argnum=(0, 1), backend=name)(np.ones(2), 3.0)
    assert aa == pytest.approx(6 * np.eye(2), abs=1e-3)
    assert ab == pytest.approx([2, 2], abs=1e-3)
    assert ba == pytest.approx([2, 2], abs=1e-3)
    assert bb == pytest.approx(0, abs=1e-3)


@each_backend
def test_empty_arguments_have_empty_derivatives(name):
    empty = np.zeros((0, 2))
    assert db.gradient(np.sum, backend=name)(empty).shape == (0, 2)
    assert db.jacobian(lambda x: x.sum(axis=0), backend=name)(empty).shape == (2, 0, 2)
    assert db.hessian(np.sum, backend=name)(empty).shape == (0, 2, 0, 2)
    assert db.jvp(lambda x: x.sum(axis=0), backend=name)(empty, empty).tolist() == [0, 0]


@each_backend
def test_zero_dimensional_array_stays_one_for_f(name):
    seen = []
    found = db.gradient(lambda x: seen.append(x) or np.sin(x), backend=name)(np.array(0.5))
    assert found == pytest.approx(np.cos(0.5), abs=1e-7)
    assert all(isinstance(x, np.ndarray) and x.shape == () for x in seen)


@each_backend
def test_python_float_stays_one_for_f(name):
    seen = []
    db.gradient(lambda x: seen.append(x) or x * x, backend=name)(0.5)
    assert {type(x) for x in seen} == {float}


@each_backend
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_dtypes_are_kept(name, dtype):
    x = np.array([0.5, 1.0], dtype)
    assert db.gradient(rosenbrock, backend=name)(x).dtype == dtype
    assert db.hessian(rosenbrock, backend=name)(x).dtype == dtype
    assert db.jvp(np.sin, backend=name)(x, np.ones(2, dtype)).dtype == dtype


@each_backend
def test_stacked_directions_give_stacked_answers(name):
    x, directions = np.array([0.5, 1.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    pushed = db.jvp(np.sin, backend=name, batch=True)(x, directions)
    assert pushed == pytest.approx(directions * np.cos(x), abs=1e-7)
    products = db.hvp(rosenbrock, backend=name, batch=True)(x, directions)
    assert products == pytest.approx(directions @ np.array([[-98, -200], [-200, 200.0]]), abs=0.1)


def test_no_directions_give_no_answers():
    assert db.jvp(np.sin, backend="finite-central", batch=True)(np.ones(2), np.ones((0, 2))).shape == (0, 2)


# -- any function there is ---------------------------------------------------------------------------------------------


@each_backend
def test_argument_that_f_overwrites_does_no_harm(name):
    def overwriting(x):
        y = np.sum(x**2)
        x[:] = 0
        return y

    x = np.array([1.0, 2.0])
    assert db.gradient(overwriting, backend=name)(x) == pytest.approx([2, 4], rel=1e-7)
    assert x.tolist() == [1, 2]


@each_backend
def test_buffer_that_f_returns_again_and_again_does_no_harm(name):
    buffer = np.empty(2)
    assert db.jacobian(lambda x: np.multiply(x, x, out=buffer), backend=name)(np.array([1.0, 2.0])) == pytest.approx(
        np.diag([2.0, 4.0]), abs=1e-6
    )


@each_backend
def test_nan_in_the_argument_propagates(name):
    assert np.isnan(db.gradient(np.sum, backend=name)(np.array([1.0, np.nan]))).all()
    assert np.isnan(db.derivative(np.sin, backend=name)(np.nan))


@each_backend
def test_exception_of_f_comes_out_unchanged(name):
    error = ZeroDivisionError("mine")

    def failing(x):
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        db.gradient(failing, backend=name)(1.0)
    assert caught.value is error


@each_backend
def test_functions_outside_numpy_are_no_obstacle(name):
    import math

    assert db.derivative(math.sin, backend=name)(0.5) == pytest.approx(math.cos(0.5), abs=1e-7)


def test_result_that_changes_its_shape_is_refused():
    with pytest.raises(db.ResultError, match="beside a point"):
        db.jacobian(lambda x: x[x >= 1.0], backend="finite-central")(np.array([1.0, 2.0]))


# -- nesting -----------------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_derivatives_of_differences_and_differences_of_derivatives(name, mode):
    x = np.array([0.5, 1.0])
    expected = pytest.approx(np.array([[-98, -200], [-200, 200.0]]), abs=1e-3)
    assert db.jacobian(db.gradient(rosenbrock, backend=name), backend=mode)(x) == expected
    assert db.jacobian(db.gradient(rosenbrock, backend=mode), backend=name)(x) == expected


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_hessian_by_differences_can_be_differentiated(mode):
    third = db.jacobian(db.hessian(lambda x: np.sum(x**3), backend="finite-central"), backend=mode)(np.ones(2))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0] = expected[1, 1, 1] = 6
    assert third == pytest.approx(expected, abs=1e-5)


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 3, 0, -2, 2.0, True, "2"])
def test_order_of_a_central_difference_must_be_even_and_positive(order):
    with pytest.raises(db.ArgumentError, match=f"finite-central: order={order!r}"):
        db.get_backend("finite-central", order=order)


@each_backend
@pytest.mark.parametrize("step", [0, 0.0, -1e-3, np.nan, np.inf, [1e-3]])
def test_step_must_be_positive_and_finite(name, step):
    with pytest.raises(db.ArgumentError, match=r"step=.*expected a positive finite number"):
        db.get_backend(name, step=step)


@pytest.mark.parametrize("backend", ["finite-forward", "finite-backward", "finite-central"])
def test_a_direction_moves_entries_of_every_scale_and_precision(backend):
    halves = np.ones(2, np.float32), np.ones(2)
    assert db.jvp(lambda p: np.sum(p[0]) + np.sum(p[1]), backend=backend)(halves, halves) == pytest.approx(4, rel=1e-6)
    single, double = db.hvp(lambda p: np.sum(p[0] ** 2) + np.sum(p[1] ** 2), backend=backend)(halves, halves)
    np.testing.assert_allclose(single, 2.0, rtol=1e-2)
    np.testing.assert_allclose(double, 2.0, rtol=1e-4)
    product = db.linearize(lambda x, y: x * y, argnum=(0, 1), backend=backend)(1e12, 2.0)[1]
    assert product((1.0, 1.0)) == pytest.approx(1e12 + 2, rel=1e-6)

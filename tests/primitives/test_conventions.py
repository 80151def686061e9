"""Where the derivative does not exist, or a formula would divide zero by zero: the answers that users can rely on."""

import itertools

import numpy as np
import pytest

import diffbench as db

MODES = ["forward", "reverse"]
both_modes = pytest.mark.parametrize("mode", MODES)


def gradient(f, x, mode):
    return db.gradient(f, backend=mode)(np.array(x, float))


# -- ties and kinks ----------------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("function", [np.max, np.min, np.amax, np.amin])
def test_entries_that_tie_for_an_extremum_share_the_slope_evenly(function, mode):
    np.testing.assert_array_equal(gradient(function, [2, 2, 2, 2], mode), [0.25] * 4)
    np.testing.assert_array_equal(gradient(lambda x: function(x) * 3, [1, 1], mode), [1.5, 1.5])


@both_modes
def test_nan_as_an_extremum_is_the_entry_that_is_nan(mode):
    np.testing.assert_array_equal(gradient(np.max, [1, np.nan, 3], mode), [0, 1, 0])


@both_modes
@pytest.mark.parametrize("function", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_operands_that_tie_share_the_slope_evenly(function, mode):
    assert db.gradient(function, argnum=(0, 1), backend=mode)(1.5, 1.5) == (0.5, 0.5)


@both_modes
def test_the_difference_of_two_relus_is_the_identity_also_at_zero(mode):
    """Any fixed slope of relu at 0 but one half would give 2c instead of 1."""
    assert db.gradient(lambda x: np.maximum(x, 0) - np.maximum(-x, 0), backend=mode)(0.0) == 1.0


@both_modes
@pytest.mark.parametrize(
    "function", [np.abs, np.fabs, np.sign, np.floor, np.round, np.heaviside], ids=lambda f: f.__name__
)
def test_the_slope_at_a_kink_or_a_jump_is_zero(function, mode):
    f = (lambda x: x * 0 + np.heaviside(x, 0.5)) if function is np.heaviside else lambda x: x * 0 + function(x)
    assert db.gradient(f, backend=mode)(0.0) == 0.0


@both_modes
def test_heaviside_has_slope_one_in_its_value_at_zero(mode):
    slopes = gradient(lambda x: np.sum(np.heaviside([-1.0, 0.0, 2.0], x)), [3, 4, 5], mode)
    np.testing.assert_array_equal(slopes, [0, 1, 0])


@both_modes
def test_clip_carries_the_slope_inside_and_half_of_it_at_the_bounds(mode):
    slope = gradient(lambda x: np.sum(np.clip(x, 0, 1)), [-1, 0, 0.5, 1, 2], mode)
    np.testing.assert_array_equal(slope, [0, 0.5, 1, 0.5, 0])


# -- powers ------------------------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("exponent", [0, 0.0, np.float64(0), np.array(0.0)], ids=repr)
def test_x_to_the_power_zero_has_slope_zero_at_zero(exponent, mode):
    assert db.gradient(lambda x: x**exponent, backend=mode)(0.0) == 0.0


@both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_powers_have_their_slopes_at_zero(mode):
    np.testing.assert_array_equal(
        gradient(lambda x: np.sum(x ** np.array([1.0, 2.0, 0.5])), [0, 0, 0], mode), [1, 0, np.inf]
    )


@both_modes
def test_zero_to_the_power_y_has_slope_zero_in_y(mode):
    assert db.gradient(lambda y: 0.0**y, backend=mode)(2.0) == 0.0


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_the_hessian_of_a_power_is_right_at_exponent_zero(inner, outer):
    """Closed form of x**y at (4, 0): xx 0, xy 1/x, yy log(x)²."""
    hessian = db.jacobian(db.gradient(lambda z: z[0] ** z[1], backend=inner), backend=outer)(np.array([4.0, 0.0]))
    np.testing.assert_allclose(hessian, [[0, 0.25], [0.25, np.log(4) ** 2]], rtol=1e-14)


# -- products with zeros -----------------------------------------------------------------------------------------------


@both_modes
def test_a_product_with_one_zero_has_one_slope(mode):
    np.testing.assert_array_equal(gradient(np.prod, [0, 2, 3], mode), [6, 0, 0])


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("zeros", [[], [0], [0, 2], [0, 1, 3]], ids=str)
@pytest.mark.parametrize("function", [np.prod, lambda x: np.cumprod(x)[-1]], ids=["prod", "cumprod"])
def test_a_product_with_zeros_is_right_to_second_order(function, zeros, inner, outer):
    """∂²(x₀x₁x₂x₃)/∂xᵢ∂xⱼ is the product of the other two."""
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[zeros] = 0
    slope = db.gradient(function, backend=inner)
    np.testing.assert_allclose(slope(x), [np.prod(np.delete(x, i)) for i in range(4)], rtol=1e-14)
    others = [[0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(db.jacobian(slope, backend=outer)(x), others, rtol=1e-14)


@both_modes
def test_running_products_with_zeros_along_an_axis(mode):
    x = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]])
    jacobian = db.jacobian(lambda x: np.cumprod(x, axis=1), backend=mode)(x)
    for row in range(2):
        a, b, c = x[row]
        np.testing.assert_array_equal(jacobian[row, :, row, :], [[1, 0, 0], [b, a, 0], [b * c, a * c, a * b]])


# -- spread, where, infinite slopes ------------------------------------------------------------------------------------


@both_modes
def test_a_standard_deviation_of_zero_has_slope_zero(mode):
    np.testing.assert_array_equal(gradient(np.std, [3, 3, 3], mode), [0, 0, 0])


@both_modes
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.where(x > 0, np.log(x), 0), 0.0),
        (lambda x: np.where(x > 0, np.sqrt(x), 0), 0.0),
        (lambda x: np.where(x > 0, x**0.5, 0), 0.0),
        (lambda x: np.where(x != 0, np.sin(x) / x, 1), 0.0),
        (lambda x: np.where(x < 700, np.log1p(np.exp(x)), 0), 1000.0),
        (lambda x: np.where(abs(x) < 1, np.arcsin(x), 0), 1.0),
    ],
    ids=["log", "sqrt", "power", "divide", "exp", "arcsin"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_branch_that_where_does_not_take_carries_nothing(f, x, mode):
    np.testing.assert_array_equal(gradient(lambda z: np.sum(f(z)), [x, x], mode), [0, 0])


@both_modes
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.maximum(np.sqrt(x), 0.5),
        lambda x: np.minimum(np.reciprocal(x), 3.0),
        lambda x: np.clip(np.log(x), -1, 1),
        lambda x: np.fmax(x**0.5, 0.5),
        lambda x: np.max(np.stack([np.sqrt(x), 1.0 + 0 * x]), axis=0),
    ],
    ids=["maximum", "minimum", "clip", "fmax", "max"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_an_extremum_does_not_take_carries_nothing(f, mode):
    np.testing.assert_array_equal(gradient(lambda x: np.sum(f(x)), [0, 0], mode), [0, 0])
    assert db.gradient(f, backend=mode)(np.float64(0.0)) == 0.0


@both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_infinite_slope_does_not_spoil_its_neighbours(mode):
    jacobian = db.jacobian(np.sqrt, backend=mode)(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(jacobian, [[np.inf, 0], [0, 0.25]])


@both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_branch_that_was_not_taken_does_not_spoil_what_linearize_pushes(mode):
    _, push = db.linearize(lambda x: np.where(x > 0, np.sqrt(x), 0.0) * x[1], backend=mode)(np.array([0.0, 1.0, 4.0]))
    np.testing.assert_array_equal(push(np.ones(3)), [0.0, 1.5, 2.25])
    np.testing.assert_array_equal(push(np.eye(3), batch=True), [[0, 0, 0], [0, 1.5, 2], [0, 0, 0.25]])


@both_modes
def test_sinc_is_right_near_zero_where_its_formula_cancels(mode):
    """sinc(x) = 1 - (πx)²/6 + ..., so the slope is -π²x/3 and the curvature -π²/3."""
    slope = db.derivative(np.sinc, backend=mode)
    assert slope(0.0) == 0.0
    assert slope(1e-7) == pytest.approx(-(np.pi**2) * 1e-7 / 3, rel=1e-13)
    assert db.derivative(slope, backend=mode)(0.0) == pytest.approx(-(np.pi**2) / 3, rel=1e-14)


@both_modes
def test_logaddexp_does_not_overflow(mode):
    assert db.gradient(np.logaddexp, argnum=(0, 1), backend=mode)(1000.0, 1000.0) == (0.5, 0.5)
    assert db.gradient(lambda x: np.logaddexp(0, x), backend=mode)(1000.0) == 1.0
    assert db.gradient(lambda x: np.logaddexp(0, x), backend=mode)(-1000.0) == 0.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("verb", [db.jvp, lambda f, backend: lambda x, v: db.linearize(f, backend=backend)(x)[1](v)])
@pytest.mark.parametrize("modes", list(itertools.product(["forward", "reverse"], repeat=3)), ids="-".join)
def test_a_branch_not_taken_spoils_no_product_with_a_third_derivative(modes, verb):
    """The sum of the squares of a Jacobian with slopes 1 / (2 sqrt(x)) and 2, and its Hessian 1 / (2 x**3) and 0."""
    inner, middle, outer = modes

    def squares(x):
        return np.sum(db.jacobian(lambda x: np.where(x > 0, np.sqrt(x), 2 * x), backend=inner)(x) ** 2)

    x, v = np.array([1.0, 0.0, 2.0, -1.0, 0.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = verb(db.gradient(squares, backend=middle), backend=outer)(x, v)
    np.testing.assert_allclose(found, [0.5, 0.0, 3.0 / 16, 0.0, 0.0], rtol=1e-14)


# -- what is constant --------------------------------------------------------------------------------------------------


@both_modes
def test_truncation_to_integers_has_no_slope_but_the_factor_beside_it_has(mode):
    np.testing.assert_array_equal(gradient(lambda x: np.sum(x * x.astype(int)), [1.7, -2.3], mode), [1, -2])


@both_modes
def test_the_value_that_fills_an_array_carries_its_slope(mode):
    np.testing.assert_array_equal(gradient(lambda x: np.sum(np.full_like(x, x[1])), [1, 2, 3], mode), [0, 3, 0])


@both_modes
def test_repeated_indices_add_up(mode):
    np.testing.assert_array_equal(gradient(lambda x: np.sum(x[[0, 0, 2, 0]]), [1, 2, 3], mode), [3, 0, 1])


@both_modes
@pytest.mark.parametrize(
    "f",
    [np.sum, np.prod, lambda x: np.sum(np.cumsum(x)), lambda x: np.sum(np.concatenate([x, x])), lambda x: np.dot(x, x)],
    ids=["sum", "prod", "cumsum", "concatenate", "dot"],
)
def test_an_empty_array_has_an_empty_gradient(f, mode):
    assert gradient(f, [], mode).shape == (0,)

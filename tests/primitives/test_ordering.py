"""Sorting, medians, quantiles and what passes over NaN: closed forms, and NumPy's values for every method."""

import numpy as np
import pytest

import diffbench as db

X = np.array([3.0, -1.0, 2.0, 7.0, 0.5])
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull",
    "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]  # fmt: skip
both_modes = pytest.mark.parametrize("mode", ["forward", "reverse"])


def test_the_gradient_of_a_sorted_sum_is_the_permuted_weights():
    weights = np.arange(5.0)
    np.testing.assert_array_equal(db.gradient(lambda x: weights @ np.sort(x))(X), [3, 0, 2, 4, 1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", [0.0, 0.1, 0.33, 0.5, 0.77, 1.0])
def test_every_method_of_quantile_has_its_value_and_slopes(method, q):
    value, gradient = db.value_and_gradient(lambda x: np.quantile(x, q, method=method))(X)
    assert value == pytest.approx(np.quantile(X, q, method=method), rel=1e-14, abs=1e-15)
    expected = db.gradient(lambda x: np.quantile(x, q, method=method), backend="finite-central")(X)
    np.testing.assert_allclose(gradient, expected, atol=1e-9)


@both_modes
def test_the_median_of_an_even_count_takes_half_of_each_middle_entry(mode):
    np.testing.assert_array_equal(
        db.gradient(np.median, backend=mode)(np.array([4.0, 1.0, 3.0, 9.0])), [0.5, 0, 0.5, 0]
    )


@both_modes
def test_nan_among_the_entries_is_nan_for_the_median_and_passed_over_by_the_nanmedian(mode):
    x = np.array([4.0, np.nan, 3.0, 9.0])
    assert np.isnan(db.value_and_gradient(np.median, backend=mode)(x)[0])
    np.testing.assert_array_equal(db.gradient(np.nanmedian, backend=mode)(x), [1, 0, 0, 0])


PASSING_OVER_NAN = {
    np.nansum: [1.0, 0.0, 1.0, 1.0], np.nanmean: [1 / 3, 0.0, 1 / 3, 1 / 3], np.nanprod: [6.0, 0.0, 8.0, 12.0],
    np.nanmax: [1.0, 0.0, 0.0, 0.0], np.nanmin: [0.0, 0.0, 0.0, 1.0],
}  # fmt: skip


@both_modes
@pytest.mark.parametrize("function", PASSING_OVER_NAN, ids=lambda f: f.__name__)
def test_an_entry_that_is_nan_carries_nothing_and_spoils_nothing(function, mode):
    x = np.array([4.0, np.nan, 3.0, 2.0])
    np.testing.assert_allclose(db.gradient(function, backend=mode)(x), PASSING_OVER_NAN[function], rtol=1e-15)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_the_nanvar_has_the_hessian_of_the_var_of_what_is_left(inner, outer):
    x = np.array([4.0, np.nan, 3.0, 2.0])
    hessian = db.jacobian(db.gradient(np.nanvar, backend=inner), backend=outer)(x)
    there = np.ix_([0, 2, 3], [0, 2, 3])
    np.testing.assert_allclose(hessian[there], 2 / 3 * (np.eye(3) - 1 / 3), rtol=1e-14)
    assert not hessian[1].any()
    assert not hessian[:, 1].any()


@pytest.mark.parametrize("function", [np.nansum, np.nanmean, np.nanmedian, np.nanmax, np.median, np.sort, np.nanvar])
def test_float32_stays_float32(function):
    x = np.array([4.0, 1.0, 3.0, 2.0], np.float32)
    assert db.jacobian(function)(x).dtype == np.float32


@both_modes
def test_what_where_leaves_out_of_a_reduction_carries_nothing(mode):
    mask = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(db.gradient(lambda x: np.sum(x**2, where=mask), backend=mode)(X), 2 * X * mask)
    np.testing.assert_array_equal(db.gradient(lambda x: np.mean(x, where=mask), backend=mode)(X), mask / 3)
    slope = db.gradient(lambda x: np.max(x, where=mask, initial=-np.inf), backend=mode)(X)
    np.testing.assert_array_equal(slope, [0, 0, 0, 1, 0])


@both_modes
def test_an_initial_value_ties_evenly_and_has_a_slope_of_its_own(mode):
    slope = db.gradient(lambda x, start: np.max(x, initial=start), argnum=(0, 1), backend=mode)(
        np.array([1.0, 2.0]), 2.0
    )
    np.testing.assert_array_equal(slope[0], [0, 0.5])
    assert slope[1] == 0.5


@both_modes
def test_running_extrema_carry_to_the_entry_that_stands(mode):
    jacobian = db.jacobian(np.maximum.accumulate, backend=mode)(np.array([1.0, 3.0, 2.0, 5.0]))
    np.testing.assert_array_equal(jacobian, np.eye(4)[[0, 1, 1, 3]])


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.subtract, np.power, np.hypot, np.logaddexp])
def test_outer_of_any_function_of_two_operands(ufunc):
    x, y = np.array([1.0, 2.0]), np.array([0.5, 1.5, 2.5])
    expected = db.jacobian(lambda x: ufunc(x[:, None], y))(x)
    np.testing.assert_array_equal(db.jacobian(lambda x: ufunc.outer(x, y))(x), expected)

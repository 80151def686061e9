"""Fits of error against step, on curves that are known, and on real quotients with theirs from the literature."""

import numpy as np
import pytest

from diffbench.error_curve import fit_errors, typical_errors

STEPS = 10.0 ** -np.arange(0, 16, 0.25)


@pytest.mark.parametrize("order", [1, 2, 4, 6])
def test_slope_constants_and_turning_point_of_a_pure_curve_come_back(order):
    curve = fit_errors(STEPS, 5 * STEPS**order + 1e-19 / STEPS, order)
    assert curve.slope == pytest.approx(order, abs=0.1)
    assert curve.truncation == pytest.approx(5, rel=0.1)
    assert curve.roundoff == pytest.approx(1e-19, rel=0.1)
    h, error = curve.turn
    assert h == pytest.approx((1e-19 / (5 * order)) ** (1 / (order + 1)), rel=0.1)
    assert error == pytest.approx((1 + 1 / order) * 1e-19 / h, rel=0.1)
    assert curve.best_step == pytest.approx(h, rel=0.8)


def test_without_truncation_there_is_no_slope_and_no_turning_point():
    curve = fit_errors(STEPS, 1e-16 / STEPS, 8)
    assert curve.slope is None
    assert curve.truncation is None
    assert curve.turn is None
    assert curve.best_step > 0.5


def test_the_order_of_the_steps_does_not_matter():
    errors = 1.7 * STEPS**2 + 1e-16 / STEPS
    forwards, backwards = fit_errors(STEPS, errors, 2), fit_errors(STEPS[::-1], errors[::-1], 2)
    assert forwards.best_step == backwards.best_step
    assert forwards.slope == pytest.approx(backwards.slope)
    assert forwards.turn == pytest.approx(backwards.turn)


def test_forward_differences_of_the_logistic_map_turn_where_the_model_says():
    def l4(x):
        for _ in range(3):
            x = 4 * x * (1 - x)
        return x

    h = (0.2 + STEPS) - 0.2
    errors = np.abs((l4(0.2 + h) - l4(0.2)) / h - 9.0660864)
    curve = fit_errors(h, errors, 1)
    assert curve.truncation == pytest.approx(67.395584 / 2, rel=0.05)
    assert 1.4e-9 / 10 < curve.turn[0] < 1.4e-9 * 10
    assert 9e-8 / 10 < curve.turn[1] < 9e-8 * 10


def test_one_lucky_cancellation_is_not_the_best_step():
    errors = STEPS**2 + 1e-16 / STEPS
    errors[50] = 1e-30
    assert fit_errors(STEPS, errors, 2).best_step != STEPS[50]


def test_typical_errors_follow_a_smooth_curve_and_ignore_one_outlier():
    errors = STEPS.copy()
    errors[30] = 1e-300
    typical = typical_errors(STEPS, errors)
    assert typical[30] == pytest.approx(STEPS[30], rel=1)
    np.testing.assert_allclose(typical[1:28], STEPS[1:28])

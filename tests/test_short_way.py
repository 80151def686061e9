"""Tests of the short way: for numbers it gives what the primitive of the table gives by the long way."""

import operator

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.errors import TraceLost
from diffbench.primitives import TABLE
from diffbench.short_way import OF_TWO
from diffbench.tape import record

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

MODES = ("forward", "reverse")
NUMBERS = (1.7, 0.3, 1e-3, 250.0, np.float64(2.0))
EXPONENTS = (0.5, -0.5, -1, -2, 1.5, 2.5, 3.0, 1.0, 0.0, 0, -3, 2, 2.0, 0.999999)
COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

each_mode = pytest.mark.parametrize("mode", MODES)
each_exponent = pytest.mark.parametrize("exponent", EXPONENTS)


def derivatives_of_a_power(x: float, exponent: float) -> list[float]:
    """The first three derivatives of x**exponent, of 50 digits."""
    with mpmath.workdps(50):
        x, exponent = mpmath.mpf(x), mpmath.mpf(exponent)
        falling = [exponent, exponent * (exponent - 1), exponent * (exponent - 1) * (exponent - 2)]
        return [float(f * x ** (exponent - k)) for k, f in enumerate(falling, start=1)]


@each_exponent
@each_mode
def test_a_power_of_a_number_has_its_derivatives_to_third_order(mode, exponent):
    for x in NUMBERS:
        f = lambda x: x**exponent  # noqa: E731
        for expected in derivatives_of_a_power(x, exponent):
            f = db.derivative(f, backend=mode)
            assert f(x) == pytest.approx(expected, rel=1e-14)


@each_exponent
@pytest.mark.parametrize("x", [0.0, -1.3, 1e-300, 1e-200, 1e200], ids=str)
@each_mode
def test_a_power_at_the_edges_is_the_ufunc_at_the_edges(mode, x, exponent):
    def or_error(f, x):
        try:
            return f(x)
        except OverflowError as error:
            return type(error)

    for order in (1, 2):
        straight, dispatched = (lambda x: x**exponent), (lambda x: np.power(x, exponent))
        for _ in range(order):
            straight, dispatched = db.derivative(straight, backend=mode), db.derivative(dispatched, backend=mode)
        found = or_error(straight, x)
        if found is OverflowError:  # as Python says of the plain power
            assert or_error(lambda x: x**exponent, x) is OverflowError
        else:
            assert found == pytest.approx(dispatched(x), rel=1e-14, nan_ok=True)


def test_a_power_that_python_cannot_hold_has_the_infinite_slope_of_numpy():
    assert db.derivative(db.derivative(lambda x: x**-0.5), backend="reverse")(1e-300) == np.inf


def test_a_power_of_a_number_leaves_a_parent_and_a_partial():
    assert record(lambda x: x**0.5, 4.0).entries[1:] == [(0, 0.25)]


@pytest.mark.parametrize("compare", COMPARISONS.values(), ids=COMPARISONS)
@each_mode
def test_a_comparison_of_numbers_is_a_bool_of_numpy_within_any_nesting(mode, compare):
    outcomes = []

    def f(x):
        outcomes.append([compare(x, 2.0), compare(x, 2), compare(x, x), compare(1 * x, 3 * x), compare(x, y_outer)])
        return x * 1.0

    for x in (1.0, 2.0, 3.0, np.nan):
        plain = [np.bool_(compare(a, b)) for a, b in [(x, 2.0), (x, 2), (x, x), (x, 3 * x), (x, 2.5)]]
        y_outer = 2.5
        outcomes.clear()
        db.derivative(f, backend=mode)(x)
        db.derivative(db.derivative(f, backend=mode), backend="forward")(x)
        db.derivative(db.derivative(f, backend="forward"), backend=mode)(x)
        assert outcomes == [plain] * 3
        assert {type(outcome) for outcome in outcomes[0] + outcomes[1]} == {np.bool_}


@each_mode
def test_numbers_of_two_levels_compare_by_their_values(mode):
    inner = lambda a: db.derivative(lambda b: b * a if b > a else b * a * a, backend=mode)  # noqa: E731
    assert db.derivative(lambda a: inner(a)(3.0), backend=mode)(2.0) == 1.0
    assert db.derivative(lambda a: inner(a)(1.0), backend=mode)(2.0) == 4.0


@each_mode
def test_a_number_whose_trace_has_ended_cannot_be_compared(mode):
    kept = []
    db.derivative(lambda x: (kept.append(x), x * x)[1], backend=mode)(1.0)
    with pytest.raises(TraceLost, match="already been computed"):
        bool(kept[0] > 0)


# -- ufuncs of two numbers ---------------------------------------------------------------------------------------------

each_ufunc = pytest.mark.parametrize("ufunc", OF_TWO, ids=lambda ufunc: ufunc.__name__)


def points_of(ufunc: np.ufunc) -> list[tuple[float, float]]:
    """Pairs from the domain of a ufunc's row."""
    (low, high), (lower, higher) = TABLE[ufunc].domain
    return [(low + s * (high - low), lower + t * (higher - lower)) for s, t in ((0.2, 0.7), (0.6, 0.35), (0.9, 0.55))]


@each_ufunc
@each_mode
def test_a_ufunc_of_two_numbers_has_the_derivatives_that_it_has_of_arrays(mode, ufunc):
    for a, b in points_of(ufunc):
        both = db.gradient(ufunc, argnum=(0, 1), backend=mode)
        of_arrays = db.gradient(lambda a, b: np.sum(ufunc(a, b)), argnum=(0, 1), backend=mode)
        expected = [float(slope[0]) for slope in of_arrays(np.array([a]), np.array([b]))]
        assert both(a, b) == pytest.approx(expected, rel=1e-15)
        assert db.derivative(ufunc, backend=mode)(a, b) == pytest.approx(expected[0], rel=1e-15)
        assert db.derivative(ufunc, argnum=1, backend=mode)(a, b) == pytest.approx(expected[1], rel=1e-15)


@each_ufunc
@each_mode
def test_a_ufunc_of_two_numbers_has_the_second_derivatives_that_it_has_of_arrays(mode, ufunc):
    for point in points_of(ufunc):
        of_numbers = db.hessian(lambda p: ufunc(p[0], p[1]), backend=mode)(list(point))
        of_arrays = db.hessian(lambda p: np.sum(ufunc(p[:1], p[1:])), backend=mode)(np.array(point))
        np.testing.assert_allclose(of_numbers, of_arrays, rtol=1e-14, atol=1e-15)


@each_ufunc
@each_mode
def test_a_ufunc_of_two_numbers_of_float32_stays_in_float32(mode, ufunc):
    a, b = (np.float32(x) for x in points_of(ufunc)[0])
    slopes = db.gradient(ufunc, argnum=(0, 1), backend=mode)(a, b)
    assert {type(slope) for slope in slopes} == {np.float32}


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax, np.fmin], ids=lambda ufunc: ufunc.__name__)
@each_mode
def test_numbers_that_tie_share_evenly(mode, ufunc):
    assert db.gradient(ufunc, argnum=(0, 1), backend=mode)(2.0, 2.0) == (0.5, 0.5)


@each_mode
def test_the_other_operators_of_numbers_are_ufuncs(mode):
    def slope(f, x):
        return db.derivative(f, backend=mode)(x)

    assert slope(abs, -2.0) == -1.0
    assert slope(abs, 0.0) == 0.0
    assert slope(lambda x: 2.0**x, 3.0) == pytest.approx(8 * np.log(2), rel=1e-15)
    assert slope(lambda x: x**x, 2.0) == pytest.approx(4 * (1 + np.log(2)), rel=1e-15)
    assert slope(lambda x: x % 2.0, 5.5) == 1.0
    assert slope(lambda x: 7.0 % x, 2.0) == -3.0

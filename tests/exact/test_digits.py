"""Real functions of many digits: what mpmath makes complex, raises on, or lacks."""

from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.exact import Digits, Exact, ExactTrace, arithmetic

TRACE = ExactTrace(Digits(40))


def exact(x):
    return TRACE.lift(np.asarray(x, dtype=float))


def floats(x):
    return np.asarray(x.values, dtype=float).tolist()


@pytest.mark.parametrize("name", ["log", "sqrt", "arcsin", "arccosh", "arctanh", "log1p"])
def test_outside_of_its_real_domain_a_function_is_nan(name):
    outside = 0.5 if name == "arccosh" else -2.0
    assert np.isnan(floats(getattr(np, name)(exact(outside))))


def test_division_by_zero_gives_what_numpy_gives():
    assert floats(exact([1.0, -1.0]) / 0.0) == [np.inf, -np.inf]
    assert np.isnan(floats(exact(0.0) / 0.0))


def test_powers_are_those_of_real_numbers():
    assert floats(exact([-2.0, 0.0, 0.0, 4.0]) ** np.array([3.0, 0.0, -1.0, 0.5])) == [-8.0, 1.0, np.inf, 2.0]
    assert np.isnan(floats(exact(-2.0) ** 0.5))


def test_the_cube_root_of_a_negative_number_is_negative():
    assert floats(np.cbrt(exact([-8.0, 27.0]))) == [-2.0, 3.0]


def test_rounding_is_to_even_and_towards_the_named_side():
    x = exact([-2.5, 1.5, 2.5])
    assert floats(np.rint(x)) == [-2.0, 2.0, 2.0]
    assert floats(np.trunc(x)) == [-2.0, 1.0, 2.0]
    assert floats(np.floor(x)) == [-3.0, 1.0, 2.0]


def test_nan_is_the_maximum_of_whatever_it_stands_among():
    assert np.isnan(floats(np.max(exact([1.0, np.nan, 2.0]))))
    assert np.isnan(floats(np.maximum(exact(1.0), np.nan)))


def test_masks_and_positions_are_plain_arrays():
    x = exact([1.0, 3.0, 2.0])
    assert (x > 1.5).dtype == bool
    assert (x > 1.5).tolist() == [False, True, True]
    assert np.argsort(x).tolist() == [0, 2, 1]
    assert floats(x[x > 1.5]) == [3.0, 2.0]


def test_an_exact_array_calls_itself_float64():
    x = exact([1.0, 2.0])
    assert x.dtype == np.float64
    zeros = np.zeros_like(x)
    assert type(db.primal(zeros)) is np.ndarray
    assert zeros.dtype == np.float64


def test_a_cast_to_another_float_changes_nothing():
    third = exact(1.0) / 3
    assert abs(third.astype(np.float32).values.item() - mpmath.mpf(1) / 3) < 1e-15


def test_a_rule_constant_is_as_long_as_its_text_says():
    x = np.exp2(exact(0.5))
    with mpmath.workdps(40):
        assert abs(x.values.item() - mpmath.sqrt(2)) < mpmath.mpf(10) ** -38


def test_an_unknown_function_is_refused_by_name():
    with pytest.raises(db.UnsupportedPrimitive, match="spacing has no meaning in exact arithmetic"):
        np.spacing(exact(1.0))


def test_complex_numbers_are_refused():
    with pytest.raises(db.UnsupportedPrimitive, match="1j is no real number"):
        exact(1.0) * 1j


def test_the_plain_value_is_the_number_itself():
    assert isinstance(exact(2.0), Exact)
    assert db.primal(exact(2.0)) == 2


def test_a_thread_makes_an_arithmetic_once_for_each_number_of_digits():
    assert arithmetic(33) is arithmetic(33)
    assert arithmetic(33) is not arithmetic(34)


def test_no_two_threads_share_an_arithmetic():
    with ThreadPoolExecutor(1) as other:
        assert other.submit(arithmetic, 33).result() is not arithmetic(33)


def test_an_arithmetic_has_its_digits_again_after_something_has_left_it_with_others():
    arithmetic(33).context.dps = 5
    assert arithmetic(33).context.dps == 33

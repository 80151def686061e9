"""Products of factors that leave the floats in between: their derivatives against products of 50 digits.

In floats such a product stays 0 or infinite; the derivative by a factor, the product of all others, need not.
"""

import mpmath
import numpy as np
import pytest

import diffbench as db

FACTORS = {
    "underflow": [1e-200, 1e-200, 3.0, 1e300, 2e200, 1.5],
    "overflow": [1e200, 1e200, -3.0, 1e-300, 2e-200, 1.5],
    "subnormal in between": [1e-200, 1e-120, 1e300, 7.0],
    "subnormal factor": [5e-324, 1e10, 1e300, 1e5],
    "largest factor": [1.7e308, 1e-10, 1e-300],
    "one zero": [1e-200, 1e-200, 0.0, 1e300, 2e200, 1.5],
    "two zeros": [1e-200, 1e-200, 0.0, 1e300, 2e200, 0.0, 1.5],
    "far below and back": [1e-300] * 5 + [1e300] * 10 + [1e-300] * 7,
    "many sizes": list(10.0 ** np.random.default_rng(0).uniform(-300, 300, 40)),
    "probabilities": list(np.random.default_rng(1).random(60) ** 20),
}
RUNNING = {"cumprod": np.cumprod, "accumulate": np.multiply.accumulate, "nancumprod": np.nancumprod}


def slopes(factors):
    """The Jacobian of the running product, infinite where it is beyond the floats."""
    with mpmath.workdps(50):
        exact = [mpmath.mpf(float(x)) for x in factors]
        n = len(exact)
        found = np.zeros((n, n))
        for k in range(n):
            for j in range(k + 1):
                found[k, j] = float(mpmath.fprod(exact[:j] + exact[j + 1 : k + 1]))
    return found


def agree(found, expected, rtol=1e-13):
    """Whether found is right where the truth is a float; of subnormal ones the last bits may be wrong."""
    expected = np.asarray(expected, found.dtype)
    floats = np.isfinite(expected)
    error, least = np.abs(found - expected)[floats], 4 * np.finfo(found.dtype).smallest_subnormal
    return np.all(error <= rtol * np.abs(expected)[floats] + least)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", ["forward", "reverse"])
@pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)
def test_running_products_that_leave_the_floats_have_the_slopes_of_fifty_digits(factors, backend):
    x, expected = np.array(factors), slopes(factors)
    for name, running in RUNNING.items():
        assert agree(db.jacobian(running, backend=backend)(x), expected), name


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_direction_or_one_weight_at_a_time_gives_the_same():
    """A Jacobian passes its directions all at once; a product far smaller than others counts for its own weight."""
    x = np.array(FACTORS["underflow"])
    expected = slopes(x)
    for k in range(len(x)):
        assert agree(db.vjp(np.cumprod, backend="reverse")(x, np.eye(len(x))[k]), expected[k])
        assert agree(db.jvp(np.cumprod, backend="forward")(x, np.eye(len(x))[k]), expected[:, k])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_lines_single_precision_and_complex_factors_are_balanced_too(backend):
    single = np.array([[1e-30, 1e-30, 1e30, 2e10, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0]], np.float32)
    found = db.jacobian(lambda A: np.cumprod(A, 1), backend=backend)(single)
    assert found.dtype == np.float32
    assert all(agree(found[i, :, i], slopes(line), 1e-5) for i, line in enumerate(single))
    x = np.array(FACTORS["underflow"])
    found = db.jacobian(lambda x: np.imag(np.cumprod(x * (1 + 1j))), backend=backend)(x)
    turned = np.imag(np.cumprod(np.full(len(x), 1 + 1j)))
    assert agree(found, turned[:, None] * slopes(x))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("backend", ["forward", "reverse"])
@pytest.mark.parametrize("name", ["underflow", "overflow", "one zero", "two zeros", "far below and back"])
def test_products_over_an_axis_that_leave_the_floats_have_the_slopes_of_fifty_digits(name, backend):
    x = np.array(FACTORS[name])
    assert agree(db.gradient(np.prod, backend=backend)(x), slopes(x)[-1])
    found = db.gradient(lambda A: np.sum(np.prod(A, axis=1)), backend=backend)(np.stack([x, x[::-1]]))
    assert agree(found, np.stack([slopes(x)[-1], slopes(x[::-1])[-1]]))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_products_have_their_slopes_in_every_dtype(dtype, mode):
    x = np.array([2, 3, 5], dtype)
    for f, expected in ((np.prod, [15, 10, 6]), (lambda x: np.sum(np.cumprod(x)), [19, 12, 6])):
        found = db.gradient(f, backend=mode)(x)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.skipif(np.finfo(np.longdouble).maxexp < 16384, reason="longdouble is float64 here")
def test_a_product_of_longdoubles_that_leaves_them_in_between_has_the_products_of_the_others():
    powers = np.array([10000, 8000, -12000, -5000])
    found = db.gradient(np.prod)(np.ldexp(np.ones(4, np.longdouble), powers))
    np.testing.assert_array_equal(found, np.ldexp(np.longdouble(1), [-9000, -7000, 13000, 6000]))

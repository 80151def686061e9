"""diffbench.special: SciPy's values, and the slopes of SciPy's own functions by differences."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from mpmath import mp, mpf

import diffbench as db
from diffbench import special
from diffbench.special.laws import Counts

scipy_special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")

both_modes = pytest.mark.parametrize("mode", ["forward", "reverse"])
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def by_differences(f, args, position):
    """The derivative of SciPy's function in one argument, by central differences of order four."""
    step = 2e-4 * max(abs(args[position]), 0.1)
    moved = [f(*args[:position], args[position] + k * step, *args[position + 1 :]) for k in (-2, -1, 1, 2)]
    return np.dot([1, -8, 8, -1], moved) / (12 * step)


# -- sums of exponentials ----------------------------------------------------------------------------------------------

A = np.array([[0.5, -1.0, 2.0], [3.0, 0.1, -0.7]])
B = np.array([[1.0, -0.3, 2.0], [0.5, 1.5, -0.2]])
SUMS = [
    pytest.param(name, options, id=f"{name}-{label}")
    for name, label, options in [
        ("logsumexp", "all", {}), ("logsumexp", "axis", {"axis": 0}), ("logsumexp", "axes", {"axis": (0, 1)}),
        ("logsumexp", "keepdims", {"axis": 1, "keepdims": True}), ("logsumexp", "weights", {"b": B, "axis": -1}),
        ("logsumexp", "broadcast weights", {"b": B[0]}), ("softmax", "all", {}), ("softmax", "axis", {"axis": 1}),
        ("log_softmax", "all", {}), ("log_softmax", "axis", {"axis": 0}),
    ]
]  # fmt: skip
each_sum = pytest.mark.parametrize(("name", "options"), SUMS)


@each_sum
def test_a_sum_has_scipys_value(name, options):
    found, expected = (getattr(module, name)(A, **options) for module in (special, scipy_special))
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@both_modes
@each_sum
def test_a_sum_has_the_slopes_of_scipys(name, options, mode):
    theirs = getattr(scipy_special, name)
    found = db.jacobian(lambda a: getattr(special, name)(a, **options), backend=mode)(A)
    expected = db.jacobian(lambda a: theirs(a, **options), backend="finite-central", order=4)(A)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    "a", [[0.0, -40.0], [1000.0, 1000.0], [-1000.0, -1000.0], [np.inf, 0.0], [-np.inf, -np.inf], [-np.inf, 2.0]]
)
@quiet
def test_logsumexp_neither_overflows_nor_loses_small_terms(a):
    assert special.logsumexp(a) == pytest.approx(scipy_special.logsumexp(a), rel=1e-15)


def test_weights_of_logsumexp_have_slopes_too():
    expected = np.exp(A) / np.sum(B * np.exp(A))
    np.testing.assert_allclose(db.gradient(lambda b: special.logsumexp(A, b=b))(B), expected, rtol=1e-13)


def test_a_weight_of_zero_hides_its_entry():
    a, b = np.array([1.0, np.inf, 2.0]), np.array([1.0, 0.0, 1.0])
    found = db.gradient(lambda a: special.logsumexp(a, b=b), backend="reverse")(a)
    np.testing.assert_allclose(found, [1 / (1 + np.e), 0.0, np.e / (1 + np.e)], rtol=1e-14)


@quiet
def test_the_sign_of_a_negative_sum():
    a, b = np.array([1.0, 2.0]), np.array([1.0, -1.0])
    assert special.logsumexp(a, b=b, return_sign=True) == pytest.approx(
        scipy_special.logsumexp(a, b=b, return_sign=True), rel=1e-14
    )
    assert np.isnan(special.logsumexp(a, b=b))
    slope = db.gradient(lambda a: special.logsumexp(a, b=b, return_sign=True)[0])(a)
    np.testing.assert_allclose(slope, b * np.exp(a) / np.sum(b * np.exp(a)), rtol=1e-13)


@both_modes
def test_ties_and_empty_sums_have_slopes_without_nan(mode):
    gradient = db.gradient(special.logsumexp, backend=mode)
    np.testing.assert_allclose(gradient(np.array([1000.0, 1000.0])), [0.5, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(gradient(np.array([-np.inf, -np.inf])), [0.0, 0.0])


@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_the_hessian_of_logsumexp_is_that_of_softmax(outer):
    """diag(p) - p pᵀ."""
    x = np.array([0.3, -1.0, 2.0])
    p = np.exp(x) / np.sum(np.exp(x))
    hessian = db.jacobian(db.gradient(special.logsumexp, backend="reverse"), backend=outer)(x)
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), atol=1e-15)


def test_symbols_pass_logsumexp():
    x = np.array([0.3, -1.0, 2.0])
    found = db.gradient(special.logsumexp, backend="symbolic")(x)
    np.testing.assert_allclose(found, np.exp(x) / np.sum(np.exp(x)), rtol=1e-13)


def test_a_sum_of_nothing_is_zero():
    assert special.logsumexp(np.zeros(0)) == scipy_special.logsumexp(np.zeros(0)) == -np.inf
    np.testing.assert_array_equal(special.logsumexp(np.zeros((2, 0)), axis=1), [-np.inf, -np.inf])


# -- gamma functions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 3, np.array([0, 2, 1])], ids=str)
@pytest.mark.parametrize("x", [0.3, 1.7, 30.0])
def test_polygamma_has_scipys_value_and_the_next_one_as_derivative(n, x):
    np.testing.assert_allclose(special.polygamma(n, x), scipy_special.polygamma(n, x), rtol=1e-13)
    found = db.gradient(lambda x: np.sum(special.polygamma(n, x)))(x)
    np.testing.assert_allclose(found, np.sum(scipy_special.polygamma(n + 1, x)), rtol=1e-13)


def test_multigammaln_has_scipys_value_and_slope():
    a = np.array([4.5, 1.7])
    np.testing.assert_allclose(special.multigammaln(a, 3), scipy_special.multigammaln(a, 3), rtol=1e-14)
    expected = np.sum(scipy_special.psi(a[:, None] - np.arange(3) / 2), axis=1)
    np.testing.assert_allclose(db.gradient(lambda a: np.sum(special.multigammaln(a, 3)))(a), expected, rtol=1e-13)
    assert np.isnan(special.multigammaln(1.0, 3))


# -- spherical Bessel functions ----------------------------------------------------------------------------------------


def spherical(function, n, z):
    """By its Bessel function of order n + 1/2, where K is continued to negative numbers as SciPy does it."""
    return mp.re(mp.sqrt(mp.pi / 2) * function(n + mpf(1) / 2, z) / mp.sqrt(z))


def mp_kn(n, z):
    """The closed form, π/2 exp(-z) times a polynomial in 1/z."""
    terms = (mp.factorial(n + k) / (mp.factorial(k) * mp.factorial(n - k)) / (2 * z) ** k for k in range(int(n) + 1))
    return mp.pi / 2 * mp.exp(-z) / z * mp.fsum(terms)


SPHERICAL = {
    "spherical_jn": lambda n, z: spherical(mp.besselj, n, z),
    "spherical_yn": lambda n, z: spherical(mp.bessely, n, z),
    "spherical_in": lambda n, z: spherical(mp.besseli, n, z),
    "spherical_kn": mp_kn,
}
each_spherical = pytest.mark.parametrize("name", SPHERICAL)
ARGUMENTS = [(0, 0.7), (1, 2.5), (3, 2.5), (2, 30.0), (3, -2.5), (2, -2.5)]


@each_spherical
@pytest.mark.parametrize("derivative", [False, True])
def test_a_spherical_bessel_function_has_scipys_value(name, derivative):
    ours, theirs = getattr(special, name), getattr(scipy_special, name)
    n, z = np.array([[0], [1], [4]]), np.array([-3.0, 0.2, 2.0, 40.0])
    np.testing.assert_allclose(ours(n, z, derivative), theirs(n, z, derivative), rtol=2e-12)
    np.testing.assert_allclose(ours(2, 0.3 + 0.4j, derivative), theirs(2, 0.3 + 0.4j, derivative), rtol=1e-12)


@each_spherical
@both_modes
@pytest.mark.parametrize(("n", "z"), ARGUMENTS)
def test_a_spherical_bessel_function_has_mpmaths_derivatives_to_third_order(name, mode, n, z):
    f = partial(getattr(special, name), n)
    for order in (1, 2, 3):
        f = db.derivative(f, backend=mode)
        with mp.workdps(50):
            expected = float(mp.re(mp.diff(lambda z: SPHERICAL[name](n, z), mpf(z), order)))
        assert f(z) == pytest.approx(expected, rel=2e-12)


@each_spherical
@both_modes
def test_the_derivative_of_a_spherical_bessel_function_can_be_differentiated(name, mode):
    found = db.derivative(lambda z: getattr(special, name)(3, z, derivative=True), backend=mode)(2.5)
    with mp.workdps(50):
        expected = float(mp.diff(lambda z: SPHERICAL[name](3, z), mpf(2.5), 2))
    assert found == pytest.approx(expected, rel=1e-12)


def test_spherical_bessel_functions_are_regular_at_zero():
    """j₀ = 1 - z²/6 + ..., j₁ = z/3 + ..."""
    first = db.derivative(lambda z: special.spherical_jn(0, z))
    assert (first(0.0), db.derivative(first)(0.0)) == pytest.approx((0.0, -1 / 3), abs=1e-15)
    assert db.derivative(lambda z: special.spherical_jn(1, z))(0.0) == pytest.approx(1 / 3, rel=1e-15)


@each_spherical
def test_a_spherical_bessel_function_of_single_precision_stays_so(name):
    f = partial(getattr(special, name), 2)
    z = np.array([-1.5, 2.0], np.float32)
    assert f(z).dtype == db.gradient(lambda z: np.sum(f(z)))(z).dtype == np.float32


@each_spherical
def test_the_order_of_a_spherical_bessel_function_is_a_whole_number(name):
    with pytest.raises(db.UnsupportedPrimitive, match=rf"{name}[\s\S]*whole number"):
        db.derivative(lambda n: getattr(special, name)(n, 2.0))(1.0)


# -- laws with a density -----------------------------------------------------------------------------------------------

CONTINUOUS = {
    "norm": [(0.3, 0.1, 1.5), (-9.0, 0.0, 1.0), (6.0, 0.5, 0.7)],
    "t": [(0.3, 4.5, 0.1, 1.5), (-7.0, 2.0, 0.0, 1.0), (2.0, 50.0, 0.5, 0.7)],
    "cauchy": [(0.3, 0.1, 1.5), (-50.0, 0.0, 1.0)],
    "laplace": [(0.3, 0.1, 1.5), (-20.0, 0.0, 1.0), (20.0, 0.0, 1.0)],
    "logistic": [(0.3, 0.1, 1.5), (-30.0, 0.0, 1.0), (30.0, 0.0, 1.0)],
    "lognorm": [(0.7, 0.8, 0.1, 1.5), (20.0, 1.5, 0.0, 1.0)],
    "expon": [(0.7, 0.1, 1.5), (30.0, 0.0, 1.0)],
    "gamma": [(0.7, 2.3, 0.1, 1.5), (9.0, 0.4, 0.0, 1.0), (110.0, 100.0, 0.0, 1.0)],
    "beta": [(0.4, 2.3, 1.7, 0.1, 1.5), (0.97, 0.5, 4.0, 0.0, 1.0), (0.5, 60.0, 50.0, 0.0, 1.0)],
    "chi2": [(0.7, 3.3, 0.1, 1.5), (20.0, 7.0, 0.0, 1.0)],
    "uniform": [(0.3, 0.1, 1.5)],
    "weibull_min": [(0.7, 1.8, 0.1, 1.5), (3.0, 0.6, 0.0, 1.0)],
    "pareto": [(1.9, 2.5, 0.1, 1.5), (30.0, 0.7, 0.0, 1.0)],
}
FUNCTIONS = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
each_law = pytest.mark.parametrize("law", CONTINUOUS)
each_function = pytest.mark.parametrize("function", FUNCTIONS)
each_point = pytest.mark.parametrize(
    ("law", "args"),
    [pytest.param(law, args, id=f"{law}{args}".replace(" ", "")) for law in CONTINUOUS for args in CONTINUOUS[law]],
)


def pair(law, function):
    return getattr(getattr(special, law), function), getattr(getattr(stats, law), function)


@each_function
@each_point
def test_a_law_has_scipys_value(law, args, function):
    ours, theirs = pair(law, function)
    assert ours(*args) == pytest.approx(theirs(*args), rel=2e-11)


@both_modes
@each_function
@each_point
def test_a_law_has_the_slopes_of_scipys_in_x_and_all_parameters(law, args, function, mode):
    ours, theirs = pair(law, function)
    for position in range(len(args)):
        found = db.derivative(ours, argnum=position, backend=mode)(*args)
        expected = by_differences(theirs, args, position)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9 * abs(theirs(*args)))


@each_function
@each_law
def test_second_derivatives_agree_with_differences_of_the_first(law, function):
    f, _ = pair(law, function)
    args = CONTINUOUS[law][0]
    slope = db.gradient(f, argnum=tuple(range(len(args))), backend="reverse")
    found = db.jacobian(lambda x: np.stack(slope(*x)), backend="forward")(np.array(args))
    expected = db.jacobian(lambda x: np.stack(slope(*x)), backend="finite-central", order=4)(np.array(args))
    np.testing.assert_allclose(found, expected, atol=2e-7)


@pytest.mark.parametrize(
    ("law", "x"),
    [("lognorm", -0.3), ("lognorm", 0.0), ("expon", -1.0), ("gamma", -0.3), ("beta", -0.1), ("beta", 1.1),
     ("chi2", -2.0), ("uniform", -0.5), ("uniform", 2.0), ("weibull_min", -1.0), ("pareto", 0.5)],
)  # fmt: skip
@each_function
@both_modes
@pytest.mark.filterwarnings("error")
def test_outside_of_the_support_values_are_scipys_and_slopes_are_zero(law, x, function, mode):
    ours, theirs = pair(law, function)
    args = (x, *[1.7] * len(getattr(special, law).shapes))
    assert ours(*args) == theirs(*args)
    assert db.gradient(ours, argnum=tuple(range(len(args))), backend=mode)(*args) == (0.0,) * len(args)


@each_function
@pytest.mark.parametrize("law", ["expon", "gamma", "chi2", "beta", "weibull_min", "pareto", "uniform"])
@quiet
def test_at_the_end_of_the_support_values_are_scipys(law, function):
    ours, theirs = pair(law, function)
    end = 1.0 if law == "pareto" else 0.0
    args = (end, *[2.0] * len(getattr(special, law).shapes))
    assert ours(*args) == pytest.approx(theirs(*args), rel=1e-14)


def test_a_density_has_its_slope_at_the_end_of_the_support():
    """x exp(-x) at 0."""
    assert db.derivative(special.gamma.pdf)(0.0, 2.0) == 1.0


@pytest.mark.parametrize(("law", "args"), [("norm", (0.3, 0.0, -1.0)), ("gamma", (0.3, -2.0)), ("t", (0.3, 0.0))])
@each_function
@quiet
def test_parameters_that_are_not_valid_give_nan(law, args, function):
    ours, theirs = pair(law, function)
    assert np.isnan(theirs(*args))
    assert np.isnan(ours(*args))


@pytest.mark.parametrize("x", [-40.0, -300.0, -1e5])
def test_the_lower_tail_of_the_normal_law_does_not_underflow(x):
    """Mills: φ(x)/Φ(x) = -x (1 + 1/x² - 2/x⁴ + ...)."""
    assert special.norm.logcdf(x) == pytest.approx(stats.norm.logcdf(x), rel=1e-13)
    expected = -x * (1 + x**-2 - 2 * x**-4 + 10 * x**-6 - 74 * x**-8)
    assert db.derivative(special.norm.logcdf)(x) == pytest.approx(expected, rel=1e-10)


def test_a_distribution_function_that_underflows_has_no_nan():
    value, slope = special.gamma.logcdf(1e-300, 3.0), db.derivative(special.gamma.logcdf)(1e-300, 3.0)
    assert (value, slope) == (-np.inf, 0.0)


@each_law
def test_parameters_have_scipys_names_and_order(law):
    """`shapes` of SciPy is the list of its names."""
    ours, theirs = getattr(special, law), getattr(stats, law)
    names = theirs.shapes.replace(" ", "").split(",") if theirs.shapes else []
    assert list(ours.shapes) == names
    args = CONTINUOUS[law][0]
    keywords = dict(zip([*names, "loc", "scale"], args[1:]))
    assert ours.logpdf(args[0], **keywords) == ours.logpdf(*args)


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [((1.0,), {}, "missing required arguments: a"), ((1.0, 2.0), {"a": 2.0}, "at most a, loc, scale"),
     ((1.0, 2.0), {"shape": 1.0}, "at most a, loc, scale"), ((1.0, 2.0, 0.0, 1.0, 5.0), {}, "at most a, loc, scale")],
)  # fmt: skip
def test_a_call_that_scipy_refuses_is_a_type_error(args, kwargs, words):
    with pytest.raises(TypeError):
        stats.gamma.logpdf(*args, **kwargs)
    with pytest.raises(TypeError, match=words):
        special.gamma.logpdf(*args, **kwargs)


def test_arrays_and_lists_broadcast_and_keep_float32():
    x, loc = np.array([[0.3], [1.0]], np.float32), [0.1, 0.2, 0.4]
    np.testing.assert_allclose(special.norm.logpdf(x, loc), stats.norm.logpdf(x, loc), rtol=1e-6)
    assert special.gamma.logpdf(x, np.float32(2.0)).dtype == np.float32
    found = db.gradient(lambda x: np.sum(special.gamma.logcdf(x, 2.0)))(x)
    assert (found.dtype, found.shape) == (np.float32, (2, 1))


MANY_DEGREES_OF_FREEDOM = [(-1.3, 25.0), (2.0, 1e3), (0.0, 1e6), (2.0, 1e10)]


def log_t_density(x, v):
    return mp.loggamma((v + 1) / 2) - mp.loggamma(v / 2) - mp.log(mp.pi * v) / 2 - (v + 1) / 2 * mp.log1p(x * x / v)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("x", "df"), MANY_DEGREES_OF_FREEDOM)
@both_modes
def test_the_slope_of_students_density_in_many_degrees_of_freedom_keeps_its_digits(x, df, order, mode):
    f = special.t.logpdf
    for _ in range(order):
        f = db.derivative(f, argnum=1, backend=mode)
    with mp.workdps(80):
        expected = float(mp.diff(lambda v: log_t_density(mpf(x), v), mpf(df), order, h=mpf(df) * mpf(10) ** -15))
    assert f(x, df) == pytest.approx(expected, rel=1e-12)


@both_modes
def test_students_distribution_in_many_degrees_of_freedom_has_signs_and_digits_to_second_order(mode):
    """F = Φ - φ (t³ + t) / 4v + O(1/v²)."""
    x, df = 2.0, 1e10
    expected = np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * (x**3 + x) / (4 * df * df)
    slope = db.derivative(special.t.cdf, argnum=1, backend=mode)
    assert slope(x, df) == pytest.approx(expected, rel=1e-9)
    assert db.derivative(slope, argnum=1, backend=mode)(x, df) == pytest.approx(-2 * expected / df, rel=1e-9)


# -- laws of counts ----------------------------------------------------------------------------------------------------

COUNTS = {
    "poisson": [(3, 2.5), (0, 0.7), (60, 40.0)],
    "binom": [(2, 5, 0.3), (0, 5, 0.3), (5, 5, 0.3), (30, 80, 0.4)],
    "bernoulli": [(0, 0.3), (1, 0.3)],
    "nbinom": [(3, 2.5, 0.4), (0, 2.5, 0.4), (40, 30.0, 0.5)],
    "geom": [(3, 0.3), (1, 0.3)],
}
COUNT_FUNCTIONS = ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf")
each_count = pytest.mark.parametrize(
    ("law", "args"), [(law, args) for law in COUNTS for args in COUNTS[law]], ids=lambda x: str(x).replace(" ", "")
)


@pytest.mark.parametrize("function", COUNT_FUNCTIONS)
@each_count
@quiet
def test_a_law_of_counts_has_scipys_value(law, args, function):
    ours, theirs = pair(law, function)
    assert ours(*args) == pytest.approx(theirs(*args), rel=1e-11)
    assert ours(args[0] + 2, *args[1:], loc=2) == pytest.approx(theirs(*args), rel=1e-11)


@pytest.mark.parametrize("function", COUNT_FUNCTIONS)
@each_count
@both_modes
@quiet
def test_a_law_of_counts_has_the_slopes_of_scipys(law, args, function, mode):
    ours, theirs = pair(law, function)
    for position, value in enumerate(args):
        if isinstance(value, float):
            found = db.derivative(ours, argnum=position, backend=mode)(*args)
            expected = by_differences(theirs, args, position)
            expected = expected if np.isfinite(expected) else 0.0
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("function", COUNT_FUNCTIONS)
@pytest.mark.parametrize(
    ("law", "args"),
    [("poisson", (-1, 2.0)), ("poisson", (1.5, 2.0)), ("poisson", (0, 0.0)), ("poisson", (0, -1.0)),
     ("binom", (6, 5, 0.3)), ("binom", (-1, 5, 0.3)), ("binom", (2, 5, 1.3)), ("binom", (2, 4.5, 0.3)),
     ("binom", (5, 5, 1.0)), ("bernoulli", (2, 0.3)), ("bernoulli", (-1, 0.3)), ("nbinom", (-1, 2.5, 0.4)),
     ("geom", (0, 0.3)), ("geom", (2.5, 0.3))],
)  # fmt: skip
@quiet
def test_counts_outside_of_the_support_and_invalid_parameters_are_as_in_scipy(law, args, function):
    ours, theirs = pair(law, function)
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-13)
    assert not np.isnan(db.derivative(ours, argnum=len(args) - 1)(*map(float, args))) or np.isnan(theirs(*args))


def test_a_count_carries_no_derivative():
    assert db.derivative(special.poisson.logpmf)(3.0, 2.5) == 0.0
    assert db.derivative(special.binom.logpmf, argnum=1)(2.0, 5.0, 0.3) == 0.0


def test_every_law_of_one_variable_is_tested_here():
    laws = {name for name in special.__all__ if hasattr(getattr(special, name), "cdf")}
    assert laws == {*CONTINUOUS, *COUNTS}
    assert {name for name in laws if isinstance(getattr(special, name), Counts)} == set(COUNTS)


# -- laws of several variables -----------------------------------------------------------------------------------------

COV = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.8]])
MEAN, POINT = np.array([0.1, -0.2, 0.4]), np.array([0.5, 0.7, -1.0])
POINTS = np.stack([POINT, MEAN, POINT * 2])


@pytest.mark.parametrize("function", ["logpdf", "pdf"])
@pytest.mark.parametrize(
    "args",
    [(POINT, MEAN, COV), (POINTS, MEAN, COV), (POINT, None, COV), (POINT, MEAN), (POINT, MEAN, 0.7),
     (POINT, MEAN, np.array([1.0, 2.0, 0.5])), (0.3, 0.1, 2.0), (np.array([0.3, 1.0]), 0.1, 2.0)],
    ids=["point", "points", "no mean", "no cov", "one variance", "variances", "number", "numbers"],
)  # fmt: skip
def test_multivariate_normal_has_scipys_value(args, function):
    ours, theirs = (getattr(module.multivariate_normal, function) for module in (special, stats))
    np.testing.assert_allclose(ours(*args), theirs(*args), rtol=1e-13)


@both_modes
def test_multivariate_normal_has_its_slopes(mode):
    """Closed forms: in the mean S⁻¹(x-m), in the covariance (S⁻¹ d dᵀ S⁻¹ - S⁻¹) / 2."""
    logpdf = special.multivariate_normal.logpdf
    d, inverse = POINT - MEAN, np.linalg.inv(COV)
    in_mean = db.gradient(lambda m: logpdf(POINT, m, COV), backend=mode)(MEAN)
    np.testing.assert_allclose(in_mean, inverse @ d, rtol=1e-13)
    in_cov = db.gradient(lambda c: logpdf(POINT, MEAN, (c + c.T) / 2), backend=mode)(COV)
    np.testing.assert_allclose(in_cov, (np.outer(inverse @ d, inverse @ d) - inverse) / 2, rtol=1e-12)


def test_multivariate_normal_refuses_singular_covariances_as_scipy_does():
    with pytest.raises(np.linalg.LinAlgError):
        special.multivariate_normal.logpdf(POINT, MEAN, np.ones((3, 3)))
    with pytest.raises(db.UnsupportedPrimitive, match="allow_singular"):
        special.multivariate_normal.logpdf(POINT, MEAN, np.ones((3, 3)), allow_singular=True)


ALPHA, SHARES = np.array([1.5, 2.0, 0.7]), np.array([0.2, 0.5, 0.3])


@pytest.mark.parametrize(
    "x", [SHARES, SHARES[:-1], np.stack([SHARES, SHARES[::-1]], axis=1)], ids=["all", "but last", "many"]
)
def test_dirichlet_has_scipys_value(x):
    np.testing.assert_allclose(special.dirichlet.logpdf(x, ALPHA), stats.dirichlet.logpdf(x, ALPHA), rtol=1e-13)
    np.testing.assert_allclose(special.dirichlet.pdf(x, ALPHA), stats.dirichlet.pdf(x, ALPHA), rtol=1e-13)


@both_modes
def test_dirichlet_has_its_slopes(mode):
    """Closed forms: (αᵢ - 1)/xᵢ, and ψ(Σα) - ψ(αᵢ) + log xᵢ."""
    in_x, in_alpha = db.gradient(special.dirichlet.logpdf, argnum=(0, 1), backend=mode)(SHARES, ALPHA)
    np.testing.assert_allclose(in_x, (ALPHA - 1) / SHARES, rtol=1e-13)
    expected = scipy_special.psi(np.sum(ALPHA)) - scipy_special.psi(ALPHA) + np.log(SHARES)
    np.testing.assert_allclose(in_alpha, expected, rtol=1e-13)


@pytest.mark.parametrize("x", [[1, 2, 3], [0, 6, 0], [1, 2, 4], [[1, 2, 3], [6, 0, 0]]], ids=str)
def test_multinomial_has_scipys_value(x):
    np.testing.assert_allclose(
        special.multinomial.logpmf(x, 6, SHARES), stats.multinomial.logpmf(x, 6, SHARES), rtol=1e-13
    )
    np.testing.assert_allclose(special.multinomial.pmf(x, 6, SHARES), stats.multinomial.pmf(x, 6, SHARES), rtol=1e-13)


@both_modes
def test_multinomial_has_the_slopes_of_scipys_in_which_the_last_share_is_the_rest(mode):
    x = np.array([1, 2, 3])
    found = db.gradient(lambda p: special.multinomial.logpmf(x, 6, p), backend=mode)(SHARES)
    np.testing.assert_allclose(found, [1 / 0.2 - 3 / 0.3, 2 / 0.5 - 3 / 0.3, 0.0], rtol=1e-13)


# -- many digits -------------------------------------------------------------------------------------------------------

MANY_DIGITS = {
    "norm in scale": (special.norm.logpdf, (1.0, 0.0, 2.0), 2, lambda x, m, s: -((x - m) ** 2) / 2 / s**2 - mp.log(s)),
    "norm itself": (special.norm.logpdf, (1.0,), None, lambda x: -(x**2) / 2 - mp.log(2 * mp.pi) / 2),
    "cauchy": (special.cauchy.cdf, (0.7,), 0, lambda x: mp.atan(x) / mp.pi),
    "chi2 in df": (
        special.chi2.logpdf, (0.7, 3.0), 1,
        lambda x, k: (k / 2 - 1) * mp.log(x) - x / 2 - mp.loggamma(k / 2) - k / 2 * mp.log(2),
    ),
    "multigammaln itself": (
        lambda a: special.multigammaln(a, 2), (3.3,), None,
        lambda a: mp.log(mp.pi) / 2 + mp.loggamma(a) + mp.loggamma(a - mpf(1) / 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MANY_DIGITS)
def test_constants_of_laws_have_all_digits(case):
    f, args, position, truth = MANY_DIGITS[case]
    quantity = "value" if position is None else "derivative"
    found = db.reference(f, *args, quantity=quantity, argnum=position or 0, digits=40)
    with mp.workdps(60):
        args = [mpf(x) for x in args]
        if position is None:
            expected = truth(*args)
        else:
            expected = mp.diff(lambda t: truth(*args[:position], t, *args[position + 1 :]), args[position])
        assert abs(found / expected - 1) < mpf(10) ** -38


# -- SciPy absent ------------------------------------------------------------------------------------------------------


def test_what_needs_no_scipy_runs_without_it_and_the_rest_says_what_is_missing():
    script = """
import sys
sys.modules["scipy"] = None
import numpy as np, diffbench as db
print(float(db.special.norm.logpdf(0.0)), db.gradient(db.special.logsumexp)(np.zeros(2)))
try:
    db.special.gamma.logpdf(1.0, 2.0)
except db.MissingPackage as error:
    print(error)
try:
    db.special.polygamma(1, 2.0)
except db.MissingPackage as error:
    print("missing")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    value, message, *_ = result.stdout.split("\n", 1)
    assert value == "-0.9189385332046727 [0.5 0.5]"
    assert "needs SciPy" in message
    assert "pip install scipy" in message
    assert message.strip().endswith("missing")


def test_a_density_has_slopes_where_no_function_of_scipy_was_called_before():
    script = "import diffbench as db; print(db.derivative(db.special.t.pdf, argnum=1)(0.3, 4.5))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(result.stdout) == pytest.approx(by_differences(stats.t.pdf, (0.3, 4.5), 1), rel=1e-9)

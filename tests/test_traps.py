"""Inputs at which systems for automatic differentiation have gone wrong, with the right answer for each.

The rows follow section "traps" of the project's collection of facts; sources are named where they are known.
"""

import math

import numpy as np
import pytest

import diffbench as db

MODES = ("forward", "reverse")
each_mode = pytest.mark.parametrize("mode", MODES)
each_pair = pytest.mark.parametrize(("outer", "inner"), [(o, i) for o in MODES for i in MODES])
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


WIDE = np.arange(6.0).reshape(2, 3)


def naive_sigmoid(z):
    return 1 / (1 + np.exp(-z))


def norm(x):
    return np.linalg.norm(x)


def cosines(A):
    """Of the angles between rows, each twice; the derivative of cos(a, b) in a is (b/|b| - cos a/|a|) / |a|."""
    size = np.linalg.norm(A, axis=1, keepdims=True)
    return np.sum(np.where((size > 0) & (size > 0).T, (A / size) @ (A / size).T, 0.0))


GRADIENTS = {
    # -- kinks: what is returned is a choice, and stated in docs/conventions.md
    "|x| at 0": (abs, 0.0, 0.0),
    "relu at 0, by where": (lambda x: np.where(x > 0, x, 0.0), 0.0, 0.0),
    "relu(x) - relu(-x) at 0": (lambda x: np.maximum(x, 0) - np.maximum(-x, 0), 0.0, 1.0),
    "maximum(a, a)": (lambda x: np.maximum(x, x), 2.0, 1.0),
    "max of ties": (np.max, [3.0, 3.0, 1.0, 3.0], [1 / 3, 1 / 3, 0.0, 1 / 3]),
    "x > 0, floor, round": (lambda x: (x > 0) * 1.0 + np.floor(x) + np.round(x) + 0 * x, 1.5, 0.0),
    # -- infinite slopes
    "sqrt at 0": (np.sqrt, 0.0, math.inf),
    "sqrt at 0 times 0": (lambda x: np.sqrt(x) * 0.0, 0.0, 0.0),
    "norm squared at 0 (autograd #151, JAX #4177)": (lambda x: norm(x) ** 2, [0.0, 0.0], [0.0, 0.0]),
    "norm at 0": (norm, [0.0, 0.0], [0.0, 0.0]),
    # -- powers
    "x**0 at 0": (lambda x: x**0, 0.0, 0.0),
    "x**0.0 at 0": (lambda x: x**0.0, 0.0, 0.0),
    "0**y": (lambda y: 0.0**y, 2.0, 0.0),
    "x**1 at 0": (lambda x: x**1.0, 0.0, 1.0),
    # -- products with zeros (autograd #378)
    "prod with a zero": (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "prod with two zeros": (np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
    # -- untaken branches
    "where(x > 0, log x, 0) at 0": (lambda x: np.where(x > 0, np.log(x), 0.0), 0.0, 0.0),
    "where(x > 0, x log x, 0) at 0": (lambda x: np.sum(np.where(x > 0, x * np.log(x), 0.0)), [0.0, 1.0], [0.0, 1.0]),
    "a product of what is masked": (lambda x: np.where(x[0] > 0, (1 / x) @ (1 / x), x[1] ** 2), [0.0, 1.0], [0.0, 2.0]),
    "a determinant that is masked": (
        lambda x: np.where(x[0] > 0, np.linalg.det(np.diag(1 / x)), x[1] ** 2), [0.0, 1.0], [0.0, 2.0]
    ),
    "the size of a complex number that is masked": (
        lambda x: np.where(x[0] > 0, np.abs(np.fft.fft(1 / x)[0]), x[1] ** 2), [0.0, 1.0], [0.0, 2.0]
    ),
    "cosines of rows of which one is zero": (
        cosines, [[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]], [[0.0, 0.0], [0.48, -0.24], [-0.24, 0.48]]
    ),
    # -- NaN
    "fmax(nan, x**2)": (lambda x: np.fmax(np.nan, x**2), 1.0, 2.0),
    "fmin(x, nan) and ties": (lambda x: np.fmin(x, np.nan) + np.fmin(2.0, x) + np.fmax(x, 2.0), 2.0, 2.0),
    "where(x, x, 2) at 0": (lambda x: np.sum(np.where(x, x, 2.0)), [0.0, 1.0], [0.0, 1.0]),
    "sqrt of abs at 0": (lambda x: np.sum(np.sqrt(np.abs(x))), [0.0, 1.0], [0.0, 0.5]),
    # -- overflow
    "a product that underflows": (np.prod, [1e-200, 1e-200], [1e-200, 1e-200]),
    "a running product that underflows": (lambda x: np.cumprod(x)[1], [1e-200, 1e-200], [1e-200, 1e-200]),
    "a running product that overflows": (lambda x: np.cumprod(x)[1], [1e200, 1e200], [1e200, 1e200]),
    "a product that overflows": (lambda x: np.prod(x) * 1e-200, [1e200, 1e200], [1.0, 1.0]),
    "an angle far from the origin": (lambda z: np.arctan2(z[0], z[1]), [1e200, 1e200], [5e-201, -5e-201]),
    "a determinant of far scales": (np.linalg.det, [[1e16, 0.0], [0.0, 0.1]], [[0.1, 0.0], [0.0, 1e16]]),
    "logaddexp(1000, 1000)": (lambda x: np.logaddexp(x[0], x[1]), [1000.0, 1000.0], [0.5, 0.5]),
    "softplus at 1000": (lambda x: np.logaddexp(0.0, x), 1000.0, 1.0),
    "softplus at -1000": (lambda x: np.logaddexp(0.0, x), -1000.0, 0.0),
    "naive sigmoid at -800": (naive_sigmoid, -800.0, 0.0),
    "log(1 - sigmoid(40)) by logits": (lambda z: -np.logaddexp(0.0, z), 40.0, -1 / (1 + math.exp(-40.0))),
    # -- structure of the program
    "fan-out accumulates": (lambda x: x * x, 3.0, 6.0),
    "unused input": (lambda x: 1.0, [1.0, 2.0], [0.0, 0.0]),
    "constant output": (lambda x: np.sum(np.zeros(3)), [1.0, 2.0], [0.0, 0.0]),
    "empty sum": (lambda x: np.sum(x), np.zeros(0), np.zeros(0)),
    "broadcast (2, 3) with (3,)": (lambda x: np.sum(WIDE * x), [1.0, 2.0, 3.0], [3.0, 5.0, 7.0]),
    "broadcast (2, 3) with (2, 1)": (lambda x: np.sum(WIDE * x), [[1.0], [2.0]], [[3.0], [12.0]]),
    "integer argument": (lambda x: np.sum(x**2), np.array([1, 2]), [2.0, 4.0]),
    "sort with permutation": (lambda x: np.sum(np.sort(x) * WIDE[0]), [3.0, 1.0, 2.0], [2.0, 0.0, 1.0]),
    "repeated index": (lambda x: np.sum(x[[0, 0, 1]]), [1.0, 2.0], [2.0, 1.0]),
}  # fmt: skip


@each_mode
@pytest.mark.parametrize("name", GRADIENTS)
def test_a_gradient_where_others_have_gone_wrong_is_right(name, mode):
    f, x, expected = GRADIENTS[name]
    x = np.array(x)[()] if np.ndim(x) else x
    found = db.gradient(f, backend=mode)(x)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-300)
    assert np.shape(found) == np.shape(x)


@each_pair
def test_a_masked_infinite_slope_takes_no_second_derivative_from_other_entries(outer, inner):
    def hessian(f, x):
        return db.jacobian(db.gradient(f, backend=inner), backend=outer)(x)

    mixed = hessian(lambda z: np.sum(z[0] * np.where(z[1] > 0, np.sqrt(z[1]), 0.0)), np.array([[0.0, 0.5], [1.0, 0.0]]))
    assert mixed[0, 0, 1, 0] == mixed[1, 0, 0, 0] == 0.5
    curved = hessian(lambda x: np.sum(np.where(x < 1, np.log(1 - x**2), 0.0)), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(curved, [[-2.0, 0.0], [0.0, 0.0]])


@each_pair
def test_the_perturbations_of_nested_derivatives_stay_apart(outer, inner):
    found = db.derivative(lambda x: x * db.derivative(lambda y: x + y, backend=inner)(1.0), backend=outer)(1.0)
    assert found == 1.0


@each_pair
def test_an_inner_derivative_of_a_constant_is_zero(outer, inner):
    assert db.derivative(lambda x: db.derivative(lambda y: x, backend=inner)(x), backend=outer)(1.0) == 0.0


@each_pair
def test_the_gradient_of_a_sum_with_an_inner_norm_counts_both(outer, inner):
    """ForwardDiff's ConfusionTest: the gradient of sum(v * D(y -> y * norm(v))(1)) at [1] is 2."""

    def f(v):
        return np.sum(v * db.derivative(lambda y: y * np.linalg.norm(v), backend=inner)(1.0))

    np.testing.assert_allclose(db.gradient(f, backend=outer)(np.array([1.0])), [2.0])


@each_pair
def test_the_curried_derivative_of_manzyuk_is_e(outer, inner):
    def shifted(u):
        return lambda f: lambda x: f(x + u)

    def slope(f, mode):  # derivative of shifted in u at 0, applied to f
        return lambda x: db.derivative(lambda u: shifted(u)(f)(x), backend=mode)(0.0)

    assert slope(slope(np.exp, inner), outer)(1.0) == pytest.approx(math.e, rel=1e-15)


@each_pair
def test_the_mixed_second_derivative_of_a_power_is_one_over_x(outer, inner):
    """At (4, 0); autograd's rule gives 4 in one order."""
    hessian = db.jacobian(db.gradient(lambda z: z[0] ** z[1], backend=inner), backend=outer)(np.array([4.0, 0.0]))
    np.testing.assert_allclose(hessian, [[0.0, 0.25], [0.25, math.log(4.0) ** 2]], rtol=1e-14)


@each_pair
def test_a_product_with_two_zeros_has_a_hessian(outer, inner):
    hessian = db.jacobian(db.gradient(np.prod, backend=inner), backend=outer)(np.array([0.0, 0.0, 3.0]))
    np.testing.assert_array_equal(hessian, [[0, 3, 0], [3, 0, 0], [0, 0, 0]])


@each_mode
def test_a_fixed_point_iteration_is_differentiated_through(mode):
    """The square root by Newton's iteration, at 2: autograd's example."""

    def root(a):
        x, before = a, 0.0
        while abs(x - before) > 1e-15:
            x, before = (x + a / x) / 2, x
        return x

    assert db.derivative(root, backend=mode)(2.0) == pytest.approx(0.35355339059327373, rel=1e-14)
    second = db.derivative(db.derivative(root, backend=mode), backend="forward")(2.0)
    assert second == pytest.approx(-0.08838834764831845, rel=1e-13)


@each_mode
def test_zero_dimensional_arrays_keep_shape_and_dtype(mode):
    gradient = db.gradient(lambda x: x * x, backend=mode)(np.array(3.0, np.float32))
    assert (np.shape(gradient), gradient.dtype) == ((), np.float32)


@each_mode
def test_the_maximum_of_nothing_is_the_error_of_numpy(mode):
    with pytest.raises(ValueError, match="zero-size"):
        db.gradient(np.max, backend=mode)(np.zeros(0))


def test_a_chain_of_a_hundred_thousand_operations_does_not_recurse():
    def chain(x):
        for _ in range(100_000):
            x = x * 1.0
        return x

    assert db.gradient(chain)(2.0) == 1.0


def test_nothing_is_left_over_between_two_calls():
    gradient = db.gradient(lambda x: np.sum(x**2))
    assert [gradient(np.array([k])).tolist() for k in (1.0, 2.0, 1.0)] == [[2.0], [4.0], [2.0]]


@pytest.mark.parametrize("name", ["abs", "norm", "vdot", "conj"])
def test_complex_step_refuses_or_is_right_where_plain_complex_step_is_silently_zero(name):
    f = {
        "abs": lambda x: np.sum(np.abs(x)),
        "norm": norm,
        "vdot": lambda x: np.vdot(x, x),
        "conj": lambda x: np.sum(np.conj(x) * x),
    }[name]
    x = np.array([3.0, 4.0])
    try:
        found = db.gradient(f, backend="complex-step")(x)
    except db.NotAnalytic:
        return
    np.testing.assert_allclose(found, db.gradient(f, backend="reverse")(x), rtol=1e-14)


@each_mode
def test_a_histogram_counts_its_largest_number(mode):
    numbers = np.array([0.35738041, -1.20831863, -0.00445413, 0.65647494, -1.28836146])
    value, slopes = db.value_and_gradient(
        lambda w: np.sum(np.histogram(numbers, bins=3, weights=w)[0] * WIDE[1]), backend=mode
    )(np.ones(5))
    assert value == np.sum(np.histogram(numbers, bins=3)[0] * WIDE[1])
    np.testing.assert_array_equal(slopes, [5.0, 3.0, 4.0, 5.0, 3.0])


@each_mode
def test_zero_dimensional_arrays_can_be_indexed(mode):
    assert db.gradient(lambda x: x[()] * x[...], backend=mode)(np.array(3.0)) == 6.0


@each_mode
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.linspace(x[0], 3.0, 4, dtype=int),
        lambda x: np.fft.irfftn(np.reshape(x, (2, 2)), s=(2, -1), axes=(1, 0)),
        lambda x: np.take(x, [True, False, True], 0),
        lambda x: np.nanvar(x, ddof=4),
        lambda x: np.var(x, ddof=4),
        lambda x: np.linalg.det(np.reshape(x * np.nan, (2, 2))),
    ],
    ids=["linspace of integers", "length -1", "truths as places", "no freedom, nan", "no freedom", "NaN in a matrix"],
)
def test_a_value_under_a_trace_is_that_of_numpy(f, mode):
    x = np.array([-2.3, 1.0, 2.0, 4.0])
    value, _ = db.pullback(f, backend="reverse")(x) if mode == "reverse" else db.linearize(f, backend="forward")(x)
    np.testing.assert_array_equal(value, f(x))


@each_mode
def test_an_axis_that_is_not_there_is_the_error_of_numpy(mode):
    for function in (np.cumsum, np.sum, np.var, np.nanmean, np.max):
        with pytest.raises(np.exceptions.AxisError):
            db.gradient(lambda x, function=function: np.sum(function(x, axis=-3)), backend=mode)(WIDE)


@each_mode
def test_special_functions_have_their_derivatives_at_the_edges_of_their_domains(mode):
    special = pytest.importorskip("scipy.special")

    def slope(f):
        return db.derivative(f) if mode == "forward" else db.gradient(f, backend=mode)

    assert slope(slope(special.zeta))(-1e-8) == pytest.approx(-2.00635645590858, rel=1e-6)  # zeta''(0)
    assert slope(special.spence)(1e-60) == pytest.approx(math.log(1e-60), rel=1e-14)  # log(x) / (1 - x)
    assert slope(lambda x: special.elliprd(x, 1.0, 2.0))(0.0) == -math.inf

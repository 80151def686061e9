"""Averages, covariances and histograms: NumPy's own values and errors, and closed forms."""

import numpy as np
import pytest

import diffbench as db

RNG = np.random.default_rng(0)
A = RNG.standard_normal((3, 5))
W = RNG.uniform(0.5, 2.0, 5)


@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.cov(a),
        lambda a: np.cov(a, rowvar=False),
        lambda a: np.cov(a, a[::-1] ** 2, bias=True),
        lambda a: np.cov(a, ddof=0, aweights=W),
        lambda a: np.cov(a, fweights=[1, 2, 1, 3, 1], aweights=W),
        lambda a: np.corrcoef(a),
        lambda a: np.corrcoef(a, rowvar=False),
        lambda a: np.average(a, axis=1, weights=W),
        lambda a: np.average(a, axis=(0, 1), weights=a**2),
        lambda a: np.histogram(a, 4, density=True)[0],
        lambda a: np.histogram(a, 4, weights=np.exp(a))[0],
    ],
)
def test_the_traced_value_is_numpys(f):
    value, _ = db.linearize(f)(A)
    np.testing.assert_allclose(value, f(A), rtol=1e-13, atol=1e-14)


def test_the_covariance_in_the_weights_has_the_slope_of_differences():
    f = lambda w: np.cov(A, aweights=w)  # noqa: E731
    expected = db.jacobian(f, backend="finite-central", order=4)(W)
    np.testing.assert_allclose(db.jacobian(f, backend="reverse")(W), expected, atol=1e-9)


def test_the_diagonal_of_the_correlation_is_constant():
    jacobian = db.jacobian(lambda a: np.diagonal(np.corrcoef(a)))(A)
    np.testing.assert_allclose(jacobian, 0, atol=1e-15)


def test_bincount_is_linear_in_the_weights():
    jacobian = db.jacobian(lambda w: np.bincount([0, 2, 2, 0, 1], w))(W)
    np.testing.assert_array_equal(jacobian, [[1, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 1, 1, 0, 0]])


def test_bincount_of_traced_integers_is_refused():
    with pytest.raises(db.UnsupportedPrimitive, match=r"numpy\.bincount"):
        db.gradient(lambda x: np.sum(np.bincount(x, [1.0, 2.0])))(np.array([0.0, 1.0]))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda a: np.average(a, weights=W), TypeError),
        (lambda a: np.average(a, axis=0, weights=W), ValueError),
        (lambda a: np.average(a, axis=1, weights=0 * W), ZeroDivisionError),
        (lambda a: np.cov(a, ddof=1.5), ValueError),
    ],
)
def test_what_numpy_refuses_raises_what_numpy_raises(call, error):
    with pytest.raises(error):
        call(A)
    with pytest.raises(error):
        db.jacobian(call)(A)

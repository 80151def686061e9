"""Functions of SciPy that cannot see a traced value: an error that names them, the user's line, and the way out."""

import numpy as np
import pytest

import diffbench as db

pytest.importorskip("scipy")
from scipy import fft, integrate, interpolate, linalg, optimize, sparse, special, stats

X = np.array([0.3, 0.6])
SPD = np.array([[2.0, 0.3], [0.3, 1.0]])

LOST = {
    "scipy.special.logsumexp": (special.logsumexp, "diffbench.special.logsumexp"),
    "scipy.special.log_softmax": (special.log_softmax, "diffbench.special.log_softmax"),
    "scipy.special.polygamma": (lambda x: special.polygamma(1, x), "diffbench.special.polygamma"),
    "scipy.special.multigammaln": (lambda x: special.multigammaln(x[0] + 3, 2), "diffbench.special.multigammaln"),
    "scipy.special.comb": (lambda x: special.comb(x, 2.0), "ufuncs of scipy.special"),
    "scipy.stats.norm.logpdf": (stats.norm.logpdf, "diffbench.special.norm.logpdf"),
    "scipy.stats.norm.cdf": (lambda x: stats.norm(x[0], 1.0).cdf(0.5), "diffbench.special.norm.cdf"),
    "scipy.stats.gamma.sf": (lambda x: stats.gamma.sf(0.5, x), "diffbench.special.gamma.sf"),
    "scipy.stats.poisson.logpmf": (lambda x: stats.poisson.logpmf(3, x), "diffbench.special.poisson.logpmf"),
    "scipy.stats.gumbel_r.logpdf": (stats.gumbel_r.logpdf, "db.primitive"),
    "scipy.stats.gaussian_kde": (lambda x: stats.gaussian_kde(x)(0.0), "db.primitive"),
    "scipy.linalg.solve": (lambda x: linalg.solve(SPD, x), "numpy.linalg.solve"),
    "scipy.linalg.cholesky": (lambda x: linalg.cholesky(SPD * x[0]), "numpy.linalg.cholesky"),
    "scipy.linalg.inv": (lambda x: linalg.inv(SPD * x[0]), "numpy.linalg.inv"),
    "scipy.linalg.expm": (lambda x: linalg.expm(SPD * x[0]), "db.primitive"),
    "scipy.integrate.quad": (lambda x: integrate.quad(lambda t: t * x[0], 0, 1)[0], "db.primitive"),
    "scipy.integrate.solve_ivp": (lambda x: integrate.solve_ivp(lambda t, y: -y, (0, 1), x).y[:, -1], "db.primitive"),
    "scipy.integrate.odeint": (lambda x: integrate.odeint(lambda y, t: -x[0] * y, [1.0], [0, 1.0])[-1], "db.primitive"),
    "scipy.optimize.brentq": (lambda x: optimize.brentq(lambda t: t - x[0], 0, 1), "db.implicit_root"),
    "scipy.optimize.minimize": (
        lambda x: optimize.minimize(lambda t: np.sum((t - x) ** 2), np.zeros(2)).x, "db.implicit_root",
    ),
    "scipy.interpolate.CubicSpline": (
        lambda x: interpolate.CubicSpline(np.arange(3.0), np.arange(3.0))(x), "db.primitive",
    ),
    "scipy.sparse.diags": (lambda x: sparse.diags(x) @ x, "x * v"),
    "scipy.sparse.dia_matrix.__matmul__": (lambda x: sparse.spdiags(x, 0, 2, 2) @ x, "x * v"),
    "scipy.sparse.coo_array.toarray": (lambda x: sparse.coo_array((x, ([0, 1], [0, 1]))).toarray(), "np.diag"),
    "scipy.fft.rfft": (fft.rfft, "numpy.fft.rfft"),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["forward", "reverse"])
@pytest.mark.parametrize("name", LOST)
@pytest.mark.filterwarnings("ignore")
def test_a_function_of_scipy_that_cannot_be_traced_is_named_with_the_users_line_and_the_way_out(name, backend):
    f, instead = LOST[name]
    with pytest.raises(db.TraceLost) as caught:
        db.jacobian(f, backend=backend)(X)
    assert caught.value.what == f"{name} cannot be called on a traced value"
    assert "test_scipy_calls.py" in caught.value.where
    assert instead in caught.value.hint


@pytest.mark.parametrize("backend", ["forward", "reverse"])
@pytest.mark.parametrize(
    "f",
    [
        special.softmax,
        lambda x: integrate.trapezoid(x**2),
        lambda x: linalg.norm(x),
        lambda x: special.zeta(2.0, x),
        lambda x: special.sinc(x),
    ],
)
def test_functions_of_scipy_that_call_numpy_alone_are_differentiated(f, backend):
    found = db.jacobian(f, backend=backend)(X)
    np.testing.assert_allclose(found, db.jacobian(f, backend="finite-central", order=4)(X), atol=1e-9)


def test_the_way_out_has_the_derivative():
    """The names in the hints exist and take the same arguments."""
    np.testing.assert_allclose(db.special.norm.logpdf(X, 0.1, 2.0), stats.norm.logpdf(X, 0.1, 2.0), rtol=1e-14)


def test_an_error_about_plain_values_stays_as_it_is():
    with pytest.raises(ValueError, match="not met"):
        db.gradient(lambda x: x[0] * special.multigammaln(0.1, 3))(X)


def test_an_error_of_the_users_own_function_that_scipy_calls_stays_as_it_is():
    def mistaken(t):
        raise KeyError("the user's own")

    with pytest.raises(KeyError, match="the user's own"):
        db.gradient(lambda x: x[0] * integrate.quad(mistaken, 0, 1)[0])(X)


def test_what_a_row_of_the_table_says_stays_as_it_is():
    with pytest.raises(db.UnsupportedPrimitive, match="wrightomega"):
        db.gradient(lambda x: special.lambertw(x).real)(0.5)


def test_the_line_of_an_error_is_the_users_and_not_scipys():
    with pytest.raises(db.UnsupportedPrimitive) as caught:
        db.gradient(lambda x: special.lambertw(x).real)(0.5)
    assert "test_scipy_calls.py" in caught.value.where

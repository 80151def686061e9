"""diffbench.special: SciPy's values, and slopes by differences of SciPy's own functions."""

import numpy as np
import pytest

import diffbench as db
from diffbench import special

scipy_special = pytest.importorskip("scipy.special")
stats = pytest.importorskip("scipy.stats")

A = np.array([[0.5, -1.0, 2.0], [3.0, 0.1, -0.7]])
FUNCTIONS = [
    ("logsumexp", (A,), {}), ("logsumexp", (A,), {"axis": 0}), ("logsumexp", (A,), {"axis": 1, "keepdims": True}),
    ("logsumexp", (A,), {"b": np.abs(A)}), ("softmax", (A,), {}), ("softmax", (A,), {"axis": 1}),
    ("log_softmax", (A,), {"axis": 0}), ("multigammaln", (4.5, 3), {}),
]  # fmt: skip
LAWS = [
    ("norm", (0.3, 0.1, 1.5)), ("cauchy", (0.3, 0.1, 1.5)), ("laplace", (0.3, 0.1, 1.5)), ("logistic", (0.3, 0.1, 1.5)),
    ("expon", (0.7, 0.1, 1.5)), ("gamma", (0.7, 2.3, 0.1, 1.5)), ("beta", (0.4, 2.3, 1.7)), ("chi2", (0.7, 3.3)),
    ("lognorm", (0.7, 0.8)), ("weibull_min", (0.7, 1.8)), ("pareto", (1.7, 2.5)), ("t", (0.3, 4.5, 0.1, 1.5)),
    ("uniform", (0.3, 0.1, 1.5)),
]  # fmt: skip
COUNTS = [("poisson", 3, (2.5,)), ("binom", 2, (5, 0.3)), ("bernoulli", 1, (0.3,)), ("geom", 3, (0.3,)),
          ("nbinom", 3, (2.5, 0.4))]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), FUNCTIONS)
def test_a_function_has_scipys_value_and_the_slope_of_differences(name, args, options):
    ours, theirs = getattr(special, name), getattr(scipy_special, name)
    np.testing.assert_allclose(ours(*args, **options), theirs(*args, **options), rtol=1e-13)
    found = db.jacobian(lambda a: ours(a, *args[1:], **options), backend="reverse")(args[0])
    expected = db.jacobian(lambda a: theirs(a, *args[1:], **options), backend="finite-central", order=4)(args[0])
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_polygamma_is_the_next_derivative(n):
    assert special.polygamma(n, 1.7) == pytest.approx(scipy_special.polygamma(n, 1.7), rel=1e-13)
    slope = db.derivative(lambda x: special.polygamma(n, x))(1.7)
    assert slope == pytest.approx(scipy_special.polygamma(n + 1, 1.7), rel=1e-12)


@pytest.mark.parametrize(("name", "args"), LAWS)
@pytest.mark.parametrize("function", ["logpdf", "pdf", "cdf"])
def test_a_law_has_scipys_value_and_the_slopes_of_differences_in_all_parameters(name, args, function):
    ours, theirs = getattr(special, name), getattr(stats, name)
    if function == "cdf" and ours.distribution is None:
        pytest.skip("no closed form")
    f, g = getattr(ours, function), getattr(theirs, function)
    assert f(*args) == pytest.approx(g(*args), rel=1e-12)
    for k in range(len(args)):
        slope = db.derivative(f, argnum=k, backend="reverse")(*args)
        expected = db.derivative(lambda *a: float(g(*a)), argnum=k, backend="finite-central", order=4)(*args)
        assert slope == pytest.approx(expected, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(("name", "k", "args"), COUNTS)
def test_a_law_of_counts_has_scipys_value_and_slopes(name, k, args):
    ours, theirs = getattr(special, name).logpmf, getattr(stats, name).logpmf
    assert ours(k, *args) == pytest.approx(theirs(k, *args), rel=1e-12)
    slope = db.derivative(lambda p: ours(k, *args[:-1], p))(args[-1])
    expected = db.derivative(lambda p: float(theirs(k, *args[:-1], p)), backend="finite-central", order=4)(args[-1])
    assert slope == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("name", ["gamma", "beta", "lognorm", "weibull_min"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_outside_of_the_support_the_density_is_zero_and_so_is_its_slope(name):
    law = getattr(special, name)
    args = (1.5,) * law.shapes
    assert law.logpdf(-0.3, *args) == -np.inf
    assert db.derivative(lambda x: law.pdf(x, *args), backend="reverse")(-0.3) == 0.0


def test_several_dimensions():
    cov, mean, x = np.array([[2.0, 0.3], [0.3, 1.0]]), np.array([0.1, -0.2]), np.array([0.5, 0.7])
    assert special.multivariate_normal.logpdf(x, mean, cov) == pytest.approx(
        stats.multivariate_normal.logpdf(x, mean, cov), rel=1e-13
    )
    slope = db.gradient(lambda m: special.multivariate_normal.logpdf(x, m, cov))(mean)
    np.testing.assert_allclose(slope, np.linalg.solve(cov, x - mean), rtol=1e-12)
    alpha, p = np.array([1.5, 2.0, 0.7]), np.array([0.2, 0.5, 0.3])
    assert special.dirichlet.logpdf(p, alpha) == pytest.approx(stats.dirichlet.logpdf(p, alpha), rel=1e-12)

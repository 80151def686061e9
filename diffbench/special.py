"""Functions of SciPy that convert their arguments first, and so cannot be traced, in plain NumPy and ufuncs.

They have SciPy's names, parameters and order: `special.logsumexp(a, axis=0)`, `special.norm.logpdf(x, loc, scale)`.
Needs SciPy for what is made of its ufuncs. Outside of the support of a law its density is 0, its logarithm -inf, and
their slopes are 0.

>>> import numpy as np, diffbench as db
>>> db.gradient(db.special.logsumexp)(np.array([1000.0, 1000.0]))
array([0.5, 0.5])
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand

LOG_2PI = math.log(2 * math.pi)


def _scipy() -> Any:
    from scipy import special

    return special


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """log(sum(b * exp(a))) along axes, shifted by the largest entry; with return_sign also the sign of the sum."""
    a = as_operand(a)
    largest = np.max(a, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    terms = np.exp(a - shift) if b is None else b * np.exp(a - shift)
    total = np.sum(terms, axis=axis, keepdims=keepdims)
    shift = shift if keepdims else np.reshape(shift, np.shape(total))
    if return_sign:
        return np.log(np.abs(total)) + shift, np.sign(total)
    return np.log(total) + shift


def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along axes."""
    x = as_operand(x)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of softmax, without its underflow."""
    x = as_operand(x)
    return x - logsumexp(x, axis=axis, keepdims=True)


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of the digamma function, at positive x."""
    n = np.asarray(n, float)
    powers = (-1.0) ** (n + 1) * _scipy().gamma(n + 1.0) * _scipy().zeta(n + 1.0 + (n == 0), x)
    return np.where(n == 0, _scipy().psi(x), powers)


def multigammaln(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension d."""
    shifted = np.expand_dims(as_operand(a), -1) - 0.5 * np.arange(d)
    return d * (d - 1) * 0.25 * math.log(math.pi) + np.sum(_scipy().gammaln(shifted), axis=-1)


# -- laws: the logarithm of a density, from which the density follows; distribution functions where they are known ----


class Law:
    """A law with a location and a scale, from its standard form.

    log_density(z, *shapes) and cdf(z, *shapes) of the standard law; inside(z, *shapes) tells its support.
    """

    def __init__(
        self, shapes: int, log_density: Callable, inside: Callable | None = None, distribution: Callable | None = None
    ):
        self.shapes, self.log_density, self.inside, self.distribution = shapes, log_density, inside, distribution

    def _standard(self, x: Any, args: tuple, loc: Any, scale: Any) -> tuple[Any, tuple, Any]:
        shapes, rest = args[: self.shapes], args[self.shapes :]
        if len(shapes) < self.shapes:
            raise TypeError(f"this law has {self.shapes} shape parameter(s), found {len(shapes)}")
        loc, scale = (*rest, *(loc, scale)[len(rest) :])
        return (as_operand(x) - loc) / scale, shapes, scale

    def logpdf(self, x: Any, *args: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
        """The logarithm of the density at x, with shapes, location and scale in SciPy's order."""
        z, shapes, scale = self._standard(x, args, loc, scale)
        if self.inside is None:
            return self.log_density(z, *shapes) - np.log(scale)
        inside = self.inside(z, *shapes)
        return np.where(inside, self.log_density(z, *shapes) - np.log(scale), -np.inf)

    def pdf(self, x: Any, *args: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
        """The density at x."""
        return np.exp(self.logpdf(x, *args, loc=loc, scale=scale))

    def cdf(self, x: Any, *args: Any, loc: Any = 0.0, scale: Any = 1.0) -> Any:
        """The probability of at most x."""
        if self.distribution is None:
            raise NotImplementedError("the distribution function of this law has no closed form here")
        z, shapes, _ = self._standard(x, args, loc, scale)
        return self.distribution(z, *shapes)


def _positive(z: Any, *shapes: Any) -> Any:
    return z > 0


def _unit(z: Any, *shapes: Any) -> Any:
    return (z > 0) & (z < 1)


norm = Law(0, lambda z: -0.5 * z * z - 0.5 * LOG_2PI, None, lambda z: _scipy().ndtr(z))
cauchy = Law(0, lambda z: -np.log1p(z * z) - math.log(math.pi), None, lambda z: 0.5 + np.arctan(z) / math.pi)
laplace = Law(0, lambda z: -np.abs(z) - math.log(2))
logistic = Law(0, lambda z: -z - 2 * np.logaddexp(0.0, -z), None, lambda z: _scipy().expit(z))
uniform = Law(0, lambda z: 0.0 * z, lambda z: (z >= 0) & (z <= 1), lambda z: np.clip(z, 0.0, 1.0))
expon = Law(0, lambda z: -z, lambda z: z >= 0, lambda z: -np.expm1(-np.maximum(z, 0.0)))
gamma = Law(1, lambda z, a: (a - 1) * np.log(z) - z - _scipy().gammaln(a), _positive)
beta = Law(2, lambda z, a, b: (a - 1) * np.log(z) + (b - 1) * np.log1p(-z) - _scipy().betaln(a, b), _unit)
chi2 = Law(1, lambda z, df: gamma.logpdf(z, df / 2, 0.0, 2.0), _positive)
lognorm = Law(1, lambda z, s: norm.logpdf(np.log(z), 0.0, s) - np.log(z), _positive,
              lambda z, s: np.where(z > 0, _scipy().ndtr(np.log(z) / s), 0.0))  # fmt: skip
weibull_min = Law(1, lambda z, c: np.log(c) + (c - 1) * np.log(z) - z**c, _positive,
                  lambda z, c: np.where(z > 0, -np.expm1(-(z**c)), 0.0))  # fmt: skip
pareto = Law(1, lambda z, b: np.log(b) - (b + 1) * np.log(z), lambda z, b: z >= 1,
             lambda z, b: np.where(z >= 1, 1 - z**-b, 0.0))  # fmt: skip
t = Law(1, lambda z, df: _scipy().gammaln((df + 1) / 2) - _scipy().gammaln(df / 2) - 0.5 * np.log(df * math.pi)
        - (df + 1) / 2 * np.log1p(z * z / df))  # fmt: skip


class Counts:
    """A law of whole numbers, by the logarithm of its probabilities."""

    def __init__(self, log_probability: Callable):
        self.logpmf = log_probability

    def pmf(self, k: Any, *args: Any) -> Any:
        """The probability of k."""
        return np.exp(self.logpmf(k, *args))


def _log_choose(n: Any, k: Any) -> Any:
    ln = _scipy().gammaln
    return ln(n + 1.0) - ln(k + 1.0) - ln(n - k + 1.0)


poisson = Counts(lambda k, mu: _scipy().xlogy(k, mu) - mu - _scipy().gammaln(np.asarray(k) + 1.0))
binom = Counts(lambda k, n, p: _log_choose(n, k) + _scipy().xlogy(k, p) + _scipy().xlog1py(n - np.asarray(k), -p))
bernoulli = Counts(lambda k, p: _scipy().xlogy(k, p) + _scipy().xlog1py(1 - np.asarray(k), -p))
geom = Counts(lambda k, p: np.log(p) + (np.asarray(k) - 1) * np.log1p(-p))
nbinom = Counts(
    lambda k, n, p: _scipy().gammaln(k + n) - _scipy().gammaln(np.asarray(k) + 1.0) - _scipy().gammaln(n)
    + n * np.log(p) + _scipy().xlog1py(k, -p)
)  # fmt: skip


class Dirichlet:
    """The law of proportions."""

    @staticmethod
    def logpdf(x: Any, alpha: Any) -> Any:
        """The logarithm of the density at x, which sums to one."""
        ln = _scipy().gammaln
        alpha = as_operand(alpha)
        return ln(np.sum(alpha)) - np.sum(ln(alpha)) + np.sum((alpha - 1) * np.log(x))


class MultivariateNormal:
    """The law of Gauss in several dimensions."""

    @staticmethod
    def logpdf(x: Any, mean: Any, cov: Any) -> Any:
        """The logarithm of the density at the points along the last axis of x."""
        factor = np.linalg.cholesky(as_operand(cov))
        deviation = np.expand_dims(as_operand(x) - mean, -1)
        z = np.linalg.solve(factor, deviation)[..., 0]
        size = np.shape(factor)[-1]
        log_volume = np.sum(np.log(np.diagonal(factor)))
        return -0.5 * np.sum(z * z, axis=-1) - log_volume - 0.5 * size * LOG_2PI


dirichlet, multivariate_normal = Dirichlet(), MultivariateNormal()

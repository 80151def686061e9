"""Laws of counts: the probabilities of whole numbers."""

from typing import Any

import numpy as np

from diffbench.special.laws import Counts
from diffbench.special.library import sc


def _probability(p: Any) -> Any:
    return (p >= 0) & (p <= 1)


def _log_binomial(k: Any, n: Any, p: Any) -> Any:
    """The logarithm of n! / (k! (n-k)!) pᵏ (1-p)ⁿ⁻ᵏ; a number of trials carries no derivative."""
    n = np.floor(n)
    ways = sc.gammaln(n + 1) - sc.gammaln(k + 1) - sc.gammaln(n - k + 1)
    return ways + sc.xlogy(k, p) + sc.xlog1py(n - k, -p)


poisson = Counts(
    "mu",
    valid=lambda mu: mu >= 0,
    logpmf=lambda k, mu: sc.xlogy(k, mu) - mu - sc.gammaln(k + 1),
    cdf=lambda k, mu: sc.gammaincc(k + 1, mu),
    sf=lambda k, mu: sc.gammainc(k + 1, mu),
)
binom = Counts(
    "n",
    "p",
    last=lambda n, p: n,
    valid=lambda n, p: (n >= 0) & (n == np.floor(n)) & _probability(p),
    logpmf=_log_binomial,
    cdf=lambda k, n, p: sc.betaincc(k + 1, np.floor(n) - k, p),
    sf=lambda k, n, p: sc.betainc(k + 1, np.floor(n) - k, p),
)
bernoulli = Counts(
    "p",
    last=lambda p: 1,
    valid=_probability,
    logpmf=lambda k, p: sc.xlogy(k, p) + sc.xlog1py(1 - k, -p),
    cdf=lambda k, p: 1 - p,
    sf=lambda k, p: p,
)
nbinom = Counts(
    "n",
    "p",
    valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    logpmf=lambda k, n, p: sc.gammaln(n + k) - sc.gammaln(k + 1) - sc.gammaln(n) + n * np.log(p) + sc.xlog1py(k, -p),
    cdf=lambda k, n, p: sc.betainc(n, k + 1, p),
    sf=lambda k, n, p: sc.betaincc(n, k + 1, p),
)
geom = Counts(
    "p",
    first=1,
    valid=lambda p: (p > 0) & (p <= 1),
    logpmf=lambda k, p: sc.xlog1py(k - 1, -p) + np.log(p),
    cdf=lambda k, p: -np.expm1(sc.xlog1py(k, -p)),
    logsf=lambda k, p: sc.xlog1py(k, -p),
)

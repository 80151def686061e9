"""Laws with a density: their standard forms, by the formulas that stay accurate in the tails."""

import math
from typing import Any

import numpy as np

from diffbench.primitives.partial import ExactConstant
from diffbench.special.laws import Continuous
from diffbench.special.library import imported, sc

PI = ExactConstant(math.pi, "pi")
LOG_PI = ExactConstant(math.log(math.pi), "log(pi)")
LOG_2 = ExactConstant(math.log(2), "log(2)")
HALF_LOG_2PI = ExactConstant(math.log(2 * math.pi) / 2, "log(2 * pi) / 2")
POSITIVE: dict[str, Any] = {"support": (0.0, math.inf), "inside": 1.0}


def _density(name: str, *args: Any) -> Any:
    """A density, or its logarithm, that the rules of scipy.special have anyway, accurate for large parameters."""
    imported()
    from diffbench.primitives import scipy_special, special_ladders  # noqa: F401  (the names that its slopes use)

    return getattr(special_ladders, name)(*args)


def _log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for x > 0 (Mächler 2012)."""
    near = x < LOG_2
    direct = np.log(-np.expm1(-np.where(near, x, LOG_2)))
    return np.where(near, direct, np.log1p(-np.exp(-np.where(near, LOG_2, x))))


def _below_the_median(z: Any) -> Any:
    """exp(-|z|) / 2, with the slope of exp(z) at 0."""
    return np.exp(np.where(z > 0, -z, z)) / 2


norm = Continuous(
    logpdf=lambda z: -z * z / 2 - HALF_LOG_2PI,
    cdf=lambda z: sc.ndtr(z),
    sf=lambda z: sc.ndtr(-z),
    logcdf=lambda z: sc.log_ndtr(z),
    logsf=lambda z: sc.log_ndtr(-z),
)
t = Continuous(
    "df",
    logpdf=lambda z, df: _density("log_t_density", df, z),
    pdf=lambda z, df: _density("t_density", df, z),
    cdf=lambda z, df: sc.stdtr(df, z),
    sf=lambda z, df: sc.stdtr(df, -z),
)
cauchy = Continuous(
    logpdf=lambda z: -np.log1p(z * z) - LOG_PI,
    cdf=lambda z: np.arctan2(1.0, -z) / PI,
    sf=lambda z: np.arctan2(1.0, z) / PI,
)
laplace = Continuous(
    logpdf=lambda z: -np.abs(z) - LOG_2,
    cdf=lambda z: np.where(z > 0, 1 - _below_the_median(z), _below_the_median(z)),
    sf=lambda z: np.where(z > 0, _below_the_median(z), 1 - _below_the_median(z)),
    logcdf=lambda z: np.where(z > 0, np.log1p(-_below_the_median(z)), z - LOG_2),
    logsf=lambda z: np.where(z > 0, -z - LOG_2, np.log1p(-_below_the_median(z))),
)
logistic = Continuous(
    logpdf=lambda z: sc.log_expit(z) + sc.log_expit(-z),
    cdf=lambda z: sc.expit(z),
    sf=lambda z: sc.expit(-z),
    logcdf=lambda z: sc.log_expit(z),
    logsf=lambda z: sc.log_expit(-z),
)
lognorm = Continuous(
    "s",
    **POSITIVE,
    ends=False,
    logpdf=lambda z, s: -np.square(np.log(z) / s) / 2 - HALF_LOG_2PI - np.log(s) - np.log(z),
    cdf=lambda z, s: sc.ndtr(np.log(z) / s),
    sf=lambda z, s: sc.ndtr(-np.log(z) / s),
    logcdf=lambda z, s: sc.log_ndtr(np.log(z) / s),
    logsf=lambda z, s: sc.log_ndtr(-np.log(z) / s),
)
expon = Continuous(
    **POSITIVE,
    logpdf=lambda z: -z,
    cdf=lambda z: -np.expm1(-z),
    logcdf=_log1mexp,
    logsf=lambda z: -z,
)
gamma = Continuous(
    "a",
    **POSITIVE,
    logpdf=lambda z, a: sc.xlogy(a - 1, z) - z - sc.gammaln(a),
    pdf=lambda z, a: _density("gamma_density", a, z),
    cdf=lambda z, a: sc.gammainc(a, z),
    sf=lambda z, a: sc.gammaincc(a, z),
)
chi2 = Continuous(
    "df",
    **POSITIVE,
    logpdf=lambda z, df: sc.xlogy(df / 2 - 1, z) - z / 2 - sc.gammaln(df / 2) - df / 2 * LOG_2,
    pdf=lambda z, df: _density("gamma_density", df / 2, z / 2) / 2,
    cdf=lambda z, df: sc.gammainc(df / 2, z / 2),
    sf=lambda z, df: sc.gammaincc(df / 2, z / 2),
)
beta = Continuous(
    "a",
    "b",
    support=(0.0, 1.0),
    inside=0.5,
    logpdf=lambda z, a, b: sc.xlogy(a - 1, z) + sc.xlog1py(b - 1, -z) - sc.betaln(a, b),
    pdf=lambda z, a, b: _density("beta_density", a, b, z),
    cdf=lambda z, a, b: sc.betainc(a, b, z),
    sf=lambda z, a, b: sc.betaincc(a, b, z),
)
uniform = Continuous(
    support=(0.0, 1.0),
    inside=0.5,
    logpdf=lambda z: 0.0 * z,
    cdf=lambda z: z,
    sf=lambda z: 1 - z,
)
weibull_min = Continuous(
    "c",
    **POSITIVE,
    logpdf=lambda z, c: np.log(c) + sc.xlogy(c - 1, z) - np.power(z, c),
    cdf=lambda z, c: -np.expm1(-np.power(z, c)),
    logcdf=lambda z, c: _log1mexp(np.power(z, c)),
    logsf=lambda z, c: -np.power(z, c),
)
pareto = Continuous(
    "b",
    support=(1.0, math.inf),
    inside=2.0,
    logpdf=lambda z, b: np.log(b) - (b + 1) * np.log(z),
    cdf=lambda z, b: -np.expm1(-b * np.log(z)),
    logcdf=lambda z, b: _log1mexp(b * np.log(z)),
    logsf=lambda z, b: -b * np.log(z),
)

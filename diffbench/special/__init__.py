"""Functions and laws of SciPy that convert their arguments first, and so cannot be traced where they are.

Here they are in plain NumPy and ufuncs of scipy.special, with SciPy's names, parameters and order:
`special.logsumexp(a, axis=0)` for `scipy.special`, `special.norm.logpdf(x, loc, scale)` for `scipy.stats`. Each is
differentiable in x and in all parameters that are real numbers. SciPy is imported by those that need its ufuncs.

>>> import numpy as np, diffbench as db
>>> db.gradient(db.special.logsumexp)(np.array([1000.0, 1000.0]))
array([0.5, 0.5])
>>> db.gradient(db.special.norm.logpdf, argnum=(0, 1, 2))(1.0, 0.0, 2.0)
(-0.25, 0.25, -0.375)

sums.py        logsumexp, softmax
gammas.py      polygamma, multigammaln
bessel.py      spherical_jn, spherical_yn, spherical_in, spherical_kn
laws.py        what a law of one variable is
continuous.py  those with a density
counts.py      those of whole numbers
several.py     those of several variables
"""

from diffbench.special.bessel import spherical_in, spherical_jn, spherical_kn, spherical_yn
from diffbench.special.continuous import (
    beta,
    cauchy,
    chi2,
    expon,
    gamma,
    laplace,
    logistic,
    lognorm,
    norm,
    pareto,
    t,
    uniform,
    weibull_min,
)
from diffbench.special.counts import bernoulli, binom, geom, nbinom, poisson
from diffbench.special.gammas import multigammaln, polygamma
from diffbench.special.several import dirichlet, multinomial, multivariate_normal
from diffbench.special.sums import log_softmax, logsumexp, softmax

__all__ = [
    "bernoulli",
    "beta",
    "binom",
    "cauchy",
    "chi2",
    "dirichlet",
    "expon",
    "gamma",
    "geom",
    "laplace",
    "log_softmax",
    "logistic",
    "lognorm",
    "logsumexp",
    "multigammaln",
    "multinomial",
    "multivariate_normal",
    "nbinom",
    "norm",
    "pareto",
    "poisson",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "t",
    "uniform",
    "weibull_min",
]

"""Laws of several variables."""

import math
from typing import Any

import numpy as np

from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives.arrays import as_operand, rank_of, shape_of
from diffbench.primitives.partial import ExactConstant
from diffbench.special.library import sc


class multivariate_normal:
    """The law of Gauss in several dimensions."""

    @staticmethod
    def logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """The logarithm of the density at points (..., d), by the Cholesky factor of the covariance.

        mean : (d,) or None for zeros. cov : (d, d), its diagonal (d,), or one number for all.
        Raises LinAlgError where cov is not positive definite. The slope in cov is symmetric.
        """
        if allow_singular:
            raise UnsupportedPrimitive(
                "multivariate_normal with allow_singular=True has no derivative rule",
                where=user_location(),
                why="the density on the range of a singular covariance jumps with its rank",
            )
        x, cov = as_operand(x), as_operand(cov)
        mean = None if mean is None else as_operand(mean)
        size = max(math.prod(shape_of(mean)) if mean is not None else 1, shape_of(cov)[0] if rank_of(cov) else 1)
        if size == 1 and rank_of(x) < 2:  # points on a line
            x = np.expand_dims(x, -1)
        deviation = x if mean is None else x - mean
        if rank_of(cov) < 2:
            variances = cov * np.ones(size, getattr(deviation, "dtype", float))
            z, log_volume = np.square(deviation) / variances, np.sum(np.log(variances)) / 2
        else:
            factor = np.linalg.cholesky(cov)
            z = np.square(np.linalg.solve(factor, np.expand_dims(deviation, -1))[..., 0])
            log_volume = np.sum(np.log(np.diagonal(factor)))
        constant = ExactConstant(size * math.log(2 * math.pi) / 2, f"log(2 * pi) * {size} / 2")
        return -np.sum(z, axis=-1) / 2 - constant - log_volume

    @staticmethod
    def pdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """The density at points (..., d)."""
        return np.exp(multivariate_normal.logpdf(x, mean, cov, allow_singular))


class dirichlet:
    """The law of proportions, which are not negative and sum to one."""

    @staticmethod
    def logpdf(x: Any, alpha: Any) -> Any:
        """The logarithm of the density at x, (d, ...) or (d - 1, ...) without the last, for d parameters alpha."""
        x, alpha = as_operand(x), as_operand(alpha)
        if shape_of(x)[0] + 1 == shape_of(alpha)[0]:
            x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
        powers = np.reshape(alpha - 1, (-1, *(1,) * (rank_of(x) - 1)))
        return sc.gammaln(np.sum(alpha)) - np.sum(sc.gammaln(alpha)) + np.sum(sc.xlogy(powers, x), axis=0)

    @staticmethod
    def pdf(x: Any, alpha: Any) -> Any:
        """The density at x."""
        return np.exp(dirichlet.logpdf(x, alpha))


class multinomial:
    """The law of the counts in several classes."""

    @staticmethod
    def logpmf(x: Any, n: Any, p: Any) -> Any:
        """The logarithm of the probability of counts (..., k) in n trials; -inf where they do not sum to n.

        p : (k,) probabilities, of which the last, as in SciPy, is what the others leave of one.
        """
        x, p = np.floor(as_operand(x)), as_operand(p)
        p = np.concatenate([p[..., :-1], 1 - np.sum(p[..., :-1], axis=-1, keepdims=True)], axis=-1)
        n = np.floor(as_operand(n))
        y = sc.gammaln(n + 1) + np.sum(sc.xlogy(x, p) - sc.gammaln(x + 1), axis=-1)
        possible = (np.sum(x, axis=-1) == n) & np.all(x >= 0, axis=-1)
        return np.where(possible, y, -np.inf)

    @staticmethod
    def pmf(x: Any, n: Any, p: Any) -> Any:
        """The probability of counts (..., k) in n trials."""
        return np.exp(multinomial.logpmf(x, n, p))

"""SciPy's differences: those of scipy.optimize, with one step, and scipy.differentiate, with steps that it adapts."""

from types import MappingProxyType

import numpy as np

from diffbench.backends.adapters.foreign import NESTING
from diffbench.backends.adapters.lazy import Lazy
from diffbench.backends.adapters.vectors import VectorAdapter
from diffbench.errors import ArgumentError, UnsupportedVerb

differentiate, numdiff = Lazy("scipy.differentiate"), Lazy("scipy.optimize._numdiff")

FIRST_DERIVATIVES = ("derivative", "gradient", "value_and_gradient", "jacobian", "jvp", "vjp", "linearize", "pullback")
METHODS = ("3-point", "2-point", "adaptive")


class SciPy(VectorAdapter):
    """SciPy.

    method : "3-point" or "2-point", the differences that scipy.optimize takes of f where no gradient is given; of those
        differences it takes its Hessians. "adaptive": scipy.differentiate, whose first step is 0.5, and which gives NaN
        where that leaves the domain of f.
    """

    name, cost = "scipy", "2 n + 1 evaluations of f"
    requires = "scipy"
    options = ("method",)
    accuracy = (1e-8, 1e-4)
    limits = MappingProxyType({"nesting": NESTING, "precisions": "differences in float64, and none of longdouble"})

    def __init__(self, method: str = "3-point"):
        super().__init__()
        if method not in METHODS:
            raise ArgumentError(f"scipy: method={method!r}", hint=f"one of {', '.join(METHODS)}")
        self.method_of_scipy = method

    def evaluations(self, verb: str, n: int = 1) -> int:
        """The number of evaluations of f that a first derivative needs for n entries in the differentiated arguments.

        >>> SciPy().evaluations("gradient", n=10), SciPy("2-point").evaluations("gradient", n=10)
        (21, 11)
        """
        if self.method_of_scipy == "adaptive" or verb not in FIRST_DERIVATIVES:
            raise UnsupportedVerb(
                f"scipy: nobody knows beforehand how often f runs for {verb!r} with method={self.method_of_scipy!r}",
                hint=f"count the calls of f; known are {', '.join(FIRST_DERIVATIVES)}, with another method",
            )
        return (2 if self.method_of_scipy == "3-point" else 1) * n + 1

    def jacobian_of(self, f, x, y):
        if self.method_of_scipy == "adaptive":
            return differentiate.jacobian(on_columns(f), x).df
        return numdiff.approx_derivative(f, x, method=self.method_of_scipy, f0=y)

    def hessian_of(self, f, x):
        if self.method_of_scipy == "adaptive":
            return differentiate.hessian(lambda points: on_columns(lambda x: np.atleast_1d(f(x)))(points)[0], x).ddf
        step = np.finfo(float).eps ** (1 / 4)  # wider, since the inner differences are right to eps**(2/3) only

        def gradient(x: np.ndarray) -> np.ndarray:
            return np.ravel(numdiff.approx_derivative(f, x, method=self.method_of_scipy))

        return np.reshape(numdiff.approx_derivative(gradient, x, self.method_of_scipy, rel_step=step), (x.size, x.size))


def on_columns(f):
    """f, applied to each vector that stands along the first axis of an array."""

    def evaluate(points: np.ndarray) -> np.ndarray:
        columns = points.reshape(len(points), -1)
        return np.stack([f(column) for column in columns.T], -1).reshape(-1, *points.shape[1:])

    return evaluate

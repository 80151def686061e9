"""Functions of n numbers: Helmholtz energy, Rosenbrock, and the Speelpenning product."""

import math
from typing import Any

import numpy as np

from diffbench.problems.problem import Problem

SQRT2 = math.sqrt(2.0)


def helmholtz(x: Any, A: Any, b: Any, RT: float = 1.0) -> Any:
    """Helmholtz free energy of a mixed fluid (Peng-Robinson form), x: (n,), A: (n, n), b: (n,).

    RT sum_i x_i log(x_i / (1 - s)) - x.Ax / (sqrt 8 s) log[(1 + (1 + sqrt 2) s) / (1 + (1 - sqrt 2) s)]
    with s = b.x.

    The factor x_i before the logarithm belongs there (ideal mixing); some published benchmarks leave it out,
    and their numbers differ from ours.
    """
    bx = np.dot(b, x)
    mixing = RT * np.sum(x * np.log(x / (1 - bx)))
    ratio = (1 + (1 + SQRT2) * bx) / (1 + (1 - SQRT2) * bx)
    return mixing - np.dot(x, np.dot(A, x)) / (math.sqrt(8.0) * bx) * np.log(ratio)


def helmholtz_gradient(x: Any, A: Any, b: Any, RT: float = 1.0) -> Any:
    """(n,): every term depends on x directly, through s = b.x, or through q = x.Ax."""
    s = np.dot(b, x)
    Ax, xA = np.dot(A, x), np.dot(x, A)
    above, below = 1 + (1 + SQRT2) * s, 1 + (1 - SQRT2) * s
    log_ratio = np.log(above / below)
    q = np.dot(x, Ax)
    d_mixing_ds = RT * np.sum(x) / (1 - s)
    d_attraction_ds = q / (math.sqrt(8.0) * s) * ((1 + SQRT2) / above - (1 - SQRT2) / below - log_ratio / s)
    return (
        RT * (np.log(x / (1 - s)) + 1)
        - (Ax + xA) * (log_ratio / (math.sqrt(8.0) * s))
        + b * (d_mixing_ds - d_attraction_ds)
    )


def helmholtz_point(n: int) -> tuple[Any, ...]:
    """x = 0.1, 0.2, 0.3, 0.1, ...; b proportional to x with b.x = 0.14 for every n; A_ij = 1/(1 + i + j).

    At n = 3 that is x = b = (0.1, 0.2, 0.3). For b.x of this size every logarithm is well defined.
    """
    x, i = np.resize([0.1, 0.2, 0.3], n), np.arange(n)
    return x, 1.0 / (1.0 + i[:, None] + i[None, :]), x * (0.14 / np.dot(x, x))


def rosenbrock(x: Any) -> Any:
    """sum over i of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2, as array arithmetic."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loop(x: Any) -> Any:
    """The same sum, written as a loop over indices."""
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def rosenbrock_gradient(x: Any) -> Any:
    """(n,): each x_i appears in the term that it starts and in the term that it ends."""
    gap = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400.0 * x[:-1] * gap - 2.0 * (1.0 - x[:-1])
    gradient[1:] += 200.0 * gap
    return gradient


def speelpenning(x: Any) -> Any:
    """The product of all x_i."""
    return np.prod(x)


def speelpenning_gradient(x: Any) -> Any:
    """(n,): the product of all before i times the product of all after i; no division, so zeros are fine."""
    one = x[:1] * 0.0 + 1.0
    before = np.concatenate([one, np.cumprod(x[:-1])])
    after = np.concatenate([one, np.cumprod(x[:0:-1])])[::-1]
    return before * after


def _rosenbrock(name: str, title: str, function: Any, *written: str) -> Problem:
    return Problem(
        name=name,
        title=title,
        function=function,
        derivative=rosenbrock_gradient,
        arguments=lambda n: (np.resize([0.5, 1.0], n),),
        size=2,
        size_means="n of x in R^n",
        source="Rosenbrock 1960, Computer Journal 3, 175-184; chained as in More, Garbow, Hillstrom 1981",
        tags=frozenset({"vector", "analytic", *written}),
    )


VECTOR_PROBLEMS = (
    Problem(
        name="helmholtz",
        title="Helmholtz energy",
        function=helmholtz,
        derivative=helmholtz_gradient,
        arguments=helmholtz_point,
        size=3,
        size_means="n of x in R^n",
        source="Baydin, Pearlmutter, Radul, Siskind 2018, JMLR 18(153), section 6; Griewank 1989",
        tags=frozenset({"vector", "analytic"}),
    ),
    _rosenbrock("rosenbrock", "Rosenbrock", rosenbrock),
    _rosenbrock("rosenbrock_loop", "Rosenbrock as a loop", rosenbrock_loop, "loop"),
    Problem(
        name="speelpenning",
        title="Speelpenning product",
        function=speelpenning,
        derivative=speelpenning_gradient,
        arguments=lambda n: (np.arange(1.0, n + 1) / np.arange(2.0, n + 2),),
        size=7,
        size_means="n of x in R^n",
        source="Speelpenning 1980; point as in ADOL-C, examples/speelpenning.cpp",
        closed=lambda x: 1.0 / (len(x) + 1),
        tags=frozenset({"vector", "analytic"}),
    ),
)

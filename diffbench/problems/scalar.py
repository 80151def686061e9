"""Functions of one number: the logistic map, and the two test functions of the complex-step papers."""

from typing import Any

import numpy as np

from diffbench.problems.problem import Problem

LOGISTIC_SOURCE = "Baydin, Pearlmutter, Radul, Siskind 2018, JMLR 18(153), table 1 and figures 1-3"


def logistic_loop(x: Any, n: int) -> Any:
    """l_n(x), where l_1 = x and l_{k+1} = 4 l_k (1 - l_k): a polynomial of degree 2^(n-1)."""
    for _ in range(1, n):
        x = 4 * x * (1 - x)
    return x


def logistic_recursion(x: Any, n: int) -> Any:
    """l_n(x), written as it is defined."""
    if n == 1:
        return x
    before = logistic_recursion(x, n - 1)
    return 4 * before * (1 - before)


def logistic_while(x: Any, n: int) -> Any:
    """l_n(x), written with while."""
    steps = 1
    while steps < n:
        x = 4 * x * (1 - x)
        steps += 1
    return x


def logistic_derivative(x: Any, n: int) -> Any:
    """l_n'(x) = product over k < n of (4 - 8 l_k), by the chain rule."""
    slope = x * 0.0 + 1.0
    for _ in range(1, n):
        slope = slope * (4 - 8 * x)
        x = 4 * x * (1 - x)
    return slope


def logistic_closed(x: Any, n: int) -> Any:
    """l_n(x) = sin^2(2^(n-1) arcsin sqrt x), for 0 <= x <= 1."""
    return np.sin(2 ** (n - 1) * np.arcsin(np.sqrt(x))) ** 2


def squire_trapp(x: Any) -> Any:
    """x^(9/2)."""
    return x**4.5


def squire_trapp_derivative(x: Any) -> Any:
    """9/2 x^(7/2)."""
    return 4.5 * x**3.5


def squire_trapp_ratio(x: Any) -> Any:
    """e^x / (sin^3 x + cos^3 x)."""
    return np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3)


def squire_trapp_ratio_derivative(x: Any) -> Any:
    """The quotient rule: e^x (g - g') / g^2 with g = sin^3 x + cos^3 x."""
    s, c = np.sin(x), np.cos(x)
    g = s**3 + c**3
    return np.exp(x) * (g - 3 * s * c * (s - c)) / g**2


def martins(x: Any) -> Any:
    """e^x / sqrt(sin^3 x + cos^3 x)."""
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def martins_derivative(x: Any) -> Any:
    """The quotient rule: e^x (g - g'/2) / g^(3/2) with g = sin^3 x + cos^3 x."""
    s, c = np.sin(x), np.cos(x)
    g = s**3 + c**3
    return np.exp(x) * (g - 1.5 * s * c * (s - c)) / g**1.5


def _logistic(name: str, function: Any, *written: str) -> Problem:
    return Problem(
        name=name,
        title="Logistic map l_n",
        function=function,
        derivative=logistic_derivative,
        arguments=lambda n: (0.2, n),
        size=4,
        size_means="n of l_n; the degree is 2^(n-1)",
        source=LOGISTIC_SOURCE,
        verb="derivative",
        closed=logistic_closed,
        tags=frozenset({"scalar", "analytic", *written}),
    )


def _at_three_halves(name: str, title: str, function: Any, derivative: Any, source: str) -> Problem:
    return Problem(
        name=name,
        title=title,
        function=function,
        derivative=derivative,
        arguments=lambda n: (1.5,),
        size=1,
        size_means="always 1",
        source=source,
        verb="derivative",
        tags=frozenset({"scalar", "analytic"}),
    )


SQUIRE_TRAPP_SOURCE = "Squire, Trapp 1998, SIAM Review 40(1), 110-112"
MARTINS_SOURCE = "Martins, Sturdza, Alonso 2003, ACM TOMS 29(3), 245-262"

SCALAR_PROBLEMS = (
    _logistic("logistic_loop", logistic_loop, "loop"),
    _logistic("logistic_recursion", logistic_recursion, "recursion"),
    _logistic("logistic_while", logistic_while, "while"),
    _at_three_halves("squire_trapp", "Squire-Trapp power", squire_trapp, squire_trapp_derivative, SQUIRE_TRAPP_SOURCE),
    _at_three_halves(
        "squire_trapp_ratio",
        "Squire-Trapp function",
        squire_trapp_ratio,
        squire_trapp_ratio_derivative,
        SQUIRE_TRAPP_SOURCE,
    ),
    _at_three_halves("martins", "Martins function", martins, martins_derivative, MARTINS_SOURCE),
)

"""Programs that take derivatives inside of what is differentiated: a saddle point, and the steering of a particle.

Some 25,000 inner gradients of two variables stand under one outer derivative, with loops that end by traced values. The
numbers to which both come are published to 16 digits. Both are given the gradients to use: functions that turn f of a
list of numbers into the function that gives the list of its partial derivatives.

Source: Pearlmutter, Siskind 2008, "Using programming language theory to make automatic differentiation sound and
efficient", section 5.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Gradient = Callable[[Callable[[list], Any]], Callable[[list], Any]]

SADDLE = [8.246324826140356e-06] * 4
"""Where (x1, y1) minimises what (x2, y2) maximises, as far as the naive descent comes."""
STEERING = 0.20719187464861194
"""The charge's displacement for which the particle lands at the origin."""


def size(v: Sequence) -> Any:
    """The length of a vector."""
    return np.sqrt(sum(a * a for a in v))


def distance(u: Sequence, v: Sequence, sqrt: Callable = np.sqrt) -> Any:
    """The distance of two points."""
    return sqrt(sum((a - b) * (a - b) for a, b in zip(u, v)))


def minimum(f: Callable[[list], Any], x: list, gradient: Gradient) -> tuple[list, Any]:
    """Naive gradient descent to a step or a gradient below 1e-5: where it ends, and f there.

    The rate doubles after ten steps that went down, and halves at one that did not.
    """
    g, rate, successes, tolerance = gradient(f), 1e-5, 0, 1e-5
    value, slopes = f(x), g(x)
    while size(slopes) > tolerance:
        if successes == 10:
            rate, successes = 2 * rate, 0
            continue
        tried = [a - rate * b for a, b in zip(x, slopes)]
        if distance(x, tried) <= tolerance:
            break
        found = f(tried)
        if found < value:
            x, value, slopes, successes = tried, found, g(tried), successes + 1
        else:
            rate, successes = rate / 2, 0
    return x, value


def saddle(outer: Gradient, inner: Gradient) -> list:
    """x1, y1, x2, y2: min over the first two of max over the others of (x1² + y1²) - (x2² + y2²), from ones."""

    def negative(first: list) -> Callable[[list], Any]:
        return lambda second: (second[0] ** 2 + second[1] ** 2) - (first[0] ** 2 + first[1] ** 2)

    first, _ = minimum(lambda first: -minimum(negative(first), [1.0, 1.0], inner)[1], [1.0, 1.0], outer)
    second, _ = minimum(negative(first), [1.0, 1.0], inner)
    return first + second


def potential(x: Sequence, charges: Sequence, sqrt: Callable = np.sqrt) -> Any:
    """The potential of unit charges: the sum of the inverse distances."""
    return sum(1.0 / distance(x, charge, sqrt) for charge in charges)


def landing(w: Any, inner: Gradient, step: float = 0.1, sqrt: Callable = np.sqrt) -> Any:
    """The squared place at which a particle reaches the line y = 0, by Euler's method.

    It starts at (0, 8) to the right and is pushed by charges at (10, 10 - w) and (10, 0): its acceleration is the
    negative gradient of their potential. `sqrt` is that of the library which `inner` belongs to.
    """
    charges = [[10.0, 10.0 - w], [10.0, 0.0]]
    slope = inner(lambda x: potential(x, charges, sqrt))
    x: list = [0.0, 8.0]
    v: list = [0.75, 0.0]
    while True:
        pull = slope(x)
        ahead = [a + step * b for a, b in zip(x, v)]
        if not ahead[1] > 0:
            rest = -x[1] / v[1]
            return (x[0] + rest * v[0]) ** 2
        x, v = ahead, [a - step * b for a, b in zip(v, pull)]


def particle(outer: Gradient, inner: Gradient) -> Any:
    """The w for which the particle lands at the origin."""
    (w,), _ = minimum(lambda ws: landing(ws[0], inner), [0.0], outer)
    return w

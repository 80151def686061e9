"""Small functions of the lecture, with the names that the lecture gives to their intermediate values.

db.trace(two_results, 2.0, 3.0).reverse((1.0, 0.0))
"""

from typing import Any

import numpy as np


def two_results(x1: Any, x2: Any) -> tuple[Any, Any]:
    """The example of the tables of forward and reverse mode, at (2, 3)."""
    v1 = x1 * x2
    v2 = np.log(x2)
    return np.sin(v1), v1 + v2


def neuron_loss(w: Any, x: Any, b: Any, t: Any) -> Any:
    """Half the squared error of one sigmoid unit, as a sequence of primitives; at w = 2, x = 3, b = -4, t = 1."""
    t1 = w * x
    z = t1 + b
    t3 = -z
    t4 = np.exp(t3)
    t5 = 1 + t4
    y = 1 / t5
    t6 = y - t
    t7 = t6**2
    return t7 / 2


def sines(x: Any, n: int = 3) -> Any:
    """sin(sin(... sin(x))), n times."""
    for _ in range(n):
        x = np.sin(x)
    return x


def relu_loss(W: Any, y: Any, b: Any) -> Any:
    """The sum of the squares of relu(W y + b), halved."""
    return 0.5 * np.sum(np.maximum(W @ y + b, 0.0) ** 2)


def energy(x: Any) -> Any:
    """A chain of springs with a nonlinear end."""
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sin(x[0]) * x[-1]


def gradient_with_a_mistake(x: Any) -> Any:
    """What a colleague wrote for `energy`. Two entries are wrong."""
    g = np.zeros_like(x)
    g[1:] += 2 * (x[1:] - x[:-1])
    g[:-1] -= 2 * (x[1:] - x[:-1])
    g[0] += np.cos(x[0])
    g[-1] += np.cos(x[0])
    return g

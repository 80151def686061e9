"""Small functions of the notebooks and their exercises; those that the lecture goes through are in items.py."""

from typing import Any

import numpy as np


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

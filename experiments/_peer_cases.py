"""What `peers` and `wrapper_overhead` differentiate: functions in NumPy or alike, and their gradients by hand.

A function takes x, the module whose functions it calls, and constants, so that each library can be given it as its own
users write it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# ------------------------------------------------------------------------------- the functions, in NumPy or alike


def logistic(x: Any, np: Any, steps: int) -> Any:
    for _ in range(steps):
        x = 3.7 * x * (1 - x)
    return x


def rosenbrock(x: Any, np: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_loop(x: Any, np: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def helmholtz(x: Any, np: Any, A: Any, b: Any) -> Any:
    bx = np.dot(b, x)
    root = math.sqrt(2.0)
    mixed = np.dot(x, np.dot(A, x)) / (2 * root * bx) * np.log((1 + (1 + root) * bx) / (1 + (1 - root) * bx))
    return np.sum(x * np.log(x / (1 - bx))) - mixed


def elementwise(x: Any, np: Any) -> Any:
    return np.sum(np.exp(-x * x) * np.sin(3.0 * x) / (1.0 + x * x))


def network(theta: Any, np: Any, X: Any, Y: Any) -> Any:
    """Cross-entropy of a 64-100-10 network with tanh."""
    W1, b1 = np.reshape(theta[:6400], (64, 100)), theta[6400:6500]
    W2, b2 = np.reshape(theta[6500:7500], (100, 10)), theta[7500:]
    z = np.dot(np.tanh(np.dot(X, W1) + b1), W2) + b2
    m = np.max(z, axis=1, keepdims=True)
    normaliser = np.log(np.sum(np.exp(z - m), axis=1, keepdims=True)) + m
    return -np.mean(np.sum(Y * (z - normaliser), axis=1))


def mixture(theta: Any, np: Any, X: Any, K: int) -> Any:
    """Log-likelihood of a diagonal mixture of Gaussians, all points and components at once."""
    d = X.shape[1]
    weights, centres = theta[:K], np.reshape(theta[K : K + K * d], (K, d))
    scales = np.reshape(theta[K + K * d :], (K, d))
    scaled = (X[:, None, :] - centres[None, :, :]) * np.exp(scales)[None, :, :]
    e = weights + np.sum(scales, axis=1) - 0.5 * np.sum(scaled * scaled, axis=2)
    m = np.max(e, axis=1, keepdims=True)
    return np.sum(np.log(np.sum(np.exp(e - m), axis=1)) + m[:, 0])


def logistic_by_hand(x: Any, steps: int) -> Any:
    slope = 1.0
    for _ in range(steps):
        slope = slope * 3.7 * (1 - 2 * x)
        x = 3.7 * x * (1 - x)
    return slope


def rosenbrock_by_hand(x: Any) -> Any:
    r = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * x[:-1] * r - 2 * (1 - x[:-1])
    gradient[1:] += 200 * r
    return gradient


def elementwise_by_hand(x: Any) -> Any:
    e, s, c, q = np.exp(-x * x), np.sin(3 * x), np.cos(3 * x), 1 + x * x
    return e * (3 * c - 2 * x * s - 2 * x * s / q) / q


def network_by_hand(theta: Any, X: Any, Y: Any) -> Any:
    W1, b1 = theta[:6400].reshape(64, 100), theta[6400:6500]
    W2, b2 = theta[6500:7500].reshape(100, 10), theta[7500:]
    h = np.tanh(X @ W1 + b1)
    z = h @ W2 + b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    z_bar = (e / e.sum(axis=1, keepdims=True) - Y) / len(X)
    a_bar = (z_bar @ W2.T) * (1 - h * h)
    return np.concatenate([(X.T @ a_bar).ravel(), a_bar.sum(axis=0), (h.T @ z_bar).ravel(), z_bar.sum(axis=0)])


# ----------------------------------------------------------------------------------------------------- the cases


@dataclass(frozen=True)
class Case:
    """What is differentiated where: function(x, np, *constants), and the gradient by hand where there is one."""

    title: str
    verb: str
    function: Callable
    point: Any
    constants: tuple = ()
    by_hand: Callable | None = None

    def direction(self, seed: int = 1) -> Any:
        """A random direction, of the shape of the point."""
        return np.random.default_rng(seed).standard_normal(np.shape(self.point))[()]


CASES = (
    "logistic loop",
    "Rosenbrock loop",
    "Rosenbrock, small",
    "Helmholtz",
    "Rosenbrock, large",
    "elementwise, large",
    "network",
    "mixture",
    "logistic loop, JVP",
    "elementwise, JVP",
    "Rosenbrock, HVP",
    "Rosenbrock, Hessian",
)
LOOPS = ("logistic loop", "Rosenbrock loop", "logistic loop, JVP")


def made(name: str, large: int) -> Case:
    """A case; `large` entries where memory is to decide.

    It draws no more than it needs: the allocator would keep the memory, and spare each call its page faults.
    """
    random = np.random.default_rng(0)
    steps = 1000 if large > 10**5 else 100
    if name in ("logistic loop", "logistic loop, JVP"):
        verb = "jvp" if "JVP" in name else "gradient"
        return Case(f"3.7x(1-x), {steps} steps: {verb}", verb, logistic, 0.3, (steps,), logistic_by_hand)
    if name == "Rosenbrock loop":
        return Case(
            f"Rosenbrock, loop, n = {steps}", "gradient", rosenbrock_loop, random.random(steps), (), rosenbrock_by_hand
        )
    if name.startswith("Rosenbrock"):
        verb, count = {
            "small": ("gradient", 100), "large": ("gradient", large), "HVP": ("hvp", large // 10),
            "Hessian": ("hessian", 100),
        }[name.split(", ")[1]]  # fmt: skip
        point = random.random(count)
        return Case(f"Rosenbrock, n = {len(point)}: {verb}", verb, rosenbrock, point, (), rosenbrock_by_hand)
    if name == "Helmholtz":
        A = random.random((100, 100))
        few = random.random(100)
        return Case("Helmholtz, n = 100", "gradient", helmholtz, few, (A + A.T, random.random(100) * 1e-3))
    if name.startswith("elementwise"):
        verb = "jvp" if "JVP" in name else "gradient"
        return Case(
            f"exp·sin/(1+x²), n = {large}: {verb}", verb, elementwise, random.random(large), (), elementwise_by_hand
        )
    if name == "network":
        X, Y = random.standard_normal((1797, 64)), np.eye(10)[random.integers(0, 10, 1797)]
        theta = 0.1 * random.standard_normal(7510)
        return Case("network 64-100-10, 1797 rows", "gradient", network, theta, (X, Y), network_by_hand)
    X = random.standard_normal((1000, 10))
    theta = np.concatenate([random.standard_normal(25 + 250), 0.1 * random.standard_normal(250)])
    return Case("mixture, d = 10, K = 25, N = 1000", "gradient", mixture, theta, (X, 25))

"""Small programs, each with one feature that programs have and differentiators stumble over, and its gradient by hand.

    judge(FEATURES["if on a value"], "reverse").verdict     # right, refused, obscure or wrong

A feature is a plain NumPy program f, a point, and the gradient worked out on paper: no differentiator judges another.
"""

import copy
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.operators import derivative, gradient


@dataclass(frozen=True)
class Feature:
    """A program, the point where it is differentiated, and its gradient there; `kind` is the group it is shown in."""

    name: str
    kind: str
    f: Callable[..., Any]
    truth: Any
    point: Any = None
    keywords: dict[str, Any] | None = None

    @property
    def at(self) -> Any:
        """A fresh copy of the point."""
        return np.array([0.5, 1.0, 2.0]) if self.point is None else copy.deepcopy(self.point)

    @property
    def gradient(self) -> Any:
        """The gradient at the point, in the containers of the argument."""
        truth = self.truth(self.at) if callable(self.truth) else self.truth
        return np.asarray(truth) if isinstance(truth, list) else copy.deepcopy(truth)


FEATURES: dict[str, Feature] = {}


def feature(kind: str, name: str, truth: Any, point: Any = None, **keywords: Any) -> Callable:
    """Enter a program into the table of features."""

    def enter(f: Callable) -> Callable:
        FEATURES[name] = Feature(name, kind, f, truth, point, keywords or None)
        return f

    return enter


W = np.array([1.0, 10.0, 100.0])
M = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 4.0]])

# ------------------------------------------------------------------------------------------------ control flow


@feature("control flow", "if on a value", lambda x: [x[1] * x[2], x[0] * x[2], x[0] * x[1]])
def _(x):
    y = x[0] * x[1]
    if y > 0:
        return y * x[2]
    return y


@feature("control flow", "if on equality, ==", [0.0, 2.0, 0.0])
def _(x):
    return x[1] ** 2 if x[0] == 0.5 else x[1]


@feature("control flow", "while on a value", [8.0, 8.0, 8.0])
def _(x):
    s = np.sum(x)
    while s < 20:
        s = 2 * s
    return s


@feature("control flow", "iteration to convergence", lambda x: 0.5 / np.sqrt(x))
def _(x):
    y = x
    while np.max(np.abs(y * y - x)) > 1e-13:
        y = 0.5 * (y + x / y)
    return np.sum(0.5 * (y + x / y))


@feature("control flow", "recursion", lambda x: 5 * x**4)
def _(x):
    def power(n):
        return x if n == 1 else x * power(n - 1)

    return np.sum(power(5))


@feature("control flow", "loop of 500 steps", [0.999**500, 0.0, 0.0])
def _(x):
    y = x[0]
    for _ in range(500):
        y = 0.999 * y
    return y


@feature("control flow", "range(int(value))", [0.0, 0.0, 4.0], np.array([0.5, 1.0, 2.5]))
def _(x):
    y = x[2]
    for _ in range(int(x[2])):
        y = 2 * y
    return y


@feature("control flow", "value as an index, int(x)", [0.0, 0.0, 5.0], np.array([0.5, 1.0, 2.5]))
def _(x):
    return x[int(x[2])] ** 2


@feature("control flow", "try / except", lambda x: 2 * x)
def _(x):
    try:
        return np.sum(x) + [][0]
    except IndexError:
        return np.sum(x**2)


@feature("control flow", "assert np.isfinite(x).all()", lambda x: 2 * x)
def _(x):
    assert np.isfinite(x).all()
    return np.sum(x**2)


@feature("control flow", "isinstance(x, np.ndarray)", lambda x: 2 * x)
def _(x):
    x = x if isinstance(x, np.ndarray) else np.asarray(x)
    return np.sum(x**2)


# ------------------------------------------------------------------------------------------- Python's own tools


@feature("Python", "sum() over a list comprehension", lambda x: 2 * x)
def _(x):
    return sum([entry**2 for entry in x])


@feature("Python", "generator, enumerate", [0.0, 1.0, 2.0])
def _(x):
    return sum(i * entry for i, entry in enumerate(x))


@feature("Python", "max() of entries", [0.0, 0.0, 4.0])
def _(x):
    return max(x) ** 2


@feature("Python", "functools.reduce", lambda x: np.prod(x) / x)
def _(x):
    return functools.reduce(lambda a, b: a * b, x)


@feature("Python", "unpacking", [1.0, 0.5, 4.0])
def _(x):
    a, b, c = x
    return a * b + c**2


@feature("Python", "math.sin", lambda x: [np.cos(x[0]), 0.0, 0.0])
def _(x):
    return math.sin(x[0])


@feature("Python", "float(x)", [4.0, 0.0, 0.0])
def _(x):
    return float(x[0]) * x[0] * 4.0


@feature("Python", "x.tolist()", lambda x: 2 * x)
def _(x):
    return sum(entry**2 for entry in x.tolist())


@feature("Python", "print and f-strings", lambda x: 2 * x)
def _(x):
    str(x), f"{x[0]}", repr(x[1])
    return np.sum(x**2)


@feature("Python", "f-string with a format, .3f", lambda x: 2 * x)
def _(x):
    format(x[0], ".3f")
    return np.sum(x**2)


@feature("Python", "copy.deepcopy(x)", lambda x: 2 * x)
def _(x):
    return np.sum(copy.deepcopy(x) * x)


@feature("Python", "closure over an array", W)
def _(x):
    def inner():
        return np.sum(W * x)

    return inner()


CALLS: list[Any] = []


@feature("Python", "global state", lambda x: 2 * x)
def _(x):
    CALLS.append(None)
    return np.sum(x**2)


@feature("Python", "random numbers, seeded", np.random.default_rng(0).normal(size=3))
def _(x):
    return np.sum(np.random.default_rng(0).normal(size=3) * x)


@feature("Python", "keyword arguments", lambda x: 3 * x**2, power=3)
def _(x, *, power=2):
    return np.sum(x**power)


# ------------------------------------------------------------------------------------------ arguments, results


@dataclass
class Model:
    """Parameters as programs keep them."""

    weights: Any
    bias: Any


@feature(
    "arguments, nesting", "dict argument", {"a": np.array([2.0, 4.0]), "b": 3.0}, {"a": np.array([1.0, 2.0]), "b": 4.0}
)
def _(x):
    return np.sum(x["a"] ** 2) + 3 * x["b"]


@feature("arguments, nesting", "dataclass argument", Model(np.array([2.0, 4.0]), 3.0), Model(np.array([1.0, 2.0]), 4.0))
def _(x):
    return np.sum(x.weights**2) + 3 * x.bias


@feature("arguments, nesting", "a number", -np.sin(0.3), 0.3)
def _(x):
    return np.cos(x)


@feature("arguments, nesting", "array without axes", 6.0, np.array(3.0))
def _(x):
    return x**2


@feature("arguments, nesting", "empty array", np.zeros(0), np.zeros(0))
def _(x):
    return np.sum(x**2)


@feature("arguments, nesting", "integer array", [2.0, 4.0, 6.0], np.array([1, 2, 3]))
def _(x):
    return np.sum(x**2)


@feature("arguments, nesting", "float32", np.array([1.0, 2.0, 4.0], np.float32), np.array([0.5, 1.0, 2.0], np.float32))
def _(x):
    return np.sum(x**2)


@feature("arguments, nesting", "constant result", [0.0, 0.0, 0.0])
def _(x):
    return 3.0


@feature("arguments, nesting", "unused entries", [0.0, 2.0, 0.0])
def _(x):
    return x[1] ** 2


@feature("arguments, nesting", "argument changed in place", lambda x: 2 * x * [9, 1, 1])
def _(x):
    x[0] = 3 * x[0]
    return np.sum(x**2)


# ----------------------------------------------------------------------------------------------- NumPy's arrays


@feature("arrays", "fancy index with repeats", lambda x: [4 * x[0], 0.0, 2 * x[2]])
def _(x):
    return np.sum(x[[0, 0, 2]] ** 2)


@feature("arrays", "boolean mask from values", lambda x: [0.0, 2 * x[1], 2 * x[2]])
def _(x):
    return np.sum(x[x > 0.7] ** 2)


@feature("arrays", "assignment, y[i] = ...", lambda x: [2.0, 2 * x[1] + 3, 0.0])
def _(x):
    y = np.zeros_like(x)
    y[0] = x[1] ** 2
    y[1:] = x[:2]
    return np.sum(y * [1, 2, 3])


@feature("arrays", "assignment into np.zeros(3)", [0.0, 2.0, 0.0])
def _(x):
    y = np.zeros(3)
    y[0] = x[1] ** 2
    return np.sum(y)


@feature("arrays", "in-place operators", lambda x: 2 * x)
def _(x):
    y = 1.0 * x
    y *= x
    y += 1
    return np.sum(y)


@feature("arrays", "np.add.at", lambda x: [2 * (x[0] + x[1])] * 2 + [2 * x[2]])
def _(x):
    y = np.zeros_like(x)
    np.add.at(y, [0, 0, 1], x)
    return np.sum(y**2)


@feature("arrays", "out=", lambda x: 2 * x)
def _(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    return np.sum(y)


@feature("arrays", "np.array([x[0], ...])", lambda x: [2 * x[0] * x[1] ** 2, 2 * x[0] ** 2 * x[1], 2 * x[2]])
def _(x):
    return np.sum(np.array([x[0] * x[1], 1.0, x[2]]) ** 2)


@feature("arrays", "array of objects", [1.0, 1.0, 0.0])
def _(x):
    return np.sum(np.array([x[0], x[1]], dtype=object))


@feature("arrays", "np.vectorize", lambda x: np.where(x > 0.7, 2 * x, 1.0))
def _(x):
    return np.sum(np.vectorize(lambda t: t**2 if t > 0.7 else t, otypes=[object])(x))


@feature("arrays", "x.astype(float)", lambda x: 2 * x)
def _(x):
    return np.sum(x.astype(float) ** 2)


@feature("arrays", "broadcasting, reshape, .T", lambda x: 2 * np.sum(x) * np.ones(3))
def _(x):
    return np.sum(x[:, None] * x.reshape(1, 3).T.T)


@feature("arrays", "np.where with a NaN branch", lambda x: [0.0, 1 / x[1], 1 / x[2]], np.array([-1.0, 0.5, 2.0]))
def _(x):
    with np.errstate(invalid="ignore"):
        return np.sum(np.where(x > 0, np.log(x), 0.0))


@feature("arrays", "np.clip, np.abs", [-1.0, 2.0, 1.0])
def _(x):
    return np.sum(np.clip(x, 0.6, 1.5)) + np.sum(np.abs(x - 0.7))


@feature("arrays", "np.sort", [100.0, 1.0, 10.0], np.array([2.0, 0.5, 1.0]))
def _(x):
    return np.sum(np.sort(x) * W)


@feature("arrays", "np.argmax as an index", [0.0, 0.0, 4.0])
def _(x):
    return x[np.argmax(x)] ** 2


@feature("arrays", "np.prod with a zero", [6.0, 0.0, 0.0], np.array([0.0, 2.0, 3.0]))
def _(x):
    return np.prod(x)


@feature("arrays", "np.concatenate, np.stack", lambda x: 8 * x)
def _(x):
    y = np.concatenate([x, x])
    return np.sum(np.stack([y, y]) ** 2)


# --------------------------------------------------------------------------------------- algebra, other libraries


@feature("algebra and libraries", "@ and np.einsum", lambda x: (M + M.T) @ x + M.T @ W)
def _(x):
    return np.einsum("i,ij,j->", x, M, x) + W @ (M @ x)


@feature(
    "algebra and libraries",
    "np.linalg.solve",
    lambda x: -np.linalg.solve((M + np.diag(x)).T, W) * np.linalg.solve(M + np.diag(x), W),
)
def _(x):
    return W @ np.linalg.solve(M + np.diag(x), W)


@feature(
    "algebra and libraries",
    "np.linalg.det",
    lambda x: np.linalg.det(M + np.diag(x)) * np.diag(np.linalg.inv(M + np.diag(x))),
)
def _(x):
    return np.linalg.det(M + np.diag(x))


@feature("algebra and libraries", "complex numbers inside", lambda x: -np.sin(x))
def _(x):
    return np.sum(np.real(np.exp(1j * x)))


@feature("algebra and libraries", "np.fft", lambda x: 6 * x)
def _(x):
    return np.sum(np.abs(np.fft.fft(x)) ** 2)


@feature("algebra and libraries", "scipy.special.erf", lambda x: 2 / np.sqrt(np.pi) * np.exp(-(x**2)))
def _(x):
    from scipy.special import erf

    return np.sum(erf(x))


@feature("algebra and libraries", "scipy.special.logsumexp", lambda x: np.exp(x) / np.sum(np.exp(x)))
def _(x):
    from scipy.special import logsumexp

    return logsumexp(x)


@feature(
    "algebra and libraries", "scipy.integrate.quad", lambda x: [(np.exp(-x[0]) * (1 + x[0]) - 1) / x[0] ** 2, 0.0, 0.0]
)
def _(x):
    from scipy.integrate import quad

    return quad(lambda t: np.exp(-x[0] * t), 0.0, 1.0)[0]


@feature("algebra and libraries", "scipy.optimize.brentq", [0.25, 0.0, 0.0], np.array([2.0, 0.0, 0.0]))
def _(x):
    from scipy.optimize import brentq

    return brentq(lambda y: y**3 + y - x[0], 0.0, 2.0)


# ---------------------------------------------------------------------------------------------- derivatives inside


@feature("arguments, nesting", "a gradient inside of f", lambda x: 6 * x)
def _(x):
    return np.sum(gradient(lambda y: np.sum(y**3))(x))


@feature("arguments, nesting", "a derivative that closes over x", [1.0, 0.0, 0.0])
def _(x):
    return x[0] * derivative(lambda y: x[0] + y)(1.0)

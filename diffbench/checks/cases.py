"""The functions of the conformance suite, each with its derivatives in closed form."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from diffbench.structure import map_leaves


def _no_hessian(*_: Any, **__: Any) -> Any:
    raise LookupError("this case has no Hessian in closed form")


@dataclass(frozen=True)
class Case:
    """A function, a point, and its derivatives, which take the same arguments and keywords as f.

    jacobian : what db.jacobian(f, argnum) gives: shape result + argument, in containers where there are some.
    hessian : what db.hessian(f, argnum) gives, where f has one real result.
    """

    name: str
    f: Callable
    point: tuple
    jacobian: Callable
    hessian: Callable = _no_hessian
    argnum: int | tuple[int, ...] = 0

    @property
    def args(self) -> tuple:
        """The point, in copies, so that no backend can change it for the next check."""
        return copy.deepcopy(self.point)

    def __str__(self) -> str:
        return self.name

    def with_argnum(self, argnum: int | tuple[int, ...]) -> "Case":
        """The same function differentiated in other arguments; `jacobian` then knows all of them."""
        every = self.jacobian

        def jacobian(*args: Any, **kwargs: Any) -> Any:
            slopes = every(*args, **kwargs, argnum=None)
            return tuple([slopes[k] for k in argnum]) if isinstance(argnum, tuple) else slopes[argnum]

        return replace(self, argnum=argnum, jacobian=jacobian)

    def with_f(self, f: Callable) -> "Case":
        """The same derivatives with another function."""
        return replace(self, f=f)

    def with_aux(self) -> "Case":
        """The same function with an auxiliary result."""
        return replace(self, f=lambda x: (self.f(x), {"twice": 2 * x, "name": "aux"}))

    def tangent(self) -> Any:
        """A direction of the argument without symmetry."""
        if isinstance(self.argnum, tuple):
            return tuple([_counting(self.args[k]) for k in self.argnum])
        return _counting(self.args[self.argnum])

    def cotangent(self) -> Any:
        """A direction of the result without symmetry."""
        return map_leaves(_counting, self.f(*self.args))


def _counting(x: Any) -> Any:
    """1, -0.5, 1/3, ... in the shape of x."""
    k = np.arange(1, np.size(x) + 1)
    return np.reshape((-1.0) ** (k + 1) / k, np.shape(x))[()]


CUBIC = Case(
    "x³ - 2x",
    lambda x: x**3 - 2 * x,
    (1.5,),
    jacobian=lambda x: 3 * x**2 - 2,
    hessian=lambda x: 6 * x,
)
CURVE = Case(
    "(cos t, sin t, t²)",
    lambda t: np.stack([np.cos(t), np.sin(t), t * t]),
    (0.7,),
    jacobian=lambda t: np.stack([-np.sin(t), np.cos(t), 2 * t]),
)
A = np.array([[1.0, 2.0, 0.0], [-1.0, 0.5, 1.0], [0.0, 3.0, -2.0]])
FORM = Case(
    "x·Ax + Σ x³",
    lambda x: np.dot(x, np.dot(A, x)) + np.sum(x**3),
    (np.array([0.5, -1.0, 0.75]),),
    jacobian=lambda x: np.dot(A + A.T, x) + 3 * x**2,
    hessian=lambda x: A + A.T + 6 * np.eye(3) * x,
)
POLAR = Case(
    "(r cos φ, r sin φ)",
    lambda p: np.stack([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])]),
    (np.array([1.5, 0.4]),),
    jacobian=lambda p: np.stack(
        [np.stack([np.cos(p[1]), -p[0] * np.sin(p[1])]), np.stack([np.sin(p[1]), p[0] * np.cos(p[1])])]
    ),
)
SURFACE = Case(
    "(x y, x sin z)",
    lambda p: np.stack([p[0] * p[1], p[0] * np.sin(p[2])]),
    (np.array([1.25, -0.5, 0.75]),),
    jacobian=lambda p: np.stack(
        [np.stack([p[1], p[0], 0 * p[0]]), np.stack([np.sin(p[2]), 0 * p[0], p[0] * np.cos(p[2])])]
    ),
)
B = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.5]])
MATRIX = Case(
    "(XB)²",
    lambda X: np.dot(X, B) ** 2,
    (np.array([[0.5, 1.0, -0.25], [1.5, -0.5, 0.75]]),),
    jacobian=lambda X: 2 * np.dot(X, B)[:, :, None, None] * np.eye(2)[:, None, :, None] * B.T[None, :, None, :],
)
SQUARES = Case(
    "x·x",
    lambda x: np.sum(x * x),
    (np.array([1.0, 2.0]),),
    jacobian=lambda x: 2 * x,
    hessian=lambda x: 2 * np.eye(len(x)),
)
CONSTANT = Case(
    "2.5",
    lambda x: 2.5,
    (np.array([1.0, 2.0, 3.0]),),
    jacobian=lambda x: np.zeros(len(x)),
    hessian=lambda x: np.zeros((len(x), len(x))),
)
IGNORED = Case(
    "(1, 2)",
    lambda x: np.array([1.0, 2.0]),
    (np.array([1.0, 2.0, 3.0]),),
    jacobian=lambda x: np.zeros((2, len(x))),
)


def _bilinear_slopes(a: Any, b: Any, scale: float = 1.0, argnum: int | None = 0) -> Any:
    slopes = 2 * scale * a * b, scale * a * a
    return slopes if argnum is None else slopes[argnum]


BILINEAR = Case(
    "Σ a²b",
    lambda a, b, scale=1.0: np.sum(a * a * b) * scale,
    (np.array([1.0, 2.0, -1.0]), np.array([0.5, -1.5, 1.0])),
    jacobian=_bilinear_slopes,
)


def logistic(x: Any, n: int) -> Any:
    """n steps of the logistic map."""
    for _ in range(n):
        x = 4 * x * (1 - x)
    return x


def logistic_slope(x: Any, n: int) -> Any:
    """The product of the slopes of the steps."""
    slope = 1.0
    for _ in range(n):
        slope, x = slope * (4 - 8 * x), 4 * x * (1 - x)
    return slope


LOOP = Case("the logistic map", logistic, (0.2, 3), jacobian=logistic_slope)
BRANCH = Case(
    "x² if x > 0 else -3x",
    lambda x: x * x if x > 0 else -3 * x,
    (2.0,),
    jacobian=lambda x: 2 * x if x > 0 else -3.0,
)


class Layer(NamedTuple):
    """An affine layer of one output."""

    w: Any
    b: Any


def _layer(tree: Any) -> Any:
    w, b = tree["layer"]
    return {"z": 2 * w + b, "norm": [np.sum(w * w) * b]}


def _layer_jacobian(tree: Any) -> Any:
    w, b = tree["layer"]
    of_z = {"layer": Layer(2 * np.eye(len(w)), np.ones(len(w))), "empty": ()}
    of_norm = {"layer": Layer(2 * w * b, np.sum(w * w)), "empty": ()}
    return {"z": of_z, "norm": [of_norm]}


CONTAINERS = Case(
    "a layer in containers",
    _layer,
    ({"layer": Layer(np.array([1.0, -2.0]), 0.5), "empty": ()},),
    jacobian=_layer_jacobian,
)

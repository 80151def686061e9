"""Backpropagation as the lecture writes it: vectors are columns, gradients are rows, each step is one matrix product.

With rows, the chain rule reads from left to right: ∇_y D = ∇_z D W through an affine layer z = W y + b, and
∇_z D = ∇_y D J through an activation y = f(z) with Jacobian J. A gradient then has the shape of the *transpose* of
what it belongs to: ∇_W D = y ∇_z D, of shape (inputs, outputs), where W is (outputs, inputs). That is what makes
first-order change a product again: dD = trace(∇_W D dW), the sum of ∂D/∂W_ij dW_ij over all i and j.

NumPy, and with it every backend, gives a gradient the shape of what it belongs to: `Step.like_numpy`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diffbench.errors import UnknownName, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

Layers = Sequence[tuple[Any, Any]]  # [(W, b), ...]; W: (outputs, inputs), b: (outputs,)

# ------------------------------------------------------------------------------------------------ one layer


def affine_backward(W: Any, y: Any, z_gradient: Any) -> tuple[Any, Any, Any]:
    """∇_W D, ∇_y D, ∇_b D through z = W y + b, from the row ∇_z D.

    W: (m, n), y: column (n, 1), z_gradient: row (1, m). Returns (n, m), (1, n), (1, m).

    >>> W, y = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.array([[1.0], [-1.0], [2.0]])
    >>> for gradient in affine_backward(W, y, np.array([[5.5, 10.5]])):
    ...     print(gradient.tolist())
    [[5.5, 10.5], [-5.5, -10.5], [11.0, 21.0]]
    [[47.5, 63.5, 79.5]]
    [[5.5, 10.5]]
    """
    return y @ z_gradient, z_gradient @ W, z_gradient


def first_order(W_gradient: Any, change: Any) -> float:
    """The change of D to first order when W changes: sum over i, j of ∂D/∂W_ij ΔW_ij, with ∇_W D as in the lecture.

    W_gradient: (n, m), change: (m, n). It is a Frobenius product, the trace of ∇_W D ΔW, and no product of matrices.

    >>> first_order(np.array([[5.5, 10.5]]), np.array([[2.0], [1.0]]))
    21.5
    """
    return float(np.sum(W_gradient.T * change))


@dataclass(frozen=True)
class Activation:
    """y = f(z), and its Jacobian in terms of y, which the forward pass has kept; formulas in LaTeX."""

    function: Callable[[Any], Any]
    jacobian: Callable[[Any], Any]
    formula: str


def entrywise(function: Callable, slope: Callable, formula: str) -> Activation:
    """An activation that acts entry by entry: its Jacobian is diagonal. slope: dy/dz in terms of y."""
    return Activation(function, lambda y: np.diag(slope(y)), rf"\operatorname{{diag}}({formula})")


ACTIVATIONS = {
    "identity": entrywise(lambda z: z, np.ones_like, "1"),
    "tanh": entrywise(np.tanh, lambda y: 1 - y * y, "1 - y^2"),
    "sigmoid": entrywise(lambda z: 1 / (1 + np.exp(-z)), lambda y: y * (1 - y), "y (1 - y)"),
    "relu": entrywise(lambda z: np.maximum(z, 0.0), lambda y: np.where(y > 0, 1.0, 0.0), "y > 0"),
    "soft relu": entrywise(lambda z: np.logaddexp(0.0, z), lambda y: -np.expm1(-y), "1 - e^{-y}"),
    "softmax": Activation(
        lambda z: np.exp(z - np.max(z)) / np.sum(np.exp(z - np.max(z))),
        lambda y: np.diag(y) - np.outer(y, y),
        r"(\operatorname{diag}(y) - y y^T)",
    ),
}

# ---------------------------------------------------------------------------------------------- divergences


@dataclass(frozen=True)
class Divergence:
    """How far the output Y is from what is desired, d; the gradient by Y is a row, here of shape (outputs,)."""

    function: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], Any]
    formula: str


DIVERGENCES = {
    "squares": Divergence(lambda Y, d: 0.5 * np.sum((Y - d) ** 2), lambda Y, d: Y - d, "(Y - d)^T"),
    # Kullback-Leibler: of d = 0 or 1 from one probability, and of one class from the probabilities of all.
    "binary": Divergence(
        lambda Y, d: np.sum(-d * np.log(Y) - (1 - d) * np.log(1 - Y)),
        lambda Y, d: (Y - d) / (Y * (1 - Y)),
        r"\frac{Y - d}{Y (1 - Y)}",
    ),
    "classes": Divergence(lambda Y, d: -np.sum(d * np.log(Y)), lambda Y, d: -d / Y, r"-d_i / Y_i"),
}

# ------------------------------------------------------------------------------------------------ the network


@dataclass(frozen=True)
class Step:
    """One line of the backward pass: what is computed, from what, and its value in the layout of the lecture."""

    quantity: str  # such as W_2; the gradient is that of D by it
    formula: str  # LaTeX
    gradient: np.ndarray  # 2-D

    @property
    def like_numpy(self) -> np.ndarray:
        """The same gradient in the shape of the quantity: what a backend gives."""
        return self.gradient.T if self.quantity.startswith("W") else self.gradient[0]


@dataclass(frozen=True)
class Network:
    """Affine layers, each with its activation, and the divergence of the output from what is desired.

    activations : one name of ACTIVATIONS for each layer.   divergence : a name of DIVERGENCES.

    >>> network = Network(("tanh", "sigmoid"), "binary")
    >>> hidden, output = (np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.1, -0.1])), (np.array([[0.5, -0.6]]), 0.2)
    >>> round(float(network.value([hidden, output], np.array([1.0, 2.0]), 1.0)), 8)
    0.68737976
    >>> [step.quantity for step in network.backward([hidden, output], np.array([1.0, 2.0]), 1.0)]
    ['Y', 'z_2', 'W_2', 'b_2', 'y_1', 'z_1', 'W_1', 'b_1', 'x']
    """

    activations: tuple[str, ...]
    divergence: str

    def __post_init__(self) -> None:
        unknown = [(name, [*ACTIVATIONS]) for name in self.activations if name not in ACTIVATIONS]
        if self.divergence not in DIVERGENCES:
            unknown.append((self.divergence, [*DIVERGENCES]))
        for name, known in unknown:
            raise UnknownName(f"Network: there is no {name!r}", hint=did_you_mean(name, known))

    def forward(self, layers: Layers, x: Any) -> list[tuple[Any, Any]]:
        """z and y of every layer; x: (n,)."""
        kept, y = [], x
        for (W, b), name in zip(layers, self.activations, strict=True):
            z = np.dot(W, y) + b
            y = ACTIVATIONS[name].function(z)
            kept.append((z, y))
        return kept

    def value(self, layers: Layers, x: Any, d: Any) -> Any:
        """D: plain NumPy, for every backend to differentiate."""
        return DIVERGENCES[self.divergence].function(self.forward(layers, x)[-1][1], d)

    def backward(self, layers: Layers, x: Any, d: Any) -> list[Step]:
        """The backward pass, one step after the other, from the output to the input."""
        ys = [x, *(y for _, y in self.forward(layers, x))]
        divergence, number = DIVERGENCES[self.divergence], len(layers)
        g = np.reshape(divergence.gradient(ys[-1], d), (1, -1))
        steps = [Step("Y", divergence.formula, g)]
        for k in range(number, 0, -1):
            activation, W = ACTIVATIONS[self.activations[k - 1]], layers[k - 1][0]
            after, before = ("Y" if k == number else f"y_{k}"), ("x" if k == 1 else f"y_{k - 1}")
            g = g @ activation.jacobian(ys[k])
            z = rf"\nabla_{{z_{k}}} D"
            steps.append(Step(f"z_{k}", rf"\nabla_{{{after}}} D \; {activation.formula}", g))
            W_gradient, y_gradient, b_gradient = affine_backward(W, np.reshape(ys[k - 1], (-1, 1)), g)
            steps += [
                Step(f"W_{k}", f"{before} \\; {z}", W_gradient),
                Step(f"b_{k}", z, b_gradient),
                Step(before, rf"{z} \; W_{k}", y_gradient),
            ]
            g = y_gradient
        return steps

    def gradient(self, layers: Layers, x: Any, d: Any) -> list[tuple[Any, Any]]:
        """The gradient by all weights, in the containers and shapes of `layers`: for the backend `manual`."""
        found = {step.quantity: step.like_numpy for step in self.backward(layers, x, d)}
        return [(found[f"W_{k}"], found[f"b_{k}"]) for k in range(1, len(layers) + 1)]


# -------------------------------------------------------------------------------------------------- as a table


def matrix(values: Any, digits: int = 8) -> str:
    r"""Numbers, rows or matrices in LaTeX.

    >>> print(matrix(np.array([[0.5, -0.25]])))
    \begin{pmatrix} 0.5 & -0.25 \end{pmatrix}
    """
    values = np.asarray(values, float) + 0.0  # no minus before a zero
    if values.size == 1:
        return f"{values.item():.{digits}g}"
    rows = (" & ".join(f"{number:.{digits}g}" for number in row) for row in np.atleast_2d(values))
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def rows_of(steps: Sequence[Step], *, like_numpy: bool = False) -> list[list[str]]:
    """Gradient, formula, shape and value of each step, as text with LaTeX, for Markdown and LaTeX tables."""
    shown = [(step, step.like_numpy if like_numpy else step.gradient) for step in steps]
    return [
        [rf"$\nabla_{{{step.quantity}}} D$", f"${step.formula}$", str(value.shape), f"${matrix(value)}$"]
        for step, value in shown
    ]


HEAD = ("gradient", "is", "shape", "value")


def table(steps: Sequence[Step], *, like_numpy: bool = False) -> "pd.DataFrame":
    """The backward pass as a DataFrame that a notebook shows with its mathematics."""
    import pandas as pd

    return pd.DataFrame(rows_of(steps, like_numpy=like_numpy), columns=pd.Index(HEAD))

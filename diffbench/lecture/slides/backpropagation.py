"""Backpropagation: one layer, N layers, 2 or not 2, ten digits, and logistic regression trained."""

from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.lecture.backpropagation import (
    ACTIVATIONS,
    DIVERGENCES,
    HEAD,
    Network,
    affine_backward,
    first_order,
    matrix,
    rows_of,
)
from diffbench.lecture.slides.slide import Check, Slide
from diffbench.problems import problem
from diffbench.problems.training import descend

PRINTED = 0.5e-8  # eight decimals
ULP = float(np.finfo(float).eps)


def affine() -> Slide:
    """D = |W y + b|^2 / 2 by every backend, in the layout of the lecture; and the change of D as W moves."""
    p = problem("affine_loss")
    W, y, b = point = p.point()
    z = W @ y + b
    by_hand = affine_backward(W, y[:, None], z[None, :])
    checks = [
        Check("z", [5.5, 10.5], z, 0),
        Check("D", 70.25, p.function(*point), 0),
        Check("gradient by W, (inputs, outputs)", [[5.5, 10.5], [-5.5, -10.5], [11, 21]], by_hand[0], 0),
        Check("gradient by y", [[47.5, 63.5, 79.5]], by_hand[1], 0),
        Check("gradient by b", [[5.5, 10.5]], by_hand[2], 0),
    ]
    rows = []
    for backend in ("manual", "symbolic", "forward", "reverse", "complex-step", "finite-central"):
        method = db.get_backend(backend, **({"gradient": p.derivative} if backend == "manual" else {}))
        W_bar, y_bar, b_bar = db.gradient(p.function, argnum=(0, 1, 2), backend=method)(*point)
        tolerance = 1e-7 if backend.startswith("finite") else 1e-13
        for name, found, row in zip(("W", "y", "b"), (W_bar.T, y_bar[None, :], b_bar[None, :]), by_hand):
            checks.append(Check(f"gradient by {name}, {backend}", row, found, tolerance))
        rows.append([backend, *(f"${matrix(g, 6)}$" for g in (y_bar, b_bar, W_bar.T, W_bar))])
    checks += first_order_checks(W, y, b, by_hand[0])
    head = ["backend", r"$\nabla_y D$", r"$\nabla_b D$", r"$\nabla_W D$ of the lecture", "and of NumPy"]
    note = (
        r"$D$ changes by $\sum_{ij} \partial D / \partial W_{ij} \, \Delta W_{ij}$, a Frobenius product, the trace of "
        r"$\nabla_W D \, \Delta W$, and not by a product of two matrices: the slide marked 'Wrong'."
    )
    return Slide("Affine layer", checks, head, rows, note=note)


def first_order_checks(W: np.ndarray, y: np.ndarray, b: np.ndarray, W_gradient: np.ndarray) -> list[Check]:
    """D is quadratic in W: beyond the Frobenius product, exactly |dW y|^2 / 2 is left."""
    D = problem("affine_loss").function
    change = np.array([[0.5, -1.0, 0.25], [1.0, 0.5, -0.75]])
    left = D(W + change, y, b) - D(W, y, b) - first_order(W_gradient, change)
    return [Check("change of D beyond the first order in dW", 0.5 * np.sum((change @ y) ** 2), left, 1e-13)]


def two_layers() -> Slide:
    """The whole backward pass of a network with a tanh layer, a sigmoid, and KL for d = 1."""
    network, x, d = Network(("tanh", "sigmoid"), "binary"), np.array([1.0, 2.0]), 1.0
    layers = [
        (np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([0.1, -0.1])),
        (np.array([[0.5, -0.6]]), np.array([0.2])),
    ]
    (z1, y1), (z2, Y) = network.forward(layers, x)
    steps = network.backward(layers, x, d)
    printed = {
        "z_2": [[-0.49710796]],
        "W_2": [[-0.26697161], [-0.37859452]],
        "y_1": [[-0.24855398, 0.29826478]],
        "z_1": [[-0.17686548, 0.12526355]],
        "W_1": [[-0.17686548, 0.12526355], [-0.35373097, 0.25052711]],
    }
    forward = (
        ("z_1", [0.6, 1], z1),
        ("y_1", [0.53704957, 0.76159416], y1),
        ("z_2", [0.01156829], z2),
        ("Y", [0.50289204], Y),
        ("D", 0.68737976, network.value(layers, x, d)),
    )
    checks = [Check(name, expected, found, PRINTED) for name, expected, found in forward]
    checks += [
        Check(f"gradient by {s.quantity}", printed[s.quantity], s.gradient, PRINTED)
        for s in steps
        if s.quantity in printed
    ]
    reverse = db.gradient(network.value)(layers, x, d)
    for k, (by_hand, found) in enumerate(zip(network.gradient(layers, x, d), reverse), start=1):
        for name, one, other in zip("Wb", by_hand, found):
            checks.append(Check(f"gradient by {name}_{k}, reverse mode", one, other, 1e-15))
    return Slide("Backward pass through two layers", checks, HEAD, rows_of(steps))


def two_or_not_two() -> Slide:
    """A sigmoid and KL for d = 0 or 1: the gradient by z is Y - d, whatever the sizes of the two factors."""
    network, z = Network(("sigmoid",), "binary"), np.array([0.5])
    layers = [(np.eye(1), np.zeros(1))]
    found = {step.quantity: step.gradient[0, 0] for step in network.backward(layers, z, 1.0)}
    Y = ACTIVATIONS["sigmoid"].function(0.5)
    checks = [
        Check("Y", 0.62245933, Y, PRINTED),
        Check("KL", 0.47407698, network.value(layers, z, 1.0), PRINTED),
        Check("gradient by Y", -1.60653066, found["Y"], PRINTED),
        Check("gradient by z", -0.37754067, found["z_1"], PRINTED),
        Check("gradient by z is Y - d", Y - 1, found["z_1"], 1e-15),
    ]
    rows = [
        [f"${name}$", f"${check.found:.8f}$"]
        for name, check in zip(("Y", r"\mathrm{KL}", r"\nabla_Y", r"\nabla_z"), checks)
    ]
    return Slide(
        "2 or not 2: z = 0.5, d = 1", checks, ["quantity", "value"], rows, {"two_or_not_two": draw_divergence()}
    )


def draw_divergence() -> Any:
    """KL and its gradient by z, for both answers."""
    z = np.linspace(-6, 6, 241)
    Y = ACTIVATIONS["sigmoid"].function(z)
    with plotting.style():
        figure, ax = plotting.figure("2 or not 2: KL, and its gradient Y - d", "z", "")
        for d, name in ((1.0, "reverse"), (0.0, "forward")):
            divergence = [DIVERGENCES["binary"].function(one, d) for one in Y]
            plotting.line(ax, z, divergence, name, f"KL, d = {d:.0f}", marker="")
            plotting.line(ax, z, Y - d, name, f"Y - d, d = {d:.0f}", marker="", linestyle=(0, (4, 2)))
        plotting.label_lines(ax)
    return figure


def ten_digits() -> Slide:
    """Softmax and KL: the full Jacobian between them, and y - d as what comes out."""
    network, z, d = Network(("softmax",), "classes"), np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0])
    layers = [(np.eye(3), np.zeros(3))]
    steps = network.backward(layers, z, d)
    y = ACTIVATIONS["softmax"].function(z)
    by_z = steps[1].gradient[0]
    checks = [
        Check("y", [0.09003057, 0.24472847, 0.66524096], y, PRINTED),
        Check("KL", 0.40760596, network.value(layers, z, d), PRINTED),
        Check("gradient by z", [0.09003057, 0.24472847, -0.33475904], by_z, PRINTED),
        Check("gradient by z is y - d", y - d, by_z, 1e-15),
        Check("gradient by z, reverse mode", db.gradient(lambda z: network.value(layers, z, d))(z), by_z, 1e-15),
    ]
    return Slide("Softmax and KL: z = (1, 2, 3), class 3", checks, HEAD, rows_of(steps[:2]))


INPUTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
TARGETS = np.array([True, True, False, True])


def training_loss(w: Any, sigmoid: Any) -> Any:
    """Autograd's example as it stands: minus the sum of the logarithms of the probabilities of the right answers."""
    predictions = sigmoid(np.dot(INPUTS, w))
    return -np.sum(np.log(predictions * TARGETS + (1 - predictions) * (1 - TARGETS)))


def logistic_regression() -> Slide:
    """100 steps of 0.01, and the losses to the last digit."""

    def loss(w: Any) -> Any:
        return training_loss(w, lambda z: 0.5 * (np.tanh(z) + 1))

    def plain_loss(w: Any) -> Any:
        return training_loss(w, lambda z: 1 / (1 + np.exp(-z)))

    start, steps = np.zeros(3), [()] * 100
    path = [start, *descend(db.gradient(loss), start, steps, rate=0.01)]
    losses = [float(loss(w)) for w in path]
    *_, plain = descend(db.gradient(plain_loss), start, steps, rate=0.01)
    checks = [
        Check("first loss", 2.772588722239781, losses[0], ULP * 4),
        Check("first gradient", [-1.62, 2.51, -3.61], db.gradient(loss)(start), 1e-15),
        Check("loss after 100 steps", 0.38900754315581143, losses[-1], ULP / 2),
        Check("weights after 100 steps", [0.57414063, -0.2225661, 1.13604351], path[-1], PRINTED),
        Check("loss of a plain logistic after 100 steps", 1.0672706757870165, float(plain_loss(plain)), ULP * 2),
    ]
    rows = [[str(k), repr(losses[k]), f"${matrix(path[k])}$"] for k in (0, 1, 2, 5, 10, 20, 50, 100)]
    note = (
        r"$(\tanh z + 1) / 2$ is the logistic function of $2z$, not of $z$: with a plain logistic the loss ends at "
        "1.0672706757870165. The slide is written for Python 2."
    )
    with plotting.style():
        figure, ax = plotting.figure("Logistic regression: 100 steps of 0.01", "step", "loss")
        plotting.line(ax, range(101), losses, "reverse", f"{losses[-1]:.4f}", marker="")
        ax.set_ylim(0, None)
        plotting.label_lines(ax)
    return Slide("Logistic regression", checks, ["step", "loss", "$w$"], rows, {"logistic_regression": figure}, note)

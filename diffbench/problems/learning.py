"""Functions of machine learning: soft-ReLU chain, logistic regression, affine layer, small network."""

from typing import Any

import numpy as np

from diffbench.problems.problem import Problem


def soft_relu(w: Any, b: Any, x: Any) -> Any:
    """A chain of L layers of one unit, y_k = log(1 + exp(b_k + w_k y_{k-1})) with y_0 = x; w, b: (L,)."""
    y = x
    for k in range(len(b)):
        y = np.log(1 + np.exp(b[k] + w[k] * y))
    return y


def soft_relu_branch(w: Any, b: Any, x: Any) -> Any:
    """The same chain, written so that it never overflows: which formula is used depends on the sign."""
    y = x
    for k in range(len(b)):
        z = b[k] + w[k] * y
        y = z + np.log1p(np.exp(-z)) if z > 0 else np.log1p(np.exp(z))
    return y


def soft_relu_gradient(w: Any, b: Any, x: Any) -> Any:
    """(L,): forward, keeping each layer's input and slope; then backward."""
    inputs, slopes = [], []
    y = x
    for k in range(len(b)):
        z = b[k] + w[k] * y
        inputs.append(y)
        slopes.append(1 / (1 + np.exp(-z)))
        y = np.log(1 + np.exp(z))
    gradient = np.zeros_like(w)
    y_bar = 1.0
    for k in reversed(range(len(b))):
        z_bar = y_bar * slopes[k]
        gradient[k] = z_bar * inputs[k]
        y_bar = z_bar * w[k]
    return gradient


def logistic_regression(w: Any, inputs: Any, signs: Any) -> Any:
    """-sum log p(correct) with p(true) = (1 + tanh(inputs w)) / 2; w: (n,), inputs: (m, n), signs +-1: (m,).

    (1 + tanh z) / 2 is the logistic function of 2z: the 2 below belongs there.
    """
    return np.sum(np.log1p(np.exp(-2.0 * signs * np.dot(inputs, w))))


def logistic_regression_gradient(w: Any, inputs: Any, signs: Any) -> Any:
    """(n,): each sample pulls along its input by the probability of being wrong."""
    wrong = 1.0 / (1.0 + np.exp(2.0 * signs * np.dot(inputs, w)))
    return np.dot(-2.0 * signs * wrong, inputs)


def logistic_regression_point(n: int) -> tuple[Any, ...]:
    """64 samples of n features, scaled so that the margins stay of order one for every n."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, n)) / np.sqrt(n)
    return rng.standard_normal(n), inputs, np.where(rng.random(64) < 0.5, -1.0, 1.0)


def affine_layer(W: Any, y: Any, b: Any) -> Any:
    """z = W y + b; W: (m, n), y: (n,), b: (m,), result (m,)."""
    return np.dot(W, y) + b


def affine_layer_jacobian(W: Any, y: Any, b: Any) -> tuple[Any, Any, Any]:
    """dz_i/dW_kj = delta_ik y_j: (m, m, n);  dz/dy = W: (m, n);  dz/db = identity: (m, m)."""
    identity = np.eye(len(b))
    return identity[:, :, None] * y[None, None, :], W * 1.0, identity


def affine_loss(W: Any, y: Any, b: Any) -> Any:
    """D = |W y + b|^2 / 2."""
    z = affine_layer(W, y, b)
    return 0.5 * np.dot(z, z)


def affine_loss_gradient(W: Any, y: Any, b: Any) -> tuple[Any, Any, Any]:
    """With z = W y + b:  dD/dW = z y^T (the lecture's y z^T, transposed);  dD/dy = W^T z;  dD/db = z."""
    z = affine_layer(W, y, b)
    return z[:, None] * y[None, :], np.dot(z, W), z


def affine_point(n: int) -> tuple[Any, ...]:
    """W = rows 1 2 3 ..., y and b alternating; at n = 3 the numbers of the lecture."""
    W = np.arange(1.0, 2 * n + 1).reshape(2, n)
    return W, np.resize([1.0, -1.0, 2.0], n), np.array([0.5, -0.5])


def network(layers: Any, inputs: Any) -> list[Any]:
    """What every layer of a tanh network gives, the inputs first; layers: [(W, b), ...], inputs: (m, n).

    The last layer is affine; tanh bounds what reaches it, so that the exponentials of a loss cannot overflow.
    """
    values = [inputs]
    for W, b in layers[:-1]:
        values.append(np.tanh(np.dot(values[-1], W) + b))
    W, b = layers[-1]
    return [*values, np.dot(values[-1], W) + b]


def network_pullback(layers: Any, values: list[Any], z_bar: Any) -> Any:
    """The same list of pairs, by the lecture's backward pass from the cotangent of what the last layer gives."""
    gradient = []
    for (W, _), y in zip(reversed(layers), reversed(values[:-1]), strict=True):
        gradient.append((np.dot(y.T, z_bar), np.sum(z_bar, axis=0)))
        z_bar = np.dot(z_bar, W.T) * (1 - y * y)
    return gradient[::-1]


def mlp(layers: Any, inputs: Any, targets: Any) -> Any:
    """Softmax cross-entropy of a tanh network, mean over m samples; targets one-hot: (m, c)."""
    z = network(layers, inputs)[-1]
    return np.sum(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * targets, axis=1)) / len(inputs)


def mlp_gradient(layers: Any, inputs: Any, targets: Any) -> Any:
    """Softmax with cross-entropy gives y - d."""
    values = network(layers, inputs)
    exponentials = np.exp(values[-1])
    return network_pullback(
        layers, values, (exponentials / np.sum(exponentials, axis=1)[:, None] - targets) / len(inputs)
    )


def mlp_binary(layers: Any, inputs: Any, targets: Any) -> Any:
    """Sigmoid cross-entropy of a tanh network of one output, mean over m samples; targets 0 or 1: (m,)."""
    z = network(layers, inputs)[-1][:, 0]
    return np.sum(np.log1p(np.exp(z)) - targets * z) / len(inputs)


def mlp_binary_gradient(layers: Any, inputs: Any, targets: Any) -> Any:
    """The sigmoid with cross-entropy gives y - d, too."""
    values = network(layers, inputs)
    y = 1 / (1 + np.exp(-values[-1]))
    return network_pullback(layers, values, (y - targets[:, None]) / len(inputs))


def mlp_point(n: int) -> tuple[Any, ...]:
    """8 samples of n features, one hidden layer of 5, 3 classes."""
    rng = np.random.default_rng(0)
    shapes = ((n, 5), (5, 3))
    layers = [(rng.standard_normal(s) / np.sqrt(s[0]), 0.1 * rng.standard_normal(s[1])) for s in shapes]
    return layers, rng.standard_normal((8, n)), np.eye(3)[np.arange(8) % 3]


def mlp_binary_point(n: int) -> tuple[Any, ...]:
    """8 samples of n features, one hidden layer of 5, one output."""
    layers, inputs, classes = mlp_point(n)
    (W, b) = layers[-1]
    return [layers[0], (W[:, :1], b[:1])], inputs, classes[:, 0]


def _soft_relu(name: str, title: str, function: Any, *written: str) -> Problem:
    return Problem(
        name=name,
        title=title,
        function=function,
        derivative=soft_relu_gradient,
        arguments=lambda n: (np.resize([1.0, 0.7], n), np.resize([0.5, -0.3], n), 2.0),
        size=2,
        size_means="layers",
        source="lecture; Glorot, Bordes, Bengio 2011 for the soft ReLU",
        tags=frozenset({"vector", "loop", *written}),
    )


def _affine(name: str, title: str, function: Any, derivative: Any, verb: str) -> Problem:
    return Problem(
        name=name,
        title=title,
        function=function,
        derivative=derivative,
        arguments=affine_point,
        size=3,
        size_means="inputs of the layer; it has 2 outputs",
        source="lecture on back-propagation",
        verb=verb,
        argnum=(0, 1, 2),
        tags=frozenset({"structure", "analytic"}),
    )


def _network(name: str, title: str, function: Any, derivative: Any, arguments: Any) -> Problem:
    return Problem(
        name=name,
        title=title,
        function=function,
        derivative=derivative,
        arguments=arguments,
        size=4,
        size_means="inputs of the network",
        source="Rumelhart, Hinton, Williams 1986, Nature 323, 533-536",
        tags=frozenset({"structure", "loop", "analytic"}),
    )


LEARNING_PROBLEMS = (
    _soft_relu("soft_relu", "Soft ReLU chain", soft_relu, "analytic"),
    _soft_relu("soft_relu_branch", "Soft ReLU chain with a branch", soft_relu_branch, "branch"),
    Problem(
        name="logistic_regression",
        title="Logistic regression",
        function=logistic_regression,
        derivative=logistic_regression_gradient,
        arguments=logistic_regression_point,
        size=3,
        size_means="weights",
        source="HIPS/autograd, examples/logistic_regression.py",
        tags=frozenset({"vector", "analytic"}),
    ),
    _affine("affine_layer", "Affine layer", affine_layer, affine_layer_jacobian, "jacobian"),
    _affine("affine_loss", "Squared norm of an affine layer", affine_loss, affine_loss_gradient, "gradient"),
    _network("mlp", "Small tanh network", mlp, mlp_gradient, mlp_point),
    _network("mlp_binary", "Small tanh network, yes or no", mlp_binary, mlp_binary_gradient, mlp_binary_point),
)

"""The lecture's backward pass against reverse mode, in both layouts, for every activation and divergence."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db
from diffbench.errors import UnknownName
from diffbench.lecture import backpropagation
from diffbench.lecture.backpropagation import ACTIVATIONS, Network, affine_backward, first_order
from diffbench.problems import problem


def weights(sizes, seed):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((above, units)), rng.standard_normal(above)) for units, above in pairwise(sizes)]


def assert_same(found, expected, rtol=1e-12):
    for (W, b), (W_too, b_too) in zip(found, expected, strict=True):
        np.testing.assert_allclose(W, W_too, rtol=rtol, atol=1e-14)
        np.testing.assert_allclose(b, b_too, rtol=rtol, atol=1e-14)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([*ACTIVATIONS]), st.integers(1, 4)), min_size=1, max_size=4),
    st.integers(0, 2**20),
)
def test_backward_pass_is_reverse_mode_for_random_networks(layers, seed):
    names, sizes = tuple(name for name, _ in layers), [3, *(size for _, size in layers)]
    network, values = Network(names, "squares"), weights(sizes, seed)
    rng = np.random.default_rng(seed + 1)
    x, d = rng.standard_normal(3), rng.standard_normal(sizes[-1])
    assert_same(network.gradient(values, x, d), db.gradient(network.value)(values, x, d), rtol=1e-9)


@pytest.mark.parametrize(("output", "divergence"), [("sigmoid", "binary"), ("softmax", "classes")])
def test_divergences_give_output_minus_desired_at_the_last_layer(output, divergence):
    size = 1 if divergence == "binary" else 4
    network, values = Network(("tanh", "tanh", output), divergence), weights([3, 5, 4, size], seed=0)
    x = np.array([0.5, -1.0, 2.0])
    d = np.eye(size)[0]
    Y = network.forward(values, x)[-1][1]
    by_z = next(step for step in network.backward(values, x, d) if step.quantity == "z_3")
    np.testing.assert_allclose(by_z.like_numpy, Y - d, rtol=1e-13)
    assert_same(network.gradient(values, x, d), db.gradient(network.value)(values, x, d))


def test_backward_pass_goes_from_the_output_to_the_input_layer_by_layer():
    network, values = Network(("tanh", "relu"), "squares"), weights([3, 2, 2], seed=0)
    steps = network.backward(values, np.ones(3), np.zeros(2))
    assert [step.quantity for step in steps] == ["Y", "z_2", "W_2", "b_2", "y_1", "z_1", "W_1", "b_1", "x"]
    assert [step.gradient.shape for step in steps if step.quantity.startswith("W")] == [(2, 2), (3, 2)]
    by_x = db.gradient(network.value, argnum=1)(values, np.ones(3), np.zeros(2))
    np.testing.assert_allclose(steps[-1].like_numpy, by_x, rtol=1e-13)


def test_the_network_serves_as_the_manual_backend():
    network, values = Network(("tanh", "identity"), "squares"), weights([3, 2, 2], seed=3)
    manual = db.gradient(network.value, backend="manual", gradient=network.gradient)
    assert_same(manual(values, np.ones(3), np.zeros(2)), db.gradient(network.value)(values, np.ones(3), np.zeros(2)))


def test_one_sample_agrees_with_the_batch_of_one_whose_weights_are_transposed():
    layers, inputs, targets = problem("mlp").point()
    network = Network(("tanh", "softmax"), "classes")
    by_sample = network.gradient([(W.T, b) for W, b in layers], inputs[0], targets[0])
    by_batch = problem("mlp").derivative(layers, inputs[:1], targets[:1])
    assert_same([(W.T, b) for W, b in by_sample], by_batch)


def test_a_softmax_of_large_numbers_does_not_overflow():
    y = ACTIVATIONS["softmax"].function(np.array([1000.0, 1000.0]))
    assert y.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("name", "value"), [("tanh", 0.5), ("soft relu", 1e-3), ("softmax", [0.2, 0.3, 0.5])])
def test_jacobians_from_y_are_those_by_z(name, value):
    activation = ACTIVATIONS[name]
    z = np.atleast_1d(np.asarray(value))
    expected = db.jacobian(activation.function)(z)
    np.testing.assert_allclose(activation.jacobian(activation.function(z)), expected, rtol=1e-12)


def test_gradient_of_the_matrix_is_the_contraction_of_the_full_jacobian():
    """dz_i/dW_kj has (m, m, n) numbers; y ∇_z D says the same with n and m."""
    W, y, b = problem("affine_layer").point()
    row = np.array([[0.5, -2.0]])
    full = db.jacobian(problem("affine_layer").function)(W, y, b)
    by_hand, _, _ = affine_backward(W, y[:, None], row)
    np.testing.assert_allclose(by_hand.T, np.tensordot(row[0], full, axes=1), rtol=1e-15)


@settings(deadline=None)
@given(st.integers(0, 2**20))
def test_first_order_change_is_the_trace_of_the_product(seed):
    rng = np.random.default_rng(seed)
    gradient, change = rng.standard_normal((3, 2)), rng.standard_normal((2, 3))
    assert first_order(gradient, change) == pytest.approx(np.trace(gradient @ change), abs=1e-13)


def test_tables_show_the_layout_that_is_asked_for():
    network, values = Network(("tanh",), "squares"), weights([3, 2], seed=0)
    steps = network.backward(values, np.ones(3), np.zeros(2))
    lecture, numpy = backpropagation.table(steps), backpropagation.table(steps, like_numpy=True)
    assert lecture.loc[2, "shape"] == "(3, 2)"
    assert numpy.loc[2, "shape"] == "(2, 3)"
    assert numpy.loc[3, "shape"] == "(2,)"


def test_misspelt_names_get_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'sigmoid'"):
        Network(("sigmiod",), "squares")
    with pytest.raises(UnknownName, match="did you mean 'squares'"):
        Network(("tanh",), "square")

"""Handwritten digits and gradient descent: the data are those of scikit-learn, the descent is what it says."""

import itertools

import numpy as np
import pytest

import diffbench as db
from diffbench.errors import ArgumentError, DirectionError, MissingPackage
from diffbench.problems import problem, training
from diffbench.problems.training import accuracy, descend, digits, epoch, random_layers, recognised

INPUTS = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
SIGNS = np.array([1.0, 1.0, -1.0, 1.0])


def test_digits_are_those_of_scikit_learn_each_once():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    expected = sorted((*image, label) for image, label in zip(images / 16, labels))
    found = sorted((*image, label) for part in digits() for image, label in zip(part.inputs, part.labels))
    assert found == expected


def test_smaller_digits_are_means_of_four_pixels():
    large, small = digits()[0].inputs[0].reshape(8, 8), digits(4)[0].inputs[0].reshape(4, 4)
    assert small[1, 2] == large[2:4, 4:6].mean()


def test_a_side_that_does_not_divide_the_images_is_refused():
    with pytest.raises(ArgumentError, match="side=3"):
        digits(3)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"pip install 'diffbench\[digits\]'"):
        digits()


def test_an_epoch_sees_every_sample_once_with_its_own_target():
    x = np.arange(10.0)[:, None]
    batches = list(epoch(x, 2 * x[:, 0], 3, seed=1))
    assert [len(inputs) for inputs, _ in batches] == [3, 3, 3]
    seen = np.concatenate([inputs[:, 0] for inputs, _ in batches])
    assert len(set(seen)) == 9
    assert np.array_equal(np.concatenate([targets for _, targets in batches]), 2 * seen)


@pytest.mark.parametrize("backend", ["reverse", "forward", "complex-step", "symbolic"])
def test_descent_ends_where_the_lecture_ends_by_every_exact_gradient(backend):
    loss = problem("logistic_regression").function
    gradient = db.gradient(loss, backend=backend)
    steps = itertools.repeat((INPUTS, SIGNS), 100)
    *_, w = descend(gradient, np.zeros(3), steps, rate=0.01)
    assert loss(w, INPUTS, SIGNS) == pytest.approx(0.38900754315581143, rel=4e-16)


def test_momentum_remembers_the_steps_before():
    assert list(descend(lambda w: 1.0, 0.0, [()] * 3, rate=1.0, momentum=0.5)) == [-1.0, -2.5, -4.25]


def test_descent_keeps_containers_and_refuses_a_gradient_in_others():
    start = [(np.ones((2, 1)), np.zeros(1))]
    (moved,) = next(descend(lambda layers: layers, start, [()], rate=0.5))
    assert np.array_equal(moved[0], 0.5 * np.ones((2, 1)))
    with pytest.raises(DirectionError, match="descend: the gradient"):
        next(descend(lambda layers: layers[0], start, [()], rate=0.5))


def test_networks_say_what_they_take_a_sample_for():
    ten, one = [(np.eye(3), np.zeros(3))], [(np.array([[1.0], [0.0], [-1.0]]), np.zeros(1))]
    x = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 0.5]])
    assert recognised(ten, x).tolist() == [0, 1]
    assert recognised(one, x).tolist() == [1, 0]
    assert accuracy(ten, x, np.array([0, 2])) == 0.5


def test_first_weights_have_the_variance_that_keeps_units_at_order_one():
    ((W, b), _) = random_layers((400, 300, 1))
    assert np.var(W) * 400 == pytest.approx(1, rel=0.02)
    assert not np.any(b)

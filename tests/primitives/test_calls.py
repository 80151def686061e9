"""Every example of every row: the value, both modes, second order, and many directions at once."""

import numpy as np
import pytest

import diffbench as db
from tests.primitives.examples import EXAMPLES, Example, each_of

each_example = each_of(EXAMPLES)
STEP = 1e-3
FIVE_POINTS = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))


def inner(a, b) -> float:
    """The inner product of two arrays, or of two tuples of arrays."""
    if isinstance(a, tuple):
        return sum(inner(x, y) for x, y in zip(a, b, strict=True))
    return float(np.sum(np.asarray(a) * np.asarray(b)))


def by_differences(f, point, direction):
    """The derivative of f along a direction, by central differences of order four."""
    along = [f(*[x + shift * STEP * d for x, d in zip(point, direction)]) for shift, _ in FIVE_POINTS]
    return sum(np.asarray(y) * weight for (_, weight), y in zip(FIVE_POINTS, along)) / STEP


def pushed(example: Example, direction):
    return db.jvp(example.f, argnum=example.argnums, backend="forward")(*example.point, direction)


def pulled(example: Example, weights):
    return db.vjp(example.f, argnum=example.argnums, backend="reverse")(*example.point, weights)


def gradient(example: Example, weights):
    """The gradient of the weighted sum of the entries of f, as a function of the point."""
    return db.gradient(lambda *args: np.sum(weights * example.f(*args)), argnum=example.argnums, backend="reverse")


@each_example
def test_a_traced_call_has_the_value_of_the_plain_call(example):
    y, _ = db.linearize(example.f, argnum=example.argnums, backend="forward")(*example.point)
    expected = example.f(*example.point)
    np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-15)
    assert np.shape(y) == np.shape(expected)


@each_example
def test_forward_mode_agrees_with_central_differences(example):
    direction = example.direction(seed=1)
    expected = by_differences(example.f, example.point, direction)
    np.testing.assert_allclose(pushed(example, direction), expected, rtol=1e-7, atol=1e-8)


@each_example
def test_forward_and_reverse_mode_are_transposes(example):
    direction, weights = example.direction(seed=2), example.weights(seed=3)
    forward, reverse = pushed(example, direction), pulled(example, weights)
    assert inner(weights, forward) == pytest.approx(inner(reverse, direction), rel=1e-12, abs=1e-13)
    assert [np.shape(x) for x in reverse] == [np.shape(x) for x in example.point]


@each_example
def test_forward_over_reverse_agrees_with_differences_of_the_gradient(example):
    direction, weights = example.direction(seed=4), example.weights(seed=5)
    slope = gradient(example, weights)
    pushed = db.jvp(slope, argnum=example.argnums, backend="forward")(*example.point, direction)
    for i, found in enumerate(pushed):
        expected = by_differences(lambda *point, i=i: slope(*point)[i], example.point, direction)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@each_example
@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_second_derivatives_are_symmetric(example, outer):
    u, v, weights = example.direction(seed=6), example.direction(seed=7), example.weights(seed=8)
    slope = gradient(example, weights)

    def hessian_times(direction):
        if outer == "forward":
            return db.jvp(slope, argnum=example.argnums, backend="forward")(*example.point, direction)
        return db.vjp(slope, argnum=example.argnums, backend="reverse")(*example.point, direction)

    assert inner(u, hessian_times(v)) == pytest.approx(inner(hessian_times(u), v), rel=1e-11, abs=1e-12)


@each_example
def test_many_tangents_at_once_equal_one_by_one(example):
    directions = [example.direction(seed) for seed in range(3)]
    stacked = tuple(np.stack(tangents) for tangents in zip(*directions))
    found = db.jvp(example.f, argnum=example.argnums, backend="forward", batch=True)(*example.point, stacked)
    np.testing.assert_allclose(found, np.stack([pushed(example, d) for d in directions]), rtol=1e-13, atol=1e-14)


@each_example
def test_many_cotangents_at_once_equal_one_by_one(example):
    weights = [example.weights(seed) for seed in range(3)]
    found = db.vjp(example.f, argnum=example.argnums, backend="reverse", batch=True)(*example.point, np.stack(weights))
    for i, expected in enumerate(zip(*[pulled(example, u) for u in weights])):
        np.testing.assert_allclose(found[i], np.stack(expected), rtol=1e-13, atol=1e-14)


@each_example
def test_no_directions_at_all_have_no_images(example):
    tangents = tuple(np.zeros((0, *np.shape(x))) for x in example.point)
    cotangents = np.zeros((0, *np.shape(example.f(*example.point))))
    found = db.jvp(example.f, argnum=example.argnums, backend="forward", batch=True)(*example.point, tangents)
    assert found.shape == cotangents.shape
    found = db.vjp(example.f, argnum=example.argnums, backend="reverse", batch=True)(*example.point, cotangents)
    assert [x.shape for x in found] == [x.shape for x in tangents]

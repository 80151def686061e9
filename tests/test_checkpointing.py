"""Checkpoints: the same gradient from less memory, at the cost that theory gives."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db
from diffbench.checkpointing import beta, extra_steps, schedule

X = np.array([0.5, 1.0, 2.0])
MODES = ("forward", "reverse")
LITERATURE = {  # (l, s): t, from the collections of checkpoint_schedules and pyrevolve
    (10, 1): 45, (10, 2): 20, (10, 3): 15, (10, 4): 14, (10, 5): 13, (10, 9): 9, (16, 4): 27, (35, 3): 105,
    (100, 3): 490, (100, 5): 316, (100, 8): 245, (100, 10): 222, (100, 20): 178, (100, 99): 99,
}  # fmt: skip


def f(x, w):
    return {"y": np.tanh(w * x) * x, "z": np.sum(np.exp(-x * x))}


def total(function):
    def program(x, w):
        result = function(x * 2.0, w)
        return np.sum(result["y"] ** 2) * result["z"]

    return program


def test_the_gradient_is_the_same_to_the_last_bit():
    expected = db.gradient(total(f), argnum=(0, 1))(X, 0.7)
    found = db.gradient(total(db.checkpoint(f)), argnum=(0, 1))(X, 0.7)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_checkpoints_nest_in_each_other_and_under_other_derivatives(inner, outer):
    nested = db.checkpoint(lambda x, w: db.checkpoint(f)(np.sin(x), w))
    plain = lambda x, w: f(np.sin(x), w)  # noqa: E731
    found = db.jacobian(db.gradient(total(nested), backend=inner), backend=outer)(X, 0.7)
    expected = db.jacobian(db.gradient(total(plain), backend=inner), backend=outer)(X, 0.7)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def test_a_traced_value_that_is_closed_over_is_an_error_and_not_dropped():
    with pytest.raises(db.TraceLost, match="not among its arguments"):
        db.gradient(lambda x: np.sum(db.checkpoint(lambda y: y * x)(x * 2.0)))(X)


def test_a_checkpoint_needs_less_memory():
    x = np.linspace(0.0, 1.0, 100_000)

    def deep(x):
        for _ in range(20):
            x = np.sin(x)
        return x

    def peak(function):
        gc.collect()
        db.memory.POOL.clear()
        tracemalloc.start()
        db.gradient(lambda x: np.sum(function(function(x))))(x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    remembered, recomputed = peak(deep), peak(db.checkpoint(deep))
    assert recomputed < 0.65 * remembered


# -- the binomial schedule ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "snapshots"), LITERATURE)
def test_the_number_of_steps_is_that_of_the_literature(length, snapshots):
    calls = 0

    def step(y, a):
        nonlocal calls
        calls += 1
        return a * y * (1.0 - y)

    def run(y, a):
        return db.checkpointed_loop(step, y, length, a, snapshots=snapshots)

    db.gradient(run, argnum=(0, 1))(0.3, 2.5)
    assert calls == length + LITERATURE[length, snapshots]
    assert extra_steps(length, snapshots) == LITERATURE[length, snapshots]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_the_schedule_costs_what_theory_says_reverses_every_step_and_keeps_its_snapshots(length, snapshots):
    saved, steps, reversed_steps, current = {0}, 0, [], 0
    for action in schedule(length, snapshots):
        if action[0] == "advance":
            assert action[1] in saved or action[1] == current
            steps, current = steps + action[2] - action[1], action[2]
        elif action[0] == "save":
            assert action[1] == current
            saved.add(action[1])
        elif action[0] == "free":
            saved.remove(action[1])
        else:
            assert action[1] in saved or action[1] == current
            reversed_steps.append(action[1])
            current = None
        assert len(saved) <= snapshots
    assert steps == extra_steps(length, min(snapshots, length))
    assert reversed_steps == list(range(length - 1, -1, -1))


def test_binomial_numbers():
    assert (beta(3, 3), beta(4, 4), beta(10, 3)) == (20, 70, 286)


def plain_loop(step, state, n, *params):
    for _ in range(n):
        state = step(state, *params)
    return state


def step(state, w):
    return {"x": np.tanh(state["x"] * w["a"] + state["v"]), "v": 0.9 * state["v"] + w["b"] * state["x"]}


def loop_gradient(loop, **options):
    def energy(state, w):
        end = loop(step, state, 12, w, **options)
        return np.sum(end["x"] ** 2) + np.sum(end["v"])

    return db.gradient(energy, argnum=(0, 1))


STATE, W = {"x": X, "v": X[::-1] * 0.1}, {"a": np.array([1.1, 0.9, 0.5]), "b": 0.2}


@pytest.mark.parametrize("snapshots", [1, 2, 4, 12, 50])
def test_a_checkpointed_loop_over_containers_has_the_gradient_of_the_loop(snapshots):
    found = loop_gradient(db.checkpointed_loop, snapshots=snapshots)(STATE, W)
    expected = loop_gradient(plain_loop)(STATE, W)
    for a, b in zip(found, expected):
        for key in a:
            np.testing.assert_allclose(a[key], b[key], rtol=1e-13)


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_a_checkpointed_loop_has_second_derivatives(inner, outer):
    def run(loop, **options):
        return lambda x: np.sum(loop(lambda y, a: np.sin(a * y), x, 5, x * x, **options))

    found = db.jacobian(db.gradient(run(db.checkpointed_loop, snapshots=2), backend=inner), backend=outer)(X)
    expected = db.jacobian(db.gradient(run(plain_loop), backend=inner), backend=outer)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_without_a_derivative_the_loop_just_runs():
    assert db.checkpointed_loop(lambda y: 2.0 * y, 1.0, 10, snapshots=3) == 1024.0


@pytest.mark.parametrize("arguments", [{"n": 0, "snapshots": 1}, {"n": 3, "snapshots": 0}, {"n": 2.5, "snapshots": 1}])
def test_numbers_below_one_are_refused(arguments):
    n = arguments.pop("n")
    with pytest.raises(db.ArgumentError, match="checkpointed_loop"):
        db.checkpointed_loop(lambda y: y, 1.0, n, **arguments)

"""Checkpoints: the same gradient from less memory, at the cost that theory gives."""

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db
from diffbench.revolve import beta, extra_steps, schedule

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
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_a_checkpointed_function_may_close_over_traced_values_and_loop_variables(inner, outer):
    def program(wrap):
        def run(x):
            parameters = {"w": np.cos(x)}
            y = x
            for k in (1, 2, 3):
                y = wrap(lambda y: np.tanh(k * parameters["w"] * y) + wrap(lambda z: z * x)(y))(y)  # noqa: B023
            return np.sum(y)

        return run

    found = db.jacobian(db.gradient(program(db.checkpoint), backend=inner), backend=outer)(X)
    expected = db.jacobian(db.gradient(program(lambda f: f), backend=inner), backend=outer)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_arrays_that_a_checkpointed_function_fills_and_changes_keep_their_derivatives():
    def fill(y, x):
        y[1:] *= x[:-1]
        z = np.zeros_like(x)
        z[::2] = y[::2] ** 2
        z += x
        return z, y

    def program(wrap):
        def run(x):
            y = np.sin(x)
            z, _ = wrap(fill)(y, x)
            y[0] = 7.0
            return np.sum(np.exp(z) * y)

        return run

    expected = db.gradient(program(lambda f: f))(X)
    np.testing.assert_array_equal(db.gradient(program(db.checkpoint))(X), expected)
    pull = db.pullback(program(db.checkpoint))(X)[1]
    for _ in range(2):
        np.testing.assert_array_equal(pull(1.0), expected)


def test_an_inner_derivative_may_be_checkpointed_with_values_of_the_outer_one():
    def force(x, wrap):
        return db.gradient(lambda y: np.sum(wrap(lambda z: np.sin(z) * x)(y)))(x**2)

    for outer in MODES:
        found = db.jacobian(lambda x: force(x, db.checkpoint), backend=outer)(X)
        np.testing.assert_array_equal(found, db.jacobian(lambda x: force(x, lambda f: f), backend=outer)(X))


def test_the_same_pullback_serves_many_threads():
    pull = db.pullback(lambda x: db.checkpointed_loop(lambda y: np.sin(y) * x, x, 20, snapshots=3))(X)[1]
    expected = pull(X)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(pull, [X] * 16):
            np.testing.assert_array_equal(found, expected)


def test_a_batch_of_cotangents_runs_the_function_again_once():
    calls = []

    def count(y):
        calls.append(1)
        return np.sin(y)

    found = db.jacobian(db.checkpoint(count), backend="reverse")(X)
    np.testing.assert_array_equal(found, np.diag(np.cos(X)))
    assert len(calls) == 2


def random_factor(y):
    return y * RNG.uniform(1, 2)


def first_call_differs(y):
    COUNTER[0] += 1.0
    return np.sin(y) if COUNTER[0] == 1.0 else np.sin(y * 1.0)


RNG, COUNTER, GLOBAL = np.random.default_rng(0), [0.0], np.ones(3)


@pytest.mark.parametrize("f", [random_factor, first_call_differs])
def test_a_function_that_does_something_else_when_it_runs_again_is_an_error(f):
    COUNTER[0] = 0.0
    with pytest.raises(db.NotRepeatable, match=f.__name__):
        db.gradient(lambda x: np.sum(db.checkpoint(f)(x)))(X)


def test_arrays_changed_before_the_backward_pass_are_noticed_even_where_the_value_stays():
    captured = np.ones(3)
    for array, f in {
        "closed over": (captured, lambda y: y * captured),
        "global": (GLOBAL, lambda y: y * GLOBAL),
    }.values():
        pull = db.pullback(db.checkpoint(f))(np.zeros(3))[1]
        array *= 2
        with pytest.raises(db.NotRepeatable):
            pull(X)


def test_a_checkpoint_needs_less_memory():
    x = np.linspace(0.0, 1.0, 100_000)

    def deep(x):
        for _ in range(20):
            x = np.sin(x)
        return x

    remembered = peak(lambda x: np.sum(deep(deep(x))), x)
    recomputed = peak(lambda x: np.sum(db.checkpoint(deep)(db.checkpoint(deep)(x))), x)
    assert remembered > 40 * x.nbytes
    assert recomputed < 25 * x.nbytes


def peak(f, x):
    """The largest memory in bytes that a gradient holds."""
    gc.collect()
    db.memory.POOL.clear()
    tracemalloc.start()
    db.gradient(f)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


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
            np.testing.assert_array_equal(a[key], b[key])


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_a_checkpointed_loop_has_second_derivatives(inner, outer):
    def run(loop, **options):
        return lambda x: np.sum(loop(lambda y, a: np.sin(a * y), x, 5, x * x, **options))

    found = db.jacobian(db.gradient(run(db.checkpointed_loop, snapshots=2), backend=inner), backend=outer)(X)
    expected = db.jacobian(db.gradient(run(plain_loop), backend=inner), backend=outer)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_without_a_derivative_the_loop_just_runs():
    assert db.checkpointed_loop(lambda y: 2.0 * y, 1.0, 10, snapshots=3) == 1024.0


def test_a_loop_of_no_steps_gives_the_state():
    assert db.derivative(lambda x: db.checkpointed_loop(np.sin, x, 0, snapshots=1), backend="reverse")(0.5) == 1.0


@pytest.mark.parametrize(("n", "snapshots"), [(-1, 1), (3, 0), (2.5, 1)])
def test_numbers_that_are_none_of_steps_or_snapshots_are_refused(n, snapshots):
    with pytest.raises(db.ArgumentError, match="checkpointed_loop"):
        db.checkpointed_loop(lambda y: y, 1.0, n, snapshots=snapshots)


def test_indexed_steps_know_their_number():
    force = np.array([1.0, -0.5, 2.0, 0.3])

    def run(loop):
        return lambda y, w: np.sum(loop(lambda k, y, w: np.sin(y) * w + force[k] * k, y, w))

    def checkpointed(step, y, w):
        return db.checkpointed_loop(step, y, 4, w, snapshots=2, indexed=True)

    def plain(step, y, w):
        for k in range(4):
            y = step(k, y, w)
        return y

    found, expected = (db.gradient(run(loop), argnum=(0, 1))(X, 0.8) for loop in (checkpointed, plain))
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def test_steps_of_a_loop_may_be_loops_and_close_over_traced_values():
    def run(loop, **options):
        def inner(y, a):
            return loop(lambda z: z + 0.1 * np.cos(a * z), y, 4, **options)

        return lambda x: np.sum(loop(lambda y: inner(y, x) * np.sin(x), x, 5, **options))

    found = db.gradient(run(db.checkpointed_loop, snapshots=2))(X)
    np.testing.assert_array_equal(found, db.gradient(run(plain_loop))(X))


def test_a_step_that_counts_in_the_computation_is_an_error():
    def run(x):
        k = 0

        def step(y):
            nonlocal k
            k += 1
            return y * k

        return np.sum(db.checkpointed_loop(step, x, 5, snapshots=2))

    with pytest.raises(db.NotRepeatable, match="step did something else"):
        db.gradient(run)(X)


@pytest.mark.parametrize("step", [lambda y: y + 1.0, lambda y: 1.0 + y, lambda y: y - 1.0, lambda y: y + np.ones(3)])
def test_a_sum_with_an_array_that_was_assigned_to_leaves_as_many_entries_the_second_time(step):
    def f(x):
        y = x * x
        y[0] = 5.0 * x[1]
        return np.sum(db.checkpoint(step)(y) ** 2) + np.sum(db.checkpointed_loop(step, y, 4, snapshots=2) ** 2)

    y, shift = np.array([5.0 * X[1], X[1] ** 2, X[2] ** 2]), step(np.zeros(3))
    outer = 2.0 * (y + shift) + 2.0 * (y + 4.0 * shift)
    gradient = [0.0, 5.0 * outer[0] + 2.0 * X[1] * outer[1], 2.0 * X[2] * outer[2]]
    np.testing.assert_allclose(db.gradient(f)(X), gradient, rtol=1e-14)


@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_an_inner_derivative_may_assign_to_what_a_checkpoint_takes(inner):
    def total(t):
        z = t * 1.0
        z[0] = t[1]
        return np.sum(db.checkpoint(np.sin)(z)) + np.sum(db.checkpointed_loop(lambda y: y / 2.0, z, 2, snapshots=1))

    def f(x):  # that gradient is (0, 2 cos x₁ + 1/2, cos x₂ + 1/4)
        return np.sum(db.gradient(total, backend=inner)(x) * x)

    _, a, b = X
    gradient = [0.0, 2.0 * np.cos(a) - 2.0 * a * np.sin(a) + 0.5, np.cos(b) - b * np.sin(b) + 0.25]
    np.testing.assert_allclose(db.gradient(f, backend="reverse")(X), gradient, rtol=1e-14)


def test_a_loop_may_fill_an_array_of_zeros():
    def f(x):
        def step(k, y):
            y[k] = x[k] * x[0]
            return y

        return np.sum(db.checkpointed_loop(step, np.zeros_like(x), 3, snapshots=2, indexed=True) * x)

    a, b, c = X
    gradient = [3.0 * a**2 + b**2 + c**2, 2.0 * a * b, 2.0 * a * c]
    np.testing.assert_allclose(db.gradient(f, backend="reverse")(X), gradient, rtol=1e-15)


def test_an_interrupted_backward_pass_leaves_the_pullback_whole():
    fails = [False]

    def step(y):
        if fails[0]:
            raise KeyboardInterrupt
        return np.sin(y) * y

    pull = db.pullback(lambda x: db.checkpointed_loop(step, x, 9, snapshots=3))(X)[1]
    expected = pull(X)
    fails[0] = True
    with pytest.raises(KeyboardInterrupt):
        pull(X)
    fails[0] = False
    np.testing.assert_array_equal(pull(X), expected)


def test_a_loop_holds_its_snapshots_and_one_step():
    x = np.linspace(0.1, 1.0, 100_000)
    step = lambda y: np.sin(y) * y + 0.1  # noqa: E731

    def f(snapshots):
        return lambda x: np.sum(db.checkpointed_loop(step, x, 60, snapshots=snapshots))

    few, many = peak(f(3), x), peak(f(10), x)
    assert few < (3 + 8) * x.nbytes
    assert few + 6 * x.nbytes < many < (10 + 8) * x.nbytes


def test_a_long_loop_of_numbers_holds_little_more_than_eight_bytes_an_operation():
    step = lambda y: 2.5 * y * (1.0 - y)  # noqa: E731
    n, operations = 2000, 3
    assert peak(lambda x: db.checkpointed_loop(step, x, n, snapshots=20), 0.3) < n * (16 * (operations + 1) + 32)
    assert peak(lambda x: plain_loop(step, x, n), 0.3) > n * 300

"""Laws of calculus on random programs: linearity, transposition, the chain rule, symmetry, agreement of all modes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db

MODES = ("forward", "reverse")
N = 3
STEPS = {
    "sin": lambda x, y: np.sin(x) + y,
    "product": lambda x, y: x * y,
    "tanh of a product": lambda x, y: np.tanh(np.dot(ROTATION, x) * y),
    "shift": lambda x, y: np.roll(x, 1) - 0.5 * y,
    "quotient": lambda x, y: x / (1 + y * y),
    "cumulative": lambda x, y: np.cumsum(x) / N + y[::-1],
    "items": lambda x, y: np.stack([x[0] * y[2], x[2] - y[0], x[1]]),
    "branch": lambda x, y: np.exp(-x * x) if x[0] > y[1] else x + y,
    "index": lambda x, y: x[[0, 0, 1]] * y[[2, 1, 1]],
    "where": lambda x, y: np.where(x > y, x * x, y),
    "loop": lambda x, y: sum((x[i] * np.ones(N) for i in range(N)), y * y),
    "items assigned": lambda x, y: assigned(x, y),
    "list": lambda x, y: np.array([x[1], 0.5, np.sin(y[0])]),
}
ROTATION = np.array([[0.6, -0.8, 0.1], [0.8, 0.6, -0.2], [0.3, 0.1, 1.0]])
vectors = st.lists(st.floats(-1.5, 1.5, width=32), min_size=N, max_size=N).map(np.array)
programs = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=6)
quick = settings(max_examples=40, deadline=None)


def assigned(x, y):
    z = np.zeros_like(x)
    z[0] = x[0] * y[1]
    tail = z[1:]
    tail += x[:-1]
    z[2] *= y[2]
    return z


def run(steps):
    """The program that applies steps to the two latest values."""

    def program(x):
        before, now = x, x * x
        for step in steps:
            before, now = now, STEPS[step](now, before)
        return now

    return program


@quick
@given(programs, vectors, vectors, vectors, st.floats(-2, 2))
def test_the_jvp_is_linear(steps, x, v, w, a):
    push = db.jvp(run(steps))
    assert push(x, a * v + w) == pytest.approx(a * push(x, v) + push(x, w), rel=1e-11, abs=1e-11)


@quick
@given(programs, vectors, vectors, vectors)
def test_forward_and_reverse_are_transposes(steps, x, u, v):
    program = run(steps)
    pushed, pulled = db.jvp(program)(x, v), db.vjp(program)(x, u)
    assert np.dot(u, pushed) == pytest.approx(np.dot(pulled, v), rel=1e-11, abs=1e-11)


@quick
@given(programs, programs, vectors)
def test_the_chain_rule(first, second, x):
    inner, outer = run(first), run(second)
    product = db.jacobian(outer)(inner(x)) @ db.jacobian(inner)(x)
    assert db.jacobian(lambda x: outer(inner(x)))(x) == pytest.approx(product, rel=1e-10, abs=1e-10)


@quick
@given(programs, vectors)
def test_all_modes_give_the_same_jacobian(steps, x):
    program = run(steps)
    expected = db.jacobian(program, backend="forward")(x)
    by_rows = db.jacobian(program, backend="reverse")(x)
    _, push = db.linearize(program)(x)
    _, pull = db.pullback(program)(x)
    assert by_rows == pytest.approx(expected, rel=1e-11, abs=1e-11)
    by_columns = push(np.eye(N), batch=True).T
    assert by_columns == pytest.approx(expected, rel=1e-11, abs=1e-11)
    assert np.stack([pull(u) for u in np.eye(N)]) == pytest.approx(expected, rel=1e-11, abs=1e-11)


@quick
@given(programs, vectors)
def test_all_orders_of_modes_give_the_same_symmetric_hessian(steps, x):
    def total(x):
        return np.sum(run(steps)(x) * ROTATION[2])

    hessians = [
        db.jacobian(db.gradient(total, backend=inner), backend=outer)(x)
        for outer, inner in itertools.product(MODES, repeat=2)
    ]
    scale = 1 + np.max(np.abs(hessians[0]))
    for H in [*hessians, db.hessian(total)(x)]:
        assert pytest.approx(hessians[0], rel=1e-9, abs=1e-10 * scale) == H
        assert pytest.approx(H.T, rel=1e-9, abs=1e-10 * scale) == H


@quick
@given(st.lists(st.sampled_from(sorted(set(STEPS) - {"branch", "where"})), min_size=1, max_size=4), vectors)
def test_central_differences_agree_on_smooth_programs(steps, x):
    program = run(steps)
    exact = db.jacobian(program)(x)
    found = db.jacobian(program, backend="finite-central", order=4)(x)
    scale = 1 + np.max(np.abs(exact)) + np.max(np.abs(program(x)))
    assert np.max(np.abs(found - exact)) < 1e-5 * scale


@quick
@given(programs, vectors, vectors)
def test_the_jvp_of_reverse_mode_alone_is_that_of_forward_mode(steps, x, v):
    program = run(steps)
    expected = db.jvp(program, backend="forward")(x, v)
    assert db.jvp(program, backend="reverse")(x, v) == pytest.approx(expected, rel=1e-11, abs=1e-11)


@settings(max_examples=25, deadline=None)
@given(programs, vectors)
def test_both_modes_agree_with_the_truth_to_fifty_digits(steps, x):
    def total(x):
        return np.sum(run(steps)(x) * ROTATION[2])

    truth = np.array(db.reference(total, x), dtype=float)
    scale = 1 + np.max(np.abs(truth))
    for mode in MODES:
        assert db.gradient(total, backend=mode)(x) == pytest.approx(truth, rel=1e-11, abs=1e-12 * scale)

"""Preparation: all one-off work is done once, and what no longer fits is noticed."""

import threading

import numpy as np
import pytest

import diffbench as db
from tests.common import X, each_backend, each_mode, f, f_gradient


def product(a, b, c=1.0, *, power=1):
    return np.sum(a * b**2 * c) ** power


VERBS = (
    db.gradient,
    db.value_and_gradient,
    db.jacobian,
    db.hessian,
    db.jvp,
    db.vjp,
    db.hvp,
    db.linearize,
    db.pullback,
)
DIRECTIONS = {db.jvp: [X], db.vjp: [1.0], db.hvp: [X]}


@each_backend
@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_a_prepared_verb_gives_what_the_verb_gives(backend, verb):
    more = DIRECTIONS.get(verb, [])
    plain = verb(f, backend=backend)
    prepared = plain.prepare(X, *more)
    for x in (X, X + 1):
        found, expected = prepared(x, *more), plain(x, *more)
        if verb in (db.linearize, db.pullback):
            direction = X if verb is db.linearize else 1.0
            found, expected = found[1](direction), expected[1](direction)
        if verb is db.value_and_gradient:
            found, expected = np.hstack(found), np.hstack(expected)
        assert np.array_equal(found, expected)


def test_preparing_runs_f_and_evaluating_does_not():
    """By the symbolic backend, which has something to prepare."""
    calls = []

    def counted(x):
        calls.append(1)
        return f(x)

    prepared = db.gradient(counted, backend="symbolic").prepare(X)
    before = len(calls)
    assert before >= 1
    assert prepared(X + 1) == pytest.approx(f_gradient(X + 1), rel=1e-14)
    assert len(calls) == before


@each_backend
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((np.arange(1.0, 6.0), 2.0), {}),
        ((np.ones((2, 3)), 2.0), {}),
        ((X.astype(np.float32), 2.0), {}),
        ((X, 5.0), {}),
        ((X, np.array([1.0, 2.0, 3.0])), {}),
        ((X, 2.0), {"c": 3.0}),
        ((X, 2.0, 3.0), {}),
        ((X, 2), {"power": 2}),
    ],
    ids=["size", "rank", "dtype", "other argument", "array beside", "keyword", "more arguments", "option"],
)
def test_a_prepared_verb_called_with_what_does_not_fit_prepares_again(backend, args, kwargs):
    gradient = db.gradient(product, backend=backend)
    prepared = gradient.prepare(X, 2.0)
    found = prepared(*args, **kwargs)
    expected = gradient(*args, **kwargs)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert prepared(X, 2.0) == pytest.approx(np.full(3, 4.0), abs=1e-5)


@each_backend
def test_a_prepared_verb_notices_that_an_array_beside_has_changed_in_place(backend):
    b = np.array([1.0, 2.0, 3.0])
    prepared = db.gradient(product, backend=backend).prepare(X, b)
    b[0] = 10.0
    assert prepared(X, b) == pytest.approx(b**2, rel=1e-6)


@each_mode
def test_a_prepared_verb_follows_branches_and_loop_counts(mode):
    def g(x):
        while x < 100:
            x = x * x if x > 3 else 5 * x
        return x

    prepared = db.derivative(g, backend=mode).prepare(50.0)
    for x in (50.0, 2.0, 150.0):
        assert prepared(x) == db.derivative(g, backend=mode)(x)
    assert prepared(150.0) == 1.0


@pytest.mark.parametrize("backend", ["symbolic", "forward", "reverse", "finite-central"])
def test_a_prepared_verb_may_be_used_inside_another_derivative(backend):
    """Prepared at plain numbers, called with traced ones."""
    prepared = db.gradient(lambda x: np.sum(x**3), backend=backend).prepare(X)
    for outer in ("forward", "reverse"):
        assert db.jacobian(prepared, backend=outer)(X) == pytest.approx(np.diag(6 * X), abs=1e-6)


def test_the_same_verb_serves_several_threads():
    gradient = db.gradient(f)
    prepared = db.gradient(f, backend="symbolic").prepare(X)
    found = {}

    def work(k):
        found[k] = [(gradient(X + k), prepared(X + k)) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        for pair in found[k]:
            for gradient_found in pair:
                assert gradient_found == pytest.approx(f_gradient(X + k), rel=1e-13)

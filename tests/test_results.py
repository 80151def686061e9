"""What users get: dtypes that are kept, arrays that are theirs alone, auxiliary results."""

import numpy as np
import pytest

import diffbench as db
from tests.common import AD, X, each_backend, each_mode, f


def h(x):
    """R³ -> R²."""
    return np.stack([x[0] * x[1], np.sin(x[2]) * x[0]])


def product(a, b, c=1.0, *, power=1):
    return np.sum(a * b**2 * c) ** power


# -- dtypes and memory -------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_dtypes_are_kept(backend, dtype):
    x = X.astype(dtype)
    for verb in (db.gradient, db.jacobian, db.hessian):
        assert verb(f, backend=backend)(x).dtype == dtype
    assert db.jvp(h, backend=backend)(x, np.ones(3)).dtype == dtype
    assert db.vjp(h, backend=backend)(x, np.ones(2)).dtype == dtype
    assert db.hvp(f, backend=backend)(x, [1, 0, 0]).dtype == dtype
    assert type(db.derivative(np.sin, backend=backend)(dtype(0.5))) is dtype


@each_mode
def test_each_argument_keeps_its_own_dtype(mode):
    a, b = np.float32(3.0), np.float64(2.0)
    slopes = db.gradient(product, argnum=(0, 1), backend=mode)(a, b)
    assert [type(slope) for slope in slopes] == [np.float32, np.float64]


@each_backend
def test_results_are_fresh_and_writable_and_share_no_memory(backend):
    """The gradient of Σx is a broadcast 1, that of ½x·x is x itself, the JVP of the identity its direction."""
    x, v = X.copy(), np.ones(3)
    results = [
        db.gradient(np.sum, backend=backend)(x),
        db.gradient(lambda x: 0.5 * np.dot(x, x), backend=backend)(x),
        db.jvp(lambda x: x, backend=backend)(x, v),
        db.vjp(lambda x: x, backend=backend)(x, v),
        db.linearize(lambda x: x, backend=backend)(x)[0],
        db.pullback(lambda x: x[::-1], backend=backend)(x)[0],
        *db.gradient(lambda a, b: np.sum(a + b), argnum=(0, 1), backend=backend)(x, v),
        db.hvp(lambda x: 0.5 * np.dot(x, x), backend=backend)(x, v),
    ]
    for k, result in enumerate(results):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (x, v, *results[:k]))
    assert np.array_equal(x, X)
    assert np.array_equal(v, np.ones(3))


@each_mode
def test_a_value_does_not_share_memory_with_a_0d_argument(mode):
    x = np.array(2.0)
    value, _ = db.value_and_gradient(lambda x: x, backend=mode)(x)
    x[...] = 7.0
    assert value == 2.0


@each_mode
@pytest.mark.parametrize("verb", [db.linearize, db.pullback])
def test_linear_maps_do_not_see_later_changes_of_argument_and_direction(mode, verb):
    x, v = X.copy(), np.ones(3)
    _, apply = verb(lambda x: x**2, backend=mode)(x)
    x[:] = 0.0
    first = apply(v)
    first[:] = 0.0
    v[:] = 2.0
    assert apply(v) == pytest.approx(4 * X)


@each_mode
def test_read_only_and_strided_arguments_are_fine(mode):
    x = np.arange(12.0).reshape(3, 4)[:, ::2]
    x.flags.writeable = False
    assert np.array_equal(db.gradient(lambda x: np.sum(x**2), backend=mode)(x), 2 * x)
    assert np.array_equal(db.gradient(lambda x: np.sum(x**2), backend=mode)(np.broadcast_to(3.0, 4)), np.full(4, 6.0))


# -- auxiliary results -------------------------------------------------------------------------------------------------


def with_aux(x):
    return np.sum(x**2), {"twice": 2 * x, "words": "as they are"}


@each_backend
def test_auxiliary_results_stand_beside_the_answer_and_are_plain(backend):
    gradient, aux = db.gradient(with_aux, has_aux=True, backend=backend)(X)
    assert gradient == pytest.approx(2 * X)
    (value, aux_too), gradient = db.value_and_gradient(with_aux, has_aux=True, backend=backend)(X)
    assert value == np.sum(X**2)
    (value, aux_again), push = db.linearize(with_aux, has_aux=True, backend=backend)(X)
    assert push(np.ones(3)) == pytest.approx(2 * np.sum(X))
    for found in (aux, aux_too, aux_again):
        assert type(found["twice"]) is np.ndarray
        assert np.array_equal(found["twice"], 2 * X)
        assert found["words"] == "as they are"


@pytest.mark.parametrize("inner", [*AD, "finite-central", "complex-step"])
@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_auxiliary_results_stay_traced_by_an_outer_derivative(inner, outer):
    """d/dx of x⁴, which the inner derivative only passes by."""

    def g(x):
        _, aux = db.gradient(lambda y: (y * y, y**4), has_aux=True, backend=inner)(x)
        return aux

    assert db.derivative(g, backend=outer)(2.0) == pytest.approx(32.0)


@pytest.mark.parametrize("backend", ["symbolic", "reverse"])
def test_a_prepared_verb_gives_the_auxiliary_results_of_each_point(backend):
    prepared = db.gradient(with_aux, has_aux=True, backend=backend).prepare(X)
    for x in (X, 3 * X):
        _, aux = prepared(x)
        assert np.array_equal(aux["twice"], 2 * x)

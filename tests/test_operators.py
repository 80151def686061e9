"""The verbs as users call them: shapes, containers, dtypes, arguments, memory, preparation.

Numbers are compared with closed forms. What must hold for every backend is in the conformance suite (test_checks.py).
"""

import copy
import inspect
import pickle

import numpy as np
import pytest

import diffbench as db
from tests.common import X, each_backend, each_mode, f, f_gradient

VERBS = (
    db.derivative,
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


def f_hessian(x):
    return np.diag((2 - x**2) * np.sin(x) + 4 * x * np.cos(x))


def h(x):
    """R³ -> R²."""
    return np.stack([x[0] * x[1], np.sin(x[2]) * x[0]])


def h_jacobian(x):
    return np.array([[x[1], x[0], 0.0], [np.sin(x[2]), 0.0, x[0] * np.cos(x[2])]])


# -- the example of the README of the design, verb by verb -------------------------------------------------------------


def test_gradient_of_the_first_example():
    assert db.gradient(f)(X) == pytest.approx(f_gradient(X), rel=1e-15)


def test_value_and_gradient_are_a_pair():
    value, gradient = db.value_and_gradient(f)(X)
    assert value == f(X)
    assert gradient == pytest.approx(f_gradient(X), rel=1e-15)


@each_mode
def test_jacobian_has_the_shape_of_the_result_followed_by_that_of_the_argument(mode):
    assert db.jacobian(h, backend=mode)(X) == pytest.approx(h_jacobian(X), rel=1e-15)


@each_mode
def test_hessian_has_the_shape_of_the_argument_twice(mode):
    assert db.hessian(f, backend=mode)(X) == pytest.approx(f_hessian(X), rel=1e-14)


@each_mode
def test_products_are_those_of_the_matrices(mode):
    v, u = np.array([1.0, -2.0, 0.5]), np.array([3.0, -1.0])
    assert db.jvp(h, backend=mode)(X, v) == pytest.approx(h_jacobian(X) @ v, rel=1e-14)
    assert db.vjp(h, backend=mode)(X, u) == pytest.approx(u @ h_jacobian(X), rel=1e-14)
    assert db.hvp(f, backend=mode)(X, v) == pytest.approx(f_hessian(X) @ v, rel=1e-14)


@each_mode
def test_linear_maps_do_not_run_f_again(mode):
    calls = []

    def counted(x):
        calls.append(1)
        return h(x)

    value, push = db.linearize(counted, backend=mode)(X)
    assert value == pytest.approx(h(X), rel=1e-15)
    for column in range(3):
        assert push(np.eye(3)[column]) == pytest.approx(h_jacobian(X)[:, column], rel=1e-15)
    assert push(np.eye(3), batch=True) == pytest.approx(h_jacobian(X).T, rel=1e-15)
    assert len(calls) == 1
    value, pull = db.pullback(counted, backend="reverse")(X)
    for row in range(2):
        assert pull(np.eye(2)[row]) == pytest.approx(h_jacobian(X)[row], rel=1e-15)
    assert pull(np.eye(2), batch=True) == pytest.approx(h_jacobian(X), rel=1e-15)
    assert len(calls) == 2


@each_mode
def test_a_batch_runs_f_once(mode):
    calls = []

    def counted(x):
        calls.append(1)
        return h(x)

    db.jvp(counted, backend=mode, batch=True)(X, np.eye(3))
    db.vjp(counted, backend="reverse", batch=True)(X, np.eye(2))
    db.hvp(lambda x: np.sum(counted(x)), backend=mode, batch=True)(X, np.eye(3))
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("shape_of_f", "expected"), [((2, 40), "forward"), ((40, 2), "reverse"), ((40, 50), "forward")]
)
def test_auto_takes_the_mode_with_fewer_directions_for_a_jacobian(shape_of_f, expected):
    n, m = shape_of_f
    A = np.arange(1.0, n * m + 1).reshape(m, n)
    kinds = []

    def linear(x):
        kinds.append(type(x).__name__)
        return np.dot(A, x)

    assert np.array_equal(db.jacobian(linear)(np.ones(n)), A)
    assert (kinds[-1] == "Recorded") == (expected == "reverse")  # the last run: of many results auto looks at one first


def test_elementwise_derivative_takes_one_pass_whatever_the_size():
    calls = []

    def counted(x):
        calls.append(1)
        return np.exp(x) * x

    x = np.linspace(-1, 1, 12).reshape(3, 4)
    assert db.elementwise_derivative(counted)(x) == pytest.approx(np.exp(x) * (1 + x), rel=1e-15)
    assert len(calls) == 1
    assert db.elementwise_derivative(lambda a, x: a * x**2, argnum=1)(3.0, 2) == 12.0
    assert db.elementwise_derivative(lambda a, x: a * x**2, argnum=-1)(3.0, 2.0) == 12.0


def test_elementwise_derivative_refuses_an_argnum_out_of_range():
    with pytest.raises(db.ArgumentError, match="argnum=3"):
        db.elementwise_derivative(np.sin, argnum=3)(1.0)


# -- shapes ------------------------------------------------------------------------------------------------------------

SHAPES = [(), (0,), (1,), (3,), (2, 3), (1, 1), (0, 3), (2, 0), (2, 1, 3)]


@pytest.mark.parametrize(("argument", "runs"), [(np.ones(3), 3), (np.ones(4), 1), ([1.0] * 6, 6)])
def test_a_few_tangents_pass_one_by_one_and_many_together(argument, runs):
    calls = []

    def product(x):
        calls.append(x)
        return x[0] * x[1]

    gradient = db.gradient(product, backend="forward")(argument)
    assert len(calls) == runs
    np.testing.assert_array_equal(gradient, [1.0, 1.0, *[0.0] * (len(argument) - 2)])


@each_mode
@pytest.mark.parametrize("argument", SHAPES, ids=str)
@pytest.mark.parametrize("result", SHAPES, ids=str)
def test_every_pair_of_shapes_has_its_jacobian_and_products(mode, argument, result):
    """f multiplies by a tensor T of shape result + argument, so that T is the Jacobian."""
    n, m = int(np.prod(argument, dtype=int)), int(np.prod(result, dtype=int))
    T = np.cos(np.arange(n * m)).reshape(m, n)

    def linear(x):
        return np.reshape(np.dot(T, np.reshape(x, (n,))), result)

    x = np.ones(argument)
    v, u = np.sin(np.arange(n)).reshape(argument), np.sin(np.arange(m)).reshape(result)
    assert np.array_equal(db.jacobian(linear, backend=mode)(x), T.reshape(result + argument))
    assert db.jvp(linear, backend=mode)(x, v) == pytest.approx((T @ v.ravel()).reshape(result))
    assert db.vjp(linear, backend=mode)(x, u) == pytest.approx((u.ravel() @ T).reshape(argument))
    vs, us = np.stack([v, 2 * v, -v]), np.stack([u, -u])
    assert np.shape(db.jvp(linear, backend=mode, batch=True)(x, vs)) == (3, *result)
    assert np.shape(db.vjp(linear, backend=mode, batch=True)(x, us)) == (2, *argument)


@each_mode
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_has_its_gradient_and_hessian(mode, shape):
    x = np.cos(np.arange(np.prod(shape, dtype=int))).reshape(shape)
    n = x.size
    assert db.gradient(lambda x: np.sum(x**3), backend=mode)(x) == pytest.approx(3 * x**2)
    expected = np.diag(6 * x.ravel()).reshape(shape + shape)
    assert db.hessian(lambda x: np.sum(x**3), backend=mode)(x) == pytest.approx(expected)
    assert db.hvp(lambda x: np.sum(x**3), backend=mode)(x, np.ones(shape)) == pytest.approx(6 * x)
    assert np.shape(db.hessian(lambda x: np.sum(x**3), backend=mode)(x)) == shape + shape
    assert n == np.size(db.gradient(lambda x: 1.0, backend=mode)(x))


@each_backend
@pytest.mark.parametrize("x", [2.0, 2, np.float64(2), np.array(2.0)], ids=["float", "int", "float64", "0-d"])
def test_a_scalar_comes_back_as_a_float(backend, x):
    for verb in (db.derivative, db.gradient, db.jacobian, db.hessian):
        found = verb(lambda x: x**3, backend=backend)(x)
        assert isinstance(found, float)
        assert found == pytest.approx(12.0, rel=1e-4)
    value, slope = db.value_and_gradient(lambda x: x**3, backend=backend)(x)
    assert isinstance(value, float)
    assert isinstance(slope, float)


def test_a_python_float_stays_a_python_float():
    assert type(db.derivative(lambda x: x**3)(2.0)) is float
    assert type(db.derivative(lambda x: x**3)(np.float64(2.0))) is np.float64


# -- arguments ---------------------------------------------------------------------------------------------------------


def product(a, b, c=1.0, *, power=1):
    return np.sum(a * b**2 * c) ** power


@each_mode
@pytest.mark.parametrize(
    ("argnum", "expected"),
    [
        (0, 4.0),
        (1, 12.0),
        (-1, 12.0),
        (-2, 4.0),
        ((0, 1), (4.0, 12.0)),
        ((1, 0), (12.0, 4.0)),
        ((-1,), (12.0,)),
        ((0, -1), (4.0, 12.0)),
        (np.int64(1), 12.0),
        ([0, 1], (4.0, 12.0)),
    ],
    ids=str,
)
def test_argnum_chooses_the_arguments_and_a_tuple_gives_a_tuple(mode, argnum, expected):
    assert db.gradient(product, argnum=argnum, backend=mode)(3.0, 2.0) == expected
    assert db.jacobian(product, argnum=argnum, backend=mode)(3.0, 2.0) == expected
    assert db.derivative(product, argnum=argnum, backend=mode)(3.0, 2.0) == expected


@each_mode
def test_argnum_counts_the_arguments_of_f_and_not_the_direction(mode):
    assert db.jvp(product, argnum=-1, backend=mode)(3.0, 2.0, 10.0) == 120.0
    assert db.jvp(product, argnum=(0, 1), backend=mode)(3.0, 2.0, (1.0, 10.0)) == 124.0
    assert db.vjp(product, argnum=(1, 0), backend=mode)(3.0, 2.0, 10.0) == (120.0, 40.0)
    assert db.hvp(product, argnum=(0, 1), backend=mode)(3.0, 2.0, (1.0, 10.0)) == (40.0, 64.0)
    assert db.hessian(product, argnum=(0, 1), backend=mode)(3.0, 2.0) == ((0.0, 4.0), (4.0, 6.0))


@each_mode
def test_keyword_arguments_pass_through(mode):
    assert db.gradient(product, backend=mode)(3.0, 2.0, c=2.0, power=2) == 2 * 24.0 * 8.0
    assert db.jvp(product, backend=mode)(3.0, 2.0, 1.0, c=5.0) == 20.0
    assert db.linearize(product, backend=mode)(3.0, 2.0, power=2)[1](1.0) == 2 * 12.0 * 4.0


class Untouchable:
    """Must come to f as it is: not copied, compared, or looked into."""

    factor = 3.0

    def __eq__(self, other):
        raise AssertionError("compared")

    __hash__ = None

    def __deepcopy__(self, memo):
        raise AssertionError("copied")


@each_mode
def test_arguments_that_are_not_differentiated_may_be_anything_and_are_not_touched(mode):
    thing, words = Untouchable(), ["a", None]

    def g(x, other, names, *, option):
        assert other is thing
        assert names is words
        assert option is Ellipsis
        return other.factor * x**2

    gradient = db.gradient(g, backend=mode)
    assert gradient(2.0, thing, words, option=...) == 12.0
    assert gradient.prepare(2.0, thing, words, option=...)(2.0, thing, words, option=...) == 12.0


def test_a_verb_knows_the_function_it_is_of():
    assert db.gradient(product).__wrapped__ is product
    assert db.gradient(product).__name__ == "gradient(product)"
    assert repr(db.gradient(product, backend="reverse")) == "<gradient of product by reverse>"


# -- traced values look like arrays ------------------------------------------------------------------------------------


@each_mode
def test_a_traced_value_looks_like_an_array(mode):
    def g(x):
        assert (x.shape, x.ndim, x.size, x.dtype) == ((2, 3), 2, 6, np.float32)
        assert len(x) == 2
        assert [row.shape for row in x] == [(3,), (3,)]
        assert x.T.shape == (3, 2)
        assert x.reshape(-1).shape == x.ravel().shape == x.flatten().shape == (6,)
        assert x.mean().shape == ()
        assert not isinstance(x, np.ndarray)
        assert db.is_traced(x)
        assert type(db.primal(x)) is np.ndarray
        return x.sum()

    assert db.gradient(g, backend=mode)(np.ones((2, 3), np.float32)).dtype == np.float32


def test_nothing_plain_is_traced():
    assert not any(map(db.is_traced, (1.0, X, "x", None, [X])))


@each_mode
def test_stop_gradient_makes_a_constant(mode):
    assert db.derivative(lambda x: x * db.stop_gradient(x**2), backend=mode)(3.0) == 9.0


@each_mode
@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda x: np.array([x[0] * x[1], x[2]]), [[1.0, 0.5, 0.0], [0.0, 0.0, 1.0]]),
        (lambda x: np.asarray(x) * 2, 2 * np.eye(3)),
        (lambda x: np.sin(np.array([x[0], x[1]])), [[np.cos(0.5), 0, 0], [0, np.cos(1.0), 0]]),
        (lambda x: np.array([[x[0], 1.0], [0.0, x[1]]]) @ np.array([x[2], 1.0]), [[2.0, 0, 0.5], [0, 1.0, 0]]),
        (lambda x: np.sum(np.array([[x[0], x[1]], [x[1], x[2]]]), axis=0), [[1.0, 1, 0], [0, 1, 1]]),
        (lambda x: np.r_[x[0], x[1:] ** 2], np.diag([1.0, 2.0, 4.0])),
        (lambda x: [x[0] ** 2, (x[1],)][0] * np.ones(1), [[1.0, 0.0, 0.0]]),
    ],
    ids=["array", "asarray", "ufunc", "matmul", "sum", "r_", "list"],
)
def test_object_arrays_of_traced_scalars_differentiate(mode, build, expected):
    assert db.jacobian(build, backend=mode)(X) == pytest.approx(np.array(expected, dtype=float))


# -- verbs are objects like others -------------------------------------------------------------------------------------


def test_a_verb_can_be_copied_and_pickled():
    gradient = db.gradient(f, backend="reverse")
    for twin in (copy.copy(gradient), copy.deepcopy(gradient), pickle.loads(pickle.dumps(gradient))):
        assert np.array_equal(twin(X), gradient(X))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_every_verb_takes_the_same_keywords(verb):
    parameters = inspect.signature(verb).parameters
    assert list(parameters)[:4] == ["f", "argnum", "backend", "has_aux"]
    assert parameters["backend"].default == "auto"
    assert all(p.kind is p.KEYWORD_ONLY for name, p in parameters.items() if name not in ("f", "options"))


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.__name__)
def test_options_go_to_the_backend(verb):
    assert verb(f, backend="finite-central", order=6, step=1e-2).backend.order == 6

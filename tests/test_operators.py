"""The verbs as users call them: shapes, containers, dtypes, arguments, memory, preparation.

Numbers are compared with closed forms. What must hold for every backend is in the conformance suite (test_checks.py).
"""

import copy
import dataclasses
import inspect
import pickle
import threading
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import diffbench as db

AD = ("auto", "forward", "reverse")
X = np.array([0.5, 1.0, 2.0])
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

each_mode = pytest.mark.parametrize("mode", AD)
each_backend = pytest.mark.parametrize(
    "backend", [*AD, "symbolic", "finite-forward", "finite-backward", "finite-central", "complex-step"]
)


def f(x):
    return np.sum(np.sin(x) * x**2)


def f_gradient(x):
    return np.cos(x) * x**2 + 2 * x * np.sin(x)


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


@pytest.mark.parametrize(("shape_of_f", "expected"), [((2, 40), "forward"), ((40, 2), "reverse")])
def test_auto_takes_the_mode_with_fewer_directions_for_a_jacobian(shape_of_f, expected):
    n, m = shape_of_f
    A = np.arange(1.0, n * m + 1).reshape(m, n)
    kinds = set()

    def linear(x):
        kinds.add(type(x).__name__)
        return np.dot(A, x)

    assert np.array_equal(db.jacobian(linear)(np.ones(n)), A)
    assert ("Recorded" in kinds) == (expected == "reverse")


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


# -- containers --------------------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclasses.dataclass
class Model:
    weights: Any
    bias: Any


@dataclasses.dataclass(frozen=True)
class Validated:
    scale: float

    def __post_init__(self):
        if not isinstance(self.scale, float):
            raise TypeError("scale must be a float")


CONTAINERS = {
    "tuple": ((X, 2.0), lambda t: np.sum(t[0]) * t[1], (np.full(3, 2.0), 3.5)),
    "list": ([X, 2.0], lambda t: np.sum(t[0]) * t[1], [np.full(3, 2.0), 3.5]),
    "dict": ({"a": X, "b": 2.0}, lambda t: np.sum(t["a"]) * t["b"], {"a": np.full(3, 2.0), "b": 3.5}),
    "ordered dict": (OrderedDict(b=2.0, a=3.0), lambda t: t["a"] * t["b"], OrderedDict(b=3.0, a=2.0)),
    "namedtuple": (Pair(X, 2.0), lambda t: np.sum(t.left) * t.right, Pair(np.full(3, 2.0), 3.5)),
    "dataclass": (Model(X, 2.0), lambda t: np.sum(t.weights) * t.bias, Model(np.full(3, 2.0), 3.5)),
    "validated dataclass": (Validated(3.0), lambda t: t.scale**2, Validated(6.0)),
    "nested": ({"l": [(X, 1.0), (2.0, 3)], "e": ()}, lambda t: np.sum(t["l"][0][0]) * t["l"][1][0] * t["l"][1][1],
               {"l": [(np.full(3, 6.0), 0.0), (10.5, 7.0)], "e": ()}),
    "empty tuple": ((), lambda t: 1.0, ()),
    "empty dict": ({}, lambda t: 1.0, {}),
    "none inside": ({"a": 2.0, "b": None}, lambda t: t["a"] ** 2, {"a": 4.0, "b": None}),
    "empty array inside": ([np.zeros(0), 2.0], lambda t: np.sum(t[0]) + t[1], [np.zeros(0), 1.0]),
}  # fmt: skip


def equal(a, b):
    """Whether two trees have the same containers and equal leaves."""
    if isinstance(a, np.ndarray | float):
        return isinstance(b, np.ndarray | float) and np.shape(a) == np.shape(b) and bool(np.all(np.abs(a - b) < 1e-6))
    if dataclasses.is_dataclass(a):
        a, b = ([*vars(t).items(), type(t)] for t in (a, b))
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


@each_backend
@pytest.mark.parametrize(("argument", "function", "expected"), CONTAINERS.values(), ids=CONTAINERS)
def test_a_gradient_comes_back_in_the_containers_of_the_argument(backend, argument, function, expected):
    seen = []

    def g(t):
        seen.append(type(t))
        return function(t)

    found = db.gradient(g, backend=backend)(argument)
    assert equal(found, expected), f"found {found}"
    assert set(seen) == {type(argument)}


@each_mode
def test_a_jacobian_of_containers_is_the_structure_of_the_result_each_leaf_holding_that_of_the_argument(mode):
    def g(p):
        return Pair({"z": p["x"] * p["s"]}, [p["s"] ** 2])

    found = db.jacobian(g, backend=mode)({"x": X, "s": 3.0})
    assert equal(found, Pair({"z": {"x": 3 * np.eye(3), "s": X}}, [{"x": np.zeros(3), "s": 6.0}]))


@each_mode
def test_a_hessian_of_containers_holds_the_structure_of_the_argument_twice(mode):
    found = db.hessian(lambda p: np.sum(p["x"] ** 2) * p["s"], backend=mode)({"x": X, "s": 3.0})
    assert equal(found, {"x": {"x": 6 * np.eye(3), "s": 2 * X}, "s": {"x": 2 * X, "s": 0.0}})


@each_mode
def test_directions_come_in_the_containers_of_argument_and_result(mode):
    def g(p):
        return {"z": p["x"] * p["s"], "n": ()}

    point, tangent = {"x": X, "s": 3.0}, {"s": 2.0, "x": np.ones(3)}  # keys in another order
    assert equal(db.jvp(g, backend=mode)(point, tangent), {"z": 3.0 + 2 * X, "n": ()})
    assert equal(db.vjp(g, backend=mode)(point, {"z": np.ones(3), "n": ()}), {"x": np.full(3, 3.0), "s": 3.5})
    found = db.hvp(lambda p: np.sum(p["x"] ** 2) * p["s"], backend=mode)(point, tangent)
    assert equal(found, {"x": 6 * np.ones(3) + 4 * X, "s": 2 * np.sum(X)})


@each_mode
def test_a_batch_of_containers_is_stacked_leaf_by_leaf(mode):
    point = {"x": X, "s": 3.0}
    tangents = {"x": np.stack([np.ones(3), np.zeros(3)]), "s": np.array([0.0, 1.0])}
    found = db.jvp(lambda p: p["x"] * p["s"], backend=mode, batch=True)(point, tangents)
    assert np.array_equal(found, np.stack([np.full(3, 3.0), X]))


def test_a_list_direction_of_an_array_counts_as_an_array():
    assert db.jvp(np.sin)(np.zeros(3), [1, 2, 3]).tolist() == [1.0, 2.0, 3.0]


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


# -- preparation -------------------------------------------------------------------------------------------------------

DIRECTIONS = {db.jvp: [X], db.vjp: [1.0], db.hvp: [X]}


@each_backend
@pytest.mark.parametrize("verb", VERBS[1:], ids=lambda verb: verb.__name__)
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
    """d/dx Σ (2 x b²) b-weighted: prepared at plain numbers, called with traced ones."""
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

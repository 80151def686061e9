"""float32 stays float32: results, tangents, cotangents, and every intermediate result of every rule."""

from itertools import product

import numpy as np
import pytest

import diffbench as db
from diffbench.dispatch import TracedArray
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.primitive import Trace
from tests.cases import each
from tests.primitives.examples import EXAMPLES, Example, each_of


class Watched(TracedArray):
    """A value whose every operation is noticed, also those inside derivative rules."""

    __slots__ = ("_trace", "primal")

    def __init__(self, primal, trace):
        self.primal, self._trace = primal, trace


class Watch(Trace):
    """Notes the dtype of everything that is computed from watched values."""

    def __init__(self):
        super().__init__()
        self.dtypes = {}

    def process(self, primitive, operands, params):
        plain = [x.primal if isinstance(x, Watched) and x._trace is self else x for x in operands]
        y = primitive(*plain, **params)
        if primitive.constant:
            return y
        self.dtypes.setdefault(dtype_of(y), set()).add(primitive.name)
        return Watched(y, self)

    def watch(self, arrays):
        return tuple(Watched(x, self) for x in arrays)


def in_single(example: Example) -> tuple:
    return tuple(np.float32(x) for x in example.point)


def stays_single(example: Example) -> bool:
    """Whether NumPy itself gives float32 for float32: not where the call mixes in float64 or integer arrays."""
    return np.asarray(example.f(*in_single(example))).dtype == np.float32


each_single = each_of([e for e in EXAMPLES if stays_single(e)])


@each_single
def test_tangents_and_cotangents_of_float32_are_float32(example):
    point, direction = in_single(example), example.direction(seed=1, dtype=np.float32)
    pushed = db.jvp(example.f, argnum=example.argnums, backend="forward")(*point, direction)
    assert np.asarray(pushed).dtype == np.float32
    weights = example.weights(seed=2, dtype=np.float32)
    pulled = db.vjp(example.f, argnum=example.argnums, backend="reverse")(*point, weights)
    assert {np.asarray(x).dtype for x in pulled} == {np.dtype(np.float32)}


@each_single
def test_derivatives_in_float32_are_right_to_its_precision(example):
    double = db.jvp(example.f, argnum=example.argnums, backend="forward")(*example.point, example.direction(seed=1))
    single = db.jvp(example.f, argnum=example.argnums, backend="forward")(
        *in_single(example), example.direction(seed=1, dtype=np.float32)
    )
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-4)


@each_single
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_no_rule_computes_in_float64_for_float32(example, mode):
    watch = Watch()
    point = watch.watch(in_single(example))
    if mode == "forward":
        direction = watch.watch(example.direction(seed=1, dtype=np.float32))
        db.jvp(example.f, argnum=example.argnums, backend="forward")(*point, direction)
    else:
        weights = Watched(example.weights(seed=2, dtype=np.float32), watch)
        db.vjp(example.f, argnum=example.argnums, backend="reverse")(*point, weights)
    assert watch.dtypes.get(np.dtype(float), set()) == set()


def test_most_examples_stay_in_float32():
    """The filter above must not quietly take everything out."""
    assert sum(map(stays_single, EXAMPLES)) > 0.85 * len(EXAMPLES)


# -- constants of few digits beside numbers of many --------------------------------------------------------------------

NARROW = {"int8": np.int8(3), "uint8": np.uint8(3), "float16": np.float16(0.3), "float32": np.float32(0.3)}
WITH_A_CONSTANT = {
    "x ** c": lambda x, c: np.sum(x**c),
    "c ** x": lambda x, c: np.sum(c**x),
    "float_power(x, c)": lambda x, c: np.sum(np.float_power(x, c)),
    "float_power(c, x)": lambda x, c: np.sum(np.float_power(c, x)),
    "x / c": lambda x, c: np.sum(x / c),
    "c / x": lambda x, c: np.sum(c / x),
    "x * c * c": lambda x, c: np.sum(x) * c * c,
    "two entries": lambda x, c: np.sum(np.sin(x)) + np.ravel(x)[0] * c,
    "hypot": lambda x, c: np.sum(np.hypot(x, c)),
    "arctan2": lambda x, c: np.sum(np.arctan2(c, x)),
    "logaddexp": lambda x, c: np.sum(np.logaddexp(x, c)),
}
POINTS = {
    "number of Python": 1.7,
    "number": np.float64(1.7),
    "array without axes": np.array(1.7),
    "array": np.array([1.7, 0.6]),
}


CONSTANTS = list(product(WITH_A_CONSTANT, POINTS, NARROW, [False, True], ["forward", "reverse"]))


@each("name, point, dtype, many, mode", CONSTANTS, by=lambda case: case[0])
def test_a_constant_of_few_digits_does_not_spoil_the_slope_of_a_number_of_many(name, point, dtype, many, mode):
    x, f, constant = POINTS[point], WITH_A_CONSTANT[name], NARROW[dtype]
    constant = np.array([constant] * 2) if many else constant
    if np.asarray(f(x, constant)).dtype != np.float64:
        return  # NumPy computes in few digits here itself
    wide = constant.astype(float)
    found = db.gradient(lambda x: np.sum(f(x, constant)), backend=mode)(x)
    np.testing.assert_allclose(found, db.gradient(lambda x: np.sum(f(x, wide)), backend=mode)(x), rtol=1e-14)


TRUTHS = {"number": np.True_, "array": np.array([True, False])}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("x", [1.7, np.array([1.7, 0.6])], ids=["number", "array"])
@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
@pytest.mark.parametrize("ufunc", [np.arctan2, np.fmin, np.fmax, np.hypot, np.power], ids=lambda ufunc: ufunc.__name__)
def test_a_truth_value_beside_a_number_is_zero_or_one(ufunc, truth, x, mode):
    found = db.gradient(lambda x: np.sum(ufunc(truth, x)), backend=mode)(x)
    expected = db.gradient(lambda x: np.sum(ufunc(truth.astype(float), x)), backend=mode)(x)
    np.testing.assert_array_equal(found, expected)


def doubled(x):
    return db.primitive(lambda x: 2 * x, vjp=lambda primals, y, c: np.linalg.solve(np.eye(len(y)) / 2, c))(x)


def halved(x):
    return db.implicit_root(lambda y, x: 2 * y - x, lambda x: x / 2)(x)


WITHOUT_LONGDOUBLE = {
    "solve": lambda x: np.linalg.solve(np.diag(x) + MATRIX, x),
    "inv": lambda x: np.linalg.inv(np.diag(x) + MATRIX),
    "cholesky": lambda x: np.linalg.cholesky(np.diag(x) + MATRIX),
    "eigvals": lambda x: np.linalg.eigvals(np.diag(x) + MATRIX),
    "svdvals": lambda x: np.linalg.svdvals(np.diag(x) + MATRIX),
    "qr": lambda x: np.linalg.qr(np.diag(x) + MATRIX)[1],
    "primitive": doubled,
    "implicit root": halved,
}
MATRIX = np.array([[5.0, 1.0, 0.5], [1.0, 7.0, 0.25], [0.5, 0.25, 9.0]])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("f", WITHOUT_LONGDOUBLE.values(), ids=WITHOUT_LONGDOUBLE)
def test_a_constant_of_longdouble_may_stand_behind_what_has_no_such_numbers(f, mode):
    x, weight = np.array([0.5, 1.0, 2.0]), np.longdouble(0.5)
    found = db.gradient(lambda x: np.sum(f(x) * weight), backend=mode)(x)
    assert found.dtype == float
    expected = db.gradient(lambda x: np.sum(f(x)) / 2, backend="finite-central", order=6)(x)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


WIDE = np.float32([0.25, 0.5])
WIDENED = {
    "sum with a number": (lambda x: x + np.float32(1), 1.0),
    "difference from a number": (lambda x: np.float32(1) - x, -1.0),
    "sum with an array": (lambda x: x + WIDE, 1.0),
    "of one number": (lambda x: np.stack([x[0] + np.float32(1), x[1] - np.float32(1)]), 1.0),
    "product": (lambda x: x * WIDE, WIDE),
    "quotient": (lambda x: WIDE / x, -WIDE),
    "where": (lambda x: np.where([True, False], x, WIDE), [1.0, 0.0]),
    "maximum": (lambda x: np.maximum(x, WIDE), 1.0),
    "concatenate": (lambda x: np.concatenate([x, WIDE])[:2], 1.0),
    "stack": (lambda x: np.stack([x, WIDE])[0], 1.0),
    "dtype=": (lambda x: np.cumsum(x, dtype=np.float32), [1.0, 2.0]),
    "astype": (lambda x: x.astype(np.float32), 1.0),
    "assignment": (lambda x: _assigned(x + WIDE), [1.0, 0.0]),
}
"""Functions of float16 that give float32, with their derivatives at ones along ones."""


def _assigned(y):
    y[1] = 3.0
    return y


@pytest.mark.parametrize(("f", "slopes"), WIDENED.values(), ids=WIDENED)
@pytest.mark.parametrize("verb", ["jvp", "linearize"])
def test_tangents_have_the_digits_of_a_result_that_has_more_than_its_argument(verb, f, slopes):
    """1e6 is beyond float16, so that a tangent which was left with so few digits becomes infinite."""
    x = np.ones(2, np.float16)
    scaled = lambda x: 1e6 * f(x)  # noqa: E731
    if verb == "jvp":
        tangent = db.jvp(scaled, backend="forward")(x, x)
    else:
        tangent = db.linearize(scaled, backend="forward")(x)[1](x)
    assert tangent.dtype == np.float32
    np.testing.assert_allclose(tangent, 1e6 * np.broadcast_to(slopes, 2), rtol=1e-6)

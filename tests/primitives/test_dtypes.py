"""float32 stays float32: results, tangents, cotangents, and every intermediate result of every rule."""

import numpy as np
import pytest

import diffbench as db
from diffbench.dispatch import TracedArray
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.primitive import Trace
from tests.primitives.examples import EXAMPLES, Example, named


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


each_single = pytest.mark.parametrize("example", [e for e in EXAMPLES if stays_single(e)], ids=named)


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

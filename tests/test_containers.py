"""Arguments, results and directions in tuples, lists, dicts, namedtuples and dataclasses."""

import dataclasses
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest

import diffbench as db

AD = ("auto", "forward", "reverse")
X = np.array([0.5, 1.0, 2.0])

each_mode = pytest.mark.parametrize("mode", AD)
each_backend = pytest.mark.parametrize(
    "backend", [*AD, "symbolic", "finite-forward", "finite-backward", "finite-central", "complex-step"]
)


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


@each_backend
@pytest.mark.parametrize("verb", [db.gradient, db.jacobian, db.hessian])
def test_an_argument_without_entries_has_derivatives_without_entries(verb, backend):
    assert verb(lambda nothing: 2.0 + len(nothing), backend=backend)({}) == {}

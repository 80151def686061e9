"""Containers taken apart and put together again."""

import dataclasses
from collections import OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.errors import DirectionError
from diffbench.structure import LEAF, flatten, flatten_like, map_leaves, unflatten

Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Layer:
    weights: object
    bias: object = None
    count: int = dataclasses.field(default=0, init=False)


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: float

    def __post_init__(self):
        if not isinstance(self.value, float):
            raise TypeError("value must be a float")


@dataclasses.dataclass(slots=True)
class Slotted:
    value: float


TREES = {
    "leaf": (1.0, [1.0]),
    "array": (np.ones(2), [np.ones(2)]),
    "tuple": ((1.0, 2.0), [1.0, 2.0]),
    "list": ([1.0, [2.0, 3.0]], [1.0, 2.0, 3.0]),
    "dict in order of insertion": ({"b": 1.0, "a": 2.0}, [1.0, 2.0]),
    "ordered dict": (OrderedDict(b=1.0, a=2.0), [1.0, 2.0]),
    "namedtuple": (Point(1.0, (2.0,)), [1.0, 2.0]),
    "frozen dataclass": (Frozen(1.0), [1.0]),
    "dataclass with slots": (Slotted(1.0), [1.0]),
    "none": (None, []),
    "none inside": ({"a": None, "b": 1.0}, [1.0]),
    "empty": (((), [], {}), []),
    "a string is a leaf": (["ab"], ["ab"]),
}


@pytest.mark.parametrize(("tree", "leaves"), TREES.values(), ids=TREES)
def test_a_tree_has_its_leaves_in_order_and_comes_back_from_them(tree, leaves):
    found, structure = flatten(tree)
    assert all(np.array_equal(a, b) for a, b in zip(found, leaves, strict=True))
    again = unflatten(structure, found)
    assert type(again) is type(tree)
    assert flatten(again)[1] == structure
    assert np.array_equal(again, tree) if isinstance(tree, np.ndarray) else again == tree


def test_a_dataclass_comes_back_with_all_its_fields():
    layer = Layer(np.ones(2), 3.0)
    layer.count = 7
    again = map_leaves(lambda x: x, layer)
    assert type(again) is Layer
    assert (again.bias, again.count) == (3.0, 7)


def test_a_validated_dataclass_may_hold_what_its_own_init_refuses():
    """A traced value is no float; validation has had its say when the user made the container."""
    leaves, structure = flatten(Frozen(1.0))
    assert unflatten(structure, ["anything"]).value == "anything"
    assert leaves == [1.0]


def test_a_dataclass_type_is_a_leaf():
    assert flatten(Layer)[1] is LEAF


@pytest.mark.parametrize("kind", [OrderedDict, dict])
def test_kinds_of_dicts_are_kept(kind):
    assert type(map_leaves(float, kind(a=1))) is kind


def test_a_default_dict_comes_back_with_its_factory():
    tree = defaultdict(list, a=1.0)
    again = map_leaves(lambda x: 2 * x, tree)
    assert type(again) is defaultdict
    assert again == {"a": 2.0}
    assert again["missing"] == []


def test_subclasses_of_tuple_and_list_are_kept():
    class Stack(list):
        pass

    assert type(map_leaves(float, Stack([1, 2]))) is Stack
    assert type(map_leaves(float, Point(1, 2))) is Point


def test_a_shared_container_is_taken_apart_twice():
    shared = [1.0]
    assert flatten((shared, shared))[0] == [1.0, 1.0]


trees = st.recursive(
    st.floats(-1, 1) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Layer, inner, inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_flatten_and_unflatten_are_inverse(tree):
    leaves, structure = flatten(tree)
    assert unflatten(structure, leaves) == tree
    assert flatten(unflatten(structure, leaves)) == (leaves, structure)
    assert flatten_like(structure, tree, "tree") == leaves
    assert hash(structure) == hash(flatten(tree)[1])


def test_a_direction_may_name_its_keys_in_another_order():
    _, structure = flatten({"a": 1.0, "b": {"c": 2.0, "d": 3.0}})
    assert flatten_like(structure, {"b": {"d": 30.0, "c": 20.0}, "a": 10.0}, "v") == [10.0, 20.0, 30.0]


@pytest.mark.parametrize(
    ("tree", "found"),
    [(1.0, "float"), ({"a": 1.0}, "dict(a: *)"), ({"a": 1.0, "b": 1.0, "c": 1.0}, "dict(a: *, b: *, c: *)"),
     ([1.0, 2.0], "list(0: *, 1: *)"), (None, "NoneType()")],
)  # fmt: skip
def test_another_structure_is_refused_with_both_structures_in_the_message(tree, found):
    _, structure = flatten({"a": 1.0, "b": (2.0,)})
    with pytest.raises(DirectionError) as caught:
        flatten_like(structure, tree, "the direction")
    message = str(caught.value)
    assert f"the direction has the wrong structure: found {found}" in message
    assert "expected dict(a: *, b: tuple(0: *))" in message

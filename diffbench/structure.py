"""Nested containers of numbers: take one apart into a flat list of leaves, and put such a list back together.

Containers are tuples, lists, dicts, namedtuples, dataclass instances and None (which is empty); all else is a leaf.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from diffbench.errors import DirectionError


class Structure:
    """The shape of a nested container: its kind, and the structures of its children (a leaf has kind None)."""

    __slots__ = ("children", "example", "flat", "keys", "kind")

    def __init__(
        self, kind: type | None, keys: tuple = (), children: tuple["Structure", ...] = (), example: dict | None = None
    ):
        self.kind, self.keys, self.children = kind, keys, children
        self.example = example  # of a kind of dict that holds more than its items, such as defaultdict
        self.flat = False  # whether it is a list or tuple of leaves, and so the same as the list of its leaves

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.kind, self.keys, self.children) == (
            other.kind,
            other.keys,
            other.children,
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.keys, self.children))

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        inside = ", ".join(f"{key}: {child!r}" for key, child in zip(self.keys, self.children, strict=True))
        return f"{self.kind.__name__}({inside})"

    def rebuild(self, leaves: Iterator) -> Any:
        """The container with this structure that holds the next leaves of an iterator."""
        if self.kind is None:
            return next(leaves)
        values = [next(leaves) if child is LEAF else child.rebuild(leaves) for child in self.children]
        if self.kind is list:
            return values
        if self.kind is type(None):
            return None
        if issubclass(self.kind, dict):
            container = self.kind() if self.example is None else copy.copy(self.example)
            container.update(zip(self.keys, values, strict=True))
            return container
        if dataclasses.is_dataclass(self.kind):
            return _rebuild_dataclass(self.kind, self.keys, values)
        if hasattr(self.kind, "_fields"):
            return self.kind(*values)
        return self.kind(values)  # type: ignore[call-arg]


LEAF = Structure(None)

LEAF_KINDS: set[type] = {float, int}
"""Types that are known to be no containers; those of NumPy and traced values are entered where they are known."""


def flatten(tree: Any) -> tuple[list, Structure]:
    """The leaves of a nested container in order, and its structure.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> unflatten(structure, [10.0, 20.0, 30.0])
    {'w': [10.0, 20.0], 'b': 30.0}
    """
    if tree.__class__ in LEAF_KINDS:
        return [tree], LEAF
    leaves: list = []
    return leaves, _collect(tree, leaves)


def unflatten(structure: Structure, leaves: list) -> Any:
    """The nested container of a structure that holds these leaves."""
    if structure is LEAF:
        return leaves[0]
    return structure.kind(leaves) if structure.flat else structure.rebuild(iter(leaves))  # type: ignore[misc]


def flatten_like(structure: Structure, tree: Any, what: str) -> list:
    """The leaves of a tree that must have a given structure (dict keys in any order); `what` names it in errors.

    Raises DirectionError when the structures differ.
    """
    if structure is LEAF:
        return [tree]
    leaves: list = []
    _collect_like(structure, tree, leaves, what)
    return leaves


def map_leaves(function: Callable, tree: Any) -> Any:
    """The same container with every leaf replaced by function(leaf)."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(leaf) for leaf in leaves])


def _collect(tree: Any, leaves: list) -> Structure:
    kind = tree.__class__
    if kind in LEAF_KINDS:
        leaves.append(tree)
        return LEAF
    if kind is list or kind is tuple:
        for child in tree:
            if child.__class__ not in LEAF_KINDS:
                break
        else:
            leaves += tree
            return _flat(kind, len(tree))
    keys_and_values = _children(tree)
    if keys_and_values is None:
        leaves.append(tree)
        return LEAF
    keys, values = keys_and_values
    example = tree if isinstance(tree, dict) and type(tree) is not dict else None
    return Structure(type(tree), keys, tuple([_collect(value, leaves) for value in values]), example)


@lru_cache(maxsize=64)
def _flat(kind: type, count: int) -> Structure:
    """The structure of a list or tuple of leaves."""
    structure = Structure(kind, tuple(range(count)), (LEAF,) * count)
    structure.flat = True
    return structure


def _collect_like(structure: Structure, tree: Any, leaves: list, what: str) -> None:
    if structure.kind is None:
        leaves.append(tree)
        return
    keys_and_values = _children(tree)
    keys, values = keys_and_values if keys_and_values else ((), ())
    by_key = dict(zip(keys, values, strict=True))
    if keys_and_values is None or set(by_key) != set(structure.keys):
        raise DirectionError(
            f"{what} has the wrong structure: found {_describe(tree)}, expected {structure!r}",
            hint="give one number or array for each leaf, in the same containers",
        )
    for key, child in zip(structure.keys, structure.children, strict=True):
        _collect_like(child, by_key[key], leaves, what)


def _children(tree: Any) -> tuple[tuple, list] | None:
    """Keys and values of a container, or None for a leaf."""
    kind = type(tree)
    if isinstance(tree, (tuple, list)):
        return tuple(range(len(tree))), list(tree)
    if isinstance(tree, dict):
        return tuple(tree), list(tree.values())
    if kind in LEAF_KINDS or kind.__module__ == "numpy":
        return None
    if tree is None:
        return (), []
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = tuple(field.name for field in dataclasses.fields(tree))
        return names, [getattr(tree, name) for name in names]
    return None


def _rebuild_dataclass(kind: type, names: tuple, values: list) -> Any:
    """Fields are set without calling __init__, so that its validation never meets a traced value."""
    instance: Any = object.__new__(kind)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(instance, name, value)
    return instance


def _describe(tree: Any) -> str:
    return repr(flatten(tree)[1]) if _children(tree) is not None else type(tree).__name__

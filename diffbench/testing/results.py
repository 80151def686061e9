"""What a hand-written derivative returns, as NumPy arrays: results of other libraries converted, misfits named."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.errors import DirectionError
from diffbench.structure import Structure, flatten, flatten_like, map_leaves


class Misfit(AssertionError):
    """A result that cannot be compared at all: missing, of a wrong structure, shape or type."""


def as_array(leaf: Any) -> Any:
    """A number or an array of NumPy, JAX, PyTorch, CasADi, SciPy and others as an array of NumPy.

    A tensor is detached from its graph and brought to the CPU first; a sparse matrix becomes dense.

    >>> as_array([1, 2.5])
    array([1. , 2.5])
    """
    for method in ("detach", "cpu", "toarray", "numpy"):
        if callable(getattr(leaf, method, None)):
            leaf = getattr(leaf, method)()
    return np.asarray(leaf)


def fitted(found: Any, structure: Structure, shapes: Sequence[tuple], names: Sequence[str]) -> list[np.ndarray]:
    """The leaves of a result that must have this structure and these shapes, as real arrays; Misfit where it has not.

    names : what a message calls each leaf, such as "['W']"; empty for the only one.
    """
    if found is None and structure.kind is not type(None):
        raise Misfit("it returned None: is there a return missing?")
    if structure.kind is None:
        found_leaves = [found]
    else:
        try:
            found_leaves = flatten_like(structure, found, "its result")
        except DirectionError as error:
            raise Misfit(error.what) from None
    return [_fitted_leaf(*each) for each in zip(found_leaves, shapes, names)]


def _fitted_leaf(leaf: Any, shape: tuple, name: str) -> np.ndarray:
    what = f"its entry {name}" if name else "its result"
    if leaf is None:
        raise Misfit(f"{what} is None: there is no derivative")
    try:
        array = as_array(leaf)
    except Exception as error:  # what a foreign library may raise
        raise Misfit(
            f"{what}, of type {type(leaf).__name__}, cannot be made an array: {type(error).__name__}: {error}"
        ) from error
    if array.dtype == object:
        try:
            array = array.astype(float)
        except (TypeError, ValueError):
            raise Misfit(f"{what} holds objects that are no numbers: {type(leaf).__name__}") from None
    if array.dtype.kind not in "fiu":
        kinds = {"c": "complex numbers", "b": "truth values"}
        raise Misfit(f"{what} holds {kinds.get(array.dtype.kind, str(array.dtype))} instead of real numbers")
    if array.shape != shape:
        transposed = f": that of the transpose, {array.T.shape}" if array.T.shape == shape else ""
        raise Misfit(f"{what} has the shape {array.shape} instead of {shape}{transposed}")
    return array if array.dtype.kind == "f" else array.astype(float)


def unchanged(before: Any, after: Any) -> bool:
    """Whether arguments still hold what they held, NaN included."""
    pairs = zip(flatten(before)[0], flatten(after)[0], strict=True)
    return all(not isinstance(a, np.ndarray) or np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def converted(args: Any, inputs: Callable | None) -> Any:
    """Arguments with every array of floats turned into what a foreign library wants."""
    if inputs is None:
        return args
    return map_leaves(lambda x: inputs(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x, args)

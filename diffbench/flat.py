"""A user's function as a backend sees it: flat lists of float arrays in and out, with every leaf checked.

Between the two lie the containers, the arguments that are not differentiated, keywords, integers, object arrays of
traced scalars, and the auxiliary result.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import present, unassigned
from diffbench.construction import SEEN
from diffbench.errors import (
    ArgumentError,
    DirectionError,
    ResultError,
)
from diffbench.memory import copy_of
from diffbench.numpy_calls import lost_in_numpy
from diffbench.primitives.arrays import FLOAT, shape_of, stack_traced
from diffbench.primitives.primitive import Trace, Traced, lifted
from diffbench.scipy_calls import lost_in_scipy
from diffbench.short_way import SCALARS, SHORT, is_scalar
from diffbench.structure import LEAF, Structure, flatten, flatten_like, map_leaves, unflatten
from diffbench.watching import Watched

NUMBERS = {float, np.float64, np.float32, np.float16, np.longdouble}


class FlatFunction:
    """f with its other arguments fixed, from the leaves of the differentiated arguments to the leaves of its result.

    After a call, `result_structure` and `aux` belong to that call.
    """

    __slots__ = (
        "argnums",
        "args",
        "aux",
        "f",
        "has_aux",
        "kwargs",
        "large",
        "level",
        "result_structure",
        "scalar",
        "structures",
        "verb",
    )

    def __init__(
        self,
        verb: str,
        f: Callable,
        args: tuple,
        kwargs: dict,
        argnums: tuple[int, ...],
        has_aux: bool,
        scalar: bool,
    ):
        self.verb, self.f, self.args, self.kwargs, self.argnums = verb, f, args, kwargs, argnums
        self.has_aux, self.scalar = has_aux, scalar
        self.level = Trace().level if has_aux else 0  # the traces of this derivative will have higher ones
        self.structures: list[Structure] = []
        self.large: list[tuple] = []  # arguments that were not copied
        self.result_structure = LEAF
        self.aux: Any = None

    def take_apart(self, copied: bool = True) -> list:
        """The leaves of the differentiated arguments, as floats and float arrays.

        Arrays are copied, as f may change the user's. Unless all are to be, large ones are only watched.
        """
        point = []
        for argnum in self.argnums:
            leaves, structure = flatten(self.args[argnum])
            self.structures.append(structure)
            for leaf in leaves:
                if leaf.__class__ is float or (leaf.__class__ in SHORT and leaf.primal.__class__ in SCALARS):
                    point.append(leaf)
                    continue
                if leaf.__class__ is not np.ndarray or leaf.dtype is not FLOAT:
                    leaf = float_leaf(leaf, self.verb, self.f, argnum)
                if leaf.__class__ is np.ndarray:
                    if copied or leaf.nbytes < LARGE:
                        leaf = copy_of(leaf, leaf.dtype)
                    else:
                        self.large.append((argnum, leaf, fingerprint(leaf)))
                point.append(leaf)
        return point

    def check_large_arguments(self) -> None:
        """Raise ArgumentError where f has changed an argument through another name of the same array."""
        for argnum, leaf, before in self.large:
            if fingerprint(leaf) != before:
                raise ArgumentError(
                    f"{self.verb}: argument {argnum} of {name_of(self.f)} was changed while it ran",
                    why="f writes into the very array that it was called with, under another name of it",
                    hint="let f copy it, or write to its own argument only",
                )

    def put_together(self, leaves: Sequence) -> list:
        """The differentiated arguments, in their containers, from their leaves."""
        if len(self.structures) == 1:
            return [unflatten(self.structures[0], list(leaves))]
        iterator = iter(leaves)
        return [structure.rebuild(iterator) for structure in self.structures]

    def arguments(self, leaves: Sequence) -> tuple[tuple, dict]:
        """The arguments and keywords of f at a point."""
        if len(self.args) == 1:
            return tuple(self.put_together(leaves)), self.kwargs
        args = list(self.args)
        for argnum, value in zip(self.argnums, self.put_together(leaves)):
            args[argnum] = value
        return tuple(args), self.kwargs

    def other_arguments(self) -> tuple:
        """The arguments that are not differentiated."""
        return tuple([arg for i, arg in enumerate(self.args) if i not in self.argnums]), self.kwargs

    def __call__(self, leaves: Sequence) -> list:
        args, kwargs = self.arguments(leaves)
        for leaf in leaves:
            if isinstance(leaf, Traced):
                with SEEN:
                    result = on_traced(self.f, args, kwargs)
                break
        else:
            result = on_traced(self.f, args, kwargs)
        if self.large:
            self.check_large_arguments()
        if self.has_aux:
            result, aux = self._split_aux(result)
            self.aux = map_leaves(self._without_our_traces, aux)
        results, self.result_structure = flatten(result)
        if self.scalar:
            return [self._scalar_leaf(results)]
        return [self._result_leaf(leaf) for leaf in results]

    def _split_aux(self, result: Any) -> tuple:
        if not isinstance(result, tuple) or len(result) != 2:
            raise ResultError(
                f"{self.verb}: has_aux=True, but {name_of(self.f)} did not return a pair",
                hint="return (result, aux)",
            )
        return result

    def _without_our_traces(self, leaf: Any) -> Any:
        """An auxiliary leaf as f returns it outside of this derivative, still traced by outer ones."""
        leaf = present(leaf)
        if isinstance(leaf, np.ndarray) and leaf.dtype.hasobject:
            return np.frompyfunc(self._without_our_traces, 1, 1)(leaf)
        while isinstance(leaf, Traced) and (leaf._trace.level > self.level or leaf.__class__ is Watched):
            leaf = leaf.primal
        return leaf

    def _scalar_leaf(self, results: list) -> Any:
        found = "a container" if self.result_structure is not LEAF else None
        if found is None:
            leaf = present(results[0])
            if leaf.__class__ in NUMBERS or is_scalar(leaf):
                return leaf
            leaf = self._result_leaf(leaf, integers=False)
            if shape_of(leaf) == ():
                return leaf
            found = f"an array of shape {shape_of(leaf)}"
        raise ResultError(
            f"{self.verb}: {name_of(self.f)} must return one real number, but returned {found}",
            why="a gradient belongs to a function with a single scalar result",
            hint="sum the result, or use db.jacobian (all derivatives) or db.vjp (a weighted sum of them)",
        )

    def _result_leaf(self, leaf: Any, integers: bool = True) -> Any:
        leaf = present(leaf)
        if leaf.__class__ is float:
            return leaf
        if isinstance(leaf, np.ndarray | np.generic | Traced):
            kind = leaf.dtype.kind  # type: ignore[union-attr]
            if kind == "f" or (isinstance(leaf, Traced) and kind != "c"):
                return leaf
            if kind == "O" and isinstance(leaf, np.ndarray):
                return stack_traced(leaf)
        else:
            kind = {bool: "b", int: "i"}.get(type(leaf), type(leaf).__name__)
        if kind in ("b", "i", "u") and integers:
            return np.asarray(leaf, dtype=float)[()]
        words = {"b": "a bool", "i": "an integer", "u": "an integer", "c": "a complex number"}
        words["complex"] = words["c"]
        raise ResultError(
            f"{self.verb}: {name_of(self.f)} returned {words.get(kind, 'an object of type ' + type(leaf).__name__)}",
            why="only real floating-point results have derivatives",
            hint="return the real part, z.real, or its size, abs(z)"
            if words.get(kind) == words["c"]
            else "return floats, for example float(count) or 1.0 * result",
        )


def on_traced(f: Callable, args: Sequence, kwargs: dict) -> Any:
    """What f returns; what NumPy or SciPy raised in its stead because a value was traced is said in our words."""
    try:
        return f(*args, **kwargs)
    except Exception as error:
        said = lost_in_scipy(error) or lost_in_numpy(error)
        if said is None:
            raise
        raise said from (None if said is error.__cause__ else error)


LARGE = 1 << 20  # bytes: copies from here on would show in the memory that a derivative takes


WEIGHTS = np.cos(np.arange(1024.0))


def fingerprint(x: np.ndarray) -> bytes:
    """What changes with any change of an array, by one pass over it: weighted sums of 1024 entries each."""
    flat = x.reshape(-1)
    whole = len(flat) // len(WEIGHTS) * len(WEIGHTS)
    with np.errstate(all="ignore"):
        # Row by row, and not as a product with a matrix: for that OpenBLAS wakes its threads, which then go on spinning
        # for milliseconds on the processors that f and its derivative would share.
        sums = np.vecdot(flat[:whole].reshape(-1, len(WEIGHTS)), WEIGHTS.astype(x.dtype))
    return sums.tobytes() + flat[whole:].tobytes()


def float_leaf(leaf: Any, verb: str, f: Callable, argnum: int) -> Any:
    """A differentiated leaf as a float, float array or traced value. Raises ArgumentError for anything else."""
    leaf = unassigned(leaf)
    if leaf.__class__ is float or isinstance(leaf, Traced):
        return leaf
    if isinstance(leaf, np.ndarray | np.generic):
        kind = leaf.dtype.kind
        if isinstance(leaf, np.ma.MaskedArray):
            kind = "masked array"
        elif kind == "f":
            return np.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
        elif kind in "biu":
            return leaf.astype(float)
        elif kind == "O" and all(isinstance(x, Traced | float | int) for x in leaf.flat):
            return stack_traced(leaf)  # type: ignore[arg-type]
    elif isinstance(leaf, bool | int):
        return float(leaf)
    else:
        kind = type(leaf).__name__
    described = f"array of {leaf.dtype}" if kind in ("M", "m", "S", "V") else kind
    words = {"c": "an array of complex numbers", "complex": "a complex number", "O": "an array of objects"}
    words |= {"U": "text", "str": "text"}
    hint = {
        "c": "differentiate with respect to the real and the imaginary part, each as a real argument",
        "O": "convert it with np.asarray(x, dtype=float)",
    }
    hint["complex"] = hint["c"]
    raise ArgumentError(
        f"{verb}: argument {argnum} of {name_of(f)} is {words.get(kind) or f'of type {described}'}",
        why="derivatives here are with respect to real floats and arrays of them",
        hint=hint.get(kind, "choose the argument to differentiate with argnum=, or pass floats"),
    )


def direction_leaves(
    function: FlatFunction, structures: Sequence, given: Sequence, leaves: Sequence, batch: bool
) -> list:
    """Tangents (or cotangents) for leaves: of their structure, shape and dtype, stacked along a first axis if batch."""
    what = f"{function.verb}: the direction"
    found: list = []
    for structure, direction in zip(structures, given):
        found += flatten_like(structure, direction, what)
    directions = [_direction_leaf(what, direction, leaf, batch) for direction, leaf in zip(found, leaves)]
    if batch and not directions:
        raise DirectionError(f"{what} holds no array", why="its first axis would say how many directions there are")
    if batch and len({shape_of(direction)[0] for direction in directions}) > 1:
        raise DirectionError(
            f"{what} holds stacks of different lengths", hint="stack as many directions for every leaf"
        )
    return directions


def _direction_leaf(what: str, direction: Any, leaf: Any, batch: bool) -> Any:
    direction = unassigned(direction)
    if not isinstance(direction, Traced):
        try:
            array = np.asarray(direction)
        except ValueError as error:
            raise DirectionError(f"{what} is no array: {error}", hint="give all its rows the same length") from None
        if array.dtype.kind == "O":
            direction = stack_traced(array)
        elif array.dtype.kind not in "fbiu":
            raise DirectionError(f"{what} is not made of real numbers: {array.dtype}", hint="pass floats")
        else:
            direction = lifted(copy_of(array, getattr(leaf, "dtype", float))[()])  # the caller may change theirs
    shape, expected = shape_of(direction), shape_of(leaf)
    if shape[batch:] != expected or (batch and not shape):
        raise DirectionError(
            f"{what} has shape {shape}, expected {('k', *expected) if batch else expected}".replace("'k'", "k"),
            why="it must fit the argument (jvp, hvp) or the result (vjp) entry by entry; nothing is broadcast",
        )
    return direction


def name_of(f: Callable) -> str:
    """The name by which an error mentions the user's function."""
    return getattr(f, "__qualname__", None) or repr(f)

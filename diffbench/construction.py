"""np.array([x, 1.0]), np.r_[x, 1.0], np.linalg.det([[x, y], [y, x]]): arrays built of traced values and numbers.

NumPy's protocols let nobody see a call of np.array: of traced scalars it would make an array of objects, on which a
number among them has no `exp`. So while f runs, and only then, a few names of the module numpy stand for functions that
build a traced array where traced values are among the parts, and call NumPy's own function everywhere else. Code that
has imported the functions by name keeps NumPy's, and gets arrays of objects.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from diffbench.assignment import lies_in_order
from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives.arrays import as_operand, dtype_of, rank_of, shape_of
from diffbench.primitives.primitive import Traced


def holds_traced(x: Any) -> bool:
    """Whether a value is traced, or a nested list or an array of objects with a traced value in it."""
    if isinstance(x, np.ndarray):
        return x.dtype.hasobject and any(isinstance(entry, Traced) for entry in x.flat)
    if not isinstance(x, list | tuple):
        return isinstance(x, Traced)
    kinds = set(map(type, x))
    if any(issubclass(kind, Traced) for kind in kinds):
        return True
    if any(issubclass(kind, list | tuple | np.ndarray) for kind in kinds):
        return any(map(holds_traced, x))
    return False


def assembled(x: Any) -> Any:
    """The array that nested lists of traced and plain values stand for."""
    if not isinstance(x, list | tuple):
        return as_operand(x)
    parts = [assembled(part) for part in x]
    if len({shape_of(part) for part in parts}) > 1:
        raise ValueError(
            "setting an array element with a sequence. The requested array has an inhomogeneous shape: "
            f"its parts have the shapes {', '.join(sorted({str(shape_of(part)) for part in parts}))}"
        )
    return np.stack(parts)


def _constructor(original: Callable, copies: bool, least_rank: int = 0, order: str = "") -> Callable:
    @functools.wraps(original)
    def construct(*args: Any, **kwargs: Any) -> Any:
        if not args or kwargs.get("dtype") is object or not holds_traced(args[0]):
            return original(*args, **kwargs)
        x, dtype = args[0], args[1] if len(args) > 1 else kwargs.get("dtype")
        array = assembled(x)
        if array is x and ((copies and kwargs.get("copy", True) is True) or (order and not lies_in_order(x, order))):
            array = x.copy()
        if dtype is not None:
            array = np.astype(array, np.dtype(dtype), copy=False)
        missing = kwargs.get("ndmin", least_rank) - rank_of(array)
        return np.reshape(array, (1,) * missing + shape_of(array)) if missing > 0 else array

    return construct


def _filled(original: Callable) -> Callable:
    @functools.wraps(original)
    def full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not holds_traced(fill_value):
            return original(shape, fill_value, dtype, *args, **kwargs)
        array = np.broadcast_to(assembled(fill_value), shape)
        return np.positive(array) if dtype is None else np.astype(array, np.dtype(dtype), copy=False)

    return full


def _filled_like(original: Callable) -> Callable:
    @functools.wraps(original)
    def full_like(a: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if isinstance(a, Traced) or not holds_traced(fill_value):
            return original(a, fill_value, dtype, *args, **kwargs)
        shape = kwargs.get("shape")
        return np.full(np.shape(a) if shape is None else shape, fill_value, dtype or np.asarray(a).dtype)

    return full_like


LISTS = (list, tuple)


def _taking_lists(original: Callable) -> Callable:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            if isinstance(arg, LISTS) and holds_traced(arg):
                return original(*[assembled(arg) if isinstance(arg, LISTS) else arg for arg in args], **kwargs)
        return original(*args, **kwargs)

    return function


def _module_taking_lists(original: ModuleType) -> ModuleType:
    """A module like another, in which each function takes lists of traced values; a list of arrays stays one."""
    module = ModuleType(original.__name__, original.__doc__)
    vars(module).update(vars(original))
    for name in original.__all__:
        function = getattr(original, name)
        if isinstance(function, FunctionType | type(np.sum)) and name != "multi_dot":
            setattr(module, name, _taking_lists(function))
    return module


def _enumerating(original: type) -> Callable:
    @functools.wraps(original, updated=())
    def ndenumerate(arr: Any) -> Any:
        if not holds_traced(arr):
            return original(arr)
        array = assembled(arr)
        return ((index, array[index]) for index in np.ndindex(*shape_of(array)))

    return ndenumerate


def _hidden_from_sparse(original: Callable) -> Callable:
    """np.asanyarray, by which a sparse matrix of SciPy asks whether it can multiply a value.

    To an opaque object it leaves the product, M @ x, as Python does: to the __rmatmul__ of a traced x.
    """

    @functools.wraps(original)
    def asanyarray(*args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], Traced) and sys._getframe(1).f_code.co_name in PRODUCTS_OF_SPARSE:
            return np.empty((), object)
        return original(*args, **kwargs)

    return asanyarray


PRODUCTS_OF_SPARSE = ("_matmul_dispatch", "_mul_dispatch")


class _Concatenator:
    """np.r_ or np.c_, with NumPy's own behind it."""

    def __init__(self, original: Any, name: str, join: Callable[[Sequence], Any]):
        self.original, self.name, self.join = original, name, join

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not holds_traced(parts):
            return self.original[key]
        if isinstance(parts[0], str):
            raise UnsupportedPrimitive(
                f"numpy.{self.name}[{parts[0]!r}, ...] has no derivative rule",
                where=user_location(),
                hint="use np.concatenate or np.stack with axis=",
            )
        return self.join([np.r_[part] if isinstance(part, slice) else assembled(part) for part in parts])


def _join_rows(parts: Sequence) -> Any:
    kinds = [part if type(part) in (bool, int, float, complex) else dtype_of(part) for part in parts]
    return np.concatenate([np.atleast_1d(part) for part in parts], dtype=np.result_type(*kinds))


def _join_columns(parts: Sequence) -> Any:
    columns = [np.reshape(part, (-1, 1)) if rank_of(part) < 2 else part for part in parts]
    return np.concatenate(columns, axis=-1)


CONVERTING = (
    "mean", "average", "var", "std", "median", "percentile", "quantile", "cov", "corrcoef", "interp",
    "nansum", "nanprod", "nanmean", "nanmedian", "nanvar", "nanstd", "nanmax", "nanmin", "meshgrid", "pad",
)  # fmt: skip
"""Functions in which NumPy converts a list by itself, and then cannot go on with an array of objects."""

OURS = {
    "array": _constructor(np.array, copies=True),
    "full": _filled(np.full),
    "full_like": _filled_like(np.full_like),
    "ndenumerate": _enumerating(np.ndenumerate),
    "r_": _Concatenator(np.r_, "r_", _join_rows),
    "c_": _Concatenator(np.c_, "c_", _join_columns),
}
OURS["asarray"] = _constructor(np.asarray, copies=False)
OURS["asanyarray"] = _hidden_from_sparse(_constructor(np.asanyarray, copies=False))
for _name, _order in (("ascontiguousarray", "C_CONTIGUOUS"), ("asfortranarray", "F_CONTIGUOUS")):
    OURS[_name] = _constructor(getattr(np, _name), copies=False, least_rank=1, order=_order)
for _name in CONVERTING:
    OURS[_name] = _taking_lists(getattr(np, _name))
for _name in ("linalg", "fft"):
    OURS[_name] = _module_taking_lists(getattr(np, _name))


class _Ours:
    """An attribute of the module numpy that is ours, whatever the module itself holds by that name."""

    def __init__(self, name: str, value: Any):
        self.name, self.value = name, value

    def __get__(self, module: Any, kind: Any = None) -> Any:
        return self.value

    def __set__(self, module: Any, value: Any) -> None:
        vars(module)[self.name] = value


class Construction:
    """Exchanges NumPy's names for ours while, in whichever thread, a function runs on traced values.

    A module finds attributes of its class before its own; to exchange the class is one assignment, for all names.
    """

    def __init__(self) -> None:
        self._running: list = []
        self._plain = type(np)
        ours = {name: _Ours(name, value) for name, value in OURS.items()}
        self._ours = type(self._plain.__name__, (self._plain,), ours)

    def __enter__(self) -> None:
        self._running.append(self)
        np.__class__ = self._ours

    def __exit__(self, *_: Any) -> None:
        self._running.pop()
        # No lock: nothing is called between the look at the list and the assignment, so CPython lets no thread between.
        np.__class__ = self._ours if self._running else self._plain


SEEN = Construction()
"""Within `with SEEN:` the constructors of arrays see traced values."""

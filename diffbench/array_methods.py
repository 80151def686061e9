"""The attributes and methods of an ndarray, as traced arrays have them: each calls the function of NumPy that does the
same, through its row of the table."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diffbench.assignment import assign, overwrite
from diffbench.errors import TraceLost, UnsupportedPrimitive, user_location
from diffbench.primitives import TABLE, lookup
from diffbench.primitives.arrays import dtype_of, numbers_of, shape_of
from diffbench.primitives.kinds import Row
from diffbench.primitives.primitive import Traced


def apply(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call a function of NumPy through its row of the table."""
    return lookup(function).call(args, kwargs)


def trace_lost(what: str) -> TraceLost:
    """The error for something that would make a plain number of a traced value."""
    return TraceLost(
        f"{what} would lose the derivative of a traced value",
        where=user_location(),
        why="the result would be a plain number, which no trace watches",
        hint="use NumPy's function (np.sin for math.sin); build arrays with np.stack or np.array of the parts instead "
        "of writing into one; diffbench.special has SciPy's logsumexp, softmax and laws; db.primal(x) gives the plain "
        "value where no derivative is wanted",
    )


class ArrayMethods(Traced):
    """What an array can be asked, but for operators, indexing and NumPy's protocols (see dispatch.py)."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.primal)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype:
        return dtype_of(self.primal)

    @property
    def T(self) -> Any:
        return apply(np.transpose, self)

    @property
    def mT(self) -> Any:
        return apply(np.matrix_transpose, self)

    @property
    def real(self) -> Any:
        return apply(np.real, self)

    @property
    def imag(self) -> Any:
        return apply(np.imag, self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(apply(np.any, self == value))

    def item(self, *args: int) -> Any:
        raise trace_lost("x.item()")

    def tolist(self) -> Any:
        raise trace_lost("x.tolist()")

    def copy(self, order: str = "C") -> Any:
        return apply(np.positive, self)

    def conj(self) -> Any:
        return apply(np.conjugate, self) if self.dtype.kind == "c" else self

    conjugate = conj

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: dict) -> Any:
        return self.copy()  # and not a copy of the whole trace

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise trace_lost("pickling x, as for another process,")

    def flatten(self, order: str = "C") -> Any:
        return apply(np.ravel, self, order).copy()

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def device(self) -> str:
        return "cpu"

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Any:
        return apply(np.compress, condition, self, axis, out)

    def clip(self, min: Any = None, max: Any = None, out: Any = None) -> Any:
        return apply(np.clip, self, min, max, out)  # both bounds by their place: np.clip does not take one alone

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        return self

    def fill(self, value: Any) -> None:
        assign(self, ..., value)

    def sort(self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
        overwrite(self, apply(np.sort, self, axis, kind, order, stable=stable))

    def partition(self, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None) -> None:
        overwrite(self, apply(np.partition, self, kth, axis, kind, order))

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        return apply(np.reshape, self, shape[0] if len(shape) == 1 else shape, order, copy=copy)

    def transpose(self, *axes: Any) -> Any:
        if not axes or axes[0] is None:
            return apply(np.transpose, self)
        return apply(np.transpose, self, axes[0] if len(axes) == 1 else axes)

    def astype(
        self, dtype: Any, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        if casting != "unsafe":
            np.empty(0, self.dtype).astype(dtype, casting=casting)  # NumPy raises what it has to say
        return apply(np.astype, self, np.dtype(dtype), copy=copy)

    def __round__(self, digits: int | None = None) -> Any:
        return apply(np.round, self, digits or 0)

    def __divmod__(self, other: Any) -> tuple:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple:
        return other // self, other % self

    def __format__(self, specification: str) -> str:
        value = numbers_of(self)
        try:
            return format(value, specification)
        except TypeError:  # a symbol has no digits
            return str(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.primal!r})"


METHODS: dict[str, Callable] = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min, "var": np.var, "std": np.std,
    "cumsum": np.cumsum, "cumprod": np.cumprod, "ravel": np.ravel, "swapaxes": np.swapaxes, "squeeze": np.squeeze,
    "repeat": np.repeat, "dot": np.dot, "trace": np.trace, "diagonal": np.diagonal, "round": np.round,
    "argmax": np.argmax, "argmin": np.argmin, "argsort": np.argsort, "any": np.any, "all": np.all,
    "nonzero": np.nonzero, "take": np.take, "searchsorted": np.searchsorted,
    "argpartition": np.argpartition, "choose": np.choose, "put": np.put,
}  # fmt: skip


REFUSED = {
    "it is about the memory of an array, and a traced value has none of its own": (
        "base", "byteswap", "ctypes", "data", "flags", "getfield", "resize", "setfield", "setflags", "strides", "view",
    ),
    "it would make plain numbers of traced ones": ("dump", "dumps", "tobytes", "tofile"),
}  # fmt: skip
"""Attributes of an ndarray that a traced array does not have, by the reason."""


def _refused(name: str, why: str) -> property:
    def refuse(self: Any) -> Any:
        raise UnsupportedPrimitive(
            f"x.{name} of a traced array is refused",
            where=user_location(),
            why=why,
            hint="use db.primal(x), the plain value",
        )

    return property(refuse)


def _method(row: Row) -> Callable:
    return lambda self, *args, **kwargs: row.call((self, *args), kwargs)


for _name, _function in METHODS.items():
    setattr(ArrayMethods, _name, _method(TABLE[_function]))
for _why, _names in REFUSED.items():
    for _name in _names:
        setattr(ArrayMethods, _name, _refused(_name, _why))

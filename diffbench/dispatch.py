"""How a plain NumPy call, operator or method on a traced value reaches its primitive.

NumPy asks its arguments first: a call of a ufunc on a traced value arrives at `__array_ufunc__`, any other public
function at `__array_function__`. Both look the function up in the table of primitives; operators and methods do the
same. What NumPy does not let anybody see (float(x), math.sin(x), a[i] = x on a plain array) arrives at `__float__` and
raises TraceLost.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.array_methods import trace_lost
from diffbench.array_operators import ArrayOperators
from diffbench.assignment import Held, assign, link, overwrite
from diffbench.errors import TraceLost, UnsupportedPrimitive, user_location
from diffbench.primitives import lookup
from diffbench.primitives.arrays import as_array, as_operand, rank_of, shape_of
from diffbench.primitives.complex_numbers import IMAGINARY, REAL
from diffbench.primitives.elementwise import TRUTH
from diffbench.primitives.primitive import Primitive, Traced
from diffbench.primitives.structural import ASSEMBLE, INDEX, RESHAPE, selects_each_entry_once
from diffbench.primitives.ufunc_methods import UFUNC_METHODS
from diffbench.structure import LEAF_KINDS
from diffbench.ufunc_arguments import converted

LEAF_KINDS.update({np.ndarray, np.float64})


class TracedArray(ArrayOperators):
    """A traced value that looks like an array; the base of what each trace passes to f."""

    __slots__ = ("__weakref__", "view_of", "views")
    view_of: tuple
    views: list

    def __init_subclass__(cls) -> None:
        LEAF_KINDS.add(cls)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        result = lookup(function).call(args, kwargs)
        return Variable(result) if function in FRESH and result.dtype.kind in "fc" else result

    def viewed(self, view: Any, primitive: Primitive, params: dict, always: bool = False, writable: bool = True) -> Any:
        """A view of this array, linked to it."""
        if primitive is INDEX and not always and not gives_a_view(params["index"], view):
            return Variable(view) if view.__class__ is np.ndarray else view  # y[[0, 1]] += v writes into the copy first
        if not isinstance(view, TracedArray):
            view = Variable(view)
        link(self, view, primitive, params, writable, always)
        return view

    @property
    def real(self) -> Any:
        return self.viewed(REAL(self), REAL, {}) if self.dtype.kind == "c" and self.shape else super().real

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        return self.viewed(IMAGINARY(self), IMAGINARY, {}) if self.dtype.kind == "c" and self.shape else super().imag

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = value

    @property
    def flat(self) -> Any:
        params = {"shape": (self.size,)}
        return self.viewed(RESHAPE(self, **params), RESHAPE, params, always=True)

    @flat.setter
    def flat(self, value: Any) -> None:
        lookup(np.put).call((self, np.arange(self.size), value), {})

    def copy(self, order: str = "C") -> Any:
        copied = super().copy(order)
        return Variable(copied) if copied.__class__ is np.ndarray else copied

    def stand_for(self, value: Any) -> None:
        """Take over the value that this array stands for after an assignment (see assignment.py).

        Plain numbers, as after y[...] = 0, do not lie bare in it: by them the short way would know a value of a trace.
        """
        self.primal = value if isinstance(value, Traced) else Variable(value)

    def __getitem__(self, index: Any) -> Any:
        return INDEX.call((self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        assign(self, index, value)

    def __bool__(self) -> bool:
        return bool(TRUTH(self))

    def __float__(self) -> float:
        raise trace_lost("float(x), a function of the math module, or an assignment into a plain array")

    def __int__(self) -> int:
        raise trace_lost("int(x)")

    def __trunc__(self) -> int:
        raise trace_lost("math.trunc(x)")

    def __index__(self) -> int:
        raise trace_lost("the use of x as an index or in range(x)")

    def __complex__(self) -> complex:
        raise trace_lost("complex(x) or a function of the cmath module")

    __hash__ = None  # type: ignore[assignment]


class Variable(TracedArray):
    """An array of plain numbers made inside of f (np.zeros_like(x), ...), into which traced values can be written."""

    __slots__ = ("_trace", "primal")
    _trace: Held

    def __init__(self, values: np.ndarray):
        self.primal, self._trace = values, Held(self, values)

    def stand_for(self, value: Any) -> None:
        self.primal = value


FRESH = {np.zeros_like, np.ones_like, np.empty_like, np.full_like}
"""Functions that give new arrays of plain numbers, which look like a traced one only in shape and dtype."""


def gives_a_view(index: Any, item: Any) -> bool:
    """Whether what an index gives is a view to NumPy, and no copy."""
    parts = index if type(index) is tuple else (index,)
    if any(part is Ellipsis for part in parts):
        return all(isinstance(part, BASIC) for part in parts)
    return shape_of(item) != () and all(isinstance(part, BASIC) for part in parts)


BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """Apply a ufunc, or one of its methods, to inputs of which some are traced."""
    out = kwargs.pop("out", None)
    if out is not None:
        if method == "__call__" and "where" in kwargs and len(out) == 1:
            where = kwargs.pop("where")
            inputs = tuple([np.where(where, x, 1) for x in inputs])  # NumPy does not compute what it does not take
            return _write_out(ufunc, out, np.where(where, call_ufunc(ufunc, method, inputs, kwargs), out[0]))
        return _write_out(ufunc, out, call_ufunc(ufunc, method, inputs, kwargs))
    if method == "at":
        return _update_at(ufunc, *inputs)
    if method == "__call__":
        if kwargs:
            inputs, kwargs = converted(ufunc, inputs, kwargs)
        return lookup(ufunc).call(inputs, kwargs)
    if method == "outer":
        a, b = (as_array(x) for x in inputs)
        return call_ufunc(ufunc, "__call__", (np.reshape(a, shape_of(a) + (1,) * rank_of(b)), b), kwargs)
    row = UFUNC_METHODS.get((ufunc, method))
    if row is None:
        raise UnsupportedPrimitive(
            f"numpy.{ufunc.__name__}.{method} has no derivative rule",
            where=user_location(),
            hint="use the function of NumPy that does the same (np.sum for np.add.reduce), or finite differences",
        )
    if method == "reduce" and len(inputs) == 1:
        kwargs.setdefault("axis", 0)
    return row.call(inputs, kwargs)


def _write_out(ufunc: np.ufunc, out: tuple, result: Any) -> Any:
    """Write what a ufunc gives into the arrays of out=."""
    if len(out) == 1 and isinstance(out[0], TracedArray):
        return overwrite(out[0], result)
    raise TraceLost(
        f"{ufunc.__name__} with out= would write a traced value into a plain array",
        where=user_location(),
        why="an in-place update such as `a += x`, or out=, changes an array that no trace watches",
        hint="make the array with np.zeros_like(x), of a traced x, or make a new one: a = a + x",
    )


def _update_at(ufunc: np.ufunc, array: Any, index: Any, *values: Any) -> None:
    """ufunc.at(array, index, values) for a traced array."""
    if not isinstance(array, TracedArray):
        raise trace_lost(f"numpy.{ufunc.__name__}.at on a plain array")
    if ufunc in (np.add, np.subtract):
        piece = np.broadcast_to(as_operand(values[0]), shape_of(INDEX(array, index=index)))
        update = ASSEMBLE(piece, indices=(index,), shape=array.shape, dtype=array.dtype)
        overwrite(array, call_ufunc(ufunc, "__call__", (array, update), {}))
    elif selects_each_entry_once(index):
        array[index] = ufunc(array[index], *map(as_operand, values))
    else:
        raise UnsupportedPrimitive(
            f"numpy.{ufunc.__name__}.at has no derivative rule for an index that may name an entry twice",
            where=user_location(),
            hint="use a mask or a slice, or a loop over the index",
        )

"""Arrays that f assigns to: y[i] = v, y += v, out=y, with NumPy's meaning, views included.

A traced value never changes. What changes is which value an array object stands for. From the first assignment on, the
object has a `Held` in the place of its trace. It comes before all traces, so every use of the object arrives there and
is passed on with the present value. Arrays that nobody assigns to know nothing of this, and pay nothing.

A view remembers its base, and a base its living views. What is assigned to a view goes to its base at once; what is
assigned to a base, a view takes over when it is next used.
"""

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from diffbench.primitives.arrays import as_operand, shape_of
from diffbench.primitives.complex_numbers import IMAGINARY, OF_PARTS, REAL
from diffbench.primitives.primitive import AGAIN, Primitive, Trace, Traced, trace_has_ended
from diffbench.primitives.structural import ASSIGN, INDEX, PIECE, RESHAPE, TRANSPOSE, frozen_index


class View(NamedTuple):
    """How a view comes of its base: by indexing, reshaping, transposing, or as a real or imaginary part."""

    base: Any
    primitive: Primitive
    params: dict
    writable: bool = True
    always: bool = False  # also where NumPy could not reshape in place: x.flat

    def of(self, base: Any) -> Any:
        """The value of the view, from that of the base."""
        return (PIECE if self.primitive is INDEX else self.primitive)(base, **self.params)

    def into(self, base: Any, value: Any, own: bool) -> Any:
        """The value of the base, from what it was and from the value of the view."""
        if not self.writable:
            raise ValueError("assignment destination is read-only")
        if self.primitive is INDEX:
            return ASSIGN(base, value, index=self.params["index"], own=own)
        if self.primitive is RESHAPE:
            return RESHAPE(value, shape=shape_of(base))
        if self.primitive is REAL:
            return OF_PARTS(value, IMAGINARY(base))
        if self.primitive is IMAGINARY:
            return OF_PARTS(REAL(base), value)
        return TRANSPOSE(value, axes=tuple(np.argsort(self.params["axes"])))


class Held(Trace):
    """What one array object stands for at present.

    axes : the order of its axes in the memory that NumPy would keep it in, which no assignment changes.
    owned : nobody else holds the memory of the value, so that an assignment may write into it.
    version : how often the value has changed; `seen` is the version of the base that the value of a view comes from.
    """

    __slots__ = ("array", "axes", "owned", "seen", "value", "version", "view")

    def __init__(self, array: Any, value: Any, owned: bool = False):
        self.level, self.live = math.inf, True
        self.array: Callable[[], Any] = weakref.ref(array)
        self.value, self.owned = value, owned
        self.axes = _axes_in_memory(value)
        self.view: View | None = None
        self.version = self.seen = 0

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        """Apply a primitive to what arrays stand for at present; what it reads by an index, it copies."""
        if primitive is INDEX:
            return PIECE(self.refreshed(), **params)
        return primitive(*[present(x) for x in operands], **params)

    def refreshed(self) -> Any:
        """The present value, with what was assigned to the base since this view was last used."""
        if self.view is not None:
            base = hold(self.view.base)
            value = base.refreshed()
            if base.version != self.seen:
                base.owned = base.owned and self.view.primitive is INDEX
                self._become(self.view.of(value), owned=False)
                self.seen = base.version
        return self.value

    def assign(self, index: Any, value: Any) -> None:
        """array[index] = value"""
        self.replace(ASSIGN(self.refreshed(), value, index=index, own=self.owned), owned=True)

    def replace(self, value: Any, owned: bool = False) -> None:
        """Stand for another value from now on, and write it into the base."""
        if self.view is not None:
            base = hold(self.view.base)
            piecewise = self.view.primitive is INDEX
            base.replace(self.view.into(base.refreshed(), value, base.owned), owned=piecewise)
            self.seen, owned = base.version, owned and piecewise
        self._become(value, owned)

    def _become(self, value: Any, owned: bool) -> None:
        self.value, self.owned = value, owned
        self.version += 1
        self.array().stand_for(value)


def present(x: Any) -> Any:
    """The value that an array stands for now, for others to keep; everything else as it is."""
    if isinstance(x, Traced) and x._trace.__class__ is Held:
        held: Any = x._trace
        value = held.refreshed()
        held.owned = False
        return value
    return x


def unassigned(x: Any) -> Any:
    """The value that an array stands for now, as an object of its own that no later assignment changes.

    For those who hold on to a value while the program that it comes from goes on, as derivatives within it do.
    """
    x = present(x)
    return twin(x) if isinstance(x, Traced) and isinstance(_memory(x), np.ndarray) else x


def link(base: Any, view: Any, primitive: Primitive, params: dict, writable: bool = True, always: bool = False) -> None:
    """Remember that an array is a view of another."""
    view.view_of = base, primitive, params, writable, always
    views = getattr(base, "views", None)
    if views is None:
        views = base.views = []
    views.append(weakref.ref(view))
    if len(views) % 1024 == 0:
        views[:] = [reference for reference in views if reference() is not None]
    if base._trace.__class__ is Held and hold(view).view is None:  # as a fresh array is, which is born with a Held
        _tie(view._trace, View(*view.view_of))


def twin(array: Any) -> Any:
    """Another object of the same traced value, which assignments to the first do not change."""
    value = array.__class__.__new__(array.__class__)
    for name in array.__class__.__slots__:
        setattr(value, name, getattr(array, name))
    return value


def hold(array: Any) -> Held:
    """Let an array stand for a value that can be replaced; so must its base and all of its views."""
    if array._trace.__class__ is Held:
        return array._trace
    if not array._trace.live and not AGAIN.get():
        raise trace_has_ended()
    value = twin(array)
    held = array._trace = Held(array, value)
    array.stand_for(value)
    view_of = getattr(array, "view_of", None)
    if view_of is not None:
        _tie(held, View(*view_of))
    for reference in getattr(array, "views", ()):
        view = reference()
        if view is not None:
            hold(view)
    return held


def _tie(held: Held, view: View) -> None:
    """Let what is assigned to a view reach its base, and what is assigned to the base the view."""
    base = hold(view.base)
    if view.primitive is not RESHAPE or view.always or _reshapes_in_place(_stand_in(base), shape_of(held.value)):
        held.view, held.seen = view, base.version


def assign(array: Any, index: Any, value: Any) -> None:
    """array[index] = value, for a traced array."""
    if not isinstance(_memory(array), np.ndarray):
        raise TypeError(f"'{type(_memory(array)).__name__}' object does not support item assignment")
    hold(array).assign(frozen_index(index), present(as_operand(value)))


def overwrite(array: Any, value: Any) -> Any:
    """array[...] = value of the same shape, by which an in-place operator ends; the array itself."""
    if shape_of(value) != shape_of(array):
        raise ValueError(
            f"non-broadcastable output operand with shape {shape_of(array)} doesn't match the broadcast shape "
            f"{shape_of(value)}"
        )
    hold(array).replace(np.astype(present(value), array.dtype, copy=False))
    return array


def lies_in_order(array: Any, order: str) -> bool:
    """Whether NumPy would keep a traced array in C_CONTIGUOUS or F_CONTIGUOUS order."""
    memory = _stand_in(array._trace) if array._trace.__class__ is Held else _memory(array)
    return not isinstance(memory, np.ndarray) or bool(memory.flags[order])  # type: ignore[index]


def _axes_in_memory(value: Any) -> tuple[int, ...]:
    """The axes of an array, from the slowest to the fastest in memory."""
    strides = getattr(_memory(value), "strides", ())
    return tuple(sorted(range(len(strides)), key=lambda axis: -abs(strides[axis])))


def _stand_in(held: Held) -> np.ndarray:
    """An array of bytes that lies in memory as NumPy would keep the array of a Held: a view as its base has it."""
    if held.view is None:
        shape = shape_of(held.value)
        return np.transpose(np.empty([shape[axis] for axis in held.axes], np.int8), np.argsort(held.axes))
    base = _stand_in(hold(held.view.base))
    return base if held.view.primitive in (REAL, IMAGINARY) else held.view.primitive.evaluate(base, **held.view.params)


def _reshapes_in_place(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether NumPy can give this array another shape without copying it."""
    return np.may_share_memory(np.reshape(array, shape), array)


def _memory(x: Any) -> Any:
    """The plain array, of numbers or of objects, at the bottom of a traced value."""
    while isinstance(x, Traced):
        x = x.values if hasattr(x, "values") else x.primal
    return x

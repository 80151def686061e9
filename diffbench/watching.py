"""Runs of a derivative that look at every primitive: for db.debug, and where a zero has met an infinity.

Within such a run the arguments are `Watched`: a trace below all others that evaluates and does nothing else. Because of
it no operation takes the short way, and each trace asks the `Watch` of the run what to do with a primitive. Other runs
ask nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np

from diffbench.dispatch import TracedArray
from diffbench.primitives.complex_numbers import OfComplexToo, is_complex
from diffbench.primitives.elementwise import WHERE
from diffbench.primitives.kinds import Bilinear, Elementwise, General, Linear
from diffbench.primitives.partial import free_of_nan
from diffbench.primitives.primitive import Primitive, Trace, Traced


class Watched(TracedArray):
    """A plain value that is watched."""

    __slots__ = ("_trace", "primal")

    def __init__(self, primal: Any, trace: Trace):
        self.primal, self._trace = primal, trace


class Watch(Trace):
    """The trace of watched values; `inspect` may put another primitive in the place of one that gave y."""

    __slots__ = ("inspect",)

    def __init__(self, inspect: Callable[[Any, Any, Sequence], Any]):
        super().__init__()
        self.inspect = inspect

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        """Evaluate, and watch the result."""
        y = primitive(*[x.primal if x.__class__ is Watched else x for x in operands], **params)
        return y if primitive.constant else Watched(y, self)


_WATCH: ContextVar[Watch | None] = ContextVar("WATCH", default=None)


@contextmanager
def watching(inspect: Callable[[Any, Any, Sequence], Any] | None) -> Iterator[None]:
    """Let a function inspect the primitives of all derivatives that start in here; None: let nobody."""
    token = _WATCH.set(Watch(inspect) if inspect else None)
    try:
        yield
    finally:
        _WATCH.reset(token)


def watched(point: Sequence) -> Sequence:
    """The arguments of a derivative as they must be: if somebody watches, the plain ones watched."""
    watch = _WATCH.get()
    return point if watch is None else [x if isinstance(x, Traced) else Watched(x, watch) for x in point]


def inspected(primitive: Any, y: Any, operands: Sequence) -> Any:
    """The primitive that a trace is to remember, after it has given y from operands."""
    watch = _WATCH.get()
    if watch is None and y.__class__ is Watched and isinstance(y._trace, Watch):
        watch = y._trace  # in a thread that f has started, which knows nothing of this context
    return primitive if watch is None or primitive.constant else watch.inspect(primitive, y, operands)


# -- where a zero has met an infinity ----------------------------------------------------------------------------------


def spoilt(leaves: Sequence) -> bool:
    """Whether derivatives came out as NaN in a run that nobody watched; it is then repeated by `carefully`.

    A product of zero and an infinite or undefined slope is NaN to floats, and yet zero: it stems from a branch that was
    not taken. To look at every product would cost as much as the product; to look at the result costs next to nothing.
    """
    for leaf in leaves:
        if not (isinstance(leaf, Traced) or free_of_nan(leaf)):
            return _WATCH.get() is None
    return False


def carefully(derivative: Callable[[], Any]) -> Any:
    """Run a derivative again, such that what is zero carries nothing."""
    with watching(lambda primitive, y, operands: careful(primitive)):
        return derivative()


@cache
def careful(primitive: Any) -> Any:
    """The careful form of a primitive, where its rules multiply."""
    if isinstance(primitive, OfComplexToo):
        return CarefulOfComplexToo(primitive)
    if isinstance(primitive, Bilinear | General):
        return CarefulPull(primitive)
    if isinstance(primitive, Elementwise):
        return primitive if primitive is WHERE else Careful(primitive)
    return primitive if isinstance(primitive, Linear) else CarefulPull(primitive)  # one of the user's


class Careful(Primitive):
    """An elementwise primitive in which a zero tangent, cotangent or slope carries nothing, not even NaN."""

    def __init__(self, primitive: Elementwise):
        self.primitive, self.name = primitive, primitive.name
        self.push, self.pull = primitive.push, primitive.pull  # type: ignore[method-assign]
        self.remembers = primitive.remembers

    def keep(self, y, operands, wanted, params):
        shape, links = self.primitive.keep(y, operands, wanted, params)
        for k, position in enumerate(wanted):
            if links[k] is not None:
                times, values, own, _ = links[k]
                links[k] = _careful(times, self.primitive.partials[position].value), values, own, None
        return shape, links


class CarefulPull(Primitive):
    """A primitive through which a zero cotangent carries nothing back, not even NaN: entry by entry in a product."""

    def __init__(self, primitive: Any):
        self.primitive, self.name = primitive, primitive.name
        self.keep, self.push = primitive.keep, primitive.push  # type: ignore[method-assign]
        self.remembers = primitive.remembers

    def pull(self, cotangent, kept):
        found = self.primitive.pull(cotangent, kept)
        if all(c is None or free_of_nan(c) for c in found):
            return found
        if isinstance(self.primitive, Bilinear):
            links, params = kept
            return [self._product(c, cotangent, link, params) for c, link in zip(found, links)]
        nothing = cotangent == 0 if isinstance(self.primitive, OfComplexToo) else ~np.any(cotangent != 0)
        return [None if c is None else np.where(nothing & np.isnan(c), 0.0, c) for c in found]

    def _product(self, found: Any, cotangent: Any, link: tuple, params: dict) -> Any:
        """A cotangent of one factor, without the products of a zero and an entry of the other that is not finite."""
        position, other, shape = link
        transpose = self.primitive.transposes[position]
        boundless = ~np.isfinite(other)
        finite = transpose(cotangent, np.where(boundless, 0.0, other), shape, **params)
        meets = transpose(1.0 * (cotangent != 0), 1.0 * boundless, shape, **params)
        return np.where(meets != 0, found, finite)


class CarefulOfComplexToo(CarefulPull):
    """|x| and its like: of real numbers as any elementwise primitive, of complex ones as `CarefulPull` has it."""

    def __init__(self, primitive: OfComplexToo):
        super().__init__(primitive)
        self.keep = self.kept  # type: ignore[method-assign]
        self.of_reals = Careful(primitive)

    def kept(self, y: Any, operands: Sequence, wanted: Sequence[int], params: dict) -> Any:
        return (self.primitive if is_complex(operands[0]) else self.of_reals).keep(y, operands, wanted, params)

    def pull(self, cotangent, kept):
        return super().pull(cotangent, kept) if kept[0] is None else self.primitive.pull(cotangent, kept)


def _careful(times: Callable, slope: Callable) -> Callable:
    def product(t: Any, *values: Any) -> Any:
        found = times(t, *values)
        if free_of_nan(found):
            return found
        nothing = np.isnan(found) & ((t == 0) | (slope(*values) == 0))
        return np.where(nothing, 0.0, found)

    return product

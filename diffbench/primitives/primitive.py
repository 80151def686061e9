"""What a primitive is, and how applying one reaches the innermost live trace.

A *traced value* stands for an array while some trace watches it: a dual number of forward mode, an entry of the Wengert
list of reverse mode, an array of symbols. Every trace has a level, and a trace that starts later has a higher one. A
primitive applied to traced values is handed to the trace with the highest level among them; that trace does its own
part and applies primitives to what lies below, until plain NumPy is reached. To a trace, values of lower levels are
constants: that is what keeps the perturbations of nested derivatives apart.
"""

import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar

from diffbench.errors import TraceLost, user_location

_levels = itertools.count(1)

LIFT: ContextVar[Callable | None] = ContextVar("LIFT", default=None)
"""While a program runs on numbers of many digits: what makes such numbers of its constants (see reference.py)."""


AGAIN: ContextVar[bool] = ContextVar("AGAIN", default=False)
"""While a function is run again, to be recorded again: it meets traces that were live then, and have ended since."""


def lifted(x: Any) -> Any:
    """A constant as rules and seeds must have it: as it is, except among numbers of many digits."""
    lift = LIFT.get()
    return x if lift is None else lift(x)


class Trace:
    """One run of a function on traced values; `live` until the run has ended."""

    __slots__ = ("level", "live")

    level: float

    def __init__(self) -> None:
        self.level = next(_levels)
        self.live = True

    def process(self, primitive: "Primitive", operands: Sequence, params: dict) -> Any:
        """Apply a primitive to operands of which at least one belongs to this trace."""
        raise NotImplementedError


class Traced:
    """A value that a trace watches; `primal` is the value below it, plain or of an outer trace."""

    __slots__ = ()
    primal: Any
    _trace: Trace

    def viewed(
        self, view: Any, primitive: "Primitive", params: dict, always: bool = False, writable: bool = True
    ) -> Any:
        """What a primitive gives that may be a view of this array, so that assignments to one reach the other.

        always : it is one in any case: a diagonal, which NumPy gives by strides, or x.flat.
        """
        raise NotImplementedError


class Primitive:
    """One elementary function: how to evaluate it, and its local derivative in both directions.

    `operands` are the arguments that may carry a derivative, `params` all others. `y` is the result. The rules are
    written in plain NumPy, so that they run on traced values too: that is how derivatives nest.
    """

    constant: ClassVar[bool] = False  # its derivative is zero wherever it exists
    remembers: Sequence[int] | None = None  # operands that `keep` may hold on to; None for all
    name: str
    evaluate: Callable

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Apply to operands, traced or plain."""
        trace = None
        for operand in operands:
            if isinstance(operand, Traced) and (trace is None or operand._trace.level > trace.level):
                trace = operand._trace
        if trace is None:
            return self.evaluate(*operands, **params)
        if not trace.live and not AGAIN.get():
            raise trace_has_ended()
        return trace.process(self, operands, params)

    def keep(self, y: Any, operands: Sequence, wanted: Sequence[int], params: dict) -> Any:
        """Linearise at the operands, in the wanted ones: what push and pull must remember, and nothing more."""
        raise NotImplementedError

    def push(self, tangents: Sequence, kept: Any) -> Any:
        """The tangent of y from the tangents of the wanted operands (JVP)."""
        raise NotImplementedError

    def pull(self, cotangent: Any, kept: Any) -> Sequence:
        """The cotangents of the wanted operands from that of y (VJP); None where it is zero."""
        raise NotImplementedError

    def batch(self, operands: Sequence, batched: Sequence[bool], params: dict) -> Any:
        """Apply along a new first axis of the batched operands all at once; NotImplemented to apply one by one."""
        return NotImplemented

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} primitive {self.name}>"


def trace_has_ended() -> TraceLost:
    """The error for a traced value that outlives its trace: it would carry a derivative that nobody asks for."""
    return TraceLost(
        "a traced value of a derivative that has already been computed is used again",
        where=user_location(),
        why="a value inside f was kept (in a list, an attribute, a global) and used after its trace ended",
        hint="keep db.primal(x), the plain value, instead",
    )

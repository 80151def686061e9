"""The trace behind `db.trace`: it evaluates as reverse mode does, and remembers beside each value how it came about."""

import bisect
import dis
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np

from diffbench.assignment import twin
from diffbench.dispatch import TracedArray
from diffbench.errors import ArgumentError, is_of_users
from diffbench.primitives.complex_numbers import is_complex, with_real_operands
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.primitives.structural import ASSIGN, INDEX
from diffbench.short_way import install_short_way


class Site(NamedTuple):
    """Where the user's code applied an operation; `call` is the same for all operations that one call is made of."""

    file: str
    line: int
    function: str
    label: str | None  # the variable that the result of the call is stored in
    call: int


@dataclass(slots=True)
class Entry:
    """One elementary operation as it ran; exactly one of `kept` (a linearisation) and `slopes` (numbers) is given."""

    primitive: Any
    operands: Sequence  # Listed values and constants
    params: dict
    value: Any
    wanted: list[int]  # positions of the operands that are on the list
    site: Site | None
    kept: Any = None
    slopes: Sequence | None = None

    @property
    def parents(self) -> list[int]:
        """The places of the operands that are on the list."""
        return [self.operands[position].index for position in self.wanted]

    @property
    def primals(self) -> list:
        """The operands as plain numbers and arrays."""
        return [x.primal if isinstance(x, Listed) else x for x in self.operands]


class Listed(TracedArray):
    """A value on the list: its primal and its place."""

    __slots__ = ("_trace", "index", "primal")
    _trace: "Recording"

    def __init__(self, primal: Any, trace: "Recording", index: int):
        self.primal, self._trace, self.index = primal, trace, index

    def __getitem__(self, index: Any) -> Any:
        trace = self._trace
        if trace.__class__ is not Recording or self.index >= trace.inputs or not is_place(index):
            return INDEX.call((self, index), {})
        if (self.index, index) not in trace.entries_of_inputs:  # an entry of an input is one step, however often used
            item = INDEX.call((self, index), {})
            if item.shape:
                return item
            trace.entries_of_inputs[self.index, index] = item
        return trace.entries_of_inputs[self.index, index]


def is_place(index: Any) -> bool:
    """Whether an index is made of integers only."""
    parts = index if index.__class__ is tuple else (index,)
    return all(part.__class__ is int for part in parts)


class Decision(NamedTuple):
    """A comparison whose outcome is one bool: how the program went on may depend on it."""

    after: int  # so many entries were on the list
    primitive: Any
    operands: Sequence
    outcome: bool
    site: Site | None


class Recording(Trace):
    """One run of f; `home` is the file of f, which counts as the user's wherever it lies."""

    __slots__ = (
        "caller", "constants", "decisions", "entries", "entries_of_inputs", "home", "inputs", "last_call", "names",
    )  # fmt: skip

    def __init__(self, home: str | None, primals: Sequence) -> None:
        super().__init__()
        self.home, self.inputs = home, len(primals)
        self.caller: FrameType | None = sys._getframe(1)  # what lies outside of it is none of f's code
        self.entries = [Entry(None, (), {}, primal, [], None) for primal in primals]
        self.entries_of_inputs: dict[tuple, Any] = {}
        self.decisions: list[Decision] = []
        self.constants: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by their id: the user's array, and our copy
        self.names: dict[int, str | None] = {}  # of our copies, by their id: what the user calls them
        self.last_call: tuple[FrameType | None, int] = None, 0

    def arguments(self) -> list:
        """The inputs as f is to see them."""
        return [Listed(entry.value, self, index) for index, entry in enumerate(self.entries[: self.inputs])]

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        frame, site = self.site()
        operands = self.as_they_are(operands, frame)
        wanted = [position for position, x in enumerate(operands) if isinstance(x, Listed)]
        primals = [x.primal if isinstance(x, Listed) else x for x in operands]
        if primitive is ASSIGN:
            params = params | {"own": False}  # the value before stays what it was: it is shown
        y = primitive.evaluate(*primals, **params)
        if primitive.constant:
            if isinstance(y, bool | np.bool):
                self.decisions.append(Decision(len(self.entries), primitive, operands, bool(y), site))
            return y
        rule = with_real_operands(primitive, primals, wanted) if is_complex(y) else primitive
        kept = rule, rule.keep(y, primals, wanted, params)
        return self.append(Entry(primitive, operands, params, y, wanted, site, kept=kept))

    def record(self, primitive: Primitive, operands: Sequence, y: Any, slopes: Sequence) -> "Listed":
        """Record what the short way has computed."""
        frame, site = self.site()
        operands = self.as_they_are(operands, frame)
        wanted = [position for position, x in enumerate(operands) if isinstance(x, Listed)]
        return self.append(Entry(primitive, operands, {}, y, wanted, site, slopes=slopes))

    def append(self, entry: Entry) -> "Listed":
        """Put an entry on the list."""
        self.entries.append(entry)
        return Listed(entry.value, self, len(self.entries) - 1)

    def as_they_are(self, operands: Sequence, frame: FrameType | None) -> list:
        """Operands as the list remembers them: what f assigns to them later does not reach it."""
        return [twin(x) if isinstance(x, Listed) else self.constant(x, frame) for x in operands]

    def constant(self, x: Any, frame: FrameType | None) -> Any:
        """A constant as the list remembers it: a copy of an array, which f may change afterwards."""
        if isinstance(x, Traced):
            raise ArgumentError(
                "trace: a value traced by an outer derivative meets the trace",
                hint="call db.trace outside of the functions that you differentiate",
            )
        if x.__class__ is not np.ndarray:
            return x
        _, copy = self.constants.get(id(x), (None, None))
        if copy is None or not np.array_equal(x, copy, equal_nan=x.dtype.kind in "fc"):
            copy = x.copy()
            self.constants[id(x)] = x, copy
            self.names[id(copy)] = name_in(frame, x)
        return copy

    def site(self) -> tuple[FrameType | None, Site | None]:
        """The innermost frame of the user's code, and what is to be remembered of it."""
        frame: FrameType | None = sys._getframe(2)
        inner = None
        while (
            frame is not self.caller
            and frame is not None
            and not (is_of_users(frame.f_code.co_filename) or frame.f_code.co_filename == self.home)
        ):
            inner, frame = frame, frame.f_back
        if frame is None or frame is self.caller:
            return None, None
        last, call = self.last_call
        if inner is not last:
            self.last_call = inner, call + 1
        label = stored_as(frame.f_code, frame.f_lasti)
        code = frame.f_code
        return frame, Site(code.co_filename, frame.f_lineno, code.co_name, label, self.last_call[1])

    def end(self) -> None:
        """Nothing can be recorded any more; frames are let go."""
        self.live, self.last_call, self.entries_of_inputs, self.caller = False, (None, 0), {}, None


install_short_way(
    Listed,
    with_constant="return self._trace.record({primitive}, ({operands},), y, ({p_self},))",
    with_traced="return self._trace.record({primitive}, ({operands}), y, ({p_self}, {p_other}))",
    seen=True,
)


def name_in(frame: FrameType | None, x: Any) -> str | None:
    """The name by which the user's code knows an array."""
    if frame is None:
        return None
    for names in (frame.f_locals, frame.f_globals):
        for name, value in names.items():
            if value is x and name.isidentifier() and not name.startswith("__"):
                return name
    return None


STORES = ("STORE_FAST", "STORE_NAME", "STORE_GLOBAL", "STORE_DEREF", "STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST")


@cache
def stored_as(code: CodeType, at: int) -> str | None:
    """The variable in which the result of the instruction at this place is stored at once: c, in c = a * b."""
    instructions, offsets = _instructions(code)
    place = bisect.bisect_right(offsets, at)  # a running call may stand in the cache behind its instruction
    while place < len(instructions) and instructions[place].opname in ("COPY", "PRECALL", "CALL"):
        place += 1  # c = d = a * b, or (c := a * b)
    if place == len(instructions) or instructions[place].opname not in STORES:
        return None
    name = instructions[place].argval
    return name[0] if isinstance(name, tuple) else name


@cache
def _instructions(code: CodeType) -> tuple[list[dis.Instruction], list[int]]:
    """The instructions of a code, and where they stand."""
    found = list(dis.get_instructions(code))
    return found, [instruction.offset for instruction in found]

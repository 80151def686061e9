"""The Wengert list: what a run of f leaves behind, one entry for each elementary operation, in the order of execution.

An entry knows its parents by their place in the list and keeps just what its VJP needs. Five forms:

    (i, p) or (i, p, j, q)        an operation on numbers, or entry by entry on small arrays: parent and local partial,
                                  twice for two parents
    (i, p, j, q, "summed")        the same of a small array i and a number j, to which the sum over the array comes back
    (i, index, shape)             x[index]: parent, index, shape of the parent
    (parents, kept, primitive)    any other operation: parents, what the primitive keeps, the primitive itself
    stretch                       no operation: stands behind entries that were forgotten, and can record them again

The first places are the inputs; their entries are empty, and so are forgotten ones. The sum of a number or small array
with a constant has none: as it has the same derivatives, it stands at the place of its operand. The order of the list
is a topological order of the computational graph: sweeps (backends/reverse.py, forward_sweep.py) need no search.
"""

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import link, unassigned
from diffbench.construction import SEEN
from diffbench.dispatch import TracedArray
from diffbench.primitives.complex_numbers import is_complex, with_real_operands
from diffbench.primitives.precision import widening
from diffbench.primitives.primitive import Primitive, Trace, Traced, lifted
from diffbench.primitives.structural import INDEX
from diffbench.short_calls import SHORT_CALLS
from diffbench.short_way import SCALARS, SHORT, install_short_way, is_scalar
from diffbench.watching import inspected, watched

PLAIN: frozenset[Any] = SCALARS | {np.ndarray}
NOTHING = (lambda: None, lambda: None)  # two references to what is gone
ONE, MINUS_ONE = 1, -1  # the partials of sums and differences; Python keeps one object for each
WORTH_A_LOOK = 4096  # bytes: a smaller array is copied as fast as it is compared


class Recorded(TracedArray):
    """A value on the tape: its primal, and its place in the list."""

    __slots__ = ("_trace", "index", "primal")  # and no __init__: a call in Python costs as much as an entry of the list
    _trace: "Tape"
    index: int
    primal: Any

    def __getitem__(self, index: Any) -> Any:
        primal: Any = self.primal
        if (index.__class__ is int or index.__class__ is slice) and primal.__class__ is np.ndarray:
            item: Any = primal[index]  # first, as it may raise IndexError, which f may catch
            piece = self._trace.add(item, (self.index, index, primal.shape))
            if item.__class__ is np.ndarray:
                link(self, piece, INDEX, {"index": index})
            return piece
        if index.__class__ is int and primal.__class__ in SHORT and self._trace.__class__ is Tape:
            item = primal[index]
            if is_scalar(item):
                return self._trace.add(item, (self.index, index, primal.shape))
        return INDEX.call((self, index), {})

    def __array_function__(self, function: Any, types: Any, args: tuple, kwargs: dict) -> Any:
        short = SHORT_CALLS.get(function)
        if short and not kwargs and self._trace.live and self._trace.__class__ is Tape:
            found = short(self._trace, *args)
            if found is not None:
                return self._trace.add(*found)
        return TracedArray.__array_function__(self, function, types, args, kwargs)


class Tape(Trace):
    """The list that one run of a function on `inputs` makes.

    forgets : whether it may forget entries, to be recorded again in the backward pass (see checkpointing.py).
    gaps : None if it did not; otherwise the lock of the backward pass that fills the gaps.
    """

    __slots__ = ("copies", "entries", "forgets", "gaps", "inputs")

    def __init__(self, inputs: Sequence, forgets: bool = False) -> None:
        super().__init__()
        self.forgets = forgets
        self.gaps: Any = None
        self.entries: list = []
        self.copies: dict[int, tuple] = {}  # of arrays of f's, by the identity of the array
        self.inputs: list = [self.add(primal, ()) for primal in watched(inputs)]

    def value(self, primal: Any, index: int) -> Recorded:
        """The value that has a place on this tape."""
        value = Recorded()
        value.primal, value._trace, value.index = primal, self, index
        return value

    def add(self, primal: Any, entry: Any) -> Recorded:
        """The value that an operation gave, and its entry in the list."""
        entries = self.entries
        value = Recorded()
        value.primal, value._trace, value.index = primal, self, len(entries)
        entries.append(entry)
        return value

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        primals: list = []
        positions, parents, constants, plain = [], [], [], True
        for position, operand in enumerate(operands):
            constant = not (operand.__class__ is Recorded and operand._trace is self)
            if not constant:
                positions.append(position)
                parents.append(operand.index)
                operand = operand.primal
            primals.append(operand)
            traced = operand.__class__ not in PLAIN and isinstance(operand, Traced)
            if traced:
                plain = False
            if constant and (traced or operand.__class__ is np.ndarray):
                constants.append(position)
        if plain:
            y = primitive.evaluate(*primals, **params)
        else:
            primals = [lifted(x) for x in primals]
            y = primitive(*primals, **params)
            primitive = inspected(primitive, y, primals)
        if primitive.constant:
            return y
        if y.__class__ is np.ndarray:
            complex_result = y.dtype.kind == "c"
        else:
            complex_result = y.__class__ not in SCALARS and is_complex(y)
        if complex_result:
            primitive = with_real_operands(primitive, primals, positions)
        elif plain and y.__class__ is not float:
            primitive = widening(primitive, y, primals, positions)
        for position in constants:  # the tape will hold on to them: f may change them before the pull
            if primitive.remembers is None or position in primitive.remembers:
                primals[position] = self.copy_of(primals[position])
        return self.add(y, (parents, primitive.keep(y, primals, positions, params), primitive))

    def forget(self, start: int, stretch: Any) -> None:
        """Empty the entries from a place on, and put behind them what can record them again; places do not change."""
        self.entries[start:] = [()] * (len(self.entries) - start) + [stretch]
        self.gaps = self.gaps or threading.RLock()

    def copy_of(self, array: Any) -> Any:
        """A copy of an array of f's; the same one again as long as the array has not changed, as in a loop."""
        if array.__class__ is not np.ndarray:
            return unassigned(array)  # traced by an outer derivative
        if array.nbytes < WORTH_A_LOOK:
            return array.copy()
        found, copied = self.copies.get(id(array), NOTHING)
        copy = copied() if found() is array else None
        if copy is None or not np.array_equal(copy, array):
            copy = array.copy()
            self.copies[id(array)] = weakref.ref(array), weakref.ref(copy)
        return copy

    def __len__(self) -> int:
        """The number of elementary operations, sums of numbers with a constant left out: they stand where x stands."""
        return len(self.entries) - len(self.inputs)

    def partials(self) -> int:
        """The number of local partial derivatives, each of which the backward pass multiplies and adds once."""
        return sum(len(entry) // 2 if entry[0].__class__ is int else len(entry[0]) for entry in self.entries if entry)


ADDED = """
    trace = self._trace
    entries = trace.entries
    value = Recorded()
    value.primal, value._trace, value.index = y, trace, len(entries)
    entries.append({entry})
    return value
"""
"""`Tape.add`, in line."""

SHIFTED = """
    value = Recorded()
    value.primal, value._trace, value.index = y, self._trace, self.index
    return value
"""
"""x + 1 has the derivatives of x, and so its place on the list: there is nothing to write down."""

install_short_way(
    Recorded,
    with_constant=ADDED.replace("{entry}", "(self.index, {p_self})"),
    with_traced=ADDED.replace("{entry}", "(self.index, {p_self}, other.index, {p_other})"),
    plus_constant=SHIFTED,
    array_with_number=ADDED.replace("{entry}", '({array}.index, {p_array}, {number}.index, {p_number}, "summed")'),
)


def places_of(tape: Tape, results: Sequence) -> tuple[list, list]:
    """The primals of results, and their places on the tape (None for a result that does not depend on the inputs)."""
    values: list = []
    places: list = []
    for result in results:
        on_tape = isinstance(result, Recorded) and result._trace is tape
        values.append(result.primal if on_tape else result)
        places.append(result.index if on_tape else None)
    return values, places


def record(f: Callable, *args: Any) -> Tape:
    """The Wengert list that running f on arrays or numbers leaves.

    >>> len(record(lambda x, y: np.log(x * y), 2.0, 3.0))
    2
    """
    tape = Tape([np.asarray(x, dtype=float)[()] for x in args])
    with SEEN:
        f(*tape.inputs)
    tape.live = False
    return tape

"""Recomputing instead of remembering: db.checkpoint for a function, db.checkpointed_loop for a loop.

What a checkpointed function writes on the tape is forgotten at once: empty entries take its place, and behind them
stands a *stretch*, which can record them again. The backward pass that arrives there runs the function again, on the
same values; the same entries come back into the same places, and the pass goes on as if nothing had happened. So the
gradient is the same to the last bit, whatever the function closes over, contains or hands out. Chen et al. 2016.

A loop is a row of such stretches. Their arguments, the states, are not all kept either: revolve.py says which are, and
from where the others are computed again.
"""

import dis
import functools
import types
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from diffbench.assignment import Held, hold, present, twin
from diffbench.captured import alike, cells_of, contents, digest, variables
from diffbench.construction import SEEN
from diffbench.dispatch import Variable
from diffbench.errors import ArgumentError, NotRepeatable
from diffbench.flat import name_of
from diffbench.primitives.primitive import AGAIN, Traced
from diffbench.revolve import schedule
from diffbench.structure import flatten, unflatten
from diffbench.tape import Recorded, Tape

# -- a function as it is now -------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A value on the tape that is to hold on to it, without the tape: which can then die with its last user."""

    primal: Any
    position: int


class Assigned(NamedTuple):
    """What an array that was assigned to stands for; it takes the long way (see assignment.py), the second time too."""

    value: Any


def frozen(value: Any, tape: Tape) -> Any:
    """A value as it is now, for a tape to hold on to."""
    if isinstance(value, Traced) and value._trace.__class__ is Held:
        return Assigned(frozen(present(value), tape))
    if value.__class__ is Recorded and value._trace is tape:
        return Place(value.primal, value.index)
    return twin(value) if isinstance(value, Traced) else value


def thawed(value: Any, tape: Tape) -> Any:
    """A frozen value; if traced a new object each time, since the function may assign to it."""
    if value.__class__ is Assigned:
        array = thawed(value.value, tape)
        if not isinstance(array, Traced):
            return Variable(array)
        hold(array)
        return array
    if value.__class__ is Place:
        return tape.value(value.primal, value.position)
    return twin(value) if isinstance(value, Traced) else value


def closing_over(f: Any, cells: Sequence[types.CellType]) -> Any:
    """A Python function with other cells for the variables that it closes over."""
    if not cells:
        return f
    function = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, tuple(cells))
    function.__kwdefaults__, function.__qualname__ = f.__kwdefaults__, f.__qualname__
    return function


@functools.lru_cache(1024)
def assigned(code: types.CodeType) -> frozenset[str]:
    """The variables from outside that a function assigns to (nonlocal)."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_DEREF"}
    inside = [assigned(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(code.co_freevars).intersection(names.union(*inside))


def used_by(f: Any, args: tuple, kwargs: dict) -> list:
    """All values that a call uses, as far as one can see: of its arguments, and of what the function closes over."""
    return flatten((args, kwargs, [contents(cell) for cell in cells_of(f)]))[0]


def innermost_tape(leaves: Sequence) -> Tape | None:
    """The tape with the highest level that may forget, of those on which some values are."""
    tapes = [tape for leaf in leaves for tape in _tapes(present(leaf)) if tape.forgets]
    return max(tapes, key=lambda tape: tape.level, default=None)


def _tapes(value: Any) -> Iterator[Tape]:
    while isinstance(value, Traced):
        if isinstance(value._trace, Tape):
            yield value._trace
        yield from _tapes(getattr(value, "tangent", None))
        value = getattr(value, "primal", None)


# -- running again -----------------------------------------------------------------------------------------------------


class Stretch:
    """Stands on the tape behind the entries of a function that were forgotten, and can record them again."""

    def __init__(self, f: Callable, args: tuple, kwargs: dict, tape: Tape):
        leaves, self.structure = flatten((args, kwargs))
        self.leaves = [frozen(leaf, tape) for leaf in leaves]
        self.cells = [(cell, frozen(contents(cell), tape)) for cell in cells_of(f)]
        self.f, self.name = closing_over(f, [types.CellType() for _ in self.cells]), name_of(f)
        self.arrays = [leaf for leaf in (*leaves, *flatten(variables(f))[0]) if leaf.__class__ is np.ndarray]
        self.digest = digest(self.arrays, whole=False)

    def thawed(self, tape: Tape) -> tuple[Callable, tuple, dict]:
        """The function and its arguments as they were; but integers that it closes over go on, for they may count."""
        args, kwargs = unflatten(self.structure, [thawed(leaf, tape) for leaf in self.leaves])
        cells, names = [], self.f.__code__.co_freevars if self.cells else ()
        for name, (cell, value) in zip(names, self.cells):
            counter = isinstance(value, int) and isinstance(contents(cell), int) and name in assigned(self.f.__code__)
            cells.append(cell if counter else types.CellType(thawed(value, tape)))
        return closing_over(self.f, cells), args, kwargs

    def record_again(self, tape: Tape) -> None:
        """Put the entries that were forgotten back into their places."""
        stop = len(tape.entries)
        token = AGAIN.set(True)
        try:
            with SEEN:
                same = alike(digest(self.arrays, whole=False), self.digest) and self.record(tape)
        finally:
            AGAIN.reset(token)
        if not same or len(tape.entries) != stop:
            raise NotRepeatable(
                f"the checkpointed function {self.name} did something else when it ran again in the backward pass",
                why="its gradient would be that of another program; it may draw random numbers, count its calls, or "
                "use an array or a global variable that has been changed since",
                hint="pass random numbers, counters and loop variables as arguments; copy arrays before a change",
            )

    def record(self, tape: Tape) -> bool:
        """Run again; whether the results are what they were."""
        raise NotImplementedError


# -- a function --------------------------------------------------------------------------------------------------------


class Call(Stretch):
    """One call of a checkpointed function."""

    def run(self, tape: Tape, f: Callable, args: tuple, kwargs: dict) -> Any:
        """Call it, and forget how."""
        self.start = len(tape.entries)
        result = f(*args, **kwargs)
        self.result = digest(flatten(result)[0])
        tape.forget(self.start, self)
        return result

    def record(self, tape):
        del tape.entries[self.start :]
        f, args, kwargs = self.thawed(tape)
        return alike(digest(flatten(f(*args, **kwargs))[0]), self.result)


def checkpoint(f: Callable) -> Callable:
    """The same function, recomputed in the backward pass instead of remembered.

    Reverse mode holds its arguments and results, and of what lies between only 8 bytes for each operation. The gradient
    is the same to the last bit. Costs one more evaluation of f in each backward pass.

    f : any function, without side effects that matter, as it runs again. It may close over traced values; arguments and
        results may be anything, also containers; checkpoints may be nested, in each other and in other derivatives.
        Where reverse mode is applied to reverse mode, the outer one remembers all.

    The backward pass raises NotRepeatable when f does something else the second time.

    >>> import numpy as np, diffbench as db
    >>> db.gradient(lambda x: np.sum(db.checkpoint(np.sin)(x) ** 2))(np.array([0.0, 1.0]))
    array([0.        , 0.90929743])
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        tape = innermost_tape(used_by(f, args, kwargs))
        if tape is None:
            return f(*args, **kwargs)
        return Call(f, args, kwargs, tape).run(tape, f, args, kwargs)

    return call


# -- a loop ------------------------------------------------------------------------------------------------------------


class Loop(Stretch):
    """A loop by the schedule; it stands on the tape behind every step but the last, which is not forgotten."""

    def __init__(self, step: Callable, n: int, params: tuple, snapshots: int, indexed: bool, tape: Tape):
        super().__init__(step, params, {}, tape)
        self.n, self.snapshots, self.indexed = n, snapshots, indexed
        self.actions = schedule(n, snapshots)
        self.saved: dict[int, tuple] = {}  # state number: its place on the tape, and the state
        self.place: int | None = None  # of the step that was recorded last; None while the schedule is being followed
        self.digests = array("d")  # of the state after each step

    def run(self, tape: Tape, step: Callable, state: Any) -> Any:
        """The state after the last step(k, state)."""

        def first_time(k: int, state: Any) -> Any:
            state = step(k, state)
            self.digests.append(digest(flatten(state)[0]))
            return state

        place = len(tape.entries)
        self.save(0, place, state, tape)
        return first_time(*self.proceed(tape, first_time, 0, place, state))

    def record(self, tape):
        f, params, _ = self.thawed(tape)
        step = numbered(f, params, self.indexed)
        if self.place is None or len(tape.entries) != self.place - 1:  # not the step before the last recorded one:
            self.saved, self.actions = {0: self.saved[0]}, schedule(self.n, self.snapshots)  # another backward pass
            self.proceed(tape, step)
        k, state = self.proceed(tape, step)
        return alike(digest(flatten(step(k, state))[0]), self.digests[k])

    def proceed(self, tape: Tape, step: Callable, k: int = -1, place: int = 0, state: Any = None) -> tuple[int, Any]:
        """Follow the schedule up to a step that is to be recorded: its number, and the state before it."""
        self.place = None
        for action, *steps in self.actions:
            if action == "save":
                self.save(k, place, state, tape)
            elif action == "free":
                del self.saved[steps[0]]
            else:
                if k != steps[0]:
                    k = steps[0]
                    place, state = self.restored(k, tape)
                del tape.entries[place:]
                if action == "reverse":
                    break
                while k < steps[1]:
                    state = step(k, state)
                    tape.forget(place, self)
                    k, place = k + 1, len(tape.entries)
        self.place = place
        return k, state

    def save(self, k: int, place: int, state: Any, tape: Tape) -> None:
        """Keep a state; its plain arrays too are copied, for steps may change them."""
        leaves, structure = flatten(state)
        self.saved[k] = place, structure, [frozen(_own(leaf), tape) for leaf in leaves]

    def restored(self, k: int, tape: Tape) -> tuple[int, Any]:
        """A saved state, and its place."""
        place, structure, leaves = self.saved[k]
        return place, unflatten(structure, [thawed(_own(leaf), tape) for leaf in leaves])


def numbered(step: Callable, params: tuple, indexed: bool) -> Callable:
    """A step as a function of its number and the state."""
    return (lambda k, state: step(k, state, *params)) if indexed else (lambda k, state: step(state, *params))


def _own(leaf: Any) -> Any:
    return leaf.copy() if leaf.__class__ is np.ndarray else leaf


def checkpointed_loop(step: Callable, state: Any, n: int, *params: Any, snapshots: int, indexed: bool = False) -> Any:
    """The state after n steps, state = step(state, *params), differentiated with few states in memory.

    step : gives the next state. It may close over what it uses, traced values too, and has no side effects that matter.
    state : anything; numbers, arrays and containers of them are differentiated.
    params : further arguments of step.
    snapshots : how many states reverse mode may keep at a time, the first included. A good number is log₄ n.
    indexed : True calls step(k, state, *params), with k from 0 to n - 1.

    Cost of a gradient: n recorded steps, and revolve.extra_steps(n, snapshots) more; besides the snapshots and one
    recorded step, 8 bytes for each operation. Raises ArgumentError for numbers of steps or snapshots that are none; the
    backward pass raises NotRepeatable when a step does something else the second time. Source: see revolve.py.

    >>> import diffbench as db
    >>> def logistic(x):
    ...     return db.checkpointed_loop(lambda y: 4 * y * (1 - y), x, 3, snapshots=2)
    >>> round(db.derivative(logistic, backend="reverse")(0.2), 12)
    9.0660864
    """
    n, snapshots = _count("n", n, 0), _count("snapshots", snapshots, 1)
    tape = innermost_tape(used_by(step, (state, params), {}))
    run_step = numbered(step, params, indexed)
    if tape is not None and n > 0:
        return Loop(step, n, params, snapshots, indexed, tape).run(tape, run_step, state)
    for k in range(n):
        state = run_step(k, state)
    return state


def _count(name: str, value: Any, least: int) -> int:
    if not isinstance(value, int | np.integer) or value < least:
        raise ArgumentError(f"checkpointed_loop: {name}={value!r}, expected an integer, {least} or more")
    return int(value)

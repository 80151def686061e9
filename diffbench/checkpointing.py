"""Recomputing instead of remembering: db.checkpoint for a function, db.checkpointed_loop for a loop.

The loop follows the binomial schedule of Griewank & Walther (2000), "Algorithm 799: revolve". It reverses l steps with
s snapshots at the least possible number of extra steps: t(l, s) = r l - β(s + 1, r - 1), where β(s, r) is the binomial
coefficient of s + r over s, and r the least number for which β(s, r) is at least l.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from diffbench.backends.forward import Forward
from diffbench.backends.reverse import Reverse
from diffbench.errors import ArgumentError, TraceLost, user_location
from diffbench.flat import name_of
from diffbench.primitives.arrays import sum_of
from diffbench.primitives.primitive import Traced
from diffbench.structure import flatten, unflatten
from diffbench.tape import Tape
from diffbench.user_primitive import Packed

# -- a function --------------------------------------------------------------------------------------------------------


class Recomputed(Packed):
    """A call that remembers its operands only, and runs again when it is differentiated."""

    def evaluate(self, *operands: Any) -> Any:
        y = super().evaluate(*operands)
        if isinstance(y, Traced) and not any(isinstance(x, Traced) for x in operands):
            raise TraceLost(
                f"the checkpointed function {self.name} uses a traced value that is not among its arguments",
                where=user_location(),
                why="what it closes over would get no cotangent when it is computed again",
                hint="pass the value as an argument",
            )
        return y

    def moving(self, operands: Sequence, wanted: Sequence[int]) -> Callable:
        """The call as a function of the wanted operands."""

        def function(leaves: Sequence) -> list:
            full = list(operands)
            for position, leaf in zip(wanted, leaves):
                full[position] = leaf
            return [self.packed(self.run(full))]

        return function

    def push(self, tangents, kept):
        _, operands, wanted = kept
        function = self.moving(operands, wanted)
        return Forward().jvp(function, [operands[k] for k in wanted], list(tangents))[1][0]

    def pull(self, cotangent, kept):
        _, operands, wanted = kept
        function = self.moving(operands, wanted)
        return Reverse().vjp(function, [operands[k] for k in wanted], [cotangent])


def checkpoint(f: Callable) -> Callable:
    """The same function, recomputed in the backward pass instead of remembered.

    The tape holds its arguments, not what it computes inside; the gradient is the same. Costs one more evaluation of f
    in each backward pass. Arguments and results may be containers; checkpoints may be nested.

    Raises TraceLost when f closes over a traced value: pass it as an argument.

    >>> import numpy as np, diffbench as db
    >>> db.gradient(lambda x: np.sum(db.checkpoint(np.sin)(x) ** 2))(np.array([0.0, 1.0]))
    array([0.        , 0.90929743])
    """

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return Recomputed(f, args, kwargs).apply()

    return call


# -- a loop ------------------------------------------------------------------------------------------------------------


def beta(s: int, r: int) -> int:
    """How many steps s snapshots reverse when no step is repeated more than r times."""
    return math.comb(s + r, s) if r >= 0 else 0


def extra_steps(length: int, snapshots: int) -> int:
    """The least number t(l, s) of steps beyond the l that are recorded.

    >>> [extra_steps(10, s) for s in (1, 2, 3, 9)], extra_steps(100, 8)
    ([45, 20, 15, 9], 245)
    """
    r = repetitions(length, snapshots)
    return r * length - beta(snapshots + 1, r - 1)


def repetitions(length: int, snapshots: int) -> int:
    """The least r for which β(s, r) is at least l."""
    r = 0
    while beta(snapshots, r) < length:
        r += 1
    return r


def schedule(length: int, snapshots: int) -> Iterator[tuple]:
    """What to do, in order, to pull a cotangent through `length` steps with `snapshots` states in memory.

    ("advance", a, b): from the saved state a, compute the state b. ("save", b): keep it. ("reverse", k): record the
    step from state k to k + 1, and pull the cotangent through it. ("free", b): forget it. State 0 is saved throughout.

    >>> list(schedule(3, 2))[:4]
    [('advance', 0, 1), ('save', 1), ('advance', 1, 2), ('reverse', 2)]
    >>> list(schedule(3, 2))[4:]
    [('reverse', 1), ('free', 1), ('reverse', 0)]
    """
    if length < 1 or snapshots < 1:
        raise ArgumentError(f"schedule: length={length!r}, snapshots={snapshots!r}, expected positive integers")
    yield from _reverse(0, length, snapshots)


def _reverse(start: int, stop: int, snapshots: int) -> Iterator[tuple]:
    while stop - start > 1:
        if snapshots == 1:
            yield "advance", start, stop - 1
            yield "reverse", stop - 1
            stop -= 1
        else:
            middle = start + _first_snapshot(stop - start, snapshots)
            yield "advance", start, middle
            yield "save", middle
            yield from _reverse(middle, stop, snapshots - 1)
            yield "free", middle
            stop = middle
    yield "reverse", start


def _first_snapshot(length: int, snapshots: int) -> int:
    """How far to go before the next snapshot: any place is optimal that leaves no more than r - 1 and r repetitions."""
    r = repetitions(length, snapshots)
    return min(max(beta(snapshots, r - 2), length - beta(snapshots - 1, r), 1), length - 1)


class Loop(Packed):
    """A loop as one entry of the Wengert list: it remembers snapshots of the state, and the last step."""

    def __init__(self, step: Callable, state: Any, n: int, params: tuple, snapshots: int):
        super().__init__(step, (state, *params), {})
        self.n, self.snapshots = n, snapshots
        self.first: Any = None  # the sweep that the value was computed by

    def split(self, operands: Sequence) -> tuple[Any, tuple]:
        (state, *params), _ = self.arguments(operands)
        return state, tuple(params)

    def run(self, operands: Sequence) -> Any:
        state, params = self.split(operands)
        for _ in range(self.n):
            state = self.f(state, *params)
        return state

    def evaluate(self, *operands: Any) -> Any:
        self.first = sweep = Sweep(self, operands)
        return self.packed(sweep.last_state())

    def keep(self, y, operands, wanted, params):
        own = self.first is not None and all(a is b for a, b in zip(self.first.operands, operands))
        return self.first if own else None, operands, wanted

    def push(self, tangents, kept):
        _, operands, wanted = kept

        def function(leaves: Sequence) -> list:
            full = list(operands)
            for position, leaf in zip(wanted, leaves):
                full[position] = leaf
            return [self.packed(self.run(full))]

        return Forward().jvp(function, [operands[k] for k in wanted], list(tangents))[1][0]

    def pull(self, cotangent, kept):
        sweep, operands, wanted = kept
        if sweep is None or sweep.used:
            sweep = Sweep(self, operands)
            sweep.last_state()
        found = sweep.pull(flatten(self.unpacked(cotangent))[0])
        return [found[k] for k in wanted]


class Sweep:
    """One way through the schedule of a loop: forward to the last step, which it records, and from there back."""

    def __init__(self, loop: Loop, operands: Sequence):
        self.loop, self.operands, self.used = loop, operands, False
        state, self.params = loop.split(operands)
        self.saved, self.current = {0: state}, (0, state)
        self.actions = schedule(loop.n, loop.snapshots)
        self.recorded: Any = None

    def last_state(self) -> Any:
        """The state after the last step."""
        while self.recorded is None:
            self._do(*next(self.actions))
        values, _ = self.recorded
        return unflatten(self.structure, values)

    def pull(self, cotangents: list) -> list:
        """The cotangents of all operands from those of the last state."""
        self.used = True
        sums: list = []
        for action in [None, *self.actions]:
            if action is not None:
                self._do(*action)
            if self.recorded is not None:
                _, pull = self.recorded
                found = pull(cotangents)
                count = len(cotangents)
                cotangents, of_params = found[:count], found[count:]
                sums = [sum_of([a, b]) for a, b in zip(sums, of_params)] if sums else of_params
                self.recorded = None
        leaves = [*cotangents, *sums]
        return [leaves[self.loop.places.index(place)] for place in self.loop.places]

    def _do(self, what: str, a: int, b: int = 0) -> None:
        if what == "advance":
            state = self.current[1] if self.current[0] == a else self.saved[a]
            for _ in range(a, b):
                state = self.loop.f(state, *self.params)
            self.current = b, state
        elif what == "save":
            self.saved[a] = self.current[1]
        elif what == "free":
            del self.saved[a]
        else:
            state = self.current[1] if self.current[0] == a else self.saved[a]
            self._record(state)
            self.current = -1, None

    def _record(self, state: Any) -> None:
        leaves, structure = flatten((state, *self.params))

        def step(leaves: Sequence) -> list:
            values, self.structure = flatten(self.loop.f(*unflatten(structure, list(leaves))))
            return values

        self.recorded = Reverse().pullback(step, leaves)


def checkpointed_loop(step: Callable, state: Any, n: int, *params: Any, snapshots: int) -> Any:
    """The state after n steps: state = step(state, *params), n times; differentiated with few states in memory.

    step : gives a state of the same structure, shapes and dtypes; everything that it depends on must be in `state` and
        `params`.
    state, params : numbers, arrays, and containers of them.
    snapshots : how many states may be in memory at a time, the first included. About log₄ n is a good choice.

    Cost of a gradient: n recorded steps, and extra_steps(n, snapshots) more. Raises ArgumentError for a number of steps
    or snapshots below one.

    >>> import diffbench as db
    >>> def logistic(x):
    ...     return db.checkpointed_loop(lambda y: 4 * y * (1 - y), x, 3, snapshots=2)
    >>> round(db.derivative(logistic, backend="reverse")(0.2), 12)
    9.0660864
    """
    for name, value in (("n", n), ("snapshots", snapshots)):
        if not isinstance(value, int) or value < 1:
            raise ArgumentError(f"checkpointed_loop: {name}={value!r}, expected a positive integer")
    leaves = flatten((state, *params))[0]
    traces = [leaf._trace for leaf in leaves if isinstance(leaf, Traced)]
    innermost = max(traces, key=lambda trace: trace.level, default=None)
    loop = Loop(step, state, n, params, min(snapshots, n))
    if not isinstance(innermost, Tape):  # plain, or forward mode: nothing is remembered anyway
        return loop.run([loop.leaves[place] for place in loop.places])
    if len(loop.places) != len(leaves):
        raise ArgumentError(
            f"checkpointed_loop: state and params of {name_of(step)} must be real numbers and arrays of them",
            hint="let step close over what is no number",
        )
    return loop.apply()

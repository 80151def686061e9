"""Which way a program goes: what its comparisons, roundings and sorts decide, noted in one run and followed in another.

A program of many digits may decide otherwise than it does in floats: 0.1 * 3 == 0.3 holds for some numbers and not for
others, a loop that waits for convergence takes more turns. Its derivative is then that of another branch. So the truth
follows the branches that the floats take, and knows where high precision would have left them.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from diffbench.assignment import present
from diffbench.errors import DiffbenchError, user_location
from diffbench.primitives.arrays import stack_traced
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.structure import map_leaves
from diffbench.traced_values import primal
from diffbench.watching import Watched

ROUNDING = 1e-9  # between numbers that stand for the same decision, such as multiples of a period

SIDES: dict[Callable, Callable] = {
    np.absolute: lambda x: np.sign(x),
    np.fabs: lambda x: np.sign(x),
    np.maximum: lambda a, b: np.sign(a - b),
    np.minimum: lambda a, b: np.sign(b - a),
}
"""Functions with a kink: on which side of it their operands are."""

BESIDE: dict[Callable, Callable] = {
    np.absolute: lambda side, x: side * x,
    np.fabs: lambda side, x: side * x,
    np.maximum: lambda side, a, b: np.where(side > 0, a, np.where(side < 0, b, (a + b) / 2)),
    np.minimum: lambda side, a, b: np.where(side > 0, a, np.where(side < 0, b, (a + b) / 2)),
}
"""What they are on a given side."""


class Path(Trace):
    """A run of f whose decisions are noted; or followed, where those of an earlier run are given.

    taken : what was decided, in order.
    elsewhere : in words, the places where this run would have decided otherwise.
    """

    __slots__ = ("elsewhere", "followed", "taken")

    def __init__(self, followed: Sequence[np.ndarray] | None = None):
        super().__init__()
        self.followed = followed
        self.taken: list[np.ndarray] = []
        self.elsewhere: list[str] = []

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        below = [x.primal if x.__class__ is Watched and x._trace is self else x for x in operands]
        function: Any = getattr(primitive, "function", None)
        if function in SIDES:
            side = as_floats(SIDES[function](*below))
            decided = self.decide(primitive, side)
            return Watched(primitive(*below, **params) if decided is side else BESIDE[function](decided, *below), self)
        y = primitive(*below, **params)
        if not primitive.constant:
            return Watched(y, self)
        plain = as_floats(y) if isinstance(y, Traced) else y
        if not isinstance(plain, bool | int | float | np.generic | np.ndarray):
            return y
        found = np.asarray(plain)
        decided = self.decide(primitive, found)
        if decided is found:
            return y
        return decided[()] if isinstance(plain, np.ndarray | np.generic) else type(plain)(decided)

    def decide(self, primitive: Primitive, found: np.ndarray) -> np.ndarray:
        """Note a decision; what was decided at this place in the run that is followed, if that was something else.

        Both as copies: the program may go on to write into the array that it decided by, as in s = np.sign(x); s *= 2.
        """
        self.taken.append(found.copy())
        if self.followed is None:
            return found
        if len(self.taken) > len(self.followed):
            raise DiffbenchError(
                "f decides more often than it did before", why="it does not do the same twice", where=user_location()
            )
        before = self.followed[len(self.taken) - 1]
        if before.shape == found.shape and (
            np.array_equal(before, found)
            or (found.dtype.kind == "f" and np.allclose(before, found, rtol=ROUNDING, atol=0, equal_nan=True))
        ):
            return found
        self.elsewhere.append(f"{primitive.name} at {user_location() or 'f'}")
        return before.copy()


def as_floats(x: Any) -> np.ndarray:
    """The plain value of an exact or traced one, as floats."""
    return np.asarray(primal(x)).astype(float)


def noting(f: Callable, argnums: Sequence[int], followed: Sequence[np.ndarray] | None, paths: list[Path]) -> Callable:
    """f, which appends the path of each of its runs to a list, and decides what is followed, if anything is."""

    @wraps(f, updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        path = Path(followed)
        paths.append(path)

        def enter(leaf: Any) -> Any:
            return Watched(leaf, path)

        def leave(leaf: Any) -> Any:
            leaf = present(leaf)
            if isinstance(leaf, np.ndarray) and leaf.dtype == object:
                leaf = stack_traced(leaf)
            return leaf.primal if leaf.__class__ is Watched and leaf._trace is path else leaf

        entered = [map_leaves(enter, arg) if k in argnums else arg for k, arg in enumerate(args)]
        return map_leaves(leave, f(*entered, **kwargs))

    return function

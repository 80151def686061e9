"""What a function uses besides its arguments, and whether that has changed: variables it closes over, global ones, and
those of the object whose method it is.

A derivative by several runs of f, or by a run that was prepared before, is right only if f is still the same function.
"""

import functools
import math
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import present
from diffbench.errors import NotRepeatable, is_of_users
from diffbench.primitives.arrays import numbers_of
from diffbench.primitives.primitive import Traced
from diffbench.structure import Structure, flatten

NOTHING = object()  # what an empty cell holds
LIBRARIES = {"autograd", "casadi", "jax", "jaxlib", "mygrad", "symengine", "torch"}
"""Whose functions a function written for a library calls: their own variables are not looked at."""


def cells_of(f: Any) -> Sequence[types.CellType]:
    """The cells of the variables that a Python function closes over."""
    return (f.__closure__ or ()) if isinstance(f, types.FunctionType) else ()


def contents(cell: types.CellType) -> Any:
    """What a cell holds."""
    try:
        return cell.cell_contents
    except ValueError:
        return NOTHING


def variables(f: Any) -> list:
    """The values of all variables that a function uses besides its arguments, also through other functions of the user.

    >>> weight, table = 2.0, {"a": [1, "b"]}
    >>> variables((lambda: lambda x, w=weight, t=table: w * x + len(t))())
    [2.0, {'a': [1, 'b']}]
    """
    values: list = []
    _collect(f, values, set())
    return values


def _collect(callable_: Any, values: list, seen: set[int]) -> None:
    if id(callable_) in seen:
        return
    seen.add(id(callable_))
    for value in _inside(callable_):
        others = [leaf for leaf in flatten(value)[0] if callable(leaf)]
        if not others or value is not others[0]:
            values.append(value)
        for other in others:
            _collect(other, values, seen)


def _inside(f: Any) -> Sequence:
    """The values of the variables of one callable; nothing for what is not the user's."""
    if isinstance(f, types.FunctionType):
        code = f.__code__
        if not (is_of_users(code.co_filename) or code.co_filename.startswith("<")):
            return ()
        if (f.__module__ or "").partition(".")[0] in LIBRARIES:
            return ()
        named = [f.__globals__[name] for name in code.co_names if name in f.__globals__]
        defaults = [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        return [*[contents(cell) for cell in cells_of(f)], *defaults, *named]
    if isinstance(f, types.MethodType):
        return [f.__func__, *getattr(f.__self__, "__dict__", {}).values()]
    if isinstance(f, functools.partial):
        return [f.func, *f.args, *f.keywords.values()]
    if isinstance(f, type) or not hasattr(f, "__dict__"):
        return ()
    return [*vars(f).values(), type(f).__call__]


# -- whether it is the same --------------------------------------------------------------------------------------------

WEIGHTS = np.cos(np.arange(1.0, 65.0))


def digest(leaves: Sequence, whole: bool = True) -> float:
    """A number that changes with any of the real numbers among some leaves, but hardly by round-off.

    whole : False looks at no more than 64 entries of each array.
    """
    total = 0.0
    for weight, leaf in enumerate(leaves, start=1):
        x = numbers_of(present(leaf))
        if isinstance(x, float | int):
            total += weight * ((math.log(abs(x)) if x else 1.0) + (x < 0))
        elif isinstance(x, np.ndarray | np.generic) and x.dtype.kind in "fiub" and x.size:
            total += weight * _digest_of_array(np.asarray(x), whole)
    return total


@np.errstate(all="ignore")
def _digest_of_array(x: np.ndarray, whole: bool) -> float:
    sample = x.flat[:: (x.size - 1) // len(WEIGHTS) + 1].astype(float)
    signed, squares = sample @ WEIGHTS[: len(sample)], sample @ sample
    if whole and len(sample) < x.size:
        signed, squares = signed + float(np.sum(x)), squares + float(np.vdot(x, x))
    return float(signed / np.sqrt(squares) + np.log(squares)) if squares else 1.0


def alike(a: float, b: float) -> bool:
    """Whether two digests are equal but for round-off."""
    return abs(a - b) <= 1e-8 * (1.0 + abs(a)) or a == b or (a != a and b != b)


def state(values: Sequence, kinds: tuple[type, ...]) -> list[tuple[Structure, list]]:
    """What tells whether the values of variables are still the same: of arrays and traced values a digest, of other
    kinds the value."""
    states = []
    for value in values:
        leaves, structure = flatten(value)
        states.append((structure, [_mark(x, kinds) for x in leaves]))
    return states


def _mark(x: Any, kinds: tuple[type, ...]) -> Any:
    x = present(x)
    if isinstance(x, np.ndarray):
        return x.shape, repr(digest([x]))
    if isinstance(x, Traced):
        return x._trace.level, repr(digest([x]))  # by another trace it is another value
    return repr(x) if isinstance(x, kinds) else None


class Repeatable:
    """Watches over a function that is run several times, for one derivative.

    Where floats or arrays that it uses have changed meanwhile, it is run once more at the point of the first run, and
    must give the same again. (Integers, and lists that grow, may count its calls; scratch memory does no harm.)
    """

    def __init__(self, function: Any):
        self._function = function
        self._before = self._state()

    def _state(self) -> list:
        others: Any = getattr(self._function, "other_arguments", tuple)()
        return state([*variables(getattr(self._function, "f", self._function)), others], (float,))

    def check(self, values: Sequence, run: Callable[[], Sequence]) -> None:
        """Raise NotRepeatable if the function has become another since it gave these values."""
        pairs = zip(self._before, self._state())
        if any(structure == same and marks != now for (structure, marks), (same, now) in pairs):
            if not all(map(equal, values, run())):
                raise not_repeatable(self._function)
            self._before = self._state()


class Unchanged:
    """Remembers the variables of a function as they are, but for those that a run of the function itself changes."""

    def __init__(self, f: Callable, run: Callable[[], Any]):
        self._f = f
        before = state(variables(f), PLAIN)
        self.result = run()
        self._known = state(variables(f), PLAIN)
        self._own = {k for k, (a, b) in enumerate(zip(before, self._known)) if a != b}

    def still_holds(self) -> bool:
        """Whether nobody else has changed them since."""
        now = state(variables(self._f), PLAIN)
        return len(now) == len(self._known) and all(
            a == b for k, (a, b) in enumerate(zip(self._known, now)) if k not in self._own
        )


PLAIN = (bool, int, float, str, bytes, np.generic)


def equal(a: Any, b: Any) -> bool:
    """Whether two results of one function are the same numbers, but for a last digit."""
    a, b = np.asarray(numbers_of(a)), np.asarray(numbers_of(b))
    return bool(np.allclose(a, b, rtol=10 * np.finfo(b.dtype).eps, atol=1e-25, equal_nan=True))


def repeated(function: Any, before: Sequence, now: Sequence) -> Sequence:
    """The results of a run, if one before at the same point gave the same; otherwise NotRepeatable is raised."""
    for a, b in zip(before, now):
        a, b = numbers_of(a), numbers_of(b)
        if isinstance(a, np.ndarray):
            same = a.dtype.kind != "f" or (isinstance(b, np.ndarray) and a.tobytes() == b.tobytes())  # not of symbols
        else:
            same = not isinstance(a, float | np.floating) or a == b
        if not (same or (np.shape(a) == np.shape(b) and equal(a, b))):
            raise not_repeatable(function)
    return now


def not_repeatable(function: Any) -> NotRepeatable:
    """The error for a function that several runs find to be different ones."""
    f = getattr(function, "f", function)
    return NotRepeatable(
        f"{getattr(f, '__qualname__', None) or repr(f)} does not give the same twice at the same point",
        why="this derivative takes several runs of it; what it uses has been changed, by itself or by others, or it "
        "draws random numbers",
        hint="make new arrays instead of changing others (a = a + x, not a += x), or pass state as arguments",
    )

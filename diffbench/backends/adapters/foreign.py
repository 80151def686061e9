"""How another library's arrays run a plain NumPy program: what the adapters have in common.

A traced value holds an array of the library. Each primitive is handed to the library's own function of the same name;
the few that NumPy's protocols call otherwise (indexing, assignment, stacking) stand in `foreign_rules.py`. Our
derivative rules are not used: derivatives are the library's, and so are its conventions at kinks and ties.

What decides by values (comparisons, argsort, `if`) is computed by NumPy on the plain values, where the library has
them. What the library cannot do is refused, in its own words.
"""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from diffbench.assignment import Held
from diffbench.backends.adapters.foreign_rules import RULES
from diffbench.backends.base import Differentiator, FlatFunction, end_trace, jacobian_by_rows, one_by_one, one_like
from diffbench.dispatch import TracedArray
from diffbench.errors import DiffbenchError, UnsupportedPrimitive, UnsupportedVerb, user_location
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.structure import map_leaves

NESTING = "arrays of another library know nothing of an outer derivative of ours"
REFUSALS = (NotImplementedError, TypeError, AttributeError, RuntimeError)
"""What libraries raise for what they cannot do; what NumPy raises too (ValueError, IndexError) is the program's."""


class Foreign(TracedArray):
    """An array of another library; to f it looks like NumPy's."""

    __slots__ = ("_trace", "array")
    _trace: Any  # a ForeignTrace, or what stands in its place after an assignment

    def __init__(self, array: Any, trace: "ForeignTrace"):
        self.array, self._trace = array, trace

    @property
    def primal(self) -> Any:
        return self._trace.value if self._trace.__class__ is Held else self._trace.library.plain(self.array)

    @property
    def values(self) -> Any:
        """The memory of the array, as assignments ask for it; contiguous where the library does not tell."""
        plain = self.primal
        return plain if isinstance(plain, np.ndarray | np.generic) else np.empty(self.shape)

    def stand_for(self, value: Any) -> None:
        """The value is where `primal` looks for it."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape) if self._trace.__class__ is not Held else self._trace.value.shape

    @property
    def dtype(self) -> np.dtype:
        return self._trace.library.dtype(self.array) if self._trace.__class__ is not Held else self._trace.value.dtype

    def __repr__(self) -> str:
        return f"Foreign({self.array!r})"


class ForeignTrace(Trace):
    """A run of a function on arrays of a library."""

    __slots__ = ("library",)

    def __init__(self, library: "Library"):
        super().__init__()
        self.library = library

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        arrays = [self.array(x, operands) for x in operands]
        library = self.library
        try:
            if primitive.constant:
                y = library.constant(primitive, arrays, params)
                return Foreign(y, self) if library.owns(y) else y
            return Foreign(library.meaning(primitive)(*arrays, **params), self)
        except Exception as error:
            if not library.is_refusal(error):
                raise
            raise library.refused(primitive.name, error) from error

    def array(self, x: Any, beside: Sequence = ()) -> Any:
        """The library's array of a value of this trace, or of plain numbers; `beside` are the other operands."""
        if x.__class__ is Foreign:
            if x._trace is self:
                return x.array
            if x._trace.__class__ is Held:
                return self.array(x._trace.refreshed(), beside)
        if isinstance(x, Traced):
            if x._trace.__class__ is Held:
                return self.array(x._trace.refreshed(), beside)
            raise nested(self.library.name)
        return self.library.from_plain(x, [y.array for y in beside if y.__class__ is Foreign and y._trace is self])


def nested(name: str) -> UnsupportedVerb:
    """The error for a library inside a derivative that is not its own."""
    return UnsupportedVerb(
        f"{name} meets a value traced by an outer derivative",
        where=user_location(),
        why=f"the arrays of {name} know nothing of that derivative, which would come out as zero",
        hint="take the outer derivative by this backend too (db.hessian, db.hvp), or both by 'forward' or 'reverse'",
    )


class Library:
    """What a library calls the functions of NumPy. Subclasses name its modules, and say how arrays go in and out."""

    name: ClassVar[str]
    numpy: Any  # its module of NumPy's functions
    scipy_special: Any = None  # its module of scipy.special's
    rules: Mapping[Any, Callable] = MappingProxyType({})  # for primitives that go another way than in other libraries

    def __init__(self) -> None:
        self.refusals: tuple[type[Exception], ...] = REFUSALS
        self.known: dict[Primitive, Callable] = {}

    def from_plain(self, x: Any, beside: Sequence = ()) -> Any:
        """Plain numbers as a constant; arrays are copied, since f may change them later."""
        return np.array(x) if x.__class__ is np.ndarray else x

    def plain(self, array: Any) -> Any:
        """The plain value of an array."""
        raise NotImplementedError

    def owns(self, x: Any) -> bool:
        """Whether this is an array of the library, and no plain value."""
        raise NotImplementedError

    def dtype(self, array: Any) -> np.dtype:
        """The dtype that NumPy has for an array."""
        return array.dtype

    def constant(self, primitive: Any, arrays: Sequence, params: dict) -> Any:
        """A function that is constant where it is smooth: NumPy's own, on the plain values."""
        return primitive.evaluate(*[self.plain(x) if self.owns(x) else x for x in arrays], **params)

    def meaning(self, primitive: Any) -> Callable:
        """The library's function for a primitive: by its rule, or by its name."""
        found = self.known.get(primitive)
        if found is None:
            rule = self.rules.get(primitive) or RULES.get(primitive)
            found = functools.partial(rule, self.numpy) if rule else self._by_name(primitive)
            self.known[primitive] = found
        return found

    def _by_name(self, primitive: Any) -> Callable:
        package, *path = primitive.name.split(".")
        theirs = self.numpy
        if package == "scipy":
            theirs, path = self.scipy_special, path[1:]
        ours = sys.modules.get("scipy.special" if package == "scipy" else package)
        for part in path:
            ours, theirs = getattr(ours, part, None), getattr(theirs, part, None)
        known = (ours, getattr(ours, "__wrapped__", None))  # as while f runs np.linalg.det is one that takes lists
        if theirs is None or primitive.function not in known:  # some primitives bear the name of what they serve
            raise NotImplementedError(f"{self.name} has no function {primitive.name}")
        return theirs

    def is_refusal(self, error: Exception) -> bool:
        """Whether an error tells of what the library cannot do, and not of what the program does wrong."""
        ours = isinstance(error, DiffbenchError)
        return not ours and (isinstance(error, self.refusals) or f"{self.name} tensor" in str(error))

    def refused(self, what: str, error: Exception) -> UnsupportedPrimitive:
        """The error for what the library cannot do, with its own reason."""
        return UnsupportedPrimitive(
            f"{self.name} cannot pass {what}",
            where=user_location(),
            why=said_by(self.name, error),
            hint="use backend='forward' or 'reverse'",
        )


def said_by(library: str, error: Exception) -> str:
    """The reason that a library gives, in its own words."""
    return f"{library} says {type(error).__name__}: {str(error).strip().partition(chr(10))[0] or 'nothing more'}"


def native_function(f: Callable, lower: Callable, lift: Callable, kind: type[Traced]) -> Callable:
    """A function of traced values from one that is written for a library: it takes and returns the library's arrays."""

    def run(f: Callable, /, *args: Any, **kwargs: Any) -> Any:
        traces: list = []

        def lowered(leaf: Any) -> Any:
            if leaf.__class__ is not kind:
                return leaf
            traces.append(leaf._trace)
            return lower(leaf)

        args = tuple([map_leaves(lowered, arg) for arg in args])
        result = f(*args, **kwargs)
        return map_leaves(lambda leaf: lift(leaf, traces[0]), result) if traces else result

    # A partial, and no object with attributes: before each prepared call, all that it holds is searched for changes.
    return functools.update_wrapper(functools.partial(run, f), f)


class Adapter(Differentiator):
    """A library that differentiates functions of its own arrays, in reverse mode.

    native : f is already written for the library: it takes and returns the library's arrays, and is not wrapped. The
        difference in time is what the wrapper costs.
    """

    options: ClassVar[tuple[str, ...]] = ("native",)
    method = "automatic"
    limits: Mapping[str, str] = MappingProxyType({"nesting": NESTING})
    of_library: ClassVar[type[Library]]
    twice: ClassVar[bool] = True  # whether the library differentiates its own derivatives
    longdouble: ClassVar[bool] = False  # whether it computes in the dtype longdouble

    def __init__(self, native: bool = False):
        super().__init__()
        self.native, self.library = native, self.of_library()

    def vjp_of(self, run: Callable[[list], list], arrays: list) -> tuple[list, Callable]:
        """The values of a function of the library's arrays, and pull(cotangents), all in those arrays."""
        raise NotImplementedError

    def context(self) -> AbstractContextManager:
        """What must hold while the library computes."""
        return nullcontext()

    def written_for(self, f):
        def lift(leaf: Any, trace: ForeignTrace) -> Any:
            return Foreign(leaf, trace) if self.library.owns(leaf) else leaf

        return native_function(f, lambda leaf: leaf.array, lift, Foreign) if self.native else f

    # -- between NumPy and the library ---------------------------------------------------------------------------------

    def lowered(self, function: FlatFunction) -> Callable[[list], list]:
        """A flat function as one of the library's arrays."""

        def run(arrays: list) -> list:
            trace = ForeignTrace(self.library)
            results = function([Foreign(array, trace) for array in arrays])
            end_trace(trace, results)
            return [trace.array(result) for result in results]

        return run

    def arrays(self, leaves: Sequence) -> list:
        """Plain leaves as arrays of the library."""
        return [self.library.from_plain(self.checked(leaf)) for leaf in leaves]

    def checked(self, leaf: Any) -> np.ndarray:
        """A plain leaf as an array; what an outer derivative traces, or the library has no numbers for, is refused."""
        if isinstance(leaf, Traced):
            raise nested(self.name)
        array = np.asarray(leaf)
        if array.dtype == np.longdouble and array.dtype != np.float64 and not self.longdouble:
            raise UnsupportedVerb(
                f"{self.name} has no numbers of the dtype {array.dtype}",
                why="its arrays are of float64 at most, and the digits beyond would be lost",
                hint="use backend='forward' or 'reverse', or convert the argument to float64",
            )
        return array

    def plain(self, arrays: Sequence) -> list:
        """Arrays of the library as NumPy's."""
        return [self.library.plain(x) if self.library.owns(x) else x for x in arrays]

    # -- the contract --------------------------------------------------------------------------------------------------

    def pullback(self, function, point):
        return self.pullback_of(self.lowered(function), point)

    def pullback_of(self, run: Callable[[list], list], point: Sequence) -> tuple[list, Callable]:
        """As `pullback`, of a function of the library's arrays."""
        arrays = self.arrays(point)
        with self.context():
            values, pull = self.vjp_of(run, arrays)
            plain = self.plain(values)

        def one(cotangents: Sequence) -> list:
            given = self.arrays(cotangents)
            with self.context():
                try:
                    return self.plain(pull(given))
                except DiffbenchError:
                    raise
                except Exception as error:  # f has run before: this is the library's own
                    raise self.library.refused("the way back through f", error) from error

        def pulled(cotangents: Sequence, batch: bool = False) -> list:  # must not refer to itself: it holds the tape
            return one_by_one(one, cotangents, point) if batch else one(cotangents)

        return plain, pulled

    def jacobian(self, function, point):
        values, pull = self.pullback(function, point)
        return values, jacobian_by_rows(values, pull, point)

    def gradient_run(self, function: FlatFunction) -> Callable[[list], list]:
        """The gradient as a function of the library's arrays, for the library to differentiate again."""
        if not self.twice:
            raise UnsupportedVerb(
                f"{self.name} has no second derivatives",
                why="its derivatives are plain arrays, which it cannot differentiate again",
                hint="use backend='forward' or 'reverse'",
            )
        run = self.lowered(function)

        def gradient(arrays: list) -> list:
            values, pull = self.vjp_of(run, arrays)
            (one,) = self.arrays([one_like(self.plain(values)[0])])
            return pull([one])

        return gradient

    def hessian(self, function, point):
        gradient, pull = self.pullback_of(self.gradient_run(function), point)
        return gradient, jacobian_by_rows(gradient, pull, point)

    def hvp(self, function, point, directions, batch=False):
        _, pull = self.pullback_of(self.gradient_run(function), point)
        return pull(directions, batch=batch)  # the Hessian is symmetric


class TwoModes(Adapter):
    """A library that has forward mode too."""

    def jvp_of(self, run: Callable[[list], list], arrays: list, tangents: list) -> tuple[list, list]:
        """The values of a function of the library's arrays, and their tangents."""
        raise NotImplementedError

    def jvp(self, function, point, tangents, batch=False):
        run, arrays = self.lowered(function), self.arrays(point)
        values: list = []

        def push(tangents: Sequence) -> list:
            with self.context():
                values[:], pushed = self.jvp_of(run, arrays, self.arrays(tangents))
                values[:] = self.plain(values)
                return self.plain(pushed)

        if not batch:
            pushed = push(tangents)
        else:
            with self.context():
                values[:] = self.plain(run(arrays))
            pushed = one_by_one(push, tangents, list(values))
        return values, pushed

    def linearize(self, function, point):
        """The values, and push(tangents), each of which runs f again."""
        run, arrays = self.lowered(function), self.arrays(point)
        with self.context():
            values = self.plain(run(arrays))
        return values, lambda tangents, batch=False: self.jvp(function, point, tangents, batch)[1]

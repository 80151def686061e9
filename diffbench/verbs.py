"""What each verb asks of a backend, and how the answer is put together for the user.

The functions that users call are in operators.py; they only make these objects.
"""

import copy
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from diffbench.assignment import unassigned
from diffbench.backends.base import Differentiator, one_like, overrides
from diffbench.captured import Unchanged
from diffbench.errors import ArgumentError, DirectionError, ResultError
from diffbench.flat import FlatFunction, direction_leaves, name_of
from diffbench.memory import is_whole
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.primitive import Traced
from diffbench.registry import get_backend
from diffbench.short_way import SHORT
from diffbench.structure import flatten, unflatten
from diffbench.watching import Watched

DOUBLES: frozenset[Any] = frozenset({float, np.float64})


class Verb:
    """A derivative of f as a callable. Subclasses say what to ask of the backend and how to put the answer together."""

    scalar: ClassVar[bool] = False  # f must return one real number
    directed: ClassVar[bool] = False  # takes a direction as last positional argument
    lasting: ClassVar[bool] = False  # returns a function that outlives the call, so that all arguments must be copied
    asks: str  # the method of the backend
    public: ClassVar[str]  # the name users call it by

    def __init__(
        self,
        f: Callable,
        argnum: int | tuple[int, ...],
        backend: str | Differentiator,
        has_aux: bool,
        options: dict,
        batch: bool = False,
    ):
        if not callable(f):
            raise ArgumentError(
                f"{self.public}: f must be a function, found {type(f).__name__}",
                hint=f"write db.{self.public}(f)(x), with f itself and not its value",
            )
        self.__wrapped__ = f
        self.several, self.has_aux, self.batch = isinstance(argnum, tuple | list), has_aux, batch
        self.backend = get_backend(backend, **options)
        self.f = self.backend.written_for(f)
        self.argnums = asked_argnums(argnum, self.public)

    @property
    def __name__(self) -> str:
        return f"{self.public}({getattr(self.f, '__name__', 'f')})"

    def __repr__(self) -> str:
        return f"<{self.public} of {name_of(self.f)} by {self.backend.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        function, point, given = self.read(args, kwargs)
        return self.answer(function, point, given, partial(getattr(self.backend, self.asks), function))

    def prepare(self, *args: Any, **kwargs: Any) -> "Prepared":
        """Do all one-off work at example arguments, those of a call; the result only evaluates."""
        return Prepared(self, args, kwargs)

    def read(self, args: tuple, kwargs: dict) -> tuple[FlatFunction, list, tuple]:
        """The flat function, the point, and the direction (in a tuple, empty for verbs without one)."""
        given: tuple = ()
        if self.directed:
            args, given = with_direction(args, self.public)
        argnums = self.argnums if args and self.argnums == (0,) else self.positions(args)
        function = FlatFunction(self.public, self.f, args, kwargs, argnums, self.has_aux, self.scalar)
        return function, function.take_apart(copied=self.lasting), given

    def positions(self, args: tuple) -> tuple[int, ...]:
        """The positions of the differentiated arguments, counted from the front."""
        return positions(self.argnums, args, self.public, self.f)

    def answer(self, function: FlatFunction, point: list, given: tuple, ask: Callable) -> Any:
        """Ask the backend, and put its answer into the containers of the user."""
        raise NotImplementedError

    def with_aux(self, function: FlatFunction, result: Any) -> Any:
        """The result of the verb, with the auxiliary result of f beside it where there is one."""
        return (result, function.aux) if self.has_aux else result

    def like_arguments(self, function: FlatFunction, leaves: list) -> Any:
        """Leaves in the containers of the differentiated arguments; a tuple of them when argnum is a tuple."""
        together = function.put_together(leaves)
        return tuple(together) if self.several else together[0]

    def tangents(self, function: FlatFunction, given: Any, point: list, batch: bool) -> list:
        """A direction of the differentiated arguments as leaves; a tuple of directions when argnum is a tuple."""
        if not self.several:
            given = (given,)
        elif not isinstance(given, tuple | list) or len(given) != len(self.argnums):
            raise DirectionError(
                f"{self.public}: the direction must be a tuple of {len(self.argnums)}, one for each argument in argnum"
            )
        return direction_leaves(function, function.structures, given, point, batch)


class Gradient(Verb):
    public = "gradient"
    scalar, asks = True, "gradient"

    def answer(self, function, point, given, ask):
        _, found = ask(point)
        gradient = self.like_arguments(function, finished(found, point, point))
        return self.with_aux(function, gradient)


class ValueAndGradient(Verb):
    public = "value_and_gradient"
    scalar, asks = True, "gradient"

    def answer(self, function, point, given, ask):
        (value,), found = ask(point)
        gradient = self.like_arguments(function, finished(found, point, point))
        return self.with_aux(function, own(value)), gradient


class Derivative(Verb):
    public = "derivative"

    @property
    def asks(self) -> str:  # type: ignore[override]
        return "jvp" if len(self.argnums) == 1 else "jacobian"

    def read(self, args, kwargs):
        function, point, given = super().read(args, kwargs)
        if len(point) != len(self.argnums) or any(shape_of(x) != () for x in point):
            raise ArgumentError(
                f"derivative: argument {', '.join(map(str, self.argnums))} of {name_of(self.f)} is not a scalar",
                why="a derivative is with respect to one real number",
                hint="use db.gradient (scalar result), db.jacobian, or db.elementwise_derivative",
            )
        return function, point, given

    def answer(self, function, point, given, ask):
        if len(point) == 1:
            columns = [ask(point, [one_like(point[0])], False)[1]]
        else:
            columns = list(zip(*ask(point)[1]))
        derivatives = [
            unflatten(function.result_structure, finished(column, [x] * len(column), point))
            for column, x in zip(columns, point)
        ]
        return self.with_aux(function, tuple(derivatives) if self.several else derivatives[0])


class Jacobian(Verb):
    public = "jacobian"
    asks = "jacobian"

    def answer(self, function, point, given, ask):
        _, blocks = ask(point)
        structure = function.result_structure
        rows = [self.like_arguments(function, finished(row, point, point)) for row in blocks]
        return self.with_aux(function, unflatten(structure, rows))


class Hessian(Verb):
    public = "hessian"
    scalar, asks = True, "hessian"

    def answer(self, function, point, given, ask):
        _, blocks = ask(point)
        rows = [self.like_arguments(function, finished(row, point, point)) for row in blocks]
        return self.with_aux(function, self.like_arguments(function, rows))


class Jvp(Verb):
    public = "jvp"
    directed, asks = True, "jvp"

    def answer(self, function, point, given, ask):
        tangents = self.tangents(function, given[0], point, self.batch)
        values, pushed = ask(point, tangents, self.batch)
        result = unflatten(function.result_structure, finished(pushed, values, [*point, *tangents]))
        return self.with_aux(function, result)


class ElementwiseDerivative(Verb):
    public = "elementwise_derivative"
    asks = "jvp"

    def answer(self, function, point, given, ask):
        ones = [np.ones(shape_of(x), dtype_of(x))[()] for x in point]
        values, pushed = ask(point, ones, False)
        return self.with_aux(function, unflatten(function.result_structure, finished(pushed, values, point)))


class Vjp(Verb):
    public = "vjp"
    directed, asks = True, "pullback"

    def answer(self, function, point, given, ask):
        values, pull = ask(point)
        cotangents = direction_leaves(function, [function.result_structure], given, values, self.batch)
        found = finished(pull(cotangents, batch=self.batch), point, [*point, *cotangents])
        return self.with_aux(function, self.like_arguments(function, found))


class Hvp(Verb):
    public = "hvp"
    scalar, directed, asks = True, True, "hvp"

    def answer(self, function, point, given, ask):
        directions = self.tangents(function, given[0], point, self.batch)
        found = finished(ask(point, directions, self.batch), point, [*point, *directions])
        return self.with_aux(function, self.like_arguments(function, found))


class Linearize(Verb):
    public = "linearize"
    lasting, asks = True, "linearize"

    def answer(self, function, point, given, ask):
        values, push = ask(point)
        structure = function.result_structure

        def pushed(direction: Any, *, batch: bool = False) -> Any:
            tangents = self.tangents(function, direction, point, batch)
            return unflatten(structure, finished(push(tangents, batch=batch), values, [*point, *tangents]))

        return self.with_aux(function, unflatten(structure, [own(x) for x in values])), pushed


class Pullback(Verb):
    public = "pullback"
    lasting, asks = True, "pullback"

    def answer(self, function, point, given, ask):
        values, pull = ask(point)
        structure = function.result_structure

        def pulled(direction: Any, *, batch: bool = False) -> Any:
            cotangents = direction_leaves(function, [structure], (direction,), values, batch)
            found = finished(pull(cotangents, batch=batch), point, [*point, *cotangents])
            return self.like_arguments(function, found)

        return self.with_aux(function, unflatten(structure, [own(x) for x in values])), pulled


class Prepared:
    """A verb with its one-off work done. It prepares again when shapes, dtypes or the other arguments change."""

    def __init__(self, verb: Verb, args: tuple, kwargs: dict):
        self.verb, self.__wrapped__ = verb, verb.f
        self.has_work = overrides(verb.backend, "prepare")
        function, point, _ = verb.read(args, kwargs)
        if self.has_work:
            self._prepare(function, point)

    def _prepare(self, function: FlatFunction, point: list) -> None:
        self._key = prepared_for(function, point)
        self._others = copy.deepcopy(function.other_arguments())
        backend, verb = self.verb.backend, self.verb.asks
        self._function = function
        self._variables = Unchanged(function.f, lambda: backend.prepare(verb, function, point))
        self._evaluate = self._variables.result

    def _fits(self, function: FlatFunction, point: list) -> bool:
        """Whether what was prepared is still the derivative that is asked for."""
        if prepared_for(function, point) != self._key or not same(function.other_arguments(), self._others):
            return False
        return self._variables.still_holds()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.has_work:
            return self.verb(*args, **kwargs)
        function, point, given = self.verb.read(args, kwargs)
        if not self._fits(function, point):
            self._prepare(function, point)
        return self.verb.answer(self._function, point, given, self._evaluate)


def asked_argnums(argnum: Any, verb: str) -> tuple[int, ...]:
    """The positions of the differentiated arguments as the user gave them."""
    if isinstance(argnum, tuple | list) and not argnum:
        raise ArgumentError(
            f"{verb}: argnum={argnum!r} names no argument to differentiate with respect to",
            hint="count positional arguments from 0; call f itself where no derivative is wanted",
        )
    try:
        return tuple(map(operator.index, argnum if isinstance(argnum, tuple | list) else (argnum,)))
    except TypeError:
        raise ArgumentError(
            f"{verb}: argnum must be an integer or a tuple of integers, found {argnum!r}",
            hint="count positional arguments from 0; arguments passed by keyword are not differentiated",
        ) from None


def positions(asked: Sequence[int], args: Sequence, verb: str, f: Callable) -> tuple[int, ...]:
    """The positions of the differentiated arguments, counted from the front."""
    argnums = []
    for argnum in asked:
        if not -len(args) <= argnum < len(args):
            raise ArgumentError(
                f"{verb}: argnum={argnum}, but {name_of(f)} was called with {len(args)} positional "
                f"argument{'s' * (len(args) != 1)}",
                hint="pass the differentiated arguments by position",
            )
        argnums.append(argnum % len(args))
    if len(set(argnums)) < len(argnums):
        raise ArgumentError(
            f"{verb}: argnum={tuple(asked)} names an argument of {name_of(f)} twice", hint="name every argument once"
        )
    return tuple(argnums)


def with_direction(args: tuple, verb: str) -> tuple[tuple, tuple]:
    """The arguments of f, and the direction behind them."""
    if len(args) < 2:
        raise ArgumentError(
            f"{verb}: the direction is missing",
            hint=f"write db.{verb}(f)(x, v): the direction is the last positional argument",
        )
    return args[:-1], args[-1:]


def prepared_for(function: FlatFunction, point: list) -> tuple:
    """What the differentiated arguments must keep for a preparation to fit: containers, shapes, dtypes."""
    return tuple(function.structures), tuple([(shape_of(x), dtype_of(x)) for x in point])


def same(a: Any, b: Any) -> bool:
    """Whether two arguments are equal, entry by entry; when in doubt they are not."""
    leaves_a, structure_a = flatten(a)
    leaves_b, structure_b = flatten(b)
    return structure_a == structure_b and all(map(_same_leaf, leaves_a, leaves_b))


def _same_leaf(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and (a is b or (isinstance(a, str | bytes | int | float | np.generic) and bool(a == b)))


def finished(found: Sequence, like: Sequence, foreign: Sequence) -> list:
    """Leaves as a user gets them: in the dtype of their models, fresh, and none sharing memory with foreign arrays."""
    seen = list(foreign)
    leaves = []
    for leaf, model in zip(found, like):
        leaf = own(leaf, model, seen)
        seen.append(leaf)
        leaves.append(leaf)
    return leaves


def own(leaf: Any, model: Any = None, foreign: Sequence | None = None) -> Any:
    """A leaf in the dtype of a model that is nobody else's; a scalar as a float of that dtype."""
    if leaf.__class__ in SHORT and model.__class__ in SHORT:
        if leaf.primal.__class__ in DOUBLES and model.primal.__class__ in DOUBLES:
            return leaf  # a number, to which nobody can assign
    elif leaf.__class__ is float and (model is None or model.__class__ is float):
        return leaf
    if leaf.__class__ is Watched:
        leaf = leaf.primal
    if isinstance(leaf, Traced):
        if model is not None and (dtype := dtype_of(model)) != dtype_of(leaf):
            leaf = np.astype(leaf, dtype, copy=False)  # type: ignore[call-overload]
        return unassigned(leaf)
    if leaf.__class__ is np.ndarray and leaf.shape and leaf.dtype.kind == "f":
        right = model is None or leaf.dtype == dtype_of(model)
        if right and foreign is not None and is_whole(leaf) and leaf.flags.writeable:
            for x in foreign:
                if leaf is x:
                    return leaf.copy()
            return leaf
    if dtype_of(leaf).kind == "c":
        raise ResultError(
            "the derivative comes out complex",
            why="f computes with complex numbers on the way, and derivatives here are of real functions",
            hint="write f with real numbers: cos and sin for exp(1j * x)",
        )
    dtype = dtype_of(leaf if model is None else model)
    if shape_of(leaf) == ():
        return float(leaf) if model.__class__ is float else dtype.type(leaf)
    return np.array(leaf, dtype)

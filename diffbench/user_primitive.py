"""db.primitive: a function of the user's with a derivative of its own.

To every trace such a function is one step, whatever it does inside. Its arguments and results may be containers with
anything in them. Between traces and function stand their real leaves, those of the result packed into one array.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import present
from diffbench.backends.base import slices_of, zeros_like
from diffbench.backends.reverse import Reverse
from diffbench.construction import SEEN
from diffbench.errors import ArgumentError, ResultError, TraceLost, UnsupportedPrimitive, user_location
from diffbench.flat import name_of, on_traced
from diffbench.primitives.arrays import as_operand, dtype_of, shape_of
from diffbench.primitives.complex_numbers import is_complex, real_part
from diffbench.primitives.kinds import in_the_precision_of
from diffbench.primitives.primitive import Primitive, Traced
from diffbench.structure import LEAF, flatten, flatten_like, map_leaves, unflatten

# -- containers --------------------------------------------------------------------------------------------------------


def is_real(leaf: Any) -> bool:
    """Whether a leaf is a real number or array, which may carry a derivative; all others are constants."""
    if isinstance(leaf, float | Traced):
        return True
    return isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f"


class Call:
    """The containers of one call: what stands between its arguments, its result and their real leaves."""

    def __init__(self, args: tuple, keywords: dict):
        leaves, self.structure = flatten(args)
        leaves = [as_operand(present(leaf)) for leaf in leaves]
        self.places = [place for place, leaf in enumerate(leaves) if is_real(leaf)]
        self.leaves = [leaf if is_real(leaf) else _copied(leaf) for leaf in leaves]
        self.keywords = {name: map_leaves(_copied, value) for name, value in keywords.items()}
        self.result = LEAF
        self.result_leaves: list = []  # zeros in the shape and dtype of those that are real
        self.result_places: list[int] = []  # of the real ones

    @property
    def operands(self) -> list:
        """The real leaves of the arguments."""
        return [self.leaves[place] for place in self.places]

    def arguments(self, operands: Sequence) -> tuple:
        """The arguments with these real leaves."""
        return unflatten(self.structure, placed(self.leaves, self.places, operands))

    def tangents(self, tangents: Sequence) -> tuple:
        """Tangents of the real leaves in the containers of the arguments; None for constants."""
        return unflatten(self.structure, placed([None] * len(self.leaves), self.places, tangents))

    def pack(self, result: Any, name: str) -> Any:
        """The real leaves of the result as one array of our own; what else there is to it is remembered."""
        leaves, self.result = flatten(result)
        leaves = [as_operand(leaf) for leaf in leaves]
        if any(map(is_complex, leaves)):
            raise ResultError(
                f"{name} returned a complex number",
                where=user_location(),
                why="to a derivative it would be a constant, as all that is not real in a result",
                hint="return the real and the imaginary part: z.real, z.imag",
            )
        if self.result is LEAF and not is_real(leaves[0]):
            if dtype_of(leaves[0]).kind not in "biu":
                raise ResultError(
                    f"{name} returned an object of type {type(leaves[0]).__name__}",
                    where=user_location(),
                    why="only real numbers, arrays and containers of them have derivatives",
                    hint="return it in a container, beside the numbers",
                )
            leaves = [np.asarray(leaves[0], dtype=float)[()]]
        self.result_places = [place for place, leaf in enumerate(leaves) if is_real(leaf)]
        self.result_leaves = [zeros_like(leaf) if is_real(leaf) else leaf for leaf in leaves]
        return packed([leaves[place] for place in self.result_places])

    def like_result(self, leaves: Sequence) -> list:
        """The real leaves among some that belong to those of the result."""
        return [leaves[place] for place in self.result_places]

    def unpack(self, y: Any) -> Any:
        """The result in its containers."""
        return unflatten(self.result, placed(self.result_leaves, self.result_places, self._leaves(y)))

    def cotangents(self, cotangent: Any) -> Any:
        """A cotangent of the result in its containers; None for constants."""
        nothing: list = [None] * len(self.result_leaves)
        return unflatten(self.result, placed(nothing, self.result_places, self._leaves(cotangent)))

    def _leaves(self, y: Any) -> list:
        return unpacked(y, self.like_result(self.result_leaves))


def _copied(leaf: Any) -> Any:
    """A leaf for the rules, which may run after the user's program has changed its array."""
    return leaf.copy() if leaf.__class__ is np.ndarray else leaf


def placed(leaves: Sequence, places: Sequence[int], values: Sequence) -> list:
    """A copy of some leaves, with values in some places."""
    copy = list(leaves)
    for place, value in zip(places, values):
        copy[place] = value
    return copy


def packed(leaves: Sequence) -> Any:
    """Real numbers and arrays as one vector; a single one as it is."""
    if len(leaves) == 1:
        return leaves[0]
    return np.concatenate([np.ravel(leaf) for leaf in leaves]) if leaves else np.zeros(0)


def unpacked(y: Any, like: Sequence) -> list:
    """The numbers and arrays that a vector was packed from, in their shapes and dtypes."""
    if len(like) == 1:
        return [in_the_precision_of(like[0], y)]
    pieces = [y[entries] if shape_of(x) else y[entries.start] for entries, x in zip(slices_of(like), like)]
    dtypes = [getattr(x, "dtype", y.dtype) for x in like]
    pieces = [piece if dtype == y.dtype else piece.astype(dtype) for piece, dtype in zip(pieces, dtypes)]
    return [piece.reshape(shape_of(x)) if shape_of(x) else piece for piece, x in zip(pieces, like)]


# -- the primitive -----------------------------------------------------------------------------------------------------


class UserPrimitive(Primitive):
    """A function of the user's as a primitive; its one param is the Call."""

    analytic = False

    def __init__(self, f: Callable):
        self.function, self.name = f, name_of(f)
        self.signature = signature_of(f)

    def apply(self, args: tuple, kwargs: dict) -> Any:
        """The result of a call, traced if an argument is."""
        if not any(isinstance(leaf, Traced) or is_of_objects(leaf) for leaf in flatten((args, kwargs))[0]):
            return self.function(*args, **kwargs)
        args, keywords = self.bound(args, kwargs)
        for name, value in keywords.items():
            if any(isinstance(present(leaf), Traced) for leaf in flatten(value)[0]):
                raise ArgumentError(
                    f"the keyword argument {name} of {self.name} is traced",
                    where=user_location(),
                    why="a primitive is differentiated in its positional arguments; its rules do not see a tangent of "
                    "others",
                    hint="pass it by position, or pass db.primal(x) where no derivative is wanted",
                )
        call = Call(args, keywords)
        return call.unpack(self(*call.operands, call=call))

    def bound(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments by position, as far as the function takes them so, defaults included; the other keywords."""
        if self.signature is None:
            return args, kwargs
        try:
            bound = self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def evaluate(self, *operands: Any, call: Call) -> Any:
        """Call the function; it may overwrite its arguments, and later what it returns, for they are copies."""
        operands = tuple([x.copy() if x.__class__ is np.ndarray else x for x in operands])
        y = call.pack(self.function(*call.arguments(operands), **call.keywords), self.name)
        if isinstance(y, Traced):
            raise uses_traced_value(f"the primitive {self.name}")
        return y.copy() if y.__class__ is np.ndarray else y

    def keep(self, y, operands, wanted, params):
        return y, operands, wanted, params["call"]


def uses_traced_value(what: str) -> TraceLost:
    """The error for a function that closes over a traced value where nobody can see it."""
    return TraceLost(
        f"{what} uses a traced value that is not among its arguments",
        where=user_location(),
        why="a primitive is differentiated in its arguments only: the derivative in what it closes over would be lost",
        hint="pass the value as an argument",
    )


def signature_of(f: Callable) -> inspect.Signature | None:
    """The signature of a function, None for a compiled one that does not tell."""
    if isinstance(f, np.ufunc):
        return None  # it tells defaults that it refuses when they are given
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def keywords_for(rule: Callable, keywords: dict, given: int) -> dict:
    """Those of some keyword arguments that a rule names, behind its first arguments, which are given by position."""
    signature = signature_of(rule) if keywords else None
    if signature is None:
        return {}
    parameters = signature.parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return keywords
    named = {p.name for p in list(parameters)[given:]}
    return {key: value for key, value in keywords.items() if key in named}


def is_of_objects(leaf: Any) -> bool:
    """Whether a leaf is an array of objects, which may be traced."""
    return leaf.__class__ is np.ndarray and leaf.dtype.hasobject


class WithRules(UserPrimitive):
    """A function whose JVP, VJP or both the user has given."""

    def __init__(self, f: Callable, jvp: Callable | None, vjp: Callable | None):
        super().__init__(f)
        self.jvp, self.vjp = jvp, vjp

    def keep(self, y, operands, wanted, params):
        if self.jvp is None and self.vjp is None:
            raise UnsupportedPrimitive(
                f"{self.name} was made a primitive without a derivative",
                where=user_location(),
                hint="give db.primitive(f, jvp=...) or vjp=...; one of them is enough for both modes",
            )
        return super().keep(y, operands, wanted, params)

    def push(self, tangents, kept):
        if self.jvp is not None:
            return self._pushed(tangents, *kept)
        y, operands, wanted, _ = kept

        def pull(leaves: Sequence) -> list:
            found = self._pulled(leaves[0], *kept)
            return [zeros_like(operands[k]) if c is None else c for k, c in zip(wanted, found)]

        return real_part(self._transposed("vjp", pull, [zeros_like(y)], tangents)[0])

    def pull(self, cotangent, kept):
        if self.vjp is not None:
            return self._pulled(cotangent, *kept)
        _, operands, wanted, _ = kept
        point = [zeros_like(operands[k]) for k in wanted]
        return self._transposed("jvp", lambda leaves: [self._pushed(leaves, *kept)], point, [cotangent])

    def _pushed(self, tangents: Sequence, y: Any, operands: Sequence, wanted: Sequence[int], call: Call) -> Any:
        full = placed([zeros_like(x) for x in operands], wanted, tangents)
        pushed = self._by_rule("jvp", call, call.arguments(operands), call.tangents(full), call.unpack(y))
        found = call.like_result(flatten_like(call.result, pushed, f"what the jvp of {self.name} gave"))
        if any(tangent is None for tangent in found):
            raise ResultError(
                f"the jvp of {self.name} gave None for the tangent of a real number",
                where=user_location(),
                hint="return a tangent for each real number of the result, zero where it is constant",
            )
        found = [as_operand(present(leaf)) for leaf in found]
        for tangent, like in zip(found, call.like_result(call.result_leaves)):
            self._check_shape("jvp", "a tangent", tangent, "a result", like)
        return packed(found)

    def _pulled(self, cotangent: Any, y: Any, operands: Sequence, wanted: Sequence[int], call: Call) -> list:
        args = call.arguments(operands)
        pulled = self._by_rule("vjp", call, args, call.unpack(y), call.cotangents(cotangent))
        if len(args) == 1 and not (isinstance(pulled, tuple) and len(pulled) == 1):
            pulled = (pulled,)
        if not isinstance(pulled, tuple) or len(pulled) != len(args):
            described = f"a tuple of {len(pulled)}" if isinstance(pulled, tuple) else type(pulled).__name__
            raise ResultError(
                f"the vjp of {self.name} gave {described}, but it has {len(args)} arguments",
                hint="return a tuple with the cotangent of each positional argument, None for a constant",
            )
        leaves: list = []
        for position, (argument, found) in enumerate(zip(args, pulled)):
            parts, structure = flatten(argument)
            what = f"what the vjp of {self.name} gave for argument {position}"
            leaves += [None] * len(parts) if found is None else flatten_like(structure, found, what)
        cotangents = [leaves[call.places[k]] for k in wanted]
        cotangents = [None if c is None else as_operand(present(c)) for c in cotangents]
        for k, found in zip(wanted, cotangents):
            if found is not None:
                self._check_shape("vjp", "a cotangent", found, "an argument", operands[k])
        return cotangents

    def _by_rule(self, name: str, call: Call, *given: Any) -> Any:
        """What a rule gives; of the keyword arguments it sees those that it names."""
        rule: Any = getattr(self, name)
        with SEEN:
            return on_traced(rule, given, keywords_for(rule, call.keywords, len(given)))

    def _check_shape(self, rule: str, what: str, found: Any, whose: str, like: Any) -> None:
        if shape_of(found) != shape_of(like):
            shapes = f"{what} of shape {shape_of(found)} for {whose} of shape {shape_of(like)}"
            raise ResultError(f"the {rule} of {self.name} gave {shapes}", why=f"{what} has the shape of its primal")

    def _transposed(self, rule: str, linear: Callable, point: Sequence, cotangents: Sequence) -> list:
        """The transpose of a rule, by reverse mode through it."""
        try:
            _, pull = Reverse().pullback(linear, point)
        except TraceLost as error:
            other = {"jvp": "vjp", "vjp": "jvp"}[rule]
            raise UnsupportedPrimitive(
                f"the {rule} of {self.name} cannot be transposed, and there is no {other}",
                where=error.where,
                why=error.what,
                hint=f"write the {rule} in plain NumPy or with other primitives, or give {other}= as well",
            ) from error
        return pull(list(cotangents))


def primitive(f: Callable | None = None, *, jvp: Callable | None = None, vjp: Callable | None = None) -> Callable:
    """Make a function one step to every trace, with the derivative that you give.

    For what cannot be traced (a root finder, an ODE solver, a call into compiled code): f gets plain floats and arrays.
    Rules written in plain NumPy, or with primitives, are differentiated too, so derivatives of any order follow. One
    rule is enough for both modes: the other is its transpose, at the cost of a backward pass through it.

    f : the function. What it is differentiated in, it takes by position. Arguments and results may be containers; what
        is no float or array of floats in them (integers, text, functions) is constant.
    jvp : jvp(primals, tangents, y) gives the tangent of y = f(*primals), in the containers of y. tangents is a tuple
        like primals, with None for constants.
    vjp : vjp(primals, y, cotangent) gives a tuple with the cotangents of all primals, None for constants; of a single
        argument just its cotangent. cotangent has the containers of y.

    primals are all arguments that f takes by position, defaults included; keyword-only ones reach a rule that names
    them. Returns a function that is called as f is; use it as a decorator too: @db.primitive(vjp=...).

    Raises UnsupportedPrimitive when a derivative is asked of one without a rule, or when the only rule cannot be
    transposed; ResultError or DirectionError, naming f, when a rule gives other shapes or containers; TraceLost when f
    closes over a traced value. db.checks.check_primitive tests the rules.

    >>> import math, diffbench as db
    >>> logistic = db.primitive(lambda x: 1 / (1 + math.exp(-x)), vjp=lambda primals, y, c: y * (1 - y) * c)
    >>> db.derivative(logistic)(0.0), db.derivative(db.derivative(db.derivative(logistic)))(0.0)
    (0.25, -0.125)
    """
    if f is None:
        return functools.partial(primitive, jvp=jvp, vjp=vjp)
    primitive_of_f = WithRules(f, jvp, vjp)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return primitive_of_f.apply(args, kwargs)

    return call

"""db.primitive: a function of the user's with a derivative of its own.

Such a function is one entry of the Wengert list, whatever it does inside. Its arguments and results may be containers;
between the traces and it stand their leaves, packed into one vector where there are several results.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import present
from diffbench.backends.base import zeros_like
from diffbench.backends.reverse import Reverse
from diffbench.errors import ResultError, UnsupportedPrimitive, user_location
from diffbench.flat import name_of
from diffbench.primitives.arrays import as_operand, shape_of
from diffbench.primitives.primitive import Primitive, Traced
from diffbench.structure import LEAF, flatten, flatten_like, unflatten


def is_operand(leaf: Any) -> bool:
    """Whether a leaf of the arguments is a real number or array, and may carry a derivative."""
    return isinstance(leaf, float | Traced) or (
        isinstance(leaf, np.ndarray | np.generic) and getattr(leaf, "dtype", np.dtype(object)).kind == "f"
    )


class Packed(Primitive):
    """One call of a function, from the real leaves among its arguments to its result, packed into one array."""

    def __init__(self, f: Callable, args: tuple, kwargs: dict):
        self.f, self.name = f, name_of(f)
        self.leaves, self.structure = flatten((args, kwargs))
        self.places = [k for k, leaf in enumerate(self.leaves) if is_operand(leaf)]
        self.result = LEAF
        self.shapes: list[tuple[int, ...]] = []

    def apply(self) -> Any:
        """The result of the call, traced if an argument is."""
        return self.unpacked(self(*[present(self.leaves[place]) for place in self.places]))

    def arguments(self, operands: Sequence) -> tuple[tuple, dict]:
        """The arguments and keywords with these operands in their places."""
        leaves = list(self.leaves)
        for place, operand in zip(self.places, operands):
            leaves[place] = operand
        return unflatten(self.structure, leaves)

    def run(self, operands: Sequence) -> Any:
        """What the function gives at some operands."""
        args, kwargs = self.arguments(operands)
        return self.f(*args, **kwargs)

    def evaluate(self, *operands: Any) -> Any:
        return self.packed(self.run(operands))

    def packed(self, result: Any) -> Any:
        """A result as one array; its structure is remembered."""
        leaves, self.result = flatten(result)
        leaves = [as_operand(leaf) for leaf in leaves]
        self.shapes = [shape_of(leaf) for leaf in leaves]
        return pack(leaves)

    def unpacked(self, y: Any) -> Any:
        """A result in its containers."""
        return unflatten(self.result, unpack(y, self.shapes))

    def keep(self, y, operands, wanted, params):
        return y, operands, wanted


def pack(leaves: Sequence) -> Any:
    """Arrays as one vector; a single one as it is."""
    return leaves[0] if len(leaves) == 1 else np.concatenate([np.ravel(leaf) for leaf in leaves])


def unpack(y: Any, shapes: Sequence[tuple[int, ...]]) -> list:
    """The arrays of these shapes that a vector was packed from."""
    if len(shapes) == 1:
        return [y]
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes]).tolist()
    starts = [0, *ends[:-1]]
    return [y[a:b].reshape(shape) if shape else y[a] for a, b, shape in zip(starts, ends, shapes)]


class WithRules(Packed):
    """A call of a function whose JVP, VJP or both the user has given."""

    def __init__(self, f: Callable, jvp: Callable | None, vjp: Callable | None, args: tuple, kwargs: dict):
        super().__init__(f, args, kwargs)
        self.jvp_rule, self.vjp_rule = jvp, vjp

    def pushed(self, tangents: Sequence, y: Any, operands: Sequence, wanted: Sequence[int]) -> Any:
        """The packed tangent by the user's JVP."""
        moving = dict(zip(wanted, tangents))
        full = [moving[k] if k in moving else zeros_like(x) for k, x in enumerate(operands)]
        primals, _ = self.arguments(operands)
        given, _ = self._like_arguments(full)
        return self._result(self.jvp_rule(primals, given, self.unpacked(y)), "jvp")  # type: ignore[misc]

    def pulled(self, cotangent: Any, y: Any, operands: Sequence, wanted: Sequence[int]) -> list:
        """The cotangents of the wanted operands by the user's VJP."""
        primals, keywords = self.arguments(operands)
        found = self.vjp_rule(primals, self.unpacked(y), self.unpacked(cotangent))  # type: ignore[misc]
        found = found if isinstance(found, tuple) and len(primals) == len(found) else (found,)
        if len(found) != len(primals):
            raise ResultError(
                f"the vjp of {self.name} gave {len(found)} cotangents for {len(primals)} arguments",
                hint="return a tuple with one cotangent (or None) for each positional argument",
            )
        leaves: list = []
        for position, (argument, cotangents) in enumerate(zip(primals, found)):
            parts, structure = flatten(argument)
            if cotangents is None:
                leaves += [None] * len(parts)
            else:
                leaves += flatten_like(structure, cotangents, f"the cotangent of argument {position} of {self.name}")
        leaves += [None] * len(flatten(keywords)[0])
        chosen = [leaves[self.places[k]] for k in wanted]
        for k, leaf in zip(wanted, chosen):
            if leaf is not None and shape_of(leaf) != shape_of(operands[k]):
                raise ResultError(
                    f"the vjp of {self.name} gave a cotangent of shape {shape_of(leaf)} for an argument of shape "
                    f"{shape_of(operands[k])}",
                    hint="a cotangent has the shape of its argument",
                )
        return chosen

    def push(self, tangents, kept):
        y, operands, wanted = kept
        if self.jvp_rule is not None:
            return self.pushed(tangents, y, operands, wanted)
        if self.vjp_rule is None:
            raise self._without_rule()

        def pull(leaves: Sequence) -> list:
            found = self.pulled(leaves[0], y, operands, wanted)
            return [zeros_like(operands[k]) if c is None else c for k, c in zip(wanted, found)]

        _, push = Reverse().pullback(pull, [np.zeros(shape_of(y), y.dtype)[()]])  # the transpose of the VJP
        return push(list(tangents))[0]

    def pull(self, cotangent, kept):
        y, operands, wanted = kept
        if self.vjp_rule is not None:
            return self.pulled(cotangent, y, operands, wanted)
        if self.jvp_rule is None:
            raise self._without_rule()

        def push(leaves: Sequence) -> list:
            return [self.pushed(leaves, y, operands, wanted)]

        _, pull = Reverse().pullback(push, [zeros_like(operands[k]) for k in wanted])  # the transpose of the JVP
        return pull([cotangent])

    def _like_arguments(self, operands: Sequence) -> tuple[tuple, dict]:
        """Tangents in the containers of the arguments, None where an argument cannot move."""
        leaves: list = [None] * len(self.leaves)
        for place, operand in zip(self.places, operands):
            leaves[place] = operand
        return unflatten(self.structure, leaves)

    def _result(self, result: Any, rule: str) -> Any:
        leaves = flatten_like(self.result, result, f"what the {rule} of {self.name} gave")
        leaves = [as_operand(leaf) for leaf in leaves]
        shapes = [shape_of(leaf) for leaf in leaves]
        if shapes != self.shapes:
            raise ResultError(
                f"the {rule} of {self.name} gave tangents of shapes {shapes}, but its result has {self.shapes}",
                hint="a tangent has the shape of the result",
            )
        return pack(leaves)

    def _without_rule(self) -> UnsupportedPrimitive:
        return UnsupportedPrimitive(
            f"{self.name} was made a primitive without a derivative",
            where=user_location(),
            hint="give db.primitive(f, jvp=...) or vjp=...; one of them is enough for both modes",
        )


def primitive(f: Callable | None = None, *, jvp: Callable | None = None, vjp: Callable | None = None) -> Callable:
    """Make a function a primitive: one step to every trace, with the derivative that you give.

    For what cannot be traced (a root finder, an ODE solver, a call into compiled code): f is always called with plain
    floats and arrays. Write the rules in plain NumPy: then they can be differentiated, and so derivatives of any order
    follow. One rule is enough for both modes; the other is its transpose, at the cost of a backward pass through it.

    f : the function; arguments and results may be nested containers. Integers, text, functions are constants.
    jvp : jvp(primals, tangents, y) gives the tangent of y = f(*primals); tangents is a tuple like primals, None for
        what cannot move.
    vjp : vjp(primals, y, cotangent) gives a tuple with the cotangent of each positional argument, or None.

    Returns a function that is called as f is. Raises UnsupportedPrimitive when a derivative is asked of one without
    rules, ResultError when a rule gives another shape or structure.

    >>> import math, diffbench as db
    >>> cube_root = db.primitive(lambda x: math.cbrt(x) if hasattr(math, "cbrt") else x ** (1 / 3),
    ...                          jvp=lambda primals, tangents, y: tangents[0] / (3 * y**2))
    >>> db.derivative(cube_root)(8.0), round(db.derivative(db.derivative(cube_root))(8.0), 12)
    (0.08333333333333333, -0.006944444444)
    """
    if f is None:
        return functools.partial(primitive, jvp=jvp, vjp=vjp)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        return WithRules(f, jvp, vjp, args, kwargs).apply()

    return call

"""Derivatives worked out by hand, given as plain functions of the arguments of f: the yardstick for speed."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

import numpy as np

from diffbench.backends.base import (
    Differentiator,
    jacobian_by_columns,
    jacobian_by_rows,
    one_by_one,
    one_like,
    settle_aux,
)
from diffbench.errors import ArgumentError, DirectionError, ResultError, UnsupportedVerb
from diffbench.primitives.arrays import rank_of, shape_of, stack_traced, sum_of
from diffbench.primitives.primitive import Traced
from diffbench.structure import Structure, flatten_like, unflatten


class FunctionOfArguments(Protocol):
    """What this backend must know of a flat function: the arguments of the user's function, and the containers."""

    structures: Sequence[Structure]  # of each differentiated argument
    result_structure: Structure  # of the latest result
    has_aux: bool

    def __call__(self, leaves: Sequence) -> list: ...
    def put_together(self, leaves: Sequence) -> list: ...
    def arguments(self, leaves: Sequence) -> tuple[tuple, dict]: ...


class Manual(Differentiator):
    """Hand-derived derivatives of one function, each a function of the same arguments and keywords as f.

    gradient(*args) : of one real result, in the containers and shapes of the differentiated argument.
    jacobian(*args) : an array of shape result.shape + argument.shape; for containers, those of the result, each leaf
        holding those of the argument.
    hessian(*args) : an array of shape argument.shape + argument.shape; for containers likewise.
    jvp(*args, v), vjp(*args, u), hvp(*args, v) : Jv, uᵀJ and Hv; the direction is the last positional argument.

    They are derivatives in the argument that the verb asks for; where argnum is a tuple, gradients, directions and the
    rest are tuples. What is not given follows from what is, where it can: a gradient from the VJP or the Jacobian, a
    product from the matrix, a matrix from its products.

    Cost: that of the functions given, and one evaluation of f where its value is asked for.
    Raises UnsupportedVerb where nothing that was given leads to the answer, and ResultError where a function returns
    other containers or shapes than it should.

    >>> cube = Manual(gradient=lambda x: 3 * x**2)
    >>> import diffbench as db
    >>> db.gradient(lambda x: x**3, backend=cube)(2.0)
    12.0
    """

    name, method, cost = "manual", "manual", "that of the functions given"
    options = ("gradient", "jacobian", "hessian", "jvp", "vjp", "hvp")

    def __init__(
        self,
        *,
        gradient: Callable | None = None,
        jacobian: Callable | None = None,
        hessian: Callable | None = None,
        jvp: Callable | None = None,
        vjp: Callable | None = None,
        hvp: Callable | None = None,
    ):
        super().__init__()
        given = {"gradient": gradient, "jacobian": jacobian, "hessian": hessian, "jvp": jvp, "vjp": vjp, "hvp": hvp}
        self.given = {name: function for name, function in given.items() if function is not None}
        for name, function in self.given.items():
            if not callable(function):
                raise ArgumentError(
                    f"manual: {name}={function!r} is no function", hint=f"pass {name}=a function of the arguments of f"
                )

    def linearize(self, function, point):
        if "jvp" not in self.given:
            return super().linearize(function, point)
        values = _run(function, point)
        structure, shapes = function.result_structure, [shape_of(value) for value in values]

        def push(tangents: Sequence, batch: bool = False) -> list:
            if batch:
                return one_by_one(push, tangents, values)
            direction = _together(function.put_together(_copies(tangents)))
            return self._ask("jvp", function, point, structure, shapes, direction)

        return values, push

    def pullback(self, function, point):
        if "vjp" not in self.given:
            return super().pullback(function, point)
        values = _run(function, point)
        structure, shapes = function.result_structure, [shape_of(x) for x in point]

        def pull(cotangents: Sequence, batch: bool = False) -> list:
            if batch:
                return one_by_one(pull, cotangents, point)
            direction = unflatten(structure, _copies(cotangents))
            return self._ask("vjp", function, point, _together_as(function.structures), shapes, direction)

        return values, pull

    def gradient(self, function, point):
        if "gradient" in self.given:
            values = _run(function, point) if function.has_aux else Later(lambda: _run(function, point))
            return values, self._gradient(function, point)
        if "vjp" in self.given:
            values, pull = self.pullback(function, point)
            return values, pull([one_like(values[0])])
        values, blocks = self.jacobian(function, point)
        return values, blocks[0]

    def jacobian(self, function, point):
        if "jacobian" in self.given:
            values = _run(function, point)
            structure = _each_holding(function.result_structure, _together_as(function.structures))
            shapes = [shape_of(value) + shape_of(x) for value in values for x in point]
            return values, _rows(self._ask("jacobian", function, point, structure, shapes), len(values))
        if "vjp" in self.given:
            values, pull = self.pullback(function, point)
            return values, jacobian_by_rows(values, pull, point)
        if "jvp" in self.given:
            values, push = self.linearize(function, point)
            return values, jacobian_by_columns(values, push, point)
        if "gradient" in self.given:
            values = _run(function, point)
            if len(values) == 1 and shape_of(values[0]) == ():
                return values, [self._gradient(function, point)]
        raise self._unsupported("the Jacobian", "jacobian", "jvp", "vjp")

    def hessian(self, function, point):
        gradient = Later(lambda: self.gradient(function, point)[1])
        settle_aux(function, point)
        if "hessian" in self.given:
            argument = _together_as(function.structures)
            shapes = [shape_of(x) + shape_of(y) for x in point for y in point]
            found = self._ask("hessian", function, point, _each_holding(argument, argument), shapes)
            return gradient, _rows(found, len(point))
        if "hvp" in self.given:
            return gradient, jacobian_by_columns(point, partial(self.hvp, function, point), point)
        raise self._unsupported("the Hessian", "hessian", "hvp")

    def hvp(self, function, point, directions, batch=False):
        shapes = [shape_of(x) for x in point]
        if batch:
            return one_by_one(partial(self.hvp, function, point), directions, point)
        settle_aux(function, point)
        if "hvp" in self.given:
            direction = _together(function.put_together(_copies(directions)))
            return self._ask("hvp", function, point, _together_as(function.structures), shapes, direction)
        if "hessian" in self.given:
            _, blocks = self.hessian(function, point)
            return [
                sum_of([np.tensordot(block, v, rank_of(v)) for block, v in zip(row, directions, strict=True)])
                for row in blocks
            ]
        raise self._unsupported("a product with the Hessian", "hvp", "hessian")

    def _gradient(self, function: FunctionOfArguments, point: Sequence) -> list:
        shapes = [shape_of(x) for x in point]
        return self._ask("gradient", function, point, _together_as(function.structures), shapes)

    def _ask(
        self,
        name: str,
        function: FunctionOfArguments,
        point: Sequence,
        structure: Structure,
        shapes: Sequence,
        *direction: Any,
    ) -> list:
        """The leaves of what a given function returns at a point, in the containers and shapes that it should have."""
        args, kwargs = function.arguments(_copies(point))
        result = self.given[name](*args, *direction, **kwargs)
        try:
            leaves = flatten_like(structure, result, f"manual: the result of {name}=")
        except DirectionError as error:
            raise ResultError(error.what, hint="return the containers that the verb returns") from None
        return [_checked(name, leaf, shape) for leaf, shape in zip(leaves, shapes, strict=True)]

    def _unsupported(self, what: str, *keywords: str) -> UnsupportedVerb:
        second = "; or differentiate the gradient by another backend: db.jacobian(gradient)" * ("hvp" in keywords)
        return UnsupportedVerb(
            f"manual: {what} does not follow from what was given ({', '.join(self.given) or 'nothing'})",
            hint=f"pass {' or '.join(f'{keyword}=' for keyword in keywords)} to the backend{second}",
        )


class Later(Sequence):
    """A list that is computed when somebody looks at it: the value of f, where only its gradient may be asked for."""

    def __init__(self, compute: Callable[[], Sequence]):
        self._compute = compute

    @cached_property
    def _items(self) -> Sequence:
        return self._compute()

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


def _copies(leaves: Sequence) -> list:
    """Leaves that a function may overwrite."""
    return [x.copy() if x.__class__ is np.ndarray else x for x in leaves]


def _run(function: FunctionOfArguments, point: Sequence) -> list:
    return function(_copies(point))


def _together(arguments: Sequence) -> Any:
    """One argument by itself, several as a tuple."""
    return arguments[0] if len(arguments) == 1 else tuple(arguments)


def _together_as(structures: Sequence[Structure]) -> Structure:
    """The structure of what `_together` gives."""
    return structures[0] if len(structures) == 1 else Structure(tuple, tuple(range(len(structures))), tuple(structures))


def _each_holding(outer: Structure, inner: Structure) -> Structure:
    """The structure `outer` with `inner` in place of each leaf."""
    if outer.kind is None:
        return inner
    return Structure(outer.kind, outer.keys, tuple([_each_holding(child, inner) for child in outer.children]))


def _rows(leaves: list, count: int) -> list[list]:
    """Leaves in rows of equal length."""
    length = len(leaves) // max(count, 1)
    return [leaves[i * length : (i + 1) * length] for i in range(count)]


def _checked(name: str, leaf: Any, shape: tuple[int, ...]) -> Any:
    """A number or array that a given function returned, as real floats of the shape that it should have."""
    if not isinstance(leaf, Traced):
        array = np.asarray(leaf)
        if array.dtype.kind == "O" and array.size and all(isinstance(x, Traced | float) for x in array.flat):
            leaf = stack_traced(array)
        elif array.dtype.kind in "fiub":
            leaf = array if array.dtype.kind == "f" else array.astype(float)
        else:
            raise ResultError(
                f"manual: {name}= returned {'None' if leaf is None else f'{type(leaf).__name__} of {array.dtype}'}",
                why="a derivative is made of real numbers",
                hint=f"let the function given as {name}= return an array of floats of shape {shape}",
            )
    if shape_of(leaf) != shape:
        raise ResultError(
            f"manual: {name}= returned an array of shape {shape_of(leaf)}, expected {shape}",
            why="it must fit the argument (gradient, vjp, hvp), the result (jvp), or both (jacobian: result, argument)",
            hint=f"check the function given as {name}=, and that argnum asks for the argument that it differentiates",
        )
    return leaf

"""The contract of a differentiator: give the least that the method naturally has, and inherit the rest.

A backend sees *flat* functions: `function(leaves)` takes a sequence of arrays and floats and returns a list of them;
operators.py takes containers apart and checks arguments. It overrides at least one of

    linearize(function, point) -> values, push      push(tangents) = J v      forward mode, differences
    pullback(function, point)  -> values, pull      pull(cotangents) = uᵀJ    reverse mode
    jacobian(function, point)  -> values, blocks    blocks[i][j]: the derivative of result i in argument j, of shape
                                                    result.shape + argument.shape; symbolic, differences

and whatever else it does better than the compositions below. Everything it is given may be traced by an outer
derivative, and so it is written in plain NumPy.
"""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from diffbench.errors import MissingPackage, UnsupportedVerb
from diffbench.primitives.arrays import FLOAT, shape_of, sum_of
from diffbench.primitives.joining import STACK
from diffbench.primitives.primitive import AGAIN, Trace, Traced, lifted, trace_has_ended
from diffbench.short_way import bottom, is_number

UNIT = 1.0  # the seed of a result that is a float; Python keeps one object, by which the backward pass knows it
UNIT_OF_NUMPY = np.float64(1)
"""The seed beside a float64 of NumPy: a float of Python would take the dtype of a float32 constant that it meets."""
FlatFunction = Callable[[Sequence], list]
Linear = Callable[..., list]


class Differentiator:
    """A method of differentiation. Subclasses set `name`, `method` and `cost`, and override the least they have."""

    name: ClassVar[str]
    method: ClassVar[str]  # automatic, numerical, symbolic or manual
    cost: ClassVar[str] = ""  # of a gradient of n components, in words
    requires: ClassVar[str | None] = None  # the package that must be installed
    options: ClassVar[tuple[str, ...]] = ()  # keyword arguments of __init__
    accuracy: ClassVar[tuple[float, float]] = (1e-14, 1e-13)  # relative error of first and second derivatives, float64
    limits: Mapping[str, str] = MappingProxyType({})  # names of checks (checks.py) that it refuses to meet, and why

    def linearize(self, function: FlatFunction, point: Sequence) -> tuple[list, Linear]:
        """The values at a point, and push(tangents, batch=False): the tangents of the results."""
        values, blocks = self.jacobian(function, point)
        return values, partial(push_blocks, values, blocks)

    def pullback(self, function: FlatFunction, point: Sequence) -> tuple[list, Linear]:
        """The values at a point, and pull(cotangents, batch=False): the cotangents of the arguments."""
        values, blocks = self.jacobian(function, point)
        return values, partial(_pull_blocks, point, blocks)

    def jvp(
        self, function: FlatFunction, point: Sequence, tangents: Sequence, batch: bool = False
    ) -> tuple[list, list]:
        """The values at a point, and the tangents of the results."""
        values, push = self.linearize(function, point)
        return values, push(tangents, batch=batch)

    def jacobian(self, function: FlatFunction, point: Sequence) -> tuple[list, list[list]]:
        """The values at a point, and the blocks of the Jacobian."""
        if overrides(self, "linearize"):
            values, push = self.linearize(function, point)
            return values, jacobian_by_columns(values, push, point)
        if overrides(self, "pullback"):
            values, pull = self.pullback(function, point)
            return values, jacobian_by_rows(values, pull, point)
        raise UnsupportedVerb(
            f"backend {self.name!r} gives no derivative at all",
            why=f"{type(self).__name__} overrides none of linearize, pullback, jacobian",
        )

    def gradient(self, function: FlatFunction, point: Sequence) -> tuple[list, list]:
        """The one scalar value of a function at a point, and its gradient."""
        if overrides(self, "pullback"):
            values, pull = self.pullback(function, point)
            return values, pull([one_like(values[0])])
        values, blocks = self.jacobian(function, point)
        return values, blocks[0]

    def hessian(self, function: FlatFunction, point: Sequence) -> tuple[list, list[list]]:
        """The gradient of a scalar function at a point, and the blocks of its Hessian."""
        return self.jacobian(lambda leaves: self.gradient(function, leaves)[1], point)

    def hvp(self, function: FlatFunction, point: Sequence, directions: Sequence, batch: bool = False) -> list:
        """The product of the Hessian with a direction (or with each of several, along a first axis)."""

        def gradient(leaves: Sequence) -> list:
            return self.gradient(function, leaves)[1]

        if overrides(self, "pullback"):
            return self.pullback(gradient, point)[1](directions, batch=batch)  # the Hessian is symmetric
        return self.linearize(gradient, point)[1](directions, batch=batch)

    def prepare(self, verb: str, function: FlatFunction, point: Sequence) -> Callable:
        """All one-off work for a verb at points like this one; the result is called as the method of that name.

        Methods without one-off work return the method itself.
        """
        return partial(getattr(self, verb), function)

    def written_for(self, f: Callable) -> Callable:
        """The user's function, wrapped where it is written for the arrays of another library."""
        return f

    @classmethod
    def missing(cls) -> str | None:
        """The package that must be installed before this backend works, or None."""
        return cls.requires if cls.requires and importlib.util.find_spec(cls.requires) is None else None

    def __init__(self) -> None:
        if package := self.missing():
            raise MissingPackage(
                f"backend {self.name!r} needs the package {package!r}", hint=f"python -m pip install {package}"
            )

    def __repr__(self) -> str:
        return f"<differentiator {self.name}>"


class FromExpressions(Differentiator):
    """A method that differentiates expressions and compiles them once, for all points of the same shapes."""

    def compile(self, function: FlatFunction, point: Sequence, order: int) -> Differentiator:
        """What gives the values and the Jacobian of a function; with order 2, its gradient and its Hessian."""
        raise NotImplementedError

    def prepare(self, verb, function, point):
        """Run, differentiate and compile; the result only evaluates."""
        compiled = self.compile(function, point, order=2 if verb in ("hessian", "hvp") else 1)
        if verb == "hvp":
            return lambda point, directions, batch=False: compiled.jvp(function, point, directions, batch)[1]
        return partial(getattr(compiled, "jacobian" if verb == "hessian" else verb), function)

    def jacobian(self, function, point):
        return self.prepare("jacobian", function, point)(point)

    def hessian(self, function, point):
        return self.prepare("hessian", function, point)(point)

    def hvp(self, function, point, directions, batch=False):
        return self.prepare("hvp", function, point)(point, directions, batch)


def overrides(backend: Differentiator, method: str) -> bool:
    """Whether a backend has a method of its own instead of the inherited composition."""
    return getattr(type(backend), method) is not getattr(Differentiator, method)


def one_like(value: Any) -> Any:
    """The number 1 in the dtype of a scalar value."""
    kind = bottom(value).__class__
    dtype = FLOAT if kind is float or kind is np.float64 else getattr(value, "dtype", FLOAT)
    if dtype is not FLOAT:
        return lifted(dtype.type(1))
    return lifted(UNIT if kind is float or isinstance(value, Traced) else UNIT_OF_NUMPY)


def zeros_like(value: Any) -> Any:
    """Zeros in the shape and dtype of a value, plain also where the value is traced."""
    if value.__class__ is float:
        return 0.0
    shape, dtype = shape_of(value), value.dtype
    return 0.0 if shape == () and dtype is FLOAT else np.zeros(shape, dtype)[()]


def size_of(leaf: Any) -> int:
    """The number of entries of a leaf."""
    return math.prod(shape_of(leaf))


def slices_of(leaves: Sequence) -> list[slice]:
    """Where the entries of each leaf lie in the vector of all entries."""
    ends = np.cumsum([size_of(leaf) for leaf in leaves]).tolist()
    return [slice(end - size_of(leaf), end) for end, leaf in zip(ends, leaves)]


def stack(items: Sequence) -> Any:
    """Numbers or arrays along a new first axis."""
    return STACK(*items, axis=0) if any(isinstance(item, Traced) for item in items) else np.array(items)


def one_by_one(linear: Callable[[list], list], directions: Sequence, like: Sequence) -> list:
    """The images of directions that are stacked along a first axis, stacked likewise; `like` gives their shapes."""
    images = [linear([direction[k] for direction in directions]) for k in range(shape_of(directions[0])[0])]
    return [stack(image) for image in zip(*images)] if images else [np.zeros((0, *shape_of(x))) for x in like]


def basis(leaf: Any, start: int, stop: int) -> Any:
    """Rows start to stop of the identity, each in the shape and dtype of a leaf: seeds for a block of directions."""
    seeds = np.zeros((stop - start, size_of(leaf)), getattr(leaf, "dtype", float))
    seeds[np.arange(stop - start), np.arange(start, stop)] = 1
    return lifted(seeds.reshape(stop - start, *shape_of(leaf)))


def jacobian_by_columns(values: list, push: Linear, point: Sequence) -> list[list]:
    """Blocks from pushing the unit tangents of each argument."""
    columns = [images_of_units(_of_one(push, point, j), x) for j, x in enumerate(point)]
    return blocks_of_columns(values, columns, point)


def blocks_of_columns(values: list, columns: Sequence, point: Sequence) -> list[list]:
    """Blocks of shape result + argument, from the tangents of the results stacked over the entries of each argument."""
    return [
        [_last_axis_first(columns[j], i, shape_of(value), x) for j, x in enumerate(point)]
        for i, value in enumerate(values)
    ]


def jacobian_by_rows(values: list, pull: Linear, point: Sequence) -> list[list]:
    """Blocks from pulling the unit cotangents of each result."""
    blocks = []
    for i, value in enumerate(values):
        rows = images_of_units(_of_one(pull, values, i), value, few=1)  # what was forgotten is recorded again each time
        blocks.append(
            [
                np.reshape(rows[j], shape_of(value) + shape_of(x)) if rows else np.zeros(shape_of(value) + shape_of(x))
                for j, x in enumerate(point)
            ]
        )
    return blocks


FEW = 3
"""Up to so many tangents pass one by one faster than together."""


def images_of_units(linear: Callable, leaf: Any, chunk: int | None = None, few: int = FEW) -> list | None:
    """The images of the unit vectors of a leaf, stacked along a first axis: a list with one entry an output.

    linear : called as linear(direction, batch). A few pass one by one, many in chunks; None where there are none.
    chunk : how many at once; by default as many as fit the cache together, at most 256.
    """
    size = size_of(leaf)
    if not size:
        return None
    if size <= few and not chunk:
        return [stack(image) for image in zip(*[linear(unit, False) for unit in units_of(leaf)])]
    chunk = chunk or max(16, min(256, 2**18 // size))  # enough to make Python cheap, and to keep memory fast
    pieces = [linear(basis(leaf, start, min(start + chunk, size)), True) for start in range(0, size, chunk)]
    return pieces[0] if len(pieces) == 1 else [np.concatenate(piece) for piece in zip(*pieces)]


def units_of(leaf: Any) -> Sequence:
    """The unit vectors of a number or a small array; for all to read."""
    if is_number(leaf) or not (shape := shape_of(leaf)):
        return [one_like(leaf)]
    return lifted(_units(shape, leaf.dtype))


@cache
def _units(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    size = math.prod(shape)
    units = np.eye(size, dtype=dtype).reshape(size, *shape)
    units.flags.writeable = False
    return units


def _of_one(linear: Linear, inputs: Sequence, which: int) -> Callable:
    """A linear map of all inputs as one of a single input; the others stand still."""

    def of_one(direction: Any, batch: bool) -> list:
        count = (shape_of(direction)[0],) if batch else ()
        still = [
            direction if k == which else np.zeros(count + shape_of(x), getattr(x, "dtype", float))[()]
            for k, x in enumerate(inputs)
        ]
        return linear(still, batch=batch)

    return of_one


def _last_axis_first(columns: list | None, i: int, shape: tuple[int, ...], x: Any) -> Any:
    if columns is None:
        return np.zeros(shape + shape_of(x))
    return np.reshape(np.transpose(columns[i], (*range(1, len(shape) + 1), 0)), shape + shape_of(x))


def push_blocks(values: list, blocks: list[list], tangents: Sequence, batch: bool = False) -> list:
    """The tangents J v of results, from the blocks of the Jacobian."""

    def product(block: Any, tangent: Any, shape: tuple[int, ...]) -> Any:
        if shape_of(block) == () and not batch:
            return block * tangent
        n = int(np.prod(shape_of(tangent)[batch:], dtype=int))
        flat = np.reshape(tangent, (len(tangent), n) if batch else (n,))
        matrix = np.reshape(block, (int(np.prod(shape, dtype=int)), n))
        pushed = np.matmul(flat, np.transpose(matrix))
        return np.reshape(pushed, (*shape_of(tangent)[:1], *shape) if batch else shape)

    return [
        sum_of([product(block, tangent, shape_of(value)) for block, tangent in zip(row, tangents)])
        for value, row in zip(values, blocks)
    ]


def _pull_blocks(point: Sequence, blocks: list[list], cotangents: Sequence, batch: bool = False) -> list:
    def product(block: Any, cotangent: Any, shape: tuple[int, ...]) -> Any:
        m = int(np.prod(shape_of(cotangent)[batch:], dtype=int))
        flat = np.reshape(cotangent, (len(cotangent), m) if batch else (m,))
        matrix = np.reshape(block, (m, int(np.prod(shape, dtype=int))))
        pulled = np.matmul(flat, matrix)
        return np.reshape(pulled, (*shape_of(cotangent)[:1], *shape) if batch else shape)

    return [
        sum_of([product(row[j], cotangent, shape_of(x)) for row, cotangent in zip(blocks, cotangents)])
        for j, x in enumerate(point)
    ]


def settle_aux(function: Any, point: Sequence) -> None:
    """Run f at the point itself for its auxiliary result, where it has one; for methods that look elsewhere only."""
    if getattr(function, "has_aux", False):
        function([x.copy() if x.__class__ is np.ndarray else x for x in point])


def end_trace(trace: Trace, results: Sequence) -> None:
    """Close a trace after the run of f, and refuse results that stem from a trace that has already ended."""
    trace.live = False
    for result in results:
        stranger = isinstance(result, Traced) and result._trace is not trace
        if stranger and not result._trace.live and not AGAIN.get():
            raise trace_has_ended()

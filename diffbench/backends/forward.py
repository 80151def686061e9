"""Forward mode: every value carries its tangent along.  Wengert 1964; Griewank & Walther 2008, §3.1."""

from collections.abc import Callable, Sequence
from typing import Any

from diffbench.backends.base import (
    FEW,
    Differentiator,
    blocks_of_columns,
    end_trace,
    images_of_units,
    size_of,
    zeros_like,
)
from diffbench.backends.forward_sweep import is_zero, push_through
from diffbench.backends.forward_units import along_units, on_list
from diffbench.batch import BatchTrace
from diffbench.captured import repeated
from diffbench.dispatch import TracedArray
from diffbench.errors import ArgumentError
from diffbench.primitives.precision import widening
from diffbench.primitives.primitive import Primitive, Trace, Traced, lifted
from diffbench.primitives.structural import INDEX
from diffbench.short_way import install_short_way, is_number
from diffbench.tape import Tape, places_of
from diffbench.watching import carefully, inspected, spoilt, watched

FEW_WITHIN = 4
"""Up to so many directions pass through a list of traced values one by one faster than together."""


class Dual(TracedArray):
    """A dual number: the primal x and the tangent ẋ, of the same shape."""

    __slots__ = ("_trace", "primal", "tangent")  # and no __init__: a call in Python costs more than the arithmetic
    _trace: "ForwardTrace"
    primal: Any
    tangent: Any

    def __getitem__(self, index: Any) -> Any:
        if index.__class__ is int and self._trace.__class__ is ForwardTrace:
            item: Any = self.primal[index]
            if is_number(item):
                return self._trace.dual(item, self.tangent[index])
        return INDEX.call((self, index), {})


class ForwardTrace(Trace):
    """One run of f with tangents beside the primals."""

    __slots__ = ()

    def dual(self, primal: Any, tangent: Any) -> Dual:
        """A value with its tangent."""
        value = Dual()
        value.primal, value.tangent, value._trace = primal, tangent, self
        return value

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        primals: list = []
        tangents, wanted, plain = [], [], True
        for position, operand in enumerate(operands):
            if operand.__class__ is Dual and operand._trace is self:
                tangents.append(operand.tangent)
                wanted.append(position)
                operand = operand.primal
            primals.append(operand)
            if isinstance(operand, Traced):
                plain = False
        if plain:
            y = primitive.evaluate(*primals, **params)
        else:
            primals = [lifted(x) for x in primals]
            y = primitive(*primals, **params)
            primitive = inspected(primitive, y, primals)
        if primitive.constant:
            return y
        if plain and y.__class__ is not float:
            primitive = widening(primitive, y, primals, wanted)
        return self.dual(y, primitive.push(tangents, primitive.keep(y, primals, wanted, params)))


PAIRED = """
    value = Dual()
    value.primal, value.tangent, value._trace = y, {tangent}, self._trace
    return value
"""
"""`ForwardTrace.dual`, in line."""

install_short_way(
    Dual,
    with_constant=PAIRED.replace("{tangent}", "{times_self}"),
    with_traced=PAIRED.replace("{tangent}", "{times_self} + {times_other}"),
)


class Forward(Differentiator):
    """Forward mode.

    chunk : how many unit tangents a Jacobian pushes at once, so that its cost in Python does not grow with n; the
        default is as many as fit the cache together, at most 256, and one by one where there are only a few.
    Cost: a JVP about 2 to 2.5 evaluations of f; a gradient of n components n times that in arithmetic.
    """

    name, method, cost = "forward", "automatic", "n tangents, carried together"
    options = ("chunk",)

    def __init__(self, chunk: int | None = None):
        super().__init__()
        if chunk is not None and not (isinstance(chunk, int) and chunk > 0):
            raise ArgumentError(f"forward: chunk={chunk!r}, expected a positive integer", hint="leave it out")
        self.chunk = chunk

    def jvp(self, function, point, tangents, batch=False):
        """Run f once on dual numbers: the values, and their tangents (of a whole batch along a first axis).

        None stands for a tangent of zeros, without directions in a batch. What it belongs to is traced all the same: f
        may write traced values into arrays that it makes of it.
        """
        given = tangents
        if batch:
            batched = BatchTrace(next(len(t) for t in tangents if t is not None))
            tangents = [None if t is None else batched.wrap(t) for t in tangents]
        trace = ForwardTrace()
        moving = [zeros_like(x) if t is None else t for x, t in zip(point, tangents)]
        results = function([trace.dual(x, t) for x, t in zip(watched(point), moving)])
        end_trace(trace, results)
        values, pushed = [], []
        for result in results:
            moved = isinstance(result, Dual) and result._trace is trace
            value = result.primal if moved else result
            tangent = result.tangent if moved else zeros_like(value)
            values.append(value)
            pushed.append(batched.unwrap(tangent) if batch else tangent)
        return carefully(lambda: self.jvp(function, point, given, batch)) if spoilt(pushed) else (values, pushed)

    def linearize(self, function, point):
        tape, values, places = _list(function, point)

        def push(tangents: Sequence, batch: bool = False) -> list:
            trace = BatchTrace(len(tangents[0])) if batch else None
            moving = [trace.wrap(tangent) for tangent in tangents] if trace else tangents
            moved = push_through(tape, [None if is_zero(tangent) else tangent for tangent in moving])
            found = [None if place is None else moved[place] for place in places]
            pushed = [zeros_like(value) if t is None else t for value, t in zip(values, found)]
            pushed = [trace.unwrap(t) for t in pushed] if trace else pushed
            if spoilt(pushed):
                pushed = carefully(lambda: self.linearize(function, point)[1](tangents, batch))
            return pushed

        return values, push

    def gradient(self, function, point):
        within, numbers, count = False, True, 0
        for x in point:
            within = within or isinstance(x, Traced)
            if is_number(x):
                count += 1
            else:
                numbers, count = False, count + size_of(x)
        if within and 0 < count <= FEW_WITHIN:
            return self._gradient_within(function, point)
        if not count or not (numbers or (count <= FEW and not self.chunk)):
            return super().gradient(function, point)
        values: list = []

        def push(tangents: Sequence) -> Any:
            found, (slope,) = self.jvp(function, point, tangents)
            values[:] = repeated(function, values, found)
            return slope

        found = along_units(push, point, [None] * len(point))
        return values, found

    def _gradient_within(self, function, point):
        """A gradient under an outer trace: one run leaves a list, and the unit tangents pass through that.

        A program there is short, and most of its entries know nothing of most of the directions.
        """
        tape, values, (place,) = _list(function, point)
        found = on_list(tape, place, values[0], point)
        return carefully(lambda: self._gradient_within(function, point)) if spoilt(found) else (values, found)

    def jacobian(self, function, point):
        values: list = []

        def push_along(j: int) -> Callable:
            def push(direction: Any, batch: bool) -> list:
                tangents = [direction if k == j else None for k in range(len(point))]
                found, pushed = self.jvp(function, point, tangents, batch)
                values[:] = repeated(function, values, found)
                return pushed

            return push

        columns = [images_of_units(push_along(j), x, self.chunk) for j, x in enumerate(point)]
        if not any(columns):  # nothing to push along, and yet the shape of the result must be known
            values = function(point)
        return values, blocks_of_columns(values, columns, point)


def _list(function: Any, point: Sequence) -> tuple[Tape, list, list]:
    """The Wengert list of a function at a point, the values of its results, and their places."""
    tape = Tape(point)
    results = function(tape.inputs)
    end_trace(tape, results)
    tape.inputs = [None] * len(point)  # as in reverse mode: no cycle for the garbage collector
    return tape, *places_of(tape, results)

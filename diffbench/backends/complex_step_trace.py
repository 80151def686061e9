"""How complex step runs f: every primitive on complex arrays, and a refusal of what is not analytic.

Without care it would give wrong derivatives without a word. Comparisons, abs and max are not analytic and are refused.
log, sqrt and powers have values where the real function has none: there the result is NaN. Where the slope of the real
function is infinite, any step jumps over the singularity: there the slope comes from the table.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from diffbench.assignment import Held
from diffbench.backends.complex_step_forms import CONTINUATIONS, ON_EACH_SIDE
from diffbench.dispatch import TracedArray
from diffbench.errors import NotAnalytic, UnsupportedPrimitive, UnsupportedVerb, user_location
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.complex_numbers import IMAGINARY, OF_PARTS, REAL, TO_COMPLEX
from diffbench.primitives.elementwise import STOP, WHERE
from diffbench.primitives.kinds import Elementwise, General
from diffbench.primitives.primitive import Primitive, Trace, Traced
from diffbench.traced_values import primal

SPLIT_NOTHING = frozenset({
    np.shape, np.ndim, np.size, np.result_type, np.zeros_like, np.ones_like, np.empty_like,
    np.isrealobj, np.iscomplexobj, np.isreal, np.iscomplex, np.imag,
    np.isnan, np.isinf, np.isfinite, np.isposinf, np.isneginf,
    np.equal, np.not_equal, np.array_equal, np.array_equiv, STOP.function,
})  # fmt: skip
"""Piecewise constant functions that are answered from the real parts: they see shapes only, or single out points.

`x == 0` holds at one point, beside which f is analytic; the rules of the table guard their singularities in this way.
"""

ANALYTIC = frozenset({np.prod, np.cumprod, np.einsum, np.linalg.solve, np.linalg.inv, np.linalg.det})
"""Rows of the kind General that do not say so themselves."""

POWERS = (np.power, np.float_power)
WITH_A_POLE = (np.divide, np.reciprocal)
"""Functions whose last operand stands below: a step beside its zero gives large numbers where there are none."""


class ComplexStepped(TracedArray):
    """A real value with a small imaginary part that carries the derivative; to f it looks real."""

    __slots__ = ("_trace", "values")

    def __init__(self, values: Any, trace: "ComplexTrace"):
        self.values, self._trace = values, trace

    @property
    def primal(self) -> Any:
        return self._trace.value if self._trace.__class__ is Held else REAL(self.values)

    def stand_for(self, value: Any) -> None:
        """The value is where `primal` looks for it."""

    @property
    def shape(self) -> tuple[int, ...]:
        return shape_of(self.values)

    @property
    def dtype(self) -> np.dtype:
        return np.finfo(dtype_of(self.values)).dtype


class ComplexTrace(Trace):
    """One run of f on complex values. `branches` is "refuse" or "real"."""

    __slots__ = ("branches",)

    def __init__(self, branches: str):
        super().__init__()
        self.branches = branches

    def process(self, primitive: Any, operands: Sequence, params: dict) -> Any:
        if primitive.constant:
            self._may_branch(primitive, primitive.function in SPLIT_NOTHING)
            return primitive(*map(self._real, operands), **params)
        how = continuation_of(primitive) or self._on_each_side(primitive)
        values = [self._value(operand) for operand in operands]
        for i in how.conditions:
            if operands[i].__class__ is ComplexStepped:
                self._may_branch(primitive, False)
                values[i] = REAL(values[i])
        if "dtype" in params:
            params = {**params, "dtype": np.result_type(params["dtype"], np.complex64)}
        y = how.form(*values, **params) if how.form else _applied(primitive, values, params)
        if how.guarded and not _is_regular(primitive, values):
            moving = [i for i, x in enumerate(operands) if x.__class__ is ComplexStepped and primitive.partials[i]]
            y = _on_the_domain(primitive, y, values, moving)
        return ComplexStepped(y, self)

    def _on_each_side(self, primitive: Any) -> "Continuation":
        """The continuation of a function with a kink from the side of the real parts, where that is wanted."""
        form = ON_EACH_SIDE.get(primitive.function)
        if self.branches == "real" and form:
            return Continuation(form, False, ())
        raise NotAnalytic(
            f"complex step cannot pass {primitive.name}: it is not analytic",
            where=user_location(),
            why="the imaginary part of its result would not be the derivative, and the answer would be wrong",
            hint="use backend='forward' or 'reverse'" + (BRANCHES_HINT if form else ""),
        )

    def _may_branch(self, primitive: Primitive, harmless: bool) -> None:
        """Refuse functions whose result depends on which side of a boundary the value lies."""
        if not harmless and self.branches != "real":
            raise NotAnalytic(
                f"complex step met {primitive.name}: complex numbers have no order, and f may not be analytic there",
                where=user_location(),
                why="a comparison, a branch or a piecewise constant function decides by the value of x",
                hint="use backend='forward' or 'reverse'" + BRANCHES_HINT,
            )

    def _value(self, operand: Any) -> Any:
        """The complex array of a value of ours; other operands as they are, if they are real.

        A value that an outer derivative traces is led through TO_COMPLEX, which gives it a real cotangent back.
        """
        if operand.__class__ is ComplexStepped:
            if operand._trace is self:
                return operand.values
        elif isinstance(operand, Traced):
            return TO_COMPLEX(operand)
        elif not np.iscomplexobj(operand):
            return operand
        raise UnsupportedVerb(
            "complex step met complex numbers that are not its own",
            where=user_location(),
            why="one imaginary unit cannot serve two: f itself is complex, or complex step is nested in complex step",
            hint="write f with real numbers; of nested derivatives, take one by another backend",
        )

    def _real(self, operand: Any) -> Any:
        return REAL(self._value(operand)) if operand.__class__ is ComplexStepped else operand


class Continuation(NamedTuple):
    """How a primitive is continued into the complex plane."""

    form: Callable | None  # None where NumPy's own function is the continuation
    guarded: bool  # whether it has values, or slopes, where the real function has none
    conditions: tuple[int, ...]  # operands without derivative, as the mask of numpy.where


@cache
def continuation_of(primitive: Any) -> Continuation | None:
    """The continuation of a primitive, None where there is none."""
    form = CONTINUATIONS.get(primitive.function) or getattr(primitive, "complex_form", None)
    by_default = not isinstance(primitive, General) or primitive.function in ANALYTIC
    if not form and not getattr(primitive, "analytic", by_default):
        return None
    if not isinstance(primitive, Elementwise):
        return Continuation(form, False, ())
    conditions = tuple([i for i, partial in enumerate(primitive.partials) if partial is None])
    guarded = bool(form) or primitive.cut or primitive.function in WITH_A_POLE
    return Continuation(form, guarded, conditions)


BRANCHES_HINT = (
    "; where f is analytic on each side of the branch, branches='real' decides by the real parts:"
    " db.get_backend('complex-step', branches='real')"
)


def _applied(primitive: Any, values: Sequence, params: dict) -> Any:
    """NumPy's own function of complex numbers."""
    if any(isinstance(x, Traced) for x in values):
        return primitive(*values, **params)
    try:
        return primitive.evaluate(*values, **params)
    except TypeError as error:
        raise UnsupportedPrimitive(
            f"complex step cannot pass {primitive.name}: it does not take complex numbers",
            where=user_location(),
            why=str(error),
            hint="use backend='forward' or 'reverse', or finite differences",
        ) from error


def _is_regular(primitive: Any, values: Sequence) -> bool:
    """Whether this is x**1, x**2, ..., or a quotient without zeros below: right everywhere, and worth a short way."""
    if primitive.function in WITH_A_POLE:
        return bool(np.all(np.real(primal(values[-1])) != 0))
    return primitive.function in POWERS and values[1].__class__ is int and values[1] > 0


def _on_the_domain(primitive: Elementwise, y: Any, values: Sequence, moving: Sequence[int]) -> Any:
    """y, but NaN where the real function is, and with the slope of the table where that is infinite or undefined."""
    reals = [primal(REAL(x)) for x in values]
    with np.errstate(all="ignore"):
        real = primitive.evaluate(*reals)
        slopes = [primitive.partials[i].value(real, *reals) for i in moving]  # type: ignore[union-attr]
        regular = ~np.isnan(real)
        for slope in slopes:
            regular = regular & np.isfinite(slope)
        if primitive.function in POWERS:  # at 0 the slope of x**1.1 is 0, but that of a tiny step is not
            regular = regular & ((reals[0] != 0) | ((np.rint(reals[1]) == reals[1]) & (1 not in moving)))
        if np.all(regular):
            return y
        return WHERE(regular, y, _from_the_table(primitive, values, moving, np.isnan(real)))


def _from_the_table(primitive: Elementwise, values: Sequence, moving: Sequence[int], nowhere: Any) -> Any:
    """The complex value that the real function and its slopes give, which an outer derivative can differentiate."""
    reals = [REAL(x) for x in values]
    real = primitive(*reals)
    shift: Any = 0.0
    for i in moving:
        imaginary = IMAGINARY(values[i])
        slope = primitive.partials[i].value(real, *reals)  # type: ignore[union-attr]
        shift = shift + np.where(primal(imaginary) != 0, slope * imaginary, 0.0)
    return OF_PARTS(real, shift + np.where(nowhere, np.nan, 0.0))

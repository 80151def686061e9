"""The short way: operators and ufuncs of numbers and small arrays, written out for one class.

Between numbers the work is nanoseconds, and dispatch microseconds. So for each class of traced values arithmetic,
powers and comparisons are generated from the table, with value and partial derivatives in line. They serve numbers,
numbers that an outer trace watches, small arrays of one shape, and a small array with a number; all else takes the long
way through the primitive.
"""

import math
from textwrap import dedent, indent
from typing import Any

import numpy as np

from diffbench.array_operators import BINARY_OPERATORS, COMPARISONS
from diffbench.assignment import unassigned
from diffbench.dispatch import call_ufunc
from diffbench.memory import SMALLEST
from diffbench.primitives import TABLE
from diffbench.primitives.arrays import as_operand
from diffbench.primitives.elementwise import NEGATIVE_QUOTIENT, widened
from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.precision import keeps_its_dtype
from diffbench.primitives.primitive import AGAIN, Traced

SCALARS = frozenset(
    {float, int, np.float64, np.float32, np.float16, np.longdouble, np.int64, np.int32, np.int16, np.int8, np.uint8}
)
"""The types whose arithmetic needs no dispatch, no broadcasting and no array."""

SHORT: set[Any] = set()
"""The traced classes whose operators take the short way."""

NO_PARAMS: dict = {}


def is_scalar(x: Any) -> bool:
    """Whether this is a traced number, of however many levels."""
    return isinstance(x, Traced) and bottom(x).__class__ in SCALARS


def is_number(x: Any) -> bool:
    """Whether this is a number, traced or not."""
    return x.__class__ in SCALARS or (x.__class__ in SHORT and x.primal.__class__ in SCALARS) or is_scalar(x)


def bottom(x: Any) -> Any:
    """The plain value below all levels; None of an array that is assigned to, whose trace comes before all others."""
    while x.__class__ in SHORT:
        if x._trace.level == math.inf:
            return None
        x = x.primal
    return x


def is_simple(x: Any) -> bool:
    """Whether this is a traced number or a traced small array, of however many levels."""
    value = bottom(x)
    return value.__class__ in SCALARS or (value.__class__ is np.ndarray and value.nbytes < SMALLEST)


ALIKE, ARRAY_FIRST, ARRAY_LAST = 1, 2, 3


def relation(x: Any, y: Any) -> int:
    """ALIKE if these are numbers, or small arrays of one shape and dtype; or which of them is a small array, the other
    being a number that has no say in the dtype; 0 otherwise. Traced or not, of however many levels.
    """
    a: Any = bottom(x)
    b: Any = bottom(y)
    if a.__class__ in SCALARS:
        if b.__class__ in SCALARS:
            return ALIKE
        array, number, order = b, a, ARRAY_LAST
    elif b.__class__ in SCALARS:
        array, number, order = a, b, ARRAY_FIRST
    elif a.__class__ is np.ndarray and b.__class__ is np.ndarray:
        return a.shape == b.shape and a.dtype is b.dtype and a.nbytes < SMALLEST
    else:
        return 0
    if array.__class__ is not np.ndarray or not array.ndim or array.nbytes >= SMALLEST:
        return 0
    return order if getattr(number, "dtype", array.dtype) is array.dtype else 0


def are_live(x: Traced, y: Traced) -> bool:
    """Whether the traces of both still run, or run again."""
    return (x._trace.live and y._trace.live) or AGAIN.get()


IS_SMALL = "{0}.__class__ is ndarray and {0}.nbytes < SMALLEST"
"""Whether this is a plain array that needs no lent memory."""
IS_INNER = "({0}.__class__ is {cls} or {0}.__class__ in SHORT) and {0}.primal.__class__ in SCALARS"
"""Whether this is a number that one outer trace watches: what `relation` finds too, but in a call."""

OUTER_KEPT = "other if other.primal.__class__ in SCALARS else unassigned(other)"
"""A factor that an outer trace watches, and the program of that trace may assign to afterwards."""

BINARY = """
def {name}(self, other):
    kind = other.__class__
    if kind is {cls} and other._trace is self._trace:
        {self_is} = self.primal
        {other_is} = other.primal
        if {self_is}.__class__ in SCALARS and {other_is}.__class__ in SCALARS or {both_small}:
            y = {value}
{traced_3}
        if {both_inner}:
            y = {value_within}
{traced_3}
        related = relation(self, other)
        if related == ALIKE:
            y = {value}
{traced_3}
        if related == ARRAY_FIRST:
            y = {value}
{array_first_3}
        if related == ARRAY_LAST:
            y = {value}
{array_last_3}
        if other is self and primitive is multiply:
            return self._trace.process(square, (self,), NO_PARAMS)  # one pass over memory less
        return self._trace.process(primitive, ({operands}), NO_PARAMS)
    elif kind in SCALARS:
        {self_is} = self.primal{start_of_sum}{wider_sum}
        if {self_is}.__class__ in SCALARS or {self_small}:
            {other_is} = other
            y = {value}
{constant_3}
        if {self_inner} or is_simple(self):
            {other_is} = other
            y = {constant_within}
{constant_3}
        return self._trace.process(primitive, ({operands}), NO_PARAMS)
    elif kind is ndarray:
        {self_is} = self.primal
        if {self_small} and {self_is}.shape == other.shape and {self_is}.dtype is other.dtype:
            {other_is} = {other_kept}
            y = {value}
{constant_3}
    elif isinstance(other, Traced) and ({outer_number} or relation(self, other) == ALIKE) and are_live(self, other):
        if other._trace.level > self._trace.level:
            return other.{mirrored}(self)
        {self_is} = self.primal
        {other_is} = {outer_kept}
        y = {value}
{constant_2}
    return primitive.call(({operands}), NO_PARAMS)
"""
START_OF_SUM = """
        if other is ZERO and (x := bottom(self)).__class__ in SCALARS and x != 0:
            return self"""
"""0 + x, with which Python's sum() starts, is x; but for -0.0, of which it makes 0.0."""
WIDER_SUM = """
        if kind is not float and kind is not int and not keeps_its_dtype(self, other):
            return self._trace.process(primitive, ({operands}), NO_PARAMS)"""
"""The partial of a sum is 1, which has no dtype by which tangents could get the digits of the sum."""
NEGATIVE = """
def __neg__(self):
    x = self.primal
    if x.__class__ in SCALARS or {x_is_small} or {x_is_inner} or is_simple(self):
        y = -x
{constant_2}
    return primitive(self)
"""
POWER = """
def __pow__(self, exponent):
    if exponent.__class__ is int and exponent > 0 or exponent.__class__ is float and exponent == 2.0:
        x = self.primal
        if x.__class__ in SCALARS or {x_is_small} or {x_is_inner} or is_simple(self):
            y = x**exponent
            p = x + x if exponent == 2 else 1 if exponent == 1 else exponent * x ** (exponent - 1)
{constant_3}
        if exponent == 2:
            return self._trace.process(square, (self,), NO_PARAMS)
    elif exponent.__class__ is float or exponent.__class__ is int:
        x = self.primal
        if (x.__class__ in SCALARS or {x_is_inner}) and bottom(x) > 0:
            try:
                y = x**exponent
                p = exponent * x ** (exponent - 1)
            except OverflowError:  # so says Python where NumPy says inf
                return self.__array_ufunc__(power, "__call__", self, exponent)
{constant_3}
    return self.__array_ufunc__(power, "__call__", self, exponent)
"""
COMPARISON = """
def {name}(self, other):
    if self._trace.live:
        x = self.primal
        if other.__class__ in SCALARS:
            if x.__class__ in SCALARS or {x_is_inner}:
                return bool_(x {symbol} other)
        elif other.__class__ is {cls} and other._trace is self._trace:
            y = other.primal
            if x.__class__ in SCALARS and y.__class__ in SCALARS or {x_is_inner} and {y_is_inner}:
                return bool_(x {symbol} y)
    return long_way(self, other)
"""
UFUNC = """
def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
    if method == "__call__" and not kwargs and (self._trace.live or AGAIN.get()):
        if len(inputs) == 1:
            x = self.primal
            if x.__class__ in SCALARS:
                row = UNARY.get(ufunc)
                if row:
                    y = ufunc(x)
                    p = row.of_number(y, x)
{constant_5}
            elif {x_is_small} and x.dtype.kind == "f":
                row = UNARY.get(ufunc)
                if row:
                    y = ufunc(x)
                    p = row.value(y, x)
{constant_5}
            elif {x_is_inner} or is_simple(self):
                row = UNARY_WITHIN.get(ufunc)
                if row:
                    y = x.__array_ufunc__(ufunc, method, x)
                    p = row.value(y, x)
{constant_5}
        elif ufunc in OPERATORS:
            straight, reflected = OPERATORS[ufunc]
            a, b = inputs
            return straight(self, b) if a is self else reflected(self, as_operand(a))
        elif ufunc in OF_TWO:
            a, b = inputs
            in_a, in_b = OF_TWO[ufunc]
            x = a.primal if a.__class__ is {cls} else a
            z = b.primal if b.__class__ is {cls} else b
            if x.__class__ in SCALARS and z.__class__ in SCALARS:
                y = ufunc(x, z)
                if z is b:
                    p = in_a.of_number(y, x, z)
{constant_5}
                if x is a:
                    p = in_b.of_number(y, x, z)
{constant_5}
                if a._trace is b._trace:
                    other = b
                    p = in_a.of_number(y, x, z)
                    q = in_b.of_number(y, x, z)
{traced_5}
    return call_ufunc(ufunc, method, inputs, kwargs)
"""
OPERATOR = """
def {name}(self, *other):
    return self.__array_ufunc__({ufunc}, "__call__", {operands})
"""
BY_UFUNC: Any = (
    ("abs", np.absolute, "self"),
    ("rpow", np.power, "*other, self"),
    ("mod", np.remainder, "self, *other"),
    ("rmod", np.remainder, "*other, self"),
)
"""What is written as an operator and computed as a ufunc."""
SAFE = "(b or float64(b) if b.__class__ in PYTHONS else b if b.__class__ not in NARROW else widened(b, y))"
"""b in a denominator: where it is a zero of Python, 1 / b would raise although a / b, with a of NumPy, did not; and
where it has few digits, 1 / b would have few although y has many."""
PYTHONS, NARROW = frozenset({float, int}), frozenset({np.float16, np.float32})

SMALL_A, SMALL_B = IS_SMALL.format("a"), IS_SMALL.format("b")
ARITHMETIC = ("add", "sub", "mul", "truediv")
SYMBOLS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
UFUNCS = {f: row for f, row in TABLE.items() if isinstance(f, np.ufunc) and isinstance(row, Elementwise)}
UNARY = {f: row.partials[0] for f, row in UFUNCS.items() if f.nin == 1 and row.partials[0]}
OF_TWO = {f: row.partials for f, row in UFUNCS.items() if f.nin == 2 and all(row.partials)}
"""The partial derivatives of the elementwise ufuncs of one operand, and of two."""
UNARY_WITHIN = {
    f: partial
    for f, partial in UNARY.items()
    if UFUNCS[f].__class__ is Elementwise and not partial.product_of_numbers.startswith("t / ")
}
"""Those for which an outer trace is to watch a slope and a product. For the others (log) the long way divides once, or
decides by whether the numbers are complex (abs)."""

USED = {
    "AGAIN": AGAIN,
    "NO_PARAMS": NO_PARAMS,
    "SCALARS": SCALARS,
    "SHORT": SHORT,
    "SMALLEST": SMALLEST,
    "TABLE": TABLE,
    "ZERO": 0,
    "OF_TWO": OF_TWO,
    "UNARY": UNARY,
    "UNARY_WITHIN": UNARY_WITHIN,
    "ALIKE": ALIKE,
    "ARRAY_FIRST": ARRAY_FIRST,
    "ARRAY_LAST": ARRAY_LAST,
    "Traced": Traced,
    "relation": relation,
    "as_operand": as_operand,
    "are_live": are_live,
    "bool_": np.bool_,
    "bottom": bottom,
    "call_ufunc": call_ufunc,
    "float64": np.float64,
    "NARROW": NARROW,
    "PYTHONS": PYTHONS,
    "unassigned": unassigned,
    "widened": widened,
    "is_simple": is_simple,
    "keeps_its_dtype": keeps_its_dtype,
    "multiply": TABLE[np.multiply],
    "ndarray": np.ndarray,
    "absolute": np.absolute,
    "power": np.power,
    "remainder": np.remainder,
    "square": TABLE[np.square],
}
"""What the generated operators call."""


def install_short_way(
    cls: type,
    with_constant: str,
    with_traced: str,
    array_with_number: str = "",
    plus_constant: str = "",
    seen: bool = False,
) -> None:
    """Generate the operators of a traced class, with the partials from the table in line.

    The texts build the result, in terms of y and, for self and other, of {p_self} and {p_other}: the partials. In the
    first, `other` is a constant. {times_self} and {times_other} are the products of the tangents with the partials,
    {primitive} and {operands} the call itself. Where they differ from these: `array_with_number` is for an array and a
    number, in terms of {array}, {number}, {p_array} and {p_number}; `plus_constant` for a sum with a constant, whose
    derivatives are those of self. No trace sees comparisons that go the short way, nor the operands of a function of
    two numbers; a trace that must see them says so by `seen`.
    """
    SHORT.add(cls)
    operators: dict = {}

    def inner(value: str) -> str:
        return IS_INNER.format(value, cls=cls.__name__)

    def install(name: str, template: str, primitive: Any, p_self: str, p_other: str = "", **parts: str) -> None:
        texts = {"p_self": p_self, "p_other": p_other}
        texts |= {"times_self": _times("self.tangent", p_self), "times_other": _times("other.tangent", p_other)}
        texts |= {"operands": parts.get("operands", "self"), "primitive": "primitive" if primitive else "TABLE[ufunc]"}
        first = {"array": "self", "p_array": p_self, "number": "other", "p_number": p_other}
        last = {"array": "other", "p_array": p_other, "number": "self", "p_number": p_self}
        mixed = array_with_number or with_traced
        alone = plus_constant if plus_constant and p_self == "1" else with_constant
        constant, traced, array_first, array_last = (
            dedent(text.format(**texts, **roles)).strip()
            for text, roles in ((alone, {}), (with_traced, {}), (mixed, first), (mixed, last))
        )
        source = template.format(
            name=name,
            cls=cls.__name__,
            constant_2=indent(constant, " " * 8),
            constant_3=indent(constant, " " * 12),
            constant_5=indent(constant, " " * 20),
            traced_3=indent(traced, " " * 12),
            traced_5=indent(traced, " " * 20),
            array_first_3=indent(array_first, " " * 12),
            array_last_3=indent(array_last, " " * 12),
            x_is_small=IS_SMALL.format("x"),
            x_is_inner=inner("x"),
            y_is_inner=inner("y"),
            **parts,
        )
        namespace = {**USED, "OPERATORS": operators, "primitive": primitive, cls.__name__: cls}
        namespace["long_way"] = getattr(cls, name, None)
        if seen:
            namespace["OF_TWO"] = {}
        exec(compile(source, f"<operators of {cls.__name__}>", "exec"), namespace)
        setattr(cls, name, namespace[name])

    for name in (*ARITHMETIC, "negative_quotient"):
        row: Any = NEGATIVE_QUOTIENT if name == "negative_quotient" else TABLE[BINARY_OPERATORS[name]]
        p_a, p_b = (partial.text.replace("/ b", f"/ {SAFE}").replace("/ -b", f"/ -{SAFE}") for partial in row.partials)
        if name == "truediv":  # -y / b is the same, and slower where y is an array and b a number
            p_b = f"(y.__negative_quotient__(b) if b.__class__ is {cls.__name__} else y / -{SAFE})"
        for reflected in (False, True):
            operands = "other, self" if reflected else "self, other"
            self_is, other_is = ("b", "a") if reflected else ("a", "b")
            install(
                f"__{'r' * reflected}{name}__",
                BINARY,
                row,
                *((p_b, p_a) if reflected else (p_a, p_b)),
                mirrored=f"__{'r' * (not reflected)}{name}__",
                self_is=self_is,
                other_is=other_is,
                value=row.exact,
                value_within=f"a.__{name}__(b)",  # by its name: a - b would find it by a slot, for twice the time
                constant_within=f"b.__r{name}__(a)" if reflected else f"a.__{name}__(b)",
                operands=operands,
                start_of_sum=START_OF_SUM if name == "add" and reflected else "",
                wider_sum=WIDER_SUM.format(operands=operands) if name in ("add", "sub") else "",
                self_small=IS_SMALL.format(self_is),
                self_inner=inner(self_is),
                both_inner=f"{inner('a')} and {inner('b')}",
                outer_number=f"{inner('other')} and {inner('self.primal')}",
                both_small=f"{SMALL_A} and {SMALL_B} and a.shape == b.shape and a.dtype is b.dtype",
                other_kept="other.copy()" if name == "mul" else "other",  # f may change its arrays afterwards
                outer_kept=OUTER_KEPT if name == "mul" else "other",
            )
        if name in ARITHMETIC:
            operators[BINARY_OPERATORS[name]] = getattr(cls, f"__{name}__"), getattr(cls, f"__r{name}__")
    install("__array_ufunc__", UFUNC, None, "p", "q")
    install("__neg__", NEGATIVE, TABLE[np.negative], "-1")
    install("__pow__", POWER, TABLE[np.power], "p", operands="self, exponent")
    for name, function, operands in BY_UFUNC:
        install(f"__{name}__", OPERATOR, TABLE[function], "", ufunc=function.__name__, operands=operands)
    for name, ufunc in () if seen else COMPARISONS.items():
        install(f"__{name}__", COMPARISON, TABLE[ufunc], "", symbol=SYMBOLS[name])


def _times(tangent: str, partial: str) -> str:
    """The text of a tangent times a partial."""
    return {"1": tangent, "-1": f"-{tangent}"}.get(partial, f"{tangent} * ({partial})")

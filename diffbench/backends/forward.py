"""Forward mode: every value carries its tangent along.  Wengert 1964; Griewank & Walther 2008, §3.1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.dispatch import SCALARS, TracedArray, install_scalar_operators
from diffbench.primitives import TABLE
from diffbench.primitives.primitive import Primitive, Trace, Traced

POWER, SQUARE = TABLE[np.power], TABLE[np.square]


class Dual(TracedArray):
    """A dual number: the primal x and the tangent ẋ, of the same shape."""

    __slots__ = ("primal", "tangent", "trace")

    def __init__(self, primal: Any, tangent: Any, trace: "ForwardTrace"):
        self.primal, self.tangent, self.trace = primal, tangent, trace

    def __pow__(self, exponent: Any) -> Any:
        base = self.primal
        if exponent.__class__ is int and exponent > 0:
            if base.__class__ in SCALARS:
                slope = exponent * base ** (exponent - 1)
                return Dual(base**exponent, slope * self.tangent, self.trace)
            if exponent == 2:
                return SQUARE(self)
        return POWER.call((self, exponent), {})


class ForwardTrace(Trace):
    """One run of f with tangents beside the primals."""

    __slots__ = ()

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        primals, tangents, plain = list(operands), [None] * len(operands), True
        for position, operand in enumerate(operands):
            if operand.__class__ is Dual and operand.trace is self:
                primals[position], tangents[position] = operand.primal, operand.tangent
            if isinstance(primals[position], Traced):
                plain = False
        y = primitive.evaluate(*primals, **params) if plain else primitive(*primals, **params)
        if primitive.constant:
            return y
        tangent = primitive.jvp(y, primals, tangents, params)
        return y if tangent is None else Dual(y, tangent, self)


install_scalar_operators(
    Dual,
    with_constant="return Dual(y, self.tangent * ({p_self}), self.trace)",
    with_traced="return Dual(y, self.tangent * ({p_self}) + other.tangent * ({p_other}), self.trace)",
    names={},
)

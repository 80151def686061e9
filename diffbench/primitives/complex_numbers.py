"""Complex numbers on the way from real arguments to real results.

The cotangent c of a complex number z says that the result changes by Re(c dz): bilinear, without conjugation, as in
JAX. So the rules of analytic functions serve real and complex numbers alike, and what is left is what is not analytic
(|z|, the conjugate, the parts, the angle), and this: the cotangent of a real operand is the real part.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.primitives.arrays import FLOAT, as_array
from diffbench.primitives.kinds import Composite, Constant, Elementwise, General, Linear, NotCovered, Row
from diffbench.primitives.primitive import Primitive

# -- between real and complex: linear over the reals -------------------------------------------------------------------

TO_COMPLEX: Linear = Linear(
    lambda x: np.add(x, 0j),
    name="complex",
    transpose=lambda g, position, shapes: real_part(g),
    batch_rule=lambda operands, batched: TO_COMPLEX(*operands),
)
REAL: Linear = Linear(
    lambda z: z.real,
    name="real part",
    transpose=lambda g, position, shapes: TO_COMPLEX(real_part(g)),
    batch_rule=lambda operands, batched: REAL(*operands),
)
IMAGINARY: Linear = Linear(
    lambda z: z.imag,
    name="imaginary part",
    transpose=lambda g, position, shapes: -1j * TO_COMPLEX(real_part(g)),
    batch_rule=lambda operands, batched: IMAGINARY(*operands),
)


def _of_parts(x: Any, y: Any) -> Any:
    z = np.empty(np.shape(x), np.result_type(x, np.complex64))
    z.real, z.imag = x, y
    return z[()]


OF_PARTS: Linear = Linear(
    _of_parts,
    name="complex number of its parts",
    transpose=lambda g, position, shapes: -IMAGINARY(to_complex(g)) if position else real_part(g),
    batch_rule=lambda operands, batched: OF_PARTS(*operands) if all(batched) else NotImplemented,
)
"""x + iy also where y is infinite, of which the product with i would have the real part NaN."""


def is_complex(x: Any) -> bool:
    """Whether a value, traced or plain, is complex."""
    return getattr(x, "dtype", FLOAT).kind == "c" or isinstance(x, complex)


def real_part(g: Any) -> Any:
    """The real part of a cotangent; one that is real stays untouched, so that it is real in yet another derivative."""
    return REAL(g) if is_complex(g) else g


def to_complex(g: Any) -> Any:
    """A cotangent as complex numbers; one that is complex stays untouched, for TO_COMPLEX passes real numbers back."""
    return g if is_complex(g) else TO_COMPLEX(g)


class RealOperands(Primitive):
    """A primitive with a complex result, some of whose operands are real: their cotangents are the real parts."""

    def __init__(self, primitive: Primitive, real: Sequence[bool]):
        self.primitive, self.name, self.real = primitive, primitive.name, real
        self.keep, self.push = primitive.keep, primitive.push  # type: ignore[method-assign]

    def pull(self, cotangent, kept):
        contributions = self.primitive.pull(cotangent, kept)
        return [real_part(c) if real and c is not None else c for c, real in zip(contributions, self.real)]


def with_real_operands(primitive: Any, operands: Sequence, positions: Sequence[int]) -> Any:
    """A primitive with a complex result as the tape must remember it."""
    real = [not is_complex(operands[position]) for position in positions]
    return RealOperands(primitive, real) if any(real) else primitive


# -- what is not analytic ----------------------------------------------------------------------------------------------


class OfComplexToo(Elementwise):
    """An elementwise function of real numbers with rules of its own for complex ones.

    complex_jvp(tangent, z, y) and complex_vjp(cotangent, z, y).
    """

    def __init__(
        self, function: Callable, *partials: str, complex_jvp: Callable, complex_vjp: Callable, **options: Any
    ):
        super().__init__(function, *partials, **options)
        self.complex_jvp, self.complex_vjp = complex_jvp, complex_vjp
        self.remembers = [0]

    def keep(self, y, operands, wanted, params):
        if is_complex(operands[0]):
            return None, (operands[0], y)
        return super().keep(y, operands, wanted, params)

    def push(self, tangents, kept):
        if kept[0] is None:
            return self.complex_jvp(tangents[0], *kept[1])
        return super().push(tangents, kept)

    def pull(self, cotangent, kept):
        if kept[0] is None:
            return [self.complex_vjp(cotangent, *kept[1])]
        return super().pull(cotangent, kept)


class RealPart(OfComplexToo):
    """np.real, which gives the very array that it is given where that is real."""

    def call(self, args, kwargs):
        (val,), _ = self.bound(args, kwargs)
        return super().call(args, kwargs) if is_complex(val) else val


def _along(z: Any, y: Any, t: Any) -> Any:
    """The product of t and the conjugate of z / |z|; 0 where z is 0, also for an infinite t."""
    zero = y == 0
    return np.conjugate(z) / np.where(zero, 1.0, y) * np.where(zero, 0.0, t)


def _over(t: Any, z: Any) -> Any:
    """t / z, and 0 at 0."""
    zero = z == 0
    return np.where(zero, 0.0, t / np.where(zero, 1.0, z))


ANGLE: General = General(
    lambda z: np.angle(z),
    name="numpy.angle",
    jvp_rule=lambda y, operands, tangents: IMAGINARY(_over(tangents[0], operands[0])),
    vjp_rule=lambda cotangent, y, operands, wanted: [_over(-1j * TO_COMPLEX(cotangent), operands[0])],
    batch_rule=lambda operands, batched: ANGLE(*operands),
)


def _bind_angle(z, deg=False):
    return (z,), {"deg": deg}


ANGLE_OF_REAL = Constant(np.angle, bind=_bind_angle)
IMAGINARY_OF_REAL = Constant(np.imag, bind=lambda val: ((val,), {}))


def _expand_angle(z, deg=False):
    if not is_complex(z):
        return ANGLE_OF_REAL(z, deg=deg)
    return np.rad2deg(ANGLE(z)) if deg else ANGLE(z)


def _expand_imag(val):
    return IMAGINARY(val) if is_complex(val) else IMAGINARY_OF_REAL(val)


# -- numpy.emath: real where numpy is, and refused where its result would be complex -----------------------------------


def _on_the_real_domain(function: Callable, inside: Callable) -> Callable:
    def expand(x):
        if not np.all(inside(x)):
            raise NotCovered("outside of the real domain, where the result is complex")
        return function(x)

    return expand


def _expand_emath_power(x, p):
    return _on_the_real_domain(lambda x: np.power(x, as_array(p)), lambda x: x >= 0)(as_array(x))


def _expand_emath_logn(n, x):
    return _on_the_real_domain(lambda x: np.log(x) / np.log(n), lambda x: x > 0)(x)


# fmt: off
ROWS: list[Row] = [
    OfComplexToo(np.absolute, "sign(x)", exact="Abs(x)", analytic=False, domain=((0.5, 2.5),),
                 complex_jvp=lambda t, z, y: REAL(_along(z, y, t)),
                 complex_vjp=lambda c, z, y: _along(z, y, c),
                 examples=["abs(A)", "abs(A + 1j * exp(A))", "absolute(v * (1 + 2j)) ** 2"]),
    OfComplexToo(np.conjugate, "1", exact="x", analytic=False,
                 complex_jvp=lambda t, z, y: np.conjugate(t),
                 complex_vjp=lambda c, z, y: np.conjugate(c),
                 examples=["(conjugate(A + 1j * sin(A)) * (1 + 2j)).imag"]),
    RealPart(np.real, "1", exact="x", analytic=False, bind=lambda val: ((val,), {}),
             complex_jvp=lambda t, z, y: REAL(t),
             complex_vjp=lambda c, z, y: TO_COMPLEX(c),
             examples=["real(exp(1j * A))", "real((1 + 2j) * sin(A))"]),
    Composite(np.imag, _expand_imag, examples=["imag(exp(1j * A))", "imag((A + 1j * v[:, None]) ** 3)",
                                               "imag(1j * A) * imag(A)"]),
    Composite(np.angle, _expand_angle, examples=["angle(A + 1j * exp(A))", "angle(A + 1j, deg=True)", "A * angle(A)"]),
    Composite(np.emath.sqrt, _on_the_real_domain(np.sqrt, lambda x: x >= 0), examples=["emath.sqrt(exp(A))"]),
    Composite(np.emath.log, _on_the_real_domain(np.log, lambda x: x > 0), examples=["emath.log(exp(A))"]),
    Composite(np.emath.log2, _on_the_real_domain(np.log2, lambda x: x > 0), examples=["emath.log2(exp(A))"]),
    Composite(np.emath.log10, _on_the_real_domain(np.log10, lambda x: x > 0), examples=["emath.log10(exp(A))"]),
    Composite(np.emath.logn, _expand_emath_logn, examples=["emath.logn(2.0, exp(A))"]),
    Composite(np.emath.power, _expand_emath_power, examples=["emath.power(exp(A), 3)"]),
    Composite(np.emath.arcsin, _on_the_real_domain(np.arcsin, lambda x: abs(x) <= 1), examples=["emath.arcsin(A / 3)"]),
    Composite(np.emath.arccos, _on_the_real_domain(np.arccos, lambda x: abs(x) <= 1), examples=["emath.arccos(A / 3)"]),
    Composite(np.emath.arctanh, _on_the_real_domain(np.arctanh, lambda x: abs(x) < 1),
              examples=["emath.arctanh(A / 3)"]),
    TO_COMPLEX, REAL, IMAGINARY, OF_PARTS, ANGLE,
]
# fmt: on

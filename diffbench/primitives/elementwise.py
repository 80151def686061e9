"""Elementwise functions: one partial derivative per operand, as text in x (or a, b, c) and the result y.

Conventions where the derivative does not exist: |x| and sign have slope 0 at 0; ties of maximum, minimum and clip share
the slope evenly; x**0 has slope 0 in x, and 0**y has slope 0 in y. Infinite slopes (sqrt and log at 0) are inf, except
that they carry no zero tangent or cotangent; hypot and arctan2 have no slope at the origin: NaN. A partial must keep
the dtype of its operands, and must be right when it is differentiated again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_array, as_operand, dtype_of, numbers_of, shape_of, unbroadcast
from diffbench.primitives.kinds import (
    Composite,
    Constant,
    Elementwise,
    Linear,
    NotCovered,
    Refused,
    only_default,
    qualified_name,
    refuse_complex,
    slope_row,
)
from diffbench.primitives.partial import RULE_NAMES, free_of_nan, rule_name
from diffbench.primitives.primitive import Traced

POSITIVE = (0.1, 3.0)
UNIT = (-0.9, 0.9)
AWAY_FROM_ZERO = (0.5, 2.5)


@rule_name
def widened(x: Any, other: Any) -> Any:
    """x in the dtype that NumPy computes in with the other: slopes of few digits would spoil results of many."""
    narrow = dtype_of(x)
    if isinstance(x, int | float) or narrow is dtype_of(other):  # numbers of Python adapt
        return x
    wide = np.result_type(*[n if (n := numbers_of(z)).__class__ in (int, float) else dtype_of(z) for z in (x, other)])
    return x if narrow == wide else np.astype(as_array(x), wide, copy=False)


@rule_name
def slope_in_base(a: Any, b: Any) -> Any:
    """∂(a**b)/∂a = b·a**(b-1), and 0 at a = b = 0; safe to differentiate again in b at b = 0."""
    if isinstance(b, int | float) and b != 0:
        return b * np.power(a, b - 1) if b != 2 else 2 * a
    b = widened(b, a)
    zero = b == 0
    if isinstance(zero, bool | np.bool) and not zero:  # and a decides nothing: no more than beside a number of Python
        return b * np.power(a, b - 1)
    return b * np.power(np.where((a == 0) & zero, np.ones_like(a), a), b - 1)


@rule_name
def slope_in_exponent(a: Any, b: Any, y: Any) -> Any:
    """∂(a**b)/∂b = a**b·log a, and 0 at a = 0 (the limit for b > 0)."""
    if isinstance(a, int | float):
        return y * float(np.log(a or 1.0))  # a Python number, so that float32 stays float32
    a = widened(a, y)
    return y * np.log(np.where(a == 0, np.ones_like(a), a))


@rule_name
def share(a: Any, b: Any, y: Any) -> Any:
    """The part of the maximum of a and b that is a: 1, 0, or one half where they tie; in the dtype of y."""
    if isinstance(y, float):
        return (0.5 if a > b else 0.0) + (0.5 if a >= b else 0.0)
    return (np.add(a > b, a >= b, dtype=y.dtype)) / 2


@rule_name
def alone(a: Any, b: Any) -> Any:
    """Where a is a number and b is NaN."""
    return (b != b) & (a == a)


@rule_name
def sinc_slope(x: Any, y: Any) -> Any:
    """∂sinc(x)/∂x = (cos πx - sinc x) / x, where sinc x = sin(πx)/(πx); near 0, where the digits cancel, its series.

    With u = πx the terms of -πu/3 · (1 - u²/10 + u⁴/280 - ...) have the ratios -u²/(2k(2k + 3)); 20 of them give 60
    digits for |u| < 1/2.
    """
    u = RULE_NAMES["PI"] * x
    near = np.abs(u) < 0.5
    square, series = np.square(u), 1
    for k in range(20, 0, -1):
        series = 1 - square / (2 * k * (2 * k + 3)) * series
    far = (np.cos(u) - y) / np.where(near, 1.0, x)
    return np.where(near, -(RULE_NAMES["PI"] * u) / 3 * series, far)


class Select(Elementwise):
    """`where`: what the mask did not take carries nothing, not even NaN; so it masks instead of multiplying by zero."""

    def __init__(self, function: Callable, *partials: str | None, **options: Any):
        super().__init__(function, *partials, **options)
        self.remembers = [0]

    def call(self, args, kwargs):
        return super().call(args, kwargs) if len(args) != 1 else np.nonzero(*args)

    def keep(self, y, operands, wanted, params):
        return shape_of(y), operands[0], [(position, shape_of(operands[position])) for position in wanted]

    def push(self, tangents, kept):
        shape, mask, links = kept
        sides = [0.0, 0.0]
        for tangent, (position, _) in zip(tangents, links):
            sides[position - 1] = tangent
        tangent = np.where(mask, *sides)
        return tangent if shape_of(tangent) == shape else np.broadcast_to(tangent, shape)

    def pull(self, cotangent, kept):
        _, mask, links = kept
        sides = {1: lambda: np.where(mask, cotangent, 0.0), 2: lambda: np.where(mask, 0.0, cotangent)}
        return [unbroadcast(sides[position](), shape) for position, shape in links]


def _bind_where(condition, x=None, y=None, /):
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    kind = condition.dtype.kind if isinstance(condition, Traced) else "b"  # type: ignore[attr-defined]
    if kind == "f":  # a number is true where it is not zero
        condition = np.not_equal(condition, 0.0)
    return (condition, x, y), {}


def _one_minus_square(x: Any) -> Any:
    """1 - x² to all digits near 1; large arrays by functions that borrow their memory."""
    if x.__class__ is not np.ndarray:
        return (1 - x) * (1 + x)
    return RULE_NAMES["multiply"](RULE_NAMES["subtract"](1, x), RULE_NAMES["add"](1, x))


slope_row(_one_minus_square, "one_minus_square", "-2 * x", exact="1 - x * x")


NEGATIVE_QUOTIENT = slope_row(
    lambda a, b: RULE_NAMES["divide"](a, RULE_NAMES["negative"](b)), "negative_quotient", "1 / -b", "y / -b",
    exact="a / -b", singular=True,
)  # fmt: skip
"""The slope of a / b in b, where y = a / b: -y / b as one operation, for an outer trace that watches it."""


def _share_of_hypot(a: Any, b: Any, y: Any) -> Any:
    """a / √(a² + b²), the sign of a where a alone is infinite."""
    share = RULE_NAMES["divide"](a, y)
    return share if free_of_nan(share) else np.where(np.isinf(a) & np.isfinite(b), np.sign(a), share)


slope_row(
    _share_of_hypot, "share_of_hypot", "square(share_of_hypot(b, a, c)) / c", "-y * share_of_hypot(b, a, c) / c", None,
    exact="a / sqrt(a * a + b * b)", analytic=False, singular=True,
)  # fmt: skip


@rule_name
def whole_quotient(a: Any, b: Any, y: Any) -> Any:
    """How often b is taken from a to leave the remainder y; floor(a / b) may be another number beside a jump of y."""
    quotient = np.rint((a - y) / b)
    return quotient if free_of_nan(quotient) else np.where(np.isfinite(a), np.floor_divide(a, b), quotient)


@rule_name
def share_of_sum(share: Any, a: Any, b: Any) -> Any:
    """The share that a has in the logarithm of a sum: half of it where both are inf; 0 where no term is, both -inf."""
    return share if free_of_nan(share) else np.where((a == b) & np.isinf(a), np.where(a > 0, 0.5, 0.0), share)


@rule_name
def over_squared_hypot(a: Any, b: Any) -> Any:
    """a / (a² + b²), without overflow and underflow on the way."""
    y = RULE_NAMES["hypot"](a, b)
    return _share_of_hypot(a, b, y) / y


# -- functions made of others ------------------------------------------------------------------------------------------


def _expand_clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue):
    only_default(out=out)
    by_old_names, by_new_names = ([bound is not np._NoValue for bound in pair] for pair in ((a_min, a_max), (min, max)))
    if any(by_old_names) and (any(by_new_names) or not all(by_old_names)):
        raise TypeError("np.clip takes a_min and a_max, both of them, or min and max")
    low, high = (a_min, a_max) if any(by_old_names) else (min, max)
    a = a if low is None or low is np._NoValue else np.maximum(a, low)
    return a if high is None or high is np._NoValue else np.minimum(a, high)


def _expand_nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    limits, given = np.finfo(x.dtype), x
    for found, value in (
        (np.isnan, nan),
        (np.isposinf, limits.max if posinf is None else posinf),
        (np.isneginf, limits.min if neginf is None else neginf),
    ):
        value = np.astype(as_array(value), x.dtype, copy=False)  # whatever the value, x keeps its dtype
        x = np.where(found(x), value, x)
    if not copy and isinstance(given, Traced) and shape_of(given):
        given[...] = x  # type: ignore[index]
        return given
    return x


def _expand_real_if_close(a, tol=100):
    if getattr(a, "dtype", np.dtype(float)).kind != "c":
        return a
    limit = tol * np.finfo(a.dtype).eps if tol > 1 else tol
    return np.real(a) if np.all(np.abs(np.imag(a)) < limit) else a


def _expand_modf(x, /):
    whole = np.trunc(x)
    return x - whole, whole


def _expand_frexp(x, /):
    exponent = EXPONENT(x)
    return np.ldexp(x, -exponent), exponent


def _expand_heaviside(x1, x2, /):
    return np.where(np.equal(x1, 0), x2, STEP(x1, x2))


def _expand_divmod(x1, x2, /):
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


def _bind_ldexp(x1, x2, /):
    if isinstance(x2, Traced):
        raise NotCovered("the exponent must be an integer, and so cannot be differentiated")
    return (x1,), {"exponent": np.array(as_operand(x2))}


LDEXP = Linear(
    np.ldexp,
    bind=_bind_ldexp,
    evaluate=lambda x, exponent: np.ldexp(x, exponent),
    transpose=lambda g, position, shapes, exponent: unbroadcast(np.ldexp(g, exponent), shapes[0]),
    examples=["ldexp(A, 3)", "ldexp(v, array([1, -1, 0]))", "ldexp(s, array([[1], [2]]))"],
)
EXPONENT = Constant(lambda x: np.frexp(x)[1], name="exponent of numpy.frexp")
STEP = Constant(np.heaviside)


# -- piecewise constant functions --------------------------------------------------------------------------------------


def _bind_round(a, decimals=0, out=None):
    only_default(out=out)
    return (a,), {"decimals": decimals}


def _of_reals(function: Callable) -> Callable:
    """A function that is piecewise constant on real numbers, and refused on complex ones."""

    def evaluate(x, **params):
        refuse_complex(qualified_name(function), [x])
        return function(x, **params)

    return evaluate


def _bind_unary(x, out=None):
    only_default(out=out)
    return (x,), {}


def _bind_isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    return (a, b), {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}


def _bind_array_equal(a1, a2, equal_nan=False):
    return (a1, a2), {"equal_nan": equal_nan}


INTEGERS_ONLY = "it is defined for integers only, and so has no derivative"
WHERE = Select(np.where, None, "1", "1", exact="where(a, b, c)", bind=_bind_where, domain=((-1, 1), (-2, 2), (-2, 2)))
TRUTH = Constant(bool, name="bool")
STOP = Constant(lambda x: x, name="stop_gradient")

# fmt: off
ROWS = [
    # -- arithmetic ----------------------------------------------------------------------------------------------------
    Elementwise(np.add,        "1", "1",            exact="a + b"),
    Elementwise(np.subtract,   "1", "-1",           exact="a - b"),
    Elementwise(np.multiply,   "b", "a",            exact="a * b"),
    Elementwise(np.divide,     "1 / b", "-y / b",   exact="a / b", domain=((-2, 2), AWAY_FROM_ZERO), singular=True,
                               examples=["A / A[::-1]", "1 / A", "A / 2"]),
    Elementwise(np.negative,   "-1",                exact="-x"),
    Elementwise(np.positive,   "1",                 exact="x"),
    Elementwise(np.reciprocal, "-y * y",            exact="1 / x", domain=(AWAY_FROM_ZERO,), singular=True,
                               examples=["reciprocal(A)"]),
    Elementwise(np.power,      "slope_in_base(a, b)", "slope_in_exponent(a, b, y)",
                               exact="a ** b", domain=(POSITIVE, (-2, 2)), cut=True, singular=True,
                               examples=["A ** 3", "A ** -2", "A ** 2.0", "2.0 ** A", "power(abs(A), A)"]),
    Elementwise(np.float_power, "slope_in_base(a, widened(b, y))", "slope_in_exponent(a, b, y)",
                               exact="a ** b", domain=(POSITIVE, (-2, 2)), cut=True, singular=True),
    Elementwise(np.square,     "2 * x",             exact="x ** 2"),
    Elementwise(np.remainder,  "1", "-whole_quotient(a, b, y)", exact="a - b * floor(a / b)", analytic=False,
                               domain=((0.1, 0.9), (1.1, 1.9)), examples=["A % 0.7", "A % -0.7"]),
    Elementwise(np.fmod,       "1", "-whole_quotient(a, b, y)", exact="a - b * trunc(a / b)", analytic=False,
                               domain=((0.1, 0.9), (1.1, 1.9)), examples=["fmod(A, 0.7)"]),
    # -- exponentials and logarithms -----------------------------------------------------------------------------------
    Elementwise(np.exp,        "y",                 exact="exp(x)", singular=True),
    Elementwise(np.exp2,       "y * LN2",           exact="2 ** x", singular=True),
    Elementwise(np.expm1,      "exp(x)",            exact="expm1(x)", singular=True),
    Elementwise(np.log,        "1 / x",             exact="log(x)", domain=(POSITIVE,), cut=True, singular=True),
    Elementwise(np.log2,       "1 / (x * LN2)",     exact="log(x) / log(2)", cut=True, singular=True,
                               domain=(POSITIVE,)),
    Elementwise(np.log10,      "1 / (x * LN10)",    exact="log(x) / log(10)", cut=True, singular=True,
                               domain=(POSITIVE,)),
    Elementwise(np.log1p,      "1 / (1 + x)",       exact="log1p(x)", domain=(UNIT,), cut=True, singular=True),
    Elementwise(np.logaddexp,  "share_of_sum(exp(-logaddexp(0, b - a)), a, b)",
                               "share_of_sum(exp(-logaddexp(0, a - b)), a, b)", exact="log(exp(a) + exp(b))"),
    Elementwise(np.logaddexp2, "share_of_sum(exp2(-logaddexp2(0, b - a)), a, b)",
                               "share_of_sum(exp2(-logaddexp2(0, a - b)), a, b)",
                               exact="log(2 ** a + 2 ** b) / log(2)"),
    # -- roots ---------------------------------------------------------------------------------------------------------
    Elementwise(np.sqrt,       "0.5 / y",           exact="sqrt(x)", domain=(POSITIVE,), cut=True, singular=True),
    Elementwise(np.cbrt,       "1 / (3 * y * y)",   exact="cbrt(x)", domain=(POSITIVE,), singular=True,
                               analytic=False, examples=["cbrt(A)"]),
    Elementwise(np.hypot,      "share_of_hypot(a, b, y)", "share_of_hypot(b, a, y)",
                                 exact="sqrt(a * a + b * b)", domain=(AWAY_FROM_ZERO,) * 2,
                               complex_form="sqrt(a * a + b * b)", singular=True, examples=["hypot(A, 1.0)"]),
    # -- trigonometric -------------------------------------------------------------------------------------------------
    Elementwise(np.sin,        "cos(x)",            exact="sin(x)"),
    Elementwise(np.cos,        "-sin(x)",           exact="cos(x)"),
    Elementwise(np.tan,        "1 + y * y",         exact="tan(x)", domain=((-1.2, 1.2),)),
    Elementwise(np.arcsin,     "1 / sqrt(one_minus_square(x))", exact="asin(x)", cut=True, singular=True,
                               domain=(UNIT,)),
    Elementwise(np.arccos,     "-1 / sqrt(one_minus_square(x))", exact="acos(x)", cut=True, singular=True,
                               domain=(UNIT,)),
    Elementwise(np.arctan,     "1 / (1 + x * x)",   exact="atan(x)"),
    Elementwise(np.arctan2,    "over_squared_hypot(b, a)", "-over_squared_hypot(a, b)",
                               exact="atan2(a, b)", analytic=False,
                               domain=(AWAY_FROM_ZERO,) * 2, singular=True, examples=["arctan2(A, A[::-1])"]),
    Elementwise(np.sinc,       "sinc_slope(x, y)",  exact="sinc(pi * x)", domain=(AWAY_FROM_ZERO,),
                               bind=lambda x: ((x,), {}), examples=["sinc(A)", "sinc(A / 5)"]),
    # -- hyperbolic ----------------------------------------------------------------------------------------------------
    Elementwise(np.sinh,       "cosh(x)",           exact="sinh(x)", singular=True),
    Elementwise(np.cosh,       "sinh(x)",           exact="cosh(x)", singular=True),
    Elementwise(np.tanh,       "1 - y * y",         exact="tanh(x)"),
    Elementwise(np.arcsinh,    "1 / sqrt(1 + x * x)", exact="asinh(x)"),
    Elementwise(np.arccosh,    "1 / (sqrt(x - 1) * sqrt(x + 1))", exact="acosh(x)", cut=True, singular=True,
                               domain=((1.2, 4.0),)),
    Elementwise(np.arctanh,    "1 / one_minus_square(x)", exact="atanh(x)", domain=(UNIT,), cut=True, singular=True),
    # -- angles --------------------------------------------------------------------------------------------------------
    Elementwise(np.deg2rad,    "DEGREE",  exact="x * pi / 180", complex_form="x * (pi / 180)"),
    Elementwise(np.radians,    "DEGREE",  exact="x * pi / 180", complex_form="x * (pi / 180)"),
    Elementwise(np.rad2deg,    "RADIAN",  exact="x * 180 / pi", complex_form="x * (180 / pi)"),
    Elementwise(np.degrees,    "RADIAN",  exact="x * 180 / pi", complex_form="x * (180 / pi)"),
    # -- with kinks ----------------------------------------------------------------------------------------------------
    Elementwise(np.fabs,       "sign(x)",           exact="Abs(x)", analytic=False, domain=(AWAY_FROM_ZERO,),
                               examples=["fabs(A)"]),
    Elementwise(np.maximum,    "share(a, b, y)", "share(b, a, y)", exact="Max(a, b)", analytic=False,
                               examples=["maximum(A, 0)"]),
    Elementwise(np.minimum,    "share(b, a, y)", "share(a, b, y)", exact="Min(a, b)", analytic=False),
    Elementwise(np.fmax,       "share(a, b, y) + alone(a, b)", "share(b, a, y) + alone(b, a)", exact="Max(a, b)",
                               analytic=False),
    Elementwise(np.fmin,       "share(b, a, y) + alone(a, b)", "share(a, b, y) + alone(b, a)", exact="Min(a, b)",
                               analytic=False),
    WHERE,
    Elementwise(np.copysign,   "sign(a) * sign(y)", None, exact="Abs(a) * sign(b)", analytic=False,
                               domain=(AWAY_FROM_ZERO,) * 2, examples=["copysign(A, A[::-1])"]),
    Composite(np.clip, _expand_clip, examples=["clip(A, -0.5, 0.5)", "clip(A, None, 0.5)", "clip(A, v[:, None], 2.0)",
                                               "clip(A, min=0.0)"]),
    # -- the real among the complex, the representable among the real --------------------------------------------------
    Composite(np.real_if_close, _expand_real_if_close, examples=["real_if_close(A)", "real_if_close(A * (1 + 0j))"]),
    Elementwise(np.nextafter,  "1", None,           exact="a", analytic=False),
    Composite(np.nan_to_num, _expand_nan_to_num,
              examples=["nan_to_num(A)", "nan_to_num(where(M, A, inf), posinf=3.0)"]),
    Composite(np.modf, _expand_modf, examples=["modf(A)[0]", "A * modf(A)[1]"]),
    Composite(np.frexp, _expand_frexp, examples=["frexp(A)[0]", "A * frexp(A)[1]"]),
    Composite(np.heaviside, _expand_heaviside, examples=["heaviside(A, 0.5) * A", "heaviside(M * 1.0, s)"]),
    Composite(np.divmod, _expand_divmod, examples=["divmod(A, 0.7)[1]", "A * divmod(A, 0.7)[0]"]),
    LDEXP,
    # -- piecewise constant: derivative zero ---------------------------------------------------------------------------
    Constant(np.sign,          evaluate=_of_reals(np.sign), exact="sign(x)"),
    Constant(np.floor,         exact="floor(x)"),
    Constant(np.ceil,          exact="ceiling(x)"),
    Constant(np.trunc,         exact="trunc(x)"),
    Constant(np.rint),
    Constant(np.fix,           bind=_bind_unary, examples=["A * fix(A)"]),
    Constant(np.spacing),
    Constant(np.round,         bind=_bind_round, examples=["A * round(A)", "A * round(10 * A, -1)"]),
    Constant(np.around,        bind=_bind_round, examples=["A * around(A)"]),
    Constant(np.floor_divide,  exact="floor(a / b)"),
    Constant(np.signbit),
    Constant(np.isnan), Constant(np.isinf), Constant(np.isfinite),
    Constant(np.less,          exact="a < b"),
    Constant(np.less_equal,    exact="a <= b"),
    Constant(np.greater,       exact="a > b"),
    Constant(np.greater_equal, exact="a >= b"),
    Constant(np.equal,         exact="Eq(a, b)"),
    Constant(np.not_equal,     exact="Ne(a, b)"),
    Constant(np.logical_and,   exact="And(a, b)"),
    Constant(np.logical_or,    exact="Or(a, b)"),
    Constant(np.logical_not,   exact="Not(x)"),
    Constant(np.logical_xor,   exact="Xor(a, b)"),
    Constant(np.bitwise_and,   exact="And(a, b)"),
    Constant(np.bitwise_or,    exact="Or(a, b)"),
    Constant(np.bitwise_xor,   exact="Xor(a, b)"),
    Constant(np.invert,        exact="Not(x)"),
    Constant(np.isposinf,      bind=_bind_unary, examples=["A * isposinf(A)"]),
    Constant(np.isneginf,      bind=_bind_unary, examples=["A * isneginf(A)"]),
    Constant(np.isreal,        examples=["A * isreal(A)"]),
    Constant(np.iscomplex,     examples=["A * iscomplex(A)"]),
    Constant(np.isclose,       bind=_bind_isclose, examples=["A * isclose(A, A, rtol=0.0)"]),
    Constant(np.allclose,      bind=_bind_isclose, examples=["A * allclose(A, 1.0)"]),
    Constant(np.array_equal,   bind=_bind_array_equal, examples=["A * array_equal(A, A)"]),
    Constant(np.array_equiv,   examples=["A * array_equiv(A, A)"]),
    TRUTH, EXPONENT,
    # -- functions of integers -----------------------------------------------------------------------------------------
    *[Refused(function, INTEGERS_ONLY)
      for function in (np.gcd, np.lcm, np.left_shift, np.right_shift, np.bitwise_count)],
]
# fmt: on

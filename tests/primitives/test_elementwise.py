"""Every elementwise row against its own exact meaning: SymPy's derivative to 50 digits, and mpmath's numerical one."""

import ast
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.primitives.kinds import Constant, Elementwise
from diffbench.primitives.partial import RULE_NAMES
from tests.primitives.examples import ELEMENTWISE, ROWS, sample

DIGITS = 50
POINTS = 5


class locally_constant(sympy.Function):
    """floor or trunc away from its jumps: to SymPy's derivatives a constant, with mpmath's value."""

    def fdiff(self, argindex=1):
        return sympy.Integer(0)

    def _eval_evalf(self, prec):
        return sympy.floor(self.args[0].evalf())


SYMPY = {name: getattr(sympy, name) for name in sympy.__all__} | {
    "expm1": lambda x: sympy.exp(x) - 1,
    "log1p": lambda x: sympy.log(1 + x),
    "floor": locally_constant,
    "trunc": locally_constant,
    "where": lambda a, b, c: b if a else c,
}
MPMATH = {name: getattr(mpmath.mp, name) for name in dir(mpmath.mp) if not name.startswith("_")} | {
    "ceiling": mpmath.mp.ceil,
    "trunc": lambda x: mpmath.floor(x) if x >= 0 else mpmath.ceil(x),
    "Abs": abs, "Max": max, "Min": min,
    "where": lambda a, b, c: b if a else c,
    "Eq": lambda a, b: a == b, "Ne": lambda a, b: a != b,
    "And": lambda a, b: a and b, "Or": lambda a, b: a or b, "Not": lambda a: not a, "Xor": lambda a, b: a != b,
}  # fmt: skip


def exact_number(x):
    """A float as the mpmath number of exactly its value; a truth value as it is."""
    return bool(x) if isinstance(x, bool | np.bool) else mpmath.mpf(float(x))


def meaning(row, variables, operands):
    """The value of a row's exact text in mpmath."""
    return eval(row.exact, MPMATH, dict(zip(variables, operands)))


@cache
def derivative_by_sympy(text: str, variables: str, position: int, truth: tuple):
    """The partial derivative of a text as a function of mpmath numbers; truth values in it are fixed beforehand."""
    symbols = sympy.symbols(list(variables), real=True)
    values = [symbol if fixed is None else fixed for symbol, fixed in zip(symbols, truth)]
    slope = sympy.diff(eval(text, SYMPY, dict(zip(variables, values))), symbols[position])
    return lambda *numbers: slope.evalf(DIGITS, subs=dict(zip(symbols, map(sympy.Float, numbers))))


def points(row, count=POINTS):
    """Operands of an elementwise row inside its domain, a tuple of numbers for each point."""
    return [tuple(x[()] for x in sample(row, ((),) * len(row.partials), seed)) for seed in range(count)]


WITH_MEANING = [row for row in ELEMENTWISE if row.exact]
PARTIALS = [
    pytest.param(row, position, id=f"{row.name.removeprefix('numpy.')}-{row.variables[position]}")
    for row in WITH_MEANING
    for position, partial in enumerate(row.partials)
    if partial
]
by_partial = pytest.mark.parametrize(("row", "position"), PARTIALS)


def slope_of(row, position, operands):
    """What forward mode gives for one partial derivative."""
    return db.derivative(row.function, argnum=position, backend="forward")(*operands)


@by_partial
def test_a_partial_is_sympys_derivative(row, position):
    for operands in points(row):
        truth = tuple(bool(x) if isinstance(x, bool | np.bool) else None for x in operands)
        slope = derivative_by_sympy(row.exact, row.variables, position, truth)
        expected = slope(*[sympy.Float(float(x), DIGITS) for x in operands])
        assert slope_of(row, position, operands) == pytest.approx(float(expected), rel=4e-15, abs=1e-15)


@by_partial
def test_a_partial_is_mpmaths_numerical_derivative(row, position):
    with mpmath.workdps(DIGITS):
        for operands in points(row):
            numbers = [exact_number(x) for x in operands]

            def along(t, numbers=numbers):
                return meaning(row, row.variables, [*numbers[:position], t, *numbers[position + 1 :]])

            expected = mpmath.diff(along, numbers[position])
            assert slope_of(row, position, operands) == pytest.approx(float(expected), rel=4e-15, abs=1e-15)


@pytest.mark.parametrize("modes", [("forward",) * 3, ("reverse",) * 3, ("reverse", "forward", "forward")], ids="/".join)
@by_partial
def test_third_derivatives_are_mpmaths_numerical_ones(row, position, modes):
    def nested(*operands):
        def along(t):
            return row.function(*operands[:position], t, *operands[position + 1 :])

        for mode in modes:
            along = db.derivative(along, backend=mode)
        return along(operands[position])

    with mpmath.workdps(DIGITS):
        for operands in points(row, count=2):
            numbers = [exact_number(x) for x in operands]

            def along(t, numbers=numbers):
                return meaning(row, row.variables, [*numbers[:position], t, *numbers[position + 1 :]])

            expected = mpmath.diff(along, numbers[position], 3)
            assert nested(*operands) == pytest.approx(float(expected), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(
    "modes", [("forward", "forward"), ("reverse", "reverse"), ("reverse", "forward")], ids="-".join
)
@pytest.mark.parametrize("x", [1e-3, -1e-9, 1e-17, 1e-200])
@pytest.mark.parametrize(
    ("f", "curvature"),
    [(np.arcsin, lambda x: x / (1 - x * x) ** 1.5), (np.arccos, lambda x: -x / (1 - x * x) ** 1.5),
     (np.arctanh, lambda x: 2 * x / (1 - x * x) ** 2)],
)  # fmt: skip
def test_a_second_derivative_that_is_small_near_0_keeps_its_digits(f, curvature, x, modes):
    for mode in modes:
        f = db.derivative(f, backend=mode)
    assert f(x) == pytest.approx(curvature(x), rel=1e-15, abs=0)


def nested(f, modes):
    """The derivative of that order, each by its mode."""
    for mode in modes:
        f = db.derivative(f, backend=mode)
    return f


def in_array(f):
    """f of a number by an array in which it is not alone."""
    return lambda x: f(np.array([0.5, 1.0]) * x)[1]


THRICE = [("forward",) * 3, ("reverse",) * 3, ("reverse", "forward", "reverse")]


@pytest.mark.parametrize("modes", THRICE, ids="-".join)
@pytest.mark.parametrize("x", [0.4, 1.4, 1.5, -2.5, 19.0, -25.0, 100.0, 340.0, -350.0])
def test_derivatives_of_tanh_keep_their_digits_where_it_rounds_to_one(x, modes):
    with mpmath.workdps(DIGITS):
        y, slope = mpmath.tanh(x), mpmath.sech(x) ** 2
        exact = [float(d) for d in (slope, -2 * y * slope, (4 * y * y - 2 * slope) * slope)]
    for order in (1, 2, 3):
        for f in (np.tanh, in_array(np.tanh)):
            assert nested(f, modes[:order])(x) == pytest.approx(exact[order - 1], rel=2e-15, abs=0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_slope_of_tanh_in_its_tail_in_few_digits_and_of_complex_numbers(mode):
    for x in (1.6, -19.0, 40.0):
        single = nested(np.tanh, [mode])(np.float32(x))
        assert single.dtype == np.float32
        assert single == pytest.approx(float(mpmath.sech(float(np.float32(x))) ** 2), rel=5e-7)
        for f in (lambda t: np.tanh(t * (1 + 0.1j)).imag, lambda t: np.tanh(np.array([0.1, t]) * (1 + 0.1j)).imag[1]):
            with mpmath.workdps(DIGITS):
                z = x * mpmath.mpc(1, 0.1)
                exact = float((mpmath.mpc(1, 0.1) * mpmath.sech(z) ** 2).imag)
            assert nested(f, [mode])(x) == pytest.approx(exact, rel=2e-14, abs=0)


@pytest.mark.parametrize("modes", [mode[:2] for mode in THRICE], ids="-".join)
@pytest.mark.parametrize("x", [-3.0, 1e8, -1e20, 1e100, 1e153, -1e155, 1e170, 1e300, -np.inf])
@pytest.mark.parametrize(
    ("f", "slope", "curvature"),
    [(np.arcsinh, lambda x: 1 / mpmath.hypot(1, x), lambda x: -x / mpmath.hypot(1, x) ** 3),
     (np.arccosh, lambda x: 1 / mpmath.sqrt(x * x - 1), lambda x: -x / mpmath.sqrt(x * x - 1) ** 3),
     (np.arctan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2)],
)  # fmt: skip
def test_no_square_of_a_large_argument_overflows(f, slope, curvature, x, modes):
    x = -x if f is np.arccosh and x < 0 else x
    with mpmath.workdps(DIGITS):
        number = mpmath.mpf(x)
        exact = [float(slope(number)), float(curvature(number))] if np.isfinite(x) else [0.0, 0.0]
    for g in (f, in_array(f)) if np.isfinite(x) else (f,):
        for order in (1, 2):
            found = nested(g, modes[:order])(x)
            assert found == pytest.approx(exact[order - 1], rel=1e-15, abs=1e-323)  # tiny numbers have few digits


@pytest.mark.parametrize("modes", [mode[:2] for mode in THRICE], ids="-".join)
@pytest.mark.parametrize(("a", "b"), [(1.0, 1e-8), (-30.0, 1e-100), (3e150, 4e100), (1e-200, 1e-180), (3.0, -4.0)])
def test_second_derivatives_of_hypot_do_not_cancel(a, b, modes):
    """b²/r³, -ab/r³ and a²/r³."""
    with mpmath.workdps(DIGITS):
        x, z = mpmath.mpf(a), mpmath.mpf(b)
        r = mpmath.hypot(x, z)
        exact = [[float(d) for d in row] for row in [[z * z / r**3, -x * z / r**3], [-x * z / r**3, x * x / r**3]]]
    for i, k in np.ndindex(2, 2):
        slope = db.derivative(np.hypot, argnum=i, backend=modes[0])
        assert db.derivative(slope, argnum=k, backend=modes[1])(a, b) == pytest.approx(exact[i][k], rel=3e-15, abs=0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.complex128])
def test_the_slopes_of_large_arguments_in_other_dtypes(dtype):
    large = np.array([-0.5, 1.0]) * np.sqrt(np.finfo(dtype).max) * 4
    x = large.astype(dtype)
    assert np.allclose(RULE_NAMES["arcsinh_slope"](x), 1 / np.abs(x), rtol=4 * np.finfo(dtype).eps, atol=0)
    assert np.allclose(RULE_NAMES["arctan_slope"](x), np.square(1 / x), rtol=0, atol=1e-3 * np.finfo(dtype).eps)
    for name in ("arcsinh_slope", "arctan_slope"):
        assert RULE_NAMES[name](x).dtype == RULE_NAMES[name](x[0]).dtype == dtype
        np.testing.assert_array_equal(RULE_NAMES[name](x[0]), RULE_NAMES[name](x)[0])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("f", [np.remainder, np.fmod], ids=lambda f: f.__name__)
def test_a_remainder_beside_a_jump_has_the_slope_of_its_own_quotient(f, mode):
    """f(a, b) is a - n b for a whole n; where a / b rounds to the next one, that of the result counts."""
    a = np.array([1.0, 6.0, -0.3, 0.7, 1.0, 4.35, 7.0, -7.5])
    b = np.array([0.1, 0.1, 0.1, -0.1, 0.2, 0.01, 2.0, 2.0])
    in_a, in_b = db.gradient(lambda a, b: np.sum(f(a, b)), argnum=(0, 1), backend=mode)(a, b)
    np.testing.assert_array_equal(in_a, 1.0)
    for x, z, slope in zip(a, b, in_b):
        with mpmath.workdps(DIGITS):
            n = mpmath.nint((mpmath.mpf(x) - mpmath.mpf(float(f(x, z)))) / mpmath.mpf(z))
        assert slope == db.derivative(f, argnum=1, backend=mode)(x, z) == -n
    assert db.derivative(f, argnum=1, backend=mode)(1.0, np.inf) == 0.0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_the_slopes_of_arctan2_neither_overflow_nor_underflow_on_the_way(scale, mode):
    """The derivative of atan2(a, b) at (3, 4) is (4, -3) / 25."""
    found = [db.derivative(np.arctan2, argnum=k, backend=mode)(3 * scale, 4 * scale) for k in (0, 1)]
    np.testing.assert_allclose(found, np.array([0.16, -0.12]) / scale, rtol=1e-15)


@pytest.mark.parametrize(
    "modes", [("forward", "forward"), ("reverse", "reverse"), ("reverse", "forward")], ids="-".join
)
@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [(lambda x: np.hypot(x, 1.0), -np.inf, -1.0), (lambda x: np.hypot(np.inf, x), 1.0, 0.0),
     (lambda x: np.arctan2(x, 1.0), np.inf, 0.0), (lambda x: np.arctan2(np.inf, x), 1.0, 0.0),
     *[(lambda x, f=f, b=b: f(x, b), a, slope) for f in (np.logaddexp, np.logaddexp2)
       for a, b, slope in [(-np.inf, -np.inf, 0.0), (np.inf, np.inf, 0.5), (np.inf, 1.0, 1.0), (1.0, np.inf, 0.0)]]],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_infinite_argument_has_the_slope_of_the_limit_and_no_curvature(f, x, slope, modes):
    first = db.derivative(f, backend=modes[0])
    assert first(x) == slope
    assert db.derivative(first, backend=modes[1])(x) == 0.0


def named(row):
    return row.name.removeprefix("numpy.")


@pytest.mark.parametrize("row", WITH_MEANING, ids=named)
def test_numpys_function_is_the_exact_one(row):
    with mpmath.workdps(DIGITS):
        for operands in points(row):
            expected = meaning(row, row.variables, [exact_number(x) for x in operands])
            assert float(row.function(*operands)) == pytest.approx(float(expected), rel=1e-14, abs=1e-15)


PIECEWISE_CONSTANT = [
    row for row in ROWS if isinstance(row, Constant) and row.exact and isinstance(row.function, np.ufunc)
]


@pytest.mark.parametrize("row", PIECEWISE_CONSTANT, ids=named)
def test_a_piecewise_constant_function_is_the_exact_one(row):
    variables = sorted({node.id for node in ast.walk(ast.parse(row.exact)) if isinstance(node, ast.Name)} & set("abx"))
    rng = np.random.default_rng(0)
    logical = any(word in row.exact for word in ("And", "Or", "Xor", "Not"))
    for _ in range(20):
        operands = rng.uniform(-3, 3, len(variables))
        operands = operands > 0 if logical else operands
        assert row.function(*operands) == meaning(row, variables, [exact_number(x) for x in operands])


def test_every_ufunc_of_numpy_has_a_row():
    from diffbench.primitives import TABLE

    of_dates = {np.isnat}
    ufuncs = {value for value in vars(np).values() if isinstance(value, np.ufunc)}
    assert {ufunc.__name__ for ufunc in ufuncs - set(TABLE) - of_dates} == set()


def test_every_differentiable_elementwise_row_says_its_exact_meaning():
    assert [row.name for row in ROWS if isinstance(row, Elementwise) and not row.exact] == []

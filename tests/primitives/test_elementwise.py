"""Every elementwise row against its own exact meaning: SymPy's derivative to 50 digits, and mpmath's numerical one."""

import ast
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.primitives.kinds import Constant, Elementwise
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


THRICE = [("forward",) * 3, ("reverse",) * 3, ("reverse", "forward", "reverse")]


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

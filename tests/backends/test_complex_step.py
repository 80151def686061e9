"""Complex step against published values, 50-digit mathematics and the traps of complex arithmetic."""

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.backends.complex_step import ComplexStep
from tests.common import Counted
from tests.primitives.examples import EXAMPLES, OF_REALS, Example, each_of, named

REAL_BRANCHES = ComplexStep(branches="real")
COMPLEX = "complex-step"


def martins(x):
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def squire_trapp(x):
    return np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3)


def logistic(x):
    """l_4 of the logistic map."""
    for _ in range(3):
        x = 4 * x * (1 - x)
    return x


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# -- accuracy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "derivative"),
    [
        (lambda x: x**4.5, 1.5, 18.600812734259759),
        (squire_trapp, 1.5, 3.62203370071632604),
        (squire_trapp, np.pi / 4, 3.101766393836051),
        (martins, 1.5, 4.053427893898621),
        (logistic, 0.2, 9.0660864),
    ],
    ids=["Squire-Trapp power", "Squire-Trapp ratio", "Moler", "Martins", "logistic"],
)
def test_published_derivatives_are_right_to_the_last_digits(f, x, derivative):
    assert db.derivative(f, backend=COMPLEX)(x) == pytest.approx(derivative, rel=1e-15)


FUNCTIONS = {  # function: its 50-digit counterpart, and points
    np.exp: (mpmath.exp, (-30.0, 1e-9, 2.0)),
    np.exp2: (lambda x: mpmath.power(2, x), (-3.0, 2.0)),
    np.expm1: (mpmath.expm1, (-2.0, 1e-9)),
    np.log: (mpmath.log, (1e-30, 0.5, 1e30)),
    np.log2: (lambda x: mpmath.log(x, 2), (0.3, 5.0)),
    np.log10: (mpmath.log10, (0.3, 5.0)),
    np.log1p: (mpmath.log1p, (-0.99, 1e-9, 3.0, 1e30)),
    np.sqrt: (mpmath.sqrt, (1e-20, 2.0)),
    np.cbrt: (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), (-8.0, 1e-9)),
    np.sin: (mpmath.sin, (1e-9, 40.0)),
    np.cos: (mpmath.cos, (0.3, 40.0)),
    np.tan: (mpmath.tan, (-1.5, 0.3)),
    np.arcsin: (mpmath.asin, (-0.999, 0.3)),
    np.arccos: (mpmath.acos, (-0.999, 0.3)),
    np.arctan: (mpmath.atan, (-40.0, 0.3)),
    np.sinh: (mpmath.sinh, (-20.0, 0.3)),
    np.cosh: (mpmath.cosh, (-20.0, 0.3)),
    np.tanh: (mpmath.tanh, (-10.0, 0.3)),
    np.arcsinh: (mpmath.asinh, (-20.0, 0.3)),
    np.arccosh: (mpmath.acosh, (1.001, 40.0)),
    np.arctanh: (mpmath.atanh, (-0.999, 0.3)),
    np.deg2rad: (mpmath.radians, (90.0,)),
    np.rad2deg: (mpmath.degrees, (1.0,)),
    np.reciprocal: (lambda x: 1 / x, (-0.3, 1e9)),
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_elementary_functions_are_right_to_the_last_digits(function):
    exact, points = FUNCTIONS[function]
    with mpmath.workdps(50):
        slopes = [float(mpmath.diff(exact, mpmath.mpf(x), h=mpmath.mpf(10) ** -35 * min(abs(x), 1))) for x in points]
    found = db.elementwise_derivative(function, backend=COMPLEX)(np.array(points))
    assert found == pytest.approx(slopes, rel=1e-14)


def test_value_of_log1p_keeps_the_digits_of_a_small_argument():
    value, slope = db.value_and_gradient(lambda x: np.log1p(x) ** 2, backend=COMPLEX)(1e-10)
    assert slope == pytest.approx(2e-10 * (1 - 1.5e-10), rel=1e-14)
    assert value == pytest.approx(1e-20, rel=1e-9)


@pytest.mark.parametrize("h", [1e-4, 1e-20, 1e-100, 1e-300])
def test_error_is_that_of_truncation_and_nothing_else(h):
    found = db.derivative(logistic, backend=COMPLEX, step=h)(0.2)
    truncation = h**2 * 3948.87168 / 6
    assert abs(found - 9.0660864) == pytest.approx(truncation, rel=1e-3, abs=1e-14)


@pytest.mark.parametrize(("dtype", "digits"), [(np.float16, 2e-3), (np.float32, 5e-7), (np.longdouble, 1e-17)])
def test_dtypes_are_kept_with_all_their_digits(dtype, digits):
    x = np.array([0.5, 1.5], dtype)
    exact = np.cos(x.astype(np.longdouble)) * 2 ** np.sin(x.astype(np.longdouble)) * np.log(np.longdouble(2))
    slope = db.jvp(lambda x: 2 ** np.sin(x), backend=COMPLEX)(x, np.ones(2, dtype))
    assert slope.dtype == dtype
    assert np.max(np.abs(slope / exact - 1)) < digits
    assert db.gradient(lambda x: np.sum(np.sin(x)), backend=COMPLEX)(x).dtype == dtype


def test_small_and_large_arguments_get_steps_of_their_own():
    x = np.array([1e-200, 1e-25, 1.0, 1e25, 1e200])
    assert db.gradient(lambda x: np.sum(np.log(x)), backend=COMPLEX)(x) == pytest.approx(1 / x, rel=1e-14)


def test_length_of_the_direction_does_not_matter():
    x, v = np.array([0.3, 40.0]), np.array([2.0, -1.0])
    push = db.linearize(lambda x: np.sin(x[0]) * x[1] ** 2, backend=COMPLEX)(x)[1]
    exact = 2 * np.cos(0.3) * 1600 - 2 * np.sin(0.3) * 40
    assert [push(scale * v) / scale for scale in (1e-100, 1.0, 1e100)] == pytest.approx([exact] * 3, rel=1e-14)


def test_every_row_of_the_table_is_right_or_refused():
    refused = []
    for example in OF_REALS:
        try:
            found = pushed(example, COMPLEX)
        except db.NotAnalytic:
            refused.append(example)
            continue
        assert_close(found, pushed(example, "forward"), named(example))
    assert 0 < len(refused) < len(OF_REALS) / 3, "the table has few functions with a kink"


NOT_CONTINUED = ("copysign", "nextafter", "linalg.eig", "linalg.eigh", "linalg.pinv", "linalg.qr", "linalg.svd")


@each_of(OF_REALS)
def test_every_row_of_the_table_is_right_on_each_side_of_its_kinks_or_refused_by_name(example):
    try:
        found = pushed(example, REAL_BRANCHES)
    except db.NotAnalytic as refusal:
        if not any(f"numpy.{name}: it is not analytic" in refusal.what for name in NOT_CONTINUED):
            raise
    else:
        assert_close(found, pushed(example, "forward"), named(example))


@each_of([e for e in EXAMPLES if e not in OF_REALS])
def test_a_row_that_meets_complex_numbers_of_the_program_is_refused(example):
    """One imaginary unit cannot serve two."""
    with pytest.raises((db.NotAnalytic, db.UnsupportedVerb, db.UnsupportedPrimitive)):
        pushed(example, REAL_BRANCHES)


def pushed(example: Example, backend: object) -> np.ndarray:
    return db.jvp(example.f, argnum=example.argnums, backend=backend)(*example.point, example.direction(1))


def assert_close(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    assert np.shape(found) == np.shape(expected), name
    assert found == pytest.approx(expected, rel=1e-13, abs=1e-13), name


# -- second derivatives ------------------------------------------------------------------------------------------------


def test_second_derivative_of_the_function_of_martins():
    assert db.hessian(martins, backend=COMPLEX)(1.5) == pytest.approx(9.4630736815966, rel=1e-11)


def test_hessian_and_product_of_powells_singular_function():
    def powell(x):
        a, b, c, d = x
        return (a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4

    expected = np.array([[482, 20, 0, -480], [20, 212, -24, 0], [0, -24, 58, -10], [-480, 0, -10, 490]], float)
    x, v = np.array([3.0, -1.0, 0.0, 1.0]), np.array([1.0, -2.0, 0.5, 3.0])
    hessian = db.hessian(powell, backend=COMPLEX)(x)
    assert np.array_equal(hessian, hessian.T)
    assert hessian == pytest.approx(expected, abs=1e-8)
    assert db.hvp(powell, backend=COMPLEX)(x, v) == pytest.approx(expected @ v, abs=1e-8)


def test_hessian_of_several_arguments_comes_in_blocks():
    (aa, ab), (ba, bb) = db.hessian(lambda a, b: np.sum(a**2) * b, argnum=(0, 1), backend=COMPLEX)(np.ones((1, 2)), 3.0)
    assert (aa.shape, ab.shape, ba.shape) == ((1, 2, 1, 2), (1, 2), (1, 2))
    assert aa.reshape(2, 2) == pytest.approx(6 * np.eye(2), abs=1e-10)
    assert ab == pytest.approx(2 * np.ones((1, 2)), abs=1e-10)
    assert bb == pytest.approx(0, abs=1e-10)


def test_gradient_that_comes_with_the_hessian_is_nearly_as_good():
    gradient, _ = ComplexStep().hessian(lambda leaves: [rosenbrock(leaves[0])], [np.array([0.5, 1.0])])
    assert gradient[0] == pytest.approx([-151, 150], rel=1e-9)


# -- cost --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["gradient", "value_and_gradient", "jacobian", "hessian", "jvp", "vjp", "hvp"])
def test_evaluations_of_f_are_as_many_as_stated(verb):
    f, x = Counted(rosenbrock), np.array([0.5, 1.0, -0.3])
    direction = {"jvp": (np.ones(3),), "hvp": (np.ones(3),), "vjp": (1.0,)}.get(verb, ())
    getattr(db, verb)(f, backend=COMPLEX)(x, *direction)
    assert f.count == ComplexStep().evaluations(verb, n=3)


def test_linearize_evaluates_f_once_and_each_push_once_more():
    f = Counted(np.sin)
    _, push = db.linearize(f, backend=COMPLEX)(0.5)
    push(1.0)
    push(2.0)
    assert f.count == 3


# -- what is not analytic ----------------------------------------------------------------------------------------------


def relu_by_branch(x):
    return x if x > 0 else 0 * x


KINKED = {
    "absolute": np.abs,
    "maximum": lambda x: np.maximum(x, 0.0),
    "minimum": lambda x: np.minimum(x, 0.0),
    "fmax": lambda x: np.fmax(x, 0.0),
    "greater": relu_by_branch,
    "less_equal": lambda x: np.where(x <= 0, 0.0, x),
    "bool": lambda x: x if x else -x,
    "sign": lambda x: np.sign(x) * x,
    "floor": lambda x: x - np.floor(x),
    "remainder": lambda x: x % 0.7,
    "numpy.max": lambda x: np.max(np.stack([x, 2 * x])),
    "argsort": lambda x: np.sort(np.stack([x, 2 * x]))[0],
    "astype": lambda x: x * x.astype(int),
}


@pytest.mark.parametrize("name", KINKED)
def test_functions_with_a_kink_are_refused_by_name_and_place(name):
    with pytest.raises(db.NotAnalytic) as caught:
        db.derivative(KINKED[name], backend=COMPLEX)(1.5)
    message = str(caught.value)
    assert name in message
    assert "test_complex_step.py:" in message
    assert "forward" in message


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("x", [-1.6, 1.6])
def test_real_branches_are_right_on_each_side_of_a_kink(name, x):
    x, h = np.float64(x), 1e-6
    found = db.derivative(KINKED[name], backend=REAL_BRANCHES)(x)
    assert found == pytest.approx((KINKED[name](x + h) - KINKED[name](x - h)) / (2 * h), abs=1e-7)


@pytest.mark.parametrize("name", ["greater", "absolute", "floor"])
def test_refusal_names_the_option_that_helps(name):
    with pytest.raises(db.NotAnalytic, match="branches='real'"):
        db.derivative(KINKED[name], backend=COMPLEX)(1.5)


def test_kinks_follow_the_conventions_of_automatic_differentiation():
    x = np.zeros(3)
    assert db.elementwise_derivative(np.abs, backend=REAL_BRANCHES)(x).tolist() == [0, 0, 0]
    assert db.elementwise_derivative(lambda x: np.maximum(x, 0.0), backend=REAL_BRANCHES)(x).tolist() == [0.5] * 3
    assert db.gradient(np.max, backend=REAL_BRANCHES)(x) == pytest.approx([1 / 3] * 3)


def test_masks_that_do_not_depend_on_x_are_welcome():
    mask = np.array([True, False])
    found = db.gradient(lambda x: np.sum(np.where(mask, x**2, 3 * x)), backend=COMPLEX)(np.array([1.0, 2.0]))
    assert found.tolist() == [2, 3]


def test_single_points_may_be_guarded():
    def guarded(x):
        safe = np.where(x == 0, 1.0, x)
        return np.sum(np.where(np.isfinite(x), np.where(x == 0, 1.0, np.sin(safe) / safe), 0.0))

    x = np.array([0.0, 2.0])
    expected = [0, np.cos(2) / 2 - np.sin(2) / 4]
    assert db.gradient(guarded, backend=COMPLEX)(x) == pytest.approx(expected, abs=1e-15)


def test_shapes_and_arrays_like_x_are_no_comparisons():
    found = db.gradient(lambda x: np.sum(x * (np.ones_like(x) + len(x) + x.ndim)), backend=COMPLEX)(np.ones(2))
    assert found.tolist() == [4, 4]


# -- traps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (np.log, -1.0),
        (np.log1p, -2.0),
        (np.log2, -1.0),
        (np.sqrt, -1.0),
        (lambda x: x**0.5, -1.0),
        (lambda x: x**2.5, -1.0),
        (lambda x: np.float64(-2.0) ** x, 3.0),
        (np.arcsin, 1.5),
        (np.arccos, -1.5),
        (np.arccosh, 0.5),
        (np.arctanh, 2.0),
        (lambda x: np.hypot(x, 0.0), 0.0),
        (lambda x: np.arctan2(x, 0.0), 0.0),
        (lambda x: x / x, 0.0),
    ],
)
def test_where_the_real_function_has_no_derivative_there_is_none(f, x):
    assert np.isnan(db.derivative(f, backend=COMPLEX)(x))


@pytest.mark.parametrize(
    ("f", "x"),
    [(np.sqrt, 0.0), (np.log, 0.0), (lambda x: x**0.5, 0.0), (np.cbrt, 0.0), (np.arcsin, 1.0), (np.arctanh, 1.0)],
)
def test_infinite_slopes_are_infinite(f, x):
    assert db.derivative(f, backend=COMPLEX)(x) == np.inf


@pytest.mark.parametrize("f", [np.reciprocal, lambda x: 1 / x, lambda x: np.divide(2.0, x)])
def test_a_pole_and_its_slope_are_infinite_and_not_those_of_a_step_beside_it(f):
    assert db.value_and_gradient(f, backend=COMPLEX)(0.0) == (np.inf, -np.inf)


def test_a_power_whose_exponent_moves_from_zero_follows_the_convention_of_automatic_differentiation():
    assert db.derivative(lambda x: x**x, backend=COMPLEX)(0.0) == db.derivative(lambda x: x**x)(0.0)
    assert db.derivative(lambda x: np.float64(0.0) ** x, backend=COMPLEX)(2.0) == 0.0


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: x**3, -2.0, 12.0),
        (lambda x: x**3.0, -2.0, 12.0),
        (lambda x: x**-2, -2.0, 0.25),
        (lambda x: x**151, -1.1, 151 * 1.1**150),
        (lambda x: np.power(x, np.array(4.0)), -1.5, 4 * (-1.5) ** 3),
        (lambda x: x**2, 0.0, 0.0),
        (lambda x: x**1.1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: 2**x, 3.0, 8 * np.log(2)),
    ],
)
def test_powers(f, x, slope):
    assert db.derivative(f, backend=COMPLEX)(x) == pytest.approx(slope, rel=1e-14)


def test_conjugates_do_not_turn_the_sign():
    v = np.array([1.0, 2.0])
    assert db.gradient(lambda x: np.vdot(x, x), backend=COMPLEX)(v).tolist() == [2, 4]
    assert db.gradient(lambda x: np.sum(np.conjugate(x) * np.real(x)), backend=COMPLEX)(v).tolist() == [2, 4]
    assert db.gradient(lambda x: np.var(x), backend=COMPLEX)(v) == pytest.approx([-0.5, 0.5])


def test_angle_is_right_in_all_quadrants():
    angles = np.linspace(-3.1, 3.1, 9)
    slopes = db.elementwise_derivative(lambda t: np.arctan2(np.sin(t), np.cos(t)), backend=COMPLEX)(angles)
    assert slopes == pytest.approx(np.ones(9), rel=1e-14)


def test_softplus_is_right_far_from_zero():
    x = np.array([-1000.0, -40.0, 0.0, 40.0, 1000.0])
    found = db.elementwise_derivative(lambda x: np.logaddexp(x, 0.0), backend=COMPLEX)(x)
    assert found == pytest.approx([0, np.exp(-40), 0.5, 1, 1], rel=1e-14)


def test_complex_numbers_in_f_are_refused():
    with pytest.raises(db.UnsupportedVerb, match="not its own"):
        db.derivative(lambda x: np.exp(1j * x), backend=COMPLEX)(1.0)


def test_nan_in_the_argument_propagates():
    assert np.isnan(db.gradient(lambda x: np.sum(x**2), backend=COMPLEX)(np.array([1.0, np.nan]))[1])
    assert np.isnan(db.derivative(np.log, backend=COMPLEX)(np.nan))


def test_argument_that_f_overwrites_is_never_changed():
    def overwriting(x):
        if isinstance(x, np.ndarray):
            x[:] = 0
        return np.sum(x**2)

    x = np.array([1.0, 2.0])
    db.linearize(overwriting, backend=COMPLEX)(x)
    assert x.tolist() == [1, 2]


def test_empty_arguments_have_empty_derivatives():
    empty = np.zeros((0, 2))
    assert db.gradient(np.sum, backend=COMPLEX)(empty).shape == (0, 2)
    assert db.jacobian(lambda x: x.sum(axis=0), backend=COMPLEX)(empty).shape == (2, 0, 2)
    assert db.hessian(np.sum, backend=COMPLEX)(empty).shape == (0, 2, 0, 2)
    assert db.hvp(np.sum, backend=COMPLEX)(empty, empty).shape == (0, 2)


def test_stacked_directions_give_stacked_answers():
    x, directions = np.array([0.5, 1.0]), np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert db.jvp(np.sin, backend=COMPLEX, batch=True)(x, directions) == pytest.approx(directions * np.cos(x))
    products = db.hvp(rosenbrock, backend=COMPLEX, batch=True)(x, directions)
    assert products == pytest.approx(directions @ np.array([[-98, -200], [-200, 200.0]]), abs=1e-8)
    assert db.jvp(np.sin, backend=COMPLEX, batch=True)(x, directions[:0]).shape == (0, 2)


# -- nesting -----------------------------------------------------------------------------------------------------------


MODES = ("forward", "reverse")


@pytest.mark.parametrize("mode", MODES)
def test_complex_step_over_automatic_differentiation_gives_second_derivatives_to_the_last_digits(mode):
    x = np.array([0.5, 1.0])
    found = db.jacobian(db.gradient(rosenbrock, backend=mode), backend=COMPLEX)(x)
    assert found == pytest.approx(np.array([[-98, -200], [-200, 200.0]]), rel=1e-14)


@pytest.mark.parametrize("mode", MODES)
def test_automatic_differentiation_over_complex_step(mode):
    x = np.array([0.5, 1.0])
    found = db.jacobian(db.gradient(rosenbrock, backend=COMPLEX), backend=mode)(x)
    assert found == pytest.approx(np.array([[-98, -200], [-200, 200.0]]), rel=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("f", [np.sqrt, np.log, np.reciprocal, lambda x: x**1.5])
def test_an_outer_derivative_of_a_singular_slope_is_not_taken_for_zero(f, mode):
    slope, bend = db.value_and_gradient(lambda x: db.derivative(f, backend=COMPLEX)(x), backend=mode)(0.0)
    assert slope == db.derivative(f, backend=COMPLEX)(0.0)
    assert not np.isfinite(bend)


SMOOTH = {
    "power": (lambda x: np.sum(x**3.5), lambda x: 8.75 * x**1.5),
    "array power": (lambda x: np.sum(x ** np.array([3.0, 2.0])), lambda x: np.array([6 * x[0], 2.0])),
    "log1p": (lambda x: np.sum(np.log1p(x) ** 2), lambda x: 2 * (1 - np.log1p(x)) / (1 + x) ** 2),
    "logaddexp": (lambda x: np.sum(np.logaddexp(x, 0.0)), lambda x: np.exp(x) / (1 + np.exp(x)) ** 2),
    "arctan2": (lambda x: np.sum(np.arctan2(x, 2.0)), lambda x: -4 * x / (4 + x * x) ** 2),
    "cbrt": (lambda x: np.sum(np.cbrt(x)), lambda x: -2 / 9 * x ** (-5 / 3)),
    "indexing": (lambda x: x[0] ** 2 + np.sum(x[[1, 1]] ** 2), lambda x: np.array([2.0, 4.0])),
    "prod": (lambda x: np.prod(np.stack([x, x])) / 2, lambda x: np.array([x[1] ** 2, x[0] ** 2])),
    "where": (lambda x: np.sum(np.where(np.array([True, False]), x**2, x**3)), lambda x: np.array([2, 6 * x[1]])),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(
    ("outer", "inner"), [(COMPLEX, "reverse"), (COMPLEX, "forward"), ("reverse", COMPLEX), ("forward", COMPLEX)]
)
def test_rules_of_the_table_run_on_complex_values_and_continuations_on_traced_ones(name, outer, inner):
    f, second = SMOOTH[name]
    x = np.array([0.3, 0.7])
    found = db.jacobian(db.gradient(f, backend=inner), backend=outer)(x)
    assert np.diag(found) == pytest.approx(second(x), rel=1e-13)


@pytest.mark.parametrize(("outer", "inner"), [(COMPLEX, mode) for mode in MODES] + [(mode, COMPLEX) for mode in MODES])
def test_perturbations_of_nested_derivatives_are_kept_apart(outer, inner):
    def f(x):
        return x * db.derivative(lambda y: x + y, backend=inner)(1.0)

    assert db.derivative(f, backend=outer)(1.0) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: db.derivative(np.sin, backend=COMPLEX)(x),
        lambda x: x * db.derivative(lambda y: x + y, backend=COMPLEX)(1.0),
        lambda x: db.derivative(lambda y: db.derivative(lambda z: x * y * z, backend=COMPLEX)(1.0))(2.0),
    ],
    ids=["directly", "by closure", "through another derivative"],
)
def test_complex_step_nested_in_itself_is_refused(f):
    with pytest.raises(db.UnsupportedVerb, match="complex step is nested in complex step"):
        db.derivative(f, backend=COMPLEX)(1.0)


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [0, -1e-20, np.nan, np.inf, "tiny"])
def test_step_must_be_positive_and_finite(step):
    with pytest.raises(db.ArgumentError, match="complex-step: step="):
        db.get_backend(COMPLEX, step=step)


def test_unknown_way_to_branch_is_refused():
    with pytest.raises(db.ArgumentError, match="branches='imaginary'"):
        db.get_backend(COMPLEX, branches="imaginary")


def test_evaluations_of_an_unknown_verb_are_refused():
    with pytest.raises(db.UnsupportedVerb, match="no verb 'grad'"):
        ComplexStep().evaluations("grad")

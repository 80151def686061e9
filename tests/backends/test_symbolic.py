"""The symbolic backend: expressions, derivatives by convention, deep programs, nesting, preparation."""

import mpmath
import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.backends.symbolic import Symbolic
from diffbench.backends.symbolic_graph import Graph
from diffbench.problems import problem
from diffbench.reference import reference, relative_error

SYMBOLIC = Symbolic()
X, X0, X1 = sympy.symbols("x x0 x1")
POINT = np.array([0.5, 1.0, 2.0])


def gradient(f, x):
    return db.gradient(f, backend="symbolic")(x)


# -- expressions -------------------------------------------------------------------------------------------------------


def test_the_expression_of_a_scalar_function_is_in_x():
    assert SYMBOLIC.expression(lambda x: np.sin(x) * x**2) == X**2 * sympy.sin(X)
    assert SYMBOLIC.expression(np.exp, ()) == sympy.exp(X)


def test_the_expression_of_a_vector_is_in_numbered_symbols():
    assert SYMBOLIC.expression(lambda x: np.sum(x**2), 2) == X0**2 + X1**2
    assert SYMBOLIC.expression(lambda x: x[::-1], 2).tolist() == [X1, X0]


def test_the_expression_of_an_array_numbers_it_in_c_order():
    assert SYMBOLIC.expression(lambda x: x.T, (2, 2)).ravel().tolist() == list(sympy.symbols("x0 x2 x1 x3"))


def test_the_derivative_of_an_expression_is_that_of_sympy():
    f = problem("logistic_loop").function
    assert SYMBOLIC.expression(lambda x: f(x, 4), derivative=True) == sympy.diff(f(X, 4), X)
    assert SYMBOLIC.expression(lambda x: x[0] * x[1] ** 2, 2, derivative=True).tolist() == [X1**2, 2 * X0 * X1]


def test_derivatives_at_kinks_are_case_distinctions():
    assert SYMBOLIC.expression(np.abs, derivative=True) == sympy.sign(X)
    slope = SYMBOLIC.expression(lambda x: np.maximum(x, 0), derivative=True)
    assert not slope.has(sympy.Heaviside)
    assert [slope.subs(X, value) for value in (-1, 0, 1)] == [0, sympy.Rational(1, 2), 1]


# -- size --------------------------------------------------------------------------------------------------------------


def test_the_graph_grows_in_proportion_to_the_program():
    """SymPy's derivative of l_14, written out as a tree, has more than a million operations."""

    def names(n):
        graph, x = Graph(), X
        for _ in range(1, n):
            x = graph.name(4 * x * graph.name(1 - x))
        graph.derivatives([x], [X])
        return len(graph.definitions)

    assert names(14) - names(13) == names(5) - names(4) < 10


@pytest.mark.parametrize("n", [2, 14, 1001])
def test_deep_programs_are_differentiated_without_recursion(n):
    """sympy#24673: lambdify and cse walk deep expressions by recursion."""
    f = problem("logistic_loop").function
    found = db.derivative(lambda x: f(x, n), backend="symbolic")(0.25)
    with mpmath.workdps(400):
        theta, count = mpmath.asin(mpmath.mpf("0.5")), mpmath.mpf(2) ** (n - 1)
        exact = count * mpmath.sin(2 * count * theta) / mpmath.sin(2 * theta)
        assert found == pytest.approx(float(exact), rel=1e-9)


# -- conventions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (np.abs, 0.0, 0.0),
        (np.sign, 0.0, 0.0),
        (lambda x: np.maximum(x, 0.0), 0.0, 0.5),
        (lambda x: np.minimum(x, 0.0), 0.0, 0.5),
        (lambda x: np.clip(x, -1.0, 1.0), 2.0, 0.0),
        (lambda x: np.floor(x) * x, 2.5, 2.0),
        (lambda x: x % 1.0, 2.5, 1.0),
        (np.sinc, 0.0, 0.0),
        (np.cbrt, -8.0, 1 / 12),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: np.logaddexp(0.0, x), 1000.0, 1.0),
        (np.expm1, 1e-20, 1.0),
        (lambda x: np.heaviside(x, 0.5) * x, 3.0, 1.0),
    ],
)
def test_kinks_and_edges_follow_the_conventions_of_the_table(f, x, slope):
    assert gradient(f, x) == pytest.approx(slope, abs=1e-15)


def test_extrema_that_tie_share_evenly():
    assert gradient(np.max, np.array([1.0, 2.0, 2.0, 2.0])).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_branch_not_taken_carries_nothing():
    assert gradient(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), np.array([2.0, 0.0, -1.0])).tolist() == [
        0.5,
        0,
        0,
    ]


@pytest.mark.parametrize("x", [1e-9, 1e-3, 0.03, 0.0399, 0.0401, 0.3])
def test_sinc_keeps_its_digits_near_zero(x):
    assert relative_error(gradient(np.sinc, x), reference(np.sinc, x)) < 1e-13


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_pole_gives_infinity_as_in_numpy():
    assert gradient(lambda x: 1 / x, 0.0) == -np.inf


# -- shapes, dtypes, arguments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_dtypes_are_kept(dtype):
    def f(x):
        return np.sum(np.log2(x) * np.maximum(x, 0.7) / 3)

    value, slope = db.value_and_gradient(f, backend="symbolic")(POINT.astype(dtype))
    assert value.dtype == dtype
    assert slope.dtype == dtype


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 2, 2)])
def test_jacobians_have_the_shape_of_result_and_argument(shape):
    assert np.shape(db.jacobian(lambda x: x * 2.0, backend="symbolic")(np.ones(shape))) == shape + shape


def test_results_that_do_not_depend_on_the_argument_have_zero_slope():
    assert db.jacobian(lambda x: np.ones(2), backend="symbolic")(POINT).tolist() == [[0.0] * 3] * 2
    assert gradient(lambda x: 3.0, POINT).tolist() == [0.0] * 3


def test_several_arguments_and_results_in_containers():
    f = db.jacobian(lambda p, q: {"a": p["x"] * q, "b": q**2}, argnum=(0, 1), backend="symbolic")
    blocks = f({"x": POINT}, 2.0)
    assert blocks["a"][0]["x"].tolist() == np.diag([2.0] * 3).tolist()
    assert blocks["a"][1].tolist() == POINT.tolist()
    assert blocks["b"] == ({"x": pytest.approx([0.0] * 3)}, 4.0)


def test_the_auxiliary_result_is_in_numbers():
    found = db.gradient(lambda x: (x @ x, {"first": x[0]}), backend="symbolic", has_aux=True)(POINT)
    assert found[1] == {"first": 0.5}
    assert found[0].tolist() == [1.0, 2.0, 4.0]


def test_all_verbs_agree_with_the_truth():
    def f(x):
        return np.prod(x) * np.exp(-x[0])

    v = np.array([1.0, -1.0, 2.0])
    for verb in ("hessian", "hvp", "jvp"):
        args = (POINT,) if verb == "hessian" else (POINT, v)
        found = getattr(db, verb)(f, backend="symbolic")(*args)
        assert np.max(relative_error(found, reference(f, *args, quantity=verb))) < 1e-14
    pulled = db.vjp(np.cumprod, backend="symbolic")(POINT, v)
    assert np.max(relative_error(pulled, reference(np.cumprod, POINT, v, quantity="vjp"))) < 1e-14


def test_an_exception_of_f_comes_out_unchanged():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gradient(f, POINT)


def test_a_branch_on_a_plain_value_is_refused():
    with pytest.raises(db.ClosedFormRequired, match="plain value of a symbol"):
        gradient(lambda x: x if db.primal(x) > 0 else -x, 1.0)


# -- nesting -----------------------------------------------------------------------------------------------------------

MODES = ("forward", "reverse", "symbolic")


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_perturbations_are_not_confused(outer, inner):
    def f(x):
        return x * db.derivative(lambda y: x * y + y**2, backend=inner)(x)

    assert db.derivative(f, backend=outer)(2.0) == 12.0  # d/dx x (x + 2x)


@pytest.mark.parametrize("inner", MODES)
@pytest.mark.parametrize("outer", MODES)
def test_second_derivatives_nest(outer, inner):
    found = db.jacobian(db.gradient(lambda x: np.sum(x**3) + x[0] * x[1] * x[2], backend=inner), backend=outer)(POINT)
    expected = 6 * np.diag(POINT) + np.array([[0, 2, 1], [2, 0, 0.5], [1, 0.5, 0]])
    assert found.tolist() == expected.tolist()


def test_fifty_digits_run_through_compiled_code():
    """Numbers of the expression (1/3, log 2, pi) are not printed as floats when the argument has more digits."""
    found = reference(lambda x: db.derivative(lambda t: 2.0**t / 3, backend="symbolic")(x), 0.5, quantity="value")
    with mpmath.workdps(60):
        assert abs(found - mpmath.sqrt(2) * mpmath.log(2) / 3) < mpmath.mpf(10) ** -49


# -- preparation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["gradient", "value_and_gradient", "jacobian", "hessian", "linearize", "pullback"])
def test_a_prepared_derivative_does_not_run_f_again(verb):
    calls = []

    def f(x):
        calls.append(1)
        return np.sum(x**3)

    prepared = getattr(db, verb)(f, backend="symbolic").prepare(POINT)
    calls.clear()
    prepared(2 * POINT)
    assert not calls


def test_a_prepared_derivative_prepares_again_for_another_shape_or_argument():
    prepared = db.gradient(lambda x, k: np.sum(x**k), backend="symbolic").prepare(POINT, 3)
    assert prepared(POINT, 3).tolist() == (3 * POINT**2).tolist()
    assert prepared(POINT, 2).tolist() == (2 * POINT).tolist()
    assert prepared(POINT[:2], 2).tolist() == (2 * POINT[:2]).tolist()


def test_prepared_directions_go_in_one_by_one_or_stacked():
    prepared = db.hvp(lambda x: np.sum(x**3), backend="symbolic", batch=True).prepare(POINT, np.eye(3))
    assert prepared(POINT, np.eye(3)).tolist() == np.diag(6 * POINT).tolist()


def test_preparation_does_not_lean_on_sympys_cache():
    """After a purge of the cache, SymPy makes symbols anew that are equal to the old ones, and not the same objects."""
    f = problem("helmholtz").function
    before = db.gradient(f, backend="symbolic")(*problem("helmholtz").point(6))
    graph = Graph()
    x = sympy.Symbol("x")
    name = graph.name(sympy.cos(x) * sympy.sin(x) + x**2)
    sympy.core.cache.clear_cache()
    assert sympy.Symbol("x") is not x
    (row,) = graph.derivatives([name], [sympy.Symbol("x")])
    assert set(row) == {x}
    after = db.gradient(f, backend="symbolic")(*problem("helmholtz").point(6))
    np.testing.assert_array_equal(before, after)

"""Every problem: numbers from the literature, and its derivative against differences in long double."""

import mpmath
import numpy as np
import pytest
import sympy

from diffbench.errors import UnknownName
from diffbench.problems import problem, problems

NAMES = [p.name for p in problems()]


def derivative(name, n=None):
    p = problem(name)
    return p.derivative(*p.point(n))


def value(name, n=None):
    p = problem(name)
    return p.function(*p.point(n))


def leaves(tree):
    """The arrays in nested tuples and lists, in order."""
    if isinstance(tree, (tuple, list)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [np.asarray(tree)]


def replaced(tree, new):
    """The same nesting with its leaves taken from the iterator `new`."""
    if isinstance(tree, (tuple, list)):
        return type(tree)(replaced(branch, new) for branch in tree)
    leaf = next(new)
    return leaf if np.ndim(leaf) else leaf[()]


def central_difference(function, tree):
    """Fourth-order differences in every entry of every leaf, in long double: good to about 1e-14."""
    step = np.longdouble(1e-4)
    wide = [leaf.astype(np.longdouble) for leaf in leaves(tree)]
    result = []
    for k, leaf in enumerate(wide):
        columns = []
        for index in np.ndindex(leaf.shape):
            total = 0
            for shift, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
                moved = leaf.copy()
                moved[index] += shift * step
                total = total + weight * function(replaced(tree, iter([*wide[:k], moved, *wide[k + 1 :]])))
            columns.append(np.asarray(total / (12 * step)))
        result.append(np.stack(columns, axis=-1).reshape(columns[0].shape + leaf.shape))
    return result


def scale_aware(found, expected, tolerance):
    for a, b in zip(leaves(found), expected, strict=True):
        np.testing.assert_allclose(a, b.astype(float), rtol=tolerance, atol=tolerance * float(np.max(np.abs(b))))


@pytest.mark.parametrize("name", NAMES)
def test_hand_derivative_agrees_with_differences_in_long_double(name):
    p = problem(name)
    arguments = p.point()
    if isinstance(p.argnum, tuple):
        differences = central_difference(lambda tree: p.function(*tree), arguments)
    else:
        differences = central_difference(lambda first: p.function(first, *arguments[1:]), arguments[0])
    scale_aware(p.derivative(*arguments), differences, 1e-8 if np.finfo(np.longdouble).eps < 1e-18 else 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_hand_derivative_keeps_the_shape_of_what_is_differentiated(name):
    p = problem(name)
    arguments = p.point()
    wanted = arguments if isinstance(p.argnum, tuple) else arguments[0]
    outer = np.shape(p.function(*arguments))
    shapes = [outer + leaf.shape for leaf in leaves(wanted)]
    assert [leaf.shape for leaf in leaves(p.derivative(*arguments))] == shapes


@pytest.mark.parametrize("name", NAMES)
def test_function_and_derivative_leave_their_arguments_alone(name):
    p = problem(name)
    arguments = p.point()
    before = [leaf.copy() for leaf in leaves(arguments)]
    p.function(*arguments)
    p.derivative(*arguments)
    for a, b in zip(leaves(arguments), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", [p.name for p in problems() if p.closed])
def test_value_agrees_with_the_closed_form(name):
    p = problem(name)
    arguments = p.point()
    assert p.function(*arguments) == pytest.approx(p.closed(*arguments), rel=1e-13)


@pytest.mark.parametrize("name", ["logistic_loop", "logistic_recursion", "logistic_while"])
@pytest.mark.parametrize(
    ("n", "l", "slope"),
    [
        (1, 0.2, 1),
        (2, 0.64, 2.4),
        (3, 0.9216, -2.688),
        (4, 0.28901376, 9.0660864),
        (5, 0.82193922612265, 15.3025558484091),
    ],
)
def test_logistic_map_at_one_fifth_has_the_tabulated_values(name, n, l, slope):
    assert value(name, n) == pytest.approx(l, rel=1e-13)
    assert derivative(name, n) == pytest.approx(slope, rel=1e-13)


def test_logistic_derivative_is_the_chebyshev_formula_to_forty_digits():
    n, x = 9, mpmath.mpf("0.2")
    with mpmath.workdps(50):
        N = 2 ** (n - 1)
        exact = N * mpmath.chebyu(N - 1, 1 - 2 * x)
        found = problem("logistic_loop").derivative(x, n)
        assert abs(found / exact - 1) < mpmath.mpf("1e-40")


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("squire_trapp", "18.600812734259759"),
        ("squire_trapp_ratio", "3.62203370071632604259777098114"),
        ("martins", "4.053427893898621"),
    ],
)
def test_complex_step_papers_derivatives_at_three_halves(name, exact):
    assert derivative(name) == pytest.approx(float(exact), rel=4e-15)


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("squire_trapp", "x**Rational(9, 2)"),
        ("squire_trapp_ratio", "exp(x)/(sin(x)**3 + cos(x)**3)"),
        ("martins", "exp(x)/sqrt(sin(x)**3 + cos(x)**3)"),
    ],
)
def test_scalar_problems_agree_with_sympy(name, formula):
    x = sympy.Symbol("x")
    exact = sympy.diff(sympy.sympify(formula), x).subs(x, sympy.Rational(3, 2)).evalf(30)
    assert derivative(name) == pytest.approx(float(exact), rel=4e-15)


def test_helmholtz_has_the_numbers_with_the_factor_x():
    assert value("helmholtz") == pytest.approx(-0.921505099240162486, rel=1e-14)
    expected = [-1.606322243725972, -0.6440249090444438, -0.07575073663172266]
    np.testing.assert_allclose(derivative("helmholtz"), expected, rtol=1e-13)


@pytest.mark.parametrize("n", [1, 3, 64, 4096])
def test_helmholtz_stays_inside_the_domain_of_its_logarithms_at_every_size(n):
    x, _, b = problem("helmholtz").point(n)
    assert b @ x == pytest.approx(0.14)
    assert np.isfinite(value("helmholtz", n))


@pytest.mark.parametrize("name", ["rosenbrock", "rosenbrock_loop"])
def test_rosenbrock_at_a_half_and_one(name):
    assert value(name) == 56.5
    np.testing.assert_array_equal(derivative(name), [-151.0, 150.0])


def test_rosenbrock_loop_and_vectorised_agree():
    x = np.random.default_rng(0).standard_normal(50)
    loop, vectorised = problem("rosenbrock_loop"), problem("rosenbrock")
    assert loop.function(x) == pytest.approx(vectorised.function(x), rel=1e-13)


def test_speelpenning_gradient_is_the_product_over_each_factor():
    assert value("speelpenning") == pytest.approx(1 / 8)
    expected = [0.25, 0.1875, 1 / 6, 0.15625, 0.15, 7 / 48, 1 / 7]
    np.testing.assert_allclose(derivative("speelpenning"), expected, rtol=1e-14)


@pytest.mark.parametrize(("x", "gradient"), [([0, 2, 3], [6, 0, 0]), ([0, 2, 0], [0, 0, 0]), ([5], [1])])
def test_speelpenning_gradient_is_right_where_factors_are_zero(x, gradient):
    np.testing.assert_array_equal(problem("speelpenning").derivative(np.array(x, float)), gradient)


def test_soft_relu_of_one_and_two_layers_has_the_lectures_values():
    p = problem("soft_relu")
    np.testing.assert_allclose(p.derivative(*p.point(1)), [1.84828363995751], rtol=1e-14)
    assert value("soft_relu", 2) == pytest.approx(1.70568534935065, rel=1e-14)
    assert derivative("soft_relu", 2)[0] == pytest.approx(1.05878282175733, rel=1e-14)


def test_soft_relu_with_a_branch_takes_both_sides():
    p = problem("soft_relu_branch")
    for b in (-1.0, 1.0):
        arguments = (np.array([0.1]), np.array([b]), 1.0)
        assert p.function(*arguments) == pytest.approx(problem("soft_relu").function(*arguments), rel=1e-15)
    assert p.function(np.array([1.0]), np.array([0.0]), 1000.0) == 1000.0


def test_logistic_regression_has_the_numbers_of_autograds_example():
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    signs, w = np.array([1.0, 1.0, -1.0, 1.0]), np.zeros(3)
    p = problem("logistic_regression")
    assert p.function(w, inputs, signs) == pytest.approx(2.772588722239781, rel=1e-14)
    np.testing.assert_allclose(p.derivative(w, inputs, signs), [-1.62, 2.51, -3.61], rtol=1e-14)
    for _ in range(100):
        w = w - 0.01 * p.derivative(w, inputs, signs)
    assert p.function(w, inputs, signs) == pytest.approx(0.38900754315581143, rel=1e-13)
    np.testing.assert_allclose(w, [0.57414063, -0.2225661, 1.13604351], rtol=1e-7)


def test_affine_loss_has_the_lectures_numbers():
    assert value("affine_loss") == 70.25
    W_bar, y_bar, b_bar = derivative("affine_loss")
    np.testing.assert_array_equal(W_bar, [[5.5, -5.5, 11], [10.5, -10.5, 21]])
    np.testing.assert_array_equal(y_bar, [47.5, 63.5, 79.5])
    np.testing.assert_array_equal(b_bar, [5.5, 10.5])


def test_last_bias_of_the_network_gets_softmax_minus_target():
    z, target = np.array([[1.0, 2.0, 3.0]]), np.array([[0.0, 0.0, 1.0]])
    layers = [(np.eye(3), np.zeros(3))]
    p = problem("mlp")
    assert p.function(layers, z, target) == pytest.approx(0.40760596, abs=1e-8)
    ((_, b_bar),) = p.derivative(layers, z, target)
    np.testing.assert_allclose(b_bar, [0.09003057, 0.24472847, -0.33475904], atol=1e-8)


@pytest.mark.parametrize("p", problems(), ids=NAMES)
def test_every_problem_says_where_it_comes_from(p):
    assert p.source
    assert p.title
    assert p.function.__doc__
    assert p.derivative.__doc__


@pytest.mark.parametrize("p", problems("analytic"), ids=[p.name for p in problems("analytic")])
def test_problems_tagged_analytic_accept_complex_numbers(p):
    arguments = p.point()
    wanted = arguments if isinstance(p.argnum, tuple) else arguments[:1]
    step = replaced(wanted, (leaf + 1e-20j for leaf in leaves(wanted)))
    assert np.all(np.isfinite(p.function(*step, *arguments[len(step) :])))


def test_tags_select_problems():
    assert [p.name for p in problems("branch")] == ["soft_relu_branch"]
    assert len(problems()) == len(set(NAMES))


def test_a_misspelt_name_gets_the_nearest_one():
    with pytest.raises(UnknownName, match="did you mean 'rosenbrock'"):
        problem("rosenbrok")

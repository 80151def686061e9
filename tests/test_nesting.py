"""Derivatives of derivatives: perturbations stay apart, and methods mix.

The cases of perturbation confusion are those of Siskind & Pearlmutter (2005), Manzyuk et al. (2019) and the test-suite
of ForwardDiff; each is run with every pair of modes, one inside the other.
"""

import itertools
import threading

import numpy as np
import pytest

import diffbench as db

MODES = ("forward", "reverse", "auto")
each_pair = pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))
X = np.array([0.5, 1.0, 2.0])


def D(f, mode):
    return db.derivative(f, backend=mode)


def G(f, mode):
    return db.gradient(f, backend=mode)


def J(f, mode):
    return db.jacobian(f, backend=mode)


# -- perturbation confusion --------------------------------------------------------------------------------------------


@each_pair
def test_the_inner_derivative_of_a_sum_is_one_and_not_two(outer, inner):
    """d/dx (x · d/dy (x + y)) at x = y = 1."""
    assert D(lambda x: x * D(lambda y: x + y, inner)(1.0), outer)(1.0) == 1.0


@each_pair
def test_the_inner_point_may_be_the_outer_variable(outer, inner):
    """d/dx (x · d/dy (x y) at y = x) = d/dx x² = 2x."""
    assert D(lambda x: x * D(lambda y: x * y, inner)(x), outer)(3.0) == 6.0


@each_pair
def test_a_constant_of_the_inner_derivative_has_slope_zero(outer, inner):
    assert D(lambda x: D(lambda y: x, inner)(x), outer)(1.0) == 0.0


@each_pair
def test_a_norm_of_the_outer_variable_inside_the_inner_derivative(outer, inner):
    """gradient of Σ v · d/dy (y ‖v‖) = gradient of ‖v‖ Σ v: ‖v‖ + v Σv / ‖v‖."""

    def f(v):
        return np.sum(v) * D(lambda y: y * np.sqrt(np.sum(v * v)), inner)(1.0)

    assert G(f, outer)(np.array([1.0])) == pytest.approx([2.0])
    v, norm = np.array([3.0, 4.0]), 5.0
    assert G(f, outer)(v) == pytest.approx(norm + v * 7.0 / norm)


@each_pair
def test_the_curried_derivative_of_manzyuk(outer, inner):
    """s(u)(f)(x) = f(x + u); D̂ = the derivative of s at 0 gives functions of functions: D̂(D̂ exp)(1) = e."""

    def derivative_of_s(mode):
        return lambda f: lambda x: D(lambda u: f(x + u), mode)(0.0)

    assert derivative_of_s(outer)(derivative_of_s(inner)(np.exp))(1.0) == pytest.approx(np.e, rel=1e-15)


@each_pair
def test_the_mixed_derivative_of_a_bilinear_form_is_its_matrix_exactly(outer, inner):
    """Jacobian in x of the gradient in y of yᵀAx."""
    A = np.array([[1.0, 2.0, 3.0], [-4.0, 5.0, -6.0]])

    def gradient_in_y(x):
        return G(lambda y: np.dot(y, np.dot(A, x)), inner)(np.ones(2))

    assert np.array_equal(J(gradient_in_y, outer)(X), A)


@each_pair
def test_the_autograd_example_of_a_product(outer, inner):
    """f(x) = gradient of (y -> x y) at x has slope 1."""
    assert G(lambda x: G(lambda y: x * y, inner)(x), outer)(5.0) == 1.0


@each_pair
def test_closures_over_items_of_an_outer_array(outer, inner):
    """F(x) = Σᵢ d/dy (xᵢ y³) at y = xᵢ₊₁, that is 3 x₀ x₁² + 3 x₁ x₂²."""

    def f(x):
        return sum(D(lambda y, i=i: x[i] * y**3, inner)(x[i + 1]) for i in range(2))

    a, b, c = X
    assert G(f, outer)(X) == pytest.approx([3 * b**2, 6 * a * b + 3 * c**2, 6 * b * c])


@each_pair
def test_inner_loops_and_branches_on_traced_values_of_both_levels(outer, inner):
    """The inner function multiplies by x until it passes a threshold: y x³ at x = 2, with slope 3x² = 12 in x."""

    def f(x):
        def power(y):
            while y < 5 * x:
                y = y * x
            return y if y > x else -y

        return D(power, inner)(1.5)

    assert D(f, outer)(2.0) == 12.0


@each_pair
def test_an_inner_newton_iteration(outer, inner):
    """√a by Newton's method on y² - a with slopes by the inner mode; d√a/da = 1 / (2√a)."""

    def root(a):
        y = 1.0
        while abs(db.primal(y * y - a)) > 1e-14:
            y = y - (y * y - a) / D(lambda t: t * t - a, inner)(y)
        return y - (y * y - a) / D(lambda t: t * t - a, inner)(y)

    assert D(root, outer)(2.0) == pytest.approx(0.35355339059327373, rel=1e-12)


@each_pair
def test_inner_linear_maps_may_be_applied_to_outer_values(outer, inner):
    """push and pull of x² at x, applied to x: 2x·x, with slope 4x."""

    def pushed(x):
        _, push = db.linearize(lambda y: y * y, backend=inner)(x)
        return push(x)

    def pulled(x):
        _, pull = db.pullback(lambda y: y * y, backend=inner)(x)
        return pull(x)

    assert D(pushed, outer)(3.0) == 12.0
    assert D(pulled, outer)(3.0) == 12.0


@each_pair
def test_linear_maps_made_outside_may_be_applied_inside(outer, inner):
    _, push = db.linearize(np.sin, backend=inner)(X)
    assert J(lambda v: push(v) ** 2, outer)(X) == pytest.approx(np.diag(2 * np.cos(X) ** 2 * X))


@each_pair
def test_directions_may_be_traced(outer, inner):
    assert J(lambda v: db.jvp(np.exp, backend=inner)(X, v), outer)(X) == pytest.approx(np.diag(np.exp(X)))
    assert J(lambda u: db.vjp(np.exp, backend=inner)(X, u), outer)(X) == pytest.approx(np.diag(np.exp(X)))


@each_pair
def test_a_batch_of_traced_directions(outer, inner):
    def f(s):
        return db.jvp(np.exp, backend=inner, batch=True)(X, s * np.eye(3))

    assert D(f, outer)(2.0) == pytest.approx(np.diag(np.exp(X)))


# -- higher derivatives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("modes", list(itertools.product(MODES[:2], repeat=3)), ids="-".join)
def test_third_derivatives_in_all_triples_of_modes(modes):
    first, second, third = modes

    def cube(x):
        return np.sum(np.exp(x) * x[0])

    a = X[0]
    found = J(J(G(cube, first), second), third)(X)
    e = np.exp(X)
    expected = np.zeros((3, 3, 3))
    for i in (1, 2):
        expected[i, i, i] = a * e[i]
        for index in {(0, i, i), (i, 0, i), (i, i, 0)}:
            expected[index] = e[i]
    expected[0, 0, 0] = (a + 3) * e[0]
    assert found == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("modes", list(itertools.product(MODES[:2], repeat=4)), ids="-".join)
def test_the_fourth_derivative_of_a_scalar_function(modes):
    f = lambda x: np.sin(2 * x)  # noqa: E731
    for mode in modes:
        f = D(f, mode)
    assert f(0.3) == pytest.approx(16 * np.sin(0.6), rel=1e-14)


@each_pair
def test_second_derivatives_of_powers_at_zero_are_those_of_the_polynomial(outer, inner):
    assert D(D(lambda x: x**2, inner), outer)(0.0) == 2.0
    assert D(D(lambda x: x**3, inner), outer)(0.0) == 0.0
    assert D(D(lambda x: x**0, inner), outer)(0.0) == 0.0


@each_pair
def test_the_mixed_derivative_of_a_power_is_symmetric_at_exponent_zero(outer, inner):
    """∂²(x^y)/∂x∂y at (4, 0) is 1/x in both orders."""
    H = J(G(lambda p: p[0] ** p[1], inner), outer)(np.array([4.0, 0.0]))
    assert np.max(np.abs(H - [[0.0, 0.25], [0.25, np.log(4.0) ** 2]])) < 1e-14


@each_pair
def test_the_hessian_of_a_product_with_zeros(outer, inner):
    H = J(G(np.prod, inner), outer)(np.array([0.0, 0.0, 3.0]))
    assert np.array_equal(H, [[0.0, 3.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


# -- mixing methods ----------------------------------------------------------------------------------------------------

METHODS = {  # accuracy of a derivative over the gradient below, whichever of the two is the coarser
    "forward": 1e-13,
    "reverse": 1e-13,
    "symbolic": 1e-12,
    "complex-step": 1e-13,
    "finite-central": 1e-8,
    "finite-forward": 1e-5,
}
NUMERICAL = ("complex-step", "finite-central", "finite-forward")
PAIRS = [
    (outer, inner)
    for outer, inner in itertools.product(METHODS, repeat=2)
    if not (outer == "symbolic" and inner in NUMERICAL)  # refused, see below
    and not (outer == inner == "complex-step")  # refused, see below
    and not (outer.startswith("finite") and inner.startswith("finite"))  # noise over noise: db.hessian has better steps
]


def f(x):
    return np.sum(np.sin(x) * x[0] ** 2) + np.dot(x, x) ** 2


def f_hessian(x):
    s, c, a = np.sin(x), np.cos(x), x[0]
    H = np.diag(-s * a**2) + 4 * np.dot(x, x) * np.eye(3) + 8 * np.outer(x, x)
    H[0] += 2 * a * c
    H[:, 0] += 2 * a * c
    H[0, 0] += 2 * np.sum(s)
    return H


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_every_method_differentiates_the_gradient_of_every_other(outer, inner):
    found = J(G(f, inner), outer)(X)
    tolerance = max(METHODS[outer], METHODS[inner])
    assert np.max(np.abs(found - f_hessian(X))) <= tolerance * np.max(np.abs(f_hessian(X)))


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_every_method_keeps_the_perturbations_of_every_other_apart(outer, inner):
    tolerance = 10 * max(METHODS[outer], METHODS[inner])
    assert D(lambda x: x * D(lambda y: x + y, inner)(1.0), outer)(1.0) == pytest.approx(1.0, rel=tolerance)
    assert D(lambda x: x * D(lambda y: x * y, inner)(x), outer)(3.0) == pytest.approx(6.0, rel=tolerance)


@pytest.mark.parametrize("inner", NUMERICAL)
def test_symbols_are_no_numbers_that_a_numerical_method_could_step_from(inner):
    with pytest.raises(db.ClosedFormRequired, match="plain value of a symbol"):
        J(G(f, inner), "symbolic")(X)


def test_complex_step_refuses_to_be_nested_in_itself():
    with pytest.raises(db.UnsupportedVerb, match="complex step is nested in complex step"):
        J(G(f, "complex-step"), "complex-step")(X)


@pytest.mark.parametrize("inner", METHODS)
def test_a_prepared_inner_derivative_follows_the_outer_variable(inner):
    """Prepared once at plain numbers; then the value beside it is traced."""
    prepared = db.derivative(lambda y, x: x**2 * y**3, backend=inner).prepare(1.0, 1.0)
    for outer in ("forward", "reverse"):
        assert D(lambda x: prepared(2.0, x), outer)(3.0) == pytest.approx(72.0, rel=1e-5)


def test_the_hessian_by_auto_is_forward_over_reverse():
    assert db.hessian(f)(X) == pytest.approx(J(G(f, "reverse"), "forward")(X), rel=1e-15)


# -- arrays that the outer program changes -----------------------------------------------------------------------------


def while_the_inner_function_runs(x, mode):
    y = 1.0 * x

    def inner(q):
        total = np.sum(q * q * y) + np.sum(np.outer(q, y)) + np.einsum("i,i->", q, y)
        y[1:] = 9.0
        return total

    return db.gradient(inner, backend=mode)(np.ones(3))


def before_the_pull(x, mode):
    y = 1.0 * x
    _, pull = db.pullback(lambda q: q * q * y + q * y + np.sum(np.outer(q, y), axis=1), backend=mode)(np.ones(3))
    y *= 5.0
    return pull(np.ones(3))


def before_the_push(x, mode):
    y = 1.0 * x
    _, push = db.linearize(lambda q: q * q * y + q * y + np.outer(q, y) @ q - q * np.sum(y), backend=mode)(np.ones(3))
    y[0] = 5.0
    return push(np.ones(3))


def the_argument_itself_between(x, mode):
    y = np.sqrt(3 * x + np.sum(x))
    _, pull = db.pullback(lambda q: np.square(q) * q / 3, backend=mode)(y)
    y *= 5.0
    return pull(np.ones(3))


@pytest.mark.parametrize("outer", ["forward", "reverse", "complex-step"])
@pytest.mark.parametrize("mode", ["reverse", "auto"])
@pytest.mark.parametrize(
    "change", [while_the_inner_function_runs, before_the_pull, before_the_push, the_argument_itself_between]
)
def test_an_array_that_the_outer_program_changes_counts_in_an_inner_derivative_as_it_was_when_used(change, mode, outer):
    """In each the inner derivative is 3 y + sum(y)."""
    found = db.jacobian(lambda x: change(x, mode), backend=outer)(X)
    np.testing.assert_allclose(found, 3 * np.eye(3) + 1, rtol=1e-14)


RESULTS = {
    "value of pullback": lambda y: db.pullback(lambda q: q)(y)[0],
    "value of linearize": lambda y: db.linearize(lambda q: q)(y)[0],
    "tangent": lambda y: db.jvp(lambda q: q)(np.ones(3), y),
    "cotangent": lambda y: db.vjp(lambda q: q)(np.ones(3), y),
    "gradient": lambda y: db.gradient(lambda q: np.sum(q * y))(np.ones(3)),
    "auxiliary result": lambda y: db.gradient(lambda q: (np.sum(q), q), has_aux=True)(y)[1],
    "one of two": lambda y: db.gradient(lambda p, q: np.sum((p + q) * y), argnum=(0, 1))(np.ones(3), np.ones(3)),
}


@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("verb", RESULTS.values(), ids=RESULTS)
def test_what_an_inner_derivative_gives_shares_nothing_with_the_arrays_of_the_outer_program(verb, outer):
    def f(x):
        y = 1.0 * x
        first, *others = results if isinstance(results := verb(y), tuple) else (results,)
        first[...] = 7.0
        return np.sum(y * y) if not others else np.sum(others[0] ** 2)

    np.testing.assert_array_equal(G(f, outer)(X), 2 * X)


@each_pair
def test_a_result_that_changes_its_dtype_twice_has_second_derivatives(outer, inner):
    def f(x):
        return np.sum(x * x).astype(np.float32).astype(float)

    np.testing.assert_array_equal(J(G(f, inner), outer)(X), 2 * np.eye(3))


@each_pair
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_an_inner_derivative_has_the_dtype_of_its_argument_whatever_f_computes_in(outer, inner, dtype):
    weights = np.array([1.0, 2.0, 3.0]) if dtype is np.float32 else np.array([1.0, 2.0, 3.0], np.float32)
    other = np.float32 if dtype is np.longdouble else np.longdouble
    found = []

    def f(x):
        found.append(db.gradient(lambda y: np.sum(y.astype(other) ** 2 * weights), backend=inner)(x))
        found.append(db.vjp(lambda y: y * weights, backend=inner)(x, np.ones(3)))
        return found[-2] + found[-1]

    J(f, outer)(X.astype(dtype))
    assert {array.dtype for array in found} == {np.dtype(dtype)}


# -- leaks -------------------------------------------------------------------------------------------------------------


USES = {
    "with a value of the new trace": lambda old, x: old * x,
    "by itself": lambda old, x: np.sin(old),
    "as the result": lambda old, x: old,
    "in a comparison": lambda old, x: x if np.all(old > 0) else -x,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("verb", [db.jacobian, db.linearize, db.pullback])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_value_kept_from_an_earlier_trace_is_refused(mode, verb, use):
    kept = []

    def leak(x):
        kept.append(x * 2)
        return np.sum(x)

    db.gradient(leak, backend=mode)(X)
    with pytest.raises(db.TraceLost, match="already been computed") as caught:
        verb(lambda x: use(kept[0], x), backend=mode)(X)
    assert "db.primal(x)" in caught.value.hint


@pytest.mark.parametrize("mode", MODES)
def test_the_plain_value_of_an_earlier_trace_may_be_kept(mode):
    kept = []

    def remember(x):
        kept.append(db.primal(x))
        return np.sum(x * x)

    db.gradient(remember, backend=mode)(X)
    assert db.gradient(lambda x: np.sum(kept[0] * x), backend=mode)(X) == pytest.approx(X)


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_left_over_after_an_exception(mode):
    def fails(x):
        db.gradient(lambda y: np.sum(y * x), backend=mode)(x)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        db.gradient(fails, backend=mode)(X)
    assert D(lambda x: x * D(lambda y: x + y, mode)(1.0), mode)(1.0) == 1.0


def test_threads_do_not_see_each_other():
    barrier, found = threading.Barrier(4), {}

    def work(k):
        def g(x):
            barrier.wait()
            return x * D(lambda y: x + y * k, "forward")(1.0)

        found[k] = D(g, "reverse")(1.0)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: float(k) for k in range(4)}


# -- reverse mode over its own backward pass ---------------------------------------------------------------------------


def test_the_jvp_of_reverse_mode_makes_no_jacobian():
    """The Jacobian of 200,000 entries would take 320 gigabytes."""
    x = np.linspace(-1.0, 1.0, 200_000)
    found = db.jvp(np.exp, backend="reverse")(x, np.ones_like(x))
    assert np.array_equal(found, np.exp(x))


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("n", [1, 2, 4, 5, 9])
def test_an_inner_gradient_by_forward_mode_is_right_whether_few_directions_pass_or_many(n, outer):
    b = np.linspace(0.5, 1.5, n)

    def of_gradient(p):
        return np.sum(db.gradient(lambda q: np.sum(q**3) * q[0], backend="forward")(p * b))

    slope = 3 * 0.7**2 * (3 * b[0] * np.sum(b**2) + np.sum(b**3))
    np.testing.assert_allclose(db.derivative(of_gradient, backend=outer)(0.7), slope, rtol=1e-14)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_an_inner_gradient_in_several_arguments_knows_which_do_not_matter(outer):
    def of_gradient(p):
        f = lambda q, r, s: q[1] * p + r**2 * p**2  # noqa: E731
        by_q, by_r, by_s = db.gradient(f, argnum=(0, 1, 2), backend="forward")(p * np.ones(2), 3 * p, p)
        return np.stack([by_q[0], by_q[1], by_r, by_s])

    found = db.jacobian(of_gradient, backend=outer)(0.5)
    np.testing.assert_allclose(found, [0, 1, 18 * 0.5**2, 0], rtol=1e-15)

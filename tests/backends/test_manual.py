"""Hand-derived derivatives: what follows from what, and what a wrong one is told."""

from typing import NamedTuple

import numpy as np
import pytest

import diffbench as db
from diffbench.backends.manual import Manual

X = np.array([0.5, 1.0])
GRADIENT = np.array([-151.0, 150.0])
HESSIAN = np.array([[-98.0, -200.0], [-200.0, 200.0]])
V = np.array([2.0, -1.0])


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def gradient(x):
    inner = x[1] - x[0] ** 2
    return np.stack([-400 * x[0] * inner - 2 * (1 - x[0]), 200 * inner])


def hessian(x):
    return np.array([[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200.0]])


def polar(x):
    return np.stack([x[0] * np.cos(x[1]), x[0] * np.sin(x[1])])


def polar_jacobian(x):
    c, s = np.cos(x[1]), np.sin(x[1])
    return np.array([[c, -x[0] * s], [s, x[0] * c]])


POLAR = np.array([[np.cos(1), -0.5 * np.sin(1)], [np.sin(1), 0.5 * np.cos(1)]])

SCALAR = {  # what may be given for a scalar function
    "gradient": {"gradient": gradient},
    "jacobian": {"jacobian": gradient},
    "jvp": {"jvp": lambda x, v: gradient(x) @ v},
    "vjp": {"vjp": lambda x, u: u * gradient(x)},
}
VECTOR = {
    "jacobian": {"jacobian": polar_jacobian},
    "jvp": {"jvp": lambda x, v: polar_jacobian(x) @ v},
    "vjp": {"vjp": lambda x, u: u @ polar_jacobian(x)},
}
SECOND = {
    "hessian": {"hessian": hessian},
    "hvp": {"hvp": lambda x, v: hessian(x) @ v},
}


# -- what follows from what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", SCALAR)
def test_gradient_follows_from_every_first_derivative(given):
    backend = Manual(**SCALAR[given])
    assert db.gradient(rosenbrock, backend=backend)(X) == pytest.approx(GRADIENT)
    value, slope = db.value_and_gradient(rosenbrock, backend=backend)(X)
    assert (value, *slope) == pytest.approx((56.5, *GRADIENT))
    assert db.jacobian(rosenbrock, backend=backend)(X) == pytest.approx(GRADIENT)
    assert db.jvp(rosenbrock, backend=backend)(X, V) == pytest.approx(GRADIENT @ V)
    assert db.vjp(rosenbrock, backend=backend)(X, 3.0) == pytest.approx(3 * GRADIENT)


@pytest.mark.parametrize("given", VECTOR)
def test_jacobian_and_its_products_follow_from_each_other(given):
    backend = Manual(**VECTOR[given])
    assert db.jacobian(polar, backend=backend)(X) == pytest.approx(POLAR)
    assert db.jvp(polar, backend=backend)(X, V) == pytest.approx(POLAR @ V)
    assert db.vjp(polar, backend=backend)(X, V) == pytest.approx(V @ POLAR)
    value, push = db.linearize(polar, backend=backend)(X)
    assert value == pytest.approx(polar(X))
    assert push(np.array([V, X]), batch=True) == pytest.approx(np.array([POLAR @ V, POLAR @ X]))
    _, pull = db.pullback(polar, backend=backend)(X)
    assert pull(np.array([V, X]), batch=True) == pytest.approx(np.array([V @ POLAR, X @ POLAR]))


@pytest.mark.parametrize("given", SECOND)
def test_hessian_and_its_product_follow_from_each_other(given):
    backend = Manual(**SECOND[given])
    assert db.hessian(rosenbrock, backend=backend)(X) == pytest.approx(HESSIAN)
    assert db.hvp(rosenbrock, backend=backend)(X, V) == pytest.approx(HESSIAN @ V)
    products = db.hvp(rosenbrock, backend=backend, batch=True)(X, np.array([V, X]))
    assert products == pytest.approx(np.array([HESSIAN @ V, HESSIAN @ X]))


def test_derivative_of_a_scalar_function():
    backend = db.get_backend("manual", gradient=lambda x: 4 - 8 * x)
    assert db.derivative(lambda x: 4 * x * (1 - x), backend=backend)(0.25) == 2.0


@pytest.mark.parametrize(
    ("verb", "keyword"), [("gradient", "jacobian="), ("jacobian", "jvp="), ("hessian", "hvp="), ("hvp", "hessian=")]
)
def test_what_does_not_follow_names_the_keyword_to_pass(verb, keyword):
    direction = (V,) if verb == "hvp" else ()
    with pytest.raises(db.UnsupportedVerb, match=keyword):
        getattr(db, verb)(rosenbrock, backend="manual")(X, *direction)


def test_gradient_is_no_jacobian_of_a_vector():
    with pytest.raises(db.UnsupportedVerb, match=r"from what was given \(gradient\)"):
        db.jacobian(polar, backend=Manual(gradient=gradient))(X)


def test_second_derivatives_of_a_gradient_come_from_another_backend():
    with pytest.raises(db.UnsupportedVerb, match=r"db\.jacobian\(gradient\)"):
        db.hessian(rosenbrock, backend=Manual(gradient=gradient))(X)
    assert db.jacobian(gradient, backend="forward")(X) == pytest.approx(HESSIAN)


# -- cost --------------------------------------------------------------------------------------------------------------


def test_gradient_alone_does_not_run_f():
    def must_not_run(x):
        raise AssertionError

    assert db.gradient(must_not_run, backend=Manual(gradient=gradient))(X) == pytest.approx(GRADIENT)
    assert db.hessian(must_not_run, backend=Manual(hessian=hessian))(X) == pytest.approx(HESSIAN)


def test_auxiliary_result_runs_f():
    found, aux = db.gradient(lambda x: (rosenbrock(x), "beside"), backend=Manual(gradient=gradient), has_aux=True)(X)
    assert found == pytest.approx(GRADIENT)
    assert aux == "beside"


# -- arguments and containers ------------------------------------------------------------------------------------------


def test_derivative_gets_the_arguments_and_keywords_of_f():
    def f(x, a, *, power):
        return np.sum(a * x**power)

    def df(x, a, *, power):
        return power * a * x ** (power - 1)

    found = db.gradient(f, backend=Manual(gradient=df))(X, 3.0, power=2)
    assert found == pytest.approx(6 * X)


def test_direction_is_the_last_positional_argument():
    backend = Manual(jvp=lambda x, a, v, *, power: power * a * x ** (power - 1) * v)
    assert db.jvp(lambda x, a, *, power: a * x**power, backend=backend)(X, 3.0, V, power=2) == pytest.approx(6 * X * V)


def test_several_arguments_have_tuples():
    def f(a, b):
        return np.sum(a) * b**2

    backend = Manual(
        gradient=lambda a, b: (np.full_like(a, b**2), 2 * b * np.sum(a)),
        hessian=lambda a, b: ((np.zeros((2, 2)), np.full(2, 2 * b)), (np.full(2, 2 * b), 2 * np.sum(a))),
    )
    slopes = db.gradient(f, argnum=(0, 1), backend=backend)(X, 3.0)
    assert slopes[0].tolist() == [9, 9]
    assert slopes[1] == 9
    product = db.hvp(f, argnum=(0, 1), backend=backend)(X, 3.0, (V, 1.0))
    assert product[0].tolist() == [6, 6]
    assert product[1] == pytest.approx(6 * V.sum() + 2 * X.sum())


class Line(NamedTuple):
    slope: float
    offset: np.ndarray


def test_containers_come_and_go_as_the_verbs_have_them():
    def f(line):
        return {"y": line.slope * X + line.offset, "sum": line.slope + np.sum(line.offset)}

    def df(line):
        return {"y": Line(X, np.eye(2)), "sum": Line(1.0, np.ones(2))}

    line = Line(2.0, np.zeros(2))
    found = db.jacobian(f, backend=Manual(jacobian=df))(line)
    assert isinstance(found["y"], Line)
    assert found["y"].slope.tolist() == X.tolist()
    assert found["sum"].offset.tolist() == [1, 1]
    pulled = db.vjp(f, backend=Manual(jacobian=df))(line, {"y": V, "sum": 1.0})
    assert pulled.slope == pytest.approx(V @ X + 1)
    assert pulled.offset == pytest.approx(V + 1)
    backend = Manual(vjp=lambda line, u: Line(u["y"] @ X + u["sum"], u["y"] + u["sum"]))
    again = db.vjp(f, backend=backend)(line, {"y": V, "sum": 1.0})
    assert again.slope == pulled.slope
    assert again.offset.tolist() == pulled.offset.tolist()


def test_empty_arguments_have_empty_derivatives():
    empty = np.zeros((0, 2))
    assert db.gradient(np.sum, backend=Manual(gradient=np.ones_like))(empty).shape == (0, 2)
    backend = Manual(jacobian=lambda x: np.zeros((2, 0, 2)))
    assert db.jacobian(lambda x: x.sum(axis=0), backend=backend)(empty).shape == (2, 0, 2)
    assert db.jvp(lambda x: x.sum(axis=0), backend=backend)(empty, empty).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_dtypes_are_kept(dtype):
    assert db.gradient(rosenbrock, backend=Manual(gradient=gradient))(X.astype(dtype)).dtype == dtype


def test_argument_that_a_derivative_overwrites_is_never_changed():
    def overwriting(x):
        result = gradient(x)
        x[:] = 0
        return result

    x = X.copy()
    db.gradient(rosenbrock, backend=Manual(gradient=overwriting))(x)
    assert x.tolist() == X.tolist()


def test_integer_results_count_as_floats():
    assert db.gradient(lambda x: 2 * x, backend=Manual(gradient=lambda x: 2))(1.0) == 2.0


@pytest.mark.parametrize("mode", ["forward", "reverse", "complex-step"])
def test_hand_derived_gradient_can_be_differentiated(mode):
    inner = db.gradient(rosenbrock, backend=Manual(gradient=gradient))
    assert db.jacobian(inner, backend=mode)(X) == pytest.approx(HESSIAN)


# -- wrong ones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (lambda x: gradient(x)[:1], r"shape \(1,\), expected \(2,\)"),
        (lambda x: gradient(x)[:, None], r"shape \(2, 1\), expected \(2,\)"),
        (lambda x: 1.0, r"shape \(\), expected \(2,\)"),
        (lambda x: None, "returned None"),
        (lambda x: gradient(x) * 1j, "complex128"),
        (lambda x: "steep", "returned str"),
    ],
    ids=["short", "transposed", "number", "None", "complex", "text"],
)
def test_gradient_of_the_wrong_shape_or_kind_is_named(wrong, found):
    with pytest.raises(db.ResultError, match=f"manual: gradient= .*{found}"):
        db.gradient(rosenbrock, backend=Manual(gradient=wrong))(X)


def test_wrong_containers_are_named():
    with pytest.raises(db.ResultError, match="result of gradient= has the wrong structure"):
        db.gradient(lambda p: p["a"] * p["b"], backend=Manual(gradient=lambda p: (1.0, 2.0)))({"a": 1.0, "b": 2.0})


def test_transposed_jacobian_of_another_shape_is_named():
    with pytest.raises(db.ResultError, match=r"jacobian= returned an array of shape \(2, 3\), expected \(3, 2\)"):
        db.jacobian(lambda x: np.concatenate([x, x[:1]]), backend=Manual(jacobian=lambda x: np.ones((2, 3))))(X)


def test_exception_of_the_derivative_comes_out_unchanged():
    error = ZeroDivisionError("mine")

    def failing(x):
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        db.gradient(rosenbrock, backend=Manual(gradient=failing))(X)
    assert caught.value is error


def test_what_is_given_must_be_functions():
    with pytest.raises(db.ArgumentError, match="gradient=array"):
        Manual(gradient=np.ones(2))

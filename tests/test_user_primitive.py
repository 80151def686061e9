"""db.primitive and db.checks.check_primitive: functions with derivatives of their own."""

import math

import numpy as np
import pytest

import diffbench as db

X = np.array([0.5, 1.0, 2.0])
MODES = ("forward", "reverse")
each_pair = pytest.mark.parametrize(("outer", "inner"), [(o, i) for o in MODES for i in MODES])


def plain_sin(x):
    """Refuses to be traced."""
    return np.array([math.sin(t) for t in x])


SINES = {
    "jvp": db.primitive(plain_sin, jvp=lambda primals, tangents, y: np.cos(primals[0]) * tangents[0]),
    "vjp": db.primitive(plain_sin, vjp=lambda primals, y, c: (np.cos(primals[0]) * c,)),
    "both": db.primitive(
        plain_sin, jvp=lambda primals, tangents, y: np.cos(primals[0]) * tangents[0],
        vjp=lambda primals, y, c: np.cos(primals[0]) * c,
    ),
}  # fmt: skip
each_sine = pytest.mark.parametrize("sine", SINES.values(), ids=SINES)


@each_sine
@pytest.mark.parametrize("mode", MODES)
def test_one_rule_serves_both_modes(sine, mode):
    np.testing.assert_allclose(db.gradient(lambda x: np.sum(sine(x) * x), backend=mode)(X), np.cos(X) * X + np.sin(X))


@each_sine
@each_pair
def test_rules_are_differentiated_again(sine, outer, inner):
    hessian = db.jacobian(db.gradient(lambda x: np.sum(sine(x)), backend=inner), backend=outer)(X)
    np.testing.assert_allclose(hessian, -np.diag(np.sin(X)), rtol=1e-14)


@each_sine
def test_many_directions_at_once(sine):
    np.testing.assert_allclose(db.jacobian(sine)(X), np.diag(np.cos(X)), rtol=1e-15)
    np.testing.assert_allclose(db.jacobian(sine, backend="reverse")(X), np.diag(np.cos(X)), rtol=1e-15)


@each_sine
def test_a_right_rule_passes_the_check(sine):
    db.checks.check_primitive(sine, X)


def test_a_wrong_rule_fails_the_check_and_the_entry_is_named():
    wrong = db.primitive(plain_sin, vjp=lambda primals, y, c: np.cos(primals[0]) * c * np.array([1.0, -1.0, 1.0]))
    with pytest.raises(AssertionError, match=r"entry \(1,\)"):
        db.checks.check_primitive(wrong, X)


def test_two_rules_that_do_not_fit_each_other_fail_the_check():
    wrong = db.primitive(
        plain_sin,
        jvp=lambda primals, t, y: np.cos(primals[0]) * t[0],
        vjp=lambda primals, y, c: 2 * np.cos(primals[0]) * c,
    )
    with pytest.raises(AssertionError, match="transpose"):
        db.checks.check_primitive(wrong, X)


def test_a_derivative_that_is_nan_fails_the_check():
    wrong = db.primitive(plain_sin, vjp=lambda primals, y, c: np.nan * c)
    with pytest.raises(AssertionError):
        db.checks.check_primitive(wrong, X)


def test_containers_constants_and_keywords_pass():
    @db.primitive(
        vjp=lambda primals, y, c: ({"a": c["sum"] * np.ones(3), "b": c["scaled"]}, None),
    )
    def f(p, times, *, name="x"):
        assert isinstance(p["a"], np.ndarray)
        assert name == "given"
        return {"sum": float(np.sum(p["a"])), "scaled": p["b"] * times if times == 1 else p["b"]}

    def total(p):
        y = f(p, 1, name="given")
        return y["sum"] * 2.0 + y["scaled"] ** 2

    gradient = db.gradient(total)({"a": X, "b": 3.0})
    np.testing.assert_array_equal(gradient["a"], [2, 2, 2])
    assert gradient["b"] == 6.0


def test_a_primitive_without_a_rule_is_refused_when_it_is_differentiated():
    f = db.primitive(plain_sin)
    np.testing.assert_array_equal(f(X), np.sin(X))
    with pytest.raises(db.UnsupportedPrimitive, match="jvp="):
        db.jacobian(f)(X)


@pytest.mark.parametrize(
    "rule", [{"jvp": lambda p, t, y: np.ones(2)}, {"vjp": lambda p, y, c: np.ones(2)}], ids=["jvp", "vjp"]
)
def test_a_rule_that_gives_another_shape_is_an_error_that_names_the_function(rule):
    with pytest.raises(db.ResultError, match="plain_sin"):
        db.gradient(lambda x: np.sum(db.primitive(plain_sin, **rule)(x)))(X)

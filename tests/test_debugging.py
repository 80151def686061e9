"""db.debug finds where a value, a tangent or a cotangent stops being finite, and changes nothing else."""

import inspect

import numpy as np
import pytest

import diffbench as db

X = np.array([4.0, 0.0, 1.0])
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
each_mode = pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])


def infinite_value(x):
    y = np.exp(x)
    z = np.log(x)  # here
    return np.sum(y * z)


def infinite_slope(x):
    y = x * 2.0
    z = np.sqrt(y)  # here
    w = np.sum(z)
    return w * 3.0


def quotient_of_numbers(x):
    a = x[1] * 2.0
    b = x[0] / a  # here
    return b + 1.0


def overflow(x):
    y = np.sum(x) * 200.0
    return np.exp(y)  # here


def line_of(f):
    """The number of the line that says # here."""
    lines, first = inspect.getsourcelines(f)
    return first + next(i for i, line in enumerate(lines) if "# here" in line)


def located(f, derivative, *args):
    with db.debug(nonfinite=True), pytest.raises(db.NonfiniteError) as caught:
        derivative(f)(*args)
    path, number = caught.value.where.split(" in ")[0].rsplit(":", 1)
    assert path == __file__
    assert int(number) == line_of(f)
    return caught.value


@each_mode
@pytest.mark.parametrize("f", [infinite_value, quotient_of_numbers, overflow])
def test_a_value_that_stops_being_finite_is_located(f, mode):
    error = located(f, lambda f: db.gradient(f, backend=mode), X)
    assert "value" in error.what
    assert "inf" in error.what


def test_a_cotangent_is_located_at_the_line_of_the_forward_pass():
    error = located(infinite_slope, db.gradient, X)
    assert "cotangent of numpy.sqrt is inf at index (1,)" in error.what
    assert error.hint


def test_a_tangent_is_located():
    error = located(infinite_slope, lambda f: lambda x: db.jvp(f)(x, np.ones(3)), X)
    assert "tangent of numpy.sqrt is inf at index (1,)" in error.what


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_nested_derivatives_are_watched(inner, outer):
    with db.debug(), pytest.raises(db.NonfiniteError):
        db.jacobian(db.gradient(infinite_slope, backend=inner), backend=outer)(X)


def test_an_argument_that_is_not_finite_is_told_apart():
    with db.debug(), pytest.raises(db.NonfiniteError, match="not finite either"):
        db.gradient(lambda x: np.sum(x * x))(np.array([1.0, np.nan]))


def smooth(x):
    y = np.zeros_like(x)
    y[0] = np.sin(x[0]) * x[2]
    y[1:] = np.exp(x[1:]) / (1.0 + x[:2])
    return np.sum(y * y) + np.linalg.det(np.eye(3) + np.outer(x, x)) + (x[0] if x[0] > 1 else 0.0)


@each_mode
def test_what_is_finite_comes_out_to_the_last_bit_as_without(mode):
    expected = db.value_and_gradient(smooth, backend=mode)(X)
    with db.debug():
        value, gradient = db.value_and_gradient(smooth, backend=mode)(X)
    assert (type(value), value) == (type(expected[0]), expected[0])
    assert type(gradient) is np.ndarray
    np.testing.assert_array_equal(gradient, expected[1])


def test_all_verbs_give_plain_results():
    with db.debug():
        results = [
            db.jacobian(np.sin)(X),
            db.hessian(smooth)(X),
            db.hvp(smooth)(X, X),
            db.vjp(np.sin)(X, X),
            db.jvp(np.sin, batch=True)(X, X[None]),
            db.linearize(np.sin)(X)[1](X),
            db.pullback(np.sin)(X)[1](X),
            db.derivative(np.sin)(0.5),
            db.gradient(lambda x: (np.sum(x), x * 2), has_aux=True)(X)[1],
        ]
    assert not any(db.is_traced(x) for x in results)


@each_mode
def test_nothing_is_checked_outside(mode):
    assert db.gradient(infinite_slope, backend=mode)(X)[1] == np.inf
    with db.debug(nonfinite=False):
        assert db.gradient(infinite_slope, backend=mode)(X)[1] == np.inf


def test_other_backends_run_as_they_do_without():
    with db.debug():
        for backend in ("finite-central", "complex-step", "symbolic"):
            np.testing.assert_allclose(db.gradient(lambda x: np.sum(x**2), backend=backend)(X), 2 * X, atol=1e-8)


def test_an_option_that_is_no_bool_is_refused():
    with pytest.raises(db.ArgumentError, match="nonfinite"), db.debug(nonfinite="yes"):
        pass

"""Programs that a method cannot follow are refused in words, and never answered with a wrong number.

What would lose a trace, what has no rule, branches on symbols, and what is not analytic.
"""

import math

import numpy as np
import pytest

import diffbench as db

AD = ("auto", "forward", "reverse")
X = np.array([0.5, 1.0, 2.0])
each_mode = pytest.mark.parametrize("mode", AD)


def refusal(error, call, *args, **kwargs):
    """The error with which a call is refused."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, db.DiffbenchError)
    return caught.value


# -- what would lose the trace -----------------------------------------------------------------------------------------


def assign_to_item(x):
    a = np.zeros(3)
    a[0] = x[0]
    return np.sum(a)


def assign_to_slice(x):
    a = np.zeros(3)
    a[1:] = x[1:]
    return np.sum(a)


def assign_by_mask(x):
    a = np.zeros(3)
    a[x > 0.7] = x[x > 0.7]
    return np.sum(a)


def assign_row(x):
    a = np.zeros((2, 3))
    a[0] = x
    return np.sum(a)


def add_to_plain_array(x):
    a = np.zeros(3)
    a += x
    return np.sum(a)


def write_out(x):
    return np.sum(np.sin(x, out=np.zeros(3)))


def count_to(x):
    return sum((1.0 for _ in range(x[2])), 0.0)


TRACE_LOST = {
    "float(x)": lambda x: float(x[0]),
    "int(x)": lambda x: 1.0 * int(x[0]),
    "complex(x)": lambda x: complex(x[0]).real,
    "math.sin(x)": lambda x: math.sin(x[0]),
    "math.floor(x)": lambda x: 1.0 * math.floor(x[0]),
    "math.trunc(x)": lambda x: 1.0 * math.trunc(x[0]),
    "math.fsum": lambda x: math.fsum(x),
    "x.item()": lambda x: x[0].item(),
    "x.tolist()": lambda x: sum(x.tolist()),
    "np.float64(x)": lambda x: np.float64(x[0]),
    "a[i] = x": assign_to_item,
    "a[i:] = x": assign_to_slice,
    "a[mask] = x": assign_by_mask,
    "a[row] = x": assign_row,
    "a += x": add_to_plain_array,
    "out=": write_out,
    "range(x)": count_to,
}


@each_mode
@pytest.mark.parametrize("f", TRACE_LOST.values(), ids=TRACE_LOST)
def test_a_trace_that_would_be_lost_is_an_error_that_says_what_where_why_and_what_to_try(mode, f):
    error = refusal(db.TraceLost, db.gradient(f, backend=mode), X)
    assert isinstance(error, TypeError)
    assert error.what
    assert error.why
    assert error.hint
    line = f.__code__.co_firstlineno
    path, number = error.where.split(" in ")[0].rsplit(":", 1)
    assert path == __file__
    assert line <= int(number) <= line + 4
    assert all(f"  {label}" in str(error) for label in ("where:", "why:", "try:"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("float(x)", ("float(x)", "np.sin for math.sin", "db.primal(x)")),
        ("math.sin(x)", ("a function of the math module", "np.sin for math.sin")),
        ("a[i] = x", ("an assignment into a plain array", "np.stack")),
        ("int(x)", ("int(x)",)),
        ("range(x)", ("range(x)",)),
        ("x.item()", ("x.item()",)),
        ("a += x", ("`a += x`", "a = a + x")),
    ],
)
def test_the_message_names_what_lost_the_trace_and_what_to_write_instead(name, words):
    message = str(refusal(db.TraceLost, db.gradient(TRACE_LOST[name]), X))
    assert all(word in message for word in words)


@pytest.mark.parametrize("name", ["symbolic", "complex-step"])
@pytest.mark.parametrize("f", TRACE_LOST.values(), ids=TRACE_LOST)
def test_backends_that_run_f_on_values_of_their_own_refuse_as_well(name, f):
    expected = db.TraceLost
    if f is TRACE_LOST["a[mask] = x"]:  # the mask is x > 0, and comes first
        expected = db.ClosedFormRequired if name == "symbolic" else db.NotAnalytic
    refusal(expected, db.gradient(f, backend=name), X)


@each_mode
def test_a_value_that_is_wanted_without_derivative_passes_by_primal(mode):
    assert db.derivative(lambda x: x * math.floor(db.primal(x)), backend=mode)(2.5) == 2.0


@each_mode
def test_printing_a_traced_value_is_no_loss(mode, capsys):
    def f(x):
        print(f"{x:.2f}", x)
        return x * x

    assert db.derivative(f, backend=mode)(1.5) == 3.0
    assert capsys.readouterr().out.startswith("1.50 ")


# -- what has no rule --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["auto", "forward", "reverse", "symbolic", "complex-step"])
def test_a_function_without_a_rule_is_named(name):
    error = refusal(NotImplementedError, db.gradient(lambda x: np.einsum_path("i->", x)[1], backend=name), X)
    assert isinstance(error, db.UnsupportedPrimitive)
    assert "numpy.einsum_path" in error.what
    assert __file__ in error.where
    assert "finite differences" in error.hint


@each_mode
def test_an_argument_without_a_rule_is_named(mode):
    f = lambda x: np.sum(np.exp(x, where=[True, False, True]))  # noqa: E731
    error = refusal(NotImplementedError, db.gradient(f, backend=mode), X)
    assert "numpy.exp" in error.what
    assert "where" in error.what


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if x > 0 else -x,
        lambda x: max(x, 1.0),
        lambda x: x and 2 * x,
        lambda x: next(y for y in (x, 2 * x, 4 * x) if y > 1),
    ],
)
def test_a_branch_on_a_symbol_needs_a_closed_form(f):
    error = refusal(TypeError, db.derivative(f, backend="symbolic"), 0.5)
    assert isinstance(error, db.ClosedFormRequired)
    assert "branches on a symbol" in error.what
    assert "'forward' or 'reverse'" in error.hint


def halve_until_small(x):
    while x > 0.1:
        x = x / 2
    return x


@pytest.mark.parametrize(
    "f", [abs, np.abs, lambda x: np.maximum(x, 0.0), lambda x: x if x > 0 else -x, halve_until_small]
)
def test_complex_step_refuses_what_is_not_analytic(f):
    error = refusal(ValueError, db.derivative(f, backend="complex-step"), 0.5)
    assert isinstance(error, db.NotAnalytic)
    assert __file__ in error.where or f is abs
    assert "backend='forward' or 'reverse'" in error.hint


@pytest.mark.parametrize("f", [np.max, lambda x: np.sum(np.sort(x)), lambda x: np.sum(np.abs(x))])
def test_complex_step_refuses_functions_of_arrays_that_are_not_analytic(f):
    refusal(db.NotAnalytic, db.gradient(f, backend="complex-step"), X)

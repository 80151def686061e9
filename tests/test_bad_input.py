"""What makes no sense is refused in words, by every backend alike: what happened, where, why, and what to try."""

import contextlib
import math

import numpy as np
import pytest

import diffbench as db

BACKENDS = [*db.backends().index, "auto"]
AD = ("auto", "forward", "reverse")
X = np.array([0.5, 1.0, 2.0])


def squares(x):
    return np.sum(x * x)


def squares_gradient(x):
    return 2 * x


def cube(x):
    return x**3


def backend_of(name, **derivatives):
    """The backend of a name; `manual` is told the derivatives of `squares` unless it is told others."""
    return db.get_backend(name, **(derivatives or {"gradient": squares_gradient})) if name == "manual" else name


each_backend = pytest.mark.parametrize("name", BACKENDS)
each_mode = pytest.mark.parametrize("mode", AD)


def refusal(error, call, *args, **kwargs):
    """The error with which a call is refused."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    assert isinstance(caught.value, db.DiffbenchError)
    return caught.value


# -- backends and functions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [db.gradient, db.jacobian, db.linearize])
def test_an_unknown_backend_gets_the_nearest_name(verb):
    message = str(refusal(ValueError, verb, squares, backend="revers"))
    assert "no backend is called 'revers'; did you mean 'reverse'?" in message
    assert "finite-central" in message


@pytest.mark.parametrize("backend", [None, 3, type(db.get_backend("reverse"))])
def test_a_backend_that_is_neither_name_nor_differentiator_is_refused(backend):
    message = str(refusal(TypeError, db.gradient, squares, backend=backend))
    assert f"a backend is a name or a Differentiator, found {type(backend).__name__}" in message


def test_an_option_for_a_backend_that_is_made_is_refused():
    error = refusal(TypeError, db.gradient, squares, backend=db.get_backend("finite-central"), step=1e-3)
    assert "options ['step'] for a backend that is already made" in str(error)


@pytest.mark.parametrize("f", [3.0, X, "np.sin", None])
def test_an_f_that_is_no_function_is_refused(f):
    message = str(refusal(TypeError, db.gradient, f))
    assert f"gradient: f must be a function, found {type(f).__name__}" in message
    assert "db.gradient(f)(x), with f itself and not its value" in message


# -- results -----------------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("verb", [db.gradient, db.value_and_gradient])
def test_a_vector_result_has_no_gradient(name, verb):
    error = refusal(TypeError, verb(lambda x: x * x, backend=backend_of(name, jacobian=np.diag)), X)
    assert "must return one real number, but returned an array of shape (3,)" in error.what
    assert "sum the result, or use db.jacobian" in error.hint


@each_mode
@pytest.mark.parametrize("verb", [db.hessian, lambda f, **options: lambda x: db.hvp(f, **options)(x, x)])
def test_a_vector_result_has_no_hessian(mode, verb):
    assert isinstance(refusal(TypeError, verb(lambda x: x * x, backend=mode), X), db.ResultError)


@each_mode
@pytest.mark.parametrize(
    ("result", "found"),
    [
        (lambda x: x[:1], "an array of shape (1,)"),
        (lambda x: [x[0]], "a container"),
        (lambda x: None, "a container"),
        (lambda x: 3, "an integer"),
        (lambda x: np.argmax(x), "an integer"),
        (lambda x: x[0] > 0, "a bool"),
        (lambda x: "text", "an object of type str"),
        (lambda x: 2j, "a complex number"),
    ],
)
def test_a_result_that_is_no_float_has_no_gradient_and_the_message_says_what_it_is(mode, result, found):
    message = str(refusal(TypeError, db.gradient(result, backend=mode), X))
    assert message.startswith("gradient: ")
    assert f"returned {found}" in message
    assert "<lambda>" in message


@each_mode
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x) * 1j,
        lambda x: np.sum(np.abs(np.exp(1j * x))),
        lambda x: np.sum(np.real(np.exp(1j * x))),
        lambda x: np.sum(np.imag(np.exp(1j * x))),
        lambda x: np.sum(np.exp(1j * x) * np.conj(np.exp(1j * x))),
    ],
    ids=["result", "abs", "real", "imag", "conj"],
)
def test_complex_numbers_inside_f_are_refused_and_never_cast_away(mode, f):
    error = refusal(Exception, db.gradient(f, backend=mode), X)
    assert "complex" in error.what
    assert "cos and sin" in error.hint


@pytest.mark.parametrize("result", [lambda x: x, lambda x: (x, 1, 2), lambda x: [x, 1]])
def test_has_aux_needs_a_pair(result):
    error = refusal(TypeError, db.gradient(result, has_aux=True), 1.0)
    assert "has_aux=True, but" in error.what
    assert "did not return a pair" in error.what
    assert error.hint == "return (result, aux)"


# -- arguments ---------------------------------------------------------------------------------------------------------


@each_backend
def test_an_array_has_no_derivative(name):
    message = str(refusal(TypeError, db.derivative(cube, backend=backend_of(name)), X))
    assert "derivative: argument 0 of cube is not a scalar" in message
    assert "db.gradient" in message
    assert "db.jacobian" in message


@each_backend
@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("text", "text"),
        (np.array(["text"]), "text"),
        (np.array([None, 1.0]), "an array of objects"),
        (1 + 2j, "a complex number"),
        (np.array([1j]), "an array of complex numbers"),
        (np.ma.array([1.0]), "of type masked array"),
        (np.array(["2000-01-01"], "datetime64[D]"), "of type array of datetime64[D]"),
        (object(), "of type object"),
    ],
    ids=["text", "array of text", "objects", "complex", "complex array", "masked", "dates", "object"],
)
def test_an_argument_that_is_no_float_is_refused(name, argument, found):
    error = refusal(TypeError, db.gradient(squares, backend=backend_of(name)), argument)
    assert f"gradient: argument 0 of squares is {found}" in error.what
    assert "real floats" in error.why


def test_the_message_for_complex_arguments_says_what_to_do():
    assert "the real and the imaginary part" in refusal(TypeError, db.gradient(squares), 1j * X).hint


def test_the_message_names_the_argument():
    error = refusal(TypeError, db.gradient(lambda a, b: a, argnum=-1), 1.0, "text")
    assert "argument 1 of" in error.what


def test_text_deep_inside_a_container_is_refused():
    assert "is text" in refusal(TypeError, db.gradient(lambda p: p["w"]), {"w": 1.0, "name": ["layer"]}).what


@pytest.mark.parametrize("argnum", [2, -3, (0, 5)])
def test_an_argnum_out_of_range_is_refused(argnum):
    error = refusal(TypeError, db.gradient(lambda a, b: a * b, argnum=argnum), 1.0, 2.0)
    assert "was called with 2 positional arguments" in error.what
    assert "by position" in error.hint


def test_an_argument_passed_by_keyword_is_not_found():
    assert "called with 0 positional arguments" in refusal(TypeError, db.gradient(squares), x=X).what


@pytest.mark.parametrize("argnum", ["x", 0.5, None, (0, "x")])
def test_an_argnum_that_is_no_integer_is_refused(argnum):
    assert f"found {argnum!r}" in refusal(TypeError, db.gradient, squares, argnum=argnum).what


@pytest.mark.parametrize("argnum", [(0, 0), (0, -2)])
def test_an_argnum_that_names_an_argument_twice_is_refused(argnum):
    error = refusal(TypeError, db.gradient(lambda a, b: a * b, argnum=argnum), 1.0, 2.0)
    assert "twice" in error.what


@each_backend
def test_nan_in_the_argument_reaches_its_entry_of_the_gradient(name):
    with np.errstate(invalid="ignore"):
        assert np.isnan(db.gradient(squares, backend=backend_of(name))(np.array([1.0, np.nan]))[1])


@each_backend
@pytest.mark.parametrize("x", [np.array([1, 2]), np.array([True, False]), np.array([1, 2], np.uint8)], ids=str)
def test_integers_count_as_float64(name, x):
    found = db.gradient(squares, backend=backend_of(name))(x)
    assert found.dtype == np.float64
    assert found == pytest.approx(2.0 * x, abs=1e-7)


# -- directions --------------------------------------------------------------------------------------------------------


def identity_like(backend_name):
    return backend_of(backend_name, jacobian=lambda x: np.diag(2 * x), hessian=lambda x: 2 * np.eye(3))


@each_backend
@pytest.mark.parametrize("verb", [db.jvp, db.vjp])
@pytest.mark.parametrize("direction", [np.ones(2), np.ones((3, 1)), 1.0, [1.0, 2.0]], ids=str)
def test_a_direction_of_the_wrong_shape_is_refused(name, verb, direction):
    error = refusal(ValueError, verb(lambda x: x * x, backend=identity_like(name)), X, direction)
    assert f"the direction has shape {np.shape(direction)}, expected (3,)" in error.what
    assert "nothing is broadcast" in error.why


@each_mode
def test_hvp_refuses_a_direction_of_the_wrong_shape(mode):
    assert "expected (3,)" in refusal(ValueError, db.hvp(squares, backend=mode), X, np.ones(4)).what


@each_mode
def test_a_batch_needs_an_axis_more(mode):
    assert "expected (k, 3)" in refusal(ValueError, db.jvp(cube, backend=mode, batch=True), X, X).what
    assert "expected (k, 3)" in refusal(ValueError, db.vjp(cube, backend=mode, batch=True), X, np.ones((2, 2))).what


def test_batches_of_different_lengths_are_refused():
    product = db.jvp(lambda a, b: a * b, argnum=(0, 1), batch=True)
    error = refusal(ValueError, product, X, X, (np.ones((2, 3)), np.ones((3, 3))))
    assert "stacks of different lengths" in error.what


@pytest.mark.parametrize("verb", [db.jvp, db.vjp, db.hvp])
def test_a_missing_direction_is_named(verb):
    error = refusal(TypeError, verb(squares), X)
    assert "the direction is missing" in error.what
    assert f"db.{verb.__name__}(f)(x, v)" in error.hint


@pytest.mark.parametrize("direction", ["text", np.array(["a", "b", "c"]), 1j * X, None, [X]], ids=str)
def test_a_direction_that_is_not_made_of_real_numbers_is_refused(direction):
    assert "the direction" in refusal(ValueError, db.jvp(cube), X, direction).what


def test_a_ragged_direction_is_refused():
    assert "the direction" in refusal(ValueError, db.jvp(cube), X, [[1.0], [1.0, 2.0], 3.0]).what


def test_a_direction_in_other_containers_is_refused():
    error = refusal(ValueError, db.jvp(lambda p: p["a"] * p["b"]), {"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 1.0})
    assert "the direction has the wrong structure" in error.what
    assert "dict(a: *, b: *)" in error.what


def test_several_argnums_need_a_tuple_of_directions():
    product = db.jvp(lambda a, b: a * b, argnum=(0, 1))
    for direction in (1.0, (1.0,), (1.0, 1.0, 1.0)):
        assert "must be a tuple of 2" in refusal(ValueError, product, 2.0, 3.0, direction).what


# -- what f does -------------------------------------------------------------------------------------------------------


@each_backend
@pytest.mark.parametrize("error", [ValueError("bad"), ZeroDivisionError(), KeyError("w"), StopIteration(), TypeError()])
def test_an_exception_of_f_comes_out_unchanged(name, error):
    def f(x):
        raise error

    with pytest.raises(type(error)) as caught:
        db.jacobian(f, backend=backend_of(name, jacobian=np.diag))(X)
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert caught.value.args == error.args


def assign_item(x):
    x[0] = 7.0
    return np.sum(x)


def assign_slice(x):
    x[:] = 7.0
    return np.sum(x)


def in_place(x):
    x *= 7.0
    return np.sum(x)


def sort_in_place(x):
    x.sort()
    return np.sum(x)


def fill(x):
    x.fill(7.0)
    return np.sum(x)


def write_by_out(x):
    np.exp(x, out=x)
    return np.sum(x)


@each_backend
@pytest.mark.parametrize("f", [assign_item, assign_slice, in_place, sort_in_place, fill, write_by_out])
@pytest.mark.parametrize("verb", [db.gradient, db.linearize, db.pullback, db.hessian])
def test_an_f_that_writes_into_its_argument_never_changes_the_callers_array(name, f, verb):
    x = np.array([3.0, 2.0, 1.0])
    derivatives = {"gradient": np.ones_like, "jacobian": np.ones_like, "hessian": lambda x: np.zeros((3, 3))}
    with contextlib.suppress(db.DiffbenchError, AttributeError):  # it may be refused; what matters here is the array
        verb(f, backend=backend_of(name, **derivatives))(x)
    assert x.tolist() == [3.0, 2.0, 1.0]


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


def convert_to_floats(x):
    return np.sum(np.array([x[0], x[1]], dtype=float))


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
    "np.array(x, float)": convert_to_floats,
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
    refusal(db.DiffbenchError, db.gradient(f, backend=name), X)


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
    error = refusal(NotImplementedError, db.gradient(lambda x: np.fft.fft(x)[0], backend=name), X)
    assert isinstance(error, db.UnsupportedPrimitive)
    assert "numpy.fft" in error.what
    assert __file__ in error.where
    assert "finite differences" in error.hint


@each_mode
def test_an_argument_without_a_rule_is_named(mode):
    error = refusal(NotImplementedError, db.gradient(lambda x: np.sum(x, where=x > 1, initial=0.0), backend=mode), X)
    assert "numpy.sum" in error.what
    assert "where" in error.what


@each_mode
def test_writing_into_a_traced_array_is_refused_in_words(mode):
    for f in (assign_item, assign_slice, in_place):
        error = refusal(NotImplementedError, db.gradient(f, backend=mode), X)
        assert "has no derivative rule" in error.what
        assert error.hint
        assert __file__ in error.where


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


@pytest.mark.parametrize("f", [np.max, np.linalg.norm, lambda x: np.sum(np.sort(x))])
def test_complex_step_refuses_functions_of_arrays_that_are_not_analytic(f):
    refusal(db.DiffbenchError, db.gradient(f, backend="complex-step"), X)

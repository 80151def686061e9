"""What makes no sense is refused in words, by every backend alike: what happened, where, why, and what to try."""

import contextlib

import numpy as np
import pytest

import diffbench as db
from tests.common import OURS

BACKENDS = [*OURS, "auto"]
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
        lambda x: np.sum(np.exp(1j * x) * np.conj(np.exp(1j * x))),
    ],
    ids=["imaginary", "without imaginary part"],
)
def test_a_complex_result_is_refused_and_never_cast_away(mode, f):
    error = refusal(TypeError, db.gradient(f, backend=mode), X)
    assert "complex" in error.what
    assert ".real" in error.hint


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


def product(a, b):
    return np.sum(a**2) * b


def reference(argnum):
    return db.reference(product, X, 2.0, argnum=argnum)


def diagnose(argnum):
    return db.diagnose(product, X, 2.0, argnum=argnum).methods


def compare(argnum):
    return db.compare(product, X, 2.0, argnum=argnum, backends=["reverse"]).frame["value"]


def trace(argnum):
    return db.trace(product, X, 2.0, argnum=argnum).source("reverse")


def check(argnum):
    return db.testing.check_gradient(product, db.gradient(product, argnum=argnum), X, 2.0, argnum=argnum)


each_that_differentiates = pytest.mark.parametrize("what", [reference, diagnose, compare, trace, check])


@each_that_differentiates
@pytest.mark.parametrize("argnum", [2, (0, 0), (0, -2), (), "x", 0.5])
def test_all_that_differentiate_refuse_an_argnum_as_the_verbs_do(what, argnum):
    assert "argnum" in refusal(TypeError, what, argnum).what


@each_that_differentiates
@pytest.mark.parametrize(("argnum", "meant"), [([0, 1], (0, 1)), (np.int64(1), 1), (-1, 1)], ids=str)
def test_all_that_differentiate_take_an_argnum_as_the_verbs_do(what, argnum, meant):
    assert str(what(argnum)) == str(what(meant)) != str(what(0))


@pytest.mark.parametrize("argnum", [(), []])
@pytest.mark.parametrize("verb", [db.gradient, db.jacobian, db.hessian, db.jvp, db.vjp, db.hvp, db.linearize])
@each_backend
def test_an_argnum_that_names_no_argument_is_refused(name, verb, argnum):
    error = refusal(TypeError, verb, squares, argnum=argnum, backend=backend_of(name))
    assert "names no argument" in error.what


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


@pytest.mark.parametrize(
    ("verb", "f", "given"),
    [
        (db.jvp, lambda x: 3.0, ({"none": []}, {"none": []})),
        (db.vjp, lambda x: (), (X, ())),
        (db.hvp, lambda x: 3.0, (None, None)),
    ],
    ids=["jvp", "vjp", "hvp"],
)
def test_a_batch_without_arrays_is_refused_as_nobody_can_count_its_directions(verb, f, given):
    assert "the direction holds no array" in refusal(ValueError, verb(f, batch=True), *given).what


@pytest.mark.parametrize("verb", [db.jvp, db.vjp, db.hvp])
def test_a_missing_direction_is_named(verb):
    error = refusal(TypeError, verb(squares), X)
    assert "the direction is missing" in error.what
    assert f"db.{verb.__name__}(f)(x, v)" in error.hint


@pytest.mark.parametrize("what", [db.compare, db.reference])
def test_a_missing_direction_of_a_quantity_is_named(what):
    assert "jvp: the direction is missing" in refusal(TypeError, what, squares, X, quantity="jvp").what


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

"""Arrays built of traced values and numbers: np.array and the like, lists as arguments, arrays of objects."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from numpy import array as array_by_name

import diffbench as db

BACKENDS = ["forward", "reverse", "symbolic", "complex-step"]
X = np.array([0.5, 1.0, 2.0])


def spherical(x):
    return np.array([np.cos(x[0]), 0.5, x[1] * x[2]])


PROGRAMS = {
    "np.array of numbers and entries": lambda x: np.sum(np.exp(np.array([x[0], 1.0, x[2] * x[1], 2]))),
    "np.array of nested lists": lambda x: np.sum(np.sin(np.array([[x[0], 2.0], [x[1], x[2] ** 2]]))),
    "np.array of an array": lambda x: np.sum(np.sqrt(np.array(x) ** 3)),
    "np.array of rows": lambda x: np.prod(np.array([x, [1.0, 2.0, x[0]]])),
    "np.array of arrays and tuples": lambda x: np.sum(np.tanh(np.array((x, x**2)))),
    "np.array with dtype": lambda x: np.sum(np.log(np.array([x[0], 3], dtype=float))) + x[1],
    "np.array with ndmin": lambda x: np.sum(np.exp(np.array([x[0], x[1]], ndmin=2) @ np.ones((2, 1)))),
    "np.asarray": lambda x: np.sum(np.sqrt(np.asarray([x[0], 2.0]))) * np.sum(np.asarray(x)),
    "np.full": lambda x: np.sum(np.exp(np.full((2, 2), x[0]))) + np.sum(np.full(3, x) ** 2),
    "np.r_": lambda x: np.sum(np.exp(np.r_[x, 1.0, 0:3, x[0], [x[1], 2.0]])),
    "np.c_": lambda x: np.sum(np.exp(np.c_[x, np.ones(3), [x[0], 0.1, x[2]]])),
    "np.mean of a list": lambda x: np.mean([x[0] ** 2, x[1]]) * np.mean([x[2], 3.0]),
    "np.meshgrid of lists": lambda x: np.sum(np.multiply(*np.meshgrid([x[0], 2.0], [x[1], x[2]])) ** 2),
    "np.std and np.var of lists": lambda x: np.std([x[0], x[1], 3.0]) * np.var([x, [1.0, 2.0, 3.0]]),
    "np.sum of a list": lambda x: np.sum([x[0] * x[1], x[2], 1.0]) ** 2,
    "np.prod of a list": lambda x: np.prod([x[0], x[1], x[2], 2.0]),
    "np.stack of numbers and entries": lambda x: np.sum(np.exp(np.stack([x[0], 1.0, x[2]]))),
    "np.vstack and hstack of lists": lambda x: np.sum(np.vstack([x, [1.0, 2, 3]]) * np.hstack([[x[0]], x[1:]]) ** 2),
    "np.column_stack and block": lambda x: np.sum(np.exp(np.column_stack([x, np.ones(3)])))
    + np.sum(np.block([[x[:1], 1.0], [2.0, x[2:]]]) ** 3),
    "np.dot of lists": lambda x: np.dot(np.array([x[0], 1.0]), np.array([2.0, x[1]])) * x[2],
    "iteration": lambda x: np.sum(np.array([xi**2 if i else 1.0 for i, xi in enumerate(x)]) ** 2),
    "a function that returns np.array": lambda x: np.sum(np.log(2 + spherical(x))),
    "assignment into np.array": lambda x: _assigned(np.array([x[0], 1.0, x[1]]), x),
    "an array of objects": lambda x: np.sum(array_by_name([x[0], x[1] * x[2]]) ** 2) + np.sin(array_by_name([x[2]]))[0],
    "a function of two operands on an array of objects": lambda x: np.sum(np.hypot(array_by_name([x[0], x[1]]), 2.0)),
    "an array of objects with numbers": lambda x: np.sum(array_by_name([x[0], 2.0]) * array_by_name([x[1], x[2]])),
}  # fmt: skip


def _assigned(y, x):
    y[1] *= x[2]
    y += x
    return np.sum(y**2)


each_program = pytest.mark.parametrize("f", PROGRAMS.values(), ids=PROGRAMS)


@each_program
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_pass_arrays_built_of_traced_values(f, backend):
    value, gradient = db.value_and_gradient(f, backend=backend)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    expected = db.gradient(f, backend="finite-central", order=6)(X)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_the_average_of_a_list_has_weights_of_a_list(backend):
    gradient = db.gradient(lambda x: np.average([x[0], x[1] ** 2], weights=[x[2], 1.0]), backend=backend)(X)
    np.testing.assert_allclose(gradient, [2 / 3, 2 / 3, (0.5 - 1.0) / 9], rtol=1e-15)


@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_nan_functions_of_lists_leave_out_what_is_nan(backend):
    gradient = db.gradient(lambda x: np.nansum([x[0], np.nan]) + np.nanmax([x[1], np.nan, 0.5]), backend=backend)(X)
    np.testing.assert_array_equal(gradient, [1.0, 1.0, 0.0])


@each_program
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_second_derivatives_pass_arrays_built_of_traced_values(f, inner, outer):
    found = db.jacobian(db.gradient(f, backend=inner), backend=outer)(X)
    expected = db.jacobian(db.gradient(f, backend="complex-step"), backend="finite-central", order=6)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_a_built_array_looks_like_an_array():
    def f(x):
        y = np.array([[x[0], 1.0], [2.0, x[1]]])
        assert (y.shape, y.dtype, len(y)) == ((2, 2), np.dtype(float), 2)
        return y[0] @ y[1]

    assert db.gradient(f)(X) == pytest.approx([2.0, 1.0, 0.0])


def test_np_array_copies_and_np_asarray_does_not():
    def copied(x):
        y = np.array(x)
        y[0] = 100.0
        return np.sum(x)

    def shared(x):
        y = np.asarray(x)
        y[0] = 100.0
        return np.sum(x)

    np.testing.assert_array_equal(db.gradient(copied)(X), [1, 1, 1])
    np.testing.assert_array_equal(db.gradient(shared)(X), [0, 1, 1])


def test_lists_of_different_lengths_are_the_error_of_numpy():
    with pytest.raises(ValueError, match="inhomogeneous"):
        db.gradient(lambda x: np.sum(np.array([x, [x[0], 2.0]])))(X)


@pytest.mark.parametrize("ends", [lambda x: np.sum(x), lambda x: 1 / 0], ids=["by a result", "by an error"])
def test_the_names_of_numpy_are_its_own_again_when_f_has_ended(ends):
    before = {name: getattr(np, name) for name in db.construction.OURS}
    with suppress(ZeroDivisionError):
        db.gradient(ends)(X)
    assert all(getattr(np, name) is function for name, function in before.items())
    assert np.array is sys.modules["numpy._core.multiarray"].array


def test_nested_derivatives_in_many_threads_leave_the_names_of_numpy_as_they_were():
    def f(x):
        return np.sum(np.array([db.derivative(lambda t: t * t)(x[0]), 1.0, x[2]]))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for gradient in pool.map(db.gradient(f), [X] * 512):
                np.testing.assert_array_equal(gradient, [2, 0, 1])
    finally:
        sys.setswitchinterval(interval)
    assert np.array is sys.modules["numpy._core.multiarray"].array


def test_a_name_of_numpy_that_is_set_while_f_runs_is_set(monkeypatch):
    def f(x):
        monkeypatch.setattr(np, "full", "another")
        return np.sum(np.array([x[0], 1.0]))

    np.testing.assert_array_equal(db.gradient(f)(X), [1, 0, 0])
    assert np.full == "another"


def test_plain_constructions_inside_f_are_numpys():
    def f(x):
        plain = np.array([[1, 2], [3, 4]], dtype=np.float32)
        assert type(plain) is np.ndarray
        assert plain.dtype == np.float32
        assert np.r_[1:3, 5].tolist() == [1, 2, 5]
        return np.sum(x)

    db.gradient(f)(X)


OF_NESTED_LISTS = {
    "det": lambda x: np.linalg.det([[x[0], 1.0], [2.0, x[1]]]),
    "norm": lambda x: np.linalg.norm([x[0], 1.0, x[1]]),
    "solve": lambda x: np.linalg.solve([[x[0], 1.0], [0.0, x[1]]], [1.0, x[0]]),
    "inv": lambda x: np.linalg.inv([[x[0], 1.0], [0.0, x[1]]]),
    "slogdet": lambda x: np.linalg.slogdet([[x[0], 1.0], [0.0, x[1]]])[1],
    "eigvalsh": lambda x: np.linalg.eigvalsh(((x[0], 1.0), (1.0, x[1]))),
    "multi_dot": lambda x: np.linalg.multi_dot([[[x[0], 1.0], [1.0, x[1]]], np.eye(2)]),
    "matrix_power": lambda x: np.linalg.matrix_power([[x[0], 1.0], [1.0, x[1]]], 2),
    "fft": lambda x: np.abs(np.fft.fft([x[0], 2.0, x[1]])),
    "pad": lambda x: np.pad([x[0], 2.0], 1),
    "full_like": lambda x: np.full_like(np.zeros((2, 2)), x[0]),
}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", OF_NESTED_LISTS)
def test_lists_of_traced_numbers_are_matrices_to_numpy_linalg_and_others(name, mode):
    f, x = OF_NESTED_LISTS[name], np.array([3.0, 2.0])
    found = db.jacobian(f, backend=mode)(x)
    np.testing.assert_allclose(found, db.jacobian(f, backend="finite-central", order=4)(x), rtol=1e-8, atol=1e-9)


def test_numpy_linalg_is_numpys_again_after_f_has_run():
    before = np.linalg
    db.gradient(lambda x: np.linalg.norm(x))(np.ones(2))
    assert np.linalg is before


# -- arrays of objects beside verbs ------------------------------------------------------------------------------------


def objects(x):
    return array_by_name([x[0], x[1] * x[2], 2.0], dtype=object)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_array_of_objects_may_be_the_argument_of_an_inner_derivative(mode):
    gradient = db.gradient(lambda x: np.sum(db.gradient(lambda y: np.sum(y**3))(objects(x))), backend=mode)(X)
    np.testing.assert_allclose(gradient, [6 * X[0], 6 * X[1] * X[2] ** 2, 6 * X[1] ** 2 * X[2]], rtol=1e-15)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_array_of_objects_as_auxiliary_result_leaves_the_derivative_without_its_trace(mode):
    squares = np.vectorize(lambda t: t * t, otypes=[object])
    _, aux = db.gradient(lambda x: (np.sum(x), squares(x)), has_aux=True, backend=mode)(X)
    assert not any(map(db.is_traced, aux))
    np.testing.assert_array_equal(aux.astype(float), X**2)

    def with_aux_inside(x):
        return np.sum(db.gradient(lambda y: (np.sum(y), squares(y * x)), has_aux=True, backend=mode)(x)[1])

    np.testing.assert_allclose(db.gradient(with_aux_inside)(X), 4 * X**3, rtol=1e-15)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("constant", [db.stop_gradient, db.primal])
def test_an_array_of_objects_can_be_made_a_constant(constant, mode):
    def f(x):
        assert db.is_traced(objects(x))
        return np.sum(constant(objects(x)) * x)

    np.testing.assert_array_equal(db.gradient(f, backend=mode)(X), [X[0], X[1] * X[2], 2.0])

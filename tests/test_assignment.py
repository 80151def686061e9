"""Item assignment, in-place updates and views: what they mean to NumPy they mean to every backend."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db

X = np.array([0.5, 1.0, 2.0, 0.3])
BACKENDS = ["forward", "reverse", "symbolic", "complex-step"]
each_backend = pytest.mark.parametrize("backend", BACKENDS)
each_mode = pytest.mark.parametrize("mode", ["forward", "reverse"])


# -- programs that assign ----------------------------------------------------------------------------------------------


def fill_entry_by_entry(x):
    y = np.zeros_like(x)
    y[0] = x[0] ** 2
    for i in range(1, len(x)):
        y[i] = np.sin(y[i - 1]) * x[i]
    return np.sum(y**2)


def overwrite_an_entry(x):
    y = x * x
    y[1] = 3.0
    y[2] = y[0] * x[3]
    return np.sum(y * y)


def use_before_and_after(x):
    y = np.exp(x)
    before = np.sum(y * y)
    y[1:3] = x[:2]
    return before * np.sum(y)


def assign_to_the_argument(x):
    x[0] = 2.0 * x[1]
    return np.prod(x)


def assign_a_broadcast_value(x):
    y = np.ones_like(x, shape=(2, 4))
    y[:] = x
    y[0, 1:] *= x[0]
    y[1] = x[2]
    y[:, 0] = [x[0], 2.0]
    return np.sum(y**3)


def assign_by_mask(x):
    y = x * 1.0
    y[np.array([True, False, True, False])] = x[1:3] ** 2
    return np.sum(y * np.sin(y))


def assign_by_repeated_index(x):
    y = x * x
    y[[1, 1, 3]] = x[[0, 2, 2]] * 5  # the last value stays
    return np.sum(y * y)


def write_through_a_view(x):
    y = x * 2.0
    middle = y[1:3]
    middle[0] = x[0]
    middle *= x[3]
    return np.sum(y * y)


def see_through_a_view(x):
    y = x * 2.0
    middle, reverse = y[1:3], y[::-1]
    y[2] = x[0] * x[1]
    return np.sum(middle**2) + reverse[1] * reverse[0]


def write_through_views_of_views(x):
    y = x * 1.0
    square = y.reshape(2, 2)
    square.T[0] += x[:2]
    square[1][0] = x[3] * y[1]
    y[0] *= square[1, 1]
    return np.sum(square**3) + np.sum(np.ravel(square) * x)


def update_in_place(x):
    y = np.sin(x)
    also_y = y
    y += x
    y -= 0.1
    y *= x
    y /= 2.0
    y **= 2
    return np.sum(also_y)


def write_the_result_out(x):
    y = np.empty_like(x)
    np.multiply(x, x, out=y)
    np.add(y[:2], 1.0, out=y[:2])
    return np.sum(y**2)


def accumulate_at(x):
    y = np.zeros_like(x)
    np.add.at(y, [0, 2, 0], x[:3])
    np.subtract.at(y, 1, x[0] ** 2)
    np.add.at(y, [1, 1], [x[0], 2.0])
    np.multiply.at(y, slice(0, 2), x[2:])
    return np.sum(y**2)


def functions_that_write(x):
    y = np.zeros_like(x)
    np.copyto(y, x**2)
    np.copyto(y, x[0], where=[False, True, False, True])
    np.put(y, [0, -1], x[2] * x[3])
    np.place(y, [True, True, False, False], [x[0] * x[1]])
    square = y.reshape(2, 2)
    np.fill_diagonal(square, x[:2] * 3)
    np.put_along_axis(square, np.array([[0], [1]]), square[:, :1] * x[1], axis=1)
    np.putmask(y, [True, False, False, False], x * 2)
    return np.sum(y**3)


def rows_of_a_trajectory(x):
    states = np.zeros_like(x, shape=(5, 4))
    states[0] = x
    for k in range(4):
        states[k + 1] = states[k] + 0.1 * np.cos(states[k])
    return np.sum(states[:, 0] * states[:, -1])


def write_through_views_of_a_fresh_array(x):
    change = np.zeros_like(x)
    position, velocity = change[:2], change[2:]
    position[:] = x[2:] * x[0]
    velocity[:] = -np.sin(x[:2])
    np.cos(x[1:3], out=change[::-1][1:3])
    return np.sum(change * x)


def write_rows_of_a_fresh_matrix(x):
    rows = np.empty_like(x, shape=(2, 4))
    for row, factor in zip(rows, x):
        row[:] = factor * x
    rows.T[0] += x[:2]
    rows.reshape(-1)[5:] *= x[3]
    rows.T.ravel()[0] = 7.0  # a copy to NumPy, which cannot reshape a transposed array in place
    return np.sum(rows**2)


def write_whole_numbers(x):
    y = x.copy()
    y[0] = 0
    y[1:2] = True
    y[y > 1.5] = 3
    return np.sum(np.tanh(y) * x)


def write_what_is_piecewise_constant(x):
    y, z = 2.1 * x, x * x
    y //= 1
    np.floor(x + 0.2, out=z)
    return np.sum(-y * x + np.sin(y) * x + (y + y) * x[0] + z**2 * x) + sum(z[1:]) * x[3]


def replace_what_is_no_number(x):
    y, z = np.sqrt(x - 0.4), x / np.floor(x + 0.2)
    np.nan_to_num(y, copy=False, nan=2.0)
    np.nan_to_num(z, copy=False, posinf=3.0)
    return np.sum(y * z * x)


def divide_where_it_is_safe(x):
    safe = np.divide(x, x[::-1] - 2.0, out=np.zeros_like(x), where=x[::-1] < 1.5)
    root = np.full_like(x, 2.0)
    np.sqrt(x - 0.5, out=root, where=x > 0.6)
    return np.sum(safe * root)


def copy_a_fresh_array(x):
    y = np.zeros_like(x)
    z = y.copy()
    z[1] = x[0] * x[1]
    return np.sum(z) + np.sum(y)


def write_into_copies_that_keep_the_dtype(x):
    y, z, reshaped = x.astype(float), np.astype(x, float), np.reshape(x, (2, 2), copy=True)
    fresh = np.astype(np.copy(np.zeros_like(x)), float)
    y[0], z[1], reshaped[0, 0], fresh[2] = 3.0, x[0], x[1], x[3] ** 2
    return np.sum(x**3) * np.sum(y * z * reshaped.ravel()) + np.sum(fresh * x)


def write_where_numpy_makes_no_copy(x):
    y = x * x
    same = (y.astype(float, copy=False), y.real, y.conj(), np.real_if_close(y))
    for i, array in enumerate(same):
        array[i] = x[i - 1]
    square = y.reshape(2, 2)
    np.rot90(square, 4)[0, 0] *= x[2]
    return np.sum(y * y)


def write_and_see_diagonals(x):
    square = np.outer(x, x)[:3, :3]
    diagonal, above, block = np.diag(square), np.diagonal(square.T, -1), np.block(square)
    np.einsum("ii->i", square)[1:] = x[:2]
    np.einsum("ij->ji", square)[0] *= x[2]
    square[0, 1] = x[3] ** 2
    block[2] = 1.0
    return np.sum(diagonal**3) + np.sum(above * x[:2]) + np.sum(square * block)


def see_through_a_broadcast_array(x):
    y = 1.0 * x
    rows, column = np.broadcast_to(y, (2, 4)), np.broadcast_to(y[:, None], (4, 3))
    y[0] = x[1] ** 2
    return np.sum(rows * rows) + np.sum(column**3)


def add_to_what_an_index_copies_of_a_fresh_array(x):
    y, pairs = np.zeros_like(x), np.ones_like(x, shape=(2, 2))
    mask = np.array([True, False, True, True])
    y[mask] += x[mask] ** 2
    y[[0, 2]] *= x[:2] + 1.0
    pairs[np.arange(2), [1, 0]] -= x[2:]
    copied = y[[1, 3]]
    copied += x[0]  # y stays as it is
    return np.sum(y * x) + np.sum(pairs**2) + np.sum(copied**2)


PROGRAMS = [
    fill_entry_by_entry, overwrite_an_entry, use_before_and_after, assign_to_the_argument, assign_a_broadcast_value,
    assign_by_mask, assign_by_repeated_index, write_through_a_view, see_through_a_view, write_through_views_of_views,
    update_in_place, write_the_result_out, accumulate_at, functions_that_write, rows_of_a_trajectory,
    write_through_views_of_a_fresh_array, write_rows_of_a_fresh_matrix, copy_a_fresh_array,
    write_into_copies_that_keep_the_dtype, write_where_numpy_makes_no_copy, write_and_see_diagonals,
    see_through_a_broadcast_array, add_to_what_an_index_copies_of_a_fresh_array,
]  # fmt: skip
each_program = pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)


def truth(f):
    """Central differences of order six, which run f on plain arrays: copies, for f may write into its argument."""
    return db.gradient(lambda x: f(x.copy()), backend="finite-central", order=6)(X)


@each_program
@each_backend
def test_gradients_of_programs_that_assign_are_those_of_the_plain_program(f, backend):
    value, gradient = db.value_and_gradient(f, backend=backend)(X)
    assert value == pytest.approx(f(X.copy()), rel=1e-14)
    np.testing.assert_allclose(gradient, truth(f), rtol=1e-9, atol=1e-10)


def test_a_number_may_be_written_into_an_array_made_of_another():
    def f(x):
        y = np.zeros(3) * x[0]
        y[0] = x[1]
        return np.sum(y * y) + x[0]

    for backend in ("forward", "reverse", "complex-step", "finite-central", "symbolic"):
        assert db.gradient(f, backend=backend)([1.0, 2.0]) == pytest.approx([1.0, 4.0], rel=1e-6)
        np.testing.assert_allclose(db.hessian(f, backend=backend)([1.0, 2.0]), [[0, 0], [0, 2]], atol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "f", [write_whole_numbers, write_what_is_piecewise_constant, replace_what_is_no_number, divide_where_it_is_safe]
)
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@each_mode
def test_programs_that_assign_by_comparison_are_differentiated_as_they_run(f, mode, outer):
    value, gradient = db.value_and_gradient(f, backend=mode)(X)
    assert value == pytest.approx(f(X.copy()), rel=1e-14)
    np.testing.assert_allclose(gradient, truth(f), rtol=1e-9, atol=1e-10)
    by_differences = db.jacobian(db.gradient(f, backend=mode), backend="finite-central", order=6)(X)
    np.testing.assert_allclose(db.jacobian(db.gradient(f, backend=mode), backend=outer)(X), by_differences, atol=1e-8)


@each_program
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_second_derivatives_of_programs_that_assign_are_right(f, inner, outer):
    found = db.jacobian(db.gradient(f, backend=inner), backend=outer)(X)
    expected = db.jacobian(db.gradient(f, backend="complex-step"), backend="finite-central", order=6)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


@each_program
def test_the_truth_to_fifty_digits_can_assign(f):
    np.testing.assert_allclose(np.array(db.reference(f, X), float), truth(f), rtol=1e-9, atol=1e-10)


@each_program
def test_many_directions_at_once_pass_assignments(f):
    jacobian = db.jacobian(db.gradient(f))(X)  # pushes all unit tangents through the backward pass at once
    np.testing.assert_allclose(jacobian, jacobian.T, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_each_of_many_directions_has_its_own_array_where_numpy_moves_the_axes_of_an_index(inner, outer):
    """The result is the sum of t[0]**6 and t[1]**3, whose Hessian is diagonal."""

    def f(t):
        y = np.zeros_like(t)
        y[0, :, [0, 1]] = t[1].T
        y[1, None, [0, 1]] = t[0, :, None] ** 2
        return np.sum(y**3)

    t = np.arange(1.0, 9.0).reshape(2, 2, 2)
    hessian = db.jacobian(db.gradient(f, backend=inner), backend=outer)(t).reshape(8, 8)
    slopes = np.stack([30 * t[0] ** 4, 6 * t[1]])
    np.testing.assert_allclose(hessian, np.diag(slopes.ravel()), rtol=1e-14)


@each_program
@each_backend
def test_the_argument_of_the_user_stays_as_it_was(f, backend):
    x = X.copy()
    db.gradient(f, backend=backend)(x)
    np.testing.assert_array_equal(x, X)


# -- random programs: linear, with whole numbers, so that J v = f(v) - f(0) holds exactly ------------------------------

SLICES = [slice(None), slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1), slice(2, 5), 0, -1]

STEPS = ["view", "reshape", "transpose", "assign", "number", "plain", "add", "double", "copy", "fresh", "at"]


NUMBER = st.integers(0, 9)  # of an array, among those that are there
programs = st.lists(st.tuples(st.sampled_from(STEPS), NUMBER, NUMBER, st.sampled_from(SLICES)), min_size=1, max_size=8)


def run(steps, x):
    arrays = [x * 1.0]
    for kind, first, second, part in steps:
        a, b = arrays[first % len(arrays)], arrays[second % len(arrays)]
        if kind == "view" and a.ndim and a.shape[0] > 1:
            arrays.append(a[part] if not isinstance(part, int) else a[part : part + 2])
        elif kind == "reshape":
            arrays.append(a.reshape(-1) if second % 2 or a.size % 2 else a.reshape(2, -1))
        elif kind == "transpose":
            arrays.append(a.T)
        elif kind == "assign" and a.size and b.size:
            a[part if a.ndim and a.shape[0] else ...] = b.ravel()[0]
        elif kind == "number":
            a[...] = (3.0, 3, True)[second % 3]
        elif kind == "plain":
            np.add(np.ones(a.shape), 1.0, out=a)
        elif kind == "fresh":
            arrays.append(np.zeros_like(a))
        elif kind == "add" and a.shape == b.shape:
            a += b
        elif kind == "double":
            a *= 2
        elif kind == "copy":
            arrays.append(a.copy())
        elif kind == "at" and a.ndim == 1 and a.size:
            np.add.at(a, [0, 0, a.size - 1], 2 * a.ravel()[0])
    return np.concatenate([a.ravel() for a in arrays])


@settings(max_examples=200, deadline=None)
@given(programs, st.lists(st.integers(-3, 3), min_size=6, max_size=6))
def test_random_programs_of_assignments_and_views_agree_with_numpy(steps, entries):
    x, v = np.arange(1.0, 7.0), np.array(entries, float)
    expected = run(steps, v) - run(steps, np.zeros(6))
    jacobian = db.jacobian(lambda x: run(steps, x), backend="reverse")(x)
    np.testing.assert_array_equal(jacobian @ v, expected)
    np.testing.assert_array_equal(db.jvp(lambda x: run(steps, x), backend="forward")(x, v), expected)


# -- copies and views --------------------------------------------------------------------------------------------------


MADE_OF_A = [
    "A.astype(float)", "np.astype(A, float)", "A.astype(float, copy=False)", "A.copy()", "np.array(A)", "np.asarray(A)",
    "np.real(A)", "A.real", "A.conj()", "A.conjugate()", "np.conjugate(A)", "np.real_if_close(A)",
    "np.nan_to_num(A)", "np.nan_to_num(A, copy=False)", "np.broadcast_arrays(A, 1.0)[0]", "np.transpose(A[0], 0)",
    "np.meshgrid(A[0], A[1], sparse=True)[0]", "np.meshgrid(A[0], A[1])[0]", "np.rot90(A, 4)", "np.rot90(A)",
    "np.einsum('ij->ji', A)", "np.einsum('ii->i', A)", "np.einsum('...i->i...', A)", "np.einsum('ij->ij', A)",
    "np.einsum('iji->ji', np.reshape(A, (2, 2, 4))[:, :, :2])", "np.einsum('ij->j', A)",
    "np.diagonal(A)", "np.diag(A, 1)", "np.linalg.diagonal(A)", "A.diagonal()",
    "np.lib.stride_tricks.sliding_window_view(A[0], 2)",
    "A.ravel()", "A.T.ravel()", "A.T.reshape(-1)", "A[:, :2].reshape(-1)", "A[:2].reshape(-1)", "A.flat", "A.T.flat",
    "np.ascontiguousarray(A)", "np.ascontiguousarray(A.T)", "np.asfortranarray(A)", "np.asfortranarray(A.T)",
]  # fmt: skip


def fresh(x):
    return np.outer(x, x)


def assigned_to(x):
    A = np.outer(x, x)
    A[3] = x
    return A


def assigned_to_by_its_transpose(x):
    A = np.outer(x, x)
    A.T[3] = x
    transposed = A.T
    transposed *= x
    return A


@each_mode
@pytest.mark.parametrize("before", [fresh, assigned_to, assigned_to_by_its_transpose])
@pytest.mark.parametrize("made", MADE_OF_A)
def test_what_numpy_copies_is_a_copy_and_what_it_gives_as_a_view_is_one(made, before, mode):
    """An assignment to either, and what the other then holds, by NumPy itself."""
    make = eval(f"lambda A: {made}", {"np": np})

    def write_into_it(x):
        A = before(x)
        z = make(A)
        z[(0,) * np.ndim(z)] = 5.0 * x[1]
        return np.concatenate([np.ravel(A), np.ravel(z)])

    def write_into_what_it_was_made_of(x):
        A = before(x)
        z = make(A)
        A[0] = 5.0 * x
        return np.ravel(z) * x[0]

    for f in (write_into_what_it_was_made_of, write_into_it):
        try:
            expected = f(X)
        except ValueError as error:
            with pytest.raises(ValueError, match=str(error)):
                db.jacobian(f, backend=mode)(X)
            continue
        value, push = db.linearize(f, backend=mode)(X)
        np.testing.assert_allclose(value, expected, rtol=1e-14)
        np.testing.assert_allclose(push(X), db.jvp(f, backend="finite-central")(X, X), rtol=1e-8, atol=1e-8)


def assign_to_the_parts_of_complex_numbers(x):
    z = x + 1j * np.exp(x)
    z.real[0] = x[1] ** 2
    z.imag[1:] *= x[:-1]
    z.real *= 2.0
    w = z * z
    w.imag = x
    real = w.real
    w[2] = 3.0 * x[3]
    return np.sum(np.abs(z) ** 2) + np.sum(np.abs(w)) + np.sum(real * x)


def assign_to_all_entries_as_a_line(x):
    A = np.outer(x, x)
    A.T.flat = x
    A.flat[5] = x[1] ** 2
    A.real = A * 2.0
    return np.sum(A @ x)


@each_mode
@pytest.mark.parametrize("f", [assign_to_the_parts_of_complex_numbers, assign_to_all_entries_as_a_line])
def test_attributes_can_be_assigned_to(f, mode):
    value, gradient = db.value_and_gradient(f, backend=mode)(X)
    assert value == pytest.approx(f(X), rel=1e-14)
    np.testing.assert_allclose(gradient, truth(f), rtol=1e-8, atol=1e-10)


def test_the_imaginary_part_of_real_numbers_cannot_be_assigned_to():
    with pytest.raises(TypeError, match="imaginary"):
        db.gradient(lambda x: setattr(x, "imag", 1.0))(X)


# -- what others hold --------------------------------------------------------------------------------------------------


@each_mode
def test_an_array_that_f_captures_and_changes_after_use_counts_as_it_was_when_used(mode):
    def f(x):
        weights = np.ones(4)
        y = np.sum(x * weights) + np.sum(np.where(weights > 0, x, 0.0)) + np.sum(np.power(x, weights))
        z = weights @ x
        weights[:] = 100.0
        return y + z

    np.testing.assert_array_equal(db.gradient(f, backend=mode)(X), [4.0] * 4)
    _, push = db.linearize(f, backend=mode)(X)
    assert push(np.ones(4)) == 16.0


@each_mode
def test_an_index_that_f_changes_after_use_counts_as_it_was_when_used(mode):
    def f(x):
        index = np.array([0, 1])
        y, z = x[index], np.zeros_like(x)
        z[index] = x[2:]
        index[:] = 3
        return np.sum(y) + np.sum(z)

    np.testing.assert_array_equal(db.gradient(f, backend=mode)(X), [1.0] * 4)


def test_the_plain_value_of_a_traced_array_is_a_copy():
    def f(x):
        db.primal(x)[:] = 100.0
        return np.sum(x * x)

    np.testing.assert_array_equal(db.gradient(f)(X), 2 * X)


@each_mode
def test_an_inner_derivative_may_assign_its_variable_into_an_array_made_from_the_outer_one(mode):
    def f(x):
        def g(t):
            y = x * 1.0
            y[0] = t * x[1]
            y[1:] += t
            return np.sum(y**2)

        return db.derivative(g, backend=mode)(2.0 * x[3])

    def slope(x):
        t = 2 * x[3]
        return 2 * t * x[1] ** 2 + 2 * np.sum(x[1:] + t)

    for outer in ("forward", "reverse"):
        np.testing.assert_allclose(db.gradient(f, backend=outer)(X), truth(slope), rtol=1e-9)


def test_assigning_to_a_number_is_the_error_of_numpy():
    def f(x):
        x[0][()] = 1.0
        return x[0]

    with pytest.raises(TypeError, match="does not support item assignment"):
        db.gradient(f)(X)


@pytest.mark.parametrize("shape", [(2,), (2, 4)])
def test_an_update_that_does_not_fit_is_the_error_of_numpy(shape):
    def f(x):
        x += np.ones(shape)
        return np.sum(x)

    with pytest.raises(ValueError, match="broadcast"):
        db.gradient(f)(X)


def test_float32_stays_float32():
    def f(x):
        y = np.zeros_like(x)
        y[1:] = x[1:] * np.float64(2.0)
        y += x
        assert y.dtype == np.float32
        return np.sum(y)

    assert db.gradient(f)(X.astype(np.float32)).dtype == np.float32


def test_a_loop_of_assignments_needs_memory_in_proportion_to_its_length():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = x[i] * 2.0
        return np.sum(y)

    def peak(n):
        gc.collect()  # when the collector runs next must not depend on what ran before
        tracemalloc.start()
        db.gradient(f)(np.ones(n))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak(4000) < 3 * peak(2000)


@each_mode
def test_text_that_is_assigned_is_the_error_of_numpy(mode):
    def f(x):
        y = x * 1.0
        y[0] = "one"
        return np.sum(y)

    with pytest.raises(ValueError, match="could not convert string to float"):
        db.gradient(f, backend=mode)(X)


@each_mode
def test_none_that_is_assigned_is_nan_as_in_numpy(mode):
    def f(x):
        y = x * 1.0
        y[0] = None
        return y

    value, _ = db.linearize(f, backend=mode)(X)
    np.testing.assert_array_equal(value, [np.nan, *X[1:]])


@pytest.mark.parametrize("view", [lambda a: np.broadcast_to(a, (2, 4)), np.diag, lambda a: np.diagonal(np.outer(a, a))])
@each_mode
def test_what_numpy_gives_as_read_only_is_not_written_to(view, mode):
    def f(x):
        seen = view(np.outer(x, x) if view is np.diag else 1.0 * x)
        seen[0] = 1.0
        return np.sum(seen)

    with pytest.raises(ValueError, match="read-only"):
        db.gradient(f, backend=mode)(X)

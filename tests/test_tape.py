"""The Wengert list: what it records, in which order, and what it costs."""

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

import diffbench as db
from diffbench.tape import record


def parents_of(entry):
    """The places of the parents of an entry, whatever its form (see tape.py)."""
    if isinstance(entry[0], int):
        return [entry[0]] if len(entry) == 3 else list(entry[0:4:2])
    return list(entry[0])


def logistic(x):
    for _ in range(4):
        x = 4 * x * (1 - x)
    return x


def mixed(x):
    a = np.sin(x[0]) * x[1] + x[2] ** 2
    b = np.stack([a, x[0], 2.0])
    return np.sum(b * x) / (1 + np.dot(x, x[::-1]))


X = np.array([0.5, 1.0, 2.0])


# -- what is recorded --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "args", "operations", "partials"),
    [
        (lambda x, y: np.log(x * y), (2.0, 3.0), 2, 3),
        (logistic, (0.2,), 12, 16),
        (lambda x: x, (1.0,), 0, 0),
        (lambda x: 3.0, (1.0,), 0, 0),
        (lambda x: 1.0 / (1.0 + np.exp(-x)), (1.5,), 3, 3),
        (lambda x: np.sum(x * x), (X,), 2, 3),
        (lambda x: x[0] * x[1], (X,), 3, 4),
        (lambda x: x > 0.0, (1.0,), 0, 0),
        (lambda x: np.floor(x) * x, (1.5,), 1, 1),
    ],
    ids=[
        "log of a product",
        "logistic map",
        "identity",
        "constant",
        "sigmoid, whose sum with a constant stands at its operand's place",
        "array",
        "items",
        "comparison",
        "floor",
    ],
)
def test_a_program_leaves_one_entry_an_operation_and_one_partial_a_traced_operand(f, args, operations, partials):
    tape = record(f, *args)
    assert len(tape) == operations
    assert tape.partials() == partials


@pytest.mark.parametrize(
    ("f", "args"), [(logistic, (0.2,)), (mixed, (X,)), (lambda A, x: np.sum(np.tanh(A @ x)), (np.eye(3), X))]
)
def test_the_parents_of_every_entry_come_before_it(f, args):
    tape = record(f, *args)
    assert tape.entries[: len(args)] == [()] * len(args)
    for place, entry in enumerate(tape.entries[len(args) :], start=len(args)):
        assert all(0 <= parent < place for parent in parents_of(entry))


def test_every_operation_of_an_operand_used_twice_counts():
    assert parents_of(record(lambda x: x * x, 3.0).entries[1]) == [0, 0]


def test_constants_leave_no_entry():
    tape = record(lambda x: np.sum(np.exp(np.ones(3))) * np.sqrt(2.0) * x, 1.0)
    assert len(tape) == 1


@pytest.mark.parametrize("f", [lambda x: x + 1.0, lambda x: 2 + x, lambda x: x - np.float64(3)], ids=["+", "r+", "-"])
@pytest.mark.parametrize("x", [0.5, X], ids=["number", "array"])
def test_a_sum_with_a_constant_stands_at_the_place_of_its_operand(f, x):
    assert len(record(f, x)) == 0
    assert np.all(db.elementwise_derivative(f, backend="reverse")(x) == 1.0)


def test_cotangents_of_results_at_one_place_add_up():
    value, pull = db.pullback(lambda x: (x + 1.0, 2.0 + x, x))(0.5)
    assert value == (1.5, 2.5, 0.5)
    assert pull((3.0, 5.0, 7.0)) == 15.0


@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_an_assignment_to_a_sum_with_a_constant_does_not_reach_its_operand(outer):
    def f(x):
        y = x + 1.0
        y[0] = 7.0 * x[2]
        return np.sum(y * x)

    gradient = [7 * X[2], 2 * X[1] + 1, 2 * X[2] + 1 + 7 * X[0]]
    np.testing.assert_allclose(db.gradient(f)(X), gradient, rtol=1e-15)
    np.testing.assert_array_equal(
        db.jacobian(db.gradient(f), backend=outer)(X), [[0.0, 0.0, 7.0], [0.0, 2.0, 0.0], [7.0, 0.0, 2.0]]
    )


def test_a_checkpointed_step_may_leave_no_entry():
    def f(x):
        return db.checkpoint(lambda y: y + 1.0)(x) * db.checkpointed_loop(lambda y: y - 1.0, x, 5, snapshots=2)

    assert db.gradient(f)(0.5) == (0.5 - 5.0) + (0.5 + 1.0)


def test_untaken_branches_leave_no_entry():
    assert len(record(lambda x: np.sin(np.exp(x)) if x > 0 else x * 2, -1.0)) == 1


def test_the_inner_operations_of_a_nested_derivative_are_recorded_by_the_outer():
    assert len(record(lambda x: db.derivative(lambda y: y**2 * x)(3.0), 2.0)) >= 1


def test_a_scalar_entry_holds_the_local_partials():
    (_, _, entry) = record(lambda x, y: x / y, 3.0, 2.0).entries
    assert entry == (0, 0.5, 1, -0.75)


MIXED = {
    "array + number": (lambda x, s: x + s, np.ones(3), np.ones(3)),
    "number + array": (lambda x, s: s + x, np.ones(3), np.ones(3)),
    "array - number": (lambda x, s: x - s, np.ones(3), -np.ones(3)),
    "number - array": (lambda x, s: s - x, -np.ones(3), np.ones(3)),
    "array * number": (lambda x, s: x * s, np.full(3, 0.5), X[:3]),
    "number * array": (lambda x, s: s * x, np.full(3, 0.5), X[:3]),
    "array / number": (lambda x, s: x / s, np.full(3, 2.0), -4 * X[:3]),
    "number / array": (lambda x, s: s / x, -0.5 / X[:3] ** 2, 1 / X[:3]),
}
"""Operations on X[:3] and 0.5, with the diagonal of the Jacobian in the array and the slope in the number."""

each_mixed = pytest.mark.parametrize(("operation", "slopes", "slope"), MIXED.values(), ids=MIXED)


@each_mixed
def test_an_array_and_a_number_leave_one_entry_with_both_partials(operation, slopes, slope):
    (entry,) = record(operation, X[:3], 0.5).entries[2:]
    assert (entry[0], entry[2], entry[4]) == (0, 1, "summed")
    np.testing.assert_allclose(np.broadcast_to(entry[1], 3), slopes, rtol=1e-15)
    np.testing.assert_allclose(np.broadcast_to(entry[3], 3), slope, rtol=1e-15)


@each_mixed
@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_the_jacobian_in_an_array_and_a_number_is_right(operation, slopes, slope, backend):
    in_array, in_number = db.jacobian(operation, argnum=(0, 1), backend=backend)(X[:3], 0.5)
    np.testing.assert_allclose(in_array, np.diag(slopes), rtol=1e-15)
    np.testing.assert_allclose(in_number, slope, rtol=1e-15)


@each_mixed
@pytest.mark.parametrize(("v", "w"), [(1.0, 0.0), (0.0, 1.0), (2.0, -3.0)], ids=["array", "number", "both"])
def test_tangents_pass_through_the_entry_of_an_array_and_a_number(operation, slopes, slope, v, w):
    _, push = db.linearize(operation, argnum=(0, 1), backend="forward")(X[:3], 0.5)
    np.testing.assert_allclose(push((np.full(3, v), w)), slopes * v + slope * w, rtol=1e-15)


@each_mixed
@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_gradients_in_an_array_and_a_number_nest(operation, slopes, slope, inner, outer):
    def weighted(s):
        by_array, by_number = db.gradient(lambda x, t: np.sum(operation(x, t) ** 2), argnum=(0, 1), backend=inner)(
            X[:3], s
        )
        return np.sum(by_array) + by_number

    h = 1e-5
    expected = (weighted(0.5 + h) - weighted(0.5 - h)) / (2 * h)
    np.testing.assert_allclose(db.derivative(weighted, backend=outer)(0.5), expected, rtol=1e-8)


def test_float32_is_kept_where_an_array_and_a_number_meet():
    x, s = X[:3].astype(np.float32), np.float32(0.5)
    found = db.gradient(lambda x, s: np.sum(x * s / (s + x)), argnum=(0, 1), backend="reverse")(x, s)
    assert [leaf.dtype for leaf in found] == [np.float32, np.float32]


def test_two_runs_share_nothing():
    first, second = record(logistic, 0.2), record(logistic, 0.3)
    assert first.entries is not second.entries
    assert len(first) == len(second) == 12


def test_nothing_of_the_tape_survives_a_gradient():
    """Without help of the garbage collector: f's own arrays die as soon as the gradient is there."""
    watched = []

    class Watched(np.ndarray):
        """An array that can be watched."""

    def f(x):
        matrix = np.ones((3, 3)).view(Watched)
        watched.append(weakref.ref(matrix))
        return np.sum(np.dot(matrix, x) ** 2)

    gc.disable()
    try:
        db.gradient(f, backend="reverse")(X)
        assert watched[0]() is None
    finally:
        gc.enable()


# -- long programs -----------------------------------------------------------------------------------------------------


def steps(n):
    def f(x):
        for _ in range(n):
            x = x * 1.0000001 + 1e-9
        return x

    return f


@pytest.mark.parametrize("mode", ["reverse", "forward", "auto"])
def test_a_program_of_1e5_operations_does_not_recurse(mode):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        assert db.derivative(steps(50_000), backend=mode)(1.0) == pytest.approx(1.0000001**50_000)
        assert db.gradient(steps(50_000), backend=mode)(1.0) == pytest.approx(1.0000001**50_000)
        _, pull = db.pullback(steps(50_000), backend=mode)(1.0)
        assert pull(1.0) == pytest.approx(1.0000001**50_000)
    finally:
        sys.setrecursionlimit(limit)


def test_a_tape_of_1e5_operations_dies_without_recursion():
    """Entries know their parents by number: no chain of references is as long as the program."""
    tape = record(steps(100_000), 1.0)
    assert len(tape) == 100_000
    del tape


# -- indexing in a loop ------------------------------------------------------------------------------------------------


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def peak_of_gradient(n):
    x = np.full(n, 0.9)
    db.gradient(rosenbrock_loop, backend="reverse")(x)
    tracemalloc.start()
    db.gradient(rosenbrock_loop, backend="reverse")(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_operations_of_an_indexing_loop_grow_linearly():
    counts = [len(record(rosenbrock_loop, np.full(n, 0.9))) for n in (11, 21, 41)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_memory_of_an_indexing_loop_grows_linearly():
    """A rule that kept a vector of zeros for each index would take 16 times as much for 4 times the entries."""
    small, large = peak_of_gradient(1000), peak_of_gradient(4000)
    assert large < 8 * small


@pytest.mark.parametrize("n", [100, 400])
def test_the_backward_pass_of_an_indexing_loop_allocates_one_vector(monkeypatch, n):
    """Not one for each index."""

    made = []

    def counting(shape, dtype):
        made.append(shape)
        return np.zeros(shape, dtype)

    monkeypatch.setattr(sys.modules["diffbench.backends.reverse"], "zeros", counting)
    db.gradient(rosenbrock_loop, backend="reverse")(np.full(n, 0.9))
    assert made == [(n,)]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_the_gradient_of_an_indexing_loop_is_right(mode):
    """At (0.5, 1): (-151, 150), from num-dual's tests."""
    assert np.array_equal(db.gradient(rosenbrock_loop, backend=mode)(np.array([0.5, 1.0])), [-151.0, 150.0])


def test_repeated_and_overlapping_indices_add_up():
    found = db.gradient(lambda x: np.sum(x[[0, 0, 2]]) + np.sum(x[1:]) + x[-1] * x[2], backend="reverse")(X)
    assert found.tolist() == [2.0, 1.0, 6.0]


def test_an_index_out_of_bounds_leaves_nothing_on_the_tape():
    """f may look ahead and catch the error; a forward sweep of the tape must not meet it again."""

    def f(x):
        try:
            return x[5] * 2
        except IndexError:
            return x[1] * 3

    _, push = db.linearize(f)(np.array([1.0, 2.0]))
    assert push(np.array([1.0, 1.0])) == 3.0


def test_an_array_that_a_loop_uses_again_and_again_is_copied_once():
    """The tape must hold a copy, for f may change the array; but not as many as there are steps."""
    weights = np.eye(100)  # 80 kB

    def f(x):
        for _ in range(200):
            x = weights @ x
        return np.sum(x)

    tracemalloc.start()
    db.gradient(f)(np.ones(100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * weights.nbytes


def test_an_array_that_a_loop_changes_counts_as_it_was_at_each_use():
    scale = np.ones(1000)

    def f(x):
        for _ in range(3):
            x = x * np.sum(scale) + np.dot(scale, x)
            scale[:] *= 2
        return x[0]

    expected = db.gradient(f, backend="forward", chunk=1000)(np.ones(1000))  # runs f once
    scale[:] = 1
    assert db.gradient(f)(np.ones(1000)) == pytest.approx(expected, rel=1e-12)

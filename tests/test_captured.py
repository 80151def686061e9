"""What f uses besides its argument, and changes or finds changed: copied or noticed, never a wrong gradient."""

import functools
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import diffbench as db
from diffbench.captured import variables

X = np.array([0.5, 1.0, 2.0])
TRACING = ("reverse", "forward", "complex-step", "symbolic")
BACKENDS = (*TRACING, "finite-central", "finite-forward")
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
each_backend = pytest.mark.parametrize("backend", BACKENDS)
each_tracing = pytest.mark.parametrize("backend", TRACING)


# -- the argument under another name -----------------------------------------------------------------------------------


@each_backend
def test_an_argument_that_f_changes_under_another_name_counts_as_it_was(backend):
    x = X.copy()

    def f(y):
        before = np.sum(y * y)
        x[:] = 7.0
        return before + np.sum(y**3)

    np.testing.assert_allclose(db.gradient(f, backend=backend)(x), 2 * X + 3 * X**2, **CLOSE)


@each_backend
@pytest.mark.parametrize(
    "container", [lambda x: {"a": [x]}, lambda x: (x, 1.0), lambda x: types.SimpleNamespace(x=x).x]
)
def test_so_does_one_inside_of_containers(backend, container):
    x = X.copy()

    def f(p):
        y = p["a"][0] if isinstance(p, dict) else p[0] if isinstance(p, tuple) else p
        total = np.sum(y * y)
        x[1] = 100.0
        return total + np.sum(y)

    found = db.gradient(f, backend=backend)(container(x))
    found = found["a"][0] if isinstance(found, dict) else found[0] if isinstance(found, tuple) else found
    np.testing.assert_allclose(found, 2 * X + 1, **CLOSE)


@pytest.mark.parametrize("change", ["x[5] = 3.0", "x *= 2", "x.sort()", "x[:2] = x[:2][::-1]", "x[-1] = np.nan"])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_a_large_argument_that_f_changes_under_another_name_is_an_error(change, mode):
    x = np.random.default_rng(0).normal(size=1 << 17)

    def f(y):
        total = np.sum(y * y)
        exec(change, {"x": x, "np": np})
        return total

    with pytest.raises(db.ArgumentError, match=r"argument 0 of .* was changed while it ran"):
        db.jvp(f, backend=mode)(x, np.ones_like(x))


@pytest.mark.parametrize("size", [3, 1 << 17])
@pytest.mark.parametrize("verb", [db.linearize, db.pullback])
def test_an_argument_may_be_changed_between_the_trace_and_its_use(verb, size):
    x = np.linspace(1.0, 2.0, size)
    expected = 2 * x
    _, linear = verb(lambda y: y * y)(x)
    x[:] = 100.0
    np.testing.assert_array_equal(linear(np.ones(size)), expected)


def test_aux_and_results_share_no_memory_with_the_argument():
    x = X.copy()
    _, aux = db.gradient(lambda y: (np.sum(y), db.primal(y)), has_aux=True)(x)
    x[:] = 0.0
    np.testing.assert_array_equal(aux, X)


# -- arrays from outside -----------------------------------------------------------------------------------------------


def assign(c, values):
    c[:] = values


def multiply_in_place(c, values):
    c *= 0.0
    c += values


CHANGES = {
    "slice": assign,
    "in place": multiply_in_place,
    "copyto": np.copyto,
    "out": lambda c, values: np.add(values, 0.0, out=c),
    "fill": lambda c, values: (c.fill(0.0), np.add.at(c, slice(None), values)),
    "put": lambda c, values: np.put(c, range(3), values),
}


@each_backend
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_array_that_f_changes_between_two_uses_counts_as_it_was_each_time(backend, change):
    c = np.zeros(3)

    def f(y):
        change(c, [1.0, 2.0, 3.0])
        total = np.sum(y * c) + np.dot(c, y**2)
        change(c, [5.0, 5.0, 5.0])
        total = total + np.sum(np.exp(y) * c)
        change(c, [0.0, 0.0, 0.0])
        return total

    expected = np.array([1.0, 2.0, 3.0]) * (1 + 2 * X) + 5 * np.exp(X)
    np.testing.assert_allclose(db.gradient(f, backend=backend)(X), expected, rtol=1e-6)


USES = {
    "a matrix": (lambda A, y: np.sum(np.linalg.solve(A, y)) + np.sum(A @ y), lambda: np.diag([1.0, 2.0, 3.0]) + 0.5),
    "concatenate": (lambda c, y: np.sum(np.concatenate([y, c]) ** 2 * 1.5), lambda: np.ones(2)),
    "einsum": (lambda c, y: np.sum(np.einsum("i,ij->j", y, c)), lambda: np.arange(6.0).reshape(3, 2)),
    "convolve": (lambda c, y: np.sum(np.convolve(y, c) ** 2), lambda: np.array([1.0, 2.0])),
    "polynomial": (lambda c, y: np.sum(np.polyval(c, y)), lambda: np.array([1.0, 2.0, 3.0])),
    "exponents": (lambda c, y: np.sum(y**c), lambda: np.array([1.0, 2.0, 3.0])),
    "mask": (lambda c, y: np.sum(np.where(c, y, y**2)) + np.sum(y[c]), lambda: np.array([True, False, True])),
    "index": (lambda c, y: np.sum(y[c] * np.arange(3.0)), lambda: np.array([2, 1, 0])),
    "take": (lambda c, y: np.sum(np.take(y, c) * np.arange(3.0)), lambda: np.array([2, 1, 0])),
    "assignment": (lambda c, y: np.sum(assigned(y, c) ** 2), lambda: np.array([3.0, 4.0])),
}


def assigned(y, values):
    z = np.zeros_like(y)
    z[1:] = values
    z[0] = y[2]
    return z * y


@each_tracing
@pytest.mark.parametrize(("use", "make"), USES.values(), ids=USES)
def test_an_array_that_f_changes_after_use_counts_as_it_was_in(backend, use, make):
    expected = db.gradient(lambda y: use(make(), y))(X)
    c = make()

    def f(y):
        c[...] = make()
        total = use(c, y)
        c[...] = 0
        return total

    np.testing.assert_allclose(db.gradient(f, backend=backend)(X), expected, rtol=1e-14)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_an_array_changed_between_the_trace_and_its_use_counts_as_it_was(mode):
    c = np.array([1.0, 2.0, 3.0])
    _, pull = db.pullback(lambda y: y * c, backend=mode)(X)
    _, push = db.linearize(lambda y: y * c, backend=mode)(X)
    c[:] = 100.0
    np.testing.assert_array_equal(pull(np.ones(3)), [1, 2, 3])
    np.testing.assert_array_equal(push(np.ones(3)), [1, 2, 3])


WRITES = {
    "slice": lambda c, y: assign(c, y),
    "in place": lambda c, y: c.__iadd__(y),
    "copyto": lambda c, y: np.copyto(c, y),
    "out": lambda c, y: np.multiply(y, y, out=c),
    "put": lambda c, y: np.put(c, [0, 1, 2], y),
    "at": lambda c, y: np.add.at(c, [0, 1, 2], y),
    "fill": lambda c, y: c.fill(y[0]),
}


@each_tracing
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_traced_value_written_into_an_array_from_outside_is_an_error(backend, write):
    c = np.zeros(3)

    def f(y):
        write(c, y)
        return np.sum(c) + np.sum(y)

    with pytest.raises(db.DiffbenchError):
        db.gradient(f, backend=backend)(X)


# -- derivatives by several runs ---------------------------------------------------------------------------------------


def accumulating():
    c = np.zeros(3)

    def f(y):
        nonlocal c
        c += y if isinstance(y, np.ndarray) else 1.0
        return np.sum(c * y)

    return f


def drifting():
    c = [np.zeros(())]

    def f(y):
        c[0] += 1.0
        return np.sum(y) * c[0]

    return f


@pytest.mark.parametrize("backend", ["finite-central", "finite-forward", "finite-backward", "complex-step", "forward"])
@pytest.mark.parametrize("make", [accumulating, drifting])
def test_a_function_that_differs_from_run_to_run_is_an_error(backend, make):
    for verb in (db.gradient, db.jacobian):
        with pytest.raises(db.NotRepeatable, match="does not give the same twice"):
            verb(make(), backend=backend)(X)


@pytest.mark.parametrize("backend", ["finite-central", "complex-step"])
@pytest.mark.parametrize("make", [accumulating, drifting])
def test_so_it_is_for_second_derivatives(backend, make):
    with pytest.raises(db.NotRepeatable, match="does not give the same twice"):
        db.hessian(make(), backend=backend)(X)
    with pytest.raises(db.NotRepeatable, match="does not give the same twice"):
        db.hvp(make(), backend=backend)(X, X)


@pytest.mark.parametrize("backend", ["finite-central", "finite-forward", "complex-step"])
@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_so_is_one_that_changes_an_array_of_an_outer_derivative(backend, outer):
    def f(x):
        y = 1.0 * x

        def inner(q):
            total = np.sum(q * q * y)
            y[1:] *= 2.0
            return total

        return db.gradient(inner, backend=backend)(np.ones(3))

    with pytest.raises(db.NotRepeatable, match="does not give the same twice"):
        db.jacobian(f, backend=outer)(X)


@pytest.mark.parametrize("backend", ["finite-central", "finite-forward", "complex-step"])
def test_a_function_that_changes_between_linearize_and_push_is_an_error(backend):
    c = np.array([1.0, 2.0, 3.0])
    _, push = db.linearize(lambda y: y * c, backend=backend)(X)
    np.testing.assert_allclose(push(np.ones(3)), c, rtol=1e-6)
    c[:] = 100.0
    with pytest.raises(db.NotRepeatable):
        push(np.ones(3))


def test_scratch_memory_and_counters_do_no_harm_to_differences():
    scratch, calls = np.zeros(3), 0

    def f(y):
        nonlocal calls
        calls += 1
        np.multiply(y, y, out=scratch)
        return np.sum(scratch)

    np.testing.assert_allclose(db.gradient(f, backend="finite-central")(X), 2 * X, rtol=1e-8)
    assert calls == db.get_backend("finite-central").evaluations("gradient", 3) + 1


# -- prepared derivatives ----------------------------------------------------------------------------------------------

GLOBAL = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("backend", TRACING)
def test_a_prepared_derivative_follows_what_an_outer_derivative_puts_into_a_variable_of_f(backend, outer):
    """With the same numbers each time: first plain, then traced, then traced by another derivative."""
    c = {"w": np.ones(3)}
    prepared = db.gradient(lambda y: np.sum(y * y * c["w"]), backend=backend).prepare(X)

    def f(x):
        c["w"] = x
        return prepared(X)

    for _ in range(2):
        found = db.jacobian(f, backend=outer)(np.ones(3))
        np.testing.assert_allclose(found, np.diag(2 * X), rtol=1e-13)


def test_a_prepared_derivative_follows_what_f_closes_over():
    weight, table, inner = 2.0, {"c": np.ones(3)}, lambda y: y * weight

    def f(y):
        return np.sum(inner(y) * table["c"] * GLOBAL)

    gradient = db.gradient(f, backend="symbolic").prepare(X)
    np.testing.assert_allclose(gradient(X), 2 * GLOBAL)
    table["c"][:] = 3.0
    np.testing.assert_allclose(gradient(X), 6 * GLOBAL)
    weight = 5.0
    np.testing.assert_allclose(gradient(X), 15 * GLOBAL)
    GLOBAL[0] = 10.0
    np.testing.assert_allclose(gradient(X), 15 * GLOBAL)


class Model:
    def __init__(self):
        self.w = 2.0

    def energy(self, y, scale=1.0):
        return np.sum(y * y) * self.w * scale

    def __call__(self, y):
        return self.energy(y)


@pytest.mark.parametrize("f", [lambda m: m, lambda m: m.energy, lambda m: functools.partial(m.energy, scale=1.0)])
def test_a_prepared_derivative_follows_the_object_whose_method_it_is_of(f):
    model = Model()
    gradient = db.gradient(f(model), backend="symbolic").prepare(X)
    model.w = 3.0
    np.testing.assert_allclose(gradient(X), 6 * X)


def test_captured_values_of_recursive_functions_are_found_once():
    weight = 2.0

    def even(n):
        return n == 0 or odd(n - 1) * weight

    def odd(n):
        return n != 0 and even(n - 1)

    assert variables(even) == [2.0]


def test_gradients_of_functions_with_scratch_memory_of_their_own_run_in_threads():
    def gradient(k):
        scratch = np.zeros(3)

        def f(y):
            scratch[:] = k
            total = np.sum(y * scratch)
            scratch[:] = 0
            return total

        return db.gradient(f)(X)

    with ThreadPoolExecutor(4) as pool:
        for k, found in enumerate(pool.map(gradient, range(32))):
            np.testing.assert_array_equal(found, [k] * 3)

"""Real libraries run plain NumPy functions: the conformance suite, programs, refusals, native functions."""

import gc
import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import diffbench as db
from diffbench.checks import check_backend, conformance
from diffbench.measure import collector_off
from tests.adapters.adapters import (
    ADAPTERS,
    EXPRESSIONS,
    FOLLOWING_BRANCHES,
    TRACING,
    each_adapter,
    needs,
    over,
)
from tests.common import Counted

X = np.array([0.5, 1.0, 2.0])
DIFFERENCES = {"numdifftools": 1e-9, "scipy": 1e-7}


def close(name, order=1):
    tolerance = DIFFERENCES.get(name, 1e-13)
    return {"rtol": tolerance if order == 1 else 1e3 * tolerance, "atol": tolerance if order == 1 else 1e3 * tolerance}


def agrees(name, f, x=X, **options):
    """The gradient by an adapter, entry by entry against our own reverse mode."""
    found = db.gradient(f, backend=name, **options)(x)
    np.testing.assert_allclose(found, db.gradient(f, backend="reverse")(x), **close(name))


# -- the contract ------------------------------------------------------------------------------------------------------


SLOW_IN_JAX = ("jacobians", "batches", "precisions", "hessians")  # it compiles each operation for each shape it meets


@each_adapter
def test_an_adapter_keeps_the_contract(name, monkeypatch):
    backend = db.get_backend(name)
    if name == "jax" and "DIFFBENCH_ALL_TESTS" not in os.environ:
        quick = {check: function for check, function in conformance.CHECKS.items() if check not in SLOW_IN_JAX}
        monkeypatch.setattr(conformance, "CHECKS", quick)
        monkeypatch.setattr(backend, "limits", {check: why for check, why in backend.limits.items() if check in quick})
    check_backend(backend)


@needs("scipy")
@pytest.mark.parametrize("method", ["2-point", "adaptive"])
def test_the_other_methods_of_scipy_give_derivatives(method):
    found = db.gradient(lambda x: np.sum(np.exp(x)), backend="scipy", method=method)(X)
    np.testing.assert_allclose(found, np.exp(X), rtol=1e-7 if method == "2-point" else 1e-11)


@needs("scipy")
@pytest.mark.parametrize("method", ["2-point", "3-point"])
@pytest.mark.parametrize("verb", ["gradient", "jacobian", "vjp"])
def test_scipy_evaluates_f_as_often_as_it_says(method, verb):
    f = Counted(lambda x: np.sum(np.exp(x)))
    getattr(db, verb)(f, backend="scipy", method=method)(X, *([1.0] if verb == "vjp" else []))
    assert f.count == db.get_backend("scipy", method=method).evaluations(verb, n=3)


@each_adapter
def test_hessians_agree_with_ours(name):
    def f(x):
        return np.prod(x) * np.exp(-x[0]) + np.sum(np.sin(x) ** 2)

    if name == "mygrad":
        with pytest.raises(db.UnsupportedVerb, match="mygrad has no second derivatives"):
            db.hessian(f, backend=name)(X)
        return
    v = np.array([1.0, -1.0, 2.0])
    np.testing.assert_allclose(db.hessian(f, backend=name)(X), db.hessian(f)(X), **close(name, order=2))
    np.testing.assert_allclose(db.hvp(f, backend=name)(X, v), db.hvp(f)(X, v), **close(name, order=2))


# -- programs ----------------------------------------------------------------------------------------------------------


def with_while(x):
    steps, y = 0, x
    while steps < 5:
        y, steps = 4 * y * (1 - y), steps + 1
    return np.sum(y)


def with_recursion(x, depth=4):
    return np.sum(x**2) if depth == 0 else np.sin(with_recursion(x, depth - 1))


def with_assignment(x):
    y = np.zeros_like(x)
    y[1:] = x[:-1] ** 2
    y[0] = x[2]
    y += x
    return np.sum(y[::-1] * X)


def with_repeated_index(x):
    return np.sum(x[np.array([0, 0, 2, 1, 0])] ** 2) + x[-1] * np.sum(x[x.shape[0] - 2 :])


def with_arrays_of_parts(x):
    return np.sum(np.array([x[0], 2.0, x[1] * x[2]]) ** 2) + np.sum(np.stack([x, x[::-1]]) @ X)


def with_linear_algebra(x):
    A = np.outer(x, x) + 3 * np.eye(3)
    return np.linalg.det(A) + np.linalg.solve(A, X) @ x + np.sqrt(np.sum(x**2))


def with_where(x):
    return np.sum(np.where(x > 0.7, x**3, 2 * x))


def with_broadcasting(x):
    return np.sum((x[:, None] - X) ** 2 / (1 + x**2)) + np.mean(x, keepdims=True)[0]


PROGRAMS = (
    with_while, with_recursion, with_assignment, with_repeated_index, with_arrays_of_parts, with_linear_algebra,
    with_where, with_broadcasting,
)  # fmt: skip


each_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)


@over([name for name in TRACING if name != "jax"])
@each_program
def test_a_program_runs_unchanged(name, program):
    if name == "mygrad" and program is with_linear_algebra:
        with pytest.raises(db.UnsupportedPrimitive, match=r"mygrad has no function numpy\.linalg"):
            db.gradient(program, backend=name)(X)
        return
    agrees(name, program)


@over(FOLLOWING_BRANCHES)
def test_a_branch_follows_the_value(name):
    def f(x):
        return x[0] ** 2 if x[0] > x[1] else np.sum(np.exp(x))

    for x in (X, X[::-1].copy()):
        agrees(name, f, x)


@over(EXPRESSIONS)
def test_a_branch_on_a_symbol_is_refused_with_the_words_of_the_library(name):
    with pytest.raises(db.ClosedFormRequired, match=rf"why: +{name} says .*truth value"):
        db.derivative(lambda x: x if x > 0 else -x, backend=name)(1.0)


@over(["autograd", "torch", "mygrad", "jax"])
def test_what_f_captures_may_change_after_use(name):
    def f(x):
        factor = np.array([1.0, 2.0, 3.0])
        y = factor * x**2
        factor[:] = 0.0
        return np.sum(y)

    agrees(name, f)


@over(["autograd", "jax", "torch"])
def test_stop_gradient_holds_a_value_still(name):
    assert db.derivative(lambda x: x * db.stop_gradient(x), backend=name)(3.0) == 3.0


@over(EXPRESSIONS)
def test_the_plain_value_of_a_symbol_is_refused(name):
    for f in (lambda x: x * db.stop_gradient(x), lambda x: x * db.primal(x)):
        with pytest.raises((db.ClosedFormRequired, db.UnsupportedPrimitive)):
            db.derivative(f, backend=name)(3.0)


@over(["autograd", "torch", "mygrad", "casadi", "symengine"])
def test_a_function_the_library_lacks_is_named(name):
    f = {"mygrad": np.hypot}.get(name, np.cbrt)
    args = (1.5, 2.0) if f is np.hypot else (1.5,)
    with pytest.raises(db.UnsupportedPrimitive, match=rf"{name} cannot pass numpy\.{f.__name__}"):
        db.derivative(f, backend=name)(*args)


@needs("symengine")
def test_what_symengine_cannot_differentiate_is_refused_in_its_words():
    with pytest.raises(db.UnsupportedPrimitive, match="symengine says RuntimeError: Derivative"):
        db.derivative(np.abs, backend="symengine")(1.5)


@needs("symengine")
def test_symbols_of_symengine_are_none_that_its_cse_puts_in():
    """With symbols x0, x1, ... its cse=True takes its own for those of the argument, and gives other numbers."""
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4))

    def f(x):
        return np.linalg.matrix_power(x[..., :3], 6)

    np.testing.assert_allclose(db.jacobian(f, backend="symengine")(x), db.jacobian(f)(x), rtol=1e-12, atol=1e-14)


@each_adapter
def test_an_outer_derivative_is_refused(name):
    """The library would take the outer variable for a constant."""
    inner = db.derivative(lambda y: y**2, backend=name)
    with pytest.raises(db.UnsupportedVerb, match=f"{name} meets a value traced by an outer derivative"):
        db.derivative(inner, backend="forward")(1.0)
    with pytest.raises(db.UnsupportedVerb):
        db.derivative(lambda x: db.derivative(lambda y: x * y, backend=name)(2.0), backend="reverse")(1.0)


@over(TRACING)
def test_our_modes_run_inside(name):
    found = db.derivative(db.derivative(np.sin, backend="reverse"), backend=name)(0.5)
    assert found == pytest.approx(-np.sin(0.5), abs=1e-15)


@each_adapter
def test_an_exception_of_f_comes_out_unchanged(name):
    def f(x):
        raise NotImplementedError("mine")

    with pytest.raises(NotImplementedError, match="mine") as caught:
        db.gradient(f, backend=name)(X)
    assert not isinstance(caught.value, db.DiffbenchError)


# -- JAX ---------------------------------------------------------------------------------------------------------------


@needs("jax")
def test_jax_keeps_the_setting_of_the_user():
    import jax

    before = jax.config.jax_enable_x64
    assert db.derivative(np.exp, backend="jax")(1.0) == pytest.approx(np.e, rel=1e-15)
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.asarray(1.0).dtype == (np.float64 if before else np.float32)


@needs("jax")
def test_a_compiled_derivative_does_not_run_f_again():
    calls = []

    def f(x):
        calls.append(1)
        return np.sum(x**3)

    prepared = db.gradient(f, backend="jax").prepare(X)
    calls.clear()
    np.testing.assert_allclose(prepared(2 * X), 12 * X**2, rtol=1e-15)
    assert not calls


@needs("jax")
@each_program
def test_a_program_is_compiled_unchanged(program):
    prepared = db.gradient(program, backend="jax").prepare(X)
    np.testing.assert_allclose(prepared(X[::-1].copy()), db.gradient(program)(X[::-1].copy()), rtol=1e-14)


@needs("jax")
def test_an_order_is_compiled():
    def f(x):
        return np.sort(-x) @ X + np.median(x) * np.max(x)

    x = np.array([2.0, 0.5, 1.0])
    np.testing.assert_allclose(db.gradient(f, backend="jax").prepare(X)(x), db.gradient(f)(x), rtol=1e-14)


@needs("jax")
def test_a_plain_value_within_jit_carries_no_derivative():
    for f in (lambda x: x * db.stop_gradient(x), lambda x: x * db.primal(x)):
        assert db.derivative(f, backend="jax").prepare(2.0)(3.0) == 3.0


@needs("jax")
def test_jax_refuses_to_compile_a_branch_and_follows_it_without_jit():
    def f(x):
        return x**2 if x > 0 else -3 * x

    with pytest.raises(db.UnsupportedPrimitive, match="jax says TracerBoolConversionError"):
        db.derivative(f, backend="jax").prepare(2.0)
    prepared = db.derivative(f, backend="jax", jit=False).prepare(2.0)
    assert (prepared(2.0), prepared(-2.0)) == (4.0, -3.0)


@needs("jax")
def test_an_index_out_of_bounds_raises_as_in_numpy():
    """jax.numpy would take the last entry."""
    with pytest.raises(IndexError):
        db.gradient(lambda x: x[3], backend="jax")(X)


# -- functions written for a library -----------------------------------------------------------------------------------


def native_sine_sum(name):
    """Σ sin(x) x², and its gradient, written for a library."""
    if name == "autograd":
        import autograd.numpy as anp

        return lambda x: anp.sum(anp.sin(x) * x**2)
    if name == "jax":
        import jax.numpy as jnp

        return lambda x: jnp.sum(jnp.sin(x) * x**2)
    if name == "torch":
        import torch

        return lambda x: torch.sum(torch.sin(x) * x**2)
    if name == "mygrad":
        import mygrad

        return lambda x: mygrad.sum(mygrad.sin(x) * x**2)
    if name == "casadi":
        import casadi

        return lambda x: casadi.sum1(casadi.sin(x) * x**2)
    import symengine

    return lambda x: sum(symengine.sin(entry) * entry**2 for entry in x)


@over(TRACING)
def test_a_native_function_gives_what_the_wrapped_one_gives(name):
    wrapped = db.gradient(lambda x: np.sum(np.sin(x) * x**2), backend=name)
    native = db.gradient(native_sine_sum(name), backend=name, native=True)
    np.testing.assert_allclose(native(X), wrapped(X), rtol=1e-15)
    np.testing.assert_allclose(native.prepare(X)(2 * X), wrapped(2 * X), rtol=1e-14)


@over(TRACING)
def test_what_a_native_function_is_not_differentiated_by_reaches_it_untouched(name):
    f = native_sine_sum(name)
    found = db.gradient(lambda a, b, k=1.0: k * f(b) + a, argnum=1, backend=name, native=True)(0.5, 2 * X, k=3.0)
    np.testing.assert_allclose(found, 3 * db.gradient(lambda x: np.sum(np.sin(x) * x**2))(2 * X), rtol=1e-14)


@needs("torch")
@pytest.mark.parametrize("native", [False, True])
def test_a_gradient_leaves_no_tape_for_the_garbage_collector(native):
    """Of large arrays, tapes that wait for it take all memory within a few calls."""
    import torch

    f = native_sine_sum("torch") if native else lambda x: np.sum(np.sin(x) * x**2)
    gradient = db.gradient(f, backend="torch", native=native)
    gradient(X)
    gc.collect()
    before = sum(type(found) is torch.Tensor for found in gc.get_objects())
    with collector_off():
        gradient(X)
        assert sum(type(found) is torch.Tensor for found in gc.get_objects()) == before


@over(TRACING)
def test_what_a_native_function_uses_is_watched_as_that_of_a_wrapped_one(name):
    scale = 2.0
    f = native_sine_sum(name)
    gradient = db.gradient(lambda x: scale * f(x), backend=name, native=True).prepare(X)
    before = gradient(X)
    scale = 3.0
    np.testing.assert_allclose(gradient(X), 1.5 * before, rtol=1e-14)


# -- installed or not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_missing_library_says_how_to_install_it(name, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda found, *rest: None if found == name else find(found, *rest))
    with pytest.raises(db.MissingPackage, match=f"python -m pip install {name}"):
        db.registry.backend_class(name)()
    assert not db.backends().loc[name, "installed"]


def test_listing_the_backends_loads_no_library():
    libraries = sorted(ADAPTERS)
    script = f"import sys, diffbench; diffbench.backends(); print(*[m for m in {libraries} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []

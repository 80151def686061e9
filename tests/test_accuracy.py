"""Every backend on every problem against the 50-digit truth.

Errors are relative to the largest entry of the derivative: an entry that cancels to almost nothing carries the rounding
errors of the large terms it is made of, and of differences that of f itself; no method in float64 could do better.
"""

import importlib.util
from functools import cache

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.problems import problems
from diffbench.structure import flatten

ACCURACY = {  # largest error allowed, and no looser when a backend's own `accuracy` is
    "auto": 1e-14,
    "forward": 1e-14,
    "reverse": 1e-14,
    "manual": 1e-14,
    "complex-step": 1e-14,
    "symbolic": 1e-12,
    "finite-central": 1e-9,
    "finite-forward": 1e-6,
    "finite-backward": 1e-6,
    "autograd": 1e-14,
    "jax": 1e-14,
    "torch": 1e-14,
    "mygrad": 1e-14,
    "casadi": 1e-14,
    "symengine": 1e-14,
    "numdifftools": 1e-10,
    "scipy": 1e-8,
}
LIBRARIES = ("autograd", "jax", "torch", "mygrad", "casadi", "symengine", "numdifftools", "scipy")
REFUSED = {("symengine", "logistic_regression"): "log1p", ("symengine", "mlp_binary"): "log1p"}
PROBLEMS = {problem.name: problem for problem in problems()}
BRANCHING = {name for name, problem in PROBLEMS.items() if "branch" in problem.tags}


@pytest.fixture(scope="module")
def truth():
    """The 50-digit derivative of a problem at its point, or at that of a size, computed once."""

    @cache
    def of(name, *size):
        p = PROBLEMS[name]
        return db.reference(p.function, *p.point(*size), quantity=p.verb, argnum=p.argnum)

    return of


def worst_error(found, exact):
    """The largest error of any entry over the largest entry, in 60 digits."""
    found_leaves, structure = flatten(found)
    exact_leaves, exact_structure = flatten(exact)
    assert structure == exact_structure
    assert [np.shape(a) for a in found_leaves] == [np.shape(b) for b in exact_leaves]
    values = [float(value) for a in found_leaves for value in np.ravel(a)]
    truths = [truth for b in exact_leaves for truth in np.ravel(np.asarray(b, dtype=object))]
    assert np.all(np.isfinite(values))
    with mpmath.workdps(60):
        errors = [abs(mpmath.mpf(value) - truth) for value, truth in zip(values, truths, strict=True)]
        return float(max(errors) / max(map(abs, truths)))


def derivative_by(name, backend):
    p = PROBLEMS[name]
    verb = getattr(db, p.verb)
    if backend == "manual":
        return verb(p.function, argnum=p.argnum, backend="manual", **{given_for(p): p.derivative})
    return verb(p.function, argnum=p.argnum, backend=backend)


def given_for(p):
    """The name by which `manual` takes the derivative of a problem."""
    return "jacobian" if p.verb in ("derivative", "jacobian") else p.verb


def test_every_backend_has_a_promise():
    assert set(ACCURACY) == {*db.backends().index, "auto"}


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_truth_agrees_with_the_derivative_worked_out_by_hand(name, truth):
    """Two truths: our own rules on 50 digits, and pencil and paper in float64."""
    p = PROBLEMS[name]
    assert worst_error(p.derivative(*p.point()), truth(name)) < 1e-14


def of_backends(names):
    """Parametrise a test over backends; those of libraries that are not installed are skipped."""
    missing = {name for name in LIBRARIES if not importlib.util.find_spec(name)}
    skip = pytest.mark.skipif("True", reason="the library is not installed: make install-peers")
    return pytest.mark.parametrize("backend", [pytest.param(x, marks=[skip] if x in missing else []) for x in names])


@of_backends(ACCURACY)
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_backend_is_as_accurate_as_promised(name, backend, truth):
    p = PROBLEMS[name]
    derivative = derivative_by(name, backend)
    if (backend, name) in REFUSED:
        with pytest.raises(db.UnsupportedPrimitive, match=REFUSED[backend, name]):
            derivative(*p.point())
        return
    if name in BRANCHING and backend in ("symbolic", "complex-step", "casadi", "symengine"):
        with pytest.raises((db.ClosedFormRequired, db.NotAnalytic)):
            derivative(*p.point())
        return
    assert worst_error(derivative(*p.point()), truth(name)) <= ACCURACY[backend]


@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_automatic_differentiation_is_within_eight_units_of_rounding_where_the_problem_is_well_conditioned(
    backend, truth
):
    for name in ("squire_trapp", "squire_trapp_ratio", "martins", "speelpenning", "rosenbrock", "soft_relu"):
        p = PROBLEMS[name]
        assert worst_error(derivative_by(name, backend)(*p.point()), truth(name)) <= 8 * 2.0**-52


@pytest.mark.parametrize("backend", ["forward", "reverse", "manual", "complex-step", "symbolic"])
@pytest.mark.parametrize("name", ["helmholtz", "rosenbrock", "rosenbrock_loop", "logistic_regression", "speelpenning"])
def test_accuracy_does_not_fade_with_the_number_of_variables(name, backend, truth):
    p = PROBLEMS[name]
    n = 8 if backend == "symbolic" else 40
    assert worst_error(derivative_by(name, backend)(*p.point(n)), truth(name, n)) <= ACCURACY[backend]


@pytest.mark.parametrize("name", ["logistic_loop", "squire_trapp_ratio"])
@pytest.mark.parametrize("order", [4, 6])
def test_differences_of_higher_order_come_closer(name, order, truth):
    p = PROBLEMS[name]
    by_order = db.derivative(p.function, backend="finite-central", order=order)
    assert worst_error(by_order(*p.point()), truth(name)) < 1e-10


@pytest.mark.parametrize("backend", ["forward", "reverse", "complex-step"])
@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_other_precisions_lose_no_more_than_their_own_rounding(backend, dtype):
    """Squire & Trapp at x = 1.5, to 30 published digits."""
    f = PROBLEMS["squire_trapp_ratio"].function
    found = db.derivative(f, backend=backend)(dtype(1.5))
    exact = dtype("3.62203370071632604259777098114")
    assert abs(found - exact) <= 16 * np.finfo(dtype).eps * exact


SECOND = {"forward": 1e-13, "reverse": 1e-13, "auto": 1e-13, "symbolic": 1e-12, "complex-step": 1e-11,
          "finite-central": 1e-6, "finite-forward": 1e-3, "finite-backward": 1e-3}  # fmt: skip


@pytest.fixture(scope="module")
def hessian():
    """The 50-digit Hessian of a problem in its first argument, computed once."""
    return cache(lambda name: db.reference(PROBLEMS[name].function, *PROBLEMS[name].point(), quantity="hessian"))


@pytest.mark.parametrize("backend", SECOND)
@pytest.mark.parametrize("name", ["rosenbrock", "helmholtz", "speelpenning", "soft_relu", "logistic_regression"])
def test_hessians_are_as_accurate_as_the_backend_says(name, backend, hessian):
    p, exact = PROBLEMS[name], hessian(name)
    assert db.get_backend(backend).accuracy[1] == SECOND[backend]
    assert worst_error(db.hessian(p.function, backend=backend)(*p.point()), exact) <= SECOND[backend]


@of_backends(sorted(set(ACCURACY) - {"auto", "manual"}))
def test_what_a_backend_says_of_its_accuracy_is_the_promise(backend):
    assert db.get_backend(backend).accuracy[0] == ACCURACY[backend]

"""Backends by name: known, registered, announced by packages, misspelt, and with options."""

from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest

import diffbench as db
from diffbench import registry
from diffbench.backends.reverse import Reverse

NAMES = (
    "symbolic",
    "finite-forward",
    "finite-backward",
    "finite-central",
    "complex-step",
    "forward",
    "reverse",
    "manual",
)


@pytest.fixture
def clean_registry(monkeypatch):
    """Registrations of a test end with it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    yield
    registry._default.cache_clear()
    registry._installed.cache_clear()


class Halving(Reverse):
    """Gives half the gradient."""

    name, cost, options = "halving", "half", ("factor",)

    def __init__(self, factor=0.5):
        super().__init__()
        self.factor = factor

    def gradient(self, function, point):
        values, slopes = super().gradient(function, point)
        return values, [self.factor * slope for slope in slopes]


@pytest.mark.parametrize("name", [*NAMES, "auto"])
def test_every_name_of_the_design_gives_its_backend(name):
    backend = db.get_backend(name)
    assert isinstance(backend, db.Differentiator)
    assert backend.name == name
    assert repr(backend) == f"<differentiator {name}>"


def test_a_name_alone_gives_the_same_backend_again():
    assert db.get_backend("reverse") is db.get_backend("reverse")


def test_options_give_a_backend_of_its_own():
    backend = db.get_backend("finite-central", step=1e-5, order=4)
    assert (backend.step, backend.order) == (1e-5, 4)
    assert db.get_backend("finite-central").order == 2


def test_a_differentiator_is_given_back_as_it_is():
    backend = Halving()
    assert db.get_backend(backend) is backend
    assert db.gradient(lambda x: x**2, backend=backend)(3.0) == 3.0


@pytest.mark.parametrize(
    ("wrong", "right"), [("revers", "reverse"), ("finite", "finite-central"), ("complexstep", "complex-step"),
                         ("Symbolic", "symbolic"), ("automatic", "auto")],
)  # fmt: skip
def test_a_misspelt_name_is_told_the_nearest_one_and_all(wrong, right):
    with pytest.raises(db.UnknownName) as caught:
        db.get_backend(wrong)
    message = str(caught.value)
    assert f"no backend is called {wrong!r}" in message
    assert right in message
    assert all(name in message for name in NAMES)


def test_a_name_like_no_other_is_told_all():
    with pytest.raises(db.UnknownName, match="Known: auto, autograd, casadi, complex-step"):
        db.get_backend("zzz")


def test_an_unknown_option_is_told_the_nearest_one():
    with pytest.raises(db.ArgumentError, match="backend 'finite-central' has no option 'stepp'; did you mean 'step'"):
        db.get_backend("finite-central", stepp=1e-3)
    with pytest.raises(db.ArgumentError, match="backend 'reverse' has no option 'step'"):
        db.gradient(np.sum, backend="reverse", step=1e-3)


# -- registering -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean_registry")
def test_a_registered_backend_is_known_by_its_name_with_its_options():
    assert db.register_backend(Halving) is Halving
    assert db.gradient(lambda x: x**2, backend="halving")(3.0) == 3.0
    assert db.gradient(lambda x: x**2, backend="halving", factor=2.0)(3.0) == 12.0
    assert "halving" in db.backends().index


@pytest.mark.usefixtures("clean_registry")
def test_registering_a_known_name_replaces_the_backend():
    class Better(Halving):
        name = "reverse"

    db.get_backend("reverse")
    db.register_backend(Better)
    assert type(db.get_backend("reverse")) is Better


@pytest.mark.parametrize(
    "wrong", [Halving(), "halving", int, db.Differentiator], ids=["instance", "name", "class", "base"]
)
def test_only_a_differentiator_with_a_name_can_be_registered(wrong):
    with pytest.raises(db.ArgumentError, match="is not a backend") as caught:
        db.register_backend(wrong)
    assert "subclass of diffbench.Differentiator with a name" in caught.value.hint


@pytest.mark.usefixtures("clean_registry")
def test_an_entry_point_of_an_installed_package_is_a_backend(monkeypatch):
    point = EntryPoint("halving", f"{__name__}:Halving", "diffbench.backends")
    asked = []

    def entry_points(*, group):
        asked.append(group)
        return [point]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    registry._installed.cache_clear()
    assert type(db.get_backend("halving")) is Halving
    assert set(asked) == {"diffbench.backends"}


@pytest.mark.usefixtures("clean_registry")
def test_a_backend_whose_package_is_missing_says_how_to_install_it():
    class Distant(Halving):
        name, requires = "distant", "a_package_that_is_not_there"

    db.register_backend(Distant)
    with pytest.raises(db.MissingPackage) as caught:
        db.get_backend("distant")
    assert isinstance(caught.value, ImportError)
    assert "backend 'distant' needs the package 'a_package_that_is_not_there'" in caught.value.what
    assert caught.value.hint == "python -m pip install a_package_that_is_not_there"
    assert not db.backends().loc["distant", "installed"]


def test_a_backend_that_gives_no_derivative_says_what_it_lacks():
    class Idle(db.Differentiator):
        name, method = "idle", "manual"

    with pytest.raises(db.UnsupportedVerb) as caught:
        db.gradient(np.sum, backend=Idle())(np.ones(2))
    assert "Idle overrides none of linearize, pullback, jacobian" in caught.value.why


# -- the least that a backend must give --------------------------------------------------------------------------------

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


class OnlyPush(db.Differentiator):
    """Knows the derivative of x -> Ax² as a map of tangents."""

    name, method = "only-push", "manual"

    def linearize(self, function, point):
        (x,) = point

        def push(tangents, batch=False):
            return [(2 * x * tangents[0]) @ A.T]

        return function(point), push


class OnlyPull(db.Differentiator):
    """Knows it as a map of cotangents."""

    name, method = "only-pull", "manual"

    def pullback(self, function, point):
        (x,) = point

        def pull(cotangents, batch=False):
            return [(cotangents[0] @ A) * 2 * x]

        return function(point), pull


class OnlyJacobian(db.Differentiator):
    """Knows it as a matrix."""

    name, method = "only-jacobian", "manual"

    def jacobian(self, function, point):
        (x,) = point
        return function(point), [[A * 2 * x]]


@pytest.mark.parametrize("kind", [OnlyPush, OnlyPull, OnlyJacobian])
def test_one_of_three_methods_gives_all_first_derivatives(kind):
    backend, x = kind(), np.array([1.0, -1.0, 2.0])
    f, J, u, v = lambda x: A @ x**2, A * 2 * x, np.array([1.0, -2.0]), np.array([0.5, 1.0, 3.0])
    assert np.array_equal(db.jacobian(f, backend=backend)(x), J)
    assert np.array_equal(db.jvp(f, backend=backend)(x, v), J @ v)
    assert np.array_equal(db.vjp(f, backend=backend)(x, u), u @ J)
    assert np.array_equal(db.linearize(f, backend=backend)(x)[1](v), J @ v)
    assert np.array_equal(db.pullback(f, backend=backend)(x)[1](u), u @ J)
    assert np.array_equal(db.jvp(f, backend=backend, batch=True)(x, np.stack([v, x])), np.stack([J @ v, J @ x]))
    assert np.array_equal(db.vjp(f, backend=backend, batch=True)(x, np.stack([u, -u])), np.stack([u @ J, -u @ J]))


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_of_backends_has_a_row_for_each_name():
    table = db.backends()
    assert isinstance(table, pd.DataFrame)
    assert table.index.name == "backend"
    assert set(NAMES) <= set(table.index)
    assert set(table["method"]) == {"symbolic", "numerical", "automatic", "manual"}
    assert table.loc[list(NAMES), "installed"].all()
    assert (table["cost"].str.len() > 0).all()


def test_the_table_says_what_a_backend_can_do():
    table = db.backends()
    assert "pullback" in table.loc["reverse", "gives"]
    assert "linearize" in table.loc["forward", "gives"]
    assert table.loc["finite-central", "options"] == "order, step, noise"

"""The exception tree and the form of its messages."""

import inspect
import pickle
import re

import numpy as np
import pytest

import diffbench as db
from diffbench import errors
from diffbench.errors import did_you_mean, user_location

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)
]  # in the order of their names
BUILTIN = {
    "TraceLost": TypeError,
    "UnsupportedPrimitive": NotImplementedError,
    "UnsupportedVerb": NotImplementedError,
    "ClosedFormRequired": TypeError,
    "NotAnalytic": ValueError,
    "ArgumentError": TypeError,
    "ResultError": TypeError,
    "DirectionError": ValueError,
    "NotRepeatable": RuntimeError,
    "NonfiniteError": FloatingPointError,
    "StepNotFound": ArithmeticError,
    "UnknownName": ValueError,
    "ExperimentError": RuntimeError,
    "MissingPackage": ImportError,
}

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@each_kind
def test_every_error_is_public_and_below_diffbench_error(kind):
    assert getattr(db, kind.__name__) is kind
    assert kind.__name__ in db.__all__
    assert issubclass(kind, db.DiffbenchError)
    assert kind.__doc__


@pytest.mark.parametrize(("name", "builtin"), BUILTIN.items())
def test_every_error_is_also_the_built_in_that_fits(name, builtin):
    assert issubclass(getattr(db, name), builtin)


def test_the_drawing_at_the_top_of_the_file_shows_every_error_with_its_built_in():
    drawn = dict(re.findall(r"(?:├──|└──) (\w+) +\((\w+)\)", errors.__doc__))
    assert drawn == {name: builtin.__name__ for name, builtin in BUILTIN.items()}
    assert set(drawn) | {"DiffbenchError"} == {kind.__name__ for kind in KINDS}


def test_a_message_has_what_where_why_and_what_to_try_in_this_order():
    error = db.TraceLost("what", where="here.py:1 in f", why="because", hint="this")
    assert str(error) == "what\n  where: here.py:1 in f\n  why:   because\n  try:   this"
    assert (error.what, error.where, error.why, error.hint) == ("what", "here.py:1 in f", "because", "this")


def test_what_is_not_known_is_left_out():
    assert str(db.ArgumentError("what")) == "what"
    assert str(db.ArgumentError("what", hint="this")) == "what\n  try:   this"


@each_kind
def test_errors_survive_a_trip_to_another_process(kind):
    """Runner and multiprocessing send them between processes by pickle."""
    error = kind("what", where="here.py:1 in f", why="because", hint="this")
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert (twin.what, twin.where, twin.why, twin.hint) == (error.what, error.where, error.why, error.hint)


def test_the_location_is_that_of_the_users_code_and_not_of_diffbench_or_numpy():
    def f(x):
        return np.packbits(x)  # the line that the message names

    with pytest.raises(db.UnsupportedPrimitive) as caught:
        db.jacobian(f)(np.ones(2))
    line = inspect.getsourcelines(f)[1] + 1
    assert caught.value.where == f"{__file__}:{line} in f"


def test_the_location_in_a_test_is_the_test():
    assert user_location().endswith("in test_the_location_in_a_test_is_the_test")


def test_the_nearest_name_is_suggested():
    assert did_you_mean("gradeint", ["gradient", "jacobian"]).startswith("did you mean 'gradient'?")


def test_nothing_is_suggested_where_nothing_is_near():
    assert did_you_mean("zzz", ["gradient"]) == "Known: gradient"
    assert did_you_mean("zzz", []) == "Known: none"

"""Rows take NumPy's own arguments, in its order and with its defaults, and refuse the others by name."""

import inspect

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives import TABLE
from tests.primitives.examples import ROWS, VARIABLES

P = inspect.Parameter
BY_POSITION = (P.POSITIONAL_ONLY, P.POSITIONAL_OR_KEYWORD)


def own_signature(row) -> inspect.Signature | None:
    function = getattr(row, "bind", None) or getattr(row, "expand", None)
    return inspect.signature(function) if function else None


def is_numpys(function) -> bool:
    return (getattr(function, "__module__", None) or "numpy").split(".")[0] == "numpy"


WITH_SIGNATURE = [row for row in ROWS if is_numpys(row.function) and own_signature(row)]
each_row = pytest.mark.parametrize("row", WITH_SIGNATURE, ids=lambda row: row.name.removeprefix("numpy."))


@each_row
def test_positional_parameters_are_the_first_of_numpys(row):
    own, numpys = own_signature(row).parameters.values(), inspect.signature(row.function).parameters.values()
    own_names = [p.name for p in own if p.kind in BY_POSITION]
    numpys_names = [p.name for p in numpys if p.kind in BY_POSITION]
    assert own_names == numpys_names[: len(own_names)]


@each_row
def test_keyword_parameters_are_among_numpys(row):
    numpys = inspect.signature(row.function).parameters
    takes_any = any(p.kind is P.VAR_KEYWORD for p in numpys.values())
    unknown = {p.name for p in own_signature(row).parameters.values() if p.kind is P.KEYWORD_ONLY} - set(numpys)
    assert takes_any or not unknown


@each_row
def test_defaults_are_numpys(row):
    numpys = inspect.signature(row.function).parameters
    for name, parameter in own_signature(row).parameters.items():
        if name in numpys and numpys[name].default is not np._NoValue:
            assert parameter.default == numpys[name].default


UNSUPPORTED = {
    "sum-out": lambda x: np.sum(x, out=np.zeros(())),
    "cumsum-out": lambda x: np.cumsum(x, out=np.zeros(3)),
    "exp-where": lambda x: np.exp(x, where=[True, False, True]),
    "matmul-axes": lambda x: np.matmul(x, x, axes=[0, 0, ()]),
    "einsum-out": lambda x: np.einsum("i->", x, out=np.zeros(())),
    "ravel-K": lambda x: np.ravel(x, "K"),
    "concatenate-out": lambda x: np.concatenate([x, x], out=np.zeros(6)),
    "gcd": lambda x: np.gcd(x, 2),
    "left_shift": lambda x: np.left_shift(x, 1),
    "clip-out": lambda x: np.clip(x, 0, 1, out=np.zeros(3)),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_an_argument_without_rule_is_refused_with_the_name_of_the_function(case, backend):
    with pytest.raises(db.UnsupportedPrimitive, match=rf"numpy\.{case.split('-')[0]}\b"):
        db.jacobian(UNSUPPORTED[case], backend=backend)(VARIABLES["v"])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.reshape(x, (2, 2)),
        lambda x: np.concatenate([x, np.ones((2, 2))]),
        lambda x: np.squeeze(x, 0),
        lambda x: np.tensordot(x, np.ones((2, 3)), ([0], [0])),
        lambda x: np.split(x, 2),
        lambda x: np.max(x[:0]),
        lambda x: np.einsum("ij", x),
        lambda x: x[5],
    ],
    ids=["reshape", "concatenate", "squeeze", "tensordot", "split", "max", "einsum", "indexing"],
)
def test_a_call_that_numpy_refuses_raises_what_numpy_raises(call):
    x = VARIABLES["v"]
    with pytest.raises((ValueError, IndexError)) as numpys:
        call(x)
    with pytest.raises(numpys.type):
        db.jacobian(call, backend="reverse")(x)


def test_keywords_reach_the_rules():
    found = db.gradient(lambda x: np.sum(np.var(a=x, axis=0, ddof=1)))(VARIABLES["A"])
    expected = db.gradient(lambda x: np.sum(np.var(x, 0, None, None, 1)))(VARIABLES["A"])
    np.testing.assert_array_equal(found, expected)


def test_each_function_has_one_row():
    assert all(row.function is function for function, row in TABLE.items())

"""The dtype of a traced result is NumPy's, whatever the dtypes of the arguments, and the derivative is there."""

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives.primitive import Traced
from tests.primitives.examples import EXAMPLES, VARIABLES, each_of

A, S, T, V, W = (VARIABLES[name] for name in ("A", "S", "T", "v", "w"))

MODES = ("forward", "reverse")
each_mode = pytest.mark.parametrize("mode", MODES)
DTYPES = (np.float32, np.longdouble)
SLICED = {"polydiv(A[0], v)[1]"}
"""How many rounding errors NumPy takes for zeros depends on the dtype."""


def seen(f, point, mode):
    """The dtypes, shapes and kinds of what f gives while it is traced."""
    found = []

    def watched(*args):
        y = f(*args)
        found.append(parts(y))
        return np.sum(args[0])

    db.linearize(watched, argnum=tuple(range(len(point))), backend=mode)(*point)
    return found[0]


def parts(y) -> list:
    """The dtype and shape of a result, or of each part of one."""
    if isinstance(y, tuple | list):
        return [part for piece in y for part in parts(piece)]
    if isinstance(y, Traced):
        return [(y.dtype, y.shape)]
    if isinstance(y := np.asarray(y), np.ndarray) and y.dtype.hasobject:  # of a list that NumPy has made an array of
        return [(np.result_type(*[entry.dtype for entry in y.flat if isinstance(entry, Traced)]), y.shape)]
    return [(y.dtype, y.shape)]


def numpys(f, point) -> list | None:
    """The same of plain arrays; None where NumPy has no such function of these dtypes."""
    try:
        return parts(f(*point))
    except TypeError:
        return None


def assert_as_numpy(f, point, mode):
    expected = numpys(f, point)
    if expected is not None:
        assert seen(f, point, mode) == expected


EACH = [example for example in EXAMPLES if example.point and example.name not in SLICED]
MIXED = [example for example in EACH if len(example.point) > 1]


@each_of(EACH)
def test_the_result_has_numpys_dtype(example):
    for dtype in DTYPES:
        for mode in MODES:
            assert_as_numpy(example.f, tuple(map(dtype, example.point)), mode)


@each_of(MIXED)
def test_the_result_of_mixed_dtypes_has_numpys_dtype(example):
    for single in (0, 1):
        point = tuple(np.float32(x) if i == single else np.float64(x) for i, x in enumerate(example.point))
        for mode in MODES:
            assert_as_numpy(example.f, point, mode)


WITH_NUMBERS = {
    "quantile in a list": lambda x: np.quantile(x, [0.25, 0.5]),
    "quantile in a number": lambda x: np.quantile(x, 0.25),
    "quantile in a number of NumPy": lambda x: np.quantile(x, np.float64(0.25)),
    "quantile, nearest": lambda x: np.quantile(x, [0.25, 0.5], method="nearest"),
    "percentile in an integer": lambda x: np.percentile(x, 25),
    "interp": lambda x: np.interp(x, [0.0, 1.0], [2.0, 3.0]),
    "interp at a number": lambda x: np.interp(0.5, [0.0, 1.0], x[0, :2]),
    "geomspace": lambda x: np.geomspace(np.exp(x[0]), 9.0, 3),
    "linspace": lambda x: np.linspace(x[0], 9.0, 3),
    "linspace to a number of NumPy": lambda x: np.linspace(x[0], np.float64(9.0), 3),
    "dot": lambda x: np.dot(x, 2.0),
    "dot from the left": lambda x: np.dot(2.0, x),
    "inner": lambda x: np.inner(x, 2.0),
    "outer": lambda x: np.outer(x[0], 2.0),
    "multiply.outer": lambda x: np.multiply.outer(x, 2.0),
    "multiply": lambda x: np.multiply(x, 2.0),
    "multiply by a number of NumPy": lambda x: x * np.float64(2.0),
    "where": lambda x: np.where(x > 0, x, 2.0),
    "sum from a number": lambda x: np.sum(x, initial=np.float64(2.0)),
    "max from a number": lambda x: np.max(x, initial=np.float64(2.0)),
    "nan_to_num by a number of NumPy": lambda x: np.nan_to_num(x, nan=np.float64(2.0), posinf=np.float64(3.0)),
    "average by booleans": lambda x: np.average(x, weights=x > 0),
    "average": lambda x: np.average(x[0], weights=[1.0, 2.0, 3.0, 4.0]),
    "cov": lambda x: np.cov(x),
    "cov in float32": lambda x: np.cov(x, dtype=np.float32),
    "cov with weights": lambda x: np.cov(x, aweights=[1.0, 2.0, 3.0, 4.0]),
    "corrcoef": lambda x: np.corrcoef(x),
    "histogram": lambda x: np.histogram(x, 3, density=True),
    "gradient": lambda x: np.gradient(x[0], [0.0, 1.0, 3.0, 4.0]),
    "polyval": lambda x: np.polyval(x[0], 2.0),
    "polyval at integers": lambda x: np.polyval(x[0], np.arange(3, dtype=np.int8)),
    "emath.power": lambda x: np.emath.power(np.exp(x), 3),
    "bincount": lambda x: np.bincount([0, 1, 1, 0], x[0]),
    "lstsq": lambda x: np.linalg.lstsq(x, np.ones(3))[3],
    "rank of lstsq": lambda x: np.linalg.lstsq(x, np.ones(3))[2],
    "array": lambda x: np.array([x[0, 0], 1.0]),
    "full_like of a plain array": lambda x: np.full_like(np.zeros((2, 2), np.float32), x[0, 0]),
    "ascontiguousarray of a number": lambda x: np.ascontiguousarray(x[0, 0]),
    "asfortranarray of a number": lambda x: np.asfortranarray(x[0, 0]),
    "asarray of a number": lambda x: np.asarray(x[0, 0]),
}
REDUCTIONS = ("sum", "prod", "mean", "var", "cumsum", "cumprod", "nansum", "nanprod", "nancumsum", "trace")
REDUCTIONS_TO = ("float32", "float64", "longdouble", "int", "bool", "uint8")


@each_mode
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_numbers_and_lists_beside_an_array_count_as_for_numpy(name, dtype, mode):
    assert_as_numpy(WITH_NUMBERS[name], (A.astype(dtype),), mode)


@each_mode
@pytest.mark.parametrize("axis", [None, 1])
@pytest.mark.parametrize("dtype", REDUCTIONS_TO)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_computes_in_the_dtype_that_is_asked_for(name, dtype, axis, mode):
    where = {} if name == "trace" else {"axis": axis}
    x = 3 * A.astype(np.float32)
    found = []

    def f(x):
        found.append(db.primal(getattr(np, name)(x, dtype=dtype, **where)))
        return np.sum(x)

    db.linearize(f, backend=mode)(x)
    expected = getattr(np, name)(x, dtype=dtype, **where)
    assert np.asarray(found[0]).dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


@each_mode
@pytest.mark.parametrize("dtype", ["int", "bool"])
@pytest.mark.parametrize("name", ["sum", "mean", "std", "cumsum"])
def test_a_reduction_in_integers_is_constant(name, dtype, mode):
    f = getattr(np, name)
    slopes = db.jacobian(lambda x: x[0] * f(x, dtype=dtype), backend=mode)(V)
    value = f(V, dtype=dtype) * np.ones(np.shape(f(V)))
    np.testing.assert_array_equal(slopes[..., 0], value.astype(float))
    np.testing.assert_array_equal(slopes[..., 1:], 0.0)


def test_the_gradient_of_what_numpy_computes_in_float64_is_in_the_dtype_of_the_argument():
    x = A[0].astype(np.float32)
    slopes = db.gradient(lambda x: np.sum(np.quantile(x, [0.25, 0.5])))(x)
    assert slopes.dtype == np.float32
    np.testing.assert_allclose(slopes, db.gradient(lambda x: np.sum(np.quantile(x, [0.25, 0.5])))(A[0]), rtol=1e-6)

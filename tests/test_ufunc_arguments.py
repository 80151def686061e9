"""dtype=, casting=, signature=, order=, subok=, where=True of ufuncs and their methods mean what they mean to NumPy."""

import numpy as np
import pytest

import diffbench as db

X = np.array([[0.5, 1.0, 2.0], [3.0, 0.75, 0.25]])
V = np.array([1.5, 0.5, 2.5])

MEAN_NOTHING = {
    "where=True": {"where": True},
    "where of NumPy": {"where": np.True_},
    "casting": {"casting": "same_kind"},
    "order": {"order": "K"},
    "order of Fortran": {"order": "F"},
    "subok": {"subok": True},
    "no dtype": {"dtype": None},
    "its own dtype": {"dtype": np.float64},
    "safe casting": {"casting": "safe"},
    "its own signature": {"signature": (None, None, np.dtype(float))},
    "all at once": {"where": True, "casting": "unsafe", "order": "C", "subok": False, "dtype": "f8"},
}
CONVERT = {
    "add in float32": lambda x: np.add(x, V, dtype=np.float32),
    "add in longdouble": lambda x: np.add(x, V, dtype=np.longdouble),
    "exp in float32": lambda x: np.exp(x, dtype=np.float32),
    "multiply by a number in float32": lambda x: np.multiply(x, 2.0, dtype="f4"),
    "power in float32": lambda x: np.power(x, 2, dtype=np.float32),
    "a signature": lambda x: np.multiply(x, V, signature="ff->f", casting="same_kind"),
    "matmul in float32": lambda x: np.matmul(x, x.T, dtype=np.float32),
    "of a number": lambda x: np.sin(x[0, 0], dtype=np.float32),
    "outer in float32": lambda x: np.add.outer(x, V, dtype=np.float32),
    "add.reduce in float32": lambda x: np.add.reduce(x, dtype=np.float32),
    "add.accumulate in float32": lambda x: np.add.accumulate(x, dtype=np.float32),
    "add.reduceat in float32": lambda x: np.add.reduceat(x, [0, 1], dtype=np.float32),
    "maximum.reduce in float32": lambda x: np.maximum.reduce(x, dtype=np.float32),
    "maximum.accumulate in float32": lambda x: np.maximum.accumulate(x, dtype=np.float32),
    "hypot.reduce in longdouble": lambda x: np.hypot.reduce(x, dtype=np.longdouble),
    "logaddexp.reduce in float32": lambda x: np.logaddexp.reduce(x, dtype=np.float32),
    "astype": lambda x: x.astype(np.float32, casting="same_kind", copy=False),
    "concatenate": lambda x: np.concatenate([x, x], dtype=np.float32),
}
REFUSED_BY_NUMPY = {
    "float to int": lambda x: np.add(x, x, dtype=int),
    "unsafely": lambda x: np.add(x, np.float32(1), casting="no"),
    "no such loop": lambda x: np.exp(x, dtype=bool),
    "no such casting": lambda x: np.exp(x, casting="perhaps"),
    "no such dtype": lambda x: np.exp(x, dtype="number"),
    "astype": lambda x: x.astype(int, casting="same_kind"),
    "an argument that astype does not have": lambda x: x.astype(int, where=True),
    "concatenate": lambda x: np.concatenate([x, x], dtype=int),
}

each_mode = pytest.mark.parametrize("mode", ["forward", "reverse"])


@each_mode
@pytest.mark.parametrize("name", MEAN_NOTHING)
@pytest.mark.parametrize("x", [X, 0.5], ids=["of an array", "of a number"])
def test_an_argument_that_means_nothing_changes_nothing(x, name, mode):
    found = db.jacobian(lambda x: np.multiply(x, x, **MEAN_NOTHING[name]), backend=mode)(x)
    np.testing.assert_array_equal(found, db.jacobian(lambda x: np.multiply(x, x), backend=mode)(x))


@each_mode
@pytest.mark.parametrize("name", CONVERT)
def test_an_argument_that_changes_the_precision_does_so_as_in_numpy(name, mode):
    value, _ = db.linearize(CONVERT[name], backend=mode)(X)
    expected = CONVERT[name](X)
    assert value.dtype == expected.dtype
    np.testing.assert_allclose(value, expected, rtol=1e-6)


@each_mode
@pytest.mark.parametrize("name", CONVERT)
def test_the_derivative_passes_the_conversion(name, mode):
    found = db.jacobian(CONVERT[name], backend=mode)(X)
    differences = db.jacobian(lambda x: np.asarray(CONVERT[name](x), float), backend="finite-central", step=0.01)(X)
    np.testing.assert_allclose(found, differences, rtol=1e-3, atol=1e-3)


@each_mode
@pytest.mark.parametrize("name", REFUSED_BY_NUMPY)
def test_what_numpy_refuses_to_convert_is_refused_by_an_error_of_the_same_class(name, mode):
    with pytest.raises((TypeError, ValueError)) as numpys:
        REFUSED_BY_NUMPY[name](X)
    with pytest.raises(numpys.type):
        db.linearize(REFUSED_BY_NUMPY[name], backend=mode)(X)


@each_mode
def test_what_is_computed_in_integers_has_the_derivative_zero(mode):
    found = db.jacobian(lambda x: x * np.add(x, 0.5, dtype=int, casting="unsafe"), backend=mode)(V)
    np.testing.assert_array_equal(found, np.diag(np.add(V, 0.5, dtype=int, casting="unsafe")))


UFUNC_METHODS = {
    "add.reduce of a number": lambda x: np.add.reduce(x[0, 0]),
    "add.reduce by position": lambda x: np.add.reduce(x, 0, None, None, True),
    "multiply.reduce along no axis": lambda x: np.multiply.reduce(x, axis=()),
    "maximum.reduce from a number": lambda x: np.maximum.reduce(x, initial=1.0, where=x > 0.6),
    "maximum.reduce of a number": lambda x: np.maximum.reduce(x[0, 0]),
    "add.accumulate along a tuple": lambda x: np.add.accumulate(x, axis=(1,)),
    "add.accumulate of a row along None": lambda x: np.add.accumulate(x[0], axis=None),
    "add.reduceat": lambda x: np.add.reduceat(x, [1, 0, 1], axis=-1),
    "subtract.outer with a list": lambda x: np.subtract.outer(x, [1.0, 2.0]),
    "multiply.outer with where=True": lambda x: np.multiply.outer(x, V, where=True),
    "sum of a number along an axis": lambda x: np.sum(x[0, 0], axis=0),
    "vecdot along an axis": lambda x: np.vecdot(x, x * x, axis=0),
}


@each_mode
@pytest.mark.parametrize("name", UFUNC_METHODS)
def test_a_method_of_a_ufunc_gives_what_numpys_gives(name, mode):
    value, push = db.linearize(UFUNC_METHODS[name], backend=mode)(X)
    expected = UFUNC_METHODS[name](X)
    np.testing.assert_array_equal(value, expected)
    assert np.shape(value) == np.shape(expected)
    differences = db.jacobian(UFUNC_METHODS[name], backend="finite-central", order=4)(X)
    np.testing.assert_allclose(push(X), np.tensordot(differences, X, 2), rtol=1e-8)

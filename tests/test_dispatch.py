"""How calls, methods and operators on traced values arrive at the table."""

import numpy as np
import pytest

import diffbench as db

X = np.array([[0.5, 1.0, 2.0], [3.0, -1.0, 0.25]])
W = np.array([1.0, 2.0, 3.0, 4.0])

UFUNC_METHODS = {
    "np.add.reduce(x)": lambda x: np.add.reduce(x),
    "np.add.reduce(x, axis=None)": lambda x: np.add.reduce(x, axis=None),
    "np.multiply.reduce(x, axis=1)": lambda x: np.multiply.reduce(x, axis=1),
    "np.maximum.reduce(x)": lambda x: np.maximum.reduce(x),
    "np.minimum.reduce(x, axis=-1, keepdims=True)": lambda x: np.minimum.reduce(x, axis=-1, keepdims=True),
    "np.add.accumulate(x, axis=1)": lambda x: np.add.accumulate(x, axis=1),
    "np.multiply.accumulate(x)": lambda x: np.multiply.accumulate(x),
    "np.multiply.outer(x, w)": lambda x: np.multiply.outer(x, W),
}

ARRAY_METHODS = {
    "sum": lambda x: x.sum(axis=0),
    "mean": lambda x: x.mean(keepdims=True),
    "std": lambda x: x.std(axis=1),
    "max": lambda x: x.max(),
    "cumsum": lambda x: x.cumsum(axis=1),
    "T": lambda x: x.T,
    "mT": lambda x: np.sin(x).mT,
    "reshape": lambda x: x.reshape(3, 2),
    "reshape of a tuple": lambda x: x.reshape((3, -1)),
    "transpose": lambda x: x.transpose(1, 0),
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten(),
    "copy": lambda x: x.copy(),
    "dot": lambda x: x.dot(x.T),
    "matmul": lambda x: x @ np.array([1.0, 2.0, 3.0]),
    "reflected matmul": lambda x: np.array([1.0, 2.0]) @ x,
    "clip": lambda x: x.clip(0.3, 1.5),
    "clip from below": lambda x: x.clip(0.3),
    "clip from above": lambda x: x.clip(max=1.5),
    "astype": lambda x: x.astype(np.longdouble),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "take": lambda x: x.take([0, 2, 2], axis=1),
    "iteration": lambda x: sum(row * row for row in x),
    "reshape with copy=": lambda x: x.reshape((3, 2), copy=True),
    "membership": lambda x: x * (7.0 not in x) + x[0] * (-7.0 in x),
    "negative index": lambda x: x[-1, ::-1],
    "mask": lambda x: x[x > 0.4],
    "power": lambda x: (x * x) ** 1.5,
    "reflected power": lambda x: 2.0**x,
    "modulo": lambda x: x % 0.7,
}


@pytest.mark.parametrize("backend", ["forward", "reverse"])
@pytest.mark.parametrize("name", [*UFUNC_METHODS, *ARRAY_METHODS])
def test_methods_have_numpys_value_and_the_derivative_that_differences_find(name, backend):
    f = {**UFUNC_METHODS, **ARRAY_METHODS}[name]
    value, _ = db.linearize(f, backend=backend)(X)
    np.testing.assert_array_equal(value, f(X))
    assert np.shape(value) == np.shape(f(X))
    differences = db.jacobian(f, backend="finite-central", order=4)(X)
    np.testing.assert_allclose(db.jacobian(f, backend=backend)(X), differences, rtol=1e-8, atol=1e-8)


def test_attributes_are_those_of_the_array():
    def f(x):
        assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((2, 3), 2, 6, np.dtype(float), 2)
        assert isinstance(db.is_traced(x), bool)
        return np.sum(x)

    np.testing.assert_array_equal(db.gradient(f)(X), np.ones((2, 3)))


def test_ufunc_methods_without_a_rule_are_refused_by_name():
    with pytest.raises(db.UnsupportedPrimitive, match=r"numpy\.subtract\.reduce"):
        db.gradient(lambda x: np.subtract.reduce(x))(W)


def test_arrays_of_traced_scalars_differentiate_like_their_parts():
    def f(x):
        row = np.array([x[0], x[1] * x[2]])
        return np.sum(np.exp(row) * np.array([1.0, 2.0])) + np.dot(row, row)

    x = np.array([0.2, 0.3, 0.4])
    a, b = 0.2, 0.3 * 0.4
    outer = np.array([np.exp(a) + 2 * a, 2 * np.exp(b) + 2 * b])
    expected = [outer[0], outer[1] * 0.4, outer[1] * 0.3]
    for backend in ("forward", "reverse"):
        np.testing.assert_allclose(db.gradient(f, backend=backend)(x), expected, rtol=1e-14)


def test_an_array_of_traced_and_plain_numbers_that_numpy_cannot_pass_is_explained():
    with pytest.raises(db.UnsupportedPrimitive, match=r"np\.stack") as caught:
        db.gradient(lambda x: np.sum(np.exp([x[0], 1.0])))(W)
    assert "test_dispatch.py" in caught.value.where
    stacked = db.gradient(lambda x: np.sum(np.exp(np.stack([x[0], 1.0]))))(W)
    np.testing.assert_allclose(stacked, [np.e, 0, 0, 0])


@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_no_number_is_equal_to_text(backend):
    def f(x):
        assert not np.any(x == "auto")
        assert np.all(x != "auto")
        return 2 * x[0] if x[0] == "auto" or x[0] is None else 3 * x[0]

    np.testing.assert_array_equal(db.gradient(f, backend=backend)(np.ones(2)), [3.0, 0.0])

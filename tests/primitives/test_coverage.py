"""Every public function of NumPy, and every attribute of an ndarray, is classified: nothing is simply missing."""

import inspect

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives import TABLE
from diffbench.primitives.refused import OUTSIDE

MODULES = {"": np, "linalg.": np.linalg, "fft.": np.fft}
DEPRECATED = {"row_stack", "in1d", "trapz"}  # other names of np.vstack, np.isin, np.trapezoid, where they still exist
PUBLIC = {
    f"{prefix}{name}": getattr(module, name)
    for prefix, module in MODULES.items()
    for name in dir(module)
    if not name.startswith("_") and name not in DEPRECATED and callable(getattr(module, name))
    if not inspect.ismodule(getattr(module, name)) and not inspect.isclass(getattr(module, name))
}
NO_FUNCTIONS = {name for names in OUTSIDE.values() for name in names}


def test_every_public_function_is_in_the_table_or_no_function_of_array_values():
    assert [name for name, f in PUBLIC.items() if f not in TABLE and name not in NO_FUNCTIONS] == []


def test_no_function_is_both_in_the_table_and_outside():
    assert [name for name in NO_FUNCTIONS if name in PUBLIC and PUBLIC[name] in TABLE] == []


def test_no_name_is_listed_twice():
    names = [name for names in OUTSIDE.values() for name in names]
    assert len(names) == len(set(names))


X = np.array([[3.0, 1.0, 2.0], [0.5, -1.0, 4.0]])
CALLS = {
    "all": lambda x: x.all(),
    "any": lambda x: x.any(axis=0),
    "argmax": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(1),
    "argpartition": lambda x: x.argpartition(1),
    "argsort": lambda x: x.argsort(),
    "astype": lambda x: x.astype(np.float32),
    "choose": lambda x: (x > 0.7).choose([x, 2 * x]) if isinstance(x, np.ndarray) else np.choose(x > 0.7, [x, 2 * x]),
    "clip": lambda x: x.clip(0, 2),
    "compress": lambda x: x.compress([True, False], axis=0),
    "conj": lambda x: x.conj(),
    "conjugate": lambda x: x.conjugate(),
    "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(1),
    "cumsum": lambda x: x.cumsum(),
    "diagonal": lambda x: x.diagonal(),
    "dot": lambda x: x.dot(x.T),
    "flat": lambda x: x.flat[2],
    "flatten": lambda x: x.flatten(),
    "imag": lambda x: x.imag,
    "itemsize": lambda x: x.itemsize,
    "max": lambda x: x.max(axis=1),
    "mean": lambda x: x.mean(0),
    "min": lambda x: x.min(),
    "mT": lambda x: x.mT,
    "nbytes": lambda x: x.nbytes,
    "ndim": lambda x: x.ndim,
    "nonzero": lambda x: x.nonzero()[0],
    "prod": lambda x: x.prod(),
    "ravel": lambda x: x.ravel(),
    "real": lambda x: x.real,
    "repeat": lambda x: x.repeat(2),
    "reshape": lambda x: x.reshape(3, 2),
    "round": lambda x: x.round(1),
    "searchsorted": lambda x: x[0, 1:].searchsorted(1.5),
    "shape": lambda x: x.shape,
    "size": lambda x: x.size,
    "squeeze": lambda x: x[:1].squeeze(),
    "std": lambda x: x.std(),
    "sum": lambda x: x.sum(axis=1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "T": lambda x: x.T,
    "take": lambda x: x.take([0, 5]),
    "trace": lambda x: x.trace(),
    "transpose": lambda x: x.transpose(1, 0),
    "var": lambda x: x.var(0),
    "dtype": lambda x: x.dtype == float,
    "device": lambda x: x.device,
    "fill": lambda x: _changed(x, lambda y: y.fill(2.0)),
    "sort": lambda x: _changed(x, lambda y: y.sort(axis=0)),
    "partition": lambda x: _changed(x, lambda y: y.partition(1)),
    "put": lambda x: _changed(x, lambda y: y.put([0, 4], [7.0, 8.0])),
    "to_device": lambda x: x.to_device("cpu"),
}


def _changed(x, change):
    y = x * 1.0
    change(y)
    return y


NAMES = [name for name in dir(np.ndarray) if not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_an_attribute_of_an_ndarray_works_on_a_traced_array_or_is_refused_in_words(name, backend):
    def f(x):
        if name in CALLS:
            found.append(CALLS[name](x))
        else:
            with pytest.raises(db.DiffbenchError, match=name):
                getattr(x, name)()
        return np.sum(x)

    found: list = []
    db.gradient(f, backend=backend)(X)
    for value in found:
        np.testing.assert_array_equal(db.primal(value), CALLS[name](X))


FLOATS = [name for name in NAMES if name in CALLS and np.asarray(CALLS[name](X)).dtype.kind == "f"]


@pytest.mark.parametrize("name", FLOATS)
def test_a_method_that_gives_floats_is_differentiated(name):
    f = CALLS[name]
    expected = db.jacobian(f, backend="finite-central")(X) if name != "astype" else np.eye(6).reshape(2, 3, 2, 3)
    if name != "round":
        np.testing.assert_allclose(db.jacobian(f)(X), expected, atol=1e-8)

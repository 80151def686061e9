"""Every public function of NumPy, and every attribute of an ndarray, is classified: nothing is simply missing."""

import inspect

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives import TABLE
from diffbench.primitives.refused import OUTSIDE
from tests.primitives.attributes import CALLS, X

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

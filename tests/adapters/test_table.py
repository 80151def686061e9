"""Every row of the table of primitives by every library: its derivative is right, or the call is refused in words."""

import os

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives import TABLE
from tests.adapters.adapters import TRACING, needs
from tests.primitives.support import example_of

SLOW = {"jax", "symengine"}  # they compile each example, for minutes
LEAST = {"autograd": 220, "jax": 250, "torch": 230, "mygrad": 190, "casadi": 180, "symengine": 140}
"""How many rows at least are right: so that a library which refuses more than it did is seen."""

everything = pytest.mark.skipif("DIFFBENCH_ALL_TESTS" not in os.environ, reason="minutes: set DIFFBENCH_ALL_TESTS=1")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[needs(name), *([everything] if name in SLOW else [])]) for name in TRACING]
)
@pytest.mark.filterwarnings("ignore")
def test_each_row_is_right_or_refused(name):
    right, wrong = 0, []
    for row in TABLE.values():
        example = example_of(row)
        if example is None or not example.point:
            continue
        weights = example.weights(seed=2)
        try:
            found = db.vjp(example.f, argnum=example.argnums, backend=name)(*example.point, weights)
        except db.DiffbenchError:
            continue
        expected = db.vjp(example.f, argnum=example.argnums, backend="reverse")(*example.point, weights)
        if all(np.allclose(a, b, rtol=1e-7, atol=1e-9) for a, b in zip(found, expected)):
            right += 1
        else:
            wrong.append(example.name)
    assert not wrong
    assert right >= LEAST[name]

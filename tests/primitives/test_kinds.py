"""What a row does with a call that it cannot serve, and the errors that tell."""

import numpy as np
import pytest

import diffbench as db
from diffbench.primitives import TABLE, lookup
from diffbench.primitives.in_place import InPlace
from diffbench.primitives.kinds import Composite, Constant, Elementwise, NotCovered, Refused, only_default


def test_a_function_without_a_row_is_named_with_place_reason_and_advice():
    def without_row(x):
        return x

    with pytest.raises(db.UnsupportedPrimitive) as caught:
        lookup(without_row)
    message = str(caught.value)
    assert "without_row has no derivative rule" in message
    assert "where:" in message
    assert "why:" in message
    assert "try:" in message


def test_a_refused_function_says_why():
    with pytest.raises(db.UnsupportedPrimitive, match="integers only"):
        db.gradient(lambda x: np.sum(np.lcm(x, 2)))(np.ones(2))


def test_the_error_of_an_unsupported_argument_points_at_the_users_line():
    with pytest.raises(db.UnsupportedPrimitive, match=r"test_kinds\.py"):
        db.gradient(lambda x: np.sum(np.exp(x, where=[True, False])))(np.ones(2))


def test_a_type_error_inside_a_composite_is_not_taken_for_an_unsupported_argument():
    def expand(x):
        raise TypeError("a fault of the values, not of the call")

    with pytest.raises(TypeError, match="a fault of the values"):
        Composite(np.copy, expand).call((1.0,), {})


def test_an_argument_outside_the_signature_of_a_composite_is_unsupported():
    with pytest.raises(db.UnsupportedPrimitive, match="unexpected keyword argument 'order'"):
        Composite(np.copy, lambda x: x).call((1.0,), {"order": "K"})


def test_only_default_names_the_argument():
    only_default(out=None, where=None)
    with pytest.raises(NotCovered, match="where=3"):
        only_default(out=None, where=3)


def test_every_public_row_with_rules_has_examples_or_a_domain_to_sample_from():
    """So that the tests of the table cover it; rows that write in place are covered by tests/test_assignment.py."""
    without = Elementwise | Constant | Refused | InPlace
    bare = [row for row in TABLE.values() if not row.examples and not isinstance(row, without)]
    assert [row.name for row in bare if getattr(row.function, "__module__", "").startswith("numpy")] == []


@pytest.mark.parametrize("backend", ["forward", "reverse"])
def test_object_arrays_of_traced_numbers_pass_through_products_and_reductions(backend):
    """NumPy makes them of np.array([x, y]); x₀·x₁ + max(x₀, 3x₁) at (2, 5) has slopes (5, 2 + 3)."""

    def f(x):
        a, b = np.array([x[0], x[1]]), np.array([x[1], 3.0])
        return np.dot(a, np.array([[0.0, 0.5], [0.5, 0.0]]) @ a) + np.max(np.multiply(b, [3.0, 1.0]) + 0 * x)

    np.testing.assert_allclose(db.gradient(f, backend=backend)(np.array([2.0, 5.0])), [5, 5])

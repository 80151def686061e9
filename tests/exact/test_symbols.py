"""Plain NumPy on SymPy symbols: the expressions that come out, and what is refused because it needs a value."""

import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.exact import Exact, ExactTrace
from diffbench.exact.symbols import Symbols

A, B = sympy.symbols("a b")


def on_symbols(f, *symbols):
    """What f makes of a vector of symbols."""
    trace = ExactTrace(Symbols())
    result = f(trace.wrap(np.array(symbols or (A, B), dtype=object)))
    return result.values[()] if isinstance(result, Exact) else result


def test_floats_that_are_integers_become_integers():
    assert on_symbols(lambda x: 2.0 * x[0] + 0.5) == 2 * A + sympy.Float(0.5)


def test_functions_have_their_names_in_sympy():
    assert on_symbols(lambda x: np.arcsin(x[0]) * np.abs(x[1])) == sympy.asin(A) * sympy.Abs(B)


def test_sums_products_and_indexing_run_through():
    assert on_symbols(lambda x: np.sum(x) * np.prod(x[::-1])) == (A + B) * A * B
    assert on_symbols(lambda x: np.dot(np.array([[1.0, 2.0], [3.0, 4.0]]), x)).tolist() == [A + 2 * B, 3 * A + 4 * B]
    assert on_symbols(np.cumsum).tolist() == [A, A + B]


def test_where_is_a_case_distinction():
    assert on_symbols(lambda x: np.where(x[0] > 0, x[0], -x[1])) == sympy.Piecewise((A, A > 0), (-B, True))


def test_a_condition_counts_as_zero_or_one_in_arithmetic():
    positive = sympy.Piecewise((1, A > 0), (0, True))
    assert on_symbols(lambda x: (x[0] > 0) * x[1]) == positive * B
    assert on_symbols(lambda x: np.sum(x > 0)) == positive + sympy.Piecewise((1, B > 0), (0, True))


def test_conditions_combine():
    assert on_symbols(lambda x: (x[0] > 0) & ~(x[1] > x[0])) == sympy.And(A > 0, sympy.Not(B > A))
    assert on_symbols(lambda x: np.any(x > 0)) == sympy.Or(A > 0, B > 0)


def test_extrema_are_max_and_min():
    assert on_symbols(lambda x: np.max(x) - np.minimum(x[0], 2.0)) == sympy.Max(A, B) - sympy.Min(A, 2)


def test_what_is_decided_is_a_plain_bool():
    assert on_symbols(lambda x: (x - x) > 1.0).tolist() == [False, False]


def test_plain_counters_loop_as_ever():
    def power(x):
        y, n = x[0], 0
        while n < 2:
            y, n = y * x[0], n + 1
        return y

    assert on_symbols(power) == A**3


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[0] if x[0] > 0 else x[1],
        lambda x: x[0] if x[0] else x[1],
        lambda x: max(x[0], x[1]),
    ],
)
def test_a_branch_on_a_symbol_says_where_and_what_to_do(f):
    with pytest.raises(db.ClosedFormRequired, match="branches on a symbol") as caught:
        on_symbols(f)
    assert "test_symbols.py" in caught.value.where
    assert "'forward' or 'reverse'" in caught.value.hint


@pytest.mark.parametrize("f", [np.argmax, np.nonzero, np.rint, np.isnan, np.sort, lambda x: x[x > 0]])
def test_what_depends_on_values_is_refused(f):
    with pytest.raises(db.ClosedFormRequired, match="of symbols has no closed form"):
        on_symbols(f)


def test_the_plain_value_of_a_symbol_is_refused_where_it_is_used():
    with pytest.raises(db.ClosedFormRequired, match="plain value of a symbol"):
        on_symbols(lambda x: x[0] * db.primal(x[0]))

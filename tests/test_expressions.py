"""Sizes of expressions against SymPy's own count, published counts, and closed forms; the product rule as printed."""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from diffbench.expressions import (
    Product,
    ascending_latex,
    distinct_nodes,
    shared_operations,
    sum_latex,
    tree_nodes,
    tree_operations,
)
from diffbench.problems import problem

x, y = sympy.symbols("x y")
SYMPY_OF_THE_COUNTS = sympy.__version__.startswith("1.14")

leaves = st.sampled_from([x, y, sympy.Integer(2), sympy.Integer(-3), sympy.Rational(1, 3), sympy.Rational(-5, 2)])
expressions = st.recursive(
    leaves,
    lambda part: st.one_of(
        st.tuples(part, part).map(lambda pair: pair[0] + pair[1]),
        st.tuples(part, part).map(lambda pair: pair[0] - pair[1]),
        st.tuples(part, part).map(lambda pair: pair[0] * pair[1]),
        st.tuples(part, st.sampled_from([2, 3, -1, -2])).map(lambda pair: (1 + pair[0] ** 2) ** pair[1]),
        part.map(sympy.exp),
        part.map(sympy.sin),
    ),
    max_leaves=8,
)


def logistic(n):
    return problem("logistic_loop").function(x, n)


def by_walking(expression):
    return 1 + sum(by_walking(part) for part in expression.args)


@settings(deadline=None)
@given(expressions)
def test_tree_operations_are_what_sympy_counts_by_walking(expression):
    assert tree_operations(expression) == sympy.count_ops(expression)


@settings(deadline=None)
@given(expressions)
def test_tree_nodes_are_what_a_walk_counts(expression):
    assert tree_nodes(expression) == by_walking(expression)


@settings(deadline=None)
@given(expressions)
def test_distinct_nodes_are_the_set_of_all_subexpressions(expression):
    assert distinct_nodes(expression) == len(set(sympy.preorder_traversal(expression)))


@pytest.mark.skipif(not SYMPY_OF_THE_COUNTS, reason="published counts are of SymPy 1.14")
@pytest.mark.parametrize(
    ("n", "operations", "after_cse", "nodes", "distinct"),
    [
        (2, 2, 2, 5, 5),
        (3, 21, 12, 44, 17),
        (4, 82, 27, 166, 26),
        (5, 264, 45, 530, 36),
        (6, 768, 67, 1538, 47),
        (7, 2096, 93, 4194, 59),
    ],
)
def test_derivative_of_the_logistic_map_has_the_published_sizes(n, operations, after_cse, nodes, distinct):
    slope = sympy.diff(logistic(n), x)
    assert tree_operations(slope) == operations
    assert shared_operations(slope) == after_cse
    assert tree_nodes(slope) == nodes
    assert distinct_nodes(slope) == distinct


def test_a_tree_too_large_to_walk_is_counted_at_once():
    assert tree_operations(logistic(60)) == 5 * 2**58 - 2


def test_product_rule_on_the_lectures_form_gives_the_lectures_terms():
    l4 = Product(64, ((x, 1), (1 - x, 1), (1 - 2 * x, 2), (1 - 8 * x + 8 * x**2, 2)))
    assert sum_latex(l4.derivative(x)) == (
        "128x(1 - x)(-8 + 16x)(1 - 2x)^2(1 - 8x + 8x^{2})"
        " + 64(1 - x)(1 - 2x)^2(1 - 8x + 8x^{2})^2"
        " - 64x(1 - 2x)^2(1 - 8x + 8x^{2})^2"
        " - 256x(1 - x)(1 - 2x)(1 - 8x + 8x^{2})^2"
    )


def test_terms_of_the_product_rule_add_up_to_the_derivative():
    product = Product(sympy.Integer(3), ((x, 2), (1 - x, 3), (1 + x**2, 1)))
    terms = sympy.Add(*(term.expression() for term in product.derivative(x)))
    assert sympy.expand(terms - sympy.diff(product.expression(), x)) == 0


def test_a_coefficient_of_one_is_not_printed():
    assert Product(sympy.Integer(1), ((x, 1),)).latex() == "x"
    assert Product(sympy.Integer(-1), ((1 - x, 2),)).latex() == "-(1 - x)^2"
    assert Product(sympy.Integer(1), ()).latex() == "1"


def test_polynomials_are_printed_with_ascending_powers():
    assert ascending_latex(sympy.expand((1 - 10 * x) * (1 + x))) == "1 - 9x - 10x^{2}"

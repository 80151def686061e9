"""The engine of one page: the same gradients as the real one, nested ones too."""

import inspect

import numpy as np
import pytest

import diffbench as db
from diffbench.lecture import engine
from diffbench.lecture.engine import Box, Graph, Node, grad, toposort
from diffbench.problems import problems

GRADIENTS = [p for p in problems("vector") if p.verb == "gradient" and p.argnum == 0]


@pytest.mark.parametrize("p", GRADIENTS, ids=[p.name for p in GRADIENTS])
@pytest.mark.parametrize("n", [None, 8])
def test_gradients_are_those_of_reverse_mode(p, n):
    x, *rest = p.point(n)
    found, expected = grad(lambda x: p.function(x, *rest))(x), db.gradient(p.function)(x, *rest)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13 * np.max(np.abs(expected)))


def test_nested_gradients_keep_perturbations_apart():
    """f(x) = grad(y -> x y)(x) is x itself: TraceStack's own example."""
    assert grad(lambda x: grad(lambda y: x * y)(x))(5.0) == 1.0
    assert grad(grad(grad(np.sin)))(0.5) == pytest.approx(-np.cos(0.5), rel=1e-15)


def test_a_value_used_twice_gathers_both_paths():
    assert grad(lambda x: x * x)(3.0) == 6.0


@pytest.mark.parametrize("x", [2.0, np.ones(3)])
def test_what_does_not_depend_on_x_has_a_zero_gradient(x):
    assert np.array_equal(grad(lambda x: 3.0)(x), 0.0 * x)


def test_toposort_gives_every_node_once_and_after_all_its_children():
    graph = Graph()
    start = Node()
    x = Box(0.7, graph, start)
    y = np.sin(x) * x
    z = y * np.exp(y) + x
    order = list(toposort(z.node))
    assert len({id(node) for node in order}) == len(order)
    assert order[0] is z.node
    assert order[-1] is start
    place = {node: k for k, node in enumerate(order)}
    assert all(place[node] < place[parent] for node in order for parent in node.parents)


def test_deep_graphs_need_no_recursion():
    def f(x):
        for _ in range(5000):
            x = np.sin(x)
        return x

    assert grad(f)(0.5) == pytest.approx(db.derivative(f)(0.5), rel=1e-10)


def test_it_is_less_than_80_lines():
    lines = [line for line in inspect.getsource(engine).splitlines() if line.strip()]
    assert len(lines) < 80

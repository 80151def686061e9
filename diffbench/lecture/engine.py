"""How Autograd is built: reverse mode in one page, on our table of primitives. The real one is backends/reverse.py.

The names are Autograd's (HIPS/autograd; autodidact): a box around every value, its node in the graph, `vjp`,
`backward_pass`, `toposort`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diffbench.dispatch import TracedArray
from diffbench.primitives.primitive import Primitive, Trace


class Node:
    """One operation of the graph: what was called, what its linearisation needs, and whose results it was called on."""

    def __init__(self, primitive: Primitive | None = None, kept: Any = None, parents: Sequence["Node"] = ()):
        self.primitive, self.kept, self.parents = primitive, kept, parents

    def vjp(self, outgrad: Any) -> Sequence:
        """The cotangents of the parents: the transpose of the local derivative, applied to that of this node."""
        return self.primitive.pull(outgrad, self.kept) if self.primitive else ()


class Box(TracedArray):
    """A value that looks like an array to f, and its node."""

    __slots__ = ("_trace", "node", "primal")

    def __init__(self, primal: Any, trace: "Graph", node: Node):
        self.primal, self._trace, self.node = primal, trace, node


class Graph(Trace):
    """One run of f. NumPy brings every call on a box here; a nested run has a higher level and is served first."""

    def process(self, primitive: Primitive, operands: Sequence, params: dict) -> Any:
        """Unbox, call, and box the result with a node that knows the nodes it came from."""
        ours = [k for k, x in enumerate(operands) if isinstance(x, Box) and x._trace is self]
        values = [x.primal if k in ours else x for k, x in enumerate(operands)]
        y = primitive(*values, **params)  # boxes of outer runs are still boxes: this is how derivatives nest
        if primitive.constant:
            return y
        kept = primitive.keep(y, values, ours, params)
        return Box(y, self, Node(primitive, kept, [operands[k].node for k in ours]))


def toposort(end: Node) -> Iterator[Node]:
    """Every node once, and after all that were computed from it: each waits until its last child has been here."""
    waiting: dict[Node, int] = {}
    stack = [end]
    while stack:
        node = stack.pop()
        waiting[node] = waiting.get(node, 0) + 1
        if waiting[node] == 1:
            stack.extend(node.parents)
    ready = [end]
    while ready:
        yield (node := ready.pop())
        for parent in node.parents:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)


def backward_pass(outgrad: Any, end: Node) -> Any:
    """The cotangent of the node that comes last: the start of the graph."""
    outgrads = {end: outgrad}
    for node in toposort(end):
        outgrad = outgrads.pop(node)
        for parent, part in zip(node.parents, node.vjp(outgrad)):
            outgrads[parent] = outgrads[parent] + part if parent in outgrads else part
    return outgrad


def grad(f: Callable) -> Callable:
    """The gradient of a function of one array with one real result.

    >>> grad(lambda x: np.sum(np.sin(x) * x))(np.array([0.0, 1.0])).round(6)
    array([0.      , 1.381773])
    """

    def gradient(x: Any) -> Any:
        graph = Graph()
        y = f(Box(x, graph, Node()))
        return backward_pass(np.ones_like(y.primal), y.node) if isinstance(y, Box) and y._trace is graph else 0.0 * x

    return gradient

"""A trace as Autograd sees it: nodes with value, fun, args, kwargs and parents, the rules as `defvjp`, the order.

Maclaurin, Duvenaud, Adams 2015; autodidact by Matthew Johnson, whose names these are.
"""

from collections.abc import Callable, Iterator
from typing import Any

from diffbench.errors import UnsupportedPrimitive
from diffbench.lecture.formulas import constant_text, partial_text
from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.tables import StepTable, step_table
from diffbench.primitives import lookup
from diffbench.primitives.kinds import Bilinear, Elementwise, Linear
from diffbench.primitives.primitive import Traced


def autograd_view(walk: WengertList) -> StepTable:
    """One row a node: its value, the function with args and kwargs that gave it, its parents, and the VJP rules used.

    >>> import numpy as np, diffbench as db
    >>> w = db.trace(lambda z: np.exp(-z), 1.5)
    >>> w.autograd_view()[["node", "fun", "args", "parents", "vjp"]]
      node       fun   args parents               vjp
    0    z               ()      []                ()
    1   v1  negative   (z,)     [z]  (g -> g * (-1),)
    2    y       exp  (v1,)    [v1]   (g -> g * (y),)
    """
    rows = []
    for step in walk.steps:
        names = [walk.steps[parent].name for parent in step.parents]
        rows.append(
            {
                "node": step.name,
                "value": step.value,
                "fun": "" if step.entry.primitive is None else fun_name(step.entry.primitive),
                "args": tuple(operand.text for operand in step.operands),
                "kwargs": {key: constant_text(value) for key, value in step.entry.params.items()},
                "parents": names,
                "vjp": tuple(vjp_rule(walk, step, k) for k in range(len(names))),
            }
        )
    return step_table(
        rows, f"{walk.name}: the nodes of Autograd", [step.where and step.where.line for step in walk.steps]
    )


def fun_name(primitive: Any) -> str:
    """The name of a function in Autograd's sense: multiply, not *."""
    return getattr(getattr(primitive, "function", None), "__name__", primitive.name)


def vjp_rule(walk: WengertList, step: Step, edge: int) -> str:
    """The rule that gave a parent its message, as a function of the cotangent g."""
    local = step.partials[edge]
    if local.value is None:
        return f"g -> ({local.text})ᵀ g"
    broadcast = step.shape != walk.steps[local.parent].shape
    return f"g -> unbroadcast(g * ({local.text}))" if broadcast else f"g -> g * ({local.text})"


def defvjp(*functions: Callable) -> StepTable:
    """The rules of the table as Autograd writes them: defvjp(fun, vjp of argument 0, vjp of argument 1, ...).

    Raises UnsupportedPrimitive for a function without a rule of its own.

    >>> import numpy as np
    >>> defvjp(np.exp, np.multiply)["vjp"].tolist()[:2]
    ['lambda ans, x: lambda g: g * (ans)', 'lambda ans, x, y: lambda g: unbroadcast(x, g * (y))']
    """
    rows = []
    for function in functions:
        primitive: Any = lookup(function)
        if not isinstance(primitive, Elementwise | Linear | Bilinear):
            raise UnsupportedPrimitive(
                f"defvjp: {primitive.name} has no rule of a line", hint="its rules stand in diffbench/primitives"
            )
        count = len(primitive.partials) if isinstance(primitive, Elementwise) else 1 + isinstance(primitive, Bilinear)
        names = ["x", "y"][:count] if count < 3 else ["a", "b", "c"]
        for position, name in enumerate(names):
            if isinstance(primitive, Elementwise):
                if not primitive.partials[position]:
                    continue
                product = f"g * ({partial_text(primitive, position, names, 'ans', {})})"
                body = f"unbroadcast({name}, {product})" if count > 1 else product
            else:
                body = f"({partial_text(primitive, position, names, 'ans', {})})ᵀ g"
            rows.append(
                {
                    "function": function.__name__,
                    "argument": position,
                    "vjp": f"lambda ans, {', '.join(names)}: lambda g: {body}",
                }
            )
    return step_table(rows, "The rules, as Autograd writes them")


def toposort(walk: WengertList, end: int) -> Iterator[Step]:
    """The steps that a result depends on, each once, after all of its children: by counting the children still to come.

    This is the order that Autograd computes. A Wengert list needs no search: read backward, it is one such order.
    """
    children: dict[int, int] = {}
    waiting = [end]
    while waiting:
        place = waiting.pop()
        children[place] = children.get(place, 0) + 1
        if children[place] == 1:
            waiting += walk.steps[place].parents
    ready = [end]
    while ready:
        step = walk.steps[ready.pop()]
        yield step
        for parent in step.parents:
            if children[parent] == 1:
                ready.append(parent)
            else:
                children[parent] -= 1


def boxes(x: Any) -> list[tuple[float, str]]:
    """What is around a value inside of nested derivatives, from the outermost box to the plain value.

    Each box has the level of its trace: that of the inner derivative is higher, and is served first.

    >>> import diffbench as db
    >>> seen = []
    >>> def f(x):
    ...     return db.gradient(lambda y: seen.append(boxes(x * y)) or x * y, backend="reverse")(x)
    >>> db.gradient(f, backend="reverse")(5.0), [kind for level, kind in seen[0]]
    (1.0, ['Recorded', 'Recorded', 'float'])
    """
    found = []
    while isinstance(x, Traced):
        found.append((x._trace.level, type(x).__name__))
        x = x.primal
    return [*found, (0, type(x).__name__)]

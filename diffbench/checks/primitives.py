"""A check of one function's derivatives: against differences, and of the two modes against each other."""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.flat import name_of
from diffbench.operators import jvp, vjp
from diffbench.primitives.arrays import shape_of
from diffbench.structure import flatten, map_leaves, unflatten

STEP = np.finfo(float).eps ** (1 / 5)  # the best for central differences of order four, by size
STENCIL = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))


def check_primitive(p: Callable, *args: Any, rtol: float = 1e-6, order: int = 2, seed: int = 0) -> None:
    """Check the derivatives of a primitive, or of any function, at a point and in random directions.

    Its JVP must be the derivative by central differences of order four, and its VJP the transpose of its JVP:
    <u, J v> = <uᵀJ, v>. With order=2 the same must hold of the derivative itself.

    p : the function; every argument must be a number, an array or a container of them, all floats.
    args : the point; away from kinks.
    rtol : the allowed difference, relative to the largest entry.

    Raises AssertionError, naming the entries with the largest difference. Cost: some 20 evaluations of p.

    >>> import numpy as np, diffbench as db
    >>> square = db.primitive(lambda x: x * x, vjp=lambda primals, y, c: 2 * primals[0] * c)
    >>> db.checks.check_primitive(square, np.array([0.5, 2.0]))
    >>> wrong = db.primitive(lambda x: x * x, vjp=lambda primals, y, c: primals[0] * c)
    >>> db.checks.check_primitive(wrong, np.array([0.5, 2.0]))
    Traceback (most recent call last):
    AssertionError: the jvp of <lambda> is not the derivative by differences
      entry (1,): ... instead of ...
    """
    rng = np.random.default_rng(seed)
    argnum = tuple(range(len(args)))
    direction = tuple(map_leaves(lambda x: rng.uniform(-1, 1, np.shape(x))[()], arg) for arg in args)
    name = name_of(p)

    def along(step: float) -> list:
        moved = [_combined(arg, d, step) for arg, d in zip(args, direction)]
        return [np.asarray(leaf, float) for leaf in flatten(p(*moved))[0]]

    size = max([float(np.max(np.abs(leaf), initial=0.0)) for leaf in flatten(args)[0]] + [0.25])
    h = STEP * max(size, 1.0)
    images = [(weight, along(k * h)) for k, weight in STENCIL]
    expected = [sum(weight * image[i] for weight, image in images) / h for i in range(len(images[0][1]))]
    pushed = jvp(p, argnum=argnum, backend="forward")(*args, direction)
    _compare(f"the jvp of {name} is not the derivative by differences", flatten(pushed)[0], expected, rtol)

    weights = map_leaves(lambda y: rng.uniform(-1, 1, np.shape(y))[()], p(*args))
    pulled = vjp(p, argnum=argnum, backend="reverse")(*args, weights)
    left, right = _inner(weights, pushed), _inner(pulled, direction)
    if not abs(left - right) <= 1e-9 * (1 + abs(left)):
        raise AssertionError(
            f"the vjp of {name} is not the transpose of its jvp\n  <u, J v> = {left:.12g}, but <uJ, v> = {right:.12g}"
        )
    if order > 1:

        def slope(*point: Any) -> Any:
            return jvp(p, argnum=argnum, backend="forward")(*point, direction)

        slope.__qualname__ = f"the derivative of {name}"
        check_primitive(slope, *args, rtol=100 * rtol, order=order - 1, seed=seed + 1)


def _combined(x: Any, v: Any, step: float) -> Any:
    """x + step v, leaf by leaf."""
    leaves, structure = flatten(x)
    return unflatten(structure, [a + step * b for a, b in zip(leaves, flatten(v)[0])])


def _inner(a: Any, b: Any) -> float:
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(flatten(a)[0], flatten(b)[0], strict=True)))


def _compare(message: str, found: list, expected: list, rtol: float) -> None:
    """Raise AssertionError with the worst entry, NaN being the worst of all."""
    for leaf, truth in zip(found, expected, strict=True):
        if shape_of(leaf) != shape_of(truth):
            raise AssertionError(f"{message}\n  its shape is {shape_of(leaf)} instead of {shape_of(truth)}")
        difference = np.abs(np.asarray(leaf) - truth)
        allowed = rtol * (1 + float(np.max(np.abs(truth), initial=0.0)))
        if not np.all(difference <= allowed):
            worst = np.unravel_index(
                int(np.argmax(np.where(np.isnan(difference), np.inf, difference))), np.shape(truth)
            )
            entry = tuple(int(k) for k in worst)
            raise AssertionError(
                f"{message}\n  entry {entry}: {np.asarray(leaf)[entry]:.9g} instead of {np.asarray(truth)[entry]:.9g}"
            )

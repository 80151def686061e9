"""Where a derivative is checked: the user's point, and random ones around it; none of them on a kink."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diffbench.structure import flatten, map_leaves, unflatten

FAR, NEAR = 2.0**16, 2.0**8  # eps, of the scale of each entry
SMOOTH = 8.0  # a smooth function changes 256 times less over the smaller distance; a kink or a jump stays


def around(args: tuple, argnums: Sequence[int], radius: float, rng: np.random.Generator) -> tuple:
    """The arguments with each differentiated entry moved at random by up to `radius` of its own scale."""
    return moved(args, argnums, lambda x: radius * rng.uniform(-1, 1, np.shape(x)))


def moved(args: tuple, argnums: Sequence[int], shift: Callable[[np.ndarray], Any]) -> tuple:
    """The arguments with `shift(x)`, in units of the scale of each entry, added to each differentiated leaf x."""
    return tuple(
        [map_leaves(lambda x: _moved_leaf(x, shift), arg) if k in argnums else arg for k, arg in enumerate(args)]
    )


def _moved_leaf(leaf: Any, shift: Callable) -> Any:
    x = np.asarray(leaf)
    y = x if x.dtype.kind == "f" else x.astype(float)
    y = (y + (shift(y) * scale_of(y)).astype(y.dtype)).astype(y.dtype)
    return y if isinstance(leaf, np.ndarray) else float(y) if isinstance(leaf, float | int) else y[()]


def scale_of(x: np.ndarray) -> np.ndarray:
    """The size of each entry; for a zero that of the largest one, and 1 where all are zero.

    >>> scale_of(np.array([3.0, -0.5, 0.0]))
    array([3. , 0.5, 3. ])
    """
    size = np.abs(x)
    return np.where(size > 0, size, np.max(size, initial=0.0) or 1.0)


def signs(args: tuple, argnums: Sequence[int], rng: np.random.Generator) -> Callable[[float], tuple]:
    """A direction that moves every entry, as a function of how far to go: distance -> arguments."""
    drawn = [
        [
            rng.choice([-1.0, 1.0], np.shape(leaf)) * rng.uniform(0.5, 1.0, np.shape(leaf))
            for leaf in flatten(args[k])[0]
        ]
        for k in argnums
    ]

    def along(distance: float) -> tuple:
        result = list(args)
        for k, directions in zip(argnums, drawn):
            leaves, structure = flatten(args[k])
            there = [_moved_leaf(leaf, lambda _, d=d: distance * d) for leaf, d in zip(leaves, directions)]
            result[k] = unflatten(structure, there)
        return tuple(result)

    return along


def gaps(
    evaluate: Callable[[tuple], list[np.ndarray]], along: Callable[[float], tuple], eps: float
) -> tuple[list, list]:
    """How much a function changes across a point, over the larger and over the smaller distance."""
    with np.errstate(all="ignore"):
        far, near = (
            [np.abs(a - b) for a, b in zip(evaluate(along(t * eps)), evaluate(along(-t * eps)), strict=True)]
            for t in (FAR, NEAR)
        )
    return far, near


def breaks(far: Sequence[np.ndarray], near: Sequence[np.ndarray], sizes: Sequence[float]) -> bool:
    """Whether what changes across a point does not shrink with the distance, as it would for a smooth function."""
    return any(bool(np.any((b > a / SMOOTH) & (b > 1e-9 * size))) for a, b, size in zip(far, near, sizes, strict=True))


def unit_directions(structured: Any, most: int) -> Iterator[Any]:
    """The directions along single entries of a container of numbers; none when there are more than `most`."""
    leaves, structure = flatten(structured)
    if sum(np.size(leaf) for leaf in leaves) > most:
        return
    for i, leaf in enumerate(leaves):
        for place in range(np.size(leaf)):
            zeros = [np.zeros(np.shape(other), np.asarray(other).dtype) for other in leaves]
            zeros[i].flat[place] = 1.0
            yield unflatten(structure, [z[()] for z in zeros])


def random_direction(structured: Any, rng: np.random.Generator) -> Any:
    """A direction in which no entry is small and no two are alike."""
    return map_leaves(lambda x: (rng.choice([-1, 1], np.shape(x)) * rng.uniform(0.5, 1.5, np.shape(x)))[()], structured)

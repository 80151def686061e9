"""The user's function as a diagnosis looks at it: a real function of one vector, with its derivatives."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from diffbench.backends.base import Differentiator
from diffbench.errors import ArgumentError
from diffbench.flat import FlatFunction, name_of
from diffbench.operators import gradient
from diffbench.testing.points import FAR, NEAR
from diffbench.verbs import asked_argnums, positions

WIDE = 2.0**-6  # of the size of each entry: far enough to see how large f is, also where f(x) is 0


class View:
    """f as a function of the entries of its differentiated arguments; several results are weighted at random.

    A kink, a jump or noise in any entry of the result shows in the weighted sum of all.

    far, near : the distances, in units of `scale`, at which a diagnosis looks at both sides of x.
    size : how large f is at x or nearby.
    notable : the share of a size from which on a difference counts, 1e-6 in float64.
    """

    def __init__(self, f: Callable, args: tuple, kwargs: dict, argnum: int | tuple[int, ...], seed: int = 0):
        argnums = positions(asked_argnums(argnum, "diagnose"), args, "diagnose", f)
        self.function, self.name = FlatFunction("diagnose", f, args, kwargs, argnums, False, False), name_of(f)
        leaves = [np.asarray(leaf) for leaf in self.function.take_apart()]
        self.shapes = [leaf.shape for leaf in leaves]
        self.x = np.concatenate([np.ravel(leaf) for leaf in leaves] or [np.zeros(0)])
        if not self.x.size:
            raise ArgumentError(f"diagnose: the differentiated arguments of {self.name} have no entries")
        self.eps = float(np.finfo(self.x.dtype).eps)
        self.notable = self.eps**0.383
        self.rng = np.random.default_rng(seed)
        self.weights: list | None = None
        self.value(self.x)  # the shapes of the results, once and for all
        self.scale = np.where(self.x == 0, np.max(np.abs(self.x)) or 1.0, np.abs(self.x)).astype(self.x.dtype)
        self.far, self.near = FAR * self.eps, NEAR * self.eps
        (d,) = self.directions(1)
        around = [abs(self.value(self.x + t * d)) for t in (0.0, WIDE, -WIDE)]
        self.size = max([y for y in around if np.isfinite(y)] + [float(np.finfo(float).tiny)])

    def __call__(self, z: Any) -> Any:
        """The value at a vector, plain or traced."""
        pieces, start = [], 0
        for shape in self.shapes:
            size = int(np.prod(shape))
            pieces.append(z[start : start + size].reshape(shape) if shape else z[start])
            start += size
        results = self.function(pieces)
        if self.weights is None:
            shapes = [np.shape(y) for y in results]
            one = len(shapes) == 1 and shapes[0] == ()
            self.weights = [1.0 if one else self.rng.uniform(0.5, 1.5, shape) for shape in shapes]
        total: Any = 0.0
        for weight, y in zip(self.weights, results):
            total = total + (np.sum(weight * y) if np.shape(weight) else weight * y)
        return total

    def value(self, z: np.ndarray) -> float:
        """The value at a vector; f gets a copy."""
        with np.errstate(all="ignore"):
            return float(self(z.copy()))

    def gradient(self, z: np.ndarray, backend: str | Differentiator = "reverse") -> np.ndarray:
        """All slopes at a vector by some method."""
        with np.errstate(all="ignore"):
            return np.asarray(gradient(self, backend=backend)(z.copy()), float)

    def directions(self, count: int) -> Iterator[np.ndarray]:
        """Directions that move every entry by about its own size, drawn at random."""
        for _ in range(count):
            signs = self.rng.choice([-1.0, 1.0], self.x.shape)
            yield (signs * self.rng.uniform(0.5, 1.0, self.x.shape) * self.scale).astype(self.x.dtype)

    def axis(self, entry: int) -> np.ndarray:
        """The direction of one entry, of length 1."""
        return (np.arange(self.x.size) == entry).astype(self.x.dtype)

    def entry_name(self, entry: int) -> str:
        """What a sentence calls an entry."""
        if self.x.size == 1:
            return "x"
        if len(self.shapes) == 1:
            index = [int(k) for k in np.unravel_index(entry, self.shapes[0])]
            return f"x[{', '.join(map(str, index))}]"
        return f"entry {entry} of all"

"""Libraries that take differences of a function of one vector: f itself runs, on plain arrays, and is not traced."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from diffbench.backends.adapters.foreign import nested
from diffbench.backends.base import Differentiator, FlatFunction, push_blocks, settle_aux, slices_of
from diffbench.errors import ArgumentError, UnsupportedVerb
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.primitive import Traced


class VectorAdapter(Differentiator):
    """A library of differences. Subclasses give `jacobian_of` and `hessian_of`, each at a float64 vector."""

    method = "numerical"
    finite: ClassVar[bool] = False  # whether the library breaks down where the argument is infinite or NaN

    def jacobian_of(self, f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The Jacobian, (m, n), of a function of vectors (n,) -> (m,) whose value at x is y."""
        raise NotImplementedError

    def hessian_of(self, f: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
        """The Hessian, (n, n), of a function (n,) -> float."""
        raise NotImplementedError

    def jacobian(self, function, point):
        x, f = self._flat(function, point)
        values = function(_copied(point))
        shapes = [shape_of(self._plain(value)) for value in values]
        rows = slices_of(values)
        m = rows[-1].stop if rows else 0
        matrix = np.zeros((m, x.size))
        if m and x.size:
            y = np.concatenate([np.ravel(value) for value in values]).astype(float)
            matrix = np.reshape(self.jacobian_of(f, x, y), matrix.shape)
        settle_aux(function, point)
        return values, [
            [np.reshape(matrix[row, column], shape + shape_of(leaf)) for column, leaf in zip(slices_of(point), point)]
            for row, shape in zip(rows, shapes)
        ]

    def hessian(self, function, point):
        _, (gradient,) = self.jacobian(function, point)
        x, f = self._flat(function, point)
        matrix = self.hessian_of(lambda x: float(f(x)[0]), x) if x.size else np.zeros((0, 0))
        settle_aux(function, point)
        places = list(zip(slices_of(point), point))
        return gradient, [
            [np.reshape(matrix[row, column], shape_of(a) + shape_of(b)) for column, b in places] for row, a in places
        ]

    def hvp(self, function, point, directions, batch=False):
        gradient, blocks = self.hessian(function, point)
        return push_blocks(gradient, blocks, directions, batch)

    def _flat(self, function: FlatFunction, point: Sequence) -> tuple[np.ndarray, Callable]:
        """All entries of the argument as one vector, and f from such vectors to that of all entries of its result."""
        for leaf in point:
            if isinstance(leaf, Traced):
                raise nested(self.name)
            if dtype_of(leaf) == np.longdouble and np.longdouble != np.float64:
                raise UnsupportedVerb(
                    f"{self.name} computes in float64, and found {dtype_of(leaf)}",
                    why="the digits beyond would be lost",
                    hint="use the backend 'finite-central', or convert the argument to float64",
                )
        x = np.concatenate([np.ravel(leaf) for leaf in point]).astype(float) if point else np.zeros(0)
        if self.finite and not np.all(np.isfinite(x)):
            raise ArgumentError(
                f"{self.name} cannot take differences where the argument is infinite or NaN",
                hint="use the backend 'forward', 'reverse' or 'finite-central'",
            )
        places = [(place, shape_of(leaf)) for place, leaf in zip(slices_of(point), point)]

        def f(x: np.ndarray) -> np.ndarray:
            results = function([np.reshape(x[place], shape).astype(float)[()] for place, shape in places])
            return np.concatenate([np.ravel(self._plain(result)) for result in results])

        return x, f

    def _plain(self, result: Any) -> Any:
        if isinstance(result, Traced):
            raise nested(self.name)
        return result


def _copied(point: Sequence) -> list:
    return [x.copy() if x.__class__ is np.ndarray else x for x in point]

"""Complex step: f(x + ih) has the derivative in its imaginary part, without subtraction and so without cancellation.

    f'(x) = Im f(x + ih) / h + O(h²)        Lyness & Moler 1967; Squire & Trapp 1998; Martins, Sturdza & Alonso 2003

The step can be so small that truncation vanishes, and the derivative is right to the last digits. f must be analytic on
its path; complex_step_trace.py sees to that.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from diffbench.backends.base import (
    Differentiator,
    FlatFunction,
    end_trace,
    jacobian_by_columns,
    one_by_one,
    settle_aux,
    size_of,
    slices_of,
    stack,
)
from diffbench.backends.complex_step_trace import ComplexStepped, ComplexTrace
from diffbench.captured import Repeatable, equal, not_repeatable
from diffbench.errors import ArgumentError, UnsupportedVerb
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.complex_numbers import IMAGINARY, REAL, TO_COMPLEX
from diffbench.primitives.kinds import shape_of
from diffbench.traced_values import primal

DIAGONAL = (1 + 1j) / math.sqrt(2)  # the square root of i


class ComplexStep(Differentiator):
    """Complex step: one evaluation of f on complex numbers for each direction; a gradient takes n.

    step : how far the entries move along the imaginary axis. The default is eps/4096 of the dtype (5e-20 for float64),
        times |x| for entries below 1, and a power of two, so that multiplying and dividing by it is exact.
    branches : "refuse" raises NotAnalytic where f compares values, or takes abs, max or floor of them. "real" decides
        by the real parts: right where f is analytic on each side of the branch, as abs(x) is away from 0.

    Accuracy: first derivatives to a few eps. Second derivatives take steps of eps**(1/5) along the square root of i,
    where two of them cancel all but the second derivative (Lai & Crassidis 2008): right to about eps**(4/5), or 1e-12.
    For second derivatives to the last digits, nest: db.jacobian(db.gradient(f), backend="complex-step").

    >>> value, slope = ComplexStep().gradient(lambda leaves: [np.exp(leaves[0])], [0.0])
    >>> float(slope[0])
    1.0
    """

    name, method, cost = "complex-step", "numerical", "n evaluations of f on complex numbers"
    options = ("step", "branches")
    accuracy = (1e-14, 1e-11)

    def __init__(self, step: float | None = None, branches: str = "refuse"):
        super().__init__()
        if step is not None and not (isinstance(step, int | float | np.floating) and 0 < step < math.inf):
            raise ArgumentError(
                f"complex-step: step={step!r}, expected a positive finite number", hint="leave it out, or step=1e-20"
            )
        if branches not in ("refuse", "real"):
            raise ArgumentError(f"complex-step: branches={branches!r}", hint="branches='refuse' or branches='real'")
        self.step, self.branches = step, branches
        if branches == "refuse":
            self.limits = {"branches": "complex numbers have no order"}

    def evaluations(self, verb: str, n: int = 1) -> int:
        """The number of evaluations of f that a verb needs for n > 0 entries in the differentiated arguments.

        All are on complex numbers, but for the one that linearize makes. "push" and "pull" are calls of what linearize
        and pullback return; of a batch, each direction costs as much as it would alone.

        >>> ComplexStep().evaluations("gradient", n=10)
        10
        """
        counts = {
            **dict.fromkeys(("gradient", "value_and_gradient", "jacobian", "vjp", "pullback"), n),
            **dict.fromkeys(("derivative", "jvp", "linearize", "push"), 1),
            "pull": 0,
            "hessian": n * (n + 1),
            "hvp": 4 * n,
        }
        if verb not in counts:
            raise UnsupportedVerb(f"evaluations: there is no verb {verb!r}", hint=f"one of {', '.join(counts)}")
        return counts[verb]

    def jvp(self, function, point, tangents, batch=False):
        """The values and their tangents, from one evaluation of f a direction."""
        if batch:
            values, push = self._pushing(function, point)
            if not shape_of(tangents[0])[0]:
                values[:] = _real_run(function, point)
            return values, push(tangents, batch)
        t = self._distance(point, tangents)
        results = self._run(function, point, [1j * t * TO_COMPLEX(tangent) for tangent in tangents])
        values, pushed = [REAL(y) for y in results], [IMAGINARY(y) / t for y in results]
        if point and all(dtype_of(x) == np.float16 for x in point):  # NumPy has no complex numbers of that size
            values, pushed = ([y.astype(np.float16) for y in ys] for ys in (values, pushed))
        return values, pushed

    def linearize(self, function, point):
        """The values, from a real evaluation of f, and push(tangents): a complex evaluation each."""

        repeatable, values = Repeatable(function), _real_run(function, point)

        def push(tangents: Sequence, batch: bool = False) -> list:
            pushed = self.jvp(function, point, tangents, batch)[1]
            repeatable.check(values, lambda: _real_run(function, point))
            return pushed

        return values, push

    def jacobian(self, function, point):
        """The values and the blocks, from one evaluation of f for each entry."""
        if not any(map(size_of, point)):
            values = _real_run(function, point)
            return values, jacobian_by_columns(values, lambda *_, **__: [], point)
        values, push = self._pushing(function, point)
        blocks = jacobian_by_columns(values, push, point)
        return values, blocks

    def hessian(self, function, point):
        """The gradient and the Hessian, by two evaluations of f for each pair of entries."""
        h = _wide_steps(point)
        n, axes = len(h), np.diag(h)
        repeatable = Repeatable(function)
        along = [self._slope_and_curvature(function, point, axis) for axis in axes]
        entries: list[list] = [[curvature] * n for _, curvature in along]
        for i, j in combinations(range(n), 2):
            _, both = self._slope_and_curvature(function, point, axes[i] + axes[j])
            entries[i][j] = entries[j][i] = (both - along[i][1] - along[j][1]) / 2
        matrix = np.reshape(stack([entry for row in entries for entry in row]), (n, n)) / np.outer(h, h)
        gradient = stack([slope for slope, _ in along]) / h
        if n:
            repeatable.check(along[0], lambda: self._slope_and_curvature(function, point, axes[0]))
        settle_aux(function, point)
        places = list(zip(slices_of(point), point, strict=True))
        return _leaves(gradient, point), [
            [np.reshape(matrix[rows, columns], shape_of(x) + shape_of(y)) for columns, y in places]
            for rows, x in places
        ]

    def hvp(self, function, point, directions, batch=False):
        """The product of the Hessian with a direction v: for each entry e, curvatures along e + v and e - v."""
        if batch:
            return one_by_one(partial(self.hvp, function, point), directions, point)
        h = _wide_steps(point)
        v = np.concatenate([np.ravel(direction) for direction in directions])
        t = _furthest([h], [v])
        products: list = []
        repeatable, first = Repeatable(function), None
        for axis in np.diag(h):
            found = self._slope_and_curvature(function, point, axis + t * v)
            _, behind = self._slope_and_curvature(function, point, axis - t * v)
            first = first or (axis + t * v, found)
            products.append((found[1] - behind) / (4 * t))
        if first:
            repeatable.check(first[1], lambda: self._slope_and_curvature(function, point, first[0]))
        settle_aux(function, point)
        return _leaves(stack(products) / h, point)

    def _run(self, function: FlatFunction, point: Sequence, shifts: Sequence) -> list:
        """The complex results of f at a point shifted in the complex plane."""
        trace = ComplexTrace(self.branches)
        results = function([ComplexStepped(TO_COMPLEX(x) + d, trace) for x, d in zip(point, shifts, strict=True)])
        end_trace(trace, results)
        ours = [isinstance(y, ComplexStepped) and y._trace is trace for y in results]
        return [y.values if flag else TO_COMPLEX(y) for y, flag in zip(results, ours, strict=True)]

    def _pushing(self, function: FlatFunction, point: Sequence) -> tuple[list, Callable]:
        """The values, which are there after the first push, and push(tangents, batch): one evaluation a direction."""
        values: list = []

        def push_one(tangents: Sequence) -> list:
            found, pushed = self.jvp(function, point, tangents)
            if values and not all(map(equal, values, found)):
                raise not_repeatable(function)
            values[:] = found
            return pushed

        def push(tangents: Sequence, batch: bool) -> list:
            return one_by_one(push_one, tangents, values) if batch else push_one(tangents)

        return values, push

    def _slope_and_curvature(self, function: FlatFunction, point: Sequence, d: Any) -> tuple[Any, Any]:
        """The first and second derivative of a scalar function along a vector d of all entries.

        With z² = i, f(x ± zd) = f ± z f' + i f"/2 ± iz f‴/6 - ... in derivatives along d. The sum of both has f" alone
        in its imaginary part; in the real plus the imaginary part of their difference f‴ cancels.
        """
        leaves = zip(_leaves(d, point), point, strict=True)
        shifts = [DIAGONAL * TO_COMPLEX(np.astype(leaf, dtype_of(x), copy=False)) for leaf, x in leaves]
        (right,) = self._run(function, point, shifts)
        (left,) = self._run(function, point, [-shift for shift in shifts])
        difference = right - left
        return (REAL(difference) + IMAGINARY(difference)) / math.sqrt(8), IMAGINARY(right + left)

    def _distance(self, point: Sequence, tangents: Sequence) -> float:
        """How far to go along tangents so that no entry moves further than its step."""
        if self.step is not None:
            return _furthest([self.step] * len(point), tangents)
        eps, steps = _eps(point), []
        for x in point:
            size = np.abs(np.asarray(primal(x)))
            scale = np.where(size == 0, 1.0, np.minimum(size, 1.0))
            steps.append(np.maximum(eps / 4096 * scale, np.finfo(size.dtype).tiny / eps))
        return _power_of_two(_furthest(steps, tangents))


def _real_run(function: FlatFunction, point: Sequence) -> list:
    """The values of f, which gets copies of its arguments."""
    return function([x.copy() if x.__class__ is np.ndarray else x for x in point])


def _eps(point: Sequence) -> float:
    """The machine epsilon of the coarsest argument."""
    return max([float(np.finfo(dtype_of(x)).eps) for x in point], default=1.0)


def _wide_steps(point: Sequence) -> np.ndarray:
    """The step of each entry for second derivatives, between truncation h⁴ and round-off eps/h."""
    x = np.concatenate([np.ravel(primal(leaf)) for leaf in point]) if point else np.zeros(0)  # as of an empty dict
    return _eps(point) ** 0.2 * np.where(x == 0, x.dtype.type(1), np.maximum(np.abs(x), 0.25))


def _furthest(steps: Sequence, tangents: Sequence) -> float:
    """The distance along tangents at which the first entry has made its step; 1 where nothing moves."""
    distances = []
    for step, tangent in zip(steps, tangents, strict=True):
        speed = np.abs(np.asarray(primal(tangent)))
        if np.any(moving := speed != 0):
            distances.append(np.min(np.broadcast_to(step, speed.shape)[moving] / speed[moving]))
    t = float(np.min(distances)) if distances else 1.0
    return t if t else 1.0


def _power_of_two(t: float) -> float:
    """The power of two below t, so that multiplying and dividing by it is exact."""
    return math.ldexp(0.5, math.frexp(t)[1]) if math.isfinite(t) else t


def _leaves(vector: Any, point: Sequence) -> list:
    """A vector of all entries in the shapes of the arguments."""
    return [np.reshape(vector[place], shape_of(x)) for place, x in zip(slices_of(point), point, strict=True)]

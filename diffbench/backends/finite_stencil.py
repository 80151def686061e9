"""Finite-difference stencils with exact weights: where to evaluate f, and how to combine the values.

The weights come out of Fornberg's recurrence in rational numbers. B. Fornberg, Generation of finite difference formulas
on arbitrarily spaced grids, Mathematics of Computation 51 (1988) 699-706.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from math import factorial
from typing import Any

import numpy as np

from diffbench.primitives.arrays import sum_of


def fornberg_weights(offsets: Sequence[int | Fraction], derivative: int) -> list[Fraction]:
    """The weights w with f⁽ᵐ⁾(0) ≈ Σ w·f(offset), exact for polynomials of degree below the number of offsets.

    Offsets are distinct and more than m. The recurrence admits one offset after the other.

    >>> [str(w) for w in fornberg_weights([-2, -1, 0, 1, 2], 1)]
    ['1/12', '-2/3', '0', '2/3', '-1/12']
    """
    rows = [[Fraction(0)] * (derivative + 1) for _ in offsets]  # rows[j][m]: weight of offset j in the m-th derivative
    rows[0][0] = Fraction(1)
    so_far = Fraction(1)  # the product of the distances from the newest offset to all before it
    for n in range(1, len(offsets)):
        new, last = Fraction(offsets[n]), Fraction(offsets[n - 1])
        distances = [new - offset for offset in offsets[:n]]
        product = Fraction(1)
        for distance in distances:
            product *= distance
        before = rows[n - 1]
        rows[n] = [
            so_far / product * ((m * before[m - 1] if m else 0) - last * before[m]) for m in range(derivative + 1)
        ]
        for row, distance in zip(rows[:n], distances, strict=True):
            row[:] = [(new * row[m] - (m * row[m - 1] if m else 0)) / distance for m in range(derivative + 1)]
        so_far = product
    return [row[derivative] for row in rows]


@dataclass(frozen=True)
class Stencil:
    """An approximation of the m-th derivative at 0 from values at multiples of the step, with an error O(step**order).

    `differences` holds pairs (i, j): the approximation is Σ weight(i)·(f(i·h) - f(j·h)) / h**m. Values are subtracted
    before they are weighted, because that subtraction of neighbours is exact.
    """

    derivative: int
    order: int
    weights: Mapping[int, Fraction]
    differences: tuple[tuple[int, int], ...]

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """The multiples of the step at which f is evaluated, in ascending order."""
        return tuple(sorted({offset for pair in self.differences for offset in pair}))

    @cached_property
    def reach(self) -> int:
        """The largest multiple of the step."""
        return max(map(abs, self.offsets))

    @property
    def truncation(self) -> Fraction:
        """The constant c of the truncation error c·|f^(m+order)|·h**order.

        >>> str(central(4).truncation)
        '1/30'
        """
        degree = self.derivative + self.order
        return abs(sum(w * offset**degree for offset, w in self.weights.items())) / Fraction(factorial(degree))

    @property
    def amplification(self) -> Fraction:
        """The constant W of the round-off error W·u·|f| / h**m, u being the relative error of f: the sum of |weights|.

        >>> str(central(4).amplification)
        '3/2'
        """
        return Fraction(sum(map(abs, self.weights.values())))

    def combine(self, sample: Callable[[int], Sequence]) -> list:
        """Σ weight·(sample(i) - sample(j)), result by result; `sample` gives the list of results at an offset."""
        at = {offset: sample(offset) for offset in self.offsets}
        return [
            sum_of([self._weight(i, at[i][k]) * (at[i][k] - at[j][k]) for i, j in self.differences])
            for k in range(len(at[self.offsets[0]]))
        ]

    def _weight(self, offset: int, value: Any) -> Any:
        """A weight that leaves the dtype of a value alone, and does not spoil the digits of a longdouble."""
        if getattr(value, "dtype", None) == np.longdouble:
            weight = self.weights[offset]
            return np.longdouble(weight.numerator) / np.longdouble(weight.denominator)
        return self._doubles[offset]

    @cached_property
    def _doubles(self) -> dict[int, float]:
        return {offset: float(weight) for offset, weight in self.weights.items()}


@cache
def central(order: int, derivative: int = 1) -> Stencil:
    """The narrowest stencil around 0 of an even order: on -order/2 ... order/2 for the first and the second derivative.

    >>> {offset: str(w) for offset, w in central(2).weights.items()}
    {-1: '-1/2', 1: '1/2'}
    >>> {offset: str(w) for offset, w in central(2, derivative=3).weights.items()}
    {-2: '-1/2', -1: '1', 1: '-1', 2: '1/2'}
    """
    half = (order + derivative - 1) // 2
    return _symmetric(derivative, order, range(-half, half + 1))


@cache
def extrapolated(columns: int) -> Stencil:
    """What Richardson's extrapolation makes of central differences at the steps 1, 2, 4, ...: order 2·columns.

    >>> {offset: str(w) for offset, w in extrapolated(2).weights.items()}
    {-2: '1/12', -1: '-2/3', 1: '2/3', 2: '-1/12'}
    """
    powers = [2**i for i in range(columns)]
    return _symmetric(1, 2 * columns, [*(-k for k in reversed(powers)), 0, *powers])


def _symmetric(derivative: int, order: int, offsets: Sequence[int]) -> Stencil:
    """Opposite values are subtracted for odd derivatives; for even ones, the value in the middle from the others."""
    weights = _nonzero_weights(offsets, derivative)
    differences = [(k, -k) for k in weights if k > 0] if derivative % 2 else [(k, 0) for k in weights if k]
    return Stencil(derivative, order, weights, tuple(differences))


@cache
def one_sided(order: int, derivative: int = 1, direction: int = 1) -> Stencil:
    """The stencil on 0 ... order + derivative - 1, to the right (direction 1) or to the left (-1).

    >>> {offset: str(w) for offset, w in one_sided(2).weights.items()}
    {0: '-3/2', 1: '2', 2: '-1/2'}
    """
    weights = _nonzero_weights([direction * k for k in range(order + derivative)], derivative)
    return Stencil(derivative, order, weights, tuple([(k, 0) for k in weights if k]))


def _nonzero_weights(offsets: Sequence[int], derivative: int) -> dict[int, Fraction]:
    return {k: weight for k, weight in zip(offsets, fornberg_weights(offsets, derivative), strict=True) if weight}

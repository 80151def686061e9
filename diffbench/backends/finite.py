"""Finite differences: f at neighbouring points, subtracted and divided.  Fornberg 1988; Nocedal & Wright 2006, §8.1.

For the m-th derivative by a stencil of order p, the default step balances truncation, h**p, and round-off, eps/h**m:

    h = eps**(1/(p+m)) · scale        for each entry of x, with scale = max(|x|, 1/4), or 1 where x is 0

with the larger eps of the dtypes of x and f(x), or `noise` where that is larger. It is the optimum where f and its
derivatives are of one size on that scale. For arguments that live on another, give `step`, as a number or as the name
of a selector (finite_step_selection.py) that looks at f. Steps are rounded to what the floating-point numbers around x
can represent, so that (x + h) - x is h.

All is plain NumPy around f, so that f and x may be traced: differences of automatic derivatives work, and automatic
derivatives of differences.
"""

import math
from collections.abc import Sequence
from functools import cache, partial
from itertools import combinations
from typing import Any

import numpy as np

from diffbench.backends.base import Differentiator, FlatFunction, one_by_one, slices_of, stack
from diffbench.backends.finite_line import Chosen, Line
from diffbench.backends.finite_neighbourhood import Entry, Neighbourhood, as_scalar
from diffbench.backends.finite_stencil import Stencil, central, one_sided
from diffbench.backends.finite_step_selection import SELECTORS, fixed, selector_called
from diffbench.backends.finite_steps import distance_along, moving_together, representable, scale_of
from diffbench.errors import ArgumentError, StepNotFound, UnsupportedVerb
from diffbench.primitives.arrays import shape_of, sum_of
from diffbench.traced_values import primal


class FiniteDifference(Differentiator):
    """What forward, backward and central differences share; subclasses choose the stencils.

    order : the power of the step in the truncation error.
    step : one absolute step for every entry, in place of the default; or the name of a selector, which chooses a step
        for each entry, by further evaluations of f, and for each direction of a JVP. It chooses for first derivatives
        only. With a number or the default, a direction is followed so far that no entry moves further than its step.
    noise : the relative error of f, where it is larger than rounding: of an integrator or a solver with a tolerance.
    """

    method = "numerical"
    options = ("order", "step", "noise")

    def __init__(self, order: int, step: float | str | None = None, noise: float | None = None):
        super().__init__()
        self.order, self.step, self.noise = self._checked_order(order), self._checked_step(step), noise
        self._selector = selector_called(step, self.name, self.order) if isinstance(step, str) else None
        if noise is not None and not (isinstance(noise, float) and 0 < noise < 1):
            raise ArgumentError(
                f"{self.name}: noise={noise!r}, expected a float between 0 and 1",
                why="it is the relative error of f",
                hint="leave it out where f is as exact as its dtype",
            )

    def stencil(self, derivative: int) -> Stencil:
        """The stencil for the first or the second derivative."""
        raise NotImplementedError

    def evaluations(self, verb: str, n: int = 1) -> int:
        """The number of evaluations of f that a verb needs for n entries in the differentiated arguments.

        The one at x itself, which gives the value, counts. "push" and "pull" are calls of what linearize and pullback
        return. Of a batch, each direction costs as much as it would alone, less the evaluation at x.

        >>> FiniteCentral().evaluations("gradient", n=10), FiniteForward().evaluations("gradient", n=10)
        (21, 11)
        """
        p, pairs = self.order, n * (n - 1) // 2
        counts = {
            **dict.fromkeys(("gradient", "value_and_gradient", "jacobian", "vjp", "pullback"), 1 + p * n),
            **dict.fromkeys(("derivative", "jvp"), 1 + p),
            "linearize": 1,
            "push": p,
            "pull": 0,
            "hessian": 1 + (len(self.stencil(2).offsets) - 1) * n + p * p * pairs,
            "hvp": (1 + p) * (1 + p * n) if 0 in self.stencil(1).offsets else 1 + p * p * n,
        }
        if verb not in counts:
            raise UnsupportedVerb(f"evaluations: there is no verb {verb!r}", hint=f"one of {', '.join(counts)}")
        if self._selector:
            raise UnsupportedVerb(
                f"evaluations: step={self.step!r} takes as many as it needs",
                hint="chosen_steps(function, point) says how many they were",
            )
        return counts[verb]

    def chosen_steps(self, function: FlatFunction, point: Sequence) -> list[dict[str, Any]]:
        """The step that `jacobian` takes for each entry of each argument, and what it costs.

        Rows have `argument, entry, step, order, evaluations, note`. `evaluations` counts those of f beside the one at
        the point itself, the selector's and the difference's together; `note` is empty where the criterion was met.

        >>> steps = FiniteCentral(step="ridders").chosen_steps(lambda leaves: [np.exp(leaves[0])], [0.0])
        >>> steps[0]["order"], steps[0]["evaluations"] < 20
        (10, True)
        """
        near = Neighbourhood(function, point)
        rows = []
        for entry in self._entries(near, 1):
            line = self._line(near, entry)
            chosen = self._choose(line, entry)
            line.slopes(chosen)
            rows.append(
                {
                    "argument": entry.argument,
                    "entry": entry.place,
                    "step": float(chosen.step),
                    "order": chosen.stencil.order,
                    "evaluations": line.evaluations,
                    "note": chosen.note,
                }
            )
        return rows

    def linearize(self, function, point):
        """The values, and push(tangents): a difference along the direction, by `order` evaluations whatever n."""
        near = Neighbourhood(function, point)
        steps = self._steps(near, 1)

        def push(tangents: Sequence, batch: bool = False) -> list:
            if batch:
                return one_by_one(push, tangents, near.values)
            if self._selector:
                line = Line.along(near, tangents, self.stencil(1), max(self._eps(near, x) for x in near.point))
                pushed = line.slopes(self._choose(line))
            else:
                parts = [self._along(near, part, steps) for part in moving_together(near.point, tangents, steps)]
                pushed = [sum_of(pieces) for pieces in zip(*parts)]
            near.check()
            return pushed

        return near.values, push

    def _along(self, near: Neighbourhood, tangents: Sequence, steps: Sequence) -> list:
        """The difference along a direction."""
        t = distance_along(tangents, steps)
        return [d / t for d in self.stencil(1).combine(lambda k: near.along(tangents, k * t))]

    def jacobian(self, function, point):
        """The values, and the blocks: differences along each entry, by `order` evaluations of f for each."""
        near = Neighbourhood(function, point)
        blocks = self._blocks(near, self._entries(near, 1), near.values)
        near.check()
        return near.values, blocks

    def hessian(self, function, point):
        """The gradient and the Hessian of a scalar function, both from the same values of f.

        Diagonal entries come from the stencil of the second derivative, the others from the product of two stencils of
        the first (four points at order 2): symmetric by construction. The steps are those of a second derivative, wider
        than `gradient` would take.
        """
        self._refuse_selector("hessian")
        near = Neighbourhood(function, point)
        entries = self._entries(near, 2)
        first, second = self.stencil(1), self.stencil(2)

        @cache
        def on_axis(i: int, k: int) -> list:
            return near.beside(entries[i], k)

        def off_axis(i: int, k: int, j: int, m: int) -> list:
            if k and m:
                return near.at((entries[i], k), (entries[j], m))
            return on_axis(i, k) if k else on_axis(j, m)

        def mixed(i: int, j: int) -> Any:
            (d,) = first.combine(lambda k: first.combine(partial(off_axis, i, k, j)))
            return d / entries[i].step / entries[j].step

        n = len(entries)
        matrix: list[list] = [[None] * n for _ in range(n)]
        for i, entry in enumerate(entries):
            matrix[i][i] = second.combine(partial(on_axis, i))[0] / entry.step / entry.step
        for i, j in combinations(range(n), 2):
            matrix[i][j] = matrix[j][i] = mixed(i, j)
        slopes = [first.combine(partial(on_axis, i))[0] / entry.length for i, entry in enumerate(entries)]
        near.check()
        return _in_blocks(stack(slopes), stack([entry for row in matrix for entry in row]), point)

    def hvp(self, function, point, directions, batch=False):
        """The difference along the direction of gradients that are themselves differences."""
        self._refuse_selector("hvp")
        near = Neighbourhood(function, point)
        entries, steps = self._entries(near, 2), self._steps(near, 2)

        def product(tangents: Sequence) -> list:
            parts = [product_along(part) for part in moving_together(near.point, tangents, steps)]
            return [sum_of(pieces) for pieces in zip(*parts)]

        def product_along(tangents: Sequence) -> list:
            t = distance_along(tangents, steps)

            def gradient(k: int) -> list:
                return self._blocks(near.moved(tangents, k * t) if k else near, entries, near.values)[0]

            return [d / t for d in self.stencil(1).combine(gradient)]

        products = one_by_one(product, directions, point) if batch else product(directions)
        near.check()
        return products

    def _steps(self, near: Neighbourhood, derivative: int) -> list:
        """The step of each entry, in arrays of the shapes and dtypes of the arguments."""
        reach = self.stencil(derivative).reach
        steps = []
        for x in near.point:
            plain = np.asarray(primal(x))
            if self.step is None or self._selector:
                h = self._eps(near, x) ** (1 / (self.order + derivative)) * scale_of(plain)
            else:
                h = np.full_like(plain, self.step)
            steps.append(representable(plain, h, reach))
        return steps

    def _entries(self, near: Neighbourhood, derivative: int) -> list[Entry]:
        """Every entry of every argument with its step."""
        entries = []
        for argument, (x, steps) in enumerate(zip(near.point, self._steps(near, derivative), strict=True)):
            lengths = self._lengths(np.asarray(primal(x)), steps)
            entries += [
                Entry(argument, index, as_scalar(step), as_scalar(length))
                for index, (step, length) in enumerate(zip(np.ravel(steps), np.ravel(lengths), strict=True))
            ]
        return entries

    def _lengths(self, x: np.ndarray, steps: Any) -> Any:
        """The steps that are really made, after rounding: the stencil applied to x itself."""
        return self.stencil(1).combine(lambda k: [x + k * steps])[0]

    def _blocks(self, near: Neighbourhood, entries: Sequence[Entry], values: Sequence) -> list[list]:
        """The blocks of the Jacobian, from a difference along each entry; `values` give the shapes of the results."""
        columns: list[list] = [[] for _ in near.point]
        for entry in entries:
            columns[entry.argument].append(self._slopes_in(near, entry))
        return [
            [_block([column[i] for column in group], value, x) for group, x in zip(columns, near.point, strict=True)]
            for i, value in enumerate(values)
        ]

    def _slopes_in(self, near: Neighbourhood, entry: Entry) -> list:
        """The derivative of every result in one entry."""
        if self._selector:
            line = self._line(near, entry)
            return line.slopes(self._choose(line, entry))
        return [d / entry.length for d in self.stencil(1).combine(partial(near.beside, entry))]

    def _line(self, near: Neighbourhood, entry: Entry) -> Line:
        """f along one entry."""
        return Line.of_entry(near, entry, self.stencil(1), self._eps(near, near.point[entry.argument]))

    def _eps(self, near: Neighbourhood, x: Any) -> float:
        return max(near.eps(x), self.noise or 0.0)

    def _choose(self, line: Line, entry: Entry | None = None) -> Chosen:
        """What the selector chooses; the default step where f is not even finite at the point."""
        if self._selector is None or not np.all(np.isfinite(line(0, line.start))):
            return fixed(line)
        try:
            with np.errstate(all="ignore"):
                return self._selector.choose(line)
        except StepNotFound as error:
            where = f"argument {entry.argument}, entry {entry.place}" if entry else "along a direction"
            what = f"{self.name}, step={self.step!r}: {error.what}"
            raise StepNotFound(what, where=where, why=error.why, hint=error.hint) from None

    def _refuse_selector(self, verb: str) -> None:
        if self._selector:
            raise UnsupportedVerb(
                f"{self.name}, step={self.step!r}: {verb} has no selector",
                why="the published ones choose steps of first derivatives",
                hint="give step= as a number, or leave it out",
            )

    def _checked_order(self, order: int) -> int:
        if isinstance(order, bool) or not isinstance(order, int | np.integer) or order < 1:
            raise ArgumentError(f"{self.name}: order={order!r}, expected a positive integer", hint="order=2")
        return int(order)

    def _checked_step(self, step: float | str | None) -> float | str | None:
        if (
            step is None
            or isinstance(step, str)
            or (isinstance(step, int | float | np.floating | np.integer) and 0 < step < math.inf)
        ):
            return step
        raise ArgumentError(
            f"{self.name}: step={step!r}, expected a positive finite number",
            why="the step is the distance between neighbouring points",
            hint=f"leave it out for the default, or name what is to choose it: {', '.join(SELECTORS)}",
        )


class FiniteForward(FiniteDifference):
    """Forward differences: f at x and to the right of it. Error O(step**order), about eps**(order/(order+1)) at best.

    Cost of a gradient: order·n + 1 evaluations of f.

    >>> difference = FiniteForward(step=1e-4).gradient(lambda leaves: [np.exp(leaves[0])], [0.0])
    >>> float(difference[1][0])
    1.000050001667141
    """

    name, cost = "finite-forward", "n + 1 evaluations of f"
    accuracy = (1e-6, 1e-3)

    def __init__(self, order: int = 1, step: float | str | None = None, noise: float | None = None):
        super().__init__(order, step, noise)

    def stencil(self, derivative):
        return one_sided(self.order, derivative)


class FiniteBackward(FiniteDifference):
    """Backward differences: f at x and to the left of it; otherwise as FiniteForward."""

    name, cost = "finite-backward", "n + 1 evaluations of f"
    accuracy = (1e-6, 1e-3)

    def __init__(self, order: int = 1, step: float | str | None = None, noise: float | None = None):
        super().__init__(order, step, noise)

    def stencil(self, derivative):
        return one_sided(self.order, derivative, direction=-1)


class FiniteCentral(FiniteDifference):
    """Central differences of any even order. Error O(step**order), about eps**(order/(order+1)) at best.

    Cost of a gradient: order·n evaluations of f, and one for the value.

    >>> _, blocks = FiniteCentral(order=4).jacobian(lambda leaves: [np.sin(leaves[0])], [0.0])
    >>> bool(abs(blocks[0][0] - 1) < 1e-12)
    True
    """

    name, cost = "finite-central", "2 n + 1 evaluations of f"
    accuracy = (1e-9, 1e-6)

    def __init__(self, order: int = 2, step: float | str | None = None, noise: float | None = None):
        super().__init__(order, step, noise)

    def stencil(self, derivative):
        return central(self.order, derivative)

    def _checked_order(self, order):
        order = super()._checked_order(order)
        if order % 2:
            raise ArgumentError(
                f"{self.name}: order={order}, expected an even number",
                why="the odd powers of the step cancel between the two sides",
                hint=f"order={order + 1} costs as much; finite-forward and finite-backward have odd orders",
            )
        return order


def _block(columns: Sequence, value: Any, x: Any) -> Any:
    """A block of shape result + argument from its columns."""
    shape = shape_of(value) + shape_of(x)
    return np.reshape(np.moveaxis(stack(columns), 0, -1), shape) if columns else np.zeros(shape)


def _in_blocks(gradient: Any, hessian: Any, point: Sequence) -> tuple[list, list[list]]:
    """All slopes and all second derivatives, in the shapes of the arguments and of pairs of them."""
    matrix = np.reshape(hessian, (len(gradient), len(gradient)))
    places = list(zip(slices_of(point), point, strict=True))
    return [np.reshape(gradient[rows], shape_of(x)) for rows, x in places], [
        [np.reshape(matrix[rows, columns], shape_of(x) + shape_of(y)) for columns, y in places] for rows, x in places
    ]

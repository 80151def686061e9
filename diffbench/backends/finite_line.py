"""f along a line through a point, as those look at it who choose the step of a finite difference.

Results of several entries count by their largest one, in estimates of the derivative and of its errors alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diffbench.backends.finite_neighbourhood import Entry, Neighbourhood, as_scalar
from diffbench.backends.finite_stencil import Stencil
from diffbench.backends.finite_steps import distance_along, representable, scale_of
from diffbench.errors import StepNotFound
from diffbench.traced_values import primal


@dataclass(frozen=True)
class Chosen:
    """A step, and the stencil to be used with it; `note` says what is special about it, if anything is."""

    step: Any
    stencil: Stencil
    note: str = ""


class Line:
    """f(x + t·direction) at multiples of steps. Each distance is evaluated once, and counted in `evaluations`.

    evaluate, values : f at a distance, and what it gives at the point itself.
    stencil : the difference whose step is wanted.
    scale : the distance over which f is expected to change.
    eps : the relative error of f.
    rounded : rounded(h, reach) is a step near h whose multiples up to `reach` can be represented.
    """

    def __init__(
        self,
        evaluate: Callable[[Any], list],
        values: list,
        stencil: Stencil,
        scale: float,
        eps: float,
        rounded: Callable[[Any, int], Any],
    ):
        self._evaluate, self._rounded = evaluate, rounded
        self._known: dict[Any, list] = {0: values}
        self.stencil, self.scale, self.eps = stencil, scale, eps

    @classmethod
    def of_entry(cls, near: Neighbourhood, entry: Entry, stencil: Stencil, eps: float) -> "Line":
        """f as a function of one entry of one argument."""
        at = np.asarray(primal(near.point[entry.argument])).ravel()[entry.place]
        return cls(
            partial(near.entry_moved, entry),
            near.values,
            stencil,
            float(scale_of(at)),
            eps,
            lambda h, reach: as_scalar(representable(at, at.dtype.type(h), reach)),
        )

    @classmethod
    def along(cls, near: Neighbourhood, tangents: Sequence, stencil: Stencil, eps: float) -> "Line":
        """f along a direction; steps are exact in the entry whose rounding is coarsest beside its speed."""
        point = [np.asarray(primal(x)) for x in near.point]
        speeds = [np.abs(np.asarray(primal(v))) for v in tangents]
        pairs = [pair for x, speed in zip(point, speeds) for pair in zip(x.ravel(), speed.ravel()) if pair[1]]
        x, speed = max(pairs, key=lambda pair: np.spacing(np.abs(pair[0])) / pair[1], default=(np.float64(1),) * 2)
        scale = float(distance_along(tangents, [scale_of(x) for x in point]))

        def rounded(h: Any, reach: int) -> Any:
            return as_scalar(representable(np.asarray(x), x.dtype.type(h * speed), reach) / speed)

        return cls(partial(near.along, tangents), near.values, stencil, scale, eps, rounded)

    @property
    def evaluations(self) -> int:
        """How often f was evaluated, beside the point itself."""
        return len(self._known) - 1

    @property
    def start(self) -> float:
        """The step that would be taken without looking at f."""
        return self.eps ** (1 / (self.stencil.order + 1)) * self.scale

    @property
    def highest(self) -> float:
        """The widest step that is tried where steps grow: further away, f may be another function."""
        return self.scale / 10

    @property
    def lowest(self) -> float:
        """The narrowest step that is tried: some units in the last place of x, and at 0 something like it."""
        return max(4 * float(self.step(0.0)), self.eps**1.5 * self.scale)

    def step(self, h: Any, reach: int | None = None) -> Any:
        """A step near h whose multiples, up to `reach`, are exact beside x."""
        return self._rounded(h, reach or self.stencil.reach)

    def results(self, k: int, h: Any) -> list:
        """The results of f at k steps from the point; they may be traced."""
        distance = k * h
        if distance not in self._known:
            self._known[distance] = self._evaluate(distance)
        return self._known[distance]

    def slopes(self, chosen: Chosen) -> list:
        """The derivative of every result, with the step and the stencil that were chosen; traced where f is."""
        return [d / chosen.step for d in chosen.stencil.combine(lambda k: self.results(k, chosen.step))]

    def __call__(self, k: int, h: Any) -> np.ndarray:
        """All entries of the results at k steps from the point, as plain numbers."""
        parts = [np.ravel(primal(y)) for y in self.results(k, h)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def sees(self, stencil: Stencil, h: Any) -> bool:
        """Whether f is finite wherever a stencil looks."""
        return all(bool(np.all(np.isfinite(self(k, h)))) for k in stencil.offsets)

    def derivative(self, stencil: Stencil, h: Any) -> np.ndarray:
        """What a stencil makes of f with the step h."""
        return stencil.combine(lambda k: [self(k, h)])[0] / h**stencil.derivative

    def roundoff(self, stencil: Stencil, h: Any) -> float:
        """The rounding error of f itself where a stencil looks: half a unit in the last place of its largest value."""
        return self.eps / 2 * max(size(self(k, h)) for k in (0, *stencil.offsets))

    def narrowed(self, stencil: Stencil, h: Any, by: float) -> Any:
        """The first of the steps h, h/by, h/by², ... within which f is finite; StepNotFound where there is none."""
        lowest = self.lowest
        while not self.sees(stencil, h):
            h = self.step(h / by, stencil.reach)
            if h < lowest:
                raise StepNotFound(
                    "f is not finite beside the point, however small the step",
                    why=f"the last one tried was {float(h):.1e}",
                    hint="a one-sided difference may do, if f is defined on one side only",
                )
        return h


def size(values: np.ndarray) -> float:
    """The largest absolute value.

    >>> size(np.array([1.0, -3.0]))
    3.0
    """
    return float(np.max(np.abs(values), initial=0.0))

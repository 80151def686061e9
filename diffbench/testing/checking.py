"""A check of a derivative written by hand: at several points, entry by entry, against 50 digits and another mode."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from diffbench import operators
from diffbench.backends.base import Differentiator
from diffbench.checks.primitives import paths
from diffbench.errors import ArgumentError
from diffbench.flat import name_of
from diffbench.primitives.arrays import shape_of
from diffbench.registry import get_backend
from diffbench.structure import flatten
from diffbench.testing import points, results
from diffbench.testing.entries import Block, Entries, allowance
from diffbench.testing.truth import Truth, truth_of

DIRECTED = {"jvp": 3, "vjp": 3}  # random directions at each point
UNIT_DIRECTIONS = 6  # entries up to which each has a direction of its own besides
DOUBTFUL = 1e-6  # of the largest entry: a consensus that is vaguer is none
MANY = 500  # entries of x from which on many digits are computed at one point only: they cost much
RESCUES = 4  # times that a random point outside of the domain of f is drawn again, closer and closer


@dataclass(frozen=True)
class Sample:
    """One place where the derivative is asked for: the arguments, and the direction behind them if there is one."""

    label: str
    args: tuple
    truth: Truth
    second: list[np.ndarray]
    allowed: list[np.ndarray]


@dataclass
class Check:
    """What is checked, and how closely. `samples` fills, and `left_out` says where nothing could be compared."""

    verb: str
    f: Callable
    by_hand: Callable
    args: tuple
    kwargs: dict
    argnum: int | tuple[int, ...]
    count: int
    radius: float
    seed: int
    rtol: float | None
    atol: float | None
    digits: int
    backend: str | Differentiator
    inputs: Callable | None
    samples: list[Sample] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.title = f"check_{self.verb}: {name_of(self.by_hand)} of {name_of(self.f)}"
        if not callable(self.by_hand):
            raise ArgumentError(
                f"check_{self.verb}: the derivative must be a function, found {type(self.by_hand).__name__}",
                hint=f"pass the function that computes it: check_{self.verb}(f, grad_f, x)",
            )
        if self.count < 1 or not self.radius >= 0:
            raise ArgumentError(f"check_{self.verb}: points={self.count}, radius={self.radius}: expected points >= 1")
        self.second_mode = get_backend(self.backend)
        asked = getattr(operators, self.verb)(self.f, argnum=self.argnum)
        self.several, self.argnums = asked.several, asked.positions(self.args)
        self.rng = np.random.default_rng(self.seed)
        leaves = [np.asarray(leaf) for k in self.argnums for leaf in flatten(self.args[k])[0]]
        self.entries = sum(x.size for x in leaves)
        self.eps = max([float(np.finfo(x.dtype).eps) for x in leaves if x.dtype.kind == "f"] + [2.0**-52])
        self.wanted = self.argnums if self.several else self.argnums[0]

    # -- where -----------------------------------------------------------------------------------------------------

    def take_samples(self) -> None:
        """The user's point, and random ones around it; those where f has no derivative are left out, and named."""
        for number in range(self.count):
            label = "x" if number == 0 else f"random point {number}"
            radius = self.radius
            for attempt in range(RESCUES if number else 1):
                args = points.around(self.args, self.argnums, radius, self.rng) if number else self.args
                reason = self._try_point(label, args)
                if reason is None:
                    break
                radius /= 4
                if number == 0 or attempt == RESCUES - 1:
                    self.left_out.append((label, reason))

    def _try_point(self, label: str, args: tuple) -> str | None:
        """Add the samples at a point; or say why there are none."""
        found = []
        for name, full in self._directed(label, args):
            truth = self._truth(full)
            if not all(np.all(np.isfinite(leaf)) for leaf in truth.leaves):
                return "the derivative is not finite"
            if not all(np.all(np.isfinite(leaf)) for leaf in self._by("value")(full)):
                return "f is not finite there in floats"
            sizes = [float(np.max(np.abs(leaf), initial=0.0)) for leaf in truth.leaves]
            if any(np.any(doubt > DOUBTFUL * size) for doubt, size in zip(truth.doubt, sizes)):
                return "differences of two orders disagree there: f is noisy, or not smooth"
            if truth.traced:
                reason, conditioning = self._look_around(full, sizes)
                second = self._second(full)
            else:
                reason, conditioning = self._look_on_both_sides(full, sizes), [0 * leaf for leaf in truth.leaves]
                second = truth.leaves
            if reason:
                return reason
            eps = self.eps
            blocks = self.blocks(truth)
            allowed = [
                allowance(leaf, block, self._rtol(eps), self.atol, eps, c) + 2 * doubt
                for leaf, block, c, doubt in zip(truth.leaves, blocks, conditioning, truth.doubt)
            ]
            pairs = zip(second, truth.leaves, allowed)
            if not self._approximate and not all(np.all(np.abs(a - b) <= 100 * d) for a, b, d in pairs):
                return f"{self.second_mode.name} in floats and {self.digits} digits disagree: f branches or jumps there"
            found.append(Sample(name, full, truth, second, allowed))
        self.samples += found
        return None

    @property
    def _approximate(self) -> bool:
        """Whether the other method is one of which less is expected than of a derivative by hand."""
        return self.second_mode.accuracy[0] > 1e-12

    def _directed(self, label: str, args: tuple) -> list[tuple[str, tuple]]:
        """The arguments at a point with every direction behind them; as they are for verbs without one."""
        if self.verb not in DIRECTED:
            return [(label, args)]
        if self.verb == "jvp":
            like = tuple([args[k] for k in self.argnums]) if self.several else args[self.argnums[0]]
        else:
            like = self.f(*self._fresh(args), **self.kwargs)
        directions = [points.random_direction(like, self.rng) for _ in range(DIRECTED[self.verb])]
        directions += points.unit_directions(like, UNIT_DIRECTIONS)
        return [(f"{label}, direction {k}", (*args, d)) for k, d in enumerate(directions)]

    # -- what is right ---------------------------------------------------------------------------------------------

    def _truth(self, args: tuple) -> Truth:
        """The right derivative. Of many entries, it has many digits at the first point, where floats are held to it."""
        if self.samples and self.samples[0].truth.traced and self.entries > MANY:
            first, leaves = self.samples[0].truth, self._by(self.verb)(args)
            return replace(
                first,
                leaves=leaves,
                source=f"{self.digits} digits at the first point; elsewhere floats, which agree there",
            )
        with np.errstate(all="ignore"):
            return truth_of(self.f, self.verb, self._fresh(args), self.kwargs, self.wanted, self.digits)

    def _second(self, args: tuple) -> list[np.ndarray]:
        """The same derivative by the other method."""
        return self._by(self.verb, self.second_mode)(args)

    def _by(self, verb: str, backend: str | Differentiator = "auto") -> Callable[[tuple], list[np.ndarray]]:
        """A verb, or the value of f, as a function of the arguments; the leaves of what it gives, as float64."""

        def evaluate(args: tuple) -> list[np.ndarray]:
            args = self._fresh(args)
            with np.errstate(all="ignore"):
                if verb == "value":
                    result = self.f(*(args[:-1] if self.verb in DIRECTED else args), **self.kwargs)
                else:
                    derivative = getattr(operators, verb)(self.f, argnum=self.wanted, backend=backend)
                    result = derivative(*args, **self.kwargs)
            return [np.asarray(leaf, float) for leaf in flatten(result)[0]]

        return evaluate

    def _look_around(self, args: tuple, sizes: Sequence[float]) -> tuple[str | None, list[np.ndarray]]:
        """Why there is no derivative here, if so; and what each entry changes by when x changes by its own size."""
        conditioning: list[np.ndarray] = [np.zeros(())] * len(sizes)
        for _ in range(2):
            along = points.signs(args, self.argnums, self.rng)
            far, near = points.gaps(self._by(self.verb), along, self.eps)
            if points.breaks(far, near, sizes):
                return "f has a kink there: its derivative jumps", []
            conditioning = [np.fmax(c, gap / (2 * points.FAR * self.eps)) for c, gap in zip(conditioning, far)]
            for verb in ("value", *(("gradient",) if self.verb == "hessian" else ())):
                here = [float(np.max(np.abs(leaf), initial=0.0)) for leaf in self._by(verb)(args)]
                if points.breaks(*points.gaps(self._by(verb), along, self.eps), here):
                    return f"f has a kink or a jump there: its {verb} jumps", []
        return None, conditioning

    def _look_on_both_sides(self, args: tuple, sizes: Sequence[float]) -> str | None:
        """The same where f cannot be traced: differences to the left and to the right must approach each other."""

        def both_sides(step: float) -> list[np.ndarray]:
            sides = [self._by(self.verb, get_backend(f"finite-{side}", step=step)) for side in ("forward", "backward")]
            return [np.abs(a - b) for a, b in zip(*[side(args) for side in sides], strict=True)]

        noise = [1e3 * size + 1e-300 for size in sizes]  # in units of 1e-9, of differences of a first derivative
        if self.verb != "hessian" and points.breaks(both_sides(2.0**-12), both_sides(2.0**-18), noise):
            return "f has a kink there: its slopes to the left and to the right differ"
        return None

    def blocks(self, truth: Truth) -> list[Block]:
        """The leaves of the derivative, with how many of their axes belong to the argument."""
        ranks = [len(shape_of(leaf)) for k in self.argnums for leaf in flatten(self.args[k])[0]]
        names = list(paths(truth.structure, ""))
        return [
            Block(name, leaf.shape, ranks[k % len(ranks)] if self.verb != "jvp" else leaf.ndim)
            for k, (name, leaf) in enumerate(zip(names, truth.leaves))
        ]

    # -- what was written by hand --------------------------------------------------------------------------------------

    def by_hand_at(self, sample: Sample) -> list[np.ndarray]:
        """The leaves of what the function under test gives; Misfit where it cannot be compared."""
        args = self._fresh(sample.args)
        kwargs = copy.deepcopy(self.kwargs)
        passed = results.converted(args, self.inputs)
        found = self.by_hand(*passed, **kwargs)
        shapes = [leaf.shape for leaf in sample.truth.leaves]
        fitted = results.fitted(found, sample.truth.structure, shapes, list(paths(sample.truth.structure, "")))
        fitted = [leaf.copy() for leaf in fitted]
        for k, (before, after) in enumerate(zip(sample.args, args)):
            if not results.unchanged(before, after):
                raise results.Misfit(f"it changes its argument {k}: work on a copy, x = x.copy()")
        return fitted

    def compare(self) -> Entries:
        """All entries at all samples. Coarser floats in the result make the comparison as much coarser."""
        found, allowed = [], []
        for sample in self.samples:
            leaves = self.by_hand_at(sample)
            coarse = max([float(np.finfo(leaf.dtype).eps) for leaf in leaves], default=0.0)
            extra = [0.0 * leaf for leaf in sample.truth.leaves]
            if coarse > self.eps:
                extra = [
                    allowance(leaf, block, self._rtol(coarse), self.atol, coarse, 0 * leaf)
                    for leaf, block in zip(sample.truth.leaves, self.blocks(sample.truth))
                ]
            found.append(_row(leaves))
            allowed.append(_row([a + b for a, b in zip(sample.allowed, extra)]))
        truth = [_row(sample.truth.leaves) for sample in self.samples]
        second = [_row(sample.second) for sample in self.samples]
        blocks = self.blocks(self.samples[0].truth)
        return Entries(blocks, *[np.array(rows) for rows in (found, truth, second, allowed)])

    def _rtol(self, eps: float) -> float:
        return self.rtol if self.rtol is not None else float(np.sqrt(eps))

    def traced_derivative(self, point: int) -> np.ndarray:
        """All entries at a sample, by a mode that goes through the operations of f."""
        mode = self.second_mode if self.second_mode.method == "automatic" else "auto"
        return _row(self._by(self.verb, mode)(self.samples[point].args))

    def _fresh(self, args: tuple) -> tuple:
        return tuple([copy.deepcopy(arg) for arg in args])


def _row(leaves: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in leaves] or [np.zeros(0)])

"""A check of one function's derivatives: both modes against differences, and so against each other, to second order."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from diffbench.backends.finite import scale_of
from diffbench.backends.finite_stencil import central
from diffbench.errors import ArgumentError, TraceLost, UnsupportedPrimitive
from diffbench.flat import name_of
from diffbench.operators import gradient, jvp, vjp
from diffbench.structure import Structure, flatten, unflatten
from diffbench.user_primitive import is_real, placed, signature_of

MODES = ("forward", "reverse")
LEVELS = range(3, 17)  # steps of 2**-level times the scale of each entry
WEIGHTS = {k: float(weight) for k, weight in central(4).weights.items()}
SAFETY = 10.0  # the error of a difference is so many times what its neighbours tell, at most
MOST = 100  # entries of an argument that are looked through for a wrong one
TINY = 1e-300
SUM = "the weighted results"


def check_primitive(p: Callable, *args: Any, order: int = 2, rtol: float = 1e-7, seed: int = 0, **kwargs: Any) -> int:
    """Check the derivatives of a primitive, or of any function, at a point and in random directions.

    In each real leaf of the arguments, J v of forward mode and uᵀJ v of reverse mode must be the derivatives by
    differences: the two modes are then transposes of each other. With order=2 so must be the products of Hessians with
    vectors in all four pairs of modes. The differences are central ones of order four with many steps; of each entry
    the best is taken, with its error as the neighbouring steps tell it.

    args, kwargs : those of a call of p, away from kinks; floats, float arrays and containers of them are checked.
    order : 1 leaves second derivatives out.
    rtol : the relative error that is allowed beyond that of the differences; at least 1000 eps.

    Returns the order up to which derivatives were checked: 1 also where no rule can itself be differentiated, because
    it calls compiled code. Raises AssertionError, naming argument and entries; ArgumentError where nothing is real;
    UnsupportedPrimitive where neither mode has a derivative. Cost: some 120 evaluations of p for each real leaf,
    with order=2 some 600.

    >>> import numpy as np, diffbench as db
    >>> square = db.primitive(lambda x: x * x, vjp=lambda primals, y, c: 2 * primals[0] * c)
    >>> db.checks.check_primitive(square, np.array([0.5, 2.0]))
    2
    >>> wrong = db.primitive(lambda x: x * x, vjp=lambda primals, y, c: np.array([2.0, 1.0]) * primals[0] * c)
    >>> db.checks.check_primitive(wrong, np.array([0.5, 2.0]))
    Traceback (most recent call last):
    AssertionError: forward mode of <lambda> is wrong
      the derivative of result[1] in argument x[1]: 2, but differences give 4 (error below ...)
    """
    subject = Subject(p, args, kwargs, rtol, seed)
    subject.check_first_order()
    return 2 if order > 1 and subject.check_second_order() else 1


class Subject:
    """A function at a point, from the list of its real arguments to the list of its real results."""

    def __init__(self, p: Callable, args: tuple, kwargs: dict, rtol: float, seed: int):
        self.p, self.kwargs, self.name = p, kwargs, name_of(p)
        self.leaves, self.structure = flatten(args)
        self.places = [place for place, leaf in enumerate(self.leaves) if is_real(leaf)]
        self.point = [self.leaves[place] for place in self.places]
        if not self.point:
            raise ArgumentError(
                f"check_primitive: no argument of {self.name} is a float or an array of floats",
                hint="pass floats: 2.0 instead of 2",
            )
        names = [name for name, child in zip(names_of_arguments(p, args), self.structure.children)]
        named = [path for name, child in zip(names, self.structure.children) for path in paths(child, name)]
        self.arguments = [f"argument {named[place]}" for place in self.places]
        results, structure = flatten(p(*args, **kwargs))
        self.real = [place for place, leaf in enumerate(results) if is_real(leaf)]
        self.values = [np.asarray(results[place]) for place in self.real]
        named = list(paths(structure, "result"))
        self.results = [named[place] for place in self.real]
        self.rtol = max(rtol, *[1000 * float(np.finfo(np.asarray(x).dtype).eps) for x in self.point])
        self.rng = np.random.default_rng(seed)

    def __call__(self, point: Sequence) -> list:
        args = unflatten(self.structure, placed(self.leaves, self.places, point))
        results = flatten(self.p(*args, **self.kwargs))[0]
        return [results[place] for place in self.real]

    def random_like(self, leaves: Sequence) -> list:
        """A random direction, with every entry away from zero."""
        return [self.rng.uniform(0.5, 1, np.shape(x)) * self.rng.choice([-1, 1], np.shape(x)) for x in leaves]

    def only(self, k: int, direction: Any) -> list:
        """A direction that moves one argument."""
        return [direction if k == i else np.zeros(np.shape(x)) for i, x in enumerate(self.point)]

    def check_first_order(self) -> None:
        """Hold both modes to the differences in each argument."""
        weights = self.random_like(self.values)
        refusals = []
        for mode in MODES:
            try:
                for k, direction in enumerate(self.random_like(self.point)):
                    self._check_argument(mode, k, direction, weights)
            except (TraceLost, UnsupportedPrimitive) as refusal:
                refusals.append(refusal)
        if len(refusals) == len(MODES):
            raise refusals[0]

    def _check_argument(self, mode: str, k: int, direction: Any, weights: list) -> None:
        """Compare along one direction in an argument; what differs there is then looked for entry by entry."""
        title = f"{mode} mode of {self.name} is wrong"
        where = f"{self.arguments[k]} along a random direction"
        message = self._compared(title, where, mode, k, direction, weights)
        if message is None:
            return

        def in_entry(entry: tuple) -> str | None:
            unit = np.zeros(np.shape(direction))
            unit[entry] = 1.0
            return self._compared(title, f"{self.arguments[k]}{index(entry)}", mode, k, unit, weights)

        entries = itertools.islice(np.ndindex(np.shape(direction)), MOST)
        raise AssertionError(next(filter(None, map(in_entry, entries)), message))

    def _compared(self, title: str, where: str, mode: str, k: int, direction: Any, weights: list) -> str | None:
        """What to say of the derivatives along a direction in one argument, None where they are right."""
        tangents, errors = differences(self, self.point, self.only(k, direction))
        if mode == "forward":
            found, names = jvp(self, backend=mode)(self.point, self.only(k, direction)), self.results
        else:
            found, names = [np.sum(vjp(self, backend=mode)(self.point, weights)[k] * direction)], [SUM]
            tangents = [sum(np.sum(weight * x) for weight, x in zip(weights, tangents))]
            errors = [sum(np.sum(np.abs(weight) * error) for weight, error in zip(weights, errors))]
        return self.mismatch(title, names, where, found, tangents, errors)

    def check_second_order(self) -> bool:
        """Hold the derivatives of a directional derivative to differences, in each argument and all pairs of modes.

        Returns False where no pair of modes has a second derivative.
        """
        weights, direction = self.random_like(self.values), self.random_like(self.point)

        def total(point: Sequence) -> Any:
            return sum(np.sum(weight * y) for weight, y in zip(weights, self(point)))

        def pushed(point: Sequence) -> Any:
            return jvp(total, backend="forward")(point, direction)

        def pulled(point: Sequence) -> Any:
            return sum(np.sum(v * x) for v, x in zip(direction, gradient(total, backend="reverse")(point)))

        checked = False
        for inner, slope in zip(MODES, (pushed, pulled)):
            for outer in MODES:
                try:
                    self._check_slope(f"{outer} mode over {inner} mode of {self.name} is wrong", slope, outer)
                    checked = True
                except (TraceLost, UnsupportedPrimitive):
                    continue
        return checked

    def _check_slope(self, title: str, slope: Callable, outer: str) -> None:
        cotangents = gradient(slope, backend=outer)(self.point) if outer == "reverse" else None
        for k, v in enumerate(self.random_like(self.point)):
            along = self.only(k, v)
            found = np.sum(cotangents[k] * v) if cotangents else jvp(slope, backend=outer)(self.point, along)
            expected, errors = differences(lambda point: [slope(point)], self.point, along)
            where = f"{self.arguments[k]} along a random direction"
            message = self.mismatch(title, ["the first derivative"], where, [found], expected, errors)
            if message:
                raise AssertionError(message)

    def mismatch(
        self, title: str, names: Sequence[str], where: str, found: Sequence, expected: Sequence, errors: Sequence
    ) -> str | None:
        """What to say of the worst derivative that is not as by differences, NaN being the worst of all."""
        message, most = None, 1.0
        for name, x, truth, error in zip(names, found, expected, errors, strict=True):
            x, truth, error = np.asarray(x), np.asarray(truth), SAFETY * np.asarray(error)
            if x.shape != truth.shape:
                return f"{title}\n  the derivative of {name} in {where} has shape {x.shape} instead of {truth.shape}"
            with np.errstate(invalid="ignore"):
                ratio = np.abs(x - truth) / (error + self.rtol * np.abs(truth) + TINY)
            ratio = np.where(np.isnan(ratio), np.inf, ratio)
            if ratio.size and np.max(ratio) > most:
                entry, most = np.unravel_index(int(np.argmax(ratio)), ratio.shape), float(np.max(ratio))
                message = (
                    f"{title}\n  the derivative of {name}{index(entry)} in {where}: {x[entry]:.9g}, "
                    f"but differences give {truth[entry]:.9g} (error below {error[entry]:.1g})"
                )
        return message


def differences(f: Callable, point: Sequence, direction: Sequence) -> tuple[list, list]:
    """The derivatives of f's results along a direction, by the best step for each entry, and how far they may be off.

    Where f raises or gives no finite number, as a step may leave its domain, that step is passed over.
    """
    scales = [scale_of(np.asarray(x)) for x in point]
    longest = max([float(np.max(np.abs(v) / scale, initial=0.0)) for v, scale in zip(direction, scales)])
    reach = longest or 1.0  # nothing moves in empty arrays
    levels: list[list] = []
    refusals: list[Exception] = []
    with np.errstate(all="ignore"):
        for level in LEVELS:
            step = 2.0**-level / reach
            try:
                images = [f([x + k * step * v for x, v in zip(point, direction)]) for k in WEIGHTS]
            except (ValueError, ArithmeticError) as error:
                refusals.append(error)
                continue
            levels.append([_slope_and_noise(np.stack(ys), step) for ys in zip(*images)])
    if len(levels) < 2:
        raise refusals[-1]
    best = [_best(*map(np.array, zip(*column))) for column in zip(*levels)]
    return [slope for slope, _ in best], [error for _, error in best]


def _slope_and_noise(ys: np.ndarray, step: float) -> tuple[np.ndarray, np.ndarray]:
    """The difference quotient of some values, and what their round-off makes of it."""
    weights = np.array(list(WEIGHTS.values()))
    noise = np.tensordot(np.abs(weights), np.abs(ys), 1) * np.finfo(ys.dtype).eps
    return np.tensordot(weights, ys, 1) / step, noise / step


def _best(slopes: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of slopes by ever smaller steps, those that agree best with their neighbours, and how far they may be off."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(np.diff(slopes, axis=0))
    gaps = np.where(np.isfinite(gaps), gaps, np.inf)
    errors = np.maximum(np.concatenate([gaps[:1], gaps]), np.concatenate([gaps, gaps[-1:]])) + noise
    best = np.argmin(np.where(np.isnan(errors), np.inf, errors), axis=0)[None]
    return np.take_along_axis(slopes, best, 0)[0], np.take_along_axis(errors, best, 0)[0]


# -- names -------------------------------------------------------------------------------------------------------------


def names_of_arguments(p: Callable, args: tuple) -> list[str]:
    """The names of the parameters that some positional arguments go to, or else their numbers."""
    signature = signature_of(p)
    parameters = list(signature.parameters.values()) if signature else []
    names = []
    for position in range(len(args)):
        own = parameters[min(position, len(parameters) - 1)] if parameters else None
        if own is None or own.kind is inspect.Parameter.VAR_POSITIONAL:
            names.append(str(position))
        else:
            names.append(own.name)
    return names


def paths(structure: Structure, name: str) -> Iterator[str]:
    """How to write each leaf of a container: p['a'], p[0], p.field."""
    if structure.kind is None:
        yield name
    for key, child in zip(structure.keys, structure.children):
        is_field = structure.kind is not None and not issubclass(structure.kind, dict | list | tuple)
        yield from paths(child, f"{name}.{key}" if is_field else f"{name}[{key!r}]")


def index(entry: Sequence) -> str:
    """How to write an entry of an array: [1, 2], and nothing for a number."""
    return f"[{', '.join(str(int(k)) for k in entry)}]" if len(entry) else ""

"""Handwritten digits, and learning from samples by gradient descent, with whatever gradient it is given.

>>> train, test = digits()
>>> train.inputs.shape, test.inputs.shape
((1437, 64), (360, 64))
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from diffbench.errors import ArgumentError, MissingPackage
from diffbench.problems.learning import network
from diffbench.structure import flatten, flatten_like, unflatten

SEED = 0
TEST_SAMPLES = 360


@dataclass(frozen=True)
class Samples:
    """Images and what they show; inputs: (m, n), each in [0, 1]; labels: (m,), 0 to 9."""

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def one_hot(self) -> np.ndarray:
        """A row for each sample with 1 in the place of its label: (m, 10)."""
        return np.eye(10)[self.labels]

    def is_digit(self, digit: int) -> np.ndarray:
        """1.0 for the samples that show this digit, 0.0 for the others: (m,)."""
        return np.where(self.labels == digit, 1.0, 0.0)


def digits(side: int = 8) -> tuple[Samples, Samples]:
    """1437 training and 360 test samples of handwritten digits, 8 x 8 pixels; side=4 gives means of 2 x 2 pixels.

    Which ones are kept for the test does not depend on what is installed. Raises MissingPackage without scikit-learn.
    Source: E. Alpaydin, C. Kaynak 1998, UCI machine learning repository, https://doi.org/10.24432/C50P49; the copy
    that scikit-learn ships.
    """
    if side not in (4, 8):
        raise ArgumentError(f"digits: side={side!r}", why="the images have 8 x 8 pixels", hint="side=8, or side=4")
    *columns, labels = np.loadtxt(digits_file(), delimiter=",", dtype=np.int64, unpack=True)
    block = 8 // side
    images = np.stack(columns, axis=1).reshape(-1, side, block, side, block)
    pixels = images.mean(axis=(2, 4)).reshape(-1, side * side) / 16
    order = np.random.default_rng(SEED).permutation(len(labels))
    return tuple(Samples(pixels[part], labels[part]) for part in np.split(order, [-TEST_SAMPLES]))  # type: ignore[return-value]


def digits_file() -> Path:
    """The file that sklearn.datasets.load_digits reads; importing scikit-learn for it would take seconds."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise MissingPackage(
            "the handwritten digits come with scikit-learn, which is not installed",
            hint="pip install 'diffbench[digits]'",
        )
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def random_layers(sizes: Sequence[int], seed: int = SEED) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights to begin with, [(W, b), ...], for a network with these numbers of units: W of variance 1/inputs, b zero.

    >>> [W.shape for W, b in random_layers([64, 32, 10])]
    [(64, 32), (32, 10)]
    """
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((units, above)) / np.sqrt(units), np.zeros(above)) for units, above in pairwise(sizes)]


def epoch(inputs: np.ndarray, targets: np.ndarray, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All samples once, in random order, `size` at a time; the few that remain at the end are left out."""
    order = np.random.default_rng(seed).permutation(len(inputs))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        yield inputs[chosen], targets[chosen]


def descend(
    gradient: Callable, start: Any, batches: Iterable[tuple], *, rate: float, momentum: float = 0.0
) -> Iterator[Any]:
    """Gradient descent: the parameters after each batch, in the containers of `start`.

    v ← momentum v - rate gradient(parameters, *batch);  parameters ← parameters + v.
    Cost: one gradient a batch, when it is asked for.
    Source: B. T. Polyak 1964, USSR Computational Mathematics and Mathematical Physics 4(5), 1-17.

    >>> *_, last = descend(lambda w: 2 * w, 1.0, [()] * 3, rate=0.25)
    >>> last
    0.125
    """
    parameters, structure = flatten(start)
    velocity = [0.0] * len(parameters)
    for batch in batches:
        slopes = flatten_like(structure, gradient(unflatten(structure, parameters), *batch), "descend: the gradient")
        velocity = [momentum * v - rate * slope for v, slope in zip(velocity, slopes)]
        parameters = [p + v for p, v in zip(parameters, velocity)]
        yield unflatten(structure, parameters)


def recognised(layers: Any, inputs: np.ndarray) -> np.ndarray:
    """What a network takes each sample for: the unit with the largest value, or, if it has one unit only, 1 for yes."""
    z = network(layers, inputs)[-1]
    return np.argmax(z, axis=1) if z.shape[1] > 1 else (z[:, 0] > 0).astype(int)


def accuracy(layers: Any, inputs: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of samples that a network takes for what they are."""
    return float(np.mean(recognised(layers, inputs) == labels))

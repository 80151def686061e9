"""The backend under test, and how what it gives is compared with closed forms."""

from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench import operators
from diffbench.backends.base import Differentiator
from diffbench.checks.cases import CUBIC, Case
from diffbench.structure import flatten

EPS = float(np.finfo(float).eps)


def expect(condition: Any, message: str) -> None:
    """An assertion that `python -O` does not remove."""
    if not condition:
        raise AssertionError(message)


class Subject:
    """The backend under test, and how to compare what it gives."""

    def __init__(self, backend: Differentiator | Callable[[Case], Differentiator]):
        self.of = backend if not isinstance(backend, Differentiator) else lambda case: backend
        example = self.of(CUBIC)
        self.name, self.accuracy, self.limits = example.name, example.accuracy, example.limits

    def verb(self, name: str, case: Case, **options: Any) -> Callable:
        """A verb of the interface on the function of a case, by the backend under test."""
        return getattr(operators, name)(case.f, argnum=case.argnum, backend=self.of(case), **options)

    def agree(self, found: Any, expected: Any, what: str, *, order: int = 1) -> None:
        """Raise AssertionError unless containers, shapes, dtypes and numbers agree, to the accuracy of the backend."""
        found_leaves, structure = flatten(found)
        expected_leaves, expected_structure = flatten(expected)
        expect(structure == expected_structure, f"{what}: found containers {structure}, expected {expected_structure}")
        for a, b in zip(found_leaves, expected_leaves):
            expect(np.shape(a) == np.shape(b), f"{what}: found shape {np.shape(a)}, expected {np.shape(b)}")
            expect(np.ndim(a) or isinstance(a, float | np.floating), f"{what}: found {type(a).__name__} for a scalar")
            dtype, expected_dtype = np.asarray(a).dtype, np.asarray(b).dtype
            expect(dtype == expected_dtype, f"{what}: found dtype {dtype}, expected {expected_dtype}")
            self._close(np.asarray(a), np.asarray(b), what, order)

    def _close(self, a: np.ndarray, b: np.ndarray, what: str, order: int) -> None:
        """Errors count relative to the largest entry (1 at least), at the precision of the dtype."""
        if not b.size:
            return
        eps = max(float(np.finfo(b.dtype).eps), EPS)
        tolerance = eps ** (np.log(self.accuracy[order - 1]) / np.log(EPS))  # accuracy is a power of eps
        scale = max(1.0, float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))))
        same = (np.abs(a - b) <= tolerance * scale) | (np.isnan(a) & np.isnan(b))
        expect(np.all(same), f"{what}: found {a.tolist()}, expected {b.tolist()} (relative tolerance {tolerance:.0e})")

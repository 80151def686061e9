"""How a backend fares with a program: right, refused in words, an obscure error, or silently wrong."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.checks.features import Feature
from diffbench.errors import DiffbenchError
from diffbench.operators import gradient
from diffbench.registry import backend_class, get_backend
from diffbench.structure import flatten

VERDICTS = ("right", "refused", "obscure", "wrong")  # from the best to the worst


@dataclass(frozen=True)
class Verdict:
    """One of VERDICTS, and what was found: the message of the error, or the wrong gradient."""

    verdict: str
    found: str = ""


def judge(feature: Feature, backend: str) -> Verdict:
    """Differentiate the program of a feature by a backend, and hold the result against the gradient by hand.

    right : entry by entry within a thousand times the backend's own `accuracy`, in shape and dtype too.
    refused : a DiffbenchError that says where it happened or what to do.
    obscure : any other error.
    wrong : another result, NaN included.

    A backend that must be told the derivative (its options name `gradient`) is told the one by hand.

    >>> from diffbench.checks.features import FEATURES
    >>> judge(FEATURES["math.sin"], "reverse").verdict
    'refused'
    """
    kind = backend_class(backend)
    truth = feature.gradient
    options: dict[str, Any] = {"gradient": lambda *_, **__: truth} if "gradient" in kind.options else {}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            derivative = gradient(feature.f, backend=get_backend(backend, **options))
            found = derivative(feature.at, **(feature.keywords or {}))
    except DiffbenchError as error:
        return Verdict("refused" if error.where or error.hint else "obscure", first_line(error))
    except Exception as error:  # whatever a foreign library raises
        return Verdict("obscure", first_line(error))
    return Verdict("right") if agrees(found, truth, kind.accuracy[0]) else Verdict("wrong", repr(found)[:200])


def first_line(error: BaseException) -> str:
    """The kind of an error, and how its message begins."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:200]


def agrees(found: Any, truth: Any, accuracy: float) -> bool:
    """Whether a gradient has the containers, shapes, dtype and numbers that it should have."""
    (leaves, structure), (expected, wanted) = flatten(found), flatten(truth)
    if structure != wanted or [np.shape(x) for x in leaves] != [np.shape(y) for y in expected]:
        return False
    for x, y in zip(map(np.asarray, leaves), map(np.asarray, expected)):
        half = y.dtype == np.float32
        if x.dtype != (np.float32 if half else np.float64):
            return False
        tolerance = max(1000 * accuracy, 1e-9) if not half else 0.01
        if not np.allclose(x, y, rtol=tolerance, atol=tolerance):
            return False
    return True

"""diffbench: write a function once in plain NumPy, and differentiate it by every method there is.

>>> import numpy as np
>>> import diffbench as db
>>> db.gradient(lambda x: np.sum(np.sin(x) * x**2))(np.array([0.0, 1.0]))
array([0.        , 2.22324428])
"""

import importlib
from typing import TYPE_CHECKING, Any

from diffbench.backends.base import Differentiator
from diffbench.dispatch import is_traced, primal, stop_gradient
from diffbench.errors import (
    ArgumentError,
    ClosedFormRequired,
    DiffbenchError,
    DirectionError,
    MissingPackage,
    NotAnalytic,
    ResultError,
    TraceLost,
    UnknownName,
    UnsupportedPrimitive,
    UnsupportedVerb,
)
from diffbench.operators import (
    derivative,
    elementwise_derivative,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    linearize,
    pullback,
    value_and_gradient,
    vjp,
)
from diffbench.registry import backends, get_backend, register_backend

if TYPE_CHECKING:
    from diffbench.reference import reference

__version__ = "0.1.0"

_LOADED_WHEN_USED = {"reference": "diffbench.reference", "checks": "diffbench.checks", "problems": "diffbench.problems"}


def __getattr__(name: str) -> Any:
    """Load the parts that need SymPy, mpmath or pandas when they are first used."""
    if name in _LOADED_WHEN_USED:
        module = importlib.import_module(_LOADED_WHEN_USED[name])
        return getattr(module, name, module)
    raise AttributeError(f"module 'diffbench' has no attribute {name!r}")


__all__ = [
    "ArgumentError",
    "ClosedFormRequired",
    "DiffbenchError",
    "Differentiator",
    "DirectionError",
    "MissingPackage",
    "NotAnalytic",
    "ResultError",
    "TraceLost",
    "UnknownName",
    "UnsupportedPrimitive",
    "UnsupportedVerb",
    "backends",
    "derivative",
    "elementwise_derivative",
    "get_backend",
    "gradient",
    "hessian",
    "hvp",
    "is_traced",
    "jacobian",
    "jvp",
    "linearize",
    "primal",
    "pullback",
    "reference",
    "register_backend",
    "stop_gradient",
    "value_and_gradient",
    "vjp",
]

"""diffbench: write a function once in plain NumPy, and differentiate it by every method there is.

>>> import numpy as np
>>> import diffbench as db
>>> db.gradient(lambda x: np.sum(np.sin(x) * x**2))(np.array([0.0, 1.0]))
array([0.        , 2.22324428])
"""

import importlib
from typing import Any

from diffbench.backends.base import Differentiator
from diffbench.checkpointing import checkpoint, checkpointed_loop
from diffbench.compare import compare, recommend
from diffbench.debugging import debug
from diffbench.errors import (
    ArgumentError,
    ClosedFormRequired,
    DiffbenchError,
    DirectionError,
    ExperimentError,
    MissingPackage,
    NonfiniteError,
    NotAnalytic,
    NotRepeatable,
    ResultError,
    StepNotFound,
    TraceLost,
    UnknownName,
    UnsupportedPrimitive,
    UnsupportedVerb,
)
from diffbench.implicit import implicit_fixed_point, implicit_root
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
from diffbench.reference import ReferenceWarning, reference
from diffbench.registry import backends, get_backend, register_backend
from diffbench.traced_values import is_traced, primal, stop_gradient
from diffbench.user_primitive import primitive

__version__ = "0.1.0"

_LOADED_WHEN_USED = ("checks", "measure", "problems", "special", "testing")
_FUNCTIONS_OF = {"diagnose": "diagnosis"}


def __getattr__(name: str) -> Any:
    """Load the parts that only some users need when they are first used."""
    if name == "trace":
        return importlib.import_module("diffbench.lecture.trace").trace
    if name in _LOADED_WHEN_USED:
        return importlib.import_module(f"diffbench.{name}")
    if name in _FUNCTIONS_OF:
        return getattr(importlib.import_module(f"diffbench.{_FUNCTIONS_OF[name]}"), name)
    raise AttributeError(f"module 'diffbench' has no attribute {name!r}")


__all__ = [
    "ArgumentError",
    "ClosedFormRequired",
    "DiffbenchError",
    "Differentiator",
    "DirectionError",
    "ExperimentError",
    "MissingPackage",
    "NonfiniteError",
    "NotAnalytic",
    "NotRepeatable",
    "ReferenceWarning",
    "ResultError",
    "StepNotFound",
    "TraceLost",
    "UnknownName",
    "UnsupportedPrimitive",
    "UnsupportedVerb",
    "backends",
    "checkpoint",
    "checkpointed_loop",
    "compare",
    "debug",
    "derivative",
    "diagnose",
    "elementwise_derivative",
    "get_backend",
    "gradient",
    "hessian",
    "hvp",
    "implicit_fixed_point",
    "implicit_root",
    "is_traced",
    "jacobian",
    "jvp",
    "linearize",
    "primal",
    "primitive",
    "pullback",
    "recommend",
    "reference",
    "register_backend",
    "stop_gradient",
    "trace",
    "value_and_gradient",
    "vjp",
]

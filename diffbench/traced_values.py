"""What f may ask of a value: whether a trace watches it, its plain value, and the same without derivative."""

from typing import Any

import numpy as np

from diffbench.primitives.arrays import stack_traced
from diffbench.primitives.elementwise import STOP
from diffbench.primitives.primitive import Traced


def is_traced(x: Any) -> bool:
    """Whether a trace watches this value.

    >>> is_traced(np.ones(3))
    False
    """
    return isinstance(_whole(x), Traced)


def primal(x: Any) -> Any:
    """The plain value of a traced value, without any derivative; other values as they are.

    >>> primal(2.0)
    2.0
    """
    x = _whole(x)
    if not isinstance(x, Traced):
        return x
    while isinstance(x, Traced):
        x = x.primal
    return x.copy() if isinstance(x, np.ndarray) else x  # others hold it


def stop_gradient(x: Any) -> Any:
    """The same value, treated as a constant by every derivative of the AD backends.

    Finite differences cannot see it: they move it along with the argument.

    >>> from diffbench import derivative
    >>> derivative(lambda x: x * stop_gradient(x))(3.0)
    3.0
    """
    return STOP(_whole(x))


def _whole(x: Any) -> Any:
    """The traced array that an array of traced objects stands for; other values as they are."""
    if isinstance(x, np.ndarray) and x.dtype.hasobject and any(isinstance(entry, Traced) for entry in x.flat):
        return stack_traced(x)
    return x

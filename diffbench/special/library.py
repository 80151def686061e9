"""scipy.special when it is needed, and not before."""

from types import ModuleType
from typing import Any

from diffbench.errors import MissingPackage


class _Lazily:
    """The functions of scipy.special, by attribute; SciPy is imported with the first of them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(imported(), name)


def imported() -> ModuleType:
    """The module scipy.special. Raises MissingPackage where SciPy is not installed."""
    try:
        from scipy import special
    except ImportError as error:
        raise MissingPackage(
            "diffbench.special needs SciPy for this function",
            why="the function is made of special functions that NumPy does not have",
            hint="pip install scipy",
        ) from error
    return special


sc = _Lazily()

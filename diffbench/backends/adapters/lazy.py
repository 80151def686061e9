"""Modules that are imported when first used: an adapter can be listed where its library is not installed."""

import importlib
from typing import Any


class Lazy:
    """Stands for a module until one of its attributes is asked for.

    >>> decimal = Lazy("decimal")
    >>> decimal.Decimal("0.1") + 1
    Decimal('1.1')
    """

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):  # questions about the stand-in itself, as doctest asks them
            raise AttributeError(attribute)
        found = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found

"""The user's own function, named on a command line or in a variable as module:function."""

import ast
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.errors import ArgumentError, UnknownName, did_you_mean


def load_function(name: str) -> Callable[..., Any]:
    """The function that `module:function` names; modules in the current folder are found as well.

    Raises UnknownName where there is no such module or function; what the module itself raises comes out unchanged.

    >>> load_function("math:sin")(0.0)
    0.0
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise UnknownName(f"{name!r} names no function", hint="write module:function, such as my_model:loss")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise UnknownName(
            f"there is no module {module_name!r}",
            where=name,
            why="it is neither in this folder nor installed",
            hint="start where the file is, and leave out its .py",
        ) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UnknownName(
            f"module {module_name!r} has no function {attribute!r}", where=name, hint=did_you_mean(attribute, known)
        )
    return function


def fingerprint(function: Callable[..., Any]) -> str:
    """A short hash of the file that a function stands in; empty for one that is not written in Python."""
    try:
        source = inspect.getsource(sys.modules[function.__module__])
    except (TypeError, OSError, AttributeError, KeyError):
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def literal_arguments(text: str, option: str = "--at") -> tuple[Any, ...]:
    """The arguments that a literal of Python gives: a tuple is several of them, a list is an array of floats.

    Raises ArgumentError for what is no literal; nothing is evaluated.

    >>> literal_arguments("[0.5, 1.0], 3")
    (array([0.5, 1. ]), 3)
    """
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ArgumentError(
            f"{option} {text!r} is no literal",
            why="numbers, lists, tuples, dicts and strings are read, and nothing is evaluated",
            hint=f'write numbers, as in {option} "[0.5, 1.0], 2.0"',
        ) from None
    return tuple(_with_arrays(part, option) for part in (found if isinstance(found, tuple) else (found,)))


def _with_arrays(value: Any, option: str) -> Any:
    """A list of numbers as an array of floats; dicts entry by entry; all else as it is."""
    if isinstance(value, dict):
        return {key: _with_arrays(part, option) for key, part in value.items()}
    if not isinstance(value, list):
        return value
    try:
        return np.array(value, dtype=float)
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"{option}: {value!r} is no array", why=str(error)) from None

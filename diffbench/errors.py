"""Every error that diffbench raises: what happened, where, why, and what to try.

DiffbenchError
├── TraceLost             (TypeError)            a traced value was about to lose its derivative
├── UnsupportedPrimitive  (NotImplementedError)  a NumPy function, or an argument of it, has no derivative rule
├── UnsupportedVerb       (NotImplementedError)  a backend cannot answer this question
├── ClosedFormRequired    (TypeError)            the program branches on a symbol
├── NotAnalytic           (ValueError)           complex step met an operation that is not analytic
├── ArgumentError         (TypeError)            an argument cannot be differentiated with respect to
├── ResultError           (TypeError)            the result of f does not fit the verb
├── DirectionError        (ValueError)           a tangent or cotangent does not fit the argument or the result
├── NotRepeatable         (RuntimeError)         a checkpointed function did something else when it ran again
├── NonfiniteError        (FloatingPointError)   within db.debug: something stopped being finite
├── StepNotFound          (ArithmeticError)      no step of a finite difference met the criterion of its selector
├── UnknownName           (ValueError)           no backend, problem or experiment of that name
├── ExperimentError       (RuntimeError)         an experiment cannot be loaded, measured or drawn
└── MissingPackage        (ImportError)          an optional library is not installed
"""

import difflib
import os
import sys
from collections.abc import Iterable
from types import FrameType

import numpy as np


class DiffbenchError(Exception):
    """Base of all errors of diffbench; the facts stand in ``what``, ``where``, ``why`` and ``hint``.

    >>> print(DiffbenchError("numpy.sort has no derivative rule", why="it is not in the table", hint="use forward"))
    numpy.sort has no derivative rule
      why:   it is not in the table
      try:   use forward
    """

    def __init__(self, what: str, *, where: str | None = None, why: str | None = None, hint: str | None = None):
        self.what, self.where, self.why, self.hint = what, where, why, hint
        facts = (("where", where), ("why", why), ("try", hint))
        super().__init__("\n".join([what, *(f"  {label + ':':6} {text}" for label, text in facts if text)]))


class TraceLost(DiffbenchError, TypeError):
    """A traced value was about to become a plain number, which would silently lose its derivative."""


class UnsupportedPrimitive(DiffbenchError, NotImplementedError):
    """A NumPy function, or one of its arguments, has no derivative rule."""


class UnsupportedVerb(DiffbenchError, NotImplementedError):
    """A backend cannot answer this question about a function."""


class ClosedFormRequired(DiffbenchError, TypeError):
    """The program branches on a symbol, so there is no one expression to differentiate."""


class NotAnalytic(DiffbenchError, ValueError):
    """Complex step met an operation that is not analytic, where its answer would be wrong."""


class ArgumentError(DiffbenchError, TypeError):
    """An argument is nothing that one can differentiate with respect to."""


class ResultError(DiffbenchError, TypeError):
    """The result of f does not fit the verb."""


class DirectionError(DiffbenchError, ValueError):
    """A tangent does not fit its argument, or a cotangent its result."""


class NotRepeatable(DiffbenchError, RuntimeError):
    """A checkpointed function did something else when it ran again in the backward pass."""


class NonfiniteError(DiffbenchError, FloatingPointError):
    """Within db.debug: a value, a tangent or a cotangent is infinite or NaN."""


class StepNotFound(DiffbenchError, ArithmeticError):
    """No step of a finite difference met the criterion by which it was to be chosen."""


class UnknownName(DiffbenchError, ValueError):
    """Nothing of that name is registered."""


class ExperimentError(DiffbenchError, RuntimeError):
    """An experiment cannot be loaded, measured or drawn."""


class MissingPackage(DiffbenchError, ImportError):
    """An optional library is not installed."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The sentence that helps after a misspelt name.

    >>> did_you_mean("revers", ["forward", "reverse"])
    "did you mean 'reverse'? Known: forward, reverse"
    """
    known = sorted(candidates)
    close = difflib.get_close_matches(str(name), known, n=1)
    question = f"did you mean {close[0]!r}? " if close else ""
    return f"{question}Known: {', '.join(known) or 'none'}"


SCIPYS = (os.path.join(os.path.dirname(os.path.dirname(np.__file__)), "scipy" + os.sep), "scipy" + os.sep)
"""How the names of SciPy's files begin, where it is installed; those of compiled code have no folder above them."""
_NOT_THE_USERS = (os.path.dirname(__file__), os.path.dirname(np.__file__), *SCIPYS, "<")


def is_of_users(filename: str) -> bool:
    """Whether a file of code is neither diffbench's nor NumPy's nor SciPy's, nor compiled."""
    return not filename.startswith(_NOT_THE_USERS) and not filename.endswith(".pyx")


def innermost_line(error: BaseException) -> str | None:
    """``file:line in function`` of the innermost frame of the user's own code that an error passed."""
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_of_users(code.co_filename):
            found = f"{code.co_filename}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
    return found


def user_location() -> str | None:
    """``file:line in function`` of the innermost frame of the user's own code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if is_of_users(filename):
            return f"{filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return None

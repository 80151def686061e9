"""What becomes of an error that SciPy raises because one of its arguments was traced: it is said in our words.

Functions of SciPy that are no ufuncs convert their arguments, and then fail in ways of their own, deep inside. The
traceback tells which function of SciPy the user called, and where; and where the same can be had instead.
"""

import sys
from collections.abc import Iterator
from types import FunctionType, TracebackType
from typing import Any

import numpy as np

from diffbench.construction import holds_traced
from diffbench.errors import SCIPYS, DiffbenchError, TraceLost, is_of_users, user_location

WORDS = ("object", "read-only", "ndarray", "array element", "array of floats", "exception set", "data types",
         "number of diagonals")  # fmt: skip
"""What SciPy's and NumPy's complaints of arrays of traced values mention; others are about the values themselves."""
SOLVERS = ("scipy.integrate", "scipy.optimize")


def lost_in_scipy(error: BaseException) -> TraceLost | None:
    """The error in our words, if SciPy raised this one because a value was traced; None otherwise."""
    steps = list(_steps(error.__traceback__))
    inside = [i for i, step in enumerate(steps) if _file(step).startswith(SCIPYS)]
    if not inside or not _is_about_traces(error, [steps[i] for i in inside]):
        return None
    name = _public_name([steps[i] for i in inside])
    called_back = any(is_of_users(_file(step)) for step in steps[inside[-1] + 1 :])
    if called_back and not name.startswith(SOLVERS):  # the user's own mistake, in a function that SciPy called
        return None
    callers = [step for step in steps[: inside[0]] if is_of_users(_file(step))]
    reason = error.what if isinstance(error, DiffbenchError) else f"{type(error).__name__}: {error}"
    return TraceLost(
        f"{name} cannot be called on a traced value",
        where=_place(callers[-1]) if callers else user_location(),
        why=f"it is no ufunc: SciPy converts its arguments, and no trace can follow ({reason})",
        hint=_instead(name),
    )


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _place(step: TracebackType) -> str:
    return f"{_file(step)}:{step.tb_lineno} in {step.tb_frame.f_code.co_name}"


def _file(step: TracebackType) -> str:
    return step.tb_frame.f_code.co_filename


def _is_about_traces(error: BaseException, steps: list[TracebackType]) -> bool:
    """Whether an error that passed SciPy stems from traced values; what a row of the table says stays as it is."""
    if isinstance(error, DiffbenchError):
        return not error.what.startswith("scipy.")
    if not isinstance(error, TypeError | AttributeError | NotImplementedError) and not any(
        word in str(error) for word in WORDS
    ):
        return False
    return any(map(_holds_traced, (value for step in steps for value in step.tb_frame.f_locals.values())))


def _holds_traced(value: Any) -> bool:
    """Whether a value is traced or holds traced ones, also those that a function has captured, or a sparse matrix."""
    if type(value).__module__.startswith("scipy.sparse"):
        return holds_traced(getattr(value, "data", None))
    cells = value.__closure__ if isinstance(value, FunctionType) else None
    return holds_traced([cell.cell_contents for cell in cells]) if cells else holds_traced(value)


def _public_name(steps: list[TracebackType]) -> str:
    """The function or method of SciPy that was called first, by the name under which users know it."""
    for step in steps:
        frame, method = step.tb_frame, step.tb_frame.f_code.co_name
        package = ".".join(frame.f_globals["__name__"].split(".")[:2])
        public, owner = vars(sys.modules[package]), frame.f_locals.get("self")
        if package == "scipy._lib":
            continue
        if owner is not None:
            owner = getattr(owner, "dist", owner)  # a frozen law
            name = getattr(owner, "name", None)
            name = name if isinstance(name, str) else type(owner).__name__.removesuffix("_gen")
            return f"{package}.{name}" if method in ("__call__", "__init__") else f"{package}.{name}.{method}"
        wrapped = (getattr(value, "__name__", None) for value in frame.f_locals.values() if callable(value))
        name = next((name for name in (method, *wrapped) if name in public), None)
        if name is not None:
            return f"{package}.{name}"
    return "a function of SciPy"


def _instead(name: str) -> str:
    """What to call in place of a function of SciPy."""
    from diffbench import special  # when it is needed

    _, package, *path = name.split(".") if name.startswith("scipy.") else ("", "", "")
    ours: Any = special if package in ("special", "stats") else None
    for word in path:
        ours = getattr(ours, word, None)
    if ours is not None:
        return f"use diffbench.special.{'.'.join(path)}, which takes the same arguments"
    numpys = {"linalg": np.linalg, "fft": np.fft, "signal": np}.get(package)
    if numpys is not None and hasattr(numpys, path[-1]):
        return f"use {numpys.__name__}.{path[-1]}"
    if package == "sparse":
        return "make the matrix with NumPy, as np.diag(x), or multiply its entries yourself, as x * v for diags(x) @ v"
    if name.startswith(SOLVERS):
        return (
            "solve on plain values and tell the derivative: db.implicit_root for a root or a minimum, db.primitive for"
            " any other function; or use a finite-difference backend"
        )
    return "write it with NumPy and ufuncs of scipy.special, give it a derivative by db.primitive, or use differences"

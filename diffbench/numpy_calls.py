"""What becomes of an error that NumPy raises because one of its arguments was traced: it is said in our words."""

import os
from collections.abc import Iterator

from diffbench.errors import DiffbenchError, TraceLost, UnsupportedPrimitive, innermost_line
from diffbench.primitives.strangers import masked_array_met

MASKED = os.path.join("numpy", "ma") + os.sep

COMPLAINTS = {
    "NPY_ITER_REFS_OK": (
        "np.nditer cannot walk over a traced value",
        "loop over x itself, over x.flat or np.ndenumerate(x), or over np.ndindex(x.shape)",
    ),
    "Coefficient arrays have no common type": (
        "the classes of numpy.polynomial cannot hold traced coefficients",
        "use the function for it, as np.polynomial.polynomial.polyval(t, c), or np.polyval",
    ),
    "has no attribute '__array_interface__'": (
        "np.lib.stride_tricks.as_strided reads memory, and a traced value has none of its own",
        "use np.lib.stride_tricks.sliding_window_view, or indexing",
    ),
}
"""What NumPy says of a traced value, and what that means to the user: what happened, and what to do instead."""

OF_OBJECTS = ("has no callable", "dtype('O')", "not supported for the input types")
"""What NumPy says of an array of objects: of each it calls a method, which plain numbers do not have."""


def lost_in_numpy(error: Exception) -> DiffbenchError | None:
    """The error in our words, if NumPy raised this one because a value was traced; None otherwise."""
    if isinstance(error, ValueError) and isinstance(error.__cause__, TraceLost):
        return error.__cause__  # how NumPy reports what __float__ raised inside an assignment
    if isinstance(error, TypeError | AttributeError | UnsupportedPrimitive) and any(
        MASKED in name for name in _files(error)
    ):
        return masked_array_met()
    for words, (what, hint) in COMPLAINTS.items():
        if words in str(error) and not isinstance(error, DiffbenchError):
            return UnsupportedPrimitive(what, where=innermost_line(error), why=f"NumPy says: {error}", hint=hint)
    if not isinstance(error, TypeError) or not any(words in str(error) for words in OF_OBJECTS):
        return None
    return UnsupportedPrimitive(
        "a NumPy function cannot pass an array of objects, traced values and numbers among each other",
        where=innermost_line(error),
        why=f"a list of a traced x and a number became an array of objects; NumPy says: {error}",
        hint="build it with np.array, called by that name (and not by one imported from numpy), or np.stack",
    )


def _files(error: Exception) -> Iterator[str]:
    """The files of code that an error passed."""
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame.f_code.co_filename
        traceback = traceback.tb_next

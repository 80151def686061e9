"""Arrays of kinds that are not NumPy's plain ones: masked arrays, np.matrix, sparse matrices of SciPy.

They give operators and functions meanings of their own, which no rule knows; so they are refused in words, and never
taken for the numbers that they hold. What a rule knows of one of them, it catches: see products.py.
"""

import sys
from typing import Any

import numpy as np

from diffbench.errors import UnsupportedPrimitive, user_location


def is_sparse(x: Any) -> bool:
    """Whether this is a sparse matrix or array of SciPy; whoever holds one has imported SciPy already."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and sparse.issparse(x)


def refuse_stranger(x: Any) -> None:
    """Raise UnsupportedPrimitive for an array that is none of NumPy's plain ones."""
    if isinstance(x, np.ma.MaskedArray):
        raise masked_array_met()
    if isinstance(x, np.matrix):
        raise UnsupportedPrimitive(
            "an np.matrix meets a traced value",
            where=user_location(),
            why="its * is a product of matrices, and its results stay matrices: derivative rules know neither",
            hint="use np.asarray(M), and @ for products",
        )
    if is_sparse(x):
        raise UnsupportedPrimitive(
            "a sparse matrix of SciPy meets a traced value",
            where=user_location(),
            why="derivative rules know its products M @ x and x @ M, and no other function of it",
            hint="use @, convert it with M.toarray(), or give the function a derivative by db.primitive",
        )


def masked_array_met() -> UnsupportedPrimitive:
    """The error for a masked array."""
    return UnsupportedPrimitive(
        "a masked array meets a traced value",
        where=user_location(),
        why="a mask hides entries, of which derivative rules know nothing",
        hint="use np.where(mask, 0.0, x), sums with where=~mask, or np.nansum and its relatives",
    )

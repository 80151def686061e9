"""The one table of primitives: a row for each NumPy function says all that any backend needs to know of it."""

import sys
from collections.abc import Callable
from functools import cache

from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives import (
    complex_numbers,
    determinants,
    elementwise,
    extrema,
    factorisations,
    fourier,
    in_place,
    joining,
    linear_algebra,
    norms,
    ordering,
    polynomials,
    products,
    reductions,
    refused,
    running,
    selecting,
    sequences,
    statistics,
    structural,
    ufunc_methods,
)
from diffbench.primitives.kinds import Row, qualified_name

TABLE: dict[Callable, Row] = {
    row.function: row
    for module in (
        elementwise,
        complex_numbers,
        structural,
        joining,
        selecting,
        reductions,
        extrema,
        running,
        ufunc_methods,
        ordering,
        statistics,
        sequences,
        polynomials,
        products,
        linear_algebra,
        determinants,
        factorisations,
        norms,
        fourier,
        in_place,
        refused,
    )
    for row in module.ROWS
}


def lookup(function: Callable) -> Row:
    """The row of a function of NumPy or scipy.special. Raises UnsupportedPrimitive, naming it, when there is none."""
    try:
        return TABLE[function]
    except KeyError:
        row = rows_of_scipy().get(function) if "scipy.special" in sys.modules else None
    if row is None:
        raise UnsupportedPrimitive(
            f"{qualified_name(function)} has no derivative rule",
            where=user_location(),
            why="a trace can only cross the functions in diffbench's table of primitives",
            hint="write it with functions that have a rule, add a row (CONTRIBUTING.md), or use finite differences",
        )
    return row


@cache
def rows_of_scipy() -> dict[Callable, Row]:
    """The part of the table for scipy.special: whoever holds such a function has imported SciPy already."""
    from diffbench.primitives import scipy_special

    return {row.function: row for row in scipy_special.ROWS}

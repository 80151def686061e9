"""The one table of primitives: a row for each NumPy function says all that any backend needs to know of it."""

from collections.abc import Callable

from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.primitives import (
    elementwise,
    factorisations,
    fourier,
    in_place,
    joining,
    linear_algebra,
    norms,
    ordering,
    products,
    reductions,
    selecting,
    sequences,
    statistics,
    structural,
)
from diffbench.primitives.kinds import Row, qualified_name

TABLE: dict[Callable, Row] = {
    row.function: row
    for module in (
        elementwise,
        structural,
        joining,
        selecting,
        reductions,
        ordering,
        statistics,
        sequences,
        products,
        linear_algebra,
        factorisations,
        norms,
        fourier,
        in_place,
    )
    for row in module.ROWS
}


def lookup(function: Callable) -> Row:
    """The row of a NumPy function. Raises UnsupportedPrimitive, naming it, when there is none."""
    try:
        return TABLE[function]
    except KeyError:
        raise UnsupportedPrimitive(
            f"{qualified_name(function)} has no derivative rule",
            where=user_location(),
            why="a trace can only cross the functions in diffbench's table of primitives",
            hint="write it with functions that have a rule, add a row (CONTRIBUTING.md), or use finite differences",
        ) from None

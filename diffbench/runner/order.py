"""Which cell comes next: within a series sizes ascend, and the series take turns.

In turns, so that a drift of the machine does not favour one series; ascending, so that once a cell has hit
its limit, the larger ones of its series need not be tried.
"""

import json
from collections.abc import Iterable
from itertools import chain, zip_longest
from typing import Any

Cell = dict[str, Any]

AT_LIMIT = ("timeout", "out-of-memory")


def series_of(cell: Cell, series: Iterable[str]) -> str:
    """The name of the series of a cell, as text: values may be lists."""
    return json.dumps([cell[column] for column in series])


def interleaved(cells: Iterable[Cell], series: Iterable[str], size: str | None) -> list[Cell]:
    """The cells, one of each series in turn, each series from its smallest on.

    >>> cells = [{"of": "a", "n": 2}, {"of": "a", "n": 1}, {"of": "b", "n": 1}]
    >>> [(cell["of"], cell["n"]) for cell in interleaved(cells, ["of"], "n")]
    [('a', 1), ('b', 1), ('a', 2)]
    """
    columns = tuple(series)
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(series_of(cell, columns), []).append(cell)
    if size is not None:
        groups = {name: sorted(group, key=lambda cell: cell[size]) for name, group in groups.items()}
    turns = zip_longest(*groups.values())
    return [cell for cell in chain.from_iterable(turns) if cell is not None]


class Dominated:
    """Remembers at which size each series hit a limit: whatever is larger would hit it too."""

    def __init__(self, series: Iterable[str], size: str | None):
        self.series, self.size = tuple(series), size
        self._first: dict[str, tuple[Any, str]] = {}

    def note(self, cell: Cell, status: str) -> None:
        """Learn from a measured cell."""
        if self.size is None or status not in AT_LIMIT:
            return
        name, size = series_of(cell, self.series), cell[self.size]
        if name not in self._first or size < self._first[name][0]:
            self._first[name] = (size, status)

    def why(self, cell: Cell) -> str | None:
        """Why a cell need not be tried, or None."""
        found = self._first.get(series_of(cell, self.series))
        if found is None or self.size is None or cell[self.size] <= found[0]:
            return None
        return f"{found[1]} already at {self.size} = {found[0]}"

"""What one sees while cells are measured: a bar with the remaining time, or now and then a plain line."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from diffbench.runner.order import Cell

LINE_EVERY_SECONDS = 10.0


class Meter:
    """Counts the cells of one experiment; on a terminal a bar, elsewhere a line every ten seconds."""

    def __init__(self, console: Console, name: str, total: int, done: int):
        self.console, self.name, self.total, self.done = console, name, total, done
        self._before = done
        self._start = self._spoke = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[cell]}", style="dim", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(name, total=total, completed=done, cell="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, cell: Cell, status: str) -> None:
        """One more cell has its row."""
        self.done += 1
        words = " ".join(str(value) for value in cell.values())
        self._bar.update(self._task, advance=1, cell=words if status == "ok" else f"{words}: {status}")
        if not self.console.is_terminal and time.monotonic() - self._spoke > LINE_EVERY_SECONDS:
            self._spoke = time.monotonic()
            self.console.print(f"{self.name}: {self.done} of {self.total} cells{self._remaining()}", markup=False)

    def _remaining(self) -> str:
        pace = (time.monotonic() - self._start) / (self.done - self._before)
        return f", about {pace * (self.total - self.done):.0f} s to go"

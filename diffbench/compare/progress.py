"""What one sees while backends are measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def shown(progress: bool | None, total: int) -> Iterator[Callable[..., None]]:
    """A bar on standard error that says what is measured now; it leaves the terminal as it was."""
    console = Console(stderr=True)
    visible = console.is_terminal if progress is None else progress
    columns = (BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not visible) as bar:
        task = bar.add_task("", total=total)
        done = -1

        def now(what: str, advance: bool = True) -> None:
            nonlocal done
            done += advance
            bar.update(task, description=what, completed=done)

        yield now

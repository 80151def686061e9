"""The command `diffbench`: measure experiments, draw them again, compare and diagnose backends, trace a function.

Exit codes: 0 done, whatever theory says of it; 1 something could not be done (or, with --strict, a claim failed);
2 the command was not understood; 130 interrupted.
"""

import argparse
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import diffbench
from diffbench import compare_command, diagnose_command
from diffbench.errors import DiffbenchError
from diffbench.lecture.command import add_trace
from diffbench.lecture.walk_command import add_walk
from diffbench.runner.experiment import PROFILES, Claim, Experiment, discover, load

if TYPE_CHECKING:
    from rich.console import Console

    from diffbench.runner.session import Report

PIPE_WIDTH = 120  # of tables that no terminal shows
INTERRUPTED = 130  # as shells count it: 128 + SIGINT
COLOURS = {"as theory says": "green", "NOT as theory says": "bold red", "not decided": "yellow"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        return options.command(options)
    except DiffbenchError as error:
        complain(error)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. What is measured is kept: the same command goes on from here.", file=sys.stderr)
        return INTERRUPTED


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="diffbench", description=(diffbench.__doc__ or "").partition("\n")[0])
    top.add_argument("--version", action="version", version=f"diffbench {diffbench.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="measure experiments, draw their figures, hold them against theory")
    run.set_defaults(command=run_command)
    add_common(run)
    run.add_argument("--profile", choices=PROFILES, default="lecture", help="how much is measured (%(default)s)")
    run.add_argument("--threads", type=positive, default=1, metavar="N", help="threads of the BLAS (%(default)s)")
    run.add_argument("--fresh", action="store_true", help="measure again what is measured already")

    figures = commands.add_parser("figures", help="draw the figures again from what is measured already")
    figures.set_defaults(command=figures_command)
    add_common(figures)
    figures.add_argument("--profile", choices=PROFILES, help="that of the last run if not given")

    compare_command.add_to(commands)
    diagnose_command.add_to(commands)
    add_trace(commands)
    add_walk(commands)

    backends = commands.add_parser("backends", help="list every backend and what it can do")
    backends.set_defaults(command=backends_command)
    return top


def add_common(command: argparse.ArgumentParser) -> None:
    """The options of every command on experiments."""
    command.add_argument("names", nargs="*", metavar="NAME", help="experiments; all if none is given")
    command.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="(%(default)s)")
    command.add_argument("--experiments", type=Path, default=Path("experiments"), metavar="DIR", help="(%(default)s)")
    command.add_argument("--strict", action="store_true", help="exit with 1 if anything is not as theory says")


def positive(text: str) -> int:
    """A whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


# --------------------------------------------------------------------------------------------------- commands


def run_command(options: argparse.Namespace) -> int:
    """diffbench run"""
    from diffbench.runner import session
    from diffbench.runner.store import Store

    screen = console()
    with Store(options.results) as store, store.locked():
        return each(
            options,
            screen,
            lambda experiment: session.run(
                experiment, options.profile, store, screen, threads=options.threads, fresh=options.fresh
            ),
        )


def figures_command(options: argparse.Namespace) -> int:
    """diffbench figures"""
    from diffbench.runner import session
    from diffbench.runner.store import Store

    with Store(options.results) as store:
        return each(options, console(), lambda experiment: session.redraw(experiment, options.profile, store))


def backends_command(options: argparse.Namespace) -> int:
    """diffbench backends"""
    table = diffbench.backends().reset_index()
    print_table(console(), list(table.columns), table.itertuples(index=False))
    return 0


def each(options: argparse.Namespace, screen: "Console", work: Callable[[Experiment], "Report"]) -> int:
    """Do `work` for each experiment asked for; what fails does not keep the others from their turn."""
    folder = options.experiments
    experiments = [load(name, folder) for name in options.names or discover(folder)]
    reports, failures = [], 0
    for experiment in experiments:
        screen.print(f"{experiment.name}: {experiment.question}", markup=False, highlight=False, soft_wrap=True)
        try:
            reports.append(work(experiment))
        except DiffbenchError as error:
            complain(error)
            failures += 1
        else:
            print_claims(screen, reports[-1].claims)
    for report in reports:
        print_report(screen, report)
    refuted = any(claim.holds is False for report in reports for claim in report.claims)
    return 1 if failures or (options.strict and refuted) else 0


# --------------------------------------------------------------------------------------------------- printing


def console() -> "Console":
    """Standard output: as wide as the terminal, or wide enough for tables where there is none."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def complain(error: DiffbenchError) -> None:
    """Print an error; with the traceback of its cause, which lies in code of the user's own."""
    if error.__cause__ is not None:
        traceback.print_exception(error.__cause__)
    print(f"diffbench: {error}", file=sys.stderr)


def print_claims(screen: "Console", claims: Sequence[Claim]) -> None:
    """The verdict of one experiment, claim by claim."""
    from rich.text import Text

    rows = [(claim.text, claim.expected, claim.found, Text(claim.verdict, COLOURS[claim.verdict])) for claim in claims]
    print_table(screen, ["claim", "expected", "found", "verdict"], rows)


def print_report(screen: "Console", report: "Report") -> None:
    """What was measured, what it shows, and where it lies."""
    frame, folder = report.frame, report.paths[0].parent
    statuses = ", ".join(f"{count} {status}" for status, count in Counter(frame["status"]).most_common())
    lines = [
        f"{report.experiment.name} ({report.profile}): {tally(report.claims)}",
        f"  rows: {statuses}; of {report.cells} cells, {report.measured} measured now",
    ]
    for message, count in Counter(frame[frame["status"] == "failed"]["message"]).most_common(3):
        lines.append(f"  failed, {count} times: {message} (more in {folder / 'cells.log'})")
    lines.append(f"  {folder}: {' '.join(grouped(report.paths))}")
    screen.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def grouped(paths: Iterable[Path]) -> list[str]:
    """File names, those that differ in the suffix only as one.

    >>> grouped([Path("a.svg"), Path("a.png"), Path("b.csv")])
    ['a.{svg,png}', 'b.csv']
    """
    suffixes: dict[str, list[str]] = {}
    for path in paths:
        suffixes.setdefault(path.stem, []).append(path.suffix[1:])
    return [
        f"{stem}.{{{','.join(found)}}}" if len(found) > 1 else f"{stem}.{found[0]}" for stem, found in suffixes.items()
    ]


def tally(claims: Sequence[Claim]) -> str:
    """All verdicts in one sentence."""
    if not claims:
        return "nothing is claimed"
    verdicts = [claim.verdict for claim in claims]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in COLOURS if verdict in verdicts]
    return f"{', '.join(counts)}, of {len(claims)} claims"


def print_table(screen: "Console", columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """A table; text in it is taken as it stands."""
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in columns:
        table.add_column(Text(str(column)))
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    screen.print(table)

"""The command `diffbench compare module:function --at "[0.5, 1.0]"`."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from diffbench.compare import Comparison, compare
from diffbench.errors import ArgumentError, DiffbenchError
from diffbench.question import VERBS
from diffbench.user_function import literal_arguments, load_function

EXAMPLES = """\
examples:
  diffbench compare my_model:loss --at "[0.5, 1.0, 2.0]"
  diffbench compare my_model:loss --at-file weights.npy --backends reverse,finite-central
  diffbench compare my_model:loss --random 100 --seed 0 --time-limit 30 --csv rows.csv
  diffbench compare my_model:residuals --at "[1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]]" --quantity jacobian
  diffbench compare numpy:sin --at 0.3 --quantity derivative --json

The module is imported, and so its code runs; nothing else is evaluated: --at is read as a literal, --at-file without
pickles. f itself is called in processes of their own, with the limits given.

Exit codes: 0 no backend is wrong, and one at least is right; 1 otherwise; 2 the command was not understood.
"""


def add_to(commands: Any) -> None:
    """Add the command to those of `diffbench`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="differentiate your function by every backend, and hold each against 50 digits",
        description="Differentiate a function by every backend, each in a process of its own, and hold the results "
        "against a 50-digit truth: digits right, time, memory, and why a backend refuses.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=compare_command)
    add_function_and_point(parser)
    parser.add_argument("--quantity", choices=VERBS, default="gradient", help="(%(default)s)")
    parser.add_argument("--backends", metavar="A,B", help="all that are known if not given")
    parser.add_argument("--digits", type=int, default=50, metavar="N", help="of the truth (%(default)s)")
    parser.add_argument("--time-limit", type=float, default=10.0, metavar="S", help="seconds a backend (%(default)s)")
    parser.add_argument("--memory-limit", type=float, metavar="MB", help="megabytes a backend")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the rows as CSV as well")
    parser.add_argument("--plot", type=Path, metavar="STEM", help="draw error against time: STEM.svg, .pdf and .png")


def add_function_and_point(parser: argparse.ArgumentParser) -> None:
    """What every command asks that differentiates a function of the user's."""
    parser.add_argument("function", metavar="MODULE:FUNCTION", help="importing the module runs its code")
    point = parser.add_mutually_exclusive_group(required=True)
    point.add_argument("--at", metavar="LITERAL", help='number, list, or several arguments: "[0.5, 1.0], 3"')
    point.add_argument("--at-file", type=Path, metavar="FILE", help="an array saved by numpy.save")
    point.add_argument("--random", type=int, metavar="N", help="N standard normal numbers")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of --random (%(default)s)")
    parser.add_argument("--argnum", type=int, default=0, metavar="N", help="which argument (%(default)s)")


def compare_command(options: argparse.Namespace) -> int:
    """diffbench compare"""
    from rich.console import Console

    arguments = point_of(options)
    function = load_function(options.function)
    try:
        with ended_in_order():
            comparison = compare(
                function,
                *arguments,
                quantity=options.quantity,
                backends=options.backends.split(",") if options.backends else None,
                argnum=options.argnum,
                digits=options.digits,
                time_limit=options.time_limit,
                memory_limit=options.memory_limit,
            )
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        if isinstance(error, DiffbenchError) or not (notes := getattr(error, "__notes__", None)):
            raise
        raise DiffbenchError(
            f"{options.function} raises {type(error).__name__}: {error}", where=notes[-1], hint="call it at that point"
        ) from None
    if options.json:
        print(comparison.to_json())
    else:
        screen = Console()
        if screen.is_terminal:
            screen.print(comparison)
        else:
            print(comparison)
    if options.csv:
        comparison.to_csv(options.csv)
    if options.plot:
        from diffbench import plotting

        plotting.save(comparison.plot(), options.plot)
    return exit_code(comparison)


def exit_code(comparison: Comparison) -> int:
    """0 if no backend is wrong, and at least one is right."""
    statuses = set(comparison.frame.status)
    return 0 if "ok" in statuses and "wrong" not in statuses else 1


def point_of(options: argparse.Namespace) -> tuple:
    """The arguments of the function."""
    if options.random is not None:
        if options.random < 1:
            raise ArgumentError(f"--random {options.random}, expected a positive number")
        return (np.random.default_rng(options.seed).standard_normal(options.random),)
    if options.at_file is not None:
        return (loaded(options.at_file),)
    return literal_arguments(options.at)


def loaded(path: Path) -> Any:
    """An array of numbers from a file of NumPy's; nothing in it is executed."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ArgumentError(
            f"--at-file {path} cannot be read", why=str(error), hint="write it by numpy.save(path, array)"
        ) from None
    if not isinstance(found, np.ndarray):
        raise ArgumentError(
            f"--at-file {path} holds several arrays: {', '.join(found.files)}",
            hint="write one by numpy.save(path, array)",
        )
    return found[()]


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Asked to end, we end by an exception: what was started is killed, and the terminal is as it was."""

    def end(number: int, frame: Any) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

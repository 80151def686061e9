"""The command `diffbench trace`: the tables and programs of a trace, on the screen or in a file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffbench.errors import ArgumentError
from diffbench.user_function import literal_arguments, load_function

if TYPE_CHECKING:
    from diffbench.lecture.model import WengertList

VIEWS = ("table", "source", "counts", "autograd")
FORMATS = {".md": "markdown", ".tex": "latex", ".html": "html", ".csv": "csv"}
EXAMPLES = """examples:
  diffbench trace my_model:loss --at "[0.5, 1.0], 2.0"
  diffbench trace my_model:loss --at 2.0 --mode forward
  diffbench trace my_model:f --at "2, 3" --mode reverse --seed "(1, 0)" -o reverse.tex
  diffbench trace my_model:loss --at "[0.5, 1.0]" --show source > loss_gradient.py
"""


def add_trace(commands: Any) -> None:
    """Add the command to those of the command line."""
    command = commands.add_parser(
        "trace",
        help="the Wengert list of a function, with tangents, adjoints, and derivative programs",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=trace_command)
    command.add_argument("function", metavar="MODULE:FUNCTION", help="in plain NumPy")
    command.add_argument(
        "--at", required=True, metavar="LITERAL", help='its arguments: "[0.5, 1.0], 3"; a list is an array'
    )
    command.add_argument(
        "--argnum", metavar="K[,K]", help="which arguments are inputs; all of real numbers if not given"
    )
    command.add_argument("--mode", choices=("value", "forward", "reverse"), help="(reverse; of tables: value)")
    command.add_argument("--seed", metavar="LITERAL", help="tangent like the arguments, or adjoint like the result")
    command.add_argument("--show", choices=VIEWS, default="table", help="(%(default)s)")
    command.add_argument("--format", choices=("text", *FORMATS.values()), help="that of the file's name, or text")
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help=f"({', '.join(FORMATS)}, .py)")
    command.add_argument("--digits", type=int, default=6, metavar="N", help="of numbers (%(default)s)")
    command.add_argument("--rows", type=int, default=60, metavar="N", help="more are folded (%(default)s)")


def trace_command(options: argparse.Namespace) -> int:
    """diffbench trace"""
    from diffbench.lecture.trace import trace

    function = load_function(options.function)
    if options.digits < 1 or options.rows < 2:
        raise ArgumentError(f"trace: --digits {options.digits} --rows {options.rows}", hint="at least 1 and 2")
    walk = trace(function, *literal_arguments(options.at), argnum=_argnum(options.argnum))
    text = _text(walk, options)
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"trace: {options.output} cannot be written", why=str(error)) from None
    print(f"{walk!r} in {options.output}")
    return 0


def _text(walk: "WengertList", options: argparse.Namespace) -> str:
    """What was asked for, in the format that was asked for."""
    if options.show == "source":
        return walk.source(options.mode or "reverse")
    kind = options.format or FORMATS.get(options.output.suffix if options.output else "", "text")
    frame = {
        "table": lambda: _table(walk, options),
        "counts": walk.operation_counts,
        "autograd": walk.autograd_view,
    }[options.show]()
    if kind == "csv":
        return frame.to_csv(index=False)
    write = {"text": frame.to_text, "markdown": frame.to_markdown, "latex": frame.to_latex, "html": frame.to_html}[kind]
    return write(digits=options.digits, most=options.rows)


def _table(walk: "WengertList", options: argparse.Namespace) -> Any:
    """The table of a mode, from the seed that was given."""
    mode = options.mode or ("value" if options.seed is None else "reverse")
    if mode == "value":
        return walk.table()
    seed = None
    if options.seed is not None:
        parts = literal_arguments(options.seed, "--seed")
        many = (
            len(walk.function.structures) > 1 if mode == "forward" else walk.function.result_structure.kind is not None
        )
        seed = parts if many else parts[0]
    return walk.forward(seed) if mode == "forward" else walk.reverse(seed)


def _argnum(text: str | None) -> tuple[int, ...] | None:
    """The numbers of --argnum."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(f"trace: --argnum {text!r}", hint="write positions from 0 on, as in --argnum 0,2") from None

"""The command `diffbench walk module:function --at "2.0, 3.0" -o page.html`."""

import argparse
from pathlib import Path
from typing import Any

from diffbench.errors import ArgumentError
from diffbench.user_function import literal_arguments, load_function

EXAMPLES = """\
examples:
  diffbench walk my_model:f --at "2.0, 3.0" -o page.html
  diffbench walk my_model:loss --at "[0.5, 1.0, 2.0]"
  diffbench walk my_model:power --at "0.3, 5" --argnum 0

The module is imported, and so its code runs; --at is read as a literal: a list is an array, a tuple several arguments.
The page is one file that needs no network: open it in a browser, put it on a web site, print it.
"""


def add_walk(commands: Any) -> None:
    """Add the command to those of `diffbench`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "walk",
        help="write a page that steps through forward and reverse mode of your function",
        description="Write one HTML file that steps through a function, its forward mode and its reverse mode: source, "
        "graph, table, and the chain rule with its numbers at every step.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=walk_command)
    parser.add_argument("function", metavar="MODULE:FUNCTION", help="importing the module runs its code")
    parser.add_argument("--at", metavar="LITERAL", required=True, help='number, list, or several arguments: "2.0, 3.0"')
    parser.add_argument(
        "--argnum", type=positions, metavar="K[,K]", help="which arguments are inputs; all of real numbers if not given"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="(FUNCTION.html)")


def walk_command(options: argparse.Namespace) -> int:
    """diffbench walk"""
    from diffbench.lecture.trace import trace

    arguments = literal_arguments(options.at)
    function = load_function(options.function)
    walk = trace(function, *arguments, argnum=options.argnum)
    path = options.output or Path(f"{options.function.partition(':')[2]}.html")
    text = walk.to_html()
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(
            f"walk: {path} cannot be written", why=error.strerror, hint="name a file in a folder that there is"
        ) from None
    print(f"{path}: {len(walk)} steps of {walk.name}")
    return 0


def positions(text: str) -> tuple[int, ...]:
    """The numbers in "0,2"."""
    return tuple(int(part) for part in text.split(","))

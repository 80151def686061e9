"""The command `diffbench diagnose module:function --at "[0.5, 1.0]"`."""

import argparse
from typing import Any

from diffbench.compare_command import add_function_and_point, point_of
from diffbench.user_function import load_function

EXAMPLES = """\
examples:
  diffbench diagnose my_model:loss --at "[0.5, 1.0, 2.0]"
  diffbench diagnose my_model:loss --random 100 --seed 0

The module is imported, and so its code runs; --at is read as a literal, --at-file without pickles.

Exit codes: 0 nothing was found that spoils a derivative; 1 something was; 2 the command was not understood.
"""


def add_to(commands: Any) -> None:
    """Add the command to those of `diffbench`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diagnose",
        help="say which methods are wrong about your function at a point, and why",
        description="Say which methods differentiate a function rightly at a point, which do not, and why: kinks, "
        "jumps, NaN with its line, noise, steps that do not fit, lost digits, what is not analytic or not traceable.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=diagnose_command)
    add_function_and_point(parser)


def diagnose_command(options: argparse.Namespace) -> int:
    """diffbench diagnose"""
    from diffbench.diagnosis import diagnose

    arguments = point_of(options)
    found = diagnose(load_function(options.function), *arguments, argnum=options.argnum)
    print(found)
    return 1 if found.findings else 0

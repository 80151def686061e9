"""The worker: imports an experiment once, then forks one process for each cell and kills it at its limits.

    python -m diffbench.runner.worker experiments/swell.py

It reads one request a line (JSON: cell, seconds, megabytes) and answers each with one line (status, message,
elapsed_s, rows). When the runner goes away, even by kill -9, the worker reads the end of its input, kills the
cell and ends as well.
"""

import faulthandler
import gc
import importlib
import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffbench.errors import DiffbenchError
from diffbench.isolation import run_apart
from diffbench.runner.experiment import SEED, Experiment, load

Message = dict[str, Any]

PRELOAD = ("sympy", "mpmath")  # diffbench loads them when first used: not in every cell, while its clock runs


def main(path: str) -> None:
    """Answer requests on standard input until it ends."""
    runner = Runner()
    faulthandler.enable()  # a crash in C leaves a traceback in the log
    try:
        experiment = load(Path(path).stem, Path(path).parent)
    except DiffbenchError as error:
        traceback.print_exc()
        runner.send({"status": "broken", "message": f"{error.what}: {error.why}"})
        return
    for library in PRELOAD:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # what is loaded by now stays; collections in cells need not look at it
    runner.send({"status": "ready"})
    while (request := runner.receive()) is not None:
        answer = supervise(experiment, request, runner)
        if answer is None:
            return
        runner.send(answer)


class Runner:
    """The two pipes to the runner. Cells do not get at them: what they print goes to the log."""

    def __init__(self) -> None:
        # Unbuffered, so that `select` sees whatever is unread.
        self.requests = os.fdopen(os.dup(0), "rb", buffering=0)
        self.answers = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

    def receive(self) -> Message | None:
        """The next request; None when the runner has gone."""
        line = self.requests.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def send(self, answer: Message) -> None:
        """Write one answer as one line."""
        line = memoryview(json.dumps(answer).encode() + b"\n")
        while line:
            line = line[self.answers.write(line) :]

    def close(self) -> None:
        """Let go of both pipes."""
        self.requests.close()
        self.answers.close()


def supervise(experiment: Experiment, request: Message, runner: Runner) -> Message | None:
    """Measure one cell in a process of its own; None when the runner went away meanwhile."""

    def measure(send: Callable[[bytes], None]) -> None:
        runner.close()
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002  the function under test may use the global generator
        send(json.dumps(attempt(experiment, request["cell"])).encode())

    start = time.perf_counter()
    answers, ending = run_apart(
        measure,
        seconds=request["seconds"],
        megabytes=request["megabytes"],
        quiet=False,
        abandon=runner.requests.fileno(),
    )
    if ending.status == "abandoned":
        return None
    answer = json.loads(answers[-1]) if ending.status == "done" else stopped(ending.status, ending.message)
    return {**answer, "elapsed_s": time.perf_counter() - start}


def stopped(status: str, message: str) -> Message:
    """The answer for a cell that has no rows."""
    return {"status": status, "message": message, "rows": []}


def attempt(experiment: Experiment, cell: dict[str, Any]) -> Message:
    """Call `measure` and say how it went."""
    try:
        return {"status": "ok", "message": "", "rows": tidy(experiment.measure(**cell))}
    except MemoryError as error:
        return stopped("out-of-memory", f"MemoryError: {error}")
    except DiffbenchError as error:
        return stopped("unsupported", f"{type(error).__name__}: {error.what}")
    except BaseException as error:  # SystemExit too: a cell may do what it likes
        traceback.print_exc()
        return stopped("failed", traceback.format_exception_only(error)[-1].strip())


def tidy(rows: Any) -> list[dict[str, Any]]:
    """The rows that `measure` returned, in JSON's own types; TypeError where they are not rows."""
    several = [rows] if isinstance(rows, Mapping) else rows
    if not isinstance(several, list | tuple) or not all(isinstance(row, Mapping) for row in several):
        raise TypeError(f"measure returned {rows!r}: it returns a dict, one row, or a list of dicts")
    return [{str(column): plain(column, value) for column, value in row.items()} for row in several]


def plain(column: str, value: Any) -> Any:
    """A value in JSON's own types: NumPy's scalars and arrays become Python's numbers and lists."""
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, np.generic | np.ndarray):
        return plain(column, value.tolist())
    if isinstance(value, list | tuple):
        return [plain(column, entry) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"measure returned a {type(value).__name__} as {column!r}: rows hold numbers, text and lists of them"
    )


if __name__ == "__main__":
    main(sys.argv[1])

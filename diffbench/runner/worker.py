"""The worker: imports an experiment once, then forks one process for each cell and kills it at its limits.

    python -m diffbench.runner.worker experiments/swell.py

It reads one request a line (JSON: cell, seconds, megabytes) and answers each with one line (status, message,
elapsed_s, rows). A fork costs some milliseconds, where starting Python and importing SymPy costs a second;
and since a cell is a process, the system takes back all that it held, however it ended. When the runner goes
away, even by kill -9, the worker reads the end of its input, kills the cell and ends as well.
"""

import faulthandler
import gc
import importlib
import json
import math
import os
import random
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil

from diffbench.errors import DiffbenchError
from diffbench.runner.experiment import SEED, Experiment, load

Message = dict[str, Any]

PRELOAD = ("sympy", "mpmath")  # diffbench loads them when first used: not in every cell, while its clock runs
POLL_SECONDS = 0.02
MEGABYTE = 2**20


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


# ------------------------------------------------------------------------------------------- from the outside


def supervise(experiment: Experiment, request: Message, runner: Runner) -> Message | None:
    """Measure one cell in a process of its own; None when the runner went away meanwhile."""
    result, result_writer = os.pipe()
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        runner.close()
        measure_and_exit(experiment, request, result_writer)
    os.close(result_writer)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)  # the child does so too: whoever comes first
    try:
        answer = watch(pid, result, runner, request)
    finally:
        os.close(result)
        exitcode = end(pid)
    if answer is None:
        return None
    return {**(answer or died(exitcode)), "elapsed_s": time.perf_counter() - start}


def watch(pid: int, result: int, runner: Runner, limits: Mapping[str, float]) -> Message | None:
    """The cell's answer, or the limit that it ran into; {} if it died, None if the runner went away."""
    deadline = time.perf_counter() + limits["seconds"]
    idle = psutil.Process().memory_info().rss  # a fork begins with the worker's own memory
    requests = runner.requests.fileno()
    received = b""
    while True:
        patience = min(POLL_SECONDS, max(0.0, deadline - time.perf_counter()))
        readable, _, _ = select.select([result, requests], [], [], patience)
        if requests in readable:
            kill_descendants(pid)
            return None
        if result in readable:
            chunk = os.read(result, MEGABYTE)
            received += chunk
            if chunk.endswith(b"\n"):
                return json.loads(received)
            if not chunk:
                return {}
        if resident(pid) - idle > limits["megabytes"] * MEGABYTE:
            kill_descendants(pid)
            return stopped("out-of-memory", f"more than {limits['megabytes']:g} MB")
        if time.perf_counter() >= deadline:
            kill_descendants(pid)
            return stopped("timeout", f"longer than {limits['seconds']:g} s")


def resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 once it has ended."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def kill_descendants(pid: int) -> None:
    """Kill what a cell has started, also what has left its process group."""
    with suppress(psutil.Error):
        for descendant in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                descendant.kill()


def end(pid: int) -> int:
    """Kill the process group of a cell, whether or not it would rather go on, and return its exit code."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says PermissionError where all have ended
        os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)  # it may have left its group; until it is waited for, the number is its own
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def stopped(status: str, message: str) -> Message:
    """The answer for a cell that has no rows."""
    return {"status": status, "message": message, "rows": []}


def died(exitcode: int) -> Message:
    """The answer for a cell that ended without one."""
    if exitcode < 0:
        return stopped("failed", f"the process of the cell was killed by {signal.Signals(-exitcode).name}")
    return stopped("failed", f"the process of the cell ended without a result, with exit code {exitcode}")


# -------------------------------------------------------------------------------------------- from the inside


def measure_and_exit(experiment: Experiment, request: Message, result: int) -> NoReturn:
    """All that the process of a cell does."""
    try:
        os.setpgid(0, 0)
        set_backstops(request["seconds"], request["megabytes"])
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002  the function under test may use the global generator
        answer = json.dumps(attempt(experiment, request["cell"])).encode() + b"\n"
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(result, "wb") as pipe:
            pipe.write(answer)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # the clean-up at exit is the worker's


def set_backstops(seconds: float, megabytes: float) -> None:
    """Have the system stop what the worker cannot see in time, or no longer sees because it was killed.

    Generously, since the worker is the judge: libraries reserve more address space than they use, and
    processor time is the sum over threads.
    """
    mapped = psutil.Process().memory_info().vms
    for kind, most in (
        (resource.RLIMIT_AS, mapped + 4 * megabytes * MEGABYTE),
        (resource.RLIMIT_CPU, 2 + 2 * seconds * (os.cpu_count() or 1)),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a lower one is set already, or the system has no such limit
            resource.setrlimit(kind, (math.ceil(most),) * 2)


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

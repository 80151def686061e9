"""The runner's side of the workers: hand out cells, one to each idle worker, and yield what comes back."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from diffbench.runner.environment import PACKAGE
from diffbench.runner.experiment import SEED, Experiment, ExperimentError, Limits
from diffbench.runner.order import Cell

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
FAREWELL_SECONDS = 5


class Worker:
    """One worker process; what its cells print goes to `log`."""

    def __init__(self, experiment: Experiment, threads: int, log: Path):
        self.log = log
        # -P: what lies in the current folder shadows no library.
        command = [sys.executable, "-P", "-m", "diffbench.runner.worker", str(experiment.path.resolve())]
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=worker_variables(threads),
                start_new_session=True,  # Ctrl-C is for the runner, which tells its workers
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, cell: Cell, limits: Limits) -> None:
        """Hand out a cell."""
        request = {"cell": cell, "seconds": limits.seconds, "megabytes": limits.megabytes}
        with suppress(BrokenPipeError):  # a worker that has died has no answer, and there we notice
            self.requests.write(json.dumps(request).encode() + b"\n")
            self.requests.flush()

    def answer(self) -> dict[str, Any] | None:
        """The next answer, waited for; None if the worker has died."""
        line = self.answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def wait_until_ready(self) -> None:
        """ExperimentError if the worker cannot start."""
        answer = self.answer() or {"status": "broken", "message": "its process died"}
        if answer["status"] != "ready":
            raise ExperimentError(
                "a worker could not start", why=answer["message"], hint=f"{self.log} has the traceback"
            )

    def close(self) -> None:
        """End the worker, and with it the cell that it may be at."""
        with suppress(BrokenPipeError):
            self.requests.close()
        try:
            self.process.wait(FAREWELL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.returncode != 0:
            kill_session(self.process.pid)
        self.answers.close()


def kill_session(session: int) -> None:
    """Kill the cell that a worker left behind, when it died before it could do so itself."""
    for process in psutil.process_iter():
        with suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session:
                process.kill()


def worker_variables(threads: int) -> dict[str, str]:
    """Environment variables for what is decided when Python starts and when NumPy loads its BLAS."""
    path = [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]  # the same diffbench as ours
    return {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "PYTHONHASHSEED": str(SEED),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
    }


class Pool:
    """Workers for one experiment, started together and closed together, whatever happens in between."""

    def __init__(self, experiment: Experiment, limits: Limits, *, workers: int, threads: int, log: Path):
        self.experiment, self.limits, self.threads, self.log = experiment, limits, threads, log
        self.idle: list[Worker] = []
        self.busy = selectors.DefaultSelector()
        self._size = workers

    def __enter__(self) -> Self:
        self.log.write_bytes(b"")
        try:
            for _ in range(self._size):
                self.idle.append(self._start())
            for worker in self.idle:
                worker.wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self.idle, *(key.data[0] for key in self.busy.get_map().values())]:
            worker.close()
        self.busy.close()

    def _start(self) -> Worker:
        return Worker(self.experiment, self.threads, self.log)

    def measure(self, cells: Iterator[Cell]) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """Yield each cell with its answer as it comes; the next cell is drawn only when a worker is idle."""
        while True:
            while self.idle and (cell := next(cells, None)) is not None:
                worker = self.idle.pop()
                worker.ask(cell, self.limits)
                self.busy.register(worker.answers, selectors.EVENT_READ, (worker, cell))
            if not self.busy.get_map():
                return
            for key, _ in self.busy.select():
                yield self._collect(*key.data)

    def _collect(self, worker: Worker, cell: Cell) -> tuple[Cell, dict[str, Any]]:
        answer = worker.answer()
        self.busy.unregister(worker.answers)
        if answer is None:
            worker.close()
            worker = self._start()
            worker.wait_until_ready()
            answer = {"status": "failed", "message": "its worker died", "elapsed_s": None, "rows": []}
        self.idle.append(worker)
        return cell, answer

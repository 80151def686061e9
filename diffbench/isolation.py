"""Work in a process of its own, with limits, so that it may hang, crash or eat memory and harm nobody.

    messages, ending = run_apart(lambda send: send(b"42"), seconds=10, megabytes=1024)
    ending.status                  # "done", or how it ended instead

A fork costs some milliseconds, where starting Python and importing SymPy costs a second; the work may be any closure,
lambdas included; and since it is a process, the system takes back all that it held, however it ended. What it has sent
before it ended is kept.
"""

import faulthandler
import gc
import math
import os
import resource
import select
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import psutil

from diffbench.errors import DiffbenchError

Send = Callable[[bytes], None]
Work = Callable[[Send], None]

POLL_SECONDS = 0.02
MEGABYTE = 2**20
HEAD = struct.Struct("<q")  # before each message: its length
END = HEAD.pack(-1)  # after the last one
LAST_WORDS = 4096  # bytes of what the process wrote to standard error that are kept


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    status : "done", "timeout", "out-of-memory", "failed" (it died), or "abandoned".
    message : the reason in words; empty when it is done.
    last_words : the last line that it wrote to standard error, if that was caught.
    """

    status: str
    message: str = ""
    last_words: str = ""


def run_apart(
    work: Work, *, seconds: float, megabytes: float, quiet: bool = True, abandon: int | None = None
) -> tuple[list[bytes], Ending]:
    """Do work in a process of its own; what it has sent, and how it ended.

    work : called with `send`, which takes bytes; it is done when it returns, and has failed when it raises.
    seconds, megabytes : of wall-clock time, and of resident memory beyond what this process holds already.
    quiet : standard input is empty, standard output is dropped, of standard error the last line is kept.
    abandon : a file descriptor; when it can be read, the process is killed at once.

    The process and all its descendants are gone when this returns or raises, KeyboardInterrupt included.
    """
    if not hasattr(os, "fork"):
        raise DiffbenchError(
            "this system cannot fork a process", why="limits are set on forked processes", hint="use Linux or macOS"
        )
    results, results_writer = os.pipe()
    errors, errors_writer = os.pipe() if quiet else (None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that other threads will not be in the new process: we need none of them
        pid = os.fork()
    if pid == 0:
        _work_and_exit(work, results_writer, errors_writer, seconds, megabytes)
    os.close(results_writer)
    if errors_writer is not None:
        os.close(errors_writer)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)  # the child does so too: whoever comes first
    watch = _Watch(pid, results, errors, abandon)
    try:
        ending = watch.until_it_ends(seconds, megabytes)
    finally:
        exitcode, most = _end(pid)
        os.close(results)
        if errors is not None:
            os.close(errors)
    if ending is None:
        ending = Ending("failed", _how_it_died(exitcode), watch.last_words())
    if ending.status in ("done", "failed") and most > watch.idle + megabytes * MEGABYTE:
        ending = _too_much(megabytes)  # it ended between two looks, at the backstop or by luck: the limit is the limit
    return watch.messages, ending


class _Watch:
    """The outside of the process: what it says, how long it takes, how much it holds."""

    def __init__(self, pid: int, results: int, errors: int | None, abandon: int | None):
        self.pid, self.results, self.errors, self.abandon = pid, results, errors, abandon
        self.idle = psutil.Process().memory_info().rss  # a fork begins with its parent's own memory
        self.received, self.heard = bytearray(), b""
        self.messages: list[bytes] = []
        self.finished = False
        self.open = [fd for fd in (results, errors) if fd is not None]

    def until_it_ends(self, seconds: float, megabytes: float) -> Ending | None:
        """Listen until the work is done, or has run into a limit; None if the process died."""
        deadline = time.perf_counter() + seconds
        while self.results in self.open:
            readable = self.listen(min(POLL_SECONDS, max(0.0, deadline - time.perf_counter())))
            if self.abandon in readable:
                self.kill_descendants()
                return Ending("abandoned", "nobody waits for it any more")
            self.unpack()
            if _resident(self.pid) > self.idle + megabytes * MEGABYTE:
                self.kill_descendants()
                return _too_much(megabytes)
            if self.finished:
                return Ending("done")
            if time.perf_counter() >= deadline:
                self.kill_descendants()
                return Ending("timeout", f"longer than {seconds:g} s")
        while self.errors in self.open and self.listen(POLL_SECONDS):
            pass
        return None

    def listen(self, patience: float) -> list[int]:
        """Take what there is to read, once."""
        others = [] if self.abandon is None else [self.abandon]
        readable, _, _ = select.select([*self.open, *others], [], [], patience)
        for fd in readable:
            if fd in self.open:
                chunk = os.read(fd, MEGABYTE)
                if not chunk:
                    self.open.remove(fd)
                elif fd == self.results:
                    self.received += chunk
                else:
                    self.heard = (self.heard + chunk)[-LAST_WORDS:]
        return readable

    def kill_descendants(self) -> None:
        """Kill what the process has started, also what has left its process group; `_end` kills itself."""
        with suppress(psutil.Error):
            for descendant in psutil.Process(self.pid).children(recursive=True):
                with suppress(psutil.Error):
                    descendant.kill()

    def unpack(self) -> None:
        """Take the messages that have arrived whole."""
        while len(self.received) >= HEAD.size:
            (length,) = HEAD.unpack_from(self.received)
            if length < 0:
                self.finished = True
                return
            if len(self.received) < HEAD.size + length:
                return
            self.messages.append(bytes(self.received[HEAD.size : HEAD.size + length]))
            del self.received[: HEAD.size + length]

    def last_words(self) -> str:
        """The last line on standard error."""
        lines = [line for line in self.heard.decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


def _resident(pid: int) -> int:
    """Resident memory of a process in bytes; 0 once it has ended."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0


def _too_much(megabytes: float) -> Ending:
    return Ending("out-of-memory", f"more than {megabytes:g} MB")


def _end(pid: int) -> tuple[int, int]:
    """Kill the process group, whether or not it would rather go on: the exit code, and the most bytes it held."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says PermissionError where all have ended
        os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)  # it may have left its group; until it is waited for, the number is its own
    _, status, usage = os.wait4(pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    return os.waitstatus_to_exitcode(status), usage.ru_maxrss * unit


def _how_it_died(exitcode: int) -> str:
    if exitcode < 0:
        return f"its process was killed by {signal.Signals(-exitcode).name}"
    return f"its process ended without a result, with exit code {exitcode}"


# -- from the inside ---------------------------------------------------------------------------------------------------


def _work_and_exit(work: Work, results: int, errors: int | None, seconds: float, megabytes: float) -> NoReturn:
    """All that the process does."""
    try:
        os.setpgid(0, 0)
        gc.freeze()  # a collection would touch, and so copy, all the memory that is shared with the parent
        if errors is not None:
            _be_quiet(errors)
        _set_backstops(seconds, megabytes)
        with os.fdopen(results, "wb", buffering=0) as pipe:

            def write(data: bytes) -> None:
                rest = memoryview(data)
                while rest:
                    rest = rest[pipe.write(rest) :]

            work(lambda message: write(HEAD.pack(len(message)) + message))
            sys.stdout.flush()
            sys.stderr.flush()
            write(END)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # the clean-up at exit is the parent's


def _be_quiet(errors: int) -> None:
    """Standard input empty, standard output dropped, standard error into a pipe; also where Python holds others."""
    faulthandler.disable()  # a crash is told by the parent
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd, target in ((0, nothing), (1, nothing), (2, errors)):
        os.dup2(target, fd)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  it lasts as long as the process
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115


def _set_backstops(seconds: float, megabytes: float) -> None:
    """Have the system stop what the parent cannot see in time, or no longer sees because it was killed.

    Generously, since the parent is the judge: libraries reserve more address space than they use, and
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
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which ends the process, also one that sleeps
    signal.setitimer(signal.ITIMER_REAL, 5 + 2 * seconds)

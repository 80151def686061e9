"""Work in a process of its own: what it sends arrives, and however it ends, the reason is known and nothing is left."""

import ctypes
import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from diffbench import isolation
from diffbench.isolation import run_apart


def hangs(send):
    send(b"before")
    while True:
        pass


def eats(send):
    held = []
    while True:
        held.append(np.ones(1_000_000))


def speaks_and_dies(send):
    print("the last words", file=sys.stderr)
    os._exit(3)


def raises(send):
    raise RuntimeError("the reason")


@pytest.mark.parametrize(
    ("work", "seconds", "status", "message"),
    [
        (lambda send: send(b"x"), 20, "done", ""),
        (lambda send: None, 20, "done", ""),
        (hangs, 0.3, "timeout", "longer than 0.3 s"),
        (eats, 20, "out-of-memory", "more than 100 MB"),
        (lambda send: ctypes.string_at(0), 20, "failed", "its process was killed by SIGSEGV"),
        (speaks_and_dies, 20, "failed", "its process ended without a result, with exit code 3"),
        (raises, 20, "failed", "its process ended without a result, with exit code 1"),
    ],
    ids=["sends", "silent", "hangs", "eats", "segfaults", "exits", "raises"],
)
def test_every_end_has_its_reason(work, seconds, status, message):
    _, ending = run_apart(work, seconds=seconds, megabytes=100)
    assert (ending.status, ending.message) == (status, message)


def test_too_much_memory_is_told_alike_whether_or_not_the_parent_looked_in_time(monkeypatch):
    monkeypatch.setattr(isolation, "POLL_SECONDS", 20)  # looks when the process has ended: at its backstop
    _, ending = run_apart(eats, seconds=20, megabytes=100)
    assert (ending.status, ending.message) == ("out-of-memory", "more than 100 MB")


def test_a_process_that_held_too_much_between_two_looks_has_broken_the_limit(monkeypatch):
    monkeypatch.setattr(isolation, "POLL_SECONDS", 20)
    libraries = psutil.Process().memory_info().rss  # a fork takes not all pages along: hold more than that besides
    limit = 100 * isolation.MEGABYTE + libraries
    held = limit + libraries
    sent, ending = run_apart(lambda send: send(bytes(held)[:3]), seconds=20, megabytes=limit / isolation.MEGABYTE)
    assert (sent, ending.status) == ([bytes(3)], "done")  # zeros that nobody has touched are no memory
    sent, ending = run_apart(
        lambda send: send(np.ones(held, np.uint8)[:3].tobytes()), seconds=20, megabytes=limit / isolation.MEGABYTE
    )
    assert (sent, ending.status) == ([b"\1\1\1"], "out-of-memory")


def test_messages_arrive_whole_and_in_order():
    sent = [b"", b"1", bytes(3_000_000), b"\n"]
    assert run_apart(lambda send: [send(m) for m in sent], seconds=20, megabytes=100)[0] == sent


def test_what_was_sent_before_a_limit_is_kept():
    assert run_apart(hangs, seconds=0.1, megabytes=100)[0] == [b"before"]


@pytest.mark.parametrize(("work", "words"), [(speaks_and_dies, "the last words"), (raises, "RuntimeError: the reason")])
def test_the_last_words_of_a_process_that_died_are_heard(work, words):
    assert run_apart(work, seconds=20, megabytes=100)[1].last_words == words


def test_a_quiet_process_prints_nothing_and_reads_nothing(capfd):
    def prints(send):
        print("python")
        os.system("echo shell; echo shell >&2")
        send(sys.stdin.read().encode() + os.read(0, 10))

    assert run_apart(prints, seconds=20, megabytes=100)[0] == [b""]
    assert capfd.readouterr() == ("", "")


def test_what_the_work_has_started_is_gone_as_well():
    def starts(send):
        send(str(subprocess.Popen(["sleep", "600"], start_new_session=True).pid).encode())
        time.sleep(600)

    messages, _ = run_apart(starts, seconds=0.3, megabytes=100)
    deadline = time.monotonic() + 5
    while running(int(messages[0])) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not running(int(messages[0]))


def running(pid):
    psutil = pytest.importorskip("psutil")
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_child_that_keeps_the_pipe_open_does_not_keep_us_waiting():
    def forks(send):
        if os.fork() == 0:
            time.sleep(600)
        send(b"done")

    start = time.monotonic()
    assert run_apart(forks, seconds=60, megabytes=100)[1].status == "done"
    assert time.monotonic() - start < 30


def test_nobody_waits_for_abandoned_work():
    reader, writer = os.pipe()
    os.close(writer)
    try:
        assert run_apart(hangs, seconds=60, megabytes=100, abandon=reader)[1].status == "abandoned"
    finally:
        os.close(reader)

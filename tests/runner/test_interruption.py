"""A run that is killed or interrupted in the middle loses nothing, leaves nothing behind, and goes on from there."""

import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.common import heed_interrupts

PATIENCE = 60  # seconds

WAITS_AT_FOUR = """
def measure(n):
    here = Path(__file__).parent
    with (here / "calls").open("a") as calls:
        calls.write(f"{n} ")
    if n == 4 and not (here / "reached").exists():
        (here / "half").write_text(str(os.getpid()))
        (here / "half").rename(here / "reached")
        time.sleep(600)
    return {"square": n * n}
"""


@pytest.fixture
def command(write_experiment, tmp_path):
    """The command line that measures six cells; the fourth waits for ever, the first time."""
    folder = write_experiment(WAITS_AT_FOUR)
    where = ["--experiments", str(folder), "--results", str(tmp_path / "results")]
    return [sys.executable, "-m", "diffbench", "run", "squares", "--profile", "quick", *where]


@pytest.fixture
def interrupt(command, wait_until, tmp_path):
    """Start the run, send it a signal while it is at the fourth cell; the process, and the cell's number."""

    def go(number):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts
        )
        reached = tmp_path / "experiments" / "reached"
        assert wait_until(lambda: reached.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        os.kill(process.pid, number)
        process.output, process.errors = process.communicate(timeout=PATIENCE)
        return process, int(reached.read_text())

    return go


def stored(tmp_path):
    """How often each n is in the store."""
    database = sqlite3.connect(tmp_path / "results" / "diffbench.sqlite")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return [cell for (cell,) in database.execute("SELECT cell FROM cells ORDER BY cell")]


def test_after_kill_9_the_run_goes_on_and_every_cell_is_stored_once(interrupt, command, gone, tmp_path):
    process, cell = interrupt(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert gone(cell)
    assert len(stored(tmp_path)) == 3

    again = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert again.returncode == 0, again.stderr
    assert "of 6 cells, 3 measured now" in again.stdout
    assert stored(tmp_path) == [f'{{"n": {n}}}' for n in range(1, 7)]
    assert (tmp_path / "experiments" / "calls").read_text().split() == list("123" + "4" + "456")


def test_ctrl_c_leaves_the_store_in_order_and_exits_with_130(interrupt, gone, tmp_path):
    process, cell = interrupt(signal.SIGINT)
    assert process.returncode == 130
    assert "the same command goes on from here" in process.errors
    assert "Traceback" not in process.errors
    assert gone(cell)
    assert len(stored(tmp_path)) == 3

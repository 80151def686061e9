"""Cells that hang, eat memory, crash or lie: each is a row with its reason, and the others are measured all the same.

One run measures all of them in turn; every test reads its own row.
"""

import io

import pytest
from rich.console import Console

from diffbench.runner import session
from diffbench.runner.experiment import load
from diffbench.runner.store import Store

HOSTILE = """
import ctypes, json, signal, subprocess, sys

LIMITS = {"quick": Limits(seconds=1, megabytes=150)}
KINDS = [
    "fast", "hangs", "ignores_sigterm", "sleeps_with_child", "eats_memory", "asks_for_too_much", "aborts",
    "segfaults", "raises", "exits", "exits_hard", "unsupported", "wrong", "returns_nonsense", "returns_object",
    "prints", "reads", "numpy", "threads", "random", "still_fast",
]

def sweep(profile):
    return [{"kind": kind} for kind in KINDS]

def measure(kind):
    return globals()[kind]()

def fast(): return {"x": 1}
def still_fast(): return {"x": 2}
def hangs():
    while True: pass
def ignores_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hangs()
def sleeps_with_child():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path(__file__).with_name("child.pid").write_text(str(child.pid))
    time.sleep(600)
def eats_memory():
    held = np.ones(40_000_000)
    time.sleep(600)
def asks_for_too_much(): return {"x": float(np.ones(10**13).sum())}
def aborts(): os.abort()
def segfaults(): ctypes.string_at(0)
def raises(): raise RuntimeError("the reason")
def exits(): sys.exit(3)
def exits_hard(): os._exit(4)
def unsupported(): raise db.UnsupportedPrimitive("numpy.sort has no rule", why="it is not in the table")
def wrong(): return {"x": 3, "status": "wrong", "message": "off by 2"}
def returns_nonsense(): return 7
def returns_object(): return {"x": object()}
def prints():
    print("to be found in the log")
    return {"x": 1}
def reads(): return {"x": len(sys.stdin.read())}
def numpy(): return {"x": np.float32(0.5), "samples": np.arange(3), "nan": np.nan, "long": np.longdouble(2)}
def threads(): return {"x": os.environ["OPENBLAS_NUM_THREADS"], "hash": os.environ["PYTHONHASHSEED"]}
def random(): return {"x": np.random.random()}
"""


@pytest.fixture(scope="module")
def folders(whole, tmp_path_factory):
    """The experiments folder and the results of one run over all kinds."""
    experiments = tmp_path_factory.mktemp("experiments")
    results = tmp_path_factory.mktemp("results")
    (experiments / "hostile.py").write_text(whole(HOSTILE), encoding="utf-8")
    return experiments, results


@pytest.fixture(scope="module")
def rows(folders):
    """kind -> row."""
    experiments, results = folders
    with Store(results) as store, store.locked():
        report = session.run(load("hostile", experiments), "quick", store, Console(file=io.StringIO()))
    return report.frame.set_index("kind")


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("fast", "ok", ""),
        ("hangs", "timeout", "longer than 1 s"),
        ("ignores_sigterm", "timeout", "longer than 1 s"),
        ("sleeps_with_child", "timeout", "longer than 1 s"),
        ("eats_memory", "out-of-memory", "more than 150 MB"),
        ("asks_for_too_much", "out-of-memory", "MemoryError: Unable to allocate"),
        ("aborts", "failed", "its process was killed by SIGABRT"),
        ("segfaults", "failed", "its process was killed by SIGSEGV"),
        ("raises", "failed", "RuntimeError: the reason"),
        ("exits", "failed", "SystemExit: 3"),
        ("exits_hard", "failed", "its process ended without a result, with exit code 4"),
        ("unsupported", "unsupported", "UnsupportedPrimitive: numpy.sort has no rule"),
        ("wrong", "wrong", "off by 2"),
        ("returns_nonsense", "failed", "TypeError: measure returned 7"),
        ("returns_object", "failed", "TypeError: measure returned a object as 'x'"),
        ("reads", "ok", ""),
        ("still_fast", "ok", ""),
    ],
)
def test_every_end_of_a_cell_is_a_row_with_its_reason(rows, kind, status, message):
    assert rows.loc[kind, "status"] == status
    assert rows.loc[kind, "message"].startswith(message)


def test_what_cells_give_back_is_not_touched_by_their_neighbours(rows):
    assert (rows.loc["fast", "x"], rows.loc["still_fast", "x"]) == (1, 2)


def test_what_a_killed_cell_had_started_is_killed_too(folders, rows, gone):
    assert gone(int((folders[0] / "child.pid").read_text()))


def test_what_cells_print_and_the_traceback_of_a_crash_are_in_the_log(folders, rows):
    log = (folders[1] / "hostile" / "cells.log").read_text()
    assert "to be found in the log" in log
    assert "RuntimeError: the reason" in log
    assert "Fatal Python error: Aborted" in log


def test_numpy_values_come_back_as_numbers_and_lists(rows):
    row = rows.loc["numpy"]
    assert (row["x"], row["samples"], row["long"]) == (0.5, [0, 1, 2], 2.0)
    assert row["nan"] != row["nan"]


def test_a_cell_has_one_blas_thread_and_seeded_hashes(rows):
    assert (rows.loc["threads", "x"], rows.loc["threads", "hash"]) == ("1", "0")


def test_the_global_generator_is_seeded(rows):
    assert rows.loc["random", "x"] == 0.5488135039273248  # of np.random.seed(0)


def test_the_elapsed_time_of_a_killed_cell_is_its_limit_or_more(rows):
    assert rows.loc["hangs", "elapsed_s"] >= 1

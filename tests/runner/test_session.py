"""One experiment from sweep to verdict: what is kept, what is measured, and what is never measured twice."""

import io

import pytest
from rich.console import Console

from diffbench.runner import session
from diffbench.runner.experiment import ExperimentError, load
from diffbench.runner.store import Store

RECORDING = """
def measure(n):
    with Path(__file__).with_name("calls").open("a") as calls:
        calls.write(f"{n} ")
    return {"square": n * n}
"""


@pytest.fixture
def run(write_experiment, tmp_path):
    """Run the experiment with a body; the report."""

    def go(body=RECORDING, **options):
        experiment = load("squares", write_experiment(body))
        with Store(tmp_path / "results") as store:
            return session.run(experiment, "quick", store, Console(file=io.StringIO()), **options)

    return go


@pytest.fixture
def calls(tmp_path):
    """The cells measured so far, in order."""
    return lambda: (tmp_path / "experiments" / "calls").read_text().split()


def test_every_cell_is_measured_once(run, calls):
    report = run()
    assert report.frame["square"].tolist() == [1, 4, 9, 16, 25, 36]
    assert (report.cells, report.measured, calls()) == (6, 6, list("123456"))


def test_nothing_is_measured_twice_and_figures_may_be_edited(run, calls):
    run()
    report = run(RECORDING + "def expect(frame): return [Claim('another claim', True)]")
    assert (report.measured, calls()) == (0, list("123456"))
    assert report.claims[0].text == "another claim"


def test_a_wider_sweep_measures_only_what_is_new(run, calls):
    run(RECORDING + "def sweep(profile): return [{'n': 1}, {'n': 2}]")
    report = run(RECORDING + "def sweep(profile): return [{'n': 1}, {'n': 2}, {'n': 3}]")
    assert (report.measured, len(report.frame), calls()) == (1, 3, list("123"))


def test_a_changed_measure_measures_again(run, calls):
    run()
    assert run(RECORDING.replace("n * n", "n**2")).measured == 6


def test_fresh_measures_again(run, calls):
    run()
    assert run(fresh=True).measured == 6
    assert calls() == list("123456123456")


def test_beyond_a_limit_the_larger_cells_of_a_series_are_skipped_and_stay_so(run):
    body = """
SIZE, SERIES = "n", ("of",)
LIMITS = {"quick": Limits(seconds=0.3)}
def sweep(profile): return [{"of": of, "n": n} for of in ("slow", "broken") for n in (3, 2, 1)]
def measure(of, n):
    if of == "broken": raise ValueError("always")
    time.sleep(600 if n > 1 else 0)
    return {"x": n}
"""
    expected = {("slow", 1): "ok", ("slow", 2): "timeout", ("slow", 3): "skipped-dominated"}
    for measured in (6, 0):
        report = run(body)
        statuses = report.frame.set_index(["of", "n"])["status"].to_dict()
        assert {cell: statuses[cell] for cell in expected} == expected
        assert report.measured == measured
    assert {statuses["broken", n] for n in (1, 2, 3)} == {"failed"}


def test_without_times_two_cells_may_run_beside_each_other(run):
    """Each waits for the other: one at a time, both would run into the limit."""
    body = """
TIMED = False
def sweep(profile): return [{"n": 0}, {"n": 1}]
def measure(n):
    Path(__file__).with_name(f"here{n}").touch()
    while not Path(__file__).with_name(f"here{1 - n}").exists():
        time.sleep(0.01)
    return {"x": n}
"""
    assert run(body).frame["status"].tolist() == ["ok", "ok"]


def test_a_worker_that_dies_costs_one_cell_and_leaves_no_process(run, gone, tmp_path):
    body = """
import signal
def measure(n):
    if n == 2:
        Path(__file__).with_name("orphan").write_text(str(os.getpid()))
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return {"square": n * n}
"""
    frame = run(body).frame
    assert frame["status"].tolist() == ["ok", "failed", "ok", "ok", "ok", "ok"]
    assert frame["message"][1] == "its worker died"
    orphan = int((tmp_path / "experiments" / "orphan").read_text())
    assert gone(orphan)


def test_a_worker_that_cannot_start_says_why(run):
    """The runner itself can import the experiment, its workers cannot."""
    body = "import sys\nif 'pytest' not in sys.modules: raise RuntimeError('not here')"
    with pytest.raises(ExperimentError, match=r"could not start(.|\n)*not here(.|\n)*cells.log"):
        run(body)


def test_redraw_measures_nothing(run, calls, tmp_path):
    run()
    with Store(tmp_path / "results") as store:
        report = session.redraw(load("squares", tmp_path / "experiments"), None, store)
    assert (report.measured, report.profile, len(report.frame)) == (0, "quick", 6)
    assert calls() == list("123456")


def test_redraw_of_what_was_never_measured_says_what_to_run(write_experiment, tmp_path):
    experiment = load("squares", write_experiment())
    with Store(tmp_path) as store, pytest.raises(ExperimentError, match="diffbench run squares"):
        session.redraw(experiment, None, store)

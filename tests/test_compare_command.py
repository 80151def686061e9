"""diffbench compare: the point, the exit code, what is printed, and a terminal that is as it was before."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pandas as pd
import pytest

from diffbench import compare_command
from diffbench.cli import main
from diffbench.compare import measuring
from tests.common import heed_interrupts

FEW = ["--backends", "reverse,finite-forward", "--time-limit", "60"]


@pytest.fixture(autouse=True)
def short_measurements(monkeypatch):
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    monkeypatch.setattr(measuring, "SAMPLE_SECONDS", 1e-4)


def compare(*arguments):
    return main(["compare", *arguments])


def test_a_right_comparison_is_printed_and_ends_with_0(capsys):
    assert compare("tests.hostile:fine", "--at", "[0.5, 1.0, 2.0]", *FEW) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("gradient of fine; f takes ")
    assert "reverse" in printed
    assert "\x1b" not in printed


def test_json_and_csv_hold_the_rows(capsys, tmp_path):
    arguments = ["--at-file", str(tmp_path / "x.npy"), "--json", "--csv", str(tmp_path / "rows.csv")]
    np.save(tmp_path / "x.npy", np.array([0.5, 1.0]))
    assert compare("tests.hostile:fine", *arguments, *FEW) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["backend"]: row["status"] for row in rows} == {"reverse": "ok", "finite-forward": "ok"}
    assert len(rows[0]["value"]) == 2
    assert set(pd.read_csv(tmp_path / "rows.csv").backend) == {"reverse", "finite-forward"}


def test_a_function_that_hangs_ends_with_1(capsys):
    assert compare("tests.hostile:hangs", "--at", "1.0", "--time-limit", "0.2", "--backends", "reverse") == 1
    assert "f itself: longer than 0.2 s" in capsys.readouterr().out


def frame_with(*statuses):
    return type("Comparison", (), {"frame": pd.DataFrame({"status": statuses})})()


@pytest.mark.parametrize(
    ("statuses", "code"),
    [(("ok", "unsupported", "timeout"), 0), (("ok", "wrong"), 1), (("unsupported",), 1), (("failed", "timeout"), 1)],
)
def test_the_exit_code_is_0_only_if_none_is_wrong_and_one_is_right(statuses, code):
    assert compare_command.exit_code(frame_with(*statuses)) == code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.5", (0.5,)),
        ("[1, 2]", (np.array([1.0, 2.0]),)),
        (" [[1.0, 2.0], [3.0, 4.0]], 3", (np.array([[1.0, 2.0], [3.0, 4.0]]), 3)),
        ("{'w': [1, 2], 'b': 0.5}", ({"w": np.array([1.0, 2.0]), "b": 0.5},)),
    ],
)
def test_literals_are_read_as_arguments(text, expected):
    np.testing.assert_equal(compare_command.literal_arguments(text), expected)


@pytest.mark.parametrize(
    "text", ["__import__('os').system('touch evaluated')", "[1.0", "np.ones(3)", "[[1.0], [2.0, 3.0]]", "['a']"]
)
def test_what_is_no_literal_is_refused_and_not_evaluated(text, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compare("numpy:sin", "--at", text) == 1
    assert "diffbench: --at" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_with_objects_in_them_are_refused(capsys, tmp_path):
    np.save(tmp_path / "x.npy", np.array([print], dtype=object), allow_pickle=True)
    assert compare("numpy:sin", "--at-file", str(tmp_path / "x.npy")) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert compare("numpy:sin", "--at-file", str(tmp_path / "none.npy")) == 1
    np.savez(tmp_path / "two.npz", a=1.0, b=2.0)
    assert compare("numpy:sin", "--at-file", str(tmp_path / "two.npz")) == 1
    assert "several arrays: a, b" in capsys.readouterr().err


def test_random_points_follow_the_seed():
    points = [
        compare_command.point_of(compare_command.argparse.Namespace(random=5, seed=seed))[0] for seed in (0, 0, 1)
    ]
    assert points[0].shape == (5,)
    assert points[0].tolist() == points[1].tolist() != points[2].tolist()


def test_what_f_raises_is_said_with_its_line_and_without_a_traceback(capsys):
    assert compare("tests.hostile:raises", "--at", "1.0", *FEW) == 1
    error = capsys.readouterr().err
    assert error.startswith("diffbench: tests.hostile:raises raises RuntimeError: the reason")
    assert "hostile.py" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tests.hostile:fin", "--at", "1.0"], "did you mean 'fine'"),
        (["tests.hostile:fine", "--at", "1.0", "--backends", "revers"], "did you mean 'reverse'"),
        (["tests.hostile:vector", "--at", "[1.0, 2.0]", *FEW], "use db.jacobian"),
        (["tests.hostile:fine", "--random", "0"], "--random 0"),
        (["tests.hostile:fine", "--at", "1.0", "--time-limit", "-1"], "time_limit=-1"),
    ],
)
def test_mistakes_are_explained(arguments, said, capsys):
    assert compare(*arguments) == 1
    assert said in capsys.readouterr().err


def test_help_has_examples_and_says_what_is_executed(capsys):
    with pytest.raises(SystemExit) as ended:
        compare("--help")
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert 'diffbench compare my_model:loss --at "[0.5, 1.0, 2.0]"' in printed
    assert "The module is imported, and so its code runs; nothing else is evaluated" in printed


# -- on a terminal -----------------------------------------------------------------------------------------------------


def in_terminal(*arguments, interrupt=None, when=b"reverse"):
    """Run the command on a terminal of its own: exit code, all that it showed, and whether its modes are as before.

    interrupt : a signal to send once `when` has been shown.
    """
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    command = [sys.executable, "-m", "diffbench", "compare", *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150"}
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        if select.select([master], [], [], 0.05)[0]:
            shown += os.read(master, 65536)
        elif ended:
            break
        if interrupt and when in shown:
            process.send_signal(interrupt)
            interrupt = None
    process.wait(10)
    same = termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
    return process.returncode, shown, same


def visible_again(shown):
    """Whether the cursor was hidden, and shown again at last."""
    return b"\x1b[?25l" in shown and shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l")


def test_the_terminal_is_as_before_after_a_function_that_hangs_or_crashes():
    code, shown, same = in_terminal(
        "tests.hostile:hangs_when_traced", "--at", "[1.0]", "--backends", "reverse", "--time-limit", "1"
    )
    assert code == 1
    assert b"timeout" in shown
    assert visible_again(shown)
    assert same


def test_the_terminal_is_as_before_after_an_interruption():
    code, shown, same = in_terminal(
        "tests.hostile:hangs", "--at", "[1.0]", "--time-limit", "60", interrupt=signal.SIGINT, when=b"f itself"
    )
    assert code == 130
    assert b"Traceback" not in shown
    assert visible_again(shown)
    assert same


def test_asked_to_end_the_command_ends_by_an_exception():
    def work():
        with compare_command.ended_in_order():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    with pytest.raises(SystemExit) as ended:
        work()
    assert ended.value.code == 128 + signal.SIGTERM

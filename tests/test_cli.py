"""The command line: exit codes, words, and output that a file can hold."""

import subprocess
import sys

import pytest

import diffbench
from diffbench.cli import main

EXPERIMENT = '''"""Question: is [0.5] printed as it stands?"""
from diffbench.runner import Claim, Limits
LIMITS = {"quick": Limits(seconds=30)}
def sweep(profile): return [{"n": 1}]
def measure(n): return {"x": n}
def expect(frame): return [Claim("x [0.5] is 1", HOLDS, "1", "1")]
def figures(frame): return {}
'''


@pytest.fixture
def run(tmp_path):
    """Call `diffbench run` on one experiment whose claim holds, fails, or is not decided."""

    def go(*options, holds=True, command="run"):
        folder = tmp_path / "experiments"
        folder.mkdir(exist_ok=True)
        (folder / "one.py").write_text(EXPERIMENT.replace("HOLDS", str(holds)), encoding="utf-8")
        where = ["--experiments", str(folder), "--results", str(tmp_path / "results")]
        return main([command, "--profile", "quick", *where, *options])

    return go


def test_a_run_prints_question_verdict_and_where_everything_lies(run, capsys, tmp_path):
    assert run() == 0
    printed = capsys.readouterr().out
    assert "one: is [0.5] printed as it stands?" in printed
    assert "x [0.5] is 1" in printed
    assert "one (quick): 1 as theory says, of 1 claims" in printed
    assert "rows: 1 ok; of 1 cells, 1 measured now" in printed
    assert f"{tmp_path / 'results' / 'one'}: environment.json one.csv claims.csv" in printed


def test_output_that_no_terminal_shows_has_no_control_codes(run, capsys):
    run()
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\r" not in printed


@pytest.mark.parametrize(
    ("holds", "verdict", "strict"), [(True, "as theory", 0), (False, "NOT as theory", 1), (None, "not decided", 0)]
)
def test_only_strict_turns_a_refuted_claim_into_a_failure(run, capsys, holds, verdict, strict):
    assert run(holds=holds) == 0
    assert f"1 {verdict}" in capsys.readouterr().out
    assert run("--strict", holds=holds, command="figures") == strict


def test_figures_draws_from_the_store(run, capsys):
    run()
    assert run(command="figures") == 0
    assert "of 1 cells, 0 measured now" in capsys.readouterr().out


def test_figures_without_a_measurement_says_what_to_run(run, capsys):
    assert run(command="figures") == 1
    assert "diffbench run one" in capsys.readouterr().err


def test_an_unknown_experiment_is_answered_with_the_nearest(run, capsys):
    assert run("oen") == 1
    assert "did you mean 'one'" in capsys.readouterr().err


def test_an_experiment_that_fails_does_not_keep_the_others(run, capsys, tmp_path):
    (tmp_path / "experiments").mkdir()
    broken = EXPERIMENT.replace("HOLDS", "None").replace("return {}", "return {}['nothing']")
    (tmp_path / "experiments" / "broken.py").write_text(broken, encoding="utf-8")
    assert run() == 1
    printed = capsys.readouterr()
    assert "figures of broken.py raised KeyError" in printed.err
    assert "one (quick): 1 as theory says" in printed.out


def test_a_missing_experiments_folder_is_explained(tmp_path, capsys):
    assert main(["run", "--experiments", str(tmp_path / "no"), "--results", str(tmp_path)]) == 1
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["rum"], ["run", "--profile", "slow"], ["run", "--threads", "0"]])
def test_a_command_that_is_not_understood_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: diffbench" in capsys.readouterr().err


def test_backends_lists_every_backend(capsys):
    assert main(["backends"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in diffbench.backends().index)


def test_the_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "diffbench", "--version"], capture_output=True, text=True)
    assert result.stdout.strip() == f"diffbench {diffbench.__version__}"

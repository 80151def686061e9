"""What the documents tell the reader to type does work."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(program: str, *documents: str) -> list[str]:
    """The lines of shell blocks that call a program, without their comments."""
    texts = [(ROOT / document).read_text(encoding="utf-8") for document in documents]
    shell = "\n".join(block for text in texts for block in blocks(text, "sh"))
    return re.findall(rf"^ *({program} [^#\n]*[^#\s])", shell, flags=re.MULTILINE)


def without_numbers(text: str) -> str:
    """Rounding differs between machines; what is said about it does not."""
    return re.sub(r"\d\S*", "#", text)


@pytest.mark.parametrize(
    ("example", "shown"),
    [*zip(blocks(README, "python"), blocks(README, "text"), strict=True)],
)
def test_example_runs_and_says_what_the_readme_says(example, shown, tmp_path, capsys):
    path = tmp_path / "example.py"  # some outputs quote the lines of the program
    path.write_text(example, encoding="utf-8")
    runpy.run_path(str(path))
    assert without_numbers(capsys.readouterr().out.rstrip()) == without_numbers(shown.rstrip())


@pytest.mark.parametrize("command", commands("diffbench", "README.md"))
def test_diffbench_commands_run(command, tmp_path):
    program = [sys.executable, "-m", "diffbench", *shlex.split(command)[1:]]
    if program[3] == "compare":  # all backends take a second each, a minute where the libraries are installed
        program += ["--backends", "reverse,symbolic"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("command", commands("make", "README.md", "CONTRIBUTING.md"))
def test_make_knows_its_commands(command):
    """Only asked what it would do: -n runs nothing."""
    arguments = command.replace("<name>", "step_size").split()[1:]
    result = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

"""The Makefile says what to do where a machine does not serve."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    """Run make with our Makefile in a folder, without the flags of the make that may be running this test."""
    command = ["make", "-f", str(ROOT / "Makefile"), "-C", str(folder), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture
def python_that(tmp_path):
    """A fresh folder without .venv, and a stand-in for its Python, written in shell."""

    def write(script: str) -> str:
        path = tmp_path / "python3"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        return f"PYTHON={path}"

    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    return write


def test_help_lists_every_command():
    listed = make("help").stdout
    for target in ("install", "install-peers", "experiments", "figures", "test", "check", "notebooks", "lab", "clean"):
        assert f"make {target} " in listed


@pytest.mark.parametrize("profile", ["fast", "", "quick full", "Lecture"])
def test_unknown_profile_is_refused_and_the_three_are_named(profile):
    result = make("-n", "experiments", f"PROFILE={profile}")
    assert result.returncode != 0
    assert "PROFILE=quick, PROFILE=lecture (the default) or PROFILE=full" in result.stderr


@pytest.mark.parametrize("profile", ["quick", "lecture", "full"])
def test_profile_reaches_the_runner(profile):
    assert f"--profile {profile}" in make("-n", "experiments", f"PROFILE={profile}").stdout


def test_missing_python_says_what_to_install(tmp_path):
    result = make("install", f"PYTHON={tmp_path}/python3", folder=tmp_path)
    assert result.returncode != 0
    assert "apt-get install python3 python3-venv" in result.stderr


def test_old_python_says_which_it_is_and_which_is_needed(python_that, tmp_path):
    old = python_that('[ "$1" = --version ] && echo "Python 3.9.2"; exit 1')
    result = make("install", old, folder=tmp_path)
    assert result.returncode != 0
    assert "is Python 3.9.2 but diffbench needs 3.11 or newer" in result.stderr


def test_python_without_venv_says_what_to_install(python_that, tmp_path):
    bare = python_that('case "$2" in *ensurepip*) exit 1;; esac')
    result = make("install", bare, folder=tmp_path)
    assert result.returncode != 0
    assert "apt-get install python3-venv" in result.stderr

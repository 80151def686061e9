"""The facts of a measurement, and what makes it another one."""

import subprocess

import numpy as np
import pytest

from diffbench.runner.environment import commit, environment, identity, library_digest, measuring_source
from diffbench.runner.experiment import load


@pytest.fixture
def identify(write_experiment):
    """The identity of the experiment with a body, and options."""

    def of(body="", threads=1):
        return identity(load("squares", write_experiment(body)), "quick", threads)

    return of


def test_the_environment_tells_all_that_a_reader_needs(write_experiment):
    facts = environment(load("squares", write_experiment()), "quick", threads=1)
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["processor"]
    assert facts["memory_bytes"] > 0
    assert {"date", "commit", "seed", "profile", "question"} <= set(facts)


def test_outside_of_git_there_is_no_commit(tmp_path):
    assert commit(tmp_path) is None


def test_a_commit_says_when_files_differ_from_it(tmp_path):
    def git(*words):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "one")
    clean = commit(tmp_path)
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == f"{clean}, with changes"


def test_the_same_experiment_has_the_same_identity(identify):
    assert identify() == identify()


@pytest.mark.parametrize(
    "body",
    [
        "def measure(n): return {'square': n**2}",
        "LIMITS = {'quick': Limits(seconds=31)}",
        "FACTOR = 1\ndef measure(n): return {'square': FACTOR * n * n}",
    ],
)
def test_another_measure_or_limit_is_another_identity(identify, body):
    assert identify(body) != identify()


def test_what_measure_uses_is_part_of_the_identity(identify):
    body = "def measure(n): return helper(n)\ndef helper(n): return inner(n)\ndef inner(n): return {'n': n + %d}"
    assert identify(body % 1) != identify(body % 2)


@pytest.mark.parametrize("body", ["def figures(frame): return {'a': 1}", "# a comment", "COLOUR = 'red'"])
def test_editing_what_comes_after_measuring_keeps_the_identity(identify, body):
    assert identify(body) == identify()


def test_threads_are_part_of_the_identity(identify):
    assert identify(threads=1) != identify(threads=2)


def test_statements_that_act_are_always_kept():
    source = "import os\n@register\ndef rule(): ...\nnp.seterr(all='raise')\nx = 1\ndef measure(): ...\n"
    assert measuring_source(source).splitlines() == [
        "import os", "@register", "def rule():", "    ...", "np.seterr(all='raise')", "def measure():", "    ...",
    ]  # fmt: skip


def test_the_library_is_part_of_the_identity_but_for_what_comes_after_measuring(tmp_path, monkeypatch):
    monkeypatch.setattr("diffbench.runner.environment.PACKAGE", tmp_path)
    (tmp_path / "runner").mkdir()
    (tmp_path / "tape.py").write_text("1")
    before = library_digest()
    (tmp_path / "runner" / "store.py").write_text("1")
    (tmp_path / "plotting.py").write_text("1")
    assert library_digest() == before
    (tmp_path / "tape.py").write_text("2")
    assert library_digest() != before

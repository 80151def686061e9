"""Experiments made up for the tests, and patience with processes."""

import textwrap
import time

import psutil
import pytest

HEAD = '''
"""Question: does the runner do what it says?"""

import os
import time
from pathlib import Path

import numpy as np

import diffbench as db
from diffbench.runner import Claim, Limits

LIMITS = {"quick": Limits(seconds=30)}

def sweep(profile):
    return [{"n": n} for n in range(1, 7)]

def measure(n):
    return {"square": n * n}

def expect(frame):
    return [Claim("there are rows", len(frame) > 0, found=str(len(frame)), expected="some")]

def figures(frame):
    return {}
'''


PATIENCE = 60  # seconds, for a machine that is busy with something else


@pytest.fixture(scope="session")
def wait_until():
    """Wait until a condition holds; whether it did."""

    def wait(condition):
        deadline = time.monotonic() + PATIENCE
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        return condition()

    return wait


@pytest.fixture(scope="session")
def gone(wait_until):
    """Wait until a process has ended, be it as a zombie that nobody asks about; whether it has."""

    def ended(pid):
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return lambda pid: wait_until(lambda: ended(pid))


@pytest.fixture(scope="session")
def whole():
    """The text of an experiment of six cells, with a body that takes the place of parts of it."""
    return lambda body: HEAD.lstrip() + textwrap.dedent(body)


@pytest.fixture
def write_experiment(whole, tmp_path):
    """Write an experiment with a body, and return its folder."""

    def write(body="", name="squares"):
        folder = tmp_path / "experiments"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(whole(body), encoding="utf-8")
        return folder

    return write

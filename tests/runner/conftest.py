"""Experiments folders made up for the tests."""

import textwrap

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

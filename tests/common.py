"""What tests of several parts share: backends to run over, a function with its derivatives, a counter."""

import signal

import numpy as np
import pytest

import diffbench as db
from diffbench.registry import is_own

OURS = tuple(name for name in db.backends().index if is_own(name))
"""The backends that are no other library's; tests/adapters has those."""
AD = ("auto", "forward", "reverse")
X = np.array([0.5, 1.0, 2.0])

each_mode = pytest.mark.parametrize("mode", AD)
each_backend = pytest.mark.parametrize(
    "backend", [*AD, "symbolic", "finite-forward", "finite-backward", "finite-central", "complex-step"]
)


def f(x):
    return np.sum(np.sin(x) * x**2)


def f_gradient(x):
    return np.cos(x) * x**2 + 2 * x * np.sin(x)


def heed_interrupts():
    """For a new process: be interrupted by SIGINT, also where these tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Counted:
    """A function that counts its evaluations."""

    def __init__(self, f):
        self.f, self.count = f, 0

    def __call__(self, *args):
        self.count += 1
        return self.f(*args)

"""Functions that a comparison must live through; also what the command line is tried on."""

import ctypes

import numpy as np

from diffbench.traced_values import is_traced


def fine(x):
    return np.sum(np.sin(x) * x**2)


def branches(x):
    """Symbols cannot decide which way to go, and a complex step must not."""
    return np.sum(x**2) if x[0] > 0 else -np.sum(x)


def nan_branch(x):
    """The logarithm of a negative number, where the branch is not taken."""
    return np.sum(np.where(x > 0, np.log(x), x**2))


def hangs(x):
    while True:
        pass


def hangs_when_traced(x):
    while is_traced(x):
        pass
    return np.sum(x**2)


def eats_memory(x):
    held = []
    while True:
        held.append(np.ones(1_000_000))


def eats_when_traced(x):
    return eats_memory(x) if is_traced(x) else np.sum(x**2)


def crashes(x):
    return ctypes.string_at(0)


def crashes_when_traced(x):
    return crashes(x) if is_traced(x) else np.sum(x**2)


def raises(x):
    raise RuntimeError("the reason")


def prints(x):
    print("printed by f")
    return np.sum(x**2)


def vector(x):
    return np.sin(x) * x[0]

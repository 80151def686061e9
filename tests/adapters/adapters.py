"""The adapters, each skipped with a reason where its library is not installed."""

import importlib.util

import pytest

ADAPTERS = ("autograd", "jax", "torch", "mygrad", "casadi", "symengine", "numdifftools", "scipy")
TRACING = ("autograd", "jax", "torch", "mygrad", "casadi", "symengine")
EXPRESSIONS = ("casadi", "symengine")
FOLLOWING_BRANCHES = ("autograd", "jax", "torch", "mygrad", "numdifftools", "scipy")


def installed(name):
    return importlib.util.find_spec(name) is not None


def needs(name):
    """The mark that skips a test where a library is not installed."""
    return pytest.mark.skipif(not installed(name), reason=f"{name} is not installed: make install-peers")


def over(names):
    """Parametrise a test over adapters."""
    return pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in names])


each_adapter = over(ADAPTERS)

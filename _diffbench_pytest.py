"""The pytest plugin of diffbench: a fixture `check_gradient` and an option `--diffbench-backend`.

    def test_gradient_of_my_loss(check_gradient):
        check_gradient(loss, gradient_of_loss, weights)

It stands outside of the package, so that pytest, which loads plugins at every start, loads neither diffbench nor NumPy
for test-suites that do not use it (and so that coverage sees diffbench being imported).
"""

from collections.abc import Callable

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """--diffbench-backend NAME, or diffbench_backend = NAME in the configuration."""
    what = "the method beside the 50-digit truth in check_gradient (default: reverse)"
    parser.getgroup("diffbench").addoption("--diffbench-backend", metavar="NAME", help=what)
    parser.addini("diffbench_backend", help=what, default="reverse")


@pytest.fixture(scope="session")
def check_gradient(request: pytest.FixtureRequest) -> Callable:
    """Check a gradient written by hand: check_gradient(f, grad_f, x), as diffbench.testing.check_gradient."""
    from functools import partial

    from diffbench import get_backend, testing

    config = request.config
    name = config.getoption("--diffbench-backend") or config.getini("diffbench_backend")
    try:
        return partial(testing.check_gradient, backend=get_backend(name))
    except (ValueError, ImportError) as error:
        raise pytest.UsageError(f"--diffbench-backend: {error}") from None

"""The pytest plugin: a fixture and an option, and nothing loaded before they are used."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import diffbench.testing  # noqa: F401  (pytester takes modules away again that were first loaded inside, NumPy too)

pytest_plugins = "pytester"
ROOT = Path(__file__).parents[1]

SUITE = """
    import numpy as np

    def f(x):
        return np.sum(x**3)

    def test_right(check_gradient):
        check_gradient(f, lambda x: 3 * x**2, np.array([1.0, 2.0]))

    def test_wrong(check_gradient):
        check_gradient(f, lambda x: -3 * x**2, np.array([1.0, 2.0]))
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a suite with the plugin, and no other that is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(SUITE)
    return lambda *options: pytester.runpytest_inprocess("-p", "_diffbench_pytest", "-p", "no:cacheprovider", *options)


def test_the_fixture_passes_a_right_gradient_and_fails_a_wrong_one(run):
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the whole derivative has the wrong sign"])


def test_a_failure_is_shown_at_the_line_of_the_test_and_not_inside_of_diffbench(run):
    shown = run("-k", "wrong").stdout.str()
    assert "test_a_failure_is_shown_at_the_line_of_the_test_and_not_inside_of_diffbench.py:" in shown
    assert "report.py" not in shown


def test_the_option_names_the_method_beside_the_truth(run):
    run("--diffbench-backend", "forward", "-k", "wrong").stdout.fnmatch_lines(["*entry *50 digits *forward *"])


def test_the_configuration_names_it_too(run, pytester):
    pytester.makeini("[pytest]\ndiffbench_backend = finite-central")
    run("-k", "wrong").stdout.fnmatch_lines(["*entry *50 digits *finite-central *"])


def test_an_unknown_backend_is_an_error_with_the_nearest_name(run):
    run("--diffbench-backend", "revers", "-k", "right").stdout.fnmatch_lines(["*did you mean 'reverse'*"])


def test_help_says_what_the_option_does(run):
    run("--help").stdout.fnmatch_lines(["*--diffbench-backend=NAME*"])


def test_loading_the_plugin_loads_neither_diffbench_nor_numpy():
    script = "import sys, _diffbench_pytest; print(*{'diffbench', 'numpy', 'diffbench.testing'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_package_announces_the_plugin_and_ships_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["entry-points"]["pytest11"] == {"diffbench": "_diffbench_pytest"}
    assert "_diffbench_pytest.py" in settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

"""Every experiment, end to end in the quick profile: all cells end as they should, all outputs are there.

Claims on times are left to longer profiles: `expect` decides them only from sizes that quick does not reach.
"""

from pathlib import Path

import pandas as pd
import pytest

from diffbench import plotting
from diffbench.cli import main
from diffbench.expressions import logistic_product
from diffbench.runner.experiment import discover, load

ROOT = Path(__file__).parent.parent
EXPERIMENTS = ROOT / "experiments"


@pytest.mark.parametrize("name", discover(EXPERIMENTS))
def test_quick_profile_runs_from_sweep_to_figures(name, tmp_path, capsys, monkeypatch):
    if (
        name != "lecture"
    ):  # every figure is drawn once; that `save` writes each in all three formats, test_plotting knows
        monkeypatch.setattr(plotting, "NO_DATE", {"png": plotting.NO_DATE["png"]})
    where = ["--experiments", str(EXPERIMENTS), "--results", str(tmp_path)]
    assert main(["run", name, "--profile", "quick", *where]) == 0, capsys.readouterr().err
    folder = tmp_path / load(name, EXPERIMENTS).folder
    rows = pd.read_csv(folder / f"{name}.csv")
    failed = rows[rows["status"].isin(["failed", "wrong"])]
    assert failed.empty, failed.to_string()
    claims = pd.read_csv(folder / "claims.csv")
    assert len(claims) > 0
    refuted = claims[claims["verdict"] == "NOT as theory says"]
    assert refuted.empty, refuted.to_string()
    figures = {path.stem for path in folder.glob("*.png")}
    assert figures
    for suffix in plotting.NO_DATE:
        assert {path.stem for path in folder.glob(f"*.{suffix}")} == figures


@pytest.fixture(scope="module")
def swell():
    return load("expression_swell", EXPERIMENTS).module


def test_swell_writes_the_table_of_the_lecture(swell):
    table = swell.tables(None)
    assert table["logistic_map.md"].splitlines()[2:5] == [
        "| $1$ | $x$ | $1$ | $1$ |",
        "| $2$ | $4x(1 - x)$ | $4(1 - x) - 4x$ | $4 - 8x$ |",
        "| $3$ | $16x(1 - x)(1 - 2x)^2$ | $16(1 - x)(1 - 2x)^2 - 16x(1 - 2x)^2 - 64x(1 - x)(1 - 2x)$ "
        "| $16(1 - 10x + 24x^{2} - 16x^{3})$ |",
    ]
    simplified = "64(1 - 42x + 504x^{2} - 2640x^{3} + 7040x^{4} - 9984x^{5} + 7168x^{6} - 2048x^{7})"
    assert rf"& ${simplified}$ \\" in table["logistic_map.tex"]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_swells_factored_form_is_the_logistic_map(swell, n):
    import sympy

    assert sympy.expand(logistic_product(n).expression() - swell.symbolic(swell.MAP, n)[0]) == 0
    assert sympy.expand(swell.product_rule(n) - swell.derivative(swell.MAP, n)) == 0


@pytest.fixture(scope="module")
def step_size():
    return load("step_size", EXPERIMENTS).module


def test_step_size_takes_a_function_of_the_users_own(step_size, monkeypatch):
    monkeypatch.setenv("DIFFBENCH_FUNCTION", "numpy:exp")
    monkeypatch.setenv("DIFFBENCH_AT", "0.0")
    cells = [cell for cell in step_size.sweep("quick") if cell["function"] == "numpy:exp"]
    assert {cell["at"] for cell in cells} == {0.0}
    forward = [cell for cell in cells if cell["dtype"] == "float64" and cell["method"] == "finite-forward"]
    rows = {row["h"]: row["relative_error"] for row in step_size.measure(**forward[0])}
    assert rows[1e-4] == pytest.approx(5.0001667141e-5, rel=1e-6)
    assert rows[1e-8] == pytest.approx(6.077e-9, rel=1e-3)
    assert rows[1e-12] == pytest.approx(8.8900582341e-5, rel=1e-6)


def test_step_size_measures_the_published_errors_of_the_logistic_map(step_size):
    row = {"function": "Logistic map l₄", "at": 0.2, "dtype": "float64", "per_decade": 1}
    for method, published in (
        ("finite-forward", 3.30e-2),
        ("finite-central-2", 6.58e-4),
        ("finite-central-4", 4.01e-8),
    ):
        rows = {row["h"]: row["relative_error"] for row in step_size.measure(method=method, **row)}
        assert rows[1e-3] * 9.0660864 == pytest.approx(published, rel=0.01)


def test_dimension_believes_no_gradient_that_is_wrong(monkeypatch):
    dimension = load("dimension", EXPERIMENTS).module
    monkeypatch.setitem(dimension.TOLERANCE, "finite-forward", 1e-30)
    row = dimension.measure("helmholtz", "finite-forward", 3)
    assert row["status"] == "wrong"
    assert "ratio" not in row


def test_accuracy_marks_what_is_refused_beside_what_is_right():
    accuracy = load("accuracy", EXPERIMENTS).module
    rows = {row["backend"]: row for row in accuracy.measure("soft_relu_branch", 2, ["complex-step", "reverse"])}
    assert rows["complex-step"]["status"] == "unsupported"
    assert rows["complex-step"]["message"].startswith("NotAnalytic")
    assert rows["reverse"]["status"] == "ok"
    assert rows["reverse"]["digits"] > 15


def test_wrapper_overhead_tells_where_theory_fails():
    """A compiler that pays in every call, and loops that cost nothing, are not as theory says."""
    overhead = load("wrapper_overhead", EXPERIMENTS).module

    def verdicts(of_jax, of_loops):
        ratios = [("jax", "Helmholtz", of_jax), ("torch", "logistic loop", of_loops), ("torch", "network", 1.0)]
        rows = [
            {"library": library, "case": case, "overhead": ratio, "low": ratio - 0.01, "high": ratio + 0.01}
            | {"status": "ok", "message": "", "difference": 0.0, "large": 10**6}
            | {"wrapper_per_primitive": 1e-5 * (ratio - 1)}
            for library, case, ratio in ratios
        ]
        return [claim.holds for claim in overhead.expect(pd.DataFrame(rows))]

    assert verdicts(of_jax=1.0, of_loops=1.5) == [True, True, True, True, True]
    assert verdicts(of_jax=1.5, of_loops=1.0) == [True, False, False, True, False]


def test_digits_finds_a_backward_pass_with_a_mistake(monkeypatch):
    """The gradient without the slope of tanh still learns; only the check tells."""
    import dataclasses

    import numpy as np
    import pandas as pd

    digits = load("digits", EXPERIMENTS).module
    mlp = digits.find("mlp")

    def mistaken(layers, inputs, targets):
        (W, b), last = mlp.derivative(layers, inputs, targets)
        return [(1.1 * W, b), last]

    monkeypatch.setattr(digits, "find", lambda name: dataclasses.replace(mlp, derivative=mistaken))
    rows = [
        {**cell, "status": "ok", **row}
        for cell in ({"network": "small", "backend": backend, "epochs": 1} for backend in ("manual", "reverse"))
        for row in digits.measure(**cell)
    ]
    monkeypatch.setattr(digits, "NETWORKS", {"small": digits.NETWORKS["small"]})
    losses, check = digits.expect(pd.DataFrame(rows))[:2]
    assert losses.holds is False
    assert check.holds is False
    assert check.found.startswith("manual")
    assert np.isfinite(rows[-1]["loss"])

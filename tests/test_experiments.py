"""Every experiment, end to end in the quick profile: all cells end as they should, all outputs are there.

Whether theory holds is not asserted here: a machine that runs tests beside it cannot judge times. The command
`diffbench run --strict` does.
"""

from pathlib import Path

import pandas as pd
import pytest

from diffbench.cli import main
from diffbench.runner.experiment import discover

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.mark.parametrize("name", discover(EXPERIMENTS))
def test_quick_profile_runs_from_sweep_to_figures(name, tmp_path, capsys):
    where = ["--experiments", str(EXPERIMENTS), "--results", str(tmp_path)]
    assert main(["run", name, "--profile", "quick", *where]) == 0, capsys.readouterr().err
    folder = tmp_path / name
    rows = pd.read_csv(folder / f"{name}.csv")
    failed = rows[rows["status"].isin(["failed", "wrong"])]
    assert failed.empty, failed.to_string()
    assert len(pd.read_csv(folder / "claims.csv")) > 0
    for suffix in ("svg", "pdf", "png"):
        assert list(folder.glob(f"*.{suffix}")), f"no {suffix} in {folder}"

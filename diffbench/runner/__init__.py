"""The runner: cells measured in processes of their own, stored at once, then drawn and judged.

    experiment.py    what an experiment module is: question, sweep, measure, expect, figures
    order.py         which cell comes next: sizes ascending, series in turns
    worker.py        the process that forks one process a cell, and kills it at its limits
    pool.py          the runner's side of the workers
    environment.py   where and with what was measured, and when two measurements are comparable
    store.py         one SQLite file, a row committed for each cell
    session.py       all of this in the order in which it happens
    outputs.py       tidy CSV, claims, figures, tables
    progress.py      what one sees meanwhile

An experiment imports `Claim`, `Limits` and `SEED` from here; the command line calls `session.run`.
"""

from diffbench.runner.experiment import SEED, Claim, ExperimentError, Limits

__all__ = ["SEED", "Claim", "ExperimentError", "Limits"]

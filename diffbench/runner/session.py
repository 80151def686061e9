"""One experiment from its sweep to its verdict: what is stored is kept, what is missing is measured."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from diffbench.runner import outputs
from diffbench.runner.environment import environment, identity
from diffbench.runner.experiment import Claim, Experiment, ExperimentError, canonical
from diffbench.runner.order import Cell, Dominated
from diffbench.runner.pool import Pool
from diffbench.runner.progress import Meter
from diffbench.runner.store import Key, Store

WORKERS_UNTIMED = 2
SKIPPED: dict[str, Any] = {"status": "skipped-dominated", "elapsed_s": None, "rows": []}


@dataclass(frozen=True)
class Report:
    """What came of one experiment."""

    experiment: Experiment
    profile: str
    frame: pd.DataFrame
    cells: int
    measured: int  # of these cells, now; the others were stored
    claims: list[Claim]
    paths: list[Path]


def run(
    experiment: Experiment,
    profile: str,
    store: Store,
    console: Console,
    *,
    threads: int = 1,
    fresh: bool = False,
) -> Report:
    """Measure the cells that the store does not have yet, then draw and judge all.

    threads : of the BLAS, in each cell.   fresh : measure all again.
    KeyboardInterrupt leaves the store with all cells finished by then; the next call goes on from there.
    Raises ExperimentError where the experiment cannot be measured or drawn. The store must be `locked`.
    """
    key = Key(experiment.name, profile, identity(experiment, profile, threads))
    cells = experiment.cells(profile)
    if fresh:
        store.forget(key)
    store.begin(key, environment(experiment, profile, threads))
    measured = measure_missing(experiment, key, cells, store, console, threads)
    return conclude(experiment, key, cells, store, measured)


def measure_missing(
    experiment: Experiment, key: Key, cells: list[Cell], store: Store, console: Console, threads: int
) -> int:
    """Measure and commit cell by cell; how many there were."""
    kept = store.answers(key)
    missing = [cell for cell in cells if canonical(cell) not in kept]
    if not missing:
        return 0
    dominated = Dominated(experiment.series, experiment.size)
    for cell in cells:
        if canonical(cell) in kept:
            dominated.note(cell, kept[canonical(cell)]["status"])
    log = store.folder / experiment.folder / "cells.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    workers = 1 if experiment.timed else WORKERS_UNTIMED
    pool = Pool(experiment, experiment.limits(key.profile), workers=workers, threads=threads, log=log)
    with pool, Meter(console, experiment.name, len(cells), len(cells) - len(missing)) as meter:
        ledger = Ledger(store, key, dominated, meter)
        for cell, answer in pool.measure(ledger.worth_trying(missing)):
            ledger.enter(cell, answer)
    return len(missing)


@dataclass(frozen=True)
class Ledger:
    """Where answers go: into the store first, then to all who learn from them."""

    store: Store
    key: Key
    dominated: Dominated
    meter: Meter

    def enter(self, cell: Cell, answer: dict[str, Any]) -> None:
        """Commit one answer."""
        self.store.save(self.key, cell, answer)
        self.dominated.note(cell, answer["status"])
        self.meter.advance(cell, answer["status"])

    def worth_trying(self, cells: Iterable[Cell]) -> Iterator[Cell]:
        """The cells, drawn one by one; what is dominated by then is entered as skipped instead."""
        for cell in cells:
            if why := self.dominated.why(cell):
                self.enter(cell, SKIPPED | {"message": why})
            else:
                yield cell


def redraw(experiment: Experiment, profile: str | None, store: Store) -> Report:
    """Draw and judge what is stored, of the last run, without measuring; ExperimentError if there is nothing."""
    key = store.latest(experiment.name, profile)
    if key is None:
        raise ExperimentError(
            f"nothing of {experiment.name} is measured yet" + (f" in the profile {profile}" if profile else ""),
            where=str(store.path),
            hint=f"diffbench run {experiment.name}",
        )
    return conclude(experiment, key, experiment.cells(key.profile), store, measured=0)


def conclude(experiment: Experiment, key: Key, cells: list[Cell], store: Store, measured: int) -> Report:
    """Write what the stored cells show."""
    frame = outputs.tidy_frame(cells, store.answers(key), experiment.limits(key.profile).seconds)
    if frame.empty:
        raise ExperimentError(
            f"{experiment.name} has no rows in the profile {key.profile}",
            why="its sweep is empty, or is no longer the one that was measured",
            hint=f"diffbench run {experiment.name} --profile {key.profile}",
        )
    claims, paths = outputs.write(experiment, frame, store.environment(key), store.folder / experiment.folder)
    store.save_claims(key, claims)
    return Report(experiment, key.profile, frame, len(cells), measured, claims, paths)

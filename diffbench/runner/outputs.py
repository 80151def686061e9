"""What a run leaves in its folder: tidy CSV, environment.json, claims, figures, tables."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from diffbench import plotting
from diffbench.runner.experiment import Claim, Experiment, ExperimentError, canonical
from diffbench.runner.order import Cell


def tidy_frame(cells: Iterable[Cell], answers: Mapping[str, dict[str, Any]], limit_s: float) -> pd.DataFrame:
    """One row for each row that `measure` returned, and one for each cell that has none.

    Columns: the parameters of the cell, what `measure` returned, then `status`, `message`, `elapsed_s` (of
    the whole cell, its process included) and `limit_s`, where a cell that ran out of time is to be drawn.
    """
    rows = []
    for cell in cells:
        answer = answers.get(canonical(cell))
        if answer is None:
            continue
        facts = {key: answer[key] for key in ("status", "message", "elapsed_s")} | {"limit_s": limit_s}
        for row in answer["rows"] or ([] if answer["status"] == "ok" else [{}]):
            rows.append(cell | {key: value for key, value in row.items() if key not in facts} | facts)
            rows[-1].update({key: row[key] for key in ("status", "message") if key in row})
    return pd.DataFrame(rows)


def write(
    experiment: Experiment, frame: pd.DataFrame, environment: dict[str, Any], folder: Path
) -> tuple[list[Claim], list[Path]]:
    """Write all outputs of one experiment; its claims, and the files in the order of writing.

    ExperimentError when `expect`, `figures` or `tables` raises; the CSV is written by then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [
        write_text(folder / "environment.json", json.dumps(environment, indent=2) + "\n"),
        write_csv(folder / f"{experiment.name}.csv", frame),
    ]
    claims = list(_ask(experiment, "expect", frame))
    paths.append(write_csv(folder / "claims.csv", claims_frame(claims)))
    for name, figure in _ask(experiment, "figures", frame).items():
        paths += plotting.save(figure, folder / name)
    if hasattr(experiment.module, "tables"):
        for name, text in _ask(experiment, "tables", frame).items():
            paths.append(write_text(folder / name, text))
    return claims, paths


def _ask(experiment: Experiment, part: str, frame: pd.DataFrame) -> Any:
    """Call `expect`, `figures` or `tables` of an experiment."""
    function: Callable[[pd.DataFrame], Any] = getattr(experiment.module, part)
    try:
        return function(frame.copy())
    except Exception as error:
        raise ExperimentError(
            f"{part} of {experiment.path.name} raised {type(error).__name__}",
            where=failures(frame),
            why=str(error),
            hint=f"the rows are kept: repair it, then run `diffbench figures {experiment.name}`",
        ) from error


def failures(frame: pd.DataFrame) -> str | None:
    """How many rows failed and why the first one did, since what follows may be owed to that; None if none did."""
    messages = frame["message"][frame["status"] == "failed"]
    if messages.empty:
        return None
    return f"a table in which {len(messages)} of {len(frame)} rows failed, the first with: {messages.iloc[0]}"


def claims_frame(claims: Iterable[Claim]) -> pd.DataFrame:
    """Claims as a table."""
    columns = ["claim", "verdict", "expected", "found"]
    return pd.DataFrame([[c.text, c.verdict, c.expected, c.found] for c in claims], columns=columns)


def write_text(path: Path, text: str) -> Path:
    """Write a text file and return its path."""
    path.write_text(text, encoding="utf-8")
    return path


def write_csv(path: Path, frame: pd.DataFrame) -> Path:
    """Write a table, lists (such as raw samples) as JSON, and return its path."""
    text = frame.map(lambda value: json.dumps(value) if isinstance(value, list) else value)
    text.to_csv(path, index=False)
    return path

"""The store: one SQLite file, a row committed for each cell as soon as it is measured.

A run that is killed, at whatever moment, leaves all cells that it has finished and nothing half written; the
next one reads them and goes on. Cells are known by experiment, profile, identity (of all that their numbers
depend on, see environment.py) and parameters: nothing is measured twice, and nothing stale is taken for new.
"""

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from diffbench.runner.experiment import Claim, ExperimentError, canonical
from diffbench.runner.order import Cell

FILE, LOCK = "diffbench.sqlite", "diffbench.lock"
VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    experiment TEXT, profile TEXT, identity TEXT,
    environment TEXT NOT NULL,          -- JSON: the facts of environment.json, as of the first cell
    claims TEXT NOT NULL DEFAULT '[]',  -- JSON: what was expected, what was found
    last_used TEXT NOT NULL,
    PRIMARY KEY (experiment, profile, identity)
);
CREATE TABLE IF NOT EXISTS cells (
    experiment TEXT, profile TEXT, identity TEXT,
    cell TEXT,                          -- JSON: the parameters, in alphabetical order
    status TEXT NOT NULL, message TEXT NOT NULL, elapsed_s REAL,
    rows TEXT NOT NULL,                 -- JSON: what measure returned
    measured_at TEXT NOT NULL,
    PRIMARY KEY (experiment, profile, identity, cell)
);
"""


class Key(NamedTuple):
    """One run of an experiment: cells under the same key may stand in one table."""

    experiment: str
    profile: str
    identity: str


class Store:
    """The SQLite file of a results folder; a context manager that closes it."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._database = sqlite3.connect(self.path, isolation_level=None, timeout=30)  # every statement commits
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError as error:
            raise ExperimentError(
                f"{self.path} cannot be used",
                why=str(error),
                hint="move it away, or choose another --results",
            ) from error
        if version not in (0, VERSION):
            raise ExperimentError(
                f"{self.path} is of another version of diffbench",
                why=f"its format is {version}, ours is {VERSION}",
                hint="move it away, or choose another --results",
            )
        # Safe against the death of the process; only a power failure may take the last cells, never the file.
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(SCHEMA)
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who measures into this folder; ExperimentError if another process does.

        The system itself drops the lock when its holder dies, so there are no stale ones.
        """
        with (self.folder / LOCK).open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise ExperimentError(
                    f"another diffbench run is measuring into {self.folder}",
                    why=f"process {file.read().strip() or 'unknown'} holds {file.name}",
                    hint="wait for it, or choose another folder with --results",
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    # ------------------------------------------------------------------------------------------------- runs

    def begin(self, key: Key, environment: dict[str, Any]) -> None:
        """Note that a run starts or goes on; the facts of its start stay."""
        self._database.execute(
            "INSERT INTO runs (experiment, profile, identity, environment, last_used) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET last_used = excluded.last_used",
            (*key, json.dumps(environment), now()),
        )

    def forget(self, key: Key) -> None:
        """Delete a run with its cells."""
        for table in ("cells", "runs"):
            self._database.execute(f"DELETE FROM {table} WHERE experiment = ? AND profile = ? AND identity = ?", key)

    def latest(self, experiment: str, profile: str | None = None) -> Key | None:
        """The last run of an experiment, in a profile or in any; None if there was none."""
        row = self._database.execute(
            "SELECT experiment, profile, identity FROM runs "
            "WHERE experiment = ?1 AND (profile = ?2 OR ?2 IS NULL) ORDER BY last_used DESC LIMIT 1",
            (experiment, profile),
        ).fetchone()
        return Key(*row) if row else None

    def environment(self, key: Key) -> dict[str, Any]:
        """The facts noted when a run began."""
        (text,) = self._database.execute(
            "SELECT environment FROM runs WHERE experiment = ? AND profile = ? AND identity = ?", key
        ).fetchone()
        return json.loads(text)

    def save_claims(self, key: Key, claims: Iterable[Claim]) -> None:
        """Keep the verdict beside what it is about."""
        self._database.execute(
            "UPDATE runs SET claims = ? WHERE experiment = ? AND profile = ? AND identity = ?",
            (json.dumps([vars(claim) for claim in claims]), *key),
        )

    # ------------------------------------------------------------------------------------------------ cells

    def save(self, key: Key, cell: Cell, answer: dict[str, Any]) -> None:
        """Commit one measured cell."""
        self._database.execute(
            "INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *key,
                canonical(cell),
                answer["status"],
                answer["message"],
                answer["elapsed_s"],
                json.dumps(answer["rows"]),
                now(),
            ),
        )

    def answers(self, key: Key) -> dict[str, dict[str, Any]]:
        """All measured cells of a run: canonical parameters -> answer."""
        found = self._database.execute(
            "SELECT cell, status, message, elapsed_s, rows FROM cells "
            "WHERE experiment = ? AND profile = ? AND identity = ?",
            key,
        )
        return {
            cell: {"status": status, "message": message, "elapsed_s": elapsed, "rows": json.loads(rows)}
            for cell, status, message, elapsed, rows in found
        }


def now() -> str:
    """The time in UTC, such that texts sort as times do."""
    return datetime.now(UTC).isoformat(timespec="microseconds")

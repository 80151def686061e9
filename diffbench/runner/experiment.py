"""What an experiment is: a module that reads question, sweep, measure, expect, figures.

\"\"\"Question: which step minimises the error of a finite difference?\"\"\"

SERIES = ("function", "method")       # optional: the columns that name one series
SIZE = "n"                            # optional: what grows; a series that hits a limit grows no further
LIMITS = {"quick": Limits(seconds=2), "lecture": Limits(seconds=10), "full": Limits(seconds=60)}
TIMED = True                          # optional: False where no time is measured, so that cells may overlap
FOLDER = "lecture/graphs"             # optional: where in results/ the outputs go; by default the name

def sweep(profile): ...               # list of cells; each is a dict of JSON values
def measure(**cell): ...              # one tidy row, or several; in a process of its own
def expect(frame): ...                # what theory says of the rows: a list of Claims
def figures(frame): ...               # name -> matplotlib Figure
def tables(frame): ...                # optional: file name -> text
"""

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from diffbench.errors import ExperimentError, UnknownName, did_you_mean
from diffbench.runner.order import Cell, interleaved

PROFILES = ("quick", "lecture", "full")
SEED = 0  # of Python's and NumPy's global generators and of string hashes, in each cell


@dataclass(frozen=True)
class Limits:
    """What one cell may use: wall-clock seconds, and memory beyond that of an idle worker."""

    seconds: float
    megabytes: float = 2048


@dataclass(frozen=True)
class Claim:
    """A sentence of theory, and whether the measurement bears it out; `holds=None` is not decided.

    >>> Claim("central order 2 has slope 2", holds=True, found="1.98", expected="2 +- 0.1").verdict
    'as theory says'
    """

    text: str
    holds: bool | None
    found: str = ""
    expected: str = ""

    def __post_init__(self) -> None:
        if self.holds is not None:
            object.__setattr__(self, "holds", bool(self.holds))  # a comparison of NumPy's gives a NumPy bool

    @property
    def verdict(self) -> str:
        """The same in words."""
        if self.holds is None:
            return "not decided"
        return "as theory says" if self.holds else "NOT as theory says"


@dataclass(frozen=True)
class Experiment:
    """A loaded experiment module, with the defaults of what it leaves out."""

    name: str
    path: Path
    module: ModuleType

    @property
    def question(self) -> str:
        """The first line of the docstring, without the word "Question:"."""
        first = (self.module.__doc__ or "").strip().partition("\n")[0]
        return first.removeprefix("Question:").strip()

    @property
    def folder(self) -> str:
        """Where the outputs go, below the folder of results."""
        return getattr(self.module, "FOLDER", self.name)

    @property
    def series(self) -> tuple[str, ...]:
        """The columns that name one series."""
        return tuple(getattr(self.module, "SERIES", ()))

    @property
    def size(self) -> str | None:
        """The column that grows within a series."""
        return getattr(self.module, "SIZE", None)

    @property
    def timed(self) -> bool:
        """Whether times are measured, so that cells must not run beside each other."""
        return bool(getattr(self.module, "TIMED", True))

    @property
    def measure(self) -> Callable[..., Any]:
        """The function that measures one cell."""
        return self.module.measure

    def limits(self, profile: str) -> Limits:
        """The limits of one cell; ExperimentError where the profile has none."""
        if profile not in self.module.LIMITS:
            raise ExperimentError(
                f"{self.path.name} has no limits for the profile {profile!r}",
                why=f"LIMITS has {', '.join(self.module.LIMITS) or 'nothing'}",
                hint=f'LIMITS["{profile}"] = Limits(seconds=10)',
            )
        return self.module.LIMITS[profile]

    def cells(self, profile: str) -> list[Cell]:
        """The sweep in the order of measurement; ExperimentError where it is not well formed."""
        cells = list(self.module.sweep(profile))
        seen: set[str] = set()
        for cell in cells:
            self._check(cell)
            key = canonical(cell)
            if key in seen:
                raise ExperimentError(
                    f"the sweep of {self.path.name} gives the cell {key} twice",
                    why="a cell is known by its parameters",
                    hint="leave one out, or tell them apart by one more parameter",
                )
            seen.add(key)
        return interleaved(cells, self.series, self.size)

    def _check(self, cell: Any) -> None:
        if not isinstance(cell, dict):
            raise ExperimentError(
                f"the sweep of {self.path.name} gives {cell!r}",
                why="a cell is a dict of the keyword arguments of measure",
            )
        needed = {*self.series, *([self.size] if self.size else [])}
        if missing := sorted(needed - set(cell)):
            raise ExperimentError(
                f"the sweep of {self.path.name} gives {cell!r}, without {', '.join(missing)}",
                why="SERIES and SIZE name parameters of every cell",
            )
        try:
            canonical(cell)
        except (TypeError, ValueError) as error:
            raise ExperimentError(
                f"the sweep of {self.path.name} gives {cell!r}",
                why=f"a cell is kept as JSON: {error}",
                hint="int(n) and float(h) turn NumPy numbers into Python's",
            ) from error


def canonical(cell: Mapping[str, Any]) -> str:
    """A cell as text, the same whatever the order of its parameters.

    >>> canonical({"n": 3, "backend": "reverse"})
    '{"backend": "reverse", "n": 3}'
    """
    return json.dumps(cell, sort_keys=True, allow_nan=False)


# ---------------------------------------------------------------------------------------------------- loading


def discover(folder: Path) -> list[str]:
    """Names of the experiments in a folder; ExperimentError where there are none."""
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if not names:
        raise ExperimentError(
            f"there are no experiments in {folder}",
            why="there is no such folder" if not folder.is_dir() else "it holds no Python file",
            hint="run diffbench where experiments/ is, or name the folder: --experiments DIR",
        )
    return names


def load(name: str, folder: Path) -> Experiment:
    """Import `folder`/`name`.py; UnknownName if there is none, ExperimentError if it is no experiment."""
    known = discover(folder)
    if name not in known:
        raise UnknownName(f"there is no experiment {name!r} in {folder}", hint=did_you_mean(name, known))
    path = folder / f"{name}.py"
    experiment = Experiment(name, path, _import(f"diffbench_experiments.{name}", path))
    parts = ("LIMITS", "sweep", "measure", "expect", "figures")
    if missing := [part for part in parts if not hasattr(experiment.module, part)]:
        raise ExperimentError(
            f"{path} is no experiment: it does not define {', '.join(missing)}",
            hint="CONTRIBUTING.md, 'A new experiment', says what each one is",
        )
    return experiment


def _import(module_name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    sys.path.append(str(path.parent))  # for what experiments share: `from _cases import ...`
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ExperimentError(
            f"{path} cannot be imported", why=f"{type(error).__name__}: {error}", hint=f"python {path}"
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    return module

"""Where and with what a measurement was made, and when two measurements may stand in one table."""

import ast
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import diffbench
from diffbench.runner.experiment import SEED, Experiment

PACKAGE = Path(diffbench.__file__).parent
LIBRARIES = (
    "numpy", "scipy", "sympy", "mpmath", "pandas", "matplotlib",
    "autograd", "casadi", "jax", "mygrad", "numdifftools", "symengine", "torch",
)  # fmt: skip
# Parts of diffbench that decide how results are kept and shown, not what they are.
AFTER_MEASURING = {"runner", "cli.py", "lecture", "plotting.py", "report.py", "__main__.py"}


def environment(experiment: Experiment, profile: str, threads: int) -> dict[str, Any]:
    """The facts that environment.json tells; memory in bytes, date in UTC."""
    return {
        "experiment": experiment.name,
        "question": experiment.question,
        "profile": profile,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(experiment.path.parent),
        "seed": SEED,
        "blas_threads": threads,
        "versions": versions(),
        "system": platform.platform(),
        "processor": processor(),
        "logical_processors": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def versions() -> dict[str, str]:
    """Versions of Python, diffbench and the libraries that are installed."""
    return {
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "diffbench": diffbench.__version__,
        **dict(_installed()),
    }


def _installed() -> Iterator[tuple[str, str]]:
    for library in LIBRARIES:
        try:
            yield library, version(library)
        except PackageNotFoundError:
            continue


def processor() -> str:
    """The processor's name as its maker writes it, where the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


def commit(folder: Path) -> str | None:
    """The git commit that `folder` is at, marked where files differ from it; None outside of git."""
    head = _output("git", "-C", str(folder), "rev-parse", "HEAD")
    if head is None:
        return None
    changed = _output("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no")
    return f"{head}, with changes" if changed else head


def _output(*command: str) -> str | None:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None  # no such tool here, or it has nothing to say: a fact that stays unknown
    return result.stdout.strip()


# --------------------------------------------------------------------------------------------------- identity


def identity(experiment: Experiment, profile: str, threads: int) -> str:
    """A hash of all that a measured number depends on besides its cell.

    Cells are measured again when it changes: `measure` and what it uses, the limits, the library below the
    runner, the versions, the processor. Editing `expect` or `figures` leaves it alone.
    """
    limits = experiment.limits(profile)
    facts = {
        "measure": measuring_source(experiment.path.read_text(encoding="utf-8")),
        "limits": [limits.seconds, limits.megabytes],
        "library": library_digest(),
        "versions": versions(),
        "processor": processor(),
        "threads": threads,
        "seed": SEED,
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def measuring_source(source: str) -> str:
    """The statements of an experiment that `measure` can reach, without comments and formatting.

    >>> print(measuring_source("k = 1; unused = 2\\ndef measure(n): return k * n\\ndef figures(frame): ..."))
    k = 1
    def measure(n):
        return k * n
    """
    statements = ast.parse(source).body
    kept = {index for index, statement in enumerate(statements) if not names_bound(statement)}
    reached = {"measure"} | {name for index in kept for name in names_used(statements[index])}
    while new := {
        index for index, statement in enumerate(statements) if index not in kept and names_bound(statement) & reached
    }:
        kept |= new
        reached |= {name for index in new for name in names_used(statements[index])}
    if statements and ast.get_docstring(ast.Module(statements, [])) is not None:
        kept.discard(0)
    return "\n".join(ast.unparse(statements[index]) for index in sorted(kept))


def names_bound(statement: ast.stmt) -> set[str]:
    """The names that a statement only binds; none where it may also act, as an import or a decorator does."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef) and not statement.decorator_list:
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        nodes = [node for target in targets for node in ast.walk(target)]
        if all(isinstance(node, ast.Name | ast.Tuple | ast.List | ast.expr_context) for node in nodes):
            return {node.id for node in nodes if isinstance(node, ast.Name)}
    return set()


def names_used(statement: ast.stmt) -> set[str]:
    """Every name that occurs in a statement."""
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def library_digest() -> str:
    """A hash of the source of diffbench, without the parts that come after measuring."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] not in AFTER_MEASURING:
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()

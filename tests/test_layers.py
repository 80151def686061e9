"""Who may import whom: the arrows of docs/architecture.md, read out of the source with `ast`.

An import inside a function counts as well: when it runs does not change which module leans on which.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "diffbench"

LAYERS = (  # from the top down; a module imports from its own layer and from those below
    {"__main__", "cli", "compare_command", "diagnose_command", "report", "lecture", "runner"},
    {"compare", "checks", "measure", "error_curve", "expressions", "tables", "reference", "problems"}
    | {"user_function", "testing", "diagnosis"}
    | {"isolation", "question", "branches", "consensus", "plotting"},
    {"checkpointing", "implicit", "revolve", "user_primitive"},
    {"operators", "verbs", "registry", "automatic", "flat", "numpy_calls", "scipy_calls"},
    {"backends"},
    {
        "array_methods",
        "array_operators",
        "dispatch",
        "short_calls",
        "traced_values",
        "assignment",
        "captured",
        "construction",
        "debugging",
        "short_way",
        "watching",
        "tape",
        "ufunc_arguments",
        "batch",
        "exact",
    }
    | {"special"},
    {"primitives"},
    {"errors", "structure", "large_arrays", "memory"},
)
FACADE = "diffbench"  # the package itself, which imports everything: only the top layer may lean on it

COMMON_TO_BACKENDS = {"base", "foreign", "expressions", "vectors", "lazy"}

MAY_IMPORT = {  # a heavy library: the parts of diffbench that may import it
    "pandas": {"compare", "diagnosis", "runner", "lecture", "report", "plotting", "registry"},
    "matplotlib": {"plotting", "lecture", "report"},
}
LOADED_WHEN_USED = ("sympy", "mpmath", "pandas", "matplotlib", "scipy", "rich")

MODULES = sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    """diffbench/backends/base.py -> diffbench.backends.base; a package stands for its __init__.py."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, relative ones written out in full."""
    return tuple(each_import(path))


def each_import(path: Path) -> Iterator[str]:
    package = dotted(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{origin}.{alias.name}" if is_module(f"{origin}.{alias.name}") else origin


@cache
def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def part(name: str) -> str:
    """The file or folder of the house that a dotted name lives in: diffbench.backends.base -> backends."""
    return name.split(".")[1] if "." in name else FACADE


def depth(name: str) -> int:
    """How far down the house a part stands; the façade stands with the top layer."""
    if part(name) == FACADE:
        return 0
    found = [level for level, layer in enumerate(LAYERS) if part(name) in layer]
    assert found, f"{name} stands in no layer: give it its place in LAYERS and in docs/architecture.md"
    return found[0]


def method(name: str) -> str:
    """The backend that a module belongs to: diffbench.backends.adapters.jax -> jax, finite_stencil -> finite."""
    file = next((word for word in name.split(".")[2:] if word != "adapters"), "")
    families = [path.stem for path in (PACKAGE / "backends").rglob("*.py") if file.startswith(path.stem + "_")]
    return min(families, default=file, key=len)


def own_imports(path: Path) -> list[str]:
    return [name for name in imports(path) if name.split(".")[0] == "diffbench"]


each_module = pytest.mark.parametrize("path", MODULES, ids=dotted)


@each_module
def test_arrows_point_downwards_only(path):
    if dotted(path) == FACADE:
        return
    own_depth = depth(dotted(path))
    upwards = [name for name in own_imports(path) if depth(name) < own_depth]
    assert not upwards, f"{dotted(path)} imports from above: {upwards}"


@pytest.mark.parametrize("name", sorted({part(dotted(path)) for path in MODULES} - {FACADE, "__main__"}))
def test_architecture_describes_every_part_of_the_house(name):
    described = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert f"  {name}.py " in described or f"  {name}/ " in described


@pytest.mark.parametrize("path", sorted((PACKAGE / "backends").rglob("*.py")), ids=dotted)
def test_no_backend_knows_another(path):
    """A backend leans on the contract, and on files of its own that begin with its name."""
    if path.name == "__init__.py":
        return
    known = {method(name) for name in own_imports(path) if part(name) == "backends"} - COMMON_TO_BACKENDS
    strangers = known - {method(dotted(path))}
    assert not strangers, f"{dotted(path)} knows other backends: {strangers}"


@each_module
def test_heavy_libraries_stay_in_their_rooms(path):
    imported = {name.split(".")[0] for name in imports(path)}
    strangers = {library for library in MAY_IMPORT if part(dotted(path)) not in MAY_IMPORT[library]} & imported
    assert not strangers, f"{dotted(path)} imports {strangers}"


def test_import_diffbench_loads_numpy_and_nothing_heavy():
    """In a fresh interpreter, since this one has already loaded everything."""
    script = f"import sys, diffbench; print(*[m for m in {LOADED_WHEN_USED} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PACKAGE.parent, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []

"""Notebooks: text and notebook say the same, outputs are kept, cells are short, and each ends with its exercise.

That they run is what `make notebooks` finds out.
"""

import ast
import json
import statistics
from pathlib import Path

import jupytext
import pytest

from diffbench.lecture.exercises import EXERCISES

FOLDER = Path(__file__).parents[1] / "notebooks"
PAIRS = sorted(FOLDER.glob("*.py"))

each_notebook = pytest.mark.parametrize("path", PAIRS, ids=[path.stem for path in PAIRS])


def cells(path, kind=None):
    found = jupytext.read(path).cells
    return [cell for cell in found if kind is None or cell.cell_type == kind]


def code(path):
    """The code cells, without the magics that Python cannot read."""
    return ["\n".join(line for line in c.source.splitlines() if line[:1] != "%") for c in cells(path, "code")]


def test_every_notebook_has_its_text_and_the_other_way_round():
    assert [path.stem for path in PAIRS] == sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def test_notebooks_are_numbered_in_teaching_order_and_have_the_exercises():
    names = [path.stem.split("_", 1) for path in PAIRS]
    assert [number for number, _ in names] == [f"{k:02}" for k in range(1, len(PAIRS) + 1)]
    assert {name for _, name in names} <= {*EXERCISES}


@each_notebook
def test_text_and_notebook_say_the_same(path):
    text, notebook = cells(path), cells(path.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source) for c in notebook] == [(c.cell_type, c.source) for c in text]


@each_notebook
def test_outputs_are_kept_and_none_is_an_error(path):
    """In a slider, too: there an exception does not stop the notebook."""
    for cell in cells(path.with_suffix(".ipynb"), "code"):
        assert cell.execution_count
        assert all(output.output_type != "error" for output in cell.outputs)
    assert "Traceback" not in path.with_suffix(".ipynb").read_text(encoding="utf-8")


@each_notebook
def test_a_slider_has_a_picture_beside_for_those_without_a_kernel(path):
    """Or what it changes is shown in the cell before."""
    found = cells(path.with_suffix(".ipynb"), "code")
    for before, cell, after in zip(found, found[1:], found[2:]):
        if "interact(" in cell.source:
            shown = [kind for c in (before, after) for output in c.outputs for kind in output.get("data", {})]
            assert {"image/png", "text/latex"} & {*shown}


@each_notebook
def test_cells_are_short(path):
    lengths = [len(source.splitlines()) for source in code(path)]
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 20


@each_notebook
def test_nothing_is_defined_that_belongs_into_the_library(path):
    for source in code(path):
        defined = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        assert not defined, source


@each_notebook
def test_claims_are_asserted(path):
    text = "\n".join(code(path))
    assert "**Claim.**" in cells(path)[0].source
    assert text.count("assert") >= 3


@each_notebook
def test_the_exercise_comes_last_and_is_the_readers_to_solve(path):
    *_, shown, asked = code(path)
    assert f'EXERCISES["{path.stem.split("_", 1)[1]}"]' in shown
    assert asked == "answer = ...\nexercise.check(answer)"


@each_notebook
def test_outputs_do_not_name_a_machine(path):
    text = json.dumps(json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8")))
    assert "/home/" not in text
    assert "site-packages" not in text
    assert "/tmp/" not in text

"""Tables and files that a run leaves."""

import json

import pandas as pd
import pytest

from diffbench.runner.experiment import ExperimentError, canonical, load
from diffbench.runner.outputs import tidy_frame, write

FACTS = {"message": "", "elapsed_s": 0.1}


def frame_of(**answers):
    cells = [{"name": name} for name in answers]
    stored = {canonical({"name": name}): FACTS | answer for name, answer in answers.items()}
    return tidy_frame(cells, stored, limit_s=2.0)


def test_a_cell_may_give_several_rows():
    frame = frame_of(a={"status": "ok", "rows": [{"h": 1}, {"h": 2}]})
    assert frame["h"].tolist() == [1, 2]
    assert frame["name"].tolist() == ["a", "a"]


def test_a_cell_at_its_limit_is_a_row_with_the_limit():
    frame = frame_of(a={"status": "ok", "rows": [{"x": 1.0}]}, b={"status": "timeout", "rows": []})
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["limit_s"].tolist() == [2.0, 2.0]
    assert frame["x"].isna().tolist() == [False, True]


def test_a_row_may_say_itself_that_it_is_wrong():
    frame = frame_of(a={"status": "ok", "rows": [{"status": "wrong", "message": "off by 2"}]})
    assert frame[["status", "message"]].to_numpy().tolist() == [["wrong", "off by 2"]]


def test_cells_not_measured_yet_have_no_row():
    assert tidy_frame([{"n": 1}], {}, limit_s=1.0).empty


@pytest.fixture
def outcome(write_experiment, tmp_path):
    """Write the outputs of an experiment with a body; the folder, and what `write` returned."""

    def of(body, rows=({"samples": [1, 2]},)):
        frame = frame_of(a={"status": "ok", "rows": list(rows)})
        folder = tmp_path / "out"
        return folder, write(load("squares", write_experiment(body)), frame, {"seed": 0}, folder)

    return of


def test_csv_claims_figures_tables_and_environment_are_written(outcome):
    folder, (claims, paths) = outcome(
        """
        def figures(frame):
            from matplotlib.figure import Figure
            return {"line": Figure()}
        def tables(frame):
            return {"table.tex": "x"}
        """
    )
    assert {path.name for path in paths} == {
        "environment.json", "squares.csv", "claims.csv", "line.svg", "line.pdf", "line.png", "table.tex",
    }  # fmt: skip
    assert all(path.stat().st_size > 0 for path in paths)
    assert json.loads((folder / "environment.json").read_text()) == {"seed": 0}
    assert pd.read_csv(folder / "claims.csv")["verdict"].tolist() == [claim.verdict for claim in claims]


def test_raw_samples_are_json_in_the_csv(outcome):
    folder, _ = outcome("")
    assert json.loads(pd.read_csv(folder / "squares.csv")["samples"][0]) == [1, 2]


def test_a_part_that_stumbles_over_failed_cells_says_what_failed_first(outcome):
    row = {"status": "failed", "message": "KeyError: 'x'"}
    with pytest.raises(ExperimentError, match="1 of 2 rows failed, the first with: KeyError: 'x'"):
        outcome("def expect(frame): return frame['nothing']", rows=[{"x": 1}, row])


@pytest.mark.parametrize("part", ["expect", "figures", "tables"])
def test_a_part_that_raises_is_named_after_the_rows_are_written(outcome, tmp_path, part):
    with pytest.raises(ExperimentError, match=f"{part} of squares.py raised KeyError") as caught:
        outcome(f"def {part}(frame): return frame['nothing']")
    assert isinstance(caught.value.__cause__, KeyError)
    assert (tmp_path / "out" / "squares.csv").exists()

"""Loading an experiment, and what is said of a file that is none."""

import sys

import numpy as np
import pytest

from diffbench.errors import UnknownName
from diffbench.runner.experiment import Claim, ExperimentError, Limits, canonical, discover, load


def test_an_experiment_is_a_file_of_the_folder(write_experiment):
    experiment = load("squares", write_experiment())
    assert experiment.question == "does the runner do what it says?"
    assert experiment.limits("quick") == Limits(seconds=30)
    assert [cell["n"] for cell in experiment.cells("quick")] == [1, 2, 3, 4, 5, 6]


def test_what_an_experiment_leaves_out_has_a_default(write_experiment):
    experiment = load("squares", write_experiment())
    assert (experiment.series, experiment.size, experiment.timed) == ((), None, True)


def test_helpers_that_begin_with_an_underscore_are_no_experiments(write_experiment):
    write_experiment(name="_shared")
    assert discover(write_experiment()) == ["squares"]


def test_an_experiment_imports_what_it_shares_with_others_from_beside_it(write_experiment):
    shared = write_experiment("answer = 42", name="_shared_with_squares")
    assert load("squares", write_experiment("from _shared_with_squares import answer")).module.answer == 42
    assert str(shared) not in sys.path


def test_an_unknown_name_is_answered_with_the_nearest(write_experiment):
    with pytest.raises(UnknownName, match="did you mean 'squares'"):
        load("sqares", write_experiment())


def test_a_missing_folder_is_explained(tmp_path):
    with pytest.raises(ExperimentError, match=r"there is no such folder(.|\n)*--experiments DIR"):
        discover(tmp_path / "nowhere")


def test_a_file_without_its_parts_is_named_with_what_it_lacks(tmp_path):
    (tmp_path / "half.py").write_text("LIMITS = {}\ndef sweep(profile): ...\n", encoding="utf-8")
    with pytest.raises(ExperimentError, match="does not define measure, expect, figures"):
        load("half", tmp_path)


def test_a_file_that_cannot_be_imported_says_why_and_keeps_the_cause(write_experiment):
    with pytest.raises(ExperimentError, match="ZeroDivisionError: division by zero") as caught:
        load("squares", write_experiment("1 / 0"))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_profile_without_limits_says_what_to_write(write_experiment):
    with pytest.raises(ExperimentError, match=r'LIMITS\["full"\] = Limits'):
        load("squares", write_experiment()).limits("full")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def sweep(profile): return [{'n': 1}, {'n': 1}]", "twice"),
        ("def sweep(profile): return [3]", "a cell is a dict"),
        ("def sweep(profile): return [{'n': np.int64(1)}]", "turn NumPy numbers into Python's"),
        ("def sweep(profile): return [{'n': float('nan')}]", "kept as JSON"),
        ("SERIES = ('method',)", "without method"),
        ("SIZE = 'm'", "without m"),
    ],
)
def test_a_sweep_that_is_not_well_formed_is_refused(write_experiment, body, words):
    with pytest.raises(ExperimentError, match=words):
        load("squares", write_experiment(body)).cells("quick")


def test_a_cell_is_known_by_its_parameters_in_any_order():
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@pytest.mark.parametrize(
    ("holds", "verdict"), [(True, "as theory says"), (False, "NOT as theory says"), (None, "not decided")]
)
def test_a_claim_has_a_verdict_in_words(holds, verdict):
    assert Claim("text", holds).verdict == verdict


def test_a_comparison_of_numpys_is_a_plain_verdict():
    assert Claim("text", np.float64(1) > 2).holds is False

"""The fastest backend that is right: what the choice stands on, with times that are given and not measured."""

import numpy as np
import pandas as pd
import pytest

import diffbench as db
from diffbench.compare import measuring
from diffbench.compare.advice import advise, fastest_by_calls
from diffbench.compare.comparison import COLUMNS, Comparison
from tests import hostile

ROWS = (
    # backend, status, digits, prepare_seconds, seconds, message
    ("symbolic", "ok", 15.0, 64.0, 0.125, ""),
    ("reverse", "ok", 14.0, 0.0, 0.25, ""),
    ("finite-forward", "ok", 6.0, 0.0, 0.0625, ""),
    ("jax", "wrong", 0.0, 0.5, 0.03125, "[1] is nan, not 2"),
    ("complex-step", "unsupported", None, None, None, "NotAnalytic: met numpy.abs"),
)


def comparison(rows=ROWS):
    names = ("backend", "status", "digits", "prepare_seconds", "seconds", "message")
    frame = pd.DataFrame([dict(zip(names, row)) for row in rows], columns=list(COLUMNS))
    frame["max_rel_error"] = 10.0 ** -frame.digits.astype(float)
    return Comparison(frame, frame, None, "gradient", "f", None)


@pytest.mark.parametrize(
    ("calls", "expected"), [(1, "reverse"), (512, "reverse"), (513, "symbolic"), (10**6, "symbolic")]
)
def test_the_fastest_for_so_many_calls_counts_its_preparation(calls, expected):
    assert advise(comparison(), calls, 8.0).backend == expected


def test_the_break_even_number_is_where_the_prepared_one_overtakes():
    advice = advise(comparison(), 1000, 8.0)
    assert advice.by_calls[["from_calls", "backend"]].values.tolist() == [[1, "reverse"], [513, "symbolic"]]
    assert "from 513 calls on symbolic is faster than reverse" in advice.reasons


def test_what_is_wrong_refused_or_too_coarse_is_never_recommended_and_the_reason_stands_there():
    advice = advise(comparison(), 1000, 8.0)
    assert "not finite-forward: 6.0 digits right, fewer than 8.0" in advice.reasons
    assert "not jax: [1] is nan, not 2" in advice.reasons
    assert "not complex-step: NotAnalytic: met numpy.abs" in advice.reasons


def test_fewer_digits_are_taken_where_they_are_asked_for():
    assert advise(comparison(), 1000, 5.0).backend == "finite-forward"


def test_where_no_backend_has_the_digits_those_near_the_best_are_taken():
    rows = [("reverse", "ok", 5.0, 0.0, 0.003, ""), ("finite-forward", "ok", 2.0, 0.0, 0.001, "")]
    assert advise(comparison(rows), 10, 8.0).backend == "reverse"


def test_without_a_right_backend_there_is_none():
    advice = advise(comparison([ROWS[3]]), 10, 8.0)
    assert advice.backend is None
    assert advice.by_calls.empty
    assert str(advice).startswith("no backend for 10 calls")


def test_the_pareto_set_comes_with_it():
    assert advise(comparison(), 10, 8.0).pareto.backend.tolist() == ["finite-forward", "symbolic"]


def test_three_lines_have_two_break_even_points():
    rows = [
        {"backend": str(k), "prepare_seconds": p, "seconds": s} for k, (p, s) in enumerate([(0, 4), (6, 2), (20, 1)])
    ]
    assert [(start, row["backend"]) for start, row in fastest_by_calls(rows)] == [(1, "0"), (4, "1"), (15, "2")]


@pytest.mark.parametrize("calls", [0, -1, 2.5, True])
def test_calls_must_be_a_positive_integer(calls):
    with pytest.raises(db.ArgumentError, match="calls="):
        advise(comparison(), calls, 8.0)


def test_a_function_gets_a_backend_and_reasons(monkeypatch):
    monkeypatch.setattr(measuring, "ROUNDS", 2)
    monkeypatch.setattr(measuring, "SAMPLE_SECONDS", 1e-4)
    x = np.array([0.5, 1.0, 2.0])
    advice = db.recommend(hostile.fine, x, calls=100, backends=["reverse", "finite-forward"], time_limit=60.0)
    assert advice.backend == "reverse"
    assert advice.reasons[0].startswith("reverse: 15.")
    assert set(advice.comparison.frame.backend) == {"reverse", "finite-forward"}

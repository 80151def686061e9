"""One function, all backends, one table: right verdicts, and functions that hang, crash or eat memory are rows."""

import dataclasses
import json
import re
import time

import mpmath
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import diffbench as db
from diffbench.compare import Comparison, measuring
from diffbench.compare.judging import Truth, judge
from diffbench.problems import problem
from tests import hostile

X = np.array([0.5, -1.0, 2.0])
PLENTY = 60.0  # seconds that no test waits for


def wrong_gradient(x):
    gradient = np.cos(x) * x**2 + 2 * x * np.sin(x)
    gradient[1] *= -1
    return gradient


@pytest.fixture(scope="module", autouse=True)
def short_measurements():
    """Verdicts do not hang on how well times are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "ROUNDS", 2)
        patch.setattr(measuring, "SAMPLE_SECONDS", 1e-4)
        yield


@pytest.fixture(scope="module")
def fine(short_measurements):
    """A smooth function by two right methods, a wrong one, one that refuses and one that is not installed."""
    return db.compare(
        hostile.fine,
        X,
        backends={
            "reverse": "reverse",
            "finite-central": "finite-central",
            "<mine>": db.get_backend("manual", gradient=wrong_gradient),
            "nothing": db.get_backend("manual"),
        },
        time_limit=PLENTY,
        progress=False,
    )


def statuses(comparison):
    return dict(zip(comparison.frame.backend, comparison.frame.status))


# -- what is found -----------------------------------------------------------------------------------------------------


def test_right_wrong_and_refused_are_told_apart(fine):
    assert statuses(fine) == {"reverse": "ok", "finite-central": "ok", "<mine>": "wrong", "nothing": "unsupported"}
    assert fine.wrong == ["<mine>"]


def test_the_frame_is_tidy_and_has_the_columns_promised(fine):
    assert {
        "backend", "status", "value", "max_abs_error", "max_rel_error", "prepare_seconds", "seconds", "cost_ratio",
        "peak_bytes", "message", "digits", "evaluations", "seconds_low", "seconds_high",
    } <= set(fine.frame.columns)  # fmt: skip
    assert fine.frame.backend.is_unique
    assert set(fine.frame.status[:2]) == {"ok"}


def test_a_wrong_entry_is_named(fine):
    message = fine.frame.set_index("backend").message["<mine>"]
    assert message.startswith("[1] is -2.22324, not 2.22324")
    assert "1 of 3 entries" in message


def test_times_counts_and_memory_are_measured(fine):
    rows = fine.frame.set_index("backend")
    assert rows.evaluations[["reverse", "finite-central", "<mine>"]].tolist() == [1, 7, 0]
    measured = rows.loc[["reverse", "finite-central"]]
    assert (measured[["seconds", "cost_ratio", "prepare_seconds", "peak_bytes", "f_seconds"]] > 0).all(axis=None)
    assert (measured.seconds_low <= measured.seconds_high).all()
    assert fine.f_seconds > 0


def test_values_and_truth_have_the_shape_of_the_verb(fine):
    assert fine.truth.shape == (3,)
    assert fine.truth_label == "50 digits"
    value = fine.frame.set_index("backend").value["reverse"]
    assert np.allclose(value, fine.truth.astype(float), rtol=1e-14)


def test_entries_are_judged_one_by_one(fine):
    entries = fine.entries.set_index(["backend", "entry"])
    assert entries.digits["reverse", "[1]"] > 14
    assert entries.digits["<mine>", "[1]"] == 0
    assert entries.rel_error["<mine>", "[1]"] == pytest.approx(2)
    assert entries.digits["<mine>", "[0]"] > 14


def test_an_ill_conditioned_program_is_not_called_wrong():
    """l_n' at n = 14 costs five digits in float64; differences keep three."""
    f = problem("logistic_while").function
    c = db.compare(f, 0.2, 14, quantity="derivative", backends=["reverse", "finite-central"], time_limit=PLENTY)
    assert statuses(c) == {"reverse": "ok", "finite-central": "ok"}
    assert "usually 9 digits" in c.frame.set_index("backend").message["finite-central"]
    assert mpmath.nstr(c.truth, 15) == mpmath.nstr(8192 * mpmath.chebyu(8191, 1 - 2 * mpmath.mpf(0.2)), 15)


@pytest.mark.parametrize(
    ("quantity", "f", "args", "shape"),
    [
        ("jacobian", hostile.vector, (X,), (3, 3)),
        ("hessian", hostile.fine, (X,), (3, 3)),
        ("hvp", hostile.fine, (X, np.ones(3)), (3,)),
        ("vjp", hostile.vector, (X, np.ones(3)), (3,)),
    ],
)
def test_other_quantities(quantity, f, args, shape):
    c = db.compare(f, *args, quantity=quantity, backends=["forward", "finite-central"], time_limit=PLENTY)
    assert statuses(c) == {"forward": "ok", "finite-central": "ok"}
    assert np.shape(c.truth) == shape


def test_containers_and_keywords_of_the_user_come_through():
    def f(p, scale=1.0):
        return {"a": p["w"] * p["b"] * scale}

    c = db.compare(f, {"w": X, "b": 2.0}, quantity="jacobian", backends="reverse", scale=3.0, time_limit=PLENTY)
    assert float(c.truth["a"]["b"][0]) == 1.5
    assert "['a']['w'][0, 1]" in set(c.entries.entry)


# -- the truth ---------------------------------------------------------------------------------------------------------


def test_a_loop_that_waits_for_convergence_is_followed_as_floats_run_it():
    def root(a):
        y, before = 1.0, 0.0
        while y != before:
            y, before = 0.5 * (y + a / y), y
        return y

    c = db.compare(root, 2.0, quantity="derivative", backends="forward", time_limit=PLENTY)
    assert statuses(c) == {"forward": "ok"}
    assert "along the branches that floats take" in c.truth_label
    assert "test_compare.py" in c.truth_label


def test_without_high_precision_the_truth_is_a_consensus_and_says_so():
    def f(x):
        return np.sum(np.abs(np.fft.fft(x)) ** 2 * np.arange(3))

    c = db.compare(f, X, backends=["reverse", "finite-forward"], time_limit=PLENTY)
    assert statuses(c) == {"reverse": "ok", "finite-forward": "ok"}
    assert re.match(r"about 1\d digits, by central differences \(high precision cannot follow f: .*fft", c.truth_label)
    assert c.truth_label in str(c).replace("\n", " ")


# -- judging -----------------------------------------------------------------------------------------------------------


def verdict(found, truth, backend="reverse", noise=0.0):
    exact = np.array([mpmath.mpf(x) for x in truth], object)
    nothing = [np.zeros(exact.shape)]
    known = Truth([exact], nothing, nothing, "", [""])
    return judge([np.asarray(found)], known, db.get_backend(backend), 1, noise)


def test_nan_is_wrong_and_never_equal():
    assert not verdict([np.nan], [1.0]).right
    assert not verdict([np.nan], [np.nan]).right


def test_a_wrong_sign_in_a_small_entry_is_seen():
    """A norm would let it pass: relative to 1000 the error is 2e-4."""
    assert not verdict([1000.0, 0.1], [1000.0, -0.1]).right


def test_infinities_are_right_where_the_truth_is_infinite():
    assert verdict([np.inf], [np.inf]).right
    assert not verdict([np.inf], [-np.inf]).right


def test_a_zero_is_judged_by_the_largest_entry():
    assert verdict([1.0, 1e-12], [1.0, 0.0], "finite-central", noise=1.0).digits[1] == pytest.approx(12)
    assert not verdict([1.0, 1e-12], [1.0, 0.0]).right


def test_single_precision_is_judged_by_its_own_rounding():
    assert verdict(np.array([1 / 3], np.float32), [1 / 3]).right
    assert not verdict(np.array([0.3334], np.float32), [1 / 3]).right


def test_differences_are_wrong_only_where_they_miss_by_far():
    assert verdict([1.0 + 1e-7], [1.0], "finite-central").right
    assert "usually 9 digits" in verdict([1.0 + 1e-7], [1.0], "finite-central").reason
    assert not verdict([1.01], [1.0], "finite-central").right
    assert not verdict([1.0 + 1e-7], [1.0], "complex-step").right


def test_a_wrong_shape_is_wrong():
    assert verdict([1.0], [1.0, 2.0]).reason == "shapes (1,), expected (2,)"


# -- what functions may do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "limit", "status", "message"),
    [
        (hostile.hangs, 0.3, "timeout", "f itself: longer than 0.3 s"),
        (hostile.eats_memory, PLENTY, "out-of-memory", "f itself: more than 100 MB"),
        (hostile.crashes, PLENTY, "failed", "f itself: its process was killed by SIGSEGV"),
    ],
)
def test_what_f_itself_does_is_a_row_for_each_backend(f, limit, status, message):
    c = db.compare(f, X, time_limit=limit, memory_limit=100)
    assert len(c.frame) == len(db.backends()) - 1
    installed = c.frame[c.frame.backend.isin(db.backends().index[db.backends().installed])]
    assert set(installed.status) == {status}
    assert all(found.startswith(message) for found in installed.message)  # it may also name libraries that do not fork
    assert str(c)
    assert c._repr_html_()


@pytest.mark.parametrize(
    ("f", "limit", "status", "message"),
    [
        (hostile.hangs_when_traced, 1.0, "timeout", "longer than 1 s"),
        (hostile.eats_when_traced, PLENTY, "out-of-memory", "more than 100 MB"),
        (hostile.crashes_when_traced, PLENTY, "failed", "its process was killed by SIGSEGV"),
    ],
)
def test_what_f_does_to_one_backend_is_a_row_and_not_the_end(f, limit, status, message):
    c = db.compare(f, X, backends=["reverse", "finite-forward"], time_limit=limit, memory_limit=100)
    row = c.frame.set_index("backend").loc["reverse"]
    assert row.status == status
    assert row.message.startswith(message)
    if limit == PLENTY:
        assert statuses(c)["finite-forward"] == "ok"
        assert "by central differences" in c.truth_label


def test_branches_are_refused_by_symbols_and_complex_step_and_right_elsewhere():
    c = db.compare(
        hostile.branches, X, backends=["reverse", "symbolic", "complex-step", "finite-backward"], time_limit=PLENTY
    )
    assert statuses(c) == {
        "reverse": "ok", "finite-backward": "ok", "symbolic": "unsupported", "complex-step": "unsupported"
    }  # fmt: skip
    messages = c.frame.set_index("backend").message
    assert messages["symbolic"].startswith("ClosedFormRequired: the program branches on a symbol")
    assert messages["complex-step"].startswith("NotAnalytic")


def test_a_nan_branch_that_is_not_taken_spoils_nothing_and_a_gradient_of_nan_is_wrong():
    def naive(x):
        return np.where(x > 0, 1 / x, 2 * x) * np.where(x > 0, 1, np.nan)

    mine = db.get_backend("manual", gradient=naive)
    c = db.compare(hostile.nan_branch, X, backends=["reverse", "forward", mine], time_limit=PLENTY)
    assert statuses(c) == {"reverse": "ok", "forward": "ok", "manual": "wrong"}
    assert c.frame.set_index("backend").message["manual"].startswith("[1] is nan, not -2")


def test_what_f_prints_is_dropped(capfd):
    db.compare(hostile.prints, X, backends="reverse", time_limit=PLENTY, progress=False)
    assert capfd.readouterr() == ("", "")


def test_what_f_raises_comes_out_with_its_place():
    with pytest.raises(RuntimeError, match="the reason") as caught:
        db.compare(hostile.raises, X, backends="reverse")
    assert "hostile.py" in caught.value.__notes__[0]


def test_an_exception_that_cannot_travel_is_told_in_our_words():
    class Local(Exception):
        pass

    def f(x):
        raise Local("the reason")

    with pytest.raises(db.DiffbenchError, match="Local: the reason"):
        db.compare(f, X, backends="reverse")


def test_a_package_that_is_missing_is_a_row_that_says_how_to_install_it():
    class Absent(db.Differentiator):
        name, method, requires = "absent", "automatic", "no_such_package"

    from diffbench import registry

    db.register_backend(Absent)
    try:
        c = db.compare(hostile.fine, X, backends="absent", time_limit=PLENTY)
    finally:
        del registry._registered["absent"]
    assert statuses(c) == {"absent": "unsupported"}
    assert c.frame.message[0] == "needs the package 'no_such_package': python -m pip install no_such_package"


# -- bad questions -----------------------------------------------------------------------------------------------------


def test_bad_questions_are_refused_at_once():
    with pytest.raises(db.UnknownName, match="did you mean 'hessian'"):
        db.compare(hostile.fine, X, quantity="hesian")
    with pytest.raises(db.UnknownName, match="did you mean 'reverse'"):
        db.compare(hostile.fine, X, backends=["revers"])
    with pytest.raises(db.ArgumentError, match="time_limit=0"):
        db.compare(hostile.fine, X, time_limit=0)
    with pytest.raises(db.ArgumentError, match="memory_limit=nan"):
        db.compare(hostile.fine, X, memory_limit=float("nan"))
    with pytest.raises(db.ArgumentError, match="must be a function"):
        db.compare(3.0, X)
    with pytest.raises(db.ArgumentError, match="no backend"):
        db.compare(hostile.fine, X, backends=[])


def test_a_result_that_does_not_fit_the_quantity_is_refused_as_by_the_verb():
    with pytest.raises(db.ResultError, match=r"use db\.jacobian"):
        db.compare(hostile.vector, X, backends="reverse", time_limit=PLENTY)


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_text_has_title_rows_and_reasons(fine):
    text = str(fine)
    assert text.startswith("gradient of fine; f takes ")
    assert "truth: 50 digits" in text
    assert "<mine>: [1] is -2.22324" in text
    assert "\x1b" not in text
    assert repr(fine) == text


def test_a_backend_too_slow_for_its_memory_to_be_measured_has_an_empty_cell():
    def waiting(x):
        time.sleep(0.02)
        return np.sum(x**2)

    c = db.compare(waiting, np.ones(12), backends=["reverse", "finite-central"], time_limit=3.0)
    assert c.frame.set_index("backend").peak_bytes.isna().to_dict() == {"reverse": False, "finite-central": True}
    for text in (str(c), c.to_markdown(), c.to_latex(), c._repr_html_(), c.to_json()):
        assert "finite-central" in text
        assert "NA" not in text


def test_a_terminal_shows_the_table_in_colour(fine):
    console = Console(width=150, force_terminal=True, color_system="standard", record=True)
    with console.capture() as captured:
        console.print(fine)
    assert "\x1b[" in captured.get()
    assert "<mine>" in captured.get()


@dataclasses.dataclass
class Weights:
    w: dict
    b: float


def test_derivatives_in_containers_are_json_too():
    point = Weights({"first": np.array([1.0, 2.0]), (0, 1): None}, 3.0)
    c = db.compare(lambda p: np.sum(p.w["first"] ** 2) * p.b, point, backends=["reverse"])
    (row,) = json.loads(c.to_json())["rows"]
    assert row["value"] == {"w": {"first": [6.0, 12.0], "(0, 1)": None}, "b": 5.0}


def test_html_is_escaped(fine):
    page = fine._repr_html_()
    assert "&lt;mine&gt;" in page
    assert "<mine>" not in page
    assert page.count("<tr>") == 5


def test_markdown_and_latex_have_a_line_for_each_row(fine):
    lines = fine.to_markdown().splitlines()
    assert len(lines) == 2 + len(fine.frame)
    assert {line.count(" | ") for line in lines} == {9}
    assert "| &lt;mine> |" in fine.to_markdown()
    latex = fine.to_latex()
    assert [latex.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"\textless{}mine\textgreater{} & wrong" in latex


def test_csv_and_json_hold_every_row(fine, tmp_path):
    fine.to_csv(tmp_path / "rows.csv")
    assert pd.read_csv(tmp_path / "rows.csv").backend.tolist() == fine.frame.backend.tolist()
    assert fine.to_csv().count("\n") >= 5
    found = json.loads(fine.to_json())
    assert [row["backend"] for row in found["rows"]] == fine.frame.backend.tolist()
    assert found["truth_entries"][0].startswith(mpmath.nstr(fine.truth[0], 15)[:14])


def test_the_figure_has_a_point_for_each_derivative_and_names_it(fine):
    texts = {text.get_text() for text in fine.plot().axes[0].texts}
    assert texts == {"reverse", "finite-central", "<mine> (wrong)"}


def test_the_pareto_set_is_of_right_rows_that_none_beats():
    rows = [("a", "ok", 1.0, 1e-8), ("b", "ok", 2.0, 1e-8), ("c", "ok", 3.0, 1e-15), ("d", "wrong", 0.1, 1.0)]
    frame = pd.DataFrame(rows, columns=["backend", "status", "seconds", "max_rel_error"])
    assert Comparison(frame, frame, None, "gradient", "f", None).pareto.backend.tolist() == ["a", "c"]


def test_progress_leaves_nothing_behind(capfd):
    db.compare(hostile.fine, X, backends="reverse", progress=True, time_limit=PLENTY)
    printed = capfd.readouterr()
    assert printed.out == ""


def test_the_limit_of_time_holds_for_the_whole_of_one_backend():
    start = time.monotonic()
    db.compare(hostile.hangs_when_traced, X, backends="reverse", time_limit=0.3)
    assert time.monotonic() - start < 30

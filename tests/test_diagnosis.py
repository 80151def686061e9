"""db.diagnose: every kind of finding on a function that has it, and none on functions that are well behaved."""

import math

import numpy as np
import pytest

import diffbench as db
from diffbench.diagnosis import KINDS, Diagnosis
from diffbench.diagnosis.noise import estimate_noise
from diffbench.problems import problems

DIFFERENCES = {"finite-forward", "finite-central"}


def verdicts(diagnosis):
    return {method.backend: method.verdict for method in diagnosis.methods}


def finding(diagnosis, kind):
    (found,) = [f for f in diagnosis.findings if f.kind == kind]
    return found


# -- no false alarms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.name)
def test_nothing_is_found_on_our_problems_and_every_method_is_right(problem):
    diagnosis = db.diagnose(problem.function, *problem.point(problem.size + 1), argnum=problem.argnum)
    expected = () if "analytic" in problem.tags else ("not-analytic",)
    assert diagnosis.kinds == expected, str(diagnosis)
    assert set(verdicts(diagnosis).values()) <= {"right", *(["refused"] if expected else [])}


@pytest.mark.parametrize("seed", range(5))
def test_the_directions_drawn_at_random_do_not_matter(seed):
    assert db.diagnose(lambda x: np.sum(np.exp(x) * np.sin(x)), np.array([0.3, -2.0, 5.0]), seed=seed).kinds == ()


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), np.array([1.0, 1.0])),
        (lambda x: 3.0, np.array([1.0, 2.0])),
        (lambda x: np.sum(x), np.zeros(3)),
        (lambda x: np.sum(np.exp(-(x**2))), np.array([0.0, 1e-8])),
        (lambda x: 1e30 * np.sin(x), 0.5),
        (lambda x: np.sum(np.sin(x)), np.array([1.0, 2.0], np.float32)),
        (lambda x: x.reshape(2, 2) @ x[:2], np.arange(1.0, 5.0)),
        (lambda x: np.tanh(x) * np.exp(-(x**2)), 1000.0),
        (lambda x: np.abs(x) ** 2 if db.is_traced(x) else x * x, 3),
    ],
    ids=["optimum", "constant", "zeros", "tiny", "huge", "float32", "vector", "underflow", "integer"],
)
def test_nothing_is_found_where_others_stumble(f, x):
    assert set(db.diagnose(f, x).kinds) <= {"not-analytic"}


# -- each kind ---------------------------------------------------------------------------------------------------------


def test_a_kink_is_found_with_its_slopes_and_its_entry():
    diagnosis = db.diagnose(lambda x: np.sum(2 * np.abs(x)), np.array([1.0, 0.0, -2.0]))
    kink = finding(diagnosis, "kink")
    assert "where x[1] is 0: slope -2 to the left, 2 to the right" in kink.sentence
    assert kink.evidence == {"left": -2.0, "right": 2.0}
    assert verdicts(diagnosis)["reverse"] == "undefined"


def test_a_kink_where_two_entries_meet_is_found():
    diagnosis = db.diagnose(lambda x: np.max(x), np.array([1.5, 0.5, 1.5]))
    assert "kink" in diagnosis.kinds


def test_a_kink_in_one_of_many_results_is_found():
    assert (
        "kink" in db.diagnose(lambda x: np.array([1.0, 2.0, 3.0]) * np.maximum(x, 0), np.array([1.0, 2.0, 0.0])).kinds
    )


def test_a_slope_without_bound_is_found():
    def cusp(x):
        return np.sqrt(np.abs(x - 0.5) + 1e-300)

    assert "grows without bound where x is 0.5" in finding(db.diagnose(cusp, 0.5), "kink").sentence


def test_a_jump_is_found_with_its_values():
    jump = finding(db.diagnose(lambda x: np.where(x > 0.3, x + 1, x), 0.3), "jump")
    assert jump.evidence["left"] == pytest.approx(0.3)
    assert jump.evidence["right"] == pytest.approx(1.3)


def test_a_value_that_lies_apart_is_a_jump():
    assert finding(db.diagnose(lambda x: 5.0 if x == 0.5 else x**2, 0.5), "jump").evidence["at x"] == 5.0


def test_a_kink_within_the_step_of_differences_is_found_with_its_distance():
    diagnosis = db.diagnose(lambda x: np.abs(x - 1e-6) + x**2, 0.0)
    nearby = finding(diagnosis, "kink-nearby")
    assert nearby.evidence["distance"] == pytest.approx(1e-6)
    assert verdicts(diagnosis)["finite-central"] == "wrong"
    assert verdicts(diagnosis)["reverse"] == "right"


def test_a_branch_that_holds_at_one_point_only_makes_differences_right_and_automatic_modes_wrong():
    diagnosis = db.diagnose(lambda x: 0.25 if x == 0.5 else x**2, 0.5)
    special = finding(diagnosis, "special-branch")
    assert special.evidence == {"around": pytest.approx(1.0), "branch": 0.0}
    assert {name for name, verdict in verdicts(diagnosis).items() if verdict == "right"} == DIFFERENCES
    assert {method.backend: round(method.rate) for method in diagnosis.methods}["reverse"] == 1


def test_nan_is_found_with_the_line_it_comes_from():
    def f(x):
        return np.sum(np.log(x))

    diagnosis = db.diagnose(f, np.array([1.0, -1.0]))
    nan = finding(diagnosis, "nan")
    assert "a value of numpy.log is nan at index (1,)" in nan.sentence
    assert "test_diagnosis.py" in nan.evidence["at"]
    assert set(verdicts(diagnosis).values()) == {"undefined"}


def test_an_infinite_slope_is_found_and_differences_miss_it():
    diagnosis = db.diagnose(lambda x: np.sum(np.sqrt(x)), np.array([1.0, 0.0]))
    assert "inf" in finding(diagnosis, "nan").sentence
    assert verdicts(diagnosis)["finite-forward"] == "wrong"


def test_a_branch_that_was_not_taken_is_found_although_it_does_no_harm_here():
    diagnosis = db.diagnose(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) + x**2), np.array([1.0, -1.0]))
    assert "in a branch that" in finding(diagnosis, "untaken-branch").sentence
    assert verdicts(diagnosis)["reverse"] == "right"


@pytest.mark.parametrize("digits", [4, 6])
def test_noise_is_found_and_estimated(digits):
    diagnosis = db.diagnose(
        lambda x: np.sin(3 * x) + 0 * x if db.is_traced(x) else np.round(np.sin(3 * x), digits), 0.3
    )
    assert finding(diagnosis, "noise").evidence["noise"] == pytest.approx(10.0**-digits / 3, rel=3)
    assert verdicts(diagnosis)["reverse"] == "right"
    assert verdicts(diagnosis)["finite-central"] == "wrong"


def test_noise_from_float32_inside_is_found():
    def f(x):
        return np.sum(np.exp(x) if db.is_traced(x) else np.exp(x.astype(np.float32)).astype(float))

    noise = finding(db.diagnose(f, np.array([0.3, 0.7])), "noise")
    assert 1e-9 < noise.evidence["relative"] < 1e-6


@pytest.mark.parametrize(("f", "x"), [(np.sin, 1e5 + 1.0), (lambda x: np.exp(-x / 1e-5), 1e-5)])
def test_a_step_that_is_too_large_is_found_with_a_better_one(f, x):
    diagnosis = db.diagnose(f, x)
    step = finding(diagnosis, "step")
    assert "too large" in step.sentence
    better = db.derivative(f, backend="finite-central", step=step.evidence["best step"])(x)
    truth = db.derivative(f)(x)
    assert abs(better - truth) < 1e-6 * abs(truth)
    assert verdicts(diagnosis)["finite-central"] == "wrong"


def test_a_step_that_is_too_small_is_found_with_a_better_one():
    def f(x):
        return 1e9 + np.sin(x)

    step = finding(db.diagnose(f, 0.5), "step")
    assert "too small" in step.sentence
    assert step.evidence["best step"] > 100 * step.evidence["step"]


def test_an_ill_conditioned_derivative_is_found_with_its_condition_number():
    """x l'' / l' of the logistic map is about 2^29, in the mean over x."""

    def chaotic(x):
        for _ in range(30):
            x = 4 * x * (1 - x)
        return x

    diagnosis = db.diagnose(chaotic, 0.2)
    number = finding(diagnosis, "ill-conditioned").evidence["condition number"]
    exact = abs(db.derivative(db.derivative(chaotic))(0.2) * 0.2 / db.derivative(chaotic)(0.2))
    assert 0.3 < number / exact < 3


def test_cancellation_is_found_with_the_line_where_digits_go():
    def f(x):
        c = np.cos(x)
        return (1 - c) / x**2

    diagnosis = db.diagnose(f, 1e-6)
    cancellation = finding(diagnosis, "cancellation")
    assert cancellation.evidence["operation"] == "numpy.subtract"
    assert "in f" in cancellation.evidence["at"]
    assert cancellation.evidence["condition number"] < 1
    assert cancellation.evidence["relative error"] == pytest.approx(8.89e-5, rel=0.01)


def test_what_is_not_analytic_is_found_with_its_operation():
    diagnosis = db.diagnose(lambda x: np.abs(x) ** 2, 3.0)
    assert "numpy.absolute" in finding(diagnosis, "not-analytic").sentence
    assert verdicts(diagnosis)["complex-step"] == "refused"


def test_what_cannot_be_traced_is_found_and_differences_are_judged_by_their_consensus():
    diagnosis = db.diagnose(lambda x: math.sin(x[0]) * x[1], np.array([0.3, 2.0]))
    assert diagnosis.kinds == ("untraceable",)
    assert "digits, by central differences, since f cannot" in diagnosis.truth
    found = verdicts(diagnosis)
    assert {name for name, verdict in found.items() if verdict == "right"} == DIFFERENCES
    assert found["reverse"] == "refused"


def test_a_kink_in_what_cannot_be_traced_is_found():
    diagnosis = db.diagnose(lambda x: abs(float(x) - 0.25), 0.25)
    assert diagnosis.kinds == ("kink", "untraceable")


def test_randomness_is_found_and_nothing_else_is_said():
    rng = np.random.default_rng(0)
    diagnosis = db.diagnose(lambda x: x + rng.random(), 0.3)
    assert diagnosis.kinds == ("random",)
    assert diagnosis.methods == ()


# -- the Taylor rate, and noise ----------------------------------------------------------------------------------------


def test_the_taylor_rate_is_two_for_right_derivatives():
    diagnosis = db.diagnose(lambda x: np.sum(np.exp(x)), np.array([0.3, 1.0]))
    assert [round(method.rate, 1) for method in diagnosis.methods] == [2.0] * 5


@pytest.mark.parametrize("level", [1e-10, 1e-6, 1e-3])
def test_noise_is_estimated_within_a_factor_of_three(level):
    rng = np.random.default_rng(1)
    x = 1 + 1e-8 * np.arange(9)
    estimates = [estimate_noise(np.sin(x) + level * rng.standard_normal(9)) for _ in range(20)]
    assert level / 3 < np.median([e for e in estimates if e]) < 3 * level


def test_a_smooth_function_has_the_noise_of_rounding():
    noise = estimate_noise(np.exp(1 + 1e-9 * np.arange(9)))
    assert noise is None or noise < 1e-14


# -- what it looks like ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example() -> Diagnosis:
    return db.diagnose(lambda x: np.sum(np.abs(x)), np.array([1.0, 0.0]))


def test_it_prints_the_verdicts_and_the_findings(example):
    lines = str(example).splitlines()
    assert lines[0].endswith("2 findings (truth: 50 digits)")
    assert lines[2].split() == ["method", "verdict", "error", "Taylor", "rate", "why"]
    assert any(line.startswith("  kink: ") for line in lines)


def test_it_shows_itself_in_jupyter_with_everything_escaped(example):
    page = example._repr_html_()
    assert page.count("<tr>") == 6
    assert "&lt;lambda&gt;" in page
    assert "<lambda>" not in page


def test_its_frames_have_a_row_a_finding_and_a_row_a_method(example):
    assert list(example.frame["kind"]) == list(example.kinds)
    assert {"sentence", "advice", "spoils", "left", "right"} <= set(example.frame.columns)
    assert list(example.methods_frame.index) == [method.backend for method in example.methods]
    assert list(db.diagnose(np.exp, 1.0).frame.columns) == ["kind", "sentence", "advice", "spoils"]


def test_findings_stand_in_the_order_of_importance(example):
    assert list(example.kinds) == sorted(example.kinds, key=list(KINDS).index)


def test_bad_arguments_are_refused():
    with pytest.raises(db.ArgumentError, match="argnum=2"):
        db.diagnose(np.sin, 1.0, argnum=2)
    with pytest.raises(db.ArgumentError, match="no entries"):
        db.diagnose(lambda x: 1.0, np.zeros(0))


@pytest.mark.parametrize(
    ("f", "said"), [(lambda x: np.exp(1j * x), "a complex number"), (lambda x: "text", "an object of type str")]
)
def test_what_has_no_derivative_is_refused_as_by_the_verbs(f, said):
    with pytest.raises(db.ResultError, match=said):
        db.diagnose(f, 0.3)


def test_a_root_without_derivative_is_said_to_have_none():
    root = db.implicit_root(lambda x, a: (x - a) ** 2, lambda a: a)
    refused = {method.backend: method.why for method in db.diagnose(root, 2.0).methods if method.verdict == "refused"}
    assert "is singular" in refused["reverse"]
    assert "is singular" in refused["forward"]
    with pytest.raises(db.ResultError, match="is singular"), db.debug():
        db.derivative(root)(2.0)


def test_arguments_are_not_changed():
    x = np.array([1.0, 2.0])
    db.diagnose(lambda x: np.sum(np.multiply(x, x, out=x) if not db.is_traced(x) else x * x), x)
    assert np.array_equal(x, [1.0, 2.0])


# -- on the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "code", "printed"), [("numpy:sin", 0, "nothing is the matter"), ("numpy:abs", 1, "has a kink where")]
)
def test_the_command_prints_the_diagnosis_and_ends_with_1_where_something_is_found(function, code, printed, capsys):
    from diffbench.cli import main

    assert main(["diagnose", function, "--at", "0.0"]) == code
    assert printed in capsys.readouterr().out

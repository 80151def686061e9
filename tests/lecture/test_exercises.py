"""Exercises: the solution passes, no answer is told apart from a wrong one, and wrong ones are told what is wrong."""

import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.lecture.exercises import EXERCISES

WRONG = {  # an answer, and what it is told
    "derivatives_as_code": (lambda x, n: np.cos(x), "at x = 0.5, n = 3, it gives"),
    "expression_swell": (lambda l: 3 * l * (1 - l), "still explodes"),
    "step_size": (1e-9, "try a larger one"),
    "forward_mode": (lambda x1, x2, a, b: (0.0, 0.0), "with the seed (1.0, 0.0), entry 0, it gives 0 instead of 2.88"),
    "reverse_mode": (lambda x1, x2, a, b: (np.cos(x1 * x2) * x2 * a, 0.0), "entry 1"),
    "cost_and_nesting": (lambda f, x, v: x, "entry 0"),
    "an_engine": (lambda outgrad, y: 1 - y * y, "for x = -2.0, outgrad = 3.0"),
    "digits": (lambda W, y, b: (W, y, b), "the gradient by W"),
    "your_function": ([0, 1], "entry 1 is right"),
}

each_exercise = pytest.mark.parametrize("name", EXERCISES)


@each_exercise
def test_the_solution_is_right(name):
    verdict = EXERCISES[name].check(EXERCISES[name].solution)
    assert verdict.right, verdict
    assert str(verdict).startswith("Right. ")


@each_exercise
def test_no_answer_is_the_readers_turn(name):
    assert EXERCISES[name].check(...).right is None


@each_exercise
def test_a_wrong_answer_is_told_what_is_wrong(name):
    answer, told = WRONG[name]
    verdict = EXERCISES[name].check(answer)
    assert verdict.right is False
    assert told in verdict.text


@each_exercise
def test_an_answer_that_fails_is_told_so(name):
    verdict = EXERCISES[name].check("nonsense")
    assert verdict.right is False
    assert verdict.text.startswith("it raises ")


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [
        ("expression_swell", lambda l: 2 * l, "affine"),
        ("expression_swell", lambda l: sympy.Integer(1), "does not depend"),
        ("step_size", 0.1, "try a smaller one"),
        ("step_size", -1.0, "between 0 and 1"),
        ("your_function", [4], "1 more"),
        ("digits", lambda W, y, b: (np.zeros_like(W.T), y, b), "its shape is (3, 2) instead of (2, 3)"),
    ],
)
def test_particular_mistakes_are_named(name, answer, told):
    assert told in EXERCISES[name].check(answer).text


def test_a_hessian_column_by_column_is_too_dear():
    def by_columns(f, x, v):
        return np.stack([db.jvp(db.gradient(f))(x, e) for e in np.eye(len(x))]) @ v

    assert "it runs f 200 times" in EXERCISES["cost_and_nesting"].check(by_columns).text

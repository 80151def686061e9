"""What differences and a complex step agree on, against closed forms: never surer than it may be."""

import numpy as np
import pytest

import diffbench as db
from diffbench.consensus import by_differences, consensus
from diffbench.problems import problem
from diffbench.question import Question

X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize("name", ["squire_trapp_ratio", "martins", "logistic_loop", "helmholtz", "rosenbrock"])
def test_the_truth_lies_within_the_uncertainty(name):
    p = problem(name)
    truth = np.asarray(db.reference(p.function, *p.point(), quantity=p.verb), dtype=object).astype(float)
    for found in (consensus, by_differences):
        estimate = found(Question(p.function, p.point(), {}, p.verb))
        assert np.all(np.abs(estimate.leaves[0] - truth) <= estimate.uncertainty[0])
        assert np.max(estimate.uncertainty[0]) <= 1e-8 * np.max(np.abs(truth))


def test_a_complex_step_sharpens_where_f_is_analytic():
    found = consensus(Question(np.exp, (1.0,), {}, "derivative"))
    assert found.label.endswith("digits, by complex step and central differences")
    assert abs(found.leaves[0] - np.e) < 4e-15


def test_where_complex_step_refuses_differences_stand_alone():
    found = consensus(Question(lambda x: np.sum(np.abs(x) ** 3), (X,), {}, "gradient"))
    assert "digits, by central differences" in found.label
    assert found.leaves[0] == pytest.approx(3 * X * np.abs(X), rel=1e-10)


def test_hessians_too():
    found = consensus(Question(lambda x: np.sum(x**4), (X,), {}, "hessian"))
    assert found.leaves[0] == pytest.approx(np.diag(12 * X**2), abs=1e-8)


def test_beside_a_jump_nothing_is_certain():
    found = by_differences(Question(lambda x: np.where(x > 1.0, 5.0, 0.0) + x, (1.0,), {}, "derivative"))
    assert not found.uncertainty[0] < 1e-3

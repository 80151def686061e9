"""Programs with some 25,000 inner gradients under an outer derivative come to the published numbers."""

from functools import cache, partial

import numpy as np
import pytest

import diffbench as db
from diffbench.problems.nested import SADDLE, STEERING, landing, particle, saddle

MODES = ("forward", "reverse")
each_inner = pytest.mark.parametrize("inner", MODES)
each_outer = pytest.mark.parametrize("outer", MODES)


def by(mode):
    return partial(db.gradient, backend=mode)


@cache
def slope_by_differences():
    return db.derivative(lambda w: landing(w, by("complex-step")), backend="finite-central", order=6)(0.1)


@each_inner
@each_outer
def test_the_slope_of_the_landing_place_agrees_with_differences(outer, inner):
    found = db.derivative(lambda w: landing(w, by(inner)), backend=outer)(0.1)
    assert found == pytest.approx(slope_by_differences(), rel=1e-9)


@pytest.mark.parametrize(("outer", "inner"), [("forward", "reverse"), ("reverse", "forward")])
def test_the_saddle_point_is_the_published_one(outer, inner):
    np.testing.assert_allclose(saddle(by(outer), by(inner)), SADDLE, rtol=1e-14)


@pytest.mark.parametrize(("outer", "inner"), [("forward", "forward"), ("reverse", "reverse")])
def test_the_particle_is_steered_by_the_published_number(outer, inner):
    assert particle(by(outer), by(inner)) == pytest.approx(STEERING, rel=1e-14)

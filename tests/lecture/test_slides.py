"""Every slide with numbers on it: they come out, LaTeX takes the tables, and a check does find a wrong number."""

import re

import numpy as np
import pytest

from diffbench.lecture.slides import SLIDES, Check
from diffbench.tables import latex

each_slide = pytest.mark.parametrize("slide", [make() for make in SLIDES.values()], ids=[*SLIDES])


@each_slide
def test_numbers_of_the_lecture_come_out(slide):
    wrong = [(c.quantity, c.expected, c.found) for c in slide.checks if not c.holds]
    assert not wrong
    assert slide.checks


@each_slide
def test_tables_can_be_read_by_latex(slide):
    """Outside of $...$ there is none of the characters that LaTeX takes for commands, and every $ is closed."""
    for row in (slide.head, *slide.rows, [slide.title, slide.note]):
        for cell in row:
            assert cell.count("$") % 2 == 0
            assert not re.search(r"[_^#%&\\~]", re.sub(r"\$[^$]*\$", "", cell)), cell
    assert latex(slide.head, slide.rows).count("\\\\\n") == len(slide.rows) + 1


def test_slips_of_the_slides_are_noted():
    notes = {name: make().note for name, make in SLIDES.items() if make().note}
    assert "lacks the factor $x$" in notes["closed_form"]
    assert "$w$ in the place of $x$" in notes["soft_relu"]
    assert "Frobenius" in notes["affine"]
    assert "1.0672706757870165" in notes["logistic_regression"]


@pytest.mark.parametrize("found", [1.1, np.nan, np.inf, [1.0], [1.0, 2.0]])
def test_a_check_finds_what_differs(found):
    assert not Check("one", 1.0, found, 0.05).holds


def test_a_check_takes_what_is_within_half_a_unit_of_the_last_digit():
    assert Check("pi", 3.14, np.pi, 0.005).holds

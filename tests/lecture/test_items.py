"""Every item of the lecture: its numbers, tables that LaTeX takes, and a check that does find a wrong number."""

import re

import numpy as np
import pytest

from diffbench.lecture.items import ITEMS, Check
from diffbench.tables import latex

each_item = pytest.mark.parametrize("item", [make() for make in ITEMS.values()], ids=[*ITEMS])


@each_item
def test_numbers_of_the_lecture_come_out(item):
    wrong = [(c.quantity, c.expected, c.found) for c in item.checks if not c.holds]
    assert not wrong
    assert item.checks


@each_item
def test_tables_can_be_read_by_latex(item):
    """Outside of $...$ there is none of the characters that LaTeX takes for commands, and every $ is closed."""
    for row in (item.head, *item.rows, [item.title, item.note]):
        for cell in row:
            assert cell.count("$") % 2 == 0
            assert not re.search(r"[_^#%&\\~]", re.sub(r"\$[^$]*\$", "", cell)), cell
    assert latex(item.head, item.rows).count("\\\\\n") == len(item.rows) + 1


def test_slips_of_the_slides_are_noted():
    notes = {name: make().note for name, make in ITEMS.items() if make().note}
    assert "lacks the factor $x$" in notes["closed_form"]
    assert "$w$ in the place of $x$" in notes["soft_relu"]
    assert "Frobenius" in notes["affine"]
    assert "1.0672706757870165" in notes["logistic_regression"]


@pytest.mark.parametrize("found", [1.1, np.nan, np.inf, [1.0], [1.0, 2.0]])
def test_a_check_finds_what_differs(found):
    assert not Check("one", 1.0, found, 0.05).holds


def test_a_check_takes_what_is_within_half_a_unit_of_the_last_digit():
    assert Check("pi", 3.14, np.pi, 0.005).holds

"""docs/conventions.md and docs/support.md say what is so: every row is run."""

import re
from pathlib import Path

import numpy as np
import pytest

import diffbench as db
from tests.primitives.support import METHODS, SECTIONS, of_scipy, section

DOCS = Path(__file__).parents[1] / "docs"
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| `([^`]+)` \|", (DOCS / "conventions.md").read_text("utf-8"), re.M)


def test_the_page_has_rows():
    assert len(ROWS) > 20


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("f", "x", "expected"), ROWS, ids=[f"{f} at {x}" for f, x, _ in ROWS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_convention_is_what_the_page_says(f, x, expected, mode):
    names = {"np": np}
    gradient = db.gradient(lambda x: eval(f, {**names, "x": x}), backend=mode)(np.array(eval(x, names))[()])
    np.testing.assert_allclose(gradient, eval(expected, names), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("heading", [heading for heading in SECTIONS if heading != "scipy.special"])
@pytest.mark.filterwarnings("ignore")
def test_the_page_of_what_is_supported_is_what_runs_now_and_nothing_is_wrong(heading):
    found = section(heading)
    assert "WRONG" not in found
    assert found in (DOCS / "support.md").read_text("utf-8"), (
        "make it again: python -m tests.primitives.support > docs/support.md"
    )


@pytest.mark.filterwarnings("ignore")
def test_what_the_page_says_of_scipy_is_so():
    """Of symbols and 50 digits, which take long here, tests/primitives/test_scipy_special.py knows more."""
    page = (DOCS / "support.md").read_text("utf-8").split("## scipy.special")[1]
    assert "WRONG" not in page
    quick = METHODS[:4]
    missing = [row for row in of_scipy(quick)[2:] if row.removesuffix("|").rstrip() not in page]
    assert missing == []


def test_the_page_of_what_is_supported_has_these_sections_and_no_other():
    assert re.findall(r"^## (.*)$", (DOCS / "support.md").read_text("utf-8"), re.M) == list(SECTIONS)

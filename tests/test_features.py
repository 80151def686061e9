"""Programs with one feature each: no backend of our own is ever silently wrong, or fails obscurely.

The table over all installed backends, foreign ones too, is the experiment `conformance`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import diffbench as db
from diffbench.checks.features import FEATURES, Feature
from diffbench.checks.verdicts import agrees, judge
from diffbench.registry import backend_class
from diffbench.runner.experiment import load

EXPERIMENTS = Path(__file__).parent.parent / "experiments"
OURS = [name for name in db.backends().index if ".adapters." not in backend_class(name).__module__]
KNOWN = {  # defects that are known, and where they are to be mended
    **{  # what the C code of brentq does after its callback has raised TraceLost depends on what lies in memory
        ("scipy.optimize.brentq", backend): "scipy_calls: sometimes 'f(a) and f(b) must have different signs' comes out"
        for backend in ("symbolic", "complex-step", "forward", "reverse")
    },
}
each_feature = pytest.mark.parametrize("name", FEATURES)


@each_feature
def test_none_of_our_backends_is_wrong_or_obscure(name):
    found = {backend: judge(FEATURES[name], backend) for backend in OURS if (name, backend) not in KNOWN}
    assert {backend: v for backend, v in found.items() if v.verdict not in ("right", "refused")} == {}


@pytest.mark.parametrize(("name", "backend"), KNOWN)
def test_what_is_known_to_fail(name, backend):
    if (verdict := judge(FEATURES[name], backend)).verdict not in ("right", "refused"):
        pytest.xfail(f"{KNOWN[name, backend]}: {verdict.found}")


@each_feature
def test_the_gradient_by_hand_is_that_of_the_program(name):
    assert judge(FEATURES[name], "finite-central").verdict == "right"


@each_feature
def test_programs_do_not_spoil_the_point_for_the_next_one(name):
    feature = FEATURES[name]
    before = repr(feature.at)
    judge(feature, "reverse")
    assert repr(feature.at) == before


def test_automatic_differentiation_takes_what_numpy_shows_it():
    """What is left is handed to Python's or SciPy's own code as plain numbers, or written into a plain array."""
    not_taken = {name for name, feature in FEATURES.items() if judge(feature, "reverse").verdict != "right"}
    assert not_taken == {
        "range(int(value))",
        "value as an index, int(x)",
        "math.sin",
        "float(x)",
        "x.tolist()",
        "assignment into np.zeros(3)",
        "scipy.special.logsumexp",
        "scipy.integrate.quad",
        "scipy.optimize.brentq",
    }


# -- verdicts ------------------------------------------------------------------------------------------------


def program(f, truth=(2.0, 4.0)):
    return Feature("own", "own", f, list(truth), np.array([1.0, 2.0]))


def raising(error):
    def f(x):
        raise error

    return program(f)


def test_a_right_gradient_is_right_and_another_one_is_wrong():
    assert judge(program(lambda x: np.sum(x**2)), "reverse").verdict == "right"
    wrong = judge(program(lambda x: np.sum(x**3)), "reverse")
    assert (wrong.verdict, wrong.found) == ("wrong", "array([ 3., 12.])")


def test_nan_and_infinity_are_wrong():
    with np.errstate(all="ignore"):
        assert judge(program(lambda x: np.sum(x * np.nan)), "finite-central").verdict == "wrong"
        assert judge(program(lambda x: np.sum(x) / 0.0), "finite-central").verdict == "wrong"


def test_an_error_of_ours_that_says_what_to_do_is_a_refusal_and_one_that_does_not_is_obscure():
    assert judge(raising(db.NotAnalytic("no", hint="try this")), "reverse").verdict == "refused"
    assert judge(raising(db.NotAnalytic("no", where="here")), "reverse").verdict == "refused"
    assert judge(raising(db.NotAnalytic("no", why="because")), "reverse").verdict == "obscure"
    found = judge(raising(ValueError("no\nsecond line")), "reverse")
    assert (found.verdict, found.found) == ("obscure", "ValueError: no")


@pytest.mark.parametrize(
    ("found", "truth"),
    [
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0]])),
        (np.array([1.0, 2.0]), np.array([1.0, 2.0], np.float32)),
        (np.array([1.0, 2.0], np.float32), np.array([1.0, 2.0])),
        ({"a": 1.0}, {"b": 1.0}),
        (1.0, np.array([1.0])),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
    ],
)
def test_shape_dtype_containers_and_nan_count(found, truth):
    assert not agrees(found, truth, accuracy=1e-14)


# -- the experiment and its page -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conformance():
    return load("conformance", EXPERIMENTS).module


def rows(*verdicts):
    columns = {"feature": ["math.sin"] * len(verdicts), "backend": OURS[: len(verdicts)], "verdict": list(verdicts)}
    more = {"status": "ok", "message": "", "found": "x`y", "version": "1"}
    return pd.DataFrame(columns).assign(**more)


def test_a_crash_or_a_time_out_counts_as_obscure(conformance):
    frame = rows("right", None).assign(status=["ok", "timeout"], message=["", "longer than 20 s"])
    judged = conformance.judged(frame)
    assert judged.verdict.tolist() == ["right", "obscure"]
    assert judged.found.iloc[1] == "timeout: longer than 20 s"


def test_a_claim_names_the_program_that_refutes_it(conformance):
    claims = conformance.expect(rows("right", "wrong"))
    assert [claim.holds for claim in claims] == [True, False]
    assert claims[1].found == "math.sin: wrong"


def test_the_page_shows_every_verdict_and_what_was_found(conformance):
    page = conformance.tables(rows("right", "refused", "obscure", "wrong"))["conformance.md"]
    assert "| `math.sin` | right | – | **obscure** | **WRONG** |" in page
    assert f"- {OURS[3]}, *math.sin*: `x'y`" in page


def test_the_sweep_takes_its_backends_from_the_registry(conformance, monkeypatch):
    class Mine(backend_class("reverse")):
        name = "mine"

    from diffbench import registry

    monkeypatch.setitem(registry._registered, "mine", Mine)
    assert {"feature": "math.sin", "backend": "mine"} in conformance.sweep("lecture")


def test_the_page_in_docs_knows_every_program_and_every_backend_of_ours():
    """Made again by `diffbench run conformance`, which leaves it in results/conformance/."""
    page = (EXPERIMENTS.parent / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert [name for name in FEATURES if f"| `{name}` |" not in page] == []
    assert [name for name in OURS if name not in page] == []

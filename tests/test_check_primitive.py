"""db.checks.check_primitive: right rules pass, wrong ones are named by rule, argument and entry."""

import math

import numpy as np
import pytest

import diffbench as db
from diffbench.checks import check_primitive

A, B = np.array([0.5, 1.0, 2.0]), 0.7


def two(a, b):
    """Refuses to be traced."""
    s = np.array([math.sin(x) for x in a]) * b
    return {"s": s, "t": float(np.sum(a)) * b, "count": len(a)}


def jvp(primals, tangents, y):
    (a, b), (da, db_) = primals, tangents
    return {
        "s": np.cos(a) * da * b + np.sin(a) * db_,
        "t": np.sum(da) * b + np.sum(a) * db_,
        "count": None,
    }


def vjp(primals, y, c):
    a, b = primals
    of_a = c["s"] * np.cos(a) * b + c["t"] * b * np.ones(3)
    return of_a, np.sum(c["s"] * np.sin(a)) + c["t"] * np.sum(a)


def changed(change):
    """The VJP with its cotangents changed."""
    return lambda primals, y, c: change(*vjp(primals, y, c))


@pytest.mark.parametrize("rules", [{"jvp": jvp}, {"vjp": vjp}, {"jvp": jvp, "vjp": vjp}], ids="+".join)
def test_right_rules_pass_to_second_order(rules):
    assert check_primitive(db.primitive(two, **rules), A, B) == 2


WRONG = {  # what differs most is named
    "one entry": (changed(lambda a, b: (a * np.array([1, -1, 1]), b)), r"result\['t'\] in argument a\[1\]: -0\.7, but"),
    "nan": (changed(lambda a, b: (a * np.array([1, 1, np.nan]), b)), r"in argument a\[2\]: nan, but .* give -0\.29"),
    "a number": (changed(lambda a, b: (a, 2 * b)), r"in argument b: 0\.95\d+, but differences give 0\.479"),
    "swapped": (changed(lambda a, b: (b * np.ones(3), np.sum(a))), r"in argument a\[0\]"),
    "zero": (changed(lambda a, b: (None, b)), r"in argument a\[0\]: 0, but"),
    "permuted": (changed(lambda a, b: (a[::-1], b)), r"\[2\] in argument a\[0\]: -0\.29\d*, but differences give 0 "),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_vjp_is_found_in_both_modes(rule, message):
    with pytest.raises(AssertionError, match="forward mode of two is wrong\n.*" + message):
        check_primitive(db.primitive(two, vjp=rule), A, B)
    with pytest.raises(AssertionError, match=r"reverse mode of two is wrong\n.*in argument [ab]"):
        check_primitive(db.primitive(two, jvp=jvp, vjp=rule), A, B)


def test_a_jvp_that_forgets_a_term_is_found_by_its_result():
    def forgetful(primals, tangents, y):
        return jvp(primals, tangents, y) | {"t": np.sum(tangents[0]) * primals[1]}

    with pytest.raises(
        AssertionError, match=r"forward mode of two .*\n.* of result\['t'\] in argument b: 0, but .* 3\.5"
    ):
        check_primitive(db.primitive(two, jvp=forgetful), A, B)


def test_a_rule_that_is_right_but_not_its_derivative_is_found_at_second_order():
    frozen = db.primitive(two, vjp=lambda primals, y, c: vjp((db.primal(primals[0]), primals[1]), y, c))
    assert check_primitive(frozen, A, B, order=1) == 1
    with pytest.raises(
        AssertionError, match=r"mode over .* mode of two is wrong\n  the derivative of the first derivative"
    ):
        check_primitive(frozen, A, B)


def test_rules_in_compiled_code_are_checked_to_first_order():
    def compiled(primals, y, c):
        return np.array([math.cos(x) for x in primals[0].tolist()]) * np.array([float(x) for x in c])

    def wrong(primals, y, c):
        return -compiled(primals, y, c)

    sine = lambda x: np.array([math.sin(t) for t in x])  # noqa: E731
    assert check_primitive(db.primitive(sine, vjp=compiled), A) == 1
    with pytest.raises(AssertionError, match="reverse mode"):
        check_primitive(db.primitive(sine, vjp=wrong), A)


@pytest.mark.parametrize(
    ("f", "args"),
    {
        "a container": (lambda p: p["x"] * p["y"][0], ({"x": A, "y": [B, 3]},)),
        "a matrix": (np.linalg.inv, (np.array([[2.0, 1.0], [0.3, 1.0]]),)),
        "steps that leave the domain": (np.log, (np.array([1e-3, 1.0]),)),
        "large and small": (lambda x: np.sum(x**2) * x, (np.array([1e6, 1e-6]),)),
        "float32": (np.exp, (A.astype(np.float32),)),
        "zeros": (lambda x: x * x, (np.zeros(3),)),
        "variable arguments": (lambda *xs: xs[0] * xs[1], (A, B)),
    }.values(),
)
def test_functions_of_any_kind_pass(f, args):
    assert check_primitive(f, *args) == 2


def test_differences_of_noisy_values_are_not_believed_too_much():
    noisy = db.primitive(
        lambda x: np.sin(x) + 1e-9 * math.sin(1e12 * x), vjp=lambda primals, y, c: np.cos(primals[0]) * c
    )
    assert check_primitive(noisy, 0.5) == 2


def test_rules_of_empty_arrays_pass():
    assert check_primitive(db.primitive(lambda x: x * x, jvp=lambda x, t, y: 2 * x[0] * t[0]), np.zeros(0)) == 2


def test_keywords_are_passed_on():
    f = db.primitive(lambda x, *, k: x * k, vjp=lambda primals, y, c, *, k: c * k)
    assert check_primitive(f, 2.0, k=3) == 2


def test_a_point_without_reals_and_a_primitive_without_rules_are_errors():
    with pytest.raises(db.ArgumentError, match=r"2\.0 instead of 2"):
        check_primitive(np.sin, 2)
    with pytest.raises(db.UnsupportedPrimitive, match="without a derivative"):
        check_primitive(db.primitive(two), A, B)

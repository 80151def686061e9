"""The conformance suite: every backend of ours meets it, and a wrong one is caught by the check that says why."""

import numpy as np
import pytest

import diffbench as db
from diffbench.backends.forward import Forward
from diffbench.backends.reverse import Reverse
from diffbench.checks import CHECKS, check_backend
from diffbench.verbs import Prepared
from tests.common import OURS


def manual(case):
    return db.get_backend("manual", jacobian=case.jacobian, hessian=case.hessian)


SUBJECTS = {name: name for name in (*OURS, "auto")} | {
    "manual": manual,
    "forward, two tangents at once": db.get_backend("forward", chunk=2),
    "complex-step, branches by real parts": db.get_backend("complex-step", branches="real"),
    "finite-central, order 4": db.get_backend("finite-central", order=4),
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_our_backend_meets_every_check(subject):
    assert [result.check for result in check_backend(subject)] == list(CHECKS)


@pytest.mark.parametrize("name", ["symbolic", "complex-step"])
def test_a_declared_limit_is_met_by_a_refusal(name):
    (branches,) = [result for result in check_backend(name) if result.check == "branches"]
    assert branches.status == "refused"
    assert branches.found == db.get_backend(name).limits["branches"]


# -- wrong backends ----------------------------------------------------------------------------------------------------


class Transposed(Reverse):
    """Gives square Jacobians transposed."""

    def jacobian(self, function, point):
        values, blocks = super().jacobian(function, point)
        return values, [[b.T if np.ndim(b) == 2 and b.shape[0] == b.shape[1] else b for b in row] for row in blocks]


class WrongSign(Reverse):
    """Loses a minus sign in the last entry of a gradient."""

    def gradient(self, function, point):
        values, (*others, last) = super().gradient(function, point)
        return values, [*others, np.concatenate([last[:-1], -last[-1:]]) if np.ndim(last) else last]


class Stale(Reverse):
    """Prepares once and never looks at the point again."""

    def prepare(self, verb, function, point):
        answer = getattr(self, verb)(function, point)
        return lambda *_: answer


class Double(Reverse):
    """Computes in double precision whatever it is given."""

    def jvp(self, function, point, tangents, batch=False):
        values, pushed = super().jvp(function, [np.float64(x) for x in point], tangents, batch)
        return [np.float64(value) for value in values], pushed


class SharedSeeds(Reverse):
    """Forgets all but the first direction of a batch."""

    def jvp(self, function, point, tangents, batch=False):
        if batch:
            tangents = [np.broadcast_to(t[:1], np.shape(t)) for t in tangents]
        return super().jvp(function, point, tangents, batch)


class Swallowing(Reverse):
    """Answers zero where f raises."""

    def jvp(self, function, point, tangents, batch=False):
        try:
            return super().jvp(function, point, tangents, batch)
        except LookupError:
            return [0.0], [0.0]


class Inaccurate(Reverse):
    """Is right to seven digits only, and does not say so."""

    def gradient(self, function, point):
        values, slopes = super().gradient(function, point)
        return values, [slope * (1 + 1e-7) for slope in slopes]


class FromAnotherRun(Reverse):
    """Leaves the auxiliary result of a run beside the point."""

    def gradient(self, function, point):
        answer = super().gradient(function, point)
        function([x + 1 for x in point])
        return answer


class Constant(Forward):
    """Treats what it should differentiate as a constant below another derivative."""

    def gradient(self, function, point):
        return super().gradient(function, [db.stop_gradient(x) for x in point])


WRONG = {
    Transposed: "jacobians",
    WrongSign: "gradients",
    Stale: "preparation",
    Double: "precisions",
    SharedSeeds: "batches",
    Swallowing: "exceptions",
    Inaccurate: "gradients",
    FromAnotherRun: "auxiliary_results",
    Constant: "nesting",
}


@pytest.mark.parametrize(("kind", "check"), WRONG.items(), ids=lambda x: getattr(x, "__name__", x))
def test_a_wrong_backend_is_caught_by(kind, check):
    with pytest.raises(AssertionError, match=rf"(?m)^{check}: ") as caught:
        check_backend(kind())
    assert CHECKS[check].__doc__ in str(caught.value)


def test_a_gradient_handed_out_twice_is_caught(monkeypatch):
    """The verbs copy what backends share; a suite run without those copies finds it."""
    shared = np.zeros(2)
    monkeypatch.setattr(Prepared, "__call__", lambda self, *args, **kwargs: shared)
    with pytest.raises(AssertionError, match=r"results_are_fresh: .*\n.*shares memory"):
        check_backend("reverse")


def test_the_message_has_what_was_found_and_what_was_expected():
    with pytest.raises(AssertionError, match=r"found \[0\.75, 5\.5, 5\.3125\], expected \[0\.75, 5\.5, -5\.3125\]"):
        check_backend(WrongSign())


def test_one_failed_check_hides_no_other():
    with pytest.raises(AssertionError) as caught:
        check_backend(WrongSign())
    assert {"gradients", "keywords", "nesting"} <= {line.split(":")[0] for line in str(caught.value).splitlines()}


def test_a_limit_that_is_none_is_caught():
    class Modest(Reverse):
        limits = {"loops": "so the author believes"}  # noqa: RUF012

    with pytest.raises(AssertionError, match=r"loops: .*\n.*is met, although limits says: so the author believes"):
        check_backend(Modest())


def test_a_limit_does_not_excuse_a_wrong_number():
    class Careless(WrongSign):
        limits = {"gradients": "signs are not guaranteed"}  # noqa: RUF012

    with pytest.raises(AssertionError, match="gradients: "):
        check_backend(Careless())


def test_a_limit_that_names_no_check_is_an_error():
    class Misspelt(Reverse):
        limits = {"branch": "no"}  # noqa: RUF012

    with pytest.raises(AssertionError, match=r"'branch'.*branches"):
        check_backend(Misspelt())


def test_verbose_prints_a_line_for_each_check(capsys):
    check_backend("forward", verbose=True)
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["ok", f"{name}:"] for name in CHECKS
    ]


def test_every_check_says_what_it_expects():
    assert all((check.__doc__ or "").strip().endswith(".") for check in CHECKS.values())

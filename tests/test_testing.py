"""Checks of derivatives written by hand: right ones pass, wrong ones fail, and the message says what is wrong."""

import math
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db
from diffbench.problems import problems
from diffbench.testing import (
    UncheckedPoint,
    check_gradient,
    check_hessian,
    check_jacobian,
    check_jvp,
    check_vjp,
)
from diffbench.testing.entries import Block, Entries
from diffbench.testing.patterns import explain

X = np.array([0.5, -1.2, 2.0, 0.7, 1.1])
CHECKS = {"gradient": check_gradient, "derivative": check_gradient, "jacobian": check_jacobian}


def f(x):
    product = x[0] * np.sin(x[1])
    quotient = np.exp(x[2]) / x[3]
    return product + quotient * x[4] + x[1] ** 2


def grad_f(x):
    quotient = np.exp(x[2]) / x[3]
    return np.array([np.sin(x[1]), x[0] * np.cos(x[1]) + 2 * x[1], quotient * x[4], -quotient * x[4] / x[3], quotient])


def message(check, *args, **options):
    with pytest.raises(AssertionError) as caught:
        check(*args, **options)
    return str(caught.value)


# -- right ones --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.name)
def test_every_derivative_of_our_problems_passes_and_at_every_point(problem):
    report = CHECKS[problem.verb](problem.function, problem.derivative, *problem.point(), argnum=problem.argnum)
    assert len(report.checked) == 5
    assert not report.left_out
    assert report.worst < 1e-3


@pytest.mark.parametrize(
    ("f", "grad_f", "x"),
    [
        (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2), lambda x: np.array([0.0, 0.0]), np.array([1.0, 1.0])),
        (lambda x: np.sum(x * [1.0, 1e-9]), lambda x: np.array([1.0, 1e-9]), np.array([1.0, 1.0])),
        (lambda x: 3.0, lambda x: np.zeros(2), np.array([1.0, 1.0])),
        (lambda x: np.sum(x), lambda x: np.ones(0), np.zeros(0)),
        (lambda x: x**2, lambda x: 2 * x, 3),
        (lambda x: np.sum(x**2), lambda x: (2 * x).tolist(), np.array([1.0, 3.0])),
    ],
    ids=["stationary", "badly scaled", "constant", "empty", "integer", "list"],
)
def test_a_right_gradient_passes_where_others_stumble(f, grad_f, x):
    check_gradient(f, grad_f, x, points=1)


def test_rounding_that_the_function_itself_amplifies_is_no_error():
    """Thirty steps of the logistic map lose nine digits, whoever differentiates them."""

    def chaotic(x):
        for _ in range(30):
            x = 4 * x * (1 - x)
        return x

    def by_hand(x):
        slope = 1.0
        for _ in range(30):
            slope, x = slope * (4 - 8 * x), 4 * x * (1 - x)
        return slope

    check_gradient(chaotic, by_hand, 0.2)
    assert "wrong sign" in message(check_gradient, chaotic, lambda x: -by_hand(x), 0.2)


def test_a_result_in_float32_is_compared_as_closely_as_it_can_be_right():
    check_gradient(f, lambda x: grad_f(x).astype(np.float32), X)
    assert "(1 + 0.002) times" in message(check_gradient, f, lambda x: 1.002 * grad_f(x).astype(np.float32), X)
    check_gradient(f, grad_f, X.astype(np.float32))


def test_containers_argnum_and_keywords_work_as_in_the_verbs():
    def loss(params, data, *, power):
        return np.sum((params["W"] @ data + params["b"]) ** power)

    def gradient(params, data, *, power):
        outer = power * (params["W"] @ data + params["b"]) ** (power - 1)
        return {"W": outer[:, None] * data, "b": outer}, params["W"].T @ outer

    params = {"W": np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]), "b": np.array([0.1, 0.2])}
    data = np.array([1.0, -1.0, 0.5])
    check_gradient(loss, gradient, params, data, argnum=(0, 1), power=3)
    check_gradient(loss, lambda *a, **k: gradient(*a, **k)[1], params, data, argnum=-1, power=3)

    def flipped(*args, **kwargs):
        params, data = gradient(*args, **kwargs)
        params["b"] *= -1
        return params, data

    text = message(check_gradient, loss, flipped, params, data, argnum=(0, 1), power=3)
    assert "entries [0]['b'][0] and [0]['b'][1] have the wrong sign" in text


def test_jacobians_hessians_and_products_pass():
    A = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, -1.0]])

    def g(x):
        return np.sin(A @ x)

    x = np.array([0.3, -0.2, 0.9])

    def jacobian(x):
        return np.cos(A @ x)[:, None] * A

    check_jacobian(g, jacobian, x)
    check_jvp(g, lambda x, v: jacobian(x) @ v, x)
    check_vjp(g, lambda x, u: u @ jacobian(x), x)
    check_hessian(lambda x: np.sum(g(x)), lambda x: -(A.T * np.sin(A @ x)) @ A, x)


# -- wrong ones, by name -----------------------------------------------------------------------------------------------


def changed(change):
    """grad_f with a mistake: change(gradient, x) returns the wrong one, or changes it in place."""

    def wrong(x):
        gradient = grad_f(x)
        result = change(gradient, x)
        return gradient if result is None else result

    return wrong


def put(g, index, value):
    g[index] = value


MISTAKES = {
    "swapped": (lambda g, x: g[[0, 1, 4, 3, 2]], "entries 2 and 4 look swapped"),
    "permuted": (lambda g, x: g[[1, 2, 0, 3, 4]], "entries 0, 1 and 2 look permuted: 0 holds that of 1"),
    "reversed": (lambda g, x: g[::-1], "the entries look reversed"),
    "rolled": (lambda g, x: np.roll(g, 1), "shifted by 1: entry 4 holds what belongs to 3, around the end"),
    "shifted": (lambda g, x: np.append(g[1:], 0.0), "shifted by 1: entry 0 holds what belongs to 1"),
    "index": (lambda g, x: put(g, 3, g[0]), "an index looks wrong: 3 holds what belongs to 0"),
    "sign": (lambda g, x: put(g, 1, -g[1]), "entry 1 has the wrong sign"),
    "signs": (lambda g, x: -g, "the whole derivative has the wrong sign"),
    "zeroed": (lambda g, x: put(g, 2, 0.0), "entry 2 is zero, and should not be"),
    "zero": (lambda g, x: 0 * g, "the whole derivative is zero"),
    "doubled": (lambda g, x: put(g, [0, 4], 2 * g[[0, 4]]), "entries 0 and 4 are 2 times what they should be"),
    "mean": (lambda g, x: g / 5, "the whole derivative is 1/5 (5 is the length of argument 0) times"),
    "degrees": (lambda g, x: g * math.pi / 180, "the whole derivative is 1/(180/π) times"),
    "nearly": (lambda g, x: g * (1 + 1e-6), "the whole derivative is (1 + 1e-06) times"),
    "two mistakes": (lambda g, x: put(g, [0, 2], [-g[0], 0]), "entry 0 has the wrong sign; entry 2 is zero"),
    "nan": (lambda g, x: put(g, 3, np.nan), "entry 3 is NaN, where the derivative is finite"),
    "inf": (lambda g, x: put(g, 3, np.inf), "entry 3 is not finite"),
    "nan and sign": (lambda g, x: put(g, [0, 1], [np.nan, -g[1]]), "entry 1 has the wrong sign"),
    "constant": (lambda g, x: g + 0.25, "a constant term is too much"),
    "missing term": (
        lambda g, x: put(g, 1, 2 * x[1]),
        "a term is missing: what goes through numpy.multiply by its operand 1",
    ),
    "sign of a term": (lambda g, x: put(g, 1, g[1] - 4 * x[1]), "a term has the wrong sign: what goes through"),
    "term twice": (lambda g, x: put(g, 1, g[1] + 2 * x[1]), "a term is counted twice: what goes through"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_called_by_its_name(mistake):
    change, sentence = MISTAKES[mistake]
    assert sentence in message(check_gradient, f, changed(change), X, points=2)


def test_a_missing_term_is_shown_with_its_line_of_f():
    text = message(check_gradient, f, changed(lambda g, x: put(g, 1, x[0] * np.cos(x[1]))), X)
    assert re.search(r"test_testing\.py:\d+ in f: return product \+ quotient \* x\[4\] \+ x\[1\] \*\* 2", text)


def test_what_is_like_nothing_we_know_gets_no_name():
    text = message(check_gradient, f, changed(lambda g, x: np.sin(3 * g)), X)
    assert text.splitlines()[1] == ""


def test_the_table_shows_the_entry_both_truths_and_the_place():
    text = message(check_gradient, f, changed(lambda g, x: put(g, 2, 1.0)), X, points=1)
    head, row = [line.split() for line in text.splitlines() if line.strip()][-5:-3]
    assert head == ["entry", "by", "hand", "50", "digits", "reverse", "difference", "at"]
    truth = f"{grad_f(X)[2]:.10g}"
    assert row == ["2", "1", truth, truth, f"{1 - grad_f(X)[2]:.2g}", "x"]


def test_of_many_wrong_entries_the_worst_are_shown():
    def wrong(x):
        return 2 * x + np.where(np.arange(50) == 33, 100.0, np.arange(50))

    text = message(check_gradient, lambda x: np.sum(x**2), wrong, np.ones(50))
    assert re.search(r"^ +33 ", text, re.MULTILINE)
    assert "... and 41 more" in text


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.02])
def test_a_tiny_entry_counts_by_itself(factor):
    """A norm of 1 hides what happens to 1e-10."""
    weights = np.array([1.0, 1e-10])
    wrong = np.array([1.0, factor])
    text = message(check_gradient, lambda x: np.sum(weights * x**2), lambda x: 2 * wrong * weights * x, np.ones(2))
    assert "wrong in 1 of 2 entries" in text


def test_a_small_row_of_a_jacobian_is_not_hidden_by_a_large_one():
    scales = np.array([1e8, 1e-8])
    text = message(check_jacobian, lambda x: scales * x, lambda x: np.diag(scales * [1, -1]), np.ones(2))
    assert "entry (1, 1) has the wrong sign" in text


def test_a_transposed_jacobian_and_a_transposed_shape_are_named():
    A = np.arange(6.0).reshape(2, 3)
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.ones(2)
    assert "looks transposed" in message(check_jacobian, lambda x: square @ x, lambda x: square.T, x)
    assert "that of the transpose" in message(check_jacobian, lambda x: A @ x, lambda x: A.T, np.ones(3))


def test_wrong_hessians_and_products_are_named():
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.array([0.3, -0.7])
    text = message(check_vjp, lambda x: A @ x, lambda x, u: A @ u, x)
    assert "wrong in 2 of 2 entries" in text
    text = message(check_jvp, lambda x: A @ x, lambda x, v: -A @ v, x)
    assert "the whole derivative has the wrong sign" in text
    text = message(check_hessian, lambda x: x @ A @ x, lambda x: A + A.T + np.eye(2), x)
    assert "wrong in 2 of 4 entries" in text


TRUTH = np.random.default_rng(0).normal(size=(4, 6))


def explained(found, truth=TRUTH):
    allowed = 1e-8 * np.abs(truth)
    return explain(Entries([Block("", (truth.shape[1],), 1)], found, truth, truth, allowed), {})


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(6)))
def test_every_permutation_is_called_one(order):
    moved = sum(k != j for k, j in enumerate(order))
    sentences = explained(TRUTH[:, order])
    if moved:
        (sentence,) = sentences
        assert ("swapped" in sentence) == (moved == 2)
        assert re.search("swapped|permuted|reversed|shifted", sentence)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 5), min_size=1), st.floats(-20, 20).filter(lambda c: abs(c - 1) > 1e-3))
def test_every_factor_is_found_and_the_entries_that_have_it(entries, factor):
    found = TRUTH.copy()
    found[:, sorted(entries)] *= factor
    (sentence,) = explained(found)
    whole = len(entries) == 6
    assert ("whole derivative" in sentence) == whole
    assert re.search("times what|wrong sign|zero", sentence)
    named = [int(k) for k in re.findall(r"\b\d\b", re.split(" is | are | has | have ", sentence)[0])]
    assert whole or named == sorted(entries)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 5), min_size=1), st.integers(0, 3))
def test_nan_anywhere_is_called_nan(entries, point):
    found = TRUTH.copy()
    found[point, sorted(entries)] = np.nan
    (sentence,) = explained(found)
    assert "NaN at 1 of 4 points" in sentence


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_only_random_is_given_no_name(seed):
    assert explained(np.random.default_rng(seed).normal(size=TRUTH.shape)) == []


# -- what cannot be compared -------------------------------------------------------------------------------------------


@dataclass
class Pair:
    a: float
    b: np.ndarray


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (None, "it returned None: is there a return missing?"),
        (np.ones((5, 1)), "the shape (5, 1) instead of (5,)"),
        (np.ones(4), "the shape (4,) instead of (5,)"),
        (1.0, "the shape () instead of (5,)"),
        (np.ones(5, complex), "complex numbers"),
        (np.ones(5, bool), "truth values"),
        (np.array(["a"] * 5), "instead of real numbers"),
        (np.array([None] * 5), "NaN"),
        ([1.0, 2.0, 3.0, 4.0, {}], "no numbers"),
    ],
)
def test_a_result_that_is_none_or_of_a_wrong_shape_or_type_never_passes(result, sentence):
    assert sentence in message(check_gradient, f, lambda x: result, X)


def test_a_missing_leaf_and_a_wrong_structure_are_named():
    def g(pair):
        return pair.a * np.sum(pair.b)

    point = Pair(2.0, np.ones(3))
    assert "its entry .b is None" in message(check_gradient, g, lambda p: Pair(np.sum(p.b), None), point)
    assert "wrong structure" in message(check_gradient, g, lambda p: [np.sum(p.b), p.a + 0 * p.b], point)


def test_a_gradient_that_changes_its_argument_fails_and_the_callers_array_stays():
    def sloppy(x):
        gradient = grad_f(x)
        x *= 2
        return gradient

    x = X.copy()
    assert "it changes its argument 0" in message(check_gradient, f, sloppy, x)
    assert np.array_equal(x, X)


def test_an_error_of_the_gradient_comes_out_unchanged():
    with pytest.raises(ZeroDivisionError):
        check_gradient(f, lambda x: 1 / 0, X)


def test_what_is_no_function_is_refused():
    with pytest.raises(db.ArgumentError, match="must be a function"):
        check_gradient(f, grad_f(X), X)


# -- where -------------------------------------------------------------------------------------------------------------


def test_a_point_that_happens_to_agree_does_not_hide_a_mistake():
    """At x = (1, 1) the gradient of the product is also that of the sum."""
    text = message(check_gradient, lambda x: x[0] * x[1], lambda x: np.ones(2), np.ones(2))
    assert "wrong in 2 of 2" in text
    check_gradient(lambda x: x[0] * x[1], lambda x: np.ones(2), np.ones(2), points=1)


def test_the_same_seed_gives_the_same_points():
    seen = []
    for seed in (1, 1, 2):
        points = []
        check_gradient(f, lambda x, points=points: (points.append(x.copy()), grad_f(x))[1], X, seed=seed)
        seen.append(np.array(points))
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    assert np.all(np.abs(seen[0] - X) <= 0.1 * np.abs(X))


@pytest.mark.parametrize(
    ("kinked", "slope", "reason"),
    [
        (lambda x: np.sum(np.abs(x)), np.sign, "kink"),
        (lambda x: np.sum(np.maximum(x, 0)), lambda x: (x > 0).astype(float), "kink"),
        (lambda x: np.sum(np.where(x > 0, x + 1, x)), np.ones_like, "jump"),
        (lambda x: np.sum(np.sqrt(x)), lambda x: 0.5 / np.sqrt(x), "not finite"),
    ],
    ids=["abs", "relu", "jump", "sqrt"],
)
def test_a_point_without_a_derivative_is_left_out_and_reported(kinked, slope, reason):
    x = np.array([1.0, 0.0])
    with np.errstate(all="ignore"), pytest.warns(UncheckedPoint, match=reason):
        report = check_gradient(kinked, slope, x)
    assert "x" not in report.checked
    assert reason in dict(report.left_out)["x"]
    assert reason in str(report)
    with np.errstate(all="ignore"):
        assert "nothing could be checked" in message(check_gradient, kinked, slope, x, points=1)


def test_an_overflow_in_floats_is_named_as_that():
    def overflowing(x):
        return np.log(np.sum(np.exp(x)))

    with np.errstate(all="ignore"):
        text = message(check_gradient, overflowing, lambda x: np.array([1.0, 0.0]), np.array([800.0, 1.0]), points=1)
    assert "f is not finite there in floats" in text


def test_a_kink_of_the_derivative_alone_leaves_only_the_hessian_out():
    def cubic(x):
        return np.sum(np.abs(x) * x)  # x|x|: its derivative 2|x| has a kink

    x = np.array([1.0, 0.0])
    check_gradient(cubic, lambda x: 2 * np.abs(x), x, points=1)
    assert "kink" in message(check_hessian, cubic, lambda x: 2 * np.diag(np.sign(x)), x, points=1)


def test_random_points_outside_of_the_domain_are_drawn_again_closer():
    x = np.array([1e-3, 1.0])  # log(1 - x0 - x1 + 0.05): the edge is near
    report = check_gradient(
        lambda x: np.log(1.02 - x[0] - x[1]), lambda x: -np.ones(2) / (1.02 - x[0] - x[1]), x, radius=0.3
    )
    assert len(report.checked) >= 4


# -- functions that cannot be traced -----------------------------------------------------------------------------------


def untraceable(x):
    return math.sin(x[0]) * math.exp(x[1])


def gradient_of_untraceable(x):
    return np.array([math.cos(x[0]) * math.exp(x[1]), math.sin(x[0]) * math.exp(x[1])])


def test_what_cannot_be_traced_is_compared_with_a_consensus_and_the_message_says_so():
    x = np.array([0.4, 0.2])
    report = check_gradient(untraceable, gradient_of_untraceable, x)
    assert report.truth.startswith("about 12 digits, by central differences, since f cannot be followed to many digits")
    text = message(check_gradient, untraceable, lambda x: -gradient_of_untraceable(x), x)
    assert "the whole derivative has the wrong sign" in text
    assert "no other method can be asked" in text


def test_the_complex_step_sharpens_the_consensus_where_it_agrees():
    def opaque(x):
        if db.is_traced(x):
            raise db.TraceLost("this f is compiled")
        return np.sum(x**3)

    report = check_gradient(opaque, lambda x: 3 * x**2, np.array([1.0, 2.0]))
    assert report.truth.startswith("complex step, with which central differences agree")
    text = message(check_gradient, opaque, lambda x: 3 * x**2 * (1 + 1e-7), np.array([1.0, 2.0]))
    assert "(1 + 1e-07) times" in text


def test_a_kink_is_avoided_there_too():
    def opaque(x):
        return abs(float(x)) + 0.0

    with pytest.warns(UncheckedPoint, match="kink"):
        check_gradient(opaque, lambda x: math.copysign(1.0, x), 0.0)


def test_a_consensus_that_noise_blurs_lets_nothing_pass():
    def blurred(x):
        return float(np.float32(math.sin(x)))

    assert "f is noisy" in message(check_gradient, blurred, math.cos, 0.3)


# -- gradients in other libraries --------------------------------------------------------------------------------------


class Tensor:
    """What matters of a tensor of PyTorch: on another device and in a graph, it refuses to become an array."""

    def __init__(self, array, attached=True, device="gpu"):
        self.array, self.attached, self.device = array, attached, device

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    def detach(self):
        return Tensor(self.array, False, self.device)

    def cpu(self):
        return Tensor(self.array, self.attached, "cpu")

    def numpy(self):
        if self.attached or self.device != "cpu":
            raise RuntimeError("Use tensor.detach().cpu().numpy()")
        return self.array


class DeviceArray:
    """What matters of an array of JAX."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize("kind", [Tensor, DeviceArray])
def test_results_of_other_libraries_are_converted(kind):
    check_gradient(f, lambda x: kind(grad_f(x)), X)
    assert "wrong sign" in message(check_gradient, f, lambda x: kind(-grad_f(x)), X)


def test_a_result_that_cannot_be_converted_says_why():
    class Stuck(Tensor):
        def detach(self):
            return self

    assert "cannot be made an array: RuntimeError" in message(check_gradient, f, lambda x: Stuck(grad_f(x)), X)


def test_inputs_are_converted_on_request():
    def gradient(x):
        assert isinstance(x, Tensor)
        return Tensor(grad_f(x.array))

    check_gradient(f, gradient, X, inputs=Tensor)


def test_a_gradient_by_jax_passes():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    gradient = jax.grad(lambda x: jax.numpy.sum(jax.numpy.sin(x) * x**2))
    check_gradient(lambda x: np.sum(np.sin(x) * x**2), gradient, X)


def test_a_gradient_by_torch_passes():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    gradient = torch.func.grad(lambda x: torch.sum(torch.sin(x) * x**2))
    check_gradient(lambda x: np.sum(np.sin(x) * x**2), gradient, X, inputs=torch.tensor)


def test_a_gradient_by_autograd_passes():
    autograd = pytest.importorskip("autograd", reason="autograd is not installed")
    import autograd.numpy as anp

    check_gradient(lambda x: np.sum(np.sin(x) * x**2), autograd.grad(lambda x: anp.sum(anp.sin(x) * x**2)), X)


def test_of_many_entries_the_other_points_are_checked_in_floats_that_agree_at_the_first():
    x = np.linspace(0.5, 1.5, 600)
    report = check_gradient(lambda x: np.sum(np.sin(x)), np.cos, x, points=2)
    assert report.truth == "50 digits at the first point; elsewhere floats, which agree there"
    text = message(check_gradient, lambda x: np.sum(np.sin(x)), lambda x: np.cos(x)[np.r_[1, 0, 2:600]], x, points=2)
    assert "entries 0 and 1 look swapped" in text


def test_the_warning_about_x_stands_at_the_line_of_the_caller():
    with pytest.warns(UncheckedPoint) as caught:
        check_gradient(lambda x: abs(x), np.sign, 0.0)
    assert caught[0].filename == __file__


def test_nothing_is_printed_or_warned_about_a_right_gradient(capsys):
    with warnings.catch_warnings(action="error"):
        check_gradient(f, grad_f, X)
    assert capsys.readouterr() == ("", "")

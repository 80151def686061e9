"""Steps chosen by looking at f, against the optimum that theory gives from the derivatives in closed form.

What a selector may miss is in its docstring; what it promises is here: how near its step comes to the optimum, how near
the derivative to the truth, and that it says so where it fails.
"""

import mpmath
import numpy as np
import pytest

import diffbench as db
from diffbench.backends.finite_stencil import central, extrapolated, fornberg_weights, one_sided
from diffbench.backends.finite_step_selection import SELECTORS, best_step
from tests.common import Counted

CENTRAL = ("plug-in", "curtis-reid", "dumontet-vignes", "stepleman-winarsky", "mathur", "ridders")
FORWARD = ("plug-in", "gill-murray-saunders-wright", "mathur")
BOTH = [("finite-central", name) for name in CENTRAL] + [("finite-forward", name) for name in FORWARD]
each_selector = pytest.mark.parametrize(("backend", "step"), BOTH, ids=lambda value: value.removeprefix("finite-"))


def logistic(x):
    """l_4 of the logistic map: at 0.2, f'' = 67.395584 and f''' = -3948.87168 (facts of the lecture)."""
    for _ in range(3):
        x = 4 * x * (1 - x)
    return x


SMOOTH = {  # f, x, |f(x)|, |f''(x)|, |f'''(x)|
    "logistic": (logistic, 0.2, 0.28901376, 67.395584, 3948.87168),
    "exp": (np.exp, 1.0, np.e, np.e, np.e),
    "log": (np.log, 2.0, np.log(2), 1 / 4, 1 / 4),
    "slow exp": (lambda x: np.exp(-x * 0.03), 1.0, 1.0, 9e-4, 2.7e-5),
    "fast exp": (lambda x: np.exp(50 * x), 0.5, np.exp(25), 2500 * np.exp(25), 125000 * np.exp(25)),
    "large x": (lambda x: np.sin(1e-8 * x), 1e8, np.sin(1), 1e-16 * np.sin(1), 1e-24 * np.cos(1)),
    "small x": (np.log, 1e-8, 18.420680743952367, 1e16, 2e24),
}
each_function = pytest.mark.parametrize("name", SMOOTH)
FACTOR = {  # how far from the optimum, up or down, a selector may stop by its own rule
    "plug-in": 3,
    "dumontet-vignes": 4,
    "stepleman-winarsky": 20,
    "mathur": 10,
    "gill-murray-saunders-wright": 3,
    "curtis-reid": 2000,  # it aims at sqrt(100 u |f/f''|), which is near the optimum of forward differences
}


def chosen(f, x, backend, step, **options):
    (row,) = db.get_backend(backend, step=step, **options).chosen_steps(lambda leaves: [f(leaves[0])], [x])
    return row


def relative_error(f, x, backend, **options):
    truth = db.reference(f, x, quantity="derivative")
    found = db.derivative(f, backend=backend, **options)(x)
    return float(abs(mpmath.mpf(float(found)) - truth) / abs(truth))


def optimum(name, backend):
    _, _, f, f2, f3 = SMOOTH[name]
    stencil, derivative = (central(2), f3) if backend == "finite-central" else (one_sided(1), f2)
    return best_step(stencil, f, derivative, 2.0**-52)


# -- near the optimum ----------------------------------------------------------------------------------------


def test_the_optimum_is_that_of_the_textbooks():
    u = 2.0**-53
    assert best_step(central(2), 2.0, 5.0, 2 * u) == pytest.approx((3 * u * 2 / 5) ** (1 / 3))
    assert best_step(one_sided(1), 2.0, 5.0, 2 * u) == pytest.approx(2 * np.sqrt(u * 2 / 5))


@each_function
@pytest.mark.parametrize(("backend", "step"), [pair for pair in BOTH if pair[1] in FACTOR])
def test_step_is_as_near_the_optimum_as_its_rule_brings_it(name, backend, step):
    f, x, *_ = SMOOTH[name]
    ratio = chosen(f, x, backend, step)["step"] / optimum(name, backend)
    assert 1 / FACTOR[step] <= ratio <= FACTOR[step]


@each_function
@each_selector
def test_derivative_reaches_what_its_optimum_promises_or_curtis_reid_a_hundredth_of_it(name, backend, step):
    """E* = (1 + 1/p) W u |f| / h*, over |f'|; a factor of 30 for the rounding of f, which is more than half a unit."""
    f, x, size, *_ = SMOOTH[name]
    stencil = central(2) if backend == "finite-central" else one_sided(1)
    best = (1 + 1 / stencil.order) * float(stencil.amplification) * 2.0**-53 * size / optimum(name, backend)
    promised = best / abs(float(db.reference(f, x, quantity="derivative")))
    assert relative_error(f, x, backend, step=step) <= promised * (3000 if step == "curtis-reid" else 30)


@each_function
def test_extrapolation_comes_within_a_few_hundred_roundings(name):
    f, x, *_ = SMOOTH[name]
    assert relative_error(f, x, "finite-central", step="ridders") < 1e-12


@pytest.mark.parametrize("step", ["dumontet-vignes", "curtis-reid", "mathur", "ridders"])
def test_a_scale_that_x_does_not_show_is_found(step):
    """sin at 1e8 changes over 1, which the default step of 600 overlooks."""
    assert relative_error(np.sin, 1e8, "finite-central") > 0.1
    assert relative_error(np.sin, 1e8, "finite-central", step=step) < 1e-8


def test_higher_orders_have_wider_steps():
    steps = [chosen(np.exp, 1.0, "finite-central", "plug-in", order=p)["step"] for p in (2, 4, 6)]
    assert steps == sorted(steps)
    assert relative_error(np.exp, 1.0, "finite-central", step="plug-in", order=6) < 1e-13


def test_backward_differences_are_served_as_forward_ones_are():
    for step in FORWARD:
        assert relative_error(np.exp, 1.0, "finite-backward", step=step) < 1e-7


@pytest.mark.parametrize("step", CENTRAL)
def test_steps_follow_the_precision_of_x(step):
    found = db.derivative(np.exp, backend="finite-central", step=step)(np.float32(1.0))
    assert found.dtype == np.float32
    assert abs(found - np.e) < (0.02 if step == "curtis-reid" else 1e-3)


def test_noise_of_f_is_taken_into_account():
    def tabulated(x):
        return np.round(np.exp(x), 6)

    assert abs(db.derivative(tabulated, backend="finite-central", step="plug-in")(1.0) - np.e) > 0.01
    for step in ("plug-in", "dumontet-vignes", "stepleman-winarsky"):
        found = db.derivative(tabulated, backend="finite-central", step=step, noise=1e-6)(1.0)
        assert found == pytest.approx(np.e, rel=1e-3)


# -- degenerate functions ------------------------------------------------------------------------------------

DEGENERATE = {
    "f'' = 0": (np.sin, 0.0, 1.0),
    "f''' = 0": (np.cos, 0.0, 0.0),
    "quadratic": (lambda x: x**2, 1.0, 2.0),
    "linear": (lambda x: 3 * x + 1, 1.0, 3.0),
    "constant": (lambda x: 5.0 + 0 * x, 1.0, 0.0),
    "zero": (lambda x: 0 * x, 0.0, 0.0),
}


@each_selector
@pytest.mark.parametrize("name", DEGENERATE)
def test_a_derivative_that_vanishes_does_no_harm(name, backend, step):
    f, x, truth = DEGENERATE[name]
    found = db.derivative(f, backend=backend, step=step)(x)
    assert found == pytest.approx(truth, abs=1e-7 if backend == "finite-forward" else 1e-9)
    assert chosen(f, x, backend, step)["evaluations"] < 60


@pytest.mark.parametrize(
    ("step", "note"),
    [
        ("curtis-reid", "f'' cannot be told from round-off: the default step"),
        ("mathur", "f⁽3⁾ cannot be told from round-off: the default step"),
        ("plug-in", "f⁽3⁾ is lost in round-off"),
    ],
)
def test_a_note_says_where_there_was_nothing_to_balance(step, note):
    assert chosen(lambda x: 3 * x + 1, 1.0, "finite-central", step)["note"] == note
    assert chosen(np.exp, 1.0, "finite-central", step)["note"] == ""


@each_selector
def test_the_edge_of_the_domain_makes_steps_narrower(backend, step):
    """sqrt and log end at 0, at a distance of 1e-8, where the default step already looks beyond."""
    for f, truth in ((np.sqrt, 5e3), (np.log, 1e8)):
        with np.errstate(invalid="ignore", divide="ignore"):
            assert db.derivative(f, backend=backend, step=step)(1e-8) == pytest.approx(truth, rel=1e-6)


@each_selector
def test_a_point_at_the_very_edge_is_an_error_for_all_that_look_to_both_sides(backend, step):
    def at_edge(x):
        return np.where(x >= 0, np.exp(x), np.nan)

    if (backend, step) == ("finite-forward", "mathur"):
        assert db.derivative(at_edge, backend=backend, step=step)(0.0) == pytest.approx(1.0, abs=1e-6)
        return
    with pytest.raises(db.StepNotFound, match="not finite beside the point") as caught:
        db.derivative(at_edge, backend=backend, step=step)(0.0)
    assert step in str(caught.value)
    assert caught.value.hint


@each_selector
def test_nan_at_the_point_gives_nan_as_any_difference_would(backend, step):
    assert np.isnan(db.derivative(lambda x: x * np.nan, backend=backend, step=step)(1.0))


@pytest.mark.parametrize(
    ("backend", "step"),
    [
        ("finite-central", "curtis-reid"),
        ("finite-central", "mathur"),
        ("finite-central", "ridders"),
        ("finite-forward", "gill-murray-saunders-wright"),
        ("finite-forward", "mathur"),
    ],
)
def test_a_jump_is_told_with_the_entry_in_which_it_is(backend, step):
    with pytest.raises(db.StepNotFound, match="argument 0, entry 1") as caught:
        db.gradient(lambda x: np.sum(np.where(x > 0, 2.0, 1.0)), backend=backend, step=step)(np.array([1.0, 0.0]))
    assert "jump" in caught.value.why


# -- as an option of the backends ----------------------------------------------------------------------------


@each_selector
def test_every_entry_has_its_own_step(backend, step):
    x = np.array([1.0, 1e-4, 30.0])
    found = db.gradient(lambda x: np.log(x[0]) + np.sin(1e3 * x[1]) + np.exp(x[2] / 10), backend=backend, step=step)(x)
    truth = np.array([1.0, 1e3 * np.cos(0.1), np.exp(3) / 10])
    np.testing.assert_allclose(found, truth, rtol=1e-4 if backend == "finite-forward" else 1e-6)


@pytest.mark.parametrize("step", CENTRAL)
def test_jacobians_and_products_agree(step):
    def f(x):
        return np.array([np.sin(x[0]) * x[1], np.exp(x[0] - x[1]), x[0] * x[1]])

    x, v, u = np.array([0.5, 2.0]), np.array([1.0, -0.3]), np.array([1.0, 2.0, -1.0])
    jacobian = db.jacobian(f)(x)
    np.testing.assert_allclose(db.jacobian(f, backend="finite-central", step=step)(x), jacobian, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(db.jvp(f, backend="finite-central", step=step)(x, v), jacobian @ v, rtol=1e-7)
    np.testing.assert_allclose(db.vjp(f, backend="finite-central", step=step)(x, u), u @ jacobian, rtol=1e-7)


@each_selector
def test_evaluations_are_counted(backend, step):
    f = Counted(logistic)
    db.jacobian(f, backend=backend, step=step)(0.2)
    assert f.count == 1 + chosen(logistic, 0.2, backend, step)["evaluations"]


def test_plug_in_spends_seven_evaluations_on_a_central_difference_and_four_on_a_forward_one():
    for backend, expected in (("finite-central", 6), ("finite-forward", 3)):
        assert chosen(np.exp, 1.0, backend, "plug-in")["evaluations"] == expected


def test_chosen_differences_can_be_differentiated():
    inner = db.derivative(lambda x: np.sin(x), backend="finite-central", step="ridders")
    assert db.derivative(inner, backend="forward")(0.5) == pytest.approx(-np.sin(0.5), rel=1e-9)


def test_a_jacobian_of_nothing_and_a_direction_of_zeros_need_no_steps():
    assert db.gradient(lambda x: np.sum(x), backend="finite-central", step="ridders")(np.zeros(0)).shape == (0,)
    found = db.jvp(np.exp, backend="finite-central", step="curtis-reid")(np.ones(2), np.zeros(2))
    np.testing.assert_array_equal(found, np.zeros(2))


def test_an_unknown_name_is_an_error_with_a_suggestion():
    with pytest.raises(db.UnknownName, match="did you mean 'curtis-reid'"):
        db.get_backend("finite-central", step="curtis-read")


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("finite-forward", {"step": "curtis-reid"}),
        ("finite-central", {"step": "dumontet-vignes", "order": 4}),
        ("finite-central", {"step": "gill-murray-saunders-wright"}),
        ("finite-forward", {"step": "gill-murray-saunders-wright", "order": 2}),
    ],
)
def test_a_selector_made_for_another_difference_is_an_error_that_names_those_that_fit(backend, options):
    with pytest.raises(db.ArgumentError, match="does not fit") as caught:
        db.get_backend(backend, **options)
    assert "plug-in" in caught.value.hint


@pytest.mark.parametrize("noise", [0, 0.0, -1e-3, 1.0, np.nan, "1e-3"])
def test_noise_must_be_a_fraction(noise):
    with pytest.raises(db.ArgumentError, match=r"noise=.*expected a float between 0 and 1"):
        db.get_backend("finite-central", noise=noise)


@pytest.mark.parametrize("verb", [db.hessian, db.hvp])
def test_second_derivatives_have_no_selector(verb):
    arguments = (np.ones(2),) * (2 if verb is db.hvp else 1)
    with pytest.raises(db.UnsupportedVerb, match="first derivatives"):
        verb(lambda x: np.sum(x**2), backend="finite-central", step="ridders")(*arguments)


def test_the_number_of_evaluations_is_not_known_beforehand():
    with pytest.raises(db.UnsupportedVerb, match="as many as it needs"):
        db.get_backend("finite-central", step="ridders").evaluations("gradient", 3)


def test_every_selector_is_described_and_has_a_source():
    for selector in SELECTORS.values():
        assert selector.choose.__doc__
        assert selector.source


def test_extrapolated_weights_are_those_of_fornberg():
    weights = fornberg_weights([-4, -2, -1, 0, 1, 2, 4], 1)
    assert list(extrapolated(3).weights.values()) == [w for w in weights if w]

"""Timing, memory and growth against closed forms; nothing here depends on how fast the machine is."""

import gc
import tracemalloc

import numpy as np
import pytest

from diffbench import measure
from diffbench.measure import Timing, fit_exponent, paired_ratio, peak_bytes, student_t, time_calls


class Clock:
    """A clock that only moves when a callable says how long it takes."""

    def __init__(self, monkeypatch):
        self.now = 0
        monkeypatch.setattr(measure, "perf_counter_ns", lambda: self.now)

    def takes(self, seconds):
        def call():
            self.now += round(seconds * 1e9)

        return call


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_a_sample_is_seconds_per_call(clock):
    assert measure.sample(clock.takes(0.25), repeats=4) == pytest.approx(0.25)


def test_fast_calls_repeat_until_a_sample_is_long_enough(clock):
    timing = time_calls({"f": clock.takes(1e-6)}, sample_seconds=0.01)["f"]
    assert timing.repeats * 1e-6 >= 0.01
    assert timing.repeats * 1e-6 < 0.02


def test_a_slow_call_is_not_repeated_within_a_sample(clock):
    assert time_calls({"f": clock.takes(1.0)}, sample_seconds=0.01)["f"].repeats == 1


def test_a_slow_first_call_does_not_mislead_the_calibration(clock):
    duration = iter([5e-3])
    timing = time_calls({"f": lambda: clock.takes(next(duration, 1e-6))()}, sample_seconds=0.01)["f"]
    assert timing.repeats * 1e-6 >= 0.01
    assert timing.median == pytest.approx(1e-6)


def test_callables_take_turns_and_every_other_round_runs_backwards(clock):
    order = []

    def call(name):
        return lambda: (order.append(name), clock.takes(1.0)())

    time_calls({"a": call("a"), "b": call("b")}, rounds=3)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"  # the first turn is the calibration


def test_all_samples_are_kept(clock):
    timings = time_calls({"f": clock.takes(1.0), "g": clock.takes(2.0)}, rounds=5)
    assert timings["f"].samples == pytest.approx((1.0,) * 5)
    assert timings["g"].samples == pytest.approx((2.0,) * 5)


def test_the_budget_ends_the_rounds_but_not_before_the_least(clock):
    timings = time_calls({"f": clock.takes(1.0)}, rounds=9, least_rounds=2, budget_seconds=0.5)
    assert len(timings["f"].samples) == 2


def test_the_garbage_collector_is_off_during_a_sample_and_on_afterwards():
    seen = []
    time_calls({"f": lambda: seen.append(gc.isenabled())}, sample_seconds=0, rounds=1)
    assert not any(seen)
    assert gc.isenabled()


def test_the_garbage_collector_is_on_again_after_a_call_that_raises():
    with pytest.raises(ZeroDivisionError):
        time_calls({"f": lambda: 1 / 0})
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        time_calls({"f": lambda: None}, sample_seconds=0, rounds=1)
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("arguments", [{"calls": {}}, {"calls": {"f": int}, "rounds": 0}])
def test_nothing_to_time_is_said_so(arguments):
    with pytest.raises(ValueError, match="needs a callable and a round"):
        time_calls(**arguments)


def test_median_quartiles_and_minimum_are_of_the_samples():
    timing = Timing((5.0, 1.0, 2.0, 4.0, 3.0), repeats=1)
    assert (timing.median, timing.quartiles, timing.minimum) == (3.0, (2.0, 4.0), 1.0)


def test_what_slows_down_a_whole_round_cancels_in_the_ratio():
    disturbance = np.array([1.0, 1.1, 7.0, 0.9, 1.0])
    ratio = paired_ratio(3 * disturbance, disturbance)
    assert (ratio.median, ratio.low, ratio.high) == pytest.approx((3.0, 3.0, 3.0))


def test_the_interval_of_a_ratio_covers_its_true_value_about_as_often_as_it_says():
    """Nominal 95 %; a percentile bootstrap of 15 pairs comes near, and the seed is fixed."""
    rng = np.random.default_rng(1)
    ratios = [paired_ratio(2 * np.exp(rng.normal(0, 0.1, 15)), np.ones(15)) for _ in range(200)]
    assert sum(r.low <= 2 <= r.high for r in ratios) >= 180


def test_ratios_that_cannot_be_paired_are_refused():
    with pytest.raises(ValueError, match="got 2 and 1"):
        paired_ratio([1.0, 2.0], [1.0])


def test_peak_memory_counts_what_was_freed_in_between():
    def call():
        np.ones(10**6)  # 8 MB, gone at once
        return np.ones(10)

    assert 8e6 <= peak_bytes(call) < 8.1e6


def test_peak_memory_leaves_a_tracing_that_was_on():
    tracemalloc.start()
    try:
        peak_bytes(lambda: None)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("exponent", "constant"), [(1.0, 2.0), (-0.5, 1e-9), (3.0, 1e5)])
def test_an_exact_power_law_is_found_exactly(exponent, constant):
    sizes = [1, 3, 10, 40]
    fit = fit_exponent(sizes, [constant * n**exponent for n in sizes])
    assert (fit.exponent, fit.constant) == pytest.approx((exponent, constant))
    assert fit.high - fit.low < 1e-10


def test_the_interval_of_an_exponent_is_that_of_a_textbook_regression():
    """(0, 1, 1) over (0, 1, 2) in logarithms: slope 1/2, standard error sqrt(1/12), t_1 = 12.7062."""
    fit = fit_exponent(np.exp([0, 1, 2]), np.exp([0, 1, 1]))
    assert fit.exponent == pytest.approx(0.5)
    assert fit.high - fit.exponent == pytest.approx(12.7062 / 12**0.5, rel=1e-4)


def test_two_points_leave_the_exponent_undecided():
    fit = fit_exponent([1, 2], [1, 4])
    assert (fit.exponent, fit.low, fit.high) == pytest.approx((2, -np.inf, np.inf))


@pytest.mark.parametrize(
    ("sizes", "values", "words"),
    [
        ([1], [1], "two distinct sizes"),
        ([2, 2], [1, 3], "two distinct sizes"),
        ([1, 2], [1], "two distinct sizes"),
        ([1, 2], [0, 1], "positive, finite"),
        ([1, 2], [1, np.nan], "positive, finite"),
    ],
)
def test_an_exponent_of_what_has_none_is_refused(sizes, values, words):
    with pytest.raises(ValueError, match=words):
        fit_exponent(sizes, values)


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (30, 2.0423), (1000, 1.9623)])
def test_student_t_agrees_with_the_printed_tables(freedom, t):
    assert student_t(freedom) == pytest.approx(t, abs=5e-5)

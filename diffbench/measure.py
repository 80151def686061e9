"""Time, memory and growth: calls measured in turns, ratios from paired rounds, exponents with intervals.

    timings = time_calls({"f": lambda: f(x), "reverse": lambda: gradient(x)})
    timings["reverse"].median                        # seconds a call
    timings["reverse"].ratio_to(timings["f"])        # gradient over f: median, 95 % interval
    fit_exponent(sizes, seconds)                     # cost ~ n^p: p, 95 % interval

A machine drifts while it measures: it heats up, and others use it too. So callables take turns, round by
round, and ratios are taken within rounds: what slows down a whole round cancels. All samples are kept; what
to make of them, a median or a minimum, is for the reader to choose.
"""

import gc
import math
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter_ns

import numpy as np

Call = Callable[[], object]

CONFIDENCE = 0.95
RESAMPLES = 2000


# ------------------------------------------------------------------------------------------------------- time


@dataclass(frozen=True)
class Ratio:
    """Median of the ratios within rounds, and its 95 % bootstrap interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True)
class Timing:
    """Seconds a call, one sample a round; each sample is the mean over `repeats` calls in a row."""

    samples: tuple[float, ...]
    repeats: int

    @property
    def median(self) -> float:
        """Median of the samples, in seconds a call."""
        return float(np.median(self.samples))

    @property
    def minimum(self) -> float:
        """Least of the samples, in seconds a call: nearest to the time without any disturbance."""
        return min(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile of the samples, in seconds a call."""
        low, high = np.percentile(self.samples, [25, 75])
        return float(low), float(high)

    def ratio_to(self, reference: "Timing") -> Ratio:
        """This time over that of `reference`, which took turns with it in the same `time_calls`.

        >>> Timing((2.0, 4.2, 6.0), repeats=1).ratio_to(Timing((1.0, 2.0, 3.0), repeats=1)).median
        2.0
        """
        return paired_ratio(self.samples, reference.samples)


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Median of the ratios pair by pair, with a percentile bootstrap interval over the pairs.

    Both have the same length, at least 1; ValueError otherwise. Source: Efron & Tibshirani 1993, chapter 13.
    """
    if len(numerators) != len(denominators) or len(numerators) == 0:
        raise ValueError(
            f"paired ratios need as many numerators as denominators, and at least one; "
            f"got {len(numerators)} and {len(denominators)}"
        )
    ratios = np.asarray(numerators, dtype=float) / np.asarray(denominators, dtype=float)
    resampled = np.random.default_rng(0).choice(ratios, size=(RESAMPLES, len(ratios)))
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(np.median(resampled, axis=1), [tail, 100 - tail])
    return Ratio(float(np.median(ratios)), float(low), float(high))


def time_calls(
    calls: Mapping[str, Call],
    *,
    sample_seconds: float = 0.01,
    rounds: int = 9,
    least_rounds: int = 3,
    budget_seconds: float = math.inf,
) -> dict[str, Timing]:
    """Time callables in turns; each is repeated within a sample until that lasts `sample_seconds`.

    calls : name -> callable without arguments; by custom the reference, such as f itself, comes first.
    rounds : samples of each; no new round begins after `budget_seconds`, but `least_rounds` are always made.
    Returns name -> Timing, each with one sample a round, so that ratios can be paired.
    An exception of a callable comes out unchanged. ValueError where there is nothing to time.
    Cost: per callable, a calibration of about 2 samples, which is the warm-up too, and `rounds` samples.

    >>> timings = time_calls({"sum": lambda: sum(range(100))}, sample_seconds=1e-4, rounds=3)
    >>> len(timings["sum"].samples), timings["sum"].repeats > 1
    (3, True)
    """
    if not calls or min(rounds, least_rounds) < 1:
        raise ValueError(
            f"time_calls needs a callable and a round, got {len(calls)} callables, rounds={rounds}, "
            f"least_rounds={least_rounds}"
        )
    stop = perf_counter_ns() + budget_seconds * 1e9
    repeats = {name: calibrate(call, sample_seconds) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds):
        if number >= least_rounds and perf_counter_ns() > stop:
            break
        # Every other round runs backwards, so that nobody always follows the same neighbour.
        for name in list(calls)[:: -1 if number % 2 else 1]:
            samples[name].append(sample(calls[name], repeats[name]))
    return {name: Timing(tuple(samples[name]), repeats[name]) for name in calls}


def calibrate(call: Call, sample_seconds: float) -> int:
    """The number of repeats that makes one sample last `sample_seconds`; a slow call gets 1."""
    repeats = 1
    while (elapsed := sample(call, repeats) * repeats) < sample_seconds:
        wanted = math.ceil(1.1 * repeats * sample_seconds / max(elapsed, 1e-9))
        repeats = min(max(wanted, repeats + 1), 10 * repeats)  # the first calls are slow and mislead
    return repeats


def sample(call: Call, repeats: int) -> float:
    """Seconds a call, the mean over `repeats` calls, with the garbage collector off.

    The loop adds about 10 ns to each call.
    """
    with collector_off():
        start = perf_counter_ns()
        for _ in repeat(None, repeats):
            call()
        elapsed = perf_counter_ns() - start
    return elapsed * 1e-9 / repeats


@contextmanager
def collector_off() -> Iterator[None]:
    """No garbage collection inside; whether it was on comes back."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# ----------------------------------------------------------------------------------------------------- memory


def peak_bytes(call: Call) -> int:
    """Most memory that one call held at a time beyond what was held before, in bytes.

    Counts what Python and NumPy allocate, not the scratch space of a BLAS. The call runs several times
    slower: never measure time beside it. Safe inside a program that traces memory already.

    >>> peak_bytes(lambda: bytearray(10**6)) // 10**6
    1
    """
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        gc.collect()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return max(0, peak - before)


# ----------------------------------------------------------------------------------------------------- growth


@dataclass(frozen=True)
class PowerLaw:
    """y = constant * x^exponent; (low, high) holds the exponent with 95 % confidence."""

    exponent: float
    low: float
    high: float
    constant: float

    def __str__(self) -> str:
        return f"{self.exponent:.2f} ({self.low:.2f} to {self.high:.2f})"


def fit_exponent(sizes: Sequence[float], values: Sequence[float]) -> PowerLaw:
    """Fit values ~ constant * sizes^exponent by least squares on logarithms.

    sizes, values : the same length, at least 2 distinct sizes, all positive and finite; ValueError otherwise.
    The interval is Student's t interval of a regression slope; from two points it is the whole line.

    >>> fit = fit_exponent([1, 2, 4, 8], [3.0, 12.0, 48.0, 192.0])
    >>> round(fit.exponent, 6), round(fit.constant, 6)
    (2.0, 3.0)
    """
    x, y = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    if x.ndim != 1 or x.shape != y.shape or len(np.unique(x)) < 2:
        raise ValueError(
            f"an exponent needs two distinct sizes or more and a value for each, got {x.size} and {y.size}"
        )
    if not (np.all((x > 0) & (y > 0)) and np.all(np.isfinite(x) & np.isfinite(y))):
        raise ValueError("an exponent needs positive, finite sizes and values: their logarithms are fitted")
    x, y = np.log(x), np.log(y)
    spread = np.sum((x - x.mean()) ** 2)
    slope = float(np.sum((x - x.mean()) * y) / spread)
    intercept = float(y.mean() - slope * x.mean())
    freedom = len(x) - 2
    if freedom == 0:
        return PowerLaw(slope, -math.inf, math.inf, math.exp(intercept))
    residual = float(np.sum((y - intercept - slope * x) ** 2))
    half = student_t(freedom) * math.sqrt(residual / freedom / float(spread))
    return PowerLaw(slope, slope - half, slope + half, math.exp(intercept))


def student_t(freedom: int) -> float:
    """The t with P(-t < T < t) = 0.95 for Student's distribution with `freedom` degrees of freedom.

    Source: Abramowitz & Stegun, equation 26.7.1, through the incomplete beta function.

    >>> round(student_t(1), 4), round(student_t(10), 4)
    (12.7062, 2.2281)
    """
    import mpmath

    def outside(t: float) -> float:
        return mpmath.betainc(freedom / 2, 0.5, 0, freedom / (freedom + t * t), regularized=True)

    return float(mpmath.findroot(lambda t: outside(t) - (1 - CONFIDENCE), (1, 20), solver="anderson"))

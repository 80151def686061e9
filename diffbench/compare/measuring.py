"""What runs apart from us: f by itself, its truth, and one backend after the other.

Each function here is the whole life of a process (see isolation.py). It sends what it knows as soon as it knows it, so
that a limit which strikes later takes nothing away.
"""

import pickle
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np

from diffbench import operators
from diffbench.backends.base import Differentiator, overrides
from diffbench.errors import DiffbenchError, innermost_line
from diffbench.isolation import Ending, Send, run_apart
from diffbench.measure import Timing, peak_bytes, time_calls
from diffbench.question import Question
from diffbench.registry import get_backend
from diffbench.structure import flatten

SAMPLE_SECONDS, ROUNDS = 0.01, 9
LARGEST_SHARE = 0.4  # of the time limit that repeating an evaluation may take


@dataclass(frozen=True)
class Limits:
    """Of one process: wall-clock seconds, and megabytes beyond what this process holds already."""

    seconds: float
    megabytes: float


@dataclass
class Found:
    """What a process has sent, by name, and how it ended; an exception that it met is `error`."""

    facts: dict[str, Any] = field(default_factory=dict)
    ending: Ending = field(default_factory=lambda: Ending("done"))

    @property
    def error(self) -> BaseException | None:
        """The exception that ended the work."""
        return self.facts.get("error")


def apart(work: Callable[[Callable[..., None]], None], limits: Limits) -> Found:
    """Run work(tell) in a process of its own; tell(name=value, ...) sends facts."""

    def told(send: Send) -> None:
        def tell(**facts: Any) -> None:
            send(pickle.dumps(facts))

        try:
            work(tell)
        except Exception as error:
            tell(error=_portable(error), where=innermost_line(error))

    messages, ending = run_apart(told, seconds=limits.seconds, megabytes=limits.megabytes)
    facts: dict[str, Any] = {}
    for message in messages:
        facts |= pickle.loads(message)
    return Found(facts, ending)


def _portable(error: Exception) -> Exception:
    """An exception that can leave its process: itself, or one of ours with the same words."""
    with suppress(Exception):
        pickle.loads(pickle.dumps(error))
        return error
    return DiffbenchError(f"{type(error).__name__}: {error}", where=innermost_line(error))


# -- the three kinds of process ----------------------------------------------------------------------------------------


def measure_f(question: Question, limits: Limits) -> Found:
    """f once at the point, then in rounds: `values` (leaves) and `f_seconds`."""

    def work(tell: Callable[..., None]) -> None:
        start = time.perf_counter()
        values = flatten(question.value())[0]
        first = time.perf_counter() - start
        tell(values=[np.array(value) for value in values], f_seconds=first)
        if enough_time(first, limits, start):
            tell(f_seconds=repeated({"f": question.value}, limits)["f"].median)

    return apart(work, limits)


def measure_backend(question: Question, backend: str | Differentiator, limits: Limits) -> Found:
    """One backend: prepared, evaluated once, counted, timed in turns with f, its memory measured."""

    def work(tell: Callable[..., None]) -> None:
        begin = time.perf_counter()
        differentiator = get_backend(backend)
        _warm_up(differentiator)
        count = Count(question.f)

        def prepared(f: Callable) -> Callable:
            return question.verb(differentiator, f).prepare(*question.args, **question.kwargs)

        start = time.perf_counter()
        counted = prepared(count.function)
        prepare_seconds = time.perf_counter() - start
        count.calls = 0
        start = time.perf_counter()
        derivative = counted(*question.args, **question.kwargs)
        first = time.perf_counter() - start
        tell(
            leaves=[np.asarray(leaf) for leaf in flatten(derivative)[0]],
            prepare_seconds=prepare_seconds,
            evaluations=count.calls,
            derivative=Timing((first,), 1),
        )
        # To count costs something; where f is called by what was prepared, it is called uncounted from here on.
        evaluate = counted if overrides(differentiator, "prepare") else prepared(question.f)

        def derive() -> Any:
            return evaluate(*question.args, **question.kwargs)

        if enough_time(first, limits, begin):
            turns = repeated({"f": question.value, "derivative": derive}, limits)
            first = turns["derivative"].median
            tell(**turns)
        if enough_time(10 * first, limits, begin):
            tell(peak_bytes=peak_bytes(derive))

    return apart(work, limits)


# -- their parts -------------------------------------------------------------------------------------------------------


def enough_time(seconds: float, limits: Limits, start: float) -> bool:
    """Whether something that takes so long can be repeated some times before the limit strikes."""
    return 4 * seconds < LARGEST_SHARE * limits.seconds - (time.perf_counter() - start) / 2


def repeated(calls: Mapping[str, Callable], limits: Limits) -> dict[str, Timing]:
    """Time in turns, for a small part of the time limit."""
    return time_calls(
        calls,
        sample_seconds=min(SAMPLE_SECONDS, limits.seconds / 200),
        rounds=ROUNDS,
        budget_seconds=limits.seconds * LARGEST_SHARE / 4,
    )


def _warm_up(backend: Differentiator) -> None:
    """Load what the backend needs, so that it does not count as preparation."""
    with suppress(Exception):
        operators.derivative(lambda x: x * x, backend=backend).prepare(1.0)(1.0)


class Count:
    """A function that counts its calls."""

    def __init__(self, f: Callable):
        self.calls = 0

        @wraps(f, updated=())
        def function(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return f(*args, **kwargs)

        self.function = function

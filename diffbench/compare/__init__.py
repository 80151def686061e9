"""One function, all backends, one table: what each gives, how far from the truth, and at what cost.

c = compare(f, x)
c                      # a table in the terminal and in Jupyter
c.frame                # tidy pandas, one row a backend

measuring.py    what runs apart: f, the truth, one backend after the other
truth.py        what the rows are held against
judging.py      whether a derivative is right, entry by entry
comparison.py   the result
text.py         its table for terminals, Jupyter, Markdown, LaTeX
picture.py      error against time
advice.py       which one to take
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401  (the example uses it)

from diffbench.backends.base import Differentiator
from diffbench.compare.comparison import Comparison
from diffbench.errors import ArgumentError, DirectionError, ResultError, UnknownName, did_you_mean
from diffbench.question import VERBS, Question
from diffbench.registry import backend_class
from diffbench.registry import backends as all_backends

if TYPE_CHECKING:
    from diffbench.compare.advice import Advice
    from diffbench.compare.measuring import Found

__all__ = ["Comparison", "compare", "recommend"]

USERS_MISTAKES = (ArgumentError, ResultError, DirectionError)
MOST_MEGABYTES = 4096

Backends = str | Differentiator | Sequence[str | Differentiator] | Mapping[str, str | Differentiator]


def compare(
    f: Callable,
    *args: Any,
    quantity: str = "gradient",
    backends: Backends | None = None,
    argnum: int | tuple[int, ...] = 0,
    digits: int = 50,
    time_limit: float = 10.0,
    memory_limit: float | None = None,
    progress: bool | None = None,
    **kwargs: Any,
) -> Comparison:
    """Differentiate f at a point by every backend, each in a process of its own; hold the results against the truth.

    args : those of the verb named `quantity`: gradient, derivative, jacobian, hessian, jvp, vjp or hvp; the direction
        last where it takes one.
    backends : names, Differentiators, or a dict of names for them: {"mine": db.get_backend("manual", gradient=grad_f)}.
        All that are known, if not given; one that is not installed is a row that says how to install it.
    digits : of the truth. Where high precision cannot follow f, the truth is a consensus of differences, and says so.
    time_limit : wall-clock seconds for one backend, its preparation and the measurement of its time and memory
        included; for f itself and for the truth likewise.
    memory_limit : megabytes for the same, beyond what this process holds; 4096, or half of the free memory, if less.
    progress : show it; on a terminal, if not given.
    kwargs : passed through to f.

    Returns a Comparison; a backend that hangs, crashes, eats memory, refuses or is wrong is a row with the reason. What
    f prints is dropped. Cost: for each backend some 0.3 seconds, or twenty evaluations, if that is more.
    Raises what the verb raises for arguments and results that do not fit it, and an exception that f itself raises.

    >>> c = compare(lambda x: np.sum(x**3), np.array([1.0, 2.0]), backends=["reverse", "finite-forward"])
    >>> c.frame.status.tolist(), float(c.truth[1])
    (['ok', 'ok'], 12.0)
    """
    from diffbench.compare import rows
    from diffbench.compare.measuring import Limits, measure_backend, measure_f
    from diffbench.compare.progress import shown
    from diffbench.compare.truth import measure_consensus, measure_truth, median_of

    if not callable(f):
        raise ArgumentError(f"compare: f must be a function, found {type(f).__name__}", hint="db.compare(f, x)")
    if quantity not in VERBS:
        raise UnknownName(f"compare: no quantity {quantity!r}; {did_you_mean(quantity, VERBS)}")
    limits = Limits(_positive("time_limit", time_limit), _megabytes(memory_limit))
    chosen = chosen_backends(backends)
    question = Question(f, args, kwargs, quantity, argnum)
    with shown(progress, 2 + len(chosen)) as now:
        now("f itself")
        f_alone = measure_f(question, limits)
        if f_alone.error is not None and not isinstance(f_alone.error, MemoryError):
            if where := f_alone.facts.get("where"):
                f_alone.error.add_note(f"raised by f, at {where}")
            raise f_alone.error
        if "values" not in f_alone.facts:
            status, why = rows.ended(f_alone)
            refused = [{"backend": name, "status": status, "message": f"f itself: {why}"} for name in chosen]
            return rows.comparison_of(question, refused, [], None, None)
        now("the truth")
        truth_alone = measure_truth(question, digits, limits)
        if isinstance(truth_alone.error, USERS_MISTAKES):
            raise truth_alone.error
        if "truth" not in truth_alone.facts:
            why = f"high precision cannot follow f: {rows.ended(truth_alone)[1]}"
            now("the truth, by differences", advance=False)
            truth_alone = measure_consensus(question, why, limits)
        answers: dict[str, Found | str] = {}
        for name, backend in chosen.items():
            now(name)
            package = backend_class(backend).missing() if isinstance(backend, str) else None
            answers[name] = (
                f"needs the package {package!r}: python -m pip install {package}"
                if package
                else measure_backend(question, backend, limits)
            )
    truth = truth_alone.facts.get("truth") or median_of([a for a in answers.values() if not isinstance(a, str)])
    noise = rows.noise_of(question, f_alone.facts["values"])
    judged = {name: rows.row_of(name, chosen[name], answer, truth, question, noise) for name, answer in answers.items()}
    entries = [entry for name, (_, verdict) in judged.items() for entry in rows.entries_of(name, verdict, truth)]
    return rows.comparison_of(question, [row for row, _ in judged.values()], entries, truth, f_alone.facts["f_seconds"])


def recommend(f: Callable, *args: Any, calls: int = 1000, least_digits: float = 8.0, **options: Any) -> "Advice":
    """The fastest backend that is right, for so many calls of the derivative with one preparation, and why.

    least_digits : that must be right in every entry, by default half of what a float64 holds; where no backend comes so
        far, one less than the best reaches.
    options : those of `compare`, and keywords of f.

    Returns an Advice: `backend`, `reasons`, `by_calls` (who is fastest from how many calls on: the break-even numbers),
    `pareto` (a table of those that none beats in both time and error) and the `comparison` it stands on.
    Cost and errors: those of `compare`.

    >>> recommend(lambda x: np.sum(x**3), np.ones(3), backends=["reverse", "finite-central"]).backend is not None
    True
    """
    from diffbench.compare.advice import advise

    return advise(compare(f, *args, **options), calls, least_digits)


def chosen_backends(backends: Backends | None) -> dict[str, str | Differentiator]:
    """The backends by the names of their rows; UnknownName for one that there is not."""
    if backends is None:
        return {name: name for name in all_backends().index if name != "manual"}
    if isinstance(backends, str | Differentiator):
        backends = [backends]
    if not isinstance(backends, Mapping):
        named: dict[str, str | Differentiator] = {}
        for backend in backends:
            name = backend if isinstance(backend, str) else backend.name
            while name in named:
                name += "'"
            named[name] = backend
        backends = named
    if not backends:
        raise ArgumentError("compare: no backend to compare", hint="leave `backends` out for all of them")
    for backend in backends.values():
        if isinstance(backend, str):
            backend_class(backend)
    return dict(backends)


def _positive(name: str, number: float) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < float("inf"):
        raise ArgumentError(f"compare: {name}={number!r}, expected a positive number")
    return number


def _megabytes(limit: float | None) -> float:
    """The limit of memory in megabytes."""
    import psutil

    if limit is not None:
        return _positive("memory_limit", limit)
    return min(MOST_MEGABYTES, psutil.virtual_memory().available / 2**21)

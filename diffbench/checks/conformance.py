"""The conformance suite: run every check on a backend, and say what was found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffbench.backends.base import Differentiator
from diffbench.checks.cases import Case
from diffbench.checks.subject import Subject, expect
from diffbench.checks.suite import CHECKS
from diffbench.errors import DiffbenchError
from diffbench.registry import get_backend


@dataclass(frozen=True)
class Result:
    """What one check found: status "ok", "refused" (as the backend's limits announce) or "failed"."""

    check: str
    expects: str
    status: str
    found: str = ""


def check_backend(
    backend: str | Differentiator | Callable[[Case], Differentiator], *, verbose: bool = False
) -> list[Result]:
    """Hold a backend to everything that users may expect of it.

    backend : a name, a Differentiator, or, for backends that must be told the derivative of each function, a callable
        that makes a Differentiator for a Case (which has the function and its derivatives in closed form).
    verbose : print a line for each check.

    Returns one Result for each check.
    Raises AssertionError that names every failed check, with what was found and what was expected.
    Cost: some 200 derivatives of functions of at most six numbers.

    >>> results = check_backend("reverse")
    >>> {result.status for result in results}
    {'ok'}
    """
    subject = Subject(backend if callable(backend) else get_backend(backend))
    unknown = sorted(set(subject.limits) - set(CHECKS))
    expect(not unknown, f"limits {unknown} are names of no checks; there are: {', '.join(CHECKS)}")
    results = []
    for name, check in CHECKS.items():
        results.append(_run(name, check, subject))
        if verbose:
            print(f"{results[-1].status:8} {name}: {results[-1].expects}")
    failed = [f"{r.check}: {r.expects}\n    {r.found}" for r in results if r.status == "failed"]
    expect(not failed, "\n".join([f"{subject.name} fails {len(failed)} of {len(results)} checks", *failed]))
    return results


def _run(name: str, check: Callable, subject: "Subject") -> Result:
    expects = (check.__doc__ or "").strip()
    limit = subject.limits.get(name)
    try:
        with np.errstate(all="ignore"):
            check(subject)
    except AssertionError as error:
        return Result(name, expects, "failed", str(error))
    except DiffbenchError as error:
        status = "refused" if limit else "failed"
        return Result(name, expects, status, limit or f"raised {type(error).__name__}: {error}")
    except Exception as error:  # a backend may fail in any way: that is what a check has to find
        return Result(name, expects, "failed", f"raised {type(error).__name__}: {error}")
    if limit:
        return Result(name, expects, "failed", f"is met, although limits says: {limit}")
    return Result(name, expects, "ok")

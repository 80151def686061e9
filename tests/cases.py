"""Tests over thousands of cases: several to an item of pytest, since an item costs more than a small test takes."""

import inspect
from collections.abc import Callable, Iterable

import pytest


def each(names: str, cases: Iterable, by: Callable, label: Callable = str) -> Callable:
    """As pytest.mark.parametrize(names, cases, ids=label), but with one item for all cases that share by(case).

    All cases of an item are tried. What is raised of a failure has a note that names the case.
    """
    arguments = names.split(", ")
    groups: dict[str, list] = {}
    for case in cases:
        groups.setdefault(by(case), []).append(case)

    def decorate(test: Callable) -> Callable:
        def gathered(cases, **others):
            failures = []
            for case in cases:
                try:
                    test(**dict(zip(arguments, case if len(arguments) > 1 else [case], strict=True)), **others)
                except (Exception, pytest.fail.Exception) as failure:
                    failure.add_note(f"in the case {label(case)}")
                    failures.append(failure)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} cases fail", failures)

        others = [parameter for name, parameter in inspect.signature(test).parameters.items() if name not in arguments]
        in_their_place = inspect.Parameter("cases", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        gathered.__signature__ = inspect.Signature([in_their_place, *others])
        gathered.__name__, gathered.__doc__, gathered.__module__ = test.__name__, test.__doc__, test.__module__
        gathered.pytestmark = list(getattr(test, "pytestmark", []))
        return pytest.mark.parametrize("cases", groups.values(), ids=groups)(gathered)

    return decorate

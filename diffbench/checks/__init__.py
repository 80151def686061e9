"""A conformance suite: `check_backend(backend)` holds a differentiator to everything that users may expect of it.

Each check is a short function with one sentence about what it expects, and compares with derivatives in closed form.
A backend says with `accuracy` how closely it should agree, and with `limits` which checks it does not meet: those it
must refuse in words, with a DiffbenchError.

    class Mine(diffbench.Differentiator):
        name, method = "mine", "numerical"
        accuracy = (1e-9, 1e-6)
        limits = {"branches": "the program is compiled once"}
        ...

    diffbench.checks.check_backend(Mine())

Beside it, `check_primitive(p, *args)` checks the derivatives of one function.
"""

from diffbench.checks.cases import Case
from diffbench.checks.conformance import Result, check_backend
from diffbench.checks.primitives import check_primitive
from diffbench.checks.suite import CHECKS

__all__ = ["CHECKS", "Case", "Result", "check_backend", "check_primitive"]

"""What a problem is: a plain NumPy function, a point, and the derivative worked out by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One function that experiments and accuracy tests run on.

    function   : plain NumPy code, called as `function(*arguments(n))`.
    derivative : the same arguments; what `verb` returns, derived by hand in plain NumPy. It serves the
                 `manual` backend and, run on 50-digit numbers, is a truth that no differentiator touched.
    arguments  : size -> arguments; the first ones are differentiated, as `argnum` says.
    closed     : the same arguments; the *value* of the function by a formula of its own, if there is one.
    tags       : scalar | vector | structure (what is differentiated), loop, recursion, while, branch (how
                 it is written), analytic (holds for complex numbers too: the complex step applies).
    """

    name: str
    title: str
    function: Callable[..., Any]
    derivative: Callable[..., Any]
    arguments: Callable[[int], tuple[Any, ...]]
    size: int
    size_means: str
    source: str
    verb: str = "gradient"
    argnum: int | tuple[int, ...] = 0
    closed: Callable[..., Any] | None = None
    tags: frozenset[str] = frozenset()

    def point(self, n: int | None = None) -> tuple[Any, ...]:
        """The arguments at size n, or at the size where the literature gives numbers.

        >>> from diffbench.problems import problem
        >>> problem("rosenbrock").point()
        (array([0.5, 1. ]),)
        """
        return self.arguments(self.size if n is None else n)

"""What one asks about a function: a derivative of f at a point, by whatever method."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from diffbench import operators
from diffbench.backends.base import Differentiator
from diffbench.verbs import asked_argnums, with_direction

VERBS = ("derivative", "gradient", "jacobian", "hessian", "jvp", "vjp", "hvp")
DIRECTED = ("jvp", "vjp", "hvp")
SECOND_ORDER = ("hessian", "hvp")


@dataclass(frozen=True)
class Question:
    """A quantity of f at a point: one of VERBS, or "value" for f itself."""

    f: Callable
    args: tuple  # of the verb: the direction last where it takes one
    kwargs: Mapping[str, Any]
    quantity: str
    argnum: int | tuple[int, ...] = 0

    @property
    def arguments(self) -> tuple:
        """The arguments of f itself."""
        return with_direction(self.args, self.quantity)[0] if self.quantity in DIRECTED else self.args

    @property
    def argnums(self) -> tuple[int, ...]:
        """The positions of the differentiated arguments, counted from the front."""
        count = len(self.arguments)
        asked = asked_argnums(self.argnum, self.quantity)
        return tuple(k % count for k in asked if -count <= k < count)

    @property
    def order(self) -> int:
        """Of the derivative: first or second."""
        return 2 if self.quantity in SECOND_ORDER else 1

    def value(self) -> Any:
        """f at the point."""
        return self.f(*self.arguments, **self.kwargs)

    def verb(self, backend: str | Differentiator = "auto", f: Callable | None = None) -> operators.Verb:
        """The verb, by a backend; of another function in the place of f, if one is given."""
        return getattr(operators, self.quantity)(f or self.f, argnum=self.argnum, backend=backend)

    def answer(self, backend: str | Differentiator = "auto") -> Any:
        """The derivative at the point, by a backend."""
        return self.verb(backend)(*self.args, **self.kwargs)

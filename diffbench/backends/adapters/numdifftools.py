"""numdifftools: differences over a sequence of steps, extrapolated to zero.  Brodtkorb & D'Errico 2015."""

from types import MappingProxyType
from typing import Any

from diffbench.backends.adapters.foreign import NESTING
from diffbench.backends.adapters.lazy import Lazy
from diffbench.backends.adapters.vectors import VectorAdapter

numdifftools = Lazy("numdifftools")


class NumDiffTools(VectorAdapter):
    """numdifftools' Jacobian and Hessian.

    method, order, step : as numdifftools has them ("central", "forward", ...; None for its default).
    """

    name, cost = "numdifftools", "30 n + 2 evaluations of f"
    requires = "numdifftools"
    options = ("method", "order", "step")
    accuracy = (1e-10, 1e-7)
    finite = True
    limits = MappingProxyType(
        {"nesting": NESTING, "precisions": "float64 is all it has", "not_a_number": "it cannot step from NaN"}
    )

    def __init__(self, method: str = "central", order: int | None = None, step: Any = None):
        super().__init__()
        self.how = {"method": method, "step": step} | ({} if order is None else {"order": order})

    def jacobian_of(self, f, x, y):
        return numdifftools.Jacobian(f, **self.how)(x)

    def hessian_of(self, f, x):
        return numdifftools.Hessian(f, **self.how)(x)

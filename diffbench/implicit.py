"""db.implicit_root: derivatives of a converged solver by the implicit function theorem, without unrolling it.

Where residual(x, θ) = 0 defines x(θ), its derivative solves a linear system: r_x ẋ = -r_θ θ̇ forward, and backward
θ̄ = -r_θᵀ λ with r_xᵀ λ = x̄ (Griewank & Walther 2008, §15).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.backends.forward import Forward
from diffbench.backends.reverse import Reverse
from diffbench.errors import ResultError
from diffbench.flat import name_of
from diffbench.primitives.arrays import as_operand, shape_of
from diffbench.structure import flatten, unflatten
from diffbench.user_primitive import Packed, pack


class Root(Packed):
    """A call of a solver, differentiated by the equation that its result fulfils."""

    def __init__(self, residual: Callable, solver: Callable, tolerance: float, args: tuple, kwargs: dict):
        super().__init__(solver, args, kwargs)
        self.residual, self.tolerance = residual, tolerance

    def evaluate(self, *operands: Any) -> Any:
        x = super().evaluate(*operands)
        rest = np.asarray(self.rest([x, *operands])[0])
        size = float(np.max(np.abs(rest), initial=0.0))
        allowed = self.tolerance * (1.0 + float(np.max(np.abs(x), initial=0.0)))
        if not size <= allowed:
            raise ResultError(
                f"the solver {self.name} has not converged: the residual at its result is {size:.2g}",
                why=f"the implicit function theorem holds at a root; at most {allowed:.2g} is taken for one",
                hint="let the solver go on, or raise tolerance=",
            )
        return x

    def rest(self, leaves: Sequence) -> list:
        """The residual as one vector, of the packed root and the operands."""
        x, *operands = leaves
        args, kwargs = self.arguments(operands)
        result = self.residual(self.unpacked(x), *args, **kwargs)
        return [np.ravel(pack([as_operand(leaf) for leaf in flatten(result)[0]]))]

    def slope(self, x: Any, operands: Sequence) -> Any:
        """The derivative of the residual in the root, as a matrix."""
        _, ((block,),) = Forward().jacobian(lambda leaves: self.rest([leaves[0], *operands]), [x])
        return np.reshape(block, (shape_of(block)[0], -1))

    def in_theta(self, x: Any, operands: Sequence, wanted: Sequence[int]) -> Callable:
        def function(leaves: Sequence) -> list:
            full = list(operands)
            for position, leaf in zip(wanted, leaves):
                full[position] = leaf
            return self.rest([x, *full])

        return function

    def push(self, tangents, kept):
        x, operands, wanted = kept
        point = [operands[k] for k in wanted]
        _, (moved,) = Forward().jvp(self.in_theta(x, operands, wanted), point, list(tangents))
        return np.reshape(-np.linalg.solve(self.slope(x, operands), moved), shape_of(x))

    def pull(self, cotangent, kept):
        x, operands, wanted = kept
        multiplier = np.linalg.solve(np.transpose(self.slope(x, operands)), np.ravel(cotangent))
        point = [operands[k] for k in wanted]
        return Reverse().pullback(self.in_theta(x, operands, wanted), point)[1]([-multiplier])


def implicit_root(residual: Callable, solver: Callable, *, tolerance: float = 1e-6) -> Callable:
    """A solver whose derivatives are those of the root that it finds, not of the way to it.

    residual : residual(x, *args) of as many entries as x, and zero at the root; plain NumPy.
    solver : solver(*args) gives the root; it sees plain numbers and arrays, and may be anything.
    tolerance : the largest entry of the residual, relative to 1 + max|x|, that is taken for zero.

    Returns a function of the arguments of the solver. x and the arguments may be numbers, arrays or containers of them.
    Cost of a derivative: the Jacobian of the residual in x, one linear system, one derivative of the residual. Raises
    ResultError when the solver has not converged.

    >>> import diffbench as db
    >>> def newton(a):
    ...     x = 1.0
    ...     for _ in range(20):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> root = db.implicit_root(lambda x, a: x * x - a, newton)
    >>> round(db.derivative(root)(2.0), 8), round(db.derivative(db.derivative(root))(2.0), 8)
    (0.35355339, -0.08838835)
    """

    @functools.wraps(solver)
    def call(*args: Any, **kwargs: Any) -> Any:
        return Root(residual, solver, tolerance, args, kwargs).apply()

    return call


def implicit_fixed_point(function: Callable, solver: Callable, *, tolerance: float = 1e-6) -> Callable:
    """As implicit_root, for the solution of x = function(x, *args).

    >>> import numpy as np, diffbench as db
    >>> def iterate(a):
    ...     x = 0.5
    ...     for _ in range(200):
    ...         x = np.cos(a * x)
    ...     return x
    >>> fixed = db.implicit_fixed_point(lambda x, a: np.cos(a * x), iterate)
    >>> round(db.derivative(fixed)(1.0), 6)
    -0.297474
    """

    def residual(x: Any, *args: Any, **kwargs: Any) -> Any:
        left, structure = flatten(function(x, *args, **kwargs))
        right = flatten(x)[0]
        return unflatten(structure, [a - b for a, b in zip(left, right)])

    residual.__name__ = f"{name_of(function)} - x"
    return implicit_root(residual, solver, tolerance=tolerance)

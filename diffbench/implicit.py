"""db.implicit_root: derivatives of a converged solver by the implicit function theorem, without unrolling it.

Where residual(x, θ) = 0 defines x(θ), its derivative solves a linear system: r_x ẋ = -r_θ θ̇ forward, and backward
θ̄ = -r_θᵀ λ with r_xᵀ λ = x̄ (Griewank & Walther 2008, §15).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.assignment import present
from diffbench.backends.base import size_of
from diffbench.backends.forward import Forward
from diffbench.backends.reverse import Reverse
from diffbench.construction import SEEN
from diffbench.errors import ResultError, user_location
from diffbench.flat import name_of, on_traced
from diffbench.primitives.arrays import as_operand, shape_of
from diffbench.primitives.kinds import in_the_precision_of
from diffbench.primitives.primitive import Traced
from diffbench.structure import flatten, flatten_like, unflatten
from diffbench.user_primitive import Call, UserPrimitive, keywords_for, packed, placed, uses_traced_value
from diffbench.watching import Watched


class Root(UserPrimitive):
    """A solver, differentiated by the equation that its result fulfils."""

    def __init__(self, residual: Callable, solver: Callable, tolerance: float):
        super().__init__(solver)
        self.residual, self.tolerance = residual, tolerance

    def rest(self, x: Any, operands: Sequence, call: Call) -> Any:
        """The residual as a vector."""
        given = call.unpack(x), *call.arguments(operands)
        with SEEN:
            result = on_traced(self.residual, given, keywords_for(self.residual, call.keywords, len(given)))
        return np.ravel(packed([as_operand(present(leaf)) for leaf in flatten(result)[0]]))

    def keep(self, y, operands, wanted, params):
        call = params["call"]
        _, ((block,),) = Forward().jacobian(lambda leaves: [self.rest(leaves[0], operands, call)], [y])
        slope = np.reshape(block, (shape_of(block)[0], size_of(y)))
        plain = [unwatched(x) for x in (y, *operands)]
        if not any(isinstance(x, Traced) for x in plain):
            self.check(plain[0], unwatched(slope), unwatched(self.rest(y, operands, call)))
        return y, operands, wanted, call, slope

    def check(self, x: Any, slope: Any, rest: Any) -> None:
        """Raise ResultError where the theorem does not hold: x is no root, or one with a singular derivative."""
        where = user_location()
        if isinstance(rest, Traced):
            raise uses_traced_value(f"the residual of {self.name}")
        if len(rest) != size_of(x):
            raise ResultError(
                f"the residual of {self.name} has {len(rest)} entries, but its root has {size_of(x)}",
                where=where,
                hint="give one equation for each unknown",
            )
        try:
            step = np.linalg.solve(slope, rest)
        except np.linalg.LinAlgError:
            raise ResultError(
                f"the root of {self.name} has no derivative: that of the residual in it is singular",
                where=where,
                why="it may be a double root, or the equations depend on each other",
                hint="give equations that determine the root also beside it",
            ) from None
        far = float(np.max(np.abs(step), initial=0.0))
        tolerance = max(self.tolerance, 100 * float(np.finfo(step.dtype).eps))
        if not far <= tolerance * (1.0 + float(np.max(np.abs(x), initial=0.0))):
            raise ResultError(
                f"the solver {self.name} has not converged: a step of Newton's method still moves its result by "
                f"{far:.2g}",
                where=where,
                why="the implicit function theorem holds at a root only",
                hint=f"let the solver go on, check the residual, or raise tolerance={self.tolerance:g}",
            )

    def push(self, tangents, kept):
        x, operands, wanted, call, slope = kept
        point = [operands[k] for k in wanted]
        _, (moved,) = Forward().jvp(self._in_theta(x, operands, wanted, call), point, list(tangents))
        return np.reshape(-np.linalg.solve(slope, moved), shape_of(x))

    def pull(self, cotangent, kept):
        x, operands, wanted, call, slope = kept
        multiplier = np.linalg.solve(np.transpose(slope), np.ravel(in_the_precision_of(x, cotangent)))
        point = [operands[k] for k in wanted]
        return Reverse().pullback(self._in_theta(x, operands, wanted, call), point)[1]([-multiplier])

    def _in_theta(self, x: Any, operands: Sequence, wanted: Sequence[int], call: Call) -> Callable:
        return lambda leaves: [self.rest(x, placed(operands, wanted, leaves), call)]


def unwatched(x: Any) -> Any:
    """A value below those who only watch it."""
    while x.__class__ is Watched:
        x = x.primal
    return x


def implicit_root(residual: Callable, solver: Callable | None = None, *, tolerance: float = 1e-6) -> Callable:
    """A solver whose derivatives are those of the root that it finds, not of its way there.

    residual : residual(x, *args), zero at the root, with as many entries as x; plain NumPy. The gradient of an
        objective makes the solver a minimiser: db.gradient(objective).
    solver : solver(*args) gives the root x. It gets plain numbers and arrays, and may be anything.
    tolerance : how far from the root the result of the solver may be, relative to 1 + max|x|; the distance is estimated
        by a step of Newton's method, wherever a derivative is taken.

    x and the arguments may be numbers, arrays or containers of them; args as in db.primitive. Returns a function that
    is called as the solver is; use it as a decorator too: @db.implicit_root(residual).

    Cost of a derivative, of any order that many times: the Jacobian of the residual in x (n tangents), linear systems
    with that dense matrix (n³), one derivative of the residual in the arguments. Raises ResultError when the solver has
    not converged, or when the Jacobian is singular.

    >>> import diffbench as db
    >>> @db.implicit_root(lambda x, a: x * x - a)
    ... def root(a):
    ...     x = 1.0
    ...     for _ in range(20):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> round(db.derivative(root)(2.0), 8), round(db.derivative(db.derivative(root))(2.0), 8)
    (0.35355339, -0.08838835)
    """
    if solver is None:
        return functools.partial(implicit_root, residual, tolerance=tolerance)
    root = Root(residual, solver, tolerance)

    @functools.wraps(solver)
    def call(*args: Any, **kwargs: Any) -> Any:
        return root.apply(args, kwargs)

    return call


def implicit_fixed_point(function: Callable, solver: Callable | None = None, *, tolerance: float = 1e-6) -> Callable:
    """As implicit_root, for the solution of x = function(x, *args).

    >>> import numpy as np, diffbench as db
    >>> @db.implicit_fixed_point(lambda x, a: np.cos(a * x))
    ... def fixed(a):
    ...     x = 0.5
    ...     for _ in range(200):
    ...         x = np.cos(a * x)
    ...     return x
    >>> round(db.derivative(fixed)(1.0), 6)
    -0.297474
    """

    def residual(x: Any, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = flatten(x)
        image = function(x, *args, **keywords_for(function, kwargs, 1 + len(args)))
        images = flatten_like(structure, image, f"what {name_of(function)} gave")
        return unflatten(structure, [image - leaf for image, leaf in zip(images, leaves)])

    return implicit_root(residual, solver, tolerance=tolerance)

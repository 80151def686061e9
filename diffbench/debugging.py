"""db.debug: where a value, a tangent or a cotangent stops being finite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from diffbench.errors import ArgumentError, NonfiniteError, user_location
from diffbench.primitives.primitive import Primitive, Traced
from diffbench.primitives.structural import ASSIGN, INDEX, PIECE
from diffbench.watching import Watched, watching


class Checking(Primitive):
    """A primitive that looks at its tangents and cotangents, and knows the line of the user that applied it."""

    def __init__(self, primitive: Primitive):
        self.primitive, self.name, self.where = primitive, primitive.name, user_location()
        self.keep, self.remembers = primitive.keep, primitive.remembers  # type: ignore[method-assign]

    def push(self, tangents, kept):
        tangent = self.primitive.push(tangents, kept)
        self.check("tangent", [tangent], tangents)
        return tangent

    def pull(self, cotangent, kept):
        cotangents = self.primitive.pull(cotangent, kept)
        self.check("cotangent", cotangents, [cotangent])
        return cotangents

    def check(self, what: str, results: Sequence, operands: Sequence) -> None:
        """Raise NonfiniteError if a result is not finite."""
        for result in results:
            numbers = plain(result)
            if numbers is None or np.all(np.isfinite(numbers)):
                continue
            bad = np.argwhere(~np.isfinite(numbers))
            entry = f" at index {tuple(bad[0].tolist())}" if np.ndim(numbers) else ""
            before = [plain(x) for x in operands]
            already = any(x is not None and not np.all(np.isfinite(x)) for x in before)
            raise NonfiniteError(
                f"a {what} of {self.name} is {np.asarray(numbers)[tuple(bad[0])]}{entry}",
                where=self.where,
                why=f"what it is computed from is {'not finite either' if already else 'finite'}: "
                + ", ".join(_described(x) for x in before if x is not None),
                hint="keep the argument inside the domain: np.where(ok, x, 1.0) before the function, not after it",
            )


def checked(primitive: Any, y: Any, operands: Sequence) -> Any:
    """The primitive, as it is; where y is watched, one that looks at tangents and cotangents, y being looked at now."""
    if y.__class__ is not Watched or primitive in (INDEX, PIECE, ASSIGN):
        return primitive
    checking = Checking(primitive)
    checking.check("value", [y], operands)
    return checking


def plain(x: Any) -> Any:
    """The numbers of a watched or plain value; None where there are none."""
    while isinstance(x, Traced):
        x = x.primal
    return x if isinstance(x, float | np.floating) or getattr(x, "dtype", np.dtype(bool)).kind in "fc" else None


def _described(x: Any) -> str:
    if np.ndim(x) == 0:
        return str(x)
    return (
        f"an array of shape {np.shape(x)} with entries from {np.min(x):.6g} to {np.max(x):.6g}" if x.size else "empty"
    )


@contextmanager
def debug(*, nonfinite: bool = True) -> Iterator[None]:
    """Raise NonfiniteError at the first operation whose value, tangent or cotangent is infinite or NaN.

    It names the operation and the line of f that applied it, for cotangents too, although the backward pass runs long
    after that line. Covers forward and reverse mode, nested and mixed. Derivatives within are slower by some factor;
    outside they cost nothing more. A branch that np.where does not take counts as well.

    nonfinite : False checks nothing.

    >>> import numpy as np, diffbench as db
    >>> with db.debug(nonfinite=True):
    ...     db.gradient(lambda x: np.sum(np.sqrt(x)))(np.array([4.0, 0.0]))
    Traceback (most recent call last):
    diffbench.errors.NonfiniteError: a cotangent of numpy.sqrt is inf at index (1,)
    ...
    """
    if not isinstance(nonfinite, bool):
        raise ArgumentError(f"debug: nonfinite={nonfinite!r}, expected True or False")
    with watching(checked if nonfinite else None):
        yield

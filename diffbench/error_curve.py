"""What the errors of a difference quotient say: E(h) = C h^p + R / h, truncation against round-off.

Both branches are fitted where they rule, so that the turning point h* = (R / (p C))^(1/(p+1)) and the error there,
E* = (1 + 1/p) R / h*, can be laid beside the best step that was found.

Source: Nocedal, Wright 2006, Numerical Optimization, section 8.1; the balance is the same for every order p.
"""

from dataclasses import dataclass

import numpy as np

NEGLIGIBLE = 1e-3  # of the next term of the Taylor series, against the one that rules
CLEAR = 30.0  # times round-off: from there on an error is truncation
ENOUGH = 4  # points that make a branch


@dataclass(frozen=True)
class ErrorCurve:
    """The two branches and the best point; None for a branch that too few points show."""

    order: int
    best_step: float
    best_error: float
    roundoff: float  # R, an upper envelope
    slope: float | None = None  # measured on the truncation branch: p, if theory holds
    truncation: float | None = None  # C

    @property
    def turn(self) -> tuple[float, float] | None:
        """h* and E(h*) by theory."""
        if self.truncation is None:
            return None
        step = (self.roundoff / (self.order * self.truncation)) ** (1 / (self.order + 1))
        return step, (1 + 1 / self.order) * self.roundoff / step


def fit_errors(steps: np.ndarray, errors: np.ndarray, order: int) -> ErrorCurve:
    """Fit the errors of a quotient of that order; steps span from about 1 to where round-off rules.

    Next to a one-sided quotient's C h stands a term h^2, next to a central one's C h^p a term h^(p+2): points where
    that is not negligible are left out. So are points close to round-off.

    >>> h = 10.0 ** -np.arange(0, 15, 0.25)
    >>> curve = fit_errors(h, 3 * h**2 + 1e-16 / h, order=2)
    >>> round(curve.slope, 2), round(curve.truncation, 1)
    (2.0, 3.0)
    >>> [f"{number:.0e}" for number in (*curve.turn, curve.best_step)]
    ['3e-06', '6e-11', '3e-06']
    """
    typical = typical_errors(steps, errors)
    best = int(np.lexsort((errors, typical))[0])
    small = steps <= max(steps[best] / 10, np.min(steps))
    roundoff = float(np.max(errors[small] * steps[small]))
    next_term = steps if order == 1 else steps**2
    clear = (next_term <= NEGLIGIBLE) & (errors > CLEAR * roundoff / steps)
    slope = truncation = None
    if np.count_nonzero(clear) >= ENOUGH:
        slope = float(np.polyfit(np.log(steps[clear]), np.log(errors[clear]), 1)[0])
        truncation = float(np.median(errors[clear] / steps[clear] ** order))
    return ErrorCurve(order, float(steps[best]), float(typical[best]), roundoff, slope, truncation)


def typical_errors(steps: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The median over half a decade of steps around each one: a lucky cancellation at one step is not its best.

    >>> typical_errors(10.0 ** np.array([0, -0.25, -0.5, -0.75, -1]), np.array([4.0, 3.0, 0.0, 3.0, 5.0]))
    array([3.5, 3. , 3. , 3. , 4. ])
    """
    decades = np.log10(steps)
    return np.array([np.median(errors[np.abs(decades - decade) < 0.26]) for decade in decades])

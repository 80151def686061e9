"""How noisy a function is, from a few values close together.

Source: Moré, Wild 2011, Estimating computational noise, SIAM J. Sci. Comput. 33(3), 1292-1314 (algorithm ECnoise).
"""

import math
from collections.abc import Sequence

import numpy as np

SAMPLES = 9


def estimate_noise(values: Sequence[float]) -> float | None:
    """The standard deviation of the noise in values of a smooth function at evenly spaced points close together.

    Differences of order k of a smooth function vanish as the points approach each other; those of noise stay, and are
    sqrt((2k)!) / k! as large. Where three orders in a row agree on the noise within a factor of four, and the
    differences change their sign, it is noise. None where there is no such plateau: the points are too far apart, or
    the values too regular.

    >>> rng = np.random.default_rng(0)
    >>> x = 1 + 1e-9 * np.arange(9)
    >>> 0.3e-6 < estimate_noise(np.exp(x) + 1e-6 * rng.standard_normal(9)) < 3e-6
    True
    """
    differences = np.asarray(values, float)
    if not np.all(np.isfinite(differences)):
        return None
    if np.all(differences == differences[0]):
        return 0.0
    levels, signs = [], []
    for k in range(1, len(differences)):
        differences = np.diff(differences)
        gamma = math.factorial(k) ** 2 / math.factorial(2 * k)
        levels.append(math.sqrt(gamma * float(np.mean(differences**2))))
        signs.append(bool(np.min(differences) * np.max(differences) < 0))
    for k in range(len(levels) - 3):
        three = levels[k : k + 3]
        if max(three) <= 4 * min(three) and signs[k]:
            return levels[k]
    return None

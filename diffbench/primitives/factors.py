"""Products of many factors: when a factor may be taken out again by division."""

from typing import Any

import numpy as np


def may_divide(y: Any, a: Any) -> bool:
    """Whether a product without one factor is the product over that factor: nothing is zero, or came out as such."""
    return bool(np.all(a != 0) and np.all(y != 0) and np.all(np.isfinite(y)))

"""Products of arrays: dot, matmul, einsum and their relatives. All are bilinear."""

import numpy as np

from diffbench.primitives.kinds import Bilinear, unbroadcast

MATMUL = Bilinear(
    np.matmul,
    transposes=(
        lambda g, b, shape: unbroadcast(np.matmul(g, np.swapaxes(b, -1, -2)), shape),
        lambda g, a, shape: unbroadcast(np.matmul(np.swapaxes(a, -1, -2), g), shape),
    ),
)

ROWS: list = [MATMUL]

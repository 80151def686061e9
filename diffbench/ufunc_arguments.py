"""The arguments of a ufunc that say how it computes: dtype=, signature= and casting= become conversions of the inputs.

order=, subok= and where=True mean nothing to a traced value.
"""

import numpy as np

from diffbench.primitives.arrays import as_array, as_operand, dtype_of
from diffbench.primitives.primitive import Traced


def converted(ufunc: np.ufunc, inputs: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The inputs in the dtypes in which NumPy would compute, and the arguments that are left.

    Raises what NumPy raises where it has no loop of these dtypes, or may not convert to them.
    """
    rest = {name: value for name, value in kwargs.items() if name not in ("order", "subok")}
    if "where" in rest and not isinstance(rest["where"], Traced) and np.ndim(rest["where"]) == 0 and rest["where"]:
        del rest["where"]  # everywhere
    dtype, casting = rest.pop("dtype", None), rest.pop("casting", "same_kind")
    signature = rest.pop("signature", None) or rest.pop("sig", None)
    if dtype is not None:
        signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    if signature is None and casting in ("same_kind", "unsafe"):
        return inputs, rest
    operands = [as_operand(x) for x in inputs]
    given = [type(x) if type(x) in (int, float, complex) else dtype_of(x) for x in operands]
    asked = {} if signature is None else {"signature": signature}
    loop = ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout), casting=casting, **asked)
    return tuple([np.astype(as_array(x), kind, copy=False) for x, kind in zip(operands, loop)]), rest

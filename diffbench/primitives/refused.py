"""What has no derivative, and why; and the names of NumPy that are no functions of array values at all."""

from typing import Any

import numpy as np

from diffbench.primitives.arrays import as_operand
from diffbench.primitives.kinds import Composite, Constant, NotCovered, Refused, Row

OUTSIDE = {
    "makes arrays from shapes, text or memory, not from values": (
        "arange", "bartlett", "blackman", "broadcast_shapes", "diag_indices", "empty", "eye", "from_dlpack",
        "frombuffer", "fromfile", "fromfunction", "fromiter", "fromregex", "fromstring", "genfromtxt", "hamming",
        "hanning", "identity", "indices", "ix_", "kaiser", "load", "loadtxt", "mask_indices", "ones", "tri",
        "tril_indices", "triu_indices", "zeros", "fft.fftfreq", "fft.rfftfreq",
    ),
    "makes an array of its argument, and is seen while f runs (construction.py)": (
        "array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "full",
    ),
    "makes an array of its argument in a way that nobody can see: use np.asarray": (
        "asmatrix", "bmat", "require",
    ),
    "makes text of values, or writes them": (
        "array2string", "array_repr", "array_str", "base_repr", "binary_repr", "format_float_positional",
        "format_float_scientific", "save", "savetxt", "savez", "savez_compressed",
    ),
    "is about dtypes, memory or functions": (
        "can_cast", "common_type", "datetime_data", "einsum_path", "frompyfunc", "isdtype", "isfortran", "isscalar",
        "issubdtype", "iterable", "may_share_memory", "min_scalar_type", "mintypecode", "nested_iters",
        "promote_types", "shares_memory", "typename",
    ),
    "is about dates": (
        "busday_count", "busday_offset", "datetime_as_string", "is_busday", "isnat",
    ),
    "is about NumPy itself": (
        "get_include", "get_printoptions", "getbufsize", "geterr", "geterrcall", "info", "printoptions",
        "set_printoptions", "setbufsize", "seterr", "seterrcall", "show_config", "show_runtime", "test",
        "linalg.test", "fft.test",
    ),
}  # fmt: skip
"""Public names that are no functions of array values, by what they are instead."""


def _expand_asarray_chkfinite(a, dtype=None, order=None):
    if not np.all(np.isfinite(a)):
        raise ValueError("array must not contain infs or NaNs")
    return a if dtype is None else np.astype(a, dtype)


def _bind_isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    return (element, test_elements), {"assume_unique": assume_unique, "invert": invert, "kind": kind}


def _expand_union1d(ar1, ar2):
    return np.unique(np.concatenate([np.ravel(as_operand(ar1)), np.ravel(as_operand(ar2))]))


def _expand_intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    if return_indices:
        raise NotCovered("return_indices=True")
    values = np.unique(ar1)
    return values[np.isin(values, ar2)]


def _expand_setdiff1d(ar1, ar2, assume_unique=False):
    values: Any = np.ravel(as_operand(ar1)) if assume_unique else np.unique(ar1)
    return values[~np.isin(values, ar2)]


def _expand_setxor1d(ar1, ar2, assume_unique=False):
    return np.sort(np.concatenate([np.setdiff1d(ar1, ar2), np.setdiff1d(ar2, ar1)]))


INTEGERS = "it is defined for integers only, and so has no derivative"

# fmt: off
ROWS: list[Row] = [
    Composite(np.asarray_chkfinite, _expand_asarray_chkfinite, examples=["asarray_chkfinite(A)"]),
    Composite(np.union1d, _expand_union1d, examples=["union1d(v, A)"]),
    Composite(np.intersect1d, _expand_intersect1d, examples=["intersect1d(A, A[:, :2])"]),
    Composite(np.setdiff1d, _expand_setdiff1d, examples=["setdiff1d(A, A[:, :2])"]),
    Composite(np.setxor1d, _expand_setxor1d, examples=["setxor1d(A[:2], A[1:])"]),
    Constant(np.isin, bind=_bind_isin, examples=["A * isin(A, A[1])"]),
    Constant(np.diag_indices_from, examples=["S[diag_indices_from(S)]"]),
    Constant(np.tril_indices_from, bind=lambda arr, k=0: ((arr,), {"k": k}), examples=["S[tril_indices_from(S, -1)]"]),
    Constant(np.triu_indices_from, bind=lambda arr, k=0: ((arr,), {"k": k}), examples=["S[triu_indices_from(S)]"]),
    Refused(np.packbits, INTEGERS), Refused(np.unpackbits, INTEGERS),
    Refused(np.ravel_multi_index, INTEGERS), Refused(np.unravel_index, INTEGERS),
]
# fmt: on

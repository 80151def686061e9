"""PyTorch on the CPU: a dynamic tape of tensors, and dual tensors for forward mode.  Paszke et al. 2019."""

from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np

from diffbench.backends.adapters.foreign import NESTING, Library, TwoModes
from diffbench.backends.adapters.foreign_rules import gather
from diffbench.backends.adapters.lazy import Lazy
from diffbench.primitives.structural import ASTYPE, INDEX, PIECE

torch, forward_ad = Lazy("torch"), Lazy("torch.autograd.forward_ad")

DTYPES = ("bool", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128")
OTHER_NAMES = {"power": "pow", "conjugate": "conj", "fabs": "abs", "degrees": "rad2deg", "radians": "deg2rad"}


class TorchNumpy(Lazy):
    """torch under NumPy's names; what is not here has the same name there."""

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(OTHER_NAMES.get(name, name))

    def transpose(self, a, axes):
        return torch.permute(a, axes)

    def concatenate(self, arrays, axis):
        return torch.cat(_alike(arrays), axis)

    def stack(self, arrays, axis):
        return torch.stack(_alike(arrays), axis)

    def sum(self, a, axis, keepdims):
        return torch.sum(a, axis, keepdims) if axis else a

    def mean(self, a, axis, keepdims):
        return torch.mean(a, axis, keepdims) if axis else a

    def max(self, a, axis, keepdims):
        return torch.amax(a, axis, keepdims) if axis else a

    def min(self, a, axis, keepdims):
        return torch.amin(a, axis, keepdims) if axis else a

    def prod(self, a, axis, keepdims):
        for k in sorted(axis, reverse=True):
            a = torch.prod(a, k, keepdims)
        return a


def _alike(tensors):
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(dtype) for tensor in tensors]


def _index(xp, x, index):
    """x[index]; steps backwards are a gather, which PyTorch's own slices do not have."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts):
        return gather(xp, x, index)
    return x[index]


@lru_cache(maxsize=256, typed=True)
def number(x: complex, dtype: Any) -> Any:
    """A number of Python as a tensor; making one takes as long as an operation."""
    return torch.tensor(x, dtype=dtype)


class TorchArrays(Library):
    name = "torch"
    numpy = TorchNumpy("torch")
    scipy_special = Lazy("torch.special")
    rules = MappingProxyType(
        {INDEX: _index, PIECE: _index, ASTYPE: lambda xp, x, dtype, origin: x.to(getattr(torch, np.dtype(dtype).name))}
    )

    def __init__(self):
        super().__init__()
        self.dtypes = {getattr(torch, name): np.dtype(name) for name in DTYPES}

    def from_plain(self, x, beside=()):
        """Numbers of Python take the dtype of the tensors beside them, as they do in NumPy."""
        if isinstance(x, np.ndarray):
            return torch.from_numpy(np.array(x, order="C"))
        if isinstance(x, np.generic):
            return torch.tensor(x)
        floating = [y.dtype for y in beside if y.is_floating_point() or y.is_complex()]
        dtype = floating[0] if floating and not isinstance(x, complex) else None
        return number(x, dtype) if x else torch.tensor(x, dtype=dtype)  # 0.0 and -0.0 are one key to a cache

    def plain(self, array):
        return array.detach().resolve_conj().resolve_neg().numpy().copy()[()]

    def owns(self, x):
        return isinstance(x, torch.Tensor)

    def dtype(self, array):
        return self.dtypes[array.dtype]


class Torch(TwoModes):
    """PyTorch, in reverse mode; jvp is its forward mode, which runs f again for each direction."""

    name, cost = "torch", "one trace, one backward pass"
    requires = "torch"
    of_library = TorchArrays
    limits = MappingProxyType({"nesting": NESTING, "precisions": "torch has no longdouble"})

    def vjp_of(self, run, arrays):
        xs = [x if x.requires_grad else x.detach().requires_grad_() for x in arrays]
        again = any(x.requires_grad for x in arrays)  # within an outer derivative, which goes through this one
        with torch.enable_grad():
            values = run(xs)

        def pull(cotangents: list) -> list:
            moving = [(y, u.to(y.dtype)) for y, u in zip(values, cotangents) if y.requires_grad]
            if not moving or not xs:
                return [torch.zeros_like(x) for x in xs]
            ys, us = zip(*moving)
            found = torch.autograd.grad(ys, xs, us, retain_graph=True, create_graph=again, materialize_grads=True)
            return list(found)

        return values, pull

    def jvp_of(self, run, arrays, tangents):
        with torch.no_grad(), forward_ad.dual_level():
            results = run([forward_ad.make_dual(x, v) for x, v in zip(arrays, tangents)])
            duals = [forward_ad.unpack_dual(y) for y in results]
            return [y.primal for y in duals], [torch.zeros_like(y) if t is None else t for y, t in duals]

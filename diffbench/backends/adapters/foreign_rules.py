"""What primitives of ours that NumPy has no function for, or calls otherwise, are in terms of a module like NumPy.

Each rule takes the module (jax.numpy, autograd.numpy, ...) before the operands and params of the primitive.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.primitives import (
    TABLE,
    complex_numbers,
    determinants,
    elementwise,
    extrema,
    factorisations,
    joining,
    linear_algebra,
    norms,
    products,
    reductions,
    running,
    sequences,
    structural,
)

# -- by position: any index of NumPy is a gather from the array laid flat, any assignment one from old and new ---------


def positions(shape: Sequence[int], index: Any) -> np.ndarray:
    """Where the entries at an index stand in the array laid flat."""
    return np.ascontiguousarray(np.arange(math.prod(shape)).reshape(shape)[index])


def gather(xp: Any, x: Any, index: Any) -> Any:
    """x[index], for libraries that do not take each index that NumPy takes."""
    return xp.reshape(x, (-1,))[positions(x.shape, index)]


def assign(xp: Any, x: Any, value: Any, index: Any, own: bool) -> Any:
    """x with the entries at an index replaced: each entry comes from x, or from the value."""
    places = np.arange(math.prod(x.shape)).reshape(x.shape)
    written = places[index].shape
    surplus = len(np.shape(value)) - len(written)  # NumPy takes values with more axes, if those have length one
    if surplus > 0:
        value = xp.reshape(value, value.shape[surplus:])
    value = xp.broadcast_to(value, written)
    places[index] = places.size + np.arange(math.prod(written)).reshape(written)
    return xp.concatenate([xp.reshape(x, (-1,)), xp.reshape(value, (-1,))], 0)[places]


def assemble(xp: Any, *pieces: Any, indices: Sequence, shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros, with each piece added at its index: in layers, each of which has every place once."""
    total: Any = np.zeros(shape, dtype)
    for piece, index in zip(pieces, indices):
        places = positions(shape, index)
        if not places.size:
            continue
        entries = xp.reshape(xp.broadcast_to(piece, places.shape), (-1,))
        zero = xp.reshape(entries[:1] * 0, (1,))
        for layer in _layers(places.ravel()):
            source = np.zeros(math.prod(shape), int)
            source[places.ravel()[layer]] = layer + 1
            total = xp.concatenate([zero, entries], 0)[source.reshape(shape)] + total
    return total


def _layers(places: np.ndarray) -> list[np.ndarray]:
    """The numbers of the entries, such that within a layer no place comes twice."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    rank = np.arange(len(places)) - np.repeat(starts, np.diff(np.r_[starts, len(places)]))
    return [order[rank == k] for k in range(rank.max(initial=-1) + 1)]


# -- the others --------------------------------------------------------------------------------------------------------


def _reduced(name: str) -> Callable:
    def reduction(xp: Any, a: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
        return getattr(xp, name)(a, axis=axis, keepdims=keepdims)

    return reduction


def _einsum(xp: Any, *operands: Any, inputs: Sequence[str], output: str, optimize: Any) -> Any:
    return xp.einsum(f"{','.join(inputs)}->{output}", *operands)


def _ldexp(xp: Any, x: Any, exponent: Any) -> Any:
    return xp.multiply(x, np.ldexp(np.ones((), x.dtype), exponent)[()])


def _solve(xp: Any, a: Any, b: Any) -> Any:
    """A vector is a vector where it has one axis, as in NumPy 2; stacks are made to fit by broadcasting."""
    columns = xp.reshape(b, (-1, 1)) if len(b.shape) == 1 else b
    outer = np.broadcast_shapes(tuple(a.shape[:-2]), tuple(columns.shape[:-2]))
    a, columns = (xp.broadcast_to(x, (*outer, *x.shape[-2:])) if x.shape[:-2] != outer else x for x in (a, columns))
    y = xp.linalg.solve(a, columns)
    return y[..., 0] if len(b.shape) == 1 else y


def _norm(xp: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    return xp.sqrt(xp.sum(xp.square(x), axis=axis, keepdims=bool(keepdims)))


def _mirrored(xp: Any, a: Any, triangle: str = "L") -> Any:
    """The symmetric matrix of which NumPy reads one triangle."""
    mask = np.tri(a.shape[-1], dtype=bool)
    return xp.where(mask if triangle == "L" else mask.T, a, xp.swapaxes(a, -1, -2))


def _eigh(xp: Any, a: Any, triangle: str) -> Any:
    values, vectors = xp.linalg.eigh(_mirrored(xp, a, triangle))
    return xp.concatenate([values[..., None, :], vectors], -2)


def _fourier(name: str) -> Callable:
    def transform(xp: Any, a: Any, n: int, axis: int, norm: str | None, real: Any = None) -> Any:
        y = getattr(xp.fft, name)(a, n, axis, "ortho" if norm == "ortho" else None)
        if norm != "forward":
            return y
        return y * n if name.startswith("i") else y / n

    return transform


RULES: dict[Any, Callable] = {
    structural.INDEX: lambda xp, x, index: x[index],
    structural.PIECE: lambda xp, x, index: x[index],
    structural.ASSIGN: assign,
    structural.ASSEMBLE: assemble,
    structural.RESHAPE: lambda xp, a, shape: xp.reshape(a, shape),
    structural.TRANSPOSE: lambda xp, a, axes: xp.transpose(a, axes),
    structural.BROADCAST_TO: lambda xp, array, shape: xp.broadcast_to(array, shape),
    structural.ASTYPE: lambda xp, x, dtype, origin: x.astype(dtype),
    joining.CONCATENATE: lambda xp, *arrays, axis: xp.concatenate(arrays, axis),
    joining.STACK: lambda xp, *arrays, axis: xp.stack(arrays, axis),
    reductions.SUM: _reduced("sum"),
    reductions.MEAN: _reduced("mean"),
    extrema.MAX: _reduced("max"),
    extrema.MIN: _reduced("min"),
    reductions.PROD: _reduced("prod"),
    running.CUMSUM: lambda xp, a, axis: xp.cumsum(a, axis),
    running.CUMPROD: lambda xp, a, axis: xp.cumprod(a, axis),
    products.EINSUM: _einsum,
    sequences.CONVOLVE: lambda xp, a, v: xp.convolve(a, v),
    elementwise.LDEXP: _ldexp,
    TABLE[np.positive]: lambda xp, x: x,
    norms.NORM: _norm,
    linear_algebra.SOLVE: _solve,
    determinants.SLOGDET: lambda xp, a: xp.stack(tuple(xp.linalg.slogdet(a)), 0),
    factorisations.CHOLESKY: lambda xp, a: xp.linalg.cholesky(_mirrored(xp, a)),
    factorisations.QR: lambda xp, a: xp.concatenate(tuple(xp.linalg.qr(a)), -2),
    factorisations.EIGH: _eigh,
    complex_numbers.TO_COMPLEX: lambda xp, x: x + 0j,
    complex_numbers.REAL: lambda xp, z: xp.real(z),
    complex_numbers.IMAGINARY: lambda xp, z: xp.imag(z),
    complex_numbers.ANGLE: lambda xp, z: xp.angle(z),
    **{TABLE[getattr(np.fft, name)]: _fourier(name) for name in ("fft", "ifft", "rfft", "irfft")},
}
"""By primitive; where there is no rule, the module's function of NumPy's name is called."""

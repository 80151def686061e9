"""The discrete Fourier transforms: linear maps between real and complex arrays, transposed at their own cost.

The matrix F of a transform is symmetric, so that the transpose of "pad to n, transform" is "transform, crop". The
transforms of real arrays leave out what symmetry repeats: their transposes count it twice.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from diffbench.primitives.arrays import rank_of, shape_of
from diffbench.primitives.complex_numbers import is_complex, real_part
from diffbench.primitives.joining import along
from diffbench.primitives.kinds import Composite, Linear, Row, only_default

OPPOSITE: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The normalisation of the transform in the other direction, by the name that a transform gives to its own."""


def _fitted(a: Any, length: int, axis: int) -> Any:
    """An array cropped, or padded with zeros, to a length along an axis."""
    missing = length - shape_of(a)[axis]
    if missing <= 0:
        return a[along(axis, slice(length))]
    return np.pad(a, [(0, missing if k == axis else 0) for k in range(rank_of(a))])


def _length(n: int | None, default: int) -> int:
    n = default if n is None else int(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return n


def _bind(a, n=None, axis=-1, norm=None, out=None):
    only_default(out=out)
    axis = normalize_axis_index(axis, rank_of(a))
    return (a,), {"n": _length(n, shape_of(a)[axis]), "axis": axis, "norm": norm}


def _bind_inverse_of_real(a, n=None, axis=-1, norm=None, out=None):
    only_default(out=out)
    axis = normalize_axis_index(axis, rank_of(a))
    n = _length(n, 2 * (shape_of(a)[axis] - 1))
    return (a,), {"n": n, "axis": axis, "norm": norm, "real": not is_complex(a)}


def _transform(function: Callable) -> Linear:
    def transpose(g, position, shapes, n, axis, norm):
        return _fitted(function(g, n, axis, norm), shapes[0][axis], axis)

    return _row(function, _bind, transpose)


def _row(function: Callable, bind: Callable, transpose: Callable) -> Linear:
    name = function.__name__

    def batch_rule(operands, batched, axis, **params):
        return row(*operands, axis=axis + 1, **params)

    def evaluate(a, n, axis, norm, real=None):
        return function(a, n, axis, norm)

    calls = ("{}(v)", "{}(A, axis=0)", "{}(A, 3)", "{}(A, 7, norm='ortho')", "{}(T, 5, 1, 'forward')", "{}(v, 1)")
    texts = [f"real((1 + 2j) * fft.{call.format(name)})" for call in calls]
    texts += [f"imag(fft.{name}(A + 1j * sin(A)))"] if function is not np.fft.rfft else []
    row = Linear(function, bind=bind, evaluate=evaluate, transpose=transpose, batch_rule=batch_rule, examples=texts)
    row.analytic = False  # type: ignore[attr-defined]  # complex step would take its result for a real one
    return row


def _rfft_transpose(g, position, shapes, n, axis, norm):
    return _fitted(real_part(np.fft.fft(_fitted(g, n, axis), n, axis, norm)), shapes[0][axis], axis)


def _irfft_transpose(g, position, shapes, n, axis, norm, real):
    counts = np.full(n // 2 + 1, 2.0)
    counts[0] = 1.0
    if n % 2 == 0:
        counts[-1] = 1.0
    counts = np.reshape(counts.astype(g.dtype), [-1 if k == axis else 1 for k in range(rank_of(g))])
    found = _fitted(counts * np.conjugate(np.fft.rfft(g, n, axis, OPPOSITE[norm])), shapes[0][axis], axis)
    return real_part(found) if real else found


# -- of several axes, and of Hermitian arrays: made of those of one axis -----------------------------------------------


def _lengths_and_axes(a: Any, s: Any, axes: Any) -> list[tuple[int | None, int]]:
    """The length and the axis of each transform, as NumPy works them out."""
    if axes is None:
        axes = range(rank_of(a)) if s is None else range(rank_of(a) - len(s), rank_of(a))
    axes = normalize_axis_tuple(tuple(axes), rank_of(a), allow_duplicate=True)
    if s is None:
        return [(None, axis) for axis in axes]
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return [(None if n is None else shape_of(a)[axis] if n == -1 else int(n), axis) for n, axis in zip(s, axes)]


def _of_axes(one: Callable, default: Any) -> Callable:
    def expand(a, s=None, axes=default, norm=None, out=None):
        only_default(out=out)
        for n, axis in reversed(_lengths_and_axes(a, s, axes)):
            a = one(a, n, axis, norm)
        return a

    return expand


def _of_real_axes(default: Any) -> Callable:
    def expand(a, s=None, axes=default, norm=None, out=None):
        only_default(out=out)
        *others, (n, axis) = _lengths_and_axes(a, s, axes)
        a = np.fft.rfft(a, n, axis, norm)
        for n, axis in others:
            a = np.fft.fft(a, n, axis, norm)
        return a

    return expand


def _inverse_of_real_axes(default: Any) -> Callable:
    def expand(a, s=None, axes=default, norm=None, out=None):
        only_default(out=out)
        *others, (n, axis) = _lengths_and_axes(a, s, axes)
        for m, other in others:
            a = np.fft.ifft(a, m, other, norm)
        return np.fft.irfft(a, n, axis, norm)

    return expand


def _expand_hfft(a, n=None, axis=-1, norm=None, out=None):
    only_default(out=out)
    return np.fft.irfft(np.conjugate(a), n, axis, OPPOSITE[norm])


def _expand_ihfft(a, n=None, axis=-1, norm=None, out=None):
    only_default(out=out)
    return np.conjugate(np.fft.rfft(a, n, axis, OPPOSITE[norm]))


def _shifted(direction: int) -> Callable:
    def expand(x, axes=None):
        rank = rank_of(x)
        for axis in range(rank) if axes is None else normalize_axis_tuple(axes, rank, allow_duplicate=True):
            x = np.roll(x, direction * (shape_of(x)[axis] // 2), axis)
        return x

    return expand


# fmt: off
ROWS: list[Row] = [
    _transform(np.fft.fft), _transform(np.fft.ifft),
    _row(np.fft.rfft, _bind, _rfft_transpose), _row(np.fft.irfft, _bind_inverse_of_real, _irfft_transpose),
    Composite(np.fft.fft2, _of_axes(np.fft.fft, (-2, -1)), examples=["abs(fft.fft2(A))", "real(fft.fft2(T, (2, 5)))"]),
    Composite(np.fft.ifft2, _of_axes(np.fft.ifft, (-2, -1)), examples=["imag(fft.ifft2(A, norm='ortho'))"]),
    Composite(np.fft.fftn, _of_axes(np.fft.fft, None), examples=["abs(fft.fftn(T))", "real(fft.fftn(T, axes=(0, 2)))",
                                                                 "imag(fft.fftn(A, (4, 3), (0, 1)))"]),
    Composite(np.fft.ifftn, _of_axes(np.fft.ifft, None), examples=["abs(fft.ifftn(A))"]),
    Composite(np.fft.rfft2, _of_real_axes((-2, -1)), examples=["abs(fft.rfft2(A))", "real(fft.rfft2(A, (2, 6)))"]),
    Composite(np.fft.rfftn, _of_real_axes(None), examples=["real(fft.rfftn(T))", "imag(fft.rfftn(T, axes=(2, 0)))"]),
    Composite(np.fft.irfft2, _inverse_of_real_axes((-2, -1)), examples=["fft.irfft2(A + 1j * sin(A))"]),
    Composite(np.fft.irfftn, _inverse_of_real_axes(None),
              examples=["fft.irfftn(A * (1 - 1j))", "fft.irfftn(T * (2 + 1j), (2, 3, 4), (0, 1, 2))"]),
    Composite(np.fft.hfft, _expand_hfft, examples=["fft.hfft(A + 1j * exp(A))", "fft.hfft(v, 5)"]),
    Composite(np.fft.ihfft, _expand_ihfft, examples=["imag(fft.ihfft(A))", "real(fft.ihfft(v, 4, norm='forward'))"]),
    Composite(np.fft.fftshift, _shifted(1), examples=["fft.fftshift(v)", "fft.fftshift(A, 1)"]),
    Composite(np.fft.ifftshift, _shifted(-1), examples=["fft.ifftshift(v)", "fft.ifftshift(A, (0, 1))"]),
]
# fmt: on

"""Numbers, empty arrays, arrays of three axes and of one entry give what they give in NumPy, with the derivative."""

import numpy as np
import pytest

import diffbench as db
from tests.primitives.examples import VARIABLES

A, T, V = (VARIABLES[name] for name in ("A", "T", "v"))


def _put(x, values):
    np.put_along_axis(x, np.array([1, 4]), values, None)
    return x


CALLS = {
    "column_stack of stacks": (lambda x: np.column_stack([x, x]), T),
    "cumulative_sum of nothing": (lambda x: np.cumulative_sum(x[:, :0], axis=1, include_initial=True), A),
    "cumulative_sum of a number": (lambda x: np.cumulative_sum(x, axis=-1, include_initial=True), 0.7),
    "cumsum of a number": (lambda x: np.cumsum(x, -1), 0.7),
    "nanmean of a number": (lambda x: np.nanmean(x, axis=0), 0.7),
    "nanstd of a number": (lambda x: np.nanstd(x, axis=0), 0.7),
    "nanvar of a number": (lambda x: np.nanvar(x, axis=-1, keepdims=True), 0.7),
    "cross of pairs": (lambda x: np.cross(x, x[::-1] ** 2), np.array([0.3, 1.7])),
    "cross of rows of pairs": (lambda x: np.cross(x[:, 1:3], x[0, :2], axisa=1), A),
    "cross of a pair and three": (lambda x: np.cross(x[0, 1:3], x[:, :3]), A),
    "cross of three and pairs": (lambda x: np.cross(x[:, :3], x[:, 2:]), A),
    "take from a number": (lambda x: np.take(x, [0, -1], axis=0), 0.7),
    "repeat of a number": (lambda x: np.repeat(x, 2, axis=-1), 0.7),
    "compress of a number": (lambda x: np.compress([True], x, axis=0), 0.7),
    "logaddexp.reduce of a number": (lambda x: np.logaddexp.reduce(x), 0.7),
    "pad of a number": (lambda x: np.pad(x, 1), 0.7),
    "differences of order 0 of a number": (lambda x: np.diff(x, n=0), 0.7),
    "histogram of nothing": (lambda x: np.histogram(x[:0], 3)[0] * x[0], V),
    "histogram in a range of no width": (lambda x: np.histogram(x, 3, range=(0.5, 0.5))[1] * x[0], V),
    "largest entry of none": (lambda x: np.linalg.norm(x[:0], np.inf) + x, V),
    "largest row of none": (lambda x: np.linalg.norm(x[:0], np.inf) + x, A),
    "largest singular value of none": (lambda x: np.linalg.norm(x[:0], 2) + x, A),
    "norm of negative order of nothing": (lambda x: np.linalg.norm(x[:0], -1) + x, V),
    "norm along a fraction": (lambda x: np.linalg.norm(x, axis=0.0), A),
    "median of nothing": (lambda x: np.median(x[:0]) + 0 * x, V),
    "percentile along nothing": (lambda x: np.percentile(x[:0], [20, 70], axis=1), A),
    "resize of nothing": (lambda x: np.resize(x[:0], (2, 2)), V),
    "reduceat at no place": (lambda x: np.add.reduceat(x, [], axis=1), A),
    "roots of no polynomial": (lambda x: np.append(np.roots(0 * x), x), V),
    "windows twice along an axis": (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2), (1, 1)) ** 2, A),
    "polynomial division by a longer one": (lambda x: np.polydiv(x[:2], x)[1] ** 2, V),
    "piecewise by one array": (lambda x: np.piecewise(x, x > 0, [lambda t: t**2, lambda t: 3 * t]), V),
    "interpolation between one point": (lambda x: np.interp([0.0, 1.0, 2.0], [1.0], x[:1], left=x[1], right=x[2]), V),
    "put_along_axis of all axes": (lambda x: _put(x * x, x[0, :2]), A),
    "polyint with more constants than needed": (lambda x: np.polyint(x, 1, [1.0, 2.0, 3.0]), V),
    "unique rows": (lambda x: np.unique(x[[0, 1, 0]], axis=0), A),
    "unique along the last axis": (lambda x: np.unique(x[..., [0, 1, 0]], axis=-1), T),
    "where unique rows are": (lambda x: x * np.unique(x[[0, 2, 2]], axis=0, return_counts=True)[1][0], A),
    "gradient of integers": (lambda x: np.gradient(np.array([1, 3, 4]), x), 0.7),
    "r_ of a number and a vector": (lambda x: np.r_[0, x], V),
    "trapezoid of a vector along a matrix": (lambda x: np.trapezoid(x[0], x), A),
    "average along a list of axes": (lambda x: np.average(x, [0, 2], weights=np.exp(x)), T),
    "quantile along a list of axes": (lambda x: np.quantile(x, 0.3, [0, 2]), T),
    "fftshift along two axes": (lambda x: np.fft.fftshift(x, (0, 1)), A),
    "roll twice along one axis": (lambda x: np.roll(x, (1, 1), axis=(0, 0)), A),
    "geomspace ends where it is told to": (lambda x: np.geomspace(np.exp(x), 9.0, 4), V),
}


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", CALLS)
def test_the_value_and_the_shape_are_numpys_and_the_derivative_that_of_differences(name, mode):
    f, x = CALLS[name]
    value, _ = db.linearize(f, backend=mode)(x)
    expected = f(x)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    assert np.shape(value) == np.shape(expected)
    slopes = db.jacobian(f, backend=mode)(x)
    if np.all(np.isfinite(expected)):
        differences = db.jacobian(f, backend="finite-central", order=4)(x)
        np.testing.assert_allclose(slopes, differences, rtol=1e-7, atol=1e-8)
    assert np.shape(slopes) == np.shape(expected) + np.shape(x)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_cross_product_of_pairs_warns_as_numpys(mode):
    with pytest.warns(DeprecationWarning, match="2-dimensional vectors are deprecated"):
        db.gradient(lambda x: np.cross(x, [1.0, 2.0]), backend=mode)(V[:2])

"""What NumPy refuses of plain arrays, it refuses of traced ones, by an error of the same class: axes and shapes."""

import inspect

import numpy as np
import pytest

import diffbench as db
from tests.cases import each
from tests.primitives.examples import ROWS, VARIABLES

T = VARIABLES["T"]

NO_AXES = {
    "out of range": 3, "out of range from behind": -4, "repeated": (0, 0), "repeated from behind": (0, -3),
    "one of two out of range": (0, 3), "a fraction": 1.5, "a text": "rows", "an array": np.array([0]),
}  # fmt: skip
OTHER_ARGUMENTS = {
    np.append: (T,), np.compress: ([True, False],), np.delete: (0,), np.insert: (0, 1.0), np.partition: (1,),
    np.percentile: (40,), np.nanpercentile: (40,), np.quantile: (0.4,), np.nanquantile: (0.4,), np.repeat: (2,),
    np.roll: (1,), np.split: (1,), np.array_split: (2,), np.take: ([0, 1],), np.argpartition: (1,),
    np.take_along_axis: (np.zeros((1, 1, 1), int),), np.put_along_axis: (np.zeros((1, 1, 1), int), 0.5),
    np.lib.stride_tricks.sliding_window_view: (2,), np.linspace: (2.0, 3), np.logspace: (2.0, 3),
    np.geomspace: (2.0, 3), np.cross: (T,), np.linalg.cross: (T,), np.linalg.vecdot: (T,), np.vecdot: (T,),
}  # fmt: skip
"""What a call takes between its array and axis=."""
FIRST_IS_NO_ARRAY = {
    np.apply_along_axis,
    np.apply_over_axes,
    np.concatenate,
    np.stack,
    np.lexsort,
    np.unique,
    np.compress,
}


def takes_axis(row) -> str | None:
    """By which name a function takes its axis, or axes."""
    if row.function in FIRST_IS_NO_ARRAY or isinstance(row.function, np.ufunc) or not public(row.function):
        return None
    names = inspect.signature(row.function).parameters
    return next((name for name in ("axis", "axes") if name in names), None)


def public(function) -> bool:
    return (getattr(function, "__module__", None) or "").startswith("numpy")


def along(row, axis):
    """A call of a function along an axis, with whatever else it takes."""
    arguments = {takes_axis(row): axis}
    return lambda x: row.function(x * 1.0, *OTHER_ARGUMENTS.get(row.function, ()), **arguments)


WITH_AXIS = [row for row in ROWS if takes_axis(row)]
FURTHER = {
    "take_along_axis of other rank": lambda x: np.take_along_axis(x, np.zeros((1, 1), int), 0),
    "compress by a matrix": lambda x: np.compress([[True, False]], x),
    "rot90 in one axis": lambda x: np.rot90(x, 1, (0, -3)),
    "rot90 out of range": lambda x: np.rot90(x, 1, (0, 3)),
    "swapaxes": lambda x: np.swapaxes(x, 0, 3),
    "moveaxis": lambda x: np.moveaxis(x, (0, 0), (1, 2)),
    "rollaxis": lambda x: np.rollaxis(x, 3),
    "transpose": lambda x: np.transpose(x, (0, 1)),
    "transpose by fractions": lambda x: np.transpose(x, (0.0, 1.0, 2.0)),
    "diagonal in one axis": lambda x: np.diagonal(x, 0, 1, 1),
    "trace out of range": lambda x: np.trace(x, 0, 0, 3),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 3, x),
    "apply_over_axes": lambda x: np.apply_over_axes(np.sum, x, (0, 3)),
    "concatenate": lambda x: np.concatenate([x, x], 3),
    "concatenate of other shapes": lambda x: np.concatenate([x, x[0]]),
    "stack": lambda x: np.stack([x, x], 4),
    "stack of other shapes": lambda x: np.stack([x, x[0]]),
    "vstack of other shapes": lambda x: np.vstack([x, x[0, :2]]),
    "tensordot out of range": lambda x: np.tensordot(x, T, ([3], [0])),
    "tensordot of other lengths": lambda x: np.tensordot(x, T, 1),
    "pad out of range": lambda x: np.pad(x, {3: 1}),
    "method sum": lambda x: x.sum([0]),
    "method take": lambda x: x.take([0], 3),
    "method repeat": lambda x: x.repeat(2, 3),
    "method cumsum": lambda x: x.cumsum((0,)),
    "method transpose": lambda x: x.transpose(0, 0, 1),
    "add.reduce": lambda x: np.add.reduce(x, axis=3),
    "add.accumulate along all": lambda x: np.add.accumulate(x, axis=None),
    "add.accumulate along two": lambda x: np.add.accumulate(x, axis=(0, 1)),
    "add.accumulate of a number": lambda x: np.add.accumulate(x[0, 0, 0]),
    "maximum.accumulate along all": lambda x: np.maximum.accumulate(x, axis=None),
    "add.reduceat along a list": lambda x: np.add.reduceat(x, [0, 1], axis=[0]),
    "broadcast": lambda x: x + np.ones(3),
    "broadcast_to": lambda x: np.broadcast_to(x, (3, 4)),
    "where": lambda x: np.where(np.ones(3) > 0, x, 0.0),
    "matmul": lambda x: np.matmul(x, x),
    "dot": lambda x: np.dot(x, x),
    "inner": lambda x: np.inner(x, np.ones(3)),
    "vdot": lambda x: np.vdot(x, np.ones(3)),
    "vecdot of other lengths": lambda x: np.vecdot(x, np.ones((3, 1))),
    "vecdot with a number": lambda x: np.vecdot(x, 1.0),
    "matvec of vectors": lambda x: np.matvec(x[0, 0], x[0, 0]),
    "vecmat of vectors": lambda x: np.vecmat(x[0, 0], x[0, 0]),
    "einsum": lambda x: np.einsum("ij,jk", x[0], x[0]),
    "cross": lambda x: np.cross(x, x),
    "cross of pairs by linalg": lambda x: np.linalg.cross(x[0, :, :2], x[0, :, 2:]),
    "kron of text": lambda x: np.kron(x, "a"),
    "convolve of matrices": lambda x: np.convolve(x[0], x[0]),
    "correlate with a number": lambda x: np.correlate(x[0, 0], x[0, 0, 0]),
    "interp of other lengths": lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0, 2.0]),
    "interp of no points": lambda x: np.interp(x, [], []),
    "trapezoid of other lengths": lambda x: np.trapezoid(x, x[0, 0, :3]),
    "gradient with other spacings": lambda x: np.gradient(x, 1.0, 2.0),
    "polyval of a number": lambda x: np.polyval(x[0, 0, 0], x),
    "polyadd of matrices": lambda x: np.polyadd(x[0], x[0, 0, :2]),
    "polyfit of a matrix": lambda x: np.polyfit(x[0], x[0], 1),
    "bincount of a matrix": lambda x: np.bincount(np.ones((3, 4), int), x[0]),
    "histogram in no bins": lambda x: np.histogram(x, 2.5),
    "average by other weights": lambda x: np.average(x, weights=np.ones(3)),
    "average by weights out of range": lambda x: np.average(x, 3, weights=np.ones(4)),
    "reshape": lambda x: np.reshape(x, (5, -1)),
    "squeeze": lambda x: np.squeeze(x, 0),
    "split": lambda x: np.split(x, 5),
    "insert": lambda x: np.insert(x, 9, 0.0, axis=0),
    "delete": lambda x: np.delete(x, 9, axis=0),
    "choose": lambda x: np.choose([2], [x[0, 0], x[0, 0]]),
    "select": lambda x: np.select([x > 0], []),
    "diag of a stack": lambda x: np.diag(x),
    "solve": lambda x: np.linalg.solve(x[0], x[0]),
    "inv": lambda x: np.linalg.inv(x),
    "det": lambda x: np.linalg.det(x[0, 0]),
    "lstsq": lambda x: np.linalg.lstsq(x, x),
    "multi_dot": lambda x: np.linalg.multi_dot([x[0], x[0], x[0]]),
    "fftn": lambda x: np.fft.fftn(x, axes=3),
    "clip from below": lambda x: np.clip(x, 0.5),
    "clip by the old and the new names": lambda x: np.clip(x, 0.5, 1.0, max=1.0),
    "norm along a list of axes": lambda x: np.linalg.norm(x, axis=[0, 1]),
    "vector_norm along a list of axes": lambda x: np.linalg.vector_norm(x, axis=[0, 1]),
    "smallest entry of none": lambda x: np.linalg.norm(x[:0], -np.inf, axis=0),
    "fft of no points": lambda x: np.fft.fft(x, 0),
    "sliding_window_view of a negative length": lambda x: np.lib.stride_tricks.sliding_window_view(x[0, 0], -1),
}  # fmt: skip


def assert_refused_as_by_numpy(f, x, mode):
    """Where NumPy refuses f(x), so does the traced run, by the same class or in our words."""
    try:
        f(x)
    except Exception as numpys:
        with pytest.raises((type(numpys), db.UnsupportedPrimitive)):
            db.linearize(f, backend=mode)(x)


each_mode = pytest.mark.parametrize("mode", ["forward", "reverse"])


AXES = [(row, axis, mode) for row in WITH_AXIS for axis in NO_AXES for mode in ("forward", "reverse")]


@each(
    "row, axis, mode",
    AXES,
    by=lambda case: case[0].name.removeprefix("numpy."),
    label=lambda case: f"axis {case[1]} in {case[2]} mode",
)
def test_an_axis_that_numpy_refuses_is_refused_by_an_error_of_the_same_class(row, axis, mode):
    assert_refused_as_by_numpy(along(row, NO_AXES[axis]), T, mode)


@each_mode
@pytest.mark.parametrize("name", FURTHER)
def test_an_array_that_numpy_refuses_is_refused_by_an_error_of_the_same_class(name, mode):
    with pytest.raises((ValueError, TypeError, IndexError)) as numpys:
        FURTHER[name](T)
    with pytest.raises(numpys.type):
        db.linearize(FURTHER[name], backend=mode)(T)


def test_the_functions_with_an_axis_are_found():
    """The filter above must not quietly take everything out."""
    assert len(WITH_AXIS) > 70


def test_the_error_is_numpys_in_its_words():
    with pytest.raises(np.exceptions.AxisError, match="axis 3 is out of bounds for array of dimension 3"):
        db.gradient(lambda x: np.sum(np.flip(x, 3)))(T)


def test_an_array_that_numpy_would_write_to_is_not_written_to_when_it_judges():
    x = T.copy()

    def f(x):
        y = x * 1.0
        with pytest.raises(np.exceptions.AxisError):
            np.put_along_axis(y, np.zeros((1, 1, 1), int), 9.0, 3)
        return np.sum(y)

    np.testing.assert_array_equal(db.gradient(f)(x), np.ones(x.shape))
    value, _ = db.value_and_gradient(f)(x)
    assert value == np.sum(T)


def test_what_numpy_takes_and_a_rule_does_not_is_refused_in_words():
    with pytest.raises(db.UnsupportedPrimitive, match=r"numpy\.ravel: this call has no derivative rule \(order='K'\)"):
        db.gradient(lambda x: np.sum(np.ravel(x, "K")))(T)
    with pytest.raises(db.UnsupportedPrimitive, match=r"numpy\.intersect1d: .* \(return_indices=True\)"):
        db.gradient(lambda x: np.sum(np.intersect1d(x, T, return_indices=True)[0]))(T)

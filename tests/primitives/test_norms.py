"""Norms: the origin, ties, orders, axes; condition numbers."""

import itertools

import mpmath
import numpy as np
import pytest

import diffbench as db

MODES = ["forward", "reverse"]
both_modes = pytest.mark.parametrize("mode", MODES)
all_pairs = pytest.mark.parametrize(("inner", "outer"), list(itertools.product(MODES, MODES)))

X = np.array([3.0, -4.0, 12.0])
A = np.random.default_rng(2).normal(size=(3, 4))
VECTOR_ORDERS = [None, 0, 1, 1.5, 2, 3, 4, np.inf, -np.inf]
MATRIX_ORDERS = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


def gradient(f, x, mode):
    return db.gradient(f, backend=mode)(np.asarray(x, float))


# -- at the origin -----------------------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("order", VECTOR_ORDERS, ids=repr)
@pytest.mark.filterwarnings("error")
def test_vector_norms_and_their_squares_have_slope_zero_at_the_origin(order, mode):
    np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, order), np.zeros(3), mode), np.zeros(3))
    np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, order) ** 2, np.zeros(3), mode), np.zeros(3))


@both_modes
@pytest.mark.parametrize("order", MATRIX_ORDERS, ids=repr)
@pytest.mark.filterwarnings("error")
def test_matrix_norms_have_slope_zero_at_the_origin(order, mode):
    found = gradient(lambda a: np.linalg.norm(a, order), np.zeros((3, 2)), mode)
    np.testing.assert_array_equal(found, np.zeros((3, 2)))


@both_modes
@pytest.mark.parametrize("order", [2, 3, np.inf], ids=repr)
def test_a_row_of_zeros_does_not_spoil_its_neighbours(order, mode):
    found = gradient(lambda a: np.sum(np.linalg.norm(a, order, axis=1)), [[0, 0], [0, 5]], mode)
    np.testing.assert_allclose(found, [[0, 0], [0, 1]], atol=1e-15)


@both_modes
def test_a_norm_of_nan_has_slope_nan(mode):
    assert np.isnan(gradient(np.linalg.norm, [np.nan, 1], mode)).all()


# -- closed forms ------------------------------------------------------------------------------------------------------


@all_pairs
def test_the_hessian_of_the_euclidean_norm_is_the_projection_over_the_length(inner, outer):
    hessian = db.jacobian(db.gradient(np.linalg.norm, backend=inner), backend=outer)(X)
    np.testing.assert_allclose(hessian, (np.eye(3) - np.outer(X, X) / 169) / 13, atol=1e-16)


@all_pairs
def test_the_hessian_of_the_squared_norm_is_twice_the_identity_away_from_the_origin(inner, outer):
    slope = db.gradient(lambda x: np.linalg.norm(x) ** 2, backend=inner)
    np.testing.assert_allclose(db.jacobian(slope, backend=outer)(X), 2 * np.eye(3), atol=1e-15)


U, S, VH = np.linalg.svd(A, full_matrices=False)
SPECTRAL = {
    "nuc": U @ VH,
    2: np.outer(U[:, 0], VH[0]),
    -2: np.outer(U[:, 2], VH[2]),
    "fro": A / np.linalg.norm(A),
}


@both_modes
@pytest.mark.parametrize("order", SPECTRAL)
def test_gradients_of_spectral_norms_are_products_of_singular_vectors(order, mode):
    np.testing.assert_allclose(gradient(lambda a: np.linalg.norm(a, order), A, mode), SPECTRAL[order], rtol=1e-12)


@both_modes
@pytest.mark.parametrize("p", [1.5, 2, 3, 4, -1])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_p_norms_along_a_line_match_mpmath(p, order, mode):
    direction = [1.0, 2.0, -0.5]

    def exact(t):
        entries = [abs(mpmath.mpf(x) + t * mpmath.mpf(d)) for x, d in zip(X.tolist(), direction)]
        return mpmath.fsum(entry**p for entry in entries) ** (mpmath.mpf(1) / p)

    with mpmath.workdps(40):
        expected = float(mpmath.diff(exact, 0, order))
    derivative = lambda t: np.linalg.norm(X + t * np.array(direction), p)  # noqa: E731
    for _ in range(order):
        derivative = db.derivative(derivative, backend=mode)
    assert derivative(0.0) == pytest.approx(expected, rel=1e-11)


@both_modes
@pytest.mark.parametrize(
    ("p", "expected"), [(None, [1 / 2, -3 / 2]), (-2, [-1 / 18, 1 / 6]), (1, [1 / 2, -3 / 2]), ("nuc", [4 / 9, -4 / 3])]
)
def test_condition_numbers_of_a_diagonal_matrix(p, expected, mode):
    """At diag(6, 2): for 2 and 1, a / b; for -2, b / a; for the nuclear norm, (a + b)² / (a b)."""
    found = gradient(lambda x: np.linalg.cond(np.diag(x), p), [6, 2], mode)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


# -- ties --------------------------------------------------------------------------------------------------------------


@both_modes
def test_entries_rows_and_singular_values_that_tie_share_the_slope_evenly(mode):
    np.testing.assert_array_equal(gradient(lambda x: np.linalg.norm(x, np.inf), [2, -2], mode), [0.5, -0.5])
    rows = gradient(lambda a: np.linalg.norm(a, np.inf), [[1, 2], [-3, 0]], mode)
    np.testing.assert_array_equal(rows, [[0.5, 0.5], [-0.5, 0]])
    np.testing.assert_allclose(gradient(lambda a: np.linalg.norm(a, 2), np.eye(2), mode), np.eye(2) / 2, atol=1e-15)


@both_modes
def test_the_number_of_entries_that_are_not_zero_has_slope_zero(mode):
    np.testing.assert_array_equal(gradient(lambda x: np.sum(x) * np.linalg.norm(x, 0), [0, 2, 3], mode), [2, 2, 2])


# -- errors ------------------------------------------------------------------------------------------------------------

RAISING = {
    "unknown order of a matrix": lambda a: np.linalg.norm(a, 3),
    "unknown word": lambda a: np.linalg.norm(a, "all"),
    "fro of a vector": lambda a: np.linalg.norm(a[0], "fro"),
    "no such axis": lambda a: np.linalg.norm(a, axis=2),
    "the same axis twice": lambda a: np.linalg.norm(a, axis=(0, 0)),
    "axis by name": lambda a: np.linalg.norm(a, axis="rows"),
    "order of three axes": lambda a: np.linalg.norm(a[None], 2),
    "matrix norm of a vector": lambda a: np.linalg.matrix_norm(a[0]),
    "cond of a vector": lambda a: np.linalg.cond(a[0]),
    "cond of nothing": lambda a: np.linalg.cond(a[:0]),
}


@both_modes
@pytest.mark.parametrize("case", RAISING)
def test_a_call_that_numpy_refuses_raises_what_numpy_raises(case, mode):
    with pytest.raises((np.linalg.LinAlgError, ValueError, TypeError)) as numpys:
        RAISING[case](A)
    with pytest.raises(numpys.type):
        db.jacobian(RAISING[case], backend=mode)(A)

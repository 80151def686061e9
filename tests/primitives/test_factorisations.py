"""Cholesky, QR, eigenvalues, singular values: closed forms, one triangle, equal eigenvalues, third derivatives."""

import itertools

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm_frechet

import diffbench as db

MODES = ["forward", "reverse"]
both_modes = pytest.mark.parametrize("mode", MODES)
all_pairs = pytest.mark.parametrize(("inner", "outer"), list(itertools.product(MODES, MODES)))

RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 3))
TALL = RNG.normal(size=(4, 2))
SYMMETRIC = (A + A.T) / 2
POSITIVE = A @ A.T + np.eye(3)
IDENTITY = np.eye(3)


def from_eigenvalues(function):
    """The function of a symmetric matrix, from its eigenvalues and eigenvectors."""

    def f(a):
        w, v = np.linalg.eigh(a)
        return v @ np.diag(function(w)) @ v.T

    return f


# -- results -----------------------------------------------------------------------------------------------------------

NAMEDTUPLES = {
    "eigh": lambda a: np.linalg.eigh(a),
    "eig": lambda a: np.linalg.eig(a @ a.T + IDENTITY),
    "qr": lambda a: np.linalg.qr(a),
    "svd": lambda a: np.linalg.svd(a, full_matrices=False),
    "svd of a symmetric matrix": lambda a: np.linalg.svd(a, hermitian=True),
}


@both_modes
@pytest.mark.parametrize("case", NAMEDTUPLES)
def test_several_factors_come_as_numpys_namedtuple_inside_f_and_out_of_it(case, mode):
    f = NAMEDTUPLES[case]
    expected = f(A)
    seen = []

    def watched(a):
        seen.append(f(a))
        return seen[-1]

    jacobian = db.jacobian(watched, backend=mode)(A)
    assert type(jacobian) is type(seen[-1]) is type(expected)
    assert [np.shape(block) for block in jacobian] == [(*np.shape(factor), 3, 3) for factor in expected]


# -- one triangle ------------------------------------------------------------------------------------------------------

ONE_TRIANGLE = {
    "cholesky": (lambda a: np.linalg.cholesky(a), np.tril),
    "upper cholesky": (lambda a: np.linalg.cholesky(a, upper=True), np.triu),
    "eigvalsh": (lambda a: np.linalg.eigvalsh(a), np.tril),
    "eigvalsh, U": (lambda a: np.linalg.eigvalsh(a, "U"), np.triu),
    "eigenvectors": (lambda a: np.linalg.eigh(a).eigenvectors, np.tril),
    "eigenvectors, u": (lambda a: np.linalg.eigh(a, "u").eigenvectors, np.triu),
    "pinv": (lambda a: np.linalg.pinv(a, hermitian=True), np.tril),
}


@both_modes
@pytest.mark.parametrize("case", ONE_TRIANGLE)
def test_only_the_triangle_that_numpy_reads_carries_a_derivative(case, mode):
    f, triangle = ONE_TRIANGLE[case]
    not_symmetric = POSITIVE + 0.1 * A
    jacobian = db.jacobian(f, backend=mode)(not_symmetric)
    np.testing.assert_array_equal(jacobian, triangle(jacobian))
    np.testing.assert_array_equal(f(not_symmetric), f(triangle(not_symmetric)))


# -- closed forms ------------------------------------------------------------------------------------------------------


@both_modes
def test_a_matrix_function_from_eigenvalues_has_the_derivative_that_scipy_gives(mode):
    """The matrix exponential along a symmetric direction."""
    direction = A @ A.T - IDENTITY
    found = db.derivative(lambda t: from_eigenvalues(np.exp)(SYMMETRIC + t * direction), backend=mode)(0.0)
    np.testing.assert_allclose(found, expm_frechet(SYMMETRIC, direction)[1], rtol=1e-11, atol=1e-12)


@both_modes
@pytest.mark.parametrize("factorise", [np.linalg.qr, lambda a: np.linalg.svd(a, False)], ids=["qr", "svd"])
@pytest.mark.parametrize("a", [A, TALL, TALL.T], ids=["square", "tall", "wide"])
def test_the_product_of_the_factors_is_the_identity_map(factorise, a, mode):
    def product(a):
        factors = factorise(a)
        return factors[0] @ factors[1] if len(factors) == 2 else (factors[0] * factors[1]) @ factors[2]

    jacobian = db.jacobian(product, backend=mode)(a)
    np.testing.assert_allclose(jacobian, np.reshape(np.eye(a.size), a.shape * 2), atol=1e-13)


@both_modes
def test_singular_vectors_stay_orthonormal(mode):
    jacobian = db.jacobian(lambda a: np.linalg.svd(a, False).U.T @ np.linalg.svd(a, False).U, backend=mode)(TALL)
    np.testing.assert_allclose(jacobian, 0, atol=1e-14)


@all_pairs
def test_eigenvalues_have_the_second_derivative_of_perturbation_theory(inner, outer):
    """λᵢ'' = 2 Σⱼ (vᵢᵀ B vⱼ)² / (λᵢ - λⱼ) along A + tB."""
    b = A @ A.T
    w, v = np.linalg.eigh(SYMMETRIC)
    mixed = (v.T @ b @ v) ** 2
    expected = [2 * sum(mixed[i, j] / (w[i] - w[j]) for j in range(3) if j != i) for i in range(3)]
    slope = db.derivative(lambda t: np.linalg.eigvalsh(SYMMETRIC + t * b), backend=inner)
    np.testing.assert_allclose(db.derivative(slope, backend=outer)(0.0), expected, rtol=1e-11)


@both_modes
def test_eigenvalues_of_a_matrix_that_is_not_symmetric_multiply_to_its_determinant(mode):
    a = np.array([[4.0, 1.0, 0.5], [0.2, 2.0, 0.3], [0.1, 0.4, 1.0]])
    found = db.gradient(lambda a: np.prod(np.linalg.eigvals(a)), backend=mode)(a)
    np.testing.assert_allclose(found, np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-12, atol=1e-13)


# -- third derivatives, against formulas for 2x2 matrices that mpmath differentiates in 40 digits ----------------------

P, Q = np.array([[3.0, 0.7], [0.7, 1.5]]), np.array([[0.4, -0.8], [-0.8, 0.9]])


def larger_eigenvalue(a, b, c, d):
    return (a + d) / 2 + mpmath.sqrt(((a - d) / 2) ** 2 + b * c)


def larger_singular_value(a, b, c, d):
    square, det = a * a + b * b + c * c + d * d, a * d - b * c
    return mpmath.sqrt((square + mpmath.sqrt(square**2 - 4 * det**2)) / 2)


def component_of_eigenvector(a, b, c, d):
    """The first component, squared, of the unit eigenvector of the larger eigenvalue."""
    w = larger_eigenvalue(a, b, b, d)
    return b * b / (b * b + (w - a) ** 2)


ENTRIES = {
    "cholesky": (lambda a: np.linalg.cholesky(a)[1, 1], lambda a, b, c, d: mpmath.sqrt(d - c * c / a)),
    "qr": (lambda a: abs(np.linalg.qr(a).R[0, 1]), lambda a, b, c, d: (a * b + c * d) / mpmath.hypot(a, c)),
    "eigvalsh": (lambda a: np.linalg.eigvalsh(a)[1], larger_eigenvalue),
    "eigvals": (lambda a: np.max(np.linalg.eigvals(a)), larger_eigenvalue),
    "eigh": (lambda a: np.linalg.eigh(a).eigenvectors[0, 1] ** 2, component_of_eigenvector),
    "eig": (lambda a: np.max(np.linalg.eig(a).eigenvectors[0] ** 2), component_of_eigenvector),
    "svdvals": (lambda a: np.linalg.svdvals(a)[0], larger_singular_value),
    "svd": (lambda a: np.linalg.svd(a).U[0, 0] ** 2, component_of_eigenvector),
}


@both_modes
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("case", ENTRIES)
def test_derivatives_along_a_line_of_symmetric_matrices_match_mpmath(case, order, mode):
    f, exact = ENTRIES[case]
    with mpmath.workdps(40):
        entries = [(mpmath.mpf(p), mpmath.mpf(q)) for p, q in zip(P.ravel().tolist(), Q.ravel().tolist())]
        expected = float(mpmath.diff(lambda t: exact(*[p + t * q for p, q in entries]), 0, order))
    derivative = lambda t: f(P + t * Q)  # noqa: E731
    for _ in range(order):
        derivative = db.derivative(derivative, backend=mode)
    assert derivative(0.0) == pytest.approx(expected, rel=1e-10)


# -- equal eigenvalues, singular values of zero ------------------------------------------------------------------------

SYMMETRIC_IN_EQUAL_VALUES = {
    "trace": (lambda a: np.sum(np.linalg.eigvalsh(a)), lambda a: np.eye(len(a))),
    "trace of the cube": (lambda a: np.sum(np.linalg.eigvalsh(a) ** 3), lambda a: 3 * a @ a),
    "determinant": (lambda a: np.prod(np.linalg.eigh(a)[0]), lambda a: np.linalg.det(a) * np.linalg.inv(a)),
    "squares of singular values": (lambda a: np.sum(np.linalg.svdvals(a) ** 2), lambda a: 2 * a),
}


@both_modes
@pytest.mark.parametrize("case", SYMMETRIC_IN_EQUAL_VALUES)
@pytest.mark.parametrize("a", [IDENTITY, np.diag([1.0, 2.0, 2.0]), -2 * IDENTITY], ids=["1 1 1", "1 2 2", "-2 -2 -2"])
@pytest.mark.filterwarnings("error")
def test_functions_that_are_symmetric_in_equal_eigenvalues_have_their_gradient(case, a, mode):
    """Lower triangle: off the diagonal it counts for both, and those entries are zero here."""
    f, gradient = SYMMETRIC_IN_EQUAL_VALUES[case]
    np.testing.assert_allclose(db.gradient(f, backend=mode)(a), gradient(a), atol=1e-14)


@both_modes
@pytest.mark.parametrize("a", [np.zeros((3, 2)), np.outer([1.0, 2.0, 3.0], [1.0, -1.0])], ids=["rank 0", "rank 1"])
def test_the_sum_of_squared_singular_values_has_its_gradient_where_some_are_zero(a, mode):
    np.testing.assert_allclose(db.gradient(lambda a: np.sum(np.linalg.svdvals(a) ** 2), backend=mode)(a), 2 * a)


@both_modes
def test_the_eigenvector_of_a_simple_eigenvalue_has_its_derivative_beside_equal_ones(mode):
    """v₁' = Σⱼ vⱼ (vⱼᵀ B v₁) / (λ₁ - λⱼ)."""
    jacobian = db.jacobian(lambda a: np.linalg.eigh(a)[1][:, 0], backend=mode)(np.diag([1.0, 2.0, 2.0]))
    expected = np.zeros((3, 3, 3))
    expected[1, 1, 0] = expected[2, 2, 0] = 1
    np.testing.assert_allclose(np.abs(jacobian), expected)


@both_modes
@pytest.mark.parametrize(
    "f",
    [
        lambda a: np.linalg.eigh(a).eigenvectors[0, 1],
        lambda a: np.linalg.svd(a).U[0, 1],
        lambda a: from_eigenvalues(lambda w: w**2)(a)[0, 1],
    ],
    ids=["eigenvector", "singular vector", "square of the matrix"],
)
def test_what_depends_on_the_vectors_of_equal_values_is_nan_and_not_a_number_that_may_be_wrong(f, mode):
    assert np.isnan(db.gradient(f, backend=mode)(IDENTITY)).any()


# -- refused -----------------------------------------------------------------------------------------------------------

REFUSED = {
    "complex eigenvalues": (lambda a: np.linalg.eigvals(a @ [[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]), "complex"),
    "all of U": (lambda a: np.linalg.svd(a[:, :2]), "full_matrices=False"),
    "all of Q": (lambda a: np.linalg.qr(a[:, :2], "complete"), "mode='reduced'"),
    "reflectors": (lambda a: np.linalg.qr(a, "raw"), "mode='raw'"),
}


@both_modes
@pytest.mark.parametrize("case", REFUSED)
def test_what_a_matrix_does_not_determine_is_refused_with_the_reason(case, mode):
    f, words = REFUSED[case]
    with pytest.raises(db.UnsupportedPrimitive, match=words):
        db.jacobian(f, backend=mode)(IDENTITY)


COMPLEX = {
    "norm": np.linalg.norm,
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "pinv": lambda a: np.sum(np.abs(np.linalg.pinv(a))),
    "cholesky": lambda a: np.sum(np.abs(np.linalg.cholesky(a))),
    "eigh": lambda a: np.sum(np.linalg.eigvalsh(a)),
    "qr": lambda a: np.sum(np.abs(np.linalg.qr(a)[0])),
    "svd": lambda a: np.sum(np.linalg.svdvals(a)),
}


@both_modes
@pytest.mark.parametrize("case", COMPLEX)
def test_complex_matrices_inside_of_f_are_refused_where_the_rules_are_for_reals(case, mode):
    with pytest.raises(db.UnsupportedPrimitive, match=rf"numpy\.linalg\.{case} has no derivative rule for complex"):
        db.gradient(lambda a: COMPLEX[case](a * np.exp(0j)), backend=mode)(IDENTITY)


RAISING = {
    "cholesky of a negative matrix": lambda a: np.linalg.cholesky(-a),
    "cholesky of a row": lambda a: np.linalg.cholesky(a[:1]),
    "eigh of a vector": lambda a: np.linalg.eigh(a[0]),
    "eigvalsh of the triangle X": lambda a: np.linalg.eigvalsh(a, "X"),
    "eig of a row": lambda a: np.linalg.eig(a[:1]),
    "eig of nan": lambda a: np.linalg.eigvals(a * np.nan),
    "qr of a vector": lambda a: np.linalg.qr(a[0]),
    "qr in an unknown mode": lambda a: np.linalg.qr(a, "all"),
    "svd of a vector": lambda a: np.linalg.svd(a[0]),
    "svdvals of a vector": lambda a: np.linalg.svdvals(a[0]),
}


@both_modes
@pytest.mark.parametrize("case", RAISING)
def test_a_call_that_numpy_refuses_raises_what_numpy_raises(case, mode):
    with pytest.raises((np.linalg.LinAlgError, ValueError)) as numpys:
        RAISING[case](IDENTITY)
    with pytest.raises(numpys.type):
        db.jacobian(RAISING[case], backend=mode)(IDENTITY)


@both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_of_a_matrix_through_equal_eigenvalues_is_nan_where_it_needs_their_vectors(mode):
    """d(V w² Vᵀ) is finite, but not to be had from the derivatives of V: never a number that is wrong."""
    c = np.array([[1.0, 2.0], [2.0, 5.0]])

    def f(a):
        w, v = np.linalg.eigh(a)
        return np.sum(c * (v @ np.diag(w**2) @ v.T))

    assert np.isnan(db.gradient(f, backend=mode)(2 * np.eye(2))[1, 0])
    values = db.gradient(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), backend=mode)(2 * np.eye(2))
    np.testing.assert_array_equal(values, 4 * np.eye(2))

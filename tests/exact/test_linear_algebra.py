"""numpy.linalg on numbers of many digits and on symbols: against rationals, closed forms, and SymPy."""

import mpmath
import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.exact import Digits, ExactTrace
from diffbench.exact.symbols import Symbols
from diffbench.reference import reference

DIGITS = 50
A = np.array([[2.0, 1.0, 0.5], [0.25, 3.0, 1.0], [1.0, -0.5, 4.0]])
SYMMETRIC = A + A.T
RATIONAL = sympy.Matrix(3, 3, lambda i, j: sympy.Rational(float(A[i, j])))


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(2 * DIGITS):
        yield


def assert_digits(found, expected):
    """Fifty digits, relative to the largest entry."""
    expected = np.array(expected, dtype=object)
    assert np.shape(found) == expected.shape
    largest = max(abs(x) for x in expected.flat)
    for a, b in zip(np.asarray(found, dtype=object).flat, expected.flat, strict=True):
        assert abs(a - b) <= abs(largest) * mpmath.mpf(10) ** (1 - DIGITS)


def as_mpf(matrix):
    return [[mpmath.mpf(x.p) / x.q for x in matrix.row(i)] for i in range(matrix.rows)]


# -- many digits: rationals --------------------------------------------------------------------------------------------


def test_the_inverse_is_that_of_rational_numbers():
    assert_digits(reference(np.linalg.inv, A, quantity="value"), as_mpf(RATIONAL.inv()))


def test_solutions_are_those_of_rational_numbers_for_vectors_and_stacks():
    columns = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    exact = as_mpf(RATIONAL.inv() * sympy.Matrix(columns.astype(int)))
    stack = np.stack([A, A])
    assert_digits(reference(lambda a: np.linalg.solve(a, columns[:, 0]), A, quantity="value"), [r[0] for r in exact])
    assert_digits(reference(lambda a: np.linalg.solve(a, columns), stack, quantity="value"), [exact, exact])


def test_the_gradient_of_a_determinant_is_the_rational_matrix_of_cofactors():
    assert_digits(reference(np.linalg.det, A), as_mpf(RATIONAL.cofactor_matrix()))


@pytest.mark.parametrize("rank", [2, 1])
def test_the_slope_of_the_cofactors_of_a_singular_matrix_is_rational(rank):
    singular, direction = A * (np.arange(3) < rank)[:, None], A[::-1] + 1
    t = sympy.Symbol("t")
    line = sympy.Matrix(3, 3, lambda i, j: sympy.Rational(singular[i, j]) + t * sympy.Rational(direction[i, j]))
    expected = line.cofactor_matrix().diff(t).subs(t, 0)
    found = reference(lambda a: db.gradient(np.linalg.det)(a), singular, direction, quantity="jvp")
    assert_digits(found, as_mpf(expected))


# -- many digits: closed forms -----------------------------------------------------------------------------------------


def test_eigenvalues_and_singular_values_have_all_digits_of_their_closed_forms():
    a, b, d = 2.0, 0.7, 1.0
    half, shift = (mpmath.mpf(a) + d) / 2, mpmath.sqrt(((mpmath.mpf(a) - d) / 2) ** 2 + mpmath.mpf(b) ** 2)
    matrix = np.array([[a, b], [b, d]])
    expected = [half - shift, half + shift]
    assert_digits(reference(np.linalg.eigvalsh, matrix, quantity="value"), expected)
    assert_digits(reference(np.linalg.svdvals, matrix, quantity="value"), expected[::-1])
    assert_digits(reference(lambda a: np.sort(np.linalg.eigvals(a)), matrix, quantity="value"), expected)


def test_the_cholesky_factor_has_all_digits_of_its_closed_form():
    expected = [[mpmath.sqrt(2), 0], [1 / mpmath.sqrt(2), mpmath.sqrt(mpmath.mpf(5) / 2)]]
    found = reference(np.linalg.cholesky, np.array([[2.0, 1.0], [1.0, 3.0]]), quantity="value")
    assert_digits(found, expected)


def test_norms_have_all_digits():
    x = np.array([1.0, 2.0, 4.0])
    assert_digits(reference(np.linalg.norm, x), [mpmath.mpf(k) / mpmath.sqrt(21) for k in (1, 2, 4)])
    assert_digits(reference(lambda x: np.linalg.norm(x, 3), x, quantity="value"), mpmath.cbrt(73))


def test_the_logarithm_of_a_determinant_has_all_digits():
    assert_digits(reference(lambda a: np.linalg.slogdet(a)[1], A, quantity="value"), mpmath.log(abs(mpf_det())))


def mpf_det():
    det = RATIONAL.det()
    return mpmath.mpf(det.p) / det.q


FACTORS = {
    "eigh": lambda a: np.linalg.eigh(a)[1],
    "eigh, U": lambda a: np.linalg.eigh(a, "U")[1],
    "eig": lambda a: np.linalg.eig(a)[1],
    "qr": lambda a: np.linalg.qr(a).Q,
    "r": lambda a: np.linalg.qr(a).R,
    "u": lambda a: np.linalg.svd(a).U,
    "vh": lambda a: np.linalg.svd(a).Vh,
}


@pytest.mark.parametrize("case", FACTORS)
@pytest.mark.parametrize("matrix", [SYMMETRIC, -SYMMETRIC, np.stack([SYMMETRIC, SYMMETRIC[::-1, ::-1]])])
def test_factors_have_the_signs_and_the_order_that_numpy_gives_them(case, matrix):
    f = FACTORS[case]
    found = np.asarray(reference(f, matrix, quantity="value"), dtype=float)
    np.testing.assert_allclose(found, f(matrix), rtol=1e-13, atol=1e-14)


RAISING = {
    "inv": (np.linalg.inv, np.ones((2, 2))),
    "solve": (lambda a: np.linalg.solve(a, np.ones(2)), np.ones((2, 2))),
    "cholesky": (np.linalg.cholesky, -np.eye(2)),
}


@pytest.mark.parametrize("case", RAISING)
def test_what_has_no_inverse_or_no_root_raises_numpys_error(case):
    f, matrix = RAISING[case]
    with pytest.raises(np.linalg.LinAlgError) as numpys:
        f(matrix)
    with pytest.raises(np.linalg.LinAlgError, match=str(numpys.value)):
        reference(f, matrix, quantity="value")


# -- symbols -----------------------------------------------------------------------------------------------------------

a, b, c, d = sympy.symbols("a b c d")
MATRIX = sympy.Matrix([[a, b], [c, d]])


def on_symbols(f):
    """What f makes of the matrix of symbols."""
    trace = ExactTrace(Symbols())
    return f(trace.wrap(np.array(MATRIX, dtype=object))).values[()]


SYMBOLIC = {
    "det": (np.linalg.det, MATRIX.det()),
    "inv": (np.linalg.inv, MATRIX.inv()),
    "solve": (lambda m: np.linalg.solve(m, np.array([1.0, 2.0])), MATRIX.inv() * sympy.Matrix([1, 2])),
    "slogdet": (lambda m: np.linalg.slogdet(m).logabsdet, sympy.log(sympy.Abs(MATRIX.det()))),
    "cholesky": (lambda m: np.linalg.cholesky(m)[1, 1], sympy.sqrt(d - c**2 / a)),
    "norm": (np.linalg.norm, sympy.sqrt(a**2 + b**2 + c**2 + d**2)),
    "matrix_power": (lambda m: np.linalg.matrix_power(m, 3), MATRIX**3),
    "norm of order 1": (lambda m: np.linalg.norm(m[0], 1), sympy.Abs(a) + sympy.Abs(b)),
}


@pytest.mark.parametrize("case", SYMBOLIC)
def test_symbols_give_the_expressions_that_sympy_gives(case):
    f, expected = SYMBOLIC[case]
    found = np.ravel(on_symbols(f)).tolist()
    differences = [sympy.simplify(x - y) for x, y in zip(found, sympy.Matrix([expected]), strict=True)]
    assert not any(differences), differences


@pytest.mark.parametrize(
    "f", [np.linalg.eigvalsh, np.linalg.svdvals, lambda m: np.linalg.qr(m).R, np.linalg.pinv, np.linalg.eigvals]
)
def test_factors_whose_sign_or_order_depends_on_values_are_refused_for_symbols(f):
    with pytest.raises(db.ClosedFormRequired, match="of symbols has no closed form"):
        on_symbols(f)


def test_an_algebra_of_digits_takes_the_rank_that_numpy_takes():
    trace = ExactTrace(Digits(DIGITS))
    assert np.linalg.matrix_rank(trace.lift(np.outer([1.0, 2.0], [3.0, 4.0]))) == 1

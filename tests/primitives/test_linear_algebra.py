"""Systems, inverses, determinants, powers, least squares: closed forms, singular matrices, third derivatives."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy

import diffbench as db
from diffbench.primitives import TABLE
from diffbench.primitives.products import MATMUL
from diffbench.tape import record

MODES = ["forward", "reverse"]
both_modes = pytest.mark.parametrize("mode", MODES)
all_pairs = pytest.mark.parametrize(("inner", "outer"), list(itertools.product(MODES, MODES)))

RNG = np.random.default_rng(11)
A = RNG.normal(size=(4, 4)) + 2 * np.eye(4)
B = RNG.normal(size=(4, 4))
POSITIVE = A @ A.T + np.eye(4)


def repeated(f, times, mode="forward"):
    """The derivative of a function of one number, taken several times."""
    for _ in range(times):
        f = db.derivative(f, backend=mode)
    return f


def test_every_name_of_numpy_linalg_is_in_the_table():
    missing = [name for name in np.linalg.__all__ if name != "LinAlgError" and getattr(np.linalg, name) not in TABLE]
    assert not missing


# -- closed forms ------------------------------------------------------------------------------------------------------

INVERSE = np.linalg.inv(A)
GRADIENTS = {
    "det": (np.linalg.det, np.linalg.det(A) * INVERSE.T),
    "logarithm of det": (lambda x: np.linalg.slogdet(x).logabsdet, INVERSE.T),
    "trace of the inverse": (lambda x: np.trace(np.linalg.inv(x)), -(INVERSE @ INVERSE).T),
    "trace of the cube": (lambda x: np.trace(np.linalg.matrix_power(x, 3)), 3 * (A @ A).T),
    "trace of the inverse square": (
        lambda x: np.trace(np.linalg.matrix_power(x, -2)),
        -2 * np.linalg.matrix_power(INVERSE, 3).T,
    ),
    "an entry of the solution": (
        lambda x: np.linalg.solve(x, B[0])[2],
        -np.outer(INVERSE[2], INVERSE @ B[0]),
    ),
    "the power zero": (lambda x: np.sum(np.linalg.matrix_power(x, 0) * x), np.eye(4)),
}


@both_modes
@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients_have_their_closed_forms(case, mode):
    f, expected = GRADIENTS[case]
    np.testing.assert_allclose(db.gradient(f, backend=mode)(A), expected, rtol=1e-12, atol=1e-13)


X = np.linalg.inv(A) @ B
THIRD = {
    "inverse": (lambda t: np.linalg.inv(A + t * B), -6 * X @ X @ X @ INVERSE),
    "solution": (lambda t: np.linalg.solve(A + t * B, A[0]), -6 * X @ X @ X @ INVERSE @ A[0]),
    "logarithm of det": (lambda t: np.linalg.slogdet(A + t * B)[1], 2 * np.trace(X @ X @ X)),
    "power": (lambda t: np.linalg.matrix_power(A + t * B, 3), 6 * B @ B @ B),
}


@both_modes
@pytest.mark.parametrize("case", THIRD)
def test_third_derivatives_along_a_line_have_their_closed_forms(case, mode):
    f, expected = THIRD[case]
    found = f
    for _ in range(3):
        found = db.jacobian(found, backend=mode)
    np.testing.assert_allclose(found(0.0), expected, rtol=1e-10, atol=1e-11)


def test_many_right_hand_sides_and_many_vectors_are_told_apart_by_the_number_of_axes():
    """NumPy 2: b is a vector where it has one axis, and else a stack of matrices."""
    stack = np.stack([A, A + B])
    for b in (B[0], B[:, :2], np.stack([B, A])[:, :, :1]):
        jacobian = db.jacobian(lambda b: np.linalg.solve(stack, b), backend="reverse")(b)
        moved = np.tensordot(jacobian, b, b.ndim)  # the solution is linear in b
        np.testing.assert_allclose(moved, np.linalg.solve(stack, b), rtol=1e-12)


# -- determinants of singular matrices ---------------------------------------------------------------------------------


def minor(a, rows, columns):
    return np.linalg.det(np.delete(np.delete(a, rows, 0), columns, 1))


def cofactors(a):
    """∂det/∂a by Laplace expansion."""
    n = len(a)
    return np.reshape([(-1) ** (i + j) * minor(a, i, j) for i in range(n) for j in range(n)], (n, n))


def second_cofactors(a):
    """∂²det/∂a∂a by Laplace expansion along two rows."""
    n = len(a)
    hessian = np.zeros((n, n, n, n))
    for i, k in itertools.permutations(range(n), 2):
        for j, m in itertools.permutations(range(n), 2):
            sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
            hessian[i, j, k, m] = sign * minor(a, [i, k], [j, m])
    return hessian


def of_rank(n, rank, seed=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n))


SINGULAR = {
    "1x1": np.zeros((1, 1)),
    "2x2 of rank 1": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "3x3 of rank 2": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "3x3 of rank 1": np.outer([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
    "3x3 zero": np.zeros((3, 3)),
    "4x4 of rank 3, rounded": of_rank(4, 3),
    "4x4 of rank 2, rounded": of_rank(4, 2),
    "5x5 nearly of rank 4": of_rank(5, 4) + 1e-10 * np.eye(5),
    "5x5 with a row of zeros": of_rank(5, 5) * (np.arange(5) != 2)[:, None],
    "5x5 of small and large scales": np.diag([1e-9, 1e-5, 1.0, 2.0, 1e3]),
}
each_singular = pytest.mark.parametrize("case", SINGULAR)


@both_modes
@each_singular
def test_the_gradient_of_a_vanishing_determinant_is_the_matrix_of_cofactors(case, mode):
    a = SINGULAR[case]
    scale = np.max(np.abs(a), initial=1e-300) ** (len(a) - 1)
    np.testing.assert_allclose(db.gradient(np.linalg.det, backend=mode)(a), cofactors(a), rtol=1e-9, atol=1e-13 * scale)


@all_pairs
@each_singular
def test_the_hessian_of_a_vanishing_determinant_is_right(case, inner, outer):
    a = SINGULAR[case]
    hessian = db.jacobian(db.gradient(np.linalg.det, backend=inner), backend=outer)(a)
    scale = np.max(np.abs(a), initial=1e-300) ** max(len(a) - 2, 0)
    np.testing.assert_allclose(hessian, second_cofactors(a), rtol=1e-9, atol=1e-12 * scale)


@both_modes
@pytest.mark.parametrize("rank", range(5))
def test_the_determinant_along_a_line_is_a_polynomial_with_all_its_derivatives(rank, mode):
    """At integers, SymPy gives the polynomial exactly."""
    rng = np.random.default_rng(rank)
    a = rng.integers(-3, 4, (4, rank)) @ rng.integers(-3, 4, (rank, 4))
    b = rng.integers(-3, 4, (4, 4))
    t = sympy.Symbol("t")
    polynomial = (sympy.Matrix(a) + t * sympy.Matrix(b)).det()
    for order in range(1, 5):
        found = repeated(lambda t: np.linalg.det(a + t * b), order, mode)(0.0)
        assert found == pytest.approx(float(polynomial.diff(t, order).subs(t, 0)), rel=1e-10, abs=1e-9)


def test_the_gradient_of_the_determinant_of_an_ill_conditioned_matrix_keeps_half_of_its_digits():
    """A Hilbert matrix with condition number 1e13 and determinant 2e-53."""
    hilbert = np.array([[1 / (i + j + 1) for j in range(10)] for i in range(10)])
    exact = sympy.Matrix(10, 10, lambda i, j: sympy.Rational(float(hilbert[i, j])))
    cofactor = float(exact.cofactor(2, 3, method="berkowitz"))
    assert db.gradient(np.linalg.det)(hilbert)[2, 3] == pytest.approx(cofactor, rel=1e-7)


@both_modes
def test_singular_and_regular_matrices_may_stand_in_one_stack(mode):
    stack = np.stack([np.zeros((3, 3)), of_rank(3, 3), of_rank(3, 2), np.outer([1.0, 2, 3], [4.0, 5, 6])])
    gradient = db.gradient(lambda a: np.sum(np.linalg.det(a)), backend=mode)(stack)
    np.testing.assert_allclose(gradient, [cofactors(a) for a in stack], atol=1e-12)


@both_modes
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_in_a_matrix_gives_nan_and_no_error(mode):
    assert np.isnan(db.gradient(np.linalg.det, backend=mode)(np.full((2, 2), np.nan))).all()


# -- slogdet -----------------------------------------------------------------------------------------------------------


@both_modes
def test_slogdet_gives_numpys_namedtuple(mode):
    def f(a):
        result = np.linalg.slogdet(a)
        sign, logarithm = result
        assert type(result) is type(np.linalg.slogdet(A))
        return result.sign * np.exp(result.logabsdet) + 0 * sign * logarithm

    np.testing.assert_allclose(db.gradient(f, backend=mode)(A), np.linalg.det(A) * INVERSE.T, rtol=1e-12)


@both_modes
def test_the_logarithm_of_a_vanishing_determinant_that_where_does_not_take_carries_nothing(mode):
    def f(a):
        sign, logarithm = np.linalg.slogdet(a)
        return np.sum(np.where(sign > 0, logarithm, 0.0))

    stack = np.stack([np.zeros((2, 2)), np.diag([2.0, 4.0])])
    np.testing.assert_allclose(db.gradient(f, backend=mode)(stack), [np.zeros((2, 2)), np.diag([0.5, 0.25])])


# -- least squares -----------------------------------------------------------------------------------------------------

TALL = np.random.default_rng(3).normal(size=(6, 3))
RIGHT = np.random.default_rng(4).normal(size=6)


@both_modes
def test_the_jacobian_of_a_least_squares_solution_has_its_closed_form(mode):
    """ẋ = (AᵀA)⁻¹ (Ȧᵀ r - Aᵀ Ȧ x), with the residual r."""
    x = np.linalg.lstsq(TALL, RIGHT)[0]
    gram = np.linalg.inv(TALL.T @ TALL)
    expected = np.einsum("il,k->ikl", gram, RIGHT - TALL @ x) - np.einsum("ik,l->ikl", gram @ TALL.T, x)
    found = db.jacobian(lambda a: np.linalg.lstsq(a, RIGHT)[0], backend=mode)(TALL)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@both_modes
def test_the_residual_of_least_squares_has_twice_the_residual_vector_as_gradient(mode):
    left = RIGHT - TALL @ np.linalg.lstsq(TALL, RIGHT)[0]
    found = db.gradient(lambda b: np.sum(np.linalg.lstsq(TALL, b)[1]), backend=mode)(RIGHT)
    np.testing.assert_allclose(found, 2 * left, atol=1e-13)


@pytest.mark.parametrize("b", [RIGHT, np.stack([RIGHT, RIGHT**2], 1)], ids=["vector", "matrix"])
@pytest.mark.parametrize("a", [TALL, TALL @ np.diag([1.0, 1.0, 0.0])], ids=["full rank", "rank 2"])
def test_lstsq_gives_all_four_results_of_numpy(a, b):
    seen = {}

    def f(a):
        seen["found"] = [db.primal(part) for part in np.linalg.lstsq(a, b)]
        return np.sum(a)

    db.gradient(f)(a)
    for found, expected in zip(seen["found"], np.linalg.lstsq(a, b), strict=True):
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@both_modes
def test_the_pseudo_inverse_of_a_matrix_of_rank_one_is_right_while_its_rank_stays(mode):
    """(u vᵀ)⁺ = v uᵀ / (|u|² |v|²)."""
    u, v, weights = TALL[:4, 0], TALL[:3, 1], TALL[1:5].T

    def f(u, v):
        return np.sum(weights * np.linalg.pinv(np.outer(u, v), rcond=1e-10))

    lengths = (u @ u) * (v @ v)
    value = v @ weights @ u / lengths
    of_u, of_v = db.gradient(f, argnum=(0, 1), backend=mode)(u, v)
    np.testing.assert_allclose(of_u, v @ weights / lengths - 2 * value * u / (u @ u), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(of_v, weights @ u / lengths - 2 * value * v / (v @ v), rtol=1e-11, atol=1e-13)


# -- errors ------------------------------------------------------------------------------------------------------------

SQUARE = np.zeros((2, 2))
RAISING = {
    "inv of a singular matrix": np.linalg.inv,
    "solve with a singular matrix": lambda a: np.linalg.solve(a, np.ones(2)),
    "negative power of a singular matrix": lambda a: np.linalg.matrix_power(a, -1),
    "det of a vector": lambda a: np.linalg.det(a[0]),
    "slogdet of a row": lambda a: np.linalg.slogdet(a[:1])[1],
    "broken power": lambda a: np.linalg.matrix_power(a, 0.5),
    "solve with too many rows": lambda a: np.linalg.solve(a, np.ones(3)),
    "lstsq with too many rows": lambda a: np.linalg.lstsq(a, np.ones(3))[0],
    "lstsq of a stack": lambda a: np.linalg.lstsq(a[None], np.ones(2))[0],
    "pinv of a vector": lambda a: np.linalg.pinv(a[0]),
    "pinv with two limits": lambda a: np.linalg.pinv(a, 1e-3, rtol=1e-3),
    "tensorinv": lambda a: np.linalg.tensorinv(a, ind=0),
    "tensorsolve": lambda a: np.linalg.tensorsolve(a, np.ones(3)),
    "tensorsolve along an axis that is not there": lambda a: np.linalg.tensorsolve(a, a[0], axes=(3,)),
    "multi_dot of one matrix": lambda a: np.linalg.multi_dot([a]),
    "multi_dot of a stack": lambda a: np.linalg.multi_dot([a, a[None], a]),
    "outer of matrices": lambda a: np.linalg.outer(a, a),
    "cross of pairs": lambda a: np.linalg.cross(a, a),
}


@both_modes
@pytest.mark.parametrize("case", RAISING)
def test_a_call_that_numpy_refuses_raises_what_numpy_raises(case, mode):
    with pytest.raises((np.linalg.LinAlgError, ValueError, TypeError)) as numpys:
        RAISING[case](SQUARE)
    with pytest.raises(numpys.type):
        db.jacobian(RAISING[case], backend=mode)(SQUARE)


@both_modes
def test_a_pseudo_inverse_that_cuts_off_what_is_not_zero_is_refused(mode):
    with pytest.raises(db.UnsupportedPrimitive, match="rcond cuts off singular values that are not zero"):
        db.jacobian(lambda a: np.linalg.pinv(a, 0.1), backend=mode)(np.diag([1.0, 0.01]))


def test_matrix_chains_are_multiplied_in_the_cheapest_order():
    """From the right, 50·3 + 3·50 + 2·50 multiplications; from the left 2·50·3 + 2·3·50 + 2·50."""
    chain = [np.ones((2, 50)), np.ones((50, 3)), np.ones((3, 50)), np.ones((50, 1))]
    tape = record(lambda x: np.linalg.multi_dot([x * factor for factor in chain]), 1.0)
    products = [kept[0] for _, kept, primitive in tape.entries[1:] if primitive is MATMUL]
    assert sum(np.prod(left) * right[1] for (_, _, left), (_, _, right) in products) == 400


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_a_quadratic_form_in_an_inverse_match_mpmath(order):
    """b·(A + tB)⁻¹b for 2x2 matrices, differentiated numerically by mpmath in 40 digits."""
    a, b = POSITIVE[:2, :2], B[:2, :2]

    def exact(t):
        p, q, r, s = (mpmath.mpf(x) + t * mpmath.mpf(y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist()))
        return (s - q - r + p) / (p * s - q * r)

    with mpmath.workdps(40):
        expected = float(mpmath.diff(exact, 0, order))
    found = repeated(lambda t: np.sum(np.linalg.solve(a + t * b, np.ones(2))), order, "reverse")(0.0)
    assert found == pytest.approx(expected, rel=1e-11)


MIXED = np.random.default_rng(5).normal(size=(4, 4))
FAR_SCALES = {
    "columns": MIXED * np.array([1e-100, 1e100, 1e50, 1e-50]),
    "rows": MIXED.T * np.array([[1e-100], [1e100], [1e50], [1e-50]]),
    "both": MIXED * np.array([1e-80, 1e80, 1e50, 1.0]) * np.array([[1.0], [1e-60], [1e60], [1.0]]),
    "a diagonal": np.diag([1e-200, 1e200, 1e-200, 1e200]),
}


def exact_minor(a, i, j):
    """The determinant of what is left of a without row i and column j, in numbers of many digits."""
    rows = [[mpmath.mpf(x) for x in np.delete(row, j)] for row in np.delete(a, i, 0)]
    products = (
        (mpmath.fprod([row[k] for row, k in zip(rows, order)]), order)
        for order in itertools.permutations(range(len(rows)))
    )
    return sum(product * (-1) ** sum(p > q for p, q in itertools.combinations(order, 2)) for product, order in products)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", FAR_SCALES)
def test_the_slope_of_a_determinant_is_right_where_rows_and_columns_have_far_scales(name, mode):
    a = FAR_SCALES[name]
    found = db.gradient(np.linalg.det, backend=mode)(a)
    with mpmath.workdps(800):
        expected = [[float((-1) ** (i + j) * exact_minor(a, i, j)) for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)

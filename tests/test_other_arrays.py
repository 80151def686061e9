"""Sparse matrices of SciPy, masked arrays, np.matrix and the iterators of NumPy, where they meet traced values."""

import numpy as np
import pytest

import diffbench as db

sparse = pytest.importorskip("scipy.sparse")

X = np.array([0.5, 1.0, 2.0])
DENSE = np.array([[0.0, 2.0, 0.0], [1.5, 0.0, -1.0], [0.0, 0.0, 3.0], [4.0, 0.0, 0.5]])
SPARSE = {
    "csr_array": sparse.csr_array(DENSE),
    "csc_matrix": sparse.csc_matrix(DENSE),
    "coo_array": sparse.coo_array(DENSE),
}
PRODUCTS = {
    "M @ x": lambda m, x: m @ x,
    "M.dot(x)": lambda m, x: m.dot(x),
    "M.T @ of another length": lambda m, x: m.T @ np.sin(m @ x),
    "x @ M.T": lambda m, x: x @ m.T,
    "M @ X": lambda m, x: m @ np.outer(x, x),
    "X @ M.T": lambda m, x: np.outer(x, x) @ m.T,
    "np.matmul": lambda m, x: np.matmul(m, x) if isinstance(m, np.ndarray) else m @ x,
}

each_mode = pytest.mark.parametrize("mode", ["forward", "reverse"])
each_product = pytest.mark.parametrize("product", PRODUCTS)
each_kind = pytest.mark.parametrize("kind", SPARSE)


@each_mode
@each_product
@each_kind
def test_the_product_with_a_sparse_matrix_has_the_derivative_of_that_with_the_dense_one(kind, product, mode):
    f = PRODUCTS[product]
    found = db.jacobian(lambda x: f(SPARSE[kind], x), backend=mode)(X)
    np.testing.assert_allclose(found, db.jacobian(lambda x: f(DENSE, x), backend=mode)(X), rtol=1e-14)


@each_mode
@each_product
def test_second_derivatives_pass_a_sparse_matrix(product, mode):
    f = PRODUCTS[product]
    found = db.hessian(lambda x: np.sum(np.exp(f(SPARSE["csr_array"], x))), backend=mode)(X)
    np.testing.assert_allclose(found, db.hessian(lambda x: np.sum(np.exp(f(DENSE, x))), backend=mode)(X), rtol=1e-12)


@pytest.mark.parametrize("backend", ["complex-step", "symbolic", "finite-central"])
def test_every_backend_multiplies_by_a_sparse_matrix(backend):
    def f(m):
        return lambda x: np.sum((m @ x) ** 2)

    found = db.gradient(f(SPARSE["csr_array"]), backend=backend)(X)
    np.testing.assert_allclose(found, db.gradient(f(DENSE))(X), rtol=1e-7)


def test_the_truth_to_fifty_digits_multiplies_by_a_sparse_matrix():
    found = db.reference(lambda x: np.sum((SPARSE["csr_array"] @ x) ** 2), X)
    np.testing.assert_allclose(np.array(found, float), db.gradient(lambda x: np.sum((DENSE @ x) ** 2))(X), rtol=1e-15)


@each_mode
def test_the_dtype_of_a_product_with_a_sparse_matrix_is_numpys(mode):
    single = sparse.csr_array(DENSE.astype(np.float32))
    found, _ = db.linearize(lambda x: single @ x, backend=mode)(X.astype(np.float32))
    assert found.dtype == np.float32


@each_mode
def test_a_vector_that_does_not_fit_a_sparse_matrix_is_refused(mode):
    with pytest.raises(ValueError, match=r"shape \(4, 3\) times an array of shape \(2,\)"):
        db.jacobian(lambda x: SPARSE["csr_array"] @ x[:2], backend=mode)(X)


MASKED = np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0])
MATRIX = np.matrix(np.eye(3))
REFUSED = {
    "sparse * x": (lambda x: SPARSE["csc_matrix"] * x, r"a sparse matrix of SciPy meets.*use @"),
    "sparse + X": (lambda x: SPARSE["csr_array"][:3] + np.outer(x, x), r"a sparse matrix of SciPy meets.*toarray"),
    "np.dot(sparse, x)": (lambda x: np.dot(SPARSE["csr_array"], x), r"a sparse matrix of SciPy meets.*use @"),
    "sparse of x": (lambda x: sparse.csr_array(np.outer(x, x)).sum(), r"scipy\.sparse\.csr_array cannot be called"),
    "x * masked": (lambda x: x * MASKED, r"a masked array meets a traced value.*np\.where"),
    "masked * x": (lambda x: MASKED * x, r"a masked array meets a traced value.*np\.where"),
    "np.add(x, masked)": (lambda x: np.add(x, MASKED), r"a masked array meets a traced value"),
    "a masked number": (lambda x: x[0] * MASKED, r"a masked array meets a traced value"),
    "np.ma.array(x)": (lambda x: np.ma.array(x, mask=[0, 1, 0]), r"a masked array meets a traced value"),
    "np.ma.sum(x)": (lambda x: np.ma.sum(x), r"a masked array meets a traced value"),
    "np.ma.masked_where": (lambda x: np.ma.masked_where(x > 1, x), r"a masked array meets a traced value"),
    "matrix * x": (lambda x: MATRIX * x, r"an np\.matrix meets a traced value.*np\.asarray"),
    "matrix @ x": (lambda x: MATRIX @ x, r"an np\.matrix meets a traced value"),
    "x + matrix": (lambda x: x + MATRIX, r"an np\.matrix meets a traced value"),
    "np.nditer": (lambda x: sum(t for t in np.nditer(x)), r"np\.nditer cannot walk over a traced value.*ndenumerate"),
    "Polynomial(x)": (lambda x: np.polynomial.Polynomial(x)(2.0), r"classes of numpy\.polynomial.*polyval"),
    "as_strided": (lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)), r"as_strided.*sliding_window_view"),
}


@each_mode
@pytest.mark.parametrize("name", REFUSED)
def test_what_no_rule_knows_is_refused_with_what_to_do_instead(name, mode):
    f, words = REFUSED[name]
    with pytest.raises(db.DiffbenchError, match=f"(?s){words}"):
        db.jacobian(f, backend=mode)(X)


@each_mode
def test_ndenumerate_walks_over_a_traced_array(mode):
    x = np.outer(X, X)
    found = db.gradient(lambda x: sum(t * t * (1 + i + 10 * k) for (i, k), t in np.ndenumerate(x)), backend=mode)(x)
    i, k = np.indices(x.shape)
    np.testing.assert_allclose(found, 2 * x * (1 + i + 10 * k))

"""Complex numbers between real arguments and real results: Fourier transforms, parts, moduli."""

import numpy as np
import pytest

import diffbench as db

X = np.array([0.5, -1.0, 2.0, 0.3, 1.7])
each_mode = pytest.mark.parametrize("mode", ["forward", "reverse"])


@each_mode
@pytest.mark.parametrize("n", [5, 8, 3])
def test_parseval_gives_the_gradient_of_the_power_of_a_spectrum(n, mode):
    """Σ|F x|² = n Σ x², over the entries that are not cropped."""
    gradient = db.gradient(lambda x: np.sum(np.abs(np.fft.fft(x, n)) ** 2), backend=mode)(X)
    np.testing.assert_allclose(gradient, 2 * n * X * (np.arange(5) < n), rtol=1e-13)


@each_mode
def test_a_circular_convolution_by_transforms_has_the_gradient_of_the_sum_over_shifts(mode):
    kernel, weights = np.array([1.0, 0.5, 0.0, 0.0, 0.25]), np.arange(5.0)

    def f(x):
        return weights @ np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), 5)

    expected = [sum(weights[(j + k) % 5] * kernel[k] for k in range(5)) for j in range(5)]
    np.testing.assert_allclose(db.gradient(f, backend=mode)(X), expected, rtol=1e-13)


@each_mode
def test_the_modulus_of_a_product_of_phases_is_constant(mode):
    gradient = db.gradient(lambda x: np.sum(np.abs(np.exp(1j * x) * np.exp(2j * x[::-1]))), backend=mode)(X)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


@each_mode
def test_the_modulus_at_zero_has_slope_zero(mode):
    np.testing.assert_array_equal(
        db.gradient(lambda x: np.sum(np.abs(x * (1 + 1j))), backend=mode)(np.zeros(2)), [0, 0]
    )


@each_mode
def test_the_angle_turns_at_unit_speed(mode):
    gradient = db.gradient(lambda x: np.sum(np.angle(np.exp(1j * x))), backend=mode)(np.array([0.1, 1.0, -2.0]))
    np.testing.assert_allclose(gradient, 1, rtol=1e-14)


@each_mode
def test_vdot_conjugates_its_first_operand(mode):
    gradient = db.gradient(lambda x: np.real(np.vdot(x * 1j, x * (1 + 2j))), backend=mode)(X)
    np.testing.assert_allclose(gradient, 4 * X, rtol=1e-14)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_second_derivatives_pass_complex_numbers(inner, outer):
    """∂² of |Σ exp(i k x)|² = Σ_jl cos(x_j - x_l), by hand."""
    f = lambda x: np.abs(np.sum(np.exp(1j * x))) ** 2  # noqa: E731
    hessian = db.jacobian(db.gradient(f, backend=inner), backend=outer)(X)
    cosines = 2 * np.cos(X[:, None] - X)
    expected = cosines - np.diag(np.sum(cosines, axis=1))
    np.testing.assert_allclose(hessian, expected, rtol=1e-12, atol=1e-12)


def test_real_and_complex_parts_of_one_array_keep_their_own_cotangents():
    def f(x):
        z = np.concatenate([x * 1j, x])
        z = np.where(np.arange(10) % 2 == 0, z, x[0])
        return np.sum((z**2).real) + np.sum(np.stack([z[1], x[2] * 1j]).imag)

    expected = db.gradient(f, backend="finite-central", order=6)(X)
    np.testing.assert_allclose(db.gradient(f, backend="reverse")(X), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(db.gradient(f, backend="forward")(X), expected, rtol=1e-9, atol=1e-9)


def test_complex_numbers_may_be_assigned():
    def f(x):
        z = np.zeros_like(x, dtype=complex)
        z[1:] = x[1:] * 1j
        z[0] += x[0] + 2j
        return np.sum(np.abs(z) ** 2)

    np.testing.assert_allclose(db.gradient(f)(X), 2 * X, rtol=1e-14)


def write_the_parts_of_a_spectrum(x):
    z = np.fft.rfft(x)
    z.imag[:] = x[0]
    z.real[0] = x[1] * x[2]
    return np.sum(np.abs(z) ** 2)


def see_the_parts_of_what_is_assigned_to(x):
    z = x * (1 + 2j)
    real, imaginary = z.real, z[1:].imag
    z[1] = x[0] * 1j
    imaginary *= x[3]
    return np.sum(real * x) + np.sum(np.real(z * z)) + np.sum(imaginary**2)


def fill_a_fresh_array_by_its_parts(x):
    z = np.zeros_like(x, dtype=complex)
    z.real, z.imag[1:] = x, x[1:] ** 2
    z.imag = z.imag * x
    return np.sum(np.abs(z) ** 2 * x)


@each_mode
@pytest.mark.parametrize(
    "f", [write_the_parts_of_a_spectrum, see_the_parts_of_what_is_assigned_to, fill_a_fresh_array_by_its_parts]
)
def test_the_parts_of_a_complex_array_are_views_of_it(f, mode):
    expected = db.gradient(f, backend="finite-central", order=6)(X)
    np.testing.assert_allclose(db.gradient(f, backend=mode)(X), expected, rtol=1e-9, atol=1e-9)


def test_the_jvp_of_reverse_mode_passes_a_part_that_was_assigned_to():
    def swap(x):
        z = x[:2] + 1j * x[2:]
        z.imag[1] = x[0]
        return z.imag

    np.testing.assert_array_equal(db.jvp(swap, backend="reverse")(X[:4], np.array([5.0, 6.0, 7.0, 8.0])), [7.0, 5.0])


def test_a_real_array_has_no_imaginary_part_to_set():
    def f(x):
        y = 1.0 * x
        y.real = 2 * x
        with pytest.raises(TypeError, match="does not have imaginary part to set"):
            y.imag = x
        return np.sum(y)

    np.testing.assert_array_equal(db.gradient(f)(X), 2 * np.ones(5))


def test_float32_stays_float32():
    gradient = db.gradient(lambda x: np.sum(np.abs(np.fft.rfft(x)) ** 2))(X.astype(np.float32))
    assert gradient.dtype == np.float32


@pytest.mark.parametrize("f", [lambda z: np.maximum(z, 0.0), lambda z: np.sign(z)])
def test_what_has_no_meaning_for_complex_numbers_is_refused(f):
    with pytest.raises((db.DiffbenchError, TypeError)):
        db.jacobian(lambda x: np.real(f(x * 1j)))(X)

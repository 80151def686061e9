"""Integrals that are closed under differentiation: the slopes of special functions in their parameters.

The incomplete gamma and beta functions have no slope in a parameter that one could write down in other functions of
SciPy. But it is an integral of the same family, with one more logarithm or power under the integral. A row of this file
is such a family, a ladder as those in special_ladders.py, computed by `on_half_line`; for many digits mpmath integrates
the text of the same integral.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

from diffbench.primitives.special_ladders import BERNOULLI, falling_series, ladder, polygamma

BLOCK = 1024  # points integrated at once: what bounds the memory


def _nodes(step: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    """The nodes and weights of ∫₀^∞ f(t) dt = ∫ f(t(u)) t'(u) du with t(u) = exp(u - exp(-u)), for u up to `last`."""
    u = np.arange(round(-4.4 / step), round(last / step) + 1) * step
    t = np.exp(u - np.exp(-u))
    return t, step * (1 + np.exp(-u)) * t


EXPONENTIAL, ALGEBRAIC = _nodes(0.1, 42.0), _nodes(0.25, 120.0)


def on_half_line(
    integrand: Callable, scale: np.ndarray, *operands: np.ndarray, nodes: tuple[np.ndarray, np.ndarray] = EXPONENTIAL
) -> np.ndarray:
    """∫₀^∞ integrand(t, *operands) dt, entry by entry, by the double exponential rule of Takahasi and Mori (1974).

    scale : the smallest length on which the integrand changes; larger ones are met by nodes that grow geometrically.
    nodes : ALGEBRAIC where the integrand falls off as a power of t.
    """
    t, weights = nodes
    whole = np.broadcast_arrays(scale, *operands)
    scale = whole[0]
    columns = [np.reshape(x, (-1, 1)) for x in whole]
    total = np.empty(scale.size)
    for start in range(0, scale.size, BLOCK):
        width, *values = (x[start : start + BLOCK] for x in columns)
        total[start : start + BLOCK] = np.sum(weights * width * integrand(width * t, *values), axis=1)
    return total.reshape(scale.shape)


# -- differences of polygamma functions --------------------------------------------------------------------------------


@ladder(
    None,
    "polygamma_rise(a + 1, b, c)",
    "polygamma(a + 1, b + c)",
    exact="polygamma(a, b + c) - polygamma(a, b)",
)
def polygamma_rise(n, a, b):
    """The n-th derivative of psi at a + b less that at a; for a small b, ∫ (-t)ⁿ e⁻ᵃᵗ (1-e⁻ᵇᵗ)/(1-e⁻ᵗ) dt."""
    n, a, b = np.broadcast_arrays(n, a, b)
    low = polygamma(n, a)
    y = np.asarray(polygamma(n, a + b) - low)
    close = (np.abs(y) < 0.1 * np.abs(low)) & (a > 0) & (a + b > 0)
    if np.any(close):
        n, a, b = n[close], a[close], b[close]
        y[close] = on_half_line(
            lambda t, n, a, b: (-t) ** n * np.exp(-a * t) * np.expm1(-b * t) / np.expm1(-t),
            1 / (1 + a + np.abs(b)), n, a, b,
        )  # fmt: skip
    return y


@ladder(
    None,
    "psi_half_step(a + 1, b)",
    exact="(polygamma(a, (b + 1) / 2) - polygamma(a, b / 2)) / 2 ** a - (-1) ** a * gamma(a + 1) / b ** (a + 1)",
)
def psi_half_step(n, v):
    """The n-th derivative of psi((v+1)/2) - psi(v/2) - 1/v, for large v Σ (4ᵏ-1) B₂ₖ / (k v²ᵏ) over k = 1, 2, ..."""
    far = v > 20
    large, small = np.where(far, v, 20.0), np.where(far, 1.0, v)
    sign = (-1.0) ** n
    coefficients = [(4.0**k - 1) * number / k for k, number in enumerate(BERNOULLI, 1)]
    series = falling_series(n, large, coefficients)
    direct = polygamma_rise(n, small / 2, 0.5) / 2.0**n - sign * special.gamma(n + 1) / small ** (n + 1)
    return np.where(far, sign * series, direct)


# -- the incomplete gamma function in its order ------------------------------------------------------------------------


@ladder(
    None,
    None,
    None,
    "c * gamma_integral(a + 1, b, c, d, e)",
    "-c * gamma_integral(a, b + 1, c, d, e)",
    exact="quad(lambda t: log1p(t) ** a * t ** b * (1 + t) ** (d - 1) * exp(-e * t), 0, inf) if c > 0 else "
    "quad(lambda t: t ** a * (-expm1(-t)) ** b * exp(-d * t - e * expm1(-t)), 0, inf)",
)
def gamma_integral(j, k, side, a, x):
    """Γ(a, x) (side 1) or γ(a, x) (side -1) over xᵃ e⁻ˣ, with powers of the substituted variable under the integral.

    Above x the substitution is x(1 + t), and the integrand log(1+t)ʲ tᵏ (1+t)^(a-1) e⁻ˣᵗ. Below x it is x e⁻ᵗ, and the
    integrand tʲ (1-e⁻ᵗ)ᵏ exp(-at + x(1-e⁻ᵗ)).
    """
    upper = side > 0
    above = on_half_line(
        lambda t, j, k, a, x: np.log1p(t) ** j * t**k * np.exp((a - 1) * np.log1p(t) - x * t),
        1 / (1 + np.abs(x - a) + np.sqrt(x)), j, k, a, np.where(upper, x, np.inf),
    )  # fmt: skip
    below = on_half_line(
        lambda t, j, k, a, x: t**j * (-np.expm1(-t)) ** k * np.exp(-a * t - x * np.expm1(-t)),
        1 / (1 + np.abs(x - a) + np.sqrt(x)), j, k, np.where(upper, np.inf, a), x,
    )  # fmt: skip
    return np.where(upper, above, below)


def _sinh_excess(u):
    """sinh(u) - u, without cancellation near 0."""
    square, series = np.square(np.minimum(u, 1.0)), 1.0
    for k in range(9, 0, -1):
        series = 1 + square / ((2 * k + 2) * (2 * k + 3)) * series
    return np.where(u < 1, u * square / 6 * series, np.sinh(u) - u)


@ladder(
    None,
    None,
    None,
    None,
    "gamma_balance(a + 1, b, c, 1 - d, e, f)",
    "-(gamma_balance(a, b + 1, c, d, e, f) + gamma_balance(a, b, c + 1, 1 - d, e, f))",
    exact="quad(lambda t: log1p(t) ** a * (t * t / (2 + 2 * t)) ** b * (t * (2 + t) / (2 + 2 * t)) ** c"
    " * exp(-f * t * t / (2 + 2 * t)) * (sinh if d else cosh)(e * log1p(t) - f * t * (2 + t) / (2 + 2 * t)) / (1 + t),"
    " 0, inf)",
)
def gamma_balance(j, k, m, odd, a, x):
    """Half the sum of Γ(a, x) and γ(a, x) over xᵃ e⁻ˣ, or half their difference (odd is 1), with powers under the
    integral: for x beside a, where the two are almost equal.

    The substitutions x eᵘ and x e⁻ᵘ make the integrands exp(-x(cosh u - 1) ± v) with v = (a-x)u - x(sinh u - u), and so
    that of the half sum, with its powers, uʲ (cosh u - 1)ᵏ sinh(u)ᵐ exp(-x(cosh u - 1)) cosh v.
    """

    def integrand(u, j, k, m, odd, a, x):
        u = np.minimum(u, 300.0)  # beyond it all is zero
        sine, rise = np.sinh(u), 2 * np.square(np.sinh(u / 2))
        v = np.clip((a - x) * u - x * _sinh_excess(u), -700, 700)
        return u**j * rise**k * sine**m * np.exp(-x * rise) * np.where(odd == 1, np.sinh(v), np.cosh(v))

    return on_half_line(integrand, 1 / (1 + np.sqrt(x)), j, k, m, odd, a, x)


# -- the incomplete beta function in its parameters --------------------------------------------------------------------


@ladder(
    None,
    None,
    None,
    "-(beta_integral(a + 1, b, c, d, e, f) + beta_integral(a, b + 1, c, d, e, f))",
    "-beta_integral(a, b + 1, c, d, e, f)",
    "b * beta_integral(a, maximum(b - 1, 0), c + 1, d, e, f) - (c + d + e) * beta_integral(a, b, c + 1, d, e, f)",
    exact="quad(lambda t: t ** a * log1p(f * expm1(-t)) ** b * (expm1(-t) / (1 + f * expm1(-t))) ** c"
    " * exp(-d * t) * (1 + f * expm1(-t)) ** (-d - e), 0, inf)",
)
def beta_integral(j, k, m, a, b, x):
    """B(x; a, b) over xᵃ (1-x)ᵇ, with powers of t, r and ∂r/∂x under the integral.

    The substitution is s/(1-s) = x/(1-x) e⁻ᵗ for 0 < s < x, and the integrand tʲ rᵏ (∂r/∂x)ᵐ exp(-at - (a+b)r), where
    r = log(1 - x(1-e⁻ᵗ)), so that log s = log x - t - r and log(1-s) = log(1-x) - r.
    """

    def integrand(t, j, k, m, a, b, x):
        fall = np.expm1(-t)
        r = np.log1p(x * fall)
        return t**j * r**k * (fall / (1 + x * fall)) ** m * np.exp(-a * t - (a + b) * r)

    rate = np.abs(a - (a + b) * x) + np.sqrt((a + b) * x * (1 - x))
    return on_half_line(integrand, 1 / (1 + rate), j, k, m, a, b, x)


# -- elliptic integrals ------------------------------------------------------------------------------------------------


@ladder(
    None,
    None,
    None,
    None,
    "-a * carlson(a + 1, b, c, d, e, f, g, h)",
    "-b * carlson(a, b + 1, c, d, e, f, g, h)",
    "-c * carlson(a, b, c + 1, d, e, f, g, h)",
    "-d * carlson(a, b, c, d + 1, e, f, g, h)",
    exact="quad(lambda t: (t + e) ** -a * (t + f) ** -b * (t + g) ** -c * (t + h) ** -d, 0, inf)",
)
def carlson(j, k, m, n, x, y, z, w):
    """∫₀^∞ (t+x)⁻ʲ (t+y)⁻ᵏ (t+z)⁻ᵐ (t+w)⁻ⁿ dt for arguments that are not negative (DLMF 19.16)."""
    arguments = [x, y, z, w]
    scale = np.minimum.reduce(
        np.broadcast_arrays(*[np.where(argument > 0, argument, np.inf) for argument in arguments])
    )
    integral = on_half_line(
        lambda t, j, k, m, n, x, y, z, w: (t + x) ** -j * (t + y) ** -k * (t + z) ** -m * (t + w) ** -n,
        scale, j, k, m, n, *arguments, nodes=ALGEBRAIC,
    )  # fmt: skip
    diverges = sum(np.where(argument == 0, power, 0.0) for argument, power in zip(arguments, (j, k, m, n))) >= 1
    integral = np.where(diverges, np.inf, integral)
    return np.where(np.minimum.reduce(np.broadcast_arrays(*arguments)) < 0, np.nan, integral)


@ladder(
    None,
    None,
    "power(square(sin(c)), a) * power(1 - d * square(sin(c)), -b - 0.5)",
    "(b + 0.5) * elliptic(a + 1, b + 1, c, d)",
    exact="quad(lambda t: sin(t) ** (2 * a) * (1 - d * sin(t) ** 2) ** (-b - 0.5), 0, c)",
)
def elliptic(j, k, phi, m):
    """∫₀^φ sin(θ)²ʲ (1 - m sin(θ)²)^(-k-1/2) dθ, Carlson's for |φ| ≤ π/2, and odd and periodic beyond."""
    turns = np.rint(phi / np.pi)
    rest = np.abs(phi - turns * np.pi)

    def within_a_quarter(phi):
        sine, cosine = np.square(np.sin(phi)), np.square(np.cos(phi))
        arguments = cosine / sine, 1 / sine, (cosine + (1 - m) * sine) / sine
        return np.where(phi == 0, 0.0, carlson(0.5, j - k + 0.5, k + 0.5, 0.0, *arguments, 1.0) / 2)

    return 2 * turns * within_a_quarter(np.pi / 2) + np.sign(phi - turns * np.pi) * within_a_quarter(rest)


# -- log(x) / (x - 1) --------------------------------------------------------------------------------------------------


@ladder(
    None,
    "-(a + 1) * log_ratio(a + 1, b)",
    exact="quad(lambda t: t ** a / (1 + (b - 1) * t) ** (a + 1), 0, 1)",
)
def log_ratio(n, x):
    """∫₀¹ tⁿ (1 + (x-1)t)⁻ⁿ⁻¹ dt, with t = s/(1+s): for n = 0 it is log(x) / (x - 1), and 1 at x = 1."""
    integral = on_half_line(
        lambda s, n, x: s**n / ((1 + s) * (1 + x * s) ** (n + 1)),
        np.minimum(1.0, 1 / x), n, x, nodes=ALGEBRAIC,
    )  # fmt: skip
    far = ((x > 0) & (x < 0.1)) | (x > 10)  # where nothing cancels, and the nodes may not reach so far
    x = np.where(far, x, 2.0)
    first = np.log(x) / (x - 1)
    return np.where(far & (n == 0), first, np.where(far & (n == 1), (first - 1 / x) / (x - 1), integral))

"""Families of functions in which the derivative of each is another: what the rules for scipy.special lean on.

The derivative of psi is the trigamma function, which is no ufunc of SciPy; that of erfcx is a difference of two large
numbers. A row of this file is such a function of our own, with its place in the family as first operand, evaluated so
that nothing cancels. Its partials name the next members, so that derivatives of any order are as accurate.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy import special

from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.partial import RULE_NAMES


def in_double(function: Callable) -> Callable:
    """Let a function compute in float64, and give its result in the precision of its operands."""

    @wraps(function)
    def evaluate(*operands: Any) -> Any:
        floats = [x for x in operands if isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "f"]
        with np.errstate(all="ignore"):
            y = function(*[np.asarray(x, float) for x in operands])
        return np.asarray(y, np.result_type(*floats) if floats else float)[()]

    return evaluate


def ladder(
    *partials: str | None, exact: str | None = None, singular: bool = False
) -> Callable[[Callable], Elementwise]:
    """Make a row of a function of ours, which partials know by its name."""

    def row(function: Callable) -> Elementwise:
        name, evaluate = function.__name__, in_double(function)
        RULE_NAMES[name] = ours = Elementwise(
            evaluate, *partials, exact=exact, singular=singular, analytic=False, name=name
        )
        return ours

    return row


# -- polygamma and zeta functions --------------------------------------------------------------------------------------


@ladder(
    None,
    "polygamma(a + 1, b)",
    exact="polygamma(a, b)",
)
def polygamma(n, x):
    """The n-th derivative of psi(x)."""
    return np.where(n == 0, special.psi(x), (-1.0) ** (n + 1) * special.gamma(n + 1) * special.zeta(n + 1, x))


BERNOULLI = special.bernoulli(24)[2::2]


def falling_series(n, x, coefficients):
    """(-1)ⁿ times the n-th derivative of Σ cₖ / x²ᵏ over k = 1, 2, ..."""
    return sum(c * special.poch(2 * k, n) * x ** (-2 * k - n) for k, c in enumerate(coefficients, 1))


@ladder(
    None,
    "psi_gap(a + 1, b)",
    exact="-polygamma(a, b) + (log(b) if a == 0 else (-1) ** (a - 1) * gamma(a) / b ** a)",
)
def psi_gap(n, x):
    """The n-th derivative of log(x) - psi(x), for large x of 1 / 2x + Σ B₂ₖ / (2k x²ᵏ) over k = 1, 2, ..."""
    far = x > 20
    large, small, sign = np.where(far, x, 20.0), np.where(far, 1.0, x), (-1.0) ** n
    coefficients = [number / (2 * k) for k, number in enumerate(BERNOULLI, 1)]
    series = special.poch(1, n) * large ** (-n - 1) / 2 + falling_series(n, large, coefficients)
    of_log = np.where(n == 0, np.log(small), -sign * special.gamma(np.maximum(n, 1)) / small**n)
    return np.where(far, sign * series, of_log - polygamma(n, small))


@ladder(
    None,
    "-zeta_log(a + 1, b, c)",
    "a * zeta_log(maximum(a - 1, 0), b + 1, c) - b * zeta_log(a, b + 1, c)",
    exact="(-1) ** a * zeta(b, c, a)",
)
def zeta_log(n, s, q):
    """Σ log(k + q)ⁿ (k + q)⁻ˢ over k = 0, 1, ...: the n-th derivative of (-1)ⁿ ζ(s, q) in s.

    By the sum of Euler and Maclaurin; the derivatives of log(t)ⁿ t⁻ˢ are t⁻ˢ⁻ʲ times polynomials in log(t).
    """
    n, s, q = np.broadcast_arrays(n, s, q)
    y = np.zeros(n.shape)
    for order in np.unique(n):
        here = n == order
        y[here] = _zeta_log(int(order), s[here], q[here])
    return y


def _zeta_log(n: int, s: np.ndarray, q: np.ndarray) -> np.ndarray:
    first = 12
    total = sum(np.log(k + q) ** n * (k + q) ** -s for k in range(first))
    t = first + q
    log = np.log(t)
    tail = sum(math.comb(n, j) * math.factorial(j) * log ** (n - j) / (s - 1) ** (j + 1) for j in range(n + 1))
    total = total + t ** (1 - s) * tail + log**n * t**-s / 2
    coefficients = [np.ones_like(s) if j == n else np.zeros_like(s) for j in range(n + 1)]  # of powers of log(t)
    for j in range(2 * len(BERNOULLI) - 1):
        raised = [*[k * c for k, c in enumerate(coefficients)][1:], np.zeros_like(s)]
        coefficients = [up - (s + j) * c for up, c in zip(raised, coefficients)]
        if j % 2 == 0:
            polynomial = sum(c * log**k for k, c in enumerate(coefficients))
            total = total - BERNOULLI[j // 2] / math.factorial(j + 2) * t ** (-s - j - 1) * polynomial
    return total


# -- the Faddeeva function w(z) = exp(-z²) erfc(-iz), and with it erfcx, dawsn and the profile of Voigt ----------------

FAR = 6.5  # from here on the asymptotic series is right to all digits


def _faddeeva(n: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The n-th derivative of w at p + iq.

    Near 0 by w' = -2zw + 2i/√π and its derivatives, which cancel far away. There, for q ≥ 0, by the derivatives of the
    asymptotic series w ~ i/√π Σ (2k-1)!!/2ᵏ z^(-2k-1) (DLMF 7.12.1), and of exp(-z²) beside the real axis.
    """
    n, p, q = np.broadcast_arrays(n, p, q)
    z, highest = p + 1j * q, int(np.max(n, initial=0))
    far = (np.abs(z) > FAR) & (q >= 0)
    near = np.where(far, 1.0, z)
    direct = [special.wofz(near), -2 * near * special.wofz(near) + 2j / math.sqrt(math.pi)]
    bell = [np.where(far & (q < np.abs(p) / 4), np.exp(-z * z), 0.0)]
    bell.append(-2 * z * bell[0])
    for k in range(1, highest):
        direct.append(-2 * near * direct[k] - 2 * k * direct[k - 1])
        bell.append(-2 * z * bell[k] - 2 * k * bell[k - 1])
    inverse = 1 / np.where(far, z, FAR)  # whose square does not overflow
    term = 1j / math.sqrt(math.pi) * (-1) ** n * special.gamma(n + 1) * inverse ** (n + 1)
    series = np.zeros_like(term)
    for k in range(40):
        series += term
        term = (
            term * ((k + 0.5) * inverse * inverse) * ((2 * k + n + 1) * (2 * k + n + 2) / ((2 * k + 1) * (2 * k + 2)))
        )
    order = n.astype(int)
    return np.where(far, series + np.choose(order, bell), np.choose(order, direct))


@ladder(
    None,
    "faddeeva_real(a + 1, b, c)",
    "-faddeeva_imag(a + 1, b, c)",
    exact="faddeeva_real(a, b, c)",
)
def faddeeva_real(n, p, q):
    """The real part of the n-th derivative of w at p + iq."""
    return _faddeeva(n, p, q).real


@ladder(
    None,
    "faddeeva_imag(a + 1, b, c)",
    "faddeeva_real(a + 1, b, c)",
    exact="faddeeva_imag(a, b, c)",
)
def faddeeva_imag(n, p, q):
    """The imaginary part of the n-th derivative of w at p + iq."""
    return _faddeeva(n, p, q).imag


# -- the normal density over its distribution function, the slope of log_ndtr ------------------------------------------


@ladder(
    "-y * mills_excess(x, y)",
    exact="sqrt(2 / pi) / erfcx(-x / sqrt(2))",
)
def inverse_mills(x):
    """φ(x) / Φ(x), the inverse of Mills' ratio for -x."""
    return math.sqrt(2 / math.pi) / special.erfcx(x * -math.sqrt(0.5))


# -- scaled Bessel and Airy functions: far out their terms agree to ever more digits, and the powers of their asymptotic
# series are differentiated instead ------------------------------------------------------------------------------------


AIRY_FAR = 12.0  # from here on the asymptotic series of Airy's functions are right to all digits


def _power_slope(n: np.ndarray, p: Any, x: np.ndarray) -> np.ndarray:
    """The n-th derivative of xᵖ."""
    return (-1.0) ** n * special.poch(-p, n) * x ** (p - n)


def _hankel_slope(n: np.ndarray, v: np.ndarray, x: np.ndarray, sign: int) -> np.ndarray:
    """The n-th derivative of Σ signᵏ aₖ(v) x^(-k-1/2), with the coefficients aₖ of Hankel's series (DLMF 10.17.1)."""
    coefficient, total = np.ones_like(v), np.zeros_like(x)
    for k in range(21):
        total = total + coefficient * _power_slope(n, -k - 0.5, x)
        coefficient = coefficient * sign * (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1))
    return total


def _with_far(y: Any, far: np.ndarray, series: Callable, *operands: np.ndarray) -> np.ndarray:
    """y, and where `far` holds the series of the operands there; without its cost where it holds nowhere."""
    if not np.any(far):
        return y
    y, far, *there = (np.array(x) for x in np.broadcast_arrays(y, far, *operands))
    y[far] = series(*[x[far] for x in there])
    return y


def _differences(function: Callable, n: np.ndarray, v: np.ndarray, x: np.ndarray, sign: Any) -> np.ndarray:
    """((E⁻¹ - 2 sign + E) / 2)ⁿ of a function of v, where E shifts v by one and sign² is 1."""
    terms = (
        special.binom(2 * n, k) * (-1 if k % 2 else 1) * (sign if k % 2 else 1) * function(v - n + k, x)
        for k in range(int(2 * np.max(n)) + 1)
    )
    return sum(terms) / 2.0**n


@ladder(
    None,
    None,
    "ive_slope(a + 1, b, c)",
    exact="ive_slope(a, b, c)",
)
def ive_slope(n, v, x):
    """The n-th derivative of ive(v, x) in x, for large x by Hankel's series."""

    def series(n, v, x):
        parity = np.where(x < 0, (-1.0) ** n * np.where(v == np.rint(v), (-1.0) ** np.rint(v), np.nan), 1.0)
        return parity / math.sqrt(2 * math.pi) * _hankel_slope(n, v, np.abs(x), -1)

    near = _differences(special.ive, n, v, x, np.sign(x))
    return _with_far(near, np.abs(x) > 30 + 2 * v * v, series, n, v, x)


@ladder(
    None,
    None,
    "kve_slope(a + 1, b, c)",
    exact="kve_slope(a, b, c)",
)
def kve_slope(n, v, x):
    """The n-th derivative of kve(v, x) in x, for large x by Hankel's series."""

    def series(n, v, x):
        return math.sqrt(math.pi / 2) * _hankel_slope(n, v, x, 1)

    near = (-1.0) ** n * _differences(special.kve, n, v, x, 1)
    return _with_far(near, x > 30 + 2 * v * v, series, n, v, x)


@ladder(
    None,
    None,
    "airye_far(a + 1, b, c)",
)
def airye_far(n, place, x):
    """The n-th derivative of one of the results of airye, by its asymptotic series (DLMF 9.7.5-9.7.8); 0 near 0."""

    def series(n, place, x):
        decaying, prime = place < 2, place % 2 == 1
        sign, power = np.where(decaying, -1.0, 1.0), np.where(prime, 0.25, -0.25)
        u, total = 1.0, 0.0
        for k in range(26):
            coefficient = np.where(prime, (6 * k + 1) / (1 - 6 * k) * u, u) * (1.5 * sign) ** k
            total = total + coefficient * _power_slope(n, power - 1.5 * k, x)
            u = u * (6 * k + 1) * (6 * k + 3) * (6 * k + 5) / (216 * (k + 1) * (2 * k + 1))
        return np.where(decaying, np.where(prime, -0.5, 0.5), 1.0) / math.sqrt(math.pi) * total

    return _with_far(np.zeros_like(x), x > AIRY_FAR, series, n, place, x)


# -- the slope of the transformation of Box and Cox --------------------------------------------------------------------


@ladder(
    None,
    "where(b == -inf, 0.0, power(b, a) * exp(b * c))",
    "boxcox_integral(a + 1, b, c)",
    exact="quad(lambda t: t ** a * exp(c * t), 0, b)",
)
def boxcox_integral(n, log, b):
    """∫₀ sⁿ exp(bs) ds up to `log`: for n = 1 the derivative of (exp(b log) - 1) / b in b."""
    endless = (log == -np.inf) & (b > 0)
    finite, rate = np.where(endless, 0.0, log), np.where(endless, b, 1.0)
    y = finite ** (n + 1) * special.hyp1f1(n + 1, n + 2, b * finite) / (n + 1)
    return np.where(endless, (-1.0) ** (n + 1) * special.gamma(n + 1) / rate ** (n + 1), y)


# -- densities of the gamma, beta and t distributions: Loader (2000), "Fast and accurate computation of binomial
# probabilities" -------------------------------------------------------------------------------------------------------

STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
HALF_LOG_2PI = math.log(2 * math.pi) / 2


def _stirling_error(x: np.ndarray) -> np.ndarray:
    """log Γ(x + 1) less Stirling's approximation of it."""
    far = np.maximum(x, 10.0)
    series = sum(c / far ** (2 * k + 1) for k, c in enumerate(STIRLING))
    return np.where(x > 10, series, special.gammaln(x + 1) - (special.xlogy(x + 0.5, x) - x + HALF_LOG_2PI))


def _deviance(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """x log(x / mean) + mean - x, also where x and mean agree to many digits."""
    r = (x - mean) / (x + mean)
    near = np.abs(r) < 0.1
    square = np.where(near, r * r, 0.0)
    series = sum(square**k / (2 * k + 1) for k in range(1, 9))  # 2 artanh(r) = log(x / mean), less its first term
    return np.where(near, (x - mean) * r + 2 * x * r * series, special.xlogy(x, x / mean) + mean - x)


@ladder(
    "y * log_less_psi(b, a)",
    "gamma_density(a - 1, b) - y",
    exact="b ** (a - 1) * exp(-b) * rgamma(a)",
    singular=True,
)
def gamma_density(a, x):
    """x^(a-1) exp(-x) / Γ(a)."""
    poisson = np.exp(-_stirling_error(a) - _deviance(a, x)) / np.sqrt(2 * math.pi * a)
    scale = special.rgamma(a)
    small = np.where(scale == 0, 0.0, np.exp(special.xlogy(a - 1, x) - x) * scale)
    return np.where((a > 10) & (x > 0) & np.isfinite(x), poisson * a / x, small)


@ladder(
    "y * (log(c) + polygamma_rise(0, a, b))",
    "y * (log1p(-c) + polygamma_rise(0, b, a))",
    "beta_density_slope(a, b, c, y)",
    exact="c ** (a - 1) * (1 - c) ** (b - 1) / beta(a, b)",
    singular=True,
)
def beta_density(a, b, x):
    """x^(a-1) (1-x)^(b-1) / B(a, b)."""
    n = a + b
    errors = _stirling_error(n) - _stirling_error(a) - _stirling_error(b)
    deviance = _deviance(a, n * x) + _deviance(b, n * (1 - x))
    binomial = np.sqrt(n / (2 * math.pi * a * b)) * np.exp(errors - deviance)
    small = np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x)) / special.beta(a, b)
    return np.where((np.maximum(a, b) > 10) & (x > 0) & (x < 1), binomial * (a * b / n) / (x * (1 - x)), small)


@ladder(
    "log1p(x)",
    exact="(1 + x) * log1p(x) - x",
)
def log1p_integral(x):
    """∫₀ˣ log(1+s) ds = (1+x) log(1+x) - x, also near 0; with r = x/(2+x) it is log(1+x) = 2 artanh(r)."""
    r = x / (2 + x)
    near = np.abs(r) < 0.2
    square = np.where(near, r * r, 0.0)
    series = sum(square**k / (2 * k + 1) for k in range(1, 12))
    return np.where(near, x * r + 2 * (1 + x) * r * series, (1 + x) * np.log1p(x) - x)


@ladder(
    "t_log_slope(a, b)",
    "-(a + 1) * b / (a + b * b)",
    exact="gammaln((a + 1) / 2) - gammaln(a / 2) - log(pi * a) / 2 - (a + 1) / 2 * log1p(b * b / a)",
)
def log_t_density(v, t):
    """The logarithm of t_density."""
    return -special.betaln(0.5, v / 2) - np.log(v) / 2 - (v + 1) / 2 * np.log1p(t * t / v)


@ladder(
    "y * t_log_slope(a, b)",
    "-y * (a + 1) * b / (a + b * b)",
    exact="gamma((a + 1) / 2) * rgamma(a / 2) / sqrt(pi * a) * (1 + b * b / a) ** (-(a + 1) / 2)",
)
def t_density(v, t):
    """Γ((v+1)/2) / (√(vπ) Γ(v/2)) (1 + t²/v)^(-(v+1)/2)."""
    half = v / 2
    far = np.exp(_stirling_error(half - 0.5) - _stirling_error(half) - _deviance(half, half - 0.5))
    near = special.gamma(half + 0.5) * special.rgamma(half) / np.sqrt(half)
    return np.where(v > 30, far, near) / math.sqrt(2 * math.pi) * np.exp(-(v + 1) / 2 * np.log1p(t * t / v))

"""What the partials of scipy_special.py need beyond one line: slopes that have two forms, each right where it is used.

They are plain NumPy in terms of other rows, and so may themselves be differentiated.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from diffbench.primitives.kinds import rule_name, slope_row
from diffbench.primitives.partial import RULE_NAMES, ExactConstant
from diffbench.primitives.special_integrals import (
    beta_integral,
    elliptic,
    gamma_balance,
    gamma_integral,
    polygamma_rise,
    psi_half_step,
)
from diffbench.primitives.special_ladders import (
    AIRY_FAR,
    airye_far,
    beta_density,
    faddeeva_imag,
    gamma_density,
    log1p_integral,
    psi_gap,
    t_density,
    zeta_log,
)

PI: ExactConstant = RULE_NAMES["PI"]
LOG_2PI = ExactConstant(math.log(2 * math.pi), "log(2 * pi)")
SQRT_2 = ExactConstant(math.sqrt(2), "sqrt(2)")
SQRT_2PI = ExactConstant(math.sqrt(2 * math.pi), "sqrt(2 * pi)")


# -- gamma and zeta functions ------------------------------------------------------------------------------------------


@rule_name
def rgamma_slope(x: Any, y: Any) -> Any:
    """-psi(x) / Γ(x); for small x, where psi has the poles at which 1/Γ is zero, by reflection at 1/2."""
    low = x < 0.5
    reflected, ordinary = np.where(low, x, 0.0), np.where(low, 1.0, x)
    angle = PI * (reflected - 2 * np.rint(reflected / 2))
    bracket = np.cos(angle) - special.psi(1 - reflected) * np.sin(angle) / PI
    return np.where(low, special.gamma(1 - reflected) * bracket, -y * special.psi(ordinary))


@rule_name
def binom_slopes(n: Any, k: Any, y: Any) -> tuple[Any, Any]:
    """The derivatives of the binomial coefficient in n and in k.

    Beyond n, where it is zero at whole k and psi has poles, it is B(n + 1, k - n) sin(π (k - n)) / π; below zero it is
    that of n - k.
    """
    below = k < -0.5
    beyond = (n > -1) & (below | (k > n + 0.5))
    if not np.any(beyond):
        return y * polygamma_rise(0, n - k + 1, k), y * (special.psi(n - k + 1) - special.psi(k + 1))
    low, high = np.where(beyond, n, 1.0), np.where(beyond, np.where(below, n - k, k), 2.0)
    distance = high - low
    angle = PI * (distance - 2 * np.rint(distance / 2))
    sine, cosine, scale = np.sin(angle) / PI, np.cos(angle), special.beta(low + 1, distance)
    in_low = scale * ((special.psi(low + 1) - special.psi(distance)) * sine - cosine)
    in_high = scale * ((special.psi(distance) - special.psi(high + 1)) * sine + cosine)
    inside_n, inside_k = binom_slopes(np.where(beyond, 1.0, n), np.where(beyond, 0.5, k), y)
    return (
        np.where(beyond, in_low + np.where(below, in_high, 0.0), inside_n),
        np.where(beyond, np.where(below, -in_high, in_high), inside_k),
    )


@rule_name
def zeta_slope(x: Any) -> Any:
    """ζ'(x), for x < 0 by the derivative of ζ(x) = 2ˣ πˣ⁻¹ sin(πx/2) Γ(1-x) ζ(1-x)."""
    low = x < -0.5  # between there and 0 the factors of the reflection have a pole and a zero
    s = np.where(low, 1 - x, 2.0)
    angle = PI * (1 - s) / 2
    level = LOG_2PI - special.psi(s)
    cosine, sine = PI * np.cos(angle) / 2, np.sin(angle)
    bracket = (cosine + sine * level) * special.zeta(s) + sine * zeta_log(1, s, 1)
    reflected = 2 * np.exp(-s * LOG_2PI) * special.gamma(s) * bracket
    return np.where(low, reflected, -zeta_log(1, np.where(low, 2.0, x), 1))


@rule_name
def expn_slope(n: Any, x: Any, y: Any) -> Any:
    """-E(n-1, x), where E(-1, x) = (exp(-x) + E(0, x)) / x."""
    return -np.where(n == 0, (np.exp(-x) + y) / x, special.expn(np.maximum(n - 1, 0), x))


# -- the normal law ----------------------------------------------------------------------------------------------------


@rule_name
def mills_excess(x: Any, y: Any) -> Any:
    """x + φ(x) / Φ(x), where y is the second term; for x < 0, where the two cancel, by the derivative of erfcx."""
    low = x < 0
    t = -np.where(low, x, 0.0) / SQRT_2
    return np.where(low, faddeeva_imag(1, 0 * t, t) / (SQRT_2 * special.erfcx(t)), x + y)


# -- distribution functions in their parameters ------------------------------------------------------------------------


@rule_name
def log_less_psi(x: Any, a: Any) -> Any:
    """log(x) - psi(a), also where both are large and agree to many digits."""
    near = np.abs(x - a) < a / 2
    return np.where(near, np.log1p(np.where(near, x - a, 0.0) / a), np.log(x) - np.log(a)) + psi_gap(0, a)


@rule_name
def gammainc_slope(a: Any, x: Any) -> Any:
    """∂P(a, x)/∂a, also beside a = x, where P is close to one half and its second derivative to zero."""
    beside = (a > 100) & (np.square(x - a) < a / 4)
    if not np.any(beside):
        return _gammainc_slope_on_one_side(a, x)
    inner_a, inner_x = np.where(beside, a, 200.0), np.where(beside, x, 200.0)
    outer_a, outer_x = np.where(beside, 1.0, a), np.where(beside, 1.0, x)
    return np.where(
        beside, _gammainc_slope_by_both_sides(inner_a, inner_x), _gammainc_slope_on_one_side(outer_a, outer_x)
    )


def _gammainc_slope_on_one_side(a: Any, x: Any) -> Any:
    """By the integral on that side of x on which its terms have one sign."""
    inside = (x > 0) & np.isfinite(x)
    x = np.where(inside, x, a)
    side = np.where(x > a, np.ones_like(x), -np.ones_like(x))
    level = log_less_psi(x, a)
    terms = level * gamma_integral(0, 0, side, a, x) + side * gamma_integral(1, 0, side, a, x)
    return np.where(inside, -side * x * gamma_density(a, x) * terms, 0.0)


def _gammainc_slope_by_both_sides(a: Any, x: Any) -> Any:
    """P is (1 - D/C) / 2, where C and D are half the sum and half the difference of the two integrals."""
    (whole, growth), (gap, tilt) = ([gamma_balance(j, 0, 0, odd, a, x) for j in (0, 1)] for odd in (0, 1))
    return -(growth - gap / whole * tilt) / (2 * whole)


@rule_name
def betainc_slopes(a: Any, b: Any, x: Any, rest: Any) -> tuple[Any, Any]:
    """∂I(a, b, x)/∂a and ∂I/∂b, by the integral on that side of x on which its terms have one sign; rest is 1 - x."""
    inside = (x > 0) & (rest > 0)
    x, rest = np.where(inside, x, 0.5), np.where(inside, rest, 0.5)
    above = x * (a + b) > a
    p, q, s, t = np.where(above, b, a), np.where(above, a, b), np.where(above, rest, x), np.where(above, x, rest)
    whole, in_r = beta_integral(0, 0, 0, p, q, s), beta_integral(0, 1, 0, p, q, s)
    in_p = (np.log(s) + polygamma_rise(0, p, q)) * whole - beta_integral(1, 0, 0, p, q, s) - in_r
    in_q = (np.log(t) + polygamma_rise(0, q, p)) * whole - in_r
    factor = np.where(inside, s * t * beta_density(p, q, s), 0.0)
    return factor * np.where(above, -in_q, in_p), factor * np.where(above, -in_p, in_q)


@rule_name
def beta_density_slope(a: Any, b: Any, x: Any, y: Any) -> Any:
    """∂/∂x of the density y = x^(a-1) (1-x)^(b-1) / B(a, b), as a power also at the ends, where y may be zero."""
    inside = (x > 0) & (x < 1)
    within = np.where(inside, x, 0.5)
    slope = y * ((a - 1) / within - (b - 1) / (1 - within))
    if np.all(inside):
        return slope

    def rise(a, x, b, rest):
        return np.where(a == 1, 0.0, (a - 1) * np.power(x, np.where(a == 1, 0.0, a - 2)) * np.power(rest, b - 1))

    end = np.where(inside, 0.0, x)
    return np.where(inside, slope, (rise(a, end, b, 1 - end) - rise(b, 1 - end, a, end)) / special.beta(a, b))


@rule_name
def t_log_slope(v: Any, t: Any) -> Any:
    """The slope of the logarithm of Student's density in the degrees of freedom, without terms in 1/v, which cancel."""
    u = t * t / v
    return (psi_half_step(0, v) + (u / v - log1p_integral(u)) / (1 + u)) / 2


@rule_name
def stdtr_slope(v: Any, t: Any) -> Any:
    """The derivative of the distribution function of Student's t in the degrees of freedom."""
    square = t * t
    far = (v > 20) & (4 * square < v)  # where the terms by way of the incomplete beta function cancel
    density, many = t_density(v, t), _stdtr_slope_over_density(np.where(far, v, 100.0), np.where(far, t, 0.0))
    few, part = np.where(far, 1.0, v), np.where(far, 1.0, square)
    in_a, _ = betainc_slopes(few / 2, 0.5 * np.ones_like(t), few / (few + part), part / (few + part))
    return np.where(far, many * density, -np.sign(t) * in_a / 4 - t * density / (2 * v))


def _roots_of_quotients(count: int) -> list[float]:
    """The coefficients of √(x / sinh x) in powers of x², by the recurrence for powers of a series."""
    quotient, root = [1 / math.factorial(2 * k + 1) for k in range(count)], [1.0]
    for n in range(1, count):
        root.append(sum((k / 2 - n) * quotient[k] * root[n - k] for k in range(1, n + 1)) / n)
    return root


ROOTS = _roots_of_quotients(9)


def _stdtr_slope_over_density(v: Any, t: Any) -> Any:
    """The slope of the distribution function of Student's t in many degrees of freedom, over its density.

    With m = v - 1/2 and z² = m log(1 + t²/v) the survival function is the integral of exp(-s²/2) √(x / sinh x) from z
    to ∞, where x = s²/2m, over that from -∞ to ∞. Its slope comes from that of z and, term by term in powers of x²,
    from m: the integral of s⁴ʲ exp(-s²/2) is a moment of the normal law, and integration by parts leaves a rest at z.
    """
    m, u = v - 0.5, t * t / v
    r, share, excess = u / (2 + u), (1 + u) / (2 + u), 0.0
    for k in range(9, 0, -1):
        excess = r * r * (1 / (2 * k + 1) + excess)  # artanh(r) / r - 1
    x = r * (1 + excess)  # z² / 2m
    moment, rest, powers = 1.0, 0.0, [(1.0, 0.0)]
    for k in range(1, 2 * len(ROOTS) - 1):
        odd = (2 * k - 1) / (2 * m)
        moment, rest = odd * moment, x ** (k - 1) + odd * rest
        powers.append((moment, rest))
    terms = [(2 * j, root, *powers[2 * j]) for j, root in enumerate(ROOTS)]
    whole = sum(root * moment for _, root, moment, _ in terms)
    growth = sum(degree * root * moment for degree, root, moment, _ in terms) / whole
    in_m = sum((degree - growth) * root * rest for degree, root, _, rest in terms) / sum(
        root * x**degree for degree, root, _, _ in terms
    )
    in_z = (1 / v + 2 * r + 4 * share * excess) / 4
    return t * (in_z + share * (1 + excess) * in_m / m) / m


@rule_name
def kolmogorov_slope(x: Any) -> Any:
    """The derivative of Kolmogorov's survival function, by its series for large x or by that for small."""
    far, tiny = x > 1, x < 0.02
    large, small = np.where(far, x, 1.0), np.where(far | tiny, 1.0, x)
    square = np.square(large)
    series: Any = 0.0
    theta: Any = 0.0
    for k in range(1, 9):
        series = series + (-1) ** k * k * k * np.exp(-2 * k * k * square)
        odd = np.square((2 * k - 1) * (PI / small))
        theta = theta + (1 - odd / 4) * np.exp(-odd / 8)
    theta = theta * SQRT_2PI / np.square(small)
    return np.where(far, 8 * large * series, np.where(tiny, 0.0, theta))


# -- quotients that are regular at 0 -----------------------------------------------------------------------------------


@rule_name
def sin_over(x: Any) -> Any:
    """sin(x) / x; near 0 by sinc, whose own slope is right there."""
    near = np.abs(x) < 1
    return np.where(near, np.sinc(np.where(near, x, 0.0) / PI), np.sin(x) / np.where(near, 1.0, x))


@rule_name
def bessel_over(value: Any, x: Any, sign: int) -> Any:
    """(B(x) - 1) / x, where B is I₀ (sign 1) or J₀ (sign -1) and value is B(x); near 0 by the power series."""
    near = np.abs(x) < 2
    quarter = sign * np.square(np.where(near, x, 0.0)) / 4
    series: Any = 1
    for k in range(30, 0, -1):
        series = 1 + quarter / ((k + 1) * (k + 1)) * series
    return np.where(near, sign * x / 4 * series, (value - 1) / np.where(near, 1.0, x))


@rule_name
def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 at a = b = 0."""
    return a / np.where((a == 0) & (b == 0), 1.0, b)


# -- sigmoids, and a loss: their slopes as rows ------------------------------------------------------------------------


slope_row(
    lambda x, y: y * special.expit(-x),
    "expit_slope", "-y * tanh(a / 2)", None, exact="1 / (1 + exp(-a)) / (1 + exp(a))", analytic=False,
)  # fmt: skip
slope_row(lambda x, y: y / (1 + y), "omega_slope", "y / (1 + b) / (1 + b)", None, exact="b / (1 + b)", analytic=False)


def _pseudo_huber_slope(a: Any, b: Any) -> Any:
    """(√(a² + b²) - a)² / √(a² + b²), the slope in the first operand, without overflow and underflow on the way."""
    radius = np.hypot(a, b)
    excess = b * (b / (radius + a))
    return excess * (excess / radius)


@rule_name
def cube_of_share(a: Any, b: Any) -> Any:
    """(a / √(a² + b²))³."""
    share = RULE_NAMES["share_of_hypot"](a, b, np.hypot(a, b))
    return share * share * share


@rule_name
def pseudo_huber_bend(a: Any, b: Any) -> Any:
    """The second derivative of pseudo_huber in its first operand."""
    radius = np.hypot(a, b)
    return -np.square(b / radius * (b / (radius + a))) * (2 + a / radius)


slope_row(
    _pseudo_huber_slope, "pseudo_huber_slope", "pseudo_huber_bend(a, b)", "cube_of_share(b, a)",
    exact="(b * b / (sqrt(a * a + b * b) + a)) ** 2 / sqrt(a * a + b * b)", analytic=False, singular=True,
)  # fmt: skip
slope_row(
    lambda a, b: b * (a / np.hypot(a, b)), "pseudo_huber_force", "cube_of_share(b, a)", "cube_of_share(a, b)",
    exact="b * a / sqrt(a * a + b * b)", analytic=False, singular=True,
)  # fmt: skip


# -- elliptic functions, Bessel functions, Jacobi polynomials, Tukey's distribution ------------------------------------


@rule_name
def agm_slope(a: Any, b: Any, y: Any) -> Any:
    """∂agm(a, b)/∂a, from agm(a, b) = π(a+b) / 4K(m) with m = ((a-b)/(a+b))²; it is regular at a = b."""
    total = a + b
    rest = 4 * a * b / np.square(total)  # 1 - m
    growth = special.elliprd(0, 1, rest) / 6 / special.ellipkm1(rest)  # K'(m) / K(m)
    return y / total * (1 - growth * 4 * b * (a - b) / np.square(total))


@rule_name
def elliprc_slopes(x: Any, y: Any, value: Any) -> tuple[Any, Any]:
    """The derivatives of elliprc; for y < 0, where it is a principal value, by those of artanh √(x/(x-y)) / √(x-y)."""
    principal = y < 0
    ordinary, beyond = np.where(principal, 1.0, y), np.where(principal, y, -1.0)
    in_x = (value - 1 / np.sqrt(x)) / (2 * (beyond - x))
    in_y = (np.sqrt(x) - beyond * value) / (2 * beyond * (beyond - x))
    return (
        np.where(principal, in_x, -special.elliprd(ordinary, ordinary, x) / 6),
        np.where(principal, in_y, -special.elliprd(x, ordinary, ordinary) / 3),
    )


@rule_name
def elliprg_slope(x: Any, y: Any, z: Any) -> Any:
    """∂RG/∂x = (RF(x, y, z) - x RD(y, z, x) / 3) / 4, without the product at x = 0; RG(x, 0, 0) is √x / 2."""
    alone = (x > 0) & (y == 0) & (z == 0)
    beside, positive = np.where(alone, 1.0, y), np.where(x == 0, 1.0, x)
    product = np.where(x == 0, 0.0, positive * special.elliprd(beside, z, positive) / 3)
    return np.where(alone, 0.25 / np.sqrt(positive), (special.elliprf(x, beside, z) - product) / 4)


@rule_name
def jacobi_am_slope(u: Any, m: Any) -> Any:
    """∂am(u, m)/∂m, from the derivative of the elliptic integral whose inverse am is."""
    angle = RULE_NAMES["jacobi_am"](u, m)
    return -RULE_NAMES["jacobi_dn"](u, m) * elliptic(1, 1, angle, m) / 2


@rule_name
def airye_slope(place: int, near: Any, x: Any) -> Any:
    """The slope of one of the four results of airye, which near 0 is this."""
    return np.where(x > AIRY_FAR, airye_far(1, place, x), near)


@rule_name
def spherical_slope(function: Any, n: Any, x: Any, sign: int) -> Any:
    """(n f(n-1, x) + sign (n+1) f(n+1, x)) / (2n+1), the derivative of a spherical Bessel function (DLMF 10.51.2)."""
    lower = function(np.maximum(n - 1, 0), x)
    return (n * lower + sign * (n + 1) * function(n + 1, x)) / (2 * n + 1)


@rule_name
def struve_term(v: Any, x: Any) -> Any:
    """(x/2)ᵛ / (√π Γ(v + 3/2)), the term by which Struve's functions differ from Bessel's (DLMF 11.4.27)."""
    return np.power(x / 2, v) * special.rgamma(v + 1.5) / RULE_NAMES["SQRT_PI"]


@rule_name
def jacobi_slope(n: Any, a: Any, b: Any, x: Any) -> Any:
    """The derivative of a Jacobi polynomial; SciPy's polynomial of degree -1 is NaN in places, where this needs 0."""
    return np.where(n == 0, 0.0, (n + a + b + 1) / 2 * special.eval_jacobi(n - (n != 0), a + 1, b + 1, x))


@rule_name
def tukey_slope(b: Any, y: Any) -> Any:
    """The density of Tukey's lambda distribution where its distribution function is y; 0 outside of the support."""
    inside = (y > 0) & (y < 1)
    p = np.where(inside, y, 0.5)
    return np.where(inside, 1 / (np.power(p, b - 1) + np.power(1 - p, b - 1)), 0.0)

"""The rows of scipy.special: none is missing, and their derivatives are mpmath's, to 50 digits, also far out."""

from functools import cache, partial

import numpy as np
import pytest
from mpmath import mp, mpf

import diffbench as db
from diffbench.primitives import TABLE, lookup, rows_of_scipy
from diffbench.primitives.kinds import Composite, Elementwise, Refused
from diffbench.primitives.scipy_special import NoPartial, Several
from tests.cases import each

special = pytest.importorskip("scipy.special")


# -- what the functions are, in mpmath ---------------------------------------------------------------------------------


class Inverse:
    """The inverse of a function in one of its arguments, in whose place the value stands."""

    def __init__(self, function, place):
        self.function, self.place = function, place

    def solved(self, args, guess):
        """The arguments of the function itself, the unknown found by the secant method."""
        before, value, behind = args[: self.place], args[self.place], args[self.place + 1 :]
        x = mp.findroot(lambda x: self.function(*before, x, *behind) - value, (guess, guess * (1 + mpf(10) ** -9)))
        return (*before, x, *behind)

    def slope(self, args, guess, position):
        """The implicit function theorem."""
        solved = self.solved(args, guess)
        steep = slope_of(self.function, solved, self.place)
        return 1 / steep if position == self.place else -slope_of(self.function, solved, position) / steep


def slope_of(function, args, position, order=1):
    """mpmath's numerical derivative, by central differences with a step relative to the argument."""
    before, x, behind = args[:position], args[position], args[position + 1 :]
    return mp.re(mp.diff(lambda x: function(*before, x, *behind), x, order, h=mpf(10) ** -20 * (abs(x) or 1)))


def prime(function):
    return lambda *args: mp.diff(lambda x: function(*args[:-1], x), args[-1])


class Antiderivative:
    """A function of which the derivative is known, from 0 or to infinity."""

    def __init__(self, derivative):
        self.derivative = derivative


def faddeeva(x, y):
    z = mp.mpc(x, y)
    return mp.exp(-z * z) * mp.erfc(-1j * z)


def gammainc(a, x):
    if a > 1e5:  # where mpmath's function takes long
        ends = [x - k * mp.sqrt(x) for k in (40, 20, 10, 5, 2, 0)]
        level = mp.loggamma(a)
        return mp.quad(lambda t: mp.exp((a - 1) * mp.log(t) - t - level), ends)
    return mp.gammainc(a, 0, x, regularized=True)


def gammaincc(a, x):
    return mp.gammainc(a, x, regularized=True)


def betainc(a, b, x):
    return mp.betainc(a, b, 0, x, regularized=True)


def stdtr(v, t):
    if v > 100:  # where mpmath's incomplete beta function takes long
        level = mp.loggamma((v + 1) / 2) - mp.loggamma(v / 2) - mp.log(v * mp.pi) / 2
        return mp.quad(lambda s: mp.exp(level - (v + 1) / 2 * mp.log1p(s * s / v)), [0, t / 2, t]) + mpf(1) / 2
    tail = betainc(v / 2, mpf(1) / 2, v / (v + t * t)) / 2
    return tail if t < 0 else 1 - tail


def fdtr(p, q, x):
    return betainc(p / 2, q / 2, p * x / (q + p * x))


def log_ndtr(x):
    return mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2) if x > 0 else mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


def owens_t(h, a):
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi)


def ndtri(p):
    return mp.erfinv(2 * p - 1) * mp.sqrt(2)


def boxcox(x, b):
    return mp.expm1(b * mp.log(x)) / b if b else mp.log(x)


def kolmogorov(x):
    return 2 * sum((-1) ** (k - 1) * mp.exp(-2 * k * k * x * x) for k in range(1, 80))


def spherical(function):
    return lambda n, x: mp.sqrt(mp.pi / (2 * x)) * function(n + mpf(1) / 2, x)


def jacobi_shifted(n, p, q, x):
    return mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n)


def wright_bessel(a, b, x):
    return mp.nsum(lambda k: x**k / mp.factorial(k) * mp.rgamma(a * k + b), [0, mp.inf])


X = (-30.0, -2.5, -0.3, 0.0, 1e-8, 0.7, 4.0, 30.0)
UNIT = (1e-30, 1e-10, 0.1, 0.5, 0.9, 0.99999)
ORDERS = [(0, 0.1), (0, 12.0), (1, 0.1), (2, 1.0), (5, 12.0)]
DEGREES = [(0, 0.3), (1, -0.3), (2, 0.9), (2, 0.6), (7, -1.0), (7, 0.1), (7, 0.6)]

# fmt: off
TRUTH = {
    # -- exponentials, logarithms, powers
    "exp2": (lambda x: 2**x, X),
    "exp10": (lambda x: mpf(10)**x, X),
    "expm1": (mp.expm1, X),
    "exprel": (lambda x: mp.expm1(x) / x if x else mpf(1), (-1e6, -2.5, -1e-3, 1e-3, 30.0, 700.0)),
    "log1p": (mp.log1p, (-0.9, 1e-12, 3.0)),
    "powm1": (lambda a, b: a**b - 1, [(0.5, 1.3), (2.0, 1e-9), (3.0, -2.0)]),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), (-8.0, 0.1, 27.0)),
    "xlogy": (lambda a, b: a * mp.log(b), [(0.5, 1.3), (-2.0, 1e-9), (3.0, 1e9)]),
    "xlog1py": (lambda a, b: a * mp.log1p(b), [(0.5, 1.3), (-2.0, 1e-9), (3.0, -0.9)]),
    "boxcox": (boxcox, [(0.5, 1.3), (2.0, 1e-9), (3.0, -2.0), (1e-8, 0.3), (1e8, 0.1)]),
    "boxcox1p": (lambda x, b: boxcox(1 + x, b), [(0.5, 1.3), (1e-9, -2.0), (-0.9, 0.3)]),
    "inv_boxcox": (lambda y, b: mp.exp(mp.log1p(b * y) / b), [(0.5, 1.3), (2.0, 1e-9), (-0.3, -2.0), (-3.0, 0.3)]),
    "inv_boxcox1p": (lambda y, b: mp.expm1(mp.log1p(b * y) / b), [(0.5, 1.3), (2.0, 1e-9), (-0.3, -2.0), (-3.0, 0.3)]),
    # -- sigmoids
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), (*X, -700.0, 700.0)),
    "logit": (lambda x: mp.log(x / (1 - x)), UNIT),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), (*X, -800.0, 700.0)),
    "wrightomega": (lambda x: mp.lambertw(mp.exp(x)).real, (*X, 1e3)),
    # -- entropies and losses
    "entr": (lambda x: -x * mp.log(x), (1e-30, 0.1, 3.0, 1e10)),
    "rel_entr": (lambda a, b: a * mp.log(a / b), [(0.5, 1.3), (2.0, 1e-9), (1e-30, 1e30)]),
    "kl_div": (lambda a, b: a * mp.log(a / b) - a + b, [(0.5, 1.3), (2.0, 1e-9), (1e-30, 1e30)]),
    "huber": (lambda a, b: b * b / 2 if abs(b) <= a else a * (abs(b) - a / 2), [(1.0, 0.3), (1.0, -3.0), (2.0, 5.0)]),
    "pseudo_huber": (lambda a, b: a * a * (mp.sqrt(1 + (b / a)**2) - 1), [(1.0, 1e-3), (1.0, -3.0), (0.1, 5.0)]),
    # -- angles in degrees
    "sindg": (lambda x: mp.sin(x * mp.pi / 180), (-400.0, 1e-9, 30.0, 179.0)),
    "cosdg": (lambda x: mp.cos(x * mp.pi / 180), (-400.0, 1e-9, 30.0, 179.0)),
    "tandg": (lambda x: mp.tan(x * mp.pi / 180), (-400.0, 1e-9, 30.0, 89.0)),
    "cotdg": (lambda x: mp.cot(x * mp.pi / 180), (-400.0, 0.1, 30.0, 89.0)),
    "cosm1": (lambda x: mp.cos(x) - 1, (-3.0, 1e-9, 0.5)),
    "radian": (lambda a, b, c: (a + b / 60 + c / 3600) * mp.pi / 180, [(3.0, 4.0, 5.0)]),
    # -- error functions
    "erf": (mp.erf, X[1:-1]),
    "erfc": (mp.erfc, (-2.5, 0.0, 0.7, 26.0)),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (-26.0, -2.0, 0.0, 0.7, 6.0, 7.0, 40.0, 1e8)),
    "erfi": (mp.erfi, (-2.5, 0.0, 0.7, 26.0)),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), (-3.0, 0.0, 0.7, 6.0, 7.0, 40.0)),
    "erfinv": (mp.erfinv, (-0.9, 0.0, 1e-9, 0.5, 0.999999)),
    "erfcinv": (lambda x: mp.erfinv(1 - x), (1e-20, 0.5, 1.0, 1.9)),
    "ndtr": (mp.ncdf, (-20.0, -3.0, 0.0, 0.7, 5.0)),
    "log_ndtr": (log_ndtr, (-1e4, -50.0, -3.0, 0.0, 0.7, 5.0, 20.0)),
    "ndtri": (ndtri, (1e-20, 0.1, 0.5, 0.999)),
    "ndtri_exp": (lambda x: ndtri(mp.exp(x)), (-60.0, -3.0, -0.7, -1e-3)),
    "voigt_profile": (lambda x, s, g: faddeeva(x / s / mp.sqrt(2), g / s / mp.sqrt(2)).real / s / mp.sqrt(2 * mp.pi),
                      [(0.3, 1.0, 0.5), (-2.0, 0.5, 0.1), (50.0, 1.0, 0.5), (1e4, 1.0, 2.0), (0.0, 1.0, 30.0)]),
    "owens_t": (owens_t,
                [(0.5, 1.3), (-2.0, 0.1), (0.0, 3.0)]),
    # -- gamma and zeta functions
    "gamma": (mp.gamma, (-20.7, -0.3, 1e-9, 0.7, 1.5, 30.0, 170.0)),
    "gammaln": (lambda x: mp.loggamma(x).real, (-0.3, 1e-9, 0.7, 1.5, 30.0, 1e10)),
    "loggamma": (mp.loggamma, (1e-9, 0.7, 1.5, 30.0, 1e10)),
    "rgamma": (mp.rgamma, (-20.7, -3.0, -0.3, 0.0, 1e-9, 0.7, 1.5, 30.0)),
    "psi": (mp.digamma, (-20.7, -0.3, 1e-9, 0.7, 30.0, 1e10)),
    "beta": (mp.beta, [(0.5, 1.3), (2.0, 1e-9), (30.0, 40.0), (100.0, 1e-5), (-0.3, 2.0)]),
    "betaln": (lambda a, b: mp.log(abs(mp.beta(a, b))), [(0.5, 1.3), (2.0, 1e-9), (1e10, 40.0), (1e10, 1e-5)]),
    "binom": (mp.binomial, [(5.0, 2.0), (0.5, 1.3), (50.0, 20.5), (1e6, 3.0), (5.0, 9.0), (5.0, -2.0),
                            (5.0, 6.0), (4.5, 7.3), (0.3, -3.0), (5.0, 400.0)]),
    "poch": (mp.rf, [(5.0, 2.0), (0.5, 1.3), (50.0, 20.5), (1e6, 3.0)]),
    "_riemann_zeta": (mp.zeta, (-20.7, -2.0, -0.5, 0.0, 0.5, 0.99, 1.01, 2.0, 12.0)),
    "_zeta": (mp.zeta, [(1.01, 0.3), (2.0, 1.0), (3.5, 1e-3), (12.0, 30.0), (2.0, 1e8)]),
    "zetac": (lambda x: mp.zeta(x) - 1, (-2.0, 0.5, 2.0, 12.0, 40.0)),
    # -- incomplete gamma and beta functions, distribution functions
    "gammainc": (gammainc, [(0.5, 1.3), (0.01, 1e-3), (3.0, 1e-5), (5.0, 20.0), (300.0, 290.0), (300.0, 310.0)]),
    "gammaincc": (gammaincc, [(0.5, 1.3), (0.01, 1e-3), (5.0, 20.0), (300.0, 290.0), (300.0, 310.0), (2.0, 100.0)]),
    "gammaincinv": (Inverse(gammainc, 1), [(0.5, 0.3), (3.0, 0.9), (100.0, 0.5)]),
    "gammainccinv": (Inverse(gammaincc, 1), [(0.5, 0.3), (3.0, 0.9), (100.0, 0.5)]),
    "betainc": (betainc, [(0.5, 1.3, 0.2), (3.0, 0.2, 0.99), (50.0, 60.0, 0.45), (200.0, 3.0, 0.9), (1.0, 1.0, 1e-9)]),
    "betaincc": (lambda a, b, x: betainc(b, a, 1 - x), [(0.5, 1.3, 0.2), (50.0, 60.0, 0.45), (3.0, 0.2, 0.99)]),
    "betaincinv": (Inverse(betainc, 2), [(0.5, 1.3, 0.2), (50.0, 60.0, 0.45), (3.0, 0.7, 0.9)]),
    "betainccinv": (Inverse(lambda a, b, x: 1 - betainc(a, b, x), 2), [(0.5, 1.3, 0.2), (50.0, 60.0, 0.45)]),
    "stdtr": (stdtr, [(0.5, -1.3), (3.0, 2.0), (3.0, 1e-5), (1.0, -1e3), (50.0, 5.0), (7.0, 2.6), (21.0, 0.1),
                      (50.0, -1.3), (1e3, 4.0), (1e6, 2.0), (1e10, -1.3), (1e10, 0.0)]),
    "stdtrit": (Inverse(stdtr, 1), [(0.5, 0.3), (3.0, 0.9), (50.0, 0.01)]),
    "stdtridf": (Inverse(stdtr, 0), [(0.9, 2.0), (0.1, -1.5)]),
    "btdtria": (Inverse(betainc, 0), [(0.3, 1.5, 0.4), (0.9, 3.0, 0.2)]),
    "btdtrib": (Inverse(betainc, 1), [(1.5, 0.3, 0.4), (3.0, 0.9, 0.6)]),
    "gdtrib": (Inverse(lambda a, b, x: gammainc(b, a * x), 1), [(1.5, 0.3, 0.4), (3.0, 0.9, 2.0)]),
    "chdtriv": (Inverse(lambda v, x: gammainc(v / 2, x / 2), 0), [(0.3, 2.0), (0.9, 7.0)]),
    "pdtrik": (Inverse(lambda k, m: gammaincc(k + 1, m), 0), [(0.3, 8.0), (0.9, 3.0)]),
    "tklmbda": (Inverse(lambda p, b: (p**b - (1 - p)**b) / b, 0), [(0.3, 0.5), (-1.0, -0.5), (0.2, 2.0)]),
    "kolmogorov": (kolmogorov, (0.2, 0.5, 0.9, 1.1, 2.0, 5.0)),
    "kolmogi": (Inverse(kolmogorov, 0), (0.1, 0.5, 0.9)),
    "chdtr": (lambda v, x: gammainc(v / 2, x / 2), [(3.0, 2.0), (0.5, 0.1), (80.0, 90.0)]),
    "chdtrc": (lambda v, x: gammaincc(v / 2, x / 2), [(3.0, 2.0), (0.5, 0.1), (80.0, 90.0)]),
    "chdtri": (Inverse(lambda v, x: gammaincc(v / 2, x / 2), 1), [(3.0, 0.2), (80.0, 0.9)]),
    "gdtr": (lambda a, b, x: gammainc(b, a * x), [(0.5, 3.0, 2.0)]),
    "gdtrc": (lambda a, b, x: gammaincc(b, a * x), [(0.5, 3.0, 2.0)]),
    "gdtria": (Inverse(lambda a, b, x: gammainc(b, a * x), 0), [(0.5, 3.0, 2.0)]),
    "gdtrix": (Inverse(lambda a, b, x: gammainc(b, a * x), 2), [(0.5, 3.0, 0.2)]),
    "fdtr": (fdtr, [(3.0, 5.0, 1e-6), (3.0, 5.0, 0.4), (3.0, 5.0, 2.0), (30.0, 50.0, 4.0)]),
    "fdtrc": (lambda p, q, x: 1 - fdtr(p, q, x), [(3.0, 5.0, 0.4), (3.0, 5.0, 2.0), (30.0, 50.0, 4.0)]),
    "fdtri": (Inverse(fdtr, 2), [(3.0, 5.0, 0.4), (30.0, 50.0, 0.95)]),
    "bdtr": (lambda k, n, p: betainc(n - k, k + 1, 1 - p), [(2, 5, 0.3), (0, 7, 0.9)]),
    "bdtrc": (lambda k, n, p: betainc(k + 1, n - k, p), [(2, 5, 0.3), (0, 7, 0.9)]),
    "bdtri": (Inverse(lambda k, n, p: betainc(n - k, k + 1, 1 - p), 2), [(2, 5, 0.3), (0, 7, 0.9)]),
    "nbdtr": (lambda k, n, p: betainc(n, k + 1, p), [(2, 5, 0.3), (0, 7, 0.9)]),
    "nbdtrc": (lambda k, n, p: 1 - betainc(n, k + 1, p), [(2, 5, 0.3), (0, 7, 0.9)]),
    "nbdtri": (Inverse(lambda k, n, p: betainc(n, k + 1, p), 2), [(2, 5, 0.3), (0, 7, 0.9)]),
    "pdtr": (lambda k, m: gammaincc(k + 1, m), [(2, 1.5), (30, 25.0)]),
    "pdtrc": (lambda k, m: gammainc(k + 1, m), [(2, 1.5), (30, 25.0)]),
    "pdtri": (Inverse(lambda k, m: gammaincc(k + 1, m), 1), [(2, 0.3), (30, 0.9)]),
    "nrdtrimn": (lambda p, s, x: x - s * ndtri(p), [(0.3, 2.0, 1.5)]),
    "nrdtrisd": (lambda m, p, x: (x - m) / ndtri(p), [(0.3, 0.9, 1.5)]),
    # -- exponential, sine and Fresnel integrals
    "exp1": (mp.e1, (1e-9, 0.7, 3.0, 600.0)),
    "expi": (mp.ei, (-30.0, -0.7, 1e-9, 3.0, 600.0)),
    "expn": (mp.expint, [(0, 0.7), (1, 0.7), (2, 3.0), (5, 0.1), (5, 30.0)]),
    "spence": (lambda x: mp.polylog(2, 1 - x), (1e-8, 0.3, 0.999999, 1.000001, 1.7, 1e3)),
    "shichi[0]": (mp.shi, (-3.0, 0.0, 1e-6, 0.7, 30.0, 700.0)),
    "shichi[1]": (mp.chi, (1e-6, 0.7, 30.0, 700.0)),
    "sici[0]": (mp.si, (-3.0, 0.0, 1e-6, 0.7, 30.0)),
    "sici[1]": (mp.ci, (1e-6, 0.7, 30.0)),
    "fresnel[0]": (mp.fresnels, (-2.7, 0.0, 0.7, 4.4)),
    "fresnel[1]": (mp.fresnelc, (-2.7, 0.0, 0.7, 4.4)),
    # -- elliptic integrals and functions
    "agm": (mp.agm, [(1.0, 1.0), (0.5, 1.3), (1e-6, 2.0), (1e6, 2.0)]),
    "ellipk": (mp.ellipk, (-1e6, -3.0, -1e-9, 0.0, 0.5, 0.99, 1 - 1e-12)),
    "ellipkm1": (lambda p: mp.ellipk(1 - p), (1e-20, 1e-12, 0.3, 1.0, 30.0)),
    "ellipe": (mp.ellipe, (-1e6, -3.0, -1e-9, 0.0, 0.5, 0.99, 1 - 1e-12)),
    "ellipkinc": (mp.ellipf, [(0.3, 0.5), (1.4, 0.0), (1.5, 0.99), (-1.0, -5.0), (7.0, 0.3), (1e-5, 0.5)]),
    "ellipeinc": (mp.ellipe, [(0.3, 0.5), (1.4, 0.0), (1.5, 0.99), (-1.0, -5.0), (7.0, 0.3), (1e-5, 0.5)]),
    "elliprc": (mp.elliprc, [(0.5, 1.3), (2.0, 2.0), (1e-6, 2.0), (2.0, 1e-6), (1.5, -0.7), (1e-3, -30.0)]),
    "elliprf": (mp.elliprf, [(0.5, 1.3, 2.0), (1.0, 1.0, 1.0), (1e-6, 2.0, 30.0)]),
    "elliprd": (mp.elliprd, [(0.5, 1.3, 2.0), (1.0, 1.0, 1.0), (1e-6, 2.0, 30.0)]),
    "elliprg": (mp.elliprg, [(0.5, 1.3, 2.0), (1.0, 1.0, 1.0), (1e-6, 2.0, 30.0)]),
    "elliprj": (mp.elliprj, [(0.5, 1.3, 2.0, 0.4), (1.0, 1.0, 1.0, 1.0), (1e-3, 2.0, 30.0, 5.0)]),
    "ellipj[0]": (lambda u, m: mp.ellipfun("sn", u, m=m), [(0.3, 0.5), (2.5, 0.2), (1.0, 0.95), (0.7, 1e-6)]),
    "ellipj[1]": (lambda u, m: mp.ellipfun("cn", u, m=m), [(0.3, 0.5), (2.5, 0.2), (1.0, 0.95), (0.7, 1e-6)]),
    "ellipj[2]": (lambda u, m: mp.ellipfun("dn", u, m=m), [(0.3, 0.5), (2.5, 0.2), (1.0, 0.95), (0.7, 1e-6)]),
    "ellipj[3]": (Inverse(mp.ellipf, 0), [(0.3, 0.5), (2.5, 0.2), (1.0, 0.95), (0.7, 1e-6)]),
    # -- Bessel functions
    "j0": (lambda x: mp.besselj(0, x), (-3.0, 0.0, 1e-9, 0.7, 30.0)),
    "j1": (lambda x: mp.besselj(1, x), (-3.0, 0.0, 1e-9, 0.7, 30.0)),
    "jv": (mp.besselj, [*ORDERS, (0.5, 2.0), (2, -3.0), (2, 0.0)]),
    "jve": (mp.besselj, [*ORDERS, (0.5, 2.0)]),
    "y0": (lambda x: mp.bessely(0, x), (1e-9, 0.7, 30.0)),
    "y1": (lambda x: mp.bessely(1, x), (1e-9, 0.7, 30.0)),
    "yn": (mp.bessely, ORDERS),
    "yv": (mp.bessely, [*ORDERS, (0.5, 2.0)]),
    "yve": (mp.bessely, [*ORDERS, (0.5, 2.0)]),
    "i0": (lambda x: mp.besseli(0, x), (-3.0, 0.0, 1e-9, 0.7, 30.0, 700.0)),
    "i1": (lambda x: mp.besseli(1, x), (-3.0, 0.0, 1e-9, 0.7, 30.0, 700.0)),
    "iv": (mp.besseli, [*ORDERS, (0.5, 2.0), (2, -3.0), (2, 0.0)]),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), (-3.0, 1e-9, 0.7, 40.0, 60.0, 1e4)),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), (-3.0, 1e-9, 0.7, 40.0, 60.0, 1e4)),
    "ive": (lambda v, x: mp.besseli(v, x) * mp.exp(-abs(x)), [*ORDERS, (0.5, 2.0), (2, -3.0), (3, 1e4)]),
    "k0": (lambda x: mp.besselk(0, x), (1e-9, 0.7, 700.0)),
    "k1": (lambda x: mp.besselk(1, x), (1e-9, 0.7, 700.0)),
    "kn": (mp.besselk, ORDERS),
    "kv": (mp.besselk, [*ORDERS, (0.5, 2.0)]),
    "k0e": (lambda x: mp.besselk(0, x) * mp.exp(x), (1e-9, 0.7, 30.0, 1e4)),
    "k1e": (lambda x: mp.besselk(1, x) * mp.exp(x), (1e-9, 0.7, 30.0, 1e4)),
    "kve": (lambda v, x: mp.besselk(v, x) * mp.exp(x), [*ORDERS, (0.5, 2.0), (3, 1e4)]),
    "_spherical_jn": (spherical(mp.besselj), ORDERS),
    "_spherical_yn": (spherical(mp.bessely), ORDERS),
    "_spherical_in": (spherical(mp.besseli), ORDERS),
    "_spherical_kn": (spherical(mp.besselk), ORDERS),
    "besselpoly": (lambda a, b, v: mp.quad(lambda x: x**b * mp.besselj(v, 2 * a * x), [0, 1]),
                   [(0.7, 1.0, 0.0), (2.0, 0.5, 1.0)]),
    # -- Airy, Kelvin and Struve functions, parabolic cylinder functions, integrals of Bessel functions
    "airy[0]": (mp.airyai, (-5.0, 0.0, 0.7, 30.0)),
    "airy[1]": (prime(mp.airyai), (-5.0, 0.1, 0.7, 5.0)),
    "airy[2]": (mp.airybi, (-5.0, 0.0, 0.7, 30.0)),
    "airy[3]": (prime(mp.airybi), (-5.0, 0.1, 0.7, 5.0)),
    "airye[0]": (lambda x: mp.airyai(x) * mp.exp(2 * x * mp.sqrt(x) / 3), (0.1, 0.7, 5.0)),
    "airye[1]": (lambda x: mp.airyai(x, derivative=1) * mp.exp(2 * x * mp.sqrt(x) / 3), (0.1, 0.7, 5.0)),
    "airye[2]": (lambda x: mp.airybi(x) * mp.exp(-2 * x * mp.sqrt(x) / 3) if x > 0 else mp.airybi(x), (-3.0, 0.1, 5.0)),
    "airye[3]": (lambda x: mp.airybi(x, derivative=1) * (mp.exp(-2 * x * mp.sqrt(x) / 3) if x > 0 else 1),
                 (-3.0, 0.1, 5.0)),
    "itairy[0]": (Antiderivative(mp.airyai), (0.7, 3.0)),
    "itairy[1]": (Antiderivative(mp.airybi), (0.7, 3.0)),
    "itairy[2]": (Antiderivative(lambda t: mp.airyai(-t)), (0.7, 3.0)),
    "itairy[3]": (Antiderivative(lambda t: mp.airybi(-t)), (0.7, 3.0)),
    "itj0y0[0]": (Antiderivative(lambda t: mp.besselj(0, t)), (0.7, 3.0)),
    "itj0y0[1]": (Antiderivative(lambda t: mp.bessely(0, t)), (0.7, 3.0)),
    "iti0k0[0]": (Antiderivative(lambda t: mp.besseli(0, t)), (0.7, 3.0)),
    "iti0k0[1]": (Antiderivative(lambda t: mp.besselk(0, t)), (0.7, 3.0)),
    "it2j0y0[0]": (Antiderivative(lambda t: (1 - mp.besselj(0, t)) / t), (1e-3, 0.7, 3.0)),
    "it2j0y0[1]": (Antiderivative(lambda t: -mp.bessely(0, t) / t), (0.7, 3.0)),
    "it2i0k0[0]": (Antiderivative(lambda t: (mp.besseli(0, t) - 1) / t), (1e-3, 0.7, 3.0)),
    "it2i0k0[1]": (Antiderivative(lambda t: -mp.besselk(0, t) / t), (0.7, 3.0)),
    "itstruve0": (Antiderivative(lambda t: mp.struveh(0, t)), (0.7, 3.0)),
    "it2struve0": (Antiderivative(lambda t: -mp.struveh(0, t) / t), (0.7, 3.0)),
    "itmodstruve0": (Antiderivative(lambda t: mp.struvel(0, t)), (0.7, 3.0)),
    "struve": (mp.struveh, [*ORDERS, (0.5, 2.0)]),
    "modstruve": (mp.struvel, [*ORDERS, (0.5, 2.0)]),
    "ber": (lambda x: mp.ber(0, x), (0.1, 0.7, 5.0)),
    "bei": (lambda x: mp.bei(0, x), (0.1, 0.7, 5.0)),
    "ker": (lambda x: mp.ker(0, x), (0.1, 0.7, 5.0)),
    "kei": (lambda x: mp.kei(0, x), (0.1, 0.7, 5.0)),
    "berp": (prime(lambda x: mp.ber(0, x)), (0.1, 0.7, 5.0)),
    "beip": (prime(lambda x: mp.bei(0, x)), (0.7, 5.0)),
    "kerp": (prime(lambda x: mp.ker(0, x)), (0.1, 0.7, 5.0)),
    "keip": (prime(lambda x: mp.kei(0, x)), (0.1, 0.7, 5.0)),
    "pbdv[0]": (mp.pcfd, [(0.5, 1.2), (2.0, -0.7)]),
    "pbdv[1]": (prime(mp.pcfd), [(0.5, 1.2), (2.0, -0.7)]),
    "pbvv[0]": (lambda v, x: mp.pcfv(-v - mpf(1) / 2, x), [(0.5, 1.2), (1.5, -0.7)]),
    "pbvv[1]": (prime(lambda v, x: mp.pcfv(-v - mpf(1) / 2, x)), [(0.5, 1.2), (1.5, -0.7)]),
    "pbwa[0]": (mp.pcfw, [(0.5, 1.2), (1.0, -0.7)]),
    "pbwa[1]": (prime(mp.pcfw), [(0.5, 1.2), (1.0, -0.7)]),
    # -- hypergeometric functions
    "hyp0f1": (mp.hyp0f1, [(0.5, 1.3), (2.0, -3.0)]),
    "hyp1f1": (mp.hyp1f1, [(0.5, 1.3, 2.0), (2.0, 3.5, -10.0)]),
    "hyp2f1": (mp.hyp2f1, [(0.5, 1.3, 2.1, 0.4), (2.0, 3.0, 4.5, -0.7)]),
    "hyperu": (mp.hyperu, [(0.5, 1.3, 2.0), (2.0, 0.5, 10.0)]),
    "wright_bessel": (wright_bessel, [(0.5, 1.3, 2.0), (2.0, 0.5, 1.0)]),
    "log_wright_bessel": (lambda a, b, x: mp.log(wright_bessel(a, b, x)), [(0.5, 1.3, 2.0), (2.0, 0.5, 1.0)]),
    # -- orthogonal polynomials
    "eval_legendre": (mp.legendre, DEGREES),
    "eval_chebyt": (mp.chebyt, DEGREES),
    "eval_chebyu": (mp.chebyu, DEGREES),
    "eval_chebyc": (lambda n, x: 2 * mp.chebyt(n, x / 2), DEGREES),
    "eval_chebys": (lambda n, x: mp.chebyu(n, x / 2), DEGREES),
    "eval_sh_legendre": (lambda n, x: mp.legendre(n, 2 * x - 1), DEGREES),
    "eval_sh_chebyt": (lambda n, x: mp.chebyt(n, 2 * x - 1), DEGREES),
    "eval_sh_chebyu": (lambda n, x: mp.chebyu(n, 2 * x - 1), DEGREES),
    "eval_gegenbauer": (mp.gegenbauer, [(n, 0.7, x) for n, x in DEGREES]),
    "eval_jacobi": (mp.jacobi, [(n, 0.7, 1.2, x) for n, x in DEGREES]),
    "eval_sh_jacobi": (jacobi_shifted, [(n, 2.7, 1.2, x) for n, x in DEGREES]),
    "eval_laguerre": (lambda n, x: mp.laguerre(n, 0, x), DEGREES),
    "eval_genlaguerre": (mp.laguerre, [(n, 0.7, x) for n, x in DEGREES]),
    "eval_hermite": (mp.hermite, DEGREES),
    "eval_hermitenorm": (lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2)**n, DEGREES),
    "lpmv": (lambda m, v, x: mp.legenp(v, m, x).real, [(0, 2.0, 0.3), (1, 3.5, -0.6), (2, 2.5, 0.3)]),
}
# fmt: on

ROWS = {getattr(function, "__name__", ""): row for function, row in rows_of_scipy().items()}
CASES = [
    (name, point if isinstance(point, tuple) else (point,)) for name, (_, points) in TRUTH.items() for point in points
]


def name_of(case):
    return case[0]


each_of = partial(each, "name, point", by=name_of, label=lambda case: f"{case[0]}{case[1]}")
each_case = each_of(CASES)


def function_of(name):
    """The function of a name of TRUTH; "airy[2]" is the third result of airy."""
    base, _, place = name.partition("[")
    function = ROWS[base].function
    return (lambda *args: function(*args)[int(place[:-1])]) if place else function


def part_of(name):
    """The row of a name of TRUTH."""
    base, _, place = name.partition("[")
    return ROWS[base].parts[int(place[:-1])] if place else ROWS[base]


def differentiable(name, point):
    """The positions of the arguments that have a derivative; whole numbers have none."""
    row = part_of(name)
    partials = getattr(row, "partials", [True] * len(point))
    return [
        i
        for i, x in enumerate(point)
        if isinstance(x, float) and partials[i] and partials[i].__class__ is not NoPartial
    ]


@cache
def exact(name, point, position, order):
    """mpmath's derivative, as a float."""
    truth = TRUTH[name][0]
    with mp.workdps(50 if order == 1 else 30):  # of second derivatives fewer digits are asked
        args = [mpf(x) for x in point]
        if isinstance(truth, Antiderivative):
            return float(mp.diff(truth.derivative, args[0], order - 1))
        if isinstance(truth, Inverse):
            return float(truth.slope(args, mpf(float(function_of(name)(*point))), position))
        return float(slope_of(truth, args, position, order))


# -- derivatives -------------------------------------------------------------------------------------------------------


@each_case
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_derivative_is_mpmaths(name, point):
    for position in differentiable(name, point):
        for mode in ("forward", "reverse"):
            found = db.derivative(function_of(name), argnum=position, backend=mode)(*point)
            assert found == pytest.approx(exact(name, point, position, 1), rel=5e-13, abs=1e-30), mode


@each_of([case for case in CASES if not isinstance(TRUTH[name_of(case)][0], Inverse)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_second_derivative_is_mpmaths(name, point):
    for position in differentiable(name, point):
        slope = db.derivative(function_of(name), argnum=position, backend="reverse")
        found = db.derivative(slope, argnum=position, backend="forward")(*point)
        assert found == pytest.approx(exact(name, point, position, 2), rel=2e-11, abs=1e-15)


FAR_OUT = [
    ("log_ndtr", (30.0,)), ("log_ndtr", (37.0,)), ("log_ndtr", (-1e8,)), ("erfcx", (1e8,)), ("expit", (-700.0,)),
    ("log_expit", (700.0,)), ("airye[0]", (1e3,)), ("airye[0]", (1e5,)), ("airye[1]", (1e5,)), ("airye[2]", (1e5,)),
    ("airye[3]", (1e5,)), ("i0e", (1e6,)), ("i1e", (-1e6,)), ("ive", (0.5, 1e6)), ("ive", (3, -1e6)), ("k0e", (1e6,)),
    ("k1e", (1e6,)), ("kve", (2.5, 1e6)), ("gammainc", (1e6, 1000500.0)), ("gammainc", (1e10, 1e10 - 1e5)),
    ("expit", (1e-8,)), ("expit", (-1e-20,)), ("wrightomega", (1e8,)), ("wrightomega", (1e20,)), ("cotdg", (-1e-8,)),
    ("boxcox", (0.5, 60.0)), ("pseudo_huber", (1.0, 1e8)), ("pseudo_huber", (1e-20, -3.0)),
    ("inv_boxcox1p", (-40.0, 1e-9)),
]  # fmt: skip
OF_PARAMETERS = ("gammainc",)
"""Functions that are tested far out in their first argument, not in their last."""


@cache
def far_out(name, point, position):
    """mpmath's first and second derivative, of numbers that may differ little from one."""
    with mp.workdps(500 if name == "log_ndtr" and point[0] > 0 else 60):
        args = [mpf(x) for x in point]
        return [float(slope_of(TRUTH[name][0], args, position, order)) for order in (1, 2)]


@pytest.mark.parametrize(
    "modes", [("forward", "forward"), ("reverse", "reverse"), ("reverse", "forward")], ids="-".join
)
@pytest.mark.parametrize(("name", "point"), FAR_OUT)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_derivatives_far_out_keep_their_digits_to_second_order(name, point, modes):
    position, slope = differentiable(name, point)[0 if name in OF_PARAMETERS else -1], function_of(name)
    for mode, expected in zip(modes, far_out(name, point, position)):
        slope = db.derivative(slope, argnum=position, backend=mode)
        assert slope(*point) == pytest.approx(expected, rel=3e-12, abs=0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_slopes_of_dawsn_and_erfcx_where_squares_overflow(mode):
    """dawsn(x) is 1 / (2x) to all digits, and erfcx(x) is 1 / (√π x)."""
    for f, factor in ((special.dawsn, 0.5), (special.erfcx, np.pi**-0.5)):
        slope = db.derivative(f, backend=mode)
        assert slope(1e150) == pytest.approx(-factor * 1e-300, rel=1e-14, abs=0)
        assert abs(slope(1e160)) < 1e-300
        assert db.derivative(slope, backend=mode)(1e160) == 0.0


@pytest.mark.parametrize("modes", [("forward", "forward"), ("reverse", "reverse")], ids="-".join)
@pytest.mark.parametrize(
    ("f", "x", "curvature"),  # 1 - I(7, 1) is 1 - x^7, that of (1, 7) mirrored; I(2, 3) is 6x² - 8x³ + 3x^4
    [(lambda x: special.betainc(7.0, 1.0, x), 1.0, 42.0), (lambda x: special.betainc(1.0, 7.0, x), 0.0, -42.0),
     (lambda x: special.betainc(2.0, 3.0, x), 0.0, 12.0), (lambda x: special.betainc(2.0, 3.0, x), 1.0, 0.0),
     (lambda x: special.nbdtr(0, 7, x), 1.0, 42.0), (lambda x: special.bdtr(2, 5, x), 1.0, 0.0),
     (lambda x: special.gammainc(1.0, x), 0.0, -1.0), (lambda x: special.gammainc(2.0, x), 0.0, 1.0),
     (lambda x: special.pdtr(0, x), 0.0, 1.0)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_distribution_functions_have_their_second_derivatives_at_the_ends(f, x, curvature, modes):
    for mode in modes:
        f = db.derivative(f, backend=mode)
    assert f(x) == pytest.approx(curvature, rel=1e-14, abs=0)


@pytest.mark.parametrize("modes", [("forward", "forward"), ("reverse", "reverse")], ids="-".join)
@pytest.mark.parametrize("a", [0.5, 3.0, 30.0, 101.0, 1e4, 1e6])
def test_the_second_derivative_of_gammainc_in_its_order_where_that_equals_its_argument(a, modes):
    """It is almost zero there, the difference of terms a^1.5 times as large."""
    slope, truth = special.gammainc, gammainc
    with mp.workdps(60):
        exact = [slope_of(lambda order, x: truth(order, x), [mpf(a), mpf(a)], 0, order) for order in (1, 2)]
    for mode, expected in zip(modes, exact):
        slope = db.derivative(slope, backend=mode)
        assert slope(a, a) == pytest.approx(float(expected), rel=3e-10, abs=0)
    assert slope(a, a * (1 + 1e-12)) == pytest.approx(slope(a, a), rel=1e-3)  # and of both forms beside each other


@pytest.mark.parametrize("first", ["forward", "reverse"])
@pytest.mark.parametrize(
    ("name", "point", "exact"),
    [("boxcox", (1e-20, 1.3), lambda a, b: a ** (b - 1) * mp.log(a)),
     ("boxcox", (2.0, -700.0), lambda a, b: a ** (b - 1) * mp.log(a)),
     ("boxcox1p", (1e8, -2.0), lambda a, b: (1 + a) ** (b - 1) * mp.log1p(a)),
     ("pseudo_huber", (700.0, 1e-3), lambda a, b: (b / mp.hypot(a, b)) ** 3),
     ("pseudo_huber", (1e20, -3.0), lambda a, b: (b / mp.hypot(a, b)) ** 3)],
)  # fmt: skip
def test_mixed_second_derivatives_far_out_keep_their_digits(name, point, exact, first):
    with mp.workdps(50):
        expected = float(exact(*map(mpf, point)))
    for position in (0, 1):
        slope = db.derivative(ROWS[name].function, argnum=position, backend=first)
        mixed = db.derivative(slope, argnum=1 - position, backend="forward")
        assert mixed(*point) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elliprg_of_two_zeros_is_half_a_root(position, mode):
    """RG(0, 0, c) = √c / 2; beside the zeros RG - √c / 2 falls off as a log(a), whose slope is infinite."""
    point = [0.0, 0.0, 0.0]
    point[position] = 4.0
    for other in {0, 1, 2} - {position}:
        assert db.derivative(special.elliprg, argnum=other, backend=mode)(*point) == np.inf
    slope = db.derivative(special.elliprg, argnum=position, backend=mode)
    assert slope(*point) == 1 / 8
    assert db.derivative(slope, argnum=position, backend=mode)(*point) == -1 / 64


@each_of([case for case in CASES if len(differentiable(*case)) > 1])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mixed_second_derivatives_do_not_depend_on_their_order(name, point):
    f = function_of(name)
    first, *_, last = differentiable(name, point)
    one = db.derivative(db.derivative(f, argnum=first, backend="reverse"), argnum=last, backend="forward")(*point)
    other = db.derivative(db.derivative(f, argnum=last, backend="reverse"), argnum=first, backend="forward")(*point)
    assert one == pytest.approx(other, rel=2e-9, abs=1e-13 * max(1, abs(f(*point))))


@each_case
def test_a_traced_call_has_the_value_of_the_plain_call(name, point):
    f = function_of(name)
    position = differentiable(name, point)[0]
    value, _ = db.linearize(f, argnum=position, backend="forward")(*point)
    assert value == pytest.approx(f(*point), rel=1e-13)


# -- precision, arrays, other methods ----------------------------------------------------------------------------------


ONE_OF_EACH = [next(case for case in CASES if name_of(case) == name) for name in TRUTH]
one_of_each = pytest.mark.parametrize(("name", "point"), ONE_OF_EACH, ids=TRUTH)


def in_single(point):
    return [np.float32(x) if isinstance(x, float) else x for x in point]


@one_of_each
@pytest.mark.filterwarnings("ignore")
def test_derivatives_of_float32_are_float32(name, point):
    if np.asarray(function_of(name)(*in_single(point))).dtype != np.float32:
        return  # functions of whole numbers, which SciPy itself computes in float64
    for position in differentiable(name, point):
        found = db.derivative(function_of(name), argnum=position, backend="reverse")(*in_single(point))
        assert np.asarray(found).dtype == np.float32


@one_of_each
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arrays_have_the_derivatives_of_their_entries(name, point):
    f, positions = function_of(name), differentiable(name, point)
    x = point[positions[-1]] * np.array([[1.0], [1.001]]) * np.ones(3)

    def along(x):
        return np.sum(f(*point[: positions[-1]], x, *point[positions[-1] + 1 :]))

    found = db.gradient(along, backend="reverse")(x)
    np.testing.assert_allclose(found[0], exact(name, point, positions[-1], 1), rtol=5e-13, atol=1e-30)
    assert found.shape == x.shape


@pytest.mark.parametrize("name", [name for name in TRUTH if getattr(part_of(name), "analytic", False)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_complex_step_agrees_where_it_passes(name):
    for case in CASES:
        if name_of(case) == name:
            point = case[1]
            for position in differentiable(name, point):
                found = db.derivative(function_of(name), argnum=position, backend="complex-step")(*point)
                assert found == pytest.approx(exact(name, point, position, 1), rel=1e-10, abs=1e-14)


def test_functions_that_lose_a_small_imaginary_part_are_refused_to_complex_step():
    """SciPy's gamma(2 + 1e-20j) has an imaginary part that is thousands of times too large."""
    with pytest.raises(db.NotAnalytic, match=r"scipy\.special\.gamma"):
        db.derivative(special.gamma, backend="complex-step")(2.3)


EXACT = [case for case in ONE_OF_EACH if getattr(part_of(name_of(case)), "exact", None) and name_of(case) != "betainc"]


@pytest.mark.parametrize(("name", "point"), EXACT, ids=map(name_of, EXACT))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_reference_has_thirty_digits(name, point):
    position = differentiable(name, point)[-1]
    found = db.reference(function_of(name), *point, quantity="derivative", argnum=position, digits=30)
    with mp.workdps(60):
        truth = slope_of(TRUTH[name][0], [mpf(x) for x in point], position)
        assert abs(found - truth) <= mpf(10) ** -28 * abs(truth) + mpf(10) ** -35


@pytest.mark.parametrize(
    "name", ["erf", "gammaln", "psi", "beta", "jv", "k1", "sici[0]", "airy[1]", "ellipk", "eval_jacobi"]
)
def test_symbols_have_first_and_second_derivatives(name):
    """Points without zeros, where SymPy's formulas divide by them."""
    point = TRUTH[name][1][-1]
    point = point if isinstance(point, tuple) else (point,)
    position = differentiable(name, point)[-1]
    slope = db.derivative(function_of(name), argnum=position, backend="symbolic")
    assert slope(*point) == pytest.approx(exact(name, point, position, 1), rel=1e-10)
    second = db.derivative(slope, argnum=position, backend="forward")(*point)
    assert second == pytest.approx(exact(name, point, position, 2), rel=1e-9)


@pytest.mark.parametrize(
    "modes", [("forward", "forward"), ("reverse", "reverse"), ("reverse", "forward")], ids="-".join
)
@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_pseudo_huber_neither_overflows_nor_underflows_on_the_way(scale, modes):
    """Homogeneous of degree two; at (3, 4) the slope in the first operand is 4/5 and its own -52/125."""
    slope = db.derivative(special.pseudo_huber, backend=modes[0])
    assert slope(3 * scale, 4 * scale) == pytest.approx(0.8 * scale, rel=1e-14, abs=0)
    assert db.derivative(slope, backend=modes[1])(3 * scale, 4 * scale) == pytest.approx(-0.416, rel=1e-14)


# -- conventions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [
        (lambda x: special.xlogy(0.0, x), 0.0, 0.0),
        (lambda x: special.xlog1py(0.0, x), -1.0, 0.0),
        (lambda x: special.rel_entr(0.0, x), 0.0, 0.0),
        (lambda x: special.kl_div(0.0, x), 0.0, 1.0),
        (special.entr, 0.0, np.inf),
        (special.i0e, 0.0, 0.0),
        (special.beip, 0.0, 0.5),
        (special.exprel, 0.0, 0.5),
        (lambda b: special.boxcox(2.0, b), 0.0, np.log(2) ** 2 / 2),
        (lambda b: special.boxcox(0.0, b), 2.0, 0.25),
        (lambda b: special.inv_boxcox(2.0, b), 0.0, -2 * np.exp(2)),
        (lambda x: special.pseudo_huber(x, 3.0), 0.0, 3.0),
        (special.spence, 1.0, -1.0),
        (lambda x: special.sici(x)[0], 0.0, 1.0),
        (lambda x: special.shichi(x)[0], 0.0, 1.0),
        (lambda x: special.gammainc(2.0, x), 0.0, 0.0),
        (lambda a: special.gammainc(a, 0.0), 2.0, 0.0),
        (lambda x: np.where(x > 0, special.entr(x), 0.0), 0.0, 0.0),
        (lambda x: special.elliprg(x, 1.0, 2.0), 0.0, float(mp.elliprf(0, 1, 2)) / 4),
        (special.expit, 800.0, 0.0),
        (special.expit, -800.0, 0.0),
    ],
)  # fmt: skip
def test_at_special_points(f, x, slope, mode):
    assert db.derivative(f, backend=mode)(x) == pytest.approx(slope, rel=1e-14)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_infinite_slopes_carry_no_zero():
    """A branch that np.where did not take."""
    found = db.gradient(lambda x: np.sum(np.where(x > 0, special.logit(x), 0.0)))(np.array([0.0, 0.5]))
    np.testing.assert_array_equal(found, [0.0, 4.0])


# -- what there is no rule for -----------------------------------------------------------------------------------------


def test_every_ufunc_of_scipy_special_has_a_row():
    ufuncs = {value for value in vars(special).values() if isinstance(value, np.ufunc)}
    assert {ufunc.__name__ for ufunc in ufuncs - set(TABLE) - set(rows_of_scipy())} == set()


def test_every_row_with_a_derivative_is_tested_here():
    tested = {row for name in TRUTH for row in (ROWS[name.partition("[")[0]],)}
    rows = [row for row in rows_of_scipy().values() if isinstance(row, Elementwise | Several | Composite)]
    untested = {row.name for row in rows if row not in tested and not row.name.startswith("scipy.special.mathieu")}
    assert untested == set()


NO_RULE = [
    pytest.param(row.function, position, id=f"{row.name}-{position}")
    for row in rows_of_scipy().values()
    for position, partial in enumerate(getattr(row, "partials", ()))
    if isinstance(partial, NoPartial) and not all(types[position] in "lp" for types in row.function.types)
]


@pytest.mark.parametrize(("function", "position"), NO_RULE)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.filterwarnings("ignore")
def test_an_argument_without_a_rule_is_refused_by_name_with_the_reason(function, position, mode):
    point = [2.0] * function.nin
    with pytest.raises(db.UnsupportedPrimitive, match=rf"argument {position}[\s\S]*why:"):
        db.derivative(lambda x: function(*point[:position], x, *point[position + 1 :]), backend=mode)(2.0)


REFUSED = [row for row in rows_of_scipy().values() if isinstance(row, Refused)]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_refused_function_says_why(row):
    with pytest.raises(db.UnsupportedPrimitive, match=rf"{row.name}[\s\S]*why:"):
        db.derivative(lambda x: row.function(*[x] * row.function.nin))(0.5)


@pytest.mark.parametrize("k", [2, 2.7])
def test_counts_are_rounded_down_and_carry_nothing(k):
    assert db.derivative(special.pdtr)(float(k), 1.5) == 0.0
    with pytest.raises(db.UnsupportedPrimitive, match="n is a whole number"):
        db.derivative(special.bdtr, argnum=1)(2.0, 5.0, 0.3)


MATHIEU = [
    (special.mathieu_cem, special.mathieu_a, np.cos, 40.0),
    (special.mathieu_sem, special.mathieu_b, np.cos, 40.0),
    (special.mathieu_modcem1, special.mathieu_a, np.cosh, 0.4),
    (special.mathieu_modcem2, special.mathieu_a, np.cosh, 0.4),
    (special.mathieu_modsem1, special.mathieu_b, np.cosh, 0.4),
    (special.mathieu_modsem2, special.mathieu_b, np.cosh, 0.4),
]


@pytest.mark.parametrize(
    ("function", "characteristic", "cosine", "x"), MATHIEU, ids=lambda x: getattr(x, "__name__", "")
)
def test_mathieu_functions_obey_their_equation(function, characteristic, cosine, x):
    """y'' = (2q cos(2x) - a) y, where SciPy takes degrees; y'' = (a - 2q cosh(2x)) y for the modified functions."""
    q, unit, sign = 1.5, (np.pi / 180 if cosine is np.cos else 1.0), (1 if cosine is np.cos else -1)
    value, slope = function(2, q, x)
    assert db.derivative(lambda x: function(2, q, x)[0])(x) == pytest.approx(slope * unit, rel=1e-13)
    curvature = sign * (2 * q * cosine(2 * x * unit) - characteristic(2, q)) * value
    assert db.derivative(lambda x: function(2, q, x)[1])(x) == pytest.approx(curvature * unit, rel=1e-12)


def test_a_ufunc_that_scipy_gets_later_is_named_as_scipys():
    with pytest.raises(db.UnsupportedPrimitive, match="no derivative rule"):
        lookup(np.frompyfunc(float, 1, 1))


NARROW = {"int8": np.int8(3), "int16": np.int16(3), "float16": np.float16(0.3), "float32": np.float32(0.3)}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("x", [np.float64(0.7), np.array([0.7, 0.4])], ids=["number", "array"])
@pytest.mark.parametrize("constant", NARROW.values(), ids=NARROW)
@pytest.mark.parametrize("f", [special.xlogy, special.xlog1py, special.rel_entr, special.kl_div, special.boxcox1p])
def test_a_constant_of_few_digits_does_not_spoil_the_slope_of_a_number_of_many(f, constant, x, mode):
    found = db.gradient(lambda x: np.sum(f(x, constant)), backend=mode)(x)
    expected = db.gradient(lambda x: np.sum(f(x, constant.astype(float))), backend=mode)(x)
    np.testing.assert_allclose(found, expected, rtol=1e-14)

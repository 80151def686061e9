"""The functions of scipy.special among exact entries: what the names in their rows mean to mpmath and to SymPy.

SymPy's algebra lacks a name where SymPy has no such function, or where its closed form, put into floats, would lose
digits or overflow at ordinary arguments. The code that is made of an expression calls SciPy's own functions again.
"""

from collections.abc import Callable
from typing import Any

REAL = (
    "erf", "erfc", "erfi", "erfinv", "gamma", "rgamma", "loggamma", "digamma", "beta", "binomial", "lambertw",
    "e1", "ei", "shi", "chi", "si", "ci", "fresnels", "fresnelc", "polylog", "agm",
    "ellipk", "ellipe", "ellipf", "elliprc", "elliprf", "elliprd", "elliprg", "elliprj",
    "besselj", "bessely", "besseli", "besselk", "airyai", "airybi", "struveh", "struvel",
    "hyp0f1", "hyp1f1", "hyp2f1", "hyperu", "expint", "rf",
    "legendre", "chebyt", "chebyu", "gegenbauer", "jacobi", "laguerre", "hermite",
)  # fmt: skip
"""Names that mpmath has."""

IN_CODE = {
    "erf": "erf", "erfc": "erfc", "erfi": "erfi", "erfinv": "erfinv", "gamma": "gamma", "loggamma": "gammaln",
    "beta": "beta", "binomial": "binom", "Ei": "expi", "besselj": "jv", "bessely": "yv", "besseli": "iv",
    "besselk": "kv", "elliptic_k": "ellipk", "elliptic_e": "ellipe",
}  # fmt: skip
"""Functions of SymPy that are ufuncs of SciPy."""
PARTS = {
    "airyai": ("airy", 0), "airyaiprime": ("airy", 1), "airybi": ("airy", 2), "airybiprime": ("airy", 3),
    "Shi": ("shichi", 0), "Chi": ("shichi", 1), "Si": ("sici", 0), "Ci": ("sici", 1),
    "fresnels": ("fresnel", 0), "fresnelc": ("fresnel", 1),
}  # fmt: skip
"""Functions of SymPy that are one of the results of a ufunc of SciPy."""


def of_digits(context: Any) -> dict[str, Any]:
    """The names in mpmath; a function is nan at its poles and where it is complex, as those of SciPy are."""
    mpf, mpc, nan, exp, sqrt, log = context.mpf, context.mpc, context.nan, context.exp, context.sqrt, context.log

    def real(function: Callable) -> Callable:
        def evaluate(*arguments: Any) -> Any:
            try:
                y = function(*arguments)
            except ZeroDivisionError:
                return nan
            except ValueError as error:
                if "pole" in str(error):
                    return nan
                raise
            if isinstance(y, mpc) and not y.imag:
                return y.real
            return y if isinstance(y, mpf) else nan

        return evaluate

    def faddeeva(n: Any, p: Any, q: Any) -> Any:
        """The n-th derivative of exp(-z²) erfc(-iz), by that of each order from the two before it."""
        z = mpc(p, q)
        lower, y = 0, exp(-z * z) * context.erfc(-1j * z)
        for k in range(int(n)):
            lower, y = y, -2 * z * y - 2 * k * lower + (2j / sqrt(context.pi) if k == 0 else 0)
        return y

    def bessel_slope(function: Callable, n: Any, v: Any, x: Any, sign: Any) -> Any:
        """((E⁻¹ - 2 sign + E) / 2)ⁿ of a Bessel function of order v, where E shifts v by one and sign² is 1."""
        n, total = int(n), 0
        for k in range(2 * n + 1):
            order = v - n + k
            order = abs(order) if context.isint(order) else order  # negative ones get imaginary parts by rounding
            total += context.binomial(2 * n, k) * (-sign) ** (k % 2) * function(order, x)
        return total / 2**n

    def boxcox(logarithm: Any, b: Any) -> Any:
        return context.expm1(b * logarithm) / b if b else logarithm

    return {name: real(getattr(context, name)) for name in REAL} | {
        "erfcx": lambda x: exp(x * x) * context.erfc(x),
        "dawsn": lambda x: sqrt(context.pi) / 2 * exp(-x * x) * context.erfi(x),
        "log_ndtr": lambda x: log(context.erfc(-x / sqrt(2)) / 2),
        "faddeeva_real": lambda n, p, q: faddeeva(n, p, q).real,
        "faddeeva_imag": lambda n, p, q: faddeeva(n, p, q).imag,
        "exprel": lambda x: context.expm1(x) / x if x else mpf(1),
        "boxcox": boxcox,
        "inv_boxcox": lambda a, b: context.log1p(a * b) / b if b else a,
        "gammaln": real(lambda x: context.loggamma(x).real),
        "polygamma": real(lambda n, x: context.psi(int(n), x)),
        "zeta": real(lambda s, q, n: context.zeta(s, q, int(n))),
        "gammainc": real(lambda a, x: context.gammainc(a, 0, x, regularized=True)),
        "gammaincc": real(lambda a, x: context.gammainc(a, x, regularized=True)),
        "betainc": real(lambda a, b, x: context.betainc(a, b, 0, x, regularized=True)),
        "ellipkm1": real(lambda x: context.ellipk(1 - x)),
        "ive": real(lambda v, x: context.besseli(v, x) * exp(-abs(x))),
        "kve": real(lambda v, x: context.besselk(v, x) * exp(x)),
        "ive_slope": real(lambda n, v, x: bessel_slope(context.besseli, n, v, x, context.sign(x)) * exp(-abs(x))),
        "kve_slope": real(lambda n, v, x: (-1) ** int(n) * bessel_slope(context.besselk, n, v, x, 1) * exp(x)),
        "airyaiprime": real(lambda x: context.airyai(x, derivative=1)),
        "airybiprime": real(lambda x: context.airybi(x, derivative=1)),
        "quad": lambda integrand, low, high: context.quad(integrand, [low, high]),
        "inf": context.inf,
    }


def of_symbols() -> dict[str, Callable]:
    """The names in SymPy; polynomials of a given degree come out written out."""
    import sympy

    return {
        "erf": sympy.erf, "erfc": sympy.erfc, "erfi": sympy.erfi, "erfinv": sympy.erfinv,
        "gamma": sympy.gamma, "rgamma": lambda x: 1 / sympy.gamma(x), "loggamma": sympy.loggamma,
        "gammaln": sympy.loggamma, "digamma": sympy.digamma, "polygamma": sympy.polygamma,
        "beta": sympy.beta, "binomial": sympy.binomial, "ei": sympy.Ei, "ellipk": sympy.elliptic_k,
        "shi": sympy.Shi, "chi": sympy.Chi, "si": sympy.Si, "ci": sympy.Ci,
        "fresnels": sympy.fresnels, "fresnelc": sympy.fresnelc,
        "besselj": sympy.besselj, "bessely": sympy.bessely, "besseli": sympy.besseli, "besselk": sympy.besselk,
        "airyai": sympy.airyai, "airyaiprime": sympy.airyaiprime,
        "airybi": sympy.airybi, "airybiprime": sympy.airybiprime,
        "legendre": sympy.legendre, "chebyt": sympy.chebyshevt, "chebyu": sympy.chebyshevu, "hermite": sympy.hermite,
        "gegenbauer": sympy.gegenbauer, "jacobi": sympy.jacobi, "laguerre": sympy.assoc_laguerre,
    }  # fmt: skip


def in_code() -> dict[str, Callable]:
    """What SymPy's functions are in the code made of an expression: functions of SciPy, which traces can pass."""
    from scipy import special

    from diffbench.primitives.special_ladders import polygamma

    def part(name: str, place: int) -> Callable:
        return lambda x: getattr(special, name)(x)[place]

    return {
        **{name: getattr(special, ufunc) for name, ufunc in IN_CODE.items()},
        **{name: part(*place) for name, place in PARTS.items()},
        "polygamma": polygamma,
    }

"""The ufuncs of scipy.special: one partial derivative per operand, as text, in the names of SciPy and of our ladders.

An operand in which the derivative has no usable form (the order of most Bessel functions, the parameters of
hypergeometric functions) is NoRule: its use raises an error that says why. An operand that SciPy rounds to an integer
is None where the function is constant between integers, and NoRule where it must be one.

`lookup` loads this file when it meets a function that is not in the table and scipy.special has been imported.
"""

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from scipy import special
from scipy.special import _ufuncs

import diffbench.primitives.special_slopes  # noqa: F401  (adds names that the partials below use)
from diffbench.errors import UnsupportedPrimitive, user_location
from diffbench.large_arrays import pooled
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.kinds import Composite, Constant, Elementwise, NotCovered, Refused, Row
from diffbench.primitives.partial import RULE_NAMES, ExactConstant
from diffbench.primitives.primitive import Traced

for _name, _function in (vars(_ufuncs) | vars(special)).items():
    if isinstance(_function, np.ufunc) and _function.nout == 1:
        RULE_NAMES.setdefault(_name, pooled(_function))
RULE_NAMES |= {
    "SQRT_2": ExactConstant(math.sqrt(2), "sqrt(2)"),
    "SQRT_PI": ExactConstant(math.sqrt(math.pi), "sqrt(pi)"),
    "SQRT_2PI": ExactConstant(math.sqrt(2 * math.pi), "sqrt(2 * pi)"),
    "HALF_SQRT_PI": ExactConstant(math.sqrt(math.pi) / 2, "sqrt(pi) / 2"),
    "SQRT_HALF_PI": ExactConstant(math.sqrt(math.pi / 2), "sqrt(pi / 2)"),
    "ARC_MINUTE": ExactConstant(math.pi / 10800, "pi / 10800"),
    "ARC_SECOND": ExactConstant(math.pi / 648000, "pi / 648000"),
}


class NoRule(str):
    """Why an operand has no derivative."""


class NoPartial:
    """Stands for the partial derivative in an operand that has none: its use is an error."""

    text, mentioned = "", frozenset[str]()

    def __init__(self, name: str, position: int, why: str):
        self.name, self.position, self.why = name, position, why

    def keep(self, *_: Any) -> NoReturn:
        raise UnsupportedPrimitive(
            f"{self.name} has no derivative rule in its argument {self.position}",
            where=user_location(),
            why=self.why,
            hint="keep that argument plain, or use a finite-difference backend",
        )

    times = times_large = times_number = value = keep


class Special(Elementwise):
    """A ufunc of scipy.special.

    Complex step passes it where SciPy's function takes complex numbers, but for those that lose a small imaginary part.
    """

    def __init__(self, function: Any, *partials: str | None, **options: Any):
        takes_complex = any("D" in types.split("->")[0] for types in getattr(function, "types", ()))
        options.setdefault("analytic", takes_complex or "complex_form" in options)
        super().__init__(function, *[None if isinstance(text, NoRule) else text for text in partials], **options)
        for position, why in enumerate(partials):
            if isinstance(why, NoRule):
                self.partials[position] = NoPartial(self.name, position, why)  # type: ignore[call-overload]

    def keep(self, y, operands, wanted, params):
        if len(operands) > 1:
            whole = [isinstance(partial, NoPartial) for partial in self.partials]  # as the order of a function
            operands = [x if is_whole else with_digits_of(y, x) for x, is_whole in zip(operands, whole)]
        return super().keep(y, operands, wanted, params)


def with_digits_of(y: Any, x: Any) -> Any:
    """A constant, in the dtype of y where functions of it would have fewer digits: the logarithm of int8 is float16."""
    dtype = dtype_of(y)
    if not isinstance(x, np.ndarray | np.generic) or x.dtype is dtype or x.dtype.kind not in "biuf":
        return x
    return x.astype(dtype) if np.can_cast(np.promote_types(x.dtype, np.float16), dtype) else x


class Several(Row):
    """A ufunc with several results: a row for each of them, which together are called as one function.

    parts : for each result its name in partials, and the text of its derivative in each operand.
    """

    def __init__(self, function: Any, *parts: tuple, exact: tuple = (), **options: Any):
        super().__init__(function)
        self.parts = []
        for place, (name, *partials) in enumerate(parts):
            row = Special(
                _result(function, place),
                *partials,
                exact=exact[place] if exact else None,
                name=f"{self.name}[{place}]",
                **options,
            )
            RULE_NAMES[name] = row
            self.parts.append(row)

    def call(self, args, kwargs):
        return tuple([part.call(args, kwargs) for part in self.parts])


def _result(function: Callable, place: int) -> Callable:
    return lambda *operands: function(*operands)[place]


def _private(name: str) -> Any:
    """A ufunc that functions of scipy.special call under the hood; None where this version of SciPy has no such."""
    return getattr(_ufuncs, name, None)


# -- functions made of others ------------------------------------------------------------------------------------------


def _whole(name: str, value: Any) -> None:
    """Refuse a traced value for an argument that SciPy takes as a whole number."""
    if isinstance(value, Traced):
        raise NotCovered(f"{name} is a whole number, and so cannot be differentiated")


def _count(k: Any) -> Any:
    """The whole number that SciPy's distributions of counts make of k."""
    k = np.floor(k)
    return np.where(k < 0, np.nan, k)


def _share(p: Any, q: Any, x: Any) -> Any:
    """I(p/2, q/2, px / (q + px)), from the side on which 1 - px / (q + px) loses no digits."""
    low, total = p * x < q, q + p * x
    below = special.betainc(p / 2, q / 2, np.where(low, p * x / total, 0.5))
    return np.where(low, below, special.betaincc(q / 2, p / 2, np.where(low, 0.5, q / total)))


def _fdtrc(dfn, dfd, x, /):
    low, total = dfn * x < dfd, dfd + dfn * x
    below = special.betaincc(dfn / 2, dfd / 2, np.where(low, dfn * x / total, 0.5))
    return np.where(low, below, special.betainc(dfd / 2, dfn / 2, np.where(low, 0.5, dfd / total)))


def _fdtri(dfn, dfd, p, /):
    w = special.betaincinv(dfn / 2, dfd / 2, p)
    return dfd * w / (dfn * (1 - w))


def _binomial(function: Callable) -> Callable:
    def expand(k, n, p, /):
        _whole("n", n)
        return function(_count(k) + 1, n - _count(k), p)

    return expand


def _negative_binomial(function: Callable) -> Callable:
    def expand(k, n, p, /):
        _whole("k", k)
        _whole("n", n)
        return function(n, k + 1, p)

    return expand


def _pdtri(k, y, /):
    _whole("k", k)
    return special.gammainccinv(k + 1, y)


# -- the table ---------------------------------------------------------------------------------------------------------

ORDER = NoRule("the derivative in the order of a Bessel function is no function of SciPy")
PARAMETER = NoRule("the derivative in a parameter of this function is no function of SciPy")
WHOLE = NoRule("this argument is a whole number")
COMPLEX = "its values are complex, and derivatives here are of real functions"
UNRULED = "nobody has written rules for it"


def _mathieu(function: Callable, characteristic: str, name: str, curvature: str, unit: str) -> Several:
    """Mathieu's functions with their slopes, by their equation y'' = -(a - 2q cos(2x)) y (DLMF 28.2.1, 28.20.1)."""
    second = curvature.format(f"mathieu_{characteristic}(a, b)")
    return Several(
        function,
        (name, WHOLE, PARAMETER, f"{name}_slope(a, b, c){unit}"),
        (f"{name}_slope", WHOLE, PARAMETER, f"{second} * {name}(a, b, c){unit}"),
    )


IN_DEGREES = "(2 * b * cos(2 * c * DEGREE) - {})", " * DEGREE"
MODIFIED = "({} - 2 * b * cosh(2 * c))", ""

# fmt: off
_ALL: list[Row] = [
    # -- exponentials, logarithms, powers ------------------------------------------------------------------------------
    Special(special.exp2,      "y * LN2",           exact="2 ** x", complex_form="exp2(x)", singular=True),
    Special(special.exp10,     "y * LN10",          exact="10 ** x", complex_form="power(10.0, x)", singular=True),
    Special(special.expm1,     "exp(x)",            exact="expm1(x)", singular=True),
    Special(special.exprel,    "hyp1f1(2, 3, x) / 2", exact="exprel(x)", singular=True),
    Special(special.log1p,     "1 / (1 + x)",       exact="log1p(x)", cut=True, singular=True),
    Special(special.powm1,     "slope_in_base(a, b)", "slope_in_exponent(a, b, power(a, b))", exact="a ** b - 1",
                               singular=True),
    Special(special.cbrt,      "1 / (3 * y * y)",   exact="cbrt(x)", singular=True),
    Special(special.xlogy,     "log(b)", "ratio(a, b)",
                               exact="where(Eq(a, 0), 0, a * log(b))", cut=True, singular=True),
    Special(special.xlog1py,   "log1p(b)", "ratio(a, 1 + b)",
                               exact="where(Eq(a, 0), 0, a * log1p(b))", cut=True, singular=True),
    Special(special.boxcox,    "power(a, b - 1)", "boxcox_integral(1, log(a), b)",
                               exact="boxcox(log(a), b)", singular=True),
    Special(special.boxcox1p,  "exp((b - 1) * log1p(a))", "boxcox_integral(1, log1p(a), b)",
                               exact="boxcox(log1p(a), b)", singular=True),
    Special(special.inv_boxcox, "y / (1 + a * b)", "-y * (a * log_ratio(1, 1 + a * b)) * a",
                               exact="exp(inv_boxcox(a, b))", singular=True),
    Special(special.inv_boxcox1p, "inv_boxcox(a, b) / (1 + a * b)",
                               "-inv_boxcox(a, b) * (a * log_ratio(1, 1 + a * b)) * a",
                               exact="expm1(inv_boxcox(a, b))", singular=True),
    # -- sigmoids and what belongs to them -----------------------------------------------------------------------------
    Special(special.expit,     "expit_slope(x, y)", exact="1 / (1 + exp(-x))"),
    Special(special.logit,     "1 / (x * (1 - x))", exact="log(x / (1 - x))", singular=True),
    Special(special.log_expit, "expit(-x)",         exact="-log1p(exp(-x))"),
    Special(special.wrightomega, "omega_slope(x, y)", exact="lambertw(exp(x))"),
    # -- entropies and losses ------------------------------------------------------------------------------------------
    Special(special.entr,      "-log(x) - 1",       exact="where(Eq(x, 0), 0, -x * log(x))", singular=True),
    Special(special.rel_entr,  "log(a) - log(b) + 1", "-ratio(a, b)",
                               exact="where(Eq(a, 0), 0, a * log(a / b))", singular=True),
    Special(special.kl_div,    "log(a) - log(b)", "1 - ratio(a, b)",
                               exact="where(Eq(a, 0), b, a * log(a / b) - a + b)", singular=True),
    Special(special.huber,     "maximum(absolute(b) - a, 0.0)", "minimum(maximum(b, -a), a)",
                               exact="where(Abs(b) <= a, b * b / 2, a * (Abs(b) - a / 2))"),
    Special(special.pseudo_huber, "pseudo_huber_slope(a, b)", "pseudo_huber_force(a, b)",
                               exact="a * a * (sqrt(1 + b * b / (a * a)) - 1)", singular=True),
    # -- angles in degrees ---------------------------------------------------------------------------------------------
    Special(special.sindg,     "cosdg(x) * DEGREE", exact="sin(x * pi / 180)"),
    Special(special.cosdg,     "-(sindg(x) * DEGREE)", exact="cos(x * pi / 180)"),
    Special(special.tandg,     "(1 + y * y) * DEGREE", exact="tan(x * pi / 180)"),
    Special(special.cotdg,     "-(DEGREE / square(sindg(x)))", exact="1 / tan(x * pi / 180)", singular=True),
    Special(special.cosm1,     "-sin(x)",           exact="cos(x) - 1", complex_form="-2 * square(sin(x / 2))"),
    Special(special.radian,    "DEGREE", "ARC_MINUTE", "ARC_SECOND", exact="(a + b / 60 + c / 3600) * pi / 180",
                               complex_form="(a + b / 60 + c / 3600) * (pi / 180)"),
    # -- error functions -----------------------------------------------------------------------------------------------
    Special(special.erf,       "2 * exp(-x * x) / SQRT_PI", exact="erf(x)"),
    Special(special.erfc,      "-2 * exp(-x * x) / SQRT_PI", exact="erfc(x)"),
    Special(special.erfcx,     "-faddeeva_imag(1, 0 * x, x)", exact="erfcx(x)"),
    Special(special.erfi,      "2 * exp(x * x) / SQRT_PI", exact="erfi(x)", singular=True),
    Special(special.dawsn,     "faddeeva_imag(1, x, 0 * x) * HALF_SQRT_PI",
                               exact="dawsn(x)"),
    Special(special.erfinv,    "exp(y * y) * HALF_SQRT_PI", exact="erfinv(x)", singular=True),
    Special(special.erfcinv,   "-exp(y * y) * HALF_SQRT_PI", exact="erfinv(1 - x)", singular=True),
    Special(special.ndtr,      "exp(-x * x / 2) / SQRT_2PI", exact="erfc(-x / sqrt(2)) / 2"),
    Special(special.log_ndtr,  "inverse_mills(x)", exact="log_ndtr(x)"),
    Special(special.ndtri,     "exp(y * y / 2) * SQRT_2PI", exact="erfinv(2 * x - 1) * sqrt(2)", singular=True),
    Special(special.ndtri_exp, "erfcx(-y / SQRT_2) * SQRT_HALF_PI", exact="erfinv(2 * exp(x) - 1) * sqrt(2)",
                               singular=True),
    Special(special.owens_t,   "-exp(-a * a / 2) * erf(a * b / SQRT_2) / (2 * SQRT_2PI)",
                               "exp(-a * a * (1 + b * b) / 2) / (1 + b * b) / (2 * PI)"),
    Special(special.voigt_profile, "faddeeva_real(1, a / b / SQRT_2, c / b / SQRT_2) / SQRT_PI / (2 * b * b)",
                               "faddeeva_real(2, a / b / SQRT_2, c / b / SQRT_2) / SQRT_2PI / (2 * b * b)",
                               "-faddeeva_imag(1, a / b / SQRT_2, c / b / SQRT_2) / SQRT_PI / (2 * b * b)",
                               exact="faddeeva_real(0, a / b / sqrt(2), c / b / sqrt(2)) / (b * sqrt(2 * pi))"),
    # -- gamma functions -----------------------------------------------------------------------------------------------
    Special(special.gamma,     "y * psi(x)",        exact="gamma(x)", analytic=False, singular=True),
    Special(special.gammaln,   "psi(x)",            exact="gammaln(x)", singular=True),
    Special(special.loggamma,  "psi(x)",            exact="loggamma(x)", cut=True, singular=True),
    Special(special.rgamma,    "rgamma_slope(x, y)", exact="rgamma(x)", analytic=False),
    Special(special.psi,       "polygamma(1, x)",   exact="digamma(x)", singular=True),
    Special(special.beta,      "-y * polygamma_rise(0, a, b)", "-y * polygamma_rise(0, b, a)", exact="beta(a, b)",
                               singular=True),
    Special(special.betaln,    "-polygamma_rise(0, a, b)", "-polygamma_rise(0, b, a)",
                               exact="gammaln(a) + gammaln(b) - gammaln(a + b)", singular=True),
    Special(special.binom,     "binom_slopes(a, b, y)[0]", "binom_slopes(a, b, y)[1]",
                               exact="binomial(a, b)", singular=True),
    Special(special.poch,      "y * polygamma_rise(0, a, b)", "y * psi(a + b)", exact="rf(a, b)",
                               singular=True),
    Constant(special.gammasgn, exact="sign(gamma(x))"),
    # -- zeta functions ------------------------------------------------------------------------------------------------
    Special(_private("_riemann_zeta"), "zeta_slope(x)", exact="zeta(x, 1, 0)", name="scipy.special.zeta",
                               analytic=False),
    Special(_private("_zeta"), "-zeta_log(1, a, b)", "-a * _zeta(a + 1, b)", exact="zeta(a, b, 0)",
                               name="scipy.special.zeta", analytic=False, singular=True),
    Special(special.zetac,     "zeta_slope(x)",     exact="zeta(x, 1, 0) - 1"),
    # -- incomplete gamma and beta functions ---------------------------------------------------------------------------
    Special(special.gammainc,  "gammainc_slope(a, b)", "gamma_density(a, b)", exact="gammainc(a, b)"),
    Special(special.gammaincc, "-gammainc_slope(a, b)", "-gamma_density(a, b)", exact="gammaincc(a, b)"),
    Special(special.gammaincinv, "-gammainc_slope(a, y) / gamma_density(a, y)", "1 / gamma_density(a, y)",
                               singular=True),
    Special(special.gammainccinv, "-gammainc_slope(a, y) / gamma_density(a, y)", "-1 / gamma_density(a, y)",
                               singular=True),
    Special(special.betainc,   "betainc_slopes(a, b, c, 1 - c)[0]", "betainc_slopes(a, b, c, 1 - c)[1]",
                               "beta_density(a, b, c)", exact="betainc(a, b, c)"),
    Special(special.betaincc,  "-betainc_slopes(a, b, c, 1 - c)[0]", "-betainc_slopes(a, b, c, 1 - c)[1]",
                               "-beta_density(a, b, c)", exact="1 - betainc(a, b, c)"),
    Special(special.betaincinv, "-betainc_slopes(a, b, y, 1 - y)[0] / beta_density(a, b, y)",
                               "-betainc_slopes(a, b, y, 1 - y)[1] / beta_density(a, b, y)",
                               "1 / beta_density(a, b, y)", singular=True),
    Special(special.betainccinv, "-betainc_slopes(a, b, y, 1 - y)[0] / beta_density(a, b, y)",
                               "-betainc_slopes(a, b, y, 1 - y)[1] / beta_density(a, b, y)",
                               "-1 / beta_density(a, b, y)", singular=True),
    # -- distribution functions ----------------------------------------------------------------------------------------
    Special(special.stdtr,     "stdtr_slope(a, b)", "t_density(a, b)"),
    Special(special.stdtrit,   "-stdtr_slope(a, y) / t_density(a, y)", "1 / t_density(a, y)", singular=True),
    Special(special.stdtridf,  "1 / stdtr_slope(y, b)", "-t_density(y, b) / stdtr_slope(y, b)", singular=True),
    Special(special.btdtria,   "1 / betainc_slopes(y, b, c, 1 - c)[0]",
                               "-betainc_slopes(y, b, c, 1 - c)[1] / betainc_slopes(y, b, c, 1 - c)[0]",
                               "-beta_density(y, b, c) / betainc_slopes(y, b, c, 1 - c)[0]", singular=True),
    Special(special.btdtrib,   "-betainc_slopes(a, y, c, 1 - c)[0] / betainc_slopes(a, y, c, 1 - c)[1]",
                               "1 / betainc_slopes(a, y, c, 1 - c)[1]",
                               "-beta_density(a, y, c) / betainc_slopes(a, y, c, 1 - c)[1]", singular=True),
    Special(special.gdtrib,    "-c * gamma_density(y, a * c) / gammainc_slope(y, a * c)",
                               "1 / gammainc_slope(y, a * c)",
                               "-a * gamma_density(y, a * c) / gammainc_slope(y, a * c)", singular=True),
    Special(special.chdtriv,   "2 / gammainc_slope(y / 2, b / 2)",
                               "-gamma_density(y / 2, b / 2) / gammainc_slope(y / 2, b / 2)", singular=True),
    Special(special.pdtrik,    "-1 / gammainc_slope(y + 1, b)",
                               "-gamma_density(y + 1, b) / gammainc_slope(y + 1, b)", singular=True),
    Special(special.tklmbda,   "tukey_slope(b, y)",
                               "tukey_slope(b, y) * (boxcox_integral(1, log1p(-y), b)"
                               " - boxcox_integral(1, log(y), b))"),
    Special(special.kolmogorov, "kolmogorov_slope(x)"),
    Special(special.kolmogi,   "1 / kolmogorov_slope(y)", singular=True),
    Composite(special.chdtr,   lambda v, x, /: special.gammainc(v / 2, x / 2)),
    Composite(special.chdtrc,  lambda v, x, /: special.gammaincc(v / 2, x / 2)),
    Composite(special.chdtri,  lambda v, p, /: 2 * special.gammainccinv(v / 2, p)),
    Composite(special.gdtr,    lambda a, b, x, /: special.gammainc(b, a * x)),
    Composite(special.gdtrc,   lambda a, b, x, /: special.gammaincc(b, a * x)),
    Composite(special.gdtria,  lambda p, b, x, /: special.gammaincinv(b, p) / x),
    Composite(special.gdtrix,  lambda a, b, p, /: special.gammaincinv(b, p) / a),
    Composite(special.fdtr,    lambda dfn, dfd, x, /: _share(dfn, dfd, x)),
    Composite(special.fdtrc,   _fdtrc),
    Composite(special.fdtri,   _fdtri),
    Composite(special.bdtr,    _binomial(special.betaincc)),
    Composite(special.bdtrc,   _binomial(special.betainc)),
    Composite(special.bdtri,   _binomial(special.betainccinv)),
    Composite(special.nbdtr,   _negative_binomial(special.betainc)),
    Composite(special.nbdtrc,  _negative_binomial(special.betaincc)),
    Composite(special.nbdtri,  _negative_binomial(special.betaincinv)),
    Composite(special.pdtr,    lambda k, m, /: special.gammaincc(_count(k) + 1, m)),
    Composite(special.pdtrc,   lambda k, m, /: special.gammainc(_count(k) + 1, m)),
    Composite(special.pdtri,   _pdtri),
    Composite(special.nrdtrimn, lambda p, std, x, /: x - std * special.ndtri(p)),
    Composite(special.nrdtrisd, lambda mn, p, x, /: (x - mn) / special.ndtri(p)),
    # -- exponential, sine and Fresnel integrals -----------------------------------------------------------------------
    Special(special.exp1,      "-exp(-x) / x",      exact="e1(x)", cut=True, singular=True),
    Special(special.expi,      "exp(x) / x",        exact="ei(x)", analytic=False, singular=True),
    Special(special.expn,      WHOLE, "expn_slope(a, b, y)", exact="expint(a, b)", singular=True),
    Special(special.spence,    "-log_ratio(0, x)", exact="polylog(2, 1 - x)", cut=True, singular=True),
    Several(special.shichi, ("shi", "(exprel(x) + exprel(-x)) / 2"), ("chi", "cosh(x) / x"),
            exact=("shi(x)", "chi(x)"), analytic=False, singular=True),
    Several(special.sici, ("si", "sin_over(x)"), ("ci", "cos(x) / x"),
            exact=("si(x)", "ci(x)"), analytic=False, singular=True),
    Several(special.fresnel, ("fresnels", "sin(PI * x * x / 2)"), ("fresnelc", "cos(PI * x * x / 2)"),
            exact=("fresnels(x)", "fresnelc(x)")),
    # -- elliptic integrals and functions ------------------------------------------------------------------------------
    Special(special.agm,       "agm_slope(a, b, y)", "agm_slope(b, a, y)", exact="agm(a, b)", singular=True),
    Special(special.ellipk,    "elliprd(0, 1, 1 - x) / 6", exact="ellipk(x)", singular=True),
    Special(special.ellipkm1,  "-elliprd(0, 1, x) / 6", exact="ellipkm1(x)", singular=True),
    Special(special.ellipe,    "-elliprd(0, 1 - x, 1) / 6", exact="ellipe(x)", singular=True),
    Special(special.ellipkinc, "1 / sqrt(1 - b * square(sin(a)))", "elliptic(1, 1, a, b) / 2", exact="ellipf(a, b)",
                               singular=True),
    Special(special.ellipeinc, "sqrt(1 - b * square(sin(a)))", "-elliptic(1, 0, a, b) / 2", exact="ellipe(a, b)",
                               singular=True),
    Special(special.elliprc,   "elliprc_slopes(a, b, y)[0]", "elliprc_slopes(a, b, y)[1]",
                               exact="elliprc(a, b)", cut=True,
                               complex_form="where(real(b) < 0, sqrt(a / (a - b)) * elliprc(a - b, -b), elliprc(a, b))",
                               singular=True),
    Special(special.elliprf,   "-elliprd(b, c, a) / 6", "-elliprd(a, c, b) / 6", "-elliprd(a, b, c) / 6",
                               exact="elliprf(a, b, c)", cut=True, singular=True),
    Special(special.elliprd,   "-0.75 * carlson(1.5, 0.5, 1.5, 0, a, b, c, 1)",
                               "-0.75 * carlson(0.5, 1.5, 1.5, 0, a, b, c, 1)",
                               "-2.25 * carlson(0.5, 0.5, 2.5, 0, a, b, c, 1)", exact="elliprd(a, b, c)", cut=True,
                               singular=True),
    Special(special.elliprg,   "elliprg_slope(a, b, c)", "elliprg_slope(b, a, c)", "elliprg_slope(c, a, b)",
                               exact="elliprg(a, b, c)", cut=True,
                               singular=True),
    Special(special.elliprj,   "-0.75 * carlson(1.5, 0.5, 0.5, 1, a, b, c, d)",
                               "-0.75 * carlson(0.5, 1.5, 0.5, 1, a, b, c, d)",
                               "-0.75 * carlson(0.5, 0.5, 1.5, 1, a, b, c, d)",
                               "-1.5 * carlson(0.5, 0.5, 0.5, 2, a, b, c, d)", exact="elliprj(a, b, c, d)", cut=True,
                               singular=True),
    Several(special.ellipj,
            ("jacobi_sn", "jacobi_cn(a, b) * jacobi_dn(a, b)", "jacobi_cn(a, b) * jacobi_am_slope(a, b)"),
            ("jacobi_cn", "-jacobi_sn(a, b) * jacobi_dn(a, b)", "-jacobi_sn(a, b) * jacobi_am_slope(a, b)"),
            ("jacobi_dn", "-b * jacobi_sn(a, b) * jacobi_cn(a, b)",
             "-jacobi_sn(a, b) * (jacobi_sn(a, b) / 2 + b * jacobi_cn(a, b) * jacobi_am_slope(a, b)) / y"),
            ("jacobi_am", "jacobi_dn(a, b)", "jacobi_am_slope(a, b)")),
    # -- Bessel functions ----------------------------------------------------------------------------------------------
    Special(special.j0,        "-j1(x)",            exact="besselj(0, x)"),
    Special(special.j1,        "(j0(x) - jv(2, x)) / 2", exact="besselj(1, x)"),
    Special(special.jv,        ORDER, "(jv(a - 1, b) - jv(a + 1, b)) / 2", exact="besselj(a, b)", analytic=False),
    Special(special.jve,       ORDER, "(jve(a - 1, b) - jve(a + 1, b)) / 2", exact="besselj(a, b)", analytic=False),
    Special(special.y0,        "-y1(x)",            exact="bessely(0, x)", singular=True),
    Special(special.y1,        "(y0(x) - yv(2, x)) / 2", exact="bessely(1, x)", singular=True),
    Special(special.yn,        WHOLE, "(yv(a - 1, b) - yv(a + 1, b)) / 2", exact="bessely(a, b)", singular=True),
    Special(special.yv,        ORDER, "(yv(a - 1, b) - yv(a + 1, b)) / 2", exact="bessely(a, b)", analytic=False,
                               singular=True),
    Special(special.yve,       ORDER, "(yve(a - 1, b) - yve(a + 1, b)) / 2", exact="bessely(a, b)", analytic=False,
                               singular=True),
    Special(special.i0,        "i1(x)",             exact="besseli(0, x)"),
    Special(special.i1,        "(iv(0, x) + iv(2, x)) / 2", exact="besseli(1, x)"),
    Special(special.iv,        ORDER, "(iv(a - 1, b) + iv(a + 1, b)) / 2", exact="besseli(a, b)", analytic=False),
    Special(special.i0e,       "ive_slope(1, 0, x)", exact="ive(0, x)"),
    Special(special.i1e,       "ive_slope(1, 1, x)", exact="ive(1, x)"),
    Special(special.ive,       ORDER, "ive_slope(1, a, b)", exact="ive(a, b)", analytic=False),
    Special(special.k0,        "-k1(x)",            exact="besselk(0, x)", singular=True),
    Special(special.k1,        "-(k0(x) + kv(2, x)) / 2", exact="besselk(1, x)", singular=True),
    Special(special.kn,        WHOLE, "-(kv(a - 1, b) + kv(a + 1, b)) / 2", exact="besselk(a, b)", singular=True),
    Special(special.kv,        ORDER, "-(kv(a - 1, b) + kv(a + 1, b)) / 2", exact="besselk(a, b)", cut=True,
                               singular=True),
    Special(special.k0e,       "kve_slope(1, 0, x)",   exact="kve(0, x)", singular=True),
    Special(special.k1e,       "kve_slope(1, 1, x)", exact="kve(1, x)", singular=True),
    Special(special.kve,       ORDER, "kve_slope(1, a, b)", exact="kve(a, b)", cut=True, singular=True),
    Special(_private("_spherical_jn"), WHOLE, "spherical_slope(_spherical_jn, a, b, -1)",
                               name="scipy.special.spherical_jn", analytic=False),
    Special(_private("_spherical_yn"), WHOLE, "spherical_slope(_spherical_yn, a, b, -1)",
                               name="scipy.special.spherical_yn", analytic=False, singular=True),
    Special(_private("_spherical_in"), WHOLE, "spherical_slope(_spherical_in, a, b, 1)",
                               name="scipy.special.spherical_in", analytic=False),
    Special(_private("_spherical_kn"), WHOLE, "-spherical_slope(_spherical_kn, a, b, 1)",
                               name="scipy.special.spherical_kn", analytic=False, singular=True),
    Special(special.besselpoly, "(jv(c, 2 * a) - (b + 1) * y) / a", PARAMETER, ORDER),
    # -- Airy, Kelvin and Struve functions, parabolic cylinder functions -----------------------------------------------
    Several(special.airy, ("airy_ai", "airy_aip(x)"), ("airy_aip", "x * airy_ai(x)"),
            ("airy_bi", "airy_bip(x)"), ("airy_bip", "x * airy_bi(x)"),
            exact=("airyai(x)", "airyaiprime(x)", "airybi(x)", "airybiprime(x)")),
    Several(special.airye,
            ("airye_ai", "airye_slope(0, airye_aip(x) + sqrt(x) * airye_ai(x), x)"),
            ("airye_aip", "airye_slope(1, x * airye_ai(x) + sqrt(x) * airye_aip(x), x)"),
            ("airye_bi", "airye_slope(2, airye_bip(x) - sqrt(maximum(x, 0.0)) * airye_bi(x), x)"),
            ("airye_bip", "airye_slope(3, x * airye_bi(x) - sqrt(maximum(x, 0.0)) * airye_bip(x), x)"), analytic=False),
    Several(special.itairy, ("int_ai", "airy_ai(x)"), ("int_bi", "airy_bi(x)"),
            ("int_ai_left", "airy_ai(-x)"), ("int_bi_left", "airy_bi(-x)")),
    Several(special.itj0y0, ("int_j0", "j0(x)"), ("int_y0", "y0(x)")),
    Several(special.iti0k0, ("int_i0", "iv(0, x)"), ("int_k0", "k0(x)")),
    Several(special.it2j0y0, ("int_j0_over", "-bessel_over(j0(x), x, -1)"), ("int_y0_over", "-y0(x) / x")),
    Several(special.it2i0k0, ("int_i0_over", "bessel_over(iv(0, x), x, 1)"), ("int_k0_over", "-k0(x) / x")),
    Special(special.itstruve0, "struve(0, x)"),
    Special(special.it2struve0, "-struve(0, x) / x"),
    Special(special.itmodstruve0, "modstruve(0, x)"),
    Special(special.struve,    ORDER, "(struve(a - 1, b) - struve(a + 1, b) + struve_term(a, b)) / 2",
                               exact="struveh(a, b)"),
    Special(special.modstruve, ORDER, "(modstruve(a - 1, b) + modstruve(a + 1, b) + struve_term(a, b)) / 2",
                               exact="struvel(a, b)"),
    Special(special.ber,       "berp(x)"),
    Special(special.bei,       "beip(x)"),
    Special(special.ker,       "kerp(x)",           singular=True),
    Special(special.kei,       "keip(x)",           singular=True),
    Special(special.berp,      "-bei(x) - ratio(y, x)"),
    Special(special.beip,      "ber(x) - where(x == 0, 0.5, ratio(y, x))"),
    Special(special.kerp,      "-kei(x) - y / x",   singular=True),
    Special(special.keip,      "ker(x) - y / x",    singular=True),
    Several(special.pbdv, ("parabolic_d", ORDER, "parabolic_d_slope(a, b)"),
            ("parabolic_d_slope", ORDER, "(b * b / 4 - a - 0.5) * parabolic_d(a, b)")),
    Several(special.pbvv, ("parabolic_v", ORDER, "parabolic_v_slope(a, b)"),
            ("parabolic_v_slope", ORDER, "(b * b / 4 - a - 0.5) * parabolic_v(a, b)")),
    Several(special.pbwa, ("parabolic_w", ORDER, "parabolic_w_slope(a, b)"),
            ("parabolic_w_slope", ORDER, "(a - b * b / 4) * parabolic_w(a, b)")),
    # -- hypergeometric functions --------------------------------------------------------------------------------------
    Special(special.hyp0f1,    PARAMETER, "hyp0f1(a + 1, b) / a", exact="hyp0f1(a, b)", analytic=False),
    Special(special.hyp1f1,    PARAMETER, PARAMETER, "a / b * hyp1f1(a + 1, b + 1, c)", exact="hyp1f1(a, b, c)",
                               analytic=False),
    Special(special.hyp2f1,    PARAMETER, PARAMETER, PARAMETER, "a * b / c * hyp2f1(a + 1, b + 1, c + 1, d)",
                               exact="hyp2f1(a, b, c, d)", cut=True, singular=True),
    Special(special.hyperu,    PARAMETER, PARAMETER, "-a * hyperu(a + 1, b + 1, c)", exact="hyperu(a, b, c)",
                               singular=True),
    Special(special.wright_bessel, PARAMETER, PARAMETER, "wright_bessel(a, a + b, c)"),
    Special(special.log_wright_bessel, PARAMETER, PARAMETER, "exp(log_wright_bessel(a, a + b, c) - y)"),
    # -- orthogonal polynomials ----------------------------------------------------------------------------------------
    Special(special.eval_legendre, WHOLE, "eval_gegenbauer(a - 1, 1.5, b)", exact="legendre(a, b)"),
    Special(special.eval_chebyt, WHOLE, "a * eval_chebyu(a - 1, b)", exact="chebyt(a, b)"),
    Special(special.eval_chebyu, WHOLE, "2 * eval_gegenbauer(a - 1, 2, b)", exact="chebyu(a, b)"),
    Special(special.eval_chebyc, WHOLE, "a * eval_chebys(a - 1, b)", exact="2 * chebyt(a, b / 2)"),
    Special(special.eval_chebys, WHOLE, "eval_gegenbauer(a - 1, 2, b / 2)", exact="chebyu(a, b / 2)"),
    Special(special.eval_sh_legendre, WHOLE, "2 * eval_gegenbauer(a - 1, 1.5, 2 * b - 1)",
                               exact="legendre(a, 2 * b - 1)"),
    Special(special.eval_sh_chebyt, WHOLE, "2 * a * eval_sh_chebyu(a - 1, b)", exact="chebyt(a, 2 * b - 1)"),
    Special(special.eval_sh_chebyu, WHOLE, "4 * eval_gegenbauer(a - 1, 2, 2 * b - 1)", exact="chebyu(a, 2 * b - 1)"),
    Special(special.eval_gegenbauer, WHOLE, PARAMETER, "2 * b * eval_gegenbauer(a - 1, b + 1, c)",
                               exact="gegenbauer(a, b, c)"),
    Special(special.eval_jacobi, WHOLE, PARAMETER, PARAMETER,
                               "jacobi_slope(a, b, c, d)", exact="jacobi(a, b, c, d)"),
    Special(special.eval_sh_jacobi, WHOLE, PARAMETER, PARAMETER,
                               "2 * jacobi_slope(a, b - c, c - 1, 2 * d - 1) / binom(2 * a + b - 1, a)",
                               exact="jacobi(a, b - c, c - 1, 2 * d - 1) / binomial(2 * a + b - 1, a)"),
    Special(special.eval_laguerre, WHOLE, "-eval_genlaguerre(a - 1, 1, b)", exact="laguerre(a, 0, b)"),
    Special(special.eval_genlaguerre, WHOLE, PARAMETER, "-eval_genlaguerre(a - 1, b + 1, c)",
                               exact="laguerre(a, b, c)"),
    Special(special.eval_hermite, WHOLE, "2 * a * eval_hermite(maximum(a - 1, 0), b)", exact="hermite(a, b)"),
    Special(special.eval_hermitenorm, WHOLE, "a * eval_hermitenorm(maximum(a - 1, 0), b)",
                               exact="hermite(a, b / sqrt(2)) / 2 ** (a / 2)"),
    Special(special.lpmv,      WHOLE, PARAMETER, "(b * c * y - (a + b) * lpmv(a, b - 1, c)) / ((c - 1) * (c + 1))",
                               singular=True),
    # -- Mathieu functions ---------------------------------------------------------------------------------------------
    Special(special.mathieu_a, WHOLE, PARAMETER),
    Special(special.mathieu_b, WHOLE, PARAMETER),
    _mathieu(special.mathieu_cem, "a", "mathieu_ce", *IN_DEGREES),
    _mathieu(special.mathieu_sem, "b", "mathieu_se", *IN_DEGREES),
    _mathieu(special.mathieu_modcem1, "a", "mathieu_mc1", *MODIFIED),
    _mathieu(special.mathieu_modcem2, "a", "mathieu_mc2", *MODIFIED),
    _mathieu(special.mathieu_modsem1, "b", "mathieu_ms1", *MODIFIED),
    _mathieu(special.mathieu_modsem2, "b", "mathieu_ms2", *MODIFIED),
    # -- piecewise constant --------------------------------------------------------------------------------------------
    Constant(special.round,    exact="rint(x)"),
    # -- refused -------------------------------------------------------------------------------------------------------
    *[Refused(function, COMPLEX) for function in (
        special.hankel1, special.hankel1e, special.hankel2, special.hankel2e, special.kelvin, special.modfresnelm,
        special.modfresnelp, _private("sph_harm"))],
    Refused(special.wofz,      COMPLEX, hint="on the imaginary axis it is erfcx, on the real axis it is made of dawsn"),
    Refused(_private("_lambertw"), COMPLEX, name="scipy.special.lambertw",
            hint="for x > 0 the principal branch is scipy.special.wrightomega(np.log(x))"),
    *[Refused(function, "it is the inverse of a distribution function in a count or in degrees of freedom, " + UNRULED)
      for function in (
        special.bdtrik, special.bdtrin, special.fdtridfd, special.nbdtrik, special.nbdtrin)],
    *[Refused(function, "it belongs to a noncentral distribution, and " + UNRULED) for function in (
        special.chndtr, special.chndtridf, special.chndtrinc, special.chndtrix, special.ncfdtr, special.ncfdtri,
        special.ncfdtridfd, special.ncfdtridfn, special.ncfdtrinc, special.nctdtr, special.nctdtridf,
        special.nctdtrinc, special.nctdtrit)],
    *[Refused(function, "its number of terms jumps with its argument, and " + UNRULED)
      for function in (special.smirnov, special.smirnovi)],
    *[Refused(function, "it is a spheroidal wave function, and " + UNRULED) for function in (
        special.obl_ang1, special.obl_ang1_cv, special.obl_cv, special.obl_rad1, special.obl_rad1_cv,
        special.obl_rad2, special.obl_rad2_cv, special.pro_ang1, special.pro_ang1_cv, special.pro_cv,
        special.pro_rad1, special.pro_rad1_cv, special.pro_rad2, special.pro_rad2_cv)],
]
# fmt: on
ROWS = [row for row in _ALL if row.function is not None]

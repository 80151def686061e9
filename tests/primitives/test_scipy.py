"""The ufuncs of scipy.special: none is missing, and their derivatives are those of mpmath's functions."""

import numpy as np
import pytest
from mpmath import mp, mpf

import diffbench as db
from diffbench.primitives import TABLE, rows_of_scipy

special = pytest.importorskip("scipy.special")

X, POSITIVE, UNIT = (-8.0, -0.3, 0.7, 4.0), (0.1, 0.7, 3.0, 40.0), (1e-10, 0.1, 0.5, 0.9)
TRUTH = {
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), (-30.0, *X, 30.0)),
    "log_expit": (lambda x: -mp.log1p(mp.exp(-x)), (-800.0, *X)),
    "logit": (lambda x: mp.log(x / (1 - x)), UNIT),
    "erf": (mp.erf, X),
    "erfc": (mp.erfc, (*X, 20.0)),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), (-0.3, 0.7, 4.0)),
    "erfinv": (mp.erfinv, (-0.9, 0.1, 0.99)),
    "ndtr": (mp.ncdf, X),
    "log_ndtr": (lambda x: mp.log(mp.ncdf(x)), (-50.0, *X)),
    "ndtri": (lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), (0.01, 0.3, 0.9)),
    "gamma": (mp.gamma, (-1.5, 0.1, 3.3)),
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))), (0.1, 3.3, 40.0)),
    "rgamma": (mp.rgamma, (-1.5, 0.1, 3.3)),
    "psi": (mp.digamma, POSITIVE),
    "beta": (mp.beta, [(0.5, 1.3), (3.0, 2.0)]),
    "betaln": (lambda a, b: mp.log(mp.beta(a, b)), [(0.5, 1.3), (30.0, 2.0)]),
    "gammainc": (lambda a, x: mp.gammainc(a, 0, x, regularized=True), [(0.5, 0.3), (3.0, 4.0)]),
    "gammaincc": (lambda a, x: mp.gammainc(a, x, regularized=True), [(0.5, 0.3), (3.0, 4.0)]),
    "betainc": (lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True), [(0.5, 1.5, 0.3), (3.0, 2.0, 0.7)]),
    "xlogy": (lambda x, y: x * mp.log(y), [(0.5, 0.3), (-2.0, 4.0)]),
    "xlog1py": (lambda x, y: x * mp.log1p(y), [(0.5, 0.3), (-2.0, 1e-9)]),
    "entr": (lambda x: -x * mp.log(x), POSITIVE),
    "rel_entr": (lambda x, y: x * mp.log(x / y), [(0.5, 0.3)]),
    "kl_div": (lambda x, y: x * mp.log(x / y) - x + y, [(0.5, 0.3)]),
    "j0": (lambda x: mp.besselj(0, x), POSITIVE),
    "j1": (lambda x: mp.besselj(1, x), POSITIVE),
    "y0": (lambda x: mp.bessely(0, x), POSITIVE),
    "i0": (lambda x: mp.besseli(0, x), (0.1, 0.7, 3.0)),
    "i1": (lambda x: mp.besseli(1, x), (0.1, 0.7, 3.0)),
    "i0e": (lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), (0.1, 3.0, 40.0)),
    "k0": (lambda x: mp.besselk(0, x), (0.1, 0.7, 3.0)),
    "ellipk": (mp.ellipk, (-2.0, 0.3, 0.9)),
    "ellipe": (mp.ellipe, (-2.0, 0.3, 0.9)),
    "expi": (mp.ei, (0.1, 3.0)),
    "exp1": (mp.e1, (0.1, 3.0)),
    "spence": (lambda x: mp.polylog(2, 1 - x), (0.1, 0.7, 1.9)),
    "hyp2f1": (mp.hyp2f1, [(0.5, 1.3, 2.1, 0.4)]),
    "boxcox": (lambda x, p: (x**p - 1) / p, [(0.5, 1.3), (2.0, 0.2)]),
    "cosm1": (lambda x: mp.cos(x) - 1, X),
    "exprel": (lambda x: mp.expm1(x) / x, X),
}
POINTS = [
    pytest.param(name, point if isinstance(point, tuple) else (point,), id=f"{name}-{point}")
    for name, (_, points) in TRUTH.items()
    for point in points
]


def test_every_ufunc_of_scipy_special_is_classified():
    ufuncs = {value for value in vars(special).values() if isinstance(value, np.ufunc)}
    assert [ufunc.__name__ for ufunc in ufuncs - set(rows_of_scipy()) - set(TABLE)] == []


def partials(name, point):
    """Position and exact value of each partial derivative that the table has."""
    row = rows_of_scipy().get(getattr(special, name)) or TABLE[getattr(special, name)]
    for position, x in enumerate(point):
        if not row.partials[position] or not row.partials[position].text:
            continue

        def along(t, position=position):
            return TRUTH[name][0](*[t if k == position else mpf(a) for k, a in enumerate(point)])

        with mp.workdps(60):
            yield position, float(mp.re(mp.diff(along, mpf(x)))), float(mp.re(mp.diff(along, mpf(x), 2)))


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("name", "point"), POINTS)
def test_first_and_second_derivatives_are_those_of_mpmath(name, point, mode):
    function = getattr(special, name)
    for position, first, second in partials(name, point):
        slope = db.derivative(function, argnum=position, backend=mode)
        assert slope(*point) == pytest.approx(first, rel=1e-11, abs=1e-13)
        assert db.derivative(slope, argnum=position, backend="forward")(*point) == pytest.approx(
            second, rel=1e-9, abs=1e-11
        )


def test_arrays_broadcast_and_scipy_is_found_when_it_is_first_used():
    x, y = np.array([[0.3], [1.5]]), np.array([0.5, 2.0, 3.0])
    found = db.gradient(lambda y: np.sum(special.betaln(x, y)))(y)
    np.testing.assert_allclose(found, np.sum(special.psi(y) - special.psi(x + y), axis=0), rtol=1e-13)


def test_a_function_without_a_rule_is_refused_by_its_name():
    with pytest.raises(db.UnsupportedPrimitive, match=r"scipy\.special"):
        db.derivative(lambda v: special.jv(v, 1.0))(0.5)

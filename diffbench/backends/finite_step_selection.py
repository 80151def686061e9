"""Steps of finite differences chosen by looking at f: the published selectors, each one a short function of a line.

    db.gradient(f, backend="finite-central", step="dumontet-vignes")

    curtis-reid                  central, order 2    3 evaluations for each step that is tried
    dumontet-vignes              central, order 2    4 for each step tried, 2 at the end
    stepleman-winarsky           central             2 for each step tried
    gill-murray-saunders-wright  one-sided, order 1  2 for each step tried, 1 at the end
    mathur                       any                 the stencil for each step tried: the dearest
    plug-in                      any                 one estimate of f⁽ᵖ⁺¹⁾: the cheapest
    ridders                      central, order 2    2 for each step tried; the result is extrapolated from several
    fixed                        any                 none: the default of finite.py

All balance truncation c·|f⁽ᵖ⁺¹⁾|·hᵖ against round-off W·u·|f|/h, with c and W of the stencil and u = eps/2, so that

    h* = (W·u·|f| / (p·c·|f⁽ᵖ⁺¹⁾|))^(1/(p+1))

and differ in how they learn f⁽ᵖ⁺¹⁾, or do without it. Where f has no such derivative, or too small a one to be told
from round-off, all steps are as good, and the default or the widest one tried is taken: `Chosen.note` says so. Where
the criterion cannot be met, at a jump, say, StepNotFound is raised. A kink is not noticed: it has a central difference.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.backends.finite_line import Chosen, Line, size
from diffbench.backends.finite_stencil import Stencil, central, extrapolated
from diffbench.errors import ArgumentError, StepNotFound, UnknownName, did_you_mean


@dataclass(frozen=True)
class Selector:
    """A published way to choose the step: for which differences, from which source; None stands for any."""

    name: str
    choose: Callable[[Line], Chosen]
    source: str
    backends: tuple[str, ...] | None = None
    order: int | None = None


# ---------------------------------------------------------------------------------------------------- optima


def best_step(stencil: Stencil, f: float, derivative: float, eps: float) -> float:
    """h*, from the sizes of f and of its derivative of degree order + 1.

    >>> f"{best_step(central(2), 0.28901376, 3948.87168, 2.0**-52):.1e}"  # l_4 of the logistic map at 0.2
    '2.9e-07'
    """
    p = stencil.order
    roundoff = float(stencil.amplification) * eps / 2 * f
    return (roundoff / (p * float(stencil.truncation) * derivative)) ** (1 / (p + 1))


def fixed(line: Line) -> Chosen:
    """The default step: best where f and its derivatives are of one size on the scale of x."""
    return Chosen(line.step(line.start), line.stencil)


def plug_in(line: Line) -> Chosen:
    """h* with f⁽ᵖ⁺¹⁾ from one central difference, whose own step is the default for that derivative.

    A derivative that cannot be told from round-off is taken for as large as it could be. There is no second look: where
    f changes over much less than the scale of x, that derivative is wrong, and so is the step.
    """
    stencil = line.stencil
    high = central(2, stencil.order + 1)
    h = line.step(line.eps ** (1 / (high.derivative + 2)) * line.scale, high.reach)
    h = line.narrowed(high, h, by=4)
    f = line.roundoff(high, h) / (line.eps / 2)
    least = float(high.amplification) * line.roundoff(high, h) / h**high.derivative
    if least == 0:
        return _constant(line)
    estimate = size(line.derivative(high, h))
    note = "" if estimate > least else f"f⁽{high.derivative}⁾ is lost in round-off"
    return Chosen(line.step(best_step(stencil, f, max(estimate, least), line.eps)), stencil, note)


# ------------------------------------------------------------------------------- truncation against round-off


def curtis_reid(line: Line) -> Chosen:
    """Truncation, estimated by forward minus central, is to be 10 to 1000 times the round-off.

    That difference overestimates the truncation of a central difference: hence the aim of 100 and not of 1.
    Where it vanishes, for f'' = 0, nothing can be learned from it.
    """
    least, aim, most = 10, 100, 1000
    lowest, highest = line.lowest, line.highest
    h = line.narrowed(line.stencil, line.step(line.start), by=4)
    for _ in range(30):
        roundoff = line.roundoff(line.stencil, h)
        if roundoff == 0:
            return _constant(line)
        ratio = size(line(1, h) - 2 * line(0, h) + line(-1, h)) / 2 / roundoff
        if least <= ratio <= most:
            return Chosen(h, line.stencil)
        if ratio < least and h >= highest:
            return _nothing_seen(line, "f''")
        if ratio > most and h <= lowest:
            break
        wanted = float(h) * np.sqrt(aim / max(ratio, 1.0))
        h = line.narrowed(line.stencil, line.step(min(max(wanted, lowest), highest)), by=4)
    raise _not_found("the truncation error does not fall to some 100 times the round-off")


def dumontet_vignes(line: Line) -> Chosen:
    """h = (1.67·u·|f| / |f'''|)^(1/3), with f''' by a difference whose step k is as small as round-off allows.

    k is right when f''' ± its round-off differ by a factor between 2 and 15: when round-off is between 1/3 and 7/8 of
    f'''. The paper bisects over all of floating point; here k is bracketed from its default by factors of ten.
    """
    third = central(2, 3)

    def share(k: Any) -> float:
        """Round-off over f'''; zero where f is not finite, so that k narrows there."""
        if not line.sees(third, k):
            return 0.0
        noise = float(third.amplification) * 2 * line.roundoff(third, k)
        f3 = size(line.derivative(third, k)) * float(k) ** 3
        return noise / f3 if f3 else np.inf

    def step() -> Chosen:
        f3 = size(line.derivative(third, k))
        return Chosen(line.step((1.67 * line.roundoff(third, k) / f3) ** (1 / 3)), line.stencil)

    k = line.step(line.eps ** (1 / 5) * line.scale, third.reach)
    small = wide = None  # steps known to be too small, and too wide
    while True:
        found = share(k)
        if 1 / 3 <= found <= 7 / 8:
            return step()
        small, wide = (small, k) if found < 1 / 3 else (k, wide)
        if small is not None and wide is not None:
            if wide < 1.1 * small:  # round-off, of a few units, does not fall as evenly as theory says
                k = wide
                return step()
            wanted = np.sqrt(float(small) * float(wide))
        else:
            wanted = float(k) / 10 if small is None else float(k) * 10
        if wanted > line.highest:
            return plug_in(line)
        if wanted < line.lowest:
            if found == 0:
                raise _not_found("f is not finite beside the point")
            return step()
        k = line.step(wanted, third.reach)


def gill_murray_saunders_wright(line: Line) -> Chosen:
    """h = 2·√(u·|f| / |f''|), with f'' from a difference whose step has a relative round-off of 0.001 to 0.1.

    Algorithm FD of the paper with its constants, K = 6 changes of the step by a factor of ten among them.
    """
    second = central(2, 2)
    f = size(line(0, 1.0))
    first = 2 * (1 + line.scale) * np.sqrt((line.eps / 2 * f or line.eps / 2) / (1 + f))
    h = line.narrowed(second, line.step(10 * first), by=10)
    optimum = slope_step = None  # h* from the last f'' clear of round-off; the first step whose slopes are clear of it
    widening = False
    for tried in range(7):
        error, curvature = line.roundoff(second, h), size(line.derivative(second, h))
        if error == 0:
            return _constant(line)
        unclear = 4 * error / (h * h) / curvature if curvature else np.inf
        widening = unclear > 0.1 if tried == 0 else widening
        if unclear > 0.1 and optimum is not None:
            return Chosen(line.step(optimum), line.stencil)
        if unclear <= 0.1:
            optimum = 2 * np.sqrt(error / curvature)
            if widening or unclear >= 0.001:
                return Chosen(line.step(optimum), line.stencil)
        if slope_step is None and all(2 * error <= 0.1 * size(line(k, h) - line(0, h)) for k in (1, -1)):
            slope_step = h
        next_step = line.step(float(h) * 10 if widening else float(h) / 10)
        if widening and (next_step > line.highest or not line.sees(second, next_step)):
            break
        h = next_step
    if not widening:
        raise _not_found("f'' grows without end as the step of its difference falls")
    if slope_step is None:
        return Chosen(line.step(first), line.stencil, "f is nearly constant")
    return Chosen(line.step(slope_step), line.stencil, "f is nearly linear, or odd about x")


# ------------------------------------------------------------------------------------- a sequence of quotients


def stepleman_winarsky(line: Line) -> Chosen:
    """Quarter the step for as long as the quotients d(h) change less and less: then round-off has taken over.

    The first step loses fewer than log10(eps^(-1/3)/4) digits in the subtraction: it is widened until it does, and
    narrowed while f changes by more than itself. Where it is still far too wide, the quotients may settle by chance.
    """
    beta = 4.0
    h = line.narrowed(line.stencil, line.step(beta * line.eps ** (1 / 3) * line.scale), by=beta)
    while _kept(line, h) > 1 and h > line.lowest:
        h = line.step(float(h) / beta)
    while 0 < _kept(line, h) < beta * line.eps ** (1 / 3) and h < line.highest:
        wider = line.step(min(float(h) * beta * beta, line.highest))
        if not line.sees(line.stencil, wider):
            break
        h = wider
    d, change = line.derivative(line.stencil, h), np.inf
    while h > line.lowest:
        narrower = line.step(float(h) / beta)
        d_next = line.derivative(line.stencil, narrower)
        change_next = size(d_next - d)
        if change_next == 0 or change_next > change:
            return Chosen(h, line.stencil)
        h, d, change = narrower, d_next, change_next
    return Chosen(h, line.stencil, "round-off never took over")


def _kept(line: Line, h: Any) -> float:
    """The share of f that is left after the subtraction, 2·h·d(h)/f."""
    f = size(line(0, h))
    return 2 * float(h) * size(line.derivative(line.stencil, h)) / f if f else 1.0


def mathur(line: Line) -> Chosen:
    """Halve the step; as long as truncation rules, the quotients change by 2⁻ᵖ of what they changed before.

    The last step of the first run of three or more such changes, divided by ((1 + 2) / (1 - 2⁻ᵖ))^(1/(p+1)), is taken.
    """
    stencil, p, t = line.stencil, line.stencil.order, 0.5
    h = line.narrowed(stencil, line.step(line.scale / 4), by=2)
    d, change, run = line.derivative(stencil, h), None, 0
    while h > line.lowest:
        narrower = line.step(float(h) * t)
        d_next = line.derivative(stencil, narrower)
        change_next = size(d_next - d)
        if change:
            falls = change_next > 0 and abs(np.log2(change / change_next) - p) <= 0.1 * p
            if not falls and run >= 3:
                return Chosen(line.step(float(h) / ((1 + 1 / t) / (1 - t**p)) ** (1 / (p + 1))), stencil)
            run = run + 1 if falls else 0
        if run < 3 and change_next <= 4 * line.roundoff(stencil, narrower) / narrower:
            return _nothing_seen(line, f"f⁽{p + 1}⁾")
        h, d, change = narrower, d_next, change_next
    if run < 3:
        raise _not_found("the quotients do not settle with the order of the difference")
    return Chosen(h, stencil)


def ridders(line: Line) -> Chosen:
    """Neville's tableau of central differences at steps halved again and again; the entry of the least error wins.

    An entry of column j is the difference on ±1, ±2, ±4, ..., ±2ʲ steps: a stencil of order 2(j+1). The book leaves the
    first step to the user; here, a tableau that does not settle is followed by one that begins where it ended.
    """
    basic = line.stencil
    h = line.narrowed(basic, 2.0 ** np.round(np.log2(line.scale / 4)), by=2)
    while h >= line.lowest:
        best, error, h = _tableau(line, h)
        found, noise = size(line.derivative(best.stencil, best.step)), line.roundoff(basic, best.step) / best.step
        if error <= max(np.sqrt(line.eps) * found, 30 * noise):
            return best
    raise _not_found("the extrapolated quotients do not settle")


def _tableau(line: Line, h: Any) -> tuple[Chosen, float, Any]:
    """The best entry of a tableau that begins at the step h, the estimate of its error, and the next step."""
    basic, rows, safe = line.stencil, 10, 2.0
    best, least = Chosen(h, basic), np.inf
    above = [line.derivative(basic, h)]
    for _ in range(1, rows):
        h = h / 2
        row = [line.derivative(basic, h)]
        for j in range(len(above)):
            factor = 4.0 ** (j + 1)
            row.append((row[j] * factor - above[j]) / (factor - 1))
            error = max(size(row[j + 1] - row[j]), size(row[j + 1] - above[j]))
            if error <= least:
                best, least = Chosen(h, extrapolated(j + 2)), error
        if size(row[-1] - above[-1]) >= safe * least:
            break
        above = row
    return best, least, h / 2


# --------------------------------------------------------------------------------------------------- the table


def _constant(line: Line) -> Chosen:
    return Chosen(line.step(line.start), line.stencil, "f is zero all around")


def _nothing_seen(line: Line, what: str) -> Chosen:
    return Chosen(line.step(line.start), line.stencil, f"{what} cannot be told from round-off: the default step")


def _not_found(why: str) -> StepNotFound:
    return StepNotFound(
        "no step met the criterion of its selector",
        why=f"{why}; is there a jump, or noise in f?",
        hint="give step= as a number, or noise= as the relative error of f",
    )


CENTRAL, ONE_SIDED = ("finite-central",), ("finite-forward", "finite-backward")

SELECTORS = {
    selector.name: selector
    for selector in (
        Selector("fixed", fixed, "Nocedal, Wright 2006, section 8.1"),
        Selector("plug-in", plug_in, "the same balance, with an estimate of the derivative in it"),
        Selector("curtis-reid", curtis_reid, "Curtis, Reid 1974, J. Inst. Maths Applics 13, 121-126", CENTRAL, 2),
        Selector("dumontet-vignes", dumontet_vignes, "Dumontet, Vignes 1977, RAIRO 11(1), 13-25", CENTRAL, 2),
        Selector("stepleman-winarsky", stepleman_winarsky,
                 "Stepleman, Winarsky 1979, Math. Comp. 33, 1257-1264, (2.3), (3.9) to (3.15)", CENTRAL),
        Selector("gill-murray-saunders-wright", gill_murray_saunders_wright,
                 "Gill, Murray, Saunders, Wright 1983, SIAM J. Sci. Stat. Comput. 4, 310-321, 3.2", ONE_SIDED, 1),
        Selector("mathur", mathur, "Mathur 2012, thesis, University of Texas at Austin: AutoDX, as in R's pnd"),
        Selector("ridders", ridders, "Ridders 1982; as in Numerical Recipes, 5.7, with steps halved", CENTRAL, 2),
    )
}  # fmt: skip


def selector_called(name: str, backend: str, order: int) -> Selector:
    """The selector of that name; UnknownName, or ArgumentError where it is not for that difference."""
    if name not in SELECTORS:
        raise UnknownName(f"{backend}: no step is called {name!r}; {did_you_mean(name, SELECTORS)}")
    selector = SELECTORS[name]
    wanted = selector.backends or (backend,)
    if backend not in wanted or selector.order not in (None, order):
        fitting = [other.name for other in SELECTORS.values() if _fits(other, backend, order)]
        raise ArgumentError(
            f"{backend} of order {order}: step={name!r} does not fit",
            why=f"it chooses steps for {' and '.join(wanted)}" + (f" of order {selector.order}" * bool(selector.order)),
            hint=f"one of {', '.join(fitting)}",
        )
    return selector


def _fits(selector: Selector, backend: str, order: int) -> bool:
    return backend in (selector.backends or (backend,)) and selector.order in (None, order)

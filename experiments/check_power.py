"""Question: which mistakes in a hand-written gradient does a gradient check catch, and does it cry wolf?

Right gradients of all our problems get one mistake each, as people make them, and every checker is asked with the
settings that it has by default, at the same points. A checker that compares one random direction sees most of them; but
a norm or an absolute tolerance hides a wrong sign in a small entry, and a coarse one hides small factors. With the
truth to 50 digits all of these can be told apart, without an alarm about what is right.

Theory: a forward difference is right to sqrt(eps) |f| at best, a central one to eps^(2/3): no check by differences with
an absolute tolerance tol can see a mistake below tol, or a relative one below eps^(2/3).

Source of the defaults: scipy.optimize.check_grad (it returns a number; SciPy's own tests ask for less than 1e-6),
autograd.test_util.check_grads, jax.test_util.check_grads (float64), torch.autograd.gradcheck (float64).
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import diffbench as db
from diffbench import plotting
from diffbench.problems import problem, problems
from diffbench.runner import Claim, Limits
from diffbench.structure import flatten, unflatten
from diffbench.tables import both
from diffbench.testing import check_gradient
from diffbench.testing.terms import Operations
from diffbench.watching import watching

LIMITS = {"quick": Limits(20), "lecture": Limits(120), "full": Limits(900)}
TIMED = False
CHECKERS = ("diffbench", "torch", "jax", "autograd", "scipy")
TINY = 1e-9  # a slope beside others of order one
SMALL = 1e-6  # of everything

# ------------------------------------------------------------------------------------------------------- sweep

REPEATS = {"quick": 1, "lecture": 2, "full": 10}
FEW = ("helmholtz", "affine_loss")


def sweep(profile: str) -> list[dict[str, Any]]:
    """One cell is one checker on one problem, with every mistake. Quick: the checkers of others on one problem only."""
    names = {checker: FEW[-1:] if checker in CHECKERS[1:] else FEW for checker in CHECKERS}
    if profile != "quick":
        names = dict.fromkeys(CHECKERS, tuple(p.name for p in problems()))
    return [
        {"checker": checker, "problem": name, "repeats": REPEATS[profile]}
        for checker in CHECKERS
        if checker == "diffbench" or installed(checker)
        for name in names[checker]
    ] + [{"checker": checker, "problem": "", "repeats": 0} for checker in CHECKERS[1:] if not installed(checker)]


def installed(library: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(library) is not None


# ----------------------------------------------------------------------------------------------------- problems

Vector = Any
Pair = tuple[Callable[[Vector], Any], Callable[[Vector], Vector], Vector]


def flat(name: str) -> tuple[Pair, list[tuple[int, ...]]]:
    """A problem as a scalar function of one vector, its gradient by hand, a point; and the shapes in that vector."""
    p = problem(name)
    args = p.point()
    argnums = p.argnum if isinstance(p.argnum, tuple) else (p.argnum,)
    leaves, structure = flatten(tuple(args[k] for k in argnums))
    shapes = [np.shape(leaf) for leaf in leaves]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    weights = np.array([1.0, -0.7])  # of the results of the one problem that has two

    def arguments(z: Vector) -> list:
        pieces = [
            z[end - int(np.prod(shape)) : end].reshape(shape) if shape else z[end - 1]
            for end, shape in zip(ends, shapes, strict=True)
        ]
        chosen, own = unflatten(structure, pieces), list(args)
        for k, argument in zip(argnums, chosen, strict=True):
            own[k] = argument
        return own

    def f(z: Vector) -> Any:
        y = p.function(*arguments(z))
        return np.dot(weights, y) if p.verb == "jacobian" else y

    def gradient(z: Vector) -> Vector:
        found = flatten(p.derivative(*arguments(z)))[0]
        if p.verb == "jacobian":
            found = [np.tensordot(weights, block, 1) for block in found]
        return np.concatenate([np.ravel(leaf) for leaf in found])

    return (f, gradient, np.concatenate([np.ravel(leaf) for leaf in leaves])), shapes


# ----------------------------------------------------------------------------------------------------- mistakes


def right(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
    """The gradient by hand, and by two modes that round otherwise."""
    f, _, z = pair
    return [
        pair,
        (f, db.gradient(f, backend="forward"), z),
        (f, db.gradient(f, backend="complex-step", branches="real"), z),
    ]


def wrong(change: Callable[[Vector, int, int], Any]) -> Callable[[Pair, list, Any], list[Pair]]:
    """A mistake in the entry i of the gradient, or in i and j, which are drawn at random where it matters."""

    def mistake(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
        f, gradient, z = pair
        g = gradient(z)
        matter = np.flatnonzero(np.abs(g) > 1e-3 * np.max(np.abs(g)))
        i = int(rng.choice(matter))
        others = matter[np.abs(g[matter] - g[i]) > 1e-3 * np.max(np.abs(g))]
        if change is _swap and not others.size:
            return []
        j = int(rng.choice(others)) if others.size else i

        def changed(z: Vector) -> Vector:
            g = np.array(gradient(z))
            change(g, i, j)
            return g

        return [(f, changed, z)]

    return mistake


def _swap(g: Vector, i: int, j: int) -> None:
    g[[i, j]] = g[[j, i]]


def _set(value: Callable[[float], float]) -> Callable[[Vector, int, int], None]:
    def change(g: Vector, i: int, j: int) -> None:
        g[i] = value(g[i])

    return change


def _scale(factor: float) -> Callable[[Vector, int, int], None]:
    def change(g: Vector, i: int, j: int) -> None:
        g *= factor

    return change


def transposed(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
    """The entries of a matrix in the order of its columns."""
    f, gradient, z = pair
    matrices = [k for k, shape in enumerate(shapes) if len(shape) == 2 and min(shape) > 1]  # others look no different
    if not matrices:
        return []
    k = int(rng.choice(matrices))
    start = sum(int(np.prod(shape)) for shape in shapes[:k])
    place = slice(start, start + int(np.prod(shapes[k])))

    def changed(z: Vector) -> Vector:
        g = np.array(gradient(z))
        g[place] = g[place].reshape(shapes[k]).T.ravel()
        return g

    return [(f, changed, z)]


def dropped(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
    """What flows through one operand of one operation of f is left out, as when a term of the product rule is."""
    f, gradient, z = pair
    g = gradient(z)
    with watching(look := Operations()):
        db.gradient(f, backend="reverse")(z)
    for k in rng.permutation(len(look.seen)):
        operand = int(rng.integers(2))

        def changed(z: Vector, k: int = int(k), operand: int = operand) -> Vector:
            with watching(Operations(k, operand)):
                return db.gradient(f, backend="reverse")(z)

        lost = np.abs(changed(z) - g)
        if np.max(lost) > 1e-2 * np.max(np.abs(g)):
            return [(f, changed, z)]
    return []


def tiny(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
    """One variable is measured in such units that its slope is tiny, and that has the wrong sign."""
    f, gradient, z = pair
    if len(z) < 2:
        return []
    g = gradient(z)
    i = int(rng.choice(np.flatnonzero(np.abs(g) > 1e-3 * np.max(np.abs(g)))))
    units = np.where(np.arange(len(z)) == i, TINY, 1.0)
    start = np.where(np.arange(len(z)) == i, z - TINY, 0.0)

    def changed(u: Vector) -> Vector:
        return gradient(start + units * u) * units * np.where(np.arange(len(z)) == i, -1.0, 1.0)

    return [(lambda u: f(start + units * u), changed, np.where(units == 1, z, 1.0))]


def small(pair: Pair, shapes: list, rng: Any) -> list[Pair]:
    """f is measured in such units that its whole gradient is small, and one entry has the wrong sign."""
    ((f, changed, z),) = SIGN(pair, shapes, rng)
    return [(lambda z: SMALL * f(z), lambda z: SMALL * changed(z), z)]


SIGN = wrong(_set(lambda slope: -slope))
MISTAKES: dict[str, Callable[[Pair, list, Any], list[Pair]]] = {
    "right: false alarms": right,
    "two entries swapped": wrong(_swap),
    "matrix transposed": transposed,
    "sign of one entry": SIGN,
    "one entry zero": wrong(_set(lambda slope: 0.0)),
    "one entry NaN": wrong(_set(lambda slope: np.nan)),
    "a term dropped": dropped,
    f"sign of one entry, f times {SMALL:.0e}": small,
    f"sign of an entry of {TINY:.0e}": tiny,
    **{f"times 1 + {d:.0e}": wrong(_scale(1 + d)) for d in (1e-2, 1e-4, 1e-6)},
}

# ----------------------------------------------------------------------------------------------------- checkers


def by_diffbench(f: Callable, gradient: Callable, z: Vector) -> None:
    """Entry by entry, at five points, against 50 digits."""
    check_gradient(f, gradient, z)


def by_scipy(f: Callable, gradient: Callable, z: Vector) -> None:
    """The norm of the difference from forward differences, which SciPy's own tests want below 1e-6."""
    from scipy.optimize import check_grad

    if not check_grad(f, gradient, z) < 1e-6:
        raise AssertionError


def by_autograd(f: Callable, gradient: Callable, z: Vector) -> None:
    """One random direction, central differences of step 1e-6, 1e-6 absolute or relative."""
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    g = primitive(lambda z: f(np.asarray(z)))
    defvjp(g, lambda y, z: lambda y_bar: y_bar * gradient(z))
    check_grads(g, modes=["rev"], order=1)(z)


def by_jax(f: Callable, gradient: Callable, z: Vector) -> None:
    """One random direction, central differences."""
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    g = jax.custom_vjp(lambda z: jax.numpy.asarray(f(np.asarray(z))))
    g.defvjp(
        lambda z: (jax.numpy.asarray(f(np.asarray(z))), z),
        lambda z, y_bar: (y_bar * jax.numpy.asarray(gradient(np.asarray(z))),),
    )
    check_grads(g, (jax.numpy.asarray(z),), order=1, modes=["rev"])


def by_torch(f: Callable, gradient: Callable, z: Vector) -> None:
    """Entry by entry, central differences of step 1e-6, 1e-5 absolute plus 1e-3 relative."""
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Any) -> Any:
            ctx.save_for_backward(z)
            return torch.tensor(float(f(z.detach().numpy())), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, y_bar: Any) -> Any:  # type: ignore[override]
            (z,) = ctx.saved_tensors
            return y_bar * torch.from_numpy(np.array(gradient(z.detach().numpy())))

    torch.set_num_threads(1)
    torch.autograd.gradcheck(Function.apply, (torch.tensor(z, requires_grad=True),))


# ----------------------------------------------------------------------------------------------------- measure


def measure(checker: str, problem: str, repeats: int) -> list[dict[str, Any]]:
    """A row for each gradient that was checked: was there an alarm?"""
    if not repeats:
        return [{"status": "unsupported", "message": f"not installed: python -m pip install {checker}"}]
    check = globals()[f"by_{checker}"]
    pair, shapes = flat(problem)
    rows = []
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)  # the same points and mistakes for every checker
        f, gradient, z = pair
        z = z * (1 + 0.05 * rng.uniform(-1, 1, z.shape))
        for name, mistake in MISTAKES.items():
            rows += [
                {"mistake": name, "repeat": repeat, "alarm": alarmed(check, *case)}
                for case in mistake((f, gradient, z), shapes, rng)
            ]
    return rows


def alarmed(check: Callable, f: Callable, gradient: Callable, z: Vector) -> bool:
    """Whether a checker raises about a gradient."""
    try:
        with np.errstate(all="ignore"):
            check(f, gradient, z.copy())
    except (AssertionError, RuntimeError) as error:  # torch raises GradcheckError, a RuntimeError
        if isinstance(error, RuntimeError) and type(error).__name__ != "GradcheckError":
            raise
        return True
    return False


# ------------------------------------------------------------------------------------------------------ expect


def shares(frame: Any) -> Any:
    """The share of alarms: a row for each mistake, a column for each checker."""
    ok = frame[frame.status == "ok"]
    table = ok.assign(alarm=ok.alarm.astype(float)).pivot_table("alarm", "mistake", "checker", "mean")
    return table.reindex(index=list(MISTAKES), columns=list(CHECKERS))


def expect(frame: Any) -> list[Claim]:
    """diffbench catches all and raises no false alarm; of the others theory says what differences cannot see."""
    share = shares(frame)
    first, *mistakes = MISTAKES
    caught = share.loc[mistakes, "diffbench"]
    claims = [
        Claim(
            "diffbench: no false alarm",
            share.loc[first, "diffbench"] == 0,
            f"{share.loc[first, 'diffbench']:.1%}",
            "0 %",
        ),
        Claim("diffbench: every mistake caught", caught.min() == 1, f"{caught.min():.1%} of the worst kind", "100 %"),
    ]
    slight = f"times 1 + {1e-6:.0e}"
    for checker in CHECKERS[1:]:
        seen, false = share.loc[slight, checker], share.loc[first, checker]
        holds = None if np.isnan(seen) else seen < 1 or false > 0
        found = "not installed" if np.isnan(seen) else f"{seen:.0%} caught, {false:.0%} false alarms"
        text = f"{checker}: differences do not see a factor of 1 + 1e-06 without false alarms"
        claims.append(Claim(text, holds, found, "not 100 % and 0 %"))
    return claims


# ------------------------------------------------------------------------------------------------------ figure


def figures(frame: Any) -> dict[str, Any]:
    """A table of dots: how large the share caught, in words too."""
    share = shares(frame)
    measured = set(frame.checker[frame.status == "ok"])
    with plotting.style():
        figure, ax = plotting.figure("Which mistakes in a gradient does a check catch?", "", "")
        ax.grid(False)
        for x, checker in enumerate(CHECKERS):
            for y, mistake in enumerate(MISTAKES):
                draw_share(ax, x, y, share.loc[mistake, checker], good=0.0 if y == 0 else 1.0)
        ax.set_xticks(range(len(CHECKERS)), [c if c in measured else f"{c}\nnot installed" for c in CHECKERS])
        ax.set_yticks(range(len(MISTAKES)), list(MISTAKES))
        ax.axhline(0.5, color=plotting.GUIDE, linewidth=1.2)
        ax.set_ylim(len(MISTAKES) - 0.5, -0.5)
        ax.set_xlim(-0.5, len(CHECKERS) - 0.5)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
    return {"power": figure}


def draw_share(ax: Any, x: int, y: int, share: float, good: float) -> None:
    """One dot, filled as far as mistakes are caught, blue where all is as it should be and orange where not."""
    if np.isnan(share):
        ax.text(x, y, "–", ha="center", va="center", color=plotting.GUIDE)
        return
    colour = "#0077BB" if share == good else "#EE7733"
    ax.scatter([x - 0.13], [y], s=620, facecolors="none", edgecolors=colour, linewidths=2)
    if share:
        ax.scatter([x - 0.13], [y], s=620 * share, color=colour, linewidths=0)
    ax.text(x + 0.06, y, f"{share:.0%}", va="center", color=colour, fontweight="normal" if share == good else "bold")


def tables(frame: Any) -> dict[str, str]:
    """The same numbers."""
    share = shares(frame)
    rows = [[mistake, *("–" if np.isnan(s) else f"{s:.0%}" for s in share.loc[mistake])] for mistake in MISTAKES]
    return both("power", ["mistake", *CHECKERS], rows)

"""JAX: functions of arrays, differentiated in both modes and compiled by XLA.  Bradbury et al. 2018."""

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from diffbench.backends.adapters.foreign import NESTING, Adapter, Foreign, Library
from diffbench.backends.adapters.lazy import Lazy
from diffbench.backends.base import FlatFunction
from diffbench.exact.trace import OF_THE_SHAPE
from diffbench.primitives import TABLE
from diffbench.primitives.elementwise import STOP, TRUTH
from diffbench.primitives.structural import ASSEMBLE, ASSIGN, INDEX, PIECE

jax, jnp = Lazy("jax"), Lazy("jax.numpy")


def _lowered(index: Any) -> Any:
    """An index with JAX's arrays for what is traced in it."""
    if isinstance(index, tuple):
        return tuple([_lowered(part) for part in index])
    return index.array if isinstance(index, Foreign) else index


def _checked(x: Any, index: Any) -> Any:
    """The index for JAX's array x. Raises IndexError where NumPy would: JAX would take another entry in silence."""
    lowered = _lowered(index)
    if not any(isinstance(part, jax.Array) for part in (lowered if isinstance(lowered, tuple) else (lowered,))):
        np.broadcast_to(0.0, x.shape)[lowered]
    return lowered


def _index(xp, x, index):
    return x[_checked(x, index)]


def _assign(xp, x, value, index, own):
    place = jnp.asarray(x).at[_checked(x, index)]
    surplus = jnp.ndim(value) - jax.eval_shape(lambda: place.get()).ndim  # NumPy takes values with more unit axes
    return place.set(jnp.reshape(value, jnp.shape(value)[max(surplus, 0) :]))


def _assemble(xp, *pieces, indices, shape, dtype):
    total = jnp.zeros(shape, dtype)
    for piece, index in zip(pieces, indices):
        total = total.at[_checked(total, index)].add(piece)
    return total


def _argsort(xp, a, axis, kind, stable):
    return xp.argsort(a, axis)  # which is stable, and so as good as any


class JaxArrays(Library):
    name = "jax"
    numpy = jnp
    scipy_special = Lazy("jax.scipy.special")
    rules = MappingProxyType(
        {INDEX: _index, PIECE: _index, ASSIGN: _assign, ASSEMBLE: _assemble, TABLE[np.argsort]: _argsort}
    )

    def __init__(self):
        super().__init__()
        self.refusals += (jax.errors.NonConcreteBooleanIndexError,)

    def from_plain(self, x, beside=()):
        return jnp.array(x) if x.__class__ is np.ndarray else x

    def plain(self, array):
        """A plain value; within jit there is none, and an array that no derivative passes stands for it."""
        if isinstance(array, jax.core.Tracer):
            array = jax.lax.stop_gradient(array)
        return array if isinstance(array, jax.core.Tracer) else np.array(array)[()]

    def owns(self, x):
        return isinstance(x, jax.Array)

    def constant(self, primitive, arrays, params):
        """NumPy's function on the plain values; within jit, where there are none, JAX's own."""
        if primitive.function in OF_THE_SHAPE:
            shapes = [np.broadcast_to(np.zeros((), x.dtype), x.shape) if self.owns(x) else x for x in arrays]
            return primitive.evaluate(*shapes, **params)
        if primitive is TRUTH:
            return bool(arrays[0])
        still = [self.plain(x) if self.owns(x) else x for x in arrays]
        if primitive is STOP or not any(map(self.owns, still)):
            return primitive.evaluate(*still, **params)
        return self.meaning(primitive)(*still, **params)


# -- the verbs, as functions of JAX's arrays ---------------------------------------------------------------------------


def _gradient(run, xs):
    values, pull = jax.vjp(run, xs)
    return values, pull([jnp.ones_like(value) for value in values])[0]


def _jacobian(run, xs):
    values, push = jax.linearize(run, xs)
    entries_of_result, entries_of_argument = (sum(x.size for x in leaves) for leaves in (values, xs))
    by_the_fewer = jax.jacrev if entries_of_result < entries_of_argument else jax.jacfwd
    return values, by_the_fewer(push)(xs)


def _hessian(run, xs):
    return _jacobian(lambda xs: _gradient(run, xs)[1], xs)


def _hvp(run, xs, directions):
    return jax.jvp(lambda xs: _gradient(run, xs)[1], (xs,), (directions,))[1]


def _jvp(run, xs, tangents):
    return jax.jvp(run, (xs,), (tangents,))


def _pushed(push, tangents):
    return push(tangents)


def _pulled(pull, cotangents):
    return pull(cotangents)[0]


def _batched(pure: Callable) -> Callable:
    """The same for directions that are stacked along a first axis."""

    def batched(*given: Any) -> Any:
        *fixed, directions = given
        return jax.vmap(partial(pure, *fixed), out_axes=(None, 0) if pure is _jvp else 0)(directions)

    return batched


BATCHED = {pure: _batched(pure) for pure in (_jvp, _hvp, _pushed, _pulled)}


class Jax(Adapter):
    """JAX, computing in float64 (its global setting stays as it is).

    jit : `prepare` compiles for all values of the argument, and refuses what JAX refuses then: branches on values. What
        is not prepared, or has an auxiliary result, runs operation by operation and follows branches; with jit=False
        prepared derivatives do so too.
    """

    name, cost = "jax", "one trace, one backward pass; compiled when prepared"
    requires = "jax"
    options = ("native", "jit")
    of_library = JaxArrays

    def __init__(self, native: bool = False, jit: bool = True):
        super().__init__(native)
        self.jit = jit
        self.limits = {"nesting": NESTING, "precisions": "jax has no longdouble"}
        if jit:
            self.limits["branches"] = "a compiled derivative must hold for all values of the argument"

    def context(self):
        return jax.enable_x64(True)

    def arrays(self, leaves):
        with self.context():
            return super().arrays(leaves)

    def prepare(self, verb, function, point):
        """Trace and compile; the result only evaluates."""
        if not self.jit or getattr(function, "has_aux", False):
            return super().prepare(verb, function, point)
        evaluate = partial(getattr(Compiled(self.native), verb), function)
        still = [np.zeros_like(x) for x in point]
        try:
            if verb in ("jvp", "hvp"):
                evaluate(point, still)
            else:
                values, found = evaluate(point)
                if callable(found):
                    found(still if verb == "linearize" else [np.zeros_like(value) for value in values])
        except jax.errors.JAXTypeError as error:
            raise self.library.refused("a program that asks for values while it is compiled", error) from error
        return evaluate

    def mapped(self, pure: Callable, function: FlatFunction) -> Callable:
        """A verb on the function of JAX's arrays that a flat function is."""
        return partial(pure, self.lowered(function))

    def ask(self, pure: Callable, function: FlatFunction, *leaves: Sequence) -> Any:
        """What a verb gives at plain leaves, in plain leaves."""
        arrays = [self.arrays(x) for x in leaves]
        with self.context():
            return jax.tree.map(self.library.plain, self.mapped(pure, function)(*arrays))

    def gradient(self, function, point):
        return self.ask(_gradient, function, point)

    def jacobian(self, function, point):
        return self.ask(_jacobian, function, point)

    def hessian(self, function, point):
        return self.ask(_hessian, function, point)

    def jvp(self, function, point, tangents, batch=False):
        return self.ask(BATCHED[_jvp] if batch else _jvp, function, point, tangents)

    def hvp(self, function, point, directions, batch=False):
        return self.ask(BATCHED[_hvp] if batch else _hvp, function, point, directions)

    def linearize(self, function, point):
        return self.linear(jax.linearize, _pushed, function, point)

    def pullback(self, function, point):
        return self.linear(jax.vjp, _pulled, function, point)

    def linear(self, pure: Callable, apply: Callable, function: FlatFunction, point: Sequence) -> tuple[list, Callable]:
        """The values, and a linear map, which JAX carries out again and again without running f again."""
        arrays = self.arrays(point)
        with self.context():
            values, inner = self.mapped(pure, function)(arrays)
            values = self.plain(values)

        def linear(directions: Sequence, batch: bool = False) -> list:
            given = self.arrays(directions)
            with self.context():
                return self.plain(self.applied(BATCHED[apply] if batch else apply)(inner, given))

        return values, linear

    def applied(self, apply: Callable) -> Callable:
        """A function that applies a linear map of JAX."""
        return apply


class Compiled(Jax):
    """The derivatives of one function, each compiled when it is first asked for."""

    def __init__(self, native: bool):
        super().__init__(native)
        self.compiled: dict[Callable, Callable] = {}

    def arrays(self, leaves):
        return [self.checked(leaf) for leaf in leaves]  # compiled functions take NumPy's arrays, and faster

    def mapped(self, pure, function):
        if pure not in self.compiled:
            self.compiled[pure] = jax.jit(super().mapped(pure, function))
        return self.compiled[pure]

    def applied(self, apply):
        if apply not in self.compiled:
            self.compiled[apply] = jax.jit(apply)
        return self.compiled[apply]

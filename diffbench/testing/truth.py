"""The right derivative at a point: to 50 digits where f can be traced, else what independent methods agree on."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffbench.consensus import by_differences
from diffbench.errors import DiffbenchError
from diffbench.question import Question
from diffbench.reference import correctly_rounded, reference
from diffbench.structure import Structure, flatten, unflatten


@dataclass(frozen=True)
class Truth:
    """The leaves of the right derivative as float64, how far each may be off, and where it comes from."""

    leaves: list[np.ndarray]
    structure: Structure
    doubt: list[np.ndarray]
    source: str
    traced: bool


def truth_of(f: Callable, verb: str, args: tuple, kwargs: dict, argnum: Any, digits: int) -> Truth:
    """What `verb` should give at a point: the arguments of f, the direction behind them where the verb takes one.

    Raises what f raises.
    """
    try:
        exact, structure = flatten(reference(f, *args, quantity=verb, argnum=argnum, digits=digits, **kwargs))
    except DiffbenchError as error:
        return _consensus(f, verb, args, kwargs, argnum, error)
    leaves = [np.asarray(correctly_rounded(leaf)) for leaf in exact]
    return Truth(leaves, structure, [np.zeros(x.shape) for x in leaves], f"{digits} digits", traced=True)


def _consensus(f: Callable, verb: str, args: tuple, kwargs: dict, argnum: Any, refusal: DiffbenchError) -> Truth:
    """What differences agree on, sharpened by f on plain complex numbers, which needs no trace of f, where both agree.

    Raises the refusal where differences do not work either.
    """
    try:
        rough = by_differences(Question(f, args, kwargs, verb, argnum))
    except DiffbenchError:
        raise refusal from None
    leaves, doubt, source = rough.leaves, rough.uncertainty, rough.label
    stepped = _complex_step(f, args, kwargs, argnum) if verb == "gradient" else None
    if stepped is not None and all(np.all(np.abs(a - b) <= d) for a, b, d in zip(stepped, leaves, doubt)):
        sizes = [float(np.max(np.abs(leaf), initial=0.0)) for leaf in leaves]
        leaves, doubt = stepped, [1e-14 * size + np.zeros(leaf.shape) for leaf, size in zip(leaves, sizes)]
        source = "complex step, with which central differences agree"
    source += f", since f cannot be followed to many digits: {refusal.what}"
    return Truth(leaves, rough.structure, doubt, source, traced=False)


def _complex_step(f: Callable, args: tuple, kwargs: dict, argnum: Any) -> list[np.ndarray] | None:
    """The gradient by f on plain complex numbers, one evaluation an entry; None where f does not take them."""
    argnums = argnum if isinstance(argnum, tuple) else (argnum,)
    gradient = []
    for k in argnums:
        leaves, structure = flatten(args[k])
        for i, leaf in enumerate(leaves):
            slopes = np.zeros(np.shape(leaf))
            for place in range(slopes.size):
                z = np.array(leaf, complex)
                z.flat[place] += 1e-30j
                shifted = list(args)
                shifted[k] = unflatten(structure, [*leaves[:i], z[()], *leaves[i + 1 :]])
                try:
                    with warnings.catch_warnings(action="error"):  # a cast to floats that drops the imaginary part
                        slopes.flat[place] = np.imag(f(*shifted, **kwargs)) / 1e-30
                except Exception:  # f knows nothing of complex numbers, and may fail in any way
                    return None
            gradient.append(slopes)
    return gradient

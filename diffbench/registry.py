"""Backends by name: those of diffbench, those registered at run time, and those of installed packages."""

import importlib
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from diffbench.automatic import Automatic
from diffbench.backends.base import Differentiator
from diffbench.errors import ArgumentError, UnknownName, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

ENTRY_POINT_GROUP = "diffbench.backends"

_registered: dict[str, str | type[Differentiator]] = {
    "symbolic": "diffbench.backends.symbolic:Symbolic",
    "finite-forward": "diffbench.backends.finite:FiniteForward",
    "finite-backward": "diffbench.backends.finite:FiniteBackward",
    "finite-central": "diffbench.backends.finite:FiniteCentral",
    "complex-step": "diffbench.backends.complex_step:ComplexStep",
    "forward": "diffbench.backends.forward:Forward",
    "reverse": "diffbench.backends.reverse:Reverse",
    "manual": "diffbench.backends.manual:Manual",
    "autograd": "diffbench.backends.adapters.autograd:Autograd",
    "jax": "diffbench.backends.adapters.jax:Jax",
    "torch": "diffbench.backends.adapters.torch:Torch",
    "mygrad": "diffbench.backends.adapters.mygrad:MyGrad",
    "casadi": "diffbench.backends.adapters.casadi:CasADi",
    "symengine": "diffbench.backends.adapters.symengine:SymEngine",
    "numdifftools": "diffbench.backends.adapters.numdifftools:NumDiffTools",
    "scipy": "diffbench.backends.adapters.scipy:SciPy",
}


def register_backend(backend: type[Differentiator]) -> type[Differentiator]:
    """Make a subclass of Differentiator known under its `name`; usable as a decorator. A known name is replaced.

    Packages do the same with an entry point in the group "diffbench.backends" whose value is the class.
    """
    if not (inspect.isclass(backend) and issubclass(backend, Differentiator) and getattr(backend, "name", None)):
        raise ArgumentError(
            f"register_backend: {backend!r} is not a backend",
            hint="pass a subclass of diffbench.Differentiator with a name",
        )
    _registered[backend.name] = backend
    _default.cache_clear()
    return backend


def get_backend(name: str | Differentiator = "auto", **options: Any) -> Differentiator:
    """A backend by its name, with its options; a Differentiator is returned as it is.

    Raises UnknownName with a suggestion, ArgumentError for an option that the backend does not have, and MissingPackage
    with the command that installs what it needs.

    >>> get_backend("reverse")
    <differentiator reverse>
    """
    if isinstance(name, Differentiator):
        if options:
            raise ArgumentError(
                f"get_backend: options {sorted(options)} for a backend that is already made",
                hint="give the options where the backend is made",
            )
        return name
    if not isinstance(name, str):
        raise ArgumentError(
            f"a backend is a name or a Differentiator, found {type(name).__name__}",
            hint="db.backends() lists the names",
        )
    if not options:
        return _default(name)
    kind = backend_class(name)
    if unknown := sorted(set(options) - set(kind.options)):
        raise ArgumentError(
            f"backend {name!r} has no option {unknown[0]!r}; {did_you_mean(unknown[0], kind.options)}",
        )
    return kind(**options)


@cache
def _default(name: str) -> Differentiator:
    return backend_class(name)()


def backend_class(name: str) -> type[Differentiator]:
    """The class of a backend."""
    if name == Automatic.name:
        return Automatic
    known = _known()
    if name not in known:
        raise UnknownName(f"no backend is called {name!r}; {did_you_mean(name, [*known, Automatic.name])}")
    found = known[name]
    if isinstance(found, str):
        module, _, attribute = found.partition(":")
        found = getattr(importlib.import_module(module), attribute)
    return found


def _known() -> dict[str, Any]:
    return {**_installed(), **_registered}


@cache
def _installed() -> dict[str, str]:
    """The backends that installed packages announce; reading them takes milliseconds."""
    from importlib.metadata import entry_points  # which loads much

    return {point.name: f"{point.module}:{point.attr}" for point in entry_points(group=ENTRY_POINT_GROUP)}


def backends() -> "pd.DataFrame":
    """Every backend: method, whether it is installed, what it gives by itself, its options and the cost of a gradient.

    What it does not give by itself it derives from what it gives.
    """
    import pandas as pd

    rows = []
    for name in _known():
        kind = backend_class(name)
        natural = [verb for verb in ("linearize", "pullback", "jacobian", "hessian") if _gives(kind, verb)]
        rows.append(
            {
                "backend": name,
                "method": kind.method,
                "installed": kind.missing() is None,
                "gives": ", ".join(natural),
                "options": ", ".join(kind.options),
                "cost": kind.cost,
            }
        )
    return pd.DataFrame(rows).set_index("backend")


def is_own(backend: str) -> bool:
    """Whether a backend is diffbench's own: no adapter of another library, and not registered from outside.

    >>> is_own("reverse"), is_own("jax")
    (True, False)
    """
    module = backend_class(backend).__module__
    return module.startswith("diffbench.backends.") and ".adapters." not in module


def _gives(kind: type[Differentiator], verb: str) -> bool:
    return getattr(kind, verb) is not getattr(Differentiator, verb)

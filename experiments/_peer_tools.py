"""The derivative of a case by each library, as its own users would call it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from _peer_cases import Case, helmholtz, logistic, network, rosenbrock_loop

import diffbench as db


class Cannot(Exception):
    """This tool does not do this case, and why."""


def build(tool: str, c: Case) -> Callable[[], Any]:
    """The derivative of a case by a tool, as its users would call it, ready to be called again and again."""
    if tool == "function":
        return lambda: c.function(c.point, np, *c.constants)
    if tool == "manual":
        if c.by_hand is None or c.verb != "gradient":
            raise Cannot("there is no derivative by hand")
        return lambda: c.by_hand(c.point, *c.constants)  # type: ignore[misc]
    return BUILDERS[tool](c)


def by_diffbench(c: Case) -> Callable[[], Any]:
    derivative = getattr(db, c.verb)(lambda x: c.function(x, np, *c.constants))
    return (lambda: derivative(c.point, v)) if (v := directed(c)) is not None else (lambda: derivative(c.point))


def directed(c: Case) -> Any:
    """The direction of a verb that takes one."""
    return c.direction() if c.verb in ("jvp", "hvp") else None


def by_autograd(c: Case) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    v = directed(c)

    def f(x: Any) -> Any:
        return c.function(x, anp, *c.constants)

    if c.verb == "jvp":
        return lambda: autograd.make_jvp(f)(c.point)(v)[1]
    derivative = {"gradient": autograd.grad, "hvp": autograd.hessian_vector_product, "hessian": autograd.hessian}[
        c.verb
    ](f)
    return (lambda: derivative(c.point)) if v is None else (lambda: derivative(c.point, v))


def by_jax(c: Case) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    if c.function in (logistic, rosenbrock_loop):
        raise Cannot("a loop is unrolled, and its compilation takes minutes")
    jax.config.update("jax_enable_x64", True)
    x, v = jnp.asarray(c.point), jnp.asarray(c.direction())

    def f(t: Any) -> Any:
        return c.function(t, jnp, *c.constants)

    derivative = jax.jit({
        "gradient": jax.grad(f), "hessian": jax.hessian(f), "jvp": lambda t: jax.jvp(f, (t,), (v,))[1],
        "hvp": lambda t: jax.jvp(jax.grad(f), (t,), (v,))[1],
    }[c.verb])  # fmt: skip
    return lambda: jax.block_until_ready(derivative(x))


class TorchNumpy:
    """The few names that the cases use, as PyTorch spells them."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.exp, self.log, self.sin, self.tanh = torch.exp, torch.log, torch.sin, torch.tanh
        self.reshape, self.mean, self.dot = torch.reshape, torch.mean, torch.matmul

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.torch.sum(x) if axis is None else self.torch.sum(x, dim=axis, keepdim=keepdims)

    def max(self, x: Any, axis: int, keepdims: bool = False) -> Any:
        return self.torch.amax(x, dim=axis, keepdim=keepdims)


def by_torch(c: Case) -> Callable[[], Any]:
    import torch

    constants = [torch.tensor(k) if isinstance(k, np.ndarray) else k for k in c.constants]
    x = torch.tensor(c.point, dtype=torch.float64, requires_grad=True)
    v, names = torch.tensor(c.direction(), dtype=torch.float64), TorchNumpy()

    def f(t: Any) -> Any:
        return c.function(t, names, *constants)

    def hvp() -> Any:
        (gradient,) = torch.autograd.grad(f(x), x, create_graph=True)
        return torch.autograd.grad(gradient, x, v)[0]

    return {
        "gradient": lambda: torch.autograd.grad(f(x), x)[0], "hvp": hvp,
        "jvp": lambda: torch.func.jvp(f, (x.detach(),), (v,))[1],
        "hessian": lambda: torch.func.hessian(f)(x.detach()),
    }[c.verb]  # fmt: skip


def by_casadi(c: Case) -> Callable[[], Any]:
    import casadi

    if c.function not in (logistic, rosenbrock_loop) or c.verb != "gradient":
        raise Cannot("programs of numbers only: its functions are not those of NumPy")
    t = casadi.SX.sym("x", np.size(c.point))
    y = c.function([t[i] for i in range(np.size(c.point))] if np.ndim(c.point) else t, np, *c.constants)
    derivative = casadi.Function("gradient", [t], [casadi.gradient(y, t)])
    return lambda: derivative(c.point)


def by_mygrad(c: Case) -> Callable[[], Any]:
    import mygrad

    if c.verb != "gradient":
        raise Cannot("reverse mode of first order only")
    if c.function in (helmholtz, network):
        raise Cannot("it has no dot")

    def gradient() -> Any:
        x = mygrad.tensor(c.point)
        c.function(x, mygrad, *c.constants).backward()
        return x.grad

    return gradient


BUILDERS: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "diffbench": by_diffbench,
    "autograd": by_autograd,
    "torch": by_torch,
    "jax": by_jax,
    "casadi": by_casadi,
    "mygrad": by_mygrad,
}

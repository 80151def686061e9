"""HIPS/autograd: NumPy's own functions, traced by boxes.  Maclaurin, Duvenaud & Adams 2015."""

import warnings
from contextlib import contextmanager

import numpy as np

from diffbench.backends.adapters.foreign import Library, TwoModes
from diffbench.backends.adapters.lazy import Lazy

module = Lazy("autograd.numpy")
builtins, core, tracer = Lazy("autograd.builtins"), Lazy("autograd.core"), Lazy("autograd.tracer")


class AutogradNumpy(Lazy):
    """autograd.numpy, but for two functions whose way back wants operands that have all axes already."""

    def broadcast_to(self, array, shape):
        own = getattr(array, "shape", ())
        if own == shape:
            return array
        return module.broadcast_to(module.reshape(array, (*(1,) * (len(shape) - len(own)), *own)), shape)

    def where(self, condition, a, b):
        shape = np.broadcast_shapes(*[getattr(x, "shape", ()) for x in (condition, a, b)])
        return module.where(condition, self.broadcast_to(a, shape), self.broadcast_to(b, shape))


class AutogradArrays(Library):
    name = "autograd"
    numpy = AutogradNumpy("autograd.numpy")
    scipy_special = Lazy("autograd.scipy.special")

    def __init__(self):
        super().__init__()
        self.refusals += (KeyError,)  # of an argument without a rule

    def plain(self, array):
        while tracer.isbox(array):
            array = tracer.getval(array)
        return array

    def owns(self, x):
        return tracer.isbox(x)


class Autograd(TwoModes):
    """autograd, in reverse mode; jvp is its forward mode, which runs f again for each direction."""

    name, cost = "autograd", "one trace, one backward pass"
    requires = "autograd"
    longdouble = True
    of_library = AutogradArrays

    @contextmanager
    def context(self):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Output seems independent of input")  # whose derivative is 0
            yield

    def vjp_of(self, run, arrays):
        pull, values = core.make_vjp(lambda leaves: builtins.tuple(run(list(leaves))), builtins.tuple(arrays))
        return list(values), lambda cotangents: list(pull(builtins.tuple(cotangents)))

    def jvp_of(self, run, arrays, tangents):
        push = core.make_jvp(lambda leaves: builtins.tuple(run(list(leaves))), builtins.tuple(arrays))
        values, pushed = push(builtins.tuple(tangents))
        return list(values), list(pushed)

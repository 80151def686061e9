"""MyGrad: NumPy's functions on tensors, in reverse mode.  Soklaski 2021."""

from types import MappingProxyType

from diffbench.backends.adapters.foreign import Adapter, Library
from diffbench.backends.adapters.lazy import Lazy
from diffbench.primitives.structural import ASTYPE

mygrad = Lazy("mygrad")


def _as_it_is(xp, x, dtype, origin):
    if dtype == origin:
        return x
    raise NotImplementedError("Tensor.astype gives a constant, and the derivative would be lost")


class MyGradArrays(Library):
    name = "mygrad"
    numpy = mygrad
    rules = MappingProxyType({ASTYPE: _as_it_is})

    def __init__(self):
        super().__init__()
        self.refusals += (mygrad.errors.MyGradException,)

    def plain(self, array):
        return array.data.copy()[()]

    def owns(self, x):
        return isinstance(x, mygrad.Tensor)


class MyGrad(Adapter):
    """MyGrad. Its graph serves one way back only, so that each pull after the first runs f again."""

    name, cost = "mygrad", "one trace, one backward pass"
    requires = "mygrad"
    longdouble, twice = True, False
    of_library = MyGradArrays
    limits = MappingProxyType(
        dict.fromkeys(
            ("hessians", "products", "batches", "empty_arrays", "constants", "auxiliary_results", "nesting"),
            "mygrad has no second derivatives",
        )
    )

    def context(self):
        return mygrad.mem_guard_off  # constants are copied, and so no array of the user's has to be locked

    def vjp_of(self, run, arrays):
        def traced() -> tuple[list, list]:
            tensors = [mygrad.tensor(x, constant=False) for x in arrays]
            return tensors, run(tensors)

        fresh = [traced()]
        values = fresh[0][1]

        def pull(cotangents: list) -> list:
            tensors, results = fresh.pop() if fresh else traced()
            total = sum(mygrad.sum(y * u) for y, u in zip(results, cotangents) if self.library.owns(y))
            if self.library.owns(total) and not total.constant:
                total.backward()
            return [0.0 * x.data if x.grad is None else x.grad for x in tensors]

        return values, pull

"""The backend "auto": the cheapest mode of automatic differentiation for each verb and shape."""

from typing import Any

from diffbench.backends.base import Differentiator, jacobian_by_rows, size_of
from diffbench.backends.forward import Forward
from diffbench.backends.reverse import Reverse

FEW = 16  # so many tangents at once cost hardly more than one: not worth a look at the shape of the result


class Automatic(Differentiator):
    """Reverse mode for gradients and pullbacks, forward mode for tangents, forward over reverse for second derivatives.

    A Jacobian takes the mode with fewer directions: n tangents or m cotangents.
    """

    name, method, cost = "auto", "automatic", "that of the cheaper mode"

    def __init__(self) -> None:
        super().__init__()
        self.forward, self.reverse = Forward(), Reverse()

    def linearize(self, function, point):
        return self.forward.linearize(function, point)

    def jvp(self, function, point, tangents, batch=False):
        return self.forward.jvp(function, point, tangents, batch)

    def pullback(self, function, point):
        return self.reverse.pullback(function, point)

    def gradient(self, function, point):
        return self.reverse.gradient(function, point)

    def jacobian(self, function, point):
        n = sum(map(size_of, point))
        if n <= FEW:
            return self.forward.jacobian(function, point)
        values, pull = self.reverse.pullback(function, point)
        if n <= sum(map(size_of, values)):
            return self.forward.jacobian(function, point)
        return values, jacobian_by_rows(values, pull, point)

    def hessian(self, function, point):
        return self.forward.jacobian(lambda leaves: self.reverse.gradient(function, leaves)[1], point)

    def hvp(self, function, point, directions, batch=False):
        def gradient(leaves: Any) -> list:
            return self.reverse.gradient(function, leaves)[1]

        return self.forward.jvp(gradient, point, directions, batch)[1]

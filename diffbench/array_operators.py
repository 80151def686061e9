"""The operators of an ndarray, and its ufuncs as methods, as traced arrays have them, from the table."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from diffbench.array_methods import ArrayMethods
from diffbench.assignment import overwrite
from diffbench.errors import DiffbenchError
from diffbench.primitives import TABLE
from diffbench.primitives.arrays import numbers_of, shape_of


class ArrayOperators(ArrayMethods):
    """What an array can be asked, operators included."""

    __slots__ = ()


def _operator(ufunc: np.ufunc, reflected: bool) -> Callable:
    primitive = TABLE[ufunc]
    if reflected:
        return lambda self, other: primitive.call((other, self), {})
    return lambda self, other: primitive.call((self, other), {})


def _equality(ufunc: np.ufunc, plain: Callable) -> Callable:
    """== or !=, which NumPy answers for anything: to text no number is equal."""
    primitive = TABLE[ufunc]

    def compare(self: ArrayOperators, other: Any) -> Any:
        try:
            return primitive.call((self, other), {})
        except TypeError as error:
            if isinstance(error, DiffbenchError):
                raise
            return plain(numbers_of(self), other)

    return compare


BINARY_OPERATORS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}
UNARY_OPERATORS = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}


def _install_operators() -> None:
    """Give ArrayOperators the operators and methods of an array, each from its row of the table."""
    for name, ufunc in BINARY_OPERATORS.items():
        setattr(ArrayOperators, f"__{name}__", _operator(ufunc, reflected=False))
        setattr(ArrayOperators, f"__r{name}__", _operator(ufunc, reflected=True))
        setattr(ArrayOperators, f"__i{name}__", _in_place(f"__{name}__"))
    for name, ufunc in COMPARISONS.items():
        equality = name in ("eq", "ne")
        compare = _equality(ufunc, getattr(operator, name)) if equality else _operator(ufunc, reflected=False)
        setattr(ArrayOperators, f"__{name}__", compare)
    for name, ufunc in UNARY_OPERATORS.items():
        setattr(ArrayOperators, f"__{name}__", lambda self, row=TABLE[ufunc]: row(self))
    for function, row in TABLE.items():  # object arrays call the method of each element: np.sin(a) calls a[i].sin()
        if isinstance(function, np.ufunc) and not hasattr(ArrayOperators, function.__name__):
            setattr(ArrayOperators, function.__name__, lambda self, *others, row=row: row.call((self, *others), {}))


def _in_place(operator: str) -> Callable:
    def update(self: ArrayOperators, other: Any) -> Any:
        result = getattr(self, operator)(other)
        return overwrite(self, result) if shape_of(self) else result  # a number is no array: its name is bound anew

    return update


_install_operators()

"""Partial derivatives as text: compiled once, in the names of NumPy and of a few helpers.

As text a rule can be shown as mathematics, can be written in line in generated code, and tells by the names that it
mentions what must be remembered for it.
"""

import ast
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from diffbench.large_arrays import into, pooled
from diffbench.primitives.arrays import LARGE
from diffbench.primitives.primitive import Traced

RULE_NAMES: dict[str, Any] = {
    name: pooled(value) if isinstance(value, np.ufunc) and value.nout == 1 else value
    for name, value in vars(np).items()
    if not name.startswith("_")
}
"""The names that partial derivatives may use: NumPy's, and the helpers added with `rule_name`."""


def rule_name(function: Callable) -> Callable:
    """Let partial derivatives use this function by its name."""
    RULE_NAMES[function.__name__] = function
    return function


class ExactConstant(float):
    """A constant of a rule, as a float and, for arithmetic of more digits, as a text in the names of exact/."""

    def __new__(cls, value: float, text: str) -> "ExactConstant":
        constant = super().__new__(cls, value)
        constant.text = text
        return constant

    text: str

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Go in as a plain float: to those NumPy adapts its precision (float32 stays float32), not to subclasses."""
        if any(isinstance(x, Traced) for x in inputs):
            return NotImplemented
        return getattr(ufunc, method)(*[float(x) if x.__class__ is ExactConstant else x for x in inputs], **kwargs)


RULE_NAMES |= {
    "LN2": ExactConstant(math.log(2), "log(2)"),
    "LN10": ExactConstant(math.log(10), "log(10)"),
    "DEGREE": ExactConstant(math.pi / 180, "pi / 180"),
    "RADIAN": ExactConstant(180 / math.pi, "180 / pi"),
    "PI": ExactConstant(math.pi, "pi"),
}


SHARE = "share("
"""How the partials of extrema begin: 1, 0, or one half."""


class Partial:
    """The partial derivative of an elementwise function in one operand, compiled from its text.

    `value(y, *operands)` is the partial itself, `times(t, y, *operands)` its product with a tangent or cotangent, and
    `keep(y, *operands)` those of y and the operands that the text mentions, None in place of the others.
    `times_large` is `times` for large arrays, with every temporary in lent memory; `times_number` is `times` for
    numbers, plain or traced, by operators, which there are faster than functions of NumPy, and `of_number` the partial.
    `product` and `product_of_numbers` are the texts of the products, zero_stays_zero aside.
    A singular partial can be infinite or undefined at finite operands; there zero tangents and cotangents stay zero.
    """

    __slots__ = (
        "keep", "mentioned", "of_number", "product", "product_of_numbers", "text", "times", "times_large",
        "times_number", "value",
    )  # fmt: skip

    def __init__(self, text: str, variables: str, singular: bool = False):
        self.text = text
        tree = ast.parse(text, mode="eval").body
        self.mentioned = mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        arguments = ", ".join(variables)
        needed = ", ".join(name if name in mentioned else "None" for name in variables)
        self.value = eval(f"lambda {arguments}: {text}", RULE_NAMES)
        self.keep = eval(f"lambda {arguments}: ({needed},)")
        self.product = product = _times(text, tree)
        product = f"zero_stays_zero(t, {product})" if singular else product
        self.times = eval(f"lambda t, {arguments}: {product}", RULE_NAMES)
        number = _times(text, tree) if text == "1" or text.startswith(SHARE) else f"t * ({text})"
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div) and ast.unparse(tree.left) == "1":
            number = f"t / ({ast.unparse(tree.right)})"  # one operation, not two
        self.product_of_numbers = number
        number = ast.unparse(_DivisionsAsCalls().visit(ast.parse(number, mode="eval")))
        number = f"zero_stays_zero(t, {number})" if singular else number
        of_number = ast.unparse(_DivisionsAsCalls().visit(ast.parse(text, mode="eval")))
        self.of_number = eval(f"lambda {arguments}: {of_number}", RULE_NAMES)
        self.times_number = eval(f"lambda t, {arguments}: {number}", RULE_NAMES)
        calls = ast.unparse(_OperatorsAsCalls().visit(ast.parse(product, mode="eval")))
        self.times_large = eval(f"lambda t, {arguments}: {calls}", RULE_NAMES)


class _OperatorsAsCalls(ast.NodeTransformer):
    """Writes a - b as subtract(a, b), and so on: operators take fresh memory, our functions borrow it."""

    names: ClassVar[dict[type, str]] = {
        ast.Add: "add",
        ast.Sub: "subtract",
        ast.Mult: "multiply",
        ast.Div: "divide",
        ast.USub: "negative",
    }

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return self._call(node.op, [node.left, node.right])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._call(node.op, [node.operand])

    def _call(self, op: ast.AST, arguments: list) -> ast.AST:
        return ast.Call(ast.Name(self.names[type(op)], ast.Load()), arguments, [])


class _DivisionsAsCalls(ast.NodeTransformer):
    """Writes a / b as quotient(a, b)."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return ast.Call(ast.Name("quotient", ast.Load()), [node.left, node.right], [])


@rule_name
def quotient(a: Any, b: Any) -> Any:
    """a / b, by zero as NumPy does it also for numbers of Python."""
    try:
        return a / b
    except ZeroDivisionError:
        return np.divide(a, b)


def _times(text: str, tree: ast.expr) -> str:
    """The text of t times a partial, without the multiplications and temporaries that one can see to be needless."""
    if text.startswith(SHARE):
        return f"masked({text}, t)"
    if text == "1":
        return "t"
    if text == "-1":
        return "negative(t)"
    if isinstance(tree, ast.Name):
        return f"multiply(t, {text})"
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mult) and isinstance(tree.left, ast.Constant):
        first, rest = ast.unparse(tree.left), ast.unparse(tree.right)
        return f"scaled(multiply(t, {first}), {rest})"  # one pass over memory where t is a number
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div) and ast.unparse(tree.left) == "1":
        return f"divide(t, {ast.unparse(tree.right)})"
    return f"scaled({text}, t)"


@rule_name
def zero_stays_zero(t: Any, product: Any) -> Any:
    """The product of t and an infinite or undefined slope, zero where t is zero: a branch not taken carries nothing.

    np.where(x > 0, np.log(x), 0) has slope 0 at 0, although log passes on 0 times infinity there, which is NaN.
    """
    return product if free_of_nan(product) else np.where((t == 0) & np.isnan(product), 0.0, product)


@rule_name
def masked(slope: Any, t: Any) -> Any:
    """slope * t, zero where the slope is zero: what an extremum does not take carries nothing, not even NaN."""
    product = slope * t
    return product if free_of_nan(product) else np.where(slope == 0, 0.0, product)


def free_of_nan(x: Any) -> bool:
    """Whether there is no NaN among numbers, which may be traced."""
    while isinstance(x, Traced):
        x = x.primal
    if x.__class__ is np.ndarray and x.dtype.kind == "f":
        if x.size < LARGE:
            found = x.dot(x) if x.ndim == 1 else np.vdot(x, x)  # the fastest pass over few numbers
        else:  # one pass without a temporary; NaN is the least of all
            found = np.minimum.reduce(x, axis=None, initial=np.inf)
        return bool(found == found)
    return x == x if isinstance(x, float) else bool(np.all(x == x))


@rule_name
def scaled(fresh: Any, t: Any) -> Any:
    """fresh * t, written into the memory of fresh, which nobody else holds, where that is possible."""
    if fresh.__class__ is np.ndarray:
        whole = t.__class__ is np.ndarray and fresh.shape == t.shape and fresh.dtype == t.dtype
        if whole or (t.__class__ is fresh.dtype.type and fresh.shape):
            return into(fresh, np.multiply, fresh, t)
    return RULE_NAMES["multiply"](fresh, t)

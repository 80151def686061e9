"""What a step of a trace says, as text: its formula in the user's words, and its local derivatives in symbols."""

import ast
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from diffbench.array_operators import BINARY_OPERATORS
from diffbench.primitives.elementwise import WHERE
from diffbench.primitives.kinds import Bilinear, Elementwise, Linear
from diffbench.primitives.partial import RULE_NAMES, ExactConstant
from diffbench.primitives.structural import ASSEMBLE, ASSIGN, ASTYPE, BROADCAST_TO, INDEX, PIECE, RESHAPE, TRANSPOSE

SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**", "matmul": "@", "mod": "%"} | {
    "floordiv": "//", "and": "&", "or": "|", "xor": "^"
}  # fmt: skip
INFIX: dict[Any, str] = {ufunc: SIGNS[name] for name, ufunc in BINARY_OPERATORS.items()} | {
    np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==", np.not_equal: "!=",
}  # fmt: skip
PREFIX: dict[Any, str] = {np.negative: "-", np.positive: "+", np.invert: "~"}

IN_SYMBOLS = {
    "slope_in_base(a, b)": "b * a ** (b - 1)",
    "slope_in_base(a, widened(b, y))": "b * a ** (b - 1)",
    "slope_in_exponent(a, b, y)": "y * log(a)",
    "share(a, b, y)": "share(a, b)",
    "share(b, a, y)": "share(b, a)",
    "share(a, b, y) + alone(a, b)": "share(a, b)",
    "share(b, a, y) + alone(b, a)": "share(b, a)",
    "share(b, a, y) + alone(a, b)": "share(b, a)",
    "share(a, b, y) + alone(b, a)": "share(a, b)",
    "-whole_quotient(a, b, y)": "(y - a) / b",
    "sinc_slope(x, y)": "(cos(pi * x) - y) / x",
}
"""Local derivatives whose rule calls a helper, as one writes them."""


def name_of_primitive(primitive: Any) -> str:
    """The name by which users write a function: "*", "sin", "linalg.solve".

    >>> from diffbench.primitives import TABLE
    >>> [name_of_primitive(TABLE[function]) for function in (np.multiply, np.sin, np.linalg.solve)]
    ['*', 'sin', 'linalg.solve']
    """
    function = getattr(primitive, "function", None)
    short = {INDEX: "[]", PIECE: "[]", ASSIGN: "[] =", TRANSPOSE: "transpose", ASSEMBLE: "assemble"}
    if primitive in short:
        return short[primitive]
    if function in INFIX or function in PREFIX:
        return INFIX.get(function) or PREFIX[function]
    return primitive.name.removeprefix("numpy.").removeprefix("scipy.")


def expression(primitive: Any, operands: Sequence[str], params: dict, rank: int = 0) -> str:
    """A call of a primitive as users write it, from the texts of its operands.

    rank : the number of axes of the first operand.

    >>> from diffbench.primitives import TABLE
    >>> expression(TABLE[np.multiply], ["x1", "-2.0"], {}), expression(TABLE[np.sin], ["v1"], {})
    ('x1 * (-2.0)', 'sin(v1)')
    """
    function = getattr(primitive, "function", None)
    if function in INFIX and len(operands) == 2:
        a, b = (f"({text})" if text.startswith("-") else text for text in operands)
        return f"{a} {INFIX[function]} {b}"
    if function in PREFIX:
        return f"{PREFIX[function]}{operands[0]}"
    if function is np.square:
        return f"{operands[0]} ** 2"
    if primitive is INDEX or primitive is PIECE:
        return f"{operands[0]}[{index_text(params['index'])}]"
    if primitive is ASSIGN:
        return f"{operands[0]} with [{index_text(params['index'])}] = {operands[1]}"
    if primitive is TRANSPOSE and params["axes"] == tuple(range(rank))[::-1]:
        return f"{operands[0]}.T"
    if primitive in (RESHAPE, BROADCAST_TO):
        return f"{primitive.function.__name__}({operands[0]}, {params['shape']})"
    if primitive is ASTYPE:
        return f"astype({operands[0]}, {params['dtype']})"
    if function in (np.stack, np.concatenate):
        return f"{function.__name__}([{', '.join(operands)}]{_options(params, rank)})"
    return f"{name_of_primitive(primitive)}({', '.join(operands)}{_options(params, rank)})"


def _options(params: dict, rank: int) -> str:
    """The keywords of a call, those left out that change nothing."""
    whole = {"axis": (0 if rank <= 1 else None, tuple(range(rank)))}
    said = {name: value for name, value in params.items() if value is not None and value is not False}
    return "".join(
        f", {name}={constant_text(value)}" for name, value in said.items() if value not in whole.get(name, ())
    ) if not any(isinstance(value, np.ndarray) for value in said.values()) else ", ..."  # fmt: skip


def index_text(index: Any) -> str:
    """An index as one writes it between brackets.

    >>> index_text((slice(None), 0, None, Ellipsis, slice(1, 7, 2)))
    ':, 0, None, ..., 1:7:2'
    """
    if isinstance(index, tuple):
        return ", ".join(map(index_text, index)) or "()"
    if isinstance(index, slice):
        start, stop, step = ("" if part is None else str(part) for part in (index.start, index.stop, index.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if index is Ellipsis:
        return "..."
    if isinstance(index, np.ndarray) and index.size <= 8:
        return str(index.tolist())
    return constant_text(index)


def constant_text(value: Any, name: str | None = None) -> str:
    """A constant in a formula: a number to six digits, an array by the user's name for it or by its shape."""
    if isinstance(value, np.ndarray) and value.shape:
        return name or f"array{value.shape}".replace(",)", ")").replace(" ", "")
    if isinstance(value, bool | np.bool):
        return str(bool(value))
    if isinstance(value, float | np.floating):
        return f"{value:.6g}" if len(repr(float(value))) > 8 else repr(float(value))
    if isinstance(value, np.ndarray | np.generic):
        return str(value)
    return repr(value)


def partial_text(primitive: Any, position: int, operands: Sequence[str], y: str, params: dict, rank: int = 0) -> str:
    """The local derivative in one operand: symbols, or the linear map with a dot where the tangent goes.

    >>> from diffbench.primitives import TABLE
    >>> partial_text(TABLE[np.sin], 0, ["v1"], "y1", {}), partial_text(TABLE[np.multiply], 0, ["x1", "x2"], "v1", {})
    ('cos(v1)', 'x2')
    >>> partial_text(TABLE[np.matmul], 1, ["W", "x"], "v1", {})
    'W @ ·'
    """
    if primitive is WHERE:
        return f"[{operands[0]}]" if position == 1 else f"[not {operands[0]}]"
    if getattr(primitive, "function", None) is np.power and _is_number(operands[1]):
        return power_slope(operands[0], operands[1])
    if isinstance(primitive, Elementwise):
        partial = primitive.partials[position]
        if not partial:
            return "0"
        return substituted(IN_SYMBOLS.get(partial.text, partial.text), primitive.variables, operands, y)
    if isinstance(primitive, Linear | Bilinear):
        texts = list(operands)
        texts[position] = "·"
        if isinstance(primitive, Linear) and len(operands) > 1:
            texts = ["·" if k == position else "0" for k in range(len(operands))]
        return expression(primitive, texts, params, rank)
    return f"∂{name_of_primitive(primitive)}/∂{operands[position]} ·"


def power_slope(base: str, exponent: str) -> str:
    """n x**(n-1), as one writes it for a number n.

    >>> power_slope("x", "2"), power_slope("x", "3"), power_slope("x", "0.5")
    ('2 * x', '3 * x ** 2', '0.5 * x ** (-0.5)')
    """
    n = ast.literal_eval(exponent.strip("()"))
    if n in (0, 1):
        return str(n)
    if n == 2:
        return f"{exponent} * {base}"
    less = constant_text(n - 1)
    return f"{exponent} * {base} ** {f'({less})' if n < 1 else less}"


def _is_number(text: str) -> bool:
    try:
        return isinstance(ast.literal_eval(text.strip("()")), int | float)
    except (ValueError, SyntaxError):
        return False


def substituted(text: str, variables: Sequence[str], operands: Sequence[str], y: str) -> str:
    """The text of a rule with the names of a step in the place of its variables.

    >>> substituted("-y / b", "ab", ["x1", "x2"], "v1"), substituted("1 - y * y", "x", ["v1"], "v2")
    ('-v1 / x2', '1 - v2 * v2')
    """
    return filled(text, (*variables, "y"), [*map(bracketed, operands), y], Symbols)


def bracketed(text: str) -> str:
    """An operand that may stand beside an operator."""
    return f"({text})" if text.startswith("-") else text


def filled(text: str, variables: tuple[str, ...], texts: Sequence[str], writer: type) -> str:
    """The text of a rule in the words of a writer, with other texts in the place of its variables."""
    return _template(text, variables, writer).format(*texts)


@cache
def _template(text: str, variables: tuple[str, ...], writer: type) -> str:
    """The text of a rule as a writer writes it, with a numbered gap for each variable."""
    tree = writer(variables).visit(ast.parse(text, mode="eval"))
    return re.sub(r"\bgap_(\d+)\b", r"{\1}", ast.unparse(tree))


class Symbols(ast.NodeTransformer):
    """Puts gaps in the place of variables; constants of the rules come as their exact text."""

    def __init__(self, variables: Sequence[str]):
        self.variables = list(variables)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self.variables:
            return ast.Name(f"gap_{self.variables.index(node.id)}", node.ctx)
        return self.constant(node)

    def constant(self, node: ast.Name) -> ast.AST:
        """What stands for a name that is no variable."""
        found = RULE_NAMES.get(node.id)
        return ast.parse(found.text, mode="eval").body if isinstance(found, ExactConstant) else node

r"""Formulas of a trace as LaTeX: "v1 = x1 * x2" becomes v_{1} = x_{1} x_{2}.

What is no expression of Python (an assignment to entries, a linear map that has no formula) comes as typewriter text.
"""

import ast
import re
import unicodedata
from typing import ClassVar

GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
}  # fmt: skip
FUNCTIONS = {"sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "arcsin", "arccos", "arctan", "max", "min"}
DOT, BAR = "\u0307", "\u0304"
ACCENTS = {DOT: r"\dot", BAR: r"\bar"}
HOLE = "the_tangent_itself"  # what "·" is to Python's parser
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "·": r"$\cdot$", "ᵀ": r"$^{\top}$", "∂": r"$\partial$", "…": r"\ldots{}", "–": "--", "←": r"$\leftarrow$",
    DOT: "", BAR: "",
}  # fmt: skip


def dotted(name: str) -> str:
    """The name of a tangent: ẋ1 for x1.

    >>> dotted("x1"), barred("v_2")
    ('ẋ1', 'v̄_2')
    """
    return unicodedata.normalize("NFC", name[0] + DOT + name[1:])


def barred(name: str) -> str:
    """The name of an adjoint: x̄1 for x1."""
    return unicodedata.normalize("NFC", name[0] + BAR + name[1:])


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it as it stands.

    >>> print(escaped("a_b & 50%"))
    a\_b \& 50\%
    """
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(SPECIAL.get(letter, letter) for letter in decomposed)


def latex(text: str) -> str:
    r"""A formula in LaTeX's mathematics, without the dollars.

    >>> print(latex("v1 = x1 * x2"))
    v_{1} = x_{1} \, x_{2}
    >>> print(latex("ẏ = cos(v1) * v̇1 + 3 * x[0] ** 2 / theta"))
    \dot{y} = \cos(v_{1}) \, \dot{v}_{1} + \frac{3 \, x[0]^{2}}{\theta}
    """
    sides = re.split(r" (=|←|\+=) ", text)
    try:
        return " ".join(
            {"=": "=", "←": r"\leftarrow", "+=": r"\mathrel{+}="}[side] if k % 2 else _expression(side)
            for k, side in enumerate(sides)
        )
    except (SyntaxError, KeyError):
        return rf"\texttt{{{escaped(text)}}}"


def symbol(name: str) -> str:
    r"""A name of Python as a symbol: x1 and x_1 as x_{1}, theta as \theta, longer words in italics.

    >>> print(symbol("x1"), symbol("theta_2"), symbol("bx"), symbol("v̄3"))
    x_{1} \theta_{2} \mathit{bx} \bar{v}_{3}
    """
    decomposed = unicodedata.normalize("NFD", name)
    accent = next((ACCENTS[letter] for letter in decomposed if letter in ACCENTS), None)
    plain = "".join(letter for letter in decomposed if letter not in ACCENTS)
    found = re.fullmatch(r"(.*?)_?(\d+)", plain)
    root, number = found.groups() if found and found[1] else (plain, None)
    if root in GREEK:
        root = f"\\{root}"
    elif len(root) > 1:
        root = rf"\mathit{{{escaped(root)}}}"
    if accent:
        root = f"{accent}{{{root}}}"
    return f"{root}_{{{number}}}" if number else root


def _expression(text: str) -> str:
    return Writer().write(ast.parse(text.replace("·", HOLE), mode="eval").body)[0]


class Writer:
    """Writes an expression of Python in LaTeX, each part with its precedence: sum 1, product 2, sign 3, atom 5."""

    signs: ClassVar[dict[type, tuple[str, int]]] = {
        ast.Add: ("+", 1),
        ast.Sub: ("-", 1),
        ast.MatMult: (r"\,", 2),
        ast.Mod: (r"\ \mathrm{mod}\ ", 2),
    }
    comparisons: ClassVar[dict[type, str]] = {
        ast.Lt: "<", ast.LtE: r"\leq", ast.Gt: ">", ast.GtE: r"\geq", ast.Eq: "=", ast.NotEq: r"\neq",
    }  # fmt: skip

    def write(self, node: ast.AST) -> tuple[str, int]:
        """The text of a part, and its precedence."""
        return getattr(self, f"write_{type(node).__name__}", self.unknown)(node)

    def inside(self, node: ast.AST, least: int) -> str:
        """A part as it must stand where `least` is the lowest precedence that needs no brackets."""
        text, precedence = self.write(node)
        return text if precedence >= least else rf"\left({text}\right)"

    def unknown(self, node: ast.AST) -> tuple[str, int]:
        raise SyntaxError(f"no mathematics for {type(node).__name__}")

    def write_Name(self, node: ast.Name) -> tuple[str, int]:
        return (r"\cdot" if node.id == HOLE else symbol(node.id)), 5

    def write_Constant(self, node: ast.Constant) -> tuple[str, int]:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return rf"\mathrm{{{escaped(str(node.value))}}}", 5
        return number(repr(node.value)), 5

    def write_List(self, node: ast.List) -> tuple[str, int]:
        return rf"\left[{', '.join(self.write(part)[0] for part in node.elts)}\right]", 5

    def write_Tuple(self, node: ast.Tuple) -> tuple[str, int]:
        return f"({', '.join(self.write(part)[0] for part in node.elts)})", 5

    def write_UnaryOp(self, node: ast.UnaryOp) -> tuple[str, int]:
        sign = {ast.USub: "-", ast.UAdd: "+", ast.Not: r"\neg ", ast.Invert: r"\neg "}[type(node.op)]
        return f"{sign}{self.inside(node.operand, 2)}", 1 if sign == "-" else 3

    def write_BinOp(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Div):
            return rf"\frac{{{self.write(node.left)[0]}}}{{{self.write(node.right)[0]}}}", 4
        if isinstance(node.op, ast.Pow):
            return f"{self.inside(node.left, 5)}^{{{self.write(node.right)[0]}}}", 4
        if isinstance(node.op, ast.Mult):
            signed = isinstance(node.left, ast.UnaryOp) and isinstance(node.left.op, ast.USub)
            left, right = self.inside(node.left, 1 if signed else 2), self.inside(node.right, 3)
            sign = r"\cdot" if right[:1].isdigit() else r"\,"
            return f"{left} {sign} {right}", 1 if signed else 2
        if type(node.op) not in self.signs:
            return self.unknown(node)
        sign, precedence = self.signs[type(node.op)]
        return f"{self.inside(node.left, precedence)} {sign} {self.inside(node.right, precedence + 1)}", precedence

    def write_Compare(self, node: ast.Compare) -> tuple[str, int]:
        sign = self.comparisons[type(node.ops[0])]
        return f"{self.inside(node.left, 1)} {sign} {self.inside(node.comparators[0], 1)}", 0

    def write_Attribute(self, node: ast.Attribute) -> tuple[str, int]:
        if node.attr == "T":
            return rf"{self.inside(node.value, 5)}^{{\top}}", 5
        return rf"{self.write(node.value)[0]}.\mathit{{{escaped(node.attr)}}}", 5

    def write_Subscript(self, node: ast.Subscript) -> tuple[str, int]:
        value, index = self.inside(node.value, 5), node.slice  # brackets: x[1] is not x_1
        keys = index.elts if isinstance(index, ast.Tuple) else [index]
        if all(isinstance(key, ast.Constant | ast.UnaryOp) for key in keys):
            return f"{value}[{', '.join(self.write(key)[0] for key in keys)}]", 5
        return rf"{value}[\texttt{{{escaped(ast.unparse(index))}}}]", 5

    def write_Call(self, node: ast.Call) -> tuple[str, int]:
        name = ast.unparse(node.func)
        words = [self.write(part)[0] for part in node.args]
        if name == "sqrt" and len(words) == 1:
            return rf"\sqrt{{{words[0]}}}", 5
        words += [rf"\mathrm{{{escaped(key.arg or '')}}}={self.write(key.value)[0]}" for key in node.keywords]
        function = f"\\{name}" if name in FUNCTIONS else rf"\operatorname{{{escaped(name)}}}"
        return f"{function}({', '.join(words)})", 5


def number(text: str) -> str:
    r"""A number as mathematics.

    >>> print(number("1e-05"), number("-2.5"))
    10^{-5} -2.5
    """
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return {"inf": r"\infty", "-inf": r"-\infty", "nan": r"\mathrm{NaN}"}.get(text, text)
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"

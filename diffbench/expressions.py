"""How large a SymPy expression is: as a tree, as a graph of distinct nodes, and after sharing; and the product rule.

Nested expressions share their parts: written out as a tree, l_14 of the logistic map has a million operations,
yet a few hundred distinct nodes. So nothing here walks the tree. Tree sizes are computed on the graph, each node
once, from the sizes of its parts (dynamic programming); `sympy.count_ops` gives the same number by walking.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.core.function import _coeff_isneg

from diffbench.problems import problem

Expr = Any  # sympy.Expr, which has no types of its own


def tree_operations(expression: Expr) -> int:
    """What `sympy.count_ops` counts, at the price of one visit to each distinct node.

    >>> x = sympy.Symbol("x")
    >>> tree_operations(4 * x * (1 - x)), sympy.count_ops(4 * x * (1 - x))
    (3, 3)
    """
    return _on_the_graph(expression, _operations_at)


def tree_nodes(expression: Expr) -> int:
    """Nodes of the expression written out as a tree, leaves included."""
    return _on_the_graph(expression, lambda node: (1, node.args))


def distinct_nodes(expression: Expr) -> int:
    """Nodes of the expression as a graph in which equal parts are one; leaves included.

    >>> x = sympy.Symbol("x")
    >>> distinct_nodes((x + 1) ** 2 * (x + 1))      # SymPy merges at once: (x + 1)**3, with leaves x, 1, 3
    5
    """
    seen, todo = set(), [expression]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(node.args)
    return len(seen)


def shared_operations(expression: Expr) -> int:
    """Operations that remain when common subexpressions are computed once (`sympy.cse`)."""
    replacements, reduced = sympy.cse(expression)
    return sum(tree_operations(part) for part in (*(part for _, part in replacements), *reduced))


def _on_the_graph(root: Expr, at: Callable[[Expr], tuple[int, Any]]) -> int:
    """Size of `root` where `at(node)` gives a node's own size and its parts; every distinct node is asked once."""
    sizes: dict[Expr, int] = {}

    def size(node: Expr) -> int:
        if node not in sizes:
            own, parts = at(node)
            sizes[node] = own + sum(size(part) for part in parts)
        return sizes[node]

    return size(root)


def _operations_at(node: Expr) -> tuple[int, Any]:
    """The rules of `sympy.count_ops` for one node: signs belong to their sum, a quotient is one division."""
    if node.is_Rational:
        return (node.p < 0) + (node.q != 1), ()
    if node.is_Add:
        negative = [_coeff_isneg(term) for term in node.args]
        terms = [-term if minus else term for term, minus in zip(node.args, negative, strict=True)]
        return len(terms) - 1 + all(negative), terms
    if node.is_Mul and _coeff_isneg(node):
        return 1, (-node,)
    if node.is_Mul:
        above, below = sympy.fraction(node)
        if below == 1:
            return len(node.args) - 1, node.args
        return 1, [part for part in (above, below) if not part.is_Integer]
    if node.is_Pow and node.exp == -1:
        return 1, (node.base,)
    return node is sympy.E or bool(node.args), node.args


@dataclass(frozen=True)
class Product:
    """coefficient * base^power * base^power * ..., kept as it is: SymPy on its own would multiply 4 (1 - x) out."""

    coefficient: Expr
    factors: tuple[tuple[Expr, int], ...]

    def derivative(self, x: Expr) -> list["Product"]:
        """The terms of the product rule, unsimplified, largest coefficient first.

        >>> x = sympy.Symbol("x")
        >>> [term.latex() for term in Product(4, ((x, 1), (1 - x, 1))).derivative(x)]
        ['4(1 - x)', '-4x']
        """
        terms = [self._term(place, x) for place in range(len(self.factors))]
        return sorted(terms, key=lambda term: term.coefficient, reverse=True)

    def _term(self, place: int, x: Expr) -> "Product":
        """The product with one factor differentiated: a constant inner derivative joins the coefficient."""
        base, power = self.factors[place]
        inner = sympy.diff(base, x)
        factors = [*self.factors[:place], (base, power - 1), *self.factors[place + 1 :]]
        if inner.is_Number:
            coefficient = self.coefficient * power * inner
        else:
            coefficient = self.coefficient * power
            factors.append((inner, 1))
        kept = [factor for factor in factors if factor[1]]
        return Product(coefficient, tuple(sorted(kept, key=lambda f: (sympy.degree(f[0], x), f[1]))))

    def expression(self) -> Expr:
        """The product as a SymPy expression."""
        return sympy.Mul(self.coefficient, *(base**power for base, power in self.factors))

    def latex(self) -> str:
        """As the lecture writes it: powers ascending inside of brackets, no multiplication signs."""
        written = "".join(_bracket(base) + (f"^{power}" if power > 1 else "") for base, power in self.factors)
        one = abs(self.coefficient) == 1 and written
        return ("-" if self.coefficient < 0 else "") + ("" if one else str(abs(self.coefficient))) + written


def sum_latex(terms: list[Product]) -> str:
    """A sum of products: the sign of each stands between it and the one before.

    >>> x = sympy.Symbol("x")
    >>> sum_latex(Product(4, ((x, 1), (1 - x, 1))).derivative(x))
    '4(1 - x) - 4x'
    """
    first, *others = [term.latex() for term in terms]
    return first + "".join(f" - {text[1:]}" if text.startswith("-") else f" + {text}" for text in others)


def ascending_latex(polynomial: Expr) -> str:
    """A polynomial with its powers ascending.

    >>> ascending_latex(8 * sympy.Symbol("x") ** 2 - 8 * sympy.Symbol("x") + 1)
    '1 - 8x + 8x^{2}'
    """
    return re.sub(r"(\d) (\w)", r"\1\2", sympy.latex(polynomial, order="rev-lex"))


def _bracket(base: Expr) -> str:
    return ascending_latex(base) if base.is_Symbol else f"({ascending_latex(base)})"


# ------------------------------------------------------------------------ the logistic map, as the lecture has it


def logistic_polynomial(n: int) -> Any:
    """l_n as a polynomial, every step multiplied out: expanding the nested form at the end takes much longer."""
    return problem("logistic_loop").function(sympy.Poly(sympy.Symbol("x")), n)


def logistic_product(n: int) -> Product:
    """l_n as the lecture writes it: 4^(n-1) x (1 - x) (1 - 2 l_1)^2 ... (1 - 2 l_{n-2})^2, brackets expanded.

    >>> logistic_product(3).latex()
    '16x(1 - x)(1 - 2x)^2'
    """
    x = sympy.Symbol("x")
    if n == 1:
        return Product(sympy.Integer(1), ((x, 1),))
    squares = [((1 - 2 * logistic_polynomial(k)).as_expr(), 2) for k in range(1, n - 1)]
    return Product(sympy.Integer(4) ** (n - 1), ((x, 1), (1 - x, 1), *squares))


def logistic_table(largest: int = 4) -> tuple[list[str], list[list[str]]]:
    """Head and rows in LaTeX: n, l_n, its derivative by the product rule, and the same simplified.

    Source: Baydin et al. 2018, JMLR 18(153), table 1.
    """
    x, rows = sympy.Symbol("x"), []
    for n in range(1, largest + 1):
        l = logistic_product(n)
        expanded = logistic_polynomial(n).diff(x)
        content, inner = expanded.primitive()
        common = Product(content, ((inner.as_expr(), 1),)).latex()
        simplified = common if n > 2 else ascending_latex(expanded.as_expr())
        rows.append([f"${cell}$" for cell in (str(n), l.latex(), sum_latex(l.derivative(x)), simplified)])
    return ["$n$", "$l_n$", "$dl_n/dx$", "$dl_n/dx$ simplified"], rows

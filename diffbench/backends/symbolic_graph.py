"""Expressions as a graph of named subexpressions, and their derivatives, each subexpression differentiated once.

Every result of the user's program gets a name: v3 = sin(v1), v4 = v2*v3, ... Equal expressions get the same name. So no
expression is ever deep, and none is written out twice: what swells when derivatives are written out as trees grows
here as it would in a program. Differentiation goes through the names in order (Laue 2019, arXiv:1904.02990; SymPy's
`_forward_jacobian_cse` does the same after `cse`), with SymPy's own derivative at each.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import sympy
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean

Expr = Any  # sympy.Expr, which has no types of its own
Row = dict[Expr, Expr]  # derivatives by input, those that are not zero


class Graph:
    """Definitions of names, in the order in which they can be evaluated."""

    def __init__(self) -> None:
        self.definitions: dict[Expr, Expr] = {}
        self.names: dict[Expr, Expr] = {}

    def name(self, expression: Expr) -> Expr:
        """The name of an expression, defined now if it is new. Numbers, symbols and c*symbol are their own names."""
        if is_simple(expression):
            return expression
        if isinstance(expression, Boolean | ExprCondPair):
            return expression.func(*map(self.name, expression.args))
        shallow = self._shallow(expression)
        if is_simple(shallow):
            return shallow
        if shallow not in self.names:
            symbol = sympy.Symbol(f"v{len(self.names)}")
            self.names[shallow], self.definitions[symbol] = symbol, shallow
        return self.names[shallow]

    def _shallow(self, expression: Expr) -> Expr:
        parts = expression.args
        if expression.is_Mul:  # a quotient is one operation
            parts = [p.func(self.name(p.base), -1) if is_reciprocal(p) else self.name(p) for p in parts]
        else:
            parts = [self.name(p) for p in parts]
        return expression if all(a is b for a, b in zip(parts, expression.args)) else expression.func(*parts)

    def needed(self, outputs: Iterable[Expr]) -> list[Expr]:
        """The names that outputs lean on, in order."""
        found, todo = set(), [symbol for output in outputs for symbol in output.free_symbols]
        while todo:
            symbol = todo.pop()
            if symbol not in found and symbol in self.definitions:
                found.add(symbol)
                todo.extend(self.definitions[symbol].free_symbols)
        return [symbol for symbol in self.definitions if symbol in found]

    def derivatives(self, outputs: Sequence[Expr], inputs: Sequence[Expr]) -> list[Row]:
        """The derivatives of each output in all inputs, as names: forward accumulation, sparse."""
        slopes: dict[Expr, Row] = {x: {x: sympy.Integer(1)} for x in inputs}
        for symbol in self.needed(outputs):
            node = self.definitions[symbol]
            row = (
                self._in_each_case(node, slopes)
                if isinstance(node, sympy.Piecewise)
                else self._sum(symbol, node, slopes)
            )
            if row:
                slopes[symbol] = row
        return [self._sum(output, output, slopes) for output in outputs]

    def _sum(self, symbol: Expr, node: Expr, slopes: dict[Expr, Row]) -> Row:
        """The chain rule: the sum over all parts of a definition."""
        terms: dict[Expr, list] = {}
        for inner, partial in self._partials(symbol, node, slopes.keys()):
            partial = self.name(partial)
            for x, slope in slopes[inner].items():
                terms.setdefault(x, []).append(slope if partial == 1 else self.name(partial * slope))
        row = {
            x: self.name(sympy.Add(*products)) if len(products) > 1 else products[0] for x, products in terms.items()
        }
        return {x: slope for x, slope in row.items() if slope != 0}

    def _in_each_case(self, node: Expr, slopes: dict[Expr, Row]) -> Row:
        """The derivative of a case distinction: that of the case, so that the others carry nothing, not even NaN."""
        cases = [(self._sum(value, value, slopes), condition) for value, condition in node.args]
        moving = dict.fromkeys(x for row, _ in cases for x in row)
        return {
            x: self.name(sympy.Piecewise(*[(row.get(x, 0), condition) for row, condition in cases])) for x in moving
        }

    def _partials(self, symbol: Expr, node: Expr, moving: Set[Expr]) -> Iterator[tuple[Expr, Expr]]:
        """The names in a definition that move with the inputs, each with the derivative of the definition in it."""
        if is_simple(node) or node.is_Add:
            pairs: Iterable = ((sympy.Integer(1), part) for part in sympy.Add.make_args(node))
        elif node.is_Mul:
            pairs = zip(self._products_of_the_others(node), node.args)
        else:
            pairs = zip(local_derivatives(node, symbol), node.args)
        for slope, part in pairs:
            for inner in part.free_symbols & moving:  # one at most, for parts are simple
                yield inner, slope * (-1 / inner**2 if is_reciprocal(part) else 1 if part == inner else part.args[0])

    def _products_of_the_others(self, node: Expr) -> list[Expr]:
        """For each factor the product of all others, by the products of all before it and of all behind it."""
        before, behind = [sympy.Integer(1)], [sympy.Integer(1)]
        for factor in node.args[:-1]:
            before.append(self.name(before[-1] * factor))
        for factor in node.args[:0:-1]:
            behind.append(self.name(behind[-1] * factor))
        return [left * right for left, right in zip(before, reversed(behind))]


def is_simple(expression: Expr) -> bool:
    """Whether an expression needs no name: a symbol, a number, or a number times a symbol."""
    if not expression.args or not expression.free_symbols:
        return True
    return (
        expression.is_Mul
        and len(expression.args) == 2
        and expression.args[0].is_Number
        and expression.args[1].is_Symbol
    )


def is_reciprocal(expression: Expr) -> bool:
    """Whether an expression is 1/x, which in a product is a division."""
    return expression.is_Pow and expression.exp == -1


def local_derivatives(node: Expr, name: Expr) -> Iterable[Expr]:
    """The derivative of a function in each argument, where `name` stands for its value.

    SymPy's own, except where that is a distribution (of |x|, max, floor) or loses digits (of sinc near 0): there the
    conventions of primitives/elementwise.py hold.
    """
    if node.is_Pow:
        base, exponent = node.args
        in_base = exponent * base ** (exponent - 1)
        if not exponent.free_symbols:
            return [in_base, sympy.Integer(0)]
        at_zero = sympy.Eq(base, 0)
        return [
            sympy.Piecewise((0, sympy.And(at_zero, sympy.Eq(exponent, 0))), (in_base, True)),
            sympy.Piecewise((0, at_zero), (name * sympy.log(base), True)),
        ]
    if isinstance(node, sympy.Max | sympy.Min):
        reached = [sympy.Eq(argument, name) for argument in node.args]
        ties = sympy.Add(*[sympy.Piecewise((1, condition), (0, True)) for condition in reached])
        return [sympy.Piecewise((1 / ties, condition), (0, True)) for condition in reached]
    (x, *_) = node.args
    if isinstance(node, sympy.Abs):
        return [sympy.sign(x)]
    if isinstance(node, sympy.sign | sympy.floor | sympy.ceiling):
        return [sympy.Integer(0)]
    if isinstance(node, sympy.sinc):
        series = x * (
            -sympy.Rational(1, 3) + x**2 * (sympy.Rational(1, 30) - x**2 * (sympy.Rational(1, 840) - x**2 / 45360))
        )
        safe = x + sympy.Piecewise((1, sympy.Eq(x, 0)), (0, True))
        return [sympy.Piecewise((series, sympy.Abs(x) < sympy.Rational(1, 8)), ((sympy.cos(x) - name) / safe, True))]
    return [node.fdiff(i + 1) if part.free_symbols else sympy.Integer(0) for i, part in enumerate(node.args)]

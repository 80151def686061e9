"""The lines of a derivative program: each operation, its tangent and its adjoints, as Python that runs.

The texts do what the rules of the table do, operation by operation, so that running them gives the same bits.
"""

import ast
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from diffbench.errors import UnsupportedVerb
from diffbench.lecture.formulas import INFIX, Symbols, bracketed, filled, index_text, power_slope
from diffbench.lecture.recording import Entry
from diffbench.lecture.rules import row
from diffbench.memory import SMALLEST
from diffbench.primitives.arrays import shape_of
from diffbench.primitives.elementwise import WHERE
from diffbench.primitives.joining import CONCATENATE, STACK
from diffbench.primitives.kinds import Elementwise, qualified_name
from diffbench.primitives.partial import RULE_NAMES, ExactConstant, free_of_nan
from diffbench.primitives.products import MATMUL
from diffbench.primitives.reductions import MEAN, SUM, expand_reduced
from diffbench.primitives.structural import (
    ASSIGN,
    BROADCAST_TO,
    INDEX,
    PIECE,
    RESHAPE,
    TRANSPOSE,
    selects_each_entry_once,
)

INFIX_CALLS = {"multiply": "*", "scaled": "*", "masked": "*", "divide": "/", "subtract": "-", "add": "+"}


def value_code(entry: Entry, operands: Sequence[str]) -> str:
    """The operation itself."""
    primitive, params = entry.primitive, entry.params
    function = getattr(primitive, "function", None)
    if function in INFIX and (function is not np.power or entry.slopes is not None):
        left = bracketed(operands[0]) if function is np.power else operands[0]
        return f"{left} {INFIX[function]} {bracketed(operands[1])}"
    if function is np.negative:
        return f"-{bracketed(operands[0])}"
    if primitive is INDEX or primitive is PIECE:
        return f"{operands[0]}[{index_code(params['index'])}]"
    if primitive is ASSIGN:
        return f"assigned({operands[0]}, np.s_[{index_code(params['index'])}], {operands[1]})"
    if primitive in (SUM, MEAN):
        return f"{callee(function)}({operands[0]}{_axis(entry)})"
    if primitive in (CONCATENATE, STACK):
        return f"{callee(function)}([{', '.join(operands)}], axis={params['axis']})"
    if primitive in (RESHAPE, BROADCAST_TO):
        return f"{callee(function)}({operands[0]}, {params['shape']})"
    if primitive is TRANSPOSE:
        return _transposed(operands[0], params["axes"])
    if not params and callee(function) and (isinstance(function, np.ufunc) or primitive.evaluate is function):
        return f"{callee(function)}({', '.join(operands)})"
    return f"evaluate({', '.join([_named(primitive), *operands])}{keywords(params)})"


def tangent_code(entry: Entry, y: str, operands: Sequence[str], tangents: Sequence[str]) -> str:
    """The tangent of the operation, from those of its parents."""
    primitive, shape = entry.primitive, shape_of(entry.value)
    moving = dict(zip(entry.wanted, tangents))
    if isinstance(primitive, Elementwise) and primitive is not WHERE:
        terms = [product_code(entry, position, y, operands, moving[position]) for position in entry.wanted]
        total = " + ".join(term if "-" not in term[:1] else f"({term})" for term in terms if term != "0") or f"0 * {y}"
        parents = [shape_of(entry.operands[position]) for position in entry.wanted]
        whole = np.broadcast_shapes(*parents, *[shape_of(x) for x in entry.primals]) if shape else ()
        return total if shape in parents or whole == () else f"np.broadcast_to({total}, {shape})"
    if primitive is WHERE:
        sides = [moving.get(1, "0.0"), moving.get(2, "0.0")]
        return f"np.broadcast_to(np.where({operands[0]}, {', '.join(sides)}), {shape})"
    if primitive is MATMUL:
        terms = [f"{moving[0]} @ {operands[1]}"] if 0 in moving else []
        terms += [f"{operands[0]} @ {moving[1]}"] if 1 in moving else []
        return " + ".join(terms)
    if primitive in (CONCATENATE, STACK, ASSIGN) or primitive in (
        INDEX,
        PIECE,
        SUM,
        MEAN,
        RESHAPE,
        TRANSPOSE,
        BROADCAST_TO,
    ):
        texts = [moving.get(k) or f"np.zeros_like({x})" for k, x in enumerate(operands)]
        return value_code(entry, texts)
    moved = ", ".join(f"{position}: {tangent}" for position, tangent in moving.items())
    return f"jvp({_named(primitive)}, {y}, ({', '.join(operands)},), {{{moved}}}{keywords(entry.params)})"


def adjoint_code(entry: Entry, k: int, y: str, operands: Sequence[str], adjoint: str) -> str | None:
    """What the operation adds to the adjoint of its k-th parent, entries of arrays aside; None where it is nothing."""
    primitive, position = entry.primitive, entry.wanted[k]
    shape, own = shape_of(entry.value), shape_of(entry.operands[position])
    if isinstance(primitive, Elementwise):
        if primitive is not WHERE and not primitive.partials[position]:
            return None
        if primitive is WHERE:
            sides = (adjoint, "0.0") if position == 1 else ("0.0", adjoint)
            text = f"np.where({operands[0]}, {', '.join(sides)})"
        elif shape and not own and entry.value.nbytes < SMALLEST:
            return _sum_of_products(entry, position, y, operands, adjoint)
        else:
            text = product_code(entry, position, y, operands, adjoint)
        return unbroadcast_code(text, shape, own)
    if primitive is SUM or primitive is MEAN:
        axis, keepdims = entry.params["axis"], entry.params["keepdims"]
        text = adjoint if primitive is SUM else f"{adjoint} / {max(int(np.prod([own[a] for a in axis])), 1)}"
        reduced = shape_of(expand_reduced(np.zeros(shape), axis, keepdims, own))
        return f"np.broadcast_to({text if reduced == shape else f'np.reshape({text}, {reduced})'}, {own})"
    if primitive is RESHAPE:
        return f"np.reshape({adjoint}, {own})"
    if primitive is BROADCAST_TO:
        return unbroadcast_code(adjoint, shape, own)
    if primitive is TRANSPOSE:
        return _transposed(adjoint, tuple(np.argsort(entry.params["axes"]).tolist()))
    if primitive is STACK or primitive is CONCATENATE:
        axis, shapes = entry.params["axis"], [shape_of(x) for x in entry.operands]
        if primitive is STACK:
            return f"{adjoint}[{':, ' * axis}{position}]"
        start = sum(s[axis] for s in shapes[:position])
        return f"{adjoint}[{':, ' * axis}{start}:{start + own[axis]}]"
    if primitive is MATMUL and (product := _matmul_adjoint(entry, position, operands, adjoint)):
        return product
    names = ", ".join(operands)
    return f"vjp({_named(primitive)}, {y}, ({names},), {position}, {adjoint}{keywords(entry.params)})"


def _sum_of_products(entry: Entry, position: int, y: str, operands: Sequence[str], g: str) -> str:
    """The adjoint of a number that was broadcast: cotangent and local derivative multiplied and summed at once."""
    partial = entry.primitive.partials[position]
    with np.errstate(all="ignore"):
        slope = partial.value(entry.value, *entry.primals)
    if partial.text in ("1", "-1"):
        return f"np.sum({partial.text[:-1]}{g})"
    names = dict(zip(entry.primitive.variables, map(bracketed, operands))) | {"y": y}
    text = in_plain_numpy(partial.text, names)
    if shape_of(slope) == ():
        return f"np.sum({g}) * ({text})"
    return f"np.vdot({g}, {text})" if shape_of(slope) == shape_of(entry.value) else f"np.sum({g} * ({text}))"


def _matmul_adjoint(entry: Entry, position: int, operands: Sequence[str], g: str) -> str | None:
    a, b = operands
    ranks = len(shape_of(entry.operands[0])), len(shape_of(entry.operands[1]))
    return {
        ((1, 1), 0): f"{g} * {b}",
        ((1, 1), 1): f"{g} * {a}",
        ((2, 1), 0): f"{g}[:, None] * {b}",
        ((2, 1), 1): f"{g} @ {a}",
        ((1, 2), 0): f"({b} @ {g}[:, None])[:, 0]",
        ((1, 2), 1): f"{a}[:, None] * {g}",
        ((2, 2), 0): f"{g} @ {b}.T",
        ((2, 2), 1): f"{a}.T @ {g}",
    }.get((ranks, position))


def product_code(entry: Entry, position: int, y: str, operands: Sequence[str], factor: str) -> str:
    """A tangent or adjoint times the local derivative in one operand."""
    primitive = entry.primitive
    partial = primitive.partials[position]
    if not partial:
        return "0"
    names = dict(zip(primitive.variables, map(bracketed, operands))) | {"y": y, "t": factor}
    if entry.slopes is not None:
        if primitive.function is np.power:
            return f"{factor} * ({power_slope(operands[0], operands[1])})"
        text = {"1": "t", "-1": "-t"}.get(partial.text, f"t * ({partial.text})")
    elif primitive.function is np.power and position == 0 and isinstance(b := entry.primals[1], int | float) and b != 0:
        return f"{factor} * ({'2 * {0}' if b == 2 else '{1} * np.power({0}, {1} - 1)'})".format(*operands)
    else:
        text = partial.product if shape_of(entry.value) else partial.product_of_numbers
    with np.errstate(all="ignore"):
        finite = free_of_nan(0.0 * np.asarray(partial.value(entry.value, *entry.primals), dtype=float))
    return in_plain_numpy(text if finite else f"zero_stays_zero(t, {text})", names)


def in_plain_numpy(text: str, names: dict[str, str]) -> str:
    """The text of a rule as a program writes it."""
    return filled(text, tuple(names), list(names.values()), PlainNumPy)


class PlainNumPy(Symbols):
    """The text of a rule as a program can run it, with operators for the functions of operators."""

    def constant(self, node: ast.Name) -> ast.AST:
        found = RULE_NAMES.get(node.id)
        if isinstance(found, ExactConstant):
            return ast.Constant(float(found))
        if hasattr(np, node.id):
            return ast.Attribute(ast.Name("np", ast.Load()), node.id, ast.Load())
        return ast.parse(f"rule({node.id!r})", mode="eval").body

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in INFIX_CALLS:
            return ast.parse(
                " ".join([f"({ast.unparse(self.visit(part))})" for part in node.args]).replace(
                    ") (", f") {INFIX_CALLS[name]} (", 1
                ),
                mode="eval",
            ).body
        if name == "negative":
            return ast.UnaryOp(ast.USub(), self.visit(node.args[0]))
        return self.generic_visit(node)


def unbroadcast_code(text: str, shape: tuple[int, ...], own: tuple[int, ...]) -> str:
    """The sum over the axes along which an operand was broadcast.

    >>> unbroadcast_code("g", (2, 3), (3,)), unbroadcast_code("g", (2, 3), (2, 1))
    ('np.sum(g, axis=(0,))', 'np.sum(g, axis=(1,), keepdims=True)')
    """
    if shape and not own:
        return f"np.sum({text})"
    extra = len(shape) - len(own)
    if extra > 0:
        text = f"np.sum({text}, axis={tuple(range(extra))})"
    stretched = tuple(axis for axis, (n, m) in enumerate(zip(own, shape[extra:])) if n == 1 and m != 1)
    return f"np.sum({text}, axis={stretched}, keepdims=True)" if stretched else text


def index_statement(entry: Entry, parent: str, adjoint: str) -> str:
    """The line that adds the adjoint of entries to the adjoint of their array."""
    index = entry.params["index"]
    if selects_each_entry_once(index):
        return f"{parent}[{index_code(index)}] += {adjoint}"
    return f"np.add.at({parent}, np.s_[{index_code(index)}], {adjoint})"


def is_plain_assignment(entry: Entry) -> bool:
    """Whether an operation is an assignment to entries that needs no broadcasting: two lines say it."""
    if entry.primitive is not ASSIGN or not selects_each_entry_once(entry.params["index"]):
        return False
    array, value = entry.primals
    return shape_of(array[entry.params["index"]]) == shape_of(value)


def assignment_lines(entry: Entry, y: str, array: str, value: str) -> list[str]:
    """The two lines of an assignment to entries: of a fresh array, and in it."""
    return [f"{y} = {array}", f"{y}[{index_code(entry.params['index'])}] = {value}"]


def zeros_code(like: str, written: str | None = None) -> str:
    """Zeros in the shape of an array, for a derivative to grow in; in the precision of what is written first, if given.

    >>> zeros_code("x"), zeros_code("x", "v1_bar")
    ('np.zeros_like(x)', 'np.zeros_like(x, np.asarray(v1_bar).dtype)')
    """
    return f"np.zeros_like({like})" if written is None else f"np.zeros_like({like}, np.asarray({written}).dtype)"


def index_code(index: Any) -> str:
    """An index as code."""
    if isinstance(index, tuple) and index:
        return ", ".join(map(index_code, index))
    if isinstance(index, np.ndarray):
        return parameter_code(index)
    return str(index) if isinstance(index, np.integer | np.bool) else index_text(index)


def callee(function: Any) -> str | None:
    """A function as a program calls it; None where it is none of NumPy's or SciPy's.

    >>> callee(np.sin), callee(np.linalg.inv), callee(len)
    ('np.sin', 'np.linalg.inv', None)
    """
    name = getattr(function, "__name__", "")
    for module, prefix in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    return f"special.{name}" if qualified_name(function).startswith("scipy.special.") else None


def keywords(params: dict) -> str:
    """Parameters as keywords of a call."""
    return "".join(f", {name}={parameter_code(value)}" for name, value in params.items())


def parameter_code(value: Any) -> str:
    """A parameter as code."""
    if isinstance(value, np.ndarray):
        return f"np.array({parameter_code(value.tolist())}, dtype={str(value.dtype)!r})"
    if isinstance(value, np.dtype | type):
        value = np.dtype(value)
        return f"np.dtype({str(value)!r})"
    if isinstance(value, tuple | list):
        inside = ", ".join(map(parameter_code, value))
        return f"({inside},)" if isinstance(value, tuple) and value else f"[{inside}]" if value else repr(value)
    return number_code(value) if isinstance(value, float | int | np.generic) else repr(value)


def number_code(value: Any, in_full: bool = False) -> str:
    """A constant number as code that gives it back; `in_full` where a float64 and a number of Python are not the same.

    >>> number_code(np.float64(-0.5)), number_code(np.float32(np.inf)), number_code(float("-inf"))
    ('-0.5', 'np.float32(np.inf)', '-np.inf')
    """
    if isinstance(value, np.ndarray) and not value.shape:
        value = value[()]
    if value.__class__ is np.float64 and not in_full:
        value = float(value)
    text = f"np.{value!r}".replace("np.np.", "np.") if isinstance(value, np.generic) else repr(value)
    return re.sub(r"(^-?|\(-?)(inf|nan)\b", r"\1np.\2", text)


def _axis(entry: Entry) -> str:
    axis, rank = entry.params["axis"], len(shape_of(entry.operands[0]))
    said = "" if axis == tuple(range(rank)) else f", axis={axis}"
    return said + (", keepdims=True" if entry.params["keepdims"] else "")


def _transposed(text: str, axes: Sequence[int]) -> str:
    return f"{text}.T" if tuple(axes) == tuple(range(len(axes)))[::-1] else f"np.transpose({text}, {tuple(axes)})"


def _named(primitive: Any) -> str:
    """The name of a primitive by which a program asks the table for its rule."""
    try:
        found = row(primitive.name)
    except KeyError:
        found = None
    if found is not primitive:
        raise UnsupportedVerb(
            f"source: {primitive.name} has no text",
            why="it is no function of NumPy or SciPy, so that a program cannot name it",
            hint="db.trace(f, x).reverse() shows its numbers all the same",
        )
    return repr(primitive.name)

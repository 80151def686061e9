"""The backward pass of a derivative program, line by line: what each step adds to the adjoints of its parents.

An array of which entries are read gets an adjoint of its own, into which the pieces are written in place; all other
adjoints are bound anew by each line, since several names may stand for one array.
"""

import ast
from collections.abc import Callable, Iterator, Sequence

from diffbench.lecture import code
from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.names import leaf_names
from diffbench.primitives.structural import INDEX, PIECE

COMMENT_AT = 40  # column of the comments, where the code leaves room


class Backward:
    """The lines, while they are written: which adjoints have been started, and which grow in place."""

    def __init__(self, walk: WengertList, names: Sequence[str], operands: Callable[[Step], list[str]], mixed: bool):
        self.walk, self.names, self.operands, self.mixed = walk, names, operands, mixed
        self.grown = {step.parents[0] for step in walk.steps if step.entry.primitive in (INDEX, PIECE)}
        self.started: set[int] = set()

    def lines(self, seed: str) -> Iterator[str]:
        """All lines, from the seed of the result to the adjoints of the inputs."""
        walk = self.walk
        for place, leaf in zip(walk.results, leaf_names(seed, walk.function.result_structure)):
            if place in self.started:
                yield f"{self.bar(place)} = {self.bar(place)} + {leaf}"
            elif place in self.grown:
                yield f"{self.bar(place)} = np.array({leaf})"
            elif self.bar(place) != leaf:
                yield f"{self.bar(place)} = {leaf}"
            self.started.add(place)
        for step in reversed(walk.steps):
            if step.index in self.started:
                for edge in range(len(step.partials)):
                    yield from self.message(step, edge)
        for place in walk.inputs:
            if place not in self.started:
                yield self.zeros(place)

    def message(self, step: Step, edge: int) -> Iterator[str]:
        """The lines by which a step adds to the adjoint of one parent."""
        parent, position, entry = step.partials[edge].parent, step.partials[edge].position, step.entry
        name, own = self.bar(parent), self.bar(step.index)
        plain = code.is_plain_assignment(entry)
        if plain and position == 0 and parent not in self.started:
            self.started.add(parent)
            first, second = code.assignment_lines(entry, name, f"{own}.copy()", "0.0")
            yield commented(first, step.formula)
            yield second
            return
        if plain and position == 1:
            text: str | None = f"{own}[{code.index_code(entry.params['index'])}]"
        elif entry.primitive in (INDEX, PIECE):
            text = ""
        else:
            text = code.adjoint_code(entry, edge, self.names[step.index], self.operands(step), own)
        if text is None:
            return
        grown = parent in self.grown
        if not text:
            if parent not in self.started:
                yield self.zeros(parent, own if self.mixed else None)
            line = code.index_statement(entry, name, own)
        elif parent in self.started:
            in_place = grown and not self.mixed  # what is added in place is rounded to the precision of the sum
            line = f"{name} += {text}" if in_place else f"{name} = {name} {signed(text)}"
        else:
            line = f"{name} = np.array({text})" if grown else f"{name} = {text}"
        self.started.add(parent)
        yield commented(line, step.formula)

    def bar(self, place: int) -> str:
        """The name of an adjoint."""
        return f"{self.names[place]}_bar"

    def zeros(self, place: int, written: str | None = None) -> str:
        """The line that starts an adjoint with zeros."""
        return f"{self.bar(place)} = {code.zeros_code(self.names[place], written)}"


def commented(line: str, comment: str) -> str:
    """A line of code with a comment behind it."""
    return f"{line:<{COMMENT_AT}}# {comment}" if len(line) < COMMENT_AT else f"{line}  # {comment}"


def signed(text: str) -> str:
    """A term as it stands behind a sum, with its sign: in brackets where Python would otherwise add in another order.

    >>> signed("a * b"), signed("-a"), signed("a + b")
    ('+ a * b', '- a', '+ (a + b)')
    """
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"- {ast.unparse(node.operand)}"
    return f"+ ({text})" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) else f"+ {text}"

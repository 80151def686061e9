"""Derivatives as code: a trace as a program in plain Python, a straight line from the arguments to the derivative.

What runs is what is shown: each line is one elementary operation, its tangent, or what it adds to an adjoint. The
program is that of the path taken: at arguments where f takes another branch, it is the derivative of the wrong one.
"""

import keyword
import re
from collections.abc import Iterator

import numpy as np

from diffbench.errors import ArgumentError, UnsupportedVerb
from diffbench.lecture import code
from diffbench.lecture.model import Step, WengertList
from diffbench.lecture.names import leaf_names
from diffbench.lecture.source_backward import Backward, commented
from diffbench.primitives.arrays import dtype_of
from diffbench.primitives.complex_numbers import is_complex
from diffbench.structure import Structure

MODES = ("value", "forward", "reverse")
LARGEST = 100
"""Entries of a constant array that a program still writes out; larger ones it takes from `walk.constants`."""


def source(walk: WengertList, mode: str = "reverse") -> str:
    """The text of a program: f_value(x, ...), f_forward(x, ..., x_dot, ...) or f_reverse(x, ..., seed).

    Arguments and results look like those of f. f_value returns y; f_forward the pair y, ẏ; f_reverse the pair of y and
    the gradient, a tuple where the trace has several inputs. `exec` it; constant arrays of more than 100 entries come
    from outside, as in exec(text, dict(walk.constants)).

    Raises ArgumentError for another mode, UnsupportedVerb where an operation has no text: a db.primitive, or one that
    gives complex numbers.

    >>> import numpy as np, diffbench as db
    >>> print(source(db.trace(lambda a, b: np.log(a * b), 2.0, 3.0)))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f_reverse(a, b, y_bar=1.0):
        # values
        v1 = a * b
        y = np.log(v1)
        # adjoints
        v1_bar = y_bar * (1 / v1)               # y = log(v1)
        a_bar = v1_bar * b                      # v1 = a * b
        b_bar = v1_bar * a                      # v1 = a * b
        return y, (a_bar, b_bar)
    <BLANKLINE>
    """
    if mode not in MODES:
        raise ArgumentError(f"source: mode={mode!r}, expected one of {', '.join(map(repr, MODES))}")
    return Program(walk).text(mode)


def constants(walk: WengertList) -> dict[str, np.ndarray]:
    """The constant arrays that are too large for the text of a program, by the names it uses for them."""
    return {name: array for name, array in Program(walk).constants() if array.size > LARGEST}


class Program:
    """The names of a program, and its lines."""

    def __init__(self, walk: WengertList):
        self.walk = walk
        self.taken = {"np", "special", "rule", "evaluate", "jvp", "vjp", "assigned", "zero_stays_zero", "seed"}
        arguments = [walk.signature_names[k] for k in walk.function.argnums]
        self.arguments = [self.free(name) for name in arguments]
        self.names: list[str] = []
        for name, structure in zip(self.arguments, walk.function.structures):
            leaves = leaf_names(name, structure)
            self.names += [name if leaf == name else self.free(leaf) for leaf in leaves]
        self.names += [self.free(step.name) for step in walk.steps[len(self.names) :]]
        self.mixed = len(precisions(walk)) > 1
        self.names_of_constants: dict[int, str] = {}
        for step in walk.steps:
            for operand in step.operands:
                if operand.step is None and np.ndim(operand.value) and id(operand.value) not in self.names_of_constants:
                    plain = operand.text.isidentifier()
                    self.names_of_constants[id(operand.value)] = self.free(operand.text if plain else "constant")

    def free(self, wish: str) -> str:
        """An identifier like the wish that is not taken, and neither are its tangent and adjoint."""
        name = re.sub(r"\W+", "_", wish).strip("_") or "x"
        name = f"{name}_" if keyword.iskeyword(name) else name
        found, k = name, 1
        while {found, f"{found}_bar", f"{found}_dot"} & self.taken:
            k += 1
            found = f"{name}_{k}"
        self.taken |= {found, f"{found}_bar", f"{found}_dot"}
        return found

    def constants(self) -> list[tuple[str, np.ndarray]]:
        """The constant arrays with their names, each once."""
        arrays = {id(x.value): x.value for step in self.walk.steps for x in step.operands if x.step is None}
        return [(name, arrays[key]) for key, name in self.names_of_constants.items()]

    def operands(self, step: Step) -> list[str]:
        """The operands of a step as the program writes them."""
        return [
            self.names[x.step]
            if x.step is not None
            else self.names_of_constants[id(x.value)]
            if id(x.value) in self.names_of_constants
            else code.number_code(x.value, in_full=self.mixed)
            for x in step.operands
        ]

    # -- the text ------------------------------------------------------------------------------------------------------

    def text(self, mode: str) -> str:
        """The whole program."""
        complex_step = next((step for step in self.walk.steps if is_complex(step.value)), None)
        if complex_step:
            raise UnsupportedVerb(
                f"source: {complex_step.name} of {self.walk.name} is complex",
                hint="the tables show its numbers; write f with real numbers for a program",
            )
        head, body = {"value": self.value, "forward": self.forward, "reverse": self.reverse}[mode]()
        body = [*self.given(), *body]
        lines = [
            f"def {function_name(self.walk)}_{mode}({', '.join(head)}):",
            *(f"    {line}" if line else "" for line in body),
        ]
        return "\n".join([*self.imports("\n".join(body)), "", "", *lines]) + "\n"

    def imports(self, body: str) -> list[str]:
        """The lines before the function: what its body uses."""
        lines = ["import numpy as np"]
        if re.search(r"\bspecial\.", body):
            lines.append("from scipy import special")
        used = [name for name in ("assigned", "evaluate", "jvp", "rule", "vjp") if re.search(rf"\b{name}\(", body)]
        lines += [f"from diffbench.lecture.rules import {', '.join(used)}"] if used else []
        if "zero_stays_zero(" in body:
            lines.append("from diffbench.primitives.partial import zero_stays_zero")
        for name, array in self.constants():
            if array.size > LARGEST:
                lines.append(f"# {name}: an array {array.shape} of {array.dtype}, from walk.constants")
            elif re.search(rf"\b{name}\b", body):
                lines.append(f"{name} = {code.parameter_code(array)}")
        return lines

    def given(self) -> Iterator[str]:
        """The lines that take containers apart."""
        names = iter(self.names)
        for argument, structure in zip(self.arguments, self.walk.function.structures):
            for leaf in leaf_names(argument, structure):
                name = next(names)
                if name != leaf:
                    yield f"{name} = {leaf}"

    def values(self) -> Iterator[str]:
        """The lines of f itself."""
        for step in self.walk.steps:
            if not step.is_input:
                yield from self.value_lines(step)

    def value_lines(self, step: Step) -> list[str]:
        """The line of a step; two for an assignment to entries."""
        y, operands = self.names[step.index], self.operands(step)
        if code.is_plain_assignment(step.entry) and step.operands[0].step is not None:
            return code.assignment_lines(step.entry, y, f"{operands[0]}.copy()", operands[1])
        return [f"{y} = {code.value_code(step.entry, operands) if step.entry.primitive else operands[0]}"]

    def result(self, suffix: str = "") -> str:
        """The result of f, or its tangent, in its containers."""
        rounded = self.rounded if suffix else lambda _, name: name
        names = iter([rounded(place, self.names[place] + suffix) for place in self.walk.results])
        return container_code(self.walk.function.result_structure, names)

    def rounded(self, place: int, derivative: str) -> str:
        """The derivative of a result, or in an input, in its precision: the other numbers may have another."""
        if not self.mixed:
            return derivative
        value = self.walk.steps[place].value
        return f"np.asarray({derivative}, {str(dtype_of(value))!r}){'' if np.ndim(value) else '[()]'}"

    def value(self) -> tuple[list[str], list[str]]:
        """Parameters and body of the program of f."""
        return self.arguments, [*self.values(), f"return {self.result()}"]

    def forward(self) -> tuple[list[str], list[str]]:
        """Parameters and body of forward mode: each value, and then its tangent."""
        body = []
        names = iter(self.names)
        for argument, structure in zip(self.arguments, self.walk.function.structures):
            for leaf in leaf_names(f"{argument}_dot", structure):
                name = f"{next(names)}_dot"
                body += [f"{name} = {leaf}"] if name != leaf else []
        for step in self.walk.steps:
            if step.is_input:
                continue
            y, operands = self.names[step.index], self.operands(step)
            body += self.value_lines(step)
            if code.is_plain_assignment(step.entry):
                array, piece = step.operands
                written = "0.0" if piece.step is None else f"{self.names[piece.step]}_dot"
                if array.step is None:
                    moved = code.zeros_code(y, written if self.mixed else None)
                else:
                    moved = f"{self.names[array.step]}_dot.copy()"
                first, second = code.assignment_lines(step.entry, f"{y}_dot", moved, written)
                body += [commented(first, step.formula), second]
                continue
            if step.partials:
                tangents = [f"{self.names[parent]}_dot" for parent in step.parents]
                tangent = code.tangent_code(step.entry, y, operands, tangents)
            else:
                tangent = f"np.zeros_like({y})" if step.shape else "0.0"
            body.append(commented(f"{y}_dot = {tangent}", step.formula))
        names_of_tangents = [f"{name}_dot" for name in self.arguments]
        return [*self.arguments, *names_of_tangents], [*body, f"return {self.result()}, {self.result('_dot')}"]

    def reverse(self) -> tuple[list[str], list[str]]:
        """Parameters and body of reverse mode: all values, and then the adjoints in the opposite order."""
        walk = self.walk
        single = len(walk.results) == 1 and walk.function.result_structure.kind is None
        seed = f"{self.names[walk.results[0]]}_bar" if single else "seed"
        if single and walk.steps[walk.results[0]].is_input:
            seed = "seed"
        parameter = f"{seed}=1.0" if single and not walk.steps[walk.results[0]].shape else seed
        backward = Backward(walk, self.names, self.operands, self.mixed)
        body = ["# values", *self.values(), "# adjoints", *backward.lines(seed)]
        gradients = iter([self.rounded(place, f"{self.names[place]}_bar") for place in walk.inputs])
        found = [container_code(structure, gradients) for structure in walk.function.structures]
        gradient = found[0] if len(found) == 1 else f"({', '.join(found)})"
        return [*self.arguments, parameter], [*body, f"return {self.result()}, {gradient}"]


def function_name(walk: WengertList) -> str:
    """The name of the function as an identifier."""
    return re.sub(r"\W+", "_", walk.name).strip("_") or "f"


def precisions(walk: WengertList) -> set[np.dtype]:
    """The precisions that a program computes in. Numbers of Python, which take that of what they meet, have none."""
    constants = [x.value for step in walk.steps for x in step.operands if isinstance(x.value, np.ndarray | np.generic)]
    dtypes = {dtype_of(x) for x in [*constants, *[step.value for step in walk.steps]]}
    return {dtype for dtype in dtypes if dtype.kind == "f"}


def container_code(structure: Structure, leaves: Iterator[str]) -> str:
    """A container of these leaves, as code; a dataclass or another class of the user's as a tuple of its fields."""
    if structure.kind is None:
        return next(leaves)
    parts = [container_code(child, leaves) for child in structure.children]
    if structure.kind is list:
        return f"[{', '.join(parts)}]"
    if issubclass(structure.kind, dict):
        return f"{{{', '.join(f'{key!r}: {part}' for key, part in zip(structure.keys, parts))}}}"
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"

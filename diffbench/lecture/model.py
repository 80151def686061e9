"""The data of a trace: steps with their operands and local derivatives, in a list that shows itself in many ways.

All that shows a trace (tables.py, source.py, autograd_view.py, the drawings) reads this and no more.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from diffbench.errors import UnknownName, did_you_mean
from diffbench.flat import FlatFunction
from diffbench.lecture.recording import Entry
from diffbench.primitives.arrays import shape_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from diffbench.lecture.sweeps import Pulled, Pushed
    from diffbench.lecture.tables import StepTable


class Where(NamedTuple):
    """A place in the user's code: the file, the line, its text, and the function that it is in."""

    file: str
    line: int
    text: str
    function: str


class Operand(NamedTuple):
    """An argument of a step: the place of another step, or None for a constant; as text and as number or array."""

    step: int | None
    text: str
    value: Any


class Local(NamedTuple):
    """The derivative of a step in one parent, an edge of the graph.

    text : in symbols, "cos(v1)"; for what does not act entry by entry, the linear map with a dot for the tangent,
        "W @ ·".
    value : a number, an array of the step's shape, or None for a linear map.
    position : which operand of the step the parent is.
    """

    parent: int
    text: str
    value: Any
    position: int


@dataclass(frozen=True, eq=False)
class Step:
    """One line of the Wengert list.

    name : unique in the list: "x1", "v3", "y1", or the user's own variable where that is assigned once.
    label : the variable that the user's code stores the result in, if any; in loops many steps have the same.
    formula : "v1 = x1 * x2"; for an input its name.
    """

    index: int
    name: str
    label: str | None
    primitive: str  # as users write it: "*", "sin", "" for inputs, "constant" for a result without inputs
    formula: str
    operands: tuple[Operand, ...]
    value: Any
    partials: tuple[Local, ...]
    where: Where | None
    is_input: bool
    is_result: bool
    entry: Entry = field(repr=False)  # for the engine room: sweeps and programs

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value, () for a number."""
        return shape_of(self.value)

    @property
    def parents(self) -> list[int]:
        """The places of the steps that this one is computed from, one for each operand that is a step."""
        return [partial.parent for partial in self.partials]


class Decision(NamedTuple):
    """A comparison on which the path of the program may have depended: `after` that many steps."""

    after: int
    text: str
    outcome: bool
    where: Where | None


class WengertList:
    """What a run of f left: steps, inputs, results, and the comparisons that chose the path.

    name : of the function.       signature_names : of its positional arguments.
    steps : all steps.            inputs, results : their places, in the order of the leaves of arguments and result.
    function_source : the text of f, or None where there is none.
    """

    def __init__(self, function: FlatFunction, signature_names: list[str], steps: list[Step], results: list[int]):
        self.function, self.signature_names, self.steps, self.results = function, signature_names, steps, results
        self.inputs = [step.index for step in steps if step.is_input]
        self.decisions: list[Decision] = []

    @property
    def f(self) -> Callable:
        """The function."""
        return self.function.f

    @property
    def name(self) -> str:
        """The name of the function."""
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return "f" if name == "<lambda>" else name

    @cached_property
    def function_source(self) -> str | None:
        """The text of the function, as its file has it."""
        try:
            return inspect.cleandoc(inspect.getsource(self.f))
        except (OSError, TypeError):
            return None

    @property
    def value(self) -> Any:
        """What f returned, in its containers."""
        return self.function.result_structure.rebuild(iter([self.steps[place].value for place in self.results]))

    def forward_steps(self, seed: Any = None) -> "list[Pushed]":
        """The tangent of every step, in the order of execution, each with its terms (see sweeps.py)."""
        from diffbench.lecture.sweeps import forward_steps

        return forward_steps(self, seed)

    def reverse_steps(self, seed: Any = None) -> "list[Pulled]":
        """The events of the backward pass in its order: complete adjoints, and the messages sent (see sweeps.py)."""
        from diffbench.lecture.sweeps import reverse_steps

        return reverse_steps(self, seed)

    def table(self) -> "StepTable":
        """The primal table, a DataFrame: one row a step, with its formula, value, and line of the user's code."""
        from diffbench.lecture.tables import primal_table

        return primal_table(self)

    def forward(self, seed: Any = None) -> "StepTable":
        """The table of forward mode, a DataFrame: primals, local derivatives and tangents.

        seed : the tangent of the arguments, shaped like them; a tuple where there are several.
        """
        from diffbench.lecture.tables import forward_table

        return forward_table(self, seed)

    def reverse(self, seed: Any = None) -> "StepTable":
        """The table of reverse mode, a DataFrame: adjoints and messages in the order of the backward pass.

        seed : the adjoint of the result, shaped like it.
        """
        from diffbench.lecture.tables import reverse_table

        return reverse_table(self, seed)

    def source(self, mode: str = "reverse") -> str:
        """The derivative as a program in plain Python: mode "reverse", "forward", or "value" (see source.py)."""
        from diffbench.lecture.source import source

        return source(self, mode)

    @cached_property
    def constants(self) -> dict[str, np.ndarray]:
        """The constant arrays that are too large for the text of `source`, by their names in it."""
        from diffbench.lecture.source import constants

        return constants(self)

    def autograd_view(self) -> "StepTable":
        """The steps as the nodes of Autograd: value, fun, args, kwargs, parents, VJP rules (see autograd_view.py)."""
        from diffbench.lecture.autograd_view import autograd_view

        return autograd_view(self)

    def operation_counts(self) -> "StepTable":
        """Operations of f and of its derivative programs, and the cheap-gradient bounds (see counts.py)."""
        from diffbench.lecture.counts import operation_counts

        return operation_counts(self)

    def draw(self, mode: str = "reverse", step: int | None = None, seed: Any = None, most: int = 60) -> "Figure":
        """The computational graph as a figure the size of a slide: inputs left, layers by depth, partials at the edges.

        mode : "value", "forward" or "reverse".       step : how far the sweep has come; 0 is its start, None its end.
        seed : as `forward` and `reverse` take it.
        most : boxes; where there are more steps, loops, then statements, then runs of steps become one box each.

        Raises DirectionError for a seed that does not fit, ArgumentError for a step that there is not.

        >>> import numpy as np, diffbench as db
        >>> w = db.trace(lambda x1, x2: np.sin(x1 * x2), 2.0, 3.0)
        >>> figure = w.draw("forward", step=1, seed=(1, 0))  # figure.savefig("graph.pdf")
        """
        from diffbench.lecture.draw import draw

        return draw(self, mode, step, seed, most)

    def frames(
        self,
        mode: str = "reverse",
        seed: Any = None,
        folder: "str | Path | None" = None,
        suffix: str = "pdf",
        most: int = 60,
    ) -> "list[Figure] | list[Path]":
        """The graph at every step of a sweep, with the same places in each: figures, or files frame_00.pdf, ...

        folder : where to write the files, if any.       suffix : "pdf", "svg" or "png".       The rest as for `draw`.
        """
        from diffbench.lecture.draw import frames

        return frames(self, mode, seed, folder, suffix, most)

    def animate(
        self, path: "str | Path", mode: str = "reverse", seed: Any = None, seconds: float = 2.0, most: int = 60
    ) -> "Path":
        """A sweep as a film: .gif, .html (with buttons to stop and step), or .mp4 where ffmpeg is installed.

        seconds : that each step is seen.       The rest is as for `draw`. Raises MissingPackage without ffmpeg.
        """
        from diffbench.lecture.draw import animate

        return animate(self, path, mode, seed, seconds, most)

    def to_html(self, tangents: Iterable | None = None, cotangents: Iterable | None = None) -> str:
        """One HTML file that steps through the function, forward and reverse mode, and needs nothing but a browser.

        tangents, cotangents : the seeds to choose from, each as `forward` and `reverse` take it; if not given, one for
            each number of the arguments and of the result, or all ones where these are more than a dozen.

        Raises ArgumentError for a trace of more than 3000 steps.

        >>> import numpy as np, diffbench as db
        >>> page = db.trace(lambda x1, x2: np.sin(x1 * x2), 2.0, 3.0).to_html()  # open("page.html", "w").write(page)
        >>> page.splitlines()[0]
        '<!doctype html>'
        """
        from diffbench.lecture.walk import page

        return page(self, tangents, cotangents)

    def __len__(self) -> int:
        """The number of elementary operations; a result that depends on no input is none."""
        return sum(step.primitive not in ("", "constant") for step in self.steps)

    def __getitem__(self, name: str | int) -> Step:
        """A step by its name, or by its place. Raises UnknownName for a name that no step has."""
        if not isinstance(name, str):
            return self.steps[name]
        for step in self.steps:
            if step.name == name:
                return step
        names = [step.name for step in self.steps]
        raise UnknownName(f"trace: no step of {self.name} is called {name!r}; {did_you_mean(name, names)}")

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def __repr__(self) -> str:
        return f"<trace of {self.name}: {len(self.inputs)} inputs, {len(self)} steps, {len(self.results)} results>"

"""db.trace: the Wengert list that a run of f leaves, in the user's own names.

The numbers are those of the engines: f runs on the trace of recording.py, which evaluates as reverse mode does, and the
steps are made of what it has recorded.
"""

import linecache
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from diffbench.backends.base import end_trace
from diffbench.errors import ArgumentError, TraceLost
from diffbench.flat import FlatFunction, name_of
from diffbench.lecture.formulas import constant_text, expression, name_of_primitive, partial_text
from diffbench.lecture.model import Decision, Local, Operand, Step, WengertList, Where
from diffbench.lecture.names import argument_names, labels_of, step_names
from diffbench.lecture.recording import Entry, Listed, Recording, Site
from diffbench.primitives.arrays import dtype_of, shape_of
from diffbench.primitives.elementwise import WHERE
from diffbench.primitives.kinds import Elementwise
from diffbench.primitives.primitive import Traced
from diffbench.primitives.structural import INDEX
from diffbench.structure import flatten
from diffbench.verbs import asked_argnums, positions

__all__ = ["Decision", "Local", "Operand", "Step", "WengertList", "Where", "trace"]


def trace(f: Callable, *args: Any, argnum: int | tuple[int, ...] | None = None, **kwargs: Any) -> WengertList:
    """The Wengert list that running f(*args, **kwargs) leaves: every elementary step, in the order of execution.

    f : a function in plain NumPy. Data-dependent control flow shows the path taken at these arguments.
    args : numbers, arrays, nested containers of them.
    argnum : the positional arguments that are inputs of the list; the others stay plain. If not given, all that are
        made of real numbers; say it where an integer is a count or an index.

    Raises ArgumentError where nothing can be an input, TraceLost as every derivative does.
    Cost: one run of f, some 30 microseconds a step, and memory for the values of all steps.
    Source: Wengert 1964, CACM 7(8), 463-464; Griewank & Walther 2008, §2.2.

    >>> import numpy as np, diffbench as db
    >>> w = db.trace(lambda x1, x2: np.sin(x1 * x2), 2.0, 3.0)
    >>> [step.formula for step in w.steps]
    ['x1', 'x2', 'v1 = x1 * x2', 'y = sin(v1)']
    >>> w["y"].partials
    (Local(parent=2, text='cos(v1)', value=np.float64(0.960170286650366), position=0),)
    """
    if not callable(f):
        raise ArgumentError(
            f"trace: f must be a function, found {type(f).__name__}", hint="write db.trace(f, x), with f itself"
        )
    asked = _inputs_among(args) if argnum is None else asked_argnums(argnum, "trace")
    if not asked:
        raise ArgumentError(
            f"trace: no argument of {name_of(f)} can be an input",
            hint="pass real numbers or arrays of them by position; argnum= counts positional arguments from 0",
        )
    function = FlatFunction("trace", f, args, kwargs, positions(asked, args, "trace", f), False, False)
    recording = Recording(getattr(getattr(f, "__code__", None), "co_filename", None), function.take_apart(copied=True))
    try:
        results = function(recording.arguments())
    except TraceLost as error:
        raise _integer_hint(error, f, args, function.argnums) from error
    finally:
        recording.end()
    end_trace(recording, results)
    places = []
    for result in results:
        if not isinstance(result, Listed):
            recording.entries.append(Entry(None, (result,), {}, result, [], None))
        places.append(result.index if isinstance(result, Listed) else len(recording.entries) - 1)
    signature_names = argument_names(f, args)
    return _wengert_list(function, signature_names, recording, places)


def _inputs_among(args: Sequence) -> tuple[int, ...]:
    """The positional arguments that are made of real numbers."""

    def is_real(leaf: Any) -> bool:
        if isinstance(leaf, np.ndarray | np.generic | Traced):
            return dtype_of(leaf).kind in "fiu" and not isinstance(leaf, np.ma.MaskedArray)
        return isinstance(leaf, float | int) and not isinstance(leaf, bool)

    leaves = [flatten(arg)[0] for arg in args]
    return tuple(k for k, found in enumerate(leaves) if found and all(map(is_real, found)))


def _integer_hint(error: TraceLost, f: Callable, args: Sequence, argnums: Sequence[int]) -> TraceLost:
    """The error, and what to do if it came of an integer that counts or indexes."""
    integers = [
        k for k in argnums if any(getattr(x, "dtype", np.asarray(x).dtype).kind in "iu" for x in flatten(args[k])[0])
    ]
    if not integers:
        return error
    others = tuple(k for k in argnums if k not in integers)
    said = others[0] if len(others) == 1 else others
    return TraceLost(
        error.what,
        where=error.where,
        why=f"argument {integers[0]} of {name_of(f)} is an integer, and an input of the trace like all real numbers",
        hint=f"if it is a count or an index, say which arguments are inputs: argnum={said}",
    )


# -- from what was recorded to steps with names ------------------------------------------------------------------------


def _wengert_list(
    function: FlatFunction, signature: list[str], recording: Recording, results: list[int]
) -> WengertList:
    entries = recording.entries
    labels = labels_of(entries)
    names = step_names(function, signature, entries, labels, results)
    steps = []

    def operands_of(operands: Sequence) -> tuple[Operand, ...]:
        return tuple(
            Operand(x.index, names[x.index], x.primal)
            if isinstance(x, Listed)
            else Operand(None, constant_text(x, recording.names.get(id(x))), x)
            for x in operands
        )

    for index, entry in enumerate(entries):
        operands = operands_of(entry.operands)
        steps.append(
            Step(
                index=index,
                name=names[index],
                label=labels[index],
                primitive=_kind(entry, index < recording.inputs),
                formula=_formula(entry, names[index], operands, index < recording.inputs),
                operands=operands,
                value=entry.value,
                partials=tuple(_locals(entry, names[index], operands)),
                where=_where(entry.site),
                is_input=index < recording.inputs,
                is_result=index in results,
                entry=entry,
            )
        )
    found = WengertList(function, signature, steps, results)
    for decision in recording.decisions:
        texts = [operand.text for operand in operands_of(decision.operands)]
        text = expression(decision.primitive, texts, {})
        found.decisions.append(Decision(decision.after, text, decision.outcome, _where(decision.site)))
    return found


def _kind(entry: Entry, is_input: bool) -> str:
    if entry.primitive is None:
        return "" if is_input else "constant"
    return name_of_primitive(entry.primitive)


def _formula(entry: Entry, name: str, operands: Sequence[Operand], is_input: bool) -> str:
    if is_input:
        return name
    if entry.primitive is None:
        return f"{name} = {operands[0].text}"
    text = expression(entry.primitive, [operand.text for operand in operands], entry.params, _rank(operands))
    return name if text == name else f"{name} = {text}"


def _rank(operands: Sequence[Operand]) -> int:
    return len(shape_of(operands[0].value)) if operands else 0


def _locals(entry: Entry, name: str, operands: Sequence[Operand]) -> list[Local]:
    """The local derivatives of a step, in symbols and in numbers."""
    texts = [operand.text for operand in operands]
    found = []
    for k, position in enumerate(entry.wanted):
        parent = entry.operands[position].index
        text = partial_text(entry.primitive, position, texts, name, entry.params, _rank(operands))
        found.append(Local(parent, text, _slope(entry, k, position), position))
    return found


def _slope(entry: Entry, k: int, position: int) -> Any:
    """The number of a local derivative, an array for an array; None for a linear map."""
    if entry.slopes is not None:
        return entry.slopes[k]
    primals, y = entry.primals, entry.value
    if entry.primitive is WHERE:
        return np.where(primals[0], *((1.0, 0.0) if position == 1 else (0.0, 1.0)))[()]
    if isinstance(entry.primitive, Elementwise):
        partial = entry.primitive.partials[position]
        with np.errstate(all="ignore"):
            return partial.value(y, *primals) if partial else 0.0
    if entry.primitive is INDEX and not shape_of(y) and not shape_of(primals[0]):
        return 1.0
    return None


def _where(site: Site | None) -> Where | None:
    if site is None:
        return None
    return Where(site.file, site.line, linecache.getline(site.file, site.line).strip(), site.function)

"""The names of the steps of a trace: inputs from the signature, the user's own variables, letters for the rest."""

import inspect
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from diffbench.flat import FlatFunction
from diffbench.lecture.formulas import expression
from diffbench.lecture.recording import Entry
from diffbench.primitives.arrays import shape_of
from diffbench.primitives.structural import INDEX
from diffbench.structure import Structure


def argument_names(f: Callable, args: Sequence) -> list[str]:
    """The name of each positional argument: that in the signature, args[1] for one of *args.

    >>> argument_names(lambda a, *rest: 0, (1, 2, 3))
    ['a', 'rest[0]', 'rest[1]']
    """
    generic = ["x"] if len(args) == 1 else [f"x{k + 1}" for k in range(len(args))]
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # a function of compiled code
        return generic
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    more = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    names += [f"{more[0]}[{k}]" for k in range(len(args) - len(names))] if more else []
    return names[: len(args)] if len(names) >= len(args) else generic


def leaf_names(name: str, structure: Structure) -> list[str]:
    """The name of each leaf of an argument: w["bias"], layers[0], point.x."""
    if structure.kind is None:
        return [name]
    attribute = not issubclass(structure.kind, dict | list) and (
        structure.kind is not tuple and structure.kind is not type(None)
    )
    keys = structure.kind._fields if hasattr(structure.kind, "_fields") else structure.keys
    return [
        leaf
        for key, child in zip(keys, structure.children)
        for leaf in leaf_names(f"{name}.{key}" if attribute else f"{name}[{key!r}]", child)
    ]


def labels_of(entries: Sequence[Entry]) -> list[str | None]:
    """The user's variable for each entry; of the entries that one call is made of, only the last is stored."""
    labels = [entry.site.label if entry.site else None for entry in entries]
    for k, (entry, following) in enumerate(itertools.pairwise(entries)):
        if entry.site and following.site and entry.site.call == following.site.call:
            labels[k] = None
    return labels


def step_names(
    function: FlatFunction,
    signature: Sequence[str],
    entries: Sequence[Entry],
    labels: Sequence[str | None],
    results: Sequence[int],
) -> list[str]:
    """A name for each step, no two alike.

    Inputs and their entries: x1, x[0]. A variable of the user's: its name; assigned again and again, as in a loop, with
    a number: s_1, s_2. All others: v1, v2, ..., and results y or y1, y2, ...; another letter where the user has these.
    """
    names: list[str] = []
    for argnum, structure in zip(function.argnums, function.structures):
        names += leaf_names(signature[argnum], structure)
    count = len(names)
    often = Counter(label for label in labels if label)
    roots = {re.split(r"[.\[]", name)[0] for name in names}
    numbered = {label: _numbers() for label in often if often[label] > 1 or label in roots}
    taken = roots | set(often)
    inner, outer = _letter("vtuw", taken), _letter("yrz", taken)
    inner_numbers = _numbers()
    places = sorted(set(results), key=list(results).index)
    fixed = {place: f"{outer}{k + 1}" if len(places) > 1 else outer for k, place in enumerate(places)}
    for index in range(count, len(entries)):
        entry, label = entries[index], labels[index]
        if label:
            names.append(f"{label}_{next(numbered[label])}" if label in numbered else label)
            continue
        if entry.primitive is INDEX and entry.parents[0] < count and not shape_of(entry.value):
            name = expression(INDEX, [names[entry.parents[0]]], entry.params)
            if name not in names[:index]:
                names.append(name)
                continue
        names.append(fixed.get(index) or f"{inner}{next(inner_numbers)}")
    return names


def _numbers() -> Iterator[int]:
    """1, 2, 3, ..."""
    return itertools.count(1)


def _letter(letters: str, taken: set[str]) -> str:
    """The first letter that no name in use is made of, with or without a number behind it."""
    for letter in (*letters, *(2 * letter for letter in letters)):
        if not any(re.fullmatch(rf"{letter}_?\d*", name) for name in taken):
            return letter
    return "step"

"""A sweep as a lecturer shows it: stage by stage, what is computed now, by which formula, and along which arrows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from diffbench.errors import UnknownName, did_you_mean
from diffbench.lecture.draw_text import number, pretty
from diffbench.lecture.mathematics import barred, dotted
from diffbench.lecture.model import Local, Step, WengertList
from diffbench.lecture.sweeps import Pulled, Pushed, cotangents_of_results, forward_steps, reverse_steps
from diffbench.lecture.tables import times

Mode = Literal["value", "forward", "reverse"]
MODES: tuple[str, ...] = get_args(Mode)
MOST_GIVEN = 6  # numbers in a line
NAMES = {"value": "The function", "forward": "Forward mode", "reverse": "Reverse mode"}


@dataclass(frozen=True)
class Stage:
    """One step of a sweep.

    present : the step of the trace that it is about, or None.
    values : steps whose primal is computed now.
    moved : step -> its tangent or adjoint from now on; an adjoint that messages still come to is a partial sum.
    carried : (child, which of its partials) of the arrows that a number goes along now.
    finished : steps of which all is known from now on.
    words : what happens, in a sentence. lines : the formulas, with their numbers.
    """

    present: int | None
    words: str
    lines: list[str] = field(default_factory=list)
    values: Sequence[int] = ()
    moved: dict[int, Any] = field(default_factory=dict)
    carried: Sequence[tuple[int, int]] = ()
    finished: Sequence[int] = ()


def stages(walk: WengertList, mode: str, seed: Any = None) -> list[Stage]:
    """The stages of the function itself, of the forward sweep, or of the reverse sweep with all primals there before.

    seed : as `WengertList.forward` and `WengertList.reverse` take it.
    Raises UnknownName for another mode, DirectionError for a seed that does not fit.
    """
    if mode not in MODES:
        raise UnknownName(f"there is no mode {mode!r}", where=f"trace of {walk.name}", hint=did_you_mean(mode, MODES))
    if mode == "value":
        return value_stages(walk)
    return forward_stages(walk, seed) if mode == "forward" else reverse_stages(walk, seed)


def value_stages(walk: WengertList) -> list[Stage]:
    """First the inputs, then each step."""
    start = Stage(None, "The arguments are given.", [_given(walk, walk.inputs)], walk.inputs, finished=walk.inputs)
    return [start, *(_valued(step) for step in walk.steps if not step.is_input)]


def _valued(step: Step) -> Stage:
    said = f"The next elementary step: {step.primitive}." if step.partials else "This result is a constant."
    line = f"{pretty(step.formula)} = {number(step.value)}"
    return Stage(step.index, said, [line], [step.index], {}, _arrows(step), [step.index])


def _arrows(step: Step) -> list[tuple[int, int]]:
    return [(step.index, k) for k in range(len(step.partials))]


# ----------------------------------------------------------------------------------------------------------- forward


def forward_stages(walk: WengertList, seed: Any) -> list[Stage]:
    """First the seed at the inputs, then each step with its primal and its tangent."""
    pushed = forward_steps(walk, seed)
    seeds = {place: pushed[place].tangent for place in walk.inputs}
    words = "The arguments are given, and the seed: in which direction they move."
    lines = [_given(walk, walk.inputs), _given(walk, seeds, dotted)]
    start = Stage(None, words, lines, walk.inputs, seeds, finished=walk.inputs)
    return [start, *(_pushed(walk, event) for event in pushed if not walk.steps[event.step].is_input)]


def _pushed(walk: WengertList, event: Pushed) -> Stage:
    """A step whose tangent is the sum, over its operands, of local partial times tangent."""
    step, names = walk.steps[event.step], [walk.steps[term.parent].name for term in event.terms]
    symbols = " + ".join(times(term.partial, dotted(name)) for term, name in zip(event.terms, names))
    numbers = [_numbers(p, term.parent_tangent) for p, term in zip(step.partials, event.terms)]
    sides = [pretty(dotted(step.name)), pretty(symbols or "0"), " + ".join(numbers) if all(numbers) else ""]
    line = _chain(*sides, number(event.tangent))
    said = f"Chain rule: {pretty(step.name)} moves as {_and(names)}" if names else f"{pretty(step.name)} does not move."
    if names:
        said += ", each times its local partial." if len(set(names)) > 1 else ", times the local partial."
    lines = [f"{pretty(step.formula)} = {number(step.value)}", line.replace("+ −", "− ")]
    return Stage(step.index, said, lines, [step.index], {step.index: event.tangent}, _arrows(step), [step.index])


# ----------------------------------------------------------------------------------------------------------- reverse


def reverse_stages(walk: WengertList, seed: Any) -> list[Stage]:
    """First the seed at the results, then each step, from the end, sends its messages; last, what the inputs have."""
    so_far: dict[int, Any] = {}
    for place, cotangent in zip(walk.results, cotangents_of_results(walk, seed)):
        so_far[place] = so_far[place] + cotangent if place in so_far else cotangent
    everything = range(len(walk.steps))
    found = [
        Stage(
            None,
            "The seed: the adjoints of the result are given.",
            [_given(walk, so_far, barred)],
            everything,
            dict(so_far),
        )
    ]
    inputs = {}
    for event in reverse_steps(walk, seed):
        if walk.steps[event.step].is_input:
            inputs[event.step] = event.adjoint
        elif event.messages:
            found.append(_pulled(walk, event, so_far))
    inputs = dict(sorted(inputs.items()))
    end = "No more messages: the adjoints of the inputs are the derivative."
    return [*found, Stage(None, end, [_given(walk, inputs, barred)], moved=inputs, finished=list(inputs))]


def _pulled(walk: WengertList, event: Pulled, so_far: dict[int, Any]) -> Stage:
    """A step whose adjoint is complete sends each operand adjoint times local partial; `so_far` grows by that."""
    step = walk.steps[event.step]
    bar, lines, carried = barred(step.name), [], []
    for message in event.messages:
        parent = message.parent
        k = next(k for k, p in enumerate(step.partials) if (p.parent, p.text) == message[:2] and k not in carried)
        carried.append(k)
        symbols, before = pretty(_pulled_back(message.partial, bar)), so_far.get(parent)
        numbers = _numbers(step.partials[k], event.adjoint)
        so_far[parent] = message.value if before is None else before + message.value
        name, line = pretty(barred(walk.steps[parent].name)), _chain(symbols, numbers, number(message.value))
        lines.append(f"{name} = {line}" if before is None else f"{name} += {line}, now {number(so_far[parent])}")
    names = [walk.steps[message.parent].name for message in event.messages]
    words = f"{pretty(bar)} is complete. {pretty(step.name)} sends {_and(names)} its adjoint times the local partial."
    moved = {message.parent: so_far[message.parent] for message in event.messages}
    return Stage(step.index, words, lines, (), moved, [(step.index, k) for k in carried], [step.index])


# -------------------------------------------------------------------------------------------------------------- texts


def _given(walk: WengertList, values: Iterable[int], marked: Callable[[str], str] = str) -> str:
    """What is given, such as "ẋ₁ = 1, ẋ₂ = 0": the primals of some steps, or a mapping of numbers to be shown."""
    shown = values if isinstance(values, dict) else {place: walk.steps[place].value for place in values}
    texts = [f"{pretty(marked(walk.steps[place].name))} = {number(value)}" for place, value in shown.items()]
    return ",  ".join(texts if len(texts) <= MOST_GIVEN else [*texts[: MOST_GIVEN - 1], "…", texts[-1]])


def _chain(*sides: str) -> str:
    """Equal things with signs of equality between; what is empty or said before is left out."""
    return " = ".join(dict.fromkeys(filter(None, sides)))


def _pulled_back(partial: str, bar: str) -> str:
    """A local partial times an adjoint, in symbols; a linear map is transposed.

    >>> _pulled_back("cos(v1)", "v̄2"), _pulled_back("W @ ·", "v̄2")
    ('cos(v1) * v̄2', '(W @ ·)ᵀ v̄2')
    """
    return f"({partial})ᵀ {bar}" if "·" in partial else times(partial, bar)


def _numbers(partial: Local, factor: Any) -> str:
    """A local partial times a tangent or an adjoint in numbers; nothing if one of them is none."""
    if partial.value is None or np.ndim(partial.value) or np.ndim(factor):
        return ""
    a, b = number(partial.value), number(factor)
    if partial.text in ("1", "-1"):
        return b if partial.text == "1" else f"−{f'({b})' if b.startswith('−') else b}"
    return f"{a} · {f'({b})' if b.startswith('−') else b}"


def _and(names: Sequence[str]) -> str:
    """Names as a phrase, each once.

    >>> _and(["x1", "x2", "x1"]), _and(["a", "b", "c"])
    ('x₁ and x₂', 'a, b and c')
    """
    texts = [pretty(name) for name in dict.fromkeys(names)]
    return " and ".join([*filter(None, [", ".join(texts[:-1])]), *texts[-1:]])

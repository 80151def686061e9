"""What is written into pictures of a graph: code as mathematics writes it, numbers short, and how wide that gets."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from diffbench.lecture.draw_fold import Fold
from diffbench.lecture.model import Step

LONGEST = 24  # characters in a box
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
INDEXED = re.compile(r"(?<!\w)((?:[^\W\d_][\u0304\u0307]?)+)_?(\d+)\b(?!\()")  # v1, x_2, v̄3, no function: log2(
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def in_box(steps: Sequence[Step], fold: Fold, short: bool = False) -> str:
    """What is written in a box: the assignment (or the name alone), or which steps are folded."""
    step = steps[fold.last]
    if short or step.is_input:
        return pretty(step.name)
    return f"⋯ {fold.words}" if fold.words else shortened(pretty(step.formula))


def above(steps: Sequence[Step], fold: Fold) -> str:
    """The primal as it stands above a box; of a fold, that of its last step."""
    step = steps[fold.last]
    return f"{pretty(step.name)} = {number(step.value)}" if fold.words else number(step.value)


def on_arrow(steps: Sequence[Step], fold: Fold, terms: Sequence[tuple[int, int]], narrow: bool) -> str:
    """The local partial in symbols and, if it is one, as a number, in two lines if `narrow`; nothing at a fold."""
    if fold.words or len(terms) > 1:
        return ""
    partial = steps[terms[0][0]].partials[terms[0][1]]
    symbols = shortened(pretty(partial.text), LONGEST // 2)
    if partial.value is None or np.ndim(partial.value):
        return symbols
    value = number(partial.value)
    return value if symbols in ("", value) else f"{symbols}\n= {value}" if narrow else f"{symbols} = {value}"


def pretty(code: str) -> str:
    """Code as mathematics writes it.

    >>> pretty("v̄1 = x12 * x_2**2 - log2(x)")
    'v̄₁ = x₁₂ · x₂² − log2(x)'
    """
    code = INDEXED.sub(lambda found: found[1] + found[2].translate(SUBSCRIPTS), code)
    code = re.sub(r" ?\*\* ?(\d)(?![\d.])", lambda found: found[1].translate(SUPERSCRIPTS), code)
    return code.replace(" * ", " · ").replace("-", "−")


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text that is too long, cut in the middle."""
    return text if len(text) <= longest else f"{text[: longest * 2 // 3]}…{text[-longest // 3 + 1 :]}"


def number(value: Any, digits: int = 5) -> str:
    """A number to five significant digits, or the first entries of an array with its shape as an index.

    >>> number(2.880510859951098), number(np.ones(2)), number(np.arange(12.0).reshape(3, 4))
    ('2.8805', '[1, 1]₂', '[0, …]₃ₓ₄')
    """
    if np.ndim(value) == 0:
        plain = complex(value) if np.iscomplexobj(value) else float(value)
        return f"{plain:.{digits}g}".replace("-", "−").replace("e+", "e")
    head = [number(entry, 3) for entry in np.ravel(value)[: 2 if np.size(value) <= 2 else 1]]
    shape = "ₓ".join(map(str, np.shape(value))).translate(SUBSCRIPTS)
    return f"[{', '.join(head)}{', …' if np.size(value) > len(head) else ''}]{shape}"


@cache
def text_width(text: str) -> float:
    """The width of text in ems, that of its longest line."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=100)  # of matplotlib's own font, whatever the settings are
    return (
        max(TextToPath().get_text_width_height_descent(line, font, ismath=False)[0] for line in text.split("\n")) / 100
    )

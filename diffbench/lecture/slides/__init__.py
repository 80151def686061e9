"""The slides of the lecture that print numbers, each computed anew, with its table, its figures, and what it has wrong.

    SLIDES["soft_relu"]()      # a Slide: checks, head and rows of a table, figures, note

The experiment `lecture` writes them all into results/lecture/.
"""

from collections.abc import Callable
from functools import cache

from diffbench.lecture.slides import backpropagation, differentiation
from diffbench.lecture.slides.slide import Check, Slide

__all__ = ["SLIDES", "Check", "Slide"]

SLIDES: dict[str, Callable[[], Slide]] = {
    one.__name__: cache(one)
    for one in (
        differentiation.logistic_map,
        differentiation.closed_form,
        differentiation.soft_relu,
        differentiation.finite_differences,
        differentiation.sweeps,
        backpropagation.affine,
        backpropagation.two_layers,
        backpropagation.two_or_not_two,
        backpropagation.ten_digits,
        backpropagation.logistic_regression,
    )
}

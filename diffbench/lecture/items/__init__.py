"""The items of the lecture, each computed anew: its numbers, its table, its figure, and what the slide has wrong.

    ITEMS["soft_relu"]()      # an Item: checks, head and rows of a table, figures, note

The experiment `lecture` writes them all into results/lecture/.
"""

from collections.abc import Callable
from functools import cache

from diffbench.lecture.items import backpropagation, differentiation
from diffbench.lecture.items.item import Check, Item

__all__ = ["ITEMS", "Check", "Item"]

ITEMS: dict[str, Callable[[], Item]] = {
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

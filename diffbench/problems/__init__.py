"""The functions that experiments and accuracy tests run on: plain NumPy, with point, derivative and source.

>>> from diffbench.problems import problem
>>> helmholtz = problem("helmholtz")
>>> helmholtz.function(*helmholtz.point()).round(6)
np.float64(-0.921505)
>>> helmholtz.derivative(*helmholtz.point()).round(6)
array([-1.606322, -0.644025, -0.075751])
"""

from diffbench.errors import UnknownName, did_you_mean
from diffbench.problems.learning import LEARNING_PROBLEMS
from diffbench.problems.problem import Problem
from diffbench.problems.scalar import SCALAR_PROBLEMS
from diffbench.problems.vector import VECTOR_PROBLEMS

__all__ = ["Problem", "problem", "problems"]

_PROBLEMS = {p.name: p for p in (*SCALAR_PROBLEMS, *VECTOR_PROBLEMS, *LEARNING_PROBLEMS)}


def problems(*tags: str) -> list[Problem]:
    """All problems that carry every one of the tags (all of them when none is given).

    >>> [p.name for p in problems("scalar", "while")]
    ['logistic_while']
    """
    return [p for p in _PROBLEMS.values() if p.tags.issuperset(tags)]


def problem(name: str) -> Problem:
    """The problem of that name; raises UnknownName, which says the nearest one, if there is none."""
    if name not in _PROBLEMS:
        raise UnknownName(
            f"there is no problem {name!r}",
            where="diffbench.problems.problem",
            hint=did_you_mean(name, _PROBLEMS),
        )
    return _PROBLEMS[name]

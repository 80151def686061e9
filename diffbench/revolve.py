"""The binomial schedule: which states of a loop to keep, and when to compute the others again.

Griewank & Walther (2000), "Algorithm 799: revolve". With s snapshots, l steps are reversed at the least possible number
of extra steps: t(l, s) = r l - β(s + 1, r - 1), where β(s, r) is the binomial coefficient of s + r over s, and r the
least number for which β(s, r) is at least l.
"""

import math
from collections.abc import Iterator

from diffbench.errors import ArgumentError


def beta(s: int, r: int) -> int:
    """How many steps can be reversed with s snapshots if none is computed more than r times before it is recorded."""
    return math.comb(s + r, s) if r >= 0 else 0


def repetitions(length: int, snapshots: int) -> int:
    """The least r for which β(s, r) is at least l."""
    r = 0
    while beta(snapshots, r) < length:
        r += 1
    return r


def extra_steps(length: int, snapshots: int) -> int:
    """The least number of steps beyond those that are recorded: t(l, s).

    >>> [extra_steps(10, s) for s in (1, 2, 3, 9)], extra_steps(100, 8)
    ([45, 20, 15, 9], 245)
    """
    r = repetitions(length, snapshots)
    return r * length - beta(snapshots + 1, r - 1)


def schedule(length: int, snapshots: int) -> Iterator[tuple]:
    """What to do, in order, to reverse `length` steps with at most `snapshots` states in memory, the first included.

    ("advance", a, b): compute state b from state a. ("save", b): keep it. ("free", b): forget it. ("reverse", k):
    record the step from state k to k + 1, and pull a cotangent through it. State 0 is kept from the start.

    Costs extra_steps(length, snapshots) steps of advance, which is the least possible. Raises ArgumentError for numbers
    below one.

    >>> for action in schedule(3, 2):
    ...     print(*action)
    advance 0 1
    save 1
    advance 1 2
    reverse 2
    reverse 1
    free 1
    reverse 0
    """
    if length < 1 or snapshots < 1:
        raise ArgumentError(f"schedule: length={length!r}, snapshots={snapshots!r}, expected positive integers")
    saved = [0]
    for step in reversed(range(length)):
        if saved[-1] > step:
            yield "free", saved.pop()
        state = saved[-1]
        while state < step and len(saved) < snapshots:
            next_state = state + _first_snapshot(step + 1 - state, snapshots + 1 - len(saved))
            yield "advance", state, next_state
            yield "save", next_state
            saved.append(next_state)
            state = next_state
        if state < step:
            yield "advance", state, step
        yield "reverse", step


def _first_snapshot(length: int, snapshots: int) -> int:
    """How far to go before the next snapshot: any place is optimal that leaves no more than r - 1 and r repetitions."""
    r = repetitions(length, snapshots)
    return min(max(beta(snapshots, r - 2), length - beta(snapshots - 1, r), 1), length - 1)

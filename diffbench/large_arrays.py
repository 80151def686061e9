"""Arithmetic on large arrays: into lent memory, and on all processors.

A fresh large array costs more than the arithmetic on it, so results go into lent memory (memory.py). And NumPy lets go
of the interpreter's lock while it computes, so that threads, each with a part of the array, work at the same time.
Entry by entry nothing changes: the results are NumPy's to the last bit.
"""

import math
import os
import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import numpy as np

from diffbench.memory import POOL, SMALLEST

CHEAP = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.square, np.absolute, np.maximum, np.minimum}
"""Ufuncs that are as fast as memory."""

# bytes of a part that are worth the 20 microseconds that it takes to wake another processor
PART_WHEN_CHEAP = 1 << 21
PART = 1 << 17


def processors() -> int:
    """How many threads to use: as OMP_NUM_THREADS says, to which other libraries listen too; or one a processor."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads:
    """The caller's thread and those beside it, which start when they are first needed."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.begin()

    def begin(self) -> None:
        """With no thread but the caller's, as in a process that was just forked."""
        self.running = 1
        self.starting = threading.Lock()
        self.parts: SimpleQueue = SimpleQueue()

    def share(self, work: Callable[[int, int], Any], length: int, most: int) -> None:
        """Call work(start, stop) for parts of range(length), the first of them here, all under the caller's errstate.

        most : how many parts are worth their while.

        Returns, or raises what one of them has raised, when all have ended.
        """
        count = min(self.number, length, most)
        if count < 2:
            work(0, length)
            return
        with self.starting:
            while self.running < self.number:
                threading.Thread(target=self._serve, args=(self.parts,), name="diffbench", daemon=True).start()
                self.running += 1
        first, *others = pairwise([length * part // count for part in range(count + 1)])
        errors: SimpleQueue = SimpleQueue()
        for bounds in others:
            self.parts.put((copy_context(), work, bounds, errors))
        try:
            work(*first)
        finally:  # they write into the caller's memory, so that it waits for them
            ended = [errors.get() for _ in others]
        for error in filter(None, ended):
            raise error

    @staticmethod
    def _serve(parts: SimpleQueue) -> None:
        while True:
            _do_part(*parts.get())  # a call of its own, so that nothing holds the arrays afterwards


def _do_part(context: Context, work: Callable[[int, int], Any], bounds: tuple[int, int], errors: SimpleQueue) -> None:
    try:
        context.run(work, *bounds)
    except BaseException as error:
        errors.put(error)
    else:
        errors.put(None)


THREADS = Threads(processors())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=THREADS.begin)


def pooled(ufunc: np.ufunc) -> Any:
    """A ufunc that writes large results into lent memory; otherwise the same, on traced values too."""

    def unary(x: Any) -> Any:
        if x.__class__ is np.ndarray and x.nbytes >= SMALLEST:
            return _into_lent_memory(ufunc, x)
        return ufunc(x)

    def binary(a: Any, b: Any) -> Any:
        if (a.__class__ is np.ndarray and a.nbytes >= SMALLEST) or (b.__class__ is np.ndarray and b.nbytes >= SMALLEST):
            return _into_lent_memory(ufunc, a, b)
        return ufunc(a, b)

    return {1: unary, 2: binary}.get(ufunc.nin, ufunc)


def _into_lent_memory(ufunc: np.ufunc, *operands: Any) -> Any:
    """Apply a ufunc to floats and float arrays of one dtype; to others as NumPy does it."""
    result = empty_result(operands)
    return ufunc(*operands) if result is None else into(result, ufunc, *operands)


def into(out: np.ndarray, ufunc: np.ufunc, *operands: Any) -> np.ndarray:
    """ufunc(*operands, out=out), on all processors where that pays; out may be one of the operands."""
    parts = out.nbytes // (PART_WHEN_CHEAP if ufunc in CHEAP else PART)
    if parts < 2:
        return ufunc(*operands, out=out)
    arrays = [out, *(x for x in operands if x.__class__ is np.ndarray and x.ndim)]
    whole, pieces = out, list(operands)
    if all(x.shape == out.shape and x.flags.c_contiguous for x in arrays):  # one row, whatever the first axis
        whole, pieces = (
            out.reshape(-1),
            [x.reshape(-1) if x.__class__ is np.ndarray and x.ndim else x for x in operands],
        )
    cut = [x.__class__ is np.ndarray and x.ndim == whole.ndim and len(x) == len(whole) for x in pieces]

    def part(start: int, stop: int) -> None:
        ufunc(*[x[start:stop] if is_cut else x for x, is_cut in zip(pieces, cut)], out=whole[start:stop])

    THREADS.share(part, len(whole), parts)
    return out


def empty_result(operands: Sequence) -> np.ndarray | None:
    """Lent memory for the result of floats and float arrays of one dtype; None for other operands."""
    dtype, shape = None, ()
    for x in operands:
        if x.__class__ is float or x.__class__ is int:
            continue
        if not isinstance(x, np.ndarray | np.generic) or x.dtype.kind != "f":
            return None
        if dtype is not None and x.dtype != dtype:  # in this order: to NumPy, None is float64
            return None
        dtype = x.dtype
        if x.shape and x.shape != shape:
            shape = np.broadcast_shapes(shape, x.shape) if shape else x.shape
    size = 0 if dtype is None else dtype.itemsize * math.prod(shape)
    return None if dtype is None or not size else POOL.empty(shape, dtype, size)

"""Arithmetic on large arrays: whoever computes it, the numbers, errors and warnings are those of NumPy."""

import os
import threading
import warnings

import numpy as np
import pytest

import diffbench as db
from diffbench import large_arrays
from diffbench.isolation import run_apart
from diffbench.large_arrays import PART, THREADS, Threads, into, pooled, processors
from diffbench.memory import SMALLEST
from diffbench.primitives import TABLE
from diffbench.primitives.kinds import Elementwise

N = SMALLEST // 8 + 1  # entries of the smallest float64 arrays that are lent
SHARED = 3 * PART // 8 + 5  # entries of arrays on which several threads work


@pytest.fixture
def three_threads(monkeypatch):
    """Share as soon as memory is lent, whatever the machine and its settings."""
    monkeypatch.setattr(THREADS, "number", 3)
    monkeypatch.setattr(large_arrays, "PART", SMALLEST // 3)
    monkeypatch.setattr(large_arrays, "PART_WHEN_CHEAP", SMALLEST // 3)


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def threads(request):
    """With and without sharing."""
    if request.param == 3:
        request.getfixturevalue("three_threads")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_pooled_ufunc_gives_the_same_numbers_and_dtype(dtype, threads):
    x = np.linspace(0.5, 2.0, 4 * N).astype(dtype).reshape(4, N)
    row, column, number = x[0], x[:, :1], dtype(1.5)
    for operands in ((x, x), (x, row), (column, x), (x, 2.0), (3, x), (x, number), (row, column)):
        found, expected = pooled(np.multiply)(*operands), np.multiply(*operands)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert np.array_equal(found, expected)
    assert np.array_equal(pooled(np.sin)(x), np.sin(x))


@pytest.mark.parametrize(
    "other", [np.arange(N), np.ones(N, np.float32), np.ones(N, bool), np.longdouble(2), 1j, np.ones(N) * 1j, True],
    ids=["int", "float32", "bool", "longdouble", "complex", "complex array", "True"],
)  # fmt: skip
def test_a_pooled_ufunc_promotes_as_numpy_does(other, threads):
    x = np.linspace(0.5, 2.0, N)
    found, expected = pooled(np.multiply)(x, other), np.multiply(x, other)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_operands_that_do_not_broadcast_raise_what_numpy_raises(threads):
    with pytest.raises(ValueError, match="broadcast"):
        pooled(np.add)(np.ones(N), np.ones(N + 1))


# -- on several processors ---------------------------------------------------------------------------------------------

UFUNCS = [f for f, row in TABLE.items() if row.__class__ is Elementwise and isinstance(f, np.ufunc) and f.nin < 3]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_shared_work_gives_the_bits_of_numpy(ufunc, three_threads):
    row = TABLE[ufunc]
    generator = np.random.default_rng(0)
    operands = [generator.uniform(max(low, -2), min(high, 2), SHARED) for low, high in row.domain]
    assert np.array_equal(pooled(ufunc)(*operands), ufunc(*operands))


@pytest.mark.parametrize(
    "shapes",
    [
        ((300, 401), (300, 401)), ((300, 401), (401,)), ((300, 1), (1, 401)), ((300, 401), (1, 1)),
        ((1, 9 * N), (1, 9 * N)), ((7, 60, 401), (60, 1)), ((2, 9 * N), (2, 1)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("layout", [np.ascontiguousarray, np.asfortranarray, lambda x: x[::-1]])
def test_any_shape_and_layout_can_be_shared(shapes, layout, three_threads):
    a, b = (layout(np.random.default_rng(k).uniform(1, 2, shape)) for k, shape in enumerate(shapes))
    assert np.array_equal(pooled(np.divide)(a, b), a / b)


def test_a_result_may_be_written_over_an_operand(three_threads):
    a, b = np.arange(9.0 * N), np.full(9 * N, 3.0)
    into(a, np.multiply, a, b)
    assert np.array_equal(a, 3.0 * np.arange(9 * N))


@pytest.mark.parametrize("place", [0, -1], ids=["mine", "another's"])
def test_an_error_of_any_part_is_raised_and_the_next_call_is_right(place, three_threads):
    x = np.ones(SHARED)
    x[place] = 0.0
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        pooled(np.divide)(1.0, x)
    x[place] = 2.0
    assert pooled(np.divide)(1.0, x)[place] == 0.5


@pytest.mark.parametrize("place", [0, -1], ids=["mine", "another's"])
def test_a_warning_of_any_part_is_seen_or_silenced_as_the_caller_has_said(place, three_threads):
    x = np.ones(SHARED)
    x[place] = 0.0
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        pooled(np.divide)(1.0, x)
    with np.errstate(divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        pooled(np.divide)(1.0, x)


def test_gradients_from_many_threads_share_their_work_and_are_right(three_threads):
    def f(x):
        return np.sum(np.sin(x) * np.exp(-x * x) / (1 + x * x))

    points = [np.linspace(0, 1 + k, SHARED) for k in range(6)]
    found = [None] * 6

    def work(k):
        found[k] = db.gradient(f)(points[k])

    running = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    THREADS.number = 1
    assert all(np.array_equal(found[k], db.gradient(f)(points[k])) for k in range(6))


def test_a_forked_process_starts_threads_of_its_own(three_threads):
    x = np.linspace(1, 2, SHARED)
    expected = pooled(np.log)(x)
    sent, ending = run_apart(lambda send: send(pooled(np.log)(x).tobytes()), seconds=60, megabytes=1000)
    assert (ending.status, sent) == ("done", [expected.tobytes()])


def test_nothing_holds_the_arrays_when_the_work_is_done(three_threads):
    pooled(np.sin)(np.ones(SHARED))
    assert not db.memory.POOL._lent


@pytest.mark.parametrize(("length", "most", "parts"), [(1, 9, 1), (10, 1, 1), (10, 2, 2), (10, 9, 4), (3, 9, 3)])
def test_there_are_no_more_parts_than_threads_and_than_are_worth_it(length, most, parts):
    bounds = []
    Threads(4).share(lambda *bound: bounds.append(bound), length, most)
    assert len(bounds) == parts
    assert sorted(i for bound in bounds for i in range(*bound)) == list(range(length))


def test_no_thread_is_started_before_there_is_work_for_it():
    threads = Threads(4)
    threads.share(lambda *bound: None, 10, 1)
    assert threads.running == 1


@pytest.mark.parametrize(("said", "number"), [("3", 3), ("2,1", 2), (" 4 ", 4)])
def test_the_number_of_threads_is_what_omp_num_threads_says(said, number, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert processors() == number


@pytest.mark.parametrize("said", ["", "0", "many"])
def test_without_a_number_there_is_a_thread_for_each_processor(said, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert processors() == available

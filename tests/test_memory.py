"""The memory pool: a loan lasts as long as any view of it, and what users get is theirs alone."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest

import diffbench as db
from diffbench.large_arrays import pooled
from diffbench.memory import LIMIT, POOL, SMALLEST, Pool

N = SMALLEST // 8 + 1  # entries of the smallest float64 arrays that are lent


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    """What is there already, such as libraries of other tests, need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def empty_pool(quick_collections):
    """Each test starts and ends with a pool that holds nothing."""
    gc.collect()
    POOL.clear()
    yield
    POOL.clear()


def borrow(pool, count=N, dtype=float):
    dtype = np.dtype(dtype)
    return pool.empty((count,), dtype, count * dtype.itemsize)


def free_pieces(pool):
    return sum(map(len, pool.free.values()))


# -- loans -------------------------------------------------------------------------------------------------------------


def test_memory_comes_back_when_its_array_dies_and_is_lent_again():
    pool = Pool()
    array = borrow(pool)
    address = array.ctypes.data
    assert free_pieces(pool) == 0
    del array
    assert free_pieces(pool) == 1
    assert borrow(pool).ctypes.data == address


def test_two_living_arrays_never_share_memory():
    pool = Pool()
    arrays = [borrow(pool) for _ in range(5)]
    assert len({array.ctypes.data for array in arrays}) == 5


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[1:],
        lambda a: a.reshape(-1, 1),
        lambda a: a[::2].T,
        lambda a: np.broadcast_to(a, (2, len(a))),
        lambda a: a.view(np.uint8),
        lambda a: memoryview(a),
        lambda a: np.asarray(memoryview(a)),
    ],
    ids=["slice", "reshape", "transpose", "broadcast", "bytes", "memoryview", "round trip"],
)
def test_a_view_keeps_the_loan(view):
    pool = Pool()
    array = borrow(pool)
    kept = view(array)
    del array
    assert free_pieces(pool) == 0
    del kept
    assert free_pieces(pool) == 1


def test_pieces_are_lent_by_their_size_in_bytes_whatever_dtype_and_shape():
    pool = Pool()
    array = borrow(pool, N, np.float64)
    address = array.ctypes.data
    del array
    assert borrow(pool, N + 1, np.float64).ctypes.data != address
    assert borrow(pool, 2 * N, np.float32).ctypes.data == address


def test_the_pool_keeps_no_more_than_its_limit():
    pool = Pool()
    count = LIMIT // 8 // 4
    arrays = [borrow(pool, count) for _ in range(6)]
    del arrays
    assert sum(size * len(pieces) for size, pieces in pool.free.items()) <= LIMIT
    assert free_pieces(pool) == 4


def test_clear_gives_memory_back_and_leaves_loans_alone():
    pool = Pool()
    lent, returned = borrow(pool), borrow(pool)
    del returned
    pool.clear()
    lent[:] = 1.0
    assert free_pieces(pool) == 0
    assert np.all(lent == 1.0)


# -- ufuncs that write into lent memory --------------------------------------------------------------------------------


def test_small_arrays_are_left_to_numpy():
    pooled(np.sin)(np.ones(8))
    gc.collect()
    assert free_pieces(POOL) == 0


def test_large_temporaries_use_the_pool():
    temporary = pooled(np.sin)(np.ones(N))
    assert is_lent(temporary)
    del temporary
    assert free_pieces(POOL) == 1


# -- what users get ----------------------------------------------------------------------------------------------------


def owner(array):
    """What the memory of an array belongs to in the end."""
    while isinstance(array, np.ndarray) and array.base is not None:
        array = array.base
    return array


def is_lent(array):
    return type(owner(array)) is not np.ndarray


def chain(x):
    return np.sum(np.sin(x) * np.exp(-x * x) / (1 + x * x))


def entries(x):
    return np.tanh(x) * x


LARGE = np.linspace(-1.0, 1.0, 2 * N)


V = np.ones_like(LARGE)
CALLS = {
    "gradient": lambda: db.gradient(chain)(LARGE),
    "value_and_gradient": lambda: db.value_and_gradient(chain)(LARGE)[1],
    "jvp, forward": lambda: db.jvp(entries, backend="forward")(LARGE, V),
    "jvp, reverse": lambda: db.jvp(entries, backend="reverse")(LARGE, V),
    "vjp": lambda: db.vjp(entries)(LARGE, V),
    "hvp, auto": lambda: db.hvp(chain)(LARGE, V),
    "hvp, reverse": lambda: db.hvp(chain, backend="reverse")(LARGE, V),
    "value of linearize": lambda: db.linearize(entries)(LARGE)[0],
    "push": lambda: db.linearize(entries)(LARGE)[1](V),
    "push, reverse": lambda: db.linearize(entries, backend="reverse")(LARGE)[1](V),
    "value of pullback": lambda: db.pullback(entries)(LARGE)[0],
    "pull": lambda: db.pullback(entries)(LARGE)[1](V),
    "elementwise_derivative": lambda: db.elementwise_derivative(entries)(LARGE),
    "jvp of a batch": lambda: db.jvp(entries, batch=True)(LARGE, V[None]),
    "vjp of a batch": lambda: db.vjp(entries, batch=True)(LARGE, V[None]),
    "gradient in a dict": lambda: db.gradient(lambda p: np.sum(p["a"] * p["a"]))({"a": LARGE})["a"],
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_results_belong_to_the_user_alone(call):
    first = call()
    expected = first.copy()
    again = call()
    again[...] = np.nan
    assert first.flags.writeable
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(call(), expected)


def test_results_keep_their_numbers_while_others_are_computed():
    kept = [db.gradient(chain)(LARGE + k) for k in range(3)]
    again = [db.gradient(chain)(LARGE + k) for k in range(3)]
    assert all(np.array_equal(a, b) for a, b in zip(kept, again, strict=True))
    assert len({a.ctypes.data for a in kept + again}) == 6


def test_what_f_keeps_of_its_temporaries_stays_as_it_is():
    """Even plain values that f takes out of the trace are not overwritten by a later use of their memory."""
    kept = []

    def f(x):
        kept.append(db.primal(np.sin(x)))
        return np.sum(np.sin(x) * x)

    for _ in range(3):
        db.gradient(f)(LARGE)
    assert all(np.array_equal(array, np.sin(LARGE)) for array in kept)


def test_nothing_stays_lent_after_a_derivative():
    for verb in (db.gradient, db.value_and_gradient):
        verb(chain)(LARGE)
    gc.collect()
    assert not POOL._lent


def test_linear_maps_keep_what_they_need_until_they_die():
    _, pull = db.pullback(entries)(LARGE)
    first = pull(np.ones_like(LARGE))
    for _ in range(3):
        db.gradient(chain)(LARGE)
    assert np.array_equal(pull(np.ones_like(LARGE)), first)
    del pull, first
    gc.collect()
    assert not POOL._lent


def test_threads_borrow_from_the_same_pool_without_harm():
    expected = [db.gradient(chain)(LARGE + k) for k in range(4)]
    wrong = []

    def work(k):
        wrong.extend(k for _ in range(15) if not np.array_equal(db.gradient(chain)(LARGE + k), expected[k]))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("function", [np.sin, np.exp, np.tanh, np.square], ids=lambda f: f.__name__)
@pytest.mark.parametrize("length", [5, 20])
def test_a_chain_of_operations_on_a_large_array_remembers_one_array_an_operation(function, length):
    x = np.linspace(0.0, 0.1, 2**17)  # one megabyte

    def chain(x):
        for _ in range(length):
            x = function(x)
        return np.sum(x)

    POOL.clear()
    tracemalloc.start()
    db.gradient(chain)(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (length + 3) * x.nbytes

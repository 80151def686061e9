"""Laws that hold for all shapes, indices and subscripts, on examples that hypothesis looks for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import diffbench as db
from diffbench.primitives.arrays import unbroadcast

laws = settings(max_examples=60, deadline=None)
shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)
seeds = st.integers(0, 2**32 - 1)


def random(shape, seed):
    return np.random.default_rng(seed).uniform(-2, 2, shape)


def assert_transposes(f, point, seed):
    """Forward and reverse mode at a point agree: ⟨u, J v⟩ = ⟨uᵀ J, v⟩."""
    argnums = tuple(range(len(point)))
    directions = tuple(random(np.shape(x), seed + 1 + i) for i, x in enumerate(point))
    y_dot = np.asarray(db.jvp(f, argnum=argnums, backend="forward")(*point, directions))
    u = random(y_dot.shape, seed)[()]
    pulled = db.vjp(f, argnum=argnums, backend="reverse")(*point, u)
    expected = sum(np.sum(x_bar * x_dot) for x_bar, x_dot in zip(pulled, directions))
    np.testing.assert_allclose(np.sum(u * y_dot), expected, rtol=1e-11, atol=1e-11)


@laws
@given(st.data(), shapes, seeds)
def test_indexing_is_linear_and_its_transpose_puts_entries_back(data, shape, seed):
    index = data.draw(st.one_of(hnp.basic_indices(shape, allow_newaxis=True), fancy_indices(shape)))
    x = random(shape, seed)
    assert_transposes(lambda x: x[index] * 1.0, (x,), seed)
    counted = np.zeros(shape)
    np.add.at(counted, index, 1.0)
    np.testing.assert_array_equal(db.gradient(lambda x: np.sum(x[index]), backend="reverse")(x), counted)


def fancy_indices(shape):
    """Integer arrays for the first axis, masks of the whole array."""
    masks = hnp.arrays(bool, shape)
    if not shape or not shape[0]:
        return masks
    return st.one_of(masks, hnp.arrays(int, st.integers(0, 6), elements=st.integers(-shape[0], shape[0] - 1)))


@laws
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), seeds)
def test_unbroadcast_is_the_transpose_of_broadcast(broadcast, seed):
    (shape, _), whole = broadcast.input_shapes, broadcast.result_shape
    x, u = random(shape, seed), random(whole, seed + 1)
    np.testing.assert_allclose(np.sum(np.broadcast_to(x, whole) * u), np.sum(x * unbroadcast(u, shape)), atol=1e-12)
    assert np.shape(unbroadcast(u, shape)) == shape


@laws
@given(hnp.mutually_broadcastable_shapes(signature="(n?,k),(k,m?)->(n?,m?)", max_dims=2, max_side=3), seeds)
def test_matmul_in_all_its_shapes(broadcast, seed):
    a, b = (random(shape, seed + i) for i, shape in enumerate(broadcast.input_shapes))
    assert_transposes(np.matmul, (a, b), seed)


@laws
@given(st.data(), seeds)
def test_einsum_with_any_subscripts(data, seed):
    sizes = dict(zip("ijkl", data.draw(st.lists(st.integers(1, 3), min_size=4, max_size=4))))
    terms = data.draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=3))
    letters = sorted(set("".join(terms)))
    output = "".join(data.draw(st.lists(st.sampled_from(letters), unique=True))) if letters else ""
    subscripts = f"{','.join(terms)}->{output}"
    point = tuple(random(tuple(sizes[letter] for letter in term), seed + i) for i, term in enumerate(terms))
    assert_transposes(lambda *operands: np.einsum(subscripts, *operands), point, seed)


@laws
@given(st.data(), seeds)
def test_einsum_without_arrow_and_with_ellipsis_has_numpys_value(data, seed):
    extra = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3))
    a, b = random((*extra.input_shapes[0], 2, 3), seed), random((*extra.input_shapes[1], 3), seed + 1)
    traced, _ = db.linearize(lambda a, b: np.einsum("...ij,...j", a, b), argnum=(0, 1), backend="forward")(a, b)
    np.testing.assert_allclose(traced, np.einsum("...ij,...j", a, b), rtol=1e-13, atol=1e-14)
    assert_transposes(lambda a, b: np.einsum("...ij,...j", a, b), (a, b), seed)


@laws
@given(hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=4), elements=st.integers(-2, 2)), st.data())
def test_the_slope_of_a_product_is_the_product_of_the_others(x, data):
    """Small integers: many zeros, and exact arithmetic."""
    axis = data.draw(st.sampled_from([None, *range(x.ndim)]))
    found = db.gradient(lambda x: np.sum(np.prod(x, axis=axis)), backend="reverse")(x)
    for index in np.ndindex(x.shape):
        other = x.copy()
        other[index] = 1
        line = other if axis is None else other[tuple(slice(None) if k == axis else i for k, i in enumerate(index))]
        assert found[index] == np.prod(line)


@laws
@given(hnp.arrays(float, hnp.array_shapes(max_dims=2, max_side=4), elements=st.integers(-2, 2)), st.data())
def test_the_shares_of_an_extremum_sum_to_one(x, data):
    axis = data.draw(st.sampled_from([None, *range(x.ndim)]))
    shares = db.gradient(lambda x: np.sum(np.max(x, axis=axis)), backend="reverse")(x)
    np.testing.assert_allclose(np.sum(shares, axis=axis), 1.0, rtol=1e-15)
    assert np.all((shares > 0) == (x == np.max(x, axis=axis, keepdims=True)))

"""The two sweeps: the numbers of the engines to the last bit, every term and message, and the order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffbench as db
from diffbench.errors import DirectionError
from diffbench.lecture.autograd_view import toposort
from diffbench.problems import problems
from diffbench.structure import flatten, map_leaves

each_problem = pytest.mark.parametrize("problem", problems(), ids=lambda p: p.name)


def two_results(x1, x2):
    v1 = x1 * x2
    v2 = np.log(x2)
    return np.sin(v1), v1 + v2


def same(a, b):
    """Whether two structures hold the same bits."""
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(flatten(a)[0], flatten(b)[0], strict=True))


def ones(tree):
    return map_leaves(lambda x: np.ones_like(x, dtype=float)[()], tree)


def inputs_of(problem):
    argnums = problem.argnum if isinstance(problem.argnum, tuple) else (problem.argnum,)
    given = tuple(problem.point()[k] for k in argnums)
    return given if isinstance(problem.argnum, tuple) else given[0]


@each_problem
def test_adjoints_are_those_of_reverse_mode_to_the_last_bit(problem):
    args = problem.point()
    walk = db.trace(problem.function, *args, argnum=problem.argnum)
    seed = ones(walk.value)
    adjoints = {pulled.step: pulled.adjoint for pulled in walk.reverse_steps(seed)}
    expected = db.vjp(problem.function, argnum=problem.argnum, backend="reverse")(*args, seed)
    assert same([adjoints[place] for place in walk.inputs], flatten(expected)[0])


@each_problem
def test_tangents_are_those_of_forward_mode_to_the_last_bit(problem):
    args, seed = problem.point(), ones(inputs_of(problem))
    walk = db.trace(problem.function, *args, argnum=problem.argnum)
    tangents = [walk.forward_steps(seed)[place].tangent for place in walk.results]
    expected = db.jvp(problem.function, argnum=problem.argnum, backend="forward")(*args, seed)
    assert same(tangents, flatten(expected)[0])


def test_terms_add_up_to_the_tangent():
    pushed = db.trace(two_results, 2.0, 3.0).forward_steps((1.0, 10.0))[2]
    assert [(t.parent, t.partial, t.parent_tangent, t.value) for t in pushed.terms] == [
        (0, "x2", 1.0, 3.0),
        (1, "x1", 10.0, 20.0),
    ]
    assert pushed.tangent == 23.0


def test_messages_say_to_whom_by_what_and_how_much():
    walk = db.trace(two_results, 2.0, 3.0)
    pulled = next(pulled for pulled in walk.reverse_steps((1, 0)) if pulled.step == 2)
    assert [(m.parent, m.partial, m.value) for m in pulled.messages] == [
        (0, "x2", 3 * np.cos(6)),
        (1, "x1", 2 * np.cos(6)),
    ]


def test_fan_out_accumulates():
    (_, at_input) = db.trace(lambda x: x * x, 3.0).reverse_steps()
    assert at_input.adjoint == 6.0


def test_steps_that_no_result_needs_receive_nothing():
    def f(x):
        unused = np.sin(x)
        return x * 2 + 0 * db.primal(unused)

    walk = db.trace(f, 1.0)
    assert walk["unused"].index not in {pulled.step for pulled in walk.reverse_steps()}


def test_an_unused_input_has_the_adjoint_zero():
    adjoints = {p.step: p.adjoint for p in db.trace(lambda a, b: a * 2, 1.0, np.ones(2)).reverse_steps()}
    assert adjoints[1].tolist() == [0.0, 0.0]


def test_a_branch_that_where_does_not_take_carries_nothing():
    with np.errstate(all="ignore"):
        walk = db.trace(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), np.array([0.0, 2.0]))
        assert walk.reverse_steps()[-1].adjoint.tolist() == [0.0, 0.5]


@given(
    st.lists(st.sampled_from(["a*b", "a+b", "sin(a)", "a-b", "a/(b*b+1)", "exp(b)"]), min_size=1, max_size=12),
    st.data(),
)
@settings(max_examples=25, deadline=None)
def test_every_step_comes_once_and_after_all_its_children(operations, data):
    """The child-count algorithm of Autograd finds the same steps as the list read backward, each after its children."""

    def f(x1, x2):
        values = [x1, x2]
        for operation in operations:
            a, b = (values[data.draw(st.integers(0, len(values) - 1))] for _ in range(2))
            values.append(eval(operation, {"a": a, "b": b, "sin": np.sin, "exp": lambda x: np.exp(np.sin(x))}))
        return values[-1]

    with np.errstate(all="ignore"):
        walk = db.trace(f, 1.5, 2.5)
    order = [step.index for step in toposort(walk, walk.results[0])]
    place = {index: k for k, index in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[index] < place[parent] for index in order for parent in walk.steps[index].parents)
    reached = {p.step for p in walk.reverse_steps()}
    assert set(order) <= reached <= set(order) | set(walk.inputs)


@pytest.mark.parametrize("seed", [None, 1.0, (1.0,), (1.0, 2.0, 3.0), ([1.0], 2.0)])
def test_a_seed_that_does_not_look_like_the_arguments_is_refused(seed):
    with pytest.raises(DirectionError):
        db.trace(two_results, 2.0, 3.0).forward_steps(seed)


@pytest.mark.parametrize("seed", [None, 1.0, (1.0,), {"a": 1.0}])
def test_a_seed_that_does_not_look_like_the_result_is_refused(seed):
    with pytest.raises(DirectionError):
        db.trace(two_results, 2.0, 3.0).reverse_steps(seed)

"""db.trace: which steps, in which order, under which names, and what each of them knows."""

import numpy as np
import pytest

import diffbench as db
from diffbench.errors import ArgumentError, TraceLost, UnknownName
from diffbench.lecture.names import argument_names


def two_results(x1, x2):
    v1 = x1 * x2
    v2 = np.log(x2)
    return np.sin(v1), v1 + v2


def loop(x, n):
    for _ in range(n):
        x = 4 * x * (1 - x)
    return x


def formulas(walk):
    return [step.formula for step in walk.steps]


def names(walk):
    return [step.name for step in walk.steps]


# -- steps -------------------------------------------------------------------------------------------------------------


def test_steps_stand_in_the_order_of_execution():
    walk = db.trace(two_results, 2.0, 3.0)
    assert formulas(walk) == ["x1", "x2", "v1 = x1 * x2", "v2 = log(x2)", "y1 = sin(v1)", "y2 = v1 + v2"]


def test_inputs_and_results_are_known_by_their_places():
    walk = db.trace(two_results, 2.0, 3.0)
    assert walk.inputs == [0, 1]
    assert walk.results == [4, 5]
    assert [step.is_result for step in walk.steps] == [False] * 4 + [True] * 2


def test_values_are_those_of_f():
    walk = db.trace(two_results, 2.0, 3.0)
    assert walk.value == two_results(2.0, 3.0)


def test_a_step_knows_its_local_derivatives_in_symbols_and_numbers():
    partials = db.trace(two_results, 2.0, 3.0)["y1"].partials
    assert [(p.parent, p.text, p.value) for p in partials] == [(2, "cos(v1)", np.cos(6.0))]


def test_a_step_knows_the_line_it_comes_from():
    where = db.trace(two_results, 2.0, 3.0)["v2"].where
    assert where.text == "v2 = np.log(x2)"
    assert where.function == "two_results"
    assert where.file == __file__


def test_integers_given_as_numbers_are_floats():
    assert db.trace(two_results, 2, 3)["v1"].value == 6.0


def test_data_dependent_control_flow_shows_the_path_taken():
    def f(x):
        return x * x if x > 1 else -x

    assert [step.primitive for step in db.trace(f, 2.0).steps] == ["", "*"]
    assert [step.primitive for step in db.trace(f, 0.5).steps] == ["", "-"]


def test_comparisons_are_kept_with_their_outcome():
    def f(x):
        y = x * x
        while y < 10:
            y = y * y
        return y

    decisions = db.trace(f, 2.0).decisions
    assert [(d.text, d.outcome, d.after) for d in decisions] == [("y_1 < 10", True, 2), ("y_2 < 10", False, 3)]


def test_a_linear_map_has_a_text_and_no_number():
    (partial,) = db.trace(lambda x: np.sum(x), np.ones(3))["y"].partials
    assert (partial.text, partial.value) == ("sum(·)", None)


def test_operands_are_steps_or_constants():
    weights = np.ones((2, 3))
    operands = db.trace(lambda x: weights @ x, np.ones(3))["y"].operands
    assert [(x.step, x.text) for x in operands] == [(None, "weights"), (0, "x")]


def test_an_entry_of_an_input_is_one_step_however_often_it_is_read():
    walk = db.trace(lambda x: x[0] * x[1] + x[0], np.array([2.0, 3.0]))
    assert names(walk) == ["x", "x[0]", "x[1]", "v1", "y"]


def test_assignment_leaves_the_value_before_it_as_it_was():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[1]
        y[1] = x[0] * y[0]
        return np.sum(y)

    walk = db.trace(f, np.array([2.0, 3.0]))
    assigned = [step.value.tolist() for step in walk.steps if step.primitive == "[] ="]
    assert assigned == [[3.0, 0.0], [3.0, 6.0]]


def test_an_array_that_f_changes_afterwards_is_remembered_as_it_was():
    def f(x):
        weights = np.ones(2)
        y = weights * x
        weights[:] = 7.0
        return np.sum(y * weights)

    walk = db.trace(f, np.ones(2))
    constants = [x.value.tolist() for step in walk.steps for x in step.operands if x.step is None]
    assert constants == [[1.0, 1.0], [7.0, 7.0]]


def test_a_result_that_depends_on_nothing_is_a_step_too():
    walk = db.trace(lambda x: (2 * x, 5.0), 1.0)
    assert walk.steps[walk.results[1]].formula == "y2 = 5.0"


def test_an_input_can_be_a_result():
    walk = db.trace(lambda x: (x, x * x), 3.0)
    assert walk.results == [0, 1]


def test_an_inner_derivative_is_on_the_list_of_the_outer_program():
    walk = db.trace(lambda x: db.gradient(lambda y: x * y**2)(x), 3.0)
    assert walk.value == 18.0
    assert walk.forward_steps(1.0)[-1].tangent == 12.0


# -- names -------------------------------------------------------------------------------------------------------------


def test_a_variable_that_is_assigned_once_gives_its_name():
    def f(a, b):
        c = a * b
        d = e = np.log(c)
        return d + (g := c * e)  # noqa: F841

    assert names(db.trace(f, 2.0, 3.0)) == ["a", "b", "c", "d", "g", "y"]


def test_a_variable_of_a_loop_is_numbered():
    walk = db.trace(loop, 0.2, 2, argnum=0)
    assert names(walk) == ["x", "v1", "v2", "x_1", "v3", "v4", "x_2"]
    assert [step.label for step in walk.steps] == [None, None, None, "x", None, None, "x"]


def test_letters_that_the_user_has_are_left_to_the_user():
    assert names(db.trace(lambda v, y: np.sin(v * y), 1.0, 2.0)) == ["v", "y", "t1", "r"]


def test_one_call_made_of_several_steps_names_only_the_last():
    def f(x):
        spread = np.var(x)
        return spread  # noqa: RET504  (the variable names the step)

    walk = db.trace(f, np.array([1.0, 2.0]))
    assert [step.name for step in walk.steps if step.label] == ["spread"]
    assert walk.steps[-1].name == "spread"


def test_names_are_unique():
    walk = db.trace(lambda x: loop(x[0], 5) + loop(x[1], 5), np.array([0.1, 0.2]))
    assert len(set(names(walk))) == len(walk.steps)


def test_leaves_of_containers_are_named_by_their_way():
    walk = db.trace(lambda p: p["w"] * p["b"][1], {"w": 2.0, "b": [1.0, 3.0]})
    assert names(walk)[:3] == ["p['w']", "p['b'][0]", "p['b'][1]"]


@pytest.mark.parametrize(
    ("f", "expected"),
    [(lambda *xs: 0, ["xs[0]", "xs[1]"]), (lambda a, b=1, *, c=2: 0, ["a", "b"]), (max, ["x1", "x2"])],
)
def test_arguments_are_named_by_the_signature(f, expected):
    assert argument_names(f, (1.0, 2.0)) == expected


# -- what cannot be traced ---------------------------------------------------------------------------------------------


def test_an_integer_that_counts_must_be_left_out():
    with pytest.raises(TraceLost, match="argnum=0"):
        db.trace(loop, 0.2, 3)


def test_text_and_flags_are_no_inputs():
    walk = db.trace(lambda x, how, flag: x * 2 if flag and how else x, 3.0, "so", True)
    assert names(walk) == ["x", "y"]


@pytest.mark.parametrize(("argnum", "said"), [(None, "can be an input"), (1, "argnum=1"), ((), "names no argument")])
def test_something_must_be_an_input(argnum, said):
    with pytest.raises(ArgumentError, match=said):
        db.trace(lambda x: x, "text", argnum=argnum)


def test_a_name_that_no_step_has_gets_a_suggestion():
    walk = db.trace(lambda first, second: first * second, 2.0, 3.0)
    assert walk["first"] is walk[np.int64(0)]
    with pytest.raises(UnknownName, match="did you mean 'second'"):
        walk["secnd"]


def test_what_an_outer_derivative_traces_is_an_input_as_its_numbers_are():
    def doubled_slopes(x):
        adjoint = db.trace(lambda y: np.sum(y**3), x).reverse_steps()[-1].adjoint
        return np.sum(2 * adjoint)

    x = np.array([0.5, 1.5])
    assert db.gradient(doubled_slopes)(x).tolist() == (12 * x).tolist()


def test_f_must_be_a_function():
    with pytest.raises(ArgumentError, match="must be a function"):
        db.trace(3.0, 2.0)


def test_an_exception_of_f_comes_out_unchanged():
    def f(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        db.trace(f, 1.0)


def test_a_value_that_outlives_the_trace_is_refused():
    kept = []
    db.trace(lambda x: kept.append(x) or x * 2, 1.0)
    with pytest.raises(TraceLost, match="already been computed"):
        np.sin(kept[0])

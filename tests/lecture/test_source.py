"""Derivatives as code: programs that run, and give the numbers of the engines to the last bit."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

import diffbench as db
from diffbench.errors import ArgumentError, UnsupportedVerb
from diffbench.problems import problems
from diffbench.short_way import OF_TWO
from diffbench.structure import flatten
from tests.lecture.test_sweeps import inputs_of, ones, same
from tests.primitives.examples import EXAMPLES
from tests.test_random_programs import programs, vectors
from tests.test_random_programs import run as random_program

REAL = {e.row: e for e in reversed(EXAMPLES) if "fft" not in e.name and "j" not in e.name.split("(")[-1]}
each_problem = pytest.mark.parametrize("problem", problems(), ids=lambda p: p.name)


def run(walk, mode, *args):
    """What the program of a trace gives."""
    namespace = dict(walk.constants)
    exec(walk.source(mode), namespace)
    name = "f" if walk.name == "<lambda>" else walk.name
    return namespace[f"{name}_{mode}"](*args)


@each_problem
def test_the_reverse_program_of_a_problem_gives_the_gradient_to_the_last_bit(problem):
    args, point = problem.point(), inputs_of(problem)
    walk = db.trace(problem.function, *args, argnum=problem.argnum)
    seed = ones(walk.value)
    value, gradient = run(walk, "reverse", *(point if isinstance(problem.argnum, tuple) else (point,)), seed)
    expected = db.vjp(problem.function, argnum=problem.argnum, backend="reverse")(*args, seed)
    assert same(value, problem.function(*args))
    assert same(gradient, expected)


@each_problem
def test_the_forward_program_of_a_problem_gives_the_tangent_to_the_last_bit(problem):
    args, point = problem.point(), inputs_of(problem)
    walk = db.trace(problem.function, *args, argnum=problem.argnum)
    seed = ones(point)
    given = (*point, *seed) if isinstance(problem.argnum, tuple) else (point, seed)
    value, tangent = run(walk, "forward", *given)
    expected = db.jvp(problem.function, argnum=problem.argnum, backend="forward")(*args, seed)
    assert same(value, problem.function(*args))
    assert same(tangent, expected)


NUMBERS = {
    "one, the other a constant": (lambda f: lambda x: f(x, 1.5) * x, (0.7,)),
    "the other, one a constant": (lambda f: lambda x: f(1.5, x) * x, (0.7,)),
    "both": (lambda f: lambda x, y: f(x, y) * x, (0.7, 0.4)),
}


@pytest.mark.parametrize(("of", "point"), NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("f", OF_TWO, ids=lambda f: f.__name__)
def test_programs_of_functions_of_two_numbers_know_both(f, of, point):
    program = of(f)
    walk = db.trace(program, *point)
    value, *gradient = run(walk, "reverse", *point)
    found = gradient[0] if isinstance(gradient[0], tuple) else tuple(gradient)
    assert value == program(*point)
    assert found == db.gradient(program, argnum=tuple(range(len(point))))(*point)


@pytest.mark.parametrize("example", REAL.values(), ids=lambda e: e.name.removeprefix("numpy."))
def test_programs_of_every_row_of_the_table_give_the_bits_of_the_engines(example):
    walk = db.trace(example.f, *example.point, argnum=example.argnums)
    if any(np.iscomplexobj(step.value) for step in walk.steps):
        pytest.skip("complex on the way")
    weights, direction = example.weights(1), example.direction(2)
    pulled = db.vjp(example.f, argnum=example.argnums, backend="reverse")(*example.point, weights)
    pushed = db.jvp(example.f, argnum=example.argnums, backend="forward")(*example.point, direction)
    _, gradient = run(walk, "reverse", *example.point, weights)
    assert same(gradient if len(example.point) > 1 else (gradient,), pulled)
    assert same(run(walk, "forward", *example.point, *direction)[1], pushed)
    assert same(run(walk, "value", *example.point), walk.value)


def logistic(x):
    for _ in range(3):
        x = 4 * x * (1 - x)
    return x


def test_a_program_holds_at_other_points_of_the_same_path():
    walk = db.trace(logistic, 0.2)
    assert run(walk, "reverse", 0.7)[1] == db.gradient(logistic, backend="reverse")(0.7)


def test_each_adjoint_line_says_its_primal_line():
    lines = db.trace(lambda a, b: np.sin(a) * b, 2.0, 3.0).source().splitlines()
    adjoints = [line.split("#") for line in lines if "_bar = " in line]
    assert [comment.strip() for _, comment in adjoints] == ["y = v1 * b", "y = v1 * b", "v1 = sin(a)"]


def test_a_program_that_reads_itself_needs_only_numpy():
    text = db.trace(logistic, 0.2).source()
    assert [line for line in text.splitlines() if "import" in line] == ["import numpy as np"]


def test_entries_are_added_in_place():
    text = db.trace(lambda x: x[0] * x[1], np.array([2.0, 3.0])).source()
    assert "x_bar[0] += x_0_bar" in text


def filled(x, start):
    y = np.zeros_like(x)
    y[0] = start * x[0]
    for k in range(1, len(x)):
        y[k] = x[k] ** 2 * y[k - 1]
    y[:2] = y[1:3]
    y += x
    return np.sum(y * y)


def test_assignments_are_assignments_in_the_program():
    x = np.array([0.5, 1.5, 2.5])
    walk = db.trace(filled, x, 2.0)
    assert run(walk, "value", x, 2.0) == filled(x, 2.0)
    assert same(run(walk, "reverse", x, 2.0)[1], db.gradient(filled, argnum=(0, 1), backend="reverse")(x, 2.0))
    pushed = db.jvp(filled, argnum=(0, 1), backend="forward")(x, 2.0, (np.ones(3), 1.0))
    assert run(walk, "forward", x, 2.0, np.ones(3), 1.0)[1] == pushed
    assert "vjp(" not in walk.source()


def test_a_view_that_was_an_operand_before_it_was_assigned_to_is_remembered_as_it_was():
    def f(x):
        y = 1.0 * x
        rest = y[1:]
        rest *= x[0]
        return y

    x, ones = np.array([3.0, 5.0, 7.0]), np.ones(3)
    walk = db.trace(f, x)
    assert run(walk, "forward", x, ones)[1].tolist() == [1.0, 3.0 + 5.0, 3.0 + 7.0]
    assert run(walk, "reverse", x, ones)[1].tolist() == [1.0 + 5.0 + 7.0, 3.0, 3.0]
    assert len(walk.operation_counts())


def test_names_that_are_no_identifiers_are_made_so():
    walk = db.trace(lambda p: p["w"] * p["lambda"], {"w": 2.0, "lambda": 3.0})
    _, gradient = run(walk, "reverse", {"w": 2.0, "lambda": 3.0})
    assert gradient == {"w": 3.0, "lambda": 2.0}


def test_a_seed_never_meets_an_argument_of_its_name():
    def f(y, y_bar, seed, np_):
        return (y * y_bar * seed, np_)

    _, gradient = run(db.trace(f, 2.0, 3.0, 5.0, 7.0), "reverse", 2.0, 3.0, 5.0, 7.0, (1.0, 1.0))
    assert gradient == (15.0, 10.0, 6.0, 1.0)


def test_an_argument_called_np_does_not_hide_numpy():
    assert run(db.trace(lambda np: np**0.5, 4.0), "reverse", 4.0) == (2.0, 0.25)


def test_large_constants_come_from_outside():
    data = np.linspace(0.0, 1.0, 500)
    walk = db.trace(lambda x: np.sum(data * x), np.ones(500))
    assert list(walk.constants) == ["data"]
    assert len(walk.source()) < 1000
    assert run(walk, "reverse", np.ones(500))[1].tolist() == data.tolist()


def test_a_changed_constant_is_another_constant():
    def f(x):
        weights = np.array([1.0, 2.0])
        y = weights * x
        weights *= 10
        return np.sum(y * weights)

    walk = db.trace(f, np.ones(2))
    assert run(walk, "reverse", np.ones(2))[1].tolist() == [10.0, 40.0]


@dataclasses.dataclass
class Point:
    x: float
    y: float


def test_dataclasses_are_taken_apart_by_their_fields():
    _, gradient = run(db.trace(lambda p: p.x * p.y, Point(2.0, 3.0)), "reverse", Point(2.0, 3.0))
    assert gradient == (3.0, 2.0)


def test_float32_stays_float32():
    x = np.array([1.5, 2.5], np.float32)
    _, gradient = run(db.trace(lambda x: np.sum(np.sqrt(x) * x[0]), x), "reverse", x)
    assert gradient.dtype == np.float32
    assert same(gradient, db.gradient(lambda x: np.sum(np.sqrt(x) * x[0]), backend="reverse")(x))


def of_two_precisions(x, factor):
    weights = np.array([[1.1, 0.3, -0.7], [0.2, 1.3, 0.9]])
    y = np.zeros_like(x)
    y[1:] = weights @ x * np.float64(0.1)
    y[0] = x[0] * factor * x[1]
    return np.sum(np.sin(y) * weights[0]), x * factor + y, x[2] * np.float64(1.7)


def test_a_program_of_two_precisions_gives_each_derivative_in_its_own():
    x, factor = np.array([0.5, 1.5, 2.5], np.float32), 2.3
    walk = db.trace(of_two_precisions, x, factor)
    seed = np.float64(0.3), np.array([0.1, 0.7, -0.4], np.float32), np.float64(1.1)
    direction = np.array([0.2, -0.3, 0.9], np.float32), np.float64(0.7)
    pulled = db.vjp(of_two_precisions, argnum=(0, 1), backend="reverse")(x, factor, seed)
    pushed = db.jvp(of_two_precisions, argnum=(0, 1), backend="forward")(x, factor, direction)
    adjoints = {pulled.step: pulled.adjoint for pulled in walk.reverse_steps(seed)}
    tangents = [walk.forward_steps(direction)[place].tangent for place in walk.results]
    found = {
        "reverse sweep": ([adjoints[place] for place in walk.inputs], pulled),
        "forward sweep": (tangents, pushed),
        "value": (run(walk, "value", x, factor), of_two_precisions(x, factor)),
        "reverse": (run(walk, "reverse", x, factor, seed)[1], pulled),
        "forward": (run(walk, "forward", x, factor, *direction)[1], pushed),
    }
    for what, (numbers, expected) in found.items():
        assert same(numbers, expected), what
        assert [np.asarray(x).dtype for x in numbers] == [np.asarray(x).dtype for x in expected], what


def test_constants_that_are_not_finite_can_be_written_down():
    def f(x):
        whole = np.where(np.array([True, False, True]), x * np.array([1.0, np.nan, 1.0]), -np.inf)
        return np.nan_to_num(whole, neginf=2.0) * x[0] + np.minimum(x[1], np.float32(np.inf))

    x = np.array([0.5, 1.5, 2.5], np.float32)
    walk = db.trace(f, x)
    assert same(run(walk, "value", x), f(x))
    assert same(run(walk, "reverse", x, np.ones(3))[1], db.vjp(f, backend="reverse")(x, np.ones(3)))


def test_the_operations_of_a_function_that_fills_a_fresh_array_can_be_counted():
    counts = db.trace(filled, np.array([0.5, 1.5, 2.5]), 2.0).operation_counts()
    products, squares, additions = 1 + 2 + 3, 2, 3 + 3
    assert counts["operations"][0] == products + squares + additions


def test_a_slope_that_is_infinite_carries_no_zero():
    def f(x):
        return np.sum(np.where(x > 0, np.sqrt(x), 0.0))

    x = np.array([0.0, 4.0])
    with np.errstate(all="ignore"):
        assert run(db.trace(f, x), "reverse", x)[1].tolist() == [0.0, 0.25]


def test_an_unused_argument_has_a_zero_gradient():
    assert run(db.trace(lambda a, b: a * 2, 1.0, 3.0), "reverse", 1.0, 3.0)[1] == (2.0, 0.0)


def test_modes_are_named():
    with pytest.raises(ArgumentError, match="'forward', 'reverse'"):
        db.trace(logistic, 0.2).source("backward")


def test_complex_numbers_have_no_program():
    with pytest.raises(UnsupportedVerb, match="complex"):
        db.trace(lambda x: np.real(np.exp(1j * x)), 1.0).source()


def test_a_primitive_of_the_users_has_no_program():
    cube = db.primitive(lambda x: x**3, vjp=lambda primals, y, g: (3 * primals[0] ** 2 * g,))
    walk = db.trace(lambda x: cube(x), 2.0)
    with pytest.raises(UnsupportedVerb, match="has no text"):
        walk.source()
    assert flatten(walk.reverse_steps()[-1].adjoint)[0] == [12.0]


@given(programs, vectors, vectors)
@settings(max_examples=25, deadline=None)
def test_programs_of_random_functions_give_the_bits_of_the_engines(steps, x, u):
    f = random_program(steps)
    walk = db.trace(f, x)
    seed = np.resize(u, np.shape(walk.value))[()]
    assert same(run(walk, "reverse", x, seed)[1], db.vjp(f, backend="reverse")(x, seed))
    assert same(run(walk, "forward", x, u)[1], db.jvp(f, backend="forward")(x, u))

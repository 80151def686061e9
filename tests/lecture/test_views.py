"""Autograd's view, operation counts, the lecture's own programs, and the command."""

import numpy as np
import pytest

import diffbench as db
from diffbench.cli import main
from diffbench.errors import UnsupportedPrimitive
from diffbench.lecture.autograd_view import defvjp
from diffbench.lecture.items import ITEMS, item, nested_gradient
from diffbench.problems import problem, problems

NUMBERS = [number for found in ITEMS for number in found.numbers()]


# -- the numbers of the lecture ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{n['item']}-{n['kind']}{n['seed']}-{n['step']}")
def test_the_lectures_number(number):
    assert number["found"] == pytest.approx(number["expected"], rel=1e-8, abs=1e-10)


def test_nested_gradients_keep_perturbations_apart():
    slope, around = nested_gradient(5.0)
    assert slope == 1.0
    assert [kind for _, kind in around] == ["Recorded", "Recorded", "float"]
    assert around[0][0] > around[1][0] > around[2][0]


# -- Autograd ----------------------------------------------------------------------------------------------------------


def test_a_node_has_value_fun_args_kwargs_and_parents():
    nodes = item("logistic").trace().autograd_view()
    assert nodes.columns.tolist() == ["node", "value", "fun", "args", "kwargs", "parents", "vjp"]
    assert nodes["fun"].tolist() == ["", "negative", "exp", "add", "reciprocal"]
    assert nodes["args"].tolist() == [(), ("z",), ("v1",), ("1", "v2"), ("v3",)]
    assert nodes["parents"].tolist() == [[], ["z"], ["v1"], ["v2"], ["v3"]]


def test_keywords_are_those_of_the_call():
    nodes = db.trace(lambda x: np.sum(x, axis=0, keepdims=True), np.ones((2, 3))).autograd_view()
    assert nodes["kwargs"][1] == {"axis": "(0,)", "keepdims": "True"}


def test_the_rules_are_those_of_the_lecture():
    rules = defvjp(np.negative, np.exp, np.log, np.add, np.multiply, np.subtract)
    texts = [rule.partition("lambda g: ")[2] for rule in rules["vjp"]]
    assert texts == [
        "g * (-1)", "g * (ans)", "g * (1 / x)", "unbroadcast(x, g * (1))", "unbroadcast(y, g * (1))",
        "unbroadcast(x, g * (y))", "unbroadcast(y, g * (x))", "unbroadcast(x, g * (1))", "unbroadcast(y, g * (-1))",
    ]  # fmt: skip


def test_a_rule_of_many_lines_is_not_shown_as_one():
    with pytest.raises(UnsupportedPrimitive, match="no rule of a line"):
        defvjp(np.linalg.inv)


# -- operations --------------------------------------------------------------------------------------------------------


def counted(function, *args, **options):
    counts = db.trace(function, *args, **options).operation_counts()
    return dict(zip(counts["program"], counts["operations"]))


def test_a_product_costs_three_more_forward_and_two_more_backward():
    assert counted(lambda a, b: a * b, 2.0, 3.0) == {"value": 1, "forward": 4, "reverse": 3}


@pytest.mark.parametrize("n", [3, 5, 7, 20])
def test_speelpennings_product_needs_3n_minus_6_multiplications_for_its_partials(n):
    """... of the reverse sweep without the seed, beside n - 1 for the value: the seed multiplies twice more."""

    def product(x):
        y = x[0]
        for k in range(1, n):
            y = y * x[k]
        return y

    counts = counted(product, np.linspace(0.5, 1.5, n))
    additions_into_zeros = n
    assert counts["value"] == n - 1
    assert counts["reverse"] - additions_into_zeros == (n - 1) + (3 * n - 6) - (n - 2) + 2


@pytest.mark.parametrize("found", problems(), ids=lambda p: p.name)
def test_problems_keep_the_cheap_gradient_bounds(found):
    counts = db.trace(found.function, *found.point(), argnum=found.argnum).operation_counts()
    assert (counts["ratio"] <= counts["bound"]).all()
    assert not any(counts["not counted"])


@pytest.mark.parametrize("n", [2, 16])
def test_the_gradient_of_n_variables_costs_no_more_per_variable_as_n_grows(n):
    loop = problem("rosenbrock_loop")
    counts = counted(loop.function, *loop.point(n))
    assert counts["reverse"] / counts["value"] <= 3.5


def test_a_matrix_product_counts_multiplications_and_additions():
    weights = np.ones((4, 3))
    assert counted(lambda x: weights @ x, np.ones(3))["value"] == 4 * (3 + 2)


def test_what_cannot_be_counted_is_named():
    counts = db.trace(lambda A: np.sum(np.linalg.inv(A)), np.eye(2)).operation_counts()
    assert counts["not counted"][0] == "linalg.inv"


# -- the command -------------------------------------------------------------------------------------------------------

MODULE = """
import numpy as np
def f(x1, x2):
    v1 = x1 * x2
    return np.sin(v1), v1 + np.log(x2)
def power(x, n):
    return x ** n
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run `diffbench trace` on a module of the user's; exit code, output and errors."""
    (tmp_path / "traced_by_tests.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

    def run(function, *options):
        code = main(["trace", f"traced_by_tests:{function}", *options])
        return code, *capsys.readouterr()

    return run


def test_the_command_prints_the_wengert_list(command):
    code, out, _ = command("f", "--at", "2, 3")
    assert code == 0
    assert "v1    x1 * x2          6  4" in out


def test_the_command_takes_seeds_like_arguments_and_results(command):
    assert (
        "2.880510859951098" in command("f", "--at", "2, 3", "--mode", "forward", "--seed", "1, 0", "--digits", "16")[1]
    )
    assert "2.33333" in command("f", "--at", "2, 3", "--mode", "reverse", "--seed", "0, 1")[1]


def test_the_command_writes_the_format_of_the_file(command, tmp_path):
    for suffix, start in ((".tex", r"\begin{tabular}"), (".md", "| step"), (".html", "<table"), (".csv", "step,")):
        assert command("f", "--at", "2, 3", "-o", f"table{suffix}")[0] == 0
        assert (tmp_path / f"table{suffix}").read_text(encoding="utf-8").startswith(start)


@pytest.mark.parametrize("view", ["source", "counts", "autograd"])
def test_the_command_shows_programs_counts_and_nodes(command, view):
    code, out, _ = command("power", "--at", "2.0, 3", "--argnum", "0", "--show", view)
    assert code == 0
    assert {"source": "def power_reverse(x, y_bar=1.0):", "counts": "operations", "autograd": "power"}[view] in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "[2"], "is no literal"),
        (["--at", "2"], "missing 1 required"),
        (["--at", "2, 3", "--mode", "forward"], "needs a seed"),
        (["--at", "2, 3", "--argnum", "first"], "--argnum"),
        (["--at", "2, 3", "--argnum", "7"], "argnum=7"),
        (["--at", "2, 3", "--digits", "0"], "--digits"),
        (["--at", "2, 3", "-o", "nowhere/x.md"], "cannot be written"),
    ],
)
def test_the_command_says_what_is_wrong(command, options, said):
    if said == "missing 1 required":
        with pytest.raises(TypeError, match=said):
            command("f", *options)
        return
    code, _, err = command("f", *options)
    assert code == 1
    assert said in err

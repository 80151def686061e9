"""The tables: whole as frames, short and safe as Markdown, LaTeX and HTML."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.mathtext import MathTextParser

import diffbench as db
from diffbench.lecture.mathematics import latex
from diffbench.lecture.tables import StepTable
from tests.primitives.examples import EXAMPLES


def two_results(x1, x2):
    v1 = x1 * x2
    v2 = np.log(x2)
    return np.sin(v1), v1 + v2


@pytest.fixture
def walk():
    return db.trace(two_results, 2.0, 3.0)


# -- frames ------------------------------------------------------------------------------------------------------------


def test_tables_are_dataframes_of_plain_numbers(walk):
    table = walk.forward((1, 0))
    assert isinstance(table, pd.DataFrame)
    assert table["tangent"].tolist() == [1.0, 0.0, 3.0, 0.0, 2.880510859951098, 3.0]


def test_the_primal_table_has_formula_value_and_line(walk):
    row = walk.table().iloc[3]
    assert (row["step"], row["formula"], row["value"]) == ("v2", "log(x2)", np.log(3.0))
    assert row["line"] == walk["v2"].where.line


def test_the_forward_table_has_the_local_derivative_in_symbols_and_numbers(walk):
    row = walk.forward((1, 0)).iloc[2]
    assert (row["∂"], row["∂ value"]) == (("∂/∂x1 = x2", "∂/∂x2 = x1"), (3.0, 2.0))
    assert row["tangent formula"] == "v̇1 = x2 * ẋ1 + x1 * ẋ2"


def test_the_reverse_table_has_a_row_for_each_message_in_the_order_of_the_backward_pass(walk):
    table = walk.reverse((1, 0))
    assert table["message formula"].tolist() == [
        "v̄1 += ȳ2", "v̄2 += ȳ2", "v̄1 += cos(v1) * ȳ1", "x̄2 += (1 / x2) * v̄2", "x̄1 += x2 * v̄1", "x̄2 += x1 * v̄1",
        None, None,
    ]  # fmt: skip
    assert table["step"].tolist()[-2:] == ["x̄2", "x̄1"]


def test_what_was_received_so_far_grows_to_the_adjoint(walk):
    table = walk.reverse((0, 1))
    assert table["so far"].tolist()[5] == table["adjoint"].tolist()[6] == 7 / 3


@pytest.mark.parametrize(
    ("f", "x", "expected"),
    [
        (lambda x: np.sum(x), np.ones(3), "x̄ += broadcast_to(ȳ, (3,))"),
        (lambda x: np.ones((2, 3)) @ x, np.ones(3), "x̄ += ȳ @ array(2,3)"),
        (lambda x: x[1:], np.ones(3), "x̄[1:] += ȳ"),
        (lambda x: x.T, np.ones((2, 3)), "x̄ += ȳ.T"),
        (lambda x: np.linalg.inv(x), np.eye(2), "x̄ += (∂linalg.inv/∂x ·)ᵀ ȳ"),
    ],
)
def test_a_message_through_a_linear_map_is_its_transpose(f, x, expected):
    walk = db.trace(f, x)
    assert walk.reverse(np.ones(walk.value.shape))["message formula"][0] == expected


# -- written -----------------------------------------------------------------------------------------------------------


def test_markdown_is_a_table(walk):
    lines = walk.table().to_markdown().splitlines()
    assert lines[:2] == ["| step | formula | value | line |", "| --- | --- | --- | --- |"]
    assert lines[5].startswith("| v2 | log(x2) | 1.09861 |")


def test_latex_is_a_tabular_of_booktabs(walk):
    text = walk.forward((1, 0)).to_latex()
    assert text.startswith("\\begin{tabular}{@{}llrlrlr@{}}\n\\toprule\n")
    assert text.endswith("\\bottomrule\n\\end{tabular}\n")
    assert r"$\dot{v}_{1} = x_{2} \, \dot{x}_{1} + x_{1} \, \dot{x}_{2}$ & $3$ \\" in text


def test_latex_has_bars_for_adjoints(walk):
    assert r"$\bar{x}_{1} \mathrel{+}= x_{2} \, \bar{v}_{1}$" in walk.reverse((1, 0)).to_latex()


def test_digits_are_as_many_as_asked_for(walk):
    assert "2.8805108600" not in walk.forward((1, 0)).to_markdown(digits=4)
    assert "2.880510859951" in walk.forward((1, 0)).to_markdown(digits=13)


def test_html_escapes_the_text_of_the_user():
    walk = db.trace(lambda p: p["<script>alert(1)</script>"] * 2, {"<script>alert(1)</script>": 1.0})
    text = walk.reverse().to_html()
    assert "<script" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("name", ["a_b%c", "x$y", "back\\slash", "{", "&", "#", "~", "^"])
def test_latex_escapes_the_text_of_the_user(name):
    walk = db.trace(lambda p: p[name] * 2, {name: 1.0})
    for table in (walk.table(), walk.forward({name: 1.0}), walk.reverse()):
        for row in table.to_latex().splitlines()[4:-2]:
            bare = row.replace(r"\$", "").replace(r"\&", "").replace(r"\%", "").replace(r"\#", "").replace(r"\_", "")
            assert bare.count("$") % 2 == 0
            assert bare.count(" & ") == len(table._cells(6, 60)[0]) - 1
            assert not set("%#") & set(bare)


@pytest.mark.parametrize("example", {e.row: e for e in reversed(EXAMPLES)}.values(), ids=lambda e: e.name)
def test_formulas_of_every_row_of_the_table_are_balanced_latex(example):
    walk = db.trace(example.f, *example.point, argnum=example.argnums)
    for text in {text for step in walk.steps for text in (step.formula, *(p.text for p in step.partials))}:
        written = latex(text)
        bare = written.replace(r"\{", "").replace(r"\}", "")
        assert bare.count("{") == bare.count("}")
        assert written.count(r"\left") - written.count(r"\leftarrow") == written.count(r"\right")
        assert "$" not in written or r"\texttt" in written


@pytest.mark.parametrize(
    "text",
    [
        "v1 = x1 * x2", "ẏ = cos(v1) * v̇1", "x̄1 += (-y / t5) * ȳ", "v2 = x[0] % 0.7", "y = W @ x.T",
        "z = (a + b) ** -2 / sqrt(theta_1)", "v3 = sum(v2, axis=0, keepdims=True)", "m = mean(·, axis=(0, 1))",
        "v4 = linalg.inv(S)", "v5 = A[:, 1:3]", "v6 = -x * 2", "d = 1e-12 - -3.5",
    ],
)  # fmt: skip
def test_formulas_are_mathematics_that_another_program_can_typeset(text):
    """Matplotlib's parser of mathematics knows neither texttt nor mathrel."""
    MathTextParser("path").parse(f"${re.sub(r'.(texttt|mathrel)', 'z', latex(text))}$")


def test_long_traces_are_folded_with_a_note():
    def f(x):
        for _ in range(200):
            x = np.sin(x)
        return x

    table = db.trace(f, 1.0).table()
    assert len(table) == 201
    lines = table.to_markdown(most=10).splitlines()
    assert len(lines) == 2 + 10 + 1
    assert lines[7].startswith("| … 191 rows not shown, from line ")
    assert "of a loop" in lines[7]


def test_arrays_show_their_first_entries_and_their_shape():
    assert "[0, 1, 2, 3, …] (7,)" in db.trace(lambda x: np.sum(x), np.arange(7.0)).table().to_markdown()


def test_plain_text_is_aligned_under_accents(walk):
    head, first, *_ = walk.reverse((1, 0)).to_text().splitlines()[2:]
    assert head.index("adjoint") + len("adjoint") == first.replace("\u0304", "").index(" 0 ") + len(" 0")


def test_a_part_of_a_table_is_a_table(walk):
    assert isinstance(walk.table()[["step", "value"]], StepTable)

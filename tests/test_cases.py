"""Several cases in one item of pytest: each is tried, and what fails says which case it was."""

import pytest

from tests.cases import each


def run(test):
    """Run a gathered test on its groups, as pytest would."""
    for group in test.pytestmark[-1].args[1]:
        test(cases=group)


def test_every_case_is_tried_in_the_item_of_its_group():
    tried = []

    @each("n", range(6), by=lambda n: "odd" if n % 2 else "even")
    def test(n):
        tried.append(n)

    assert list(test.pytestmark[-1].kwargs["ids"]) == ["even", "odd"]
    run(test)
    assert tried == [0, 2, 4, 1, 3, 5]


def test_a_case_may_have_several_arguments():
    tried = []

    @each("a, b", [(1, 2), (3, 4)], by=lambda case: "all")
    def test(a, b):
        tried.append(a * b)

    run(test)
    assert tried == [2, 12]


def test_a_failure_names_its_case():
    def test(n):
        assert n != 2

    with pytest.raises(AssertionError) as failure:
        run(each("n", range(4), by=lambda n: "all", label=lambda n: f"number {n}")(test))
    assert failure.value.__notes__ == ["in the case number 2"]


def test_all_failures_of_an_item_are_told():
    def test(n):
        with pytest.raises(ZeroDivisionError):
            _ = 1 / n

    with pytest.raises(BaseExceptionGroup, match="2 of 3 cases fail") as failure:
        run(each("n", range(3), by=lambda n: "all")(test))
    assert [one.__notes__ for one in failure.value.exceptions] == [["in the case 1"], ["in the case 2"]]

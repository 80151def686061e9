"""Which cell comes next, and which need not come at all."""

from diffbench.runner.order import Dominated, interleaved


def test_series_take_turns_and_sizes_ascend():
    cells = [{"of": of, "n": n} for of in "ab" for n in (4, 1, 2)]
    order = [f"{cell['of']}{cell['n']}" for cell in interleaved(cells, ["of"], "n")]
    assert order == ["a1", "b1", "a2", "b2", "a4", "b4"]


def test_series_of_different_length_lose_no_cell():
    cells = [{"of": "a", "n": 1}, {"of": "b", "n": 1}, {"of": "b", "n": 2}]
    assert interleaved(cells, ["of"], "n") == cells


def test_without_a_size_the_order_within_a_series_is_that_of_the_sweep():
    cells = [{"of": "a", "h": 2}, {"of": "a", "h": 1}]
    assert interleaved(cells, ["of"], None) == cells


def test_series_may_be_told_apart_by_lists():
    cells = [{"shape": [2, 3], "n": 1}, {"shape": [3, 2], "n": 1}]
    assert interleaved(cells, ["shape"], "n") == cells


def test_after_a_limit_only_larger_cells_of_the_same_series_are_dominated():
    dominated = Dominated(["of"], "n")
    dominated.note({"of": "a", "n": 4}, "timeout")
    assert dominated.why({"of": "a", "n": 5}) == "timeout already at n = 4"
    assert dominated.why({"of": "a", "n": 4}) is None
    assert dominated.why({"of": "a", "n": 3}) is None
    assert dominated.why({"of": "b", "n": 5}) is None


def test_the_smallest_size_at_a_limit_counts():
    dominated = Dominated([], "n")
    for n in (8, 2, 4):
        dominated.note({"n": n}, "out-of-memory")
    assert dominated.why({"n": 3}) == "out-of-memory already at n = 2"


def test_a_failure_dominates_nothing():
    dominated = Dominated([], "n")
    for status in ("ok", "wrong", "failed", "unsupported", "skipped-dominated"):
        dominated.note({"n": 1}, status)
    assert dominated.why({"n": 2}) is None


def test_without_a_size_nothing_is_dominated():
    dominated = Dominated(["of"], None)
    dominated.note({"of": "a"}, "timeout")
    assert dominated.why({"of": "a"}) is None

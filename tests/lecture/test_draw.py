"""The pictures of a trace: places do not collide, numbers come at their steps, folds lose nothing, files open."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import diffbench as db
from diffbench.errors import ArgumentError, DirectionError, MissingPackage, UnknownName
from diffbench.lecture import draw
from diffbench.lecture.draw_fold import folded
from diffbench.lecture.draw_layout import layered
from diffbench.lecture.draw_scene import BOX, VALUE, scene
from diffbench.lecture.draw_stages import stages


def two_inputs(x1, x2):
    v1 = x1 * x2
    return np.sin(v1), v1 + np.log(x2)


def logistic(x, passes=3):
    v = x
    for _ in range(passes):
        v = 4 * v * (1 - v)
    return v


def mixing(a, b, c, d, passes=3):
    for _ in range(passes):
        s = np.sin(a * b) + c
        t = np.exp(b * c - d) * s
        u = np.log(s * s + t * t + 1)
        a, b, c, d = t / u, s, np.sin(u), a
    return a + b * c - d


@pytest.fixture
def walk():
    return db.trace(two_inputs, 2.0, 3.0)


def words(figure):
    """All that is written in a figure."""
    return {text.get_text() for ax in (figure, *figure.axes) for text in ax.texts}


# -- where nodes stand -------------------------------------------------------------------------------------------------


@st.composite
def acyclic_graphs(draw):
    size = draw(st.integers(1, 25))
    return [draw(st.lists(st.integers(0, child - 1), max_size=3)) if child else [] for child in range(size)]


@given(acyclic_graphs())
@settings(max_examples=40, deadline=None)
def test_every_node_stands_right_of_its_parents_and_clear_of_its_column(parents):
    layout = layered(parents, gap=2.0, edge_gap=1.0)
    for child, own in enumerate(parents):
        assert layout.columns[child] == max((layout.columns[parent] + 1 for parent in own), default=0)
    places = [(column, height, 2.0) for column, height in zip(layout.columns, layout.heights)]
    for (parent, child), heights in layout.waypoints.items():
        assert len(heights) == layout.columns[child] - layout.columns[parent] - 1
        places += [(k, y, 1.0) for k, y in enumerate(heights, layout.columns[parent] + 1)]
    for i, (column, height, size) in enumerate(places):
        for other, y, room in places[:i]:
            assert column != other or abs(height - y) >= (size + room) / 2 - 1e-9


def test_a_crossing_that_need_not_be_is_taken_away():
    layout = layered([[], [], [1], [0]], gap=1.0, edge_gap=0.5)
    first, second, of_second, of_first = layout.heights
    assert (first < second) == (of_first < of_second)


def test_a_chain_is_a_straight_line():
    layout = layered([[], [0], [1], [2]], gap=1.0, edge_gap=0.5)
    assert np.ptp(layout.heights) < 1e-9


@pytest.mark.parametrize("walk", [db.trace(logistic, 0.2), db.trace(mixing, 0.3, 0.4, 0.5, 0.6)], ids=lambda w: w.name)
def test_boxes_and_their_numbers_do_not_overlap(walk):
    boxes = scene(walk.steps).boxes
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            apart = abs(box.x - other.x) >= (box.width + other.width) / 2 or abs(box.y - other.y) >= BOX + 2 * VALUE
            assert apart, f"{box.text} lies on {other.text}"


def test_a_deep_graph_is_broken_into_bands_that_name_what_they_take_from_above():
    drawn = scene(db.trace(logistic, 0.2).steps)
    again = [box for box in drawn.boxes if box.again]
    assert [box.text for box in again] == ["t₃", "t₄"]
    assert all(box.y > other.y for box in again for other in drawn.boxes if other.text == "x")


def test_an_input_stands_left_in_the_band_that_needs_it_first():
    drawn = scene(db.trace(lambda x, t: logistic(x) - t, 0.2, 1.0).steps)
    of = {box.text: box for box in drawn.boxes}
    assert not of["t"].again
    assert of["t"].y > of["x"].y + 5
    assert of["t"].x < of["y = v₃ − t"].x


def test_every_local_partial_has_its_arrow(walk):
    terms = [term for arrow in scene(walk.steps).arrows for term in arrow.terms]
    assert sorted(terms) == [(step.index, k) for step in walk.steps for k in range(len(step.partials))]


# -- folding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("passes", [2, 19, 300])
def test_folds_cover_all_steps_in_order(passes):
    steps = db.trace(lambda x: logistic(x, passes), 0.2).steps
    folds = folded(steps, most=60)
    assert len(folds) <= 60
    assert [i for fold in folds for i in range(fold.first, fold.last + 1)] == list(range(len(steps)))


def test_the_passes_of_a_loop_between_the_first_and_the_last_are_one_box():
    folds = folded(db.trace(lambda x: logistic(x, 300), 0.2).steps, most=60)
    line = logistic.__code__.co_firstlineno + 3
    assert [fold.words for fold in folds if fold.words] == [f"298 passes, line {line}"]


def test_loops_in_loops_fold_from_inside():
    def nested(x):
        for _ in range(20):
            x = np.sin(x)
            for _ in range(20):
                x = x * 0.5 + 1.0
        return x

    folds = folded(db.trace(nested, 1.0).steps, most=20)
    lines = [nested.__code__.co_firstlineno + k for k in (2, 4)]
    assert f"18 passes, lines {lines[0]}–{lines[1]}" in [fold.words for fold in folds]


def test_a_long_program_without_loops_is_folded_too():
    steps = db.trace(lambda x: np.sum(np.array([np.sin(k * x) for k in range(100)])), 0.5).steps
    assert len(folded(steps, most=12)) <= 12


def test_a_folded_picture_says_so():
    assert "901 steps as 8 boxes    step 8 of 8" in words(db.trace(lambda x: logistic(x, 300), 0.2).draw())


# -- what is written ---------------------------------------------------------------------------------------------------


def test_forward_frames_show_each_number_when_it_is_computed(walk):
    first, second, third, *_, last = map(words, walk.frames("forward", seed=(1, 0)))
    assert {"ẋ₁ = 1", "ẋ₂ = 0", "2", "3"} <= first
    assert not {"v̇₁ = 3", "6"} & first
    assert {"v̇₁ = 3", "6", "v̇₁ = x₂ · ẋ₁ + x₁ · ẋ₂ = 3 · 1 + 2 · 0 = 3"} <= second
    assert {"ẏ₁ = 2.8805", "cos(v₁) = 0.96017"} <= third
    assert "cos(v₁)" in second
    assert {"ẏ₁ = 2.8805", "ẏ₂ = 3", "7.0986"} <= last


def test_reverse_frames_accumulate_messages(walk):
    pictures = [words(figure) for figure in walk.frames("reverse", seed=(1, 0))]
    assert {"ȳ₁ = 1", "ȳ₂ = 0", "−0.27942", "7.0986"} <= pictures[0]
    assert "x̄₁ = x₂ · v̄₁ = 3 · 0.96017 = 2.8805" in pictures[4]
    assert "x̄₂ += x₁ · v̄₁ = 2 · 0.96017 = 1.9203, now 1.9203" in pictures[4]
    assert {"x̄₁ = 2.8805", "x̄₂ = 1.9203"} <= pictures[5]


@pytest.mark.parametrize(("mode", "seed"), [("value", None), ("forward", (1.0, 0.5)), ("reverse", (0.5, 2.0))])
def test_stages_end_with_the_numbers_of_the_sweeps(walk, mode, seed):
    moved, values = {}, set()
    for stage in stages(walk, mode, seed):
        moved |= stage.moved
        values |= set(stage.values)
    expected = {
        "value": dict,
        "forward": lambda: {event.step: event.tangent for event in walk.forward_steps(seed)},
        "reverse": lambda: {event.step: event.adjoint for event in walk.reverse_steps(seed)},
    }[mode]()
    assert moved == expected
    assert values == set(range(len(walk.steps)))


def test_a_transposed_linear_map_is_written_as_such():
    w = db.trace(lambda W, x: np.sum(W @ x), np.ones((2, 2)), np.ones(2))
    lines = [line for stage in stages(w, "reverse") for line in stage.lines]
    assert "x̄ = (W @ ·)ᵀ v̄₁ = [2, 2]₂" in lines


def test_complex_numbers_on_the_way_are_shown():
    w = db.trace(lambda x: np.abs(np.fft.fft(x)[1]), np.array([1.0, 2.0, 4.0, 8.0]))
    assert any("j" in text for text in words(w.draw("reverse")))


def test_an_input_that_nothing_depends_on_gets_a_zero():
    w = db.trace(lambda x, y: 2 * x, 1.0, 1.0)
    assert stages(w, "reverse")[-1].lines == ["x̄ = 2,  ȳ = 0"]


def test_a_step_counts_from_the_start_or_from_the_end(walk):
    assert words(walk.draw("forward", 4, (1, 0))) == words(walk.draw("forward", -1, (1, 0)))
    assert words(walk.draw("forward", None, (1, 0))) == words(walk.draw("forward", 4, (1, 0)))


def test_all_frames_have_the_same_places(walk):
    axes = [figure.axes[0] for figure in walk.frames("forward", seed=(1, 0))]
    assert len({(ax.get_xlim(), ax.get_ylim(), tuple(ax.get_position().bounds)) for ax in axes}) == 1


# -- files and errors --------------------------------------------------------------------------------------------------


def test_frames_become_numbered_files(walk, tmp_path):
    paths = walk.frames("forward", seed=(1, 0), folder=tmp_path / "beamer", suffix="svg")
    assert [path.name for path in paths] == [f"frame_0{k}.svg" for k in range(5)]
    assert "v̇₁ = 3" in paths[1].read_text(encoding="utf-8")


def test_frames_for_beamer_are_pdf(tmp_path):
    assert all(path.read_bytes().startswith(b"%PDF") for path in db.trace(np.sin, 0.5).frames(folder=tmp_path))


def test_a_gif_has_a_picture_for_each_step(tmp_path):
    path = db.trace(np.sin, 0.5).animate(tmp_path / "film.gif", "forward", seconds=0.5)
    with Image.open(path) as film:
        assert film.n_frames == 2
        assert film.info["duration"] == 500


def test_an_html_film_stands_on_its_own(tmp_path):
    text = db.trace(np.sin, 0.5).animate(tmp_path / "film.html", "forward").read_text()
    assert text.count("data:image/png;base64") == 2


def test_an_mp4_without_ffmpeg_says_what_is_missing(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(draw.FFMpegWriter, "isAvailable", lambda: False)
    with pytest.raises(MissingPackage, match="ffmpeg"):
        walk.animate(tmp_path / "film.mp4", seed=(1, 0))


def test_what_does_not_fit_is_said(walk, tmp_path):
    with pytest.raises(ArgumentError, match="no step 7"):
        walk.draw("forward", 7, (1, 0))
    with pytest.raises(UnknownName, match="revers"):
        walk.draw("revers", seed=(1, 0))
    with pytest.raises(DirectionError):
        walk.draw("reverse")
    with pytest.raises(ArgumentError, match="'jpg'"):
        walk.frames("forward", (1, 0), tmp_path, "jpg")
    with pytest.raises(ArgumentError, match=r"film\.avi"):
        walk.animate(tmp_path / "film.avi", seed=(1, 0))


def test_the_figure_of_the_readme_shows_what_the_code_draws():
    def f(x1, x2):
        v1 = x1 * x2
        v2 = np.log(x2)
        return np.sin(v1), v1 + v2

    drawn = (Path(__file__).parents[2] / "docs" / "figures" / "reverse_mode.svg").read_text(encoding="utf-8")
    assert words(db.trace(f, 2.0, 3.0).draw("reverse", step=4, seed=(1, 0))) <= set(
        re.findall(r">([^<>]+)</text>", drawn)
    )

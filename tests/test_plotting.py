"""Figures: one look a backend, labels that do not collide, files that are the same every day."""

from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

import diffbench as db
from diffbench import plotting


@pytest.fixture
def axes():
    with plotting.style():
        yield plotting.figure("title", "n", "seconds")[1]


def labels(ax):
    """The texts that label_lines wrote, from the top down."""
    ax.figure.draw_without_rendering()
    notes = [text for text in ax.texts if text.get_text()]
    return sorted(notes, key=lambda text: -box_of(text).y0)


def box_of(text):
    """The extent of the text of an annotation, without its leader."""
    return Text.get_window_extent(text)


def test_every_backend_has_a_look_of_its_own():
    names = [name for name in plotting.LOOKS if name != "function"]
    assert {*db.backends().index} <= {*names}
    assert len({plotting.look(name) for name in names}) == len(names)


def test_an_unknown_backend_gets_the_same_look_every_time():
    assert plotting.look("third-party") == plotting.look("third-party")


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_spread_heights_keep_their_order_their_distance_and_the_room(wanted):
    gap = 0.05
    heights = plotting.spread(wanted, gap)
    ranked = heights[np.argsort(wanted, kind="stable")]
    assert np.all(np.diff(ranked) >= gap - 1e-12)
    assert ranked[0] >= -1e-12
    assert ranked[-1] <= 1 + 1e-12


def test_spread_leaves_alone_what_does_not_collide():
    np.testing.assert_allclose(plotting.spread([0.9, 0.1, 0.5], gap=0.1), [0.9, 0.1, 0.5])


def test_labels_of_lines_that_end_together_do_not_overlap(axes):
    for name in ("forward", "reverse", "manual", "symbolic", "complex-step"):
        plotting.line(axes, [1, 2], [1, 2], name)
    plotting.label_lines(axes)
    boxes = [box_of(text) for text in labels(axes)]
    assert len(boxes) == 5
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in pairwise(boxes))


def test_labels_stay_inside_the_figure(axes):
    plotting.log_axes(axes)
    for k, name in enumerate(plotting.LOOKS):
        plotting.line(axes, [1, 10], [1, 10.0 ** (k % 5)], name, label=f"{name} of a long name")
        if k == 12:
            break
    plotting.label_lines(axes)
    frame = axes.figure.bbox
    for text in labels(axes):
        box = box_of(text)
        assert box.x1 <= frame.x1
        assert box.y0 >= frame.y0


def test_a_label_has_the_colour_of_its_line(axes):
    drawn = plotting.line(axes, [1, 2], [1, 2], "reverse")
    plotting.label_lines(axes)
    assert labels(axes)[0].get_color() == drawn.get_color() == "#CC3311"


def test_a_line_that_leaves_the_axes_is_labelled_where_it_was_last_seen(axes):
    axes.set_xlim(0, 10)
    axes.set_ylim(0, 10)
    plotting.line(axes, [1, 5, 9], [1, 5, 1e9], "forward")
    plotting.label_lines(axes)
    assert labels(axes)[0].xy == (5, 5)


def test_a_series_that_hit_its_limit_is_drawn_to_the_limit_and_says_how_far_it_came(axes):
    frame = pd.DataFrame(
        {
            "n": [1, 2, 4, 8],
            "seconds": [0.1, 0.2, np.nan, np.nan],
            "status": ["ok", "ok", "timeout", "skipped-dominated"],
        }
    )
    plotting.series(axes, frame, "n", "seconds", "symbolic", limit=3.0)
    measured, dotted, arrow = axes.get_lines()
    np.testing.assert_array_equal(measured.get_ydata(), [0.1, 0.2])
    assert measured.get_label() == "symbolic, n ≤ 2"
    assert list(dotted.get_xdata()) == [2, 4]
    assert (arrow.get_xdata()[0], arrow.get_ydata()[0]) == (4, 3.0)


def test_a_series_without_any_measured_point_draws_nothing(axes):
    frame = pd.DataFrame({"n": [1], "seconds": [np.nan], "status": ["timeout"]})
    plotting.series(axes, frame, "n", "seconds", "symbolic", limit=3.0)
    assert not axes.get_lines()


def test_a_guide_leaves_the_limits_of_the_axes(axes):
    plotting.line(axes, [1, 2], [1, 2], "forward")
    before = axes.get_xlim(), axes.get_ylim()
    plotting.slope_guide(axes, 2, (0.1, 0.1), 100, "h²")
    assert (axes.get_xlim(), axes.get_ylim()) == before


def test_a_slope_guide_has_its_slope_on_logarithmic_axes(axes):
    plotting.slope_guide(axes, 3, (1.0, 2.0), 10.0, "h³")
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), [2.0, 2000.0])


def drawn_figure():
    with plotting.style():
        figure, ax = plotting.figure("title", "n", "seconds")
        plotting.line(ax, [1, 2, 3], [1, 4, 9], "reverse", label="a label to search for")
        plotting.label_lines(ax)
    return figure


def test_saved_files_are_the_same_bytes_every_time(tmp_path):
    first = plotting.save(drawn_figure(), tmp_path / "first")
    second = plotting.save(drawn_figure(), tmp_path / "second")
    assert [path.suffix for path in first] == [".svg", ".pdf", ".png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_text_in_svg_stays_text(tmp_path):
    svg, *_ = plotting.save(drawn_figure(), tmp_path / "figure")
    assert "a label to search for" in svg.read_text()


def test_style_ignores_the_users_settings_and_gives_them_back():
    with matplotlib.rc_context({"font.size": 3.0, "text.usetex": True}):
        with plotting.style():
            assert matplotlib.rcParams["font.size"] == plotting.TYPE
            assert not matplotlib.rcParams["text.usetex"]
        assert matplotlib.rcParams["font.size"] == 3.0


def test_ticks_are_large_even_when_drawn_outside_of_the_style():
    figure = drawn_figure()
    figure.draw_without_rendering()
    assert {tick.label1.get_fontsize() for tick in figure.axes[0].xaxis.get_major_ticks()} == {plotting.TYPE - 1}

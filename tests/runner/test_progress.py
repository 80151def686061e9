"""What one sees while cells are measured."""

import io

from rich.console import Console

from diffbench.runner import progress
from diffbench.runner.progress import Meter


def shown(terminal, monkeypatch, every=0.0):
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", every)
    screen = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with Meter(screen, "swell", total=3, done=1) as meter:
        meter.advance({"n": 1, "form": "[tree]"}, "ok")
        meter.advance({"n": 2, "form": "[tree]"}, "timeout")
    return screen.file.getvalue()


def test_a_terminal_sees_a_bar_with_the_cell_and_its_end(monkeypatch):
    text = shown(True, monkeypatch)
    assert "3/3" in text
    assert "2 [tree]: timeout" in text


def test_elsewhere_there_are_plain_lines_without_control_codes(monkeypatch):
    text = shown(False, monkeypatch, every=-1.0)
    assert text.splitlines()[0].startswith("swell: 2 of 3 cells, about ")
    assert "\x1b" not in text
    assert "\r" not in text


def test_elsewhere_lines_are_rare(monkeypatch):
    assert shown(False, monkeypatch, every=3600.0).strip() == ""

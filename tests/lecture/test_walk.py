"""The walk-through page: its text is safe, and in a real browser every step shows the numbers that Python computes."""

import json
import os
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

import diffbench as db
from diffbench.cli import main
from diffbench.errors import ArgumentError, DirectionError

BROWSER = os.environ.get("DIFFBENCH_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def two_inputs(x1, x2):
    """The example of the lecture."""
    v1 = x1 * x2
    v2 = np.log(x2)
    return np.sin(v1), v1 + v2


def layer(W, b, x):
    return np.tanh(W @ x + b)


def network(W, b, x):
    h = layer(W, b, x)
    return np.sum(h * h)


def hostile(x):
    """</script><script>window.caught = 1</script><!-- <img src=x onerror="window.caught = 2"> -->"""
    return x * 2.0  # <b onmouseover="window.caught = 3">&lt;</b>


hostile.__name__ = '</title><script>window.caught = 4</script>"&amp;'


@pytest.fixture(scope="module")
def walk():
    return db.trace(two_inputs, 2.0, 3.0)


def data_of(page):
    """What the page holds as JSON."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


class Elements(HTMLParser):
    """The names of all elements, as a browser finds them, and the attributes that could run or load something."""

    def __init__(self, page):
        super().__init__()
        self.names, self.active = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.active += [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_page_stands_on_its_own(walk):
    page = walk.to_html()
    assert not Elements(page).active
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_html_in_names_and_documentation_stays_text():
    page, plain = db.trace(hostile, 1.0).to_html(), db.trace(lambda x: x * 2.0, 1.0).to_html()
    assert Elements(page).names == Elements(plain).names
    assert page.count("</script>") == plain.count("</script>") == 2
    assert "<!--" not in page


def test_seeds_are_the_unit_vectors(walk):
    labels = [(sweep["mode"], sweep["label"]) for sweep in data_of(walk.to_html())["sweeps"]]
    assert labels == [
        ("value", ""), ("forward", "in x₁"), ("forward", "in x₂"), ("reverse", "of y₁"), ("reverse", "of y₂")
    ]  # fmt: skip


def test_many_inputs_share_one_seed():
    data = data_of(db.trace(lambda x: np.sum(x * x), np.arange(50.0)).to_html())
    assert [sweep["label"] for sweep in data["sweeps"]] == ["", "in all together", "of y"]


def test_seeds_of_ones_own_are_taken_as_they_are(walk):
    data = data_of(walk.to_html(tangents=[(0.5, -1.0)], cotangents=[(2.0, 0.0), (0.0, 3.0)]))
    last = [sweep["stages"][-1]["moved"] for sweep in data["sweeps"]]
    assert [sweep["label"] for sweep in data["sweeps"]] == ["", "direction 1", "weights 1", "weights 2"]
    assert [number["full"] for _, number in last[3]] == ["9.0", "7.0"]
    with pytest.raises(DirectionError):
        walk.to_html(tangents=[(1.0,)])


def test_steps_know_their_lines_in_all_functions():
    walk = db.trace(network, np.ones((2, 2)), np.ones(2), np.array([0.1, 0.2]))
    data = data_of(walk.to_html())
    first, second = data["programs"]
    assert first["lines"][0] == "def network(W, b, x):"
    assert second["lines"] == ["def layer(W, b, x):", "    return np.tanh(W @ x + b)"]
    assert data["steps"][3]["where"] == f"1:{layer.__code__.co_firstlineno + 1}"
    assert data["steps"][-1]["where"] == f"0:{network.__code__.co_firstlineno + 2}"


def test_a_function_without_source_has_a_page_too():
    names = {}
    exec("def f(x): return x * 2.0", names)
    data = data_of(db.trace(names["f"], 0.5).to_html())
    assert [step["where"] for step in data["steps"]] == [None, None]


def test_a_page_is_not_made_of_thousands_of_steps():
    def long(x):
        for _ in range(2000):
            x = x * 0.5 + 1.0
        return x

    with pytest.raises(ArgumentError, match="4001 steps"):
        db.trace(long, 1.0).to_html()


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("import numpy as np\ndef f(x, y):\n    return np.sin(x * y)\n")
    monkeypatch.chdir(tmp_path)
    assert main(["walk", "mine:f", "--at", "2.0, 3.0"]) == 0
    assert capsys.readouterr().out == "f.html: 2 steps of f\n"
    assert "return np.sin(x * y)" in (tmp_path / "f.html").read_text(encoding="utf-8")
    assert main(["walk", "mine:f", "--at", "x, y"]) == 1
    assert "no literal" in capsys.readouterr().err
    assert main(["walk", "mine:f", "--at", "1.0, 2.0", "-o", "nowhere/page.html"]) == 1
    assert "cannot be written" in capsys.readouterr().err


# -- in a browser ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab():
    """A tab of Chromium, the same for all tests, and what it has complained of."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install diffbench[browser]")
    if BROWSER is None:
        pytest.skip("needs Chromium: apt-get install chromium, or name it in DIFFBENCH_CHROMIUM")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=BROWSER, args=FLAGS)
        page, complaints = browser.new_page(), []
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or complaints.append(request.url))
        yield page, complaints
        browser.close()


@pytest.fixture
def opened(tab, tmp_path):
    """Opens the page of a trace; whatever the browser complains of fails the test."""
    page, complaints = tab

    def open_page(walk, place="", width=1280, colours="light"):
        (tmp_path / "page.html").write_text(walk.to_html(), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(media="screen", color_scheme=colours)
        page.goto(f"{(tmp_path / 'page.html').as_uri()}{place}")
        return page

    yield open_page
    assert complaints == []


READ = """() => ({
    table: [...document.querySelectorAll("#rows tr")].map(row => [row.cells[1].title, row.cells[3].title]),
    graph: [...document.querySelectorAll(".box:not(.again)")].map(
        box => [...box.querySelectorAll("text")].map(text => text.textContent)),
    count: document.getElementById("count").textContent,
})"""


def digits(value):
    return str(np.asarray(value).tolist())


def expected_forward(walk, seed):
    """For each stage, what the table shows: primals and tangents with all digits; what is still to come is empty."""
    events = walk.forward_steps(seed)
    inputs = len(walk.inputs)
    for known in range(inputs, len(walk.steps) + 1):
        yield [
            [digits(step.value), digits(events[step.index].tangent)] if step.index < known else ["", ""]
            for step in walk.steps
        ]


def expected_reverse(walk, seed):
    """Likewise primals first, then adjoints as messages come in."""
    for known in range(len(walk.inputs), len(walk.steps) + 1):
        yield [[digits(step.value) if step.index < known else "", ""] for step in walk.steps]
    so_far = dict(zip(walk.results, seed if isinstance(seed, tuple) else (seed,)))
    events = walk.reverse_steps(seed)
    rounds = [[], *(event.messages for event in events if event.messages), []]
    for messages in rounds:
        for message in messages:
            so_far[message.parent] = message.value + so_far.get(message.parent, 0.0)
        if messages is rounds[-1]:
            so_far |= {event.step: event.adjoint for event in events if walk.steps[event.step].is_input}
        yield [[digits(s.value), digits(so_far[s.index]) if s.index in so_far else ""] for s in walk.steps]


@pytest.mark.parametrize(
    ("mode", "number", "expected", "seed"),
    [
        ("forward", 0, expected_forward, (1.0, 0.0)),
        ("forward", 1, expected_forward, (0.0, 1.0)),
        ("reverse", 0, expected_reverse, (1.0, 0.0)),
        ("reverse", 1, expected_reverse, (0.0, 1.0)),
    ],
)
def test_every_step_shows_the_numbers_of_python(opened, walk, mode, number, expected, seed):
    page = opened(walk, f"#{mode}/{number}/0")
    stages = list(expected(walk, seed))
    for place, table in enumerate(stages):
        seen = page.evaluate(READ)
        assert seen["count"] == f"step {place} of {len(stages) - 1}"
        assert seen["table"] == table
        for (_, above, below), (value, moved) in zip(seen["graph"], table):
            assert (above == "") == (value == "")
            assert (below == "") == (moved == "")
            if moved:
                assert float(below.split(" = ")[1].replace("−", "-")) == pytest.approx(float(moved), rel=1e-4)
        page.keyboard.press("ArrowRight")


def test_arrays_have_all_their_numbers(opened):
    walk = db.trace(network, np.array([[0.1, 0.2], [0.3, 0.4]]), np.ones(2), np.array([0.1, 0.2]))
    page = opened(walk, "#reverse/0/99")
    assert page.evaluate(READ)["table"] == list(expected_reverse(walk, 1.0))[-1]


def test_keys_and_buttons_go_to_the_same_steps(opened, walk):
    page = opened(walk, "#reverse/0/0")
    for key, place in (("End", 10), ("ArrowLeft", 9), ("Home", 0), ("ArrowLeft", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        assert page.locator("#count").inner_text() == f"step {place} of 10"
    for button, place in (("Last step", 10), ("Back", 9), ("First step", 0), ("On", 1)):
        page.get_by_role("button", name=button, exact=False).click()
        assert page.locator("#count").inner_text() == f"step {place} of 10"
    page.get_by_role("slider", name="Step").fill("7")
    assert page.locator("#count").inner_text() == "step 7 of 10"
    assert page.url.endswith("#reverse/0/7")


def test_mode_and_seed_are_chosen(opened, walk):
    page = opened(walk)
    page.get_by_label("reverse mode").check()
    page.get_by_label("Seed").select_option("of y₂")
    page.get_by_role("slider", name="Step").press("End")
    assert page.locator("#lines").inner_text() == "x̄₁ = 3, x̄₂ = 2.3333"


def test_the_present_step_is_marked_in_source_table_graph_and_words(opened, walk):
    page = opened(walk, "#forward/0/1")
    assert page.locator("#source [aria-current]").inner_text() == "    v1 = x1 * x2"
    assert page.locator("tr[aria-current] td").first.inner_text() == "v₁ = x₁ · x₂"
    assert page.locator(".present .name").text_content() == "v₁ = x₁ · x₂"
    status = page.get_by_role("status")
    assert "v̇₁ = x₂ · ẋ₁ + x₁ · ẋ₂ = 3 · 1 + 2 · 0 = 3" in status.inner_text()
    assert status.get_attribute("aria-live") == "polite"


def test_text_of_the_user_is_no_code(opened):
    page = opened(db.trace(hostile, 1.0))
    page.keyboard.press("End")
    assert page.evaluate("window.caught") is None
    assert page.locator("h1 code").inner_text() == hostile.__name__
    assert "onmouseover" in page.locator("#source").inner_text()


def test_full_precision_is_one_click_away(opened, walk):
    page = opened(walk, "#reverse/0/10")
    assert "2.8805\n" in page.locator("#rows").inner_text()
    page.get_by_label("all digits").check()
    assert "x̄₁ = 2.880510859951098" in page.locator("#rows").inner_text()


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_of_wcag_aa(opened, walk, scheme):
    """4.5 to 1, on the page itself and on what is raised from it."""
    page = opened(walk, colours=scheme)
    for mode in ("value", "forward", "reverse"):
        page.evaluate(f"location.hash = '{mode}/0/2'")
        page.locator(f"[data-mode={mode}] tr[aria-current]").wait_for()
        colours = page.evaluate("""() => {
            const of = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
            const paper = of("body", "backgroundColor"), raised = of("#now", "backgroundColor");
            return [
                [of("#words", "color"), raised], [of("#lines p", "color"), raised], [of("#count", "color"), paper],
                [of(".present .name", "fill"), of(".present rect", "fill")], [of(".box .below", "fill"), paper],
                [of("footer", "color"), paper],
            ];
        }""")
        for text, ground in colours:
            high, low = sorted([luminance(text), luminance(ground)], reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5, (mode, text, ground)


def test_the_button_changes_the_colours(opened, walk):
    page = opened(walk, colours="dark")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    seen = [page.evaluate(ground)]
    for _ in range(3):
        page.locator("#theme").click()
        seen.append(page.evaluate(ground))
    dark, light = "rgb(20, 23, 26)", "rgb(255, 255, 255)"
    assert seen == [dark, light, dark, dark]


def test_on_paper_all_steps_are_there_and_the_screen_comes_back(opened, walk):
    page = opened(walk, "#reverse/0/3")
    page.emulate_media(media="print")
    page.locator("#all[open]").wait_for()
    assert page.locator("#transcript li:visible").count() == 11
    assert page.evaluate(READ)["table"] == list(expected_reverse(walk, (1.0, 0.0)))[-1]
    assert not page.locator("#place").is_visible()
    page.emulate_media(media="screen")
    page.get_by_text("step 3 of 10").wait_for()


def test_a_narrow_screen_scrolls_nothing_but_the_graph_sideways(opened, walk):
    page = opened(walk, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

"""The store keeps every cell once, and lets one process measure at a time."""

import sqlite3

import pytest

from diffbench.runner.experiment import Claim, ExperimentError
from diffbench.runner.store import Key, Store

KEY = Key("squares", "quick", "abc")
ANSWER = {"status": "ok", "message": "", "elapsed_s": 0.5, "rows": [{"x": 1.0, "samples": [1, 2]}]}


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path) as store:
        store.begin(KEY, {"seed": 0})
        yield store


def test_what_is_saved_comes_back(store):
    store.save(KEY, {"n": 1}, ANSWER)
    assert store.answers(KEY) == {'{"n": 1}': ANSWER}


def test_a_saved_cell_is_on_the_disk_at_once(store, tmp_path):
    store.save(KEY, {"n": 1}, ANSWER)
    with Store(tmp_path) as another:
        assert len(another.answers(KEY)) == 1


def test_infinities_and_nan_come_back(store):
    store.save(KEY, {"n": 1}, ANSWER | {"rows": [{"inf": float("inf"), "nan": float("nan")}]})
    (row,) = store.answers(KEY)['{"n": 1}']["rows"]
    assert row["inf"] == float("inf")
    assert row["nan"] != row["nan"]


def test_a_cell_cannot_be_saved_twice(store):
    store.save(KEY, {"n": 1}, ANSWER)
    with pytest.raises(sqlite3.IntegrityError):
        store.save(KEY, {"n": 1}, ANSWER)


def test_cells_of_another_profile_or_identity_are_apart(store):
    store.save(KEY, {"n": 1}, ANSWER)
    assert store.answers(KEY._replace(profile="full")) == {}
    assert store.answers(KEY._replace(identity="def")) == {}


def test_a_run_that_goes_on_keeps_the_facts_of_its_start(store):
    store.begin(KEY, {"seed": 1})
    assert store.environment(KEY) == {"seed": 0}


def test_a_forgotten_run_leaves_the_others(store):
    other = KEY._replace(identity="def")
    for key in (KEY, other):
        store.begin(key, {})
        store.save(key, {"n": 1}, ANSWER)
    store.forget(KEY)
    assert store.answers(KEY) == {}
    assert len(store.answers(other)) == 1


def test_the_latest_run_is_the_one_used_last(store):
    full = KEY._replace(profile="full")
    store.begin(full, {})
    assert store.latest("squares") == full
    store.begin(KEY, {})
    assert store.latest("squares") == KEY
    assert store.latest("squares", "full") == full
    assert store.latest("cubes") is None


def test_claims_are_kept_beside_their_run(store, tmp_path):
    store.save_claims(KEY, [Claim("text", None, "1", "2")])
    (text,) = sqlite3.connect(tmp_path / "diffbench.sqlite").execute("SELECT claims FROM runs").fetchone()
    assert text == '[{"text": "text", "holds": null, "found": "1", "expected": "2"}]'


def test_the_file_is_in_wal_mode(store, tmp_path):
    assert sqlite3.connect(tmp_path / "diffbench.sqlite").execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_second_run_into_the_same_folder_is_told_who_holds_it(store, tmp_path):
    refused = pytest.raises(ExperimentError, match=r"process \d+ holds")
    with store.locked(), Store(tmp_path) as another, refused, another.locked():
        pass


def test_the_lock_can_be_had_again(store):
    had = 0
    for _ in range(2):
        with store.locked():
            had += 1
    assert had == 2


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "diffbench.sqlite").write_text("not a database, only text that is long enough to be looked at")
    with pytest.raises(ExperimentError, match="file is not a database"):
        Store(tmp_path)


def test_a_store_of_another_version_is_refused(tmp_path):
    sqlite3.connect(tmp_path / "diffbench.sqlite").execute("PRAGMA user_version = 99")
    with pytest.raises(ExperimentError, match="its format is 99"):
        Store(tmp_path)

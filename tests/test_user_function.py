"""module:function, found, misspelt, and changed since."""

import importlib
import math
import sys

import pytest

from diffbench.errors import UnknownName
from diffbench.user_function import fingerprint, load_function


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    path = tmp_path / "model_of_a_user.py"
    path.write_text("def loss(x):\n    return x * x\n")
    importlib.invalidate_caches()
    yield path
    sys.modules.pop(path.stem, None)


def test_a_function_in_the_current_folder_is_found(model):
    assert load_function("model_of_a_user:loss")(3) == 9


def test_an_installed_function_is_found():
    assert load_function("math:sin") is math.sin


@pytest.mark.parametrize("name", ["", "math", "math:", ":sin"])
def test_what_is_not_module_and_function_says_how_to_write_it(name):
    with pytest.raises(UnknownName, match="write module:function"):
        load_function(name)


def test_a_missing_module_is_named():
    with pytest.raises(UnknownName, match="no module 'no_such_model'"):
        load_function("no_such_model:f")


def test_a_misspelt_function_gets_the_nearest_one(model):
    with pytest.raises(UnknownName, match="did you mean 'loss'"):
        load_function("model_of_a_user:lost")


def test_an_import_that_fails_inside_the_users_module_comes_out_unchanged(model):
    model.write_text("import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency") as caught:
        load_function("model_of_a_user:loss")
    assert not isinstance(caught.value, UnknownName)


def test_fingerprint_changes_with_the_file(model):
    before = fingerprint(load_function("model_of_a_user:loss"))
    sys.modules.pop("model_of_a_user")
    model.write_text("SCALE = 200\n\n\ndef loss(x):\n    return SCALE * x\n")
    importlib.invalidate_caches()
    assert fingerprint(load_function("model_of_a_user:loss")) != before


def test_a_function_in_c_has_no_fingerprint():
    assert fingerprint(math.sin) == ""

import gc
import sys

import pytest

from smt.loading import load_modules, loading

MODULE = "made_for_loading"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A module that notes whether garbage was collected while it was imported."""
    (tmp_path / f"{MODULE}.py").write_text("import gc\ncollects = gc.isenabled()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop(MODULE, None)


def test_no_garbage_is_collected_during_an_import_and_it_is_again_after_it(made):
    load_modules(MODULE)
    assert not sys.modules[MODULE].collects
    assert gc.isenabled()


def test_a_process_that_does_not_collect_garbage_goes_on_so(made):
    gc.disable()
    try:
        load_modules(MODULE)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_failing_import_leaves_collection_on(made):
    with pytest.raises(ModuleNotFoundError):
        load_modules("no_such_module_here")
    assert gc.isenabled()


def test_modules_are_there_once_the_block_is_left(made):
    with loading(MODULE):
        pass
    assert MODULE in sys.modules


def test_an_import_beside_a_block_that_fails_is_raised(made):
    with (
        pytest.raises(ModuleNotFoundError, match="no_such_module_here"),
        loading("no_such_module_here"),
    ):
        pass


def test_an_error_of_the_block_is_the_one_that_is_raised(made):
    with pytest.raises(ZeroDivisionError), loading("no_such_module_here"):
        raise ZeroDivisionError

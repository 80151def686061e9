"""What all tests share: quick garbage collections, and notebooks with sliders that never wait."""

import gc

import pytest


def pytest_collection_finish(session):
    """Leave some ten thousand collected tests, and what they have imported, out of every garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """And what the tests of each file have loaded and left, by the next: libraries, tables, caches of SymPy."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


def pytest_configure(config):
    """Let nbclient send nothing to the widgets of a kernel.

    It would send on the channel on which it waits for the reply to a cell, and then may not notice the reply: ZeroMQ
    tells of it only once. What is lost is five minutes, after which nbclient looks again; nobody is there to be told.
    """
    if config.getoption("nbmake", default=False):
        from nbclient.output_widget import OutputWidget

        OutputWidget._publish_msg = lambda self, *args, **kwargs: None

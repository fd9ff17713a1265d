"""BLAS has one thread while anyone wants so, and as many as before afterwards."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from treefold import threads

np.ones((2, 2)) @ np.ones((2, 2))


def counts() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_thread_until_the_last_holder_has_ended():
    with threads.one():
        with threads.one():
            assert counts() == {1}
        assert counts() == {1}
    assert counts() == {2}


def test_holders_in_threads_may_end_in_any_order():
    begun, over = threading.Event(), threading.Event()

    def hold():
        with threads.one():
            begun.set()
            over.wait()

    other = threading.Thread(target=hold)
    with threads.one():
        other.start()
        begun.wait()
    assert counts() == {1}
    over.set()
    other.join()
    assert counts() == {2}


def test_large_factors_have_all_threads():
    with threads.one():
        with threads.all_for(threads.WORTH):
            assert counts() == {2}
        with threads.all_for(threads.WORTH - 1):
            assert counts() == {1}
        assert counts() == {1}
    with threads.all_for(threads.WORTH):
        assert counts() == {2}
    assert counts() == {2}

"""BLAS has one thread while anyone wants so, and as many as before afterwards; limits that others have set stay."""

import threading

import numpy as np
import pytest
from threadpoolctl import OpenBLASController, threadpool_info, threadpool_limits

from treefold.runtime import blas_threads

np.ones((2, 2)) @ np.ones((2, 2))


def counts() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_one_thread_until_the_last_holder_has_ended():
    with blas_threads.one():
        with blas_threads.one():
            assert counts() == {1}
        assert counts() == {1}
    assert counts() == {2}


def test_holders_in_threads_may_end_in_any_order():
    begun, over = threading.Event(), threading.Event()

    def hold():
        with blas_threads.one():
            begun.set()
            over.wait()

    other = threading.Thread(target=hold)
    with blas_threads.one():
        other.start()
        begun.wait()
    assert counts() == {1}
    over.set()
    other.join()
    assert counts() == {2}


def test_the_limit_of_another_thread_stays_and_can_be_ended_by_it(two, caplog):
    OpenBLASController.clear_controlling_thread(force=True)  # of the fixture
    begun, over, ended = threading.Event(), threading.Event(), threading.Event()

    def limited():
        with threadpool_limits(3, user_api="blas"):
            begun.set()
            over.wait()
        ended.set()

    other = threading.Thread(target=limited)
    other.start()
    begun.wait()
    with caplog.at_level("INFO", "treefold"), blas_threads.one():
        assert counts() == {3}
        with blas_threads.all_for(blas_threads.WORTH):
            assert counts() == {3}
        over.set()
        other.join()
    assert ended.is_set()
    assert counts() == {2}
    assert "another thread has limited them" in caplog.text


def test_large_factors_have_all_threads():
    with blas_threads.one():
        with blas_threads.all_for(blas_threads.WORTH):
            assert counts() == {2}
        with blas_threads.all_for(blas_threads.WORTH - 1):
            assert counts() == {1}
        assert counts() == {1}
    with blas_threads.all_for(blas_threads.WORTH):
        assert counts() == {2}
    assert counts() == {2}

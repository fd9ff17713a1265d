"""What the driver notes of blocks that were lost: once for each recomputation, and never for a copy of a task."""

import pytest

from treefold.dataset.blocks import Recomputed
from treefold.engine.execution.partials import Account
from treefold.engine.execution.recomputations import ALL, EXECUTOR, RecomputationLog
from treefold.engine.storage.provenance import BuildRecord
from treefold.errors import InputError


def account(*built: BuildRecord) -> Account:
    return Account(0.1, 10, 2, 100, 1, list(built), [])


def record(first: int, during: str, checksum: int = 7) -> BuildRecord:
    return BuildRecord(first, 2, during, 0.5, (1, checksum))


@pytest.fixture
def log():
    """After a first pass that built two runs of blocks."""
    log = RecomputationLog(exact=True)
    assert log.losses([account(record(0, "1")), account(record(2, "1"))]) == ()
    return log


def test_blocks_that_a_pass_builds_again_are_told_once(log):
    assert log.losses([account(record(0, "1")), account(record(2, "5"))]) == (Recomputed(EXECUTOR, 2, 0.5),)
    assert log.losses([account(record(0, "1")), account(record(2, "5"))]) == ()


def test_blocks_that_a_task_of_the_pool_has_built_between_passes_are_told_by_the_next(log):
    """Its job has the name of the pass for which the pool was started."""
    for _ in range(3):
        assert log.losses([account(record(0, "1")), account(record(2, "1"))]) == ()
    assert log.losses([account(record(0, "1")), account(record(2, "3"))]) == (Recomputed(EXECUTOR, 2, 0.5),)


def test_a_copy_of_a_task_of_the_same_pass_is_no_loss(log):
    assert log.losses([account(record(0, "1")), account(record(2, "1"))]) == ()


def test_the_reason_is_that_of_the_next_pass_alone(log):
    log.remake()
    assert log.losses([account(record(0, "2")), account(record(2, "2"))]) == (Recomputed(ALL, 4, 0.5),)
    assert log.losses([account(record(0, "3")), account(record(2, "2"))]) == (Recomputed(EXECUTOR, 2, 0.5),)


def test_other_rows_are_refused(log):
    with pytest.raises(InputError, match="came back otherwise"):
        log.losses([account(record(0, "1")), account(record(2, "2", checksum=8))])

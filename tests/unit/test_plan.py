import pytest

from treefold.block import BLOCK_BYTES, MOST_ROWS, MOST_SPARSE_ROWS, SPARSE_ROWS, rows_per_block
from treefold.engine.plan import block_runs


@pytest.mark.parametrize("rows", [1, 64, 65, 1000, 100_003])
@pytest.mark.parametrize("tasks", [1, 2, 7, 64])
def test_runs_cover_every_block_once_and_are_balanced(rows, tasks):
    runs = block_runs(rows, 64, tasks, edges=range(0, rows, 997))
    blocks = -(-rows // 64)
    assert [first for first, _ in runs] == [0, *(last for _, last in runs[:-1])]
    assert runs[-1][1] == blocks
    assert len(runs) == min(tasks, blocks)
    sizes = [last - first for first, last in runs]
    assert min(sizes) >= 1
    assert max(sizes) <= max(1.07 * blocks / len(runs), blocks / len(runs) + 1)


def test_a_run_begins_just_after_a_row_group_where_that_is_cheap():
    assert block_runs(1_000_000, 4096, 2, edges=[0, 500_000]) == [(0, 123), (123, 245)]
    assert block_runs(1_000_000, 4096, 2) == [(0, 122), (122, 245)]
    assert block_runs(1_000_000, 4096, 2, edges=[0, 300_000]) == [(0, 122), (122, 245)]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("partial_rows", [1, 3000])
@pytest.mark.parametrize("features", [1, 100, 4096, 47_236, 10**6])
def test_blocks_are_powers_of_two_and_their_sums_smaller_than_their_rows(features, partial_rows, sparse):
    rows = rows_per_block(features, "float32", sparse, partial_rows)
    assert rows.bit_count() == 1
    assert 64 <= rows <= (MOST_SPARSE_ROWS if sparse else MOST_ROWS)
    assert rows >= min(4 * partial_rows, MOST_ROWS)
    if sparse:
        assert rows >= max(SPARSE_ROWS, min(features / 8, MOST_SPARSE_ROWS))
    elif partial_rows == 1 and 64 < rows < MOST_ROWS:
        assert BLOCK_BYTES / 2 < rows * features * 4 <= BLOCK_BYTES

import pytest

from treefold.dataset.block import BLOCK_BYTES, MOST_ROWS, MOST_SPARSE_ROWS, SPARSE_BYTES, SPARSE_ROWS, rows_per_block
from treefold.engine.execution.executors import Growth, slots_asked_for
from treefold.engine.reading.partitioning import TaskCount, block_runs, bytes_of_blocks


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


@pytest.mark.parametrize("stored", [None, 0, 30])
@pytest.mark.parametrize("partial_rows", [1, 3000])
@pytest.mark.parametrize("features", [1, 100, 4096, 47_236, 10**6])
def test_blocks_are_powers_of_two_and_their_sums_smaller_than_their_rows(features, partial_rows, stored):
    rows = rows_per_block(features, "float32", stored, partial_rows)
    sparse = stored is not None
    assert rows.bit_count() == 1
    assert 64 <= rows <= (MOST_SPARSE_ROWS if sparse else MOST_ROWS)
    assert rows >= min(4 * partial_rows, MOST_ROWS)
    if sparse:
        assert rows >= max(SPARSE_ROWS, min(features / 8, MOST_SPARSE_ROWS))
    elif partial_rows == 1 and 64 < rows < MOST_ROWS:
        assert BLOCK_BYTES / 2 < rows * features * 4 <= BLOCK_BYTES


@pytest.mark.parametrize("features", [100, 47_236, 10**8])
def test_csr_blocks_of_narrow_results_have_as_many_rows_for_any_number_of_features(features):
    assert rows_per_block(features, "float32", 30, 0) == SPARSE_ROWS
    assert rows_per_block(features, "float32", 10**6, 0) == 64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("partial_rows", [1, 1000])
@pytest.mark.parametrize("features", [4096, 47_236, 10**6, 10**8])
@pytest.mark.parametrize("share", [1e-6, 0.001, 0.01, 0.049])
def test_a_block_of_csr_holds_no_more_than_its_bytes_or_those_of_its_sums(features, share, partial_rows, dtype):
    stored = int(features * share) + 1
    rows = rows_per_block(features, dtype, stored, partial_rows)
    held = rows * stored * (8 if dtype == "float32" else 12)
    assert rows == 64 or held <= max(SPARSE_BYTES, partial_rows * features * 8)
    assert rows.bit_count() == 1


@pytest.mark.parametrize(
    ("slots", "mebibytes", "tasks"), [(2, 1, 2), (2, 256, 2), (2, 257, 3), (64, 1000, 64), (2, 10**6, 7813)]
)
def test_a_pass_has_as_many_tasks_as_slots_or_as_the_bytes_need(slots, mebibytes, tasks):
    assert TaskCount(slots, by_bytes=True).of(mebibytes << 20) == tasks
    assert TaskCount(slots).of(mebibytes << 20) == slots


def test_bytes_are_those_of_the_blocks():
    assert bytes_of_blocks(1000, 50, "float32", None) == 200_000
    assert bytes_of_blocks(1000, 50, "float64", 3) == 36_000


@pytest.mark.parametrize(("mebibytes", "tasks"), [(1, 2), (64, 4), (1600, 100), (10**4, 100), (10**5, 782)])
def test_slots_that_are_to_come_have_a_task_each_of_at_least_16_mebibytes(mebibytes, tasks):
    assert TaskCount(2, by_bytes=True, slots_to_come=100).of(mebibytes << 20) == tasks


@pytest.mark.parametrize(
    ("properties", "slots"),
    [
        ({}, 0),
        ({"executor.instances": "3", "executor.cores": "4"}, 12),
        ({"executor.instances": "3", "executor.cores": "4", "task.cpus": "2"}, 6),
        ({"dynamicAllocation.enabled": "true", "executor.cores": "4"}, 0),
        ({"dynamicAllocation.enabled": "true", "dynamicAllocation.maxExecutors": "50", "executor.cores": "4"}, 200),
        ({"dynamicAllocation.enabled": "TRUE", "dynamicAllocation.maxExecutors": "50", "cores.max": "24"}, 24),
        ({"cores.max": "24", "executor.cores": "4"}, 24),
    ],
)
def test_the_slots_that_a_cluster_may_give_are_those_of_its_properties(properties, slots):
    assert slots_asked_for(lambda name, default: properties.get(name.removeprefix("spark."), default)) == slots


def test_blocks_are_placed_anew_for_each_doubling_of_the_executors_and_not_where_one_task_would_move():
    present = [1]
    growth = Growth(lambda: present[0])
    growth.placed()
    spread = []
    for present[0] in (1, 2, 3, 4, 0, 1, 2, 7):
        spread.append(growth.grown(8))
        if spread[-1]:
            growth.placed()
    assert spread == [False, True, False, True, False, False, True, True]
    present[0] = 100
    assert growth.grown(8)
    assert not growth.grown(7)

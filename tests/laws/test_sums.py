"""What a sum of statistics is: field by field, in 64 bits, whatever the type of a block's own numbers."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.sparse import csr_array

from rows import ragged
from treefold.dataset.block import Block
from treefold.dataset.folds import held_out, training
from treefold.dataset.shared_passes import share_passes
from treefold.dataset.splits import Hashed
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError


class Counted(NamedTuple):
    value: Any


def small(block: Block, value: Any, dtype: str) -> Counted:
    return Counted(np.array([value], dtype))


def number(block: Block, value: Any) -> Counted:
    return Counted(value)


def pair(block: Block) -> dict:
    return {"rows": len(block.y)}


@pytest.fixture
def ten(small_blocks):
    """Ten blocks."""
    return LocalBlocks.from_arrays(np.zeros((10 * small_blocks, 2)), np.zeros(10 * small_blocks))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(200, "u1"), (2**31 - 1, "i4"), (-128, "i1"), (True, "?"), (2**32 - 1, "u4"), (60000, "f2"), (1, "f4")],
)
def test_ten_blocks_sum_to_ten_times_one(ten, value, dtype):
    once = np.array([value], dtype)[0]
    total = ten.sum(small, value, dtype).value
    assert total[0] == 10 * once.item()
    assert total.dtype.itemsize == 8


@pytest.mark.parametrize("value", [True, 3, 2.5, 2**63])
def test_numbers_are_added_as_arrays_are(ten, value):
    assert ten.sum(number, value).value == 10 * value


@pytest.mark.parametrize("value", ["text", None, {"a": 1}], ids=str)
def test_what_is_no_number_is_one_line_with_the_name_of_the_statistic(ten, value):
    with pytest.raises(InputError, match=r"number\.value is of type"):
        ten.sum(number, value)


def test_a_statistic_that_is_no_named_tuple_is_one_line(ten):
    with pytest.raises(InputError, match="pair returned a dict: return a NamedTuple"):
        ten.sum(pair)


def of_all(blocks, value: Any, dtype: str) -> Counted:
    return [Counted(np.array([value], dtype)) for _ in blocks].pop()


def stored(block: Block) -> Counted:
    return Counted(csr_array(np.array([[0, 200]], np.uint8)))


def test_sparse_and_complex_fields_are_as_wide(ten):
    assert ten.sum(stored).value.toarray().tolist() == [[0, 2000]]
    assert ten.sum(number, np.complex64(1j)).value == 10j


def test_sums_of_every_engine_are_as_wide(engine):
    blocks = engine(np.ones((640, 2)), np.zeros(640))
    found = blocks.sum(small, 200, "u1").value
    assert found[0] == 200 * blocks.sum(number, 1).value
    assert found.dtype == np.uint64
    for stat in (pair, number):
        with pytest.raises(InputError, match=f"^the statistic {stat.__name__}"):
            blocks.sum(stat, *(["text"] if stat is number else []))


def test_sums_of_folds_of_shared_passes_and_of_tasks_are_as_wide():
    blocks = ragged(np.ones((640, 2)), np.zeros(640), np.ones(640), [100, 200], "float64")
    split = Hashed(2, 1)
    for view in (training(blocks, split, 0), held_out(blocks, split, 0)):
        assert view.sum(small, 200, "u1").value.tolist() == [600]
        assert view.reduce_tasks(of_all, 200, "u1").value.dtype == np.uint64
    for found in share_passes(blocks, [lambda shared_blocks: shared_blocks.sum(small, 200, "u1")] * 2):
        assert found.value.tolist() == [600]
    with pytest.raises(InputError, match=r"^the statistic pair returned a dict"):
        share_passes(
            blocks, [lambda shared_blocks: shared_blocks.sum(pair), lambda shared_blocks: shared_blocks.sum(number, 1)]
        )
    assert blocks.reduce_tasks(of_all, 200, "u1").value.dtype == np.uint64

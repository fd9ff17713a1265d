"""CSR blocks: every engine gives the sums of the dense rows."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array, csr_matrix, issparse, random_array

from treefold.dataset import block as block_module
from treefold.dataset.block import Block
from treefold.dataset.csr import as_csr, densify, is_sparse, make_csr
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError

RNG = np.random.default_rng(21)
ROWS, FEATURES = 700, 90
X = random_array((ROWS, FEATURES), density=0.02, format="csr", rng=RNG)
X.data -= 0.5
X = csr_array(X.multiply(np.arange(ROWS)[:, None] % 7 > 0))  # rows without an entry among them
X.eliminate_zeros()
Y = RNG.integers(0, 2, ROWS).astype(float)
WEIGHT = RNG.random(ROWS)


class Totals(NamedTuple):
    rows: np.ndarray
    features: np.ndarray
    products: np.ndarray
    kinds: np.ndarray  # blocks that are dense, CSR


def totals(block: Block) -> Totals:
    products = block.X.T @ (block.X @ np.ones(block.X.shape[1]) * block.weight)
    kinds = np.array([not issparse(block.X), issparse(block.X)], int)
    return Totals(len(block.y), block.X.T @ block.weight, products, kinds)


class Flaws(NamedTuple):
    order: np.ndarray
    types: np.ndarray
    zeros: np.ndarray


def flaws(block: Block) -> Flaws:
    """Violations of a block's contract."""
    ours = csr_array((block.X.data, block.X.indices, block.X.indptr), block.X.shape)
    kinds = block.X.indices.dtype, block.X.indptr.dtype, block.X.data.dtype
    wrong = kinds != (np.int32, np.int32, block.y.dtype) or not isinstance(block.X, csr_array)
    return Flaws(np.array(not ours.has_canonical_format, int), np.array(wrong, int), (block.X.data == 0).sum())


def to_dense(block: Block) -> Block:
    return block._replace(X=block.X.toarray())


def to_csr(block: Block) -> Block:
    return block._replace(X=csr_array(block.X))


def reversed_columns(block: Block) -> Block:
    """Unsorted indices and a matrix of another class: what comes out must be as blocks are."""
    X = csr_matrix(block.X)
    return block._replace(X=csr_matrix((X.data, X.shape[1] - 1 - X.indices, X.indptr), X.shape))


def assert_same(left: Totals, right: Totals) -> None:
    for a, b in zip(left[:3], right[:3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.fixture
def dense_totals(small_blocks) -> Totals:
    return LocalBlocks.from_arrays(X.toarray(), Y, WEIGHT, dtype="float64").sum(totals)


def test_sums_over_csr_are_those_over_dense_blocks(every_sparse_engine, dense_totals):
    blocks = every_sparse_engine(X, Y, WEIGHT)
    found = blocks.sum(totals)
    assert_same(found, dense_totals)
    assert found.kinds[0] == 0
    assert blocks.features == FEATURES
    assert blocks.sum(flaws) == (0, 0, 0)


def test_csr_is_mapped_to_dense_to_csr_and_back(every_sparse_engine, dense_totals):
    blocks = every_sparse_engine(X, Y, WEIGHT)
    dense = blocks.map(to_dense)
    assert dense.sum(totals).kinds[1] == 0
    assert_same(dense.sum(totals), dense_totals)
    back = dense.map(to_csr)
    assert back.sum(totals).kinds[0] == 0
    assert_same(back.sum(totals), dense_totals)
    assert back.sum(flaws) == (0, 0, 0)


def test_mapped_csr_is_put_in_the_form_of_blocks(every_sparse_engine, dense_totals):
    mapped = every_sparse_engine(X, Y, WEIGHT).map(reversed_columns)
    np.testing.assert_allclose(mapped.sum(totals).features[::-1], dense_totals.features, rtol=1e-12)
    assert mapped.sum(flaws) == (0, 0, 0)


def test_rows_without_any_entry(every_sparse_engine):
    blocks = every_sparse_engine(csr_array((ROWS, FEATURES)), Y, WEIGHT)
    assert blocks.sum(totals).rows == ROWS
    assert blocks.sum(totals).kinds[0] == 0
    assert not blocks.sum(totals).features.any()


class Starts(NamedTuple):
    rows: np.ndarray


def starts(block: Block) -> Starts:
    """Marks the rows of the data set at which blocks begin."""
    return Starts(np.array(np.arange(ROWS) == block.id, int))


@pytest.mark.parametrize(
    "every_sparse_engine",
    ["local", *(pytest.param(reader, marks=pytest.mark.spark) for reader in ("parquet", "dataframe"))],
    indirect=True,
)
@pytest.mark.parametrize(("bytes_each", "block_rows"), [(None, 256), (20, 128), (1, 64)])
def test_blocks_of_csr_are_sized_by_the_entries_of_the_first_rows(
    every_sparse_engine, monkeypatch, bytes_each, block_rows
):
    monkeypatch.setattr(block_module, "SPARSE_ROWS", 256)
    entries = -(-X.nnz // ROWS)
    if bytes_each:
        monkeypatch.setattr(block_module, "SPARSE_BYTES", 255 * bytes_each * 12 * entries // 20)
    found = every_sparse_engine(X, Y, WEIGHT).sum(starts)
    np.testing.assert_array_equal(np.flatnonzero(found.rows), np.arange(0, ROWS, block_rows))


@pytest.mark.parametrize(("entries", "features"), [(2**31, 7), (2**32 + 1, 7), (2, 2**31)])
def test_more_than_int32_can_number_is_refused(entries, features):
    with pytest.raises(InputError, match=f"1 rows of {features} features store {entries} entries"):
        make_csr(np.empty(0), np.empty(0, int), np.array([0, entries]), (1, features))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_csr_and_dense_arrays_hold_the_same_bits(dtype):
    dense = X.toarray().astype(dtype)
    dense[3, :4] = [-0.0, 0.0, np.nan, np.inf]
    back = np.empty_like(dense)
    made = as_csr(dense, dtype)
    densify(made, back)
    assert back.tobytes() == dense.tobytes()
    again = as_csr(made, dtype)
    assert [a.tobytes() for a in parts(again)] == [a.tobytes() for a in parts(made)]


def parts(matrix: csr_array) -> tuple:
    return matrix.data, matrix.indices, matrix.indptr


def test_any_sparse_matrix_is_taken_and_left_as_it_was():
    row, column, data = [1, 0, 1, 1], [2, 1, 0, 2], [1.0, 0.0, 3.0, 4.0]
    for given in (coo_array((data, (row, column)), (3, 4)), csr_matrix((data, (row, column)), (3, 4)).tolil()):
        before = given.copy()
        made = as_csr(given, "float32")
        assert [a.tolist() for a in parts(made)] == [[3.0, 5.0], [0, 2], [0, 0, 2, 2]]
        assert (given != before).nnz == 0
    (block,) = LocalBlocks.from_arrays(coo_array((data, (row, column)), (3, 4))).blocks
    assert [a.tolist() for a in parts(block.X)] == [[3.0, 5.0], [0, 2], [0, 0, 2, 2]]
    assert block.X.dtype == block.y.dtype == np.float32


def test_a_value_too_small_for_float32_is_not_stored():
    assert as_csr(np.array([[1e-60, 1.0]]), "float32").nnz == 1
    assert as_csr(csr_array(np.array([[1e-60, 1.0]])), "float32").nnz == 1


def test_sparse_is_what_stores_fewer_than_one_entry_in_twenty():
    assert is_sparse([4, 0], 41)
    assert is_sparse([0], 1)
    assert not is_sparse([4, 0], 40)
    assert not is_sparse([3_000_000_000] * 2, 4_000_000_000)

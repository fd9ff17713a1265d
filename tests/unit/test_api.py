"""The public functions: data as blocks, the laws of a statistic, the loop with a measure of progress of one's own."""

import doctest
import logging
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.sparse import csr_array, issparse

import treefold
from rows import write_parquet
from treefold import InputError, LocalBlocks, api, check_statistic, iterate, open_blocks
from treefold.optim.status import CONVERGED, MAX_ITER, RUNNING
from treefold.statistics.moments import feature_moments

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(5)
X, Y, WEIGHT = RNG.standard_normal((300, 3)), RNG.standard_normal(300), RNG.integers(0, 3, 300).astype(float)


class Total(NamedTuple):
    weight: float
    features: np.ndarray


def total(block):
    return Total(block.weight.sum(), block.weight @ block.X)


def test_an_import_of_the_package_loads_nothing_else():
    code = "import sys, treefold; print([m for m in sys.modules if m[:9] == 'treefold.' or m in ('numpy', 'pyspark')])"
    out = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "lib")}, capture_output=True, text=True
    )
    assert out.stdout.strip() == "[]", out.stderr


def test_every_exported_name_is_there():
    for name in treefold.__all__:
        assert getattr(treefold, name).__name__ == name
        assert name in dir(treefold)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        treefold.nothing  # noqa: B018


def test_the_package_logs_nothing_unless_asked():
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("treefold").handlers)


def test_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    ran = doctest.testmod(api)
    assert (ran.failed, ran.attempted) == (0, 4)


def test_a_path_read_here_gives_the_sums_of_its_rows(tmp_path, small_blocks):
    path = write_parquet(tmp_path / "rows", X, Y, WEIGHT, [5, 5, 150])
    (tmp_path / "rows" / "_SUCCESS").touch()
    expected = LocalBlocks.from_arrays(X, Y, WEIGHT, dtype="float64").sum(total)
    with open_blocks(path, ["x0", "x1", "x2"], "label", "weight", dtype="float64") as blocks:
        found = blocks.sum(total)
    assert found.weight == expected.weight
    np.testing.assert_array_equal(found.features, expected.features)


def test_without_label_and_weight_every_row_counts_once(tmp_path):
    path = write_parquet(tmp_path / "rows", X, Y, WEIGHT, [])
    with open_blocks(path, "x0", dtype="float64") as blocks:
        found = feature_moments(blocks)
    assert (found.rows, found.weight, found.mean.shape) == (300, 300.0, (1,))
    np.testing.assert_allclose(found.variance, X[:, :1].var(axis=0))


@pytest.mark.spark
@pytest.mark.parametrize("how", ["path", "frame", "filtered"])
def test_spark_gives_the_bits_of_this_process(spark, tmp_path, small_blocks, how):
    # Spark takes the larger file first where it reads the rows itself.
    path = write_parquet(tmp_path / "rows", X, Y, WEIGHT, [200])
    columns = {"features": ["x0", "x1", "x2"], "label": "label", "weight": "weight"}
    with open_blocks(path, **columns) as blocks:
        expected = blocks.sum(total)
    rows = {"path": path, "frame": spark.read.parquet(path), "filtered": spark.read.parquet(path).where("label < 99")}
    with open_blocks(rows[how], **columns, spark=spark) as blocks:
        found = blocks.sum(total)
    np.testing.assert_array_equal(np.hstack(found), np.hstack(expected))


@pytest.mark.parametrize(
    ("data", "features", "message"),
    [
        ("nowhere", ["x0"], "there are no Parquet files at .*nowhere: check the path"),
        ("rows", ["x9"], "has no column 'x9'"),
        ("rows", [], "no feature column is named"),
    ],
)
def test_bad_input_is_one_line(tmp_path, data, features, message):
    write_parquet(tmp_path / "rows", X, Y, WEIGHT, [])
    with pytest.raises(InputError, match=message), open_blocks(str(tmp_path / data), features):
        pass


def test_what_is_no_data_is_refused():
    with pytest.raises(InputError, match="data is a ndarray"), open_blocks(X, ["x0"]):
        pass


def dense(block):
    return block.X.toarray() if issparse(block.X) else block.X


def mean(block):
    return Total(block.weight.sum(), block.weight @ dense(block) / block.weight.sum())


def unweighted(block):
    return Total(block.weight.sum(), dense(block).sum(axis=0))


def squared_weight(block):
    return Total(float((block.weight**2).sum()), block.weight @ dense(block))


def counts_absent(block):
    return Total(block.weight.sum(), (block.weight + 1.0) @ dense(block))


def row_by_row(block):
    return Total(block.weight.sum(), block.weight[:, None] * dense(block))


def a_list(block):
    return [block.weight.sum()]


def sparse_blocks():
    return LocalBlocks.from_arrays(csr_array(np.where(abs(X) > 1, X, 0)), Y, dtype="float64")


@pytest.mark.parametrize("blocks", [LocalBlocks.from_arrays(X, Y), sparse_blocks()], ids=["dense", "csr"])
def test_a_sum_over_weighted_rows_passes(blocks):
    check_statistic(total, blocks)


@pytest.mark.parametrize(
    ("stat", "message"),
    [
        (mean, "'mean' breaks the law 'a cut after row 1 changes nothing': field 'features'"),
        (unweighted, "breaks the law 'weight 2 is the row twice': field 'features'"),
        (squared_weight, "breaks the law 'weight 2 is the row twice': field 'weight'"),
        (counts_absent, "breaks the law 'weight 2 is the row twice': field 'features'"),
        (row_by_row, "breaks the law 'a cut after row 1 changes nothing': field 'features' has shapes"),
        (a_list, "statistic 'a_list' returns a list: it must return a NamedTuple of arrays"),
    ],
)
def test_a_statistic_that_is_no_sum_is_named_with_the_law_it_breaks(stat, message):
    with pytest.raises(InputError, match=message) as caught:
        check_statistic(stat, LocalBlocks.from_arrays(X, Y))
    assert "\n" not in str(caught.value)


class Count(NamedTuple):
    rows: np.ndarray


def zero_weight_counts(block):
    """Homogeneous in the weights, yet the last row of weight 0 takes part."""
    return Count(np.array(block.weight.sum() + block.weight.max() * (block.weight == 0).sum()))


def stored_weight(block):
    stored = np.diff(block.X.indptr) if issparse(block.X) else np.full(len(block.y), block.X.shape[1])
    return Count(block.weight @ stored)


def test_rows_of_weight_zero_that_count_are_found():
    with pytest.raises(InputError, match="'weight 0 is an absent row': field 'rows'"):
        check_statistic(zero_weight_counts, LocalBlocks.from_arrays(X, Y))


def test_csr_that_differs_from_dense_is_found():
    with pytest.raises(InputError, match="'CSR is the same as dense': field 'rows'"):
        check_statistic(stored_weight, sparse_blocks())


class Halving(NamedTuple):
    size: np.ndarray
    iteration: np.ndarray
    status: np.ndarray


def test_a_loop_stops_each_model_by_the_callers_measure():
    def step(state):
        live = state.status == RUNNING
        return state._replace(
            size=np.where(live, state.size / 2, state.size), iteration=state.iteration + live.astype(int)
        )

    start = Halving(np.array([1.0, 8.0, 1e9]), np.zeros(3, int), np.full(3, RUNNING))
    end = iterate(step, start, 10, 0.25, progress=lambda state: state.size)
    np.testing.assert_array_equal(end.iteration, [2, 5, 10])
    np.testing.assert_array_equal(end.status, [CONVERGED, CONVERGED, MAX_ITER])

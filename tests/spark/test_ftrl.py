"""FTRL on a session of Spark: shards in processes beside the driver, the bits of this process, faults, a cluster."""

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.tuning import ParamGridBuilder
from scipy.sparse import csr_array

from rows import stored, vectors_in_order, write_parquet
from treefold import ml
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.parameters import start
from treefold.persistence import model_io
from treefold.persistence.checkpoint import Checkpoint

pytestmark = pytest.mark.spark

RNG = np.random.default_rng(23)
ROWS, FEATURES = 900, 30
DENSE = RNG.standard_normal((ROWS, FEATURES)) * (RNG.random((ROWS, FEATURES)) < 0.04)
SCORE = DENSE @ RNG.standard_normal(FEATURES) * 3
LABEL = (SCORE + RNG.logistic(size=ROWS) * 0.2 > 0.1) * 1.0
PARAMS = {"batchSize": 512, "maxIter": 2, "regParam": 1e-3, "elasticNetParam": 0.5, "dtype": "float64"}


@pytest.fixture(scope="module")
def sparse_rows(spark, tmp_path_factory):
    return stored(vectors_in_order(spark, DENSE, LABEL, np.ones(ROWS)), tmp_path_factory.mktemp("rows") / "data")


def in_this_process(estimator, X=None, y=LABEL):
    blocks = LocalBlocks.from_arrays(csr_array(DENSE) if X is None else X, y, dtype="float64")
    return estimator.fit_batch(blocks, [estimator])


def test_the_bits_are_those_of_one_process_for_any_tasks_and_shards(small_blocks, sparse_rows):
    estimator = ml.FTRLClassifier(**PARAMS)
    expected = in_this_process(estimator)
    for tasks, shards in ((1, 1), (2, 3), (5, 2)):
        model = estimator.copy({estimator.numTasks: tasks, estimator.numShards: shards}).fit(sparse_rows)
        np.testing.assert_array_equal(model.numpy_model.coef, expected.numpy_models[0].coef)
        assert model.summary.objectiveHistory == expected.histories[0]
    assert model.training_summary.fit.nonzero == np.count_nonzero(model.coefficients.toArray())
    clocks = [one for one in model.summary.passes if one.name == "lane_pushes"]
    assert len(clocks) == 2 * -(-ROWS // 512)
    assert (model.summary.totalIterations, model.hasSummary) == (2, True)
    assert model.summary.accuracy > 0.7


def test_the_regressor_reads_columns_and_data_frames(spark, tmp_path):
    X, y = DENSE[:, :3], DENSE[:, :3] @ [3.0, -2.0, 1.0] + 50
    frame = spark.read.parquet(write_parquet(tmp_path / "rows", X, y, np.ones(ROWS), [300]))
    estimator = ml.FTRLRegressor(featuresCol=["x0", "x1", "x2"], maxIter=60, batchSize=100, stepSize=0.5, numShards=2)
    model = estimator.fit(frame)
    np.testing.assert_allclose(model.coefficients.toArray(), [3, -2, 1], atol=0.1)
    assert model.intercept == pytest.approx(50, abs=0.1)
    assert model.summary.r2 > 0.98
    other = estimator.fit(frame.where("x0 is not null"))
    assert [one.summary.passes[0].source for one in (model, other)] == ["parquet", "dataframe"]
    assert model.evaluate(frame).rootMeanSquaredError < 0.1


def test_counts_have_the_bits_of_one_process_and_exponential_predictions(spark, tmp_path):
    X, y = DENSE[:, :3], RNG.poisson(np.exp(DENSE[:, 0])) * 1.0
    frame = spark.read.parquet(write_parquet(tmp_path / "rows", X, y, np.ones(ROWS), [300]))
    estimator = ml.FTRLRegressor(featuresCol=["x0", "x1", "x2"], loss="poisson", batchSize=300, dtype="float64")
    model = estimator.fit(frame)
    np.testing.assert_array_equal(model.numpy_model.coef, in_this_process(estimator, X, y).numpy_models[0].coef)
    made = model.transform(frame).toPandas()
    margin = made[["x0", "x1", "x2"]].to_numpy() @ model.coefficients.toArray() + model.intercept
    np.testing.assert_allclose(made.prediction, np.exp(margin), rtol=1e-12)


def test_models_are_saved_transform_and_export_as_other_linear_models_do(spark, sparse_rows, tmp_path):
    model = ml.FTRLClassifier(threshold=0.4, **PARAMS).fit(sparse_rows)
    model.save(str(tmp_path / "m"))
    loaded = ml.FTRLClassificationModel.load(str(tmp_path / "m"))
    assert loaded.getThreshold() == 0.4
    made = [one.transform(sparse_rows).toPandas() for one in (model, loaded)]
    np.testing.assert_array_equal(made[0].prediction, made[1].prediction)
    mine = np.stack([row.toArray() for row in made[0].probability])
    rows = np.stack([row.toArray() for row in made[0].features])
    np.testing.assert_allclose(model_io.load(str(tmp_path / "m")).probability(rows), mine, rtol=1e-12)
    np.testing.assert_array_equal(made[0].prediction, mine[:, 1] > 0.4)
    theirs = model.toSpark(spark).transform(sparse_rows).toPandas()
    np.testing.assert_array_equal(theirs.prediction, made[0].prediction)
    piped = Pipeline(stages=[ml.FTRLClassifier(**PARAMS)]).fit(sparse_rows)
    piped.save(str(tmp_path / "p"))
    assert isinstance(PipelineModel.load(str(tmp_path / "p")).stages[0], ml.FTRLClassificationModel)


def test_a_search_fits_each_setting_as_it_is_fitted_alone(sparse_rows):
    estimator = ml.FTRLClassifier(batchSize=300, maxIter=2)
    grid = ParamGridBuilder().addGrid(estimator.regParam, [1e-3, 10.0]).build()
    found = ml.TrainValidationSplit(estimator=estimator, estimatorParamMaps=grid, evaluator="logLoss").fit(sparse_rows)
    assert found.bestModel.getRegParam() == 1e-3
    alone = estimator.copy({estimator.regParam: 1e-3}).fit(sparse_rows)
    np.testing.assert_array_equal(found.bestModel.numpy_model.coef, alone.numpy_model.coef)


def test_a_worker_that_is_killed_changes_no_bit(spark, small_blocks, sparse_rows):
    estimator = ml.FTRLClassifier(**PARAMS | {"maxIter": 6})
    expected, killed = in_this_process(estimator), []

    def kill(progress):
        if progress.iteration in (2, 4) and len(killed) < progress.iteration // 2:
            workers = subprocess.run(["pgrep", "-f", "pyspark[.]daemon", "-P", str(jvm_of(spark))], capture_output=True)
            daemon = workers.stdout.split()[0].decode()
            mine = subprocess.run(["pgrep", "-P", daemon], capture_output=True).stdout.split()
            os.kill(int(mine[0]), signal.SIGKILL)
            killed.append(int(mine[0]))

    model = estimator.copy().watch(kill).fit(sparse_rows)
    assert len(killed) == 2
    np.testing.assert_array_equal(model.numpy_model.coef, expected.numpy_models[0].coef)


def jvm_of(spark):
    return spark._jvm.java.lang.ProcessHandle.current().pid()


def test_a_shard_that_is_killed_ends_the_fit_with_one_line(sparse_rows, monkeypatch):
    started, begin = [], subprocess.Popen
    monkeypatch.setattr(
        start.subprocess, "Popen", lambda *args, **more: started.append(begin(*args, **more)) or started[-1]
    )
    estimator = ml.FTRLClassifier(**PARAMS | {"maxIter": 50}).watch(lambda progress: started[0].kill())
    with pytest.raises(InputError, match=r"the parameter shard at 127\.0\.0\.1:.* does not answer"):
        estimator.fit(sparse_rows)
    assert all(process.poll() is not None for process in started)


def test_a_checkpoint_and_bad_labels_are_told_in_one_line(spark, sparse_rows, tmp_path):
    with pytest.raises(InputError, match="FTRL keeps no checkpoints"):
        ml.FTRLClassifier().resume_from(Checkpoint(str(tmp_path / "c"), "job", 1, resume=False)).fit(sparse_rows)
    frame = spark.createDataFrame(pd.DataFrame({"x": [1.0, 2.0, 3.0], "label": [0.0, 1.0, 2.0]}))
    with pytest.raises(InputError, match="takes two classes, but 'label' has 3"):
        ml.FTRLClassifier(featuresCol=["x"]).fit(frame)


def test_executors_of_a_cluster_reach_the_shards(tmp_path):
    """Two executors of their own, in an application of their own."""
    estimator = ml.FTRLClassifier(featuresCol=["x0", "x1"], batchSize=512, dtype="float64")
    folder = write_parquet(tmp_path / "rows", DENSE[:, :2], LABEL, np.ones(ROWS), [400])
    text = f"""
import numpy as np
from pyspark.sql import SparkSession
from treefold import ml

spark = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false").getOrCreate()
estimator = ml.FTRLClassifier(featuresCol=["x0", "x1"], batchSize=512, dtype="float64", numShards=2)
np.save({str(tmp_path / "coef.npy")!r}, estimator.fit(spark.read.parquet({folder!r})).numpy_model.coef)
"""
    subprocess.run([sys.executable, "-c", text], check=True, timeout=300)
    expected = in_this_process(estimator, DENSE[:, :2]).numpy_models[0].coef
    np.testing.assert_array_equal(np.load(tmp_path / "coef.npy"), expected)

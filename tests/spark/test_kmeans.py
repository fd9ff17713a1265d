"""KMeans on Spark: pyspark.ml's names and behaviour, against MLlib itself; any tasks, any reader, any start."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from chispa import assert_df_equality
from pyspark.ml import Pipeline, PipelineModel, clustering
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import types as t
from scipy.sparse import csr_array, random_array
from sklearn.cluster import KMeans as ScikitLearn
from sklearn.datasets import load_iris

from treefold import ml
from treefold.algorithms.kmeans import fit
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

IRIS = load_iris().data
NAMES = ["a", "b", "c", "d"]
RNG = np.random.default_rng(6)
WEIGHT = RNG.integers(1, 4, 150).astype(float)
EXACT = {"dtype": "float64", "tol": 0.0, "maxIter": 100}


@pytest.fixture(scope="module")
def rows(spark):
    frame = pd.DataFrame(IRIS, columns=NAMES).assign(w=WEIGHT, name=range(150))
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(spark.createDataFrame(frame)).persist()


def sorted_centres(model):
    centres = np.array(model.clusterCenters())
    return centres[np.lexsort(centres.T)]


def test_the_published_optimum_of_iris(rows):
    model = ml.KMeans(k=3, nInit=10, seed=1, **EXACT).fit(rows)
    assert model.summary.trainingCost == pytest.approx(78.851441426, rel=1e-9)
    assert sorted(model.summary.clusterSizes) == [38, 50, 62]
    theirs = ScikitLearn(3, n_init=10, random_state=0, tol=0).fit(IRIS).cluster_centers_
    np.testing.assert_allclose(sorted_centres(model), theirs[np.lexsort(theirs.T)], rtol=1e-9)


def test_the_summary_is_mllibs_and_more(rows):
    model = ml.KMeans(k=3, nInit=4, **EXACT).fit(rows)
    summary = model.summary
    assert (summary.k, sum(summary.clusterSizes)) == (3, 150)
    assert summary.numIter == len(summary.costHistory) - 1 > 0
    assert summary.trainingCost == summary.costHistory[-1] == min(costs[-1] for costs in summary.restarts)
    assert len(summary.restarts) == 4
    assert summary.trainingCost == pytest.approx(model.computeCost(rows))
    assert summary.predictions.columns == [*rows.columns, "prediction"]
    sizes = summary.cluster.groupBy("prediction").count().orderBy("prediction").collect()
    assert [row["count"] for row in sizes] == summary.clusterSizes
    assert model.hasSummary


@pytest.mark.parametrize(("distance", "weighted"), [("euclidean", False), ("euclidean", True), ("cosine", True)])
def test_from_its_optimum_mllib_stays_and_evaluators_agree(rows, distance, weighted):
    weights = {"weightCol": "w"} if weighted else {}
    mine = ml.KMeans(k=3, nInit=10, distanceMeasure=distance, **weights, **EXACT).fit(rows)
    evaluator = ClusteringEvaluator(
        distanceMeasure="squaredEuclidean" if distance == "euclidean" else "cosine", **weights
    )
    found = mine.evaluate(rows)
    assert found.silhouette == pytest.approx(evaluator.evaluate(mine.transform(rows)), rel=1e-6)
    assert found.cost == pytest.approx(mine.summary.trainingCost)
    same = {"k": 3, "distanceMeasure": distance, "maxIter": 100, "tol": 0.0}
    theirs = clustering.KMeans(seed=1, **same, **weights).fit(rows)
    assert mine.summary.trainingCost <= theirs.summary.trainingCost * (1 + 1e-6)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_transform_is_mllibs_of_the_same_centres_and_adds_the_distance_if_asked(rows, spark, distance):
    mine = ml.KMeans(k=4, distanceMeasure=distance, distanceCol="distance", **EXACT).fit(rows)
    theirs = mine.toSpark(spark)
    assert isinstance(theirs, clustering.KMeansModel)
    made = mine.transform(rows)
    assert_df_equality(made.drop("distance"), theirs.transform(rows), ignore_nullable=True, ignore_metadata=True)
    X = IRIS / np.linalg.norm(IRIS, axis=1, keepdims=True) if distance == "cosine" else IRIS
    gap = np.linalg.norm(X[:, None] - np.array(mine.clusterCenters()), axis=2).min(axis=1)
    got = [row.distance for row in made.orderBy("name").collect()]
    np.testing.assert_allclose(got, gap**2 / 2 if distance == "cosine" else gap, atol=1e-12)
    assert mine.predict(Vectors.dense(IRIS[7])) == theirs.predict(Vectors.dense(IRIS[7]))
    exported = mine.toSklearn()
    assert (exported.predict(IRIS) == mine.numpy_model.predict(IRIS)).all()


CHANGES = [
    {"k": 4}, {"maxIter": 0}, {"seed": 2}, {"initMode": "random"}, {"initMode": "k-means++"}, {"initSteps": 1},
    {"oversampling": 1.0}, {"distanceMeasure": "cosine"}, {"weightCol": "w"}, {"tol": 0.2}, {"nInit": 20},
    {"solver": "minibatch"}, {"solver": "minibatch", "batchSize": 50}, {"initialCenters": IRIS[:3] + 0.1},
    {"featuresCol": NAMES[:3]}, {"dtype": "float64"},
]  # fmt: skip


def test_each_param_changed_changes_the_fit(rows):
    base = {"k": 3, "maxIter": 3, "seed": 1, "batchSize": 20}
    histories = [ml.KMeans(**(base | change)).fit(rows).summary.costHistory for change in [{}, *CHANGES]]
    assert len({tuple(history) for history in histories}) == len(histories)


def test_a_fit_over_several_k_shares_the_passes_and_takes_the_best_silhouette(rows):
    each = {k: ml.KMeans(k=k, nInit=3, **EXACT).fit(rows) for k in (2, 3, 5)}
    model = ml.KMeans(k=[2, 3, 5], nInit=3, **EXACT).fit(rows)
    assert len(model.summary.passes) == max(len(m.summary.passes) for m in each.values()) + 1
    for candidate in model.summary.candidates:
        alone = each[candidate.k]
        assert candidate.cost == alone.summary.trainingCost
        assert candidate.silhouette == pytest.approx(alone.evaluate(rows).silhouette, rel=1e-9)
        assert candidate.simplified_silhouette == pytest.approx(alone.evaluate(rows).simplified_silhouette, rel=1e-9)
    assert model.getK() == model.summary.k == 2
    assert (np.array(model.clusterCenters()) == each[2].clusterCenters()).all()


def test_warm_start_from_centres_and_from_a_saved_model(rows, tmp_path):
    half = ml.KMeans(k=3, maxIter=2, **{k: v for k, v in EXACT.items() if k != "maxIter"}).fit(rows)
    half.save(str(tmp_path / "half"))
    whole = ml.KMeans(k=3, **EXACT).fit(rows)
    for begin in ({"initialModel": str(tmp_path / "half")}, {"initialCenters": half.clusterCenters()}):
        resumed = ml.KMeans(**begin, **EXACT).fit(rows)
        np.testing.assert_allclose(sorted_centres(resumed), sorted_centres(whole), rtol=1e-9)
        assert resumed.summary.numIter == whole.summary.numIter - 2
        assert resumed.summary.costHistory[0] == half.summary.trainingCost


def test_save_and_load_by_itself_in_a_pipeline_and_without_spark(rows, tmp_path):
    model = ml.KMeans(k=3, distanceMeasure="cosine", predictionCol="cluster", seed=3).fit(rows)
    model.write().overwrite().save(str(tmp_path / "alone"))
    loaded = ml.KMeansModel.load(str(tmp_path / "alone"))
    assert_df_equality(loaded.transform(rows), model.transform(rows))
    assert (loaded.getDistanceMeasure(), loaded.getK(), loaded.uid) == ("cosine", 3, model.uid)
    assert not loaded.hasSummary
    assert (model_io.load(str(tmp_path / "alone")).predict(IRIS) == model.numpy_model.predict(IRIS)).all()
    pipeline = Pipeline(stages=[VectorAssembler(inputCols=NAMES, outputCol="v"), ml.KMeans(featuresCol="v", k=2)])
    fitted = pipeline.fit(rows)
    fitted.save(str(tmp_path / "pipeline"))
    again = PipelineModel.load(str(tmp_path / "pipeline"))
    assert_df_equality(again.transform(rows), fitted.transform(rows))
    ml.KMeans(k=7, nInit=2).save(str(tmp_path / "estimator"))
    assert ml.KMeans.load(str(tmp_path / "estimator")).getNInit() == 2


@pytest.mark.parametrize("start", ["random", "k-means++", "k-means||"])
def test_any_number_of_tasks_and_any_reader_give_the_bits_of_the_local_engine(spark, small_blocks, tmp_path, start):
    X = np.concatenate([RNG.normal(c, 1, (300, 4)) for c in (-3, 0, 4)]).astype("f4")[RNG.permutation(900)]
    spark.createDataFrame(pd.DataFrame(X, columns=NAMES)).coalesce(1).write.parquet(str(tmp_path / "rows"))
    files = spark.read.parquet(str(tmp_path / "rows"))
    from treefold.algorithms.kmeans import Start

    local = fit(LocalBlocks.from_arrays(X), [5], restarts=2, start_by=Start(start), seed=4)[0]
    for frame, tasks in ((files, 1), (files, 7), (files.where("a is not null"), 2)):
        model = ml.KMeans(k=5, nInit=2, initMode=start, seed=4, featuresCol=NAMES, numTasks=tasks).fit(frame)
        assert model.summary.passes[-1].tasks == tasks
        assert model.summary.restarts == [trial.costs for trial in local]
        best = min(local, key=lambda trial: trial.cost)
        assert (np.array(model.clusterCenters()) == best.centres).all()


def sparse_frame(spark, X):
    X = csr_array(X)
    cuts = [slice(*X.indptr[i : i + 2]) for i in range(X.shape[0])]
    made = [(Vectors.sparse(X.shape[1], X.indices[cut], X.data[cut]),) for cut in cuts]
    return spark.createDataFrame(made, t.StructType([t.StructField("features", VectorUDT(), True)]))


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_sparse_vectors_are_stored_as_csr_and_give_the_clusters_of_dense_rows(spark, distance):
    X = random_array((400, 300), density=0.03, rng=RNG, format="csr") + csr_array(np.eye(400, 300))
    X[300:, 0] = 1.0
    frame, begin = sparse_frame(spark, X), X[[0, 90, 200]].toarray()
    model = ml.KMeans(initialCenters=begin, distanceMeasure=distance, **EXACT).fit(frame)
    dense = fit(
        LocalBlocks.from_arrays(X.toarray(), dtype="float64"), [3], start_by=[begin], cosine=distance == "cosine",
        max_iter=100, tol=0,
    )[0][0]  # fmt: skip
    np.testing.assert_allclose(model.clusterCenters(), dense.centres, atol=1e-9)
    with model.open(frame) as blocks:
        assert blocks.sum(stored).entries == X.nnz
    made = model.transform(frame).toPandas()["prediction"]
    assert (made == model.numpy_model.predict(X.toarray())).all()
    assert model.evaluate(frame).cost == pytest.approx(dense.cost)


class Stored(NamedTuple):
    entries: int


def stored(block):
    return Stored(block.X.nnz)


def test_47_236_features_are_clustered_and_predicted_without_densifying(spark):
    X = random_array((3000, 47_236), density=0.001, rng=RNG, format="csr")
    frame = sparse_frame(spark, X)
    model = ml.KMeans(k=4, maxIter=3, distanceMeasure="cosine").fit(frame)
    assert sum(model.summary.clusterSizes) == 3000
    assert model.transform(frame).where("prediction is null").count() == 0


def test_bad_input_is_one_clear_line(spark, rows):
    bad = rows.union(rows.limit(1).selectExpr("a", "b", "c", "cast('nan' as double)", "w", "name", "features"))
    for params, data, message in (
        ({"featuresCol": NAMES}, bad, "column 'd' holds NaN"),
        ({"featuresCol": "nowhere"}, rows, "there is no column 'nowhere'"),
        ({"k": [2, 2]}, rows, "k is the number of clusters"),
        ({"k": 0}, rows, "not a number from 1 up"),
        ({"initMode": "best"}, rows, "not one of k-means"),
        ({"distanceMeasure": "manhattan"}, rows, "not one of euclidean, cosine"),
        ({"solver": "hamerly"}, rows, "not one of auto, lloyd, minibatch"),
        ({"k": 3, "initialCenters": IRIS[:2]}, rows, "2 first centres are given, but k is 3"),
        ({"nInit": 2, "initialCenters": IRIS[:2]}, rows, "nInit and initMode have nothing to draw"),
        ({"initialCenters": IRIS[:2, :3]}, rows, r"shape \(2, 3\)"),
        ({"initialCenters": IRIS[:2], "initialModel": "m"}, rows, "both set"),
        ({"initialModel": "nowhere/at/all"}, rows, "there is no whole model at nowhere/at/all"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            ml.KMeans(**params).fit(data)
    zero = spark.createDataFrame([(1.0, 2.0), (0.0, 0.0)], ["a", "b"])
    with pytest.raises(InputError, match="row 1 is all zeros and has no direction"):
        ml.KMeans(featuresCol=["a", "b"], distanceMeasure="cosine").fit(zero)
    with pytest.raises(InputError, match="takes one column of vectors"):
        ml.KMeans(featuresCol=NAMES).fit(rows).toSpark(spark)


def test_rows_without_a_cluster_are_null(spark):
    frame = spark.createDataFrame([(1.0, 2.0), (5.0, 5.0), (float("nan"), 0.0)], ["a", "b"])
    model = ml.KMeans(featuresCol=["a", "b"], distanceCol="far").fit(frame.where("a < 9"))
    last = model.transform(frame).collect()[-1]
    assert last.prediction is None
    assert np.isnan(last.far)


def test_an_empty_partition_and_the_watcher(spark, rows):
    seen = []
    model = ml.KMeans(k=3).watch(seen.append).fit(rows.where("a < 0").union(rows))
    assert sum(model.summary.clusterSizes) == 150
    assert [p.iteration for p in seen] == list(range(model.summary.numIter + 1))
    assert set(seen[0].figures) == {"least cost", "move", "models running"}

"""The larger real data sets, against the results that are known for them."""

import numpy as np
import pytest
from pyspark.ml.evaluation import BinaryClassificationEvaluator

from treefold.ml import LogisticRegression

pytestmark = pytest.mark.spark


def test_a9a_sparse_vectors_from_files(spark, data_sets):
    rows = spark.read.parquet(str(data_sets / "a9a/parquet"))
    model = LogisticRegression(regParam=1e-4).fit(rows.where("split = 'train'"))
    assert model.evaluate(rows.where("split = 'test'")).accuracy == pytest.approx(0.850, abs=0.002)
    assert model.evaluate(rows).passes[0].source == "parquet"


def test_letter_softmax_of_26_classes(spark, data_sets):
    rows = spark.read.parquet(str(data_sets / "letter/parquet"))
    names = [name for name in rows.columns if name not in ("label", "split")]
    model = LogisticRegression(featuresCol=names).fit(rows.where("split = 'train'"))
    assert model.evaluate(rows.where("split = 'test'")).accuracy == pytest.approx(0.77, abs=0.01)


def test_covertype_in_files_of_one_class_each_is_the_fit_of_well_mixed_files(spark, data_sets):
    objectives = []
    for layout in ("parquet", "parquet_skew"):
        rows = spark.read.parquet(str(data_sets / "covertype_100k" / layout))
        names = [name for name in rows.columns if name != "label"]
        model = LogisticRegression(featuresCol=names, regParam=1e-3, maxIter=60).fit(rows)
        assert {p.source for p in model.summary.passes} == {"parquet"}
        assert model.summary.passes[-1].rows == 100_000
        objectives.append(model.summary.objectiveHistory[-1])
        assert model.evaluate(rows).accuracy > 0.70
    np.testing.assert_allclose(objectives[1], objectives[0], rtol=1e-4)


def test_htru2_ranks_pulsars(spark, data_sets):
    rows = spark.read.parquet(str(data_sets / "htru2/parquet"))
    model = LogisticRegression(featuresCol=[name for name in rows.columns if name != "label"]).fit(rows)
    found = model.evaluate(rows)
    theirs = BinaryClassificationEvaluator(numBins=0)
    exact = theirs.evaluate(model.transform(rows))
    assert exact == pytest.approx(0.979, abs=0.004)
    assert 0 < abs(found.areaUnderROC - exact) + found.areaUnderROCError < 1e-3  # of more scores than bins
    assert abs(found.areaUnderROC - exact) <= found.areaUnderROCError

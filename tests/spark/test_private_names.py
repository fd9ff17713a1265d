"""Names inside Spark's JVM that are no public API: which release has taken one away. See docs/architecture.md."""

import pytest
from pyspark.ml.linalg import Vectors
from pyspark.sql.functions import col, unwrap_udt

from treefold.engine.reading.spark_plan import PARQUET, PLAIN_INDEXES

pytestmark = pytest.mark.spark

CLASSES = [
    "ml.classification.LogisticRegressionModel", "ml.classification.LinearSVCModel",
    "ml.classification.RandomForestClassificationModel", "ml.classification.DecisionTreeClassificationModel",
    "ml.classification.MultilayerPerceptronClassificationModel", "ml.regression.LinearRegressionModel",
    "ml.regression.RandomForestRegressionModel", "ml.regression.DecisionTreeRegressionModel",
    "ml.clustering.KMeansModel", "mllib.clustering.KMeansModel", "ml.util.Identifiable", "ml.tree.LeafNode",
    "ml.tree.InternalNode", "ml.tree.ContinuousSplit", "ml.tree.CategoricalSplit",
    "mllib.tree.impurity.GiniCalculator", "mllib.tree.impurity.EntropyCalculator",
    "mllib.tree.impurity.VarianceCalculator",
]  # fmt: skip


@pytest.fixture(scope="module")
def scan(spark, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("private") / "rows")
    spark.range(10).selectExpr("id", "id % 2 as label").coalesce(1).write.parquet(path)
    return spark.read.parquet(path)


def test_catalyst_has_the_classes_of_a_plain_scan(scan):
    release = scan.sparkSession.version
    project = scan.select("label")._jdf.queryExecution().withCachedData()
    assert project.getClass().getSimpleName() == "Project", release
    assert project.projectList().apply(0).getClass().getSimpleName() == "AttributeReference", release
    leaf = project.child()
    assert leaf.getClass().getSimpleName() == "LogicalRelation", release
    assert not leaf.catalogTable().isDefined(), release
    relation = leaf.relation()
    assert relation.getClass().getSimpleName() == "HadoopFsRelation", release
    assert relation.fileFormat().getClass().getName() == PARQUET, release
    assert relation.location().getClass().getSimpleName() in PLAIN_INDEXES, release
    assert relation.location().rootPaths().size() == 1, release
    assert list(relation.partitionSchema().fieldNames()) == [], release
    assert relation.location().allFiles().size() == 1, release


def test_rows_of_a_scan_have_their_places(scan):
    names = ("file_path", "row_index", "file_size", "file_modification_time")
    rows = scan.select(*(col(f"_metadata.{name}").alias(name) for name in names)).collect()
    assert [row.row_index for row in rows] == list(range(10)), scan.sparkSession.version
    assert rows[0].file_size > 0
    assert rows[0].file_path.endswith(".parquet")


def test_vectors_are_structs_of_these_fields(spark):
    rows = spark.createDataFrame([(Vectors.sparse(3, [1], [2.0]),), (Vectors.dense(1.0, 2.0),)], ["v"])
    found = [tuple(row.v) for row in rows.select(unwrap_udt("v").alias("v")).collect()]
    assert found == [(0, 3, [1], [2.0]), (1, None, None, [1.0, 2.0])], spark.version


def test_the_jvm_has_the_classes_that_models_are_exported_to(spark):
    load = spark.sparkContext._jvm.java.lang.Class.forName
    for name in CLASSES:
        assert load(f"org.apache.spark.{name}").getSimpleName().rstrip("$"), (spark.version, name)


def test_the_context_has_its_private_parts(spark):
    context = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty(1000)
    assert len(context.statusTracker().getExecutorInfos()) >= 1, spark.version
    assert context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()) == 2, spark.version

#!/usr/bin/env bash
# A CrossValidatorModel of pyspark.ml cannot be copied, and transform(data, params) of it fails, unless it was fitted
# with collectSubModels=True. The error is an AssertionError without a message: copy() asserts that subModels is there.
#
# Seen with pyspark 4.3.0. Output:
#   copy(): AssertionError ''
#   transform(data, params): AssertionError ''
#   with collectSubModels: copied
#
# What to do: set collectSubModels=True, or call transform of cvModel.bestModel.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0 numpy==2.4.6
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.ml.tuning import CrossValidator, ParamGridBuilder
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

rows = [(Vectors.dense([float(i % 7), float(i % 3)]), float(i % 2)) for i in range(60)]
data = spark.createDataFrame(rows, ["features", "label"])
estimator = LogisticRegression(maxIter=2)
grid = ParamGridBuilder().addGrid(estimator.regParam, [0.1, 1.0]).build()


def search(keep):
    return CrossValidator(
        estimator=estimator, estimatorParamMaps=grid, evaluator=BinaryClassificationEvaluator(), numFolds=2,
        collectSubModels=keep,
    ).fit(data)


def outcome(call):
    try:
        call()
    except AssertionError as error:
        return f"AssertionError {str(error)!r}"
    return "copied"


model = search(False)
found = [
    outcome(model.copy),
    outcome(lambda: model.transform(data, {model.bestModel.predictionCol: "other"})),
    outcome(search(True).copy),
]
print(f"copy(): {found[0]}\ntransform(data, params): {found[1]}\nwith collectSubModels: {found[2]}")
assert found == ["AssertionError ''", "AssertionError ''", "copied"], found
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

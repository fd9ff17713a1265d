#!/usr/bin/env bash
# A job whose results exceed spark.driver.maxResultSize fails with an error that has no error condition: not
# getCondition(), not an error class in the Java exception. Only the English text names the property.
#
# Seen with pyspark 4.3.0. An RDD action raises a plain Py4JJavaError. Output:
#   Py4JJavaError, has getCondition: False, names the property in its text: True
#
# What to do: look for the name of the property in the text of the cause, and expect that to change between versions.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
    .config("spark.driver.maxResultSize", "1m").getOrCreate()
)
spark.sparkContext.setLogLevel("OFF")
try:
    spark.sparkContext.parallelize(range(4), 4).map(lambda i: bytes(1 << 20)).collect()
except Exception as error:
    kind, has, named = type(error).__name__, hasattr(error, "getCondition"), "spark.driver.maxResultSize" in str(error)
    print(f"{kind}, has getCondition: {has}, names the property in its text: {named}")
    assert (kind, has, named) == ("Py4JJavaError", False, True)
else:
    raise SystemExit("the job did not fail")
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

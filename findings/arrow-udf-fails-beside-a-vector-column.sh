#!/usr/bin/env bash
# An Arrow UDF over a Parquet scan fails if any column of its batch is a vector of pyspark.ml, even one that the UDF does
# not take. A select of the UDF alone works, because the scan then prunes the vector.
#
# Seen with pyspark 4.3.0. Output:
#   alone: 2.0
#   beside the vector: UnsupportedOperationException, names UNSUPPORTED_DATATYPE: True
#
# What to do: turn the vector into an array (vector_to_array) before the UDF, or select it out and join it again.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0 numpy==2.4.6 pyarrow==26.0.1 pandas==2.3.3
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.ml.linalg import Vectors
from pyspark.sql.functions import arrow_udf
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

spark.createDataFrame([(Vectors.dense([1.0]), 1.0)], ["v", "x"]).write.parquet("rows")
data = spark.read.parquet("rows")


@arrow_udf("double")
def twice(x: pa.Array) -> pa.Array:
    return pc.multiply(x, 2.0)


print(f"alone: {data.select(twice('x')).first()[0]}")
try:
    data.withColumn("t", twice("x")).collect()
except Exception as error:
    kind, named = type(error).__name__, "UNSUPPORTED_DATATYPE" in str(error)
    print(f"beside the vector: {kind}, names UNSUPPORTED_DATATYPE: {named}")
    assert (kind, named) == ("UnsupportedOperationException", True)
else:
    raise SystemExit("the UDF ran beside a vector")
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

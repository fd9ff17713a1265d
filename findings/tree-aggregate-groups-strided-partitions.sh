#!/usr/bin/env bash
# RDD.treeAggregate and RDD.treeReduce do not combine neighbouring partitions. With 16 partitions and depth 2, the first
# level combines partitions 0, 4, 8, 12 and so on: those whose numbers are equal modulo the number of groups. A merge that
# relies on order (concatenation, or one that keeps the earlier of two), or that profits from neighbours, sees strided
# partitions.
#
# Seen with pyspark 4.3.0. Output:
#   [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]
#
# What to do: merge only what is commutative, or key the partials by a group of neighbours and combine by partitionBy.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

numbers = spark.sparkContext.parallelize(range(16), 16).map(lambda i: [i])
found = numbers.treeAggregate([], lambda a, b: a + b, lambda a, b: a + b, depth=2)
print(found)
groups = [found[i : i + 4] for i in range(0, 16, 4)]
assert sorted(groups) == [[k, k + 4, k + 8, k + 12] for k in range(4)], found
assert numbers.treeReduce(lambda a, b: a + b, depth=2) != list(range(16))
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

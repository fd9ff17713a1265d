#!/usr/bin/env bash
# spark.read.parquet(folder) does not return rows in the order of the files' names. Spark sorts the files, largest first,
# before it packs them into partitions, so a row's position depends on the sizes of all files. Appending one file to a
# folder may move every row of the others.
#
# Seen with pyspark 4.3.0. Output:
#   files by name: a 1 row, b 1000 rows, c 10 rows; in the DataFrame: ['b', 'c', 'a']
#
# What to do: do not number rows by their order in a DataFrame (zipWithIndex, monotonically_increasing_id); sort by a key,
# or use _metadata.file_path and _metadata.row_index.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
import os

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

os.mkdir("rows")
for name, count in (("a", 1), ("b", 1000), ("c", 10)):
    pq.write_table(pa.table({"file": [name] * count, "number": list(range(count))}), f"rows/{name}.parquet")
found = list(dict.fromkeys(row.file for row in spark.read.parquet("rows").collect()))
print(f"files by name: a 1 row, b 1000 rows, c 10 rows; in the DataFrame: {found}")
assert found == ["b", "c", "a"], found
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

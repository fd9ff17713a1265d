#!/usr/bin/env bash
# spark.pyspark.python, "Python binary executable to use for PySpark in both driver and executors", has no effect where a
# Python process starts its session itself, by SparkSession.builder or with a properties file in PYSPARK_SUBMIT_ARGS. The
# property reads back as it was set, and the workers run PYSPARK_PYTHON, or python3 without it. Only spark-submit, when it
# starts the Python process of the driver, turns the property into that variable.
#
# Seen with pyspark 4.3.0. Output:
#   builder: the property is as set: True, workers run it: False
#   file: the property is as set: True, workers run it: False
#   spark-submit: the property is as set: True, workers run it: True
#
# What to do: in a process that starts its own session, set PYSPARK_PYTHON to the value of the property first.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
# An interpreter that says that it was used.
cat >"$folder/python" <<SH
#!/bin/sh
export WORKER_OF_THE_PROPERTY=yes
exec "$folder/venv/bin/python" "\$@"
SH
chmod +x "$folder/python"
cat >"$folder/check.py" <<'PYTHON'
import os
import sys

from pyspark.sql import SparkSession

way, wanted = sys.argv[1], sys.argv[2]
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
if way == "builder":
    builder = builder.config("spark.pyspark.python", wanted)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
used = spark.sparkContext.parallelize([0], 1).map(lambda _: os.environ.get("WORKER_OF_THE_PROPERTY")).first() == "yes"
as_set = spark.conf.get("spark.pyspark.python") == wanted
print(f"{way}: the property is as set: {as_set}, workers run it: {used}")
assert (as_set, used) == (True, way == "spark-submit")
PYTHON
cd "$folder"
export PATH="$folder/venv/bin:$PATH"
unset PYSPARK_PYTHON SPARK_HOME
echo "spark.pyspark.python $folder/python" >properties
python check.py builder "$folder/python" 2>/dev/null
PYSPARK_SUBMIT_ARGS="--properties-file properties pyspark-shell" python check.py file "$folder/python" 2>/dev/null
spark-submit --conf "spark.pyspark.python=$folder/python" check.py spark-submit "$folder/python" 2>/dev/null

#!/usr/bin/env bash
# SparkContext.statusTracker() may still list a job as active after its action has returned its result. The tracker reads
# a store that a listener fills from an asynchronous queue, so a program that asks "does any job run now?" right after its
# own action sometimes counts that action.
#
# Seen with pyspark 4.3.0: in some of a few hundred one-task jobs the tracker listed a job although no other thread ran
# any; half a second later it listed none. Output:
#   a job that had returned was listed as active: True; half a second later: []
#
# What to do: wait for the events under way (LiveListenerBus.waitUntilEmpty through the JVM), or ask again.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

tracker = spark.sparkContext.statusTracker()
late = False
for _ in range(5000):
    spark.sparkContext.parallelize([1], 1).count()
    if tracker.getActiveJobsIds():
        late = True
        break
time.sleep(0.5)
after = list(tracker.getActiveJobsIds())
print(f"a job that had returned was listed as active: {late}; half a second later: {after}")
assert late and after == []
PYTHON
cd "$folder"
"$folder/venv/bin/python" check.py

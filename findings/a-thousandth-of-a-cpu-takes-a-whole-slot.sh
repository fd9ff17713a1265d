#!/usr/bin/env bash
# A stage whose resource profile asks for 0.001 of a CPU takes a whole slot from all other stages, as long as
# spark.task.cpus is 1. Spark 4.3 accepts fractions and keeps exact books: an executor of two cores beside such a task has
# 1.999 CPUs left, which is one task of 1 CPU, not two. With spark.task.cpus=0.99 it runs both.
#
# Seen with pyspark 4.3.0 on local-cluster[1,2,1024] (an executor of two cores), while a task of 0.001 CPU ran. Another
# job has two tasks, each of which waits up to ten seconds for the other. Output:
#   spark.task.cpus=1: tasks that met the other one: 0 of 2
#   spark.task.cpus=0.99: tasks that met the other one: 2 of 2
#
# What to do: for tasks that wait for a long time beside others, lower spark.task.cpus a little below 1.
set -euo pipefail
folder="$(mktemp -d)"
trap 'sleep 5; rm -rf "$folder"' EXIT # executors still write to their logs
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
PYSPARK_PYTHON="$folder/venv/bin/python"
export PYSPARK_PYTHON
cat >"$folder/check.py" <<'PYTHON'
import pathlib
import sys
import threading
import time

from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests
from pyspark.sql import SparkSession

cpus, folder = sys.argv[1], sys.argv[2]


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def meet(number):
    mine, other = (pathlib.Path(folder, f"{cpus}-{n}") for n in (number, 1 - number))
    mine.touch()
    met = until(other.exists, 10)
    if not met:
        mine.unlink()
    return met


def stand(rows):
    pathlib.Path(folder, f"{cpus}-stands").touch()
    until(pathlib.Path(folder, f"{cpus}-over").exists, 60)
    return rows


builder = SparkSession.builder.master("local-cluster[1,2,1024]").config("spark.task.cpus", cpus)
spark = builder.config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").getOrCreate()
context = spark.sparkContext
context.setLogLevel("OFF")
little = ResourceProfileBuilder().require(TaskResourceRequests().cpus(0.001)).build
standing = threading.Thread(target=context.parallelize([0], 1).mapPartitions(stand).withResources(little).collect)
standing.start()
assert until(pathlib.Path(folder, f"{cpus}-stands").exists, 60)
met = sum(context.parallelize(range(2), 2).map(meet).collect())
pathlib.Path(folder, f"{cpus}-over").touch()
standing.join()
print(f"spark.task.cpus={cpus}: tasks that met the other one: {met} of 2")
spark.stop()
assert met == (0 if cpus == "1" else 2)
PYTHON
cd "$folder"
for cpus in 1 0.99; do
    "$folder/venv/bin/python" check.py "$cpus" "$folder" 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
done

#!/usr/bin/env bash
# spark.python.unix.domain.socket.enabled puts the sockets between JVM and Python into java.io.tmpdir, under names of some 41
# bytes. Where that folder's name is long, as those of YARN's containers are, the name of a socket exceeds what the system
# takes (107 bytes on Linux). Spark does not fall back to TCP: no session starts, or on a cluster no Python worker.
#
# Seen with pyspark 4.3.0. Output:
#   temporary folder of 120 bytes: OSError: AF_UNIX path too long
#   the same and spark.python.unix.domain.socket.dir: sum 45
#   the same without Unix sockets: sum 45
#
# What to do: set spark.python.unix.domain.socket.dir to a short folder that exists on every node, wherever the property is on.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
cat >"$folder/check.py" <<'PYTHON'
import sys

from pyspark.sql import SparkSession

way, expected, *properties = sys.argv[1:]
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
for each in properties:
    builder = builder.config(*each.split("=", 1))
try:
    found = f"sum {builder.getOrCreate().sparkContext.parallelize(range(10), 1).map(int).sum()}"
except OSError as error:
    found = f"{type(error).__name__}: {error}"
print(f"{way}: {found}")
assert found == expected, found
PYTHON
long="$folder/$(printf 'x%.0s' $(seq $((119 - ${#folder}))))"
mkdir "$long" "$folder/s"
cd "$folder"
export PYSPARK_PYTHON="$folder/venv/bin/python" JAVA_TOOL_OPTIONS="-Djava.io.tmpdir=$long"
on="spark.python.unix.domain.socket.enabled=true"
run() { "$folder/venv/bin/python" check.py "$@" 2>"$folder/log" || { tail -5 "$folder/log" && exit 1; }; }
run "temporary folder of ${#long} bytes" "OSError: AF_UNIX path too long" "$on"
run "the same and spark.python.unix.domain.socket.dir" "sum 45" "$on" "spark.python.unix.domain.socket.dir=$folder/s"
run "the same without Unix sockets" "sum 45"

#!/usr/bin/env bash
# SparkContext.getConf().get(name) does not ask the JVM for one property: getConf() copies the whole conf, by several Py4J
# calls for each property that is set. And an exception of the JVM that Python catches and drops has already cost dozens
# of calls, because PySpark asks for its class, its causes and its stack trace before it raises. A check such as "list this
# folder, and take an error for empty" costs 80 calls where "does it exist?" costs one.
#
# Seen with pyspark 4.3.0; calls are counted at the client of the gateway. Output (the last number grows with the conf):
#   SparkSession.conf.get of one property: 1 calls
#   does a folder exist? (it does not): 1 calls
#   list a folder that does not exist, and catch the error: 80 calls
#   SparkContext.getConf().get of one property: 91 calls
#
# What to do: SparkSession.conf.get(name), or the JVM's conf by one call; ask whether a path exists before listing it.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
cat >"$folder/check.py" <<'PYTHON'
from py4j.clientserver import JavaClient
from py4j.java_gateway import GatewayClient
from pyspark.sql import SparkSession

calls = 0


def counted(method):
    def send(self, *args, **kwargs):
        global calls
        calls += 1
        return method(self, *args, **kwargs)

    return send


for kind in (GatewayClient, JavaClient):
    if "send_command" in vars(kind):
        kind.send_command = counted(vars(kind)["send_command"])
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("OFF")
hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs
path = hadoop.Path("/no/such/folder")
system = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())


def listed():
    try:
        system.listStatus(path)
    except Exception:
        return


def count(what):
    before = calls
    what()
    return calls - before


asked = {
    "SparkSession.conf.get of one property": lambda: spark.conf.get("spark.app.name"),
    "does a folder exist? (it does not)": lambda: system.exists(path),
    "list a folder that does not exist, and catch the error": listed,
    "SparkContext.getConf().get of one property": lambda: spark.sparkContext.getConf().get("spark.app.name"),
}
for what in asked.values():
    what()  # names of Java packages are looked up once
found = {name: count(what) for name, what in asked.items()}
for name, number in found.items():
    print(f"{name}: {number} calls")
one, there, missing, copied = found.values()
assert (one, there) == (1, 1)
assert missing >= 40
assert copied >= 40
PYTHON
"$folder/venv/bin/python" "$folder/check.py" 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }

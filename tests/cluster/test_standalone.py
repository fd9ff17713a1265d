"""A real standalone cluster: a master and two workers in processes of their own. Harm changes no bit.

The workers have addresses of their own, because Spark never speculates on the host that already runs a task.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyspark
import pytest

from rows import write_parquet

pytestmark = pytest.mark.spark
SPARK = Path(pyspark.__file__).parent


def start(log: Path, *arguments: str) -> subprocess.Popen:
    environment = os.environ | {"SPARK_HOME": str(SPARK), "SPARK_LOCAL_DIRS": str(log.parent / "local")}
    with log.open("w") as file:
        return subprocess.Popen(
            [SPARK / "bin/spark-class", *arguments], stdout=file, stderr=subprocess.STDOUT, env=environment
        )


def wait_for(log: Path, pattern: str) -> str:
    for _ in range(600):
        found = re.search(pattern, log.read_text())
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"no {pattern} in {log.read_text()}")


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    processes = [
        start(folder / "master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0",
              "--webui-port", "0")
    ]  # fmt: skip
    try:
        url = wait_for(folder / "master", r"Starting Spark master at (spark://\S+)")
        for i in range(2):
            processes.append(
                start(folder / f"worker{i}", "org.apache.spark.deploy.worker.Worker", "--host", f"127.0.0.{i + 1}",
                      "--cores", "2", "--memory", "1g", "--webui-port", "0", "--work-dir", str(folder / f"at{i}"), url)
            )  # fmt: skip
        for i in range(2):
            wait_for(folder / f"worker{i}", "(Successfully registered with master)")
        yield url
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(8)
    X = rng.standard_normal((3000, 6))
    y = (X[:, 0] + rng.standard_normal(3000) > 0).astype(float)
    return write_parquet(tmp_path_factory.mktemp("data") / "rows", X, y, np.ones(3000), [10, 2000])


@pytest.fixture(scope="module")
def run(master, data):
    def go(door: str, harm: str) -> dict:
        app = Path(__file__).parent / "app.py"
        path = os.pathsep.join([os.environ["PYTHONPATH"], str(app.parent)])
        done = subprocess.run(
            [sys.executable, app, master, data, door, harm], capture_output=True, text=True, timeout=180, check=False,
            env=os.environ | {"PYTHONPATH": path},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return go


@pytest.fixture(scope="module")
def undisturbed(run):
    return {door: run(door, "none") for door in ("parquet", "dataframe")}


@pytest.mark.parametrize("door", ["parquet", "dataframe"])
@pytest.mark.parametrize("harm", ["task", "straggler", "executor"])
def test_harm_changes_no_bit_and_counts_no_row_twice(run, undisturbed, door, harm):
    harmed = run(door, harm)
    assert undisturbed[door]["executors"] == 2
    assert harmed["bits"] == undisturbed[door]["bits"]
    assert harmed["rows"] == [3000]
    assert harmed["winner"] == (1 if harm == "straggler" else 0)
    assert len(harmed["killed"]) == (4 if harm == "executor" else 0)

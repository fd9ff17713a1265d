"""A Hadoop cluster for all tests of the folder, with the digits in its HDFS."""

import shutil
import sys
from pathlib import Path

import pyspark
import pytest

from submitting import ROOT, target
from yarn.hadoop import JARS, Hadoop, fetch_jars


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory):
    if not (JARS / "complete").exists() and shutil.which("mvn") is None:
        pytest.skip("Maven is not installed, which fetches the jars of Hadoop")
    fetch_jars()
    with Hadoop(tmp_path_factory.mktemp("hadoop") / "cluster") as cluster:
        cluster.put(ROOT / "data" / "digits", "/digits")
        yield cluster


SMALL = {
    "spark_yarn_jars": f"local:{Path(pyspark.__file__).parent}/jars/*",
    "spark_executor_cores": "1", "spark_executor_memory": "700m",
    "spark_executor_memoryOverhead": "700m", "spark_yarn_am_memory": "384m", "spark_driver_memory": "1g",
    "spark_scheduler_maxRegisteredResourcesWaitingTime": "600s",
}  # fmt: skip


@pytest.fixture(scope="session")
def shipping(hadoop):
    """Arguments of ``spark-submit.sh``, and its environment, for conf/spark/yarn.conf on small executors."""
    with target("shipping", "yarn", **SMALL) as name:
        yield ["--target", name], {"HADOOP_CONF_DIR": str(hadoop.conf)}


@pytest.fixture(scope="session")
def yarn(hadoop):
    """The same with an interpreter that the nodes have, so that no environment is packed, sent and unpacked."""
    with target("small", "yarn", **SMALL, spark_pyspark_python=sys.executable) as name:
        yield ["--target", name], {"HADOOP_CONF_DIR": str(hadoop.conf)}

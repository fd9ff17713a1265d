"""A node of Kubernetes for all tests of the folder, whose pods mount Java, Python and Spark from this machine."""

import os
import shutil
import sys
from pathlib import Path

import pyspark
import pytest

from k8s.binaries import missing
from k8s.configuration import ADDRESS
from k8s.images import ROOT, SPARK
from k8s.node import Node
from submitting import target


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    if lacking := missing():
        pytest.fail(f"a node of Kubernetes needs {lacking}")
    home = {"JAVA_HOME": str(java_home()), "SPARK_HOME": str(Path(pyspark.__file__).parent)}
    with Node(tmp_path_factory.mktemp("k8s") / "node", home) as running:
        yield running


def java_home() -> Path:
    home = os.environ.get("JAVA_HOME")
    return Path(home) if home else Path(str(shutil.which("java"))).resolve().parents[1]


def mounted() -> list[Path]:
    """Folders of this machine that pods see, read-only."""
    folders = {Path("/usr"), Path(sys.base_prefix), Path(sys.prefix).resolve(), ROOT, java_home()}
    folders |= {path for path in (Path("/etc/alternatives"), *Path("/etc").glob("java*")) if path.is_dir()}
    inner = {folder for folder in folders if folders & {*folder.parents}}
    return sorted(folders - inner)


def properties() -> dict[str, str]:
    """Those of conf/spark/k8s.conf for the node, dots written as underscores."""
    volume = "spark_kubernetes_executor_volumes_hostPath"
    mounts = {}
    for number, folder in enumerate(mounted()):
        mounts |= {
            f"{volume}_m{number}_mount_path": str(folder), f"{volume}_m{number}_mount_readOnly": "true",
            f"{volume}_m{number}_options_path": str(folder),
        }  # fmt: skip
    return mounts | {
        "spark_master": f"k8s://https://{ADDRESS}:6443", "spark_driver_host": ADDRESS,
        "spark_kubernetes_container_image": SPARK, "spark_kubernetes_container_image_pullPolicy": "Never",
        "spark_executor_cores": "1", "spark_executor_memory": "700m", "spark_executor_memoryOverhead": "700m",
        "spark_kubernetes_executor_request_cores": "100m", "spark_driver_memory": "1g",
        "spark_pyspark_python": sys.executable,
    }  # fmt: skip


@pytest.fixture(scope="session")
def on_node(node):
    """The beginning of a command that runs ``spark-submit.sh`` for the node, and its environment."""
    with target("node", "k8s", **properties()) as name:
        yield [*node.inside, "./spark-submit.sh", "--target", name], os.environ | {"KUBECONFIG": str(node.kubeconfig)}

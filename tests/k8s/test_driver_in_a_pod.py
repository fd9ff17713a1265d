"""Jobs of Kubernetes whose pod is the driver, as a CronJob makes them every night."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from k8s.conftest import mounted, properties
from k8s.images import ROOT, SPARK
from k8s.node import LONGEST
from submitting import coefficients, local_digits, target

pytestmark = pytest.mark.spark
MANIFESTS = ROOT / "conf" / "spark" / "k8s"


@pytest.fixture(scope="module")
def account(node):
    node.kubectl("apply", "-f", str(MANIFESTS / "account.yaml"))


@pytest.fixture
def outputs(tmp_path):
    """A folder that pods write to, with the properties of the driver, which leave its address to the environment."""
    with target("pod", "k8s", **properties()) as name:
        lines = (ROOT / "conf" / "spark" / f"{name}.conf").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("spark.driver.host")]
    (tmp_path / "k8s.conf").write_text("".join([*kept, "spark.kubernetes.driver.pod.name ${env:POD_NAME}\n"]))
    return tmp_path


def job(name: str, outputs: Path, *arguments: str) -> str:
    """A manifest like that of the nightly job, whose pod mounts Java and Python from this machine."""
    command = [sys.executable, "-P", "-m", "treefold", "--properties", f"{outputs}/k8s.conf", *arguments]
    manifest: dict[str, Any] = {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {
            "backoffLimit": 2,
            "podFailurePolicy": {"rules": [{
                "action": "FailJob", "onExitCodes": {"containerName": "driver", "operator": "In", "values": [2, 3]},
            }]},
            "template": {"spec": {
                "serviceAccountName": "treefold", "restartPolicy": "Never",
                "containers": [{
                    "name": "driver", "image": SPARK, "imagePullPolicy": "Never", "workingDir": str(ROOT),
                    "command": command,
                    "env": [
                        {"name": "HOME", "value": "/tmp"}, {"name": "PYTHONPATH", "value": str(ROOT / "lib")},
                        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                        {"name": "SPARK_LOCAL_HOSTNAME", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    ],
                    "volumeMounts": [
                        {"name": f"m{number}", "mountPath": str(path), "readOnly": True}
                        for number, path in enumerate(mounted())
                    ] + [{"name": "outputs", "mountPath": str(outputs)}],
                }],
                "volumes": [
                    {"name": f"m{number}", "hostPath": {"path": str(path)}} for number, path in enumerate(mounted())
                ] + [{"name": "outputs", "hostPath": {"path": str(outputs)}}],
            }},
        },
    }  # fmt: skip
    return json.dumps(manifest)


def finished(node, name: str) -> dict[str, Any]:
    """The status of a job that has ended."""

    def status() -> dict[str, Any]:
        return json.loads(node.kubectl("get", "job", name, "-o", "json"))["status"]

    node.wait(lambda: any(each["type"] in ("Complete", "Failed") for each in status().get("conditions", ())))
    return status()


def test_manifests_are_accepted_by_the_api_server(node, account):
    made = node.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(MANIFESTS / "cronjob.yaml"))
    assert made.startswith("cronjob.batch/treefold-train created")


def fitted_here(folder: Path, *arguments: str) -> bytes:
    """Coefficients of the digits by a local run with the kernels that OpenBLAS chooses by itself, as in the pods."""
    return coefficients(local_digits(folder / "digits", *arguments, OPENBLAS_CORETYPE="", OPENBLAS_L2_SIZE=""))


def test_a_driver_in_a_pod_gives_the_bits_of_a_local_run(node, account, outputs, tmp_path_factory):
    name, arguments = "digits", ("train", "conf/digits.toml", f"output.path={outputs}/out")
    node.kubectl("create", "-f", "-", given=job(name, outputs, *arguments))
    status = finished(node, name)
    assert status.get("succeeded") == 1, node.kubectl("logs", f"job/{name}")
    assert coefficients(outputs / "out") == fitted_here(tmp_path_factory.mktemp("local"))


def process_of(outputs: Path) -> int:
    """The process that is a pod's driver: the only Python that was started with the properties of the outputs."""
    command = ["pgrep", "-f", f"treefold --properties {outputs}/k8s.conf"]
    (found,) = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(found)


def test_a_driver_that_is_killed_is_made_again_and_resumes(node, account, outputs, tmp_path_factory):
    many = ("solver.name=gd", "solver.maxIter=500", "solver.tol=0")
    kept = ("checkpoint.every=1", f"checkpoint.path={outputs}/kept")
    name, arguments = "killed", ("train", "conf/digits.toml", f"output.path={outputs}/out", *many, *kept, "--overwrite")
    node.kubectl("create", "-f", "-", given=job(name, outputs, *arguments))
    end = time.monotonic() + LONGEST
    while not (outputs / "kept" / "000003").exists():
        assert time.monotonic() < end, node.kubectl("logs", f"job/{name}")
        time.sleep(0.02)
    os.kill(process_of(outputs), signal.SIGKILL)
    (killed,) = node.kubectl(
        "get", "pods", "-l", f"job-name={name}", "-o", "jsonpath={.items[*].metadata.name}"
    ).split()
    status = finished(node, name)
    assert (status.get("succeeded"), status.get("failed")) == (1, 1)
    newest = node.kubectl(
        "get", "pods", "-l", f"job-name={name}", "--field-selector=status.phase=Succeeded", "-o", "name"
    )
    assert re.search(r"continuing after the \d+ passes", node.kubectl("logs", newest))
    assert coefficients(outputs / "out") == fitted_here(tmp_path_factory.mktemp("local"), *many)
    node.kubectl("delete", "pod", killed)  # its executors go with it
    node.wait(lambda: node.kubectl("get", "pods", "-l", "spark-role=executor", "-o", "name") == "")


def test_a_job_that_is_refused_is_not_repeated(node, account, outputs):
    name = "refused"
    arguments = ("train", "conf/digits.toml", "data.train=/nowhere", f"output.path={outputs}/out")
    node.kubectl("create", "-f", "-", given=job(name, outputs, *arguments))
    status = finished(node, name)
    assert status["failed"] == 1
    assert {each["reason"] for each in status["conditions"]} == {"PodFailurePolicy"}
    assert "/nowhere" in node.kubectl("logs", f"job/{name}").splitlines()[-1]
    assert not (outputs / "out").exists()

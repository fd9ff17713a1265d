"""Jobs of Kubernetes whose pod is the driver, as a CronJob makes them every night."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from k8s.conftest import mounted, properties
from k8s.images import ROOT, SPARK
from k8s.test_k8s import coefficients
from submitting import submit, target

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
    (tmp_path / "k8s.conf").write_text("".join(line for line in lines if not line.startswith("spark.driver.host")))
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


def test_a_driver_in_a_pod_gives_the_bits_of_a_local_run(node, account, outputs, tmp_path_factory):
    here = tmp_path_factory.mktemp("local") / "digits"
    run = submit("train", "conf/digits.toml", f"output.path={here}", OPENBLAS_CORETYPE="", OPENBLAS_L2_SIZE="")
    assert run.returncode == 0, run.stderr
    name = "digits"
    node.kubectl(
        "create", "-f", "-", given=job(name, outputs, "train", "conf/digits.toml", f"output.path={outputs}/out")
    )
    status = finished(node, name)
    assert status.get("succeeded") == 1, node.kubectl("logs", f"job/{name}")
    assert coefficients(outputs / "out") == coefficients(here)


def test_a_job_that_is_refused_is_not_repeated(node, account, outputs):
    name = "refused"
    arguments = ("train", "conf/digits.toml", "data.train=/nowhere", f"output.path={outputs}/out")
    node.kubectl("create", "-f", "-", given=job(name, outputs, *arguments))
    status = finished(node, name)
    assert status["failed"] == 1
    assert {each["reason"] for each in status["conditions"]} == {"PodFailurePolicy"}
    assert "/nowhere" in node.kubectl("logs", f"job/{name}").splitlines()[-1]
    assert not (outputs / "out").exists()

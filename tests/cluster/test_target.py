"""``--target standalone``: conf/spark/standalone.conf with the master filled in."""

import json
import os
import subprocess

import pytest
from benchmarks.chaos.cluster import SECRET

from submitting import ROOT, submit, target

pytestmark = pytest.mark.spark


def test_a_job_on_the_cluster_publishes_the_bits_of_a_local_run(cluster, tmp_path):
    address = cluster.hosts.address(0)
    own = {key.replace(".", "_"): value for key, value in SECRET.items()}
    own |= {"spark_driver_host": address, "spark_driver_bindAddress": address, "spark_executor_memory": "512m"}
    models = []
    with target("filled", "standalone", spark_master=cluster.url, **own) as name:
        command = [
            "./spark-submit.sh",
            "--target",
            name,
            "train",
            "conf/digits.toml",
            f"output.path={tmp_path / 'there'}",
        ]
        run = subprocess.run(
            cluster.hosts.command(0, command), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
            env=os.environ | {"SPARK_LOCAL_IP": address},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert json.loads(run.stdout)["accuracy"] > 0.95
    assert submit("train", "conf/digits.toml", f"output.path={tmp_path / 'here'}").returncode == 0
    for place in ("there", "here"):
        models.append((tmp_path / place / "model" / "arrays.npz").read_bytes())
    assert models[0] == models[1]

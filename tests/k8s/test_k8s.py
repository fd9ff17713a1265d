"""Jobs on Kubernetes, in client mode: the driver in the network of a real node, executors in its pods."""

import json
import re
import subprocess

import pytest

from submitting import ROOT, coefficients, kill, local_digits, refused, wait_until

pytestmark = pytest.mark.spark
EXECUTORS = ("pods", "-l", "spark-role=executor", "-o", "name")


def started(on_node, *arguments: object) -> subprocess.Popen:
    command, environment = on_node
    return subprocess.Popen(
        [*command, *map(str, arguments)], cwd=ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    )  # fmt: skip


def ended(job: subprocess.Popen) -> subprocess.CompletedProcess:
    try:
        out, said = job.communicate(timeout=900)
    finally:
        if job.poll() is None:
            kill(job)
    return subprocess.CompletedProcess(job.args, job.returncode, out, said)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The digits' model, fitted on this machine without a cluster."""
    return local_digits(tmp_path_factory.mktemp("local") / "digits")


def test_pods_give_the_bits_of_a_local_run_and_passes_are_pooled(on_node, node, local, tmp_path):
    out = tmp_path / "digits"
    run = ended(started(on_node, "train", "conf/digits.toml", f"output.path={out}"))
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["output"] == str(out)
    assert coefficients(out) == coefficients(local)
    passes = [json.loads(line) for line in (out / "passes.jsonl").read_text().splitlines()]
    assert {one["source"] for one in passes} == {"parquet"}
    assert sum(one["how"] == "pooled" for one in passes) > len(passes) / 2
    node.wait(lambda: node.kubectl("get", *EXECUTORS) == "")  # Spark has deleted them; they have time to end


def test_a_path_that_is_not_there_is_one_line(on_node, tmp_path):
    paths = ("data.train=/nowhere", "data.test=/nowhere", f"output.path={tmp_path / 'digits'}")
    assert "nowhere" in refused(ended(started(on_node, "train", "conf/digits.toml", *paths)))


def test_a_pod_that_is_deleted_changes_no_bit(on_node, node, local, tmp_path):
    out, kept = tmp_path / "digits", tmp_path / "checkpoint"
    checkpoint = ("checkpoint.every=1", f"checkpoint.path={kept}")
    job = started(on_node, "train", "conf/digits.toml", f"output.path={out}", *checkpoint)
    wait_until(job, (kept / "000003").exists)
    first = node.kubectl("get", *EXECUTORS).split()[0]
    node.kubectl("delete", first, "--force", "--grace-period=0", "--wait=false")
    run = ended(job)
    assert run.returncode == 0, run.stderr
    assert coefficients(out) == coefficients(local)


def test_a_job_that_is_killed_resumes_with_the_same_bits(on_node, local, tmp_path):
    out, kept = tmp_path / "digits", tmp_path / "checkpoint"
    arguments = ("train", "conf/digits.toml", f"output.path={out}", "checkpoint.every=1", f"checkpoint.path={kept}")
    job = started(on_node, *arguments)
    wait_until(job, (kept / "000003").exists)
    kill(job)
    assert not out.exists()
    resumed = ended(started(on_node, *arguments))
    assert resumed.returncode == 0, resumed.stderr
    assert int(re.search(r"continuing after the (\d+) passes", resumed.stderr)[1]) >= 3
    assert coefficients(out) == coefficients(local)

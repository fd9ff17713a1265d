"""Jobs on YARN, in client mode: with the driver's environment shipped, or with an interpreter that the nodes have."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.chaos.cluster import command_of
from pyarrow.fs import LocalFileSystem

from submitting import ROOT, coefficients, kill, local_digits, refused, submit, wait_until
from treefold.persistence import output_folder
from yarn.libhdfs import driver_with_hdfs

pytestmark = pytest.mark.spark


def on_yarn(yarn, *arguments: object) -> subprocess.CompletedProcess:
    options, environment = yarn
    return submit(*options, *arguments, timeout=1800, **environment)


def digits(split: str, root: str = f"file://{ROOT}/data") -> str:
    return f"{root}/digits/split={split}"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The digits' model, fitted on this machine."""
    return local_digits(tmp_path_factory.mktemp("local") / "digits")


def test_a_shipped_environment_reads_files_and_gives_the_bits_of_a_local_run(shipping, hadoop, local, tmp_path):
    out = tmp_path / "digits"
    paths = (f"data.train={digits('train')}", f"data.test={digits('test')}", f"output.path={out}")
    run = on_yarn(shipping, "train", "conf/digits.toml", *paths)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["output"] == str(out)
    assert coefficients(out) == coefficients(local)
    assert hadoop.applications()[-1]["finalStatus"] == "SUCCEEDED"


def test_rows_come_from_hdfs(yarn, local, tmp_path):
    out = tmp_path / "digits"
    paths = (f"data.train={digits('train', 'hdfs://')}", f"data.test={digits('test', 'hdfs://')}", f"output.path={out}")
    run = on_yarn(yarn, "train", "conf/digits.toml", *paths)
    assert run.returncode == 0, run.stderr
    at_home = json.loads((local / "metrics.json").read_text())["test"]
    found = json.loads((out / "metrics.json").read_text())["test"]
    assert found["rows"] == at_home["rows"]
    assert found["log_loss"] == pytest.approx(at_home["log_loss"], abs=1e-5)


def test_a_path_that_is_not_there_is_one_line(yarn, tmp_path):
    paths = ("data.train=hdfs:///nowhere", "data.test=hdfs:///nowhere", f"output.path={tmp_path / 'digits'}")
    assert "nowhere" in refused(on_yarn(yarn, "train", "conf/digits.toml", *paths))


def executors() -> list[int]:
    numbers = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in numbers if "YarnCoarseGrainedExecutorBackend" in command_of(pid).partition(" -c ")[0]]


@contextmanager
def started(yarn, *arguments: object, **more: str) -> Iterator[subprocess.Popen]:
    """A job that runs; it is killed if the test fails."""
    options, environment = yarn
    job = subprocess.Popen(
        ["./spark-submit.sh", *options, *map(str, arguments)], cwd=ROOT, start_new_session=True, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | environment | more,
    )  # fmt: skip
    try:
        yield job
    finally:
        if job.poll() is None:
            kill(job)


def test_an_executor_that_is_killed_changes_no_bit(yarn, local, tmp_path):
    out, kept = tmp_path / "digits", tmp_path / "checkpoint"
    paths = (f"data.train={digits('train')}", f"data.test={digits('test')}", f"output.path={out}")
    checkpoint = ("checkpoint.every=1", f"checkpoint.path={kept}")
    with started(yarn, "train", "conf/digits.toml", *paths, *checkpoint) as job:
        wait_until(job, (kept / "000003").exists)
        os.kill(executors()[0], signal.SIGKILL)
        _, said = job.communicate(timeout=1800)
    assert job.returncode == 0, said
    assert coefficients(out) == coefficients(local)


def test_a_job_that_is_killed_resumes_from_its_checkpoint_in_hdfs(yarn, hadoop, local, tmp_path):
    driver = driver_with_hdfs(hadoop)
    paths = (f"data.train={digits('train')}", f"data.test={digits('test')}", "output.path=hdfs:///models/digits")
    arguments = ("train", "conf/digits.toml", *paths, "checkpoint.every=1", "checkpoint.path=hdfs:///kept/digits")
    with started(yarn, *arguments, **driver) as job:
        wait_until(job, lambda: hadoop.exists("/kept/digits/000003"))
        kill(job)
    assert not hadoop.exists("/models/digits")
    resumed = on_yarn((yarn[0], driver), *arguments)
    assert resumed.returncode == 0, resumed.stderr
    assert int(re.search(r"continuing after the (\d+) passes", resumed.stderr)[1]) >= 3
    hadoop.get("/models/digits", tmp_path / "digits")
    published = Path(output_folder.content(LocalFileSystem(), str(tmp_path / "digits")))
    assert coefficients(published) == coefficients(local)

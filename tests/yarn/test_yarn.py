"""Jobs on YARN, in client mode, with the driver's environment shipped to the executors."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from benchmarks.chaos.cluster import command_of

from submitting import ROOT, refused, submit

pytestmark = pytest.mark.spark


def coefficients(output: Path) -> bytes:
    with np.load(output / "model" / "arrays.npz") as arrays:
        return b"".join(arrays[name].tobytes() for name in sorted(arrays))


def on_yarn(yarn, *arguments: object) -> subprocess.CompletedProcess:
    options, environment = yarn
    return submit(*options, *arguments, **environment)


def digits(split: str, root: str = f"file://{ROOT}/data") -> str:
    return f"{root}/digits/split={split}"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The digits' model, fitted on this machine."""
    out = tmp_path_factory.mktemp("local") / "digits"
    run = submit("train", "conf/digits.toml", f"output.path={out}")
    assert run.returncode == 0, run.stderr
    return out


def test_files_that_executors_read_give_the_bits_of_a_local_run(yarn, hadoop, local, tmp_path):
    out = tmp_path / "digits"
    paths = (f"data.train={digits('train')}", f"data.test={digits('test')}", f"output.path={out}")
    run = on_yarn(yarn, "train", "conf/digits.toml", *paths)
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


def test_an_executor_that_is_killed_changes_no_bit(yarn, local, tmp_path):
    options, environment = yarn
    out = tmp_path / "digits"
    paths = (f"data.train={digits('train')}", f"data.test={digits('test')}", f"output.path={out}")
    job = subprocess.Popen(
        ["./spark-submit.sh", *options, "train", "conf/digits.toml", *paths], cwd=ROOT, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | environment,
    )  # fmt: skip
    killed, said = [], []
    for line in job.stderr:
        said.append(line)
        if "iteration " in line and not killed:
            killed = executors()[:1]
            os.kill(killed[0], signal.SIGKILL)
    assert job.wait() == 0, "".join(said)
    assert len(killed) == 1
    assert coefficients(out) == coefficients(local)

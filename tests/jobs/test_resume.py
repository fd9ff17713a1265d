"""A fit as a job, killed at a pass drawn by a seed: it resumes and ends with the same result."""

import json
import os
import re
import subprocess
import time
from random import Random

import numpy as np
import pytest
from cryptography.fernet import Fernet

from submitting import ROOT, kill, refused, submit, target
from treefold.persistence import model_io

pytestmark = pytest.mark.spark


def passes(out) -> list[dict]:
    return [json.loads(line) for line in (out / "passes.jsonl").read_text().splitlines()]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("conf", "more", "encrypted", "learnt"),
    [
        ("conf/digits.toml", ["solver.tol=1e-7"], "false", "coef"),
        ("conf/digits_kmeans.toml", ["model.nInit=3"], "true", "centres"),
    ],
    ids=["linear", "k-means, encrypted"],
)
def test_a_fit_that_is_killed_resumes_and_ends_with_the_same_bits(tmp_path, in_session, conf, more, encrypted, learnt):
    whole, out, kept = tmp_path / "whole", tmp_path / "killed", tmp_path / "killed.checkpoint"
    (tmp_path / "key").write_bytes(Fernet.generate_key())
    more = [*more, f"checkpoint.key={tmp_path / 'key'}"]
    code, shown, err = in_session("train", conf, *more, f"output.path={whole}")
    assert code == 0, err
    with target("encrypted", spark_io_encryption_enabled=encrypted) as spark:
        killed_and_resumed(spark, whole, json.loads(shown), out, kept, conf, more, learnt)


def killed_and_resumed(spark, whole, result, out, kept, conf, more, learnt):
    fitted = [p for p in passes(whole) if p["of"] == "fit"]
    last = Random(conf).randrange(4, len(fitted) // 2)
    arguments = ["--target", spark, "train", conf, *more, f"output.path={out}", "checkpoint.every=1"]
    job = subprocess.Popen(
        ["./spark-submit.sh", *arguments], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ,
    )  # fmt: skip
    while not (kept / f"{last:06d}").exists():
        assert job.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    kill(job)
    assert not out.exists()
    resumed = submit(*arguments)
    assert resumed.returncode == 0, resumed.stderr
    found = re.search(r"continuing after the (\d+) passes", resumed.stderr)
    assert found
    assert last <= int(found[1]) < len(fitted)
    models = [model_io.load(str(folder / "model")) for folder in (whole, out)]
    np.testing.assert_array_equal(getattr(models[0], learnt), getattr(models[1], learnt))
    assert json.loads(resumed.stdout) | {"output": ""} == result | {"output": ""}
    assert not kept.exists()


def test_where_spark_encrypts_its_files_a_checkpoint_takes_a_key(tmp_path):
    with target("encrypting", spark_io_encryption_enabled="true") as spark:
        line = refused(
            submit(
                "--target", spark, "train", "conf/digits.toml", "checkpoint.every=1", f"output.path={tmp_path / 'o'}"
            )
        )
    assert line.endswith("would hold sums and rows as they are: name the file of a key as checkpoint.key")
    assert list(tmp_path.iterdir()) == []

"""spark-submit.sh as users, schedulers and containers call it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from submitting import ROOT, refused, submit, target
from treefold.__main__ import main
from treefold.persistence import model_io

pytestmark = pytest.mark.spark

CONF = "conf/digits.toml"
ENDLESS = ["solver.name=gd", "solver.tol=0", "solver.maxIter=10000000", "checkpoint.every=1"]
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "out", "build", ".*cache")


def test_too_little_memory_is_one_clear_line(tmp_path):
    with target("small", spark_driver_memory="200m") as too_small:
        run = submit("--target", too_small, "train", CONF, f"output.path={tmp_path / 'o'}")
    assert refused(run).startswith(
        "error: Spark has too little memory (Insufficient driver memory: System memory 209715200 must"
    )
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", CONF], "there is no job 'trian': there are evaluate"),
        (["--target", "moon", "train", CONF], "there is no conf/spark/moon.conf: write one with spark.master"),
        (["--overwrite", "train", CONF], "unknown option --overwrite: options of a job come after its name"),
    ],
)
def test_bad_commands_are_named(arguments, message):
    assert message in refused(submit(*arguments))


def test_help_of_the_script_and_of_a_job():
    shown = submit("--help").stdout
    assert "usage: ./spark-submit.sh" in shown
    named = shown.partition("[--target ")[2].partition("]")[0].split("|")
    assert {"local", "standalone", "yarn"} <= {*named}
    assert [name for name in named if not (ROOT / f"conf/spark/{name}.conf").exists()] == []
    run = submit("train", "--help")
    assert run.returncode == 0
    assert "table.key=value" in run.stdout
    assert "usage: ./spark-submit.sh train" in run.stdout


@pytest.mark.parametrize("job", sorted(file.stem for file in (ROOT / "jobs").glob("[a-z]*.py")))
def test_help_of_every_job(job, monkeypatch, capsys, process_as_before):
    for name in ("TREEFOLD_LIBRARY", "TREEFOLD_PROPERTIES", "SPARK_CONF_DIR"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setattr(sys, "argv", ["treefold"])
    with pytest.raises(SystemExit) as ended:
        main([job, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "table.key=value" in shown
    assert f"usage: python -m treefold {job}" in shown


def fake(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def test_no_java_or_one_too_old(tmp_path):
    line = refused(submit("train", CONF, JAVA_HOME=str(tmp_path)))
    assert line.startswith("error: no Java (")
    assert "install Java 17 or newer, or set JAVA_HOME" in line
    fake(tmp_path / "bin", "java", "echo 'openjdk version \"11.0.2\" 2019' >&2")
    line = refused(submit("train", CONF, JAVA_HOME=str(tmp_path)))
    assert "Java 11 is too old" in line
    assert "install Java 17 or newer" in line


def test_python_too_old_or_none(tmp_path):
    """In a tree without an environment: one that is complete is never asked for another interpreter."""
    tree = tmp_path / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".venv", ".git", "out", "build", ".*cache"))
    fake(tmp_path / "old", "python3", 'case "$1" in -V) echo "Python 3.9.2" ;; *) exit 1 ;; esac')
    run = subprocess.run([tree / "spark-submit.sh", "train", CONF], capture_output=True, text=True, check=False,
                         env=os.environ | {"PYTHON": str(tmp_path / "old/python3")})  # fmt: skip
    line = refused(run)
    assert "no Python 3.11 or newer" in line
    assert "is Python 3.9.2" in line
    assert not (tree / ".venv").exists()


def processes_with(word: str) -> list[str]:
    """Command lines of processes that name a word."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if word in line:
                found.append(line)
    return found


def started(out: Path, **environment: str) -> subprocess.Popen:
    """A job without end that has come to its checkpoint's second pass."""
    job = subprocess.Popen(
        ["./spark-submit.sh", "train", CONF, *ENDLESS, f"output.path={out}"], cwd=ROOT, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip
    while not Path(f"{out}.checkpoint/000001").exists():
        assert job.poll() is None, "ended before it could be stopped"
        time.sleep(0.02)
    return job


def gone(out: Path, seconds: float) -> bool:
    """Whether no process of a job is left after at most so long."""
    deadline = time.monotonic() + seconds
    while processes_with(str(out)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not processes_with(str(out))


@pytest.mark.processes
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_script_ends_all_of_the_job_and_keeps_its_checkpoint(tmp_path, number, code):
    out, disk = tmp_path / "o", tmp_path / "disk"
    job = started(out, SPARK_LOCAL_DIRS=str(disk))
    before = set((ROOT / "build").glob("job.*"))
    os.kill(job.pid, number)
    stdout, stderr = job.communicate(timeout=300)
    assert job.returncode == code, stderr
    assert stdout == ""
    last = stderr.splitlines()[-1]
    assert last.startswith(f"stopped by {number.name}: nothing was published; the same command continues from {out}.")
    assert "Traceback" not in stderr
    assert gone(out, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "o.checkpoint"]
    assert list(disk.glob("**/treefold*")) == []
    assert len(before - set((ROOT / "build").glob("job.*"))) >= 1


@pytest.mark.processes
def test_a_job_whose_script_is_killed_ends_and_the_next_start_sweeps_up(tmp_path):
    out = tmp_path / "o"
    job = started(out)
    mine = [folder for folder in (ROOT / "build").glob("job.*") if str(folder) in "".join(processes_with(str(folder)))]
    os.kill(job.pid, signal.SIGKILL)
    job.communicate()
    assert gone(out, 60)
    assert mine
    assert all(gone(folder, 60) for folder in mine)  # Spark's JVM ends after the driver
    assert not out.exists()
    held = ROOT / "build" / f"job.held{os.getpid()}"
    held.mkdir()
    try:
        with (held / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            refused(submit("train", "conf/nothing.toml"))
            assert held.exists(), "a folder whose run lives was swept"
        assert not [folder for folder in mine if folder.exists()]
        refused(submit("train", "conf/nothing.toml"))
        assert not held.exists()
    finally:
        shutil.rmtree(held, ignore_errors=True)


def test_from_any_folder_by_a_link_from_a_path_with_a_space_in_any_environment(tmp_path):
    tree, user = tmp_path / "a checkout", tmp_path / "user"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    (tree / ".venv").symlink_to((ROOT / ".venv").resolve())
    properties = (ROOT / "conf/spark/local.conf").read_text() + "spark.python.worker.reuse false\n"
    (tree / "conf/spark/odd.conf").write_text(properties)
    shutil.copytree(ROOT / "data/digits", user / "rows")
    (user / "my.toml").write_text((ROOT / CONF).read_text().replace('"data/digits/', '"rows/'))
    (tmp_path / "link").symlink_to(tree / "spark-submit.sh")
    command = ["../link", "--target", "odd", "train", "my.toml", "solver.maxIter=2", "output.path=mine/o"]
    environment = {
        "PYSPARK_DRIVER_PYTHON": "jupyter",
        "PYSPARK_DRIVER_PYTHON_OPTS": "notebook",
        "SPARK_HOME": "/nowhere",
    }
    run = subprocess.run(
        command, cwd=user, capture_output=True, text=True, check=False, env=os.environ | environment, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert "spark.python.worker.reuse = false is ignored" in run.stderr
    assert json.loads(run.stdout)["output"] == "mine/o"
    metrics = json.loads((user / "mine/o/metrics.json").read_text())
    assert metrics["cost"]["rows"] == 1437
    assert metrics["run"]["conf_file"] == str(user / "my.toml")
    assert metrics["run"]["overrides"] == ["solver.maxIter=2", "output.path=mine/o"]
    assert list((tree / "build").iterdir()) == []
    assert not (tree / "out").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a folder that cannot be written")
def test_where_neither_tmp_nor_the_checkout_can_be_written_a_job_still_runs(tmp_path):
    out = Path(f"/var/tmp/treefold-{os.getpid()}")  # short, as the paths of sockets must be
    script = f"""
        mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && ! touch '{tmp_path}/x' &&
        mount --bind '{ROOT}' '{ROOT}' && mount -o remount,bind,ro '{ROOT}' && cd '{ROOT}' && ! touch x &&
        XDG_CACHE_HOME='{out}/cache' ./spark-submit.sh train conf/digits.toml solver.maxIter=2 'output.path={out}/o'
    """
    try:
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert model_io.load(str(out / "o" / "model")).classes == 10
        assert list(out.glob("cache/treefold/checkout-*/build/*")) == []
    finally:
        shutil.rmtree(out, ignore_errors=True)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"spark_master": "spark://127.0.0.1:1"}, "no master answers at spark://127.0.0.1:1 (Connection refused)"),
        ({"spark_driver_extraJavaOptions": "-javaagent:/no/such.jar"}, "Spark does not start ("),
    ],
)
def test_a_session_that_cannot_be_had_is_one_line(tmp_path, properties, message):
    with target("wrong", **properties) as wrong:
        run = submit("--target", wrong, "train", CONF, f"output.path={tmp_path / 'o'}")
    assert message in refused(run)
    assert run.stderr.count("\n") == 1

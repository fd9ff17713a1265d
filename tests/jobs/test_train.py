"""The main job as a user runs it: ./spark-submit.sh in a process of its own, from the shell to the files."""

import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from submitting import ROOT, refused, submit, target
from treefold import store

pytestmark = pytest.mark.spark

CONF = "conf/digits.toml"
FIRST = [f"pixel_{row}{column}" for row in range(3) for column in range(8)][:20]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("train") / "digits"
    run = submit("train", CONF, f"output.path={out}")
    assert run.returncode == 0, run.stderr
    return out, run


def test_the_last_line_on_stdout_is_json_and_stderr_shows_progress(trained):
    out, run = trained
    (only,) = run.stdout.splitlines()
    result = json.loads(only)
    assert result["output"] == str(out)
    assert result["accuracy"] > 0.95
    iterations = [line for line in run.stderr.splitlines() if line.startswith("iteration")]
    assert len(iterations) >= 10
    for word in ("objective", "gradient", "s/pass"):
        assert all(word in line for line in iterations)
    assert not [line for line in run.stderr.splitlines() if " WARN " in line or " INFO " in line or " ERROR " in line]


def test_it_publishes_model_metrics_and_passes(trained):
    out, run = trained
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "model", "passes.jsonl", "report.html"]
    assert [path.name for path in out.parent.iterdir()] == ["digits"]
    metrics = json.loads((out / "metrics.json").read_text())
    test, cost = metrics["test"], metrics["cost"]
    assert test["rows"] == 360
    confusion = np.array(test["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 360
    assert test["accuracy"] == pytest.approx(np.trace(confusion) / 360) == json.loads(run.stdout)["accuracy"]
    assert test["recall"] == pytest.approx(np.diag(confusion) / confusion.sum(axis=1))
    assert test["precision"] == pytest.approx(np.diag(confusion) / confusion.sum(axis=0))
    passes = [json.loads(line) for line in (out / "passes.jsonl").read_text().splitlines()]
    assert cost["rows"] == 1437
    assert cost["passes"] == len(passes)
    assert cost["bytes_up"] == sum(p["bytes_up"] for p in passes) > 0
    assert cost["bytes_down"] == sum(p["bytes_down"] for p in passes) > 0
    assert cost["seconds"] >= cost["fit_seconds"] > 0
    assert {p["source"] for p in passes} == {"parquet"}
    assert [p["of"] for p in passes] == ["fit"] * (len(passes) - 1) + ["test"]
    assert {p["rows"] for p in passes} == {1437, 360}


def test_the_published_model_scores_without_spark_what_the_metrics_say(trained):
    out, _ = trained
    rows = pq.read_table(ROOT / "data/digits/split=test").to_pandas()
    model = store.load(str(out / "model"))
    pixels = rows[[name for name in rows if name.startswith("pixel_")]].to_numpy()
    accuracy = (model.predict(pixels) == rows.digit).mean()
    assert accuracy == json.loads((out / "metrics.json").read_text())["test"]["accuracy"]


def test_an_output_that_exists_is_kept_unless_overwrite_is_given_and_a_rerun_is_the_same(trained):
    out, _ = trained
    before = (out / "model" / "arrays.npz").read_bytes(), (out / "metrics.json").stat().st_mtime_ns
    assert "exists: choose another path, or replace it with --overwrite" in refused(
        submit("train", CONF, f"output.path={out}")
    )
    assert (out / "metrics.json").stat().st_mtime_ns == before[1]
    assert submit("train", CONF, f"output.path={out}", "--overwrite").returncode == 0
    assert (out / "metrics.json").stat().st_mtime_ns != before[1]
    first, second = (np.load(source)["coef"] for source in (out / "model/arrays.npz", io.BytesIO(before[0])))
    np.testing.assert_array_equal(first, second)


def test_gradient_descent_by_override(tmp_path):
    run = submit("train", CONF, "solver.name=gd", "solver.maxIter=5", f"output.path={tmp_path / 'gd'}")
    assert run.returncode == 0, run.stderr
    metrics = json.loads((tmp_path / "gd/metrics.json").read_text())
    assert metrics["iterations"] == 5
    assert "maximum number of iterations" in run.stderr


def copy_with(tmp_path: Path, change) -> Path:
    """The training files, one of them changed."""
    folder = tmp_path / "split=train"
    shutil.copytree(ROOT / "data/digits/split=train", folder)
    file = folder / "part-00002.parquet"
    change(file)
    return folder


def with_value(column: str, value, kind):
    def change(file: Path) -> None:
        table = pq.read_table(file)
        values = table[column].to_pylist()
        values[3] = value
        index = table.column_names.index(column)
        pq.write_table(table.set_column(index, column, pa.array(values, kind)), file)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_value("pixel_33", None, pa.int8()), "column 'pixel_33' holds null in row 3 of"),
        (with_value("pixel_33", float("nan"), pa.float64()), "column 'pixel_33' holds NaN in row 3 of"),
        (with_value("pixel_33", float("inf"), pa.float64()), "column 'pixel_33' holds an infinite value"),
        (with_value("digit", None, pa.int32()), "column 'digit' holds null in row 3 of"),
        (with_value("digit", -1, pa.int32()), "label -1 in row 722 is out of range: classes are 0, 1, 2"),
        (lambda file: file.write_bytes(file.read_bytes()[:-7]), "part-00002.parquet is damaged or no Parquet file"),
        (lambda file: file.write_text("no parquet"), "part-00002.parquet is damaged or no Parquet file"),
    ],
    ids=["null", "nan", "inf", "null label", "label out of range", "truncated", "not Parquet"],
)
def test_bad_rows_and_files_are_named_before_training(tmp_path, change, message):
    folder = copy_with(tmp_path, change)
    line = refused(submit("train", CONF, f"data.train={folder}", f"output.path={tmp_path / 'out'}"))
    assert message in line
    if "out of range" not in message:
        assert "part-00002.parquet" in line
    assert not (tmp_path / "out").exists()


def test_a_test_set_without_the_label_is_refused_before_training(tmp_path):
    table = pq.read_table(ROOT / "data/digits/split=test/part-00000.parquet", partitioning=None)
    pq.write_table(table.drop_columns("digit"), tmp_path / "unlabelled.parquet")
    line = refused(
        submit("train", CONF, f"data.test={tmp_path / 'unlabelled.parquet'}", f"output.path={tmp_path / 'o'}")
    )
    assert "there is no column 'digit'" in line


def test_bad_rows_in_the_test_set_are_refused_before_training(tmp_path):
    folder = copy_with(tmp_path, with_value("pixel_33", float("nan"), pa.float64()))
    line = refused(submit("train", CONF, f"data.test={folder}", f"output.path={tmp_path / 'out'}"))
    assert "column 'pixel_33' holds NaN in row 3 of" in line


def test_too_little_memory_is_one_clear_line(tmp_path):
    with target("small", spark_driver_memory="200m") as too_small:
        run = submit("--target", too_small, "train", CONF, f"output.path={tmp_path / 'o'}")
    assert refused(run).startswith("error: Spark has too little memory (System memory 209715200 must be at least")
    assert run.stderr.count("\n") == 1


def test_no_rows(tmp_path):
    folder = tmp_path / "none"
    folder.mkdir()
    table = pq.read_table(ROOT / "data/digits/split=train/part-00000.parquet", partitioning=None)
    pq.write_table(table[:0], folder / "a.parquet")
    assert "the data has no rows" in refused(
        submit("train", CONF, f"data.train={folder}", f"output.path={tmp_path / 'o'}")
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.label=lable"], f"there is no column 'lable': the data has {', '.join(FIRST)} and 45 more"),
        (["data.train=data/nowhere"], "there is nothing at data/nowhere: check the path"),
        (["data.train=conf"], "conf/digits.toml is damaged or no Parquet file: restore it or remove it"),
        (["data.test=data/nowhere"], "there is nothing at data/nowhere: check the path"),
        (["solver.maxiter=5"], "LogisticRegression has no param 'maxiter': did you mean 'maxIter'"),
        (["solver.maxIter=many"], "maxIter = 'many' is no valid value"),
        (["data.lable=x"], "data: unknown key 'lable': did you mean 'label'"),
        (
            ["model.name=LogisticRegresion"],
            "there is no model 'LogisticRegresion': there are KMeans, LinearRegression",
        ),
    ],
)
def test_bad_conf_is_named_before_training(tmp_path, arguments, message):
    assert message in refused(submit("train", CONF, *arguments, f"output.path={tmp_path / 'out'}"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian", CONF], "there is no job 'trian': there are train"),
        (["--target", "moon", "train", CONF], "there is no conf/spark/moon.conf: write one with spark.master"),
        (["--overwrite", "train", CONF], "unknown option --overwrite: options of a job come after its name"),
        (["train", "conf/nothing.toml"], "there is no conf conf/nothing.toml: name one of conf/digits.toml"),
    ],
)
def test_bad_commands_are_named(arguments, message):
    assert message in refused(submit(*arguments))


def test_help_of_the_script_and_of_every_job():
    assert "usage: ./spark-submit.sh" in submit("--help").stdout
    for job in (ROOT / "jobs").glob("*.py"):
        run = submit(job.stem, "--help")
        assert run.returncode == 0
        assert "table.key=value" in run.stderr
        assert "example: ./spark-submit.sh" in run.stderr


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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a folder that cannot be written")
def test_where_tmp_cannot_be_written_a_job_still_runs(tmp_path):
    out = ROOT / "build" / f"{tmp_path.name}-{os.getpid()}"
    script = f"""
        mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && ! touch '{tmp_path}/x' &&
        mount --bind '{ROOT}' '{ROOT}' && mount -o remount,bind,rw '{ROOT}' && cd '{ROOT}' &&
        ./spark-submit.sh train conf/digits.toml solver.maxIter=2 'output.path={out}'
    """
    try:
        done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert store.load(str(out / "model")).classes == 10
    finally:
        shutil.rmtree(out, ignore_errors=True)

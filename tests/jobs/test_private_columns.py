"""Jobs with private columns: no byte that they leave, on disk, on stderr or in Spark's event log, holds a secret."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.chaos.disk_files import bytes_of, files_below

from submitting import ROOT, kill, submit, target
from treefold.privacy.columns import decrypted
from treefold.privacy.keys import Keys

pytestmark = pytest.mark.spark

ROWS = 60
KEY = bytes(range(7, 39)).hex()
CONF = """
[data]
path = "{home}/in/people.csv"
format = "csv"
options = {{ header = true }}
schema = "id INT, name STRING, email STRING, tax STRING, note STRING, town STRING, age INT, bought INT"
label = "bought"
key = ["id", "name", "tax", "note"]
checks = {{ age_is_not_negative = "age IS NULL OR age >= 0" }}

[features]
numeric = ["age"]
onehot = ["town"]

[encoding]
minCount = 2

[split]
key = ["id"]
test = 0.3

[output]
path = "{home}/out/prepared"
"""
PRIVACY = """
[privacy]
key = "{home}/in/key"
{anonymity}

[privacy.columns]
name = {{ policy = "mask", prefix = 1 }}
email = {{ policy = "drop" }}
tax = {{ policy = "pseudonymise" }}
note = {{ policy = "encrypt" }}
town = {{ policy = "encrypt", deterministic = true }}
age = {{ policy = "generalise", width = 30.0 }}
"""
TRAIN = """
[data]
train = "{home}/out/prepared/data/split=train"
test = "{home}/out/prepared/data/split=test"
features = ["x_*"]
label = "bought"

[model]
name = "LogisticRegression"

[solver]
maxIter = 3

[output]
path = "{home}/out/trained"

[privacy.columns]
tax = {{ policy = "drop" }}
"""
PREDICT = """
[data]
path = "{home}/in/people.csv"
format = "csv"
options = {{ header = true }}
schema = "id INT, name STRING, email STRING, tax STRING, note STRING, town STRING, age INT, bought INT"
key = ["id", "name", "tax"]
preparation = "{home}/out/prepared"

[model]
path = "{home}/out/trained/model"

[output]
path = "{home}/out/predictions"
"""


def secrets() -> list[str]:
    columns = [[f"{kind}secret{i}" for i in range(ROWS + 2)] for kind in ("ame", "mail", "tax", "note")]
    return [*(each for column in columns for each in column), "Townsecret", KEY]


@pytest.fixture
def home(tmp_path) -> Path:
    lines = ["id,name,email,tax,note,town,age,bought"]
    for i in range(ROWS):
        town, age, bought = f"Townsecret{i % 3}", 20 + i, i % 2
        lines.append(f"{i},Namesecret{i},mailsecret{i},taxsecret{i},notesecret{i},{town},{age},{bought}")
    i = ROWS
    lines.append(
        f"{i},Nam,amesecret{i},mailsecret{i},taxsecret{i},notesecret{i},Townsecret0,30,1"
    )  # one comma too many
    lines.append(f"{i + 1},Namesecret{i + 1},mailsecret{i + 1},taxsecret{i + 1},notesecret{i + 1},Townsecret1,30,")
    for folder in ("in", "out", "local", "events"):
        (tmp_path / folder).mkdir()
    (tmp_path / "in/people.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "in/key").write_text(KEY + "\n")
    (tmp_path / "in/key").chmod(0o600)
    anonymity = 'quasiIdentifiers = ["age"]\nkAnonymity = 3'
    steps = {
        "prepare": (CONF + PRIVACY).format(home=tmp_path, anonymity=anonymity),
        "train": TRAIN.format(home=tmp_path),
        "predict": (PREDICT + PRIVACY).format(home=tmp_path, anonymity=""),
    }
    (tmp_path / "in/prepare.toml").write_text(steps["prepare"])
    tables = [re.sub(r"^\[", f"[{step}.", text, flags=re.M) for step, text in steps.items()]
    head = f"steps = {list(steps)}\nstate = '{tmp_path}/out/state.json'\n"
    (tmp_path / "in/pipeline.toml").write_text(head + "".join(tables))
    return tmp_path


@pytest.fixture
def spark(home):
    """Name of a target whose local folders and event log are in the home, and whose files are as they are."""
    properties = {
        "spark_local_dir": home / "local",
        "spark_eventLog_enabled": "true",
        "spark_eventLog_dir": home / "events",
        "spark_eventLog_compress": "false",
        "spark_shuffle_compress": "false",
        "spark_shuffle_spill_compress": "false",
        "spark_sql_parquet_compression_codec": "uncompressed",
    }
    with target("private", **{name: str(value) for name, value in properties.items()}) as name:
        yield name


def left(home: Path, *shown: str) -> bytes:
    """All that jobs have left or shown; dictionary pages of Parquet are not compressed."""
    files = [file for folder in ("out", "local", "events") for file in files_below(home / folder)]
    names = [str(file.relative_to(home)) for file in files]
    return b"\n".join([*(bytes_of(file) for file in files), *(text.encode() for text in (*shown, *names))])


def found(home: Path, *shown: str) -> list[str]:
    content = left(home, *shown)
    return [secret for secret in secrets() if secret.encode() in content]


def test_no_secret_is_left_by_prepare_train_and_predict(home, spark):
    run = submit("--target", spark, "pipeline", home / "in/pipeline.toml")
    assert run.returncode == 0, run.stderr
    assert found(home, run.stdout, run.stderr) == []
    assert any((home / "events").rglob("*"))
    rows = pq.read_table(home / "out/prepared/data", partitioning=None).to_pydict()
    assert {name[:2] for name in rows["name"]} == {"N*"}
    notes = decrypted(pa.array(rows["note"]), Keys.read(str(home / "in/key"))).to_pylist()
    assert notes == [f"notesecret{i}" for i in rows["id"]]
    predicted = pq.read_table(home / "out/predictions", partitioning=None).to_pydict()
    tax = dict(zip(predicted["id"], predicted["tax"], strict=True))
    assert all(tax[i] == pseudonym for i, pseudonym in zip(rows["id"], rows["tax"], strict=True))
    told = json.loads((home / "out/prepared/prepare.json").read_text())
    assert told["k_anonymity"] >= 3
    assert told["rejects"] == {"cannot be read as its types": 1, "label is null": 1}
    (home / "out/copied.csv").write_bytes((home / "in/people.csv").read_bytes() + (home / "in/key").read_bytes())
    assert found(home) == secrets(), "the search finds what is there"


@pytest.mark.processes
def test_no_secret_is_left_by_a_job_that_fails_or_is_killed(home, spark):
    failing = "data.checks={fails = 'CAST(tax AS INT) > 0 AND CAST(name AS INT) > 0'}"
    run = submit("--target", spark, "prepare", home / "in/prepare.toml", failing)
    assert run.returncode not in (0, 2), run.stderr
    assert "CAST_INVALID_INPUT" in run.stderr, "the error quotes the value, after the policy"
    arguments = ["--target", spark, "prepare", home / "in/prepare.toml", f"output.path={home}/out/killed"]
    job = subprocess.Popen(
        ["./spark-submit.sh", *map(str, arguments)], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ,
    )  # fmt: skip
    while not list((home / "out").glob("*killed*")):
        assert job.poll() is None, "ended before it could be killed"
        time.sleep(0.01)
    kill(job)
    assert found(home, run.stdout, run.stderr) == []

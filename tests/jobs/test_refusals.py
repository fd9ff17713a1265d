"""Bad confs and bad data end in one line and exit code 2, before training begins; bad confs before there is a JVM."""

import shutil
from base64 import b64decode, b64encode
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from submitting import ROOT

pytestmark = pytest.mark.spark

CONF = "conf/digits.toml"
TUNE = "conf/digits_tune.toml"
FIRST = [f"pixel_{row}{column}" for row in range(3) for column in range(8)][:20]


def copy_with(tmp_path: Path, change) -> Path:
    """The training files, one of them changed."""
    folder = tmp_path / "split=train"
    shutil.copytree(ROOT / "data/digits/split=train", folder)
    file = folder / "part-00002.parquet"
    change(file)
    return folder


def with_value(column: str, value, kind):
    """A value in one file, and the column of the same type in all: Spark reads no folder whose types differ."""

    def change(file: Path) -> None:
        for each in file.parent.glob("*.parquet"):
            table = pq.read_table(each, partitioning=None)
            values = table[column].to_pylist()
            if each == file:
                values[3] = value
            index = table.column_names.index(column)
            pq.write_table(table.set_column(index, column, pa.array(values, kind)), each)

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
def test_bad_rows_and_files_are_named_before_training(refused_with_jvm, tmp_path, change, message):
    folder = copy_with(tmp_path, change)
    line = refused_with_jvm("train", CONF, f"data.train={folder}", f"output.path={tmp_path / 'out'}")
    assert message in line
    if "out of range" not in message:
        assert "part-00002.parquet" in line
    assert not (tmp_path / "out").exists()


def test_a_test_set_without_the_label_is_refused_before_training(refused_with_jvm, tmp_path):
    table = pq.read_table(ROOT / "data/digits/split=test/part-00000.parquet", partitioning=None)
    pq.write_table(table.drop_columns("digit"), tmp_path / "unlabelled.parquet")
    line = refused_with_jvm(
        "train", CONF, f"data.test={tmp_path / 'unlabelled.parquet'}", f"output.path={tmp_path / 'o'}"
    )
    assert "there is no column 'digit'" in line


def test_bad_rows_in_the_test_set_are_refused_before_training(refused_with_jvm, tmp_path):
    folder = copy_with(tmp_path, with_value("pixel_33", float("nan"), pa.float64()))
    line = refused_with_jvm("train", CONF, f"data.test={folder}", f"output.path={tmp_path / 'out'}")
    assert "column 'pixel_33' holds NaN in row 3 of" in line


def test_no_rows(refused_with_jvm, tmp_path):
    folder = tmp_path / "none"
    folder.mkdir()
    table = pq.read_table(ROOT / "data/digits/split=train/part-00000.parquet", partitioning=None)
    pq.write_table(table[:0], folder / "a.parquet")
    line = refused_with_jvm("train", CONF, f"data.train={folder}", f"output.path={tmp_path / 'o'}")
    assert "the data has no rows" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data.label=digits"], "there is no column 'digits': did you mean 'digit'?"),
        (["data.label=target"], f"there is no column 'target': the data has {', '.join(FIRST)} and 45 more"),
        (["data.train=data/nowhere"], "there is nothing at data/nowhere: check the path"),
        (["data.train=conf/digits.toml"], "conf/digits.toml is damaged or no Parquet file: restore it or remove it"),
        (["data.test=data/nowhere"], "there is nothing at data/nowhere: check the path"),
    ],
)
def test_data_that_is_not_there_is_named_before_training(refused_with_jvm, tmp_path, arguments, message):
    assert message in refused_with_jvm("train", CONF, *arguments, f"output.path={tmp_path / 'out'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("job", "conf", "arguments", "message"),
    [
        ("train", CONF, ["solver.maxiter=5"], "LogisticRegression has no param 'maxiter': did you mean 'maxIter'"),
        ("train", CONF, ["solver.maxIter=many"], "maxIter = 'many' is no valid value"),
        ("train", CONF, ["data.lable=x"], "data: unknown key 'lable': did you mean 'label'"),
        ("train", CONF, ["data.features=[a,b]"], "quote its words, and all of it for the shell"),
        ("train", CONF, ["model.name=LogisticRegresion"], "there is no model 'LogisticRegresion': did you mean 'Logis"),
        ("train", CONF, ["model.name=Bayes"], "there is no model 'Bayes': there are CalibratedClassifier"),
        ("train", CONF, ["--resume"], "there is nothing to resume: conf/digits.toml has no table [checkpoint]"),
        ("train", CONF, ["--overwrit"], "unrecognized arguments: --overwrit"),
        ("train", "conf/nothing.toml", [], "there is no conf conf/nothing.toml: name one of conf/breast_cancer.toml"),
        ("train", "conf/digits_kmeans.toml", ["data.label=digit"], "data.label: KMeans takes no label: leave it out"),
        ("tune", TUNE, ["search.metric=acuracy"], "there is no metric 'acuracy'"),
        ("tune", TUNE, ["search.metric=rmse"], "LogisticRegression predicts classes, of which rmse is no measure"),
        ("tune", TUNE, ["search.metric=r2"], "LogisticRegression predicts classes, of which r2 is no measure"),
        ("tune", TUNE, ["search.metric=silhouette"], "LogisticRegression has no silhouette: it makes no clusters"),
        ("tune", TUNE, ["search.numFold=3"], "CrossValidator has no param 'numFold': did you mean 'numFolds'?"),
        ("tune", TUNE, ["search.space.regPram=[1.0]"], "has no param 'regPram': did you mean 'regParam'?"),
        ("tune", TUNE, ["search.trainRatio=0.5"], "TrainValidationSplit has no param 'numFolds'"),
        ("tune", TUNE, ["solver.name=dpgd"], "a differentially private solver is for fit alone: a search"),
        ("tune", TUNE, ["checkpoint.evry=3"], "checkpoint: unknown key 'evry': did you mean 'every'?"),
    ],
)  # fmt: skip
def test_a_bad_conf_is_named_before_there_is_a_jvm(refused_without_jvm, tmp_path, job, conf, arguments, message):
    assert message in refused_without_jvm(job, conf, *arguments, f"output.path={tmp_path / 'out'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3a://bucket/x", "S3AFileSystem not found): add the connector of this scheme to Spark (spark.jars.packages)"),
        ("s3://bucket/x", 'No FileSystem for scheme "s3"): add the connector of this scheme to Spark'),
        ("hdfs://no-such-host.invalid:8020/x", "UnknownHostException: no-such-host.invalid): check its address"),
    ],
)
def test_a_store_that_spark_cannot_open_is_named(refused_with_jvm, tmp_path, uri, message):
    line = refused_with_jvm("train", CONF, f"data.train={uri}", f"output.path={tmp_path / 'out'}")
    assert line.startswith(f"error: {uri} cannot be opened by Spark (")
    assert message in line
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_format_is_told_so(refused_with_jvm, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    line = refused_with_jvm("train", CONF, f"data.train={tmp_path}/rows.csv", f"output.path={tmp_path / 'out'}")
    assert "rows.csv is CSV and no Parquet file: let the job prepare, or Spark, write its rows as Parquet" in line


class NoSecrets(pe.KmsClient):
    """Keeps keys beside what they lock."""

    def wrap_key(self, key_bytes, master_key_identifier):
        return b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, master_key_identifier):
        return b64decode(wrapped_key)


def write_encrypted(table: pa.Table, file: Path) -> None:
    factory, kms = pe.CryptoFactory(lambda conf: NoSecrets()), pe.KmsConnectionConfig()
    names = pe.EncryptionConfiguration(footer_key="footer", column_keys={"columns": table.column_names})
    with pq.ParquetWriter(
        file, table.schema, encryption_properties=factory.file_encryption_properties(kms, names)
    ) as out:
        out.write_table(table)


def test_encrypted_files_ask_for_keys(refused_with_jvm, tmp_path):
    table = pq.read_table(ROOT / "data/digits/split=train/part-00000.parquet", partitioning=None)
    write_encrypted(table, tmp_path / "secret.parquet")
    line = refused_with_jvm("train", CONF, f"data.train={tmp_path}/secret.parquet", f"output.path={tmp_path / 'out'}")
    assert "secret.parquet is encrypted (" in line
    assert "give Spark its keys" in line

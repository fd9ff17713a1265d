"""What a path means: a scheme and a colon make a URI, with one slash as with two; nothing else is local."""

import os
import threading

import pytest
from pyarrow.fs import LocalFileSystem

from treefold import locations
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError
from treefold.locations import Place, check_apart, opened, place
from treefold.persistence import checkpoint, encryption, model_io, publishing

FOREIGN = ["dbfs:/tmp/m", "wasbs://c@a.blob.core.windows.net/m", "wasb:/m", "oss://b/m", "adl:/m", "http://h/m", "C:/m"]
HOSTLESS = ["s3a:/bucket/m", "s3:/m", "gs:/m", "abfss:/m", "s3a:m"]
HADOOP = ["hdfs:/x", "hdfs:///x", "hdfs://nowhere.invalid:8020/x", "viewfs:/x"]
USES = {
    "save": lambda uri: publishing.check_free(uri, False),
    "preflight": lambda uri: publishing.preflight(uri, False),
    "toOnnx": lambda uri: publishing.write(uri, b"onnx"),
    "load": model_io.load,
    "checkpoint": lambda uri: checkpoint.Checkpoint(uri, "job", resume=False),
    "key": encryption.FernetCipher,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("uri", [*FOREIGN, *HOSTLESS, *HADOOP])
def test_a_uri_that_cannot_be_opened_is_one_line_and_makes_no_local_folder(uri, use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HADOOP_HOME", str(tmp_path / "none"))
    with pytest.raises(InputError) as caught:
        use(uri)
    assert uri in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", FOREIGN)
def test_a_scheme_that_pyarrow_does_not_know_is_named(uri):
    with pytest.raises(InputError, match=f"scheme '{uri.partition(':')[0].lower()}': name "):
        opened(uri)


@pytest.mark.parametrize("uri", HOSTLESS)
def test_a_bucket_is_asked_for(uri):
    with pytest.raises(InputError, match=f"write {uri.partition(':')[0]}://"):
        opened(uri)


@pytest.mark.parametrize("named", ["a b", "./x:y", "file:{}/a b", "file://{}/a%20b", "deep/../m"])
def test_local_paths_and_file_uris_are_local(named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    system, path = opened(named.format(tmp_path))
    assert isinstance(system, LocalFileSystem)
    assert os.path.dirname(path) == str(tmp_path)


def test_a_model_saved_under_a_name_with_a_colon_is_found_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    import numpy as np

    with publishing.published("./m:1") as folder:
        model_io.save(LinearModel(np.ones((1, 3)), "identity"), folder)
    assert model_io.load(str(tmp_path / "m:1")).features == 2


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3a://b/x/../y/", Place("s3", "b", "/y")),
        ("hdfs:/x", Place("hdfs", "", "/x")),
        ("hdfs:///x", Place("hdfs", "", "/x")),
        ("abfs://c@a.dfs.core.windows.net/x", Place("abfss", "c@a.dfs.core.windows.net", "/x")),
        ("/tmp/../x", Place("file", "", "/x")),
        ("file:///x", Place("file", "", "/x")),
    ],
)
def test_places_are_compared_as_text(uri, expected):
    assert place(uri) == expected


def test_places_inside_one_another_are_kept_apart(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "data")
    apart = [("{}/out", "{}/data"), ("{}/data2", "{}/data"), ("s3://a/x", "s3://b/x"), ("s3://a/xy", "s3a://a/x")]
    for one, other in apart:
        check_apart(one.format(tmp_path), [other.format(tmp_path)])
    together = [
        ("{}/data", "{}/data"), ("{}/data/out", "{}/data"), ("{}", "{}/data/*.parquet"), ("{}/link/out", "{}/data"),
        ("s3a://a/x", "s3://a/x/y"), ("{}/data/out", "file:{}/data"),
    ]  # fmt: skip
    for one, other in together:
        with pytest.raises(InputError, match="keep them apart"):
            check_apart(one.format(tmp_path), [other.format(tmp_path)])


def test_a_store_that_does_not_answer_is_one_line_and_its_errors_are_its_own(monkeypatch):
    monkeypatch.setattr(locations, "LONGEST", 0.05)
    never = threading.Event()
    with pytest.raises(InputError, match=r"^abfss://c@a/x has not answered within 0.05 s: check the network"):
        locations.answered("abfss://c@a/x", never.wait)
    never.set()
    monkeypatch.setattr(locations, "LONGEST", 60.0)
    locations.answered("s3://b/x", lambda: None)
    with pytest.raises(InputError, match="no such bucket"):
        locations.answered("s3://b/x", lambda: (_ for _ in ()).throw(InputError("no such bucket")))


@pytest.mark.parametrize("uri", ["hdfs:///x", "viewfs:/x"])
def test_hadoop_paths_without_a_client_name_what_to_set(uri, monkeypatch):
    def missing(host):
        raise OSError("Unable to load libjvm")

    monkeypatch.setattr("pyarrow.fs.HadoopFileSystem", missing)
    with pytest.raises(InputError, match=r"cannot be opened: Unable to load libjvm: set JAVA_HOME, HADOOP_HOME"):
        opened(uri)

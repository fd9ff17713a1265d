"""Publishing: a reader sees the old whole one or the new whole one, and nothing that is not ours is ever replaced."""

import io
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.fs import FileInfo, FileSystemHandler, FileType, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from treefold import locations
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError
from treefold.ml import LinearRegressionModel, LinearSVCModel, LogisticRegressionModel
from treefold.persistence import local_files, model_io, output_folder, publishing
from treefold.persistence.checkpoint import opened_for
from treefold.persistence.partitions import PartitionedFolder

OLD, NEW = (LinearModel(np.full((1, 3), value), "identity") for value in (1.0, 2.0))
URI = "bucket://models/m"


class Store(FileSystemHandler):
    """An object store in memory: names and contents; folders are what names have in common, and none is renamed.

    The operation numbered ``failing`` fails before it takes place, or ``late`` after it, or with ``late=None`` a write
    fails half-way. With ``for_good`` all later ones fail as well, as if the process had been killed there.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.count, self.failing, self.late, self.for_good, self.done = 0, None, False, False, []

    def __eq__(self, other):
        return self is other

    def step(self, name, path, act, half=lambda: None):
        self.count += 1
        here = self.failing is not None and self.count == self.failing
        dead = self.failing is not None and self.for_good and self.count > self.failing
        if dead or (here and not self.late):
            if here and self.late is None:
                half()
            raise OSError(f"injected at {name} {path}")
        found = act()
        self.done.append((name, path))
        if here:
            raise OSError(f"injected after {name} {path}")
        return found

    def info(self, path):
        path = path.strip("/")
        if path in self.files:
            return FileInfo(path, FileType.File, size=len(self.files[path]))
        there = any(name.startswith(path + "/") for name in self.files)
        return FileInfo(path, FileType.Directory if there else FileType.NotFound)

    def inside(self, selector):
        base = selector.base_dir.strip("/")
        below = [name[len(base) + 1 :].split("/") for name in self.files if name.startswith(base + "/")]
        deepest = None if selector.recursive else 1
        names = {"/".join(parts[:n]) for parts in below for n in range(1, len(parts) + 1)[:deepest]}
        return [self.info(f"{base}/{name}") for name in sorted(names)]

    def get_file_info(self, paths):
        return self.step("info", paths, lambda: [self.info(path) for path in paths])

    def get_file_info_selector(self, selector):
        return self.step("list", selector.base_dir, lambda: self.inside(selector))

    def create_dir(self, path, recursive):
        self.step("mkdir", path, lambda: None)

    def delete_file(self, path):
        self.step("delete", path, lambda: self.files.pop(path))

    def open_input_stream(self, path):
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.step("read", path, lambda: pa.PythonFile(io.BytesIO(self.files[path]), "r"))

    def open_output_stream(self, path, metadata):
        return pa.PythonFile(Upload(self, path), "w")

    def get_type_name(self):
        return "store"

    def normalize_path(self, path):
        return path

    def refuse(self, *_):
        raise AssertionError("renames or deletes a folder, or what an object store cannot do")

    delete_dir = delete_dir_contents = delete_root_dir_contents = move = copy_file = refuse
    open_input_file = open_append_stream = refuse


class Upload(io.BytesIO):
    """Content appears when it is closed."""

    def __init__(self, store, path):
        super().__init__()
        self.store, self.path = store, path

    def close(self):
        if not self.closed:
            content = self.getvalue()
            super().close()
            put = self.store.files.__setitem__
            half = content[: len(content) // 2]
            self.store.step("write", self.path, lambda: put(self.path, content), lambda: put(self.path, half))


@pytest.fixture
def store(monkeypatch):
    made = Store()
    real = locations.opened
    system = PyFileSystem(made)

    def opened(uri):
        return (system, uri.removeprefix("bucket://")) if uri.startswith("bucket://") else real(uri)

    monkeypatch.setattr(locations, "opened", opened)
    return made


def publish(model, uri, **options):
    with publishing.published(str(uri), **options) as folder:
        model_io.save(model, folder, {"class": "M"})
        (folder / "metadata").mkdir()
        (folder / "metadata" / "part-00000").write_text('{"class": "treefold.ml.M"}')


def value(uri):
    return float(model_io.load(str(uri)).coef[0, 0])


def steps_of(store, act):
    store.count, store.failing = 0, None
    act()
    return store.count


@pytest.mark.parametrize("late", [False, True, None], ids=["before", "after", "half-written"])
@pytest.mark.parametrize("for_good", [False, True], ids=["once", "killed"])
def test_after_an_error_at_any_step_a_reader_of_a_store_finds_the_old_or_the_new(store, tmp_path, late, for_good):
    publish(OLD, URI)
    whole = dict(store.files)
    steps = steps_of(store, lambda: publish(NEW, URI, overwrite=True))
    assert value(URI) == 2
    found = []
    for step in range(1, steps + 1):
        store.files.clear()
        store.files.update(whole)
        store.count, store.failing, store.late, store.for_good = 0, step, late, for_good
        failed = ""
        try:
            publish(NEW, URI, overwrite=True)
        except InputError as error:
            failed = str(error)
        store.failing = None
        found.append(value(URI))
        assert found[-1] in (1, 2), (step, failed)
        if not failed:
            assert found[-1] == 2, step
        if "kept in" in failed:
            assert value(failed.rpartition("kept in ")[2]) == 2
        publish(NEW, URI, overwrite=True)  # and what was left behind is in nobody's way
        assert value(URI) == 2
    assert {1, 2} <= set(found)


def test_after_an_error_at_any_step_of_the_first_publication_there_is_nothing_or_all_of_it(store):
    steps = steps_of(store, lambda: publish(NEW, URI))
    for step in range(1, steps + 1):
        for store.late in (False, True, None):
            store.files.clear()
            store.count, store.failing, store.for_good = 0, step, True
            with pytest.raises(InputError):
                publish(NEW, URI)
            store.failing = None
            try:
                assert value(URI) == 2
            except InputError as error:
                assert "no whole model" in str(error)  # noqa: PT017
                publish(OLD, URI)
                assert value(URI) == 1


def test_old_generations_go_and_others_are_let_be(store):
    for model in (OLD, NEW, OLD):
        publish(model, URI, overwrite=True)
    assert value(URI) == 1
    names = {re.sub(r"-[0-9a-f]{32}", "", path.removeprefix("models/m/")) for path in store.files}
    assert names == {
        "000003/arrays.npz", "000003/model.json", "000003/metadata/part-00000", "_treefold-000003.json",
        "metadata/part-00000",  # where pyspark.ml's Pipeline looks
    }  # fmt: skip
    other = "models/m/000003-" + "f" * 32
    store.files[f"{other}/model.json"] = b"of a run that publishes at the same time"
    publish(NEW, URI, overwrite=True)
    assert value(URI) == 2


def test_a_run_at_the_same_time_keeps_its_files(store):
    publish(OLD, URI)
    with publishing.published(URI, overwrite=True) as slow:
        model_io.save(OLD, slow)
        theirs = "models/m/000002-" + "0" * 32 + "/model.json"
        store.files[theirs] = b"half a publication"
    assert store.files[theirs] == b"half a publication"
    assert value(URI) == 1


def test_a_model_within_an_output_and_what_a_job_kept_where(store):
    with publishing.published("bucket://out") as folder:
        model_io.save(OLD, folder / "model")
        (folder / "metrics.json").write_text("{}")
    assert value("bucket://out/model") == 1
    assert output_folder.read_json("bucket://out", "metrics.json") == {}
    with pytest.raises(InputError, match="bucket://out is no model, but holds one: load bucket://out/model"):
        model_io.load("bucket://out")


def test_what_an_earlier_version_published_is_read_and_replaced(store, tmp_path):
    model_io.save(OLD, tmp_path / "m")
    for name in ("model.json", "arrays.npz"):
        store.files[f"models/m/{name}"] = (tmp_path / "m" / name).read_bytes()
    assert value(URI) == value(tmp_path / "m") == 1
    publish(NEW, URI, overwrite=True)
    publish(NEW, tmp_path / "m", overwrite=True)
    assert value(URI) == value(tmp_path / "m") == 2
    assert "models/m/model.json" not in store.files


def save_estimator(path, name="treefold.ml.LogisticRegression"):
    """What pyspark.ml's writer makes of an estimator, by the names of files of Spark 4."""
    (path / "metadata").mkdir(parents=True)
    part = "part-00000-a2a0a5bf-5384-4f55-a8f6-ababd1ee9794-c000.txt"
    for file in ("_SUCCESS", "._SUCCESS.crc", f".{part}.crc"):
        (path / "metadata" / file).write_bytes(b"crc")
    (path / "metadata" / part).write_text(json.dumps({"class": name, "uid": "x", "paramMap": {}}))


def test_a_saved_estimator_of_ours_is_replaced_by_a_model(tmp_path):
    save_estimator(tmp_path / "m")
    with pytest.raises(InputError, match="exists"):
        publish(NEW, tmp_path / "m")
    publish(NEW, tmp_path / "m", overwrite=True)
    assert value(tmp_path / "m") == 2
    assert not (tmp_path / "m" / "metadata" / "_SUCCESS").exists()


def test_an_output_copied_to_a_store_and_back_is_read_as_before(store, tmp_path):
    publish(OLD, tmp_path / "m")
    for file in (tmp_path / "m").rglob("*"):
        if file.is_file():
            store.files[f"models/m/{file.relative_to(tmp_path / 'm')}"] = file.read_bytes()
    publish(NEW, URI, overwrite=True)
    assert value(URI) == 2
    for name, file in store.files.items():
        path = tmp_path / "back" / name.removeprefix("models/m/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)
    assert value(tmp_path / "back") == 2


def tree(folder):
    return {str(p.relative_to(folder)): p.is_file() and p.read_bytes() for p in folder.rglob("*")}


FOLDERS = {
    "a folder of the user's": lambda path: (path.mkdir(), (path / "rows.parquet").write_text("rows")),
    "names like ours": lambda path: (path.mkdir(), (path / "metrics.json").write_text("{}")),
    "a model.json of others": lambda path: (path.mkdir(), (path / "model.json").write_text('{"keras": 1}')),
    "a file": lambda path: path.write_text("rows"),
    "ours, and a file of the user's": lambda path: (publish(OLD, path), (path / "notes.txt").write_text("mine")),
    "ours, and a folder of the user's": lambda path: (
        publish(OLD, path), (path / "x").mkdir(), (path / "x" / "notes").write_text("mine")
    ),
    "ours, and an empty folder of the user's": lambda path: (publish(OLD, path), (path / "x").mkdir()),
    "ours, and a link": lambda path: (
        publish(OLD, path), (path / "arrays.npz").rename(path.with_name("moved")),
        (path / "arrays.npz").symlink_to(path.with_name("moved")),
    ),
    "of an earlier version, and a file": lambda path: (model_io.save(OLD, path), (path / "notes").write_text("mine")),
    "a pipeline of pyspark's": lambda path: (
        (path / "metadata").mkdir(parents=True),
        (path / "metadata" / "part-00000").write_text('{"class": "pyspark.ml.pipeline.PipelineModel"}'),
    ),
    "an estimator of pyspark's": lambda path: save_estimator(path, "pyspark.ml.classification.LogisticRegression"),
    "an estimator of ours, and a file of the user's": lambda path: (
        save_estimator(path), (path / "metadata" / "notes.txt").write_text("mine")
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", FOLDERS.values(), ids=FOLDERS)
def test_what_is_not_ours_is_never_replaced(make, tmp_path):
    make(tmp_path / "m")
    before = tree(tmp_path)
    for act in (publishing.check_free, publishing.preflight, lambda uri, over: publish(NEW, uri, overwrite=over)):
        with pytest.raises(InputError, match=r"is not replaced|is never replaced"):
            act(str(tmp_path / "m"), True)
    assert tree(tmp_path) == before


def test_files_that_come_at_the_last_moment_are_kept_aside(tmp_path, monkeypatch):
    """What has been taken away is looked at before it is deleted."""
    publish(OLD, tmp_path / "m")
    real = local_files.exchanged

    def late(one, other):
        (tmp_path / "m" / "notes.txt").write_text("mine")
        return real(one, other)

    monkeypatch.setattr(local_files, "exchanged", late)
    publish(NEW, tmp_path / "m", overwrite=True)
    assert value(tmp_path / "m") == 2
    assert [path.read_text() for path in tmp_path.rglob("notes.txt")] == ["mine"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_working_directory_home_root_and_what_holds_them_are_refused(tmp_path, monkeypatch, overwrite):
    (tmp_path / "work" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "deep")
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    for path in (".", "..", tmp_path / "work", "/", tmp_path / "home" / "me", tmp_path / "home", f"file://{tmp_path}"):
        with pytest.raises(InputError, match=r"is, or holds, your (working directory|home|root) folder"):
            publishing.check_free(str(path), overwrite)


def test_in_a_container_of_yarn_a_path_on_its_disk_is_refused(tmp_path, monkeypatch):
    """There the driver of deploy mode cluster runs, and its folder is deleted with it."""
    publishing.check_free(str(tmp_path / "m"), False)
    monkeypatch.setenv("CONTAINER_ID", "container_1795950619561_0001_01_000001")
    for path in ("out/m", str(tmp_path / "m")):
        with pytest.raises(
            InputError, match=r"would be lost with this driver's container on YARN: name a path on HDFS"
        ):
            publishing.check_free(path, False)
    publishing.check_free(f"file://{tmp_path}/m", False)
    conf = SimpleNamespace(checkpoint=object(), checkpoint_path="out/passes", inputs=[])
    with pytest.raises(InputError, match="would be lost"), opened_for(conf, fresh=False, say=print):
        pass


@pytest.mark.parametrize("overwrite", [False, True])
def test_inputs_of_the_job_are_kept_apart(tmp_path, overwrite):
    publish(OLD, tmp_path / "m")
    for path in ("m", "m/deep", "."):
        with pytest.raises(InputError, match="keep them apart"):
            publishing.preflight(str(tmp_path / path), overwrite, [str(tmp_path / "m")])
    assert value(tmp_path / "m") == 1


def test_nothing_stays_of_a_trial_and_no_folder_is_made(store, tmp_path):
    publishing.preflight(str(tmp_path / "deep" / "m"), False)
    assert list(tmp_path.iterdir()) == []
    publishing.preflight(URI, False)
    assert store.files == {}
    assert any(name == "write" for name, _ in store.done)


def test_an_output_that_cannot_be_written_is_found_before(store, tmp_path):
    store.count, store.failing, store.for_good = 0, 2, True
    with pytest.raises(InputError, match=r"bucket://models/m cannot be written \(injected") as caught:
        publishing.preflight(URI, False)
    assert "\n" not in str(caught.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/m cannot be written \(Not a directory\)"):
        publishing.preflight(str(tmp_path / "file" / "m"), False)
    with pytest.raises(InputError, match="exists: choose another path"):
        publishing.preflight(str(tmp_path), False)


@pytest.mark.parametrize("call", ["rename", "sync_tree"])
def test_results_that_cannot_be_published_are_kept_and_named(tmp_path, monkeypatch, call):
    def fail(*_):
        raise OSError(28, "No space left on device")

    owner = Path if call == "rename" else local_files
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fail)
        with pytest.raises(InputError, match=r"written \(No space left on device\): the results are kept") as e:
            publish(NEW, tmp_path / "m")
    assert value(str(e.value).rpartition("kept in ")[2]) == 2


@pytest.mark.parametrize("exchange", [True, False])
def test_after_an_error_at_any_step_on_a_local_disk_old_or_new_is_there(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(local_files, "exchanged", lambda one, other: False)
    names = [(os, "fsync"), (Path, "rename"), (Path, "unlink"), (Path, "rmdir"), (Path, "mkdir"), (Path, "write_bytes")]
    for owner, name in names:
        real = getattr(owner, name)
        for failing in range(40):
            target, count, kept = tmp_path / f"{name}{failing}", 0, None
            publish(OLD, target)

            def flaky(*args, real=real, failing=failing, **options):
                nonlocal count
                count += 1
                if count == failing + 1:
                    raise OSError(5, "injected")
                return real(*args, **options)

            with monkeypatch.context() as patch:
                patch.setattr(owner, name, flaky)
                try:
                    publish(NEW, target, overwrite=True)
                except (InputError, OSError) as error:
                    kept = str(error).rpartition("kept in ")[2] if "kept in" in str(error) else None
            assert kept is None or value(kept) == 2
            assert value(target) in (1, 2)
            if count <= failing:
                break
        else:
            pytest.fail("never ended")


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027])
def test_the_umask_is_kept(tmp_path, umask):
    before = os.umask(umask)
    try:
        publish(OLD, tmp_path / "m")
        publishing.write(str(tmp_path / "f.onnx"), b"")
    finally:
        os.umask(before)
    for path in (tmp_path / "m", *(tmp_path / "m").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask
    assert (tmp_path / "f.onnx").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o027, 0o002])
def test_what_spark_writes_has_the_modes_of_the_umask_too(tmp_path, umask):
    """Hadoop gives files and folders of a local disk the modes of its own conf."""
    before = os.umask(umask)
    try:
        with publishing.published(str(tmp_path / "m")) as folder:
            (folder / "data").mkdir()
            (folder / "data/part-0.parquet").write_bytes(b"rows")
            (folder / "data").chmod(0o755)
            (folder / "data/part-0.parquet").chmod(0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "m/data/part-0.parquet").exists()
    for path in (tmp_path / "m", *(tmp_path / "m").rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask


def test_every_file_and_folder_is_synced_before_the_rename(tmp_path, monkeypatch):
    synced, renamed = [], []
    sync, rename = os.fsync, Path.rename
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), sync(fd)))
    monkeypatch.setattr(Path, "rename", lambda one, two: (renamed.append(list(synced)), rename(one, two)))
    publish(OLD, tmp_path / "m")
    names = {"model.json", "arrays.npz", "metadata", "part-00000", "_treefold.json"}
    assert names <= {path.rpartition("/")[2] for path in renamed[0]}
    assert synced[-1] == str(tmp_path)


def test_a_reader_that_comes_between_two_files_sees_one_model(store, monkeypatch):
    """The old model is replaced after its first file was read."""
    publish(OLD, URI)
    real, once = Store.open_input_stream, []

    def replaced(self, path):
        if path.endswith("arrays.npz") and not once:
            once.append(path)
            publish(NEW, URI, overwrite=True)
        return real(self, path)

    monkeypatch.setattr(Store, "open_input_stream", replaced)
    assert value(URI) == 2
    assert once


def test_writing_one_file_replaces_a_file_and_no_folder(tmp_path):
    publishing.write(str(tmp_path / "deep" / "f"), b"1")
    publishing.write(str(tmp_path / "deep" / "f"), b"2")
    assert tree(tmp_path) == {"deep": False, "deep/f": b"2"}
    with pytest.raises(InputError, match="is a folder: name a file"):
        publishing.write(str(tmp_path / "deep"), b"")


def test_a_file_system_that_is_not_known_to_be_local_is_an_object_store(tmp_path, monkeypatch):
    system = SubTreeFileSystem(str(tmp_path), LocalFileSystem())
    monkeypatch.setattr(locations, "opened", lambda uri: (system, uri.removeprefix("bucket://")))
    publish(OLD, "bucket://deep/m")
    publish(NEW, "bucket://deep/m", overwrite=True)
    assert value("bucket://deep/m") == 2


def test_what_belongs_to_another_user_is_no_output(tmp_path, monkeypatch):
    made = tmp_path / "out"
    made.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: made.stat().st_uid + 1)
    for uri in (str(made), made.as_uri()):
        with pytest.raises(InputError, match="belongs to another user: name a path of your own"):
            publishing.preflight(uri, overwrite=True)
    with pytest.raises(InputError, match="belongs to another user"):
        PartitionedFolder(str(made), "predictions")
    publishing.preflight(str(tmp_path / "mine"), overwrite=False)


@pytest.mark.parametrize("model_class", [LinearRegressionModel, LogisticRegressionModel, LinearSVCModel])
def test_the_one_format_of_models_is_taken_and_others_name_the_way_to_them(model_class, tmp_path):
    writer = model_class(OLD).write()
    assert writer.format("internal") is writer
    with pytest.raises(InputError, match=r"not written as pmml: toOnnx.* toSpark"):
        writer.overwrite().format("pmml").save(str(tmp_path / "model"))
    assert list(tmp_path.iterdir()) == []

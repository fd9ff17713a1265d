import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from treefold import store
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError


@pytest.fixture
def model() -> LinearModel:
    return LinearModel(np.random.default_rng(0).standard_normal((3, 5)), "softmax")


def publish(model, path, **kwargs):
    with store.published(str(path), marker=store.MODEL, **kwargs) as folder:
        store.save(model, folder)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_model_comes_back_as_it_was(model, tmp_path, scheme):
    uri = f"{scheme}{tmp_path}/deep/model"
    with store.published(uri, marker=store.MODEL) as folder:
        store.save(model, folder, {"params": {"a": 1}})
    again = store.load_saved(uri)
    np.testing.assert_array_equal(again.model.coef, model.coef)
    assert (again.model.link, again.face) == ("softmax", {"params": {"a": 1}})


def test_loading_and_scoring_needs_no_spark(model, tmp_path):
    publish(model, tmp_path / "m")
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "import numpy as np; from treefold.store import load\n"
        f"print(load({str(tmp_path / 'm')!r}).predict(np.eye(4)).tolist())"
    )
    lib = Path(store.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(lib)})
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == model.predict(np.eye(4)).tolist()


def test_nothing_is_overwritten_unless_asked(model, tmp_path):
    publish(model, tmp_path / "m")
    other = LinearModel(model.coef + 1, "softmax")
    with pytest.raises(InputError, match="m exists: choose another path, or replace it with --overwrite"):
        publish(other, tmp_path / "m")
    np.testing.assert_array_equal(store.load(str(tmp_path / "m")).coef, model.coef)
    publish(other, tmp_path / "m", overwrite=True)
    np.testing.assert_array_equal(store.load(str(tmp_path / "m")).coef, other.coef)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_without_the_exchange_of_the_system_replacing_still_works(model, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_swap", lambda one, other: False)
    publish(model, tmp_path / "m")
    publish(LinearModel(model.coef * 2, "softmax"), tmp_path / "m", overwrite=True)
    np.testing.assert_array_equal(store.load(str(tmp_path / "m")).coef, model.coef * 2)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_failure_leaves_nothing_and_keeps_the_old(model, tmp_path):
    publish(model, tmp_path / "m")

    def fail():
        with store.published(str(tmp_path / "m"), marker=store.MODEL, overwrite=True) as folder:
            (folder / "half").write_text("written")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    np.testing.assert_array_equal(store.load(str(tmp_path / "m")).coef, model.coef)


def test_two_runs_that_publish_at_once_do_not_mix(model, tmp_path):
    def late():
        with store.published(str(tmp_path / "m"), marker=store.MODEL) as folder:
            store.save(LinearModel(model.coef * 2, "softmax"), folder)
            publish(model, tmp_path / "m")

    with pytest.raises(InputError, match="exists: another run has published it meanwhile"):
        late()
    np.testing.assert_array_equal(store.load(str(tmp_path / "m")).coef, model.coef)


def test_elsewhere_files_are_copied_marker_last_and_old_ones_go(model, tmp_path, monkeypatch):
    """The way of object stores, on a file system that is not told to be local."""
    from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

    order = []

    class Bucket(SubTreeFileSystem):
        def open_output_stream(self, path):
            order.append(path)
            return super().open_output_stream(path)

    system = Bucket(str(tmp_path), LocalFileSystem())
    monkeypatch.setattr(store, "opened", lambda uri: (system, uri.removeprefix("bucket://")))
    publish(model, "bucket://deep/m")
    assert order == ["deep/m/arrays.npz", "deep/m/model.json"]
    (tmp_path / "deep/m/stale").write_text("x")
    publish(LinearModel(model.coef * 2, "softmax"), "bucket://deep/m", overwrite=True)
    np.testing.assert_array_equal(store.load("bucket://deep/m").coef, model.coef * 2)
    assert sorted(p.name for p in (tmp_path / "deep/m").iterdir()) == ["arrays.npz", "model.json"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: (m / "model.json").unlink(), "there is no whole model at"),
        (lambda m: (m / "arrays.npz").unlink(), "there is no whole model at"),
        (lambda m: (m / "model.json").write_text("{"), r"model\.json is damaged"),
        (lambda m: (m / "model.json").write_text("{}"), r"model\.json is damaged"),
        (lambda m: (m / "arrays.npz").write_bytes((m / "arrays.npz").read_bytes()[:-9]), r"arrays\.npz is damaged"),
        (
            lambda m: (m / "model.json").write_text('{"format": 99, "treefold": "9.9"}'),
            "was written by treefold 9.9: update",
        ),
    ],
)
def test_what_is_no_whole_model_is_refused(model, tmp_path, spoil, message):
    publish(model, tmp_path / "m")
    spoil(tmp_path / "m")
    with pytest.raises(InputError, match=message):
        store.load(str(tmp_path / "m"))

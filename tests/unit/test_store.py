import json
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from treefold import locations, registry
from treefold.algorithms.forest.model import ForestModel
from treefold.algorithms.linear import LinearModel
from treefold.algorithms.svm.kernel import Kernel
from treefold.algorithms.svm.model import SvmModel
from treefold.errors import InputError
from treefold.persistence import local_files, model_io, output_folder, publishing


@pytest.fixture
def model() -> LinearModel:
    return LinearModel(np.random.default_rng(0).standard_normal((3, 5)), "softmax")


def publish(model, path, **kwargs):
    with publishing.published(str(path), **kwargs) as folder:
        model_io.save(model, folder)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_model_comes_back_as_it_was(model, tmp_path, scheme):
    uri = f"{scheme}{tmp_path}/deep/model"
    with publishing.published(uri) as folder:
        model_io.save(model, folder, {"params": {"a": 1}})
    again = model_io.load_saved(uri)
    np.testing.assert_array_equal(again.model.coef, model.coef)
    assert (again.model.link, again.face) == ("softmax", {"params": {"a": 1}})


def test_loading_and_scoring_needs_no_spark(model, tmp_path):
    publish(model, tmp_path / "m")
    program = (
        "import sys; sys.modules['pyspark'] = None\n"
        "import numpy as np; from treefold.persistence.model_io import load\n"
        f"print(load({str(tmp_path / 'm')!r}).predict(np.eye(4)).tolist())"
    )
    lib = Path(model_io.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(lib)})
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == model.predict(np.eye(4)).tolist()


def test_nothing_is_overwritten_unless_asked(model, tmp_path):
    publish(model, tmp_path / "m")
    other = LinearModel(model.coef + 1, "softmax")
    with pytest.raises(InputError, match="m exists: choose another path, or replace it with --overwrite"):
        publish(other, tmp_path / "m")
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef)
    publish(other, tmp_path / "m", overwrite=True)
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, other.coef)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_without_the_exchange_of_the_system_replacing_still_works(model, tmp_path, monkeypatch):
    monkeypatch.setattr(local_files, "exchanged", lambda one, other: False)
    publish(model, tmp_path / "m")
    publish(LinearModel(model.coef * 2, "softmax"), tmp_path / "m", overwrite=True)
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef * 2)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_failure_leaves_nothing_and_keeps_the_old(model, tmp_path):
    publish(model, tmp_path / "m")

    def fail():
        with publishing.published(str(tmp_path / "m"), overwrite=True) as folder:
            (folder / "half").write_text("written")
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef)


def test_two_runs_that_publish_at_once_do_not_mix(model, tmp_path):
    def late():
        with publishing.published(str(tmp_path / "m")) as folder:
            model_io.save(LinearModel(model.coef * 2, "softmax"), folder)
            publish(model, tmp_path / "m")

    with pytest.raises(InputError, match="exists: another run has published it meanwhile"):
        late()
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef)


@pytest.mark.parametrize("names", [["part-0.parquet"], ["model.json"], ["metrics.json", "sub/rows.csv"], ["sub/"]])
def test_a_folder_of_somebody_elses_is_never_replaced(model, tmp_path, names):
    for name in names:
        target = tmp_path / "m" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir() if name.endswith("/") else target.write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"is not replaced, because .* in it is not ours"):
        publish(model, tmp_path / "m", overwrite=True)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_never_replaced(model, tmp_path):
    (tmp_path / "m").write_text("precious")
    with pytest.raises(InputError, match="is a file, which is never replaced"):
        publish(model, tmp_path / "m", overwrite=True)
    assert (tmp_path / "m").read_text() == "precious"


def test_an_empty_folder_is_replaced(model, tmp_path):
    (tmp_path / "m").mkdir()
    publish(model, tmp_path / "m", overwrite=True)
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef)


@pytest.mark.parametrize("name", ["rows.csv", "data/rows.csv", "data/"])
def test_what_was_put_into_an_output_of_ours_is_not_lost_with_it(model, tmp_path, name):
    publish(model, tmp_path / "m")
    (tmp_path / "m" / "data").mkdir()
    if not name.endswith("/"):
        (tmp_path / "m" / name).write_text("precious")
    with pytest.raises(InputError, match=f"{name.rstrip('/') if name.startswith('data') else ''}.* is not ours"):
        publish(LinearModel(model.coef * 2, "softmax"), tmp_path / "m", overwrite=True)
    assert (tmp_path / "m" / "data").is_dir()
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).coef, model.coef)


def test_a_file_that_comes_while_the_folder_is_filled_is_not_lost(model, tmp_path):
    publish(model, tmp_path / "m")

    def late():
        with publishing.published(str(tmp_path / "m"), overwrite=True) as folder:
            model_io.save(model, folder)
            (tmp_path / "m" / "late").write_text("precious")

    with pytest.raises(InputError, match="late in it is not ours"):
        late()
    assert (tmp_path / "m" / "late").read_text() == "precious"


def test_outputs_keep_the_umask(model, tmp_path):
    before = os.umask(0o077)
    try:
        publish(model, tmp_path / "m")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o700


def rewritten(folder, change):
    told = json.loads((folder / "model.json").read_text())
    change(told)
    (folder / "model.json").write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda m: (m / "model.json").unlink(), "there is no whole model at"),
        (lambda m: (m / "arrays.npz").unlink(), "there is no whole model at"),
        (lambda m: (m / "model.json").write_text("{"), r"model\.json is damaged"),
        (lambda m: (m / "model.json").write_text("{}"), r"model\.json is damaged"),
        (lambda m: (m / "arrays.npz").write_bytes((m / "arrays.npz").read_bytes()[:-9]), r"arrays\.npz is damaged"),
        (lambda m: (m / "arrays.npz").write_bytes(b""), r"arrays\.npz is damaged"),
        (lambda m: rewritten(m, lambda told: told["facts"].pop("link")), r"model\.json is damaged"),
        (lambda m: rewritten(m, lambda told: told["arrays"].update(bytes="x")), r"model\.json is damaged"),
        (lambda m: rewritten(m, lambda told: told["arrays"].update(bytes=1)), r"arrays\.npz is damaged"),
        (lambda m: rewritten(m, lambda told: told.update(kind="Other")), "holds a Other, which is not known here"),
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
        model_io.load(str(tmp_path / "m"))


def test_arrays_of_another_size_than_declared_are_not_read(model, tmp_path, monkeypatch):
    publish(model, tmp_path / "m")
    with open(tmp_path / "m" / "arrays.npz", "r+b") as file:
        file.truncate(2**40)  # a hole: to read it would end this process
    with pytest.raises(InputError, match=r"arrays\.npz is damaged"):
        model_io.load(str(tmp_path / "m"))


def test_facts_are_read_up_to_a_limit(model, tmp_path, monkeypatch):
    publish(model, tmp_path / "m")
    monkeypatch.setattr(output_folder, "MOST_JSON", 100)
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        model_io.load(str(tmp_path / "m"))


def test_facts_that_are_nested_too_deeply_are_one_line(model, tmp_path):
    publish(model, tmp_path / "m")
    (tmp_path / "m" / "model.json").write_text("[" * 10**6)
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        model_io.load(str(tmp_path / "m"))


def forest() -> ForestModel:
    """Two trees: one with two splits, the second of them by categories, and a single leaf."""
    nodes = {name: np.ones(6) for name in ("weight", "impurity", "gain")}
    return ForestModel(
        2, 0,
        roots=np.array([0, 5], np.int32),
        feature=np.array([0, -1, 1, -1, -1, -1], np.int32),
        threshold=np.array([0.5, *[np.nan] * 5]),
        left=np.array([1, -1, 3, -1, -1, -1], np.int32),
        nan_left=np.zeros(6, bool),
        table=np.array([-1, -1, 0, -1, -1, -1], np.int32),
        tables=np.array([[True, False]]),
        value=np.arange(6.0)[:, None],
        **nodes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("array", "at", "value"),
    [
        ("left", 0, 0), ("left", 2, 1), ("left", 2, 4), ("left", 2, 10**9), ("left", 0, -7), ("feature", 0, 2),
        ("table", 2, 1), ("roots", 0, 1), ("roots", 1, 0), ("roots", 1, 6), ("roots", 1, -1), ("feature", 4, 0),
    ],
)  # fmt: skip
def test_a_forest_whose_nodes_lead_nowhere_is_refused(tmp_path, array, at, value):
    """Compiled kernels follow its numbers without looking: a circle would not end, a node beyond the last be read."""
    whole = forest()
    publish(whole, tmp_path / "m")
    X = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).predict(X), [3.0, 4.0, 4.5])
    getattr(whole, array)[at] = value
    publish(whole, tmp_path / "m", overwrite=True)
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        model_io.load(str(tmp_path / "m"))


@pytest.mark.parametrize("short", ["left", "table", "value", "nan_left", "threshold"])
def test_a_forest_with_too_few_numbers_is_refused(tmp_path, short):
    whole = forest()
    publish(replace(whole, **{short: getattr(whole, short)[:-1]}), tmp_path / "m")
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        model_io.load(str(tmp_path / "m"))


def test_a_support_vector_of_features_that_are_not_there_is_refused(tmp_path):
    support = csr_array(np.eye(3))
    machine = SvmModel(support, np.ones((3, 1)), np.zeros(1), Kernel("linear"), "regression", np.zeros((1, 2), int), 0)
    publish(machine, tmp_path / "m")
    assert model_io.load(str(tmp_path / "m")).features == 3
    support.indices[1] = 10**6
    publish(machine, tmp_path / "m", overwrite=True)
    with pytest.raises(InputError, match=r"model\.json is damaged"):
        model_io.load(str(tmp_path / "m"))


def test_a_class_of_the_users_enters_itself(tmp_path):
    @registry.saved_as("Constant")
    class Constant:
        def __init__(self, value):
            self.value = value

        def save_state(self):
            return {}, {"value": self.value}

        @classmethod
        def from_state(cls, facts, arrays):
            return cls(arrays["value"])

    publish(Constant(np.arange(2.0)), tmp_path / "m")
    assert model_io.load(str(tmp_path / "m")).value.tolist() == [0, 1]
    with pytest.raises(ValueError, match="is saved as Constant: take another name"):
        registry.saved_as("Constant")(LinearModel)
    with pytest.raises(TypeError, match=r"decorate the class with treefold\.registry\.saved_as"):
        registry.kind_of(object())
    del registry._KINDS["Constant"]


def test_a_store_that_does_not_answer_is_one_line(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(locations, "LONGEST", 0.05)
    monkeypatch.setattr(locations, "opened", lambda uri: never.wait())
    with pytest.raises(InputError, match=r"^gs://bucket/model has not answered within 0.05 s"):
        model_io.load_saved("gs://bucket/model")
    never.set()

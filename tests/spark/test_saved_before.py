"""Models, pipelines and searches that were saved when the classes stood in other modules load as they did then."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from pyspark.ml import Pipeline, PipelineModel

from treefold import ml
from treefold.errors import InputError
from treefold.persistence import model_io

SAVED = Path(__file__).parents[1] / "fixtures" / "saved_before_the_move"
MODELS = ["LogisticRegressionModel", "LinearRegressionModel", "KMeansModel", "RandomForestClassificationModel"]
LEARNT = {"KMeansModel": ("centres", "centres"), "RandomForestClassificationModel": ("threshold", "threshold")}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_loads_with_its_bits_and_uid(name, spark):
    told = json.loads((SAVED / name / "model.json").read_text())
    assert told["face"]["class"] != f"treefold.ml.{name}"
    model = getattr(ml, name).load(str(SAVED / name))
    key, attribute = LEARNT.get(name, ("coef", "coef"))
    np.testing.assert_array_equal(getattr(model.numpy_model, attribute), np.load(SAVED / name / "arrays.npz")[key])
    assert model.uid == told["face"]["uid"]
    other = ml.LinearSVCModel if name != "LinearSVCModel" else ml.KMeansModel
    with pytest.raises(InputError, match=f"holds a .*{name}: load it with that class"):
        other.load(str(SAVED / name))


def test_a_pipeline_and_its_model_load(spark):
    (stage,) = PipelineModel.load(str(SAVED / "pipeline_model")).stages
    assert type(stage) is ml.LogisticRegressionModel
    (estimator,) = Pipeline.load(str(SAVED / "pipeline")).getStages()
    assert type(estimator) is ml.LogisticRegression
    assert estimator.getMaxIter() == 5


def test_a_search_and_its_model_load(spark):
    search = ml.CrossValidator.load(str(SAVED / "CrossValidator"))
    assert [list(each.values()) for each in search.getEstimatorParamMaps()] == [[0.1], [1.0]]
    found = ml.CrossValidatorModel.load(str(SAVED / "CrossValidatorModel"))
    assert type(found.bestModel) is ml.LogisticRegressionModel
    assert len(found.avgMetrics) == 2


@pytest.mark.parametrize("name", MODELS)
def test_what_is_saved_now_names_the_public_class(name, spark, tmp_path):
    getattr(ml, name).load(str(SAVED / name)).save(str(tmp_path / "m"))
    metadata = json.loads((tmp_path / "m" / "metadata" / "part-00000").read_text())
    assert metadata["class"] == f"treefold.ml.{name}"
    assert type(PipelineModel([getattr(ml, name).load(str(tmp_path / "m"))]).stages[0]) is getattr(ml, name)
    assert not (Path(tmp_path / "m") / "_treefold.json").read_text().count(str(tmp_path))


def test_every_public_class_has_the_module_from_which_it_is_imported():
    for name in ml.__all__:
        one = getattr(ml, name)
        if isinstance(one, type):
            assert getattr(import_module(one.__module__), one.__qualname__) is one
            assert one.__module__ == "treefold.ml"


@pytest.mark.parametrize(
    "module",
    ["classification", "regression", "clustering", "forest", "tuning", "linear.classifiers", "clustering.kmeans"],
)
def test_pyspark_mls_names_of_modules_are_there_and_can_come_first(module):
    program = f"import treefold.ml.{module} as m; assert all(hasattr(m, name) for name in getattr(m, '__all__', []))"
    lib = Path(model_io.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(lib)})
    assert run.returncode == 0, run.stderr


def damaged(folder, tmp_path, file, change):
    shutil.copytree(SAVED / folder, tmp_path / "m")
    told = json.loads((tmp_path / "m" / file).read_text())
    change(told)
    (tmp_path / "m" / file).write_text(json.dumps(told))
    return str(tmp_path / "m")


@pytest.mark.parametrize(
    ("cls", "file", "change", "message"),
    [
        ("CrossValidatorModel", "search.json", lambda t: t.update(best="a.b.Unknown"), "a.b.Unknown is not known here"),
        ("CrossValidatorModel", "search.json", lambda t: t.pop("best"), "search.json is damaged"),
        ("CrossValidator", "metadata/part-00000", lambda t: t.pop("uid"), "part-00000 is damaged"),
        (
            "CrossValidator", "metadata/part-00000",
            lambda t: t["paramMap"]["estimator"].update({"class": "treefold.x"}),
            "treefold.x is not known here",
        ),
        (
            "CrossValidator", "metadata/part-00000",
            lambda t: t["paramMap"].update(evaluator={"class": "pyspark.ml.util.MLReader", "uid": "", "paramMap": {}}),
            "which is neither treefold's nor pyspark.ml's",
        ),
    ],
)  # fmt: skip
def test_damaged_searches_are_one_line(cls, file, change, message, spark, tmp_path):
    with pytest.raises(InputError, match=message):
        getattr(ml, cls).load(damaged(cls, tmp_path, file, change))

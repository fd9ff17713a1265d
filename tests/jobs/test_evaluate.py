"""Evaluation: figures of the summaries with intervals, by slice, against a champion, and thresholds."""

import json

import pytest

from submitting import ROOT, submit
from treefold import ml
from treefold.cli.scoring_confs import load_evaluate
from treefold.errors import InputError
from treefold.report.evaluation import lines, write_evaluation
from treefold.scoring.challenge import Challenge

pytestmark = pytest.mark.spark

CONF = str(ROOT / "conf/digits_evaluate.toml")
TEST = str(ROOT / "data/digits/split=test")


@pytest.fixture(scope="module")
def models(tmp_path_factory, spark) -> dict[str, str]:
    """Models by name: a champion and a poor challenger of all digits, one for zeros, a regression, clusters."""
    folder = tmp_path_factory.mktemp("models")
    rows = spark.read.parquet(str(ROOT / "data/digits/split=train"))
    zeros = rows.selectExpr("*", "double(digit = 0) AS zero")
    pixels = {"featuresCol": ["pixel_*"]}
    made = {
        "champion": (ml.LogisticRegression(**pixels, labelCol="digit", regParam=0.01, maxIter=15), rows),
        "poor": (ml.LogisticRegression(**pixels, labelCol="digit", regParam=1.0, maxIter=3), rows),
        "zeros": (ml.LogisticRegression(**pixels, labelCol="zero", maxIter=5, regParam=0.01), zeros),
        "number": (ml.LinearRegression(**pixels, labelCol="digit", regParam=0.1), rows),
        "clusters": (ml.KMeans(**pixels, k=3, maxIter=3, seed=1), rows),
    }
    for name, (estimator, data) in made.items():
        estimator.fit(data).save(str(folder / name))
    return {name: str(folder / name) for name in made}


@pytest.fixture
def evaluate(models, tmp_path, spark):
    """Run the job's work in the session of all tests; returns the figures."""

    def of(name, *overrides, data=TEST):
        given = [f"data.path={data}", f"model.path={models[name]}", f"output.path={tmp_path / 'out'}", *overrides]
        challenge = Challenge(load_evaluate(CONF, given))
        told = challenge.run(spark)
        run = {"conf_file": CONF, "ended": "now"}
        write_evaluation(tmp_path, name, {**told, "seconds": 1.0, "run": run}, challenge.charts, challenge.passes)
        assert json.loads((tmp_path / "metrics.json").read_text())["scores"] == told["scores"]
        return told

    return of


def test_scores_are_those_of_the_summary_and_slices_are_parts_of_it(evaluate, models, spark):
    told = evaluate("champion")
    summary = ml.load_model(models["champion"]).evaluate(spark.read.parquet(TEST))
    assert told["scores"] == summary.scores
    assert told["missed"] is None
    assert [each["value"] for each in told["slices"]] == [float(digit) for digit in range(10)]
    assert sum(each["rows"] for each in told["slices"]) == 360
    assert [each["accuracy"] for each in told["slices"]] == summary.recall
    for name in ("accuracy", "log_loss"):
        assert told["intervals"][name]["low"] < told["scores"][name] < told["intervals"][name]["high"]
    assert sum(each["weight"] for each in told["calibration"]) == 360
    assert "accuracy 0.9" in lines(told)


def test_a_challenger_is_compared_with_the_champion_and_must_beat_it(evaluate, models):
    champion = [f"champion.path={models['champion']}", "threshold.min=0", "threshold.better=interval"]
    told = evaluate("poor", *champion)
    assert "ends at" in told["missed"]
    by = {each["metric"]: each for each in told["comparison"]}
    assert by["accuracy"]["difference"] < 0 < by["log_loss"]["difference"]
    assert by["log_loss"]["better_in"] == 0
    other = evaluate("champion", f"champion.path={models['poor']}", "threshold.metric=log_loss", "threshold.min=0",
                     "threshold.better=interval")  # fmt: skip
    assert other["missed"] is None
    assert other["comparison"][0]["difference"] == -by[other["comparison"][0]["metric"]]["difference"]


def test_a_binary_classifier_has_lift_and_areas_with_intervals(evaluate, tmp_path, spark):
    rows = spark.read.parquet(TEST).selectExpr(
        "*", "double(digit = 0) AS zero", "if(pixel_36 > 8, 'dark', NULL) AS ink"
    )
    rows.write.parquet(str(tmp_path / "zeros"))
    told = evaluate("zeros", "evaluation.slices=['ink']", "threshold.metric=area_under_roc", data=tmp_path / "zeros")
    found = told["intervals"]["area_under_roc"]
    assert 0.9 < found["low"] <= told["scores"]["area_under_roc"] <= 1
    assert told["lift"][0]["lift"] > 5
    assert told["lift"][-1]["gain"] == 1
    assert [each["value"] for each in told["slices"]] == ["None", "dark"]
    assert sum(each["rows"] for each in told["slices"]) == 360
    assert "<h2>Lift</h2>" in (tmp_path / "report.html").read_text()


def test_regressions_and_clusters_are_evaluated_as_well(evaluate):
    told = evaluate(
        "number", "threshold.metric=rmse", "threshold.min=0", "threshold.max=0.5", "evaluation.replicates=50"
    )
    assert told["missed"].startswith("rmse is ")
    assert told["intervals"]["r2"]["low"] < told["scores"]["r2"] < told["intervals"]["r2"]["high"]
    assert {"rmse", "mae", "r2"} <= set(told["slices"][0])
    clusters = evaluate("clusters", "evaluation.slices=[]", "threshold.metric=silhouette", "threshold.min=0.9")
    assert clusters["missed"].startswith("silhouette is ")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["evaluation.slices=['digits']"], "evaluation.slices: there is no column 'digits': did you mean 'digit'"),
        (["threshold.metric=acuracy"], "threshold.metric: there is no score 'acuracy': did you mean 'accuracy'"),
        (["data.label=digt"], "there is no column 'digt': did you mean 'digit'"),
    ],
)
def test_bad_input_is_named(evaluate, overrides, message):
    with pytest.raises(InputError, match=message):
        evaluate("champion", *overrides)


def test_bad_confs_cost_no_jvm(refused_without_jvm, models, tmp_path):
    given = [f"model.path={models['champion']}", f"output.path={tmp_path / 'o'}"]
    assert "there is no whole model" in refused_without_jvm("evaluate", CONF, f"model.path={tmp_path}", given[1])
    assert "name one in [champion]" in refused_without_jvm("evaluate", CONF, *given, "threshold.better=value")
    assert "unknown key 'slice': did you mean 'slices'" in refused_without_jvm(
        "evaluate", CONF, *given, "evaluation.slice=a"
    )


def test_the_job_from_the_shell_publishes_and_ends_with_code_3_below_a_threshold(models, tmp_path):
    out = tmp_path / "out"
    run = submit("evaluate", CONF, f"model.path={models['champion']}", f"output.path={out}", "threshold.min=0.999")
    assert run.returncode == 3, run.stderr
    assert run.stderr.splitlines()[-1].startswith("threshold not met: accuracy is 0.9")
    assert json.loads(run.stdout)["accuracy"] == json.loads((out / "metrics.json").read_text())["scores"]["accuracy"]
    assert {"metrics.json", "passes.jsonl", "report.html"} <= {file.name for file in out.iterdir()}

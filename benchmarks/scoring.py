"""Batch predictions against MLlib: from Parquet to written predictions, drift included in ours."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from pyspark.ml import Pipeline, classification, clustering
from pyspark.ml.feature import VectorAssembler

from benchmarks.setting import NAMES, generated, ratio, rounds, session, timed, write
from treefold import ml
from treefold.cli.scoring_confs import Partitions, Predict, SavedModel, Scored
from treefold.scoring.batch import Batch
from treefold.scoring.reference import reference_on

TRAINED_ON = 50_000
KINDS = {
    "logistic": ("LogisticRegression", classification.LogisticRegression, {"maxIter": 10, "regParam": 0.01}),
    "kmeans": ("KMeans", clustering.KMeans, {"k": 20, "maxIter": 5, "seed": 1}),
    "forest": ("RandomForestClassifier", classification.RandomForestClassifier, {"numTrees": 50, "maxDepth": 8}),
}


def main() -> None:
    """Fit both on a part of the rows, then score and write all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    spark, path = session(), generated(arguments.rows)
    rows = spark.read.parquet(path)
    few = spark.read.parquet(path).limit(TRAINED_ON).cache()
    results: dict[str, Any] = {"rows": arguments.rows, "features": len(NAMES), "ratios": {}}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (name, theirs, params) in KINDS.items():
            label = {} if kind == "kmeans" else {"labelCol": "label"}
            model = ml.estimator(name, featuresCol=NAMES, **label, **params).fit(few)
            saved = f"{folder}/{kind}"
            model.save(saved)
            reference_on(model, few).write(Path(saved))
            pipeline = Pipeline(stages=[VectorAssembler(inputCols=NAMES, outputCol="features"), theirs(**params)])
            columns = ["prediction", *(["probability"] if label else [])]
            fitted = pipeline.fit(few)
            conf = Predict(Scored(path=path), SavedModel(saved, columns), Partitions(f"{folder}/{kind}-ours"))

            def ours(conf: Any = conf) -> dict[str, float]:
                batch = Batch(conf, ml.load_model(conf.model.path))
                return {"seconds": timed(lambda: batch.run(spark, False, print))[0]}

            def mllib(fitted: Any = fitted, kind: str = kind, columns: Any = columns) -> dict[str, float]:
                made = fitted.transform(rows).select(*columns)
                out = f"{folder}/{kind}-theirs"
                return {"seconds": timed(lambda: made.write.mode("overwrite").parquet(out))[0]}

            seen = rounds({"treefold": ours, "mllib": mllib}, arguments.rounds)
            seconds = {who: figures["seconds"] for who, figures in seen.items()}
            per_second = {who: arguments.rows / each for who, each in seconds.items()}
            times = ratio(seconds["mllib"] / seconds["treefold"], "at least 5")
            results[kind] = {"seconds": seconds, "rows_per_second": per_second}
            results["ratios"][f"predictions of {kind}, Parquet to Parquet, against MLlib"] = times
    write("scoring", results)


if __name__ == "__main__":
    main()

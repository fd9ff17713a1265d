"""A Pipeline of pyspark.ml, assembler, scaler and logistic regression: our estimator in it against MLlib's."""

import argparse
import tempfile
from typing import Any

from pyspark.ml import Pipeline, classification
from pyspark.ml.feature import StandardScaler, VectorAssembler

from benchmarks.setting import NAMES, generated, ratio, rounds, session, timed, write
from treefold import ml

PARAMS = {"featuresCol": "scaled", "maxIter": 20, "regParam": 0.01}
ESTIMATORS = {"treefold": ml.LogisticRegression, "mllib": classification.LogisticRegression}


def main() -> None:
    """Fit both, and transform and write all rows with both, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    spark, path = session(), generated(arguments.rows)
    rows = spark.read.parquet(path)

    def stages(estimator: Any) -> list[Any]:
        assembler = VectorAssembler(inputCols=NAMES, outputCol="features")
        return [assembler, StandardScaler(inputCol="features", outputCol="scaled"), estimator(**PARAMS)]

    with tempfile.TemporaryDirectory() as folder:

        def fitted(estimator: Any) -> dict[str, float]:
            return {"seconds": timed(lambda: Pipeline(stages=stages(estimator)).fit(rows))[0]}

        fits = rounds({who: lambda each=each: fitted(each) for who, each in ESTIMATORS.items()}, arguments.rounds)
        scaler = Pipeline(stages=stages(ml.LogisticRegression)[:2]).fit(rows)
        models = {who: each(**PARAMS).fit(scaler.transform(rows)) for who, each in ESTIMATORS.items()}

        def estimated(who: str) -> dict[str, float]:
            """Only the fit of the estimator: the scaler's own fit is Spark's in both."""
            return {"seconds": timed(lambda: ESTIMATORS[who](**PARAMS).fit(scaler.transform(rows)))[0]}

        last = rounds({who: lambda who=who: estimated(who) for who in ESTIMATORS}, arguments.rounds)

        def scored(who: str) -> dict[str, float]:
            made = models[who].transform(scaler.transform(rows)).select("label", "probability", "prediction")
            return {"seconds": timed(lambda: made.write.mode("overwrite").parquet(f"{folder}/{who}"))[0]}

        writes = rounds({who: lambda who=who: scored(who) for who in ESTIMATORS}, arguments.rounds)
    ratios = {
        what: ratio(seen["mllib"]["seconds"] / seen["treefold"]["seconds"], aim)
        for what, seen, aim in (
            ("Pipeline.fit, assembler and scaler of pyspark.ml, against MLlib", fits, "at least 6"),
            ("fit of its last stage, against MLlib", last, "at least 6"),
            ("its transform and write, against MLlib", writes, "at least 4"),
        )
    }
    write("pipelines", {"rows": arguments.rows, "features": len(NAMES), "ratios": ratios})


if __name__ == "__main__":
    main()

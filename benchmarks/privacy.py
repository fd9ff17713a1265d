"""Cost of differential privacy: private fits against the same fits without, of as many steps over the same rows.

The rows of a private fit are clipped one by one, in float64, and its sums have noise.
"""

import argparse
from statistics import median
from typing import Any

from pyspark.sql import DataFrame

from benchmarks.setting import FEATURES, NAMES, generated, ratio, rounds, session, timed, write
from treefold.ml import KMeans, LogisticRegression, MultilayerPerceptronClassifier

STEPS, CLUSTERS = 20, 10
PRIVATE = {"privacyEpsilon": 3.0, "clip": 1.0}
CONSTANT = {"solver": "gd", "stepRule": "constant", "standardization": False}
PAIRS = {  # the fit without, and with privacy
    "logistic": (LogisticRegression, {**CONSTANT, "tol": 0.0}, {"solver": "dpgd", "classes": 2}),
    "k-means": (KMeans, {"tol": 0.0}, {"solver": "dplloyd"}),
    "perceptron": (MultilayerPerceptronClassifier, {"solver": "gd", "tol": 0.0}, {"solver": "dpgd"}),
}


def fit(data: DataFrame, kind: Any, params: dict[str, Any]) -> dict[str, float]:
    """Seconds of a fit, and of a step: the median over its passes of the last statistic."""
    seconds, model = timed(lambda: kind(featuresCol=NAMES, maxIter=STEPS, **params).fit(data))
    passes = model.training_summary.passes
    return {"fit": seconds, "step": median(each.seconds for each in passes if each.name == passes[-1].name)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked, spark = parser.parse_args(), session()
    data = spark.read.parquet(generated(asked.rows))
    first = [[float(row[name]) for name in NAMES] for row in data.limit(CLUSTERS).collect()]
    shared: dict[str, dict[str, Any]] = {
        "logistic": {"stepSize": 0.5},
        "k-means": {"k": CLUSTERS, "initialCenters": first},
        "perceptron": {"layers": [FEATURES, 32, 2], "stepSize": 0.5},
    }
    found: dict[str, dict[str, float]] = {}
    ratios = {}
    for name, (kind, open_params, private_params) in PAIRS.items():
        both = {"open": open_params, "private": private_params | PRIVATE}
        contenders = {
            each: lambda kind=kind, params=shared[name] | params: fit(data, kind, params)
            for each, params in both.items()
        }
        seen = rounds(contenders, asked.rounds)
        found |= {f"{name}, {each}": figures for each, figures in seen.items()}
        for figure in ("fit", "step"):
            aim = "<= 1.5" if (name, figure) == ("logistic", "fit") else ""
            ratios[f"{name}, private {figure} over open"] = ratio(seen["private"][figure] / seen["open"][figure], aim)
    write("privacy", {"rows": asked.rows, "steps": STEPS, "rounds": asked.rounds, "seconds": found, "ratios": ratios})


if __name__ == "__main__":
    main()

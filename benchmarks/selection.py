"""Cross-validation of logistic regression, 200 k x 100: treefold, pyspark.ml, scikit-learn; and many learning rates."""

import argparse

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from pyspark.ml import tuning
from pyspark.ml.classification import LogisticRegression as Theirs
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.tuning import ParamGridBuilder
from sklearn.linear_model import LogisticRegressionCV

from benchmarks.setting import NAMES, generated, ratio, rounds, session, timed, write
from treefold.ml import CrossValidator, LogisticRegression

PENALTIES = [0.001, 0.01, 0.1, 1.0]
FOLDS = 3
TOL, MOST = 1e-6, 100  # pyspark.ml's defaults
ITERATIONS = 20  # of the searches that go so far and no further, and of gradient descent
RATES = np.geomspace(0.01, 1.0, 100).tolist()
RATE_FOLDS = 5


def ours(frame, **params):
    """Seconds from Parquet to the best model, and of all after the pass that reads."""
    estimator = LogisticRegression(featuresCol=NAMES, **params)
    search = CrossValidator(
        estimator=estimator, space={"regParam": PENALTIES}, evaluator="areaUnderROC", numFolds=FOLDS, seed=1
    )
    total, model = timed(lambda: search.fit(frame()))
    fit = total - model.summary.passes[0].seconds
    return {"total": total, "fit": fit, "passes": len(model.summary.passes), "auc": max(model.avgMetrics)}


def mllib(frame, **params):
    """Seconds from Parquet to the best model, and on cached vectors."""
    rows = VectorAssembler(inputCols=NAMES, outputCol="features").transform(frame()).select("features", "label")
    cache, _ = timed(lambda: rows.persist().count())
    estimator = Theirs(**params)
    search = tuning.CrossValidator(
        estimator=estimator,
        estimatorParamMaps=ParamGridBuilder().addGrid(estimator.regParam, PENALTIES).build(),
        evaluator=BinaryClassificationEvaluator(),
        numFolds=FOLDS,
        seed=1,
        parallelism=2,
    )
    fit, model = timed(lambda: search.fit(rows))
    rows.unpersist(blocking=True)
    return {"total": cache + fit, "fit": fit, "auc": max(model.avgMetrics)}


def scikit_learn(X, y):
    """Seconds on arrays in memory."""
    strengths = [1 / (penalty * len(y) * (FOLDS - 1) / FOLDS) for penalty in PENALTIES]
    search = LogisticRegressionCV(
        Cs=strengths, cv=FOLDS, scoring="roc_auc", max_iter=MOST, tol=TOL, n_jobs=2, l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )  # fmt: skip
    fit, model = timed(lambda: search.fit(X, y))
    return {"fit": fit, "auc": float(np.mean(model.scores_, axis=0).max())}


def descent(frame, rates, folds):
    """Gradient descent with constant steps: seconds from Parquet to model, and of all passes but the one that reads."""
    estimator = LogisticRegression(featuresCol=NAMES, maxIter=ITERATIONS, tol=0.0, solver="gd", stepRule="constant")
    if folds == 1:
        total, model = timed(lambda: estimator.setParams(stepSize=rates[0]).fit(frame()))
        return {"total": total, "fit": sum(p.seconds for p in model.summary.passes[1:])}
    search = CrossValidator(estimator=estimator, space={"stepSize": rates}, evaluator="logLoss", numFolds=folds, seed=1)
    total, model = timed(lambda: search.fit(frame()))
    alone = len(model.summary.passes) - len(model.search.passes)  # the fit of the best to all rows
    return {"total": total, "fit": sum(p.seconds for p in model.search.passes[1:]), "refit_passes": alone}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pd.options.mode.copy_on_write = True
    path, spark = generated(200_000), session()
    table = pq.read_table(path).to_pandas()
    X, y = table[NAMES].to_numpy(np.float64), table["label"].to_numpy()

    def frame():
        return spark.read.parquet(path)

    found = rounds(
        {
            "treefold": lambda: ours(frame, maxIter=MOST, tol=TOL),
            "pyspark.ml": lambda: mllib(frame, maxIter=MOST, tol=TOL),
            "treefold, 20 iterations": lambda: ours(frame, maxIter=ITERATIONS, tol=0.0),
            "pyspark.ml, 20 iterations": lambda: mllib(frame, maxIter=ITERATIONS, tol=0.0),
            "scikit-learn": lambda: scikit_learn(X, y),
            "one learning rate": lambda: descent(frame, [0.5], 1),
            "100 learning rates x 5 folds": lambda: descent(frame, RATES, RATE_FOLDS),
        },
        options.rounds,
    )
    mine, theirs, local = found["treefold"], found["pyspark.ml"], found["scikit-learn"]
    few = [found[f"{who}, 20 iterations"] for who in ("treefold", "pyspark.ml")]
    many, one = found["100 learning rates x 5 folds"], found["one learning rate"]
    ratios = {
        "pyspark.ml / treefold, stored rows": ratio(theirs["fit"] / mine["fit"], ">= 20"),
        "pyspark.ml / treefold, from Parquet": ratio(theirs["total"] / mine["total"], "reported"),
        "pyspark.ml / treefold, 20 iterations, stored rows": ratio(few[1]["fit"] / few[0]["fit"], "reported"),
        "treefold / scikit-learn, stored rows": ratio(mine["fit"] / local["fit"], "< 1"),
        "AUC, treefold - pyspark.ml": ratio(mine["auc"] - theirs["auc"], "about 0"),
        "500 fits / one, from Parquet to model": ratio(many["total"] / one["total"], "<= 12"),
        "500 fits / one, passes over stored rows": ratio(many["fit"] / one["fit"], "reported"),
    }
    write("selection", {"rounds": options.rounds, "medians": found, "ratios": ratios})
    spark.stop()


if __name__ == "__main__":
    main()

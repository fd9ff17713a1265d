"""Train a model on partitioned Parquet, evaluate it on a test split, publish model and metrics."""

import time
from argparse import Namespace
from typing import Any

from pyspark.sql import SparkSession

from treefold import ml, store
from treefold.conf import load_train
from treefold.report.command import run
from treefold.report.progress import ProgressLine
from treefold.report.results import METRICS, account, summary, write_results


def train(arguments: Namespace) -> dict[str, Any]:
    conf, line, start = load_train(arguments.conf, arguments.overrides), ProgressLine(), time.perf_counter()
    data, out = conf.data, conf.output.path
    estimator = ml.estimator(conf.model.name, **conf.model.params)
    estimator.setParams(featuresCol=data.features, labelCol=data.label, weightCol=data.weight).watch(line)
    store.check_free(out, arguments.overwrite)
    with SparkSession.builder.appName(f"treefold train {arguments.conf}").getOrCreate() as spark:
        rows, held_out = ml.read_parquet(spark, data.train), ml.read_parquet(spark, data.test)
        estimator.check(held_out)  # rather now than after hours of training
        line.say(f"reading {data.train}")
        model = estimator.fit(rows)
        line.say(f"testing on {data.test}")
        test = model.evaluate(held_out)
    cost = account(model.summary.passes, test.passes, time.perf_counter() - start)
    metrics = {
        "test": test.scores,
        "objective": model.summary.objectiveHistory[-1],
        "iterations": model.summary.totalIterations,
        "outcome": model.summary.outcome,
        "cost": cost,
    }
    with store.published(out, marker=METRICS, overwrite=arguments.overwrite) as folder:
        ml.fill(model, folder / "model")
        write_results(folder, metrics, model.summary.passes, test.passes)
    line.say(summary(metrics))
    return {"output": out, **{name: value for name, value in test.scores.items() if isinstance(value, int | float)}}


if __name__ == "__main__":
    run(train, __doc__, "./spark-submit.sh train conf/digits.toml solver.name=gd solver.maxIter=50")

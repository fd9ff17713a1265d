"""Train a model on partitioned Parquet, evaluate it on a test split, publish model, metrics and report."""

import time
from argparse import Namespace
from typing import Any

from pyspark.sql import SparkSession

from treefold import ml, store
from treefold.conf import load_train
from treefold.journal import opened_for
from treefold.report.command import run
from treefold.report.progress import ProgressLine
from treefold.report.results import METRICS, account, headline, summary, write_results


def train(arguments: Namespace) -> dict[str, Any]:
    conf, line, start = load_train(arguments.conf, arguments.overrides), ProgressLine(), time.perf_counter()
    data, out = conf.data, conf.output.path
    estimator = ml.estimator(conf.model.name, **conf.model.params)
    estimator.setParams(**data.params()).watch(line)
    store.check_free(out, arguments.overwrite)
    with opened_for(conf, resume=arguments.resume, say=line.say) as journal:
        estimator.resume_from(journal)
        with SparkSession.builder.appName(f"treefold train {arguments.conf}").getOrCreate() as spark:
            rows, test = ml.read_parquet(spark, data.train), None
            held_out = ml.read_parquet(spark, data.test) if data.test else None
            if held_out:
                estimator.check(held_out)  # rather now than after hours of training
            line.say(f"reading {data.train}")
            model = estimator.fit(rows)
            if held_out:
                line.say(f"testing on {data.test}")
                test = model.evaluate(held_out)
        fitted, tested = model.summary, test.passes if test else []
        cost = account(fitted.passes, tested, time.perf_counter() - start)
        metrics = {"test": test.scores if test else None, **fitted.facts(), "cost": cost}
        with store.published(out, marker=METRICS, overwrite=arguments.overwrite) as folder:
            ml.fill(model, folder / "model")
            title = f"{conf.model.name} on {data.train}"
            charts = [*fitted.charts(), *(test.charts() if test else [])]
            write_results(folder, title, metrics, charts, fit=fitted.passes, test=tested)
    line.say(summary(metrics))
    return {"output": out, **headline(metrics)}


if __name__ == "__main__":
    run(train, __doc__, "./spark-submit.sh train conf/digits.toml solver.name=gd solver.maxIter=50")

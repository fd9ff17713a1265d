"""Search the settings of a model by cross-validation, in shared passes; publish the best model and every trial."""

import time
from argparse import Namespace
from typing import Any

from pyspark.sql import SparkSession

from treefold import ml, store
from treefold.conf import load_tune
from treefold.journal import opened_for
from treefold.report.command import run
from treefold.report.progress import ProgressLine
from treefold.report.results import METRICS, account, headline, summary, write_results, write_trials


def tune(arguments: Namespace) -> dict[str, Any]:
    conf, line, start = load_tune(arguments.conf, arguments.overrides), ProgressLine(), time.perf_counter()
    data, out = conf.data, conf.output.path
    estimator = ml.estimator(conf.model.name, **conf.model.params)
    estimator.setParams(**data.params())
    validator = ml.validator(estimator, conf.search.metric, conf.search.space, **conf.search.params).watch(line)
    store.check_free(out, arguments.overwrite)
    with opened_for(conf, resume=arguments.resume, say=line.say) as journal:
        validator.resume_from(journal)
        with SparkSession.builder.appName(f"treefold tune {arguments.conf}").getOrCreate() as spark:
            rows = ml.read_parquet(spark, data.train)
            held_out = ml.read_parquet(spark, data.test) if data.test else None
            if held_out:
                estimator.check(held_out)  # rather now than after hours of training
            line.say(f"reading {data.train}")
            model = validator.fit(rows)
            test = model.evaluate(held_out) if held_out else None
        fitted, found, tested = model.summary, model.search, test.passes if test else []
        cost = account(fitted.passes, tested, time.perf_counter() - start)
        metrics = {"test": test.scores if test else None, **fitted.facts(), **found.facts(), "cost": cost}
        with store.published(out, marker=METRICS, overwrite=arguments.overwrite) as folder:
            ml.fill(model.bestModel, folder / "model")
            write_trials(folder, found.table(), found.records(), found.choice())
            title = f"{conf.model.name} on {data.train}: {len(found.trials)} trials"
            charts = [*found.charts(), *fitted.charts(), *(test.charts() if test else [])]
            write_results(folder, title, metrics, charts, found.leaders(), fit=fitted.passes, test=tested)
    line.say(f"{found.line()}\n{summary(metrics)}")
    return {"output": out, **headline(metrics)}


if __name__ == "__main__":
    run(tune, __doc__, "./spark-submit.sh tune conf/digits_tune.toml search.numFolds=10")

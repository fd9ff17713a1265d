"""Train a model on partitioned Parquet, evaluate it on a test split, publish model, metrics and report."""

from typing import Any

from treefold import ml
from treefold.cli.config import load_train
from treefold.cli.main import JobRun, run
from treefold.cli.spark_session import session
from treefold.persistence import publishing
from treefold.persistence.checkpoint import opened_for
from treefold.report.results import account, headline, summary, write_results
from treefold.report.run_record import recorded, seconds_since, versions
from treefold.scoring.reference import reference_on, write_reference
from treefold.scoring.training_rows import training_rows


def train(run: JobRun) -> dict[str, Any]:
    conf, line, data, out = run.conf, run.line, run.conf.data, run.conf.output.path
    estimator: Any = ml.estimator_of(conf).watch(line)
    publishing.preflight(out, run.overwrite, conf.apart)
    with opened_for(conf, fresh=run.fresh, say=line.say) as checkpoint:
        estimator.resume_from(checkpoint)
        with session(f"treefold train {run.path}", line.say) as spark:
            (rows, held_out, described), test = training_rows(spark, conf), None
            if held_out:
                estimator.check(held_out)  # rather now than after hours of training
            line.say(f"reading {data.train}")
            model = estimator.fit(rows)
            if held_out:
                line.say(f"testing on {data.test}")
                test = model.evaluate(held_out)
            reference = reference_on(model, rows)
            made_by = recorded(run, ml.params_of(estimator), versions(spark))
        fitted, tested = model.training_summary, test.passes if test else []
        cost = account(fitted.passes, tested, seconds_since(run.started))
        scores = {"test": test.scores if test else None, **fitted.to_dict(), **described}
        metrics = {**scores, "cost": cost, "run": made_by}
        with publishing.published(out, overwrite=run.overwrite, apart_from=conf.apart) as folder:
            ml.fill(model, folder / "model")
            write_reference(reference, folder / "model")
            charts = [*fitted.charts(), *(test.charts() if test else [])]
            title = f"{conf.model.name} on {data.train}"
            write_results(folder, title, metrics, charts, fit=fitted.passes, test=tested)
    line.say(summary(metrics))
    return {"output": out, **headline(metrics)}


if __name__ == "__main__":
    run(train, load_train, __doc__, "conf/digits.toml solver.name=gd solver.maxIter=50")

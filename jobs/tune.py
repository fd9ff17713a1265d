"""Search the settings of a model by cross-validation, in shared passes; publish the best model and every trial."""

from typing import Any

from treefold import ml
from treefold.cli.config import load_tune
from treefold.cli.main import JobRun, run
from treefold.cli.spark_session import session
from treefold.ml.tuning.charts import charts_of
from treefold.persistence import publishing
from treefold.persistence.checkpoint import opened_for
from treefold.report.results import account, headline, summary, write_results, write_trials
from treefold.report.run_record import recorded, seconds_since, versions
from treefold.scoring.reference import reference_on, write_reference
from treefold.scoring.training_rows import training_rows


def tune(run: JobRun) -> dict[str, Any]:
    conf, line, data, out = run.conf, run.line, run.conf.data, run.conf.output.path
    estimator = ml.estimator_of(conf)
    validator = ml.validator(estimator, conf.search.metric, conf.search.space, **conf.search.params).watch(line)
    publishing.preflight(out, run.overwrite, conf.apart)
    with opened_for(conf, fresh=run.fresh, say=line.say) as checkpoint:
        validator.resume_from(checkpoint)
        with session(f"treefold tune {run.path}", line.say) as spark:
            rows, held_out, described = training_rows(spark, conf)
            if held_out:
                estimator.check(held_out)  # rather now than after hours of training
            line.say(f"reading {data.train}")
            model = validator.fit(rows)
            test = model.evaluate(held_out) if held_out else None
            reference = reference_on(model.bestModel, rows)
            made_by = recorded(run, ml.params_of(estimator), versions(spark))
        fitted, found, tested = model.summary, model.search, test.passes if test else []
        cost = account(fitted.passes, tested, seconds_since(run.started))
        scores = {"test": test.scores if test else None, **fitted.to_dict(), **found.to_dict(), **described}
        metrics = {**scores, "cost": cost, "run": made_by}
        with publishing.published(out, overwrite=run.overwrite, apart_from=conf.apart) as folder:
            ml.fill(model.bestModel, folder / "model")
            write_reference(reference, folder / "model")
            write_trials(folder, found.table(), found.records(), found.choice())
            charts = [*charts_of(found), *fitted.charts(), *(test.charts() if test else [])]
            title = f"{conf.model.name} on {data.train}: {len(found.trials)} trials"
            write_results(folder, title, metrics, charts, found.leaders(), fit=fitted.passes, test=tested)
    line.say(f"{found.line()}\n{summary(metrics)}")
    return {"output": out, **headline(metrics)}


if __name__ == "__main__":
    run(tune, load_tune, __doc__, "conf/digits_tune.toml search.numFolds=10")

"""Evaluate a saved model on labelled rows, with intervals and slices, compare it with another, publish a report."""

from typing import Any

from treefold.cli.main import JobRun, run
from treefold.cli.scoring_confs import load_evaluate
from treefold.cli.spark_session import session
from treefold.errors import ThresholdNotMet
from treefold.persistence import publishing
from treefold.report.evaluation import lines, write_evaluation
from treefold.report.results import plain_figures
from treefold.report.run_record import recorded, seconds_since, versions
from treefold.scoring.challenge import Challenge


def evaluate(run: JobRun) -> dict[str, Any]:
    conf, line, out = run.conf, run.line, run.conf.output.path
    challenge = Challenge(conf)
    publishing.preflight(out, run.overwrite, conf.apart)
    with session(f"treefold evaluate {run.path}", line.say) as spark:
        line.say(f"evaluating {conf.model.path} on {conf.data.name}")
        figures = challenge.run(spark)
        made_by = recorded(run, {}, versions(spark))
    metrics = {**figures, "seconds": round(seconds_since(run.started), 3), "run": made_by}
    with publishing.published(out, overwrite=run.overwrite, apart_from=conf.apart) as folder:
        write_evaluation(folder, f"{conf.model.path} on {conf.data.name}", metrics, challenge.charts, challenge.passes)
    line.say(lines(figures))
    result = {"output": out, **plain_figures(figures["scores"])}
    if figures["missed"]:
        raise ThresholdNotMet(figures["missed"], result)
    return result


if __name__ == "__main__":
    example = "conf/digits_evaluate.toml evaluation.replicates=1000"
    run(evaluate, load_evaluate, __doc__, example, ("overwrite",))

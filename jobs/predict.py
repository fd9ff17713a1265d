"""Apply a saved model to the rows of a table; publish partitions of predictions, and how far the rows have drifted."""

from typing import Any

from treefold import ml
from treefold.cli.main import JobRun, run
from treefold.cli.scoring_confs import load_predict
from treefold.cli.spark_session import session
from treefold.report.run_record import seconds_since
from treefold.scoring.batch import Batch, shown


def predict(run: JobRun) -> dict[str, Any]:
    conf, line = run.conf, run.line
    batch = Batch(conf, ml.load_model(conf.model.path))
    with session(f"treefold predict {run.path}", line.say) as spark:
        line.say(f"scoring {conf.data.name}")
        manifest = batch.run(spark, run.incremental, line.say)
    line.say(shown(manifest))
    result = {"output": conf.output.path, "rows": manifest["rows"], "partitions": len(manifest["written_partitions"])}
    result["max_psi"] = max((each["psi"] for each in manifest["drift"]), default=None)
    result["seconds"] = round(seconds_since(run.started), 3)
    batch.check_drift(manifest, result)
    return result


if __name__ == "__main__":
    run(
        predict,
        load_predict,
        __doc__,
        "conf/digits_predict.toml --incremental",
        ("incremental",),
    )

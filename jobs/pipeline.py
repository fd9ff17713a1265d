"""Run several jobs in one Spark application, leaving out those whose conf and input have not changed."""

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from treefold.cli.main import JobRun, run
from treefold.cli.pipeline_conf import load_pipeline
from treefold.cli.spark_session import kept_open
from treefold.persistence.step_state import StepState, fingerprint
from treefold.report.run_record import seconds_since


def pipeline(run: JobRun) -> dict[str, Any]:
    line, state = run.line, StepState(run.conf.state)
    results: dict[str, Any] = {}
    with kept_open():
        for step, conf in run.conf.confs.items():
            mark = fingerprint(conf, conf.inputs)
            if "all" not in run.options and state.is_done(step, mark, conf.output.path):
                line.say(f"{step}: nothing has changed")
                results[step] = "unchanged"
                continue
            line.say(f"{step}:")
            job = getattr(import_module(f"treefold.jobs.{step}"), step)
            own = run._replace(conf=conf, options=frozenset({"overwrite"}), started=datetime.now(UTC))
            results[step] = job(own)
            state.write(step, mark or fingerprint(conf, conf.inputs))
    return {**results, "seconds": round(seconds_since(run.started), 3)}


if __name__ == "__main__":
    example = "conf/wine_pipeline.toml"
    run(pipeline, load_pipeline, __doc__, example, ("all",))

"""Raw rows become partitioned Parquet ready for training; what was learned is kept for predict, bad rows aside."""

from typing import Any

from treefold.cli.main import JobRun, run
from treefold.cli.preparation_conf import load_prepare
from treefold.cli.spark_session import session
from treefold.persistence import output_checks, publishing
from treefold.preparation.write import write_prepared
from treefold.report.run_record import seconds_since


def prepare(run: JobRun) -> dict[str, Any]:
    conf, line, out = run.conf, run.line, run.conf.output.path
    output_checks.check_local(out)
    publishing.preflight(out, run.overwrite, conf.apart)
    with session(f"treefold prepare {run.path}", line.say) as spark:
        line.say(f"preparing {conf.data.name}")
        with publishing.published(out, overwrite=run.overwrite, apart_from=conf.apart) as folder:
            figures = write_prepared(spark, conf, folder)
    for reason, rows in figures["rejects"].items():
        line.say(f"rejected {rows:,} rows: {reason}")
    line.say(f"{len(figures['features'])} feature columns, rows: {figures['rows']}")
    result = {"output": out, "rows": sum(figures["rows"].values()), "rejects": sum(figures["rejects"].values())}
    return {**result, "seconds": round(seconds_since(run.started), 3)}


if __name__ == "__main__":
    example = "conf/wine_prepare.toml split.test=0.3"
    run(prepare, load_prepare, __doc__, example, ("overwrite",))

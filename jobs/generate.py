"""Write a synthetic data set, drawn by (seed, position): the same rows whatever the parallelism."""

from typing import Any

from treefold.cli.generation_conf import load_generate
from treefold.cli.main import JobRun, run
from treefold.cli.spark_session import session
from treefold.generation.write import write_generated
from treefold.persistence import output_checks, publishing
from treefold.report.run_record import seconds_since


def generate(run: JobRun) -> dict[str, Any]:
    conf, line, out = run.conf, run.line, run.conf.output.path
    output_checks.check_local(out)
    publishing.preflight(out, run.overwrite)
    with session(f"treefold generate {run.path}", line.say) as spark:
        line.say(f"drawing {conf.data.rows:,} rows ({conf.data.kind})")
        with publishing.published(out, overwrite=run.overwrite) as folder:
            write_generated(spark, conf.data, conf.output.files, folder)
    return {"output": out, "rows": conf.data.rows, "seconds": round(seconds_since(run.started), 3)}


if __name__ == "__main__":
    example = "conf/generated_classes.toml data.rows=1000000"
    run(generate, load_generate, __doc__, example, ("overwrite",))

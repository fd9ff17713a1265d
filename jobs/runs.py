"""Make an index of published runs: which model was trained or evaluated when, on which data, and how good it is."""

from pathlib import Path
from typing import Any

from treefold.cli.main import JobRun, run
from treefold.cli.runs_conf import load_runs
from treefold.persistence import publishing
from treefold.report.runs import compared_runs, runs_below, write_runs


def runs(run: JobRun) -> dict[str, Any]:
    conf, out = run.conf, run.conf.output.path
    publishing.preflight(out, overwrite=True)
    records = runs_below(Path(conf.data.path))
    comparison = compared_runs(records, conf.data.compare)
    with publishing.published(out, overwrite=True) as folder:
        write_runs(folder, conf.data.path, records, comparison)
    return {"output": out, "runs": len(records)}


if __name__ == "__main__":
    run(runs, load_runs, __doc__, 'conf/runs.toml data.compare=\'["digits", "wine"]\'', ())

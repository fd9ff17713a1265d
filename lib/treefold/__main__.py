"""``python -m treefold JOB CONF``: a job of the installed package on Spark, without a checkout."""

import os
import runpy
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
JOBS = sorted(file.stem for file in (HERE / "jobs").glob("*.py") if file.stem != "__init__")
USAGE = f"""usage: python -m treefold [--properties FILE] JOB CONF [table.key=value ...] [--overwrite] [--fresh]
       python -m treefold JOB --help

jobs: {", ".join(JOBS)}
--properties names a file of Spark properties (default: all cores of this machine)"""


def main(arguments: list[str]) -> None:
    """Run the job that the first argument names, and exit as it does (:func:`treefold.cli.main.run`).

    Parameters
    ----------
    arguments : list of str
        Those after ``python -m treefold``.
    """
    if arguments[:1] in ([], ["-h"], ["--help"]):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        sys.exit(0 if arguments else 2)
    if arguments[0] == "--properties":
        os.environ["TREEFOLD_PROPERTIES"] = str(Path(arguments[1]).absolute()) if len(arguments) > 1 else ""
        arguments = arguments[2:]
    job = arguments[0] if arguments else ""
    if job not in JOBS:
        print(f"error: there is no job '{job}': there are {', '.join(JOBS)}", file=sys.stderr)
        sys.exit(2)
    os.environ.setdefault("TREEFOLD_PROPERTIES", str(HERE / "cli" / "properties" / "local.conf"))
    os.environ.setdefault("SPARK_CONF_DIR", str(HERE / "cli" / "properties"))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    sys.argv[1:] = arguments[1:]
    if "TREEFOLD_LIBRARY" in os.environ:
        runpy.run_module(f"treefold.jobs.{job}", run_name="__main__", alter_sys=True)
    with TemporaryDirectory(prefix="treefold-") as folder:
        os.environ["TREEFOLD_LIBRARY"] = zipped(Path(folder) / "treefold.zip")
        runpy.run_module(f"treefold.jobs.{job}", run_name="__main__", alter_sys=True)


def zipped(path: Path) -> str:
    """Write the package into a zip file, from which the workers import it; returns the path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in HERE.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(HERE.parent))
    return str(path)


if __name__ == "__main__":
    main(sys.argv[1:])

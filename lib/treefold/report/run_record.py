"""The record of a run: conf, params, times, versions, commit."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from treefold import __version__


def recorded(run: Any, params: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
    """The record of a run, for ``metrics.json``.

    Parameters
    ----------
    run : treefold.cli.main.JobRun
        The run of the job.
    params : {name: value}
        Params of the estimator, including defaults.
    versions : {name: version}
        Versions of the libraries.

    Returns
    -------
    dict
    """
    return {
        "conf_file": str(Path(run.path).absolute()),
        "overrides": run.overrides,
        "conf": msgspec.to_builtins(run.conf),
        "params": params,
        "started": run.started.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions,
        "commit": commit(Path(__file__).parent),
    }


def seconds_since(started: datetime) -> float:
    """Seconds since a time."""
    return (datetime.now(UTC) - started).total_seconds()


def versions(spark: Any) -> dict[str, str]:
    """Versions of Python's libraries, and of Java and Spark in a session's JVM."""
    libraries = {name: version(name) for name in ("pyspark", "numpy", "scipy", "pyarrow", "numba")}
    java = spark.sparkContext._jvm.java.lang.System.getProperty("java.version")
    return {
        "treefold": __version__,
        "spark": spark.version,
        **libraries,
        "python": platform.python_version(),
        "java": java,
    }


def commit(folder: Path) -> str | None:
    """The commit of the library's checkout, with ``+`` if files differ from it; None if it is not in a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None

"""Jobs as a user runs them, ./spark-submit.sh in a process of its own, and the same jobs in this process."""

import importlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).parents[1]


def submit(*arguments, timeout: float = 600, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["./spark-submit.sh", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | environment, timeout=timeout, check=False,
    )  # fmt: skip


def job_module(name: str) -> ModuleType:
    """The module of a job."""
    return importlib.import_module(f"treefold.jobs.{name}")


@contextmanager
def target(name: str, base: str = "local", **properties: str) -> Iterator[str]:
    """Name of a target for ``--target``: that of ``base`` with properties of its own, dots written as underscores."""
    file = ROOT / f"conf/spark/{name}{os.getpid()}.conf"
    lines = [f"{key.replace('_', '.')} {value}\n" for key, value in properties.items()]
    file.write_text((ROOT / f"conf/spark/{base}.conf").read_text() + "".join(lines))
    try:
        yield file.stem
    finally:
        file.unlink()


def local_digits(output: Path, *arguments: str, **environment: str) -> Path:
    """Fit the digits' model on this machine without a cluster; returns ``output``."""
    run = submit("train", "conf/digits.toml", f"output.path={output}", *arguments, **environment)
    assert run.returncode == 0, run.stderr
    return output


def coefficients(output: Path) -> bytes:
    """The bits of the coefficients that a job has published."""
    with np.load(output / "model" / "arrays.npz") as arrays:
        return b"".join(arrays[name].tobytes() for name in sorted(arrays))


def wait_until(job: subprocess.Popen, happened: Callable[[], bool]) -> None:
    """Wait until ``happened()`` while a job runs."""
    while not happened():
        assert job.poll() is None, f"ended before it happened: {job.stderr.read()}"
        time.sleep(0.05)


def kill(job: subprocess.Popen) -> None:
    """SIGKILL a job: its script, the driver, which has a process group of its own, and the JVM."""
    children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    for group in (job.pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    job.communicate()


def refused(run: subprocess.CompletedProcess) -> str:
    """The one line of a run that refused its input."""
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, run.stderr
    assert run.stderr.splitlines()[-1] == errors[0]
    assert "\niteration" not in run.stderr, "refused only after training began"
    return errors[0]


def one_line(shown: str) -> str:
    """The one line of a job in this process that refused its input before training began."""
    errors = [line for line in shown.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, shown
    assert shown.splitlines()[-1] == errors[0]
    assert "iteration " not in shown, "refused only after training began"
    return errors[0]

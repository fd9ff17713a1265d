"""Jobs as a user runs them: ./spark-submit.sh in a process of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


def submit(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["./spark-submit.sh", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | environment, timeout=600, check=False,
    )  # fmt: skip


@contextmanager
def target(name: str, **properties: str) -> Iterator[str]:
    """Name of a target for ``--target``: the local one with properties of its own, dots written as underscores."""
    file = ROOT / f"conf/spark/{name}{os.getpid()}.conf"
    lines = [f"{key.replace('_', '.')} {value}\n" for key, value in properties.items()]
    file.write_text((ROOT / "conf/spark/local.conf").read_text() + "".join(lines))
    try:
        yield file.stem
    finally:
        file.unlink()


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

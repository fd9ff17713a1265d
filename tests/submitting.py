"""Jobs as a user runs them: ./spark-submit.sh in a process of its own."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def submit(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["./spark-submit.sh", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | environment, timeout=600, check=False,
    )  # fmt: skip


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

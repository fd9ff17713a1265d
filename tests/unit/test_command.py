"""``python -m treefold``: which jobs there are, and the message for a wrong command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from treefold.__main__ import JOBS, main

ROOT = Path(__file__).parents[2]


def called(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "treefold", *arguments], cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT / "lib")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("arguments", "code"), [((), 2), (("--help",), 0)])
def test_help_names_every_job(arguments, code, capsys):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    shown = "".join(capsys.readouterr())
    assert ended.value.code == code
    assert f"jobs: {', '.join(JOBS)}" in shown
    assert {"train", "tune"} <= set(JOBS)


@pytest.mark.parametrize("arguments", [["tain", "conf.toml"], ["--properties", "some.conf"], ["--properties"]])
def test_a_job_that_there_is_not_is_one_line(arguments, capsys, monkeypatch):
    monkeypatch.setenv("TREEFOLD_PROPERTIES", "")
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: there is no job '")


def test_a_job_sees_its_own_arguments_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    ran = called("train", "no such.toml")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: there is no conf no such.toml")
    assert not list(tmp_path.iterdir())


def test_help_of_a_job_names_this_command():
    shown = called("train", "--help").stdout
    assert "usage: python -m treefold train" in shown
    assert "example: python -m treefold train conf/" in shown

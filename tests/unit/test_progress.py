"""Long jobs tell where they are, when they end, and what was lost."""

import errno
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from treefold.blocks import Loss, Pass
from treefold.report import progress
from treefold.report.command import run
from treefold.report.progress import ProgressLine
from treefold.report.results import account, summary, write_results

QUIET = Pass("objective", 0.5, 100, 2, 10, 10, 1.0, "parquet", "flat")
HURT = replace(QUIET, lost=(Loss("which were gone with their executor", 12, 3.21),))
TOLD = "lost 12 blocks, which were gone with their executor: made again in 3.2 s"


@pytest.fixture
def line(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.delenv("TREEFOLD_TERMINAL", raising=False)
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    return ProgressLine()


def at(iteration, last=QUIET, most=21):
    return SimpleNamespace(
        iteration=iteration, figures={"loss": 0.25}, last=last, unit="iteration", lines=(), most=most
    )


def test_the_end_is_reckoned_from_the_pace_so_far(line, capsys):
    for iteration in (0, 1, 5):
        line(at(iteration))
    shown = capsys.readouterr().err.splitlines()
    assert "left" not in shown[0]
    assert shown[1].endswith("at most 3:20 min left")  # 20 iterations of 10 s
    assert shown[2].endswith("at most 1:04 min left")  # 16 of 4 s
    line(at(6, most=None))
    assert "left" not in capsys.readouterr().err


def test_a_loss_is_told_once_in_one_line(line, capsys):
    for iteration, last in ((1, QUIET), (2, HURT), (2, HURT), (3, replace(HURT)), (4, QUIET)):
        line(at(iteration, last))
    assert [shown for shown in capsys.readouterr().err.splitlines() if "lost" in shown] == [TOLD]


def test_passes_record_what_was_lost_and_the_summary_counts_it(tmp_path):
    metrics = {"test": None, "outcome": "converged", "iterations": 2, "cost": account([QUIET, HURT], [], 9.0)}
    write_results(tmp_path, "title", metrics, [], fit=[QUIET, HURT])
    quiet, hurt = (json.loads(text)["lost"] for text in (tmp_path / "passes.jsonl").read_text().splitlines())
    assert quiet == []
    assert hurt == [{"why": "which were gone with their executor", "blocks": 12, "seconds": 3.21}]
    assert summary(metrics).endswith("9.0 s, 12 lost blocks made again")
    assert "lost" not in summary(metrics | {"cost": account([QUIET], [], 9.0)})


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, 2), (errno.EROFS, 2), (errno.EIO, None)])
def test_a_disk_that_takes_no_more_is_one_line(monkeypatch, capsys, number, code):
    def job(arguments):
        raise OSError(number, "the reason", "/some/where")

    monkeypatch.setattr(sys, "argv", ["job", "a.toml"])
    with pytest.raises(SystemExit if code else OSError) as caught:
        run(job, "about", "example")
    if code:
        assert caught.value.code == code
        assert capsys.readouterr().err == "error: /some/where cannot be written: the reason\n"


@pytest.mark.parametrize(
    "said",
    [
        "An error occurred while calling o1.x.\n: java.lang.OutOfMemoryError: Java heap space\n\tat java.base/a",
        "Job aborted: Lost task 0.3: ExecutorLostFailure: java.lang.OutOfMemoryError: Java heap space\n\tat b",
    ],
)
def test_a_jvm_that_runs_out_of_memory_is_one_line(monkeypatch, capsys, said):
    def job(arguments):
        raise RuntimeError(said)

    monkeypatch.setattr(sys, "argv", ["job", "a.toml"])
    with pytest.raises(SystemExit) as caught:
        run(job, "about", "example")
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Spark has too little memory (java.lang.OutOfMemoryError: Java heap space): raise")

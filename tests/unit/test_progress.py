"""Progress of long jobs: where they are, when they end, and what was lost."""

import json
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from treefold.cli import progress
from treefold.cli.progress import ProgressLine
from treefold.dataset.blocks import Pass, Recomputed
from treefold.report.results import account, summary, write_results

QUIET = Pass("objective", 0.5, 100, 2, 10, 10, 1.0, "parquet", "flat")
HURT = replace(QUIET, lost=(Recomputed("which were gone with their executor", 12, 3.21),))
TOLD = "lost 12 blocks, which were gone with their executor: recomputed in 3.2 s"


@pytest.fixture
def line(monkeypatch):
    return logged(monkeypatch, every=10)


def logged(monkeypatch, every):
    """A line in a log, whose clock goes on by so many seconds each time it is looked at."""
    clock = iter(range(1000))
    at_noon = SimpleNamespace(monotonic=lambda: next(clock) * every, strftime=lambda form: "12:00:00")
    monkeypatch.setattr(progress, "time", at_noon)
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


def test_in_a_log_the_first_iteration_is_shown_and_then_one_every_few_seconds_with_the_time(monkeypatch, capsys):
    line = logged(monkeypatch, every=1)
    for iteration in range(23):
        line(at(iteration))
    shown = capsys.readouterr().err.splitlines()
    assert [int(re.search(r"iteration +(\d+)", text)[1]) for text in shown] == [0, 5, 10, 15, 20]
    assert all(text.startswith("12:00:00   iteration") for text in shown)


def test_trials_of_a_line_search_are_not_shown_in_a_log(line, capsys):
    for iteration in (0, 1, 1, 1, 2):
        line(at(iteration))
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_on_a_terminal_a_line_never_leaves_its_row(line, capsys, monkeypatch):
    line.terminal = True
    monkeypatch.setattr(progress, "os", SimpleNamespace(get_terminal_size=lambda fd: os.terminal_size((40, 24))))
    monkeypatch.setattr(progress.sys.stderr, "fileno", lambda: 2, raising=False)
    for iteration in range(3):
        line(at(iteration))
    line.say("done")
    rows = capsys.readouterr().err.split("\r\033[K")[1:]
    assert len(rows) == 3
    assert [len(row.splitlines()[0]) for row in rows] == [39] * 3
    assert rows[-1].endswith("\ndone\n")


def test_lost_blocks_are_reported_once_in_one_line(line, capsys):
    for iteration, last in ((1, QUIET), (2, HURT), (2, HURT), (3, replace(HURT)), (4, QUIET)):
        line(at(iteration, last))
    assert [shown for shown in capsys.readouterr().err.splitlines() if "lost" in shown] == [TOLD]


def test_passes_record_what_was_lost_and_the_summary_counts_it(tmp_path):
    metrics = {"test": None, "outcome": "converged", "iterations": 2, "cost": account([QUIET, HURT], [], 9.0)}
    write_results(tmp_path, "title", metrics, [], fit=[QUIET, HURT])
    quiet, hurt = (json.loads(text)["lost"] for text in (tmp_path / "passes.jsonl").read_text().splitlines())
    assert quiet == []
    assert hurt == [{"why": "which were gone with their executor", "blocks": 12, "seconds": 3.21}]
    assert summary(metrics).endswith("9.0 s, 12 lost blocks recomputed")
    assert "lost" not in summary(metrics | {"cost": account([QUIET], [], 9.0)})

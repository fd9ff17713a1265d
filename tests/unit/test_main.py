"""How a job ends: its exit code and its message, after any error."""

import errno
import json
import logging
import os
import signal
import sys
from types import SimpleNamespace

import pytest
from pyarrow.fs import FileSystem

from treefold.cli.main import run
from treefold.errors import InputError

KEPT = SimpleNamespace(checkpoint=object(), checkpoint_path="out/a.checkpoint")
NONE = SimpleNamespace(checkpoint=None)


pytestmark = pytest.mark.usefixtures("process_as_before")


@pytest.fixture
def ended(monkeypatch, capsys):
    """Exit code, stdout and the lines on stderr of a job."""

    def of(job, *arguments, conf=NONE):
        monkeypatch.setattr(sys, "argv", ["jobs/train.py", *arguments])
        with pytest.raises(SystemExit) as caught:
            run(job, lambda path, overrides: conf, "about", "example")
        shown = capsys.readouterr()
        return caught.value.code, shown.out, shown.err.splitlines()

    return of


def raising(error):
    def job(run):
        raise error

    return job


def test_a_result_is_the_only_line_on_stdout(ended):
    code, out, lines = ended(lambda run: {"output": run.path, "fresh": run.fresh}, "a.toml", "x.y=1", "--fresh")
    assert (code, lines) == (0, [])
    assert json.loads(out) == {"output": "a.toml", "fresh": True}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("the thing is wrong: mend it"), "error: the thing is wrong: mend it"),
        (OSError(errno.ENOSPC, "the reason", "/some/where"), "error: /some/where cannot be written: the reason"),
        (OSError(errno.EROFS, "the reason", "/some/where"), "error: /some/where cannot be written: the reason"),
        (PermissionError(errno.EACCES, "denied", "/some/where"), "error: /some/where cannot be used: denied"),
    ],
)
def test_an_error_that_a_user_can_correct_is_one_line(ended, error, line):
    assert ended(raising(error), "a.toml") == (2, "", [line])


def test_a_store_that_pyarrow_cannot_use_is_one_line(ended):
    def job(run):
        FileSystem.from_uri("gs://no-such-bucket/a?retry_limit_seconds=0.1&endpoint_override=127.0.0.1:1&scheme=http")[
            0
        ].get_file_info("no-such-bucket/a")

    code, out, (line,) = ended(job, "a.toml")
    assert (code, out) == (2, "")
    assert line.startswith("error: a store cannot be used: ")


def test_a_defect_shows_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train", "a.toml"])
    for error in (ValueError("no"), OSError(errno.EIO, "the reason", "/some/where"), OSError("AF_UNIX path too long")):
        with pytest.raises(type(error)):
            run(raising(error), lambda path, overrides: NONE, "about", "example")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "An error occurred while calling o1.x.\n: java.lang.OutOfMemoryError: Java heap space\n\tat java.base/a",
            "java.lang.OutOfMemoryError: Java heap space",
        ),
        (
            "Job aborted: Lost task 0.3: ExecutorLostFailure: java.lang.OutOfMemoryError: Java heap space\n\tat b",
            "java.lang.OutOfMemoryError: Java heap space",
        ),
        ("SparkIllegalArgumentException: [INVALID_EXECUTOR_MEMORY.CONFIG_MEMORY] Any words.\nMore", "Any words"),
    ],
)
def test_a_jvm_that_runs_out_of_memory_is_one_line(ended, said, reason):
    code, _, (line,) = ended(raising(RuntimeError(said)), "a.toml")
    assert code == 2
    assert line.startswith(f"error: Spark has too little memory ({reason}): raise spark.driver.memory")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.toml", "--overwrit"], "unrecognized arguments: --overwrit: see python -m treefold train --help"),
        ([], "the following arguments are required: conf"),
        (["a.toml", "--fresh", "--resume"], "--resume: not allowed with argument --fresh"),
        (["a.toml", "--resume"], "there is nothing to resume: a.toml has no table [checkpoint]"),
    ],
)
def test_wrong_arguments_are_one_line_and_none_is_abbreviated(ended, arguments, message):
    code, out, (line,) = ended(raising(AssertionError("it ran")), *arguments)
    assert (code, out) == (2, "")
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("conf", [KEPT, NONE], ids=["checkpoint", "none"])
def test_a_signal_ends_a_job_with_its_code_and_one_line(ended, number, code, conf):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)  # nohup ignores it

    def job(run):
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        except Exception:
            pytest.fail("a job must not take a signal for a failure of its own")

    ended_with, out, (line,) = ended(job, "a.toml", conf=conf)
    assert (ended_with, out) == (code, "")
    assert line.startswith(f"stopped by {number.name}: nothing was published")
    assert ("the same command continues from out/a.checkpoint" in line) == (conf is KEPT)


def test_what_the_library_logs_is_shown_once(ended):
    def job(run):
        for _ in range(2):
            logging.getLogger("treefold.engine.reading").warning("column %s is odd", "a")
        logging.getLogger("treefold.engine").info("nothing to see")
        return {}

    assert ended(job, "a.toml") == (0, "{}\n", ["warning: column a is odd"])

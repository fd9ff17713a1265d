"""Jobs run in this process: bad confs are tested without a shell, and without a JVM where no session is needed."""

import sys
from collections.abc import Callable
from contextlib import contextmanager

import pytest

from submitting import ROOT, job_module, one_line


@pytest.fixture
def in_process(monkeypatch, capfd, process_as_before) -> Callable:
    """Run a job with arguments; returns its exit code, stdout and stderr."""

    def of(job, *arguments, session):
        module = job_module(job)
        monkeypatch.setattr(module, "session", session)
        monkeypatch.setattr(sys, "argv", [f"{job}.py", *map(str, arguments)])
        monkeypatch.chdir(ROOT)
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            module.run(getattr(module, job), getattr(module, f"load_{job}"), "about", "example")
        shown = capfd.readouterr()
        return caught.value.code, shown.out, shown.err

    return of


@pytest.fixture
def refused_without_jvm(in_process) -> Callable:
    """The one line of a job that must refuse its arguments before there is a session."""

    def no_session(name, say):
        raise AssertionError("a session was asked for")

    def of(job, *arguments):
        code, out, err = in_process(job, *arguments, session=no_session)
        assert (code, out) == (2, "")
        return one_line(err)

    return of


@pytest.fixture
def in_session(in_process, spark) -> Callable:
    """Run a job in the session of all tests; returns its exit code, stdout and stderr.

    What a process of its own adds (the script, the properties, the end of the JVM) is tested in test_script.py and
    test_train.py.
    """

    @contextmanager
    def session(name, say):
        yield spark

    def of(job, *arguments):
        return in_process(job, *arguments, session=session)

    return of


@pytest.fixture
def refused_with_jvm(in_session) -> Callable:
    """The one line of a job that must refuse its data, in the session of all tests."""

    def of(job, *arguments):
        code, out, err = in_session(job, *arguments)
        assert (code, out) == (2, "")
        return one_line(err)

    return of

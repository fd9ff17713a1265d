"""What is shown of what a JVM and its workers write."""

import os
import subprocess
import sys

import pytest

from treefold.cli.jvm_output import Filter, JvmOutput, reason

PIPE = """Traceback (most recent call last):
  File "/venv/pyspark.zip/pyspark/daemon.py", line 235, in manager
  File "/venv/pyspark.zip/pyspark/daemon.py", line 95, in worker
BrokenPipeError: [Errno 32] Broken pipe
"""
FAULT = PIPE.replace("BrokenPipeError: [Errno 32] Broken pipe", "ValueError: no")


def heard(said: str) -> str:
    through = Filter()
    return "".join(line for each in said.splitlines(keepends=True) for line in through(each)) + "".join(through.rest())


def test_broken_pipes_of_idle_workers_are_filtered_out():
    assert heard(f"error: a\n{PIPE}{PIPE}last\n") == "error: a\nlast\n"


def test_nor_are_those_of_two_workers_at_once():
    one, two = PIPE.splitlines(keepends=True), PIPE.splitlines(keepends=True)
    for mixed in (
        [one[0], two[0], *one[1:], *two[1:]],
        [*one[:2], *two, *one[2:]],
        [*one[:3], *two[:3], one[3], two[3]],
    ):
        assert heard("".join(["error: a\n", *mixed])) == "error: a\n"


def test_nor_is_one_that_is_cut_off_where_the_worker_was_stopped():
    for lines in (1, 2, 3):
        assert heard("error: a\n" + "".join(PIPE.splitlines(keepends=True)[:lines])) == "error: a\n"


def test_anything_else_is_passed_on_unchanged():
    elsewhere = PIPE.replace("pyspark/daemon.py", "mine.py")
    for said in (FAULT, elsewhere, elsewhere[: elsewhere.index("Broken")], f"{elsewhere}{FAULT}after\n"):
        assert heard(said) == said
    assert heard(PIPE + FAULT + "after\n") == FAULT + "after\n"


def child(text: str) -> None:
    subprocess.run([sys.executable, "-c", f"import sys; sys.stderr.write({text!r})"], check=True)


def test_output_of_child_processes_is_held_filtered_and_released(capfd):
    with JvmOutput() as output:
        child(f"first\n{PIPE}")
        print("ours", file=sys.stderr)
        print("result")
        subprocess.run(["echo", "to stdout"], check=True)
        output.release()
        child("second\n")
    os.write(2, b"after\n")
    shown = capfd.readouterr()
    assert shown.out == "result\n"
    assert sorted(shown.err.splitlines()) == ["after", "first", "ours", "second", "to stdout"]


def test_a_jvm_that_does_not_start_is_one_line(capfd):
    with JvmOutput() as output:
        child('Exception in thread "main" java.lang.IllegalArgumentException: no such thing\n\tat a.b(C.java:1)\n')
        while not output.lines:
            pass
        assert output.reason() == "no such thing"
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            "Invalid maximum heap size: -Xmx2gb\nError: Could not create the JVM.\n",
            "Invalid maximum heap size: -Xmx2gb",
        ),
        ("Error: Could not create the JVM.\n", "Could not create the JVM."),
        ("a.b.SparkException: Outer\n\tat x\nCaused by: java.io.IOException: inner\n\t... 7 more\n", "inner"),
        ("", "it ended without a message"),
    ],
)
def test_the_reason_is_the_message_of_the_innermost_exception(lines, expected):
    assert reason(lines.splitlines(keepends=True)) == expected

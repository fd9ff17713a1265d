"""What spark-submit.sh lets through of what JVM and workers say."""

import re
import subprocess

from submitting import ROOT

PIPE = """Traceback (most recent call last):
  File "/venv/pyspark.zip/pyspark/daemon.py", line 235, in manager
  File "/venv/pyspark.zip/pyspark/daemon.py", line 95, in worker
BrokenPipeError: [Errno 32] Broken pipe
"""
FAULT = PIPE.replace("BrokenPipeError: [Errno 32] Broken pipe", "ValueError: no")


def heard(said: str) -> str:
    quiet = re.search(r"^quiet\(\) \{.*?^\}", (ROOT / "spark-submit.sh").read_text(), re.S | re.M)
    assert quiet
    return subprocess.run(["bash", "-c", quiet[0] + "\nquiet"], input=said, capture_output=True, text=True).stdout


def test_broken_pipes_of_idle_workers_are_not_heard():
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


def test_anything_else_is_heard_whole():
    elsewhere = PIPE.replace("pyspark/daemon.py", "mine.py")
    for said in (FAULT, elsewhere, elsewhere[: elsewhere.index("Broken")], f"{elsewhere}{FAULT}after\n"):
        assert heard(said) == said
    assert heard(PIPE + FAULT + "after\n") == FAULT + "after\n"

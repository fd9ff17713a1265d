"""The command of CI: real data sets beside the checkout are used, or reported as left out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("given", ["", "/elsewhere"])
def test_data_sets_are_found_beside_the_checkout_or_reported_as_left_out(tmp_path, there, given):
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(RUN, checkout / ".ci" / "run")
    tools.mkdir()
    make = tools / "make"
    make.write_text('#!/bin/sh\necho "$1 with ${TREEFOLD_DATA:-nothing}"\n')
    make.chmod(0o755)
    data = tmp_path / "shared" / "data"
    if there:
        data.mkdir(parents=True)
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "TREEFOLD_DATA": given}
    said = subprocess.run(
        [checkout / ".ci" / "run"], env=environment, cwd="/", check=True, capture_output=True, text=True, timeout=120
    ).stdout.splitlines()
    want = given or (str(data.resolve()) if there else "nothing")
    assert said[-3:] == [f"{target} with {want}" for target in ("lint", "test-cluster", "test")]
    assert len(said) == (4 if want == "nothing" else 3)
    assert ("left out" in said[0]) == (want == "nothing")

"""The command of CI: what it runs, and that it reports what it leaves out."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
TARGETS = ["lint", "test-cluster", "test-yarn", "test-k8s", "test-processes", "test"]
ALL = ["java", "mvn", "containerd", "runc"]


@pytest.fixture
def said(tmp_path):
    """A function that returns what the command says where only some programs are there."""
    checkout, tools = tmp_path / "checkout", tmp_path / "tools"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(RUN, checkout / ".ci" / "run")
    tools.mkdir()
    for name in ("bash", "dirname"):
        (tools / name).symlink_to(str(shutil.which(name)))

    def of(programs, given="", built=True):
        if built:
            kept = tmp_path / "cache" / "treefold-tests" / "kubernetes-1.0" / "bin" / "etcd"
            kept.parent.mkdir(parents=True)
            kept.touch()
        for name in ("make", *programs):
            (tools / name).write_text('#!/bin/sh\necho "$1 with ${TREEFOLD_DATA:-nothing}"\n')
            (tools / name).chmod(0o755)
        environment = os.environ | {
            "PATH": str(tools),
            "TREEFOLD_DATA": given,
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }
        run = subprocess.run(
            [checkout / ".ci" / "run"],
            env=environment,
            cwd="/",
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return run.stdout.splitlines()

    return of


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("given", ["", "/elsewhere"])
def test_data_sets_are_found_beside_the_checkout_or_reported_as_left_out(said, tmp_path, there, given):
    data = tmp_path / "shared" / "data"
    if there:
        data.mkdir(parents=True)
    lines = said(ALL, given)
    want = given or (str(data.resolve()) if there else "nothing")
    assert lines[-len(TARGETS) :] == [f"{target} with {want}" for target in TARGETS]
    assert len(lines) == len(TARGETS) + (want == "nothing")
    assert ("left out" in lines[0]) == (want == "nothing")


@pytest.mark.parametrize("programs", [[], ["java"], ["mvn"]])
def test_yarn_is_reported_as_left_out_without_java_or_maven(said, programs):
    lines = said([*programs, "containerd", "runc"], "/elsewhere")
    (other,) = [line for line in lines if not line.endswith(" with /elsewhere")]
    assert other == "java or mvn is not there, which run Hadoop and fetch its jars: tests on YARN are left out"
    assert [line.split()[0] for line in lines if line != other] == [each for each in TARGETS if each != "test-yarn"]


@pytest.mark.parametrize(("programs", "built"), [(["containerd"], True), (["runc"], True), (ALL, False)])
def test_kubernetes_is_reported_as_left_out_without_its_parts(said, programs, built):
    lines = said(["java", "mvn", *programs], "/elsewhere", built)
    (other,) = [line for line in lines if not line.endswith(" with /elsewhere")]
    assert other.startswith("containerd, runc or the programs of Kubernetes are not there")
    assert other.endswith("tests on Kubernetes are left out")
    assert [line.split()[0] for line in lines if line != other] == [each for each in TARGETS if each != "test-k8s"]

"""The task pool on a cluster: the bits of jobs, whatever befalls its tasks, and slots for other jobs."""

import json
import signal
import subprocess
import sys
from os import kill
from pathlib import Path

import pytest
from benchmarks.chaos.application import PATIENT, SETTINGS, Application
from benchmarks.chaos.cluster import descendants

pytestmark = pytest.mark.spark

JOBS = {"spark.treefold.pool.enabled": "false"}
PLACES = {"spark.treefold.pool.port": "19247"}


@pytest.fixture(scope="module")
def by_jobs(cluster, data):
    """Fits of which every pass is a job."""
    with Application(cluster, data, **PATIENT, **JOBS) as application:
        found = {fit: application.fit(fit, "parquet") for fit in ("lbfgs", "k-means", "cross-validation", "forest")}
    assert {how for fitted in found.values() for how in fitted.how} == {"flat"}
    return found


def test_tasks_connect_to_the_port_that_is_set_and_it_is_closed_then(cluster, data, by_jobs):
    listening = []

    def look():
        shown = cluster.hosts.command(0, ["cat", "/proc/net/tcp", "/proc/net/tcp6"])
        text = subprocess.run(shown, capture_output=True, text=True, check=True).stdout
        listening.append(f":{19247:04X} 00000000:0000 0A" in text)

    with Application(cluster, data, **PATIENT, **PLACES) as application:
        fitted = application.fit("lbfgs", "parquet", {6: look})
    assert fitted.bits == by_jobs["lbfgs"].bits
    assert "pooled" in fitted.how
    assert listening == [False]


def test_a_port_that_is_taken_leaves_passes_to_jobs(cluster, data, by_jobs):
    taken = "import socket, time; s = socket.create_server(('', 19247)); print('taken', flush=True); time.sleep(600)"
    with subprocess.Popen(cluster.hosts.command(0, [sys.executable, "-c", taken]), stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"taken\n"
            with Application(cluster, data, **PATIENT, **PLACES) as application:
                fitted = application.fit("lbfgs", "parquet")
        finally:
            for pid in (*descendants(holder.pid), holder.pid):
                kill(pid, signal.SIGKILL)
    assert (fitted.bits, fitted.how) == (by_jobs["lbfgs"].bits, ["flat"])


def test_other_jobs_have_all_slots_while_tasks_of_the_pool_run(cluster, data, tmp_path):
    """Two tasks of another job, each of which waits for the other, run beside the pool, and so does another pool."""
    script = Path(__file__).with_name("beside_the_pool.py")
    address = cluster.hosts.address(0)
    own = {"spark.driver.host": address, "spark.driver.bindAddress": address, "spark.task.cpus": "0.99"}
    command = [sys.executable, str(script), cluster.url, data, json.dumps(SETTINGS | own), str(tmp_path)]
    run = subprocess.run(
        cluster.hosts.command(0, command), env=cluster.environment(0), cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "met": 2,
        "pooled": True,
        "in turn": [3 * ["pooled"], ["flat", "pooled", "pooled"]],
    }


@pytest.fixture(scope="module")
def application(cluster, data, by_jobs):
    """One application at a time has the executors, so those of the other tests come before this one or after it."""
    with Application(cluster, data, **PATIENT) as application:
        yield application


@pytest.mark.parametrize("fit", ["lbfgs", "k-means", "cross-validation", "forest"])
def test_passes_of_the_pool_have_the_bits_of_jobs(application, by_jobs, fit):
    fitted = application.fit(fit, "parquet")
    assert "pooled" in fitted.how
    assert (fitted.bits, fitted.lost) == (by_jobs[fit].bits, [])

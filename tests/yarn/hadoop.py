"""HDFS (a NameNode, two DataNodes) and YARN (a ResourceManager, two NodeManagers), each daemon a JVM of its own.

Their classes are in the minicluster jar of Hadoop, which Maven fetches once into ``build/hadoop``.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

from yarn.sites import Sites

HERE = Path(__file__).parent
JARS = HERE.parents[1] / "build" / "hadoop"
NODES = 2
LONGEST = 600  # seconds that a step may take on a busy machine
MAIN = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
}
HEAP = {"namenode": "192m", "datanode": "160m", "resourcemanager": "256m", "nodemanager": "192m"}


def java() -> Path:
    """The program ``java``."""
    home = os.environ.get("JAVA_HOME")
    return Path(home, "bin", "java") if home else Path(str(shutil.which("java"))).resolve()


def fetch_jars() -> None:
    """Have Maven fetch the jars of Hadoop, unless they are there."""
    if (JARS / "complete").exists():
        return
    shutil.rmtree(JARS, ignore_errors=True)
    command = [
        "mvn",
        "-q",
        "-B",
        "-f",
        str(HERE / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={JARS}",
    ]
    subprocess.run(command, check=True, timeout=1200)
    (JARS / "complete").touch()


class Hadoop:
    """A running cluster.

    Parameters
    ----------
    folder : Path
        For its configuration, state and logs; it must not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.sites, self.folder = Sites(folder, NODES), folder
        self.processes: dict[str, subprocess.Popen] = {}
        self.conf = self.sites.of("client")
        try:
            with (folder / "format.log").open("w") as log:
                self._java("namenode", "-format", "-force", "-nonInteractive", log=log).wait()
            workers = [f"{kind}{number}" for number in range(NODES) for kind in ("datanode", "nodemanager")]
            for daemon in ("namenode", "resourcemanager", *workers):
                with (folder / f"{daemon}.log").open("w") as log:
                    self.processes[daemon] = self._java(daemon, log=log)
            self._wait(self._data_nodes)
            self._wait(self._node_managers)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def put(self, source: Path, target: str) -> None:
        """Copy a local folder into HDFS."""
        self._shell("-put", str(source), target)

    def get(self, source: str, target: Path) -> None:
        """Copy a folder of HDFS to the local disk."""
        self._shell("-get", source, str(target))

    def _shell(self, *arguments: str) -> None:
        shell = [str(java()), "-Xmx128m", "-cp", f"{self.conf}:{JARS}/*", "org.apache.hadoop.fs.FsShell"]
        subprocess.run([*shell, *arguments], check=True, capture_output=True, timeout=LONGEST)

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path of HDFS."""
        try:
            self._get(self.sites.namenode_web, f"/webhdfs/v1{path}?op=GETFILESTATUS")
        except HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def applications(self) -> list[dict[str, Any]]:
        """What the ResourceManager says of every application, the newest last."""
        page = self._get(self.sites.resourcemanager["webapp.address"], "/ws/v1/cluster/apps")
        return sorted((page["apps"] or {}).get("app", []), key=lambda each: each["id"])

    def close(self) -> None:
        """Stop all daemons."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _java(self, daemon: str, *arguments: str, log: Any) -> subprocess.Popen:
        kind, conf = daemon.rstrip("0123456789"), self.sites.of(daemon)
        command = [
            str(java()), f"-Xmx{HEAP[kind]}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-Djava.net.preferIPv4Stack=true",
            "--add-opens=java.base/java.lang=ALL-UNNAMED", "-cp", f"{conf}:{JARS}/*", MAIN[kind], *arguments,
        ]  # fmt: skip
        home = str(java().parents[1])  # NodeManagers hand it on to containers
        environment = os.environ | {"HADOOP_CONF_DIR": str(conf), "JAVA_HOME": home}
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=self.folder
        )

    def _data_nodes(self) -> bool:
        bean = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState"
        beans = self._get(self.sites.namenode_web, bean)["beans"]
        return bool(beans) and beans[0]["NumLiveDataNodes"] == NODES and beans[0]["FSState"] == "Operational"

    def _node_managers(self) -> bool:
        page = self._get(self.sites.resourcemanager["webapp.address"], "/ws/v1/cluster/metrics")
        return page["clusterMetrics"]["activeNodes"] == NODES

    def _get(self, address: str, path: str) -> dict[str, Any]:
        with urlopen(f"http://{address}{path}", timeout=60) as page:
            found: dict[str, Any] = json.load(page)
        return found

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            for daemon, process in self.processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"the {daemon} ended: {(self.folder / f'{daemon}.log').read_text()[-2000:]}")
            try:
                if ready():
                    return
            except OSError:
                pass
            time.sleep(0.3)
        raise RuntimeError(f"not within {LONGEST} s: {ready.__name__}")

"""The configuration of each daemon of a small Hadoop cluster on loopback addresses."""

import socket
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

LOG4J = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n
"""
CAPACITY = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "0.8",
}


class Sites:
    """Folders of ``*-site.xml``, one for clients and one for each daemon.

    Parameters
    ----------
    folder : Path
        For configuration, state and logs.
    nodes : int
        Numbers of DataNodes and of NodeManagers.
    """

    def __init__(self, folder: Path, nodes: int) -> None:
        free = _free_addresses()
        self.folder = folder
        self.namenode, self.namenode_web = next(free), next(free)
        self.resourcemanager = {
            key: next(free)
            for key in ("address", "scheduler.address", "resource-tracker.address", "admin.address", "webapp.address")
        }
        for name in ("client", "namenode", "resourcemanager"):
            self._write(name, {}, {})
        for number in range(nodes):
            self._write(f"datanode{number}", self._datanode(f"datanode{number}", free), {})
            self._write(f"nodemanager{number}", {}, self._nodemanager(f"nodemanager{number}", free))

    def of(self, daemon: str) -> Path:
        """The folder of a daemon, or of ``client``."""
        return self.folder / "conf" / daemon

    def _datanode(self, name: str, free: Iterator[str]) -> dict[str, str]:
        ports = {f"dfs.datanode.{kind}": next(free) for kind in ("address", "http.address", "ipc.address")}
        return ports | {"dfs.datanode.data.dir": f"file://{self.folder}/{name}"}

    def _nodemanager(self, name: str, free: Iterator[str]) -> dict[str, str]:
        kinds = ("address", "localizer.address", "collector-service.address", "webapp.address")
        return {f"yarn.nodemanager.{kind}": next(free) for kind in kinds} | {
            "yarn.nodemanager.local-dirs": f"{self.folder}/{name}/local",
            "yarn.nodemanager.log-dirs": f"{self.folder}/{name}/logs",
        }

    def _write(self, name: str, hdfs: dict[str, str], yarn: dict[str, str]) -> None:
        conf = self.of(name)
        conf.mkdir(parents=True)
        (conf / "log4j.properties").write_text(LOG4J)
        core = {"fs.defaultFS": f"hdfs://{self.namenode}", "hadoop.tmp.dir": f"{self.folder}/tmp"}
        hdfs = {
            "dfs.replication": "2",
            "dfs.namenode.rpc-address": self.namenode,
            "dfs.namenode.http-address": self.namenode_web,
            "dfs.namenode.name.dir": f"file://{self.folder}/namenode",
            "dfs.namenode.safemode.extension": "0",
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            **hdfs,
        }
        yarn = {
            **{f"yarn.resourcemanager.{key}": value for key, value in self.resourcemanager.items()},
            # On a busy machine a heartbeat may be late by many seconds.
            "yarn.am.liveness-monitor.expiry-interval-ms": "180000",
            "yarn.nm.liveness-monitor.expiry-interval-ms": "60000",
            "yarn.nodemanager.resource.memory-mb": "3072",
            "yarn.nodemanager.resource.cpu-vcores": "4",
            "yarn.scheduler.minimum-allocation-mb": "128",
            "yarn.nodemanager.vmem-check-enabled": "false",
            "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "100",
            **yarn,
        }
        for site, values in (
            ("core-site", core),
            ("hdfs-site", hdfs),
            ("yarn-site", yarn),
            ("capacity-scheduler", CAPACITY),
        ):
            rows = "".join(
                f"<property><name>{key}</name><value>{escape(value)}</value></property>\n"
                for key, value in values.items()
            )
            (conf / f"{site}.xml").write_text(f"<configuration>\n{rows}</configuration>\n")


def _free_addresses() -> Iterator[str]:
    """Addresses of loopback whose ports nobody uses; all are found before the first is given away."""
    sockets = [socket.socket() for _ in range(40)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    found = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return iter(found)

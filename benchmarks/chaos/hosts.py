"""Hosts on one machine: network namespaces with addresses and disks of their own, or else loopback addresses.

A namespace can be cut off, slowed down, and given a queue so short that packets are lost.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Hosts(Protocol):
    """Hosts 0 (of the driver and the master), 1, 2, ..."""

    apart: bool

    def address(self, host: int) -> str:
        """Its address."""
        ...

    def command(self, host: int, command: Sequence[str], hidden: Sequence[Path] = ()) -> list[str]:
        """What runs a command there, where the folders ``hidden`` of other hosts are empty."""
        ...

    def cut(self, host: int) -> None:
        """Take it off the network."""
        ...

    def mend(self, host: int) -> None:
        """Put it back, at full speed."""
        ...

    def slow(self, host: int, rate: str) -> None:
        """Let at most ``rate`` (such as ``1mbit``) come to it."""
        ...

    def lose(self, host: int, rate: str) -> None:
        """Let at most ``rate`` come to it, and of any burst drop what does not fit into a queue of a few packets."""
        ...

    def dropped(self, host: int) -> int:
        """Packets dropped on the way to it since it was slowed down."""
        ...

    def close(self) -> None:
        """Remove them."""
        ...


def hosts(count: int) -> Hosts:
    """The best hosts that this machine can have."""
    why = Namespaces.missing()
    return Loopback() if why else Namespaces(count)


class Loopback:
    """Addresses 127.0.0.1, 127.0.0.2, ...; all hosts share disks, and none can be cut off."""

    apart = False

    def address(self, host: int) -> str:
        """See :class:`Hosts`."""
        return f"127.0.0.{host + 1}"

    def command(self, host: int, command: Sequence[str], hidden: Sequence[Path] = ()) -> list[str]:
        """See :class:`Hosts`."""
        return list(command)

    def cut(self, host: int) -> None:
        """See :class:`Hosts`."""
        raise NotImplementedError("hosts on loopback addresses cannot be cut off")

    mend = cut

    def slow(self, host: int, rate: str) -> None:
        """See :class:`Hosts`."""
        raise NotImplementedError("hosts on loopback addresses cannot be slowed down")

    lose = slow

    def dropped(self, host: int) -> int:
        """See :class:`Hosts`."""
        return 0

    def close(self) -> None:
        """See :class:`Hosts`."""


class Namespaces:
    """Network namespaces on a bridge in another namespace, so the machine's own network does not change."""

    apart = True

    def __init__(self, count: int) -> None:
        self.count, self.name, self.net = count, f"treefold{os.getpid()}", f"198.18.{os.getpid() % 250}"
        self.switch = f"{self.name}-switch"
        try:
            ip("netns", "add", self.switch)
            ip("-n", self.switch, "link", "add", "name", "bridge", "type", "bridge")
            ip("-n", self.switch, "link", "set", "bridge", "up")
            for host in range(count):
                self._plug(host)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def missing() -> str:
        """What this machine lacks for namespaces; empty if nothing."""
        if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return "only root may make network namespaces"
        for tool in ("ip", "tc", "unshare"):
            if not shutil.which(tool):
                return f"there is no {tool}: install iproute2 and util-linux"
        probe = f"treefold{os.getpid()}-probe"
        made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
        if made.returncode:
            return f"no network namespace can be made: {made.stderr.strip()}"
        veth = ["ip", "-n", probe, "link", "add", "name", "veth0", "type", "veth", "peer", "name", "veth1"]
        linked = subprocess.run(veth, capture_output=True, text=True, check=False)
        ip("netns", "del", probe)
        return f"no virtual link can be made: {linked.stderr.strip()}" if linked.returncode else ""

    def address(self, host: int) -> str:
        """See :class:`Hosts`."""
        return f"{self.net}.{host + 1}"

    def command(self, host: int, command: Sequence[str], hidden: Sequence[Path] = ()) -> list[str]:
        """See :class:`Hosts`."""
        mounts = " && ".join([*(f"mount -t tmpfs -o ro none '{folder}'" for folder in hidden), 'exec "$@"'])
        return ["ip", "netns", "exec", self._space(host), "unshare", "-m", "sh", "-c", mounts, "sh", *command]

    def cut(self, host: int) -> None:
        """See :class:`Hosts`."""
        ip("-n", self.switch, "link", "set", f"host{host}", "down")

    def mend(self, host: int) -> None:
        """See :class:`Hosts`."""
        ip("-n", self.switch, "link", "set", f"host{host}", "up")
        subprocess.run(
            ["tc", "-n", self.switch, "qdisc", "del", "dev", f"host{host}", "root"], capture_output=True, check=False
        )

    def slow(self, host: int, rate: str) -> None:
        """See :class:`Hosts`."""
        self._shape(host, rate, "latency", "400ms")

    def lose(self, host: int, rate: str) -> None:
        """See :class:`Hosts`."""
        self._shape(host, rate, "limit", "6kb")

    def dropped(self, host: int) -> int:
        """See :class:`Hosts`."""
        shown = ["tc", "-n", self.switch, "-s", "-j", "qdisc", "show", "dev", f"host{host}"]
        queues = json.loads(subprocess.run(shown, check=True, capture_output=True, text=True).stdout)
        return sum(queue["drops"] for queue in queues)

    def close(self) -> None:
        """See :class:`Hosts`."""
        for space in (*map(self._space, range(self.count)), self.switch):
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def _shape(self, host: int, rate: str, *queue: str) -> None:
        bucket = ["tbf", "rate", rate, "burst", "32kbit", *queue]
        subprocess.run(["tc", "-n", self.switch, "qdisc", "replace", "dev", f"host{host}", "root", *bucket], check=True)

    def _space(self, host: int) -> str:
        return f"{self.name}-{host}"

    def _plug(self, host: int) -> None:
        space = self._space(host)
        ip("netns", "add", space)
        ip(
            "-n",
            self.switch,
            "link",
            "add",
            "name",
            f"host{host}",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            space,
        )
        ip("-n", self.switch, "link", "set", f"host{host}", "master", "bridge", "up")
        ip("-n", space, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", space, "link", "set", link, "up")


def ip(*arguments: str) -> None:
    """Run ``ip``."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)

"""A node of Kubernetes: API server, controllers, scheduler, kubelet and containerd, in namespaces of their own.

Pods have addresses of a bridge in that network namespace, so what talks to them must be in it as well.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from k8s.binaries import build
from k8s.configuration import (
    ADDRESS,
    SERVICES,
    kubeconfig,
    write_certificates,
    write_containerd,
    write_kubelet,
    write_users,
)
from k8s.images import write_images

LONGEST = 300  # seconds that a step may take on a busy machine
ETCD = "http://127.0.0.1:2379"
READY = "jsonpath={.items[*].status.conditions[?(@.type=='Ready')].status}"


class Node:
    """A running node.

    Parameters
    ----------
    folder : Path
        For its configuration, state and logs; it must not exist.
    environment : dict of str
        Of the containers of Spark.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.programs, self.environment = folder, build(), environment
        self.processes: dict[str, subprocess.Popen] = {}
        write_certificates(folder / "pki")
        write_users(folder)
        try:
            self._make_namespaces()
            self._start_control_plane()
            self._start_kubelet()
            self.wait(lambda: self.kubectl("get", "nodes", "-o", READY) == "True")
            self.wait(lambda: self.kubectl("get", "serviceaccount", "default", "-o", "name") != "")
        except BaseException:
            self.close()
            raise

    @property
    def kubeconfig(self) -> Path:
        """The file by which an administrator reaches the API server."""
        return kubeconfig(self.folder, "admin")

    @property
    def inside(self) -> list[str]:
        """The beginning of a command that runs in the network of the node."""
        return ["nsenter", "-t", str(self.processes["holder"].pid), "-n", "--"]

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What ``kubectl`` prints."""
        command = [*self.inside, str(self.programs / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=given).stdout.strip()

    def wait(self, happened: Callable[[], bool]) -> None:
        """Wait until ``happened()``; an answer that fails counts as no."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            with suppress(subprocess.CalledProcessError):
                if happened():
                    return
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} has ended: {self._log(name).read_text()[-2000:]}")
            time.sleep(0.3)
        raise TimeoutError(f"not after {LONGEST} s; logs are in {self.folder}")

    def close(self) -> None:
        """End all processes, containers included."""
        for name in ("kubelet", *reversed(self.processes)):
            process = self.processes.get(name)
            if process and process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM if name != "holder" else signal.SIGKILL)
                process.wait(30)
        self._end_containers()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _end_containers(self) -> None:
        """Kill what is left: the shims of containerd and the processes of their containers."""
        for folder in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if f"{self.folder}/" in (folder / "cmdline").read_text() and int(folder.name) != os.getpid():
                    shim = int(folder.name)
                    for child in (folder / f"task/{shim}/children").read_text().split():
                        os.kill(int(child), signal.SIGKILL)
                    os.kill(shim, signal.SIGKILL)

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _start(self, name: str, *command: object) -> None:
        alone = [*self.inside[:3], "-n", "-m", "--"] if self.processes else []
        with self._log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*alone, *map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder)},
            )  # fmt: skip

    def _make_namespaces(self) -> None:
        self._start("holder", "unshare", "--net", "--mount", "--propagation", "private", "sleep", "infinity")
        own = os.readlink("/proc/self/ns/net")
        holder = Path(f"/proc/{self.processes['holder'].pid}/ns/net")
        self.wait(lambda: os.readlink(holder) != own)
        inside = [*self.inside[:3], "-n", "-m", "--"]
        for command in (
            "mount --make-rshared /", "ip link set lo up", "ip link add cni0 type bridge",
            f"ip addr add {ADDRESS}/24 dev cni0", "ip link set cni0 up", f"ip route add default via {ADDRESS}",
        ):  # fmt: skip
            subprocess.run([*inside, *command.split()], check=True, capture_output=True)

    def _start_control_plane(self) -> None:
        pki, programs = self.folder / "pki", self.programs
        self._start(
            "etcd", programs / "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD,
        )  # fmt: skip
        self._start(
            "apiserver", programs / "kube-apiserver", f"--etcd-servers={ETCD}", f"--advertise-address={ADDRESS}",
            f"--tls-cert-file={pki}/api.crt", f"--tls-private-key-file={pki}/api.key",
            f"--client-ca-file={pki}/ca.crt", f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=Node,RBAC", f"--service-cluster-ip-range={SERVICES}",
            "--service-account-issuer=https://kubernetes.default.svc", "--kubelet-preferred-address-types=InternalIP",
            f"--service-account-key-file={pki}/accounts.pub", f"--service-account-signing-key-file={pki}/accounts.key",
        )  # fmt: skip
        self.wait(lambda: self.kubectl("get", "--raw", "/readyz") == "ok")
        for program, options in {
            "kube-controller-manager": (
                f"--service-account-private-key-file={pki}/accounts.key", f"--root-ca-file={pki}/ca.crt",
                "--use-service-account-credentials=true",
            ),
            "kube-scheduler": (),
        }.items():  # fmt: skip
            config = kubeconfig(self.folder, program)
            self._start(program, programs / program, f"--kubeconfig={config}", "--leader-elect=false", *options)

    def _start_kubelet(self) -> None:
        self._start("containerd", "containerd", "--config", write_containerd(self.folder))
        ctr = [*self.inside[:3], "-n", "-m", "--", "ctr", "--address", f"{self.folder}/containerd.sock", "-n", "k8s.io"]
        self.wait(lambda: bool(subprocess.run([*ctr, "version"], check=True, capture_output=True)))
        for archive in write_images(self.folder, self.environment):
            subprocess.run([*ctr, "images", "import", archive], check=True, capture_output=True)
        self._start(
            "kubelet", self.programs / "kubelet", f"--config={write_kubelet(self.folder)}",
            f"--kubeconfig={kubeconfig(self.folder, 'system:node:node1')}", f"--root-dir={self.folder}/kubelet",
            f"--cert-dir={self.folder}/kubelet-pki", "--hostname-override=node1", f"--node-ip={ADDRESS}",
        )  # fmt: skip

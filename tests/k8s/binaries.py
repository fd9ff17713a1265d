"""The programs of Kubernetes and etcd, built once from the modules that ``go.mod`` names."""

import os
import shutil
import subprocess
from pathlib import Path

VERSION = "1.35.4"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "treefold-tests" / f"kubernetes-{VERSION}"
KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
SOURCES = {program: f"k8s.io/kubernetes/cmd/{program}" for program in KUBERNETES} | {
    "etcd": "go.etcd.io/etcd/server/v3"
}
NEEDED = ("containerd", "ctr", "gcc", "ip", "nsenter", "openssl", "runc", "unshare")


def missing() -> str:
    """What this machine has not got that a node needs; empty if there is all."""
    if os.geteuid() != 0:
        return "root, who alone can start containers"
    absent = [program for program in NEEDED if shutil.which(program) is None]
    if not Path("/usr/lib/cni/bridge").exists():
        absent.append("containernetworking-plugins")
    if not built() and shutil.which("go") is None:
        absent.append("go")
    return ", ".join(absent)


def built() -> bool:
    """Whether all programs are there."""
    return all((CACHE / "bin" / program).exists() for program in SOURCES)


def build() -> Path:
    """The folder of the programs, after they have been built if one is missing: ten minutes on two cores."""
    module, programs = CACHE / "module", CACHE / "bin"
    if not built():
        module.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(__file__).with_name("go.mod"), module)
    major, minor, _ = VERSION.split(".")
    prefix = "-X k8s.io/component-base/version.git"
    flags = f"-s -w {prefix}Version=v{VERSION} {prefix}Major={major} {prefix}Minor={minor}"
    for program, source in SOURCES.items():
        if not (programs / program).exists():
            subprocess.run(
                ["go", "build", "-trimpath", "-ldflags", flags, "-o", programs / program, source],
                cwd=module, env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}, check=True,
            )  # fmt: skip
    return programs

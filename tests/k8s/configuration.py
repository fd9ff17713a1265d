"""Files that a node's daemons read: certificates, users, pod network, containerd and kubelet."""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

from k8s.images import PAUSE

ADDRESS, PODS, SERVICES = "10.244.0.1", "10.244.0.0/24", "10.96.0.0/16"
NAMES = f"DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:{ADDRESS}"
GROUPS = {
    "admin": "system:masters", "system:kube-controller-manager": "", "system:kube-scheduler": "",
    "system:node:node1": "system:nodes",
}  # fmt: skip
RUNTIME = "plugins.'io.containerd.grpc.v1.cri'"


def write_certificates(folder: Path) -> None:
    """An authority, the certificate of the API server, and the keys of service accounts."""
    folder.mkdir(parents=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *new, "-days", "30", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    openssl("req", *new, "-subj", "/CN=kube-apiserver", "-keyout", "api.key", "-out", "api.csr")
    (folder / "names").write_text(f"subjectAltName={NAMES}\nextendedKeyUsage=serverAuth,clientAuth\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "names")
    openssl("x509", "-req", "-in", "api.csr", *signing, "-out", "api.crt")
    openssl("genrsa", "-out", "accounts.key", "2048")
    openssl("rsa", "-in", "accounts.key", "-pubout", "-out", "accounts.pub")


def write_users(folder: Path) -> None:
    """The users of the API server, each with a token, and a kubeconfig for each."""
    tokens = {user: secrets.token_urlsafe() for user in GROUPS}
    lines = [f'{token},{user},{number},"{GROUPS[user]}"\n' for number, (user, token) in enumerate(tokens.items())]
    (folder / "tokens.csv").write_text("".join(lines))
    for user, token in tokens.items():
        cluster = {"server": f"https://{ADDRESS}:6443", "certificate-authority": str(folder / "pki/ca.crt")}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "node",
            "clusters": [{"name": "node", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": user, "namespace": "default"}}],
        }  # fmt: skip
        kubeconfig(folder, user).write_text(json.dumps(config))


def kubeconfig(folder: Path, user: str) -> Path:
    """The kubeconfig of a user."""
    return folder / f"{user.rpartition(':')[2]}.kubeconfig"


def write_containerd(folder: Path) -> Path:
    """The configuration of containerd, and of the network of pods."""
    network = {
        "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
        "ipam": {
            "type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(folder / "addresses"),
        },
    }  # fmt: skip
    (folder / "network").mkdir()
    plugins = {"cniVersion": "0.4.0", "name": "pods", "plugins": [network]}
    (folder / "network" / "10-pods.conflist").write_text(json.dumps(plugins))
    file = folder / "containerd.toml"
    # Without CAP_SYS_RESOURCE, as in a container, runc may not lower the score by which the kernel kills processes.
    file.write_text(f"""version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
oom_score = 0
[grpc]
address = "{folder}/containerd.sock"
[{RUNTIME}]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[{RUNTIME}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{folder}/network"
[{RUNTIME}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.internal.v1.opt']
path = "{folder}/opt"
""")
    return file


def write_kubelet(folder: Path) -> Path:
    """The configuration of the kubelet, which evicts no pod for the disk of this machine."""
    file = folder / "kubelet.yaml"
    unlimited = {f"{what}.available": "1%" for what in ("nodefs", "imagefs")} | {"memory.available": "1Mi"}
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "failSwapOn": False, "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock", "resolvConf": "",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"}, "evictionHard": unlimited, "shutdownGracePeriod": "0s",
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99, "nodeStatusUpdateFrequency": "5s",
        "podLogsDir": str(folder / "pod-logs"), "volumePluginDir": str(folder / "volume-plugins"),
    }  # fmt: skip
    file.write_text(json.dumps(config))
    return file

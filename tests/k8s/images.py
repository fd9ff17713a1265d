"""Images without a registry: archives of a few files, which containerd imports.

The pods of the tests mount Java, Python and Spark from this machine, so the image of Spark has its entry point alone.
"""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPARK, PAUSE = "localhost/treefold:test", "localhost/pause:test"
USERS = b"root:x:0:0:root:/root:/bin/bash\nspark:x:185:0:spark:/tmp:/bin/bash\n"
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
FOLDERS = ("etc", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var", "var/tmp", "work")


def write_images(folder: Path, environment: dict[str, str]) -> list[Path]:
    """Write the archives of both images, that of Spark with an environment; their paths."""
    program = folder / "pause"
    subprocess.run(["gcc", "-static", "-O2", "-o", program, Path(__file__).with_name("pause.c")], check=True)
    entrypoint = (ROOT / "conf/spark/k8s/entrypoint.sh").read_bytes()
    return [
        _archive(folder / "pause.tar", PAUSE, "/pause", {"pause": program.read_bytes()}),
        _archive(
            folder / "spark.tar", SPARK, "/opt/entrypoint.sh",
            {"opt/entrypoint.sh": entrypoint, "etc/passwd": USERS}, LINKS, FOLDERS, environment,
        ),
    ]  # fmt: skip


def _archive(
    path: Path, name: str, entrypoint: str, files: dict[str, bytes], links: dict[str, str] | None = None,
    folders: tuple[str, ...] = (), environment: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """An archive in the form of ``docker save``: one layer and its configuration."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for folder in folders:
            _add(tar, folder, mode=0o1777 if folder.endswith("tmp") else 0o755, type=tarfile.DIRTYPE)
        for link, target in (links or {}).items():
            _add(tar, link, type=tarfile.SYMTYPE, linkname=target)
        for file, content in files.items():
            _add(tar, file, content, mode=0o755)
    variables = {"PATH": "/usr/local/bin:/usr/bin:/bin"} | (environment or {})
    layer_id = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": [entrypoint], "Env": [f"{name}={value}" for name, value in variables.items()]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_id}"]},
    }).encode()  # fmt: skip
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": [f"{layer_id}/layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        _add(tar, "config.json", config)
        _add(tar, f"{layer_id}/layer.tar", layer.getvalue())
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return path


def _add(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))

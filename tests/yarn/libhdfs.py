"""libhdfs, through which pyarrow opens HDFS: cargo fetches its C source once, in a crate, and gcc compiles it."""

import os
import shutil
import subprocess
from pathlib import Path

import pyspark
import pytest

from yarn.hadoop import JARS, Hadoop, java

CRATE = "hdfs-sys"
MANIFEST = f"""[package]
name = "source-of-libhdfs"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
{CRATE} = "=0.3.1"
"""


def driver_with_hdfs(hadoop: Hadoop) -> dict[str, str]:
    """Environment of a driver that opens HDFS; the test is skipped where libhdfs cannot be made."""
    jars = [*JARS.glob("*.jar"), *Path(pyspark.__file__).parent.glob("jars/commons-lang3-*.jar")]
    return {
        "JAVA_HOME": str(java().parents[1]),
        "ARROW_LIBHDFS_DIR": str(_library().parent),
        "CLASSPATH": os.pathsep.join([str(hadoop.conf), *map(str, jars)]),
        "LIBHDFS_OPTS": "-Xmx128m",
        "HADOOP_CONF_DIR": str(hadoop.conf),
    }


def _library() -> Path:
    folder = JARS.parent / "libhdfs"
    library, home = folder / "libhdfs.so", java().parents[1]
    if library.exists():
        return library
    for program in ("cargo", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed, which libhdfs is made with")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "lib.rs").touch()
    vendor = ["cargo", "vendor", "--manifest-path", str(folder / "Cargo.toml"), str(folder / "vendored")]
    subprocess.run(vendor, check=True, capture_output=True, timeout=600)
    base = folder / "vendored" / CRATE / "libhdfs"
    source = base / "hdfs_3_3"
    headers = [
        home / "include",
        home / "include/linux",
        base,
        source,
        *(source / f for f in ("include", "os/posix", "os")),
    ]
    part = folder / f"{os.getpid()}.so"
    subprocess.run(
        [
            "gcc", "-shared", "-fPIC", "-O2", "-w", "-fcommon", "-D_GNU_SOURCE", *(f"-I{each}" for each in headers),
            *map(str, [*source.glob("*.c"), *source.glob("os/posix/*.c")]), f"-L{home}/lib/server", "-ljvm",
            f"-Wl,-rpath,{home}/lib/server", "-lpthread", "-o", str(part),
        ],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    part.rename(library)
    return library

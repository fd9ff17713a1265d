"""The Spark properties of a target, and their check before a JVM is started."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from treefold.errors import InputError

HEAP = re.compile(r"\d+[kmgt]", re.IGNORECASE)  # as the JVM's -Xmx takes it
SIZE = re.compile(r"\d+([kmgtp]b?|b)?", re.IGNORECASE)
SIZES = {
    "spark.driver.memory": (HEAP, "2g"),
    "spark.executor.memory": (HEAP, "4g"),
    "spark.driver.memoryOverhead": (SIZE, "1g"),
    "spark.executor.memoryOverhead": (SIZE, "1g"),
    "spark.executor.pyspark.memory": (SIZE, "2g"),
    "spark.memory.offHeap.size": (SIZE, "1g"),
    "spark.driver.maxResultSize": (SIZE, "1g"),
}
COUNTS = (
    "spark.executor.instances",
    "spark.executor.cores",
    "spark.driver.cores",
    "spark.cores.max",
)
CPUS = "spark.task.cpus"  # a fraction since Spark 4.3
MASTERS = re.compile(
    r"yarn|k8s://.+|local(\[(\*|\d+)(,\d+)?\])?|local-cluster\[\d+,\d+,\d+\]|spark://[^,:/]+:\d+(,[^,:/]+:\d+)*"
)
BLAS_SETTINGS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ANSWERS_WITHIN = 5.0  # seconds


def read_properties(path: str) -> dict[str, str]:
    """The properties of a file in the format of ``spark-submit --properties-file``: keys and values, space or ``=``.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    found = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        line = line.strip()
        if line and line[0] not in "#!":
            key, _, value = re.sub(r"\s*[=:\s]\s*", "\0", line, count=1).partition("\0")
            found[key] = value
    return found


def check_properties(properties: dict[str, str], path: str) -> None:
    """Check what Spark would refuse late, or with a stack trace of the JVM.

    Parameters
    ----------
    properties : dict
        Properties by name.
    path : str
        The file, for messages.

    Raises
    ------
    InputError
        For a master that is missing, of an unknown kind or does not answer, a deploy mode that it does not support, or
        an invalid size or number.
    """
    master = properties.get("spark.master", "")
    if not MASTERS.fullmatch(master):
        raise InputError(
            f"{path}: spark.master = '{master}' is no master: write local[*], spark://HOST:PORT, yarn or "
            "k8s://https://HOST:PORT"
        )
    mode = properties.get("spark.submit.deployMode", "client")
    if mode not in ("client", "cluster"):
        raise InputError(f"{path}: spark.submit.deployMode = '{mode}' is neither client nor cluster")
    if mode == "cluster" and master.startswith(("local", "spark:")):
        raise InputError(
            f"{path}: a Python job cannot run in deploy mode cluster on {master}: Spark has that on yarn and k8s only; "
            "remove spark.submit.deployMode"
        )
    for key, (kind, example) in SIZES.items():
        if key in properties and not kind.fullmatch(properties[key]):
            raise InputError(f"{path}: {key} = '{properties[key]}' is no size: write {example}, for example")
    for key in COUNTS:
        if key in properties and not re.fullmatch("[1-9][0-9]*", properties[key]):
            raise InputError(f"{path}: {key} = '{properties[key]}' is no number from 1 up")
    if CPUS in properties and not re.fullmatch(r"\d*[1-9]\d*(\.\d+)?|\d*\.\d*[1-9]\d*", properties[CPUS]):
        raise InputError(f"{path}: {CPUS} = '{properties[CPUS]}' is no number of processors: write 1, or 0.99")
    _check_answers(master, path)


def blas_arguments(properties: dict[str, str]) -> list[str]:
    """Arguments of ``spark-submit`` that give executors the OpenBLAS kernels of the driver, if those are chosen.

    OpenBLAS takes kernels and their tiles from the processor, and the last bits of products depend on them.

    Parameters
    ----------
    properties : dict
        Properties by name; what they set for executors is kept.

    Returns
    -------
    list of str
    """
    settings = {f"spark.executorEnv.{name}": os.environ.get(name) for name in BLAS_SETTINGS}
    return [f"--conf={key}={value}" for key, value in settings.items() if value and key not in properties]


def _check_answers(master: str, path: str) -> None:
    """Check that a standalone master, or one of several, or the API server of Kubernetes accepts connections."""
    if master == "yarn" and not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
        raise InputError(f"{path}: spark.master = yarn needs HADOOP_CONF_DIR, the folder of the cluster's *-site.xml")
    kind, _, rest = master.partition("://")
    if kind == "spark":
        urls = [f"spark://{address}" for address in rest.split(",")]
    elif kind == "k8s":
        urls = [rest if "://" in rest else f"https://{rest}"]  # as Spark completes it
    else:
        return
    reason = ""
    for url in urls:
        try:
            address = urlsplit(url)
            host, port = address.hostname or "", address.port or (80 if address.scheme == "http" else 443)
            if address.scheme in getproxies() and not proxy_bypass(host):
                return  # the JVM asks the proxy
            socket.create_connection((host, port), ANSWERS_WITHIN).close()
            return
        except (OSError, OverflowError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
    what = "master" if kind == "spark" else "API server of Kubernetes"
    raise InputError(f"no {what} answers at {master} ({reason}): start it, or correct spark.master in {path}")

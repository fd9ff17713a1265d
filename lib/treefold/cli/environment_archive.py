"""The Python of the executors: one that the properties name, or the driver's own, which YARN unpacks on each node."""

import hashlib
import importlib.metadata
import os
import sys
from collections.abc import Callable
from pathlib import Path

from treefold.errors import InputError

NAME = "environment"  # of the folder in which YARN unpacks the archive
# Packages that no executor imports. Spark itself is there already: spark-submit ships its Python files.
DRIVER_ONLY = (
    "pyspark", "pip", "setuptools", "venv_pack", "mypy", "mypyc", "ruff", "pytest", "_pytest", "xdist", "sklearn",
    "scikit_learn.libs", "onnx", "onnxruntime", "mkdocs", "material", "coverage",
    "deltalake", "arro3", "pyiceberg", "sqlalchemy", "pydantic", "pydantic_core",
)  # fmt: skip
GIVEN = ("spark.archives", "spark.yarn.dist.archives", "spark.pyspark.python")


def executors_python(properties: dict[str, str], say: Callable[[str], None]) -> tuple[str | None, list[str]]:
    """The interpreter of the executors, and the arguments of ``spark-submit`` that bring it to them.

    It is ``spark.pyspark.python``, where the properties have that. Else executors on YARN get an archive of the
    environment of this process, unless the properties name archives themselves. The archive is kept in the user's cache
    folder (``XDG_CACHE_HOME``, ``~/.cache``) under a name that has the versions of all packages, so that each
    environment is packed once.

    Parameters
    ----------
    properties : dict
        Spark properties by name.
    say : callable
        Called with a line before the archive is packed.

    Returns
    -------
    python : str or None
        None for the path of the driver's own interpreter.
    arguments : list of str

    Raises
    ------
    InputError
        If the package venv-pack is not installed, or the environment is not one of ``venv``.
    """
    if properties.get("spark.master") != "yarn" or any(key in properties for key in GIVEN):
        return properties.get("spark.pyspark.python"), []
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "treefold", "environments")
    archive = kept / f"{NAME}-{_content()}.tar.gz"
    if not archive.exists():
        _pack(archive, say)
    return f"./{NAME}/bin/python", ["--archives", f"{archive}#{NAME}"]


def _content() -> str:
    """A digest of the packages and their versions."""
    packages = sorted(f"{each.name}=={each.version}" for each in importlib.metadata.distributions())
    return hashlib.sha256("\n".join([sys.version, sys.prefix, *packages]).encode()).hexdigest()[:12]


def _pack(archive: Path, say: Callable[[str], None]) -> None:
    try:
        import venv_pack
    except ImportError:
        raise InputError(
            "executors on YARN need this Python environment, and the package venv-pack, which packs it, is not "
            "installed: pip install venv-pack, or name an interpreter of the nodes in spark.pyspark.python"
        ) from None
    say(f"packing the Python environment for the executors into {archive} (once; some 20 s)")
    archive.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = archive.with_name(f"{os.getpid()}.{archive.name}")
    excluded = [("exclude", f"*/site-packages/{name}/*") for name in DRIVER_ONLY]
    try:
        venv_pack.pack(sys.prefix, str(part), format="tar.gz", compress_level=1, filters=excluded, force=True)
        part.replace(archive)
    except venv_pack.VenvPackException as error:
        raise InputError(
            f"the Python environment {sys.prefix} cannot be packed ({error}): name an interpreter of the nodes in "
            "spark.pyspark.python"
        ) from error
    finally:
        part.unlink(missing_ok=True)

"""Which Python the executors get, and that the environment is packed once for each set of packages."""

import importlib
import importlib.metadata
import sys
import tarfile

import pytest

from treefold.cli import environment_archive
from treefold.cli.environment_archive import executors_python
from treefold.errors import InputError

YARN = {"spark.master": "yarn"}


@pytest.fixture
def packing(monkeypatch, tmp_path):
    """Calls of venv-pack, which writes a small archive here instead of a large one."""
    venv_pack = importlib.import_module("venv_pack")
    calls = []

    def pack(prefix, output, **options):
        calls.append((prefix, options))
        with tarfile.open(output, "w:gz") as archive:
            archive.add(__file__, "bin/python")

    monkeypatch.setattr(venv_pack, "pack", pack)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return calls


@pytest.mark.parametrize("master", ["local[*]", "spark://host:7077", "k8s://https://host:6443"])
def test_other_masters_get_the_path_of_the_driver_or_the_one_that_is_named(master, packing):
    assert executors_python({"spark.master": master}, print) == (None, [])
    named = {"spark.master": master, "spark.pyspark.python": "/opt/python"}
    assert executors_python(named, print) == ("/opt/python", [])
    assert packing == []


@pytest.mark.parametrize("key", ["spark.archives", "spark.yarn.dist.archives"])
def test_an_archive_that_the_properties_name_is_used(key, packing):
    properties = YARN | {key: "hdfs:///environment.tar.gz#e", "spark.pyspark.python": "./e/bin/python"}
    assert executors_python(properties, print) == ("./e/bin/python", [])
    assert packing == []


def test_the_environment_is_packed_once_and_again_when_a_package_changes(packing, monkeypatch, tmp_path):
    said = []
    python, (option, archive) = executors_python(YARN, said.append)
    assert (python, option) == ("./environment/bin/python", "--archives")
    file, _, folder = archive.partition("#")
    assert folder == "environment"
    with tarfile.open(file) as packed:
        assert packed.getnames() == ["bin/python"]
    assert [prefix for prefix, _ in packing] == [sys.prefix]
    assert executors_python(YARN, said.append) == (python, [option, archive])
    assert len(packing) == len(said) == 1
    packages = list(importlib.metadata.distributions())
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: packages[1:])
    assert executors_python(YARN, said.append)[1] != [option, archive]
    assert len(packing) == 2
    assert len(list((tmp_path / "cache/treefold/environments").iterdir())) == 2


def test_a_failure_leaves_no_archive_and_says_what_to_do(packing, monkeypatch, tmp_path):
    import venv_pack

    def fail(prefix, output, **options):
        open(output, "w").close()
        raise venv_pack.VenvPackException("not a virtual environment")

    monkeypatch.setattr(venv_pack, "pack", fail)
    with pytest.raises(InputError, match=r"not a virtual environment.*spark\.pyspark\.python"):
        executors_python(YARN, print)
    assert list((tmp_path / "cache/treefold/environments").iterdir()) == []


def test_without_venv_pack_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "venv_pack", None)
    with pytest.raises(InputError, match="pip install venv-pack"):
        executors_python(YARN, print)


def test_packages_that_executors_import_are_packed():
    assert not {"numpy", "scipy", "pyarrow", "numba", "llvmlite", "pandas", "threadpoolctl"} & set(
        environment_archive.DRIVER_ONLY
    )

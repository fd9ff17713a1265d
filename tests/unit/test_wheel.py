"""The wheel has all of the library and works without the checkout."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("lib", "jobs", "conf"):  # lib has links to jobs and conf/spark
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(out)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", str(source), *options], check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


def test_the_wheel_has_every_file_of_the_library(wheel):
    library = ROOT / "lib"
    files = {str(file.relative_to(library)) for file in (library / "treefold").rglob("*") if file.is_file()}
    files |= {f"treefold/jobs/{file.name}" for file in (ROOT / "jobs").glob("*.py")}
    files |= {f"treefold/cli/properties/{name}" for name in ("local.conf", "log4j2.properties")}
    wanted = {file for file in files if "__pycache__" not in file}
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert {"treefold/py.typed", "treefold/report/page.html"} <= wanted
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_the_wheel_installs_works_alone(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import numpy, treefold, treefold.ml\n"
        "from treefold.statistics.moments import feature_moments\n"
        "blocks = treefold.LocalBlocks.from_arrays(numpy.eye(4))\n"
        "print(treefold.__file__, feature_moments(blocks).rows)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": "site"}, capture_output=True, text=True
    )
    assert ran.stdout.split() == [str(tmp_path / "site" / "treefold" / "__init__.py"), "4"], ran.stderr


@pytest.mark.spark
def test_what_the_wheel_installs_trains_without_the_checkout(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    shutil.copytree(ROOT / "data" / "digits", tmp_path / "data" / "digits")
    shutil.copy(ROOT / "conf" / "digits.toml", tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "treefold", "train", "digits.toml", "solver.maxIter=2"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": "site"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["rows"] == 360
    assert (tmp_path / "out" / "digits" / "model").is_dir()

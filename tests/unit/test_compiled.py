"""What one process compiled the next one loads, wherever the library lies; a folder that cannot be is done without."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from treefold.runtime import jit_cache

LIBRARY = Path(__file__).parents[2] / "lib"
ASK = """
import numpy as np
from treefold.algorithms.forest.kernels_draws import candidates
out = np.empty((1, 2), np.int32)
candidates(np.ones(1, np.uint64), np.ones(1, np.int64), np.zeros(1, np.int64), 2, out)
print(out[0].tolist(), sum(candidates.stats.cache_hits.values()), sum(candidates.stats.cache_misses.values()))
"""


def asked(library: Path, folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(library), "XDG_CACHE_HOME": str(folder)}
    run = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "elsewhere" / "treefold.zip"
    path.parent.mkdir()
    with ZipFile(path, "w") as made:
        for file in LIBRARY.rglob("*.py"):
            made.write(file, file.relative_to(LIBRARY))
    return path


def test_a_kernel_is_compiled_once_for_all_places_and_again_after_a_change(archive, tmp_path):
    assert asked(archive, tmp_path / "kept") == "[0, 1] 0 1"
    assert asked(LIBRARY, tmp_path / "kept") == "[0, 1] 1 0"
    with ZipFile(archive, "a") as made:
        made.writestr("treefold/prose.py", "")
    assert asked(archive, tmp_path / "kept") == "[0, 1] 1 0"
    with ZipFile(archive, "a") as made:
        made.writestr("treefold/kernels.py", "from treefold.runtime.jit_cache import njit")
    assert asked(archive, tmp_path / "kept") == "[0, 1] 0 1"
    assert len(list((tmp_path / "kept" / "treefold").iterdir())) == 2


COMPILING = [file for file in LIBRARY.rglob("*.py") if "njit" in file.read_text()]


@pytest.mark.parametrize("file", COMPILING, ids=lambda file: file.name)
def test_compiled_functions_call_nothing_outside_of_files_that_compile(file):
    """Or a change elsewhere would leave a stale kernel on disk."""
    compiling = {
        f"treefold.{'.'.join(each.relative_to(LIBRARY / 'treefold').with_suffix('').parts)}" for each in COMPILING
    }
    nodes = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)]
    ours = {str(node.module) for node in nodes if str(node.module).startswith("treefold")}
    assert ours <= compiling


def test_without_a_folder_kernels_are_compiled_all_the_same(tmp_path):
    (tmp_path / "file").touch()
    assert asked(LIBRARY, tmp_path / "file") == "[0, 1] 0 1"


def test_why_kernels_are_not_kept_is_logged(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level("INFO", "treefold"):
        assert jit_cache._folder.__wrapped__() is None
    assert "compiled kernels are not kept, every process compiles its own: " in caplog.text
    assert str(tmp_path / "file") in caplog.text


def kernels_folder(cache, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return jit_cache._folder.__wrapped__()


@pytest.mark.parametrize("umask", [0, 0o002, 0o022])
def test_kernels_are_kept_where_nobody_else_may_write(tmp_path, monkeypatch, umask):
    """numba unpickles them. A folder that an earlier version made open is closed."""
    before = os.umask(umask)
    try:
        (tmp_path / "open" / "treefold").mkdir(parents=True)
        made = [kernels_folder(tmp_path / name, monkeypatch) for name in ("new", "open")]
    finally:
        os.umask(before)
    for folder in made:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not folder.parent.stat().st_mode & 0o022


def test_kernels_that_others_may_have_written_are_not_loaded(tmp_path, monkeypatch, caplog):
    made = kernels_folder(tmp_path, monkeypatch)
    made.chmod(0o777)
    with caplog.at_level("INFO", "treefold"):
        assert kernels_folder(tmp_path, monkeypatch) is None
    assert "others may write to it" in caplog.text
    made.chmod(0o700)
    assert kernels_folder(tmp_path, monkeypatch) == made
    monkeypatch.setattr(os, "geteuid", lambda: made.stat().st_uid + 1)
    assert kernels_folder(tmp_path, monkeypatch) is None

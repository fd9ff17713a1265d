"""Folders of block files go with their executor, however it ends."""

import os
import pickle
import stat
import subprocess
import sys
import threading

import pytest

from treefold.engine.execution.kept_partials import Limit
from treefold.engine.storage import local_dirs
from treefold.errors import InputError


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells when another's process ends")
def test_a_folder_is_removed_once_the_processes_are_gone(tmp_path):
    (tmp_path / "treefold").mkdir()
    (tmp_path / "treefold" / "rows").write_text("x")
    running = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    sweeper = threading.Thread(target=local_dirs.sweep, args=(str(tmp_path / "treefold"), [p.pid for p in running]))
    sweeper.start()
    running[0].kill()
    running[0].wait()
    sweeper.join(0.5)
    assert sweeper.is_alive()
    assert (tmp_path / "treefold" / "rows").exists()
    running[1].kill()
    running[1].wait()
    sweeper.join(60)
    assert not (tmp_path / "treefold").exists()


def test_the_process_that_removes_a_folder_needs_nothing_but_its_own_code(tmp_path):
    (tmp_path / "treefold").mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    run = subprocess.run(
        local_dirs.sweeping(tmp_path / "treefold", [ended.pid]), capture_output=True, text=True, check=False, cwd="/"
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert not (tmp_path / "treefold").exists()


def test_folders_are_their_owners_only_and_made_once(tmp_path):
    for _ in range(2):
        folder = local_dirs.create(tmp_path / "deep" / local_dirs.FOLDER)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_a_killed_executor_leaves_is_logged(tmp_path, caplog):
    with caplog.at_level("INFO", "treefold"):
        folder = local_dirs.create(tmp_path / local_dirs.FOLDER)  # no executor has forked this process
        local_dirs.create(folder)
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder} stays where an executor is killed: its processes are not known here"
    ]


def test_a_file_has_a_folder_of_its_own_and_others_if_that_is_full(monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/a,/b,/c")
    firsts = [local_dirs.candidates(name)[0] for name in "stuvwxyz"]
    assert len(set(firsts)) > 1
    assert all(len(set(local_dirs.candidates(name))) == 3 for name in "stuvwxyz")
    assert local_dirs.candidates("s") == local_dirs.candidates("s")


def test_files_of_blocks_are_in_a_folder_that_nobody_else_may_write_to(tmp_path, monkeypatch):
    """Rows on their way between tasks, and partials that are too large for the driver, are unpickled from there."""
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    folder = local_dirs.create(tmp_path / local_dirs.FOLDER)
    (folder / "sum-0").write_bytes(pickle.dumps("kept"))
    folder.chmod(0o777)
    with pytest.raises(InputError, match="others may write to it: set spark"):
        local_dirs.create(folder)
    assert Limit(0, "sum").kept() is None
    folder.chmod(0o700)
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
        assert Limit(0, "sum").kept() is None
    assert Limit(0, "sum").kept() == "kept"

"""Folders of block files go with their executor, however it ends."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from treefold.engine import folders


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells when another's process ends")
def test_a_folder_is_removed_once_the_processes_are_gone(tmp_path):
    (tmp_path / "treefold").mkdir()
    (tmp_path / "treefold" / "rows").write_text("x")
    running = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    sweeper = threading.Thread(target=folders.sweep, args=(str(tmp_path / "treefold"), [p.pid for p in running]))
    sweeper.start()
    running[0].kill()
    running[0].wait()
    sweeper.join(0.5)
    assert sweeper.is_alive()
    assert (tmp_path / "treefold" / "rows").exists()
    running[1].kill()
    running[1].wait()
    sweeper.join(20)
    assert not (tmp_path / "treefold").exists()


def test_folders_are_their_owners_only_and_made_once(tmp_path):
    for _ in range(2):
        folder = folders.made(tmp_path / "deep" / folders.FOLDER)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_file_has_a_folder_of_its_own_and_others_if_that_is_full(monkeypatch):
    monkeypatch.setenv("SPARK_LOCAL_DIRS", "/a,/b,/c")
    firsts = [folders.candidates(name)[0] for name in "stuvwxyz"]
    assert len(set(firsts)) > 1
    assert all(len(set(folders.candidates(name))) == 3 for name in "stuvwxyz")
    assert folders.candidates("s") == folders.candidates("s")

"""A checkpoint takes a folder of its own: nothing else is deleted, nothing read that others could have written."""

import json
import os

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from treefold import locations
from treefold.errors import InputError
from treefold.persistence import checkpoint_folder
from treefold.persistence.checkpoint_folder import MARKER, CheckpointFolder


@pytest.fixture
def made(tmp_path):
    folder = CheckpointFolder(str(tmp_path / "c"), "job")
    for number in range(3):
        folder.put(f"{number:06d}", b"passes")
    return tmp_path / "c"


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("names", [["part-0.parquet"], ["000000"], ["zeta", "000001"], ["deep/000000"]])
def test_a_folder_of_others_is_refused_and_untouched(tmp_path, names):
    for name in names:
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("rows")
    before = content(tmp_path)
    with pytest.raises(InputError, match=r"is no checkpoint, but holds .*: name a folder of its own"):
        CheckpointFolder(str(tmp_path / "data"), "job")
    assert content(tmp_path) == before


def test_a_file_is_refused_and_untouched(tmp_path):
    (tmp_path / "f").write_text("rows")
    with pytest.raises(InputError, match="is a file"):
        CheckpointFolder(str(tmp_path / "f"), "job")
    assert (tmp_path / "f").read_text() == "rows"


def test_what_others_put_beside_a_checkpoint_stays(made):
    for name in ("notes.txt", "0000001", "999999.txt", "zzz"):
        (made / name).write_text("mine")
    CheckpointFolder(str(made), "job").remove()
    assert content(made) == dict.fromkeys(("notes.txt", "0000001", "999999.txt", "zzz"), b"mine")


def test_a_checkpoint_goes_with_its_folder(made):
    CheckpointFolder(str(made), "job").remove()
    assert not made.exists()


def test_what_a_kill_left_half_written_is_ours(made):
    (made / f"000003.{'0' * 32}.part").write_bytes(b"ha")
    CheckpointFolder(str(made), "job").remove()
    assert not made.exists()
    made.mkdir(mode=0o700)
    (made / f"{MARKER}.{'0' * 32}.part").write_bytes(b"{")
    CheckpointFolder(str(made), "job").remove()
    assert not made.exists()


def test_the_marker_goes_last(made, monkeypatch):
    """A removal that is cut short leaves a shorter checkpoint, which is still known for one."""
    folder = CheckpointFolder(str(made), "job")
    system, deleted = folder.system, []

    class Failing:
        def __getattr__(self, name):
            return getattr(system, name)

        def delete_file(self, path):
            if len(deleted) == 2:
                raise OSError("cut")
            deleted.append(path)
            system.delete_file(path)

    folder.system = Failing()
    with pytest.raises(OSError, match="cut"):
        folder.remove()
    assert sorted(content(made)) == ["000000", MARKER]


def test_folders_and_files_others_may_write_are_refused_before_they_are_read(made, monkeypatch):
    monkeypatch.setattr(CheckpointFolder, "read", lambda self, name: pytest.fail("read"))
    for path, mode in ((made, 0o777), (made, 0o770), (made / "000001", 0o666), (made / MARKER, 0o620)):
        before = path.stat().st_mode
        path.chmod(mode)
        with pytest.raises(InputError, match=r"others may write to .*chmod go-w"):
            CheckpointFolder(str(made), "job")
        path.chmod(before)
    CheckpointFolder(str(made), "job")


def test_folders_and_files_of_another_user_are_refused(made, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: made.stat().st_uid + 1)
    with pytest.raises(InputError, match="belongs to another user"):
        CheckpointFolder(str(made), "job")


def test_a_link_in_a_checkpoint_is_refused(made, tmp_path):
    (made / "000002").unlink()
    (tmp_path / "elsewhere").write_bytes(b"passes")
    (made / "000002").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        CheckpointFolder(str(made), "job")
    assert (tmp_path / "elsewhere").exists()


def test_the_folder_is_never_open_to_others_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        CheckpointFolder(str(tmp_path / "deep" / "c"), "job").put("000000", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "deep" / "c").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "deep" / "c").iterdir()} == {0o600}


def test_another_version_is_refused_in_one_line_with_the_cure(made, monkeypatch):
    CheckpointFolder(str(made), "job").check()
    monkeypatch.setattr(checkpoint_folder, "__version__", "9.9")
    with pytest.raises(
        InputError, match=r"written by treefold .*, and this is 9\.9: continue with that version, or start"
    ):
        CheckpointFolder(str(made), "job").check()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"format": "x", "treefold": 1, "job": 2})])
def test_a_damaged_marker_is_one_line(made, text):
    (made / MARKER).write_text(text)
    with pytest.raises(InputError, match="json is damaged: start anew with --fresh"):
        CheckpointFolder(str(made), "job").check()


def test_elsewhere_only_our_files_go_as_well(tmp_path, monkeypatch):
    system = SubTreeFileSystem(str(tmp_path), LocalFileSystem())
    monkeypatch.setattr(locations, "opened", lambda uri: (system, uri.removeprefix("bucket://")))
    folder = CheckpointFolder("bucket://c", "job")
    folder.put("000000", b"")
    (tmp_path / "c" / "notes").write_text("mine")
    folder.remove()
    assert content(tmp_path) == {"c/notes": b"mine"}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows").write_text("mine")
    with pytest.raises(InputError, match="is no checkpoint"):
        CheckpointFolder("bucket://data", "job")

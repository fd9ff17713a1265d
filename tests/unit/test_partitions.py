"""Partitions are published one by one, whole, in the place of none that is not ours."""

import fcntl
import json
import os

import pytest

from treefold.errors import InputError, TryAgain
from treefold.persistence.partitions import LOCK, PARTITIONS, PartitionedFolder


def write(folder, **rows: str) -> None:
    """Files by the name of their partition."""
    for name, text in rows.items():
        place = folder / name.replace("_", "=")
        place.mkdir(parents=True, exist_ok=True)
        (place / "part-0.parquet").write_text(text)
    (folder / "_SUCCESS").touch()


def published(path, **rows: str) -> PartitionedFolder:
    folder = PartitionedFolder(str(path), "predictions")
    with folder.staging() as staged:
        write(staged, **rows)
        names = folder.publish(staged)
        folder.write_manifest({"partitions": {name: {"files": files} for name, files in names.items()}})
    return folder


def texts(path) -> dict[str, str]:
    return {file.parent.name: file.read_text() for file in path.rglob("*.parquet")}


def test_partitions_replace_their_own_and_leave_others(tmp_path):
    out = tmp_path / "out"
    published(out, day_1="a", day_2="b")
    folder = published(out, day_2="c", day_3="d")
    assert texts(out) == {"day=1": "a", "day=2": "c", "day=3": "d"}
    assert json.loads((out / PARTITIONS).read_text())["kind"] == folder.kind
    assert sorted(path.name for path in out.iterdir()) == [LOCK, PARTITIONS, "day=1", "day=2", "day=3"]


@pytest.mark.parametrize("umask", [0o077, 0o002])
def test_partitions_have_the_modes_of_the_umask(tmp_path, umask):
    out = tmp_path / "out"
    before = os.umask(umask)
    try:
        folder = PartitionedFolder(str(out), "predictions")
        with folder.staging() as staged:
            write(staged, day_1="a")
            for path in (staged, *staged.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)  # as Hadoop does, whatever the umask
            folder.publish(staged)
    finally:
        os.umask(before)
    for path in (out, *out.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask


def test_a_partition_with_files_of_others_is_kept(tmp_path):
    out = tmp_path / "out"
    published(out, day_1="a")
    (out / "day=1/notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"day=1 is not replaced, because notes.txt in it is not ours"):
        published(out, day_1="b")
    assert texts(out) == {"day=1": "a"}


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ({"a.txt": "mine"}, "holds files that are no predictions of treefold"),
        ({PARTITIONS: "{"}, "is damaged"),
        ({PARTITIONS: '{"kind": "tables", "format": 1}'}, "holds tables of format 1, not predictions"),
    ],
)
def test_a_folder_of_others_is_refused(tmp_path, there, message):
    for name, text in there.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        PartitionedFolder(str(tmp_path), "predictions")
    assert {file.name for file in tmp_path.iterdir()} == set(there)


def test_a_folder_that_is_being_written_is_left_for_later(tmp_path):
    folder = published(tmp_path / "out", day_1="a")
    with open(tmp_path / "out" / LOCK, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(TryAgain, match="another run is writing"), folder.staging():
            pass


def test_a_failure_leaves_nothing_and_what_a_killed_run_left_is_removed(tmp_path):
    out = tmp_path / "out"
    folder = published(out, day_1="a")
    left = out / f"_staged.{'0' * 32}.part"
    write(left, day_1="x")

    def fail() -> None:
        with folder.staging() as staged:
            assert not left.exists()
            write(staged, day_1="b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert texts(out) == {"day=1": "a"}
    assert not list(out.glob("_staged*"))


def test_the_input_and_remote_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="keep them apart"):
        PartitionedFolder(str(tmp_path / "in/out"), "predictions", [str(tmp_path / "in")])
    with pytest.raises(InputError, match="on no local or mounted disk"):
        PartitionedFolder("s3://bucket/out", "predictions")

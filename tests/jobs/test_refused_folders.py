"""Jobs whose output is a folder of the user's files: one line, exit code 2, and every file as it was."""

import shutil

import pytest

from submitting import ROOT

CONF = "conf/digits.toml"


@pytest.fixture
def data(tmp_path):
    shutil.copytree(ROOT / "data" / "digits" / "split=train", tmp_path / "train")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "000000").write_text("mine")
    return tmp_path


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["output.path={}/train", "--overwrite"], "keep them apart"),
        (["output.path={}/train/model", "--overwrite"], "keep them apart"),
        (["output.path={}", "--overwrite"], "keep them apart"),
        (["output.path={}/mine", "--overwrite"], "is not replaced, because 000000 in it is not ours"),
        (["output.path={}/mine/000000", "--overwrite"], "is a file, which is never replaced: choose another path"),
        (["output.path={}/o", "checkpoint.path={}/train"], "keep them apart"),
        (["output.path={}/o", "checkpoint.path={}/mine"], "is no checkpoint, but holds 000000"),
        (["output.path={}/o", "checkpoint.path={}/mine", "--fresh"], "is no checkpoint, but holds 000000"),
        (["output.path=dbfs:/tmp/m"], "opens no paths of the scheme 'dbfs'"),
        (["output.path={}/o", "checkpoint.path=s3a:/bucket/c"], "names no bucket"),
        (["output.path={}/mine/000000/deep"], "cannot be written (Not a directory)"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_users_files_stay(refused_without_jvm, data, arguments, line):
    before = content(data)
    named = (one.format(data) for one in arguments)
    assert line in refused_without_jvm("train", CONF, f"data.train={data}/train", *named)
    assert content(data) == before
    assert not (ROOT / "dbfs:").exists()

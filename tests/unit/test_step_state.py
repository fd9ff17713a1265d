"""What a pipeline knows of its steps: fingerprints of conf and files, kept in one file."""

import os

import pytest

from treefold.errors import InputError
from treefold.persistence.step_state import StepState, fingerprint


@pytest.fixture
def data(tmp_path):
    (tmp_path / "in/part").mkdir(parents=True)
    (tmp_path / "in/part/a").write_text("1")
    return tmp_path / "in"


def test_a_fingerprint_changes_with_conf_and_files_alone(data, tmp_path):
    first = fingerprint({"a": 1}, [str(data)])
    assert first == fingerprint({"a": 1}, [str(data)])
    assert first != fingerprint({"a": 2}, [str(data)])
    os.utime(data / "part/a", ns=(1, 1))
    touched = fingerprint({"a": 1}, [str(data)])
    (data / "b").write_text("")
    assert len({first, touched, fingerprint({"a": 1}, [str(data)])}) == 3


@pytest.mark.parametrize("path", ["nowhere", "in/*.parquet", "dbfs:/x"])
def test_what_cannot_be_listed_has_none(data, path):
    assert fingerprint({}, [str(data), path if ":" in path else str(data.parent / path)]) is None


def test_a_step_is_done_while_its_fingerprint_and_its_output_are_the_same(data, tmp_path):
    file, out = str(tmp_path / "state/s.json"), tmp_path / "out"
    state = StepState(file)
    assert not state.is_done("train", "f", str(out))
    state.write("train", "f")
    again = StepState(file)
    assert not again.is_done("train", "f", str(out)), "its output is not there"
    out.mkdir()
    assert again.is_done("train", "f", str(out))
    assert not again.is_done("train", "g", str(out))
    assert not again.is_done("train", None, str(out))
    assert not again.is_done("predict", "f", str(out))


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 9, "steps": {}}'])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "s").write_text(text)
    with pytest.raises(InputError, match=r"is no state of a pipeline|newer version"):
        StepState(str(tmp_path / "s"))

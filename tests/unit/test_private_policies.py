"""Policies and keys: what they refuse, and that ciphertexts come back."""

import os

import msgspec
import pyarrow as pa
import pytest

from treefold.cli.conf_files import record
from treefold.cli.preparation_conf import Prepare
from treefold.cli.scoring_confs import Predict
from treefold.errors import InputError
from treefold.privacy.columns import decrypted
from treefold.privacy.keys import Key, Keys
from treefold.privacy.policies import Policy, Privacy

TEXTS = ["", "a", "äöü \u4e2d\u6587", "x" * 1000]


def written(path, *secrets: bytes, mode: int = 0o600) -> str:
    path.write_text("\n".join(secret.hex() for secret in secrets) + "\n")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("deterministic", [False, True])
def test_what_is_encrypted_comes_back_by_any_key_of_the_file(tmp_path, deterministic):
    old, new = os.urandom(32), os.urandom(32)
    tokens = [*Key(old).encrypted(TEXTS, deterministic), *Key(new).encrypted(TEXTS, deterministic), None]
    keys = Keys.read(written(tmp_path / "keys", new, old))
    assert keys.first.secret == new
    assert decrypted(pa.array(tokens), keys).to_pylist() == [*TEXTS, *TEXTS, None]
    with pytest.raises(InputError, match=f"encrypted with the key {Key(old).name}"):
        decrypted(pa.array(tokens), Keys((Key(new),)))


def test_deterministic_ciphertexts_are_equal_for_equal_texts_and_random_ones_never():
    key = Key(bytes(32))
    assert len(set(key.encrypted(["a"] * 100, True))) == 1
    assert len(set(key.encrypted(["a"] * 100, False))) == 100
    assert len(set(key.pseudonyms(["a", "b", "a"]))) == 2


def test_pseudonyms_are_what_they_were():
    """Tables that are written in different years are joined by them."""
    assert Key(bytes(range(32))).pseudonyms(["4711"]) == ["af5b4b7b29d26d239f9a11a6083f8dfe"]


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_changed_ciphertext_is_refused(deterministic):
    key = Key(bytes(32))
    (token,) = key.encrypted(["secret"], deterministic)
    changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    with pytest.raises(InputError, match="is damaged"):
        Keys((key,)).decrypted(changed)
    with pytest.raises(InputError, match="no ciphertext"):
        Keys((key,)).decrypted("secret")


def test_a_key_file_is_refused_unless_it_is_for_its_owner_alone(tmp_path):
    for mode in (0o640, 0o604, 0o620):
        with pytest.raises(InputError, match="chmod 600"):
            Keys.read(written(tmp_path / f"{mode}", bytes(32), mode=mode))
    with pytest.raises(InputError, match="cannot be read"):
        Keys.read(str(tmp_path / "none"))
    (tmp_path / "short").write_text("abcd\n")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(InputError, match="holds no key") as caught:
        Keys.read(str(tmp_path / "short"))
    assert "abcd" not in str(caught.value)


def test_a_key_is_not_shown():
    key = Key(os.urandom(32))
    assert key.secret.hex() not in repr(Keys((key,)))
    assert repr(key.secret) not in repr(Keys((key,)))


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"policy": "drop", "prefix": 2}, "prefix is no option of drop"),
        ({"policy": "generalise"}, "takes one of"),
        ({"policy": "generalise", "width": 2.0, "prefix": 1}, "takes one of"),
        ({"policy": "generalise", "edges": [2.0, 1.0]}, "must increase"),
        ({"policy": "pseudonymise"}, "needs privacy.key"),
        ({"policy": "hide"}, "hide"),
        ({"policy": "mask", "sufix": 2}, "did you mean 'suffix'"),
    ],
)
def test_a_policy_that_means_nothing_is_refused(policy, message):
    tables = {"data": {"path": "in"}, "output": {"path": "out"}, "privacy": {"columns": {"name": policy}}}
    with pytest.raises(InputError, match=message):
        record("conf", tables, Prepare)


def test_k_anonymity_needs_columns_that_can_be_grouped():
    with pytest.raises(ValueError, match="go together"):
        Privacy(kAnonymity=3)
    with pytest.raises(ValueError, match="nothing to group by"):
        Privacy({"name": Policy("encrypt")}, "key", ["name"], 3)


def test_a_reader_that_would_quote_rows_is_refused():
    source = {"path": "in", "format": "csv", "options": {"mode": "failfast"}}
    tables = {"data": source, "model": {"path": "m"}, "output": {"path": "out"}, "privacy": {}}
    with pytest.raises(msgspec.ValidationError, match="FAILFAST"):
        msgspec.convert(tables, Predict)

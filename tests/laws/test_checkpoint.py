"""A fit that resumes from a checkpoint ends with the bits of one that was never stopped."""

import stat

import numpy as np
import pytest
from cryptography.fernet import Fernet
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from treefold import locations
from treefold.algorithms import kmeans, linear, perceptron
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.perceptron import Layers, MiniBatches, Network
from treefold.algorithms.perceptron.losses import CrossEntropy
from treefold.dataset.blocks import add
from treefold.dataset.folds import training
from treefold.dataset.shared_passes import share_passes
from treefold.dataset.splits import Hashed
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import checkpoint_folder as module
from treefold.persistence.checkpoint import Checkpoint
from treefold.persistence.encryption import FernetCipher
from treefold.persistence.hashing import digest
from treefold.statistics.label_summary import data_summary

RNG = np.random.default_rng(11)
X = RNG.standard_normal((500, 4))
Y = (X @ [1, -1, 0.5, 0] + RNG.standard_normal(500) > 0).astype(float)


class Killed(Exception):
    pass


class Mortal(LocalBlocks):
    """Blocks that fail after a number of passes."""

    lives = 10**9

    def reduce(self, stat, *args, merge):
        if not self.lives:
            raise Killed
        self.lives -= 1
        return super().reduce(stat, *args, merge=merge)

    def reduce_tasks(self, stat, *args, merge=add):
        if not self.lives:
            raise Killed
        self.lives -= 1
        return super().reduce_tasks(stat, *args, merge=merge)


def data(lives=10**9, X=X):
    blocks = Mortal.from_arrays(X, Y, dtype="float64")
    blocks.lives = lives
    return blocks


def regressed(blocks):
    return linear.fit(
        blocks, logistic, data_summary(blocks, classification=True), ridge=np.array([0.1, 0.01]), tol=1e-9
    ).coef


def clustered(blocks):
    return kmeans.fit(blocks, [3, 5], restarts=2, tol=0.0)[1][0].centres


def by_mini_batches(blocks, rows=60):
    """Nine steps in each of two epochs, after two passes."""
    net = Network(Layers((4, 3, 2)), "tanh", CrossEntropy())
    how = MiniBatches(rows, 1, 0.05, epochs=2, dtype="float64")
    return perceptron.fit(blocks, net, net.layers.drawn(0, "tanh")[None], solver=how, max_iter=2).weights


def by_mini_batches_to_the_end_of_an_epoch(blocks):
    """Five steps in each epoch."""
    return by_mini_batches(blocks, 100)


def folded(blocks):
    split = Hashed(2)
    return np.stack(
        share_passes(
            blocks, [lambda shared_blocks, f=f: regressed(training(shared_blocks, split, f)) for f in range(2)]
        )
    )


@pytest.mark.parametrize("job", [regressed, clustered, folded, by_mini_batches, by_mini_batches_to_the_end_of_an_epoch])
@pytest.mark.parametrize("every", [1, 3])
def test_a_killed_fit_resumes_and_ends_with_the_same_bits(job, every, tmp_path):
    whole = data()
    expected, path = job(whole), str(tmp_path / "deep" / "checkpoint")
    with pytest.raises(Killed):
        job(Checkpoint(path, "job", every, resume=False).over(data(lives=7)))
    left = data()
    replayed = Checkpoint(path, "job", every, resume=True).over(left)
    np.testing.assert_array_equal(job(replayed), expected)
    kept = 7 // every * every
    assert (
        len(left.passes) == len(whole.passes) - kept + 1
    )  # the first is made again, to see that the data are the same
    assert [account.name for account in replayed.passes] == [account.name for account in whole.passes]


@pytest.fixture
def left_behind(tmp_path):
    with pytest.raises(Killed):
        regressed(Checkpoint(str(tmp_path / "j"), "job", 2, resume=False).over(data(lives=7)))
    return tmp_path / "j"


def spoil(file):
    file.write_bytes(file.read_bytes()[:-1] + b"?")


def shorten(file):
    file.write_bytes(file.read_bytes()[:-7])


@pytest.mark.parametrize("harm", [spoil, shorten, lambda file: file.unlink()], ids=["changed", "short", "gone"])
@pytest.mark.parametrize(("number", "kept"), [(2, 4), (1, 2), (0, 0)])
def test_a_damaged_file_and_all_after_it_are_made_again(left_behind, harm, number, kept):
    assert sorted(file.name for file in left_behind.iterdir()) == ["000000", "000001", "000002", module.MARKER]
    harm(left_behind / f"00000{number}")
    left, whole = data(), data()
    found = regressed(Checkpoint(str(left_behind), "job", 2, resume=True).over(left))
    np.testing.assert_array_equal(found, regressed(whole))
    assert len(left.passes) == len(whole.passes) - kept + (kept > 0)


def test_files_of_two_runs_are_never_combined(left_behind, tmp_path):
    """As if another run, with stretches of its own, had written the newest file."""
    with pytest.raises(Killed):
        regressed(Checkpoint(str(tmp_path / "other"), "job", 3, resume=False).over(data(lives=7)))
    (tmp_path / "other" / "000001").replace(left_behind / "000002")
    left, whole = data(), data()
    found = regressed(Checkpoint(str(left_behind), "job", 2, resume=True).over(left))
    np.testing.assert_array_equal(found, regressed(whole))
    assert len(left.passes) == len(whole.passes) - 4 + 1


def test_files_are_their_owners_only(left_behind):
    assert stat.S_IMODE(left_behind.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in left_behind.iterdir()} == {0o600}


def test_a_checkpoint_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=r"file/j cannot be written \(.*\): make room there, or name another"
    ) as caught:
        regressed(Checkpoint(str(tmp_path / "file" / "j"), "job", 2, resume=False).over(data()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_checkpoint_every_so_many_seconds(tmp_path, seconds):
    checkpoint = Checkpoint(str(tmp_path / "j"), "job", seconds=seconds, resume=False)
    with pytest.raises(Killed):
        regressed(checkpoint.over(data(lives=7)))
    assert Checkpoint(str(tmp_path / "j"), "job", resume=True).length == (0 if seconds else 7)


def test_a_checkpoint_on_a_remote_file_system(tmp_path, monkeypatch):
    """As on object stores: a file system that is not known to be local."""
    system = SubTreeFileSystem(str(tmp_path), LocalFileSystem())
    monkeypatch.setattr(locations, "opened", lambda uri: (system, uri.removeprefix("bucket://")))
    with pytest.raises(Killed):
        regressed(Checkpoint("bucket://a/j", "job", 2, resume=False).over(data(lives=7)))
    checkpoint = Checkpoint("bucket://a/j", "job", 2, resume=True)
    assert checkpoint.length == 6
    np.testing.assert_array_equal(regressed(checkpoint.over(data())), regressed(data()))
    checkpoint.remove()
    assert not (tmp_path / "a" / "j").exists()


def test_a_checkpoint_of_other_data_another_job_or_other_settings_is_not_resumed(left_behind):
    path = str(left_behind)
    with pytest.raises(InputError, match="was written over other data: start anew with --fresh"):
        regressed(Checkpoint(path, "job", resume=True).over(data(X=X + 1e-9)))
    with pytest.raises(InputError, match="was written by a job with another conf: start anew with --fresh"):
        Checkpoint(path, "another job", resume=True)
    with pytest.raises(InputError, match="by another version, or for other settings"):
        clustered(Checkpoint(path, "job", resume=True).over(data()))


@pytest.fixture
def cipher(tmp_path):
    (tmp_path / "key").write_bytes(Fernet.generate_key() + b"\n")
    return FernetCipher(str(tmp_path / "key"))


def test_an_encrypted_checkpoint_is_resumed_and_holds_no_row(tmp_path, cipher):
    """The centres that k-means begins with are rows."""
    for encrypted in (None, cipher):
        with pytest.raises(Killed):
            clustered(Checkpoint(str(tmp_path / "j"), "job", 2, resume=False, cipher=encrypted).over(data(lives=7)))
        written = b"".join(file.read_bytes() for file in (tmp_path / "j").iterdir())
        assert any(row.tobytes() in written for row in X) == (encrypted is None)
    checkpoint = Checkpoint(str(tmp_path / "j"), "job", 2, resume=True, cipher=cipher)
    assert checkpoint.length == 6
    np.testing.assert_array_equal(clustered(checkpoint.over(data())), clustered(data()))


def test_the_wrong_key_none_and_a_plain_checkpoint_are_one_clear_line(tmp_path, cipher, left_behind):
    with pytest.raises(Killed):
        regressed(Checkpoint(str(tmp_path / "s"), "job", 2, resume=False, cipher=cipher).over(data(lives=7)))
    (tmp_path / "other").write_bytes(Fernet.generate_key())
    with pytest.raises(InputError, match="was encrypted with another key than"):
        Checkpoint(str(tmp_path / "s"), "job", resume=True, cipher=FernetCipher(str(tmp_path / "other")))
    with pytest.raises(InputError, match="is encrypted: name the file of its key as checkpoint"):
        Checkpoint(str(tmp_path / "s"), "job", resume=True)
    with pytest.raises(InputError, match="is not encrypted: start anew with --fresh"):
        Checkpoint(str(left_behind), "job", resume=True, cipher=cipher)
    (tmp_path / "other").write_text("secret")
    with pytest.raises(InputError, match="holds no key: make one by"):
        FernetCipher(str(tmp_path / "other"))
    with pytest.raises(InputError, match="cannot be read"):
        FernetCipher(str(tmp_path / "nothing"))


def test_private_blocks_are_not_replayed_in_plain(tmp_path, cipher):
    with pytest.raises(InputError, match="name the file of a key as checkpoint"):
        Checkpoint(str(tmp_path / "j"), "job", resume=False).over(data(), private=True)
    np.testing.assert_array_equal(
        regressed(Checkpoint(str(tmp_path / "j"), "job", resume=False, cipher=cipher).over(data(), private=True)),
        regressed(data()),
    )


def test_without_resume_no_checkpoint_is_resumed(left_behind):
    assert left_behind.exists()
    assert Checkpoint(str(left_behind), "job", resume=False).length == 0
    assert not left_behind.exists()
    assert Checkpoint(str(left_behind), "job", resume=True).length == 0


@pytest.mark.parametrize("resume", [False, True], ids=["anew", "resume"])
@pytest.mark.parametrize(
    "names", [["part-00000.parquet"], ["000000"], ["letters/to_anna.txt"]], ids=["data", "digits", "folder"]
)
def test_a_folder_of_somebody_elses_files_is_refused_and_stays_as_it_is(names, resume, tmp_path):
    mine = tmp_path / "mine"
    for name in names:
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("precious")
    with pytest.raises(InputError, match="is no checkpoint, but holds"):
        Checkpoint(str(mine), "job", resume=resume)
    assert [(mine / name).read_text() for name in names] == ["precious"] * len(names)


def test_a_file_is_no_folder_for_a_checkpoint(tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(InputError, match="is a file"):
        Checkpoint(str(tmp_path / "mine"), "job", resume=False)
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("resume", [False, True], ids=["anew", "resume"])
def test_only_files_of_its_own_names_are_deleted_from_a_checkpoint(left_behind, resume):
    (left_behind / "zebra.txt").write_text("precious")
    Checkpoint(str(left_behind), "job", resume=resume).remove()
    assert [(file.name, file.read_text()) for file in left_behind.iterdir()] == [("zebra.txt", "precious")]


def test_a_checkpoint_that_is_done_leaves_no_folder(left_behind):
    Checkpoint(str(left_behind), "job", resume=True).remove()
    assert not left_behind.exists()


def test_a_checkpoint_of_another_version_is_not_resumed(left_behind):
    (left_behind / module.MARKER).write_text('{"format": 2, "treefold": "0.0.9", "job": ""}')
    with pytest.raises(InputError, match=r"written by treefold 0\.0\.9"):
        Checkpoint(str(left_behind), "job", resume=True)
    (left_behind / module.MARKER).write_text('{"treefold": "0.1.0"}')  # of the time of pickles
    with pytest.raises(InputError, match="is of format 1, and this version reads 2"):
        Checkpoint(str(left_behind), "job", resume=True)


def test_digests_are_by_content():
    assert digest((np.arange(3), {"a": 1, "b": [None]})) == digest((np.arange(3), {"b": [None], "a": 1}))
    different = [np.arange(3), np.arange(3.0), np.arange(4), (0, 1, 2), [0, 1, 2], logistic, "a", {"a": 1}, {"a": 2}]
    assert len({digest(value) for value in different}) == len(different)

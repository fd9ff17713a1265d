"""A file is damaged only if Parquet's reader refuses its content; a failing store is asked again."""

import errno
import os
import traceback

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from treefold.engine.reading import footers, parquet
from treefold.engine.reading.read_errors import UseSpark, read_error, storage_error
from treefold.engine.reading.spark_errors import unreadable_file
from treefold.errors import InputError

STORES = [
    OSError("google::cloud::Status(UNAVAILABLE: Connection reset by peer)"),
    OSError("Azure: 503 Server busy"),
    OSError("When reading information for key 'a/b.parquet' in bucket 'c': AWS Error NETWORK_CONNECTION"),
    OSError("Error reading s3://bucket/part-0.parquet: page blob not ready, corrupted header of the response"),
    OSError("Unexpected http response 502"),
    OSError("Tried reading 100 bytes starting at position 4 from file but only got 12"),
    OSError("Could not decrypt the object: KMS key is disabled"),
    OSError(),
    OSError(errno.EIO, os.strerror(errno.EIO)),
    PermissionError(errno.EACCES, os.strerror(errno.EACCES)),
    TimeoutError("timed out"),
    ConnectionResetError(errno.ECONNRESET, "Data page"),
]


@pytest.mark.parametrize("error", STORES, ids=str)
def test_an_error_of_a_store_is_raised_unchanged_and_explained_after_the_retries(error):
    raised = read_error("gs://bucket/part 0.parquet", error)
    assert raised is error
    try:
        raise raised
    except OSError:
        seen_by_spark = f"Job aborted due to stage failure: ...\n{traceback.format_exc()}\n\tat org.apache.spark"
    told = storage_error(RuntimeError(seen_by_spark))
    cause = (str(error) or type(error).__name__).splitlines()[0]
    assert str(told).startswith(f"gs://bucket/part 0.parquet could not be read ({cause}): see that its storage answers")
    assert "damaged" not in str(told)
    assert str(unreadable_file(RuntimeError(seen_by_spark))) == str(told)


def test_other_errors_of_spark_are_none_of_reading():
    assert unreadable_file(RuntimeError("Job aborted due to stage failure: a user's own mistake")) is None


def flipped(at: int):
    return lambda raw: raw[:at] + bytes(b ^ 0x5A for b in raw[at : at + 40]) + raw[at + 40 :]


HARM = {
    "a stump": lambda raw: b"PAR1",
    "text": lambda raw: b"x,label\n1,2\n" * 50,
    "without its end": lambda raw: raw[:-7],
    "half of it": lambda raw: raw[: len(raw) // 2] + raw[-8:],
    "page header": flipped(4),
    "compressed page": lambda raw: raw[:300] + b"\xff" * 2000 + raw[2300:],
    "footer": lambda raw: flipped(len(raw) - 300)(raw),
}


def read_whole(uri: str) -> None:
    for group, _ in footers.footer(uri).groups:
        list(parquet.read(group, ["x", "y"], 1000))


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "brotli", "lz4"])
@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_file_is_named_as_damaged(tmp_path, harm, compression):
    path = tmp_path / "one.parquet"
    table = pa.table({"x": np.arange(20_000.0) // 7, "y": np.arange(20_000) % 11})
    pq.write_table(table, path, compression=compression, use_dictionary=False, store_schema=False)
    path.write_bytes(HARM[harm](path.read_bytes()))
    with pytest.raises(InputError, match=r"one\.parquet is damaged or no Parquet file \(.*\): restore it or remove it"):
        read_whole(f"file://{path}")


@pytest.mark.parametrize(
    ("name", "kind"), [("a.csv", "CSV"), ("a.CSV.gz", "CSV"), ("b.jsonl", "JSON"), ("c.orc", "ORC")]
)
def test_a_file_named_as_of_another_format_is_told_so(tmp_path, name, kind):
    (tmp_path / name).write_text("a,b\n1,2\n" * 9)
    with pytest.raises(InputError, match=rf"{name} is {kind} and no Parquet file: let the job prepare"):
        footers.footer(f"file://{tmp_path}/{name}")


def test_a_page_that_fails_its_checksum_is_damaged():
    error = OSError("could not verify page integrity, CRC checksum verification failed for page_ordinal 0")
    assert isinstance(read_error("a", error), InputError)


def test_an_encrypted_file_is_left_to_spark(tmp_path):
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"x": [1.0]}), path)
    path.write_bytes(path.read_bytes()[:-4] + b"PARE")
    with pytest.raises(UseSpark, match="encrypted"):
        footers.footer(f"file://{path}")


def test_what_pyarrow_is_built_without_is_left_to_spark():
    assert isinstance(read_error("a", pa.ArrowNotImplementedError("Codec LZO")), UseSpark)


def test_on_the_driver_a_store_that_fails_leaves_the_file_to_spark(tmp_path, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("google::cloud::Status(UNAVAILABLE: Connection reset by peer)")

    monkeypatch.setattr(footers.pq, "read_metadata", fails)
    with pytest.raises(UseSpark, match="UNAVAILABLE"):
        footers.footer(f"file://{tmp_path}/one.parquet")

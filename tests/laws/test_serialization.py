"""Results of passes are restored to the bit and the type; no content of a file is executed."""

import json
import pickle
import sys
from functools import partial
from io import BytesIO
from threading import Lock
from types import ModuleType
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from numpy.lib import format as npy
from scipy.sparse import csr_array, csr_matrix

from treefold.algorithms.linear.objective import Objective
from treefold.dataset.blocks import Pass, Recomputed
from treefold.errors import InputError
from treefold.persistence import npz
from treefold.persistence.hashing import digest
from treefold.persistence.serialization import dumped, loaded

RNG = np.random.default_rng(3)


class Sums(NamedTuple):
    """As a user would write one."""

    total: np.ndarray
    rows: int


def alike(one, other):
    assert type(one) is type(other)
    if isinstance(one, csr_array | csr_matrix):
        assert one.shape == other.shape
        for name in ("data", "indices", "indptr"):
            alike(getattr(one, name), getattr(other, name))
    elif isinstance(one, np.ndarray | np.generic):
        assert (one.dtype, one.shape, one.tobytes("A")) == (other.dtype, other.shape, other.tobytes("A"))
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            alike(a, b)
    elif isinstance(one, dict):
        alike(list(one.items()), list(other.items()))
    else:
        assert repr(one) == repr(other)


@pytest.mark.parametrize(
    "value",
    [
        None, True, 1, -(10**30), 0.1, -0.0, float("inf"), float("nan"), "text \n\u20ac", b"\x00\xff",
        (), (1, (2.5, "a", [None, ()])), {"a": 1, 2: [np.float64(0.1)]},
        np.float32(0.1), np.uint64(2**63), np.bool_(True), np.array(3.0), np.zeros((0, 3)), np.zeros((2, 0), np.int8),
        RNG.standard_normal((3, 4)), np.asfortranarray(RNG.standard_normal((3, 4))), RNG.standard_normal((6, 4))[::2],
        np.array([1, 2], ">i4"), np.array(["a", "bcd"]), np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        np.array(["2020-01-01"], "M8[D]"), np.array([np.nan, -np.nan, np.inf]),
        csr_array(np.eye(3)), csr_matrix(np.eye(3, 4, dtype=np.float32)),
        Objective(*(np.full(2, i / 3) for i, _ in enumerate(Objective._fields))), Sums(np.arange(3), 4),
        Pass("objective", 0.1, 3, 2, 1, 1, 1.5, "memory", "flat", (Recomputed("gone", 2, 0.5),)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_come_back_as_they_were(value):
    back = loaded(dumped(value))
    alike(back, value)
    assert digest(back) == digest(value)
    if isinstance(value, np.ndarray):
        assert back.flags.writeable


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, np.array([None]), lambda: 0, np.ma.masked_array([1]), 1j, Lock(), (1, [object()])]
)
def test_what_cannot_be_held_is_one_line(value):
    with pytest.raises(InputError, match=r"a checkpoint cannot hold a .*, which a pass returned") as e:
        dumped(value)
    assert "\n" not in str(e.value)


def test_a_class_made_in_a_function_is_one_line():
    class Inner(NamedTuple):
        a: int

    with pytest.raises(InputError, match="define the class at the top of a module"):
        dumped(Inner(1))


def renamed(value, name):
    """The bytes of a value whose class is said to be another."""
    arrays = npz.unpacked(dumped(value))
    told = json.loads(arrays["structure"].tobytes())
    told["record"] = name
    arrays["structure"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    return npz.packed(arrays)


@pytest.mark.parametrize(
    "name",
    [
        "os:system", "subprocess:Popen", "builtins:eval", "treefold.errors:InputError", "collections:namedtuple", "",
        "treefold.nothing:Here", "treefold.persistence.serialization:loaded", "antigravity:Sums", "numpy:ndarray",
        "treefold.algorithms.linear.model:np.ndarray", "treefold.algorithms.linear.model:nothing.there",
    ],
)  # fmt: skip
def test_no_class_is_taken_but_those_of_results(name):
    with pytest.raises(ValueError, match="no class that is known here"):
        loaded(renamed(Sums(np.arange(3), 4), name))
    assert "antigravity" not in sys.modules


def test_a_module_of_the_users_is_looked_up_and_never_imported(tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="no class that is known here"):
        loaded(renamed(Sums(np.arange(3), 4), "evil_module:Sums"))
    module = ModuleType("users_module")
    module.Sums = NamedTuple("Sums", [("total", np.ndarray), ("rows", int)])
    module.Sums.__module__ = "users_module"
    monkeypatch.setitem(sys.modules, "users_module", module)
    assert type(loaded(renamed(Sums(np.arange(3), 4), "users_module:Sums"))) is module.Sums


def test_pickles_and_noise_are_refused():
    for content in (pickle.dumps(Sums(np.arange(3), 4)), b"", b"PK", npz.packed({"a": np.arange(3)})):
        with pytest.raises(ValueError):  # noqa: PT011
            loaded(content)
    whole = dumped(Sums(np.arange(3), 4))
    for cut in range(0, len(whole), 37):
        with pytest.raises(ValueError):  # noqa: PT011
            loaded(whole[:cut])


def test_sizes_are_looked_at_before_anything_is_unpacked(tmp_path):
    with ZipFile(tmp_path / "bomb", "w", ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * 10**7)
    with pytest.raises(ValueError, match="compressed"):
        npz.unpacked((tmp_path / "bomb").read_bytes())
    packed = npz.packed({"a": np.arange(3.0)})
    small, large = b"'shape': (3,), }        ", b"'shape': (3000000000,), }"
    assert packed.count(small) == 1
    with ZipFile(tmp_path / "lie", "w") as archive:
        header = packed[packed.index(b"\x93NUMPY") :][:128].replace(small + b" ", large)
        archive.writestr("a.npy", header + np.arange(3.0).tobytes())
    with pytest.raises(ValueError, match="does not fit its bytes"):
        npz.unpacked((tmp_path / "lie").read_bytes())


@pytest.mark.parametrize("kind", ["|V0", "<U0", "|S0"])
def test_elements_without_bytes_are_refused(tmp_path, kind):
    """NumPy gives an element of a text without characters a byte, which no file has to hold."""
    header = BytesIO()
    npy.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": (10**6,)})
    with ZipFile(tmp_path / "many", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    with pytest.raises(ValueError, match="does not fit its bytes"):
        npz.unpacked((tmp_path / "many").read_bytes())


def test_arrays_of_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        npz.packed({"a": np.array([None])})
    np.savez(tmp_path / "o.npz", a=np.array([None]))
    with pytest.raises(ValueError, match="does not fit its bytes"):
        npz.unpacked((tmp_path / "o.npz").read_bytes())


def closure(value):
    def inner(x):
        return x + value

    return inner


def recursive(n):
    def down(k):
        return down(k - 1) + n if k else 0

    return down


class Scaled:
    def __init__(self, by):
        self.by = by

    def of(self, x):
        return x * self.by


def module(source):
    space = {"__name__": "module"}
    exec(source, space)
    return space


def test_functions_of_different_content_have_different_digests():
    made = [
        lambda x: x + 1, lambda x: x + 2, lambda x: x - 1, lambda x, y=1: x + 1, lambda x, y=2: x + 1,
        lambda x, *, y=1: x + 1, closure(1), closure(2), closure(1.0), closure(np.arange(2)), closure(np.arange(3)),
        closure(closure(1)), closure(closure(2)), recursive(1), recursive(2), Scaled(1).of, Scaled(2).of,
        partial(closure(1), 1), partial(closure(1), 2), partial(closure(2), 1), [].append, [1].append, len, abs,
        np.add, np.subtract, np.random.default_rng(1), np.random.default_rng(2), Scaled(1), Scaled(2), Scaled,
        module("f = lambda x: max(x)")["f"], module("f = lambda x: min(x)")["f"], module("f = lambda x: 'a'")["f"],
        module("class C:\n def f(s): return 1")["C"], module("class C:\n def f(s): return 2")["C"],
        module("class C:\n def f(s): return 1")["C"](), module("class C:\n def f(s): return 2")["C"](),
        np.ma.masked_array([1, 2], [0, 1]), np.ma.masked_array([1, 2], [1, 0]), {1, 2}, {1, 3},
    ]  # fmt: skip
    assert len({digest(value) for value in made}) == len(made)


def test_functions_of_the_same_content_have_the_same_digest():
    for make in (
        lambda: closure(np.arange(3)), lambda: recursive(3), lambda: Scaled([1]).of, lambda: partial(closure(1), 2),
        lambda: module("def f(x):\n return {'a', 'b', 'c'} - {x}")["f"], lambda: np.random.default_rng(5),
    ):  # fmt: skip
        assert digest(make()) == digest(make())


def test_what_has_no_content_is_refused_in_one_line(tmp_path):
    with open(tmp_path / "f", "w") as file:
        for value in (Lock(), file, (n for n in [1]), Scaled(Lock()), closure(Lock()), partial(len, Lock())):
            with pytest.raises(InputError, match="has no content to compare") as caught:
                digest(value)
            assert "\n" not in str(caught.value)

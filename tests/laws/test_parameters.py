"""Shards and their clock: no result depends on the number of shards, on who pushes, how often and in which order."""

import itertools
import socket
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np
import pytest
from pyarrow import flight

from treefold.algorithms.ftrl.rule import Ftrl, nonzero
from treefold.errors import InputError
from treefold.parameters.clock import Push
from treefold.parameters.flight import RemoteShard
from treefold.parameters.shard import Layout, Shard
from treefold.parameters.shard_group import ShardGroup
from treefold.parameters.start import shard_processes
from treefold.runtime.certificates import SERVER, Credentials, credentials

RNG = np.random.default_rng(3)
KEYS, LANES, CLOCKS = 101, 5, 3
RULE = Ftrl(0.3, 1.0, 1e-3, 1e-2, free=KEYS - 1, weight=2.0)


class Plain(NamedTuple):
    """A rule whose coefficients are the sums of what was pushed."""

    vectors: tuple[str, ...] = ("w",)

    def coefficients(self, vectors, slots, keys):
        return vectors[0][slots].astype(float)

    def update(self, vectors, slots, keys, gradient):
        vectors[0][slots] += gradient


def pushes_of(clock):
    """Pushes of all lanes, with keys that repeat and values whose sum depends on the order of addition."""
    rng = np.random.default_rng([7, clock])
    return [
        Push(lane, rng.integers(0, KEYS, 300), rng.standard_normal(300) * 10.0 ** rng.integers(-8, 8, 300))
        for lane in range(LANES)
    ]


def run(group, arrivals=lambda pushes: [[push] for push in pushes], dtype="float32"):
    for clock in range(CLOCKS):
        for together in arrivals(pushes_of(clock)):
            group.push(clock, together)
        group.apply(clock, LANES, RULE)
    return group.values(RULE)


EXPECTED = {dtype: run(ShardGroup.in_process(KEYS, 1, RULE, dtype)) for dtype in ("float32", "float64")}


@pytest.mark.parametrize("dtype", EXPECTED)
@pytest.mark.parametrize("shards", [1, 2, 3, 7, KEYS, KEYS + 5])
def test_any_number_of_shards_has_the_same_bits(shards, dtype):
    np.testing.assert_array_equal(run(ShardGroup.in_process(KEYS, shards, RULE, dtype)), EXPECTED[dtype])


def test_any_order_of_arrival_and_any_tasks_have_the_same_bits():
    orders = list(itertools.permutations(range(LANES)))
    for order in RNG.permutation(orders)[:10]:
        for cut in range(LANES):

            def arrivals(pushes, order=order, cut=cut):
                mixed = [pushes[lane] for lane in order]
                return [part for part in (mixed[:cut], mixed[cut:]) if part]

            np.testing.assert_array_equal(run(ShardGroup.in_process(KEYS, 3, RULE), arrivals), EXPECTED["float32"])


def test_a_push_that_is_sent_twice_counts_once():
    twice = lambda pushes: [pushes, pushes[1:3], [pushes[0]]]  # noqa: E731
    np.testing.assert_array_equal(run(ShardGroup.in_process(KEYS, 3, RULE), twice), EXPECTED["float32"])
    shard = Shard(Layout(0, 1, KEYS, RULE.vectors))
    assert [shard.push(0, pushes_of(0)), shard.push(0, pushes_of(0))] == [LANES, 0]


def test_a_late_push_is_dropped_and_a_clock_is_applied_once():
    group = ShardGroup.in_process(KEYS, 3, RULE)
    for clock in range(CLOCKS):
        group.push(clock, pushes_of(clock))
        for _ in range(2):
            group.apply(clock, LANES, RULE)
        group.push(clock, pushes_of(99))
    np.testing.assert_array_equal(group.values(RULE), EXPECTED["float32"])


def test_a_clock_waits_for_all_lanes_and_its_coefficients_are_of_that_clock_alone():
    group = ShardGroup.in_process(KEYS, 2, RULE)
    group.push(0, pushes_of(0)[:-1])
    with pytest.raises(RuntimeError, match=r"lanes \[4\] have not pushed in clock 0"):
        group.apply(0, LANES, RULE)
    with pytest.raises(RuntimeError, match="clock 1 has not begun"):
        group.push(1, pushes_of(1))
    group.push(0, pushes_of(0))
    group.apply(0, LANES, RULE)
    for clock in (0, 2):
        with pytest.raises(RuntimeError, match="the shard is at clock 1"):
            group.pull(clock, np.arange(KEYS), RULE)


def test_a_coefficient_takes_8_bytes():
    group = ShardGroup.in_process(KEYS, 4, RULE)
    assert sum(vector.nbytes for shard in group.shards for vector in shard.vectors) == 8 * KEYS


def test_equal_keys_of_a_push_add():
    group = ShardGroup.in_process(10, 3, Plain(), "float64")
    group.push(
        0, [Push(0, np.array([4, 4, 4, 9]), np.array([1.0, 2.0, 4.0, 8.0])), Push(1, np.array([4]), np.array([16.0]))]
    )
    group.apply(0, 2, Plain())
    np.testing.assert_array_equal(group.pull(1, np.array([9, 4, 4, 0]), Plain()), [8, 23, 23, 0])


@pytest.mark.parametrize("shards", [1, 4, KEYS + 5])
def test_shards_hold_every_key_once(shards, monkeypatch):
    monkeypatch.setattr("treefold.parameters.shard.RUN", 8)
    group = ShardGroup.in_process(KEYS, shards, RULE)
    held = np.concatenate([one.keys for shard in group.shards for one in shard.runs()])
    np.testing.assert_array_equal(np.sort(held), np.arange(KEYS))
    np.testing.assert_array_equal(run(group), EXPECTED["float32"])
    np.testing.assert_array_equal(group.pull(CLOCKS, np.arange(KEYS), RULE), EXPECTED["float32"].astype("float32"))
    assert group.sum(nonzero, RULE).total == np.count_nonzero(EXPECTED["float32"][:-1])


def test_shards_in_processes_have_the_bits_of_shards_in_this_one():
    with shard_processes(KEYS, 3, RULE, "float32") as group:
        np.testing.assert_array_equal(run(group), EXPECTED["float32"])
        assert group.sum(nonzero, RULE).total == np.count_nonzero(EXPECTED["float32"][:-1])
        np.testing.assert_array_equal(group.pull(CLOCKS, np.arange(KEYS), RULE), EXPECTED["float32"].astype("float32"))
        assert group.shards[0].push(CLOCKS - 1, pushes_of(0)) == 0
        ports = [int(shard.address.split(":")[1]) for shard in group.shards]
        assert all(listens(port) for port in ports)
    assert not any(listens(port) for port in ports)


def test_a_stranger_is_refused():
    with shard_processes(KEYS, 1, RULE, "float32") as group:
        (shard,) = group.shards
        mine, other = shard.credentials, credentials()[1]
        for stranger in (other, Credentials(mine.authority, other.certificate, other.key)):
            with pytest.raises(InputError, match="does not answer"):
                RemoteShard(shard.address, stranger).pull(0, np.arange(3), RULE)
        mixed = {"cert_chain": mine.certificate, "private_key": other.key}
        for kept in ({}, mixed):
            with pytest.raises((flight.FlightUnavailableError, OSError, ValueError)):
                asked(f"grpc+tls://{shard.address}", tls_root_certs=mine.authority, override_hostname=SERVER, **kept)
        with pytest.raises(flight.FlightUnavailableError):
            asked(f"grpc://{shard.address}")
        np.testing.assert_array_equal(shard.pull(0, np.arange(3), RULE), 0)


def test_no_secret_is_shown():
    for made in credentials():
        assert b"PRIVATE KEY" in made.key
        for shown in (repr(made), str(made), repr(RemoteShard("host:1", made))):
            assert "PRIVATE" not in shown


def test_a_shard_that_has_ended_is_told_in_one_line(monkeypatch):
    started, begin = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **more: started.append(begin(*args, **more)) or started[-1])
    with shard_processes(KEYS, 2, RULE, "float32") as group:
        group.pull(0, np.arange(KEYS), RULE)
        assert len(started) == 2
        for process in started:
            process.kill()
        await_closed(int(shard.address.split(":")[1]) for shard in group.shards)
        for request in (
            lambda: group.pull(0, np.arange(KEYS), RULE), lambda: group.push(0, pushes_of(0)),
            lambda: group.apply(0, LANES, RULE), lambda: group.values(RULE), lambda: group.sum(nonzero, RULE),
        ):  # fmt: skip
            with pytest.raises(InputError, match=r"the parameter shard at .* does not answer"):
                request()


def test_a_shard_that_cannot_start_is_told_in_one_line():
    with (
        pytest.raises(InputError, match="ended at its start"),
        shard_processes(KEYS, 1, RULE, "float32", bind="192.0.2.77"),  # no address of this machine
    ):
        pass


def test_shards_end_with_their_driver():
    text = (
        "import sys, time\nfrom treefold.parameters.start import shard_processes\n"
        "from treefold.algorithms.ftrl.rule import Ftrl\n"
        "with shard_processes(9, 2, Ftrl(), 'float32') as group:\n"
        "    print(*(shard.address.split(':')[1] for shard in group.shards), flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as driver:
        ports = [int(port) for port in driver.stdout.readline().split()]
        assert len(ports) == 2
        assert all(listens(port) for port in ports)
        driver.kill()
    await_closed(ports)


def asked(address, **options):
    """The answer of a server to a client of these options."""
    client = flight.FlightClient(address, **options)
    return list(client.do_action(flight.Action("apply", b""), flight.FlightCallOptions(timeout=10)))


def listens(port):
    with socket.socket() as made:
        return made.connect_ex(("127.0.0.1", port)) == 0


def await_closed(ports):
    ports, until = list(ports), time.monotonic() + 60
    while any(listens(port) for port in ports) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(listens(port) for port in ports)

"""A shard behind Arrow Flight, with TLS on both sides: its server, and the handle by which tasks and driver reach it.

gRPC does not survive a fork after its first use. Servers are processes of their own, and the workers of Spark open
their connections themselves, after they have been forked.
"""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import flight

from treefold.errors import InputError
from treefold.parameters.clock import Push
from treefold.parameters.shard import Rule, Shard
from treefold.runtime.certificates import SERVER, Credentials

TIMEOUT = 300.0  # seconds after which a request fails, so that nothing waits for ever
CONNECTIONS = 16  # a process keeps


class ShardServer(flight.FlightServerBase):
    """Answers requests of clients whose certificate has the same authority.

    Requests contain pickled rules and statistics, so clients may run code in the process, as Spark's driver may on its
    executors.

    Parameters
    ----------
    shard : Shard
        The shard.
    host : str
        Address to listen at; the system chooses the port.
    credentials : Credentials
        Certificate of the shards.
    """

    def __init__(self, shard: Shard, host: str, credentials: Credentials) -> None:
        super().__init__(
            f"grpc+tls://{host}:0",
            tls_certificates=[(credentials.certificate, credentials.key)],
            verify_client=True,
            root_certificates=credentials.authority,
        )
        self.shard = shard

    def do_exchange(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Answer a pull: keys come, values go.

        Parameters
        ----------
        context, descriptor, reader, writer
            As in ``pyarrow.flight.FlightServerBase``; the command of the descriptor is the pickled clock and rule.
        """
        clock, rule = pickle.loads(descriptor.command)
        values = self.shard.pull(clock, _column(reader.read_chunk().data, 0), rule)
        answer = _batch(values=values)
        writer.begin(answer.schema)
        writer.write_batch(answer)

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Take pushes: a batch for each lane. They are admitted when all have come, so none is cut short.

        Parameters
        ----------
        context, descriptor, reader, writer
            As in ``pyarrow.flight.FlightServerBase``; the command of the descriptor is the pickled clock.
        """
        pushes = [
            Push(int.from_bytes(chunk.app_metadata.to_pybytes(), "big"), _column(chunk.data, 0), _column(chunk.data, 1))
            for chunk in reader
        ]
        counted = self.shard.push(pickle.loads(descriptor.command), pushes)
        writer.write(counted.to_bytes(8, "big"))

    def do_action(self, context: Any, action: Any) -> list[bytes]:
        """Apply a clock, or sum a statistic."""
        args = pickle.loads(action.body.to_pybytes())
        if action.type == "sum":
            return [pickle.dumps(self.shard.sum(*args))]
        self.shard.apply(*args)
        return [pickle.dumps(None)]

    def do_get(self, context: Any, ticket: Any) -> Any:
        """All values, in runs."""
        schema = pa.schema([("values", pa.float64())])
        runs = self.shard.values(pickle.loads(ticket.ticket))
        return flight.GeneratorStream(schema, (_batch(values=run) for run in runs))


@dataclass(frozen=True)
class RemoteShard:
    """A shard in another process, with the methods of :class:`~treefold.parameters.shard.Shard`.

    Attributes
    ----------
    address : str
        Host and port.
    credentials : Credentials
        Certificate of the tasks.
    """

    address: str
    credentials: Credentials = field(repr=False)

    def pull(self, clock: int, keys: NDArray[np.int64], rule: Rule) -> NDArray:
        """See :class:`~treefold.parameters.shard.Shard`."""
        asked = _batch(keys=keys)
        with self._connected() as (client, options):
            command = flight.FlightDescriptor.for_command(pickle.dumps((clock, rule)))
            writer, reader = client.do_exchange(command, options)
            with writer:
                writer.begin(asked.schema)
                writer.write_batch(asked)
                writer.done_writing()
                return _column(reader.read_chunk().data, 0)

    def push(self, clock: int, pushes: Sequence[Push]) -> int:
        """See :class:`~treefold.parameters.shard.Shard`."""
        schema = pa.schema([("keys", pa.int64()), ("values", pa.float64())])
        with self._connected() as (client, options):
            command = flight.FlightDescriptor.for_command(pickle.dumps(clock))
            writer, answers = client.do_put(command, schema, options)
            with writer:
                for lane, keys, values in pushes:
                    writer.write_with_metadata(_batch(keys=keys, values=values), lane.to_bytes(8, "big"))
                writer.done_writing()
                return int.from_bytes(answers.read().to_pybytes(), "big")

    def apply(self, clock: int, lanes: int, rule: Rule) -> None:
        """See :class:`~treefold.parameters.shard.Shard`."""
        self._act("apply", clock, lanes, rule)

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`~treefold.parameters.shard.Shard`."""
        return self._act("sum", stat, *args)

    def values(self, rule: Rule) -> Iterator[NDArray]:
        """See :class:`~treefold.parameters.shard.Shard`."""
        with self._connected() as (client, options):
            for chunk in client.do_get(flight.Ticket(pickle.dumps(rule)), options):
                yield _column(chunk.data, 0)

    def _act(self, name: str, *args: Any) -> Any:
        with self._connected() as (client, options):
            (answer,) = client.do_action(flight.Action(name, pickle.dumps(args)), options)
            return pickle.loads(answer.body.to_pybytes())

    @contextmanager
    def _connected(self) -> Iterator[tuple[flight.FlightClient, flight.FlightCallOptions]]:
        """The client of this process, and the options of a request; InputError if the shard does not answer."""
        try:
            yield _client(self.address, self.credentials), flight.FlightCallOptions(timeout=TIMEOUT)
        except (flight.FlightUnavailableError, flight.FlightTimedOutError) as error:
            raise InputError(
                f"the parameter shard at {self.address} does not answer: its process has ended or has too little "
                "memory, or it refuses this application; fit again, with more shards if memory is short"
            ) from error


@lru_cache(maxsize=CONNECTIONS)
def _client(address: str, credentials: Credentials) -> flight.FlightClient:
    return flight.FlightClient(
        f"grpc+tls://{address}",
        tls_root_certs=credentials.authority,
        cert_chain=credentials.certificate,
        private_key=credentials.key,
        override_hostname=SERVER,
    )


def _batch(**columns: NDArray) -> pa.RecordBatch:
    return pa.record_batch([pa.array(column) for column in columns.values()], list(columns))


def _column(batch: pa.RecordBatch, number: int) -> NDArray:
    found: NDArray = batch.column(number).to_numpy()
    return found

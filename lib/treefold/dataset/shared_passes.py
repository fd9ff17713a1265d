"""Several algorithms over one data set, in shared passes.

Each algorithm runs in a thread of its own and sees blocks of its own. Its requests are collected until every algorithm
has made one; then one pass computes all of them. Every algorithm receives the values that it would receive alone: the
same bits, or the same up to rounding where a statistic is computed for several algorithms at once (``fused_by``).
"""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, NamedTuple, TypeVar

from treefold.dataset.blocks import Blocks, Merge, Pass, WidenedStatistic, add
from treefold.dataset.folds import FoldTaskStatistic
from treefold.dataset.fused_statistic import FusedMerge, FusedStatistic, FusedTaskStatistic

T = TypeVar("T")


class Request(NamedTuple):
    """A statistic over blocks, its arguments, and how its values merge.

    ``reduce_tasks`` says whether the statistic takes all blocks of a task at once.
    """

    blocks: Blocks
    stat: Callable
    args: tuple
    merge: Merge
    reduce_tasks: bool


class Message(NamedTuple):
    """A value that an algorithm sends to the others."""

    value: Any


class Done(NamedTuple):
    """How an algorithm ended."""

    result: Any
    error: BaseException | None


class JobStopped(BaseException):
    """Another algorithm failed, so this one ends.

    It is a BaseException, so that ``except Exception`` in an algorithm does not catch it.
    """


class SharedBlocks:
    """The blocks as one of the algorithms sees them (a :class:`~treefold.dataset.blocks.Blocks`).

    Parameters
    ----------
    blocks : Blocks
        The blocks of all algorithms.
    number : int
        Number of the algorithm.
    inbox : SimpleQueue
        Queue of the requests of all algorithms.
    parent : SharedBlocks or None, default None
        Blocks from which these are mapped; they share its queue of answers.
    """

    def __init__(self, blocks: Blocks, number: int, inbox: SimpleQueue, parent: "SharedBlocks | None" = None) -> None:
        self.blocks, self.number, self.inbox, self.parent = blocks, number, inbox, parent
        self.answers: SimpleQueue = parent.answers if parent else SimpleQueue()
        self.stopped: Event = parent.stopped if parent else Event()

    @property
    def features(self) -> int:
        """Number of features."""
        return self.blocks.features

    @property
    def passes(self) -> list[Pass]:
        """The shared passes."""
        return self.blocks.passes

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`."""
        return self.reduce(WidenedStatistic(stat), *args, merge=add)

    def reduce(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.dataset.blocks.Scan`; waits until every other algorithm has made a request."""
        return self._answer(Request(self.blocks, stat, args, merge, False))

    def reduce_tasks(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.dataset.blocks.Blocks`; the pass is shared if the statistic holds blocks."""
        return self._answer(Request(self.blocks, stat, args, merge, True))

    def all_gather(self, value: Any) -> list[Any]:
        """The values of all algorithms that still run, in their order; no pass.

        All of them must call it equally often; one that has ended contributes nothing more.
        """
        messages: list[Any] = self._answer(Message(value))
        return messages

    def map(self, fn: Callable, *args: Any) -> "SharedBlocks":
        """See :class:`treefold.dataset.blocks.Blocks`; passes over the mapped blocks are the algorithm's own."""
        return SharedBlocks(self.blocks.map(fn, *args), self.number, self.inbox, self)

    def close(self) -> None:
        """Delete mapped blocks; the others belong to all."""
        if self.parent:
            self.blocks.close()

    def _answer(self, message: Request | Message) -> Any:
        if self.stopped.is_set():  # nothing answers any more
            raise JobStopped
        self.inbox.put((self.number, message))
        answer = self.answers.get()
        if self.stopped.is_set():
            raise JobStopped
        return answer

    def stop(self) -> None:
        """End the algorithm at the request it waits for or makes next; further requests raise as well."""
        self.stopped.set()
        self.answers.put(None)

    def run(self, job: Callable[[Blocks], Any]) -> None:
        """Run an algorithm and report its result or its error."""
        try:
            done = Done(job(self), None)
        except BaseException as error:
            done = Done(None, error)
        self.inbox.put((self.number, done))


def share_passes(
    blocks: Blocks, jobs: Sequence[Callable[[SharedBlocks], T]], on_pass: Callable[[], None] | None = None
) -> list[T]:
    """Run algorithms over the same blocks in shared passes.

    There are as many passes as the longest algorithm needs alone. The calling thread makes all of them; each job runs
    in a thread of its own.

    Parameters
    ----------
    blocks : Blocks
        The data set.
    jobs : list of callables
        Each takes blocks and returns its result.
    on_pass : callable, optional
        Called after every pass.

    Returns
    -------
    list
        The results, in the order of the jobs.

    Raises
    ------
    Exception
        The error of the first job that fails; the other jobs are stopped.
    """
    inbox: SimpleQueue = SimpleQueue()
    members = [SharedBlocks(blocks, number, inbox) for number in range(len(jobs))]
    threads = [
        Thread(target=shared_blocks.run, args=(job,), daemon=True)
        for shared_blocks, job in zip(members, jobs, strict=True)
    ]
    for thread in threads:
        thread.start()
    ended: dict[int, Done] = {}
    waiting: dict[int, Request | Message] = {}
    try:
        while len(ended) < len(members):
            while len(waiting) + len(ended) < len(members):
                number, message = inbox.get()
                if not isinstance(message, Done):
                    waiting[number] = message
                elif message.error is not None:
                    raise message.error
                else:
                    ended[number] = message
            asked = {number: m for number, m in sorted(waiting.items()) if isinstance(m, Request)}
            for number, value in (_answers(blocks, asked) if asked else _shared_messages(waiting)).items():
                members[number].answers.put(value)
                del waiting[number]
            if asked and on_pass:
                on_pass()
    finally:  # after a failure no job must wait for ever
        for shared_blocks in members:
            shared_blocks.stop()
        for thread in threads:
            thread.join()
    return [ended[number].result for number in range(len(members))]


def _answers(blocks: Blocks, asked: dict[int, Request]) -> dict[int, Any]:
    """The value of each request: one pass over the shared blocks, and one for each request that cannot share it.

    Statistics of a block have one pass, and statistics of a task that can share one have another.
    """
    found: dict[int, Any] = {}
    for of_tasks in (False, True):
        shared = {n: r for n, r in asked.items() if r.blocks is blocks and r.reduce_tasks == of_tasks and _shares(r)}
        found |= _shared_pass(blocks, shared, of_tasks) if shared else {}
    for number, (own, stat, args, merge, reduce_tasks) in asked.items():
        if number not in found:
            found[number] = (own.reduce_tasks if reduce_tasks else own.reduce)(stat, *args, merge=merge)
    return found


def _shares(request: Request) -> bool:
    """Whether a request can share a pass with others of its kind."""
    stat = request.stat.stat if isinstance(request.stat, FoldTaskStatistic) else request.stat
    return not request.reduce_tasks or getattr(stat, "holds_blocks", False)


def _shared_pass(blocks: Blocks, asked: dict[int, Request], of_tasks: bool) -> dict[int, Any]:
    """Values of several statistics: one pass."""
    requests = list(asked.values())
    stats, merge = [r.stat for r in requests], FusedMerge([r.merge for r in requests])
    args = [r.args for r in requests]
    if of_tasks:
        values = blocks.reduce_tasks(FusedTaskStatistic(stats), *args, merge=merge)
    else:
        values = blocks.reduce(FusedStatistic(stats), *args, merge=merge)
    return dict(zip(asked, values, strict=True))


def _shared_messages(waiting: dict[int, Any]) -> dict[int, Any]:
    """All messages, for every algorithm; they are delivered when no algorithm waits for a pass."""
    messages = [message.value for _, message in sorted(waiting.items())]
    return dict.fromkeys(waiting, messages)

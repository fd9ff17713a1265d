"""Several algorithms over one data set, in the same passes.

Each algorithm runs as if alone, on blocks of its own that ask for nothing until all have asked; then one pass computes
what all of them wanted. Whatever an algorithm learns from the data is what it would learn alone: to the bit, or to
rounding where a statistic can be computed for several at once.
"""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from treefold.algorithms.splits import seen_by
from treefold.blocks import Blocks, Leaf, Merge, Pass, add, stat_name

T = TypeVar("T")


class Request(NamedTuple):
    """A statistic over blocks, its arguments, how its values merge; of each block, or ``tally``, of all of a task."""

    blocks: Blocks
    stat: Callable
    args: tuple
    merge: Merge
    tally: bool


class Joint:
    """Several statistics of a block, as one whose value is a tuple of theirs."""

    def __init__(self, stats: list[Callable]) -> None:
        self.stats = stats
        names = [stat_name(stat) for stat in stats]
        self.__name__ = " + ".join(
            f"{name} x {names.count(name)}" if names.count(name) > 1 else name for name in dict.fromkeys(names)
        )

    def __call__(self, block: Any, *args: tuple) -> tuple:
        folds: dict[int, Any] = {}
        seen = [seen_by(stat, block, folds) for stat in self.stats]
        values: list[Any] = [None] * len(seen)
        for mine in _alike([stat for stat, _ in seen]):
            core = _core(seen[mine[0]][0])
            if len(mine) > 1:
                made = core.joined([seen[i][1] for i in mine], [args[i] for i in mine])
            else:
                made = [core(seen[i][1], *args[i]) for i in mine]
            for i, value in zip(mine, made, strict=True):
                values[i] = Leaf.widened(value) if isinstance(seen[i][0], Leaf) else value
        return tuple(values)


class JointMerge:
    """Merges the values of a :class:`Joint` one by one."""

    def __init__(self, merges: list[Merge]) -> None:
        self.merges = merges

    def __call__(self, left: tuple, right: tuple) -> tuple:
        return tuple(merge(a, b) for merge, a, b in zip(self.merges, left, right, strict=True))


def _core(stat: Callable) -> Any:
    return stat.stat if isinstance(stat, Leaf) else stat


def _alike(stats: list[Callable]) -> list[list[int]]:
    """Numbers of the statistics, those together that can be computed at once."""
    found: dict[Any, list[int]] = {}
    for number, stat in enumerate(stats):
        core = _core(stat)
        found.setdefault(core if hasattr(core, "joined") else number, []).append(number)
    return list(found.values())


class Word(NamedTuple):
    """What an algorithm tells the others."""

    value: Any


class Done(NamedTuple):
    """How an algorithm ended."""

    result: Any
    error: BaseException | None


class Dismissed(Exception):
    """Another algorithm failed, so this one ends."""


class Seat:
    """The blocks as one of the algorithms sees them (a :class:`~treefold.blocks.Blocks`)."""

    def __init__(self, blocks: Blocks, number: int, inbox: SimpleQueue, parent: "Seat | None" = None) -> None:
        self.blocks, self.number, self.inbox, self.parent = blocks, number, inbox, parent
        self.answers: SimpleQueue = parent.answers if parent else SimpleQueue()

    @property
    def features(self) -> int:
        """Number of features."""
        return self.blocks.features

    @property
    def passes(self) -> list[Pass]:
        """The shared passes."""
        return self.blocks.passes

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.blocks.Scan`."""
        return self.fold(Leaf(stat), *args, merge=add)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Scan`; waits until the others have asked as well."""
        return self._answer(Request(self.blocks, stat, args, merge, False))

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.blocks.Blocks`; the pass is the algorithm's own."""
        return self._answer(Request(self.blocks, stat, args, merge, True))

    def confer(self, value: Any) -> list[Any]:
        """What each of the algorithms under way tells the others, in their order; no pass.

        All of them must confer as often; one that has ended has nothing more to say.
        """
        words: list[Any] = self._answer(Word(value))
        return words

    def map(self, fn: Callable, *args: Any) -> "Seat":
        """See :class:`treefold.blocks.Blocks`; passes over the mapped blocks are the algorithm's own."""
        return Seat(self.blocks.map(fn, *args), self.number, self.inbox, self)

    def close(self) -> None:
        """Give back the room of mapped blocks; the others belong to all."""
        if self.parent:
            self.blocks.close()

    def _answer(self, message: Request | Word) -> Any:
        self.inbox.put((self.number, message))
        answer = self.answers.get()
        if isinstance(answer, Dismissed):
            raise answer
        return answer

    def run(self, job: Callable[[Blocks], Any]) -> None:
        """Run an algorithm and tell how it ended."""
        try:
            done = Done(job(self), None)
        except BaseException as error:
            done = Done(None, error)
        self.inbox.put((self.number, done))


def together(blocks: Blocks, jobs: Sequence[Callable[[Seat], T]], on_pass: Callable[[], None] | None = None) -> list[T]:
    """Run algorithms over the same blocks, all passes shared.

    As many passes are made as the longest algorithm needs alone. All of them are made by the calling thread; the jobs
    run in threads of their own.

    Parameters
    ----------
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
        What the first job to fail raised; the others are dismissed.
    """
    inbox: SimpleQueue = SimpleQueue()
    seats = [Seat(blocks, number, inbox) for number in range(len(jobs))]
    threads = [Thread(target=seat.run, args=(job,), daemon=True) for seat, job in zip(seats, jobs, strict=True)]
    for thread in threads:
        thread.start()
    ended: dict[int, Done] = {}
    waiting: dict[int, Request | Word] = {}
    try:
        while len(ended) < len(seats):
            while len(waiting) + len(ended) < len(seats):
                number, message = inbox.get()
                if not isinstance(message, Done):
                    waiting[number] = message
                elif message.error is not None:
                    raise message.error
                else:
                    ended[number] = message
            asked = {number: m for number, m in sorted(waiting.items()) if isinstance(m, Request)}
            for number, value in (_answers(blocks, asked) if asked else _shared_words(waiting)).items():
                seats[number].answers.put(value)
                del waiting[number]
            if asked and on_pass:
                on_pass()
    finally:  # after a failure nobody must wait for ever
        for seat in seats:
            seat.answers.put(Dismissed())
        for thread in threads:
            thread.join()
    return [ended[number].result for number in range(len(seats))]


def _answers(blocks: Blocks, asked: dict[int, Request]) -> dict[int, Any]:
    """What each seat asked for: one pass over the shared blocks, and one for each request over others."""
    shared = {n: r for n, r in asked.items() if r.blocks is blocks and not r.tally}
    found = _shared_pass(blocks, shared) if shared else {}
    for number, (own, stat, args, merge, tally) in asked.items():
        if number not in shared:
            found[number] = (own.tally if tally else own.fold)(stat, *args, merge=merge)
    return found


def _shared_pass(blocks: Blocks, asked: dict[int, Request]) -> dict[int, Any]:
    """Values of several statistics: one pass."""
    requests = list(asked.values())
    joint, merge = Joint([r.stat for r in requests]), JointMerge([r.merge for r in requests])
    values = blocks.fold(joint, *(r.args for r in requests), merge=merge)
    return dict(zip(asked, values, strict=True))


def _shared_words(waiting: dict[int, Any]) -> dict[int, Any]:
    """All words for everyone; they wait until nobody needs a pass."""
    words = [word.value for _, word in sorted(waiting.items())]
    return dict.fromkeys(waiting, words)

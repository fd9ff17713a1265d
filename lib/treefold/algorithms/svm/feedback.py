"""Rounds of certificate and feedback: the rows that violate optimality most are added until there are none."""

import logging
from collections.abc import Callable
from functools import partial

import numpy as np

from treefold.algorithms.svm.cascade import Cascade, leaf
from treefold.algorithms.svm.certificate import Candidate, Certificate, certify, merge_certificates
from treefold.algorithms.svm.machine import MOST_SUPPORT, Machine, Support, too_many
from treefold.algorithms.svm.result import Fitted, Round, result_of, round_of, with_work
from treefold.algorithms.svm.working_set import Solution
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.optim.status import MAX_ITER

LEAST_VIOLATORS = 2048  # rows that may be added in a round
log = logging.getLogger(__name__)


class Feedback:
    """Rounds of certificate and feedback over the machines that are not optimal yet.

    Parameters
    ----------
    blocks : Blocks
        All rows.
    machines : list of Machine
        Machines to fit.
    most : int
        Greatest number of rounds.
    seed : int
        Determines how rows are distributed over the leaves of the cascade.
    tell : callable
        Called after every round.
    """

    def __init__(
        self, blocks: Blocks, machines: list[Machine], most: int, seed: int, tell: Callable[[Round], None]
    ) -> None:
        self.blocks, self.machines, self.most, self.seed, self.tell = blocks, list(machines), most, seed, tell
        self.sets: list[Support] = []
        self.found: list[Fitted | None] = [None] * len(machines)

    def run(self) -> list[Fitted]:
        """Run the cascade, then rounds until every machine has ended."""
        cascade = Cascade(tuple(self.machines), self.seed)
        self.sets = list(self.blocks.reduce(leaf, cascade, merge=cascade.merged))
        live = list(range(len(self.machines)))
        for number in range(1, self.most + 1):
            live = self._round(live, number)
            done = [one for one in self.found if one is not None]
            self.tell(round_of(number, done))
            if not live:
                break
        return [one for one in self.found if one is not None]

    def _round(self, live: list[int], number: int) -> list[int]:
        """One round of the machines ``live``; returns those that continue.

        A machine that is optimal by kernel values of float32 is certified again with float64.
        """
        solutions = {}
        for i in live:
            self.sets[i], solutions[i] = self.machines[i].solved(self.sets[i], self.machines[i].tol / 2)
        reported = self._certificates({i: self.machines[i] for i in live}, solutions)
        again = {
            i: self.machines[i]._replace(exact=True)
            for i in live
            if reported[i].gap <= self.machines[i].tol and solutions[i].single
        }
        reported |= self._certificates(again, solutions)
        further = []
        for i in live:
            machine, solved, certificate = self.machines[i], self.sets[i], reported[i]
            ended = result_of(machine, solved, solutions[i], certificate.loss, certificate.gap, number)
            if certificate.gap > machine.tol and self._grown(i, certificate):
                further.append(i)
                ended = ended._replace(status=MAX_ITER)
            self.found[i] = with_work(ended, self.found[i])
        return further

    def _certificates(self, machines: dict[int, Machine], solutions: dict[int, Solution]) -> dict[int, Certificate]:
        """Certificates over all rows of some machines, by number: one pass, if there are any."""
        if not machines:
            return {}
        candidates = tuple(
            Candidate(machine, self.sets[i].used(), solutions[i].bias, max(LEAST_VIOLATORS, self.sets[i].size // 4))
            for i, machine in machines.items()
        )
        most = tuple(each.most for each in candidates)
        reported = self.blocks.reduce(certify, candidates, merge=partial(merge_certificates, most=most))
        return dict(zip(machines, reported, strict=True))

    def _grown(self, i: int, certificate: Certificate) -> bool:
        """Whether a machine can continue: violators were added, or float64 has not been tried."""
        before = self.sets[i]
        self.sets[i] = before.joined(certificate.violators._replace(coefficient=np.zeros(certificate.violators.size)))
        used = int(np.count_nonzero(before.coefficient))
        if used > MOST_SUPPORT:
            raise InputError(too_many(used))
        if self.sets[i].size > before.size:
            return True
        if self.machines[i].exact:
            return False
        log.info("kernel values of float32 leave a violation of %g: float64 follows", certificate.gap)
        self.machines[i] = self.machines[i]._replace(exact=True)
        return True

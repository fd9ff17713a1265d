"""What a task does to the worker that it shares with the user's own functions."""

import subprocess
import sys

WORKER = """
import gc, sys, types, weakref
from treefold.dataset.blocks import WidenedStatistic, add
from treefold.dataset.reduction import BlockReduction
from treefold.engine.execution.task import PassTask, pack
from treefold.statistics.moments import moments

class Cycle:
    def __init__(self):
        self.itself = self

def a_pass():
    assert len(list(PassTask(pack(BlockReduction(WidenedStatistic(moments), (), add)))([]))) == 1

a_pass()
frozen = gc.get_freeze_count()
assert frozen > 10_000
sys.modules["of_the_user"] = types.ModuleType("of_the_user")
kept = Cycle()
found = weakref.ref(kept)
a_pass()
assert gc.get_freeze_count() <= frozen
del kept
gc.collect()
assert found() is None
"""


def test_a_pass_spares_the_collector_imports_of_its_own_and_not_what_the_user_makes_later():
    subprocess.run([sys.executable, "-c", WORKER], check=True, timeout=120)

"""How a failed Spark job is reported."""

import pytest

from treefold.engine.execution.job_errors import without_module

TRACE = """An exception was thrown from the Python worker:
Traceback (most recent call last):
  File ".../pyspark/serializers.py", line 483, in loads
    return cloudpickle.loads(obj, encoding=encoding)
ModuleNotFoundError: No module named '{}'"""


@pytest.mark.parametrize(("module", "cure"), [("treefold", "spark.submit.pyFiles"), ("numba.core", "install it there")])
def test_a_worker_without_a_module_is_one_line_with_the_cure(module, cure):
    found = without_module(RuntimeError(TRACE.format(module)))
    assert f"has no module '{module.split('.')[0]}'" in str(found)
    assert cure in str(found)
    assert "\n" not in str(found)


def test_a_module_that_a_users_statistic_lacks_is_named_by_its_own_error():
    assert without_module(RuntimeError(TRACE.format("mystatistics"))) is None
    assert without_module(RuntimeError("no such thing")) is None

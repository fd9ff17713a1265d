"""The example in the docstring of every estimator runs and shows what it says."""

import doctest

import pytest

from treefold import ml

pytestmark = pytest.mark.spark

ESTIMATORS = [*ml.ESTIMATORS.values(), ml.CrossValidator, ml.TrainValidationSplit]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator.__name__)
def test_the_example_of_an_estimator_shows_what_it_does(spark, estimator):
    text = estimator.__doc__
    example = doctest.DocTestParser().get_doctest(text, {"spark": spark}, estimator.__name__, None, None)
    assert example.examples, f"{estimator.__name__} has no example"
    said: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    assert outcome.failed == 0, "".join(said)

"""Values that no fit can use are refused when a param is set, before any row is read."""

import pytest

from treefold import ml
from treefold.errors import InputError
from treefold.ml.params import Option, Options

CLASSES = [*ml.ESTIMATORS.values(), ml.CrossValidator, ml.TrainValidationSplit]
FREE = {"initialModel", "intermediateStorageLevel"}  # a path, and what MLlib knows
OBJECTS = {"estimator", "estimatorParamMaps", "evaluator"}  # a search looks at them when it is fitted


def options(made: Options) -> list[Option]:
    return [param for param in made.params if isinstance(param, Option)]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_no_param_takes_nan(cls):
    made = cls()
    for option in (each for each in options(made) if each.name not in OBJECTS):
        with pytest.raises(InputError, match=rf"^{option.name} = nan is no valid value"):
            made._set(**{option.name: float("nan")})


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_word_that_a_param_does_not_know_is_refused(cls):
    made = cls()
    words = [
        option.name
        for option in options(made)
        if isinstance(option.default, str) and not option.name.endswith("Col") and option.name not in FREE
    ]
    for name in words:
        with pytest.raises(InputError, match=f"^{name} = 'nonsense' is no valid value"):
            made._set(**{name: "nonsense"})


@pytest.mark.parametrize("cls", [ml.RandomForestClassifier, ml.RandomForestRegressor])
@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        ("featureSubsetStrategy", ["most", "0", "1.5", "-3"], ["AUTO", "oneThird", "7", "0.5", "1.0"]),
        ("minWeightFractionPerNode", [0.5, -0.1], [0.0, 0.4999]),
        ("subsamplingRate", [0.0, 1.1], [1e-6, 1.0]),
    ],
)
def test_forests_refuse_what_pyspark_refuses_and_return_what_was_set(cls, name, refused, taken):
    for value in refused:
        with pytest.raises(InputError, match=rf"^{name} = .* is no valid value"):
            cls(**{name: value})
    assert [cls(**{name: value}).getOrDefault(name) for value in taken] == taken


@pytest.mark.parametrize("ratio", [0.0, 1.0, 1.5])
def test_a_split_without_rows_on_one_side_is_refused(ratio):
    with pytest.raises(InputError, match=f"^trainRatio = {ratio} is no valid value"):
        ml.TrainValidationSplit(trainRatio=ratio)

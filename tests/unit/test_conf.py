import pytest

from treefold.cli.config import load_train
from treefold.errors import InputError
from treefold.ml import estimator

CONF = """
[data]
train = "a"
test = "b"
features = ["x*"]
label = "y"
[model]
name = "LogisticRegression"
regParam = 0.5
[solver]
name = "gd"
maxIter = 7
[output]
path = "out/a"
"""


@pytest.fixture
def conf(tmp_path):
    def load(*overrides, text=CONF):
        file = tmp_path / "a.toml"
        file.write_text(text)
        return load_train(str(file), list(overrides))

    return load


def test_solver_keys_become_params_of_the_model(conf):
    loaded = conf()
    assert loaded.model.name == "LogisticRegression"
    assert loaded.model.params == {"regParam": 0.5, "solver": "gd", "maxIter": 7}
    assert loaded.data.weight is None


def test_overrides_are_typed_and_win(conf):
    loaded = conf("solver.maxIter=50", "solver.name=lbfgs", "data.weight=w", "output.path=elsewhere/b")
    assert loaded.model.params == {"regParam": 0.5, "solver": "lbfgs", "maxIter": 50}
    assert (loaded.data.weight, loaded.output.path) == ("w", "elsewhere/b")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.lable=z"], "data: unknown key 'lable': did you mean 'label'"),
        (["sover.name=gd"], "the file: unknown key 'sover': did you mean 'solver'"),
        (["data.label=3"], r"data.label: expected `str \| null`, got `int`"),
        (["data.features=[]"], "data.features: expected `array` of length >= 1"),
        (["maxIter"], "'maxIter' is no override: write table.key=value"),
        (["data.label.x=1"], "label is no table"),
        (["model=3"], "model: expected `object`, got `int`"),
        (["solver=3"], "solver: expected `object`, got `int`"),
        (["data.version=2026-01-01"], r"data.version: expected `int \| datetime \| null`, got `date`"),
        (["data.version=2026-01-01T00:00:00"], "data.version: expected `datetime` with a timezone component"),
        (["data.version=-1"], "data.version: expected `int` >= 0"),
    ],
)
def test_a_bad_key_is_named_with_its_cure(conf, overrides, message):
    with pytest.raises(InputError, match=message):
        conf(*overrides)


@pytest.mark.parametrize(
    ("every", "passes", "seconds"), [("", 10, None), ("every = 3", 3, None), ('every = "2.5 s"', 1, 2.5)]
)
def test_checkpoints_come_every_so_many_passes_or_seconds(conf, every, passes, seconds):
    found = conf(text=f"{CONF}[checkpoint]\n{every}").checkpoint
    assert (found.passes, found.seconds) == (passes, seconds)


@pytest.mark.parametrize("every", ["0", '"soon"', '"5 min"'])
def test_other_moments_for_checkpoints_are_refused(conf, every):
    with pytest.raises(InputError, match=r"checkpoint\.every: expected"):
        conf(text=f"{CONF}[checkpoint]\nevery = {every}")


def test_test_set_and_label_may_be_left_out(conf):
    loaded = conf(text=CONF.replace('test = "b"', "").replace('label = "y"', ""))
    assert (loaded.data.test, loaded.data.label) == (None, None)


def test_a_missing_key_file_or_syntax_is_named(conf, tmp_path):
    with pytest.raises(InputError, match="data: object missing required field `train`"):
        conf(text=CONF.replace('train = "a"', ""))
    with pytest.raises(InputError, match=r"a\.toml is no TOML: .*line 1"):
        conf(text="[data\n")
    with pytest.raises(InputError, match=r"there is no conf .*b\.toml"):
        load_train(str(tmp_path / "b.toml"), [])


def test_class_weights_are_a_table_or_a_list_of_toml(conf):
    table = conf(text=CONF.replace("regParam = 0.5", "classWeight = {0 = 1.5, 1 = 3}"))
    assert estimator(table.model.name, **table.model.params).getClassWeight() == {0: 1.5, 1: 3.0}
    overridden = conf("model.classWeight={1 = 3}")
    assert estimator(overridden.model.name, **overridden.model.params).getClassWeight() == {1: 3.0}
    listed = conf("model.classWeight=[1, 2.5]")
    assert estimator(listed.model.name, **listed.model.params).getClassWeight() == [1.0, 2.5]

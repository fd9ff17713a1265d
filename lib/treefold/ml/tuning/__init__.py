"""Model selection: every fold and every setting in the same passes.

| Modules | Role |
|---|---|
| `validators`, `params`, `models` | the estimators, their params and their models |
| `candidates` | the settings that are tried |
| `scoring` | the metric |
| `split_plan`, `fold_rows` | the rows of each fold, before and after the stages in front of the estimator |
| `joint_search`, `joint_fit` | a search in shared passes, and the fits over the same rows |
| `spark_search` | a search of what has no shared passes, left to pyspark.ml |
| `results`, `fold_results`, `leaderboard` | the trials and their scores, made from the fits, and as text |
| `persistence`, `parts`, `class_names`, `stages` | how searches are saved and loaded |
"""

from treefold.ml.tuning.models import CrossValidatorModel, TrainValidationSplitModel
from treefold.ml.tuning.validators import CrossValidator, TrainValidationSplit, validator

__all__ = ["CrossValidator", "CrossValidatorModel", "TrainValidationSplit", "TrainValidationSplitModel", "validator"]

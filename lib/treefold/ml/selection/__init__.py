"""Model selection: every fold and every setting in the same passes.

``criteria`` says what is measured, ``folds`` who sees which rows, ``contest`` runs the fits together, ``search`` is
what came out, ``options``, ``validators`` and ``models`` are the face.
"""

from treefold.ml.selection.models import CrossValidatorModel, TrainValidationSplitModel
from treefold.ml.selection.validators import CrossValidator, TrainValidationSplit, validator

__all__ = ["CrossValidator", "CrossValidatorModel", "TrainValidationSplit", "TrainValidationSplitModel", "validator"]

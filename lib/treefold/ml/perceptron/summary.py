"""How the fit of a perceptron went."""

from treefold.dataset.blocks import Pass
from treefold.ml.base import Batch
from treefold.ml.linear.training_summary import TrainingSummary
from treefold.optim.status import MEANING


def summary_of(batch: Batch, passes: list[Pass]) -> TrainingSummary:
    """Summary of a batch of one; its learning curves are the objective and the loss of the rows held out."""
    outcome = MEANING[int(batch.status[0])]
    history, held, privacy = batch.histories[0], batch.details[0], batch.numpy_models[0].privacy
    return TrainingSummary(history, int(batch.iterations[0]), outcome, passes, held, privacy=privacy)

"""What a search finds out about its folds before the first fit."""

import logging

import numpy as np
import pytest

from treefold.dataset.block import Block
from treefold.dataset.splits import Given
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.ml.tuning.scoring import Criterion
from treefold.ml.tuning.split_plan import Plan

AREA, LOSS = (Criterion(name, name == "areaUnderROC", True, None) for name in ("areaUnderROC", "logLoss"))
FOLD = np.repeat([0.0, 1.0, 2.0], 4)
BOTH = np.tile([0.0, 1.0], 6)
LAST_OF_ONE = np.where(FOLD == 2, 1.0, BOTH)


def blocks_of(label, fold=FOLD, weight=None):
    label, weight = np.asarray(label, float), np.ones(12) if weight is None else weight
    parts = [slice(0, 5), slice(5, 12)]
    return LocalBlocks([Block(np.zeros((12, 1))[p], label[p], weight[p], p.start, (fold[p],)) for p in parts])


def checked(label, criterion=AREA, plan=None, weight=None, fold=FOLD):
    return (plan or Plan(3, 0, "fold")).check(blocks_of(label, fold, weight), Given(-1), criterion)


def test_a_fold_of_one_class_has_no_area_and_the_warning_has_the_cure(caplog):
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(checked(BOTH), [True] * 3)
        assert not caplog.records
        np.testing.assert_array_equal(checked(LAST_OF_ONE), [True, True, False])
    (record,) = caplog.records
    assert record.getMessage() == (
        "the rows held out in fold 2 are of one class: their areaUnderROC is NaN, and the means are of the other "
        "folds; set stratified=True instead of foldCol"
    )


def test_what_has_weight_0_is_no_row_of_a_class():
    weight = np.where((FOLD == 2) & (BOTH == 0), 0.0, 1.0)
    np.testing.assert_array_equal(checked(BOTH, weight=weight), [True, True, False])


def test_other_criteria_take_any_fold(caplog):
    np.testing.assert_array_equal(checked(LAST_OF_ONE * 2, LOSS), [True] * 3)
    assert not caplog.records


@pytest.mark.parametrize(
    ("label", "plan", "message"),
    [
        (FOLD, None, "areaUnderROC compares the labels 0 and 1, and there are others: use accuracy, f1 or logLoss"),
        (np.ones(12), None, "all rows are of one class, so there is no areaUnderROC: use accuracy or logLoss"),
        (FOLD > 0, None, "no fold has rows of both classes, so there is no areaUnderROC: set stratified=True instead"),
        (FOLD > 0, Plan(3, 0), "set stratified=True$"),
        (FOLD > 0, Plan(3, 0, stratified=True), "use fewer folds: the rarer class has fewer rows than there are folds"),
        (FOLD > 0, Plan(1, 0, train_share=0.7), "use another seed, or a smaller trainRatio"),
    ],
)
def test_an_area_that_no_fold_has_is_refused_before_the_fits(label, plan, message):
    fold = FOLD.clip(0, 1) if plan and plan.train_share else FOLD
    with pytest.raises(InputError, match=message):
        checked(label, plan=plan, fold=fold)


@pytest.mark.parametrize("criterion", [AREA, LOSS])
def test_rows_in_no_fold_and_folds_without_rows_are_refused(criterion):
    with pytest.raises(InputError, match="column 'fold' holds 4 values that are none of the folds 0 to 1"):
        checked(BOTH, criterion, Plan(2, 0, "fold"))
    with pytest.raises(InputError, match="fold 3 has no rows of positive weight"):
        checked(BOTH, criterion, Plan(4, 0, "fold"))

"""The rows of a training job, with the policies of private columns applied."""

from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession

from treefold import ml
from treefold.privacy.anonymity import check_k_anonymity
from treefold.privacy.columns import protected


class TrainingRows(NamedTuple):
    """Rows to train and to test on, and ``{"k_anonymity": k}`` of the training rows if the conf asks for it."""

    train: DataFrame
    test: DataFrame | None
    anonymity: dict[str, int | None]


def training_rows(spark: SparkSession, conf: Any) -> TrainingRows:
    """The rows that the conf of a training job names.

    Parameters
    ----------
    spark : SparkSession
        The session.
    conf : treefold.cli.config.Train
        With ``data`` and ``privacy``.

    Raises
    ------
    InputError
        If there are none, a policy cannot be applied, or too few training rows share their quasi-identifiers.
    """
    data, privacy = conf.data, conf.privacy
    train, *test = (protected(ml.read_parquet(spark, path), privacy) for path in (data.train, data.test) if path)
    k = check_k_anonymity(train, privacy)
    asked = privacy is not None and privacy.kAnonymity is not None
    return TrainingRows(train, test[0] if test else None, {"k_anonymity": k} if asked else {})

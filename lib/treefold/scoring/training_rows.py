"""The rows of a training job, with the policies of private columns applied."""

from typing import Any, NamedTuple

from pyspark.sql import DataFrame, SparkSession

from treefold import ml
from treefold.engine.reading.planned_table import tables_of
from treefold.privacy.anonymity import check_k_anonymity
from treefold.privacy.columns import protected


class TrainingRows(NamedTuple):
    """Rows to train and to test on, and what ``metrics.json`` says of them.

    That is ``k_anonymity`` of the training rows if the conf asks for it, and the versions of ``tables``, if the rows
    are of tables.
    """

    train: DataFrame
    test: DataFrame | None
    described: dict[str, Any]


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
    named = ((data.train, data.version), (data.test, data.testVersion))
    read = [ml.read_parquet(spark, path, version) for path, version in named if path]
    train, *test = (protected(rows, privacy) for rows in read)
    k = check_k_anonymity(train, privacy)
    asked = privacy is not None and privacy.kAnonymity is not None
    described = {"k_anonymity": k} if asked else {}
    return TrainingRows(train, test[0] if test else None, {**described, **tables_of(*read)})

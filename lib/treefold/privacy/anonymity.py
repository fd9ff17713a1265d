"""k-anonymity: how many rows share the same quasi-identifiers, at least."""

from difflib import get_close_matches
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from treefold.errors import InputError
from treefold.privacy.policies import Privacy


def check_k_anonymity(data: DataFrame, privacy: Privacy | None) -> int | None:
    """The rows of the smallest group with the same quasi-identifiers, from one job of Spark.

    Parameters
    ----------
    data : DataFrame
        Rows after the policies. Nulls are a value like another.
    privacy : Privacy, optional
        With ``kAnonymity`` and ``quasiIdentifiers``; without them nothing is counted.

    Returns
    -------
    int or None
        None if nothing was counted, or there are no rows.

    Raises
    ------
    InputError
        If a group is smaller than ``kAnonymity``, or a quasi-identifier is missing. The message quotes no value.

    References
    ----------
    Sweeney, "k-anonymity: a model for protecting privacy", Int. J. Uncertainty, Fuzziness and Knowledge-Based Systems
    10, 2002.
    """
    if privacy is None or privacy.kAnonymity is None:
        return None
    for name in privacy.quasiIdentifiers:
        if name not in data.columns:
            close = get_close_matches(name, data.columns, 1)
            meant = f": did you mean '{close[0]}'?" if close else ""
            raise InputError(f"privacy.quasiIdentifiers: there is no column '{name}'{meant}")
    names = ["`" + name.replace("`", "``") + "`" for name in privacy.quasiIdentifiers]
    size = f.count(f.lit(1)).alias("size")
    groups = data.select(*(f.col(name).alias(str(i)) for i, name in enumerate(names)))
    small = f.when(f.col("size") < privacy.kAnonymity, f.col("size"))
    told: Any = groups.groupBy(*groups.columns).agg(size).agg(f.min("size"), f.count(small), f.sum(small)).first()
    least, few, rows = told
    if few:
        raise InputError(
            f"{rows:,} rows are in {few:,} groups of fewer than {privacy.kAnonymity} rows with the same "
            f"{', '.join(privacy.quasiIdentifiers)}; the smallest has {least}: generalise these columns further, or "
            "lower privacy.kAnonymity"
        )
    return None if least is None else int(least)

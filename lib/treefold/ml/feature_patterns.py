"""The columns that the patterns of featuresCol match."""

import re
from collections.abc import Collection, Iterable, Sequence


def features_named(names: Iterable[str], there: Sequence[str], reserved: Collection[str]) -> list[str]:
    """Columns that a list of names and patterns stands for.

    Only ``*`` is a wildcard. A name that is a column stands for that column, whatever characters it contains.

    Parameters
    ----------
    names : iterable of str
        Column names or patterns.
    there : sequence of str
        Columns of the data.
    reserved : collection of str
        Columns with another role in the fit. Patterns do not match them, full names do.

    Returns
    -------
    list of str
        In the order of ``names``; the matches of a pattern are in the order of the data. A pattern does not add a
        column that is named in full or matched by an earlier pattern. A pattern without a match is returned unchanged,
        so that an error can name it.
    """
    names = list(names)
    taken = {name for name in names if name in there}
    found: list[str] = []
    for name in names:
        if "*" not in name or name in there:
            found.append(name)
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in name.split("*")), re.DOTALL)
        matches = [column for column in there if pattern.fullmatch(column)]
        found += [column for column in matches if column not in taken and column not in reserved] if matches else [name]
        taken.update(matches)
    return found

"""What a preparation has learned from the training rows, as JSON."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from treefold.errors import InputError
from treefold.persistence import output_folder

FORMAT = 1
PREPARATION = "preparation.json"
PREFIX = "x_"
MISSING = "(missing)"
OTHERS = "(others)"


class Numeric(Struct, frozen=True, tag="numeric"):
    """A number: the value that replaces a missing one, and what is subtracted and divided by."""

    column: str
    fill: float
    centre: float
    scale: float
    indicator: bool


class Levels(Struct, frozen=True, tag="levels"):
    """Text or whole numbers: a column for each level (``onehot``), or the index of the level (``ordinal``).

    Levels that are not among these are the others.
    """

    column: str
    levels: list[str]
    onehot: bool
    unseen: Literal["other", "error"]


class Target(Struct, frozen=True, tag="target"):
    """The mean label of a level, drawn to the mean label of all rows; ``folds`` has those without each fold."""

    column: str
    means: dict[str, float]
    prior: float
    folds: list[dict[str, float]]
    priors: list[float]


class Dates(Struct, frozen=True, tag="dates"):
    """Parts of a time."""

    column: str
    parts: list[str]


class Hashed(Struct, frozen=True, tag="hashed"):
    """Columns hashed to one sparse vector by pyspark.ml's FeatureHasher; text by its Tokenizer and HashingTF."""

    columns: list[str]
    numFeatures: int
    text: bool


Step = Numeric | Levels | Target | Dates | Hashed


class Preparation(Struct, frozen=True):
    """Steps in order, and the levels of a label of text."""

    format: int
    treefold: str
    steps: list[Step]
    label: str | None = None
    labels: list[str] | None = None

    @property
    def columns(self) -> list[str]:
        """The raw columns that are read, without the label."""
        found: list[str] = []
        for step in self.steps:
            found += step.columns if isinstance(step, Hashed) else [step.column]
        return list(dict.fromkeys(found))

    def encoded(self) -> bytes:
        """The content of ``preparation.json``."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def load_preparation(uri: str) -> Preparation:
    """The preparation that was published at a path.

    Raises
    ------
    InputError
        If there is none, or it is damaged or of a newer version.
    """
    try:
        content = output_folder.read(uri, PREPARATION)
        preparation = msgspec.json.decode(content, type=Preparation)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"there is no {uri.rstrip('/')}/{PREPARATION}: name the output of a prepare job") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise InputError(
            f"{uri.rstrip('/')}/{PREPARATION} is damaged: restore it, or prepare the data again"
        ) from error
    if preparation.format > FORMAT:
        raise InputError(f"{uri} was prepared by treefold {preparation.treefold}: update treefold to read it")
    return preparation


def feature_name(*parts: Any) -> str:
    """Name of a feature column: letters, digits and underscores, after the prefix."""
    text = "_".join(str(part) for part in parts)
    return PREFIX + "".join(letter if letter.isalnum() else "_" for letter in text)

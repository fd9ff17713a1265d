"""What is done to private columns, as frozen records of a conf or of Python."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0)]
OPTIONS = {
    "drop": (),
    "mask": ("prefix", "suffix", "format"),
    "pseudonymise": (),
    "generalise": ("width", "edges", "date", "prefix"),
    "encrypt": ("deterministic",),
}


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """What is done to one column.

    Raises
    ------
    ValueError
        If an option belongs to another policy, or ``generalise`` has not exactly one option.

    Examples
    --------
    >>> Policy("mask", suffix=4).options
    {'suffix': 4}
    """

    policy: Annotated[
        Literal["drop", "mask", "pseudonymise", "generalise", "encrypt"],
        Meta(description="`drop`, `mask`, `pseudonymise`, `generalise` or `encrypt`"),
    ]
    prefix: Annotated[Count, Meta(description="of `mask` and `generalise`: first characters that stay")] = 0
    suffix: Annotated[Count, Meta(description="of `mask`: last characters that stay")] = 0
    format: Annotated[
        bool, Meta(description="of `mask`: letters and digits alone are replaced, so that the format stays")
    ] = False
    width: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="of `generalise`: numbers become multiples of this")
    ] = None
    edges: Annotated[
        list[float], Meta(description="of `generalise`: numbers become the last of these edges that is not above them")
    ] = []
    date: Annotated[
        Literal["month", "quarter", "year"] | None,
        Meta(description="of `generalise`: times become the beginning of their month, quarter or year"),
    ] = None
    deterministic: Annotated[
        bool, Meta(description="of `encrypt`: equal values have equal ciphertexts, so that they can be joined")
    ] = False

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in OPTIONS[self.policy]:
                raise ValueError(f"{name} is no option of {self.policy}: leave it out")
        if self.policy == "generalise" and len(self.options) != 1:
            raise ValueError("generalise takes one of width, edges, date and prefix")
        if self.edges != sorted(set(self.edges)):
            raise ValueError("edges must increase")

    @property
    def options(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        both = [(name, getattr(self, name)) for name in self.__struct_fields__[1:]]
        return {name: value for name, value in both if value}

    @property
    def keyed(self) -> bool:
        """Whether the policy needs a key."""
        return self.policy in ("pseudonymise", "encrypt")

    @property
    def random(self) -> bool:
        """Whether a value becomes another one at each evaluation."""
        return self.policy == "encrypt" and not self.deterministic


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """The policies of a job.

    Raises
    ------
    ValueError
        If a policy needs a key and there is none, a quasi-identifier is dropped or encrypted at random, or one of
        ``kAnonymity`` and ``quasiIdentifiers`` is given without the other.
    """

    columns: Annotated[dict[Name, Policy], Meta(description="the policy of each private column")] = {}
    key: Annotated[Name | None, Meta(description="the file of the key of `pseudonymise` and `encrypt`")] = None
    quasiIdentifiers: Annotated[
        list[Name], Meta(description="columns that together could identify a person, after the policies")
    ] = []
    kAnonymity: Annotated[
        Annotated[int, Meta(ge=2)] | None,
        Meta(description="the least rows with the same quasi-identifiers; below it the job fails"),
    ] = None

    def __post_init__(self) -> None:
        keyed = sorted(name for name, policy in self.columns.items() if policy.keyed)
        if keyed and self.key is None:
            raise ValueError(f"the policy of column '{keyed[0]}' needs privacy.key, the file of a key")
        if (self.kAnonymity is None) != (not self.quasiIdentifiers):
            raise ValueError("privacy.kAnonymity and privacy.quasiIdentifiers go together")
        for name in self.quasiIdentifiers:
            policy = self.columns.get(name)
            if policy and (policy.policy == "drop" or policy.random):
                raise ValueError(f"column '{name}' is no quasi-identifier: its policy leaves nothing to group by")

    @property
    def random(self) -> list[str]:
        """Columns whose values differ at each evaluation."""
        return [name for name, policy in self.columns.items() if policy.random]

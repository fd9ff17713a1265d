"""Reading a conf: a TOML file and overrides from the command line, checked into a frozen record."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct

from treefold.errors import InputError

T = TypeVar("T")


def load(path: str, overrides: list[str], kind: type[T]) -> T:
    """The conf at a path as a record.

    Parameters
    ----------
    path : str
        A TOML file.
    overrides : list of ``table.key=value``
        Applied over the file. A value that is not TOML is text, unless it begins like a list, a table or a quoted text.
    kind : type
        Class of the record.

    Returns
    -------
    Struct
        Of class ``kind``.

    Raises
    ------
    InputError
        If the file is missing or is not TOML, a key is unknown, missing or of the wrong type, or an override has no
        ``=``.
    """
    tables = _read(path)
    for override in overrides:
        _apply(tables, override)
    return record(path, tables, kind)


def record(where: str, tables: dict[str, Any], kind: type[T]) -> T:
    """Tables of a conf as a record.

    Parameters
    ----------
    where : str
        What errors call the tables, such as the path of the file.
    tables : dict
        Keys and values, nested by table.
    kind : type
        Class of the record.

    Returns
    -------
    record

    Raises
    ------
    InputError
        If a key is unknown, missing or of the wrong type.
    """
    try:
        gather = getattr(kind, "gather", None)
        if gather:
            gather(tables)
        return msgspec.convert(tables, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {_explain(str(error), kind)}") from error


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text())
    except FileNotFoundError as error:
        raise InputError(f"there is no conf {path}: name one of {_confs()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _confs() -> str:
    return ", ".join(sorted(str(file) for file in Path("conf").glob("*.toml"))) or "your own (conf/ holds none)"


def _apply(tables: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    names = key.split(".")
    if not equals or not all(names):
        raise InputError(f"'{override}' is no override: write table.key=value, such as solver.maxIter=50")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        if text[:1] in ("[", "{", '"', "'"):
            quoted = "'" + f"""{key}=["a", "b"]""" + "'"
            raise InputError(
                f"'{override}' is no TOML: quote its words, and all of it for the shell: {quoted}"
            ) from error
        value = text
    table = tables
    for name in names[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise InputError(f"'{override}': {name} is no table")
    table[names[-1]] = value


def _explain(message: str, kind: type) -> str:
    """The checker's message with the position first, and the nearest known key."""
    text, _, place = message.partition(" - at `$")
    where = place.rstrip("`").lstrip(".") or "the file"
    unknown = re.search(r"unknown field `(.*)`", text)
    if not unknown:
        return f"{where}: {text[0].lower()}{text[1:]}"
    known = kind
    path = where.replace("[...]", "")  # which follows a table whose keys are the user's
    for name in path.split(".") if place.rstrip("`") else []:
        known = _record(next(field.type for field in msgspec.structs.fields(known) if field.name == name))
    fields = [field.name for field in msgspec.structs.fields(known)]
    fields += ["solver"] if known is kind and hasattr(kind, "gather") else []
    close = difflib.get_close_matches(unknown[1], fields, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(fields)}"
    return f"{where}: unknown key '{unknown[1]}': {hint}"


def _record(kind: Any) -> Any:
    """The record in the type of a field, which may be optional, or a table of records."""
    inner = (kind, *get_args(kind), *(deep for each in get_args(kind) for deep in get_args(each)))
    return next(each for each in inner if isinstance(each, type) and issubclass(each, Struct))

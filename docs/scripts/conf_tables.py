"""The page of conf keys, made from the records that confs are checked against."""

import inspect
import pkgutil
import types
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

import treefold.jobs
from param_tables import code, table

WORDS = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    datetime: "time with a zone",
    type(None): "",
}


def jobs() -> list[str]:
    """The verbs of the command line."""
    return sorted(module.name for module in pkgutil.iter_modules(treefold.jobs.__path__))


def module_of(job: str) -> types.ModuleType:
    """The module of a job."""
    return import_module(f"treefold.jobs.{job}")


def loader(job: str) -> Any:
    """The function that reads a job's conf."""
    return getattr(module_of(job), f"load_{job}")


def conf_of(job: str) -> type[Struct]:
    """The record of a job's conf, which has the job's name."""
    load = loader(job)
    return getattr(import_module(load.__module__), job.capitalize())


def records(kind: Any) -> list[type[Struct]]:
    """The records that a field of this type may be."""
    if inspect.isclass(kind) and issubclass(kind, Struct):
        return [kind]
    return [record for each in get_args(kind) for record in records(each)]


def is_table(kind: Any) -> bool:
    """Whether a field is a table whose keys are names of the user's."""
    return dict in (get_origin(kind), *(get_origin(each) for each in get_args(kind)))


def leaves(record: type[Struct], path: str = "") -> Iterator[tuple[str, Any, msgspec.structs.FieldInfo]]:
    """Dotted key, annotated type and field of everything in a conf that is no record itself."""
    hints = get_type_hints(record, include_extras=True)
    for field in msgspec.structs.fields(record):
        inner, named = records(hints[field.name]), "NAME." if is_table(hints[field.name]) else ""
        if inner:
            yield from (each for one in inner for each in leaves(one, f"{path}{field.name}.{named}"))
        else:
            yield f"{path}{field.name}", hints[field.name], field


def description(kind: Any) -> str:
    """What the type of a key is annotated with; empty if nothing."""
    found = [each.description for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta)]
    return next((text for text in found if text), "")


def in_words(kind: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return in_words(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(word for word in map(in_words, inner) if word)
    if origin is Literal:
        return " or ".join(map(code, inner))
    if origin in (list, tuple):
        return f"list of {in_words(inner[0])}"
    if origin is dict or kind is dict:
        return "table"
    return WORDS.get(kind, "any value")


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """The default of a key."""
    if field.required:
        return "required"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return "unset" if value is None else code(value)


def shown(key: str) -> str:
    """A key as a conf has it: ``params`` collects the other keys of its table."""
    return f"`{key.removesuffix('.params')}.` ..." if key.endswith(".params") else f"`{key}`"


def page() -> str:
    """Every key of every job's conf."""
    parts = [
        "# Conf files\n",
        "A job reads a TOML file. `table.key=value` after it on the command line overrides a key. An unknown key ends\n"
        "the job with one line. The table `[solver]` is read as a part of `[model]`: its key `name` is the param\n"
        "`solver`, and every other key is a [param](params/index.md). This page is made from the records that confs\n"
        "are checked against.\n",
    ]
    for job in jobs():
        about = (inspect.getdoc(module_of(job)) or "").split("\n")[0]
        keys = leaves(conf_of(job))
        rows = [[shown(key), in_words(kind), default_of(field), description(kind)] for key, kind, field in keys]
        parts.append(f"## `{job}`\n\n{about}\n\n{table(['key', 'value', 'default', 'meaning'], rows)}")
    return "\n".join(parts)

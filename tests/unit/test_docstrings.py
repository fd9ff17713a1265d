"""Functions of the package say what their arguments are: read from the source, nothing is imported."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "lib" / "treefold"
ENOUGH = 3  # arguments from which a section is required
SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^[A-Z][A-Za-z ]*\n-+$|\Z)", re.M | re.S)
ELSEWHERE = re.compile(r"^See :class:`~?([\w.]+)`")


class Function(NamedTuple):
    """A function of a source, with its class if it is a method."""

    where: str
    owner: str
    name: str
    arguments: tuple[str, ...]
    doc: str


def functions_of(source: str, where: str) -> Iterator[Function]:
    """The public functions and methods of a source; of a class also ``__init__``, which the class documents."""
    yield from _functions(ast.parse(source), where, None)


def _functions(node: ast.Module | ast.ClassDef, where: str, owner: ast.ClassDef | None) -> Iterator[Function]:
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from _functions(child, where, child)
        elif isinstance(child, ast.FunctionDef) and (not child.name.startswith("_") or child.name == "__init__"):
            doc = ast.get_docstring(child) or ""
            if owner is not None and child.name == "__init__":
                doc = f"{ast.get_docstring(owner) or ''}\n\n{doc}"
            yield Function(
                f"{where}:{child.lineno}", owner.name if owner else "", child.name, _arguments(child, owner), doc
            )


def _arguments(node: ast.FunctionDef, owner: ast.ClassDef | None) -> tuple[str, ...]:
    static = any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)
    positional = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    variable = [each.arg for each in (node.args.vararg, node.args.kwarg) if each]
    return (*positional[1 if owner and not static else 0 :], *(each.arg for each in node.args.kwonlyargs), *variable)


def named(doc: str) -> set[str]:
    """The names that the sections ``Parameters`` of a docstring explain."""
    lines = [line for section in SECTION.findall(doc) for line in section.splitlines()]
    heads = [line.partition(" :")[0] for line in lines if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def unexplained(functions: list[Function]) -> dict[str, set[str]]:
    """Arguments without an explanation, by place; a method may refer to the same method of another class."""
    by_name = {(each.owner, each.name): named(each.doc) for each in functions if named(each.doc)}
    found = {}
    for each in functions:
        if len(each.arguments) >= ENOUGH:
            elsewhere = ELSEWHERE.match(each.doc)
            known = named(each.doc)
            if elsewhere:
                known |= by_name.get((elsewhere[1].rpartition(".")[2], each.name), set())
            if set(each.arguments) - known:
                found[f"{each.where} {each.name}"] = set(each.arguments) - known
    return found


def test_every_function_of_three_or_more_arguments_explains_all_of_them():
    functions = [
        function
        for path in sorted(PACKAGE.rglob("*.py"))
        for function in functions_of(path.read_text(), str(path.relative_to(PACKAGE)))
    ]
    assert sum(len(each.arguments) >= ENOUGH for each in functions) > 200  # the sources have been found
    assert unexplained(functions) == {}


DOCUMENTED = '''
class Scan:
    def reduce(self, stat, *args, merge):
        """Merge partials.

        Parameters
        ----------
        stat, *args
            The statistic.
        merge : callable
            Merges two.

        Returns
        -------
        unnamed : Any
        """
'''
REFERRING = '''
class A:
    def reduce(self, stat, *args, merge):
        """See :class:`~x.Scan`."""
'''


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ('def f(a, b, c):\n    """Sum."""', {"a", "b", "c"}),
        ("def f(a, b, c): ...", {"a", "b", "c"}),
        ("def f(a, b): ...", None),
        ("def _f(a, b, c): ...", None),
        ("class A:\n    def f(self, a, b): ...", None),
        ("class A:\n    def __init__(self, a, b, c): ...", {"a", "b", "c"}),
        ("class A:\n    @staticmethod\n    def f(a, b, c): ...", {"a", "b", "c"}),
        ("def f(a, *, b, **c): ...", {"a", "b", "c"}),
        (DOCUMENTED, None),
        (DOCUMENTED.replace("merge : callable", "fold : callable"), {"merge"}),
        (DOCUMENTED.replace("merge : callable", "").replace("unnamed", "merge"), {"merge"}),
        (f"{DOCUMENTED}\n{REFERRING}", None),
        (f"{DOCUMENTED}\n{REFERRING.replace('reduce', 'map')}", {"stat", "args", "merge"}),
        (f"{DOCUMENTED}\n{REFERRING.replace('Scan', 'Other')}", {"stat", "args", "merge"}),
    ],
)
def test_an_argument_that_is_not_explained_is_found(source, missing):
    assert list(unexplained(list(functions_of(source, "x"))).values()) == ([] if missing is None else [missing])

"""Functions and modules of the library are short enough to be read at once."""

import ast
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "lib" / "treefold"
MOST_OF_A_FUNCTION, MOST_OF_A_MODULE = 60, 250
DOCUMENTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module


def docstring_lines(node: DOCUMENTED) -> int:
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def sizes(text: str) -> tuple[int, dict[str, int]]:
    """Lines of a module without all docstrings, and of each function without its own."""
    nodes = list(ast.walk(ast.parse(text)))
    functions = {
        f"{node.name} in line {node.lineno}": node.end_lineno - node.lineno + 1 - docstring_lines(node)
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    prose = sum(docstring_lines(node) for node in nodes if isinstance(node, DOCUMENTED))
    return len(text.splitlines()) - prose, functions


def test_docstrings_do_not_count():
    text = '"""Module."""\n\n\ndef short(x):\n    """Summary.\n\n    More.\n    """\n    return x\n'
    assert sizes(text) == (4, {"short in line 4": 2})


@pytest.mark.parametrize("file", sorted(LIBRARY.rglob("*.py")), ids=lambda file: str(file.relative_to(LIBRARY)))
def test_functions_and_modules_are_short(file):
    lines, functions = sizes(file.read_text())
    assert {name: size for name, size in functions.items() if size > MOST_OF_A_FUNCTION} == {}
    assert lines <= MOST_OF_A_MODULE

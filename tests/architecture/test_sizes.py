"""Files and functions stay small enough to be read once, top to bottom (CONTRIBUTING.md, "Sizes")."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import find_sources, name_of

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
# A network's constructor and forward pass read best in one piece.
MAX_MODEL_FUNCTION_LINES = 80
MAX_NESTING = 3
MAX_FRONTEND_FILE_LINES = 250

NESTING = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef

PYTHON = [path for path in find_sources("engine", "webapp") if "migrations" not in path.parts]
FRONTEND = [
    path
    for path in find_sources("frontend/src", suffixes=(".ts", ".tsx"))
    if ".test." not in path.name and not path.name.endswith(".d.ts")
]


def functions_in(path: Path) -> Iterator[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (found for found in ast.walk(tree) if isinstance(found, Function))


def line_limit(path: Path, function: Function) -> int:
    is_model = path.parent.name == "models" and function.name in ("__init__", "forward")
    return MAX_MODEL_FUNCTION_LINES if is_model else MAX_FUNCTION_LINES


def lines_of(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def nesting_of(body: list[ast.stmt]) -> int:
    """The deepest stack of blocks in `body`; a function inside counts for itself, `elif` does not nest."""
    return max((depth_of(statement) for statement in body), default=0)


def depth_of(statement: ast.stmt) -> int:
    if isinstance(statement, Function | ast.ClassDef):
        return 0
    inner = 1 if isinstance(statement, NESTING) else 0
    blocks: list[list[ast.stmt]] = [
        getattr(statement, field) for field in ("body", "finalbody") if hasattr(statement, field)
    ]
    blocks += [part.body for part in getattr(statement, "handlers", []) + getattr(statement, "cases", [])]
    orelse: list[ast.stmt] = getattr(statement, "orelse", [])
    is_elif = isinstance(statement, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If)
    deepest_else = depth_of(orelse[0]) - 1 if is_elif else nesting_of(orelse)
    return inner + max([nesting_of(block) for block in blocks] + [deepest_else], default=0)


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_a_python_file_is_at_most_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    long = [found.name for found in functions_in(path) if lines_of(found) > line_limit(path, found)]
    assert long == []


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_functions_nest_at_most_three_blocks(path: Path) -> None:
    deep = [found.name for found in functions_in(path) if nesting_of(found.body) > MAX_NESTING]
    assert deep == []


@pytest.mark.parametrize("path", FRONTEND, ids=name_of)
def test_a_front_end_file_is_at_most_250_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FRONTEND_FILE_LINES


def test_the_sizes_are_of_real_files() -> None:
    assert len(PYTHON) > 20
    assert len(FRONTEND) > 20


def test_nesting_counts_blocks_inside_blocks() -> None:
    body = ast.parse("for a in b:\n  if a:\n    with a:\n      while a:\n        pass").body
    assert nesting_of(body) == 4


def test_an_elif_is_not_a_level() -> None:
    body = ast.parse("if a:\n  pass\nelif b:\n  pass\nelif c:\n  pass").body
    assert nesting_of(body) == 1

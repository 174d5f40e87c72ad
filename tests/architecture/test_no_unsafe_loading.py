"""Nothing in the product unpickles, evaluates text or decodes pictures where users' bytes could reach it."""

import ast
from pathlib import Path

import pytest

from tests.architecture.source import find_sources, name_of

PYTHON = find_sources("engine", "webapp")
WEB = find_sources("webapp")

UNSAFE_CALLS = frozenset(
    {
        "torch.load",
        "pickle.load",
        "pickle.loads",
        "torch.jit.load",
        "yaml.load",
        "marshal.loads",
        "eval",
        "exec",
    }
)
UNSAFE_MODULES = frozenset({"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"})


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(part, ast.Import):
            found |= {alias.name.split(".")[0] for alias in part.names}
        elif isinstance(part, ast.ImportFrom) and part.module:
            found.add(part.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_it_calls_no_loader_that_runs_code(path: Path) -> None:
    calls = {
        ast.unparse(part.func)
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(part, ast.Call)
    }
    assert calls & UNSAFE_CALLS == set()


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_it_imports_no_pickle(path: Path) -> None:
    assert imported_by(path) & UNSAFE_MODULES == set()


@pytest.mark.parametrize("path", WEB, ids=name_of)
def test_the_service_decodes_no_pictures(path: Path) -> None:
    assert "PIL" not in imported_by(path)

"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast

from .checkout import PACKAGES, modules

SOURCE_LINES, TEST_LINES, FUNCTION_LINES = 400, 500, 60
EXCEPTIONS: dict[str, str] = {}
"""path::function → why it may be larger."""


def test_source_files_are_short():
    """At most 400 lines."""
    large = {
        module.relative: len(module.text.splitlines())
        for module in modules(*PACKAGES, "examples")
        if len(module.text.splitlines()) > SOURCE_LINES
    }
    assert large == {}


def test_test_files_are_short():
    """At most 500 lines."""
    large = {
        module.relative: len(module.text.splitlines())
        for module in modules("tests")
        if len(module.text.splitlines()) > TEST_LINES
    }
    assert large == {}


def test_functions_are_short():
    """At most 60 lines without the docstring's own."""
    large = {}
    for module in modules(*PACKAGES, "examples", "tests"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _lines(node)
                name = f"{module.relative}::{node.name}"
                if lines > FUNCTION_LINES and name not in EXCEPTIONS:
                    large[name] = lines
    assert large == {}


def test_modules_have_telling_names():
    """No module is called after nothing."""
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
    named = modules(*PACKAGES, "examples", "tests")
    assert [module.relative for module in named if module.path.stem in empty] == []


def test_exceptions_are_still_needed():
    """A file that was cut to size leaves the list."""
    functions = {
        f"{module.relative}::{node.name}": _lines(node)
        for module in modules(*PACKAGES, "examples", "tests")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert [name for name in EXCEPTIONS if functions.get(name, 0) <= FUNCTION_LINES] == []


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    start, end = node.lineno, node.end_lineno or node.lineno
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None and isinstance(first, ast.Expr)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if has_docstring else 0
    return end - start + 1 - docstring

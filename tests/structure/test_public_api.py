"""The public names change only on purpose: they stand in one text file for each package."""

from __future__ import annotations

import ast
import os
from importlib import import_module
from pathlib import Path

import pytest

SURFACES = (
    "gate",
    "gate.loop",
    "gate.testing",
    "stores",
    "stores.conformance",
    "stores.embedded",
    "stores.memory",
    "bot.sandbox",
)
FROZEN = Path(__file__).parent / "public"


@pytest.mark.parametrize("name", SURFACES)
def test_names_are_frozen(name: str):
    """`__all__` is what the file says; `make goldens` writes the file anew."""
    file = FROZEN / f"{name}.txt"
    names = "\n".join(sorted(import_module(name).__all__)) + "\n"
    if os.environ.get("SIGNOFF_UPDATE_GOLDENS") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(names, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == names


@pytest.mark.parametrize("name", SURFACES)
def test_all_is_sorted_and_there(name: str):
    """Each name is listed once, exists, and stands in its place."""
    module = import_module(name)
    assert sorted(set(module.__all__), key=_order) == module.__all__
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", ["gate", "gate.testing", "stores", "stores.conformance"])
def test_nothing_else_is_offered(name: str):
    """A package offers no public name beside `__all__`, its modules aside."""
    module = import_module(name)
    folder = Path(module.__file__ or "").parent
    modules = {path.stem for path in folder.iterdir()}
    offered = {each for each in vars(module) if each.isidentifier() and each[0] != "_"}
    assert offered - set(module.__all__) - modules - {"pytest"} == set()


def test_type_checkers_are_told_the_truth():
    """What loads the gate's modules late, and what type checkers read, name the same homes."""
    gate = import_module("gate")
    stub = ast.parse((Path(gate.__file__ or "").parent / "__init__.pyi").read_text())
    told = {
        alias.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == {name: vars(gate)["_HOME"][name] for name in gate.__all__}
    [listed] = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert gate.__all__ == ast.literal_eval(listed)


def _order(name: str) -> tuple[int, str]:
    """Return the place of a name: constants, classes, then the rest."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name

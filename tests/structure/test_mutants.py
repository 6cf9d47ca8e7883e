"""The list of breaks follows the code: what `make mutants` would change is still there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.mutants.breaks import BREAKS, Break
from tests.mutants.trial import Verdict, judged, without_doubles

from .checkout import ROOT, modules

_EACH = pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.name)


@_EACH
def test_its_text_stands_once_in_its_file(broken: Break):
    """The text is there exactly once, and what takes its place makes another program of it."""
    whole = (ROOT / broken.file).read_text(encoding="utf-8")
    text = broken.applied_to(whole)
    assert text != whole
    if broken.file.endswith(".py"):
        ast.parse(text)


@_EACH
def test_its_tests_exist(broken: Break):
    """Every named test is defined in the named file, or in a suite that its class takes over."""
    assert broken.tests
    suites = "".join(module.text for module in modules("stores/conformance"))
    for test in broken.tests:
        file, _, inside = test.partition("::")
        text = (ROOT / file).read_text(encoding="utf-8")
        for name in filter(None, inside.split("::")):
            defined = re.compile(rf"^\s*(?:async def|def|class) {name}\b", re.MULTILINE)
            assert defined.search(text) or defined.search(suites), test


def test_names_tell_breaks_apart():
    """No two breaks have one name, and no two do the same."""
    assert len(BREAKS) == len({each.name for each in BREAKS})
    assert len(BREAKS) == len({(each.file, each.old) for each in BREAKS})


@pytest.mark.parametrize("text", ["", "a = 1\na = 1\n"])
def test_a_list_behind_the_code_is_said(text: str):
    """A text that is gone, or stands there twice, is an error that names the break."""
    broken = Break("one is two", "some.py", "a = 1", "a = 2", ("tests",))
    assert "a = 2\n" == broken.applied_to("a = 1\n")
    with pytest.raises(ValueError, match=r"one is two: its text stands [02] times in some\.py"):
        broken.applied_to(text)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, Verdict.SURVIVED),
        (1, Verdict.RED),
        (2, Verdict.NO_TESTS),
        (4, Verdict.NO_TESTS),
        (5, Verdict.NO_TESTS),
        (-9, Verdict.NO_TESTS),
        (None, Verdict.NO_TESTS),
    ],
)
def test_only_failed_tests_are_red(code: int | None, expected: Verdict):
    """Tests that could not be collected, or were killed, have not found a break."""
    assert expected == judged(code)


def test_the_tests_are_run_once_without_a_break():
    """A test is not named again beside its whole file."""
    assert ["a.py", "b.py::x"] == without_doubles(["a.py::y", "a.py", "b.py::x", "b.py::x"])

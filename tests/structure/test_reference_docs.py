"""The reference pages say what the code says: settings, errors, commands, log lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from inspect import isclass

import click
import pytest
from click.testing import CliRunner

from bot import settings, tables
from bot.cli import main
from gate import SignoffError, errors

from .checkout import ROOT, modules

DOCS = ROOT / "docs"


def _tables(page: str) -> list[list[str]]:
    """The first cell of every row of every table, one list for each table."""
    tables: list[list[str]] = [[]]
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            tables[-1].append(line.split("|")[1].strip())
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def _quoted(names: Iterator[str] | list[str]) -> list[str]:
    return [f"`{name}`" for name in names]


def test_every_variable_is_described():
    """The table of the environment is the code's own, in its order."""
    assert _tables("settings.md")[0] == _quoted(list(settings.ENVIRONMENT))


def test_every_key_of_the_file_is_described():
    """The tables of the file's keys are the models' own, in any order."""
    _, _, file, route, agent = _tables("settings.md")
    assert sorted(file) == sorted(_quoted(list(tables.FileTables.model_fields)))
    assert route == _quoted(list(tables.RouteTable.model_fields))
    assert agent == _quoted(list(tables.AgentTable.model_fields))


def test_variables_of_the_stores_are_described():
    """Whatever a store looks up in its environment stands in the second table."""
    found = set()
    for module in modules("stores"):
        found |= set(re.findall(r"(?:environ|settings)\.get\(\"(\w+)\"", module.text))
    described = set(_tables("settings.md")[1])
    assert set(_quoted(sorted(found - {"HOME"}))) <= described


def test_every_error_is_described_with_its_code():
    """The table of errors has each class, its code, and nothing that is gone."""
    text = (DOCS / "agent.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE))
    known = {
        name: each.code
        for name, each in vars(errors).items()
        if isclass(each) and issubclass(each, SignoffError) and each is not SignoffError
    }
    assert told == known


def test_every_reason_of_not_allowed_is_in_use():
    """The words that the error's docstring lists are those that the gate says."""
    listed = set(re.findall(r"``(\w+)``", errors.NotAllowed.__doc__ or ""))
    said = set()
    for module in modules("gate"):
        said |= set(re.findall(r"NotAllowed\([^()]*?reason=\"(\w+)\"", module.text))
    assert said - listed == set()


def test_log_lines_are_real():
    """Each line that the operator's page explains is written somewhere."""
    text = (DOCS / "operating.md").read_text(encoding="utf-8")
    part = text.partition("## Logs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", part, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    code = "".join(module.text for module in modules("gate", "stores", "bot"))
    assert len(told) > 5
    assert {name for name in told if f'"{name}"' not in code} == set()


def test_the_commands_page_is_generated():
    """`docs/commands.md` is what `--help` says; `make goldens` writes it anew."""
    page = DOCS / "commands.md"
    text = _commands()
    if os.environ.get("SIGNOFF_UPDATE_GOLDENS") == "1":
        page.write_text(text, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == text


def _all_commands(
    group: click.Group = main, above: tuple[str, ...] = ()
) -> dict[tuple[str, ...], click.Command]:
    """Return every command by its words, those of groups too."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in sorted(group.commands.items()):
        found[*above, name] = command
        if isinstance(command, click.Group):
            found |= _all_commands(command, (*above, name))
    return found


def _commands() -> str:
    parts = ["# Commands", "Made from `--help` by `make goldens`."]
    for words in [(), *_all_commands()]:
        parts.append(f"## {' '.join(('signoff', *words))}")
        arguments = [*words, "--help"]
        done = CliRunner().invoke(main, arguments, prog_name="signoff", terminal_width=90)
        assert done.exit_code == 0, done.output
        parts.append(f"```text\n{done.output.rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("words", _all_commands(), ids=" ".join)
def test_every_option_is_explained(words: tuple[str, ...]):
    """No option without a word of help, unless its default and name say it all."""
    bare = [
        parameter.name
        for parameter in _all_commands()[words].params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert set(bare) <= {"namespace", "limit"}

"""What the documents show works: every block runs, every link leads somewhere."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from bot.cli import main
from bot.settings import read_settings
from gate import ApprovalGate
from stores import open_store

from .blocks import Block, blocks, definitions, pages, run
from .checkout import ROOT
from .conftest import Person

LANGUAGES = {"python", "toml", "sh", "text"}
PAGES = [page.relative_to(ROOT).as_posix() for page in pages()]
OTHER_COMMANDS = {"pip", "git", "cp", "export", "curl", "redis-cli"}
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page: str):
    """A block without a language would not be looked at; plain text says so."""
    assert [each.where for each in blocks(ROOT / page) if each.language not in LANGUAGES] == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(ROOT / page, "python")])
async def test_python_runs(page: str, person: Person, tmp_path: Path):
    """The blocks of a page run one after the other, while somebody answers what they ask."""
    defined = ""
    async with open_store() as store, ApprovalGate(store, agent="docs") as gate:
        names: dict[str, Any] = {"__name__": "docs"}
        for block in blocks(ROOT / page, "python"):
            if block.is_test:
                # Not on the loop: the person beside must go on hearing from the store.
                await asyncio.to_thread(_run_tests, block, defined, tmp_path)
                continue
            person.answer = block.answer
            # Open ones for every block: one that opens its own has closed them at its end.
            names |= {"gate": gate, "store": store}
            await run(block, names)
            defined += definitions(block.text)


def _run_tests(block: Block, defined: str, folder: Path) -> None:
    """Run a block's tests as a person would who has put it into a file."""
    file = folder / f"test_line_{block.line}.py"
    file.write_text(defined + block.text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto",
         "-o", "asyncio_default_fixture_loop_scope=function", f"--rootdir={folder}", str(file)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, f"{block.where}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(ROOT / page, "toml")])
def test_toml_is_read(page: str, tmp_path: Path):
    """The bot's own reader takes what the page shows."""
    for block in blocks(ROOT / page, "toml"):
        (tmp_path / "signoff.toml").write_text(block.text, encoding="utf-8")
        assert read_settings(TOKENS, directory=tmp_path).routes, block.where


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(ROOT / page, "sh")])
def test_shell_commands_exist(page: str):
    """Every `signoff` command parses, every make target and every file exists."""
    for block in blocks(ROOT / page, "sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words:
                _check_command(words, f"{block.where}: {line}")


def _check_command(words: list[str], where: str) -> None:
    program = words[0].removeprefix(".venv/bin/")
    if program == "signoff":
        _check_signoff(words[1:], where)
    elif program == "make":
        for target in words[1:]:
            assert "=" in target or target in _targets(), where
    elif program == "python":
        if words[1] in {"-m", "-c"}:
            assert words[2] in {"venv", "bot", "bot.sandbox", "pytest"}, where
        else:
            assert (ROOT / words[1]).is_file(), where
    else:
        assert program in OTHER_COMMANDS, where


def _check_signoff(words: list[str], where: str) -> None:
    if words in (["--version"], ["--help"]):
        return
    command = main.commands.get(words[0])
    assert command is not None, where
    try:
        above = click.Context(main, **main.context_settings)
        command.parse_args(click.Context(command, info_name=words[0], parent=above), words[1:])
    except click.UsageError as error:
        pytest.fail(f"{where}: {error.format_message()}")


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_what_the_text_names_exists(page: str):
    """Links lead to files; `signoff …` and `make …` in the text are commands and targets."""
    path = ROOT / page
    text = path.read_text(encoding="utf-8")
    gone = [
        link
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
        if "://" not in link and not (path.parent / link).exists()
    ]
    assert gone == []
    commands = set(re.findall(r"`(?:\.venv/bin/)?signoff ([a-z]+)[^`]*`", text))
    assert commands - set(main.commands) == set()
    assert set(re.findall(r"`make ([a-z]+)[^`]*`", text)) - _targets() == set()
    files = re.findall(r"`((?:gate|stores|bot|tests|examples|manifests|docs)/[\w./-]*\w)`", text)
    assert [name for name in files if not (ROOT / name).exists()] == []

"""The command: help, exit codes, and a start that fails in one sentence or ends when told to."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import main
from bot.manifest import build
from tests.bot.slack.edge import slack_edge
from tests.support.emitted import Sandbox
from tests.support.waiting import wait_until

VERBS = ["run", "demo", "manifest", "list", "show", "approve", "reject", "cancel", "doctor"]
ROUTES = '[[routes]]\nchannel = "C0APPROVALS"\napprovers = ["U0ANA"]\n'
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-sandbox", "SLACK_APP_TOKEN": "xapp-sandbox"}


def invoke(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(main, arguments, **options)


def test_help_names_every_verb():
    """The first page says what there is."""
    shown = invoke("--help")
    assert 0 == shown.exit_code
    for verb in VERBS:
        assert verb in shown.output


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_each_verb(verb: str, flag: str):
    """Each verb explains itself without doing anything."""
    shown = invoke(verb, flag)
    assert (0, True) == (shown.exit_code, shown.output.startswith("Usage:"))


def test_the_version():
    """The installed version is told."""
    shown = invoke("--version")
    assert (0, True) == (shown.exit_code, "0." in shown.output)


def test_wrong_usage():
    """An unknown verb or flag is code 2."""
    assert 2 == invoke("destroy").exit_code
    assert 2 == invoke("list", "--limit", "0").exit_code


def test_the_manifest():
    """Printed for either way in, as YAML or as JSON."""
    assert build(socket_mode=True) == json.loads(invoke("manifest", "--json").stdout)
    url = "https://a.example/slack/events"
    assert build(socket_mode=False, request_url=url) == json.loads(
        invoke("manifest", "--http", url, "--json").stdout
    )
    assert "socket_mode_enabled: true" in invoke("manifest").stdout
    refused = invoke("manifest", "--http", "http://a.example")
    assert (2, 1) == (refused.exit_code, len(refused.stderr.splitlines()))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("manifest", "--http", "foo"), "--http: Slack sends to https addresses only"),
        (("runs", "--checkpoints", "foo://x"), "--checkpoints: the address must begin with "),
        (("runs", "--checkpoints", "redis://a:b"), "--checkpoints: it is no address of the form "),
        (("runs", "--checkpoints", "file://x"), "--checkpoints: a folder is named as "),
        (("runs", "--checkpoints", ""), "SIGNOFF_REDIS_URL: the address must begin with "),
    ],
)
def test_what_was_typed_is_what_is_blamed(typed: tuple[str, ...], said: str):
    """An option is called by its name; the setting only where it is the setting's value."""
    refused = invoke(*typed, env={"SIGNOFF_REDIS_URL": "foo://y"})
    assert (2, 1) == (refused.exit_code, len(refused.stderr.splitlines()))
    assert refused.stderr.startswith(f"signoff: {said}")


def test_run_without_settings(tmp_path: Path):
    """A missing setting is one sentence that names it, and code 2."""
    done = invoke("run", env={"SIGNOFF_CONFIG": str(tmp_path / "none.toml")})
    assert 2 == done.exit_code
    [line] = done.stderr.splitlines()
    assert line.startswith("signoff: SIGNOFF_CONFIG: there is no file 'none.toml'; ")
    assert line.endswith("docs/settings.md")
    (tmp_path / "signoff.toml").write_text(ROUTES)
    environ = dict.fromkeys(TOKENS, "") | {"SIGNOFF_CONFIG": str(tmp_path / "signoff.toml")}
    done = invoke("run", env=environ)
    assert 2 == done.exit_code
    assert ["signoff: SLACK_BOT_TOKEN: it is not set"] == done.stderr.splitlines()


class Running:
    """`signoff run` as a process."""

    def __init__(self, folder: Path, **environ: str) -> None:
        (folder / "signoff.toml").write_text(ROUTES)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "SIGNOFF_CONFIG": str(folder / "signoff.toml"),
                    "SIGNOFF_REDIS_URL": "memory://",
                    "SIGNOFF_LISTEN": "127.0.0.1:0",
                    "SIGNOFF_LOG_FORMAT": "json",
                }
                | TOKENS
                | environ,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    async def ended(self) -> int:
        try:
            await wait_until(lambda: self.process.poll() is not None, "the bot ends")
        finally:
            self.process.kill()
            self.process.wait()
        return int(self.process.returncode)


async def test_run_and_stop(tmp_path: Path):
    """It comes up, says so, and ends in order when told to."""
    async with Sandbox() as slack:
        bot = Running(tmp_path, SLACK_API_URL=slack.api_url)
        try:
            await wait_until(lambda: "bot.up" in bot.said, "the bot is up", timeout=20)
            bot.process.send_signal(signal.SIGTERM)
        finally:
            code = await bot.ended()
    assert 0 == code, bot.said
    for line in bot.said.splitlines():
        assert "event" in json.loads(line)
    assert "xoxb" not in bot.said


async def test_a_stop_while_it_comes_up(tmp_path: Path):
    """A Slack that never answers does not keep it from ending."""
    async with slack_edge() as edge:
        edge.hang = True
        bot = Running(tmp_path, SLACK_API_URL=edge.url)
        try:
            await wait_until(lambda: edge.calls, "it waits for Slack", timeout=20)
            bot.process.send_signal(signal.SIGTERM)
        finally:
            code = await bot.ended()
    assert 0 == code, bot.said
    assert "bot.stopping" in bot.said


async def test_a_port_that_is_taken(tmp_path: Path):
    """A taken address is one sentence that names the setting, and code 2."""
    async with Sandbox() as slack:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            bot = Running(tmp_path, SLACK_API_URL=slack.api_url, SIGNOFF_LISTEN=address)
            code = await bot.ended()
    assert 2 == code, bot.said
    assert f"signoff: SIGNOFF_LISTEN: {address} cannot be listened on" in bot.said
    assert "Traceback" not in bot.said


async def test_a_token_that_slack_refuses(tmp_path: Path):
    """A wrong token is one sentence, without the token."""
    async with Sandbox() as slack:
        bot = Running(tmp_path, SLACK_API_URL=slack.api_url, SLACK_BOT_TOKEN="xoxb-s3cret")
        code = await bot.ended()
    assert 2 == code, bot.said
    assert "signoff: SLACK_BOT_TOKEN: Slack does not know this token" in bot.said
    assert "s3cret" not in bot.said


async def test_a_store_that_is_away(tmp_path: Path):
    """No store is one sentence and code 1: the process manager tries again."""
    async with Sandbox() as slack:
        bot = Running(
            tmp_path, SLACK_API_URL=slack.api_url, SIGNOFF_REDIS_URL="redis://127.0.0.1:1/0"
        )
        code = await bot.ended()
    assert 1 == code, bot.said
    assert "signoff: store unavailable" in bot.said

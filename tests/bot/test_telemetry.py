"""Logs: lines that machines can read, ids always, bodies and texts of errors never."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.telemetry import configure_logs
from gate import get_logger

SECRET = "s3cret"
THIRD = ("slack_bolt", "slack_bolt.RequestVerification", "slack_bolt.AsyncApp", "slack_sdk",
         "slack_sdk.socket_mode", "slack_sdk.web.async_base_client", "aiohttp", "aiohttp.server",
         "asyncio")  # fmt: skip


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    names = [
        name for name in logging.root.manager.loggerDict if name.startswith(("sl", "ai", "as"))
    ]
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:], root.level = handlers, level
    for name in logging.root.manager.loggerDict:
        if name.startswith(("slack", "aiohttp", "asyncio")):
            logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    configure_logs(**{"style": "json", "stream": stream} | options)
    return stream


def test_a_line_of_ours():
    """One JSON object a line, with time, level, logger, event and ids."""
    stream = configured()
    get_logger("signoff.bot").info("card.posted", approval="default/x\n", channel="C1")
    [line] = lines(stream)
    assert ("card.posted", "info", "signoff.bot", "C1") == (
        line["event"],
        line["level"],
        line["logger"],
        line["channel"],
    )
    assert line["timestamp"].endswith("Z")
    assert "\\n" in line["approval"]


def test_bolt_finding_the_token_is_no_news(monkeypatch: pytest.MonkeyPatch):
    """The token in the environment makes Bolt warn twice of nothing; its other warnings stay."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-used")
    stream = configured()

    async def authorize() -> None: ...

    AsyncApp(client=AsyncWebClient(), authorize=authorize, signing_secret="x")
    logging.getLogger("slack_bolt.AsyncApp").warning("Unhandled request")
    assert ["Unhandled request"] == [line["event"] for line in lines(stream)]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_third_parties_never_print_bodies(level: str):
    """At no level of ours do the levels open at which libraries print requests."""
    stream = configured(level=level)
    for name in THIRD:
        for least in (logging.DEBUG, logging.INFO):
            logging.getLogger(name).log(least, "body: %s", SECRET)
    logging.getLogger("slack_bolt.RequestVerification").warning("body: %s", SECRET)
    assert "" == stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        f"Failed to run a middleware (error: {SECRET})",
        f"Unhandled request ({{'value': '{SECRET}'}})",
        f"Failed to process a message: {SECRET}",
        f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{SECRET}')>",
        f"[Suggestion] {SECRET}",
        f"something <{SECRET}>",
    ],
)
def test_of_third_parties_only_the_constant_beginning_is_kept(text: str):
    """What libraries put into their lines from errors and bodies is left out."""
    stream = configured()
    logging.getLogger("slack_bolt").error(text)
    [line] = lines(stream)
    assert text.startswith(line["event"])
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize("logger", ["signoff.bot", "slack_bolt", "asyncio"])
@pytest.mark.parametrize("style", ["json", "console"])
def test_of_an_error_only_the_class_is_shown(logger: str, style: str):
    """Neither its text nor a traceback, whoever logs it and however."""
    stream = configured(style=style)
    try:
        raise ZeroDivisionError(SECRET)
    except ZeroDivisionError as error:
        kept = error
        logging.getLogger(logger).exception("it broke")
        get_logger("signoff.bot").exception("it broke")
    get_logger("signoff.bot").error("it broke", exc_info=kept)
    assert 3 == stream.getvalue().count("ZeroDivisionError")
    assert SECRET not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()


async def test_a_forgotten_task():
    """The event loop's own complaint about a failed task holds no text of its error."""
    stream = configured()

    async def fail() -> None:
        raise ValueError(SECRET)

    loop = asyncio.get_running_loop()
    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    loop.call_exception_handler(
        {
            "message": "Task exception was never retrieved",
            "exception": task.exception(),
            "task": task,
        }
    )
    [line] = lines(stream)
    assert ("Task exception was never retrieved", "ValueError") == (line["event"], line["error"])
    assert SECRET not in stream.getvalue()


def test_a_terminal_obeys_nothing():
    """On a terminal no id or name of somebody else moves the cursor or begins a line."""
    stream = configured(style="console")
    get_logger("signoff.bot").info("x", approval="a\x1b[2Jb\nc\u202ed")
    shown = stream.getvalue()
    assert 1 == shown.count("\n")
    assert "\\x1b[2J" in shown
    assert "\\u202e" in shown


def test_our_level():
    """Our own lines begin at the level that was asked for."""
    stream = configured(level="warning")
    log = get_logger("signoff.bot")
    log.info("no")
    log.warning("yes")
    assert ["yes"] == [line["event"] for line in lines(stream)]

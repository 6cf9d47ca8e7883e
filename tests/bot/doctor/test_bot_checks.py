"""The bot's own: its settings, its address, its logs; and checks that break or are late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest
from aiohttp import web

from bot.doctor import Check, Finding, State, exit_code, run_checks
from bot.doctor.bot_checks import http_delivery
from bot.doctor.findings import fail, ok, warn
from bot.web.app import serve, web_application
from gate import ConfigError
from tests.bot.doctor.examined import Examined, settings_of


async def well_probe() -> str | None:
    return None


async def ill_probe() -> str | None:
    return "store_unavailable"


async def test_settings_that_cannot_be_read(well: Examined):
    """The sentence of the start; what hangs on the settings is left open, the store is not."""
    error = ConfigError("SLACK_BOT_TOKEN", "it is not set")
    subject = well.but(settings=None, settings_errors=(error,), workplace=None)
    found = {each.check: each for each in await subject.findings()}
    assert ("fail", "SLACK_BOT_TOKEN: it is not set") == (
        found["settings"].state,
        found["settings"].found,
    )
    assert "ok" == found["store"].state
    for check in ("slack.token", "slack.channels", "quorum", "interactivity"):
        assert ("warn", "mend what `settings` says") == (found[check].state, found[check].advice)


async def test_a_file_that_cannot_be_read(well: Examined):
    """Without routes the token and its scopes are still looked at."""
    assert well.subject.settings is not None
    settings = well.subject.settings.model_copy(update={"routes": ()})
    error = ConfigError("SIGNOFF_CONFIG", "there is no file 'signoff.toml'")
    found = await well.but(settings=settings, settings_errors=(error,)).of(
        "settings", "slack.token", "slack.scopes", "slack.channels", "quorum"
    )
    assert ["fail", "ok", "ok", "warn", "warn"] == [state for _, state, _ in found]


async def test_the_level(well: Examined):
    """Unsigned decisions are a level for development, and so told."""
    [(_, state, found)] = await well.but(signed=False).of("level")
    assert ("warn", True) == (state, found.startswith("0: decisions are not signed"))
    [(_, state, found)] = await well.but(signed=True).of("level")
    assert ("ok", True) == (state, found.startswith("1: decisions are signed"))


async def test_http_delivery(well: Examined):
    """The bot is asked at its own address; what only Slack knows is said to be so."""
    for probe, state in ((well_probe, "ok"), (ill_probe, "fail")):
        async with serve(web_application({"store": probe}), host="127.0.0.1", port=0) as port:
            settings = settings_of(well.slack, transport="http", SIGNOFF_LISTEN=f"127.0.0.1:{port}")
            [found] = await well.but(settings=settings).of("interactivity")
        assert ("interactivity", state) == found[:2]
    assert found[2].endswith("is not ready: store")
    assert [("interactivity", "warn", f"no bot answers at 127.0.0.1:{port}")] == await well.but(
        settings=settings
    ).of("interactivity")


async def test_http_delivery_says_what_it_cannot_see():
    """Which address Slack sends clicks to cannot be asked: nobody is told that it is right."""
    async with serve(web_application({}), host="127.0.0.1", port=0) as port:
        for host in ("127.0.0.1", "0.0.0.0"):
            [found] = await http_delivery(host, port)
            assert (State.OK, True) == (found.state, "on its page in Slack only" in found.found)
    [unknown] = await http_delivery("127.0.0.1", 0)
    assert State.WARN is unknown.state


@pytest.mark.parametrize("body", ["<html>", "[]", '{"checks": 1}'])
async def test_something_else_at_the_bots_address(body: str):
    """A program that is no bot of ours is not taken for one."""

    async def other(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/readyz", other)
    async with serve(application, host="127.0.0.1", port=0) as port:
        [found] = await http_delivery("127.0.0.1", port)
    assert found.state is not State.OK


@pytest.mark.parametrize(
    ("levels", "environ", "found"),
    [
        ({"slack_sdk": logging.WARNING, "aiohttp.server": logging.ERROR}, {}, None),
        ({"signoff.bot": logging.DEBUG, "asyncio": logging.INFO}, {}, None),
        ({}, {"PYTHONASYNCIODEBUG": ""}, None),
        ({"slack_sdk.web": logging.DEBUG}, {}, "slack_sdk.web: below warning"),
        ({"slack_bolt.AsyncApp": logging.INFO}, {}, "slack_bolt.AsyncApp: below warning"),
        ({"aiohttp.client": logging.DEBUG}, {}, "aiohttp.client: below warning"),
        ({}, {"PYTHONASYNCIODEBUG": "1"}, "PYTHONASYNCIODEBUG makes Python print"),
    ],
)
async def test_logs(
    well: Examined, levels: dict[str, int], environ: dict[str, str], found: str | None
):
    """Libraries that would print requests and answers are named; our own lines never hold any."""
    [(_, state, said)] = await well.but(levels=levels, environ=environ).of("logs")
    assert ("ok" if found is None else "warn") == state
    assert found is None or said.startswith(found)


async def broken() -> Sequence[Finding]:
    raise RuntimeError("s3cret")


async def never() -> Sequence[Finding]:
    await asyncio.Event().wait()
    return []


async def fine() -> Sequence[Finding]:
    return [ok("fine", "it is")]


async def test_checks_hide_no_others():
    """One that breaks, and one that never ends, are findings; the text of an error is none."""
    found = await run_checks(
        [Check("broken", broken), Check("never", never), Check("fine", fine)], budget=0.02
    )
    assert [
        ("broken", "warn", "it could not be checked: RuntimeError"),
        ("never", "warn", "it could not be checked: no answer within 0.02 s"),
        ("fine", "ok", "it is"),
    ] == [(each.check, each.state.value, each.found) for each in found]


async def test_an_examination_can_be_stopped():
    """A stop ends every check."""
    task = asyncio.ensure_future(run_checks([Check("never", never)]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_exit_codes():
    """0 for well, 1 for something to look at, 2 for something that does not work."""
    good, odd, bad = ok("a", "x"), warn("b", "x", "y"), fail("c", "x", "y")
    assert [0, 0, 1, 2, 2] == [
        exit_code(found) for found in ([], [good], [odd, good], [bad], [good, bad, odd])
    ]

"""`signoff doctor` as it is called: what it prints, its exit code, and what it never prints."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.keyring import open_keyring
from bot.manifest import BOT_SCOPES, OPTIONAL_BOT_SCOPES
from stores import key_folder
from stores.embedded import embedded_server
from tests.golden import same_as_golden
from tests.support.emitted import Sandbox
from tests.support.servers import RedisServer, free_port, running_server

ROUTES = '[[routes]]\nchannel = "C0APPROVALS"\napprovers = ["U0ANA", "S0SECURITY"]\n'
SICK_ROUTES = """\
[[routes]]
agent = "billing"
channel = "C0GENERAL"
approvers = ["U0GONE", "U0GUEST"]

[[routes]]
channel = "C0NONE"
approvers = ["U0ANA", "S0EMPTY", "cli:ana"]
"""
CHECKS = [
    "settings", "store", "store.writes", "store.persistence", "store.eviction", "store.pubsub",
    "store.clock", "backlog", "routing", "audit", "alarms", "level", "slack.token", "slack.scopes",
    "slack.channels", "approvers", "groups", "quorum", "interactivity", "logs",
]  # fmt: skip
"""The names that scripts know. They never change."""


@dataclass
class Done:
    code: int
    out: str
    err: str


async def doctor(
    folder: Path, *arguments: str, routes: str | None = ROUTES, **environ: str
) -> Done:
    """Run the command in *folder*, with nothing of this process's environment."""
    if routes is not None:
        (folder / "signoff.toml").write_text(routes, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", "doctor", *arguments,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[3]),
            "HOME": str(folder), "SIGNOFF_HOME": str(folder / "home"), "COLUMNS": "100", **environ,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_server("valkey", appendonly=True) as running:
        yield running


@pytest.fixture
async def slack() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        running.world.app.scopes = {*BOT_SCOPES, *OPTIONAL_BOT_SCOPES}
        yield running


def tokens(slack: Sandbox) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
    }


def environ(slack: Sandbox, server: RedisServer) -> dict[str, str]:
    return tokens(slack) | {"SIGNOFF_REDIS_URL": server.url}


def with_keys(folder: Path) -> None:
    """Make the keys that `signoff run` makes at its first start."""
    open_keyring(key_folder({"SIGNOFF_HOME": str(folder / "home")}, create=True), create=True)


def open_to_others(folder: Path) -> None:
    (folder / "home/keys/private.pem").chmod(0o644)


def steady(text: str) -> str:
    """Return *text* without what differs from run to run."""
    text = re.sub(r"(Valkey|Redis) [0-9][0-9.]*", r"\1 9.9.9", text)
    text = re.sub(r"after [0-9]+ ms", "after 0 ms", text)
    text = re.sub(r"all [0-9]+ that are needed", "all 9 that are needed", text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


async def test_a_healthy_run(slack: Sandbox, server: RedisServer, tmp_path: Path):
    """Everything is well, the keys that decisions are signed with included: exit code 0."""
    with_keys(tmp_path)
    done = await doctor(tmp_path, **environ(slack, server))
    assert (0, "") == (done.code, done.err)
    same_as_golden("doctor/healthy.txt", steady(done.out))
    assert "\x1b" not in done.out


async def test_keys_that_cannot_be_used(slack: Sandbox, server: RedisServer, tmp_path: Path):
    """Without keys, or with keys that others can read, decisions are not signed: exit code 1."""
    given = environ(slack, server)
    states = []
    for prepare in (lambda: None, lambda: with_keys(tmp_path), lambda: open_to_others(tmp_path)):
        prepare()
        done = await doctor(tmp_path, "--json", **given)
        [level] = [each["state"] for each in json.loads(done.out) if each["check"] == "level"]
        states.append((done.code, level))
    assert [(1, "warn"), (0, "ok"), (1, "warn")] == states


async def test_a_sick_run(slack: Sandbox, tmp_path: Path):
    """Every fault at once: each is there with what to do, none hides another. Exit code 2."""
    slack.world.app.scopes -= {"im:write"}
    slack.world.app.app_token_error = "link_disabled"
    options = ("--maxmemory-policy", "allkeys-lru")
    with running_server("valkey", options=options) as server:
        done = await doctor(tmp_path, routes=SICK_ROUTES, **environ(slack, server))
    assert (2, "") == (done.code, done.err)
    same_as_golden("doctor/sick.txt", steady(done.out))


async def test_json(slack: Sandbox, server: RedisServer, tmp_path: Path):
    """A list of objects with four texts each, under names that never change."""
    with_keys(tmp_path)
    done = await doctor(tmp_path, "--json", **environ(slack, server))
    assert (0, "") == (done.code, done.err)
    findings = json.loads(done.out)
    assert CHECKS == [finding["check"] for finding in findings]
    assert {("advice", "check", "found", "state")} == {tuple(sorted(each)) for each in findings}
    assert {"ok"} == {finding["state"] for finding in findings}
    same_as_golden("doctor/healthy.json", json.loads(steady(done.out)))


async def test_nothing_is_set(tmp_path: Path):
    """In an empty folder every check is there, and says first what is missing, all of it."""
    done = await doctor(tmp_path, "--json", routes=None)
    findings = json.loads(done.out)
    assert (2, "") == (done.code, done.err)
    assert CHECKS == list(dict.fromkeys(each["check"] for each in findings))
    assert [
        "SLACK_BOT_TOKEN: it is not set",
        "SLACK_APP_TOKEN: set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)",
        "SIGNOFF_CONFIG: there is no file 'signoff.toml'; it says who is asked: docs/settings.md",
    ] == [each["found"] for each in findings if each["check"] == "settings"]
    [store] = [each["found"] for each in findings if each["check"] == "store"]
    assert store.startswith("SIGNOFF_REDIS_URL: no store is named")


async def test_what_is_missing_stands_alone(tmp_path: Path):
    """People read a line for each setting that is missing, and one for all that needs them."""
    done = await doctor(tmp_path, routes=None)
    assert (2, "") == (done.code, done.err)
    same_as_golden("doctor/nothing.txt", steady(done.out))


async def test_what_can_be_read_is_looked_at(slack: Sandbox, server: RedisServer, tmp_path: Path):
    """A broken file keeps neither the token nor the store from being looked at."""
    done = await doctor(tmp_path, "--json", routes="[[routes]", **environ(slack, server))
    found = {each["check"]: each["state"] for each in json.loads(done.out)}
    assert ("fail", "ok", "ok", "warn") == (
        found["settings"],
        found["store"],
        found["slack.token"],
        found["slack.channels"],
    )


async def test_secrets_stay_secret(slack: Sandbox, tmp_path: Path):
    """Wrong tokens and passwords are found, and none of them is printed."""
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-s3cret",
        "SLACK_APP_TOKEN": "xapp-s3cret",
        "SLACK_API_URL": slack.api_url,
        "SIGNOFF_REDIS_URL": f"redis://ana:s3cret@127.0.0.1:{free_port()}/0",
    }
    for arguments in ((), ("--json",)):
        done = await doctor(tmp_path, *arguments, **secrets)
        assert 2 == done.code
        assert "s3cret" not in done.out + done.err


async def test_the_embedded_server_is_found(slack: Sandbox, tmp_path: Path):
    """Without an address it is the server that `signoff run` brings; none is started for this."""
    given = tokens(slack)
    home = tmp_path / "home"
    async with embedded_server(environ={"SIGNOFF_HOME": str(home)}):
        done = await doctor(tmp_path, "--json", **given)
        found = {each["check"]: each["state"] for each in json.loads(done.out)}
    assert ("ok", "ok", "ok") == (
        found["store"],
        found["store.persistence"],
        found["store.eviction"],
    )
    done = await doctor(tmp_path, "--json", **given)
    [store] = [each for each in json.loads(done.out) if each["check"] == "store"]
    assert "no store is named" in store["found"]


async def test_over_http(slack: Sandbox, server: RedisServer, tmp_path: Path):
    """The bot's own address is asked; where nobody answers, that is said and nothing more."""
    given = environ(slack, server)
    del given["SLACK_APP_TOKEN"]
    port = free_port()
    given |= {"SLACK_SIGNING_SECRET": "x", "SIGNOFF_LISTEN": f"127.0.0.1:{port}"}
    done = await doctor(tmp_path, "--json", **given)
    [found] = [each for each in json.loads(done.out) if each["check"] == "interactivity"]
    assert ("warn", f"no bot answers at 127.0.0.1:{port}") == (found["state"], found["found"])


async def test_a_name_in_slack_fools_no_terminal(
    slack: Sandbox, server: RedisServer, tmp_path: Path
):
    """What comes from Slack is shown with every character visible."""
    slack.world.workspace.team_name = "Acme\x1b[2J\u202e"
    done = await doctor(tmp_path, **environ(slack, server))
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "Acme" in done.out

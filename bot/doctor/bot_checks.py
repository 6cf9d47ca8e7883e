"""Owns the checks of the bot itself: its settings, its level, its own address, its logs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from gate import ConfigError

from ..settings import Settings
from .findings import Finding, fail, ok, warn

__all__ = ["http_delivery", "level", "logs", "settings_of"]

_LOUD: Final = ("aiohttp", "slack_bolt", "slack_sdk")
"""Loggers that print requests and answers below warning."""
_DEBUGGING: Final = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE")
_BLIND_SPOT: Final = "which Request URL the app has can be seen on its page in Slack only"
_LEVEL_3: Final = "Level 3, executors that verify themselves, is seen at them only"
_MEND: Final = "mend it; docs/settings.md has every setting"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (looked at, not bound)


async def settings_of(
    settings: Settings | None, errors: Sequence[ConfigError]
) -> Sequence[Finding]:
    """Say whether `signoff run` could read its settings here; each fault is a finding."""
    if errors or settings is None:
        what = [f"{error.setting}: {error.reason}" for error in errors] or ["nothing was read"]
        return [fail("settings", each, _MEND) for each in what]
    way = "Socket Mode" if settings.socket_mode else "HTTP"
    return [ok("settings", f"read: {_count(len(settings.routes))}, clicks over {way}")]


async def level(*, signed: bool) -> Sequence[Finding]:
    """Say how far a decision can be trusted.

    Args:
        signed: Whether the bot has a key to sign decisions with.
    """
    if signed:
        found = "1: decisions are signed; a gate with the public key runs no other"
        return [ok("level", f"{found}. {_LEVEL_3}")]
    found = "0: decisions are not signed; whoever can write to the store can approve"
    return [warn("level", found, "guard the store's password as you guard the right to approve")]


async def http_delivery(host: str, port: int) -> Sequence[Finding]:
    """Ask the bot at its own address whether it is ready.

    Args:
        host: Where `SIGNOFF_LISTEN` says that it listens.
        port: The port there; 0 is any, and cannot be asked.
    """
    check = "interactivity"
    if port == 0:
        found = "the bot's port is chosen at its start, so it could not be asked"
        return [warn(check, found, f"set SIGNOFF_LISTEN; {_BLIND_SPOT}")]
    name = _EVERYWHERE.get(host, host)
    where = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://{where}/readyz", allow_redirects=False) as answer,
        ):
            told = await answer.json()
    except (aiohttp.ClientError, OSError, ValueError):
        advice = "start `signoff run`; a bot on another machine has to be asked there"
        return [warn(check, f"no bot answers at {where}", advice)]
    checks = told.get("checks") if isinstance(told, dict) else None
    if not isinstance(checks, dict):
        return [fail(check, f"something else answers at {where}", "give the bot another address")]
    if answer.status != 200:
        ill = ", ".join(sorted(str(name) for name, word in checks.items() if word != "ok"))
        return [fail(check, f"the bot at {where} is not ready: {ill}", "see its log")]
    return [ok(check, f"the bot at {where} is ready; {_BLIND_SPOT}")]


async def logs(levels: Mapping[str, int], environ: Mapping[str, str]) -> Sequence[Finding]:
    """Say whether anything would print what Slack and the bot tell each other.

    Args:
        levels: Name → level in force, of the loggers that exist.
        environ: The environment.
    """
    check = "logs"
    loud = sorted(
        name
        for name, level in levels.items()
        if name.partition(".")[0] in _LOUD and level < logging.WARNING
    )
    findings: list[Finding] = []
    if loud:
        found = f"{', '.join(loud)}: below warning these print requests and answers"
        findings.append(warn(check, found, "take out what sets their level"))
    on = [name for name in _DEBUGGING if environ.get(name)]
    if on:
        found = f"{', '.join(on)} makes Python print what tasks hold"
        findings.append(warn(check, found, f"unset {' and '.join(on)}"))
    return findings or [ok(check, "nothing prints requests or answers")]


def _count(routes: int) -> str:
    return f"{routes} route{'' if routes == 1 else 's'}"

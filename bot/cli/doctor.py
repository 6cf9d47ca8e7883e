"""Owns `signoff doctor`: what is examined, how it is printed, and the exit code."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import zip_longest
from pathlib import Path
from typing import Final

import click
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate import ConfigError, SignoffError, StoreUnavailable, SystemClock, new_id
from stores import Store, key_folder, open_store

from ..doctor import Finding, State, Subject, exit_code, plan, run_checks
from ..keyring import open_keyring
from ..settings import ENVIRONMENT, Settings, read_settings, settings_faults
from ..slack.inspection import open_inspection
from ..slack.text import visible
from ..telemetry import configure_logs
from .output import print_json

__all__ = ["doctor"]

_SECONDS: Final = 4.0
"""For one question to Slack or to open the store: less than a check has."""
_COLOURS: Final = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def doctor(*, as_json: bool) -> None:
    """Look at everything that `signoff run` needs, and say what to do.

    It reads the same settings. Exit code 0: all is well; 1: something should be looked at, or could
    not be checked; 2: something does not work.
    """
    environ = dict(os.environ)  # noqa: TID251  (a composition root, as bot/cli/main.py)
    findings = asyncio.run(_examine(environ, directory=Path.cwd()))
    if as_json:
        print_json([finding.to_wire() for finding in findings])
    else:
        _print(findings)
    sys.exit(exit_code(findings))


async def _examine(environ: Mapping[str, str], *, directory: Path) -> list[Finding]:
    settings, errors = _settings(environ, directory=directory)
    clock = SystemClock()
    # What the store and the libraries log here are findings too: nothing is printed twice.
    configure_logs(level=settings.log_level if settings else "info", stream=io.StringIO())
    async with AsyncExitStack() as stack:
        workplace = None
        if settings is not None:
            workplace = await stack.enter_async_context(
                open_inspection(
                    settings.bot_token.get_secret_value(),
                    api_url=settings.api_url,
                    seconds=_SECONDS,
                )
            )
        return await run_checks(
            plan(
                Subject(
                    settings=settings,
                    settings_errors=errors,
                    store=await _store(environ, stack),
                    workplace=workplace,
                    signed=_signed(environ),
                    environ=environ,
                    levels=_levels(),
                    now=clock.now,
                    monotonic=clock.monotonic,
                    name=f"doctor.{new_id()}",
                )
            )
        )


def _settings(
    environ: Mapping[str, str], *, directory: Path
) -> tuple[Settings | None, Sequence[ConfigError]]:
    """Return the settings, or as much of them as can be read, with what is wrong."""
    faults = settings_faults(environ, directory=directory)
    if not faults:
        return read_settings(environ, directory=directory), ()
    try:
        # Without the file: the token can still be looked at.
        given = {name: environ[name] for name in ENVIRONMENT if environ.get(name)}
        return Settings.model_validate(given), faults
    except ValidationError:
        return None, faults


async def _store(environ: Mapping[str, str], stack: AsyncExitStack) -> Store | SignoffError:
    try:
        async with asyncio.timeout(_SECONDS):
            return await stack.enter_async_context(open_store(environ=environ))
    except SignoffError as error:
        return error
    except TimeoutError:
        return StoreUnavailable("open", cause=f"no answer within {_SECONDS:g} s")


def _signed(environ: Mapping[str, str]) -> bool:
    """Say whether the bot's keys are there and can be read; none are made for this."""
    try:
        open_keyring(key_folder(environ, create=False), create=False)
    except ConfigError:
        return False
    return True


def _levels() -> dict[str, int]:
    names = list(logging.root.manager.loggerDict)
    return {name: logging.getLogger(name).getEffectiveLevel() for name in names}


def _print(findings: list[Finding]) -> None:
    """Print one line a finding; colours only where a person looks at a terminal.

    What was not looked at is one line: what it waits for is told in the others.
    """
    table = Table(box=None, pad_edge=False, show_header=False)
    for column in ("state", "check"):
        table.add_column(column, no_wrap=True)
    table.add_column("found", overflow="fold")
    shown = [finding for finding in findings if not finding.left_out]
    for finding, after in zip_longest(shown, shown[1:]):
        told = Text(visible(finding.found))
        # Faults of one kind in a row: what to do stands once, below them.
        again = after and (after.check, after.advice) == (finding.check, finding.advice)
        if finding.advice and not again:
            told.append(f"\n→ {visible(finding.advice)}", style="dim")
        table.add_row(Text(finding.state.value, style=_COLOURS[finding.state]), finding.check, told)
    left = len({finding.check for finding in findings if finding.left_out})
    if left:
        checks = "1 further check waits" if left == 1 else f"{left} further checks wait"
        state = Text(State.WARN.value, style=_COLOURS[State.WARN])
        table.add_row(state, "not checked", f"{checks} until what failed above is mended")
    Console(highlight=False).print(table)
